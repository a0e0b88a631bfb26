"""Which counts a review hides: one mask for all of its tables, fixed and attacked before anything is shown."""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from divimpact import connections, suppression

KEPT = "DIVIMPACT_KEPT"  # names a private folder while a review runs
LARGEST = 1500  # counts that hang together and can be protected together
NEAR = 600  # so many can be protected together with the small counts of tables that are not published
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
        hidden, withheld = _mask(_System(cells, sums, policy), progress)
        if kept:
            np.save(kept, [hidden, withheld])
    now = cells.assign(hidden=hidden)[~_flag(cells, "again")]
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


def _mask(system: "_System", progress: Callable) -> tuple[np.ndarray, np.ndarray]:
    """Return what is hidden, after an attack on it, and what of it is withheld.

    Tables are protected in turns. Those of a turn that would tell a count are withheld, and those before them where
    that is not enough; then all is protected anew from there.
    """
    stocks, unsafe = _protected(system, 0, system.small | system.also | system.held, progress)
    _refuse([*_closely_told(system, unsafe), *_differing(system)])
    turns, before = [*np.unique(system.turn[system.turn > 0])], [stocks]
    while True:
        hidden, done = before[-1] | system.also, len(before) > len(turns)
        turn = turns[-1 if done else len(before) - 1] if turns else 0
        if done:
            unsafe = [place for place, _, _ in system.told(hidden)]
        else:
            hidden, unsafe = _protected(system, turn, hidden, progress)
        if done and not unsafe:
            return hidden, system.withheld
        if not unsafe:
            before.append(hidden)
        elif since := system.withhold(turn, unsafe):
            before = before[: turns.index(since) + 1]
        else:
            _refuse(_closely_told(system, unsafe))


def _protected(system: "_System", turn: float, before: np.ndarray, progress: Callable) -> tuple[np.ndarray, list[int]]:
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
    system, names = _System(cells, sums, plan.policy), cells["cell"].to_numpy()
    system.take_out(np.isin(names, plan.withheld))
    told = system.told(plan.hidden.reindex(names, fill_value=True).to_numpy(bool))
    rows = [(names[place], within, names[who] if who is not None else "") for place, who, within in told]
    return pd.DataFrame(rows, columns=["cell", "within", "known_by"])


