"""The counts of a review as numbers with their sums, what is to be hidden of them, and what an attacker is told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np
import pandas as pd
from scipy import sparse

from divimpact import connections, suppression


@dataclass(frozen=True)
class Policy:
    """What a city publishes: the smallest count shown, the share that must have declared, breakdowns left out."""

    min_count: int = 10
    declared: float = 0.6
    without: tuple[str, ...] = ()


class System:
    """The counts of a review as a row of numbers, their sums as rows of 1 and -1, and what is to be hidden.

    Tables are protected in turns: what is shown at one is known at the next. A count that was released is known,
    and so are zeros, but those that say of people that none of them is of a group. ``also`` is hidden for another
    reason: too few declared, or it is counted ``again`` only because a release listed it. Of tables that are
    ``withheld`` not even a zero is published; their small counts are protected all the same.
    """

    def __init__(self, cells: pd.DataFrame, sums: Sequence[tuple], policy: Policy):
        self.cells, self.policy = cells, policy
        self.counts, place = cells["count"].to_numpy(float), {name: row for row, name in enumerate(cells["cell"])}
        self.unshown, self.withheld = flag(cells, "unshown"), flag(cells, "withheld")
        self.small = _small(self.counts, np.array(cells.get("people", self.counts), dtype=float), policy)
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
        self.again = flag(cells, "again")
        self.promised = flag(cells, "promised") if "promised" in cells else self.again
        said = np.array([bool(said) for said in self.released], dtype=bool)
        self.held = self.promised & ~said & (self.turn > 0)  # flows that a release hid, those that protect others too
        known = said & ~self._shrunk()
        self.also = _few_declared(cells, policy) | (self.again & ~known) | self.withheld | self.unshown
        self.may_move = np.isfinite(self.counts) & ~known & ~(flag(cells, "fixed") & (self.counts == 0))
        self.moving = self.may_move & ((self.counts > 0) | self.small | self.also)

    def blocks(self, turn: float, hidden: np.ndarray) -> list[np.ndarray]:
        """Return the places that are protected together at a turn: its counts, those hidden before it, and its details.

        Details are taken as withheld, so that they can be.
        """
        moving = self.moving & ((self.turn == turn) | (self.turn < turn) & hidden) | self._ahead(turn)
        found = connections.blocks(self._until(turn), moving)
        return [block for block in found if (self.turn[block] == turn).any() and self.small[block].any()]

    def of(self, block: np.ndarray, turn: float) -> tuple:
        """Return what `suppression` asks of a block: the sums between its counts are those of tables up to a turn.

        What is small in tables that are not published is protected with it; where nothing is published of flows (or
        of districts and the like), from the outside alone: there is nothing left to withhold, and who is alone in a
        count of the staff knows something of those who came and went from that.
        """
        sums, ahead = self._until(turn)[:, block], self._ahead(turn)[block]
        published, also = ~(ahead | self.withheld[block] | self.unshown[block]), self.also[block] | ahead
        outside = self.small[block] & self._nothing_published()[block]
        of_block = self.small[block] & ~outside, also & ~outside, self.policy.min_count, self.person[block], published
        return self.counts[block], sums[np.diff(sums.indptr) > 0], *of_block

    def own(self, block: np.ndarray, turn: float) -> np.ndarray:
        """Return the counts of a block that may be hidden, or are."""
        return block[(self.turn <= turn)[block] & ~self.withheld[block] & ~self.unshown[block]]

    def withhold(self, turn: float, unsafe: list[int]) -> float:
        """Take out tables, with their details, as a count would be told; return their turn, 0 if there are none left.

        They are those of the turn, or else those they are details of, of the dimensions concerned or else of all; where
        these were taken out already, those before them. The first turn has everything for its details.
        """
        may, dimension = ~self.unshown & ~self.promised & ~self.withheld, self.cells["dimension"].to_numpy()
        concerned = np.isin(dimension, dimension[unsafe])
        before = np.unique(self.turn[(self.turn > 0) & (self.turn <= turn)])[::-1]
        for whole in np.unique(np.floor(before))[::-1]:
            for some, since in product((concerned, True), before[np.floor(before) == whole]):
                details = self.turn >= 1 if since == 1 else np.floor(self.turn) == since
                if (of := may & some & (details | (self.turn == since))).any():
                    self.take_out(of)
                    return since
        return 0

    def take_out(self, of: np.ndarray) -> None:
        self.withheld, self.also = self.withheld | of, self.also | of
        self.moving = self.moving | of & self.may_move

    def _nothing_published(self) -> np.ndarray:
        table, _ = pd.factorize(self.cells["table"])  # as numbers: names are slow to compare
        return self.withheld & ~np.isin(table, table[(self.turn > 0) & ~self.unshown & ~self.withheld])

    def _ahead(self, turn: float) -> np.ndarray:
        return (self.turn > turn) & (self.turn <= _last_detail(turn)) & self.may_move

    def _until(self, turn: float) -> sparse.csr_matrix:
        return self.sums[self.latest <= _last_detail(turn)]

    def told(self, hidden: np.ndarray) -> list[tuple[int, int | None, int]]:
        """Play the attacker, who knows every sum and all that is not hidden."""
        last, found = self.turn.max(initial=0), []
        for block in connections.blocks(self._until(last), self.moving & hidden):
            counts, sums, *of = self.of(block, last)
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


def flag(cells: pd.DataFrame, column: str) -> np.ndarray:
    """Return a column of the cells as yes or no; no, where it is not there."""
    return np.array(cells.get(column, [False] * len(cells)), dtype=bool)


def _terms(total: str, parts: Sequence[str], _: bool, less: Sequence[str] = ()) -> Iterator[tuple[str, int]]:
    """Yield the counts of a sum that is 0, each with its sign."""
    yield from ((name, 1) for name in parts)
    yield from ((name, -1) for name in (total, *less))


def _small(counts: np.ndarray, people: np.ndarray, policy: Policy) -> np.ndarray:
    """Whether these are few people, though they may be many uses."""
    return (counts > 0) & (np.minimum(counts, people) < policy.min_count)


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
