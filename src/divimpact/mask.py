"""Which counts a review hides: one mask for all of its tables, fixed and attacked before anything is shown."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from divimpact import suppression
from divimpact.system import Policy, System, flag

KEPT = "DIVIMPACT_KEPT"  # names a private folder while a review runs
ATTACK = np.inf  # the turn after all others
LARGEST = 1500  # counts that hang together and can be protected together
REVISED = (
    "it now differs from what is public by fewer than can be shown",
    "Keep the rows of these periods as they were when they were released; what closes later has a later period.",
)
UNKNOWN = (
    "it counts groups or places that are not counted now",
    "Keep the groups, grades, stages, services and districts of what is released; `combine` can name an earlier group "
    "as the sum of present ones.",
)


@dataclass(frozen=True)
class Plan:
    """The mask of a review: every publishable cell, and whether it is hidden.

    ``hidden`` is indexed by cell, with one sign for all that is hidden, whatever for; ``by_table`` counts the cells
    and those hidden; ``withheld`` are the cells of tables that are not published at all, zeros neither.
    """

    policy: Policy
    hidden: pd.Series
    withheld: tuple[str, ...] = ()
    by_table: pd.DataFrame = field(default_factory=pd.DataFrame)


class DisclosureError(RuntimeError):
    """What cannot be published, all of it at once: what would be told, and what to change."""


def plan(
    cells: pd.DataFrame, sums: Sequence[tuple], policy: Policy, progress: Callable[[list], Iterable] = iter
) -> Plan:
    """Fix what a review hides, so that no small count can be worked out from what it shows.

    Hidden are counts from 1 to ``min_count - 1``; in a sensitive dimension the parts of a sum that are all or nothing
    of it; and dimensions that too few declared (compared exactly: with ``declared = 0.6``, 60 of 100 are enough). Then
    others, at little cost, until two values ``min_count`` apart are possible for every hidden count, for whoever knows
    the sums and all that is shown here or was released, and for the small ones even for a person who is alone in a
    count. Other zeros are shown. A count that is not known (of published percentages without a base) hides nothing.
    With ``min_count = 1`` nothing is small, nor all or nothing.

    Parameters
    ----------
    cells, sums
        Every publishable cell and the sums in which they stand, as `cells.publishable` lists them.
    policy
        The city's rule.
    progress
        Wraps the blocks of counts that are protected one after the other, to show how far it is.

    Raises
    ------
    ValueError
        If a cell is listed twice or has no name, so that it could not be told which count holds, or holds no whole
        number of people.
    DisclosureError
        If a count would be told more closely than promised, if a release and this review together tell one, or if more
        counts hang together than can be protected; with what to change.

    Examples
    --------
    Of 3, 12 and 25, together 40, the 3 is small, and the 12 must go with it.

    >>> cells = pd.DataFrame({"cell": ["a", "b", "c", "sum"], "table": "staff", "by": "period", "dimension": "origin",
    ...                       "count": [3, 12, 25, 40], "declared": 40, "everyone": 45})
    >>> plan(cells, [("sum", ("a", "b", "c"), False)], Policy(min_count=10)).hidden.to_dict()
    {'a': True, 'b': True, 'c': False, 'sum': False}
    """
    unclear = cells["cell"][cells["cell"].isna() | cells["cell"].duplicated()]
    if len(unclear):
        raise ValueError(f"{len(unclear)} cells are listed twice or without a name, the first is {unclear.iloc[0]}")
    broken = cells["cell"][(cells["count"] < 0) | (cells["count"] % 1 > 0)]
    if len(broken):
        raise ValueError(f"{len(broken)} cells hold no whole number of people, the first is {broken.iloc[0]}")
    kept = _kept(cells, sums, policy)
    if kept and kept.exists():
        hidden, withheld = np.load(kept)
    else:
        hidden, withheld = _mask(System(cells, sums, policy), progress)
        if kept:
            np.save(kept, [hidden, withheld])
    now = cells.assign(hidden=hidden)[~flag(cells, "again")]
    counted = now.groupby(["table", "by", "dimension"], sort=False)["hidden"]
    by_table = counted.agg(cells="size", hidden="sum").reset_index()
    by_cell = pd.Series(now["hidden"].to_numpy(bool), pd.Index(now["cell"], dtype="str"))
    return Plan(policy, by_cell, tuple(cells["cell"][withheld]), by_table)


def _kept(cells: pd.DataFrame, sums: Sequence[tuple], policy: Policy) -> Path | None:
    """Return where a review keeps this mask for its notebooks, which ask for the same one; there is no count in it."""
    if not (folder := os.environ.get(KEPT)):
        return None
    asked = cells.to_json() + repr(sums) + repr(policy)
    return Path(folder, f"{hashlib.sha256(asked.encode()).hexdigest()}.npy")


def _mask(system: System, progress: Callable) -> tuple[np.ndarray, np.ndarray]:
    """Return what is hidden, after an attack on it, and what of it is withheld.

    Tables are protected in turns. Those of a turn that would tell a count are withheld, and those before them where
    that is not enough; then all is protected anew from there.
    """
    hidden, unsafe = _protected(system, 0, system.small | system.also | system.held, progress)
    _refuse([*_closely_told(system, unsafe), *_differing(system)])
    turns, masks = [*np.unique(system.turn[system.turn > 0]), ATTACK], [hidden]
    while len(masks) <= len(turns):
        turn, hidden = turns[len(masks) - 1], masks[-1] | system.also
        if turn < ATTACK:
            hidden, unsafe = _protected(system, turn, hidden, progress)
        else:
            unsafe = [place for place, _, _ in system.told(hidden)]
        if not unsafe:
            masks.append(hidden)
        elif since := system.withhold(turn, unsafe):
            masks = masks[: turns.index(since) + 1]
        else:
            _refuse(_closely_told(system, unsafe))
    return masks[-1], system.withheld


def _protected(system: System, turn: float, before: np.ndarray, progress: Callable) -> tuple[np.ndarray, list[int]]:
    """Return the mask after a turn, and what cannot be protected at it."""
    blocks, hidden = system.blocks(turn, before), before.copy()
    large = [block for block in blocks if system.own(block, turn).size > LARGEST]
    if turn == 0:
        _refuse(_too_large(system, large))
    unsafe = [place for block in large for place in system.own(block, turn)]
    for block in progress(blocks) if not large else []:
        try:
            found = suppression.pattern(*system.of(block, turn), before=before[block])
            hidden[block] = np.where(system.turn[block] <= turn, found, before[block])
        except suppression.Unsafe as error:
            unsafe.append(block[error.place])
    return hidden, unsafe


def audit(cells: pd.DataFrame, sums: Sequence[tuple], plan: Plan) -> pd.DataFrame:
    """Attack a mask: return the hidden cells that are told more closely than promised, one row each.

    ``within`` is how far apart the values are that could be found for it, ``known_by`` the cell of a person who is
    alone in it and could tell; empty for whoever reads the report. Hidden counts are known to be at least 1, but not
    those of tables that are withheld.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell": ["a", "b", "c", "sum"], "table": "staff", "by": "period", "dimension": "origin",
    ...                       "count": [3, 12, 25, 40], "declared": 40, "everyone": 45})
    >>> sums, hidden = [("sum", ("a", "b", "c"), False)], pd.Series([True, False, False, False], cells["cell"])
    >>> audit(cells, sums, Plan(Policy(), hidden))[["cell", "within"]]
      cell  within
    0    a       0
    """
    system, names = System(cells, sums, plan.policy), cells["cell"].to_numpy()
    system.take_out(np.isin(names, plan.withheld))
    told = system.told(plan.hidden.reindex(names, fill_value=True).to_numpy(bool))
    rows = [(names[place], within, names[who] if who is not None else "") for place, who, within in told]
    return pd.DataFrame(rows, columns=["cell", "within", "known_by"])


def _refuse(problems: list[str]) -> None:
    if problems:
        raise DisclosureError("\n".join(dict.fromkeys(problems)))


def _too_large(system: System, blocks: list[np.ndarray]) -> list[str]:
    """Name the blocks that are too large, with the tables in them."""
    problems = []
    for block in blocks:
        held = system.cells.iloc[block]
        sizes = held.groupby(["table", "by", "dimension"]).size().sort_values(ascending=False)
        parts = "; ".join(f"{_titled(*name)} {count:,}" for name, count in sizes.items())
        problems.append(
            f"{block.size:,} counts hang together, more than the {LARGEST:,} that can be protected: {parts}. "
            "Merge groups or places in city.toml."
        )
    return problems


def _closely_told(system: System, told: Sequence[int]) -> list[str]:
    """Name the tables in which a count would be told, with the groups and places to merge."""
    found = defaultdict(list)
    for place in told:
        cell = system.cells.iloc[place]
        group = f" group {cell['group']!r}" if pd.notna(cell.get("group")) else ""
        found[cell["table"], cell.get("view", cell["by"]), cell["dimension"]].append(f"{cell.get('place', '')}{group}")
    by_what = "from what is shown, what was released or what one person knows"
    return [
        f"{_titled(*table)}: {_listed(places)} could be told to within fewer than {system.policy.min_count}, "
        f"{by_what}. Merge such groups or places with others in city.toml."
        for table, places in found.items()
    ]


def _differing(system: System) -> list[str]:
    """Name the tables that, set beside a release, tell a small count by the difference."""
    least, cells, found = system.policy.min_count, system.cells, defaultdict(list)
    if "released" not in cells or least == 1:
        return []
    for cell, count in zip(cells.itertuples(), system.counts, strict=True):
        if cell.unknown:
            found[cell.table, cell.by, cell.dimension, cell.release, UNKNOWN].append(cell.place)
        elif any(0 < abs(count - said) < least for said in cell.released):
            found[cell.table, cell.by, cell.dimension, cell.release, REVISED].append(cell.place)
    return [
        f"{_titled(table, by, dimension)} beside the release {release}: {what[0]}: {_listed(places)}. {what[1]}"
        for (table, by, dimension, release, what), places in found.items()
    ]


def _titled(table: str, by: str, dimension: str) -> str:
    return f"{table} by {by} ({dimension})" if by else f"{table} ({dimension})"


def _listed(names: list[str], most: int = 5) -> str:
    names = list(dict.fromkeys(names))
    return "; ".join(names[:most]) + (f"; and {len(names) - most} more" if len(names) > most else "")
