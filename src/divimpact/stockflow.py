"""Whether a target can be reached with the turnover there is (Q2): an account in, one estimate per row out.

An account counts who was there before and after, who left and who joined. The model is of declared staff, in years
(see `renewal`), with the rates of the whole run of steps that an account covers. Where the steps are clearly not a year
apart, as those at risk say, the part w that leaves in a step is 1 - (1 - w)^(steps in a year) in a year.
"""

from functools import partial

import numpy as np
import pandas as pd

from divimpact import renewal
from divimpact.estimates import checked, keys, rate_rows, rows, table
from divimpact.turnover import DRAWS, JOIN, LEAVE, SEED, added, apart, by_year, cases, drawn, each, on_path, quantiles
from divimpact.turnover import rates as rates_of

AT_RISK = "of staff at the start of each step"
DRAWN, DRAWN_STAFF = "posterior_draws", "predictive_draws"
TURNOVERS = np.append(np.arange(1, 10) / 200, np.arange(5, 21) / 100)
VERDICTS = ["not_by_hiring_alone", "reached_anyway", "by_hiring"]


def rates(account, confidence=0.95):
    """Estimate who leaves and who joins, by group.

    - `exit_rate`: exits over the group's staff at the start of each step, added up over the steps.
    - `hire_share`: the group among the declared who were hired, the undeclared among all who were.
    - `leaver_rate` and `joiner_share`, of places that people move between: the same of all who left and joined there,
      where the account adds these up ("left", "joined": who newly declares joins the declared), not of the undeclared;
      else of exits, promotions and transfers out, and of hires, promotions and transfers in.

    Wilson limits. Nobody leaving is a rate of 0, nobody at risk or nobody hired NaN.

    Parameters
    ----------
    account : DataFrame
        Count table of stocks and flows: keys, `event` (before, after, exit, hire, and promotion_out, promotion_in,
        transfer_out, transfer_in of units and grades; others are left aside), dimension, group, role, numerator,
        denominator, and if known cells.

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
    >>> account = pd.DataFrame({"event": ["exit", "hire"], "dimension": "origin", "group": "abroad", "role": "group",
    ...                         "numerator": [90, 150], "denominator": [1500, 480]})
    >>> rates(account)[["measure", "estimate", "conf_low", "conf_high"]].round(3)
          measure  estimate  conf_low  conf_high
    0   exit_rate     0.060     0.049      0.073
    1  hire_share     0.312     0.273      0.355
    """
    exits, hires = (checked(account[account["event"] == event], "event", "role") for event in ("exit", "hire"))
    moves = account.loc[account["event"].isin([*JOIN[1:], *LEAVE[1:], "joined", "left"]), keys(account)]
    moved = account.merge(moves.drop_duplicates(), on=keys(account))
    ways = [(some[(some["role"] != "undeclared") | ("hire" in way["joined"])], way) for some, way in apart(moved)]
    left, joined = (pd.concat([added(some, way[name]) for some, way in ways]) for name in ("left", "joined"))
    undeclared = joined["numerator"].where(joined["role"] == "undeclared", 0)
    joined = joined.assign(denominator=joined["declared"] + undeclared)
    return table(
        rate_rows(exits, "exit_rate", confidence, detail=AT_RISK),
        rate_rows(hires, "hire_share", confidence, detail=_base(hires, "hires")),
        rate_rows(left, "leaver_rate", confidence, detail=AT_RISK),
        rate_rows(joined, "joiner_share", confidence, detail=_base(joined, "who joined")),
    )


