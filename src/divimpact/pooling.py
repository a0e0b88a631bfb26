"""The same comparison within vacancies (Q6): is it real, or which vacancies people apply to? Frames in and out.

What is pooled rests on every stratum, and what it may show although counts of single strata are hidden says
`disclosure.protect`: rows have the totals' `cells`, the strata's in `within`, how many `strata` carry information, and
`residual_df`, these less one.
"""

import numpy as np
import pandas as pd

from divimpact import standardise
from divimpact.estimates import checked, compared, keys, rows, table, two_by_two, union
from divimpact.intervals import holm, proportion, ratio
from divimpact.verdicts import adjusted, decided

POOLED = {
    "impact_ratio_pooled": (standardise.risk_ratio, "greenland_robins"),
    "odds_ratio_pooled": (standardise.odds_ratio, "robins_breslow_greenland"),
    "rate_difference_pooled": (standardise.risk_difference, "sato"),
}
CELLS = ("numerator", "denominator", "reference_numerator", "reference_denominator")


def pooled(parts, totals, over="vacancy", confidence=0.95):
    """Estimate how groups pass each stage compared with their reference within the same vacancies.

    - `impact_ratio_pooled`, `odds_ratio_pooled`, `rate_difference_pooled`: what is taken to hold in every stratum,
      after Mantel and Haenszel; limits of Greenland and Robins, of Robins, Breslow and Greenland, and of Sato.
      `p_value` is the Cochran-Mantel-Haenszel test without correction; on the ratio `p_adjusted` is Holm's over the
      stages and groups of one dimension, and `verdict` under rule "cmh_holm" as in `funnel.stages`.
    - `association_pooled`: the chi-square of that test, without and with continuity correction (`detail`).
    - `homogeneity`: the chi-square of Breslow and Day, after Tarone, that the odds ratio is the same in all strata. No
      `p_value` where strata are too small for it (`standardise.homogeneity`).
    - `informative_strata`: how many strata have people of both groups of whom some passed and some did not; all others
      tell nothing of odds. `informative_share`: the part of the group, and of the reference, in them (`detail`, with
      their numbers). These are counts by stratum: they are shown only where no stratum has a hidden count.
    - `crude_over_pooled`: the ratio of all together over the pooled one; 1 where the mix of strata changes nothing.
      Rule "crude_and_pooled", verdict "agree" or "disagree": whether the test of all together (as one stratum) and that
      within strata conclude the same at level 1 - confidence. Where they disagree, that is the finding.

    Other numerators and denominators are the totals. NaN where no stratum has both groups; a ratio to nobody is
    infinite.

    Parameters
    ----------
    parts : DataFrame
        Count table of a funnel with `over` among its keys; a stratum without a row has nobody.
    totals : DataFrame
        The same without that key: what numerator, denominator and `cells` are taken from.
    over : str
        The column whose values are the strata.

    Raises
    ------
    ValueError
        For a missing column, a repeated row, a reference without a row, a count above its denominator, or totals that
        are not the sums of the parts.

    References
    ----------
    See `standardise`.

    Examples
    --------
    >>> from divimpact import counts
    >>> from divimpact.schema import read_city
    >>> berkeley = read_city("data/published/berkeley_1973")
    >>> tables = [counts.applications(berkeley, "gender", by=by) for by in (["vacancy"], [])]
    >>> found = pooled(*tables)
    >>> found = found[found["stage"] == "admitted"].head(3)
    >>> found[["measure", "estimate", "conf_low", "conf_high", "verdict"]].round(3)
                      measure  estimate  conf_low  conf_high      verdict
    0     impact_ratio_pooled     1.058     0.970      1.154  cannot_tell
    2       odds_ratio_pooled     1.105     0.943      1.295          NaN
    4  rate_difference_pooled     0.018    -0.011      0.047          NaN
    """
    pairs, strata = _within(parts, totals, over)
    statistic, p = standardise.cochran_mantel_haenszel(*strata)
    tested = adjusted(pairs.assign(p_value=p), holm)
    lower = standardise.risk_ratio(*strata)[0] < 1
    blocks = []
    for measure, (pool, method) in POOLED.items():
        said = decided(tested, "cmh_holm", lower, confidence) if measure == "impact_ratio_pooled" else {}
        found = tested if said else tested.drop(columns="p_adjusted")
        blocks.append(rows(found, measure, *pool(*strata, confidence), confidence, method, **said))
    return table(
        *blocks,
        _test(pairs, "association_pooled", statistic, p, "cochran_mantel_haenszel", detail="without correction"),
        _test(
            pairs,
            "association_pooled",
            *standardise.cochran_mantel_haenszel(*strata, corrected=True),
            "cochran_mantel_haenszel",
            detail="with correction",
        ),
        _test(pairs, "homogeneity", *standardise.homogeneity(*strata)[:2], "breslow_day_tarone"),
        *_informative(pairs, strata, over),
        _crude(pairs, strata, p, confidence),
    )


