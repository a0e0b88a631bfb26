"""Sentences on who applies, by which channel, and on units beside the city: no unit is named but the one asked for."""

import pandas as pd

from divimpact.codes import CONCLUSIONS, ENDS
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, chance, decimal, lines, listed, percent
from divimpact.wording import as_text, both, concluded, group_of, like, limited, shown

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
        said.append(f"{text}.{_over_range(row, rows)}")
    for row in rows[(rows["measure"] == "benchmarks_not_rejected") & rows["conf_low"].notna()].itertuples():
        between = f"from {percent(row.conf_low)} to {percent(row.conf_high)}"
        said.append(
            f"For {group_of(row)}: beside any benchmark {between} the difference may be chance, beside others hardly."
        )
    return as_text(said, table, "No benchmark of the labour market or the population fits these groups.")


def skipped(table: SafeTable) -> Text:
    """Say how many vacancies are without a stage, and how many of each group go past it; nothing where none is."""
    rows = shown(table)
    rows = rows[rows["measure"] == "skipped_share"]
    said = []
    for (stage, dimension), own in rows.groupby(["stage", "dimension"], sort=False):
        without = own["detail"].iloc[0] if own["detail"].notna().all() else "Some vacancies"
        gone = [
            f"{row.numerator:,} of {row.denominator:,} in “{row.group}” ({percent(row.estimate)})"
            for row in own.itertuples()
        ]
        said.append(
            f"{without} are without “{stage}”. Of those who had reached the stage before, by {dimension}, "
            f"{listed(gone)} went past it: they count neither as passed nor as failed there."
        )
    return as_text(said, table.where(measure="skipped_share"))


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
        f"Of those who came by “{row.channel}”, recruitment passes {both(row)}. The ratio is {concluded(row)}."
        for row in screened[~unclear].itertuples()
    ]
    for (dimension, group), own in screened[unclear].groupby(["dimension", "group"], sort=False):
        named = listed([f"“{channel}”" for channel in own["channel"]])
        said.append(
            f"Group “{group}” ({dimension}) beside “{own['reference'].iloc[0]}”: of those who came by {named} the data "
            "cannot tell whether chance explains the difference."
        )
    return as_text(said, table.where(measure="impact_ratio_screened"))


def intersections(table: SafeTable) -> Text:
    """Say how recruitment passes groups of two dimensions at once, as counted, a sentence for each group of the one."""
    rows = shown(table)
    said = []
    for (dimension, place), own in rows.groupby(["dimension", "detail"], sort=False):
        other, group = place.split(": ", 1)
        passed = [
            f"{row.numerator:,} of {row.denominator:,} in “{row.group}”, {limited(row, percent)}"
            for row in own.itertuples()
        ]
        said.append(
            f"Of group “{group}” ({other}), recruitment passes by {dimension}, from the first stage to the last: "
            f"{'; '.join(passed)}."
        )
    return as_text(said, table, "No two dimensions are crossed here.")


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
        said.append(f"In {unit}, {both(row)} pass. The ratio is {concluded(row)}.")
    nothing = f"Of unit “{unit}” nothing is known here, or nothing may be shown."
    return Text(lines(said or [nothing])) if unit else Text()


def _over_range(row: tuple, rows: pd.DataFrame) -> str:
    """Say what a benchmark that is uncertain leaves of the answer; nothing of a certain one."""
    ends = (row._replace(detail=detail) for detail in reversed(ENDS.values()))
    ratios = [like(rows, end, row.measure, "benchmark", "detail") for end in ends]
    held = like(rows, row, "representation_survival", "benchmark")
    if not held or not all(ratios):
        return ""
    least, most = (decimal(end.estimate) for end in ratios)
    same = "the answer is the same" if held.verdict == "survives" else "the answer is not the same"
    return f" That benchmark is uncertain: between its ends the ratio is {least} to {most}, and {same} at both."


def _share(row: tuple, other: pd.DataFrame) -> str:
    text = f"“{row.channel}” {row.numerator:,} of {row.denominator:,} ({percent(row.estimate)})"
    if row.channel not in other.index:
        return text
    reference = other.loc[row.channel]
    counted = f"{reference['numerator']:,} of {reference['denominator']:,} ({percent(reference['estimate'])})"
    return f"{text}, beside {counted} in group “{row.reference}”"
