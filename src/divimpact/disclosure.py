"""The only tables that may be shown: with a count that the `mask` of the review hides, all that rests on it is hidden.

What is promised, against whom, and what is not, stands in docs/disclosure.md.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from divimpact.estimates import COLUMNS as ESTIMATE
from divimpact.estimates import KEYS
from divimpact.mask import DisclosureError, Plan, Policy, audit, plan

__all__ = ["DisclosureError", "Plan", "Policy", "SafeTable", "audit", "masked", "plan", "protect"]

RESTS_ON = ("cells", "within", "strata", "residual_df")  # columns of estimates that are not published
COLUMNS = [*(column for column in ESTIMATE if column not in RESTS_ON), "suppressed"]
NAMES = COLUMNS[: COLUMNS.index("numerator")]  # what a row is about: all that is left of a hidden one
COUNTED = ["numerator", "denominator", "records", "left_out"]  # columns of tables that are no estimates yet
STRATA, RESIDUAL_DF, FIGURES = 5, 10, 3  # of a pooled result that may rest on hidden counts
COUNTS = ["numerator", "denominator", "reference_numerator", "reference_denominator"]


class SafeTable:
    """A protected table: what `protect` returns, and the only thing that words, figures and reports accept.

    Where ``suppressed`` is true, only the names of the row are left, and every value is empty.
    """

    __slots__ = ("_frame", "policy")

    def __init__(self, *_: object) -> None:
        raise TypeError("a SafeTable comes from disclosure.protect(estimates, plan)")

    @classmethod
    def _of(cls, frame: pd.DataFrame, policy: Policy) -> "SafeTable":
        table = object.__new__(cls)
        table._frame, table.policy = frame, policy
        return table

    @property
    def frame(self) -> pd.DataFrame:
        """A copy of the protected rows, in the columns of the table contract."""
        return self._frame.copy()

    def where(self, **equal: object) -> "SafeTable":
        """Return the rows whose columns equal the given values: one of them for a list, empty for None.

        Examples
        --------
        >>> cells = pd.DataFrame({"cell": ["a"], "table": "staff", "by": "period", "dimension": "origin",
        ...                       "count": 40, "declared": 100, "everyone": 110})
        >>> estimates = pd.DataFrame({"measure": ["share", "gap_closed"], "cells": [("a",), ("a",)]})
        >>> protect(estimates, plan(cells, [], Policy())).where(measure=["share", "share_low_bound"])
        SafeTable of 1 rows, 0 hidden
        """
        found = self._frame
        for column, value in equal.items():
            if column not in COLUMNS:
                raise KeyError(f"{column!r} is not a column of the table contract: {', '.join(COLUMNS)}")
            held = found[column] if column in found else pd.Series(np.nan, found.index, dtype="str")
            among = [value] if isinstance(value, str) or not isinstance(value, Iterable) else list(value)
            empty = any(pd.isna(one) for one in among)
            found = found[held.isin(among) | (held.isna() & empty)]
        return self._of(found, self.policy)

    def __len__(self) -> int:
        return len(self._frame)

    def __repr__(self) -> str:
        hidden = int(self._frame["suppressed"].sum())
        return f"SafeTable of {len(self):,} rows, {hidden:,} hidden"

    def _repr_html_(self) -> str:
        shown = self._frame.dropna(axis="columns", how="all").head(20)
        return shown.to_html(index=False, escape=True, na_rep="", float_format=lambda number: f"{number:.3g}")


def protect(estimates: pd.DataFrame, plan: Plan) -> SafeTable:
    """Empty every estimate that rests on a hidden cell, and return the only table that may be shown.

    Of a hidden row nothing is left but its names. A row is hidden too if a count in it, or the difference of a
    numerator and its denominator, is small whatever its cells say. A shown row loses ``p_adjusted`` and the verdict
    that rests on it if the p of a hidden row was adjusted with it (Holm's p of the one can be a multiple of the
    other's); estimates of `masked` counts keep them.

    A pooled or model result may rest on hidden counts ``within`` it, such as those by vacancy, if at least five
    ``strata`` contribute, at least ten ``residual_df`` remain and its own counts reach ``min_count``; it is then given
    to three significant figures.

    Parameters
    ----------
    estimates
        Rows of an analysis; ``cells`` names the published counts that each rests on. Pooled rows have the counts of
        their strata in ``within``, where those that the review does not list are hidden, and ``strata`` and
        ``residual_df``.
    plan
        The mask of the review.

    Raises
    ------
    ValueError
        If a row names no cells, or one that the plan does not know, or if a column is not of the table contract:
        nothing unplanned is published.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell": ["a", "b"], "table": "staff", "by": "period", "dimension": "origin",
    ...                       "count": [3, 40], "declared": 43, "everyone": 50})
    >>> estimates = pd.DataFrame({"measure": "share", "group": ["abroad", "here"], "numerator": [3, 40],
    ...                           "estimate": [3 / 43, 40 / 43], "cells": [("a",), ("b",)]})
    >>> protect(estimates, plan(cells, [], Policy(min_count=10))).frame
      measure   group  numerator  estimate  suppressed
    0   share  abroad       <NA>       NaN        True
    1   share    here         40  0.930233       False
    """
    rows = _checked(estimates.reset_index(drop=True))
    hidden = _hidden(rows["cells"], plan) | _gives_small_counts(rows, plan.policy)
    pooled = _pooled_over_hidden(rows, plan)
    hidden |= pooled & ~_may_be_pooled(rows, plan.policy)
    unclear = hidden | _adjusted_with_hidden(rows, hidden)
    safe = rows[[column for column in COLUMNS if column in rows]].assign(suppressed=hidden)
    whole = [column for column in COUNTS if column in safe and (safe[column].dropna() % 1 == 0).all()]
    safe = safe.astype(dict.fromkeys(whole, "Int64"))
    for column in safe.columns.difference([*NAMES, "suppressed"]):
        safe[column] = safe[column].mask(unclear if column in ("p_adjusted", "rule", "verdict") else hidden)
    for column in safe.columns.intersection(["estimate", "conf_low", "conf_high", "p_value", "p_adjusted"]):
        safe.loc[pooled, column] = [float(f"{value:.{FIGURES}g}") for value in safe.loc[pooled, column]]
    return SafeTable._of(safe, plan.policy)


def masked(counts: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Empty the counts of each row that rests on a hidden cell.

    Estimates of what is left rest on shown counts alone: of a family of tests, p is adjusted over those that are
    shown. A column ``total`` is emptied where its own cells are hidden. So few ``left_out`` that they are a small count
    are emptied too.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell": ["a", "b"], "table": "staff", "by": "period", "dimension": "origin",
    ...                       "count": [3, 40], "declared": 43, "everyone": 50})
    >>> counts = pd.DataFrame({"group": ["abroad", "here"], "numerator": [3, 40], "denominator": 43,
    ...                        "cells": [("a",), ("b",)]})
    >>> masked(counts, plan(cells, [], Policy(min_count=10)))["numerator"].tolist()
    [nan, 40.0]
    """
    hidden = _hidden(counts["cells"], plan)
    if "left_out" in counts:
        hidden = hidden | counts["left_out"].between(1, plan.policy.min_count - 1).to_numpy()
    shown = {column: counts[column].mask(hidden) for column in COUNTED if column in counts}
    if "total" in counts:
        shown["total"] = counts["total"].mask(hidden | _hidden(counts["total_cells"], plan))
    return counts.assign(**shown)


