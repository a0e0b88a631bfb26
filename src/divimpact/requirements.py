"""How a stage passed groups before and after what it asks for was changed (Q5): frames in, one estimate per row out."""

from divimpact.estimates import beside, checked, rows, table, two_by_two
from divimpact.intervals import newcombe, proportion


def before_and_after(counts, measure, start, stage, confidence=0.95):
    """Estimate how the pass rate of each group at a stage changed from before a date to after it.

    `pass_rate_change`: the rate after less the rate before, with Newcombe's limits; `numerator` and `denominator` are
    those after, the reference's those of the same group before, `detail` names the measure and its date. The reference
    group has its row too: what changed for everybody changed for it. It is the change that goes with the date. Who
    applied changed as well, and much else: no cause is named. NaN where nobody reached the stage before or after.

    Parameters
    ----------
    counts : DataFrame
        `counts.applications` of `spans.since(city, start)` by its column "since ...".
    measure, start, stage : str
        As in the city's table of measures.

    Raises
    ------
    ValueError
        For a missing column, a repeated row or a count above its denominator.

    References
    ----------
    Newcombe, R. G. (1998), Stat. Med. 17, 873-890, method 10.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"since 2023": ["before", "after"], "dimension": "origin", "group": "abroad",
    ...                        "stage": "shortlisted", "numerator": [90, 120], "denominator": 300})
    >>> found = before_and_after(counts, "No language test", "2023", "shortlisted")
    >>> found[["detail", "estimate", "conf_low", "conf_high"]].round(3)
                            detail  estimate  conf_low  conf_high
    0  No language test, from 2023       0.1     0.024      0.175
    """
    key = f"since {start}"
    counts = checked(counts, "stage", key, strata=[key])
    before, after = (counts[(counts["stage"] == stage) & (counts[key] == side)] for side in ("before", "after"))
    pairs = beside(after, before, ["dimension", "stage", "group"], how="inner").drop(
        columns="reference", errors="ignore"
    )
    cells = two_by_two(pairs)
    change = proportion(*cells[:2]) - proportion(*cells[2:])
    limits = newcombe(*cells, confidence)
    return table(
        rows(pairs, "pass_rate_change", change, *limits, confidence, "newcombe", detail=f"{measure}, from {start}")
    )
