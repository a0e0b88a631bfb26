"""Who uses services and who hardly does (Q7): frames in, one estimate per row out."""

import numpy as np

from divimpact.estimates import beside, checked, compared, keys, rate_rows, ratio_rows, rows, table, two_by_two, union
from divimpact.intervals import benjamini_hochberg, fisher, miettinen_nurminen_ratio, proportion, ratio, shortfall
from divimpact.verdicts import decided, is_lower

COUNTED = ("people", "person-periods", "uses")
NEED = "to the stated need"


def rates(counts, confidence=0.95):
    """Estimate how much of each group a service reaches, against the reference group.

    - `uptake`: users over eligible, for every row, with Wilson limits; `detail` says what was counted.
    - `uptake_ratio`: rate of the group over rate of the reference, with score limits; the same `detail`.
    - `unmet_persons`: how many more of the group would use the service at the reference's rate (`detail` "to
      the reference rate"), in what was counted; negative where more do. Not for the undeclared.

    Each comparison stays within one combination of keys (period, service, district). No users is a rate of 0;
    no or unknown eligible is NaN, without limits. A ratio to a rate of 0 is infinite, of 0 to 0 NaN. Limits
    take what was counted as independent: for person-periods and uses, where people return, they are too
    narrow.

    Parameters
    ----------
    counts : DataFrame
        Count table of uptake: keys, dimension, group, reference, numerator (users), denominator (eligible),
        and if known role, cells and counted: "people" (so where it is not said), "person-periods" if users
        were added over periods, "uses" if over services or districts. Rows of role "overlapping" are not
        compared.

    Raises
    ------
    ValueError
        For another word in counted, a missing column, a repeated row, a reference without a row, or more
        users than eligible.

    References
    ----------
    See `intervals`: Wilson (1927); Miettinen and Nurminen (1985).

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"service": "advice", "dimension": "origin", "group": ["abroad", "here"],
    ...                        "reference": "here", "numerator": [1200, 9000], "denominator": [24000, 96000]})
    >>> rates(counts)[["measure", "group", "estimate", "conf_low", "conf_high"]].round(4)
             measure   group   estimate  conf_low  conf_high
    0         uptake  abroad     0.0500    0.0473     0.0528
    1         uptake    here     0.0938    0.0919     0.0956
    2   uptake_ratio  abroad     0.5333    0.5030     0.5654
    3  unmet_persons  abroad  1050.0000       NaN        NaN
    """
    counts = _checked(counts)
    pairs = compared(counts)
    declared = pairs[pairs["role"] != "undeclared"]
    return table(
        rate_rows(counts, "uptake", confidence, detail=counts["counted"]),
        ratio_rows(pairs, "uptake_ratio", confidence, detail=pairs["counted"]),
        rows(declared, "unmet_persons", shortfall(*two_by_two(declared)), detail="to the reference rate"),
    )


def to_city(counts, confidence=0.95):
    """Estimate how much of each group a service reaches beside everyone who declared a group: `uptake_ratio_city`.

    The group is part of the city: limits are the score limits of its ratio to the others, turned into the ratio to all,
    with the part of the eligible that it is taken as known. Combined groups are compared too, the undeclared are not.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"service": "advice", "dimension": "origin", "group": ["abroad", "here"],
    ...                        "reference": "here", "numerator": [1200, 9000], "denominator": [24000, 96000]})
    >>> to_city(counts)[["group", "estimate", "conf_low", "conf_high"]].round(4)
        group  estimate  conf_low  conf_high
    0  abroad    0.5882    0.5585     0.6193
    1    here    1.1029    1.0952     1.1104
    """
    counts = _checked(counts)
    declared = counts[counts["role"] == "group"]
    added = {"numerator": _total, "denominator": _total, "cells": union}
    added = {column: add for column, add in added.items() if column in counts}
    everyone = declared.groupby(keys(counts), dropna=False, sort=False, as_index=False).agg(added)
    pairs = beside(counts[counts["role"].isin(["group", "combined"])].drop(columns="reference"), everyone)
    users, eligible, all_users, all_eligible = two_by_two(pairs)
    part = proportion(eligible, all_eligible)
    limits = miettinen_nurminen_ratio(users, eligible, all_users - users, all_eligible - eligible, confidence)
    to_all = [_ratio_to_all(one, part) for one in limits]
    estimate, detail = ratio(users, eligible, all_users, all_eligible), pairs["counted"] + "; to all who declared"
    return table(rows(pairs, "uptake_ratio_city", estimate, *to_all, confidence, "miettinen_nurminen", detail=detail))


