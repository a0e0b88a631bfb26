"""How uneven use is (Q7): over strata of people and places, and a gap over districts.

Frames in, one estimate per row out. Where a model has no estimate, `detail` says why.
"""

import numpy as np
import pandas as pd

from divimpact import strata, synthesis
from divimpact.crossed import by_stratum, said, side_by_side
from divimpact.estimates import checked, keys, rows, table, union
from divimpact.models import main_effects

OF_ONE = ["numerator", "denominator", "reference", "cells"]  # what rows of a whole model have not
SYNTHESIS = {
    "uptake_ratio_typical": "knapp_hartung",
    "uptake_ratio_elsewhere": "prediction_t",
    "tau_squared": "q_profile",
    "i_squared": None,
    "gap_homogeneity": None,
}


def over_strata(parts, totals, factors=("district", "group"), confidence=0.95):
    """Estimate how much use differs between strata, and what each stratum comes to: a model of strata (MAIHDA).

    Strata are all combinations of the factors that have a row; each deviates from what the factors add up to by a
    random intercept. The null model has no factors, the other the main effects of all of them.

    - `between_variance`: of the log odds of strata, in either model (`detail`), with profile limits that take account
      of the columns; `vpc`: its part in all variance; `median_odds_ratio`.
    - `pcv`: the part of the null model's variance that main effects explain; the rest is of intersections.
    - `stratum_uptake`: the rate of each stratum, drawn towards its main effects, with limits that hold 95 % of all
      strata; `numerator` and `denominator` are its own counts.

    Undeclared, combined and overlapping groups are left out: they would count people twice. So are strata of which it
    is not known how many are eligible; a service of which no stratum is known has no rows.

    Parameters
    ----------
    parts : DataFrame
        Count table of uptake, one row for each stratum.
    totals : DataFrame
        The same without the factors that are places, whose `cells` the estimates rest on.
    factors : sequence of str
        Columns whose combinations are the strata; the other keys (service, period) tell models apart.

    Raises
    ------
    ValueError
        For a missing column, a repeated row, or more users than eligible.

    References
    ----------
    See `strata`: Evans et al. (2018), Merlo et al. (2005), Larsen and Merlo (2005).

    Examples
    --------
    >>> import pandas as pd
    >>> parts = pd.DataFrame({"service": "advice", "district": list("AABBCCDD"), "dimension": "origin",
    ...                       "group": ["here", "abroad"] * 4, "numerator": [40, 9, 35, 14, 60, 16, 30, 2],
    ...                       "denominator": [200, 90, 180, 100, 210, 80, 200, 60]})
    >>> totals = parts.drop(columns="district").groupby(["service", "dimension", "group"]).sum().reset_index()
    >>> found = over_strata(parts, totals)
    >>> found[["measure", "detail", "estimate"]].head(7).round(3)
                 measure                           detail  estimate
    0   between_variance                       null model     0.194
    1                vpc                       null model     0.056
    2  median_odds_ratio                       null model     1.522
    3   between_variance  main effects of district, group     0.000
    4                vpc  main effects of district, group     0.000
    5  median_odds_ratio  main effects of district, group     1.000
    6                pcv  main effects of district, group     1.000
    """
    parts = checked(parts, strata=[factor for factor in factors if factor not in ("group", *keys(parts))])
    parts = parts[(parts["role"] == "group") & parts[["numerator", "denominator"]].notna().all(axis=1)]
    apart, blocks = [key for key in keys(parts) if key not in factors], []
    for names, own in parts.groupby(apart, dropna=False, sort=False):
        of = totals.merge(pd.DataFrame([names], columns=apart), on=[key for key in apart if key in totals])
        blocks += _of_service(own.reset_index(drop=True), of.get("cells"), list(factors), confidence)
    return table(*blocks) if blocks else rows(parts, "stratum_uptake", parts["numerator"])


