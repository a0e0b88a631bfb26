"""Who uses services and who hardly does (Q7): frames in, one estimate per row out."""

from divimpact.estimates import checked, compared, rate_rows, ratio_rows, rows, table, two_by_two
from divimpact.intervals import shortfall

COUNTED = ("people", "person-periods", "uses")


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
    counts = checked(counts if "counted" in counts else counts.assign(counted="people"), "reference")
    if strange := sorted(set(counts["counted"]) - set(COUNTED)):
        raise ValueError(f"counted is {strange[0]!r}, not one of: {', '.join(COUNTED)}")
    pairs = compared(counts)
    declared = pairs[pairs["role"] != "undeclared"]
    return table(
        rate_rows(counts, "uptake", confidence, detail=counts["counted"]),
        ratio_rows(pairs, "uptake_ratio", confidence, detail=pairs["counted"]),
        rows(declared, "unmet_persons", shortfall(*two_by_two(declared)), detail="to the reference rate"),
    )
