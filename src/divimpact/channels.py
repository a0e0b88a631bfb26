"""By which way applications come in (Q5): frames in, one estimate per row out."""

from divimpact.estimates import beside, checked, keys, rate_rows, table
from divimpact.verdicts import OVERALL


def brought(by_channel, totals, confidence=0.95):
    """Estimate which part of the applications of each group came by each channel.

    `channel_share`: applications of the group by the channel over all of its applications (`detail`), with Wilson
    limits. Each row has the `reference`, to be read beside its share of the same channel. How the channels carry the
    groups on is `funnel.stages` and `funnel.screen` with `channel` among the keys. A group without applications is NaN.

    Parameters
    ----------
    by_channel : DataFrame
        Count table of a funnel with `channel` among its keys and stage "overall".
    totals : DataFrame
        The same without that key.

    Raises
    ------
    ValueError
        For a missing column, a repeated row or a count above its denominator.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"channel": ["web", "school"], "dimension": "origin", "group": "abroad",
    ...                        "reference": "here", "stage": "overall", "numerator": [9, 4], "denominator": [60, 20]})
    >>> totals = counts.head(1).drop(columns="channel").assign(numerator=13, denominator=80)
    >>> brought(counts, totals)[["measure", "channel", "numerator", "denominator", "estimate"]]
             measure channel  numerator  denominator  estimate
    0  channel_share     web         60           80      0.75
    1  channel_share  school         20           80      0.25
    """
    parts, whole = (_came_in(checked(counts, "reference", "stage")) for counts in (by_channel, totals))
    found = beside(parts, whole, [*keys(whole), "group"])
    found = found.assign(denominator=found["reference_numerator"]).drop(columns="reference_numerator")
    found = found.drop(columns="reference_denominator")
    return table(rate_rows(found, "channel_share", confidence, detail="of all applications of the group"))


def _came_in(counts):
    """Return who came in, as numerator; of the cells of a way as a whole that is the second."""
    found = counts[counts["stage"] == OVERALL]
    found = found.assign(numerator=found["denominator"])
    return found.assign(cells=found["cells"].str[1:2]) if "cells" in found else found
