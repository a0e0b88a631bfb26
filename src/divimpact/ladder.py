"""How evenly groups are spread over grades and units (Q4): frames in, one estimate per row out.

The share of a group, grade by grade, is `representation.ladder`; here is what it comes to, seen over all grades.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from divimpact import chance
from divimpact.estimates import beside, checked, compared, keys, rate_rows, ratio_rows, rows, table, union
from divimpact.intervals import miettinen_nurminen_ratio

LEADERSHIP = "leadership"  # beside the grades, it repeats the people of some of them


def glass_ceiling(shares, confidence=0.95):
    """Compare the share of each group among all staff with its share in leadership.

    `glass_ceiling_index` is the share among all (numerator, denominator) over that in leadership (reference
    counts): 1 where they are the same, above 1 where the group has less of the leadership. Infinite where it has
    none of it, NaN where it has no staff at all.

    Leaders are staff too, so the two shares are no two samples. At given numbers of posts the index is w + (1 - w) r,
    w being leadership's part of all staff and r the share outside leadership over the share in it: the limits are
    the score limits of r, put through. There are none without counts or a base, nor where all staff are leaders.

    Parameters
    ----------
    shares : DataFrame
        Estimates of `representation.shares` or `published_shares`: rows of measure `share`, those of all staff
        without grade, the others with grade "leadership".

    Returns
    -------
    DataFrame
        Estimates; shares that are known of only one of the two have no row.

    Raises
    ------
    ValueError
        For shares without a column grade.

    References
    ----------
    European Commission, She Figures Handbook 2021 (glass ceiling index); limits: Miettinen, O. and Nurminen, M.
    (1985), Stat. Med. 4, 213-226.

    Examples
    --------
    >>> shares = pd.DataFrame({"measure": "share", "grade": ["", "leadership"], "dimension": "gender", "group": "women",
    ...                        "numerator": [480, 30], "denominator": [1000, 100], "estimate": [0.48, 0.3]})
    >>> glass_ceiling(shares)[["group", "estimate", "conf_low", "conf_high"]].round(2)
       group  estimate  conf_low  conf_high
    0  women       1.6      1.23       2.17
    """
    everyone, leaders = (_of_grade(shares, grade) for grade in ("", LEADERSHIP))
    pairs = _beside(everyone, leaders).assign(grade=LEADERSHIP)
    (group, staff), (leading, posts) = _people(pairs), _people(pairs, "reference_")
    others, outside = group - leading, staff - posts
    apart = (outside > 0) & (others >= 0) & (others <= outside)
    part = posts / staff
    limits = miettinen_nurminen_ratio(others.where(apart), outside.where(apart), leading, posts, confidence)
    low, high = (part + (1 - part) * limit for limit in limits)
    index = pairs["estimate"] / pairs["reference_estimate"]
    return table(rows(pairs, "glass_ceiling_index", index, low, high, confidence, "miettinen_nurminen"))


def steps(shares, grades, confidence=0.95):
    """Compare the share of each group in each grade with that in the grade below.

    `step_ratio` is the share in the upper grade over that in the lower (reference counts; `detail` names it): below
    1 the share falls on this step. Score limits, as nobody is in both grades; none without counts or a base, nor on
    a step to "leadership", whose people are in the grades too. Infinite above a grade without the group, NaN where
    neither grade has any of it.

    Parameters
    ----------
    shares : DataFrame
        Estimates of `representation.shares` or `published_shares` by grade: rows of measure `share`.
    grades : sequence of str
        The rungs, lowest first.

    Raises
    ------
    ValueError
        For shares without a column grade.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985), Stat. Med. 4, 213-226.

    Examples
    --------
    >>> shares = pd.DataFrame({"measure": "share", "grade": ["basic", "upper"], "dimension": "gender", "group": "women",
    ...                        "numerator": [60, 9], "denominator": [100, 30], "estimate": [0.6, 0.3]})
    >>> steps(shares, ["basic", "upper"])[["grade", "detail", "estimate", "conf_low", "conf_high"]].round(2)
       grade      detail  estimate  conf_low  conf_high
    0  upper  over basic       0.5      0.27       0.83
    """
    rungs = [(_of_grade(shares, upper), _of_grade(shares, lower), lower) for lower, upper in pairwise(grades)]
    pairs = [_beside(above, below).assign(detail=f"over {lower}") for above, below, lower in rungs]
    pairs = pd.concat(pairs, ignore_index=True)
    apart = pairs["grade"] != LEADERSHIP
    cells = (count.where(apart) for side in ("", "reference_") for count in _people(pairs, side))
    limits = miettinen_nurminen_ratio(*cells, confidence)
    step = pairs["estimate"] / pairs["reference_estimate"]
    return table(rows(pairs, "step_ratio", step, *limits, confidence, "miettinen_nurminen"))


def trend(shares, grades):
    """Test whether the share of each group rises or falls from grade to grade.

    `grade_trend` is the z of the Cochran-Armitage test with scores 0, 1, 2, ...: negative where the share falls on
    the way up, over all steps taken together; `p_value` is two-sided. Numerator and denominator are added up over
    the grades. NaN where a grade is not counted, or only one has staff, or all or none of them are of the group.

    Parameters
    ----------
    shares : DataFrame
        Estimates of `representation.shares` by grade: rows of measure `share`; those without counts have no trend.
    grades : sequence of str
        The grades, lowest first, none of which repeats people ("leadership" does).

    Raises
    ------
    ValueError
        For shares without a column grade, or "leadership" among the grades.

    References
    ----------
    Cochran, W. G. (1954), Biometrics 10, 417-451; Armitage, P. (1955), Biometrics 11, 375-386.

    Examples
    --------
    >>> shares = pd.DataFrame({"measure": "share", "grade": ["basic", "upper"], "dimension": "gender", "group": "women",
    ...                        "numerator": [60, 9], "denominator": [100, 30], "estimate": [0.6, 0.3]})
    >>> trend(shares, ["basic", "upper"])[["group", "numerator", "denominator", "estimate", "p_value"]].round(3)
       group  numerator  denominator  estimate  p_value
    0  women         69          130    -2.888    0.004
    """
    if LEADERSHIP in grades:
        raise ValueError('grades hold "leadership", whose people are in other grades too: leave it out')
    shares = _shares(shares)
    counted = shares["numerator"].notna() & shares["grade"].isin(grades)
    together, count, nobs = _together(shares[counted], "grade", grades)
    z, p = chance.cochran_armitage(count, nobs)
    method = np.where(np.isnan(z), None, "cochran_armitage")
    return table(rows(together.assign(p_value=p), "grade_trend", z).assign(method=method))


def rising(promotions, confidence=0.95):
    """Compare how often each group is promoted from its grade with how often the reference group is.

    Shares in the grades are the work of decades; who rises is that of the years counted. `promotion_rate` is people
    promoted over the group's staff in the grade at the start of each step, added up over the steps (Wilson limits).
    `promotion_ratio` is that of the group over that of the reference group (score limits): below 1 the group rises less
    often. `detail` names the grade to which they rise.

    Parameters
    ----------
    promotions : DataFrame
        Columns period, grade, grade_to, dimension, group, role, reference, numerator, denominator and, if known, cells.

    Raises
    ------
    ValueError
        For a missing column, a repeated row, a count above its denominator or a reference without row.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212; Miettinen, O. and Nurminen, M. (1985), Stat. Med. 4, 213-226.

    Examples
    --------
    >>> import pandas as pd
    >>> promotions = pd.DataFrame({"period": "2021/2025", "grade": "basic", "grade_to": "senior", "dimension": "gender",
    ...                            "group": ["women", "men"], "reference": "men", "role": "group",
    ...                            "numerator": [40, 60], "denominator": [1000, 1000]})
    >>> rising(promotions)[["measure", "group", "detail", "estimate", "conf_low", "conf_high"]].round(2)
               measure  group     detail  estimate  conf_low  conf_high
    0   promotion_rate  women  to senior      0.04      0.03       0.05
    1   promotion_rate    men  to senior      0.06      0.05       0.08
    2  promotion_ratio  women  to senior      0.67      0.45       0.98
    """
    counts = checked(promotions, "grade", "grade_to", "reference", strata=["grade_to"])
    counts = counts.assign(detail="to " + counts["grade_to"].astype("str"))
    pairs = compared(counts, ["grade_to"])
    return table(rate_rows(counts, "promotion_rate", confidence), ratio_rows(pairs, "promotion_ratio", confidence))


def dissimilarity(parts, totals, over="unit", listed=True):
    """Measure how unevenly each group is spread over units, or grades, beside what chance alone would do.

    - `dissimilarity`: the part of the group that would have to change places for all places to have the same share
      of it, against the rest of the declared staff (the undeclared against all who declared); 0 to 1.
    - `dissimilarity_expected`: its exact mean if the same people were put in places of the same sizes at random, as
      small places differ by chance alone. `p_value` is the part of random allocations, drawn from a fixed seed, that
      are at least as uneven as the observed one.

    Places without declared staff add nothing. NaN where the group, or the rest, has no staff.

    Parameters
    ----------
    parts : DataFrame
        Count table of staff with `over` among its keys; "leadership" is left out, as it repeats people of grades.
    totals : DataFrame
        The same without this key: what numerator, denominator and `cells` are taken from.
    over : str
        The key whose values are the places.
    listed : bool
        Whether the counts of the places are published too.

    Returns
    -------
    DataFrame
        Estimates; `detail` says over what. They are pooled: with cells, `within` names those of the places, and
        `strata` counts the places with declared staff. `residual_df` is 0 where they are listed: if two of them are
        hidden, the total and the index together leave hardly any doubt about them, however many others are shown.
        Where none is listed, it is two less than there are: the total and the index take one each.

    Raises
    ------
    ValueError
        For a missing column, a repeated row, a fraction of a person, or a count table without its totals.

    References
    ----------
    Duncan, O. D. and Duncan, B. (1955), Am. Sociol. Rev. 20, 210-217; Carrington, W. J. and Troske, K. R. (1997),
    J. Bus. Econ. Stat. 15, 402-409.

    Examples
    --------
    >>> parts = pd.DataFrame({"unit": ["parks", "library"], "dimension": "gender", "group": "women",
    ...                       "numerator": [3, 1], "denominator": 4})
    >>> totals = pd.DataFrame({"dimension": ["gender"], "group": "women", "numerator": 4, "denominator": 8})
    >>> dissimilarity(parts, totals)[["measure", "detail", "estimate"]].round(3)
                      measure      detail  estimate
    0           dissimilarity  over units     0.500
    1  dissimilarity_expected  over units     0.257
    """
    parts = checked(parts, over)
    together, count, nobs = _together(parts[parts[over] != LEADERSHIP], over)
    pooled = _beside_totals(together, checked(totals, *(key for key in keys(parts) if key != over)))
    pooled = pooled.assign(detail=f"over {over}s")
    if "within" in pooled:
        places = np.count_nonzero(nobs > 0, axis=-1)
        pooled = pooled.assign(strata=places, residual_df=0 if listed else np.maximum(places - 2, 0))
    p = chance.dissimilarity_p(count, nobs)
    expected = rows(pooled.assign(p_value=p), "dissimilarity_expected", chance.dissimilarity_expected(count, nobs))
    return table(
        rows(pooled, "dissimilarity", chance.dissimilarity(count, nobs)),
        expected.assign(method=np.where(np.isnan(p), None, "random_allocation")),
    )


def _shares(shares):
    if "grade" not in shares:
        raise ValueError("the shares lack grade: put those of all staff and those by grade one below the other")
    return shares[shares["measure"] == "share"]


def _of_grade(shares, grade):
    return _shares(shares)[lambda found: found["grade"].fillna("") == grade]


def _beside(upper, lower):
    """Set the shares of the same group and place beside each other, whatever their grades."""
    named = [name for name in (*keys(upper), "group", "detail") if name in upper and name != "grade"]
    return beside(upper, lower, named, "inner")


def _beside_totals(together, totals):
    """Set the totals in place of the sums, whose cells are those within."""
    named = [*keys(together), "group"]
    if more := [key for key in keys(totals) if key not in named]:
        raise ValueError(f"the totals are counted by {', '.join(more)} too: count the same staff without")
    within = together[named + ["cells"] * ("cells" in together)].rename(columns={"cells": "within"})
    alone = within.merge(totals, how="left_anti", on=named)
    if len(alone):
        raise ValueError(f"the totals have no row for group {alone['group'].iloc[0]}: count the same staff for both")
    return within.merge(totals, on=named, how="left")


def _people(pairs, side=""):
    """Counts of a share, for one published with a base those that give it."""
    count, nobs, share = (pairs[f"{side}{name}"] for name in ("numerator", "denominator", "estimate"))
    return count.fillna(nobs * share), nobs


def _together(counts, key, levels=None):
    """Add up over a key; beside this, numerators and denominators, groups by levels (in the order they come in)."""
    named = [name for name in (*keys(counts), "group", "reference", "detail") if name in counts and name != key]
    levels = list(dict.fromkeys(counts[key])) if levels is None else list(levels)
    added = {"numerator": "sum", "denominator": "sum", "cells": union}
    places = counts.groupby(named, dropna=False, sort=False)
    summed = places.agg({name: add for name, add in added.items() if name in counts}).reset_index()
    wide = [place.set_index(key)[["numerator", "denominator"]].reindex(levels) for _, place in places]
    count, nobs = np.array(wide, dtype=float).reshape(len(summed), len(levels), 2).transpose(2, 0, 1)
    return summed, count, nobs
