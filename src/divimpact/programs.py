"""Linear programs on HiGHS for changes of counts that keep every sum; bounds and prices differ from one to the next."""

from itertools import pairwise

import highspy
import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

NODES = 200  # of one search for whole numbers


class Program:
    """A program on HiGHS: the sums are kept, bounds and prices change from call to call.

    A change is given as how far each count goes up, and after these how far each goes down. Each call starts anew from
    no change: from an earlier basis it would be found sooner, but would move ten times as many counts, and then more
    has to be proven anew with each count that is shown again.
    """

    def __init__(self, sums: sparse.csr_matrix, whole: bool = False):
        kept, back = merged(sums)
        self.size, self.solved, number = 2 * sums.shape[1], 0, 2 * kept.shape[1]
        held = np.diff(back.indptr) == 0
        self.held, self.moving = np.tile(held, 2), np.flatnonzero(np.tile(~held, 2))
        down = back.data < 0
        self.place = np.concatenate([back.indices + kept.shape[1] * side for side in (down, ~down)])
        self.highs, self.columns = highspy.Highs(), np.arange(number, dtype=np.int32)
        options = {"presolve": "on", "mip_max_nodes": NODES, "mip_rel_gap": 0.1} if whole else {"presolve": "off"}
        for option, value in {"output_flag": False, "threads": 1, **options}.items():
            self.highs.setOptionValue(option, value)
        nothing, none = np.zeros(number), np.array([], dtype=np.int32)
        self.highs.addCols(number, nothing, nothing, nothing, 0, none, none, np.array([]))
        both = sparse.csr_matrix(sparse.hstack([kept, -kept]), dtype=float)
        starts, columns = both.indptr[:-1].astype(np.int32), both.indices.astype(np.int32)
        self.highs.addRows(both.shape[0], *np.zeros((2, both.shape[0])), both.nnz, starts, columns, both.data)
        if whole:
            self.highs.changeColsIntegrality(number, self.columns, np.full(number, highspy.HighsVarType.kInteger))

    def solve(self, low: np.ndarray, high: np.ndarray, price: np.ndarray) -> np.ndarray | None:
        """Return the cheapest point within the bounds, or the cheapest met; nothing where there is none."""
        number = self.columns.size
        lower, upper, cost = np.zeros(number), np.full(number, np.inf), np.zeros(number)
        np.maximum.at(lower, self.place, low[self.moving])
        np.minimum.at(upper, self.place, high[self.moving])
        np.add.at(cost, self.place, price[self.moving])
        if (lower > upper).any() or low[self.held].any():
            return None
        self.highs.changeColsBounds(number, self.columns, lower, upper)
        self.highs.changeColsCost(number, self.columns, cost)
        self.highs.clearSolver()
        self.highs.run()
        self.solved += 1
        if self.highs.getInfo().primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            return None
        found = np.zeros(self.size)
        found[self.moving] = np.array(self.highs.getSolution().col_value)[self.place]
        return found


def merged(sums: sparse.csr_matrix) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    """Return fewer sums of fewer counts that allow the same changes, and the matrix that gives back every count of old.

    A sum of one count holds it; a sum of two makes them change alike, or one against the other.

    Examples
    --------
    Where the third is the second, the total changes as the first and twice the second do.

    >>> sums = sparse.csr_matrix([[1, 1, 1, -1], [0, 1, -1, 0]])
    >>> kept, back = merged(sums)
    >>> kept.toarray().tolist(), back.toarray().tolist()
    ([[1, 2, -1]], [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]])
    """
    back = sparse.identity(sums.shape[1], dtype=int, format="csr")
    while (alike := _alike(sums)) is not None:
        sums, back = sums @ alike, back @ alike
        sums.eliminate_zeros()
        sums = _unlike(sums[np.diff(sums.indptr) > 0])
    return sums, back


def _alike(sums: sparse.csr_matrix) -> sparse.csr_matrix | None:
    """Return the matrix that sets one count for all that change alike, and none for those held; nothing if none are.

    Each count is two points, its way up and its way down, joined to those of others that move with it.
    """
    lengths, number = np.diff(sums.indptr), sums.shape[1]
    one, two = (sums.indptr[:-1][lengths == length] for length in (1, 2))
    two = two[abs(sums.data[two]) == abs(sums.data[two + 1])]
    if not one.size + two.size:
        return None
    held, first, other = sums.indices[one], sums.indices[two], sums.indices[two + 1]
    against = number * (sums.data[two] == sums.data[two + 1])
    points = np.concatenate([held, first, first + number])
    joined = np.concatenate([held + number, other + against, (other + against + number) % (2 * number)])
    graph = sparse.coo_matrix((np.ones(points.size), (points, joined)), shape=(2 * number, 2 * number))
    up, down = connected_components(graph, directed=False)[1].reshape(2, number)
    moving = np.flatnonzero(up != down)
    kept, place = np.unique(np.minimum(up, down)[moving], return_inverse=True)
    return sparse.csr_matrix((np.sign(down - up)[moving], (moving, place)), shape=(number, kept.size))


def _unlike(sums: sparse.csr_matrix) -> sparse.csr_matrix:
    """Drop sums that say what one before them says, with all signs the same or the other way round."""
    sums.sort_indices()
    first: dict[tuple, int] = {}
    for row, (start, end) in enumerate(pairwise(sums.indptr)):
        signs = sums.data[start:end] * np.sign(sums.data[start])
        first.setdefault((sums.indices[start:end].tobytes(), signs.tobytes()), row)
    return sums[list(first.values())]
