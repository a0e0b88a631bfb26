"""An account of stocks and flows as rates: one row for each place and group, from where it starts, with draws.

What the analyses of stock and flow have in common. Counts of the declared stand beside those of the group, so that the
others are the difference; the undeclared are in neither.
"""

from functools import partial, reduce

import numpy as np
import pandas as pd

from divimpact import renewal
from divimpact.codes import mark
from divimpact.estimates import PLAN, keys, matched, refuse_backwards, summed, united
from divimpact.intervals import proportion
from divimpact.schema import years

JOIN, LEAVE = ("hire", "promotion_in", "transfer_in"), ("exit", "promotion_out", "transfer_out")
STOCKS = {"before": ("before",), "after": ("after",)}
SEED, DRAWS = 1, 10_000


def added(counts, events, more=()):
    """Add up events by place and group (and `more` keys), over who was at risk; beside them all declared likewise.

    Columns numerator, denominator, declared, declared_at_risk and, if the counts have them, the cells of all these.
    """
    found = counts[counts["event"].isin(events)].astype(dict.fromkeys(keys(counts), "str"))
    found = found.assign(denominator=found["denominator"].where(found["event"].isin(["exit", "left"]), 0))
    by = [*keys(counts), *more]
    of_groups = summed(found, [*by, *_member(counts)])
    names = {"numerator": "declared", "denominator": "declared_at_risk", "cells": "declared_cells"}
    declared = summed(of_groups[of_groups["role"] == "group"], by).rename(columns=names)
    return united(of_groups.merge(declared, on=by, how="left"), ["cells", "declared_cells"])


def last_run(counts):
    """Return the rows of the last run of steps of each dimension, which have a period such as 2021/2025.

    Raises
    ------
    ValueError
        If there are rows and no run of steps.
    """
    runs = counts[counts["period"].str.contains("/")]
    if len(counts) and runs.empty:
        raise ValueError(
            "column period of the account: no run of steps such as 2021/2025 is among "
            f"{', '.join(dict.fromkeys(counts['period']))}; pass the account that adds up the steps"
        )
    ends = pd.Series(years(_until(runs)), runs.index)
    return runs[ends == ends.groupby(runs["dimension"]).transform("max")]


def apart(account):
    """Yield the places whose account does not add up who left and joined, then those where it does, each with how."""
    here = keys(account)
    summed = account.loc[account["event"].isin(["left", "joined"]), here].drop_duplicates().assign(summed=True)
    is_summed = account.merge(summed, on=here, how="left")["summed"].notna().to_numpy()
    yield account[~is_summed], {"left": LEAVE, "joined": JOIN}
    yield account[is_summed], {"left": ("left",), "joined": ("joined",)}


def places(account):
    """Return the counts of every part by place and group over the last run: left_numerator, left_declared, ...

    `until` is the period of the staff counted last, `span` the years of the run, `steps` its steps in a year.

    Raises
    ------
    ValueError
        As `last_run`.
    """
    each = [(some, parts | STOCKS) for some, parts in apart(last_run(account))]
    return pd.concat([of_parts(*one) for one in each if len(one[0])] or [of_parts(*each[0])], ignore_index=True)


def of_parts(run, parts):
    """Return the counts of parts, each the sum of some events, by place and group of a run."""
    by = [*keys(run), *_member(run)]
    each = [added(run, events).set_index(by).add_prefix(f"{part}_").reset_index() for part, events in parts.items()]
    found = reduce(partial(pd.merge, on=by, how="left"), each)
    since, until = (years(found["period"].str.split("/").str[end]) for end in (0, -1))
    found = found.assign(until=_until(found), span=until - since)
    return united(found, [f"{part}_cells" for part in parts]).assign(steps=_steps(found))


def counted(account):
    """Return the places of an account, each starting at the staff counted last: since, start, people, staff."""
    return _now(places(account))


def cases(account, targets):
    """Return each target beside its place: from the baseline, if staff were counted since, and from now, if ahead.

    Columns since, start, `years` until the target, `detail`, and whether the start is the `stated` baseline: such a way
    lies behind, in part or as a whole, and has no people and staff, as the others have.

    Raises
    ------
    ValueError
        As `places`, and for a target period that is not after its baseline period.
    """
    declared = places(account).query("role != 'undeclared'")
    found = matched(declared.assign(measure="share"), targets.filter(PLAN))
    found = found.astype({"baseline": float, "target": float})
    start, now, end = (years(found[column]) for column in ("baseline_period", "until", "target_period"))
    refuse_backwards(found)
    baseline, target = (_marks(found, name) for name in ("baseline", "target"))
    target = np.where(found["target"] < found["baseline"], "at most ", "") + target
    stated = {"since": found["baseline_period"], "start": found["baseline"], "years": end - start, "stated": True}
    stated |= {"detail": baseline + " to " + target}
    ahead = {"years": end - now, "detail": "staff of " + found["until"] + " to " + target, "stated": False}
    ways = found.assign(**stated)[start < now], _now(found).assign(**ahead)[end > now]
    return pd.concat(ways, ignore_index=True).astype({"stated": bool})


