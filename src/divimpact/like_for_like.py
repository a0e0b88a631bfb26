"""Use compared as if everyone lived in the same districts (Q7): is a gap one of groups, or of where they live?

Frames in, one estimate per row out. What is put together rests on every stratum; what it may show although counts of
single ones are hidden says `disclosure.protect`.
"""

import numpy as np

from divimpact import standard_rates, standardise
from divimpact.crossed import by_stratum, everyone, said, side_by_side
from divimpact.estimates import rows, table, two_by_two
from divimpact.intervals import miettinen_nurminen_ratio, proportion, ratio

POOLED = {
    "uptake_ratio_pooled": (standardise.risk_ratio, "greenland_robins"),
    "uptake_difference_pooled": (standardise.risk_difference, "sato"),
}


def standardised(parts, totals, over="district", confidence=0.95):
    """Estimate what use of each group would be if strata made no difference, beside what it is.

    - `uptake_standardised`: the rate of the group had it been spread over strata as all who declared a group (direct),
      with Dobson's limits; `numerator` and `denominator` are the group's own, their ratio is the crude rate.
    - `uptake_observed_over_expected`: users of the group over those it would have if each stratum served it as it does
      all who declared (indirect), with Byar's limits. Two groups are not to be compared by it, as each weighs strata
      by its own people.

    NaN where the group has nobody eligible in a stratum in which others live (direct), or a number is missing. Limits
    take uses as Poisson: for users of eligible people they are too wide rather than too narrow.

    Parameters
    ----------
    parts : DataFrame
        Count table of uptake with `over` among its keys; a stratum without a row has nobody.
    totals : DataFrame
        The same without that key: what numerator, denominator and `cells` are taken from.
    over : str
        The column whose values are the strata.

    Raises
    ------
    ValueError
        For a missing column, a repeated row, a count above its denominator, or totals that are not the sums of the
        parts.

    References
    ----------
    See `standard_rates`.

    Examples
    --------
    >>> import pandas as pd
    >>> parts = pd.DataFrame({"service": "advice", "district": ["A", "A", "B", "B"], "dimension": "origin",
    ...                       "group": ["1", "2"] * 2, "reference": "2", "numerator": [300, 70, 20, 120],
    ...                       "denominator": [1000, 200, 200, 1000]})
    >>> totals = parts.drop(columns="district").groupby(["service", "dimension", "group", "reference"])
    >>> found = standardised(parts, totals.sum().reset_index())
    >>> found[["measure", "group", "estimate", "conf_low", "conf_high"]].round(4)
                             measure group  estimate  conf_low  conf_high
    0            uptake_standardised     1    0.2000    0.1730     0.2293
    1            uptake_standardised     2    0.2350    0.1941     0.2805
    2  uptake_observed_over_expected     1    0.9648    0.8620     1.0765
    3  uptake_observed_over_expected     2    1.0654    0.9193     1.2282
    """
    whole, cells = by_stratum(parts, totals, over)
    group = whole[whole["role"] != "overlapping"]
    own = cells[:, group.index]
    city = everyone(whole, cells)[:, group.index]
    rate = standard_rates.direct(*own, city[1])
    limits = standard_rates.dobson(*own, city[1], confidence)
    expected = standard_rates.expected(own[1], *city)
    observed = standard_rates.observed_over_expected(own[0].sum(axis=-1), expected, confidence)
    return table(
        rows(group, "uptake_standardised", rate, *limits, confidence, "dobson_byar", detail=said(group, over)),
        rows(group, "uptake_observed_over_expected", *observed, confidence, "byar", detail=said(group, over)),
    )


def within(parts, totals, over="district", confidence=0.95):
    """Compare each group with its reference within the same strata, beside all together.

    - `uptake_ratio_pooled`, `uptake_difference_pooled`: what is taken to hold in every stratum, after Mantel and
      Haenszel, with limits of Greenland and Robins, and of Sato.
    - `homogeneity`: the chi-square of Breslow and Day, after Tarone, that the odds ratio is the same in all strata.
    - `uptake_gap`, `uptake_gap_from_rates`, `uptake_gap_from_composition`: the difference of rates, split into how
      groups fare in the same strata and in which strata they live (Kitagawa); the two add up to it.
    - `simpson`: the crude ratio over the pooled one. Rule "simpson", verdict "reversed" where one is below 1 and the
      other above, and limits of both hold no 1; "same_direction" where limits of both lie on one side; otherwise
      "cannot_tell".

    Parameters
    ----------
    parts, totals, over
        As `standardised`.

    Raises
    ------
    ValueError
        As `standardised`, and for a reference without a row.

    References
    ----------
    See `standardise`; Simpson, E. H. (1951), J. R. Stat. Soc. B 13, 238-241.

    Examples
    --------
    >>> import pandas as pd
    >>> parts = pd.DataFrame({"service": "advice", "district": ["A", "A", "B", "B"], "dimension": "origin",
    ...                       "group": ["1", "2"] * 2, "reference": "2", "numerator": [300, 70, 20, 120],
    ...                       "denominator": [1000, 200, 200, 1000]})
    >>> totals = parts.drop(columns="district").groupby(["service", "dimension", "group", "reference"])
    >>> found = within(parts, totals.sum().reset_index())
    >>> found[["measure", "estimate", "conf_low", "conf_high"]].round(4)
                           measure  estimate  conf_low  conf_high
    0          uptake_ratio_pooled    0.8511    0.7008     1.0336
    1     uptake_difference_pooled   -0.0350   -0.0774     0.0074
    2                  homogeneity    0.0060       NaN        NaN
    3                   uptake_gap    0.1083       NaN        NaN
    4        uptake_gap_from_rates   -0.0350       NaN        NaN
    5  uptake_gap_from_composition    0.1433       NaN        NaN
    6                      simpson    1.9789       NaN        NaN
    """
    whole, cells = by_stratum(parts, totals, over)
    pairs, strata = side_by_side(whole, cells)
    detail = said(pairs, over)
    pooled = [
        rows(pairs, measure, *pool(*strata, confidence), confidence, method, detail=detail)
        for measure, (pool, method) in POOLED.items()
    ]
    split, four = standardise.kitagawa(*strata), two_by_two(pairs)
    statistic, p = standardise.homogeneity(*strata)[:2]
    gap = proportion(*four[:2]) - proportion(*four[2:])
    return table(
        *pooled,
        rows(pairs, "homogeneity", statistic, p_value=p, method="breslow_day_tarone", detail=detail),
        rows(pairs, "uptake_gap", gap, detail=detail),
        rows(pairs, "uptake_gap_from_rates", split.rates, detail=detail),
        rows(pairs, "uptake_gap_from_composition", split.composition, detail=detail),
        _simpson(pairs, strata, confidence, detail),
    )


def _simpson(pairs, strata, confidence, detail):
    """Whether all together and the same strata point in different directions."""
    four = two_by_two(pairs)
    pooled = standardise.risk_ratio(*strata, confidence)
    crude = ratio(*four), *miettinen_nurminen_ratio(*four, confidence)
    below, above = ([one[2] < 1 for one in (crude, pooled)], [one[1] > 1 for one in (crude, pooled)])
    turned = (below[0] & above[1]) | (above[0] & below[1])
    same = (below[0] & below[1]) | (above[0] & above[1])
    verdict = np.select([turned, same], ["reversed", "same_direction"], "cannot_tell")
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = crude[0] / pooled[0]
    return rows(pairs, "simpson", apart, rule="simpson", verdict=verdict, detail=detail)
