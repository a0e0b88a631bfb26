"""Sentences on the staff: goals, turnover, change, representation. What is hidden is passed over, then counted."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from divimpact.codes import REASONS, REASONS_OF_CHANGE, TRIGGERS, VERDICTS, WITHIN_REACH
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, chance, decimal, likely, lines, listed, percent, points, run
from divimpact.schema import definitions
from divimpact.wording import as_text, latest, like, limited, shown

LEADERSHIP = "leadership"  # beside the grades


def progress(table: SafeTable) -> Text:
    """Say how far each group with a target has come by the latest period."""
    rows = shown(table)
    said = []
    for gap in latest(rows[rows["measure"] == "gap_closed"]).itertuples():
        share, pace = like(rows, gap, "share"), like(rows, gap, "progress_ratio", "detail")
        way = f"The goal leads from {gap.detail}: {limited(gap, percent)} of that way is gone."
        if pace:
            way += f" By the Open SDG rule the pace is {limited(pace)} of the one needed: {VERDICTS[pace.verdict]}."
        said.append(f"At the end of {gap.period}, {_staff(share)}. {way}")
    return as_text(said, table, "No group has a target that can be followed here.")


def other_rules(table: SafeTable) -> Text:
    """Say what the UN progress chart's rule and the pace so far say of each way to a goal, in the latest period."""
    rows = shown(table)
    said = []
    for un in latest(rows[rows["measure"] == "expected_progress_ratio"]).itertuples():
        end, wait = like(rows, un, "expected_share", "detail"), like(rows, un, "years_to_target", "detail")
        text = f"For {_group(un)}, from {un.detail}:"
        if end:
            text += (
                f" growth as so far leads to {limited(end, percent)} by the year of the goal, and by the rule of the"
            )
            text += f" UN progress chart that is: {VERDICTS[un.verdict]}."
        if wait and 0 < wait.estimate < math.inf:
            text += f" At the pace since the baseline the goal is {limited(wait)} years away: {VERDICTS[wait.verdict]}."
        said.append(text)
    return Text(lines(said))


def declared(table: SafeTable) -> Text:
    """Say how many of all staff declared each dimension, in the latest period and in the first."""
    rows = shown(table)
    every = rows[rows["measure"] == "declared_share"]
    said = []
    for now in latest(every).itertuples():
        first = every[every["dimension"] == now.dimension].iloc[0]
        who = f"{now.numerator:,} of all {now.denominator:,} staff ({percent(now.estimate)})"
        text = f"At the end of {now.period}, {who} had declared their {now.dimension}"
        said.append(text + (f"; {percent(first.estimate)} in {first.period}." if first.period != now.period else "."))
    return as_text(said, table, "How many declared is not known here, or everyone did.")


def shares(table: SafeTable, breaks: Mapping[str, Sequence[str]]) -> Text:
    """Say each group's share of staff in the latest period, the earliest comparable one, and the bounds.

    ``breaks`` holds, by dimension, the periods from which another definition holds; nothing is compared across one. A
    period belongs to the definition that holds at its end.
    """
    rows = shown(table)
    every = rows[rows["measure"] == "share"]
    said = []
    for now in latest(every).itertuples():
        series = every[(every["dimension"] == now.dimension) & (every["group"] == now.group)]
        starts = sorted(breaks.get(now.dimension, ()))
        held, (holds,) = (definitions(periods, starts) for periods in (series["period"], [now.period]))
        first, since = series[held == holds].iloc[0], starts[holds - 1] if holds else ""
        low, high = (like(rows, now, measure) for measure in ("share_low_bound", "share_high_bound"))
        text = f"At the end of {now.period}, {_staff(now)}; {percent(first.estimate)} in {first.period}."
        if since:
            text += f" Before {since} another definition held, so earlier shares are not compared."
        if low and high and high.estimate > low.estimate:
            bounds = f"{percent(low.estimate)} and {percent(high.estimate)}"
            text += f" Of all staff it is between {bounds}, whoever the undeclared are."
        said.append(text)
    return as_text(said, table, "No share of all grades together is known here.")


