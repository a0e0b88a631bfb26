"""Where recruitment loses whom (Q5): frames in, one estimate per row out."""

import numpy as np

from divimpact.chance import cochran_armitage
from divimpact.estimates import (
    beside,
    checked,
    compared,
    keys,
    rate_rows,
    ratio_rows,
    rows,
    summed,
    table,
    two_by_two,
    union,
)
from divimpact.exact import boschloo
from divimpact.intervals import (
    benjamini_hochberg,
    fisher,
    fisher_mid,
    katz_ratio,
    newcombe,
    proportion,
    ratio,
    shortfall,
)
from divimpact.verdicts import OVERALL, adjusted, decided, impact_ratios, is_lower, members


def stages(counts, confidence=0.95):
    """Estimate who passes each stage, against the reference group.

    - `pass_rate`: reached the stage over reached the one before, for every row, with Wilson limits.
    - `impact_ratio`: rate of the group over rate of the reference, with score limits. `p_value` is Fisher's,
      two-sided; `p_adjusted` Holm's over the stages and groups of one dimension. Outside this family, and
      without `p_adjusted`, are stage "overall", combined groups and the undeclared. `verdict` under rule
      "fisher_holm" is lower, higher or cannot_tell at level 1 - confidence: by `p_adjusted` in the family, by
      `p_value` on "overall" for groups and combined groups; elsewhere empty.
    - `rate_difference`: rate of the group minus rate of the reference, with Newcombe's limits.
    - `shortfall`, in persons: how many more of the group would have passed at the rate of all declared
      groups together, of the reference, or at four fifths of the latter (`detail`); negative where more did.
      The last has rule "four_fifths" and verdict triggered or not_triggered; exactly 80 % does not trigger.

    Each comparison stays within one combination of keys. Nobody passing is a rate of 0; nobody at the stage
    before is NaN, without limits, p or verdict. A ratio to a rate of 0 is infinite, of 0 to 0 NaN.

    Parameters
    ----------
    counts : DataFrame
        Count table of a funnel: keys, dimension, group, reference, stage, numerator, denominator, and if
        known role and cells. Rows of role "overlapping" are not compared.

    Raises
    ------
    ValueError
        For a missing column, a repeated row, a reference without a row, a count above its denominator or a
        fraction of a person.

    References
    ----------
    Limits, tests and shortfall: see `intervals`. Four fifths: 29 CFR 1607.4 D (United States, 1978) and its
    Questions and Answers 12 (1979), with the fixed reference in place of the group with the highest rate.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"dimension": "ethnicity", "group": ["BME", "White"], "reference": "White",
    ...                        "stage": "shortlisted", "numerator": [10, 389], "denominator": [43, 920]})
    >>> stages(counts)[["measure", "group", "detail", "estimate", "verdict"]].round(3)
               measure  group           detail  estimate    verdict
    0        pass_rate    BME              NaN     0.233        NaN
    1        pass_rate  White              NaN     0.423        NaN
    2     impact_ratio    BME              NaN     0.550      lower
    3  rate_difference    BME              NaN    -0.190        NaN
    4        shortfall    BME  to overall rate     7.816        NaN
    5        shortfall    BME      to equality     8.182        NaN
    6        shortfall    BME   to four fifths     4.545  triggered
    """
    counts = checked(counts, "reference", "stage")
    pairs = compared(counts)
    return table(
        rate_rows(counts, "pass_rate", confidence),
        impact_ratios(pairs, confidence),
        _rate_differences(pairs, confidence),
        _shortfall_to_overall(pairs, counts),
        rows(pairs, "shortfall", shortfall(*two_by_two(pairs)), detail="to equality"),
        _shortfall_to_four_fifths(pairs),
    )


