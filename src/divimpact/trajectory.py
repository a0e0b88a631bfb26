"""How far a group has come from its baseline towards its target, by several published rules side by side, and how
long it would go on (Q1, Q4): frames in, one estimate per row out."""

import numpy as np
import pandas as pd
from scipy import special

from divimpact.codes import BANDS, mark
from divimpact.estimates import PLAN, WAY, benchmarked, keys, latest, matched, refuse_backwards, rows, table, united
from divimpact.schema import definitions, years

ON_THE_DAY = 1e-9  # years: a share exactly on the straight way arrives in time, whatever the last bit says


def progress(shares, targets, breaks=None):
    """Set every share after the baseline beside the target of its group, as far as one definition holds.

    Of the share p now, p0 at the baseline, and t and T, the years gone and planned since the end of the baseline
    period:

    - `gap_closed`: the way gone over the whole way, (p - p0) / (target - p0): 0 at the baseline, 1 at the target,
      negative when moving away. `gap_closed_logit`: the same in log odds, where a point is a longer way near 0
      and 1 than in the middle.
    - `gap_closed_low_bound`, `gap_closed_high_bound`: `gap_closed` of the bounds over all staff, if all of the
      undeclared stood on the side farther from the target, or nearer to it. No confidence limits.
    - `progress_ratio`: observed over required compound growth per year, ((p/p0)^(1/t) - 1) /
      ((target/p0)^(1/T) - 1). Rule "open_sdg": on_track from .95, acceleration_needed from .60, limited_progress
      from 0, else moving_away; a target that is reached is on_track, however late.
    - `expected_share`: where compound growth as observed leads by the end, p (p/p0)^((T-t)/t), at most 1; once
      the end has come, p itself. `expected_progress_ratio`: (expected_share - p0) / (target - p0). Rule
      "un_progress_chart": on_track from .95, acceleration_needed from .10, else stagnation_or_regression.
    - `years_to_target`: from the period on at the observed pace, (target - p) / ((p - p0)/t); 0 when reached,
      infinite when standing still or moving away. Rule "observed_pace": reached, in_time, too_late (arrives
      after the target period), never.

    Every ratio is positive towards the target, also where that lies lower. Limits are those of the share carried
    through; the baseline is taken as given. A verdict is what holds at both limits: cannot_tell where they lie in
    two bands, or one in time and one too late (never is too_late, too); without limits the point decides.

    NaN, without verdict, are all but `expected_share` where the target is the baseline; `gap_closed_logit` where
    share, baseline or target is 0 or 1; `progress_ratio` where baseline or target is 0; before the end, what is
    expected from a baseline of 0.

    Parameters
    ----------
    shares : DataFrame
        Estimates with `period`; rows of measure `share` are used, their limits and confidence kept, and of
        `share_low_bound` and `share_high_bound`.
    targets : DataFrame
        Columns dimension, group, baseline_period, baseline, target_period, target and, if there, scope (a
        unit; empty or "city" for all) and grade (empty for all).
    breaks : mapping
        By dimension, the periods from which another definition holds.

    Returns
    -------
    DataFrame
        Estimates; `detail` names baseline and target. No row has a share without a target, or one whose
        definition is another than that of the baseline: see `not_followed`.

    Raises
    ------
    ValueError
        For a target period that is not after its baseline period, or a text that is no period.

    References
    ----------
    Open SDG: Statistics Canada, Progress Measurement Methodology for the SDGs (Open SDG documentation), ratio R and
    its table of categories, after Eurostat (2021), Sustainable development in the European Union. UN progress
    chart: formula, bands and categories as Eustat prints them (Basque statistical office, Measuring progress on
    the SDGs, sections 2.1 and 2.3), based on UN Statistics Division (2023), Progress Chart Technical Note.

    Examples
    --------
    >>> import pandas as pd
    >>> shares = pd.DataFrame({"measure": "share", "period": ["2023"], "dimension": "origin", "group": "abroad",
    ...                        "estimate": 0.22})
    >>> targets = pd.DataFrame({"dimension": ["origin"], "group": "abroad", "baseline_period": "2021",
    ...                         "baseline": 0.18, "target_period": "2025", "target": 0.30})
    >>> progress(shares, targets)[["measure", "estimate", "rule", "verdict"]].round(3)
                       measure  estimate               rule              verdict
    0               gap_closed     0.333                NaN                  NaN
    1         gap_closed_logit     0.375                NaN                  NaN
    2           progress_ratio     0.775           open_sdg  acceleration_needed
    3  expected_progress_ratio     0.741  un_progress_chart  acceleration_needed
    4           expected_share     0.269  un_progress_chart                  NaN
    5          years_to_target     4.000      observed_pace             too_late
    """
    ways = _comparable(_ways(matched(shares, targets.filter(PLAN))), breaks)
    return table(*(_measured(ways, measure) for measure in MEASURES), *_bounds(shares, targets, breaks))


