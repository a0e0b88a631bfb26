"""Linear programs on HiGHS whose sums stay and whose bounds and prices change from one to the next."""

import highspy
import numpy as np
from scipy import sparse

NODES = 200  # of one search for whole numbers


class Program:
    """A program on HiGHS: the sums are kept, bounds and prices change from call to call.

    Each call starts anew from no change: from an earlier basis it would be found sooner, but would move ten times as
    many counts, and then more has to be proven anew with each count that is shown again.
    """

    def __init__(self, sums: sparse.spmatrix, whole: bool = False):
        rows, self.size = sums.shape
        self.highs, self.solved = highspy.Highs(), 0
        options = {"presolve": "on", "mip_max_nodes": NODES, "mip_rel_gap": 0.1} if whole else {"presolve": "off"}
        for option, value in {"output_flag": False, "threads": 1, **options}.items():
            self.highs.setOptionValue(option, value)
        nothing, none = np.zeros(self.size), np.array([], dtype=np.int32)
        self.highs.addCols(self.size, nothing, nothing, nothing, 0, none, none, np.array([]))
        held, kept = sparse.csr_matrix(sums, dtype=float), np.zeros(rows)
        starts, columns = held.indptr[:-1].astype(np.int32), held.indices.astype(np.int32)
        self.highs.addRows(rows, kept, kept, held.nnz, starts, columns, held.data)
        self.columns = np.arange(self.size, dtype=np.int32)
        if whole:
            self.highs.changeColsIntegrality(self.size, self.columns, np.full(self.size, highspy.HighsVarType.kInteger))

    def solve(self, low: np.ndarray, high: np.ndarray, price: np.ndarray) -> np.ndarray | None:
        """Return the cheapest point within the bounds, or the cheapest met; nothing where there is none."""
        self.highs.changeColsBounds(self.size, self.columns, low, high)
        self.highs.changeColsCost(self.size, self.columns, price)
        self.highs.clearSolver()
        self.highs.run()
        self.solved += 1
        met = self.highs.getInfo().primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        return np.array(self.highs.getSolution().col_value) if met else None
