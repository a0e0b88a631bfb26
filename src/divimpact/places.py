"""Districts, or services, beside the city as a whole (Q7): which differ by more than chance lets them?

Frames in, one estimate per row out, in the order given: nothing is ranked.
"""

import numpy as np

from divimpact import against_city
from divimpact.chance import score
from divimpact.crossed import by_stratum, said
from divimpact.estimates import beside, checked, keys, rows, table
from divimpact.intervals import proportion

LEVELS = (0.95, 0.998)


def around_city(parts, totals, over="district", levels=LEVELS):
    """Set the use of each group in each place beside the city's, with limits around the city's.

    - `uptake_around_city`: the rate of the place; its limits are not of it but around the rate of the city (the
      reference counts), one row for each level in `confidence`. Of places that are all like the city one in twenty lies
      beyond those at 95 % by chance, one in five hundred beyond those at 99.8 %. Under rule "control_limits" the
      verdict is "below", "within" or "above".
    - `overdispersion`: the mean of the places' squared scores, with the p-value of places that differ by chance alone.
      Above 1 the limits are widened by it (`method` "normal_dispersed"), so that only what stands out from the usual
      differences lies beyond; otherwise they are those of the binomial ("binomial_exact").

    A place where nobody or an unknown number is eligible has no limits and no verdict.

    Parameters
    ----------
    parts, totals : DataFrame
        Counts of uptake with and without `over`.
    over : str
        "district", or "service" to set services beside all of them.

    Raises
    ------
    ValueError
        For a missing column, a repeated row, more users than eligible, or totals that are not the sums of the parts.

    References
    ----------
    See `against_city`: Spiegelhalter (2005).

    Examples
    --------
    >>> import pandas as pd
    >>> parts = pd.DataFrame({"service": "advice", "district": ["A", "B", "C"], "dimension": "origin", "group": "here",
    ...                       "reference": "here", "numerator": [30, 14, 22], "denominator": [100, 100, 100]})
    >>> totals = parts.head(1).drop(columns="district").assign(numerator=66, denominator=300)
    >>> found = around_city(parts, totals)
    >>> found.loc[found["confidence"] == 0.95, ["district", "estimate", "conf_low", "conf_high"]].round(3)
      district  estimate  conf_low  conf_high
    0        A      0.30     0.092      0.348
    1        B      0.14     0.092      0.348
    2        C      0.22     0.092      0.348
    >>> found.loc[found["measure"] == "overdispersion", ["estimate", "p_value", "detail"]].round(3)
       estimate  p_value                   detail
    6     2.486    0.059  people; within district
    """
    whole, _ = by_stratum(parts, totals, over)
    parts = checked(parts, strata=[over])
    parts = parts[parts["role"] != "overlapping"]
    on = [*keys(whole), "group"]
    stated = parts.assign(detail=said(parts, over), benchmark="city").drop(columns="reference")
    places = beside(stated, whole, on)
    rate = proportion(places["reference_numerator"], places["reference_denominator"])
    places = places.assign(city=rate, score=score(places["numerator"], places["denominator"], rate))
    scores = places.groupby(on, dropna=False, sort=False)["score"]
    places["dispersion"] = scores.transform(lambda own: float(against_city.overdispersion(own)))
    spread = places.drop_duplicates(on)[[*on, "dispersion"]].merge(
        whole.drop(columns=["numerator", "denominator", "reference"]), on=on
    )
    p = [float(against_city.dispersion_p(own)) for _, own in scores]
    spread = rows(spread, "overdispersion", spread["dispersion"], p_value=p, detail=said(spread, over))
    return table(*(_limited(places, level) for level in levels), spread)


def _limited(places, level):
    """Limits around the city's rate at one level, and where each place lies."""
    users, eligible, wide = places["numerator"], places["denominator"], (places["dispersion"] > 1).to_numpy()
    normal = against_city.limits(places["city"], eligible, level, places["dispersion"])
    exact = against_city.exact_limits(places["city"], eligible, level)
    low, high = (np.where(wide, *both) for both in zip(normal, exact, strict=True))
    rate = proportion(users, eligible)
    known = ~(np.isnan(rate) | np.isnan(low))
    verdict = np.select([~known, rate < low, rate > high], [None, "below", "above"], "within")
    rule = np.where(known, "control_limits", None)
    found = rows(places, "uptake_around_city", rate, low, high, level, rule=rule, verdict=verdict)
    return found.assign(method=np.where(~known, None, np.where(wide, "normal_dispersed", "binomial_exact")))