def hiring(table: SafeTable) -> Text:
    """Say of each target what share of those who join it needs, what that share is, and where today's rates lead."""
    rows = shown(table)
    said = []
    for need in rows[rows["measure"] == "required_hire_share"].itertuples():
        joins = "hire_share" if pd.isna(getattr(need, "grade", None)) else "joiner_share"
        who, now = ("are hired", "hires") if joins == "hire_share" else ("join", "those who join")
        held = like(rows, need, joins)
        text = (
            f"For {_group(need)}: from {need.detail}, with the turnover of {run(need.period)}, "
            f"{limited(need, percent)} of the declared who {who} would have to be of this group each year. "
            f"{WITHIN_REACH[need.verdict]}."
        )
        text += _when_it_could(rows, need) if need.verdict == "not_by_hiring_alone" else ""
        text += f" Of {now} in these years it was {limited(held, percent)}." if held else ""
        said.append(text + _chances(rows, need))
    return as_text(said, table, "Without flows it cannot be told what a goal needs of hiring.")


def _when_it_could(rows: pd.DataFrame, need: tuple) -> str:
    """Say how long a goal beyond all hiring would take, and at what turnover it could be reached in time."""
    wait, leaving = (like(rows, need, measure, "detail") for measure in ("reachable_year", "reachable_exit_rate"))
    ways = [f"after {wait.estimate:.1f} years at the earliest"] if wait and math.isfinite(wait.estimate) else []
    ways += [f"with {percent(leaving.estimate)} leaving each year"] if leaving and leaving.estimate < 1 else []
    return f" Even if all who join were of this group it could be reached only {' or '.join(ways)}." if ways else ""


def milestones(table: SafeTable) -> Text:
    """Say of each target where the share would have to be each year, and when today's rates would lead there."""
    rows = shown(table)
    said = []
    for need in rows[rows["measure"] == "required_hire_share"].itertuples():
        on_the_way = rows[(rows["measure"] == "milestone") & (rows["detail"] == need.detail)]
        found = (like(on_the_way, need._replace(period=year), "milestone") for year in on_the_way["period"].unique())
        steps = [f"{percent(step.estimate)} in {step.period}" for step in found if step]
        wait, end = (like(rows, need, measure, "detail") for measure in ("years_at_present", "long_run_share"))
        text = f"For {_group(need)}, from {need.detail}:"
        text += f" the milestones on the way with a steady need are {listed(steps)}." if steps else ""
        if wait:
            far = f"{wait.estimate:.1f} years from its start" if math.isfinite(wait.estimate) else "never reached"
            text += f" With the rates as they are the goal is {far}."
        said.append(text + (f" If all rates stay, the share moves towards {limited(end, percent)}." if end else ""))
    return Text(lines(said))


def scenarios(table: SafeTable) -> Text:
    """Say where the share of each group would be in the last year that is projected, scenario by scenario."""
    rows = shown(table)
    last = latest(rows[(rows["measure"] == "projected_share") & (rows["confidence"].fillna(0.95) == 0.95)])
    said = []
    for (_, _, year), found in last.groupby(["dimension", "group", "period"], sort=False):
        ways = [f"{percent(row.estimate)} with {row.detail}" for row in found.itertuples()]
        said.append(f"For {_group(next(found.itertuples()))} by the end of {year}: {listed(ways)}.")
    return as_text(said, table, "Without flows it cannot be told where the share is going.")


def pipeline(table: SafeTable) -> Text:
    """Say where the share of each group in leadership, and in each grade, is going as people leave, rise and join."""
    rows = shown(table)
    said = []
    for row in latest(rows[(rows["measure"] == "pipeline_share") & (rows["detail"] == "today's hiring")]).itertuples():
        equal = like(rows, row._replace(detail="equal exits and promotions"), "pipeline_share", "detail")
        text = f"For {_group(row)}: {percent(row.estimate)} by the end of {row.period}, if all rates stay"
        said.append(text + (f"; {percent(equal.estimate)} if everyone left and rose alike." if equal else "."))
    return as_text(said, table, "Without promotions by grade it cannot be told where the grades are going.")


