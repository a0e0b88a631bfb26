"""Groups of two dimensions at once (Q5), as counted: frames in, one estimate per row out."""

from divimpact.estimates import checked, rate_rows, table
from divimpact.verdicts import OVERALL


def rates(counts, over, confidence=0.95):
    """Estimate how recruitment passes each group of one dimension that is in one group of another, from first to last.

    `pass_rate`: who reached the last stage over who came in at the first, with Wilson limits; `detail` names the other
    dimension and its group, the undeclared included. The rates are as counted: nothing is tested, nothing is drawn
    towards a mean, and groups are not put in order. Where nobody applied the rate is NaN.

    Parameters
    ----------
    counts : DataFrame
        Count table of a funnel with the column `over` and stage "overall".
    over : str
        The other dimension.

    Raises
    ------
    ValueError
        For a missing column, a repeated row or a count above its denominator.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212.

    Examples
    --------
    >>> from divimpact.counts import applications
    >>> from divimpact.schema import read_city
    >>> found = rates(applications(read_city("data/sample"), "disability", by=["gender"]), over="gender")
    >>> found[["group", "detail", "numerator", "denominator", "estimate"]].round(3).head(2)
            group       detail  numerator  denominator  estimate
    0        none  gender: men     1028.0       8840.0     0.116
    1  disability  gender: men       76.0        632.0     0.120
    """
    counts = checked(counts, "stage", strata=[over])
    counts = counts[counts["stage"] == OVERALL].drop(columns="reference", errors="ignore")
    return table(rate_rows(counts, "pass_rate", confidence, detail=over + ": " + counts[over]))