def gap_split(parts, totals, over="vacancy"):
    """Split the gap at each stage into how groups fare in the same vacancies and which ones they apply to (Kitagawa).

    `gap_from_rates` and `gap_from_composition` add up to `gap`, the rate of the group minus that of the reference, in
    parts of one. A vacancy to which only one of the two applied counts as composition alone.

    Parameters
    ----------
    parts, totals, over
        As `pooled`.

    Raises
    ------
    ValueError
        As `pooled`.

    References
    ----------
    Kitagawa, E. M. (1955), JASA 50, 1168-1194, equation 4.

    Examples
    --------
    >>> from divimpact import counts
    >>> from divimpact.schema import read_city
    >>> berkeley = read_city("data/published/berkeley_1973")
    >>> found = gap_split(*(counts.applications(berkeley, "gender", by=by) for by in (["vacancy"], [])))
    >>> found[found["stage"] == "admitted"][["measure", "group", "estimate"]].round(5)
                    measure  group  estimate
    0                   gap  women  -0.14165
    2        gap_from_rates  women   0.03603
    4  gap_from_composition  women  -0.17767
    """
    pairs, strata = _within(parts, totals, over)
    split = standardise.kitagawa(*strata)
    cells = two_by_two(pairs)
    whole = pairs.drop(columns=["within", "strata", "residual_df"], errors="ignore")  # known from the totals alone
    return table(
        rows(whole, "gap", proportion(*cells[:2]) - proportion(*cells[2:])),
        rows(pairs, "gap_from_rates", split.rates),
        rows(pairs, "gap_from_composition", split.composition),
    )


def _within(parts, totals, over):
    """Return the pairs of the totals, and the four counts of each in all strata as arrays of pairs by strata."""
    parts = checked(parts, "reference", "stage", strata=[over])
    totals = checked(totals, "reference", "stage")
    if over in totals:
        raise ValueError(f"the totals are counted by {over} too: count the same applications without")
    alone = parts.merge(totals, how="left_anti", on=[*keys(totals), "group"])
    if len(alone):
        raise ValueError(f"the totals have no row for group {alone['group'].iloc[0]}, stage {alone['stage'].iloc[0]}")
    pairs, stratum = compared(totals).reset_index(drop=True), parts[over].factorize()
    parts = parts.assign(_stratum=stratum[0])
    strata, named = np.zeros((4, len(pairs), len(stratum[1]))), []
    for side, member in enumerate(("group", "reference")):
        pair = pairs[[*keys(totals), member]].assign(_pair=pairs.index).rename(columns={member: "group"})
        found = parts.merge(pair, on=[*keys(totals), "group"])
        counts = found[["numerator", "denominator"]].to_numpy(float).T
        strata[2 * side : 2 * side + 2, found["_pair"], found["_stratum"]] = counts
        named.append(found)
    _refuse_other_sums(pairs, strata, over)
    telling = standardise.informative(*strata)[0]
    if "cells" in parts:
        within = pd.concat(named).groupby("_pair")["cells"].agg(union)
        pairs = pairs.assign(within=within.reindex(pairs.index), strata=telling, residual_df=telling - 1)
    return pairs, strata


def _refuse_other_sums(pairs, strata, over):
    sums = strata.sum(axis=-1).T
    other = ~np.isclose(sums, pairs[list(CELLS)].to_numpy(float), equal_nan=True) & ~np.isnan(sums)
    if other.any():
        row, column = np.argwhere(other)[0]
        pair, name = pairs.iloc[row], CELLS[column]
        raise ValueError(
            f"group {pair['group']}, stage {pair['stage']}: {name} is {pair[name]:g} in the totals and "
            f"{sums[row, column]:g} over all values of {over}: count the same applications for both"
        )


def _test(pairs, measure, statistic, p, method, **columns):
    found = rows(pairs.assign(p_value=p), measure, statistic, **columns)
    return found.assign(method=np.where(np.isnan(p), None, method))


def _informative(pairs, strata, over):
    number, people, others = standardise.informative(*strata)
    yield rows(pairs, "informative_strata", number, detail=f"by {over}")
    counted = pairs.drop(columns=["reference_numerator", "reference_denominator"])
    if "residual_df" in counted:
        counted = counted.assign(residual_df=0)
    sides = (people, pairs["denominator"], "of the group"), (others, pairs["reference_denominator"], "of the reference")
    for count, nobs, name in sides:
        found = counted.assign(numerator=count, denominator=nobs)
        yield rows(found, "informative_share", proportion(count, nobs), detail=name)


def _crude(pairs, strata, p, confidence):
    """Set the ratio of all together beside that within strata, by the same test with one stratum and with all."""
    together = [cell[:, None] for cell in np.array(two_by_two(pairs), dtype=float)]
    crude, within = ratio(*two_by_two(pairs)), standardise.risk_ratio(*strata)[0]
    said = [
        np.where(p_value > 1 - confidence, 0, np.sign(estimate - 1))
        for p_value, estimate in ((standardise.cochran_mantel_haenszel(*together)[1], crude), (p, within))
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        shift = crude / within
    unknown = np.isnan(p) | np.isnan(shift)
    verdict = np.select([unknown, said[0] == said[1]], [None, "agree"], default="disagree")
    rule = np.where(unknown, None, "crude_and_pooled")
    return rows(pairs, "crude_over_pooled", shift, rule=rule, verdict=verdict)
