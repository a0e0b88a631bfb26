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

    Examples
    --------
    >>> same_people(np.array([4, 0, 4, 7]), sparse.csr_matrix([[1, 1, -1, 0]])).tolist()
    [0, 1, 0, 2]
    """
    there = sums.multiply(counts > 0).tocsr()
    there.eliminate_zeros()
    one = (np.diff(there.indptr) == 2) & (there @ counts == 0)
    return _alone(there, _together(there[one]))


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
