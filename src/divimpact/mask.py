"""Which counts a review hides: one mask for all of its tables, fixed and attacked before anything is shown."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
from scipy import sparse

from divimpact import suppression

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
class Policy:
    """What a city publishes: the smallest count shown, the share that must have declared, breakdowns left out."""

    min_count: int = 10
    declared: float = 0.6
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """The mask of a review: every publishable cell, and whether it is hidden.

    ``hidden`` is indexed by cell, with one sign for all that is hidden, whatever for; ``by_table`` counts the cells
    and those hidden.
    """

    policy: Policy
    hidden: pd.Series
    by_table: pd.DataFrame


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
    system = _System(cells, sums, policy)
    _refuse(_too_large(system))
    hidden, told = system.small | system.also, []
    for block in progress(system.blocks):
        try:
            hidden[block] = suppression.pattern(*system.of(block), system.also[block], policy.min_count)
            told += [block[place] for place, _, _ in system.told(block, hidden)]
        except suppression.Unsafe as error:
            told.append(block[error.place])
    _refuse([*_closely_told(system, told), *_differing(system)])
    now = cells.assign(hidden=hidden)[~system.again]
    counted = now.groupby(["table", "by", "dimension"], sort=False)["hidden"]
    by_table = counted.agg(cells="size", hidden="sum").reset_index()
    return Plan(policy, pd.Series(now["hidden"].to_numpy(bool), pd.Index(now["cell"], dtype="str")), by_table)


def audit(cells: pd.DataFrame, sums: Sequence[tuple], hidden: pd.Series, policy: Policy) -> pd.DataFrame:
    """Attack a mask: return the hidden cells that are told more closely than promised, one row each.

    ``within`` is how far apart the values are that could be found for it, ``known_by`` the cell of a person who is
    alone in it and could tell; empty for whoever reads the report. Hidden counts are known to be at least 1.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell": ["a", "b", "c", "sum"], "table": "staff", "by": "period", "dimension": "origin",
    ...                       "count": [3, 12, 25, 40], "declared": 40, "everyone": 45})
    >>> hidden = pd.Series([True, False, False, False], cells["cell"])
    >>> audit(cells, [("sum", ("a", "b", "c"), False)], hidden, Policy())[["cell", "within"]]
      cell  within
    0    a       0
    """
    system, names = _System(cells, sums, policy), cells["cell"].to_numpy()
    masked = hidden.reindex(names, fill_value=True).to_numpy(bool)
    told = [(block, *found) for block in system.blocks for found in system.told(block, masked)]
    rows = [
        (names[block[place]], within, names[block[who]] if who is not None else "")
        for block, place, who, within in told
    ]
    return pd.DataFrame(rows, columns=["cell", "within", "known_by"])


class _System:
    """The counts of a review as a row of numbers, their sums as rows of 1 and -1, and what is to be hidden.

    ``blocks`` are the places of counts that hang together and hold a small one. A count that was released is known,
    and so are zeros, but those that say of people that none of them is of a group. ``also`` is hidden for another
    reason: too few declared, or it is counted ``again`` only because a release listed it.
    """

    def __init__(self, cells: pd.DataFrame, sums: Sequence[tuple], policy: Policy):
        self.cells, self.policy = cells, policy
        self.counts, place = cells["count"].to_numpy(float), {name: row for row, name in enumerate(cells["cell"])}
        self.small = _small(self.counts, policy)
        held = [np.array([place[part] for part in parts]) for _, parts, _ in sums]
        totals = np.array([place[total] for total, _, _ in sums], dtype=int)
        for parts, total, (*_, parted) in zip(held, totals, sums, strict=True):
            if parted and policy.min_count > 1 and self.counts[total] > 0:
                self.small[parts] |= np.isin(self.counts[parts], [0, self.counts[total]])
        while nothing := _of_hidden_zeros(self.counts, self.small, held, totals):
            self.small[nothing] = True
        rows = np.repeat(np.arange(len(held)), [len(parts) for parts in held])
        row = np.concatenate([rows, np.arange(len(held))])
        column = np.concatenate([*held, totals]).astype(int)
        sign = np.repeat([1, -1], [len(rows), len(held)])
        self.sums = sparse.csr_matrix((sign, (row, column)), shape=(len(held), len(cells)))
        self.sums = self.sums[abs(self.sums) @ np.isnan(self.counts) == 0]  # with a count that nobody knows: no sum
        self.released = list(cells.get("released", [()] * len(cells)))
        self.again = np.array(cells.get("again", [False] * len(cells)), dtype=bool)
        known = np.array([bool(said) for said in self.released], dtype=bool) & ~self._shrunk()
        self.also = _few_declared(cells, policy) | (self.again & ~known)
        moving = np.isfinite(self.counts) & ~known & ((self.counts > 0) | self.small)
        self.blocks = [block for block in suppression.blocks(self.sums, moving) if self.small[block].any()]

    def of(self, block: np.ndarray) -> tuple[np.ndarray, sparse.csr_matrix, np.ndarray]:
        """Return the counts of a block, the sums that hold in it, and which of them are small."""
        within = self.sums[:, block]
        return self.counts[block], within[np.diff(within.indptr) > 0], self.small[block]

    def told(self, block: np.ndarray, hidden: np.ndarray) -> list[tuple[int, int | None, int]]:
        counts, sums, small = self.of(block)
        return suppression.told(counts, sums, hidden[block], small, self.also[block], self.policy.min_count)

    def _shrunk(self) -> np.ndarray:
        """Small counts that were released with another value: how small they have become is not known."""
        said = zip(self.counts, self.released, strict=True)
        return self.small & np.array([count not in values for count, values in said], dtype=bool)


def _small(counts: np.ndarray, policy: Policy) -> np.ndarray:
    return (counts > 0) & (counts < policy.min_count)


def _of_hidden_zeros(counts: np.ndarray, small: np.ndarray, held: list, totals: np.ndarray) -> list[int]:
    """Return the totals of nobody that would give hidden zeros back."""
    shown = [
        (total, parts) for total, parts in zip(totals, held, strict=True) if counts[total] == 0 and not small[total]
    ]
    return [total for total, parts in shown if small[parts].any()]


def _few_declared(cells: pd.DataFrame, policy: Policy) -> np.ndarray:
    """Whether fewer than the share of the policy declared, in whole numbers; not where people are not known."""
    gate = Fraction(str(policy.declared))
    people = zip(cells["declared"], cells["everyone"], strict=True)
    few = [pd.notna(everyone) and Fraction(declared) < gate * Fraction(everyone) for declared, everyone in people]
    return np.array(few, dtype=bool)


def _refuse(problems: list[str]) -> None:
    if problems:
        raise DisclosureError("\n".join(dict.fromkeys(problems)))


def _too_large(system: _System) -> list[str]:
    """Name the blocks that are too large, each with the breakdowns without which it would not be."""
    problems = []
    for block in system.blocks:
        if block.size > LARGEST:
            held = system.cells.iloc[block]
            sizes = held.groupby(["table", "by", "dimension"]).size().sort_values(ascending=False)
            parts = "; ".join(f"{_titled(*name)} {count:,}" for name, count in sizes.items())
            without = dict.fromkeys(filter(None, map(_breakdown, held["table"], held["by"])))
            problems.append(
                f"{block.size:,} counts hang together, more than the {LARGEST:,} that can be protected: {parts}. "
                f"Merge groups or places in city.toml, or leave a breakdown out{_remedy(without)}."
            )
    return problems


def _closely_told(system: _System, told: Sequence[int]) -> list[str]:
    """Name the tables in which a count would be told, with the groups and places to merge."""
    found = defaultdict(list)
    for place in told:
        cell = system.cells.iloc[place]
        group = f" group {cell['group']!r}" if pd.notna(cell.get("group")) else ""
        found[cell["table"], cell["by"], cell["dimension"]].append(f"{cell.get('place', '')}{group}")
    by_what = "from what is shown, what was released or what one person knows"
    return [
        f"{_titled(table, by, dimension)}: {_listed(places)} could be told to within fewer than "
        f"{system.policy.min_count}, {by_what}. Merge such groups or places with others in city.toml, or leave a "
        f"breakdown out{_remedy([_breakdown(table, by)])}."
        for (table, by, dimension), places in found.items()
    ]


def _differing(system: _System) -> list[str]:
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


def _breakdown(table: str, by: str) -> str:
    return next((f"{table} by {key}" for key in ("grade", "district") if key in by.split(", ")), "")


def _remedy(breakdowns: Iterable[str]) -> str:
    named = ", ".join(f'"{name}"' for name in breakdowns if name)
    return f": under [publication], without = [{named}]" if named else ""
