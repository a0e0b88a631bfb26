"""Who goes past a stage because the vacancy has none (Q5): frames in, one estimate per row out."""

from divimpact.estimates import checked, rate_rows, table


def gone_past(counts, vacancies, confidence=0.95):
    """Estimate which part of each group goes past a stage, as it applied for a vacancy that is without it.

    `skipped_share`: applications for such vacancies over all that had reached the stage before, with Wilson limits;
    `detail` says how many of the closed vacancies are without it. At that stage they count neither as passed nor as
    failed. Nobody at the stage before is NaN.

    Parameters
    ----------
    counts : DataFrame
        `counts.skipped`.
    vacancies : DataFrame
        `counts.without_stage`; where the vacancy is not known it is empty, and so is `detail`.

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
    >>> counts = pd.DataFrame({"past": "interviewed", "dimension": "origin", "group": ["abroad", "here"],
    ...                        "numerator": [12, 30], "denominator": [60, 100]})
    >>> vacancies = pd.DataFrame({"stage": ["interviewed"], "without": 2, "vacancies": 9})
    >>> gone_past(counts, vacancies)[["stage", "group", "detail", "estimate"]]
             stage   group            detail  estimate
    0  interviewed  abroad  2 of 9 vacancies       0.2
    1  interviewed    here  2 of 9 vacancies       0.3
    """
    of = {row.stage: f"{row.without:,} of {row.vacancies:,} vacancies" for row in vacancies.itertuples()}
    counts = counts.drop_duplicates(["past", "dimension", "group"]).rename(columns={"past": "stage"})  # of those before
    return table(rate_rows(checked(counts, "stage"), "skipped_share", confidence, detail=counts["stage"].map(of)))
