"""How staff reflects the population: shares of groups, their bounds, the distance to a benchmark (Q1, Q4).

Frames in, one estimate per row out. A snapshot of staff is a census: limits describe how far the process that
made it could have drifted by chance, not sampling. Rules trigger a look; they disagree, and none is a verdict.
"""

import numpy as np

from divimpact.estimates import checked, rate_rows, rows, table, united
from divimpact.intervals import as_shares, proportion, wilson


def shares(staff, confidence=0.95):
    """Estimate the share of each group among declared staff, and its bounds over all staff.

    `share` is the group over the declared staff, for the undeclared over all staff (`detail` says which),
    with Wilson limits. `share_low_bound` and `share_high_bound` are over all staff and put all of the
    undeclared outside or inside the group; they are no confidence limits, and left out where `staff` has no
    `total`. A group without staff has 0, a cell without declared staff NaN.

    Parameters
    ----------
    staff : DataFrame
        Count table of staff: keys, dimension, group, numerator, denominator, and if known role, total,
        cells and total_cells (what a bound rests on besides).

    Raises
    ------
    ValueError
        For a missing column, a repeated row or a count above its denominator.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212; bounds: Manski, C. F. (1989), J. Hum. Resour. 24, 343-360.

    Examples
    --------
    >>> import pandas as pd
    >>> staff = pd.DataFrame({"dimension": "origin", "group": ["abroad"], "numerator": [144],
    ...                       "denominator": [800], "total": [1000]})
    >>> shares(staff)[["measure", "detail", "estimate", "conf_low", "conf_high"]].round(3)
                measure             detail  estimate  conf_low  conf_high
    0             share  of declared staff     0.180     0.155      0.208
    1   share_low_bound       of all staff     0.144       NaN        NaN
    2  share_high_bound       of all staff     0.344       NaN        NaN
    """
    staff = checked(staff)
    return table(rate_rows(staff, "share", confidence, detail=_base(staff)), *_bounds(staff))


def ladder(staff, confidence=0.95):
    """Estimate the share of each group among the declared staff of each grade.

    `grade_share` with Wilson limits, for the undeclared over all staff of the grade; no bounds. A group
    without staff has 0, a grade without declared staff NaN.

    Parameters
    ----------
    staff : DataFrame
        Count table of staff with `grade` among its keys.

    Raises
    ------
    ValueError
        As `shares`, and for counts without grades.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212.

    Examples
    --------
    >>> import pandas as pd
    >>> staff = pd.DataFrame({"grade": ["basic", "senior"], "dimension": "gender", "group": "women",
    ...                       "numerator": [60, 9], "denominator": [100, 30]})
    >>> ladder(staff)[["grade", "estimate", "conf_low", "conf_high"]].round(3)
        grade  estimate  conf_low  conf_high
    0   basic       0.6     0.502      0.691
    1  senior       0.3     0.167      0.479
    """
    staff = checked(staff, "grade")
    return table(rate_rows(staff, "grade_share", confidence, detail=_base(staff)))


def published_shares(shares, confidence=0.95):
    """Bring percentages that a city has published into the form of `shares`.

    `share` as printed, over whatever its source divides by (`detail` says "as published"); `base` becomes
    the denominator. The numerator is not known and stays empty. Wilson limits need a base, else they are NaN.

    Parameters
    ----------
    shares : DataFrame
        Columns period, dimension, group, share (0..1) and, if known, grade and base.

    Raises
    ------
    ValueError
        For a share outside 0..1.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212.

    Examples
    --------
    >>> import pandas as pd
    >>> printed = pd.DataFrame({"period": ["2012", "2018"], "dimension": "background", "group": "foreign",
    ...                         "share": [0.152, 0.192], "base": [float("nan"), 247000]})
    >>> published_shares(printed)[["period", "estimate", "conf_low", "conf_high"]].round(4)
      period  estimate  conf_low  conf_high
    0   2012     0.152       NaN        NaN
    1   2018     0.192    0.1905     0.1936
    """
    share = as_shares(shares["share"])
    base = shares["base"].to_numpy(float) if "base" in shares else np.full(len(shares), np.nan)
    low, high = wilson(share * base, base, confidence)
    frame = shares.assign(numerator=np.nan, denominator=base)
    return table(rows(frame, "share", share, low, high, confidence, "wilson", detail="as published"))


