"""What these numbers of people can tell, and what one of them turns (Q6): frames in, one estimate per row out."""

from itertools import chain

import numpy as np

from divimpact import exact
from divimpact import power as power_of
from divimpact.estimates import checked, compared, rows, table, two_by_two
from divimpact.intervals import fisher, proportion, ratio, shortfall

CELLS = ("numerator", "denominator", "reference_numerator", "reference_denominator")


def can_tell(counts, at=0.8, power=0.8, confidence=0.95):
    """Say what differences these numbers of people could show at all, before asking whether there is one.

    - `power`: the chance to find a given ratio of rates (`detail`) at level 1 - confidence, two-sided.
    - `detectable_ratio`: the ratios nearest to 1, below and above it (`detail`), that would be found with the given
      power; none (NaN) where even nobody passing would be missed more often.
    - `people_needed`: how many of the group it takes to find that ratio with that power, at as many of the reference
      for each of the group as there are.

    All at the rate of the reference, taken as given; NaN where that is 0 or 1, or nobody is there. The power at the
    observed ratio would repeat p, and is left out.

    Parameters
    ----------
    counts : DataFrame
        As `funnel.stages`.

    Raises
    ------
    ValueError
        As `funnel.stages`, and for a power that is not between 1 - confidence and 1.

    References
    ----------
    Cohen, J. (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd ed., chapter 6 (method "cohen_h").

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"dimension": "ethnicity", "group": ["BME", "White"], "reference": "White",
    ...                        "stage": "overall", "numerator": [2, 117], "denominator": [43, 920]})
    >>> can_tell(counts)[["measure", "detail", "estimate", "method"]].round(4)
                measure        detail   estimate   method
    0             power     ratio 0.8     0.0806  cohen_h
    1  detectable_ratio  below parity     0.1666  cohen_h
    2  detectable_ratio  above parity     2.3846  cohen_h
    3     people_needed     ratio 0.8  1284.0000  cohen_h
    """
    pairs = compared(checked(counts, "reference", "stage"))
    _, n, y, m = (cell.to_numpy(float) for cell in two_by_two(pairs))
    rate, there = proportion(y, m), np.where(n > 0, n, np.nan)
    low, high = power_of.detectable_ratios(n, m, rate, power, confidence)
    found = {
        ("power", f"ratio {at:g}"): power_of.power_at(at, n, m, rate, confidence),
        ("detectable_ratio", "below parity"): low,
        ("detectable_ratio", "above parity"): high,
        ("people_needed", f"ratio {at:g}"): power_of.people_needed(at, rate, m / there, power, confidence),
    }
    blocks = (rows(pairs, measure, value, detail=detail) for (measure, detail), value in found.items())
    return table(*(block.assign(method=np.where(block["estimate"].isna(), None, "cohen_h")) for block in blocks))


def one_person(counts, confidence=0.95):
    """Say what one person more, one fewer or one different would have made of each comparison.

    - `impact_ratio_one_person`: the ratio of rates if one more of the group had passed, one fewer, or one in the place
      of one of the reference, or the other way round (`detail`, with the counts as they would be). Twice: under rule
      "four_fifths" with verdict triggered or not_triggered, and under rule "fisher" with `p_value` and verdict lower,
      higher or cannot_tell at level 1 - confidence, without adjustment. No row where there is no such person.
    - `turned_by_one`: 1 where one different person reverses which rate is higher, else 0. Rule "one_person", verdict
      cannot_tell or stands: of a comparison that one person turns round nothing can be concluded.

    All on whole numbers. NaN, without verdict, where nobody is there.

    Parameters
    ----------
    counts : DataFrame
        As `funnel.stages`.

    Raises
    ------
    ValueError
        As `funnel.stages`.

    References
    ----------
    Questions and Answers 21 on the Uniform Guidelines, 44 FR 11996 (United States, 1979).

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"dimension": "ethnicity", "group": ["BME", "White"], "reference": "White",
    ...                        "stage": "appointed", "numerator": [2, 117], "denominator": [10, 389]})
    >>> found = one_person(counts)
    >>> found[found["detail"] == "one more of the group"][["estimate", "p_value", "rule", "verdict"]].round(4)
       estimate  p_value         rule        verdict
    0    0.9974      NaN  four_fifths  not_triggered
    1    0.9974      1.0       fisher    cannot_tell
    >>> found[found["measure"] == "turned_by_one"][["estimate", "rule", "verdict"]]
       estimate        rule      verdict
    8       1.0  one_person  cannot_tell
    """
    pairs = compared(checked(counts, "reference", "stage"))
    cells = two_by_two(pairs)
    turned = exact.turned_by_one(*cells)
    unknown = np.isnan(turned)
    verdict = np.select([unknown, turned == 1], [None, "cannot_tell"], default="stands")
    blocks = [_changed(pairs, name, four, confidence) for name, four in exact.with_one_person(*cells).items()]
    return table(
        *chain.from_iterable(blocks),
        rows(pairs, "turned_by_one", turned, rule=np.where(unknown, None, "one_person"), verdict=verdict),
    )


def _changed(pairs, name, cells, confidence):
    """Yield the ratio of changed counts under both rules."""
    there = ~np.isnan(cells[0])
    named = dict(zip(CELLS, (cell[there] for cell in cells), strict=True))
    found = pairs[there].assign(**named, detail=name)
    four = two_by_two(found)
    missing, p = shortfall(*four, fifths=4), fisher(*four)
    yield rows(
        found,
        "impact_ratio_one_person",
        ratio(*four),
        rule="four_fifths",
        verdict=np.where(missing > 0, "triggered", "not_triggered"),
    )
    below = np.where(shortfall(*four) > 0, "lower", "higher")
    verdict = np.where(p > 1 - confidence, "cannot_tell", below)
    yield rows(found.assign(p_value=p), "impact_ratio_one_person", ratio(*four), rule="fisher", verdict=verdict)
