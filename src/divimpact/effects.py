"""What a measure changed, and for whom (Q8): panels of `panel` in, one estimate per row out.

All are differences of rates in parts of one. Without a group a row is of everyone who declared one; with a group, of
that group; with a reference too, of the gap: the group less the reference, from the same districts. `detail` says of
whom they are means: of people (weighted by the eligible) or of districts (each alike).

"Associated with" is all that they say, unless the districts were drawn by lot: that those with the measure would have
gone the way of the others without it cannot be shown, only doubted (`pre_trend`, `placebo_dates`).
"""

import numpy as np
import pandas as pd
from scipy import special

from divimpact.contrasts import arrays, estimated, p_values
from divimpact.estimates import rows, table
from divimpact.intervals import holm
from divimpact.scatter import largest_t
from divimpact.staggered import goodman_bacon, group_time, imputation, mean_effect, periods_of, two_way, two_way_error

POWER = 0.8  # chance with which a pre-trend is to be found


def effects(panel, estimand="people", confidence=0.95):
    """Estimate by how much use changed where and since the measure started, for whom, and whether it closed a gap.

    - `effect`: on the rate of everyone who declared a group. `effect_by_group`: on that of each group.
    - `effect_gap`: the effect on a group less that on the reference.
    - `gap_before`: the rate of a group less that of the reference in the districts with the measure, in the last period
      before it. Where `effect_gap` has the other sign, the gap narrowed.
    - The three effects by cohort too (`detail` "started 2024-Q1; ..."), without a verdict: a few districts each.

    Controls are the districts that have not started yet, those that never do among them. An effect is the mean over
    all district-periods with the measure. With fewer than 20 districts with or without it, limits are by t, with the
    scatter of all districts pooled and as many degrees as districts less cohorts, and `p_value` is by randomisation: of
    all ways to choose which districts start when, the share that shows as much. With more, both are by the normal
    distribution and the scatter within each cohort. `p_adjusted` is Holm's over the groups, over their effects and over
    their gaps; everyone and combined groups are outside. The verdict is "higher" or "lower" only where the p-value that
    decides (the adjusted one where there is one) is small and the limits hold no 0, otherwise "cannot_tell".

    In 200 cities like the sample, limits at 95 % held 96 of 100 planted effects, those of the influence function with
    normal quantiles 89: with two or three districts in a cohort the latter know too little of how districts scatter.

    Parameters
    ----------
    panel : DataFrame
        As `panel.panel` returns it.
    estimand : {"people", "districts"}

    Raises
    ------
    ValueError
        For another estimand or confidence.

    References
    ----------
    Callaway and Sant'Anna (2021), see `staggered`; limits: Donald and Lang (2007), see `scatter`; p-value: Fisher,
    R. A. (1935), The Design of Experiments, section 21.

    Examples
    --------
    >>> from divimpact import counts, panel
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> found = effects(panel.panel(found, city.frame("measures"), "Interpreters at the desk"))
    >>> found.loc[found["p_adjusted"].notna(), ["measure", "group", "estimate", "conf_low", "conf_high"]].round(4)
               measure                group  estimate  conf_low  conf_high
    1  effect_by_group                 none   -0.0019   -0.0066     0.0028
    3  effect_by_group  parents born abroad    0.0043   -0.0044     0.0130
    4  effect_by_group          born abroad    0.0312    0.0249     0.0375
    6       effect_gap  parents born abroad    0.0062   -0.0031     0.0155
    7       effect_gap          born abroad    0.0331    0.0259     0.0404
    """
    data = arrays(panel, estimand)
    found, _ = estimated(data, _overall_and_by_cohort, confidence)
    names = [data.said, *(f"started {data.periods[start]}; {data.said}" for start in data.starts if start < data.last)]
    found = found.assign(detail=[names[which] for which in found["which"]])
    many = np.bincount(data.cohort)[data.starts < data.last]
    found = _told(found, np.append(many.sum(), many))
    found = _tested(data, found, _overall_and_by_cohort, confidence).sort_values("which", kind="stable")
    gaps = data.lines.assign(estimate=data.average(_rates_before(data)), detail=data.said)
    gaps = gaps[gaps["measure"] == "effect_gap"]
    return table(_rows(found, data.method), rows(gaps, "gap_before", gaps["estimate"]))


