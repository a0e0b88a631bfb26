"""Counts of use as totals by strata, such as districts: frames in, totals and arrays out."""

import numpy as np
import pandas as pd

from divimpact.estimates import checked, compared, keys, union


def by_stratum(parts, totals, over):
    """Return the totals, with what they rest on within, and their users and eligible in all strata.

    Returns
    -------
    whole : DataFrame
        The totals; where there are cells, those of the strata in `within`, how many `strata` have people, and
        `residual_df`, these less one.
    cells : ndarray, (2, totals, strata)
        A stratum without a row has nobody.

    Raises
    ------
    ValueError
        For a missing column, a repeated row, a part without a total, or totals that are not the sums of the parts.

    Examples
    --------
    >>> parts = pd.DataFrame({"service": "advice", "district": ["A", "B"], "dimension": "origin", "group": "here",
    ...                       "reference": "here", "numerator": [5, 7], "denominator": [50, 60]})
    >>> totals = pd.DataFrame({"service": ["advice"], "dimension": "origin", "group": "here", "reference": "here",
    ...                        "numerator": 12, "denominator": 110})
    >>> by_stratum(parts, totals, "district")[1]
    array([[[ 5.,  7.]],
    <BLANKLINE>
           [[50., 60.]]])
    """
    parts, totals = checked(parts, "reference", strata=[over]), checked(totals, "reference").reset_index(drop=True)
    if over in totals:
        raise ValueError(f"the totals are counted by {over} too: count the same use without")
    on = [*keys(totals), "group"]
    place, names = parts[over].factorize()
    found = parts.assign(_stratum=place).merge(totals[on].assign(_row=totals.index), on=on, how="left")
    if found["_row"].isna().any():
        alone = found[found["_row"].isna()].iloc[0]
        raise ValueError(f"the totals have no row for {', '.join(f'{column} {alone[column]}' for column in on)}")
    cells, row = np.zeros((2, len(totals), len(names))), found["_row"].astype(int)
    cells[:, row, found["_stratum"]] = found[["numerator", "denominator"]].to_numpy(float).T
    _refuse_other_sums(totals, cells, over)
    if "cells" in parts:
        filled = (cells[1] > 0).sum(axis=1)
        inside = found.groupby(row)["cells"].agg(union).reindex(totals.index)
        totals = totals.assign(within=inside, strata=filled, residual_df=filled - 1)
    return totals, cells


def everyone(whole, cells):
    """Return, for each total, users and eligible of all who declared a group with the same keys, by stratum."""
    number = whole.groupby(keys(whole), dropna=False, sort=False).ngroup().to_numpy()
    declared = (whole["role"] == "group").to_numpy()
    together = np.zeros((2, number.max() + 1, cells.shape[2]))
    for side in (0, 1):
        np.add.at(together[side], number[declared], cells[side][declared])
    return together[:, number]


def side_by_side(whole, cells):
    """Return each group beside its reference, and the four counts of each pair by stratum: (pairs, strata) each."""
    pairs = compared(whole.assign(_own=whole.index))
    on = keys(whole)
    references = whole.loc[whole["group"] == whole["reference"], on].assign(_other=lambda found: found.index)
    other = pairs[on].merge(references, on=on, how="left")["_other"].to_numpy()
    strata = *cells[:, pairs["_own"]], *cells[:, other]
    if "within" in pairs:
        both = zip(pairs["within"], whole["within"].to_numpy()[other], strict=True)
        filled = ((strata[1] > 0) & (strata[3] > 0)).sum(axis=1)
        pairs = pairs.assign(within=[union(two) for two in both], strata=filled, residual_df=filled - 1)
    return pairs.drop(columns="_own"), strata


def said(frame, over):
    """Return what was counted, and within what."""
    counted = frame["counted"] if "counted" in frame else pd.Series("people", frame.index)
    return counted + f"; within {over}"


def _refuse_other_sums(totals, cells, over):
    sums = cells.sum(axis=-1)
    stated = totals[["numerator", "denominator"]].to_numpy(float).T
    other = ~(np.isclose(sums, stated) | np.isnan(sums) | np.isnan(stated)).all(axis=0)
    if other.any():
        row = totals[other].iloc[0]
        raise ValueError(
            f"group {row['group']}: {row['numerator']:g} of {row['denominator']:g} are not the sum over {over}, "
            f"{sums[0][other][0]:g} of {sums[1][other][0]:g}: count both from the same records"
        )
