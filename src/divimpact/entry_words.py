"""Sentences on who applies, by which channel, and on units beside the city: no unit is named but the one asked for."""

import pandas as pd

from divimpact.codes import CONCLUSIONS
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, chance, lines, listed, percent, points
from divimpact.wording import as_text, both, group_of, like, limited, p_of, shown, step_of

OVERALL = "overall"


def applicants(table: SafeTable) -> Text:
    """Say how the share of each group among applicants stands to the labour market, and where that answer turns."""
    rows = shown(table)
    ratios = rows[
        (rows["measure"] == "representation_ratio") & rows.reindex(columns=["benchmark"])["benchmark"].notna()
    ]
    said = []
    for row in ratios[~ratios["detail"].str.contains("benchmark", na=False)].itertuples():
        expected = like(rows, row, "expected_persons", "benchmark")
        text = (
            f"Of those who applied and declared, {row.numerator:,} of {row.denominator:,} "
            f"({percent(row.numerator / row.denominator)}) are in {group_of(row)}, {limited(row)} times the share of "
            f"the benchmark “{row.benchmark}”"
        )
        if expected:
            clear = "which chance alone hardly explains" if expected.p_value < 0.05 else "which may be chance"
            text += f", {clear} ({chance(expected.p_value)})"
        said.append(f"{text}.")
    for row in rows[(rows["measure"] == "benchmarks_not_rejected") & rows["conf_low"].notna()].itertuples():
        between = f"from {percent(row.conf_low)} to {percent(row.conf_high)}"
        said.append(f"For {group_of(row)}: beside any benchmark {between} it may be chance, beside another one hardly.")
    return as_text(said, table, "No benchmark of the labour market or the population fits these groups.")


def channels(table: SafeTable) -> Text:
    """Say by which channels the applications of each group come, beside those of its reference."""
    rows = shown(table)
    shares = rows[rows["measure"] == "channel_share"]
    said = []
    for (dimension, group), own in shares.groupby(["dimension", "group"], sort=False):
        if group != (reference := own["reference"].iloc[0]):
            other = shares[(shares["dimension"] == dimension) & (shares["group"] == reference)].set_index("channel")
            ways = [_share(row, other) for row in own.itertuples()]
            said.append(f"Applications of group “{group}” ({dimension}) come by: {'; '.join(ways)}.")
    return as_text(
        said, table.where(measure="channel_share"), "By which channel people come is not known here, or left out."
    )


def carried(table: SafeTable) -> Text:
    """Say where recruitment passes groups differently that came by the same channel, and where the data cannot tell."""
    rows = shown(table)
    screened = rows[(rows["measure"] == "impact_ratio_screened") & rows["verdict"].notna()]
    unclear = screened["verdict"] == "cannot_tell"
    said = [
        f"Of those who came by “{row.channel}”, recruitment passes {both(row)}. The ratio is {_concluded(row)}."
        for row in screened[~unclear].itertuples()
    ]
    for (dimension, group), own in screened[unclear].groupby(["dimension", "group"], sort=False):
        named = listed([f"“{channel}”" for channel in own["channel"]])
        said.append(
            f"Group “{group}” ({dimension}) beside “{own['reference'].iloc[0]}”: of those who came by {named} the data "
            "cannot tell whether chance explains the difference."
        )
    return as_text(said, table.where(measure="impact_ratio_screened"))


def requirements(table: SafeTable) -> Text:
    """Say how a stage passes each group since what it asks for was changed, and how it did before."""
    rows = shown(table)
    said = []
    for row in rows[rows["measure"] == "pass_rate_change"].itertuples():
        then = row.reference_numerator / row.reference_denominator
        clear = "" if row.conf_low > 0 or row.conf_high < 0 else ", and the data cannot tell whether it changed"
        said.append(
            f"{row.detail}: {step_of(row)[:1].lower()}{step_of(row)[1:]} passes {row.numerator:,} of "
            f"{row.denominator:,} in {group_of(row)} ({percent(row.numerator / row.denominator)}), before it "
            f"{row.reference_numerator:,} of {row.reference_denominator:,} ({percent(then)}): "
            f"{limited(row, points)}{clear}."
        )
    return as_text(said, table, "No change of what a stage asks for is noted here.")


def number_beyond(table: SafeTable) -> Text:
    """Say how many units lie beyond the limits around the city, and in how many groups are passed differently."""
    rows = shown(table)
    rows = rows[rows["measure"] == "units_beyond"]
    said = []
    for row in rows[rows["rule"] == "around_city"].itertuples():
        said.append(
            f"Of {group_of(row)}, {row.estimate:.0f} {row.detail} pass more or fewer from the first stage to the last "
            "than chance leaves a unit beside the city."
        )
    for row in rows[rows["rule"] == "fisher_bh"].itertuples():
        said.append(
            f"{row.estimate:.0f} {row.detail} pass {group_of(row)} differently from group “{row.reference}” within the "
            "unit, more than chance would explain."
        )
    return as_text(said, table, "Units are not known here, or left out.")


def own_view(table: SafeTable, unit: str) -> Text:
    """Say how one unit passes each group, beside the city and within the unit; say nothing if none is asked for."""
    rows = shown(table)
    rows = rows[rows.reindex(columns=["unit"])["unit"] == unit]
    said = []
    for row in rows[rows["measure"] == "rate_around_city"].itertuples():
        said.append(
            f"From the first stage to the last, {unit} passes {row.numerator:,} of {row.denominator:,} in group "
            f"“{row.group}” ({row.dimension}; {percent(row.estimate)}), the city {row.reference_numerator:,} of "
            f"{row.reference_denominator:,}. With so many applications chance leaves a unit between "
            f"{percent(row.conf_low)} and {percent(row.conf_high)}, {CONCLUSIONS[row.verdict]}."
        )
    for row in rows[(rows["measure"] == "impact_ratio_screened") & rows["verdict"].notna()].itertuples():
        said.append(f"In {unit}, {both(row)} pass. The ratio is {_concluded(row)}.")
    nothing = f"Of unit “{unit}” nothing is known here, or nothing may be shown."
    return Text(lines(said or [nothing])) if unit else Text()


def _concluded(row: tuple) -> str:
    return f"{limited(row)}, {CONCLUSIONS[row.verdict]} ({p_of(row)})"


def _share(row: tuple, other: pd.DataFrame) -> str:
    text = f"“{row.channel}” {row.numerator:,} of {row.denominator:,} ({percent(row.estimate)})"
    if row.channel not in other.index:
        return text
    reference = other.loc[row.channel]
    counted = f"{reference['numerator']:,} of {reference['denominator']:,} ({percent(reference['estimate'])})"
    return f"{text}, beside {counted} in group “{row.reference}”"