def change(table: SafeTable) -> Text:
    """Say why the share of each group of all staff changed over the run of years, in percentage points that add up."""
    rows = shown(table)
    said = []
    for row in rows[(rows["measure"] == "change") & rows["period"].str.contains("/")].itertuples():
        parts = {text: like(rows, row, measure) for measure, text in REASONS_OF_CHANGE.items()}
        moved = [f"{points(part.estimate)} from {text}" for text, part in parts.items() if part and part.estimate]
        seen = like(rows, row, "detectable_change")
        text = f"For {_group(row)}: {limited(row, points)} of all staff, {run(row.period)}"
        text += f": {listed(moved)}." if moved else "."
        told = row.conf_low > 0 or row.conf_high < 0
        if seen and not told and abs(row.estimate) < seen.estimate:
            text += f" A change below {points(seen.estimate).lstrip('+')} cannot be told from chance here."
        said.append(text)
    said += [
        f"For {_group(row)} no flows are known, so why its share changed cannot be told; nor whether a change below "
        f"{points(row.estimate).lstrip('+')} between snapshots is more than chance. That is an upper bound: it takes "
        "nobody to have stayed."
        for row in rows[rows["measure"] == "detectable_change"].itertuples()
        if row.detail == "upper bound: independent snapshots"
    ]
    return as_text(said, table, "Without flows it cannot be told why a share changed.")


def not_accounted(periods: Mapping[str, Sequence[str]]) -> Text:
    """Name the flows that no account uses, by dimension; where there are none, say nothing."""
    said = [
        f"Flows by {dimension} of {listed(left)} are not used: no snapshot lies before, or another definition held."
        for dimension, left in periods.items()
        if left
    ]
    return Text(lines(said))


def not_followed(targets: pd.DataFrame, of: int) -> Text:
    """Name the targets that could not be followed, out of ``of``, and why; where there are none, say nothing."""
    said = [
        f"Not followed: the target of {percent(row.target)} in {row.target_period} for {_group(row)}; "
        f"{REASONS[row.reason]}."
        for row in targets.itertuples()
    ]
    return Text(lines(said) or "Every target is followed." * bool(of))


def not_compared(benchmarks: pd.DataFrame, of: int) -> Text:
    """Name the benchmarks that no share met, out of ``of``; where there are none, say nothing."""
    said = [
        f"Not compared: the benchmark “{row.benchmark}” of {row.period}, {percent(row.share)}, for {_group(row)}; "
        "no share of it at the end of that period or later is known here."
        for row in benchmarks.rename(columns={"name": "benchmark"}).itertuples()
    ]
    return Text(lines(said) or "Every benchmark is compared." * bool(of))


def representation(table: SafeTable) -> Text:
    """Say how each group's share stands to its benchmark in the latest period."""
    rows = shown(table)
    ratios = rows[rows["measure"] == "representation_ratio"]
    said = []
    for row in latest(ratios[~ratios["detail"].str.contains("benchmark", na=False)]).itertuples():
        gap = like(rows, row, "gap_persons", "benchmark", "detail")
        at_ends = (row._replace(detail=f"benchmark at its {end} end") for end in ("high", "low"))
        ends = [like(rows, end, row.measure, "benchmark", "detail") for end in at_ends]
        many = (
            f", {abs(gap.estimate):,.0f} persons {'fewer' if gap.estimate < 0 else 'more'} than at that share"
            if gap
            else ""
        )
        said.append(
            f"In {row.period} the share of {_group(row)} among staff is {limited(row)} times its share of the "
            f"benchmark “{row.benchmark}”{many}."
        )
        if all(ends):
            low, high = (decimal(end.estimate) for end in ends)
            said[-1] += f" That benchmark is uncertain: between its ends the ratio is {low} to {high}."
    return as_text(said, table, "No benchmark fits these groups.")