def _checked(rows: pd.DataFrame) -> pd.DataFrame:
    if missing := [column for column in ("measure", "cells") if column not in rows]:
        raise ValueError(
            f"the estimates have no column {missing[0]!r}; only rows of an analysis of divimpact.counts say what they "
            "are and what they rest on"
        )
    unexpected = rows.columns[~rows.columns.isin(ESTIMATE) | rows.columns.duplicated()]
    if len(unexpected):
        raise ValueError(f"{', '.join(map(str, unexpected))}: not columns of the table contract, or there twice")
    return rows


def _hidden(cells: pd.Series, plan: Plan) -> np.ndarray:
    """Whether rows rest on a hidden cell."""
    named = cells.reset_index(drop=True).explode()
    if named.isna().any():
        raise ValueError(f"{named.isna().sum()} rows name no cells, so it cannot be told whether they may be shown")
    unknown = named[~named.isin(plan.hidden.index)].unique()
    if len(unknown):
        raise ValueError(
            f"{len(unknown)} cells are not among those the review may publish (cells.publishable), the first is "
            f"{unknown[0]}; use a breakdown that is"
        )
    return named.map(plan.hidden).groupby(level=0).any().to_numpy(bool)


def _pooled_over_hidden(rows: pd.DataFrame, plan: Plan) -> np.ndarray:
    """Whether rows are pooled over strata of which a count is hidden, as all are that the review does not list.

    A city that hides no small counts has no such strata.
    """
    within = rows.get("within", pd.Series(None, rows.index, dtype=object))
    named = within.dropna().explode()
    hidden = plan.hidden.reindex(named.to_numpy(), fill_value=plan.policy.min_count > 1).to_numpy(bool)
    return np.isin(rows.index, named.index[hidden])


def _may_be_pooled(rows: pd.DataFrame, policy: Policy) -> np.ndarray:
    stated = rows.reindex(columns=["strata", "residual_df", *COUNTS]).astype(float)
    large = stated[COUNTS].isna() | (stated[COUNTS] >= policy.min_count)
    return ((stated["strata"] >= STRATA) & (stated["residual_df"] >= RESIDUAL_DF) & large.all(axis=1)).to_numpy()


def _gives_small_counts(rows: pd.DataFrame, policy: Policy) -> np.ndarray:
    counts = rows.reindex(columns=COUNTS).astype(float)
    for side in ("", "reference_"):
        counts[f"{side}others"] = counts[f"{side}denominator"] - counts[f"{side}numerator"]
    return ((counts.abs() > 0) & (counts.abs() < policy.min_count)).any(axis=1).to_numpy()


def _adjusted_with_hidden(rows: pd.DataFrame, hidden: np.ndarray) -> np.ndarray:
    """Whether the p of a row was adjusted together with that of a hidden one: within its keys, but over the stages."""
    if "p_adjusted" not in rows:
        return np.zeros(len(rows), bool)
    adjusted = rows["p_adjusted"].notna()
    family = [rows[key] for key in ("measure", *KEYS) if key in rows and key != "stage"]
    return (adjusted & (adjusted & hidden).groupby(family, dropna=False).transform("any")).to_numpy(bool)