def required(account, targets, growth=0.0, confidence=0.95, draws=DRAWS, seed=SEED):
    """Estimate what leads to each target, and where the present rates lead.

    - `required_hire_share`: share of the group among those who join, the same in each year, that ends at the target.
      `verdict` under rule "hiring_alone", on the way from the staff counted last: not_by_hiring_alone above 1,
      reached_anyway below 0, else by_hiring, and cannot_tell where the limits lie in two of these. For a target
      below the baseline all of it is mirrored.
    - `milestone`: the share on that path at the end of each year, under the period of that year; NaN where no share
      from 0 to 1 leads there.
    - `reachable_year`: years until the target if all who join were of the group (below the baseline: none).
    - `reachable_exit_rate`: turnover from which on that would be in time, if the exit rates of the group and of the
      others rose or fell in proportion; 0 where no turnover is needed, NaN where none is enough.
    - `years_at_present`: years until the target with the present rates, infinite where they never lead there.
    - `long_run_share`: where the present rates lead in the end.

    Where staff were counted after the baseline period, a path starts at the baseline as stated: what was needed, or
    would have been, without verdict. Where the target period is still ahead of the account, one starts at the staff
    counted last (`detail`). Who joins a grade or unit is hired, promoted or transferred, who leaves it
    likewise. Limits are quantiles over draws of the rates from their posterior (Jeffreys' prior), for a given start
    and target: how uncertain the rates are, not what chance will do, see `chances`. A rate of nobody is NaN.

    Parameters
    ----------
    account : DataFrame
        As for `rates`, where `period` is a run of steps such as 2021/2025; of several, the last is used.
    targets : DataFrame
        Columns dimension, group, baseline_period, baseline, target_period, target and, if there, scope (a unit;
        empty or "city" for all) and grade (empty for all).
    growth : float
        Growth of staff per year. If it is negative, posts end as people leave; NaN where fewer leave than posts end.

    Raises
    ------
    ValueError
        For an account without a run of steps, a target period that is not after its baseline period, or a text that
        is no period.

    References
    ----------
    Bartholomew, D. J., Forbes, A. F. and McClean, S. I. (1991), Statistical Techniques for Manpower Planning, 2nd ed.

    Examples
    --------
    >>> import pandas as pd
    >>> account = pd.DataFrame({"period": "2021/2025", "event": ["exit", "hire", "before", "after"] * 2,
    ...                         "dimension": "origin", "group": ["abroad"] * 4 + ["here"] * 4, "role": "group",
    ...                         "numerator": [96, 192, 360, 456, 384, 288, 1640, 1544],
    ...                         "denominator": [1600, 480, 2000, 2000, 6400, 480, 2000, 2000]})
    >>> targets = pd.DataFrame({"dimension": ["origin"], "group": "abroad", "baseline_period": "2021",
    ...                         "baseline": 0.18, "target_period": "2025", "target": 0.30})
    >>> required(account, targets)[["measure", "period", "estimate", "conf_low", "conf_high"]].round(2)
                   measure     period  estimate  conf_low  conf_high
    0  required_hire_share  2021/2025      0.73      0.67       0.78
    1            milestone       2022      0.21      0.21       0.21
    2            milestone       2023      0.24      0.24       0.24
    3            milestone       2024      0.27      0.27       0.27
    4            milestone       2025      0.30      0.30       0.30
    5       reachable_year  2021/2025      2.56      2.32       2.83
    6  reachable_exit_rate  2021/2025      0.04      0.04       0.04
    7     years_at_present  2021/2025     12.74      9.01      22.57
    8       long_run_share  2021/2025      0.40      0.34       0.47
    """
    found = cases(account, targets)
    of_rates = rates_of(found, growth), drawn(found, draws, seed, growth)
    estimated = {
        measure: _with_limits(*(estimate(found, given, growth) for given in of_rates), confidence)
        for measure, estimate in OUTLOOK.items()
    }
    required, *others = (rows(found, measure, *values) for measure, values in estimated.items())
    return table(_judged(required, found), _milestones(found, of_rates, growth, confidence), *others)