def by_chance(table: SafeTable) -> Text:
    """Say which distances from a benchmark chance alone could explain, and which it could not."""
    rows = shown(table)
    tested = latest(rows[(rows["measure"] == "expected_persons") & rows["p_value"].notna()])
    tested = tested[~tested["detail"].str.contains("benchmark", na=False)]
    named = [f"{_group(row)} beside “{row.benchmark}” ({chance(row.p_value)})" for row in tested.itertuples()]
    rare = tested["p_value"] < 0.05
    told, untold = ([one for one, holds in zip(named, of, strict=True) if holds] for of in (rare, ~rare))
    said = [f"Chance alone hardly explains how far these shares are from the benchmark: {'; '.join(told)}."] * bool(
        told
    )
    said += [f"Of these the data cannot tell whether it is more than chance: {'; '.join(untold)}."] * bool(untold)
    return Text(lines(said))


def sweep(table: SafeTable) -> Text:
    """Say beside which benchmarks chance explains each group's share in the latest period: where the answer turns."""
    rows = shown(table)
    held = latest(rows[(rows["measure"] == "benchmarks_not_rejected") & rows["conf_low"].notna()])
    said = [
        f"For {_group(row)}, {percent(row.estimate)} of staff in {row.period}: beside any benchmark from "
        f"{percent(row.conf_low)} to {percent(row.conf_high)} the distance may be chance, beside another one hardly."
        for row in held.itertuples()
    ]
    return Text(lines(said))


def triggers(table: SafeTable) -> Text:
    """Set the rules that call for a closer look side by side: for whom each does in the latest period, for whom not."""
    rows = shown(table)
    said = []
    for rule, found in latest(rows[rows["measure"] == "benchmark_trigger"]).groupby("rule", sort=False):
        named = [f"{_group(row)} beside “{row.benchmark}”" for row in found.itertuples()]
        called, others = (
            [one for one, verdict in zip(named, found["verdict"], strict=True) if verdict == asked]
            for asked in ("triggered", "not_triggered")
        )
        look = f"calls for a closer look at {listed(called)}" if called else "calls for no closer look"
        rest = f", not at {listed(others)}" if called and others else ""
        said.append(f"The rule “{TRIGGERS[rule]}” {look}{rest}.")
    return Text(lines(said))


def ceiling(table: SafeTable) -> Text:
    """Say how each group's share of all staff stands to its share in leadership in the latest period."""
    rows = shown(table)
    said = []
    for row in latest(rows[rows["measure"] == "glass_ceiling_index"]).itertuples():
        own = rows[(rows["dimension"] == row.dimension) & (rows["group"] == row.group) & (rows["period"] == row.period)]
        text = (
            f"In {row.period} the share of group “{row.group}” ({row.dimension}) among all staff is {limited(row)} "
            "times its share in leadership."
        )
        said.append(text + _steps(own) + _trend(own) + _unevenness(own))
    return as_text(said, table, "Without grades it cannot be told whether there is a ceiling.")


def _steps(rows: pd.DataFrame) -> str:
    """Say on which steps between grades the share of a group falls or rises."""
    steps = rows[(rows["measure"] == "step_ratio") & rows["conf_low"].notna()]
    moves = {"falls": steps[steps["conf_high"] < 1], "rises": steps[steps["conf_low"] > 1]}
    clear = [
        f"{way} to {limited(step)} times on the step to “{step.grade}”"
        for way, some in moves.items()
        for step in some.itertuples()
    ]
    unclear = len(steps) - len(clear)
    said = f" It {listed(clear)}." if clear else ""
    return said + (f" On {unclear} of {len(steps)} steps the data cannot tell." if unclear else "")


def _trend(rows: pd.DataFrame) -> str:
    for trend in rows[rows["measure"] == "grade_trend"].itertuples():
        way = "falls on the way up" if trend.estimate < 0 else "rises on the way up"
        return (
            f" Over all grades it {way if trend.p_value < 0.05 else 'shows no clear trend'} ({chance(trend.p_value)})."
        )
    return ""


