"""Plan and audit disclosure control: large random tables, and the sample city, beside a naive attack in one run.

    .venv/bin/python benchmarks/suppression.py [TABLES]

Random counts are Poisson, their means log-normal. The naive attack solves two programs with scipy.optimize.linprog for
every hidden count, as a first attempt would; of large tables it is timed on fifty counts and scaled up.
"""

import sys
import time
from collections.abc import Callable
from itertools import chain, product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linprog

from divimpact import cells
from divimpact.mask import Policy, audit, plan
from divimpact.schema import read_city

SAMPLE = Path(__file__).parents[1] / "data" / "sample"
SHAPES = [(20, 6, 4), (20, 6, 8)]
TRIED = 50  # hidden counts that the naive attack is timed on


def crossed(shape: tuple[int, ...]) -> tuple[pd.DataFrame, list[tuple]]:
    """Draw a table and return its cells, with all margins, and the sums in which they stand."""
    rng = np.random.default_rng(1)
    counts = rng.poisson(np.exp(rng.normal(1.5, 1.5, shape)))
    for axis in range(len(shape)):
        counts = np.concatenate([counts, counts.sum(axis=axis, keepdims=True)], axis=axis)
    sums = []
    for place in product(*(range(size + 1) for size in shape)):
        for axis in (axis for axis, size in enumerate(shape) if place[axis] == size):
            parts = [(*place[:axis], part, *place[axis + 1 :]) for part in range(shape[axis])]
            sums.append((str(place), tuple(map(str, parts)), False))
    frame = pd.DataFrame(
        {"cell": [str(place) for place in np.ndindex(counts.shape)], "count": counts.ravel().astype(float)}
    )
    return frame.assign(table="random", by="", dimension="d", place="", group="g", declared=1, everyone=1), sums


def naive(listed: pd.DataFrame, sums: list[tuple], hidden: np.ndarray) -> float:
    """Return the seconds that two programs for each hidden count take."""
    place = {name: number for number, name in enumerate(listed["cell"])}
    rows = sparse.lil_matrix((len(sums), len(listed)))
    for number, (total, parts, _, *less) in enumerate(sums):
        for name in (total, *chain.from_iterable(less)):
            rows[number, place[name]] = -1
        rows[number, [place[part] for part in parts]] = 1
    counts, rows = listed["count"].fillna(0).to_numpy(), rows.tocsr()
    box = np.column_stack([np.where(hidden, np.minimum(counts, 1), counts), np.where(hidden, np.inf, counts)])
    targets = np.flatnonzero(hidden)
    tried = targets[:: max(len(targets) // TRIED, 1)]
    start = time.process_time()
    for target in tried:
        for sign in (1, -1):
            aim = np.zeros(len(counts))
            aim[target] = sign
            linprog(aim, A_eq=rows, b_eq=rows @ counts, bounds=box, method="highs")
    return (time.process_time() - start) * len(targets) / len(tried)


def timed(run: Callable, *given: object) -> tuple[object, float]:
    """Return what a call returns, and the seconds of processor time that it took: the machine may be shared."""
    start = time.process_time()
    return run(*given), time.process_time() - start


def measure(name: str, listed: pd.DataFrame, sums: list[tuple], policy: Policy) -> None:
    planned, planning = timed(plan, listed, sums, policy)
    hidden = planned.hidden
    told, auditing = timed(audit, listed, sums, planned)
    assert told.empty
    said = (
        f"{name:8} {len(listed):6,} counts, {hidden.sum():4,} hidden: plan {planning:6.1f} s, audit {auditing:5.1f} s"
    )
    if hidden.any():
        attack = naive(listed, sums, hidden.reindex(listed["cell"], fill_value=True).to_numpy())
        said += f", naive attack {attack:5.1f} s: plan {planning / attack:4.2f}, audit {auditing / attack:4.2f} of it"
    print(said, flush=True)


def main(names: list[str]) -> None:
    random = {"x".join(map(str, shape)): shape for shape in SHAPES}
    for name in names or [*random, "sample"]:
        if name in random:
            measure(name, *crossed(random[name]), Policy(min_count=10, declared=0))
        else:
            city = read_city(SAMPLE)
            measure(name, *cells.publishable(city), Policy(**city.publication))


if __name__ == "__main__":
    main(sys.argv[1:])
