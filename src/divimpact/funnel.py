"""Where recruitment loses whom (Q5): frames in, one estimate per row out."""

import numpy as np

from divimpact.estimates import beside, checked, compared, keys, rate_rows, ratio_rows, rows, table, two_by_two, union
from divimpact.intervals import fisher, holm, newcombe, proportion, shortfall


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
        _impact_ratios(pairs, confidence),
        _rate_differences(pairs, confidence),
        _shortfall_to_overall(pairs, counts),
        rows(pairs, "shortfall", shortfall(*two_by_two(pairs)), detail="to equality"),
        _shortfall_to_four_fifths(pairs),
    )


def _impact_ratios(pairs, confidence):
    cells = two_by_two(pairs)
    tested = _adjusted(pairs.assign(p_value=fisher(*cells)))
    overall, undeclared = tested["stage"] == "overall", tested["role"] == "undeclared"
    deciding = tested["p_value"].where(overall & ~undeclared, tested["p_adjusted"])
    undecided, unclear, lower = deciding.isna(), deciding > 1 - confidence, shortfall(*cells) > 0
    verdict = np.select([undecided, unclear, lower], [None, "cannot_tell", "lower"], default="higher")
    rule = np.where(undecided, None, "fisher_holm")
    return ratio_rows(tested, "impact_ratio", confidence, rule=rule, verdict=verdict)


def _adjusted(tested):
    """Add Holm's p over the stages and groups of each dimension; the others are outside the family."""
    family = [key for key in keys(tested) if key != "stage"]
    members = tested["p_value"].where((tested["role"] == "group") & (tested["stage"] != "overall"))
    families = members.groupby([tested[key] for key in family], dropna=False)
    return tested.assign(p_adjusted=families.transform(holm))


def _rate_differences(pairs, confidence):
    cells = two_by_two(pairs)
    difference = proportion(*cells[:2]) - proportion(*cells[2:])
    return rows(pairs, "rate_difference", difference, *newcombe(*cells, confidence), confidence, "newcombe")


def _shortfall_to_overall(pairs, counts):
    """Against all declared groups together, the reference and the group itself included."""
    declared = counts[counts["role"] == "group"]
    added = {"numerator": _total, "denominator": _total, "cells": union}
    together = declared.groupby(keys(counts), dropna=False, sort=False, as_index=False).agg(
        {column: add for column, add in added.items() if column in counts}
    )
    pairs = beside(pairs.drop(columns="reference"), together)
    return rows(pairs, "shortfall", shortfall(*two_by_two(pairs)), detail="to overall rate")


def _shortfall_to_four_fifths(pairs):
    missing = shortfall(*two_by_two(pairs), fifths=4)
    verdict = np.select([missing > 0, missing <= 0], ["triggered", "not_triggered"], None)
    rule = np.where(np.isnan(missing), None, "four_fifths")
    return rows(pairs, "shortfall", missing, detail="to four fifths", rule=rule, verdict=verdict)


def _total(counts):
    return counts.sum(skipna=False)