def _unevenness(rows: pd.DataFrame) -> str:
    for uneven in rows[rows["measure"] == "dissimilarity"].itertuples():
        alone = like(rows, uneven, "dissimilarity_expected", "detail")
        said = (
            f" {percent(uneven.estimate)} of the group would have to change grade for all grades to have the same share"
        )
        by_chance = f"; chance alone would make it {percent(alone.estimate)} ({chance(alone.p_value)})" if alone else ""
        return f"{said}{by_chance}."
    return ""


def title_of_trajectory(table: SafeTable) -> str:
    """Name the latest share of one group, for the title of its figure."""
    for now in latest(shown(table).query("measure == 'share'")).itertuples():
        return f"{now.group}: {percent(now.estimate)} of staff in {now.period}"
    return "This share is hidden or unknown"


def title_of_change(table: SafeTable) -> str:
    """Name the change of one group's share and what moved it most, for the title of its figure."""
    rows = shown(table)
    for row in rows[rows["measure"] == "change"].itertuples():
        parts = rows[rows["measure"].isin(REASONS_OF_CHANGE)]
        most = parts.loc[parts["estimate"].abs().idxmax(), "measure"] if len(parts) else ""
        moved = f", most from {REASONS_OF_CHANGE[most]}" if most else ""
        return f"{row.group}: {points(row.estimate)} of all staff{moved}"
    return "This change is hidden or unknown"


def title_of_turnover(table: SafeTable) -> str:
    """Name what a target needs of those who join, for the title of its figure."""
    for row in shown(table).query("measure == 'required_hire_share'").itertuples():
        return f"{row.group}: {percent(row.estimate)} of those who join needed with the turnover there is"
    return "What the goal needs is hidden or unknown"


def title_of_ladder(table: SafeTable) -> str:
    """Name the share in the lowest and in the highest grade that are shown, for the title of a figure."""
    rows = shown(table)
    if len(rows) < 2:
        return "The shares by grade are hidden or unknown"
    first, *_, last = rows.itertuples()
    return f"{first.group}: {percent(first.estimate)} in “{first.grade}”, {percent(last.estimate)} in “{last.grade}”"


def title_of_outlook(table: SafeTable) -> str:
    """Name where today's rates lead a group in the last year that is drawn, for the title of its figure."""
    rows = shown(table)
    for row in latest(rows[(rows["measure"] == "projected_share")]).itertuples():
        return f"{row.group}: {percent(row.estimate)} of declared staff by the end of {row.period}, if all rates stay"
    return "Where the present rates lead is hidden or unknown"


def _chances(rows: pd.DataFrame, need: tuple) -> str:
    """Say the chance of a target: of a finite workforce, and with the rates uncertain too."""
    ways = {how: need._replace(detail=f"{need.detail}, {how}") for how in ("rates as estimated", "rates uncertain")}
    found = {how: like(rows, way, "chance_of_target", "detail") for how, way in ways.items()}
    said = [f"{likely(row.estimate)} with {how}" for how, row in found.items() if row]
    return f" The chance of being there in time is {listed(said)}." if said else ""


def _group(row: tuple) -> str:
    """Name a group with its dimension and, where not all are meant, its unit and its grade."""
    unit, grade = getattr(row, "scope", getattr(row, "unit", None)), getattr(row, "grade", None)
    places = {"in unit": None if unit == "city" else unit, "in" if grade == LEADERSHIP else "at grade": grade}
    named = [f" {place} {name}" for place, name in places.items() if pd.notna(name) and name]
    return f"group “{row.group}” ({row.dimension})" + "".join(named)


def _staff(row: tuple) -> str:
    """Say a share of staff with its counts, where there are any."""
    if pd.isna(getattr(row, "numerator", None)):
        return f"{percent(row.estimate)} of staff are in {_group(row)}"
    whom = (
        f"{row.denominator:,} declared staff" if row.detail == "of declared staff" else f"all {row.denominator:,} staff"
    )
    return f"{row.numerator:,} of {whom} ({percent(row.estimate)}) are in {_group(row)}"
