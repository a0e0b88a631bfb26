"""What may be published: one mask for a whole review, and the only tables that may be shown.

First form: small counts, and every figure that rests on one, are hidden. This is primary suppression alone: a hidden
count may still be told from a margin by subtraction. See ASSUMPTIONS.md.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from divimpact.estimates import COLUMNS as ESTIMATE
from divimpact.estimates import KEYS

COLUMNS = [*(column for column in ESTIMATE if column != "cells"), "suppressed"]
NAMES = COLUMNS[: COLUMNS.index("numerator")]  # what a row is about: all that is left of a hidden one
COUNTS = ["numerator", "denominator", "reference_numerator", "reference_denominator"]


@dataclass(frozen=True)
class Policy:
    """What a city publishes: the smallest count shown, and the share that must have declared a dimension."""

    min_count: int = 10
    declared: float = 0.6


@dataclass(frozen=True)
class Plan:
    """The mask of a review, fixed before any notebook starts: every publishable cell, and the reason it is hidden for.

    ``reasons`` is indexed by cell, "" where the cell is shown; ``by_table`` counts cells and those hidden.
    """

    policy: Policy
    reasons: pd.Series
    by_table: pd.DataFrame


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
        >>> protect(estimates, plan(cells, Policy())).where(measure=["share", "share_low_bound"])
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


def plan(cells: pd.DataFrame, policy: Policy) -> Plan:
    """Fix what a review hides: counts from 1 to ``min_count - 1``, and dimensions that too few declared.

    Zeros are shown. A count that is not known (of published percentages without a base) hides nothing. Whether enough
    declared is compared exactly: with ``declared = 0.6``, 60 of 100 are enough.

    Parameters
    ----------
    cells
        Every publishable cell, as `counts.cells` lists them.
    policy
        The city's rule. With ``min_count = 1`` no count is small.

    Raises
    ------
    ValueError
        If a cell is listed twice or has no name: it could not be told which count holds.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell": ["a", "b"], "table": "staff", "by": "period", "dimension": "origin",
    ...                       "count": [3, 40], "declared": 43, "everyone": 50})
    >>> plan(cells, Policy(min_count=10)).reasons.to_dict()
    {'a': 'small count', 'b': ''}
    """
    unclear = cells["cell"][cells["cell"].isna() | cells["cell"].duplicated()]
    if len(unclear):
        raise ValueError(f"{len(unclear)} cells are listed twice or without a name, the first is {unclear.iloc[0]}")
    reason = pd.Series("", cells.index, dtype="str").mask(_small(cells["count"], policy), "small count")
    reason = reason.mask(_few_declared(cells, policy), "few declared")
    counted = cells.assign(hidden=reason != "").groupby(["table", "by", "dimension"], sort=False)["hidden"]
    by_table = counted.agg(cells="size", hidden="sum").reset_index()
    return Plan(policy, reason.set_axis(pd.Index(cells["cell"], dtype="str")), by_table)


def protect(estimates: pd.DataFrame, plan: Plan) -> SafeTable:
    """Empty every estimate that rests on a hidden cell, and return the only table that may be shown.

    Of a hidden row nothing is left but its names. A row is hidden too if a count in it, or the difference of a
    numerator and its denominator, is small whatever its cells say. A shown row loses ``p_adjusted`` and the verdict
    that rests on it if the p of a hidden row was adjusted with it (Holm's p of the one can be a multiple of the
    other's); estimates of `masked` counts keep them.

    Parameters
    ----------
    estimates
        Rows of an analysis; ``cells`` names the published counts that each rests on.
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
    >>> protect(estimates, plan(cells, Policy(min_count=10))).frame
      measure   group  numerator  estimate  suppressed
    0   share  abroad       <NA>       NaN        True
    1   share    here         40  0.930233       False
    """
    rows = _checked(estimates.reset_index(drop=True))
    hidden = _hidden(rows["cells"], plan) | _gives_small_counts(rows, plan.policy)
    unclear = hidden | _adjusted_with_hidden(rows, hidden)
    safe = rows[[column for column in COLUMNS if column in rows]].assign(suppressed=hidden)
    whole = [column for column in COUNTS if column in safe and (safe[column].dropna() % 1 == 0).all()]
    safe = safe.astype(dict.fromkeys(whole, "Int64"))
    for column in safe.columns.difference([*NAMES, "suppressed"]):
        safe[column] = safe[column].mask(unclear if column in ("p_adjusted", "rule", "verdict") else hidden)
    return SafeTable._of(safe, plan.policy)


def masked(counts: pd.DataFrame, plan: Plan) -> pd.DataFrame:
    """Empty the counts of each row of a count table that rests on a hidden cell.

    Estimates of what is left rest on shown counts alone: of a family of tests, p is adjusted over those that are
    shown. A column ``total`` is emptied where its own cells are hidden.

    Examples
    --------
    >>> cells = pd.DataFrame({"cell": ["a", "b"], "table": "staff", "by": "period", "dimension": "origin",
    ...                       "count": [3, 40], "declared": 43, "everyone": 50})
    >>> counts = pd.DataFrame({"group": ["abroad", "here"], "numerator": [3, 40], "denominator": 43,
    ...                        "cells": [("a",), ("b",)]})
    >>> masked(counts, plan(cells, Policy(min_count=10)))["numerator"].tolist()
    [nan, 40.0]
    """
    hidden = _hidden(counts["cells"], plan)
    shown = {column: counts[column].mask(hidden) for column in ("numerator", "denominator")}
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
    unknown = named[~named.isin(plan.reasons.index)].unique()
    if len(unknown):
        raise ValueError(
            f"{len(unknown)} cells are not among those the review may publish (counts.cells), the first is "
            f"{unknown[0]}; use a breakdown that is"
        )
    return (named.map(plan.reasons) != "").groupby(level=0).any().to_numpy(bool)


def _small(counts, policy: Policy):
    return (counts.abs() > 0) & (counts.abs() < policy.min_count)


def _gives_small_counts(rows: pd.DataFrame, policy: Policy) -> np.ndarray:
    counts = rows.reindex(columns=COUNTS).astype(float)
    for side in ("", "reference_"):
        counts[f"{side}others"] = counts[f"{side}denominator"] - counts[f"{side}numerator"]
    return _small(counts, policy).any(axis=1).to_numpy()


def _adjusted_with_hidden(rows: pd.DataFrame, hidden: np.ndarray) -> np.ndarray:
    """Whether the p of a row was adjusted together with that of a hidden one: within its keys, but over the stages."""
    if "p_adjusted" not in rows:
        return np.zeros(len(rows), bool)
    adjusted = rows["p_adjusted"].notna()
    family = [rows[key] for key in ("measure", *KEYS) if key in rows and key != "stage"]
    return (adjusted & (adjusted & hidden).groupby(family, dropna=False).transform("any")).to_numpy(bool)


def _few_declared(cells: pd.DataFrame, policy: Policy) -> np.ndarray:
    """Whether fewer than the share of the policy declared, in whole numbers; not where people are not known."""
    gate = Fraction(str(policy.declared))
    people = zip(cells["declared"], cells["everyone"], strict=True)
    few = [pd.notna(everyone) and Fraction(declared) < gate * Fraction(everyone) for declared, everyone in people]
    return np.array(few, dtype=bool)
