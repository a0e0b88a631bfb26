"""Which counts to hide besides the small ones, so that no hidden count can be worked out from the shown: arrays in,
arrays out.

The counts ``a`` of a review stand in sums, the rows of a sparse matrix of 1 and -1. An attacker knows the sums, every
shown count, and that a hidden count is at least 1 where it is (zeros are shown, unless a rule hides them too). A
*change* ``y`` keeps every sum (``sums @ y == 0``) and every shown count, and leaves each hidden one possible:
``a + y`` is another city that would have published the same. A count is safe if two such changes, in whole numbers,
differ in it by ``width``. So every proof here is a pair of changes that is checked exactly; programs only find them.

After Kelly, J. P., Golden, B. L. and Assad, A. A. (1992), Networks 22, 397-417 (protecting flows); Fischetti, M. and
Salazar-González, J. J. (2001), Management Science 47, 1008-1027 (the attacker's programs); Castro, J. (2012), European
Journal of Operational Research 216, 241-253 (a survey; clean-up); Jewett, R. (1993), Disclosure analysis for the 1992
Economic Census (who is alone in a cell).
"""

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from scipy import sparse

from divimpact.connections import same_people
from divimpact.programs import Program

SEARCH = 500_000  # how much the search for a cheaper pattern may take: programs solved, times the counts in each
NEAR = 1e-5  # a change this near to whole numbers is rounded, and checked in whole numbers then
LITTLE = 1e-4  # the price of moving a count for nothing: changes stay as small as they can be


class Unsafe(Exception):
    """A count that no pattern protects: its place, and that of a person alone in a count who would know it, if any."""

    def __init__(self, place: int, alone: int | None):
        super().__init__(place, alone)
        self.place, self.alone = place, alone


def pattern(
    counts: np.ndarray,
    sums: sparse.csr_matrix,
    small: np.ndarray,
    also: np.ndarray,
    width: int,
    person: np.ndarray | None = None,
    published: np.ndarray | bool = True,
    before: np.ndarray | bool = False,
) -> np.ndarray:
    """Return which counts of a block to hide: those that must be, and others at little cost until all are safe.

    To hide a count costs ``log(1 + count) + 1``. Small counts are covered one by one, the largest first, and what
    nothing rests on is shown again. As long as the search is short of its limit, each of the others is then banned in
    turn, to see whether a cheaper pattern does without it, and all of this is tried with all counts at one price too.
    The same input gives the same pattern.

    Parameters
    ----------
    counts, sums, small, also, width, person, published
        As in `Attack`.
    before
        Counts that are hidden already, to be kept safe and not to be shown again.

    Raises
    ------
    Unsafe
        If a count cannot be protected, whatever is hidden.

    Examples
    --------
    Of 3, 12 and 25, together 40, the 3 is small: hidden alone, the rest of the 40 would give it back.

    >>> row = sparse.csr_matrix([[1, 1, 1, -1]])
    >>> small, also = np.array([True, False, False, False]), np.zeros(4, bool)
    >>> pattern(np.array([3, 12, 25, 40]), row, small, also, 10).tolist()
    [True, True, False, False]
    """
    attack = Attack(counts, sums, small, also, width, person, published)
    attack.kept = start = small | also | before
    best = _improved(attack, _covered(attack, start))
    attack.price = np.ones(attack.size)
    with suppress(Unsafe):
        if attack.spent < SEARCH:
            best = _cheaper(attack, _improved(attack, _covered(attack, start)), best)
    return best


def told(
    counts: np.ndarray,
    sums: sparse.csr_matrix,
    hidden: np.ndarray,
    small: np.ndarray,
    also: np.ndarray,
    width: int,
    person: np.ndarray | None = None,
    published: np.ndarray | bool = True,
) -> list[tuple[int, int | None, int]]:
    """Play the attacker: return each hidden count that is told more closely than ``width``.

    From outside, every hidden count must be safe but those in ``also``; from a person who is alone in a count and knows
    it, every small one of other people. A finding is the place of the count, the place of the person's own (None from
    outside), and how far apart the values are that could be found for it.

    Examples
    --------
    >>> row, hidden = sparse.csr_matrix([[1, 1, 1, -1]]), np.array([True, False, False, False])
    >>> told(np.array([3, 12, 25, 40]), row, hidden, hidden, np.zeros(4, bool), 10)
    [(0, None, 0)]
    """
    attack = Attack(counts, sums, small, also, width, person, published)
    attack.look(hidden)
    return list(attack.told())