def over_time(panel, estimand="people", confidence=0.95):
    """Estimate effects by the number of periods since the start, and before it: `effect_at`, the event study.

    Each is against the last period before the start, which has no row itself. Every estimate has two rows, which differ
    in limits and `method`: "..._pointwise" limits hold one estimate with the confidence stated, "..._simultaneous" all
    of one group or gap at once; a whole curve is judged by these. `detail` says which time and how many districts: they
    are others from time to time, and a slope may come from that alone.

    Examples
    --------
    >>> from divimpact import counts, panel
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> found = over_time(panel.panel(found, city.frame("measures"), "School visits"))
    >>> found[["method", "estimate"]].iloc[[0, -1]].round(4)
                                method  estimate
    0       pooled_scatter_t_pointwise   -0.0027
    303  pooled_scatter_t_simultaneous    0.0085
    >>> found["detail"].iloc[0]
    'event time -12; 2 of 5 districts; people: weighted by eligible'
    """
    data = arrays(panel, estimand)
    reached = data.starts[data.starts < data.last]
    events = [event for event in range(-reached.max(), data.last - reached.min()) if event != -1]

    def at_events(means, sizes, starts):
        effect = group_time(means, sizes, starts)
        each = [mean_effect(effect, sizes, periods_of(means, starts, event, event + 1)) for event in events]
        return np.stack(each, axis=-1)

    found, covariance = estimated(data, at_events, confidence)
    treated, there = (data.starts < data.last)[data.cohort].sum(), [_districts_at(data, event) for event in events]
    each = zip(events, there, strict=True)
    said = [f"event time {event:+d}; {many} of {treated} districts; {data.said}" for event, many in each]
    found = _told(found.assign(measure="effect_at", detail=[said[which] for which in found["which"]]), there)
    wide = [_widened(own, covariance, data.df, confidence) for _, own in found.groupby("line", sort=False)]
    return table(_rows(found, f"{data.method}_pointwise"), _rows(pd.concat(wide), f"{data.method}_simultaneous"))


def pre_trend(panel, estimand="people", confidence=0.95):
    """Ask whether districts with the measure went another way before it, and what the numbers could have shown.

    - `pre_trend`: by how much more than the controls they changed per period before the start, tested as `effects`.
    - `pre_trend_detectable`: the change per period that would be found with 80 % chance.
    - `pre_trend_bias`: what this change, unseen and going on, would add to the effect. Where that is as large as the
      effect, it says little that no other way was seen: "cannot_tell" is no proof of equal ways.

    NaN where no district has two periods before its start.

    References
    ----------
    Roth, J. (2022), Am. Econ. Rev. Insights 4, 305-322.

    Examples
    --------
    >>> from divimpact import counts, panel
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> found = pre_trend(panel.panel(found, city.frame("measures"), "School visits"))
    >>> found.loc[found["group"].isna(), ["measure", "estimate", "p_value", "verdict"]].round(5)
                     measure  estimate  p_value      verdict
    0              pre_trend  -0.00003  0.93434  cannot_tell
    8   pre_trend_detectable   0.00082      NaN          NaN
    16        pre_trend_bias   0.00327      NaN          NaN
    """
    data = arrays(panel, estimand)
    slope, _ = estimated(data, _slope, confidence)
    slope = _tested(data, slope.assign(detail=f"per period; {data.said}"), _slope, confidence)
    reach = special.stdtrit(data.df, (1 + confidence) / 2) + special.stdtrit(data.df, POWER)
    silent = slope.drop(columns=["p_value", "p_adjusted", "rule", "verdict"])
    silent = silent.assign(estimate=reach * slope["error"], detail=f"with {POWER:.0%} chance; {data.said}")
    return table(
        _rows(slope.assign(measure="pre_trend"), data.method),
        rows(silent, "pre_trend_detectable", silent["estimate"]),
        rows(silent, "pre_trend_bias", silent["estimate"] * _mean_time(data)),
    )


def placebo_dates(panel, earlier, estimand="people", confidence=0.95):
    """Pretend that the measure started so many periods earlier and look only at the time before it: `placebo_date`.

    No effect can be there. Where one is found, the comparison is to be doubted.

    Parameters
    ----------
    earlier : int
        1 or more.

    Raises
    ------
    ValueError
        If no district has a period before that.

    Examples
    --------
    >>> from divimpact import counts, panel
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> found = placebo_dates(panel.panel(found, city.frame("measures"), "School visits"), 4)
    >>> found.loc[found["group"].isna(), ["measure", "verdict"]]
            measure      verdict
    0  placebo_date  cannot_tell
    """
    data = arrays(panel, estimand)
    if not 1 <= earlier < data.starts[data.starts < data.last].max():
        raise ValueError(f"no district has a period before a start {earlier} periods earlier: take from 1 to fewer")

    def before(means, sizes, starts):
        effect = group_time(means, sizes, starts, ahead=earlier)
        return mean_effect(effect, sizes, periods_of(means, starts, -earlier, 0))[..., None]

    found, _ = estimated(data, before, confidence)
    found = _tested(data, found.assign(detail=f"{earlier} periods earlier; {data.said}"), before, confidence)
    return table(_rows(found.assign(measure="placebo_date"), data.method))


