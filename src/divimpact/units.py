"""Units beside the city (Q5): how far from it chance lets them lie. Frames in, one estimate per row out, no ranking."""

import numpy as np

from divimpact.against_city import exact_limits
from divimpact.estimates import beside, checked, keys, rows, table, union
from divimpact.intervals import proportion
from divimpact.verdicts import OVERALL

BEYOND = ("below", "above", "lower", "higher")  # verdicts of units that differ


def around_city(by_unit, totals, confidence=0.95):
    """Set how each unit passes a group, from the first stage to the last, beside how the city does.

    `rate_around_city`: the pass rate of the group in the unit; `conf_low` and `conf_high` are no limits of it but those
    around the rate of the city, between which chance leaves units with so many applications (exact binomial). Beside it
    stand the city's counts of the same group. Rule "around_city", verdict below, above or within; none without
    applications. Units keep their order. Of many units some lie beyond by chance: one in twenty at 95 %.

    Parameters
    ----------
    by_unit : DataFrame
        Count table of a funnel with `unit` among its keys and stage "overall".
    totals : DataFrame
        The same without that key.

    Raises
    ------
    ValueError
        For a missing column, a repeated row or a count above its denominator.

    References
    ----------
    Spiegelhalter, D. J. (2005), Stat. Med. 24, 1185-1202; see `against_city`.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"unit": ["parks", "library"], "dimension": "origin", "group": "abroad",
    ...                        "stage": "overall", "numerator": [2, 28], "denominator": [100, 100]})
    >>> city = counts.head(1).drop(columns="unit").assign(numerator=30, denominator=200)
    >>> around_city(counts, city)[["unit", "estimate", "conf_low", "conf_high", "verdict"]].round(3)
          unit  estimate  conf_low  conf_high verdict
    0    parks      0.02     0.078      0.228   below
    1  library      0.28     0.078      0.228   above
    """
    units, city = (_overall(checked(counts, "stage")) for counts in (by_unit, totals))
    pairs = beside(units, city, [*keys(city), "group"]).drop(columns="reference", errors="ignore")
    rate = proportion(pairs["numerator"], pairs["denominator"])
    centre = proportion(pairs["reference_numerator"], pairs["reference_denominator"])
    low, high = exact_limits(centre, pairs["denominator"], confidence)
    unknown = np.isnan(rate + low)
    verdict = np.select([unknown, rate < low, rate > high], [None, "below", "above"], default="within")
    said = {"rule": np.where(unknown, None, "around_city"), "verdict": verdict}
    return table(rows(pairs, "rate_around_city", rate, low, high, confidence, "exact_binomial", **said))


def number_beyond(found):
    """Count how many units differ, without naming any: of rows with a verdict for each unit.

    `units_beyond`: for each group the number of units below or above the city (`around_city`), or in which the group is
    passed differently from its reference (`funnel.screen`); `rule` says which, `detail` of how many units.

    Examples
    --------
    >>> import pandas as pd
    >>> units = pd.DataFrame({"unit": ["parks", "library"], "dimension": "origin", "group": "abroad",
    ...                       "rule": "around_city", "verdict": ["below", "within"]})
    >>> number_beyond(units)[["measure", "group", "detail", "estimate", "rule"]]
            measure   group      detail  estimate         rule
    0  units_beyond  abroad  of 2 units       1.0  around_city
    """
    telling = found[found["verdict"].notna()]
    telling = telling.assign(beyond=telling["verdict"].isin(BEYOND).astype(float), units=1)
    by = [
        *(key for key in keys(telling) if key != "unit"),
        "group",
        *(name for name in ("reference",) if name in found),
    ]
    adding = {"beyond": "sum", "units": "sum"} | ({"cells": union} if "cells" in telling else {})
    number = telling.groupby([*by, "rule"], dropna=False, sort=False, as_index=False).agg(adding)
    detail = "of " + number["units"].astype("str") + " units"
    return table(rows(number, "units_beyond", number["beyond"], detail=detail))


def _overall(counts):
    return counts[counts["stage"] == OVERALL]
