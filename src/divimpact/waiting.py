"""What became of applications by a day, with some still in progress (Q5): frames in, one estimate per row out.

Who is still waiting has not been turned away. Closed vacancies alone (`funnel`) are the primary answer; here all
applications count as long as they were watched, and each way to end competes with the others: rejected is not
withdrawn, and a declined offer is neither.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from divimpact import incidence
from divimpact.estimates import checked, keys, rate_rows, rows, summed, table, union
from divimpact.verdicts import OVERALL

OPEN, OF_ALL = "in_progress", "of all applications"
HIRED, OTHERWISE = "hired", "ended otherwise"
VALUES = ("estimate", "low", "high")
ADDING = {"role": "first", "numerator": "sum", "denominator": "first", "cells": union}


def by_day(counts, totals, horizon, confidence=0.95):
    """Estimate how many applications of each group have ended in each way by a day, and compare groups.

    - `outcome_by_day`: the part of all applications that ended in one way (`detail`) within so many days, the other
      ways competing and those in progress counted as long as they were watched (Aalen and Johansen); and the part that
      had not ended after so many ("undecided"). They add up to one.
    - `outcome_difference`: that of the group minus that of the reference, with limits.

    It is no share of counted people, so there is no numerator: who is in progress is in neither. NaN where the horizon
    lies beyond the longest watch of a group that is still waiting: nothing is drawn on from there. Applications without
    a day are left out (`in_progress` says how many).

    With cells the rows are pooled over days: `within` names the counts by day, `strata` is the number of days on which
    somebody of the group ended in the way that has the fewest (in a comparison, of the group with fewer), `residual_df`
    one less. So all ways of a group are shown or none, and none can be told from the others.

    Parameters
    ----------
    counts : DataFrame
        `durations.outcomes`: keys, dimension, group, reference, days, outcome, numerator.
    totals : DataFrame
        Count table of the same funnel with stage "overall": what `cells` are taken from. Groups without a row there
        have none.
    horizon : float
        Days from the application.

    Raises
    ------
    ValueError
        For a missing column, a repeated row, a reference without a row, a count below zero, or a horizon below zero.

    References
    ----------
    Aalen, O. O. and Johansen, S. (1978), Scand. J. Stat. 5, 141-150; variance and limits: see `incidence`.

    Examples
    --------
    >>> from divimpact import counts, durations
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = by_day(durations.outcomes(city, "gender"), counts.applications(city, "gender"), horizon=120)
    >>> found = found[(found["measure"] == "outcome_difference") & (found["group"] == "women")]
    >>> found[["detail", "estimate", "conf_low", "conf_high"]].round(3)
                           detail  estimate  conf_low  conf_high
    15   declined within 120 days    -0.001    -0.005      0.003
    17      hired within 120 days    -0.003    -0.012      0.006
    19   rejected within 120 days     0.009    -0.003      0.021
    21  withdrawn within 120 days    -0.001    -0.008      0.007
    23   undecided after 120 days    -0.004    -0.008      0.000
    """
    counts = _known(counts)
    found = _ended(counts, horizon, confidence, [(-np.inf, horizon)])
    if "cells" in counts:
        found = _resting_on(found, counts, totals)
    pairs = _beside_reference(found)
    sides = (pairs[side + name] for side in ("", "reference_") for name in VALUES)
    difference = pairs["estimate"] - pairs["reference_estimate"]
    between = incidence.difference_limits(*sides)
    return table(
        rows(found, "outcome_by_day", *(found[name] for name in VALUES), confidence, "aalen_johansen"),
        rows(pairs, "outcome_difference", difference, *between, confidence, "aalen_johansen"),
    )


def on_the_way(counts, totals, horizons, confidence=0.95):
    """Estimate by several days how many applications of each group ended in a hire, and how many ended otherwise.

    `outcome_on_the_way`: as `outcome_by_day`, with all other ways to end taken as one.

    With cells, what lies between two of the days rests on the counts in between as each estimate does on all before it.
    So `strata` is the number of days on which somebody was hired, or ended otherwise if these are fewer, since the day
    before and until the last one, whichever is less; for the last day, as in `by_day`, it is all until then.

    Parameters
    ----------
    counts, totals, confidence
        As `by_day`.
    horizons : sequence of float
        Days from the application, rising.

    Raises
    ------
    ValueError
        As `by_day`, and for horizons that do not rise.

    References
    ----------
    As `by_day`.

    Examples
    --------
    >>> from divimpact import counts, durations
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = on_the_way(durations.outcomes(city, "gender"), counts.applications(city, "gender"), [60, 120])
    >>> found[found["group"] == "women"][["detail", "estimate", "conf_low", "conf_high"]].round(3)
                                 detail  estimate  conf_low  conf_high
    1    ended otherwise within 60 days     0.772     0.763      0.781
    4              hired within 60 days     0.051     0.046      0.055
    7   ended otherwise within 120 days     0.878     0.871      0.884
    10            hired within 120 days     0.102     0.096      0.109
    """
    if not len(horizons) or any(later <= earlier for earlier, later in pairwise(horizons)):
        raise ValueError("the horizons do not rise: give one or more, each once, in order")
    counts = _known(counts)
    otherwise = counts.assign(outcome=counts["outcome"].where(counts["outcome"].isin([HIRED, OPEN]), OTHERWISE))
    told = summed(otherwise, [*_named(counts), "days", "outcome"])
    blocks, last = [], horizons[-1]
    for earlier, horizon in pairwise([-np.inf, *horizons]):
        spans = [(-np.inf, horizon)] if horizon == last else [(earlier, horizon), (horizon, last)]
        found = _ended(told, horizon, confidence, spans)
        blocks.append(found[~found["detail"].str.startswith("undecided")])
    found = pd.concat(blocks, ignore_index=True)
    if "cells" in counts:
        found = _resting_on(found, told, totals)
    return table(rows(found, "outcome_on_the_way", *(found[name] for name in VALUES), confidence, "aalen_johansen"))


def in_progress(counts, confidence=0.95):
    """Estimate how many applications of each group are still in progress, and of how many the day is not known.

    `open_share` and `day_missing_share`, both of all applications of the group (`detail`), with Wilson limits. They are
    counts that no review lists: they pass `disclosure.protect` only where it does.

    Parameters
    ----------
    counts : DataFrame
        As `by_day`.

    Raises
    ------
    ValueError
        For a missing column, a repeated row or a count above its denominator.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"dimension": "origin", "group": "abroad", "reference": "here", "days": [30, 40, None],
    ...                        "outcome": ["hired", "in_progress", "rejected"], "numerator": [2, 5, 1],
    ...                        "denominator": 8})
    >>> in_progress(counts)[["measure", "group", "numerator", "denominator", "estimate"]]
                 measure   group  numerator  denominator  estimate
    0         open_share  abroad          5            8     0.625
    1  day_missing_share  abroad          1            8     0.125
    """
    counts = checked(counts, "reference", strata=("days", "outcome"))
    which = {"open_share": counts["outcome"] == OPEN, "day_missing_share": counts["days"].isna()}
    return table(
        *(rate_rows(_added(counts, chosen), measure, confidence, detail=OF_ALL) for measure, chosen in which.items())
    )


def _known(counts):
    """Return the counts of which the day is known, of groups that are compared."""
    counts = checked(counts, "reference", strata=("days", "outcome"))
    return counts[counts["days"].notna() & (counts["role"] != "overlapping")]


def _ended(counts, horizon, confidence, spans):
    """Return a row for each group and way to end, and for not having ended: estimate, limits, on how many days.

    These are the fewest days on which somebody ended in a way, within one of some spans of days.
    """
    groups = _added(counts, counts["outcome"] == OPEN)
    groups = groups.drop(columns=["numerator", "denominator", "cells"], errors="ignore")
    days, ways, ended, waiting = _by_day(counts, len(groups))
    anyhow = ended.sum(axis=-1, keepdims=True)
    (estimate, variance), (gone, spread) = (
        incidence.aalen_johansen(days, each, waiting, horizon) for each in (ended, anyhow)
    )
    estimate, variance = (
        np.concatenate(both, axis=-1) for both in ((estimate, np.clip(1 - gone, 0, 1)), (variance, spread))
    )
    known = ended.sum(axis=(1, 2)) + waiting[:, days >= horizon].sum(axis=1)
    limits = incidence.limits(estimate, variance, known[:, None], confidence)
    values = dict(zip(VALUES, (estimate, *limits), strict=True))
    names = [*(f"{way} within {horizon:g} days" for way in ways), f"undecided after {horizon:g} days"]
    fewest = np.minimum.reduce([_fewest(days, ended, *span) for span in spans])
    values["strata"] = fewest[:, None] + np.zeros(len(names))
    blocks = [
        groups.assign(detail=name, **{kind: each[:, number] for kind, each in values.items()})
        for number, name in enumerate(names)
    ]
    return pd.concat(blocks, ignore_index=True)


def _fewest(days, ended, after, until):
    """Return for each group on how many days of a span somebody ended in the way in which it was on the fewest."""
    on_days = np.count_nonzero(ended[:, (days > after) & (days <= until)], axis=1)
    fewest = np.where(on_days > 0, on_days, np.inf).min(axis=-1, initial=np.inf)
    return np.where(np.isinf(fewest), 0, fewest)


def _by_day(counts, groups):
    """Return the days and ways to end, and as arrays of groups by days who ended in each and who was last seen open."""
    row = counts.groupby(_named(counts), dropna=False, sort=False).ngroup().to_numpy()
    days, ways = np.unique(counts["days"]), sorted(set(counts["outcome"]) - {OPEN})
    place = {way: number for number, way in enumerate([*ways, OPEN])}
    people = np.zeros((groups, len(days), len(place)))
    column = counts["outcome"].map(place).to_numpy(int)
    people[row, np.searchsorted(days, counts["days"]), column] = counts["numerator"]
    return days, ways, people[..., :-1], people[..., -1]


def _added(counts, chosen):
    """Add the chosen counts up over days and outcomes, groups in their order; the denominators are the group's."""
    adding = {name: add for name, add in ADDING.items() if name in counts}
    counts = counts.assign(numerator=counts["numerator"].where(chosen, 0))
    return counts.groupby(_named(counts), dropna=False, sort=False).agg(adding).reset_index()