def unmet(counts, need):
    """Estimate how many more of each group would use a service if as many did as need it: `unmet_persons`.

    In what was counted; negative where more use it than are said to need it. For the undeclared too.

    Parameters
    ----------
    counts : DataFrame
        As `rates`.
    need : DataFrame
        Column need, the part of the eligible who need the service in one period, and any of service, group, district
        and period for which it holds; a source stands behind each number, and the text beside the result names it.

    Raises
    ------
    ValueError
        For a need outside 0..1, two needs for one row of counts, or as `rates`.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"service": "advice", "dimension": "origin", "group": ["abroad", "here"],
    ...                        "reference": "here", "numerator": [1200, 9000], "denominator": [24000, 96000]})
    >>> need = pd.DataFrame({"service": "advice", "group": ["abroad"], "need": [0.12]})
    >>> unmet(counts, need)[["group", "detail", "estimate"]]
        group              detail  estimate
    0  abroad  to the stated need    1680.0
    """
    counts, on = _checked(counts), [column for column in need if column != "need"]
    if (wrong := need.loc[~need["need"].between(0, 1), "need"]).size:
        raise ValueError(f"need is {wrong.iloc[0]:g}, not between 0 and 1: write 12 % as 0.12")
    if not on or need.duplicated(on).any():
        raise ValueError(f"need, columns {', '.join(on) or 'none'}: one row for each is needed")
    counts = counts.merge(need, on=on)
    return table(
        rows(counts, "unmet_persons", counts["need"] * counts["denominator"] - counts["numerator"], detail=NEED)
    )


def screen(counts, over="service", confidence=0.95):
    """Find which of many services reach groups otherwise than their reference: `uptake_ratio_screened`.

    The ratio of rates with score limits. `p_value` is Fisher's, `p_adjusted` that of Benjamini and Hochberg over the
    services and declared groups of one dimension (within one period and place): of the services that are found, at most
    1 - confidence are expected to be false. `verdict` under rule "fisher_bh" is lower, higher or cannot_tell. Services
    keep their order. Where person-periods or uses are counted p is too small, as people come again: `detail` says so.

    Parameters
    ----------
    counts : DataFrame
        As `rates`, with `over` among its keys.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995), J. R. Stat. Soc. B 57, 289-300.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"service": ["advice"] * 2 + ["library"] * 2, "dimension": "origin",
    ...                        "group": ["abroad", "here"] * 2, "reference": "here", "numerator": [2, 40, 9, 20],
    ...                        "denominator": [40, 100, 40, 100]})
    >>> screen(counts)[["service", "estimate", "p_adjusted", "verdict"]].round(4)
       service  estimate  p_adjusted      verdict
    0   advice     0.125      0.0000        lower
    1  library     1.125      0.8182  cannot_tell
    """
    counts = _checked(counts)
    if over not in keys(counts):
        raise ValueError(f"the counts lack {over}, over which to screen; their keys are: {', '.join(keys(counts))}")
    pairs = compared(counts)
    tested = pairs.assign(p_value=fisher(*two_by_two(pairs)), stage=None)
    family = [tested[key] for key in keys(pairs) if key != over]
    members = tested["p_value"].where(tested["role"] == "group").groupby(family, dropna=False)
    tested = tested.assign(p_adjusted=members.transform(benjamini_hochberg))
    said = decided(tested.assign(p_value=np.nan), "fisher_bh", is_lower(tested), confidence)
    return table(
        ratio_rows(tested.drop(columns="stage"), "uptake_ratio_screened", confidence, detail=tested["counted"], **said)
    )


def _checked(counts):
    counts = checked(counts if "counted" in counts else counts.assign(counted="people"), "reference")
    if strange := sorted(set(counts["counted"]) - set(COUNTED)):
        raise ValueError(f"counted is {strange[0]!r}, not one of: {', '.join(COUNTED)}")
    return counts


def _total(column):
    """The sum, missing where a part of it is."""
    return column.sum(skipna=False)


def _ratio_to_all(to_others, part):
    """The ratio to everyone of a group that is this part of them, by its ratio to the others."""
    with np.errstate(divide="ignore"):
        return 1 / (part + (1 - part) / to_others)