def placebo_groups(panel, groups, estimand="people", confidence=0.95):
    """Return the effects on groups that the measure cannot reach, as `placebo_group`: where one is found, doubt.

    Only who knows the measure can name such groups; a group for which it was not meant may be reached all the same.

    Raises
    ------
    ValueError
        For a group that is not there.

    Examples
    --------
    >>> from divimpact import counts, panel
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> rows = panel.panel(found, city.frame("measures"), "School visits")
    >>> placebo_groups(rows, ["none"])[["measure", "group", "verdict"]]
             measure group      verdict
    0  placebo_group  none  cannot_tell
    """
    if strange := [group for group in groups if group not in set(panel["group"])]:
        raise ValueError(f"there is no group {strange[0]!r}; groups: {', '.join(dict.fromkeys(panel['group']))}")
    data = arrays(panel, estimand)
    lines = (data.lines["measure"] == "effect_by_group") & data.lines["group"].isin(groups)
    found, _ = estimated(data, _overall, confidence)
    found = found.assign(detail=data.said)[lines.to_numpy()[found["line"]]]
    found = _tested(data, found, _overall, confidence)
    return table(_rows(found.assign(measure="placebo_group"), data.method))


def placebo_service(panel, estimand="people", confidence=0.95):
    """Return the effects on a service that has no measure, at the starts of one that has: `placebo_service`.

    Parameters
    ----------
    panel : DataFrame
        Made with the measures of another service: `panel.panel(counts, measures.assign(service="Job guidance"), name)`.

    Examples
    --------
    >>> from divimpact import counts, panel
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> moved = city.frame("measures").query("measure == 'School visits'").assign(service="Job guidance")
    >>> found = placebo_service(panel.panel(found, moved, "School visits"))
    >>> found.loc[found["group"].isna(), ["service", "measure", "verdict"]]
            service          measure      verdict
    0  Job guidance  placebo_service  cannot_tell
    """
    data = arrays(panel, estimand)
    found, _ = estimated(data, _overall, confidence)
    found = _tested(data, found.assign(detail=data.said), _overall, confidence)
    return table(_rows(found.assign(measure="placebo_service"), data.method))


def checks(panel, estimand="people", confidence=0.95):
    """Set other estimates beside those of `effects`: `effect_check`, by `method`, and what two-way regression compares.

    - "imputation": what each district would have had without the measure, from all that is without it (Borusyak,
      Jaravel and Spiess).
    - "never_treated": only districts that never start as controls. NaN where there are none.
    - "two_way": regression with an effect of each district and each period, limits by t clustered by district. A
      warning, no answer: `bacon_weight` is the part of each kind of comparison in it (`detail`), `bacon_estimate` what
      they say; those "later and earlier" take districts that have the measure already for controls.

    Examples
    --------
    >>> from divimpact import counts, panel
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> found = checks(panel.panel(found, city.frame("measures"), "School visits"))
    >>> found.loc[found["group"].isna(), ["measure", "method", "estimate"]].round(3)
               measure         method  estimate
    0     effect_check     imputation     0.011
    8     effect_check  never_treated     0.012
    16    effect_check        two_way     0.011
    24    bacon_weight            NaN     0.082
    25    bacon_weight            NaN     0.041
    26    bacon_weight            NaN     0.876
    27  bacon_estimate            NaN     0.007
    28  bacon_estimate            NaN     0.006
    29  bacon_estimate            NaN     0.011
    """
    data = arrays(panel, estimand)
    others = [
        _rows(estimated(data, estimator, confidence)[0].assign(measure="effect_check", detail=data.said), method)
        for method, estimator in (("imputation", _imputed), ("never_treated", _never_only))
    ]
    return table(*others, _two_way(data, confidence), *_compared(data))


def _overall_and_by_cohort(means, sizes, starts):
    effect, since = group_time(means, sizes, starts), periods_of(means, starts)
    own = [since & (np.arange(len(starts)) == cohort)[:, None] for cohort in np.flatnonzero(since.any(axis=1))]
    return np.stack([mean_effect(effect, sizes, among) for among in (since, *own)], axis=-1)


def _overall(means, sizes, starts):
    return mean_effect(group_time(means, sizes, starts), sizes, periods_of(means, starts))[..., None]


def _imputed(means, sizes, starts):
    return mean_effect(imputation(means, sizes, starts), sizes, periods_of(means, starts))[..., None]


