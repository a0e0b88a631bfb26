"""How staff reflects the population: shares of groups, their bounds, the distance to a benchmark (Q1, Q4).

Frames in, one estimate per row out. A snapshot of staff is a census: limits describe how far the process that
made it could have drifted by chance, not sampling.
"""

import numpy as np

from divimpact.estimates import checked, matched, rate_rows, rows, table, union
from divimpact.intervals import proportion, wilson
from divimpact.schema import years


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
    share = shares["share"].to_numpy(float)
    if (outside := share[(share < 0) | (share > 1)]).size:
        raise ValueError(f"share {outside[0]:g} is not between 0 and 1: write 18 % as 0.18")
    base = shares["base"].to_numpy(float) if "base" in shares else np.full(len(shares), np.nan)
    low, high = wilson(share * base, base, confidence)
    frame = shares.assign(numerator=np.nan, denominator=base)
    return table(rows(frame, "share", share, low, high, confidence, "wilson", detail="as published"))


def against_benchmark(shares, benchmark):
    """Compare shares with benchmarks such as the population or the labour market.

    `representation_ratio` is share over benchmark share, its limits those of the share over the same;
    `gap_persons` is the staff of the group minus what the benchmark would give of the same denominator:
    negative means missing. Each row of measure `share` meets every benchmark of its dimension, group, unit
    (`scope`, empty or "city" for all) and grade (empty for all), the latest that is not after its period;
    shares without `period` meet the latest. The benchmark is taken as fixed. A benchmark of 0 gives no ratio
    (NaN), a share without denominator no gap.

    Parameters
    ----------
    shares : DataFrame
        Estimates of `shares` or `published_shares`; their confidence is kept.
    benchmark : DataFrame
        Columns name, dimension, group, period, share and, if there, scope and grade.

    Returns
    -------
    DataFrame
        Estimates with the name in `benchmark`; shares that no benchmark fits have no row.

    References
    ----------
    41 CFR 60-2.15 (United States, 2000), comparing incumbency to availability.

    Examples
    --------
    >>> import pandas as pd
    >>> staff = pd.DataFrame({"period": ["2024"], "dimension": "origin", "group": "abroad",
    ...                       "numerator": 3, "denominator": 30})
    >>> population = pd.DataFrame({"name": ["labour market"], "dimension": "origin", "group": "abroad",
    ...                            "period": "2021", "share": 0.25})
    >>> found = against_benchmark(shares(staff), population)
    >>> found[["measure", "estimate", "conf_low", "conf_high"]].round(2)
                    measure  estimate  conf_low  conf_high
    0  representation_ratio       0.4      0.14       1.02
    1           gap_persons      -4.5       NaN        NaN
    """
    pairs = _latest(_pairs(shares.assign(share_row=np.arange(len(shares))), benchmark))
    pairs = pairs.astype({"benchmark_share": float})
    expected = pairs["benchmark_share"].where(pairs["benchmark_share"] > 0)
    ratio, low, high = (pairs[column] / expected for column in ("estimate", "conf_low", "conf_high"))
    gap = pairs["denominator"] * (pairs["estimate"] - pairs["benchmark_share"])
    return table(
        rows(pairs, "representation_ratio", ratio, low, high, pairs["confidence"], pairs["method"]),
        rows(pairs, "gap_persons", gap),
    )


def not_compared(shares, benchmark):
    """Return the benchmarks that no share meets: of its unit and grade, at the end of its period or later."""
    numbered = benchmark.reset_index(drop=True).rename_axis("_benchmark").reset_index()
    return benchmark[~numbered["_benchmark"].isin(_pairs(shares, numbered)["_benchmark"]).to_numpy()]


def _base(staff):
    return np.where(staff["role"] == "undeclared", "of all staff", "of declared staff")


def _bounds(staff):
    """The shares of all staff if none, or all, of the undeclared belonged to the group."""
    if "total" not in staff:
        return []
    declared = staff[staff["role"] != "undeclared"]
    if "total_cells" in staff:
        resting = zip(declared["cells"], declared["total_cells"], strict=True)
        declared = declared.assign(cells=[union(both) for both in resting])
    undeclared = declared["total"] - declared["denominator"]
    everyone = declared.assign(denominator=declared["total"])
    return [
        rows(bound, measure, proportion(bound["numerator"], bound["denominator"]), detail="of all staff")
        for measure, bound in {
            "share_low_bound": everyone,
            "share_high_bound": everyone.assign(numerator=everyone["numerator"] + undeclared),
        }.items()
    ]


def _pairs(shares, benchmark):
    """The shares beside every benchmark that is not after their period."""
    names = {"name": "benchmark", "period": "benchmark_period", "share": "benchmark_share"}
    plan = ["dimension", "group", "scope", "grade", *names.values(), "_benchmark"]
    pairs = matched(shares, benchmark.rename(columns=names).filter(plan))
    pairs = pairs.assign(_end=years(pairs["benchmark_period"]))
    return pairs[pairs["_end"] <= years(pairs["period"])] if "period" in pairs else pairs


def _latest(pairs):
    """Of each benchmark that meets a share, the latest."""
    latest = pairs.groupby(["share_row", "benchmark"])["_end"].idxmax()
    return pairs.loc[latest.sort_values()]