def checks(counts, confidence=0.95):
    """Set other limits, tests and rules beside those of `stages`, for the same comparisons.

    - `impact_ratio_check`: the ratio again, a row for each `method`. "katz": the limits of the logarithm's variance,
      as many reports print them; none where a count is 0. "fisher_mid" and "boschloo": `p_value` of these tests,
      `p_adjusted` and `verdict` (rules "fisher_mid_holm", "boschloo_holm") as in `stages`; Boschloo only where both
      groups have at most 100 people, and adjusted over those.
    - `rate_difference_z`: standard deviations between the two rates, with the pooled variance and without continuity
      correction, negative below, and their two-sided `p_value`. Rule "two_standard_deviations", verdict triggered (two
      or more below, compared on whole numbers) or not_triggered.
    - `family`: how many comparisons are adjusted together, for each combination of keys; it has no group or stage, and
      rests on the counts of all of them.

    They disagree on purpose: the verdict of a review is that of `stages`.

    Parameters
    ----------
    counts : DataFrame
        As `stages`.

    Raises
    ------
    ValueError
        As `stages`.

    References
    ----------
    See `intervals` and `exact`; two standard deviations: Castaneda v. Partida, 430 U.S. 482 (1977), note 17.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"dimension": "ethnicity", "group": ["BME", "White"], "reference": "White",
    ...                        "stage": "shortlisted", "numerator": [2, 15], "denominator": [10, 25]})
    >>> checks(counts)[["measure", "estimate", "conf_low", "p_value", "method", "verdict"]].round(4)
                  measure  estimate  conf_low  p_value      method    verdict
    0  impact_ratio_check    0.3333    0.0927      NaN        katz        NaN
    1  impact_ratio_check    0.3333       NaN   0.0437  fisher_mid      lower
    2  impact_ratio_check    0.3333       NaN   0.0366    boschloo      lower
    3   rate_difference_z   -2.1390       NaN   0.0324    pooled_z  triggered
    4              family    1.0000       NaN      NaN         NaN        NaN
    """
    pairs = compared(checked(counts, "reference", "stage"))
    cells = two_by_two(pairs)
    blocks = [_retested(pairs, test, ratio(*cells), confidence) for test in (fisher_mid, boschloo)]
    katz = rows(pairs, "impact_ratio_check", ratio(*cells), *katz_ratio(*cells, confidence), confidence, "katz")
    return table(katz[katz["method"].notna()], *blocks, _standard_deviations(pairs), _family(pairs))


def other_references(counts, confidence=0.95):
    """Estimate the ratios of `stages` anew against each other declared group, to see what hangs on the reference.

    Rows of measure `impact_ratio_other_reference`, else as `impact_ratio` in `stages`, with that group as `reference`;
    each is a family of its own, so that the reference fixed beforehand is the one to conclude from.

    Parameters
    ----------
    counts : DataFrame
        As `stages`.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"dimension": "race", "group": ["Black", "Hispanic", "white"], "reference": "white",
    ...                        "stage": "passed", "numerator": [6, 3, 25], "denominator": [19, 15, 43]})
    >>> other_references(counts)[["group", "reference", "estimate", "verdict"]].round(3)
          group reference  estimate      verdict
    0  Hispanic     Black     0.633  cannot_tell
    1     white     Black     1.841  cannot_tell
    2     Black  Hispanic     1.579  cannot_tell
    3     white  Hispanic     2.907       higher
    """
    counts = checked(counts, "reference", "stage")
    others = counts[(counts["role"] == "group") & (counts["group"] != counts["reference"])]
    blocks = [compared(counts.iloc[:0])]
    for dimension, group in others[["dimension", "group"]].drop_duplicates().itertuples(index=False):
        held = counts[counts["dimension"] == dimension]
        with_it = held[held["role"] != "combined"]  # a combined group may hold the reference
        blocks.append(compared(with_it.assign(reference=group)))
    found = table(*(impact_ratios(pairs, confidence) for pairs in blocks))
    return found.assign(measure="impact_ratio_other_reference")


