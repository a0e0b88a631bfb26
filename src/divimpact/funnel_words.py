"""Sentences on recruitment: which step passes whom, with both denominators, and where the data cannot tell."""

from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, decimal, listed
from divimpact.wording import as_text, both, limited, p_of, places, shown


def stages(table: SafeTable) -> Text:
    """Say where recruitment passes groups differently, where the data cannot tell, and where a rule triggers."""
    rows = shown(table)
    ratios = rows[(rows["measure"] == "impact_ratio") & rows["verdict"].notna()]
    said = [
        f"{_step(row)} {both(row)}. The ratio is {limited(row)}, {row.verdict} than chance would explain ({p_of(row)})."
        for row in ratios[ratios["verdict"] != "cannot_tell"].itertuples()
    ]
    for dimension, compared in ratios.groupby("dimension", sort=False):
        unclear = compared[compared["verdict"] == "cannot_tell"]
        if len(unclear):
            said.append(
                f"{dimension.capitalize()}: in {len(unclear)} of {len(compared)} comparisons with group "
                f"“{compared['reference'].iloc[0]}” the data cannot tell whether the rates differ: {places(unclear)}."
            )
    triggered = rows[(rows["rule"] == "four_fifths") & (rows["verdict"] == "triggered")]
    triggered = triggered.merge(ratios[["dimension", "group"]].drop_duplicates())  # leaves out the undeclared
    if len(triggered):
        said.append(f"The four-fifths rule, a trigger to look and no verdict, is met for {places(triggered)}.")
    return as_text(said, table, "No two groups can be compared here.")


def title_of_stages(table: SafeTable) -> str:
    """Name the stages at which groups fare differently, for the title of a figure."""
    rows = shown(table)
    found = rows[(rows["measure"] == "impact_ratio") & rows["verdict"].isin(["lower", "higher"])]
    steps = found[found["stage"] != "overall"]
    if len(steps) == 1:
        row = next(steps.itertuples())
        return (
            f"“{row.stage}” is reached {decimal(row.estimate)} times as often by “{row.group}” as by “{row.reference}”"
        )
    if len(steps):
        return f"Groups fare differently at {listed(f'“{stage}”' for stage in steps['stage'].unique())}"
    if len(found):
        return "Groups fare differently overall, at no single stage for certain"
    return "At no stage can these numbers tell a difference from none"


def _step(row: tuple) -> str:
    if row.stage == "overall":
        return "From the first stage to the last, recruitment passes"
    return f"The step to “{row.stage}” passes"