class Attack:
    """What is known of one block of counts, and the changes found so far that an attacker cannot rule out.

    Parameters
    ----------
    counts, sums
        Whole counts, and a row for each sum they stand in; counts that cannot change are left out of both. Only
        changes count: where a sum is not quite kept in the data (a person with two contracts, in two grades), the
        attacker is taken to know by how much.
    small
        The counts to protect.
    also
        Counts that are hidden for another reason, and need no protection.
    width
        How far apart two values must be possible for a hidden count.
    person
        Numbers that are alike for counts of the same people; by default what `same_people` finds in the sums.
    published
        Whether the table of a count is: then it is known to be at least 1 where it is hidden, and who is alone in it
        may know that. Of other tables nothing is known but that counts are not negative.
    """

    def __init__(
        self,
        counts: np.ndarray,
        sums: sparse.csr_matrix,
        small: np.ndarray,
        also: np.ndarray,
        width: int,
        person: np.ndarray | None = None,
        published: np.ndarray | bool = True,
    ):
        self.counts, self.small, self.width = np.asarray(counts, dtype=np.int64), small, int(width)
        self.also = also & ~small
        self.size, self.published = len(counts), np.broadcast_to(published, len(counts))
        self.down = np.where(self.published, np.maximum(self.counts - 1, 0), self.counts)
        self.top = int(self.counts.max(initial=0)) + self.width
        self.cost = self.price = np.log1p(self.counts) + 1
        self.sums = sparse.csr_matrix(sums, dtype=np.int64)
        self.other_prices = np.random.default_rng(1).random((3, 2 * self.size))
        self.program, self.whole_program = Program(self.sums), Program(self.sums, whole=True)
        self.person = same_people(self.counts, self.sums) if person is None else person
        self.kept, self.patient = small | also, True  # patient: the longest of the programs are run too
        self.room, self.found = np.zeros((64, self.size), dtype=np.int64), 1  # the first change is none at all
        self.look(np.zeros(self.size, dtype=bool))

    @property
    def changes(self) -> np.ndarray:
        return self.room[: self.found]

    @property
    def broken(self) -> np.ndarray:
        """Of each change, how many shown counts it would alter: possible are those with none."""
        return self.breaks[: self.found]

    @property
    def spent(self) -> int:
        return (self.program.solved + self.whole_program.solved) * self.size

    def look(self, hidden: np.ndarray) -> None:
        """Start from a pattern: what is hidden may change, the rest is known."""
        self.hidden = hidden.copy()
        kept = self.changes[~self.changes[:, ~self.hidden].any(axis=1)]
        self.room[: len(kept)], self.found = kept, len(kept)
        self.breaks = np.zeros(len(self.room), dtype=np.int64)
        self.touches: dict[int, np.ndarray] = {}
        self.proofs: dict[int | None, np.ndarray] = {}  # by who attacks: two changes that prove each count safe

    def told(self) -> Iterator[tuple[int, int | None, int]]:
        for who in self._attackers():
            for place in self._targets(who, ~self.also):
                if not self._safe(place, who):
                    yield place, who, int(np.ptp(self._values(place, who)))

    def cover(self, wide: np.ndarray, may: np.ndarray) -> None:
        """Hide more of what may be, by a change of least cost for each count that is told, the largest first."""
        before = -1
        while before < (before := np.count_nonzero(self.hidden)):
            for who in self._attackers():
                for place in self._targets(who, wide):
                    if not self._safe(place, who):
                        self._hide(place, who, may)

    def tidy(self, wide: np.ndarray) -> None:
        """Show again, the dearest first, what nothing rests on; late in the search, where that is easily seen."""
        for place in self.besides(self.hidden):
            self.patient = self.spent < SEARCH
            self._set(place, False)
            if not self._still_safe(place, wide):
                self._set(place, True)
        self.patient = True

    def besides(self, hidden: np.ndarray) -> list[int]:
        """Return the places that are hidden besides those that must be, the dearest first."""
        places = np.flatnonzero(hidden & ~self.kept)
        return places[np.argsort(-self.cost[places], kind="stable")].tolist()

    def _attackers(self) -> list[int | None]:
        """Somebody from outside (None), and each person who is alone in a small hidden count."""
        single = np.flatnonzero(self.small & self.published & (self.counts == 1))
        return [None, *single[np.unique(self.person[single], return_index=True)[1]].tolist()]

    def _targets(self, who: int | None, wide: np.ndarray) -> list[int]:
        if who is not None:  # knows about other people what this person's own count does not imply
            wide = self.small & (self.counts > 0) & (self.person != self.person[who])
        places = np.flatnonzero(wide & self.hidden)
        return places[np.argsort(-self.counts[places], kind="stable")].tolist()

    def _possible(self, who: int | None) -> np.ndarray:
        possible = self.broken == 0
        return np.flatnonzero(possible if who is None else possible & ~self._touch(who))

    def _touch(self, who: int) -> np.ndarray:
        """Say which changes would alter a count that this person knows; worked out once for each change."""
        before = self.touches.get(who, np.zeros(0, dtype=bool))
        if before.size < self.found:
            since = self.changes[before.size :, self._known_to(who)].any(axis=1)
            self.touches[who] = np.append(before, since)
        return self.touches[who]

    def _values(self, place: int, who: int | None) -> np.ndarray:
        return self.changes[self._possible(who), place]

    def _safe(self, place: int, who: int | None) -> bool:
        """Whether two possible changes differ by ``width`` at a place; look for them where none are known."""
        if self._proven(place, who):
            return True
        free = self._but(self.hidden, who)
        for step in range(4):
            self._keep(self._furthest(place, self._aims(place, who)[step], free))
            if self._proven(place, who):
                return True
        return False

    def _aims(self, place: int, who: int | None) -> tuple[int, int, int, int]:
        """Return how far a place should move, up or down; then as far as can be, for what moves in steps only.

        The eligible of a year, four quarters of the same people, are four more or none.
        """
        values = self._values(place, who)
        return self.width + values.min(), values.max() - self.width, self.top, -self.top

    def _proven(self, place: int, who: int | None) -> bool:
        proof = self.proofs.setdefault(who, np.zeros((self.size, 2), dtype=np.int64))
        pair = proof[place]
        if np.ptp(self.changes[pair, place]) >= self.width and not self.broken[pair].any():
            return True
        possible = self._possible(who)
        values = self.changes[possible, place]
        proven = bool(np.ptp(values) >= self.width)
        if proven:  # else the earlier proof stays, which holds again once what it moves is hidden again
            proof[place] = possible[values.argmax()], possible[values.argmin()]
        return proven

    def _still_safe(self, shown: int, wide: np.ndarray) -> bool:
        """Whether all is safe still, now that one more count is shown: what rested on it is proven anew."""
        for who in self._attackers():
            targets = np.array(self._targets(who, wide), dtype=int)
            if who in self.proofs:
                targets = targets[(self.changes[self.proofs[who][targets], shown] != 0).any(axis=1)]
            if not all(self._safe(place, who) for place in targets):
                return False
        return True

    def _hide(self, place: int, who: int | None, may: np.ndarray) -> None:
        """Hide what the cheapest change hides that makes a place safe: upwards, downwards, or one after the other."""
        free = self._but(may, who)
        while not self._proven(place, who):
            values, aims = self._values(place, who), self._aims(place, who)
            found = [self._cheapest(place, aim, free) for aim in aims[:2] if -aim <= self.down[place]]
            found = [change for change in found if change is not None]
            if not found:
                furthest = [self._furthest(place, aim, free) for aim in aims]
                found = [one for one in furthest if one is not None and not values.min() <= one[place] <= values.max()]
            if not found:
                raise Unsafe(place, who)
            change = min(found, key=lambda one: self.price[(one != 0) & ~self.hidden].sum())
            for new in np.flatnonzero((change != 0) & ~self.hidden):
                self._set(new, True)
            self._keep(change)

    def _furthest(self, place: int, aim: int, free: np.ndarray) -> np.ndarray | None:
        """Return a change that moves a place towards ``aim`` as far as it goes, and others as little as need be."""
        low, high = self._bounds(free)
        moved = place if aim > 0 else place + self.size
        high[[place, place + self.size]] = 0
        high[moved] = min(abs(aim), self.down[place]) if aim < 0 else aim
        price = np.full(2 * self.size, LITTLE)
        price[moved] = -1
        return self._change(low, high, price)

    def _cheapest(self, place: int, aim: int, free: np.ndarray) -> np.ndarray | None:
        """Return the change that moves a place by ``aim`` at least and hides what costs least."""
        low, high = self._bounds(free)
        low[[place, place + self.size]] = max(aim, 0), max(-aim, 0)
        high[place if aim < 0 else place + self.size] = 0
        price = np.where(self.hidden, 0, self.price) + LITTLE
        return self._change(low, high, np.concatenate([price, price]))

    def _bounds(self, free: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        up, down = np.where(free, self.top, 0), np.where(free, self.down, 0)
        return np.zeros(2 * self.size), np.concatenate([up, down]).astype(float)

    def _change(self, low: np.ndarray, high: np.ndarray, price: np.ndarray) -> np.ndarray | None:
        """Solve; where the answer is not in whole numbers, look for one at slightly other prices, then by branching.

        Branching is tried among the counts that the answer moves first, then among all.
        """
        found = self.program.solve(low, high, price)
        change = self._whole(found)
        for other in self.other_prices:
            if found is not None and change is None:
                change = self._whole(self.program.solve(low, high, price + LITTLE * other))
        if found is None or change is not None:
            return change
        moved = np.tile((found.reshape(2, -1) > NEAR).any(axis=0), 2)
        near = self.whole_program.solve(low, np.where(moved, high, low), price)
        if self.patient and (near is None or near @ price > found @ price + 0.5):  # short of one person, or dearer
            near = self.whole_program.solve(low, high, price)
        return self._whole(near)

    def _whole(self, found: np.ndarray | None) -> np.ndarray | None:
        """Return what was found as a change in whole numbers, if it is one that an attacker cannot rule out."""
        if found is None:
            return None
        change = found[: self.size] - found[self.size :]
        whole = np.rint(change).astype(np.int64)
        near = np.abs(change - whole).max() < NEAR
        return whole if near and not (self.sums @ whole).any() and (whole >= -self.down).all() else None

    def _keep(self, change: np.ndarray | None) -> None:
        if change is None:
            return
        if self.found == len(self.room):
            self.room = np.concatenate([self.room, np.zeros_like(self.room)])
            self.breaks = np.concatenate([self.breaks, np.zeros_like(self.breaks)])
        self.room[self.found], self.breaks[self.found] = change, np.count_nonzero(change[~self.hidden])
        self.found += 1

    def _set(self, place: int, hidden: bool) -> None:
        self.hidden[place] = hidden
        self.breaks[: self.found] += np.where(self.changes[:, place] != 0, -1 if hidden else 1, 0)

    def _but(self, free: np.ndarray, who: int | None) -> np.ndarray:
        """Return what is free for who attacks: a person knows every count that is of this person alone."""
        return free if who is None else free & ~self._known_to(who)

    def _known_to(self, who: int) -> np.ndarray:
        return (self.person == self.person[who]) & self.published


def _covered(attack: Attack, start: np.ndarray, banned: np.ndarray | bool = False) -> np.ndarray:
    """Cover the small counts, then make sure of what was hidden besides; never hide what is banned, nor a zero."""
    attack.look(start)
    may = (attack.counts > 0) & ~banned | attack.kept
    for wide in (attack.small, ~attack.also):
        attack.cover(wide, may)
        attack.tidy(wide)
    return attack.hidden.copy()


def _improved(attack: Attack, best: np.ndarray) -> np.ndarray:
    """Ban one after the other of what is hidden besides, and keep what is cheaper."""
    left = attack.besides(best)
    while left and attack.spent < SEARCH:
        banned = np.arange(attack.size) == left.pop(0)
        with suppress(Unsafe):
            found = _cheaper(attack, _covered(attack, best & ~banned, banned), best)
            if found is not best:
                best, left = found, attack.besides(found)
    return best


def _cheaper(attack: Attack, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return one if attack.cost[one].sum() < attack.cost[other].sum() - NEAR else other