def _never_only(means, sizes, starts):
    effect = group_time(means, sizes, starts, never_only=True)
    return mean_effect(effect, sizes, periods_of(means, starts))[..., None]


def _slope(means, sizes, starts):
    """The change per period before the start by least squares, cohorts weighted by their size."""
    effect, before = group_time(means, sizes, starts), periods_of(means, starts, -np.inf, 0)
    many = before.sum(axis=1, keepdims=True)
    time = np.where(before, np.arange(means.shape[-1]) - (many - 1) / 2, 0)
    slopes = (np.where(before, effect, 0) * time).sum(axis=-1) / np.maximum((time**2).sum(axis=-1), 0.5)
    return mean_effect(slopes[..., None], sizes, many > 1)[..., None]


def _rates_before(data):
    """The rate of each outcome in the cohorts with the measure, in the last period before it."""
    last = periods_of(data.means[0], data.starts, -1, 0)
    return np.array([mean_effect(*one, last) for one in zip(data.means, data.sizes, strict=True)])


def _mean_time(data):
    """How many periods after the last one before the start an effect is measured, on average."""
    since = periods_of(data.means[0], data.starts)
    time = np.arange(data.last) - data.starts[:, None] + 1.0
    return mean_effect(np.where(since, time, np.nan), data.sizes[0], since)


def _districts_at(data, event):
    """How many districts with the measure are observed at an event time."""
    return periods_of(data.means[0], data.starts, event, event + 1).any(axis=1)[data.cohort].sum()


def _told(found, districts):
    """Rows that are of one district with the measure rest on one stratum, which gives that district away."""
    return found.assign(strata=found["strata"].where(np.asarray(districts)[found["which"]] > 1, 1))


def _widened(found, covariance, df, confidence):
    """Limits that hold all estimates of one line at once; none where none has any."""
    known = found.index[found["error"] > 0]
    if known.empty:
        return found
    reach = np.quantile(largest_t(covariance[np.ix_(known, known)], df), confidence)
    spread = reach * found["error"]
    return found.assign(conf_low=found["estimate"] - spread, conf_high=found["estimate"] + spread)


def _tested(data, found, estimator, confidence):
    """Add p-values, Holm's over the groups of each effect, and the verdict on what is of all cohorts."""
    p, rule = p_values(data, estimator, found)
    overall = found["which"] == 0
    found = found.assign(p_value=p)
    family = found["p_value"].where(overall & (found["role"] == "group") & found["group"].notna())
    adjusted = family.groupby(found["reference"].isna()).transform(holm)
    deciding = adjusted.fillna(found["p_value"])
    told = (deciding <= 1 - confidence) & ((found["conf_low"] > 0) | (found["conf_high"] < 0))
    verdict = np.select([~told, found["estimate"] < 0], ["cannot_tell", "lower"], "higher")
    rules = np.where(adjusted.notna(), f"{rule}_holm", rule)
    decided = overall & found["estimate"].notna()
    return found.assign(
        p_adjusted=adjusted, rule=np.where(decided, rules, None), verdict=np.where(decided, verdict, None)
    )


def _rows(found, method):
    limits = (found[column] for column in ("conf_low", "conf_high"))
    return rows(found, found["measure"], found["estimate"], *limits, found["confidence"], method)


def _two_way(data, confidence):
    """The two-way regression of everyone, groups and gaps."""
    each = zip(data.means, data.sizes, strict=True)
    estimate = data.average(np.array([two_way(*one, data.starts) for one in each]))
    start = data.starts[data.cohort]
    each = zip(data.outcome, data.weight, strict=True)
    error = np.array([two_way_error(*one, start) for one in each])
    own = np.abs(data.mixture).sum(axis=1) == 1
    error = np.where(own, np.abs(data.mixture) @ error, np.nan)
    spread = special.stdtrit(len(data.cohort) - 1, (1 + confidence) / 2) * error
    lines = data.lines.assign(detail=data.said)
    return rows(lines, "effect_check", estimate, estimate - spread, estimate + spread, confidence, "two_way")


def _compared(data):
    """Part and estimate of each kind of comparison in the two-way regression of everyone."""
    kind, weight, estimate = goodman_bacon(data.means[0], data.sizes[0], data.starts)
    kinds = pd.DataFrame({"kind": kind, "weight": weight, "estimate": weight * estimate})
    kinds = kinds.groupby("kind", sort=False).sum().reset_index()
    lines = data.lines.iloc[np.zeros(len(kinds), dtype=int)].assign(detail=kinds["kind"].to_numpy() + f"; {data.said}")
    weight = kinds["weight"].to_numpy()
    return (rows(lines, "bacon_weight", weight), rows(lines, "bacon_estimate", kinds["estimate"].to_numpy() / weight))
