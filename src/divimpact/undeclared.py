"""Who did not say, and what that leaves open (Q6): frames in, one estimate per row out."""

import numpy as np
import pandas as pd

from divimpact.estimates import (
    beside,
    checked,
    compared,
    keys,
    rate_rows,
    ratio_rows,
    rows,
    summed,
    table,
    two_by_two,
    union,
)
from divimpact.intervals import fisher, ratio
from divimpact.verdicts import OVERALL, adjusted, decided, impact_ratios, is_lower

BOUNDS = {"impact_ratio_low_bound": ("failed", "passed"), "impact_ratio_high_bound": ("passed", "failed")}
OF_REACHED, OF_ALL = "of those who reached it", "of all who came in"


def worst_cases(counts, confidence=0.95):
    """Bound each ratio over where the undeclared may belong, and say whether its conclusion survives.

    - `impact_ratio_low_bound`: the undeclared who did not pass are put into the group, those who passed into the
      reference. `impact_ratio_high_bound`: the other way round. However the undeclared belong, to these two or to
      others, the ratio lies between; both can be true. Counts are those of that case, with the limits, tests and
      verdicts of `funnel.stages`: over both, the lowest and the highest limit are the bounds in the worst case.
    - `impact_ratio_survival`: the ratio without the undeclared. Rule "worst_case", verdict "survives" where both
      cases lead to the conclusion that is drawn without the undeclared, else "depends".

    Each stage is taken for itself, and the tests of one dimension are adjusted as if all stages were at that end at
    once, which is more than can be. A "lower" that survives is lower however they belong: in Fisher's test the chance
    of as few or fewer of the group rises with each of the undeclared who is put where it helps the group. Dimensions
    without undeclared have no rows; where none are there, bounds are equal.

    Parameters
    ----------
    counts : DataFrame
        As `funnel.stages`, with `role`.

    Raises
    ------
    ValueError
        As `funnel.stages`.

    References
    ----------
    Manski, C. F. (1989), J. Hum. Resour. 24, 343-360; the corner cases of two rates are ours.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"dimension": "ethnicity", "group": ["BME", "White", "Unknown"], "reference": "White",
    ...                        "role": ["group", "group", "undeclared"], "stage": "overall",
    ...                        "numerator": [2, 117, 0], "denominator": [43, 920, 7]})
    >>> worst_cases(counts)[["measure", "numerator", "denominator", "estimate", "verdict"]].round(3)
                       measure  numerator  denominator  estimate      verdict
    0   impact_ratio_low_bound          2           50     0.315  cannot_tell
    1  impact_ratio_high_bound          2           43     0.369  cannot_tell
    2    impact_ratio_survival          2           43     0.366     survives
    """
    counts = checked(counts, "reference", "stage")
    pairs = compared(counts[counts["role"] != "undeclared"])
    silent = counts[counts["role"] == "undeclared"]
    pairs = _with_silent(pairs, silent)
    ends = {measure: impact_ratios(_put(pairs, *where), confidence) for measure, where in BOUNDS.items()}
    alone = impact_ratios(pairs, confidence)["verdict"]
    same = np.logical_and(*(end["verdict"].eq(alone) for end in ends.values()))
    unknown = alone.isna()
    verdict = np.select([unknown, same], [None, "survives"], default="depends")
    rule = np.where(unknown, None, "worst_case")
    return table(
        *(end.assign(measure=measure) for measure, end in ends.items()),
        rows(pairs, "impact_ratio_survival", ratio(*two_by_two(pairs)), rule=rule, verdict=verdict),
    )


def declaration(counts, confidence=0.95):
    """Estimate who declared at each stage, and whether it looks as if people were asked only after they had passed.

    - `declared_share`: the declared among all who reached the stage, with Wilson limits; on stage "overall" among all
      who came in at the first (`detail`).
    - `undeclared_pass_ratio`: the pass rate of the undeclared over that of all declared together, with score limits and
      Fisher's p; `p_adjusted` is Holm's over the stages. Rule "asked_later", verdict "asked_later" where the undeclared
      pass less often at level 1 - confidence (on "overall" by its own p), else "no_sign". Who is asked after an
      appointment declares then, so that success seems to go with having declared: rates of all groups at that stage are
      too high, and those of the undeclared too low. A sign is no proof: the undeclared may be passed less often.

    A dimension without undeclared has no rows. NaN where nobody reached the stage before.

    Parameters
    ----------
    counts : DataFrame
        As `funnel.stages`, with `role`.

    Raises
    ------
    ValueError
        As `funnel.stages`.

    References
    ----------
    See `intervals`.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"dimension": "ethnicity", "group": ["BME", "White", "Unknown"], "reference": "White",
    ...                        "role": ["group", "group", "undeclared"], "stage": "appointed",
    ...                        "numerator": [5, 60, 1], "denominator": [50, 500, 300]})
    >>> declaration(counts)[["measure", "numerator", "denominator", "estimate", "verdict"]].round(3)
                     measure  numerator  denominator  estimate      verdict
    0         declared_share         65           66     0.985          NaN
    1  undeclared_pass_ratio          1          300     0.028  asked_later
    """
    counts = checked(counts, "reference", "stage").drop(columns="reference")
    silent = counts[counts["role"] == "undeclared"]
    declared = summed(counts[counts["role"] == "group"], keys(counts))
    pairs = beside(silent, declared, how="inner")
    tested = adjusted(pairs.assign(p_value=fisher(*two_by_two(pairs)), role="group"))  # stages are one family
    said = decided(tested, "asked_later", is_lower(tested), confidence)
    verdict = pd.Series(said["verdict"], dtype=object).replace({"lower": "asked_later", "higher": "no_sign"})
    said["verdict"] = verdict.replace({"cannot_tell": "no_sign"}).to_numpy()
    return table(*_shares(pairs, confidence), ratio_rows(tested, "undeclared_pass_ratio", confidence, **said))


def _with_silent(pairs, silent):
    """Return the pairs whose dimension has undeclared, with how many of these passed and did not."""
    counted = {"passed": silent["numerator"], "failed": silent["denominator"] - silent["numerator"]}
    renamed = {"cells": "silent_cells"}
    counted = silent.assign(**counted).rename(columns=renamed)
    counted = counted[[*keys(silent), *("passed", "failed"), *(["silent_cells"] if "cells" in silent else [])]]
    joined = pairs.merge(counted, on=keys(silent), how="inner")
    if "silent_cells" in joined:
        joined["cells"] = [union(both) for both in zip(joined["cells"], joined["silent_cells"], strict=True)]
    return joined


def _put(pairs, into_group, into_reference):
    """Put the undeclared who passed, or failed, into the group, and the others into the reference."""
    added = {"passed": pairs["passed"], "failed": 0}
    return pairs.assign(
        numerator=pairs["numerator"] + added[into_group],
        denominator=pairs["denominator"] + pairs[into_group],
        reference_numerator=pairs["reference_numerator"] + added[into_reference],
        reference_denominator=pairs["reference_denominator"] + pairs[into_reference],
    )


def _shares(pairs, confidence):
    """Yield the declared among all, of those who reached each stage and of those who came in at the first."""
    for overall, name, detail in ((False, "numerator", OF_REACHED), (True, "denominator", OF_ALL)):
        found = pairs[(pairs["stage"] == OVERALL) == overall].drop(columns="group")
        counted = {"numerator": found[f"reference_{name}"], "denominator": found[name] + found[f"reference_{name}"]}
        counted = found.assign(**counted).drop(columns=["reference_numerator", "reference_denominator"])
        yield rate_rows(counted, "declared_share", confidence, detail=detail)