def parity(shares, benchmark, breaks=None):
    """Estimate after how many years each share would meet a benchmark at the pace of its series.

    `years_to_parity` counts from the period on: the distance to the benchmark over the mean yearly change since
    the first share of the same place, group, denominator and definition, (benchmark - p) / ((p - p1)/t). It is 0
    once the benchmark is met, from whichever side, infinite when standing still or moving away, NaN where the first
    share is the benchmark. Each share meets the benchmarks that it meets in `benchmarks.against_benchmark`;
    they are taken to stand still. Limits are those of the share carried through; the first share is taken as given.

    Parameters
    ----------
    shares : DataFrame
        Estimates with `period`; rows of measure `share` are used, their limits and confidence kept.
    benchmark : DataFrame
        Columns name, dimension, group, period, share and, if there, scope and grade.
    breaks : mapping
        By dimension, the periods from which another definition holds.

    Returns
    -------
    DataFrame
        Estimates with the name in `benchmark`; `detail` says since when. The first share of a series has no row.

    References
    ----------
    After the years to parity of World Economic Forum (2023), Global Gender Gap Report, there for an index.

    Examples
    --------
    >>> import pandas as pd
    >>> shares = pd.DataFrame({"measure": "share", "period": ["2021", "2025"], "dimension": "origin",
    ...                        "group": "abroad", "estimate": [0.18, 0.26]})
    >>> population = pd.DataFrame({"name": ["population"], "dimension": "origin", "group": "abroad",
    ...                            "period": "2021", "share": 0.39})
    >>> parity(shares, population)[["measure", "period", "benchmark", "detail", "estimate"]]
               measure period   benchmark           detail  estimate
    0  years_to_parity   2025  population  pace since 2021       6.5
    """
    pairs = latest(benchmarked(_since_first(shares, breaks), benchmark))
    pairs = pairs.assign(target=pairs["benchmark_share"], detail="pace since " + pairs["baseline_period"])
    estimate, low, high = _carried(_years_to_target, pairs)
    stated = {"confidence": pairs["confidence"], "method": pairs["method"]}
    rule = np.where(estimate.notna(), "observed_pace", None)
    return table(rows(pairs, "years_to_parity", estimate, low, high, **stated, rule=rule))


def not_followed(shares, targets, breaks=None):
    """Return the targets that `progress` does not set beside the latest share, with the `reason`.

    "starts with this count": the baseline is the latest share's; "single unit": its shares are not known; "no later
    share" than the baseline is known otherwise; "another definition" than that of the baseline holds by the latest.
    """
    numbered = targets.reset_index(drop=True).rename_axis("_target").reset_index()
    pairs = matched(shares, numbered.filter([*PLAN, "_target"]))
    ways, start = _ways(pairs), pairs[years(pairs["period"]) == years(pairs["baseline_period"])]
    last = ways[ways["gone"] == ways.groupby("_target")["gone"].transform("max")]
    of_unit = ~numbered.get("scope", pd.Series("", numbered.index)).fillna("").isin(["", "city"])
    known, later, starts, followed = (
        numbered["_target"].isin(found["_target"]) for found in (pairs, ways, start, _comparable(last, breaks))
    )
    reasons = {"another definition": later, "starts with this count": starts, "single unit": of_unit & ~known}
    reason = np.select(list(reasons.values()), list(reasons), "no later share")
    return targets.assign(reason=reason)[~followed.to_numpy()]


# Which shares are set beside which baseline


def _ways(pairs):
    """The shares after their baseline period, with the years gone and the years planned."""
    start, end, now = (years(pairs[column]) for column in ("baseline_period", "target_period", "period"))
    refuse_backwards(pairs)
    pairs = pairs.assign(gone=now - start, planned=end - start).astype({"baseline": float, "target": float})
    return pairs[pairs["gone"] > 0]


def _comparable(ways, breaks):
    """The shares to which the definition of their baseline applies."""
    return ways[_definition(ways, "baseline_period", breaks) == _definition(ways, "period", breaks)]


def _definition(frame, column, breaks):
    """The number of the definition that holds for each row at the end of the period in a column."""
    number = np.zeros(len(frame), int)
    for dimension, starts in (breaks or {}).items():
        number += np.where(frame["dimension"] == dimension, definitions(frame[column], starts), 0)
    return number


def _since_first(shares, breaks):
    """The shares after the first known one of their series under one definition, with that one as baseline."""
    shares = shares[shares["measure"] == "share"]
    shares = shares.assign(_end=years(shares["period"]), _definition=_definition(shares, "period", breaks))
    series = [key for key in (*keys(shares), "group", "detail", "_definition") if key in shares and key != "period"]
    names = {"period": "baseline_period", "estimate": "baseline", "_end": "_start", "cells": "_first_cells"}
    first = shares.dropna(subset="estimate").sort_values("_end", kind="stable").drop_duplicates(series)
    pairs = shares.merge(first.rename(columns=names).filter([*series, *names.values()]), on=series)
    pairs = united(pairs, ["_first_cells", "cells"])
    pairs = pairs.assign(gone=pairs["_end"] - pairs["_start"])
    return pairs[pairs["gone"] > 0]