class _System:
    """The counts of a review as a row of numbers, their sums as rows of 1 and -1, and what is to be hidden.

    Tables are protected in turns: what is shown at one is known at the next. A count that was released is known,
    and so are zeros, but those that say of people that none of them is of a group. ``also`` is hidden for another
    reason: too few declared, or it is counted ``again`` only because a release listed it. Of tables that are
    ``withheld`` not even a zero is published; their small counts are protected all the same.
    """

    def __init__(self, cells: pd.DataFrame, sums: Sequence[tuple], policy: Policy):
        self.cells, self.policy = cells, policy
        self.counts, place = cells["count"].to_numpy(float), {name: row for row, name in enumerate(cells["cell"])}
        self.unshown, self.withheld = _flag(cells, "unshown"), _flag(cells, "withheld")
        self.small = _small(self.counts, policy)
        whole = [one for one in sums if not any(one[3:])]  # nothing is taken off
        held = [np.array([place[part] for part in parts], dtype=int) for _, parts, *_ in whole]
        totals = np.array([place[total] for total, *_ in whole], dtype=int)
        for parts, total, (_, _, parted, *_) in zip(held, totals, whole, strict=True):
            if parted and policy.min_count > 1 and self.counts[total] > 0:
                self.small[parts] |= np.isin(self.counts[parts], [0, self.counts[total]])
        while nothing := _of_hidden_zeros(self.counts, self.small, held, totals):
            self.small[nothing] = True
        self.small &= ~self.unshown
        terms = [(row, place[name], sign) for row, one in enumerate(sums) for name, sign in _terms(*one)]
        row, column, sign = np.array(terms, dtype=int).reshape(-1, 3).T
        self.sums = sparse.csr_matrix((sign, (row, column)), shape=(len(sums), len(cells)))
        self.sums = self.sums[abs(self.sums) @ np.isnan(self.counts) == 0]  # with a count that nobody knows it is none
        self.turn = np.array(cells.get("turn", [0] * len(cells)), dtype=float)
        self.latest, terms = np.zeros(self.sums.shape[0]), self.sums.tocoo()  # the turn at which a sum is all there
        np.maximum.at(self.latest, terms.row, self.turn[terms.col])
        self.person = connections.same_people(self.counts, self.sums)
        self.released = list(cells.get("released", [()] * len(cells)))
        self.again = _flag(cells, "again")
        self.promised = _flag(cells, "promised") if "promised" in cells else self.again
        said = np.array([bool(said) for said in self.released], dtype=bool)
        self.held = self.promised & ~said & (self.turn > 0)  # flows that a release hid, those that protect others too
        known = said & ~self._shrunk()
        self.also = _few_declared(cells, policy) | (self.again & ~known) | self.withheld | self.unshown
        self.may_move = np.isfinite(self.counts) & ~known & ~(_flag(cells, "fixed") & (self.counts == 0))
        self.moving = self.may_move & ((self.counts > 0) | self.small | self.also)

    def blocks(self, turn: float, hidden: np.ndarray) -> list[np.ndarray]:
        """Return the places that are protected together at a turn: its counts, those hidden before it, and its details.

        Details are taken as withheld, so that they can be.
        """
        moving = self.moving & ((self.turn == turn) | (self.turn < turn) & hidden) | self._ahead(turn)
        found = connections.blocks(self._until(turn), moving)
        return [block for block in found if (self.turn[block] == turn).any() and self.small[block].any()]

    def of(self, block: np.ndarray, turn: float, everything: bool = False) -> tuple:
        """Return what `suppression` asks of a block: the sums between its counts are those of tables up to a turn.

        What is small in tables that are not published is protected with it in blocks that are small enough, or if
        ``everything`` is to be.
        """
        sums, ahead = self._until(turn)[:, block], self._ahead(turn)[block]
        published = ~(ahead | self.withheld[block] | self.unshown[block])
        small, also = self.small[block] & (published | (everything or block.size <= NEAR)), self.also[block] | ahead
        counts = self.counts[block]
        return counts, sums[np.diff(sums.indptr) > 0], small, also, self.policy.min_count, self.person[block], published

    def own(self, block: np.ndarray, turn: float) -> np.ndarray:
        """Return the counts of a block that may be hidden, or are."""
        return block[(self.turn <= turn)[block] & ~self.withheld[block] & ~self.unshown[block]]

    def withhold(self, turn: float, unsafe: list[int]) -> float:
        """Take out tables, with their details, as a count would be told; return their turn, 0 if there are none left.

        They are those of the turn, or else those they are details of, of the dimensions concerned or else of all; where
        these were taken out already, those before them. The first turn has everything for its details.
        """
        dimension, before = (
            self.cells["dimension"].to_numpy(),
            np.unique(self.turn[(self.turn > 0) & (self.turn <= turn)]),
        )
        may, concerned = ~self.unshown & ~self.promised & ~self.withheld, np.isin(dimension, dimension[unsafe])
        for whole in np.unique(np.floor(before))[::-1]:
            for some in (concerned, True):
                for since in before[np.floor(before) == whole][::-1]:
                    details = self.turn >= 1 if since == 1 else np.floor(self.turn) == since
                    if (of := may & some & (details | (self.turn == since))).any():
                        self.take_out(of)
                        return since
        return 0

    def take_out(self, of: np.ndarray) -> None:
        self.withheld, self.also = self.withheld | of, self.also | of
        self.moving = self.moving | of & self.may_move

    def _ahead(self, turn: float) -> np.ndarray:
        return (self.turn > turn) & (self.turn <= _last_detail(turn)) & self.may_move

    def _until(self, turn: float) -> sparse.csr_matrix:
        return self.sums[self.latest <= _last_detail(turn)]

    def told(self, hidden: np.ndarray) -> list[tuple[int, int | None, int]]:
        """Play the attacker, who knows every sum and all that is not hidden."""
        last, found = self.turn.max(initial=0), []
        for block in connections.blocks(self._until(last), self.moving & hidden):
            counts, sums, *of = self.of(block, last, everything=True)
            for place, who, within in suppression.told(counts, sums, hidden[block], *of):
                found.append((block[place], None if who is None else block[who], within))
        return found

    def _shrunk(self) -> np.ndarray:
        """Small counts that were released with another value: how small they have become is not known."""
        said = zip(self.counts, self.released, strict=True)
        return self.small & np.array([count not in values for count, values in said], dtype=bool)


def _last_detail(turn: float) -> float:
    """The turn of the last details of tables: the first flows have the steps, each whole turn after them its half."""
    return turn and np.floor(max(turn, 2)) + 0.5


def _flag(cells: pd.DataFrame, column: str) -> np.ndarray:
    return np.array(cells.get(column, [False] * len(cells)), dtype=bool)


def _terms(total: str, parts: Sequence[str], _: bool, less: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """Yield the counts of a sum that is 0, each with its sign."""
    yield from ((name, 1) for name in parts)
    yield from ((name, -1) for name in (total, *less))


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


def _too_large(system: _System, blocks: list[np.ndarray]) -> list[str]:
    """Name the blocks that are too large, each with the breakdowns without which it would not be."""
    problems = []
    for block in blocks:
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
    if table == "flows":
        return f"flows by {by.replace(', ', ' and ')}" if by else ""
    return next((f"{table} by {key}" for key in ("grade", "district") if key in by.split(", ")), "")


def _remedy(breakdowns: Iterable[str]) -> str:
    named = ", ".join(f'"{name}"' for name in breakdowns if name)
    return f": under [publication], without = [{named}]" if named else ""
