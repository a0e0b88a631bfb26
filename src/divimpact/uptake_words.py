"""Sentences on services: who used them, beside the reference group, or that it cannot be told."""

from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, listed
from divimpact.wording import as_text, both, latest, limited, shown


def rates(table: SafeTable) -> Text:
    """Say, service by service, who used it and how that stands to the reference group, or that it cannot be told."""
    rows = shown(table)
    ratios = rows[rows["measure"] == "uptake_ratio"].itertuples()
    what = {"uses": "possible uses"}
    said = [
        f"{row.service} in {row.period}: {both(row, what.get(row.detail, row.detail))}; the ratio is {limited(row)}."
        for row in ratios
    ]
    return as_text([*said, *_without_eligible(table)], table, "No two groups can be compared here.")


def title_of_rates(table: SafeTable) -> str:
    """Count the services that clearly reach a group less than the reference group, for the title of a figure."""
    rows = shown(table)
    ratios = latest(rows[rows["measure"] == "uptake_ratio"])
    low, services = (found["service"].nunique() for found in (ratios[ratios["conf_high"] < 1], ratios))
    if not services:
        return "In no service can groups be compared"
    where = f"In {low} of {services} services" if services > 1 else "In the one service compared"
    if low:
        return f"{where} a group is clearly reached less than “{ratios['reference'].iloc[0]}”"
    if services > 1:
        return f"In none of {services} services is a group clearly reached less"
    return f"{where} no group is clearly reached less"


def _without_eligible(table: SafeTable) -> list[str]:
    """Name the services of which nothing can be told, as it is not known how many are eligible."""
    rows = table.frame.query("measure == 'uptake_ratio' and not suppressed")
    unknown = rows[rows[["denominator", "reference_denominator"]].isna().any(axis=1)]
    return [
        f"{listed(found['service'].unique())} in {period}: how many are eligible in group “{group}” or in group "
        f"“{reference}” is not known, so their use cannot be told."
        for (period, group, reference), found in unknown.groupby(["period", "group", "reference"], sort=False)
    ]