def chances(account, targets, growth=0.0, draws=DRAWS, seed=SEED):
    """Estimate the chance that a target is reached on time if the present rates stay, in a staff of this size.

    `chance_of_target`, in two rows: with "rates as estimated", exactly, from the distribution of the group
    (`renewal.chances`; over draws of the staff where it shrinks), and with "rates uncertain", over draws of the rates
    and of the staff that follows from each.
    Whole people reach a target: 3 of 10 are 30 %. Only targets that are still ahead have a chance; it starts at the
    declared staff counted last. NaN where a rate is of nobody.

    Parameters and errors are those of `required`.

    References
    ----------
    Bartholomew, D. J. (1982), Stochastic Models for Social Processes, 3rd ed.

    Examples
    --------
    >>> import pandas as pd
    >>> account = pd.DataFrame({"period": "2017/2021", "event": ["exit", "hire", "before", "after"] * 2,
    ...                         "dimension": "origin", "group": ["abroad"] * 4 + ["here"] * 4, "role": "group",
    ...                         "numerator": [16, 46, 36, 36, 64, 54, 164, 164],
    ...                         "denominator": [160, 100, 200, 200, 640, 100, 200, 200]})
    >>> targets = pd.DataFrame({"dimension": ["origin"], "group": "abroad", "baseline_period": "2021",
    ...                         "baseline": 0.18, "target_period": "2025", "target": 0.30})
    >>> chances(account, targets)[["measure", "estimate", "method"]].round(2)
                measure  estimate            method
    0  chance_of_target      0.21             exact
    1  chance_of_target      0.27  predictive_draws
    """
    found = cases(account, targets)
    found = found[~found["stated"]].reset_index(drop=True)
    known, frequency = rates_of(found, growth), partial(_frequency, growth=growth, seed=seed)
    exact = "exact", known, partial(_chance, growth=growth)
    of_draws = "draws", np.repeat(known[:, np.newaxis], draws, axis=1), frequency
    ways = {
        "rates as estimated": exact if growth >= 0 else of_draws,
        "rates uncertain": (DRAWN_STAFF, drawn(found, draws, seed, growth), frequency),
    }
    of_rates = [
        rows(found, "chance_of_target", each(found, given, chance), detail=found["detail"] + f", {how}").assign(
            method=method
        )
        for how, (method, given, chance) in ways.items()
    ]
    return table(*of_rates)


def at_turnover(account, targets, turnovers=TURNOVERS, growth=0.0):
    """Estimate what each target would need at other rates of turnover, one pair of rows for each of `turnovers`.

    `assumed_turnover` is the part of all declared staff that leaves in the first year, `required_at_turnover` the
    `required_hire_share` if the exit rates of the group and of the others rose or fell in proportion to that. The
    `detail` of a pair names both, that of the first pair the turnover as it is. Expected values without limits; above
    1 no hiring is enough. NaN where one of the exit rates would be above 1, or a rate is of nobody.

    Parameters and errors are those of `required`; `turnovers` are parts of all staff a year, 0..1.

    References
    ----------
    As `required`.

    Examples
    --------
    >>> import pandas as pd
    >>> account = pd.DataFrame({"period": "2021/2025", "event": ["exit", "hire", "before", "after"] * 2,
    ...                         "dimension": "origin", "group": ["abroad"] * 4 + ["here"] * 4, "role": "group",
    ...                         "numerator": [96, 192, 360, 456, 384, 288, 1640, 1544],
    ...                         "denominator": [1600, 480, 2000, 2000, 6400, 480, 2000, 2000]})
    >>> targets = pd.DataFrame({"dimension": ["origin"], "group": "abroad", "baseline_period": "2021",
    ...                         "baseline": 0.18, "target_period": "2025", "target": 0.30})
    >>> at_turnover(account, targets, [0.04, 0.08])[["measure", "estimate"]].round(2)
                    measure  estimate
    0      assumed_turnover      0.06
    1  required_at_turnover      0.73
    2      assumed_turnover      0.04
    3  required_at_turnover      0.98
    4      assumed_turnover      0.08
    5  required_at_turnover      0.60
    """
    found = cases(account, targets)
    _, *exits = rates_of(found)
    now = renewal.turnover(found["start"].to_numpy(float), *exits)
    assumed = {"turnover as it is": now} | {
        f"turnover {100 * part:.4g} %": np.full(len(found), part) for part in turnovers
    }
    return table(
        *(block for how, part in assumed.items() for block in _at_turnover(found, exits, part / now, growth, how))
    )