def screen(counts, over="unit", confidence=0.95):
    """Find which of many units pass groups differently from their reference within the unit, for the way as a whole.

    `impact_ratio_screened`: the ratio from the first stage to the last, with score limits. `p_value` is Fisher's,
    `p_adjusted` that of Benjamini and Hochberg over the units and declared groups of one dimension: of the units that
    are found, at most 1 - confidence are expected to be false. `verdict` under rule "fisher_bh" is lower, higher or
    cannot_tell. Units keep their order and are not ranked; what a unit may see of the others `disclosure` says.

    Parameters
    ----------
    counts : DataFrame
        As `stages`, with `over`, which is one of the keys, and stage "overall".

    Raises
    ------
    ValueError
        As `stages`.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995), J. R. Stat. Soc. B 57, 289-300.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"unit": ["parks"] * 2 + ["library"] * 2, "dimension": "origin", "stage": "overall",
    ...                        "group": ["abroad", "here"] * 2, "reference": "here", "numerator": [2, 40, 9, 20],
    ...                        "denominator": [40, 100, 40, 100]})
    >>> screen(counts)[["unit", "estimate", "p_adjusted", "verdict"]].round(4)
          unit  estimate  p_adjusted      verdict
    0    parks     0.125      0.0000        lower
    1  library     1.125      0.8182  cannot_tell
    """
    pairs = compared(checked(counts, "reference", "stage", over))
    pairs = pairs[pairs["stage"] == OVERALL]
    tested = pairs.assign(p_value=fisher(*two_by_two(pairs)))
    family = [key for key in keys(tested) if key != over]
    members = tested["p_value"].where(tested["role"] == "group").groupby([tested[key] for key in family], dropna=False)
    tested = tested.assign(p_adjusted=members.transform(benjamini_hochberg))
    by_adjusted = tested.assign(p_value=np.nan)  # combined groups have none, and no verdict
    said = decided(by_adjusted, "fisher_bh", is_lower(tested), confidence)
    return table(ratio_rows(tested, "impact_ratio_screened", confidence, **said))


def _rate_differences(pairs, confidence):
    cells = two_by_two(pairs)
    difference = proportion(*cells[:2]) - proportion(*cells[2:])
    return rows(pairs, "rate_difference", difference, *newcombe(*cells, confidence), confidence, "newcombe")


def _shortfall_to_overall(pairs, counts):
    """Against all declared groups together, the reference and the group itself included."""
    together = summed(counts[counts["role"] == "group"], keys(counts))
    pairs = beside(pairs.drop(columns="reference"), together)
    return rows(pairs, "shortfall", shortfall(*two_by_two(pairs)), detail="to overall rate")


def _shortfall_to_four_fifths(pairs):
    missing = shortfall(*two_by_two(pairs), fifths=4)
    verdict = np.select([missing > 0, missing <= 0], ["triggered", "not_triggered"], None)
    rule = np.where(np.isnan(missing), None, "four_fifths")
    return rows(pairs, "shortfall", missing, detail="to four fifths", rule=rule, verdict=verdict)


def _retested(pairs, test, estimate, confidence):
    """Return the comparisons with the p of another test, where it has one."""
    tested = adjusted(pairs.assign(p_value=test(*two_by_two(pairs))))
    said = decided(tested, f"{test.__name__}_holm", is_lower(tested), confidence)
    found = rows(tested, "impact_ratio_check", estimate, **said).assign(method=test.__name__)
    return found[found["p_value"].notna()]


def _standard_deviations(pairs):
    x, n, y, m = (cell.to_numpy(float) for cell in two_by_two(pairs))
    z, p = cochran_armitage(np.stack([y, x], axis=-1), np.stack([m, n], axis=-1))  # of two groups: the pooled z
    below = [_two_below(*cells) for cells in zip(x, n, y, m, strict=True)]
    unknown = np.isnan(z)
    verdict = np.select([unknown, below], [None, "triggered"], default="not_triggered")
    rule = np.where(unknown, None, "two_standard_deviations")
    found = rows(pairs.assign(p_value=p), "rate_difference_z", z, rule=rule, verdict=verdict)
    return found.assign(method=np.where(unknown, None, "pooled_z"))


def _two_below(*cells):
    """Whether a rate lies two standard deviations or more below the reference's, on whole numbers."""
    if np.isnan(cells).any():
        return False
    x, n, y, m = map(int, cells)
    missing, passed = y * n - x * m, x + y
    return missing > 0 and missing**2 * (n + m) >= 4 * passed * (n + m - passed) * n * m


def _family(pairs):
    """Count the comparisons that are adjusted together, for each combination of keys but the stage."""
    p = fisher_mid(*two_by_two(pairs))
    belonging = pairs[members(pairs.assign(p_value=p)).notna()].assign(_one=1)
    by = [key for key in keys(pairs) if key != "stage"]
    adding = {"_one": "sum"} | ({"cells": union} if "cells" in pairs else {})
    found = belonging.groupby(by, dropna=False, sort=False, as_index=False).agg(adding)
    return rows(found, "family", found["_one"].astype(float))