def gaps_over(parts, totals, over="district", confidence=0.95):
    """Estimate how much the ratio of a group to its reference differs between districts, and what it comes to.

    Each district gives the log of the ratio and its variance; these scatter around their mean with a variance of their
    own, by restricted maximum likelihood.

    - `uptake_ratio_typical`: the mean, as a ratio, with limits of Knapp and Hartung: districts rather than people are
      averaged.
    - `uptake_ratio_elsewhere`: the same with limits between which the ratio of one more such district would lie.
    - `tau_squared`: the variance between districts, with Q-profile limits; `i_squared`: its part in all scatter.
    - `gap_homogeneity`: Cochran's Q, with the p-value of districts that are alike.

    `detail` names the districts that are left out as one of the two has nobody there.

    Parameters
    ----------
    parts, totals : DataFrame
        Counts of uptake with and without `over`.

    References
    ----------
    See `synthesis`.

    Examples
    --------
    >>> import pandas as pd
    >>> parts = pd.DataFrame({"service": "advice", "district": ["A", "A", "B", "B", "C", "C"], "dimension": "origin",
    ...                       "group": ["1", "2"] * 3, "reference": "2", "numerator": [300, 70, 20, 120, 40, 90],
    ...                       "denominator": [1000, 200, 200, 1000, 400, 500]})
    >>> totals = parts.drop(columns="district").groupby(["service", "dimension", "group", "reference"])
    >>> found = gaps_over(parts, totals.sum().reset_index())
    >>> found[["measure", "estimate", "conf_low", "conf_high"]].round(3)
                      measure  estimate  conf_low  conf_high
    0    uptake_ratio_typical     0.744     0.409      1.353
    1  uptake_ratio_elsewhere     0.744     0.039     14.278
    2             tau_squared     0.034     0.000      2.295
    3               i_squared     0.550       NaN        NaN
    4         gap_homogeneity     4.478       NaN        NaN
    """
    whole, cells = by_stratum(parts, totals, over)
    pairs, counts = side_by_side(whole, cells)
    places = parts[over].unique()
    measured = [_synthesis(*one, confidence) for one in zip(*synthesis.log_ratio(*counts), strict=True)]
    out = [", ".join(places[~one["known"]]) for one in measured]
    detail = said(pairs, over) + [f" without {names}" if names else "" for names in out]
    blocks = []
    for measure, method in SYNTHESIS.items():
        number = pd.DataFrame([one[measure] for one in measured], columns=["estimate", "low", "high", "p"])
        p = {} if number["p"].isna().all() else {"p_value": number["p"].to_numpy()}
        limits = (number[column].to_numpy() for column in ("estimate", "low", "high"))
        blocks.append(rows(pairs, measure, *limits, confidence, method, detail=detail, **p))
    return table(*blocks)


def _synthesis(effect, variance, confidence):
    """What the effects of districts come to: estimate, limits and p-value by measure."""
    tau2, nothing = synthesis.reml(effect, variance), (np.nan, np.nan)
    mean, _, *limits = synthesis.knapp_hartung(effect, variance, tau2, confidence)
    spare = max(synthesis.districts(effect, variance) - 2, 0)
    elsewhere = synthesis.prediction(effect, variance, tau2, confidence, df=spare) if spare else nothing
    q, _, p = synthesis.homogeneity(effect, variance)
    return {
        "known": np.isfinite(effect) & np.isfinite(variance),
        "uptake_ratio_typical": (np.exp(mean), *np.exp(limits), np.nan),
        "uptake_ratio_elsewhere": (np.exp(mean), *np.exp(elsewhere), np.nan),
        "tau_squared": (tau2, *synthesis.q_profile(effect, variance, confidence), np.nan),
        "i_squared": (synthesis.i_squared(effect, variance, tau2), *nothing, np.nan),
        "gap_homogeneity": (q, *nothing, p),
    }


def _of_service(own, cells, factors, confidence):
    """The rows of one service and period."""
    name = f"main effects of {', '.join(factors)}"
    designs = {"null model": np.ones((len(own), 1)), name: main_effects(own[factors])}
    fits = [strata.random_intercept(own["numerator"], own["denominator"], design) for design in designs.values()]
    about = own.head(1).drop(columns=[*factors, *OF_ONE], errors="ignore")
    if "cells" in own:
        inside = {"strata": fits[1].strata, "residual_df": fits[1].strata - fits[1].design.shape[1]}
        about = about.assign(cells=[union(cells)], within=[union(own["cells"])], **inside)
        own = own.assign(within=[union(own["cells"])] * len(own), **inside)
    blocks = [
        block for said, fit in zip(designs, fits, strict=True) for block in _variances(about, said, fit, confidence)
    ]
    explained, rates = strata.pcv(*(fit.sd for fit in fits)), strata.predictions(fits[1], confidence)
    detail = _named(name, fits[1])
    return [
        *blocks,
        rows(about, "pcv", explained, detail=detail),
        rows(own, "stratum_uptake", *rates, confidence, "random_intercept", detail=detail),
    ]


def _variances(about, name, fit, confidence):
    """The variance between strata in one model, and what it means."""
    sds = np.array([fit.sd, *strata.adjusted_sd_limits(fit, confidence)[1:]])
    meanings = {
        "between_variance": np.square(sds),
        "vpc": np.where(np.isinf(sds), 1, strata.vpc(np.where(np.isinf(sds), 0, sds))),
        "median_odds_ratio": strata.median_odds_ratio(sds),
    }
    how = {"confidence": confidence, "method": "adjusted_profile", "detail": _named(name, fit)}
    return [rows(about, measure, *numbers, **how) for measure, numbers in meanings.items()]


def _named(name, fit):
    return f"{name}: {fit.problem}" if fit.problem else name
