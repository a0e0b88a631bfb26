"""From the furthest stage of each application to the steps of its way, where vacancies may be without a stage: arrays.

A stage implies the ones before it. Who had reached the stage before one that the vacancy is without goes past it: it
counts neither as passed nor as failed there, and as there at the next.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np

OVERALL, PAST = "overall", "past"
Step = tuple[str, tuple, np.ndarray, np.ndarray]  # name, stages that name its counts, who passed, of whom


def reached(
    stages: Sequence[str], without: Sequence[Sequence[str]], furthest: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return who reached each stage, and who went past it: of those stages that some vacancies are without.

    ``furthest`` is an array of (stages, kinds of vacancies, ...); ``without`` says which stages each kind is without.

    Examples
    --------
    Of 10 and of 6 who applied 4 and 2 are appointed; the second vacancy has no interview.

    >>> there, past = reached(["applied", "interviewed", "appointed"], [(), ("interviewed",)], [[5, 4], [1, 0], [4, 2]])
    >>> {stage: int(people) for stage, people in there.items()}, int(past["interviewed"])
    ({'applied': 16, 'interviewed': 11, 'appointed': 6}, 6)
    """
    there, past = np.asarray(furthest)[::-1].cumsum(axis=0)[::-1].copy(), {}
    for place, stage in enumerate(stages):
        if any(lacking := [stage in one for one in without]):
            there[place, lacking] = there[place - 1, lacking]
            past[stage] = there[place, lacking].sum(axis=0)
    return dict(zip(stages, there.sum(axis=1), strict=True)), past


def steps(there: Mapping[str, np.ndarray], past: Mapping[str, np.ndarray]) -> Iterator[Step]:
    """Yield each step, and the way as a whole: in vacancies with that stage, who passed, of whom.

    The counts are named by their stages: who passed, of whom, and who was lost between the two.

    Examples
    --------
    >>> there, past = reached(["applied", "interviewed", "appointed"], [(), ("interviewed",)], [[5, 4], [1, 0], [4, 2]])
    >>> [(step, int(passed), int(of)) for step, _, passed, of in steps(there, past)]
    [('interviewed', 5, 10), ('appointed', 6, 11), ('overall', 6, 16)]
    """
    first, *_, last = there
    for step, before, after in [*((after, before, after) for before, after in pairwise(there)), (OVERALL, first, last)]:
        gone = past.get(step, 0)
        ends = [(end, f"with {step}") if step in past else end for end in (after, before)]
        yield step, (*ends, (before, after)), there[after] - gone, there[before] - gone


def gone_past(there: Mapping[str, np.ndarray], past: Mapping[str, np.ndarray]) -> Iterator[Step]:
    """Yield for each stage who went past it, of those who reached the stage before it and, again, of those at it.

    The counts are named as those of `steps`, with which they add up.
    """
    for before, after in pairwise(there):
        for at in (before, after) if after in past else ():
            yield after, ((after, PAST), at, (at, f"with {after}")), past[after], there[at]
