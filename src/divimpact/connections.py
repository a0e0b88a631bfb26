"""Which counts hang together through the sums that they stand in, and which are of the same people."""

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components


def blocks(sums: sparse.csr_matrix, moving: np.ndarray) -> list[np.ndarray]:
    """Return the sets of counts that hang together through sums, of those that can change, in the order of the first.

    Examples
    --------
    >>> total = sparse.csr_matrix([[1, 1, -1, 0]])
    >>> [block.tolist() for block in blocks(total, np.array([True, False, True, True]))]
    [[0, 2], [3]]
    """
    places = np.flatnonzero(moving)
    label = _together(sums[:, places])
    order = np.argsort(label, kind="stable")
    parts = np.split(places[order], np.flatnonzero(np.diff(label[order])) + 1)
    return sorted((part for part in parts if part.size), key=lambda part: part[0])


def same_people(counts: np.ndarray, sums: sparse.csr_matrix) -> np.ndarray:
    """Number the counts so that those are alike that are of the same people: a sum of one count that is there.

    So is, of one person, what is left of the same people in two sums.

    Examples
    --------
    >>> same_people(np.array([4, 0, 4, 7]), sparse.csr_matrix([[1, 1, -1, 0]])).tolist()
    [0, 1, 0, 2]

    Of 5 people 4 left: the one who is there after is the one who did not leave.

    >>> sums = sparse.csr_matrix([[1, -1, -1, 0], [1, -1, 0, -1]])
    >>> same_people(np.array([5, 4, 1, 1]), sums).tolist()
    [0, 1, 2, 2]
    """
    there = sums.multiply(counts > 0).tocsr()
    there.eliminate_zeros()
    there = there[there @ counts == 0]
    person, before = _together(there[np.diff(there.indptr) == 2]), None
    while before is None or (person != before).any():
        before = person
        person = _left_over(counts, there, _alone(there, person))
    return person


def _together(sums: sparse.csr_matrix) -> np.ndarray:
    """Number the counts so that those are alike that stand in the same sums."""
    held = sums.astype(bool).astype(int)
    return connected_components(held.T @ held, directed=False)[1]


def _alone(sums: sparse.csr_matrix, person: np.ndarray) -> np.ndarray:
    """Give a person the sums of that person's counts alone: of one eligible in four quarters, the 4 of the year."""
    rows = [np.split(part.indices, part.indptr[1:-1]) for part in (sums > 0, sums < 0)]
    before = None
    while before is None or (person != before).any():
        before = person.copy()
        for parts, total in zip(*rows, strict=True):
            if total.size == 1 and parts.size > 1 and (person[parts] == person[parts[0]]).all():
                person[person == person[total[0]]] = person[parts[0]]
    return person


def _left_over(counts: np.ndarray, sums: sparse.csr_matrix, person: np.ndarray) -> np.ndarray:
    """Make one of those who are left of the same people in two sums."""
    person, found = person.copy(), {}
    for row in np.flatnonzero(abs(sums) @ (counts == 1)):
        places, signs = (part[sums.indptr[row] : sums.indptr[row + 1]] for part in (sums.indices, sums.data))
        for place, sign in zip(places, signs, strict=True):
            if counts[place] == 1:
                rest = places != place
                alike = tuple(sorted(zip(person[places[rest]], sign * signs[rest], strict=True)))
                other = person[found.setdefault(alike, place)]
                person[person == person[place]] = other
    return person