# One function per measure, of a share and its way: each rises, or falls, with the share throughout


def _gap_closed(share, ways):
    return _part(share, ways["baseline"], ways["target"])


def _gap_closed_logit(share, ways):
    inside = (value.where((value > 0) & (value < 1)) for value in (share, ways["baseline"], ways["target"]))
    return _part(*map(special.logit, inside))


def _part(share, baseline, target):
    way = target - baseline
    return (share - baseline) / way.mask(way == 0)


def _progress_ratio(share, ways):
    baseline, target = (ways[column].where(ways[column] > 0) for column in ("baseline", "target"))
    required = (target / baseline) ** (1 / ways["planned"]) - 1
    return ((share / baseline) ** (1 / ways["gone"]) - 1) / required.where(required != 0)


def _expected_share(share, ways):
    growth = share / ways["baseline"].where(ways["baseline"] > 0)
    still = (ways["planned"] - ways["gone"]).clip(lower=0)
    return (share * growth ** (still / ways["gone"])).clip(upper=1)


def _expected_progress_ratio(share, ways):
    return _gap_closed(_expected_share(share, ways), ways)


def _years_to_target(share, ways):
    closed = _gap_closed(share, ways)
    return ((1 / closed - 1) * ways["gone"]).clip(lower=0).mask(closed <= 0, np.inf)


# One function per rule: the verdict that holds at both limits of a share, or at the point where it has none


def _open_sdg(ways):
    def ratio_or_reached(share, ways):
        return _progress_ratio(share, ways).mask(_gap_closed(share, ways) >= 1, np.inf)

    return _banded(BANDS["open_sdg"], *_at_limits(ratio_or_reached, ways))


def _un_progress_chart(ways):
    return _banded(BANDS["un_progress_chart"], *_at_limits(_expected_progress_ratio, ways))


def _banded(bands, low, high):
    low, high = (np.searchsorted(list(bands.values()), ratio, side="right") - 1 for ratio in (low, high))
    return np.where(low == high, np.array(list(bands))[low], "cannot_tell")


def _observed_pace(ways):
    soonest, at_latest = _at_limits(_years_to_target, ways)
    left = ways["planned"] - ways["gone"] + ON_THE_DAY
    holds = {
        "never": np.isinf(soonest),
        "reached": at_latest == 0,
        "in_time": at_latest <= left,
        "too_late": soonest > left,
    }
    return np.select(list(holds.values()), list(holds), "cannot_tell")


def _at_limits(measure, ways):
    estimate, low, high = _carried(measure, ways)
    return low.fillna(estimate), high.fillna(estimate)


def _carried(measure, ways):
    """Estimate and limits of a measure that rises, or falls, with the share throughout."""
    estimate, *limits = (measure(ways[column], ways) for column in ("estimate", "conf_low", "conf_high"))
    return estimate, np.minimum(*limits), np.maximum(*limits)


MEASURES = {  # measure: its function, the rule it belongs to, the verdict of that
    "gap_closed": (_gap_closed, None, None),
    "gap_closed_logit": (_gap_closed_logit, None, None),
    "progress_ratio": (_progress_ratio, "open_sdg", _open_sdg),
    "expected_progress_ratio": (_expected_progress_ratio, "un_progress_chart", _un_progress_chart),
    "expected_share": (_expected_share, "un_progress_chart", None),
    "years_to_target": (_years_to_target, "observed_pace", _observed_pace),
}


def _measured(ways, measure):
    """One measure of all ways; rule and verdict stand only where it has a value."""
    formula, rule, verdict = MEASURES[measure]
    estimate, low, high = _carried(formula, ways)
    known = estimate.notna()
    return rows(
        ways,
        measure,
        estimate,
        low,
        high,
        ways["confidence"],
        ways["method"],
        detail=_detail(ways),
        rule=np.where(known, rule, None),
        verdict=np.where(known, verdict and verdict(ways), None),
    )


def _bounds(shares, targets, breaks):
    """The gap closed of both bounds of a share; towards a lower target the high share bounds the gap from below."""
    for side, other in (("low", "high"), ("high", "low")):
        ways = _comparable(_ways(matched(shares, targets.filter(PLAN), f"share_{side}_bound")), breaks)
        falling = ways["target"] < ways["baseline"]
        measure = np.where(falling, f"gap_closed_{other}_bound", f"gap_closed_{side}_bound")
        yield rows(ways, measure, _gap_closed(ways["estimate"], ways), detail=_detail(ways))


def _detail(ways):
    plan = zip(*(ways[column] for column in WAY), strict=True)
    return [f"{mark(p0, start)} to {mark(target, end)}" for start, p0, end, target in plan]