def _at_turnover(cases, exits, factor, growth, how):
    """Yield the assumed turnover and the required share with both exit rates times a factor."""
    exits = np.where(factor * np.max(exits, axis=0) <= 1, factor * np.array(exits), np.nan)
    start, detail = cases["start"].to_numpy(float), cases["detail"] + f", {how}"
    turnover = renewal.turnover(start, *exits)
    exits = np.where(turnover + growth < 0, np.nan, exits)
    yield rows(cases, "assumed_turnover", turnover, detail=detail)
    needed = renewal.required_share(start, cases["target"], cases["years"], *exits, growth)
    yield rows(cases, "required_at_turnover", needed, detail=detail)


def _base(counts, people):
    return np.where(counts["role"] == "undeclared", f"of all {people}", f"of declared {people}")


def _with_limits(estimate, draws, confidence):
    return estimate, *quantiles(draws, confidence), confidence, DRAWN


def _way(cases):
    return np.where(cases["target"] >= cases["baseline"], 1, -1)


def _reached(cases):
    return (cases["start"] - cases["target"]) * _way(cases) >= 0


def _required_hire_share(cases, rates, growth):
    return renewal.required_share(cases["start"], cases["target"], cases["years"], *rates[1:], growth)


def _reachable_year(cases, rates, growth):
    return _years_at(cases, (_way(cases) > 0, *rates[1:]), growth)


def _reachable_exit_rate(cases, rates, growth):
    (_, *exits), start = rates, cases["start"].to_numpy()
    factor = renewal.exits_needed(start, cases["target"], cases["years"], _way(cases) > 0, *exits, growth)
    return np.where(_reached(cases), max(-growth, 0), factor * renewal.turnover(start, *exits))


def _years_at(cases, rates, growth):
    return np.where(_reached(cases), 0, renewal.years_until(cases["start"], cases["target"], *rates, growth))


def _long_run_share(_, rates, growth):
    return renewal.long_run(*rates, growth)


OUTLOOK = {
    "required_hire_share": _required_hire_share,
    "reachable_year": _reachable_year,
    "reachable_exit_rate": _reachable_exit_rate,
    "years_at_present": _years_at,
    "long_run_share": _long_run_share,
}


def _judged(required, cases):
    """Say whether hiring alone can do it, as far as both limits say the same."""
    rising, low, high = _way(cases) > 0, required["conf_low"], required["conf_high"]
    needed = np.where(rising, low, 1 - high), np.where(rising, high, 1 - low)
    least, most = (np.select([share > 1, share < 0], VERDICTS[:2], VERDICTS[2]) for share in needed)
    verdict = np.where(least == most, least, "cannot_tell")
    said, open_still = {"rule": "hiring_alone", "verdict": verdict}, low.notna() & ~cases["stated"]
    return required.assign(**{column: np.where(open_still, text, None) for column, text in said.items()})


def _milestones(cases, of_rates, growth, confidence):
    """The path under the required share, missing where there is none from 0 to 1."""
    numbers, path = by_year(cases)
    hiring = [_required_hire_share(cases, rates, growth) for rates in of_rates]
    joined = zip(hiring, of_rates, strict=True)
    shares = [on_path(path, (share[..., numbers], *rates[1:, ..., numbers]), growth) for share, rates in joined]
    possible = ((hiring[0] >= 0) & (hiring[0] <= 1))[numbers]
    estimate, low, high = (
        np.where(possible, share, np.nan) for share in (shares[0], *quantiles(shares[1], confidence))
    )
    return rows(path, "milestone", estimate, low, high, confidence, DRAWN)


def _chance(case, rates, growth):
    chance = renewal.chances(case.years, int(case.people), int(case.staff), *rates, growth)
    return chance[_is_there(case, np.arange(len(chance)), len(chance) - 1)].sum()


def _frequency(case, rates, growth, seed):
    rng = np.random.default_rng([seed, 1])  # not the stream of the rates
    ends = renewal.year_ends(case.years)
    *_, last = renewal.people_drawn(ends, int(case.people), int(case.staff), *rates, growth, rng=rng)
    return _is_there(case, *last).mean()


def _is_there(case, people, staff):
    """Whether people of all staff are the target or beyond, on whole numbers."""
    if case.target >= case.baseline:
        return people >= renewal.people_at(case.target, staff, 1)
    return people <= renewal.people_at(case.target, staff, -1)