def rates(starts, growth=0.0):
    """Return joining, leaving and others_leaving of places or cases, of a year, as three rows of an array.

    They are NaN where a staff shrinks faster than people leave it: nobody has to go.
    """
    joined, *left = (proportion(*counts) for counts in _counts(starts))
    found = np.array([joined, *(yearly(rate, starts["steps"]) for rate in left)])
    too_few = renewal.turnover(starts["start"].to_numpy(float), *found[1:]) + growth < 0
    return np.where(too_few, np.nan, found)


def drawn(starts, draws, seed, growth=0.0):
    """Draw these rates, three by draws by places: one stream for each place, so that row order decides nothing."""
    each = np.transpose(np.array(_counts(starts)), (2, 1, 0))
    found = [renewal.rates_drawn(*of_one, draws, np.random.default_rng(seed)) for of_one in each]
    joined, *left = np.reshape(found, (len(starts), draws, 3)).transpose(2, 1, 0)
    found = np.array([joined, *(yearly(rate, starts["steps"].to_numpy()) for rate in left)])
    return np.where(np.isnan(rates(starts, growth))[:, np.newaxis], np.nan, found)


def yearly(rate, steps):
    """The part that leaves in a year, where it is `rate` in each of its `steps`.

    Examples
    --------
    >>> yearly(np.array([0.02, 0.19]), np.array([4, 0.5])).round(4)
    array([0.0776, 0.1   ])
    """
    return np.where(steps == 1, rate, 1 - (1 - np.asarray(rate)) ** steps)


def by_year(starts):
    """Return places or cases once for every year of their `years`, and their numbers; a last part of a year counts.

    Column `year` is how far the year's end is from the start, `period` the period that ends there.
    """
    numbers = np.repeat(np.arange(len(starts)), np.ceil(starts["years"].to_numpy(float)).astype(int))
    path = starts.iloc[numbers].reset_index(drop=True)
    whole = path.groupby(numbers).cumcount() + 1
    later = (path["since"].str[:4].astype(int) + whole).astype("str") + path["since"].str[4:]
    if "target_period" in path:
        later = later.where(whole <= path["years"], path["target_period"])
    return numbers, path.assign(year=np.minimum(whole, path["years"]), period=later)


def on_path(path, rates, growth):
    """Expected share at the end of each year of `by_year`."""
    joining, *exits = rates
    return renewal.share_after(path["year"].to_numpy(), path["start"].to_numpy(), joining, *exits, growth)


def quantiles(draws, confidence):
    """Limits that hold the middle of the draws; infinite draws are allowed."""
    return np.quantile(draws, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0, method="inverted_cdf")


def each(starts, rates, estimate, undefined=np.nan):
    """Estimate one place or case at a time, undefined where staff or a rate is of nobody."""
    known = ~np.isnan(rates).any(axis=tuple(range(rates.ndim - 1))) & (starts["staff"] > 0) & starts["people"].notna()
    one_by_one = zip(known, starts.itertuples(), np.moveaxis(rates, -1, 0), strict=True)
    return [estimate(start, of_one) if sure else undefined for sure, start, of_one in one_by_one]


def _member(counts):
    return [column for column in ("group", "role", "reference") if column in counts]


def _until(runs):
    return runs["period"].str.split("/").str[-1]


def _steps(found):
    """Steps in a year, by dimension and run: 1 where those at risk, added up, are about all staff once a year."""
    columns, run = ["left_denominator", "before_numerator", "after_numerator"], ["dimension", "period"]
    known = found[found["role"] == "group"].dropna(subset=columns).groupby(run, as_index=False)[columns].sum()
    at_risk, before, after = (found[run].merge(known, on=run, how="left")[column].to_numpy() for column in columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        steps = at_risk / ((before + after) / 2)
        a_year = steps / found["span"].to_numpy()
        other = (steps > 0) & ((a_year <= 3 / 5) | (a_year >= 5 / 3))  # half-years are 2, pairs of years 1/2
    return np.where(other, np.maximum(np.round(steps), 1) / found["span"], 1.0)


def _now(found):
    people, staff = found["after_numerator"], found["after_declared"]
    return found.assign(since=found["until"], people=people, staff=staff, start=proportion(people, staff))


def _marks(cases, name):
    marks = [mark(*case) for case in zip(cases[name], cases[f"{name}_period"], strict=True)]
    return pd.Series(marks, cases.index, dtype="str")


def _counts(starts):
    """Counts and denominators of the three rates."""
    joined, all_joined = starts["joined_numerator"], starts["joined_declared"]
    left, at_risk = starts["left_numerator"], starts["left_denominator"]
    others, others_at_risk = starts["left_declared"] - left, starts["left_declared_at_risk"] - at_risk
    return [(joined, all_joined), (left, at_risk), (others, others_at_risk)]