def _base(staff):
    return np.where(staff["role"] == "undeclared", "of all staff", "of declared staff")


def _bounds(staff):
    """The shares of all staff if none, or all, of the undeclared belonged to the group."""
    if "total" not in staff:
        return []
    declared = united(staff[staff["role"] != "undeclared"], ["cells", "total_cells"])
    undeclared = declared["total"] - declared["denominator"]
    everyone = declared.assign(denominator=declared["total"])
    return [
        rows(bound, measure, proportion(bound["numerator"], bound["denominator"]), detail="of all staff")
        for measure, bound in {
            "share_low_bound": everyone,
            "share_high_bound": everyone.assign(numerator=everyone["numerator"] + undeclared),
        }.items()
    ]


def declared(staff, confidence=0.95):
    """Estimate the share of staff who declared, for each dimension and combination of keys.

    `declared_share` is the declared over all staff, with Wilson limits. It has no group, and rests on the counts
    of the undeclared and of all staff. Places without staff have NaN, dimensions without undeclared no row.

    Parameters
    ----------
    staff : DataFrame
        Count table of staff as for `shares`, with `role`.

    Raises
    ------
    ValueError
        As `shares`.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212.

    Examples
    --------
    >>> import pandas as pd
    >>> staff = pd.DataFrame({"period": ["2021", "2025"], "dimension": "origin", "group": "not stated",
    ...                       "role": "undeclared", "numerator": [200, 90], "denominator": [1000, 1200]})
    >>> declared(staff)[["measure", "period", "numerator", "denominator", "estimate"]]
              measure period  numerator  denominator  estimate
    0  declared_share   2021        800         1000     0.800
    1  declared_share   2025       1110         1200     0.925
    """
    silent = checked(staff).query("role == 'undeclared'").drop(columns=["group", "reference"], errors="ignore")
    spoken = silent.assign(numerator=silent["denominator"] - silent["numerator"])
    return table(rate_rows(spoken, "declared_share", confidence, detail="of all staff"))


def surveyed_shares(shares, confidence=0.95):
    """Bring the shares that a survey of staff has published into the form of `shares`, with their bounds.

    `share` is over those who answered, as printed. Its Wilson limits count a finite staff: as many answers as
    would say so much of an endless one, base (staff - 1) / (staff - base). They hold if who answers is chance;
    where all did, they are the share. `share_low_bound` and `share_high_bound` are over all staff and put all
    who did not answer outside or inside the group. The numerators are not known and stay empty.

    Parameters
    ----------
    shares : DataFrame
        Columns period, dimension, group, share (0..1), base (who answered), staff (who was asked).

    Raises
    ------
    ValueError
        For a share outside 0..1 or a base above the staff.

    References
    ----------
    Cochran, W. G. (1977), Sampling Techniques, 3rd ed., section 3.2 (variance of a proportion); Wilson, E. B.
    (1927), JASA 22, 209-212; bounds: Manski, C. F. (1989), J. Hum. Resour. 24, 343-360.

    Examples
    --------
    >>> import pandas as pd
    >>> berlin = pd.DataFrame({"period": ["2024"], "dimension": "background", "group": "migration", "share": 0.217,
    ...                        "base": 31658, "staff": 143000})
    >>> surveyed_shares(berlin)[["measure", "detail", "estimate", "conf_low", "conf_high"]].round(4)
                measure                 detail  estimate  conf_low  conf_high
    0             share  of those who answered    0.2170     0.213      0.221
    1   share_low_bound           of all staff    0.0480       NaN        NaN
    2  share_high_bound           of all staff    0.8267       NaN        NaN
    """
    found = published_shares(shares, confidence)
    share, base, staff = (shares[column].to_numpy(float) for column in ("share", "base", "staff"))
    if (above := base > staff).any():
        raise ValueError(f"base {base[above][0]:g} is more than staff {staff[above][0]:g}: base is who answered")
    answers = base * (staff - 1) / np.where(base < staff, staff - base, np.nan)
    low, high = (np.where(base == staff, share, limit) for limit in wilson(share * answers, answers, confidence))
    everyone, inside = found.assign(denominator=staff), share * base
    return table(
        rows(found, "share", share, low, high, confidence, "wilson_finite", detail="of those who answered"),
        rows(everyone, "share_low_bound", inside / staff, detail="of all staff"),
        rows(everyone, "share_high_bound", (inside + staff - base) / staff, detail="of all staff"),
    )