def _named(counts):
    return [*keys(counts), "group", "reference"]


def _resting_on(found, counts, totals):
    """Add the cells of the whole way of closed vacancies, and within them the counts by day."""
    on = [*keys(counts), "group"]
    within = counts.groupby(on, dropna=False, sort=False)["cells"].agg(union).rename("within").reset_index()
    totals = totals[totals["stage"] == OVERALL]
    found = found.merge(within, on=on, how="left").merge(totals[[*on, "cells"]], on=on, how="left")
    return found.assign(residual_df=found["strata"] - 1)


def _beside_reference(found):
    """Return the groups that are compared, each beside its reference in the same way to end."""
    is_reference, on = found["group"] == found["reference"], [*keys(found), "detail"]
    beside = [*VALUES, "strata", *(name for name in ("cells", "within") if name in found)]
    reference = found.loc[is_reference, [*on, *beside]].rename(columns={name: f"reference_{name}" for name in beside})
    pairs = found[~is_reference].merge(reference, on=on, how="left")
    if (alone := pairs["reference_strata"].isna()).any():
        raise ValueError(f"the reference {pairs.loc[alone, 'reference'].iloc[0]!r} has no row: count it too")
    pairs["strata"] = np.minimum(pairs["strata"], pairs["reference_strata"])
    if "cells" not in pairs:
        return pairs
    for name in ("cells", "within"):
        pairs[name] = [union(both) for both in zip(pairs[name], pairs[f"reference_{name}"], strict=True)]
    return pairs.assign(residual_df=pairs["strata"] - 1)
