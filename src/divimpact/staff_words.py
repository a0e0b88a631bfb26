"""Sentences on the staff: goals, change, representation. What is hidden is passed over, then counted."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from divimpact.codes import BANDS, REASONS, REASONS_OF_CHANGE, TRIGGERS, VERDICTS
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, chance, decimal, in_points, lines, listed, percent, persons, points, run
from divimpact.schema import definitions, years
from divimpact.wording import as_text, group_of, latest, like, limited, shown

ANSWERED = "of those who answered"  # what shares of a survey are of


def progress(table: SafeTable) -> Text:
    """Say how far each group with a target has come by the latest period."""
    rows = shown(table)
    said = []
    for gap in latest(rows[rows["measure"] == "gap_closed"]).itertuples():
        share, pace = like(rows, gap, "share"), like(rows, gap, "progress_ratio", "detail")
        way = f"The goal leads from {gap.detail}: {limited(gap, percent)} of that way is gone."
        if pace:
            way += f" By the Open SDG rule the pace is {limited(pace)} of the one needed: {_band(pace, gap)}."
        said.append(f"At the end of {gap.period}, {_staff(share, rows)}. {way}" if share else way)
    return as_text(said, table, "No group has a target that can be followed here.")


def other_rules(table: SafeTable) -> Text:
    """Say what the UN progress chart's rule and the pace so far say of each way to a goal, in the latest period."""
    rows = shown(table)
    said = []
    for un in latest(rows[rows["measure"] == "expected_progress_ratio"]).itertuples():
        end, wait = like(rows, un, "expected_share", "detail"), like(rows, un, "years_to_target", "detail")
        odds = like(rows, un, "gap_closed_logit", "detail")
        text = f"For {group_of(un)}, from {un.detail}:"
        if odds:
            text += f" in log odds {limited(odds, percent)} of the way is gone;"
        if end and _years_left(un) <= 0:
            text += f" the year of the goal has passed, and the share is {limited(end, percent)};"
        elif end:
            text += f" growth as so far leads to {limited(end, percent)} by the year of the goal;"
        text += f" by the rule of the UN progress chart that is: {_band(un)}."
        if wait and 0 < wait.estimate < math.inf:
            text += f" At the pace since the baseline the goal is {limited(wait)} years away: {_pace(wait)}."
        said.append(text)
    return Text(lines(said))


def declared(table: SafeTable, breaks: Mapping[str, Sequence[str]]) -> Text:
    """Say how many of all staff declared each dimension, in the latest period and the earliest of the same definition.

    ``breaks`` as in `shares`.
    """
    rows = shown(table)
    every = rows[rows["measure"] == "declared_share"]
    said = []
    for now in latest(every).itertuples():
        first, _ = _first_alike(every[every["dimension"] == now.dimension], now, breaks)
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
        first, since = _first_alike(series, now, breaks)
        low, high = (like(rows, now, measure) for measure in ("share_low_bound", "share_high_bound"))
        text = f"At the end of {now.period}, {_staff(now, rows)}"
        text += f"; {percent(first.estimate)} in {first.period}." if first.period != now.period else "."
        if since:
            text += f" Before {since} another definition held, so earlier shares are not compared."
        if low and high and high.estimate > low.estimate:
            bounds = f"{percent(low.estimate)} and {percent(high.estimate)}"
            silent = "those are who did not answer" if now.detail == ANSWERED else "the undeclared are"
            text += f" Of all staff it is between {bounds}, whoever {silent}."
        said.append(text)
    return as_text(said, table, "No share of all grades together is known here.")


def change(table: SafeTable) -> Text:
    """Say why the share of each group of all staff changed over the run of years, in percentage points that add up."""
    rows = shown(table)
    said = []
    for row in rows[(rows["measure"] == "change") & rows["period"].str.contains("/")].itertuples():
        parts = {text: like(rows, row, measure) for measure, text in REASONS_OF_CHANGE.items()}
        moved = {f"from {text}": part.estimate for text, part in parts.items() if part and part.estimate}
        seen = like(rows, row, "detectable_change")
        text = f"For {group_of(row)}: {limited(row, points)} of all staff, {run(row.period)}"
        text += f": {in_points(moved)}." if moved else "."
        told = row.conf_low > 0 or row.conf_high < 0
        if seen and not told:
            size = points(seen.estimate).lstrip("+")
            text += f" A true change of less than {size} would be missed more than one time in five."
        said.append(text)
    said += [
        f"For {group_of(row)} no flows are known, so why its share changed cannot be told; nor whether a change below "
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
        f"Not followed{' yet' * (row.reason == 'starts with this count')}: the target of {percent(row.target)} in "
        f"{row.target_period} for {group_of(row)}; "
        f"{REASONS[row.reason]}."
        for row in targets.itertuples()
    ]
    return Text(lines(said) or "Every target is followed." * bool(of))


def not_compared(benchmarks: pd.DataFrame, of: int) -> Text:
    """Name the benchmarks that no share met, out of ``of``; where there are none, say nothing."""
    later = "no share of it at the end of that period or later is known here"
    said = [
        f"Not compared: the benchmark “{row.benchmark}” of {row.period}, {percent(row.share)}, for {group_of(row)}; "
        f"{REASONS['single unit'] if _of_unit(row) else later}."
        for row in benchmarks.rename(columns={"name": "benchmark"}).itertuples()
    ]
    return Text(lines(said) or "Every benchmark is compared." * bool(of))


def representation(table: SafeTable, besides: Sequence[str] = ()) -> Text:
    """Say how each group's share stands to its benchmark in the latest period; of some ``besides`` at grades alone."""
    rows = shown(table)
    ratios = rows[rows["measure"] == "representation_ratio"]
    if besides:
        ratios = ratios[~ratios["group"].isin(besides) | ratios.reindex(columns=["grade"])["grade"].notna()]
    said = []
    for row in latest(ratios[~ratios["detail"].str.contains("benchmark", na=False)]).itertuples():
        gap = like(rows, row, "gap_persons", "benchmark", "detail")
        who = "those who answered" if row.detail == ANSWERED else "staff"
        at_ends = (row._replace(detail=f"benchmark at its {end} end") for end in ("high", "low"))
        ends = [like(rows, end, row.measure, "benchmark", "detail") for end in at_ends]
        many = (
            f", {persons(abs(gap.estimate))} {'fewer' if gap.estimate < 0 else 'more'} than at that share"
            if gap
            else ""
        )
        said.append(
            f"In {row.period} the share of {group_of(row)} among {who} is {limited(row)} times its share of the "
            f"benchmark “{row.benchmark}”{many}."
        )
        if all(ends):
            low, high = (decimal(end.estimate) for end in ends)
            said[-1] += f" That benchmark is uncertain: between its ends the ratio is {low} to {high}."
    return as_text(said, table, "" if besides else "No benchmark fits these groups.")


def parity(table: SafeTable) -> Text:
    """Say when each group's share would meet its benchmark at the pace of its series, in the latest period."""
    rows = shown(table)
    said = []
    for row in latest(rows[rows["measure"] == "years_to_parity"].dropna(subset="estimate")).itertuples():
        share, benchmark = f"the share of {group_of(row)}", f"the benchmark “{row.benchmark}”"
        if row.estimate == 0:
            said.append(f"{share.capitalize()} has met {benchmark}.")
        elif math.isinf(row.estimate):
            said.append(f"At the {row.detail} {share} comes no nearer to {benchmark}.")
        else:
            said.append(f"At the {row.detail} {share} would meet {benchmark} after {limited(row)} years.")
    return Text(lines(said))


def by_chance(table: SafeTable) -> Text:
    """Say which distances from a benchmark chance alone could explain, and which it could not."""
    rows = shown(table)
    tested = latest(rows[(rows["measure"] == "expected_persons") & rows["p_value"].notna()])
    tested = tested[~tested["detail"].str.contains("benchmark", na=False)]
    named = [f"{group_of(row)} beside “{row.benchmark}” ({chance(row.p_value)})" for row in tested.itertuples()]
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
        f"For {group_of(row)}, {percent(row.estimate)} of staff in {row.period}: beside any benchmark from "
        f"{percent(row.conf_low)} to {percent(row.conf_high)} the distance may be chance, beside another one hardly."
        for row in held.itertuples()
    ]
    return Text(lines(said))


def triggers(table: SafeTable) -> Text:
    """Set the rules that call for a closer look side by side: for whom each does in the latest period, for whom not."""
    rows = shown(table)
    said = []
    for rule, found in latest(rows[rows["measure"] == "benchmark_trigger"]).groupby("rule", sort=False):
        named = [f"{group_of(row)} beside “{row.benchmark}”" for row in found.itertuples()]
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
        even = f"{_of_hundred(uneven.estimate)} would stand elsewhere in an even spread"
        if not alone:
            return f" Of the group, {even}."
        how = (
            "unevenly spread over grades" if alone.p_value < 0.05 else "spread over grades about as chance would do it"
        )
        by_chance = f"if grades were dealt out at random, {_of_hundred(alone.estimate)} ({chance(alone.p_value)})"
        return f" The group is {how}: {even}; {by_chance}."
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


def title_of_ladder(table: SafeTable) -> str:
    """Name the share in the lowest and in the highest grade that are shown, for the title of a figure."""
    rows = shown(table)
    if len(rows) < 2:
        return "The shares by grade are hidden or unknown"
    first, *_, last = rows.itertuples()
    return f"{first.group}: {percent(first.estimate)} in “{first.grade}”, {percent(last.estimate)} in “{last.grade}”"


def _first_alike(series: pd.DataFrame, now: tuple, breaks: Mapping[str, Sequence[str]]) -> tuple[pd.Series, str]:
    """Return the first row of the same definition, and from when on that holds if another one held before."""
    starts = sorted(breaks.get(now.dimension, ()))
    held, (holds,) = (definitions(periods, starts) for periods in (series["period"], [now.period]))
    return series[held == holds].iloc[0], starts[holds - 1] if holds else ""


def _band(row: tuple, gap: tuple | None = None) -> str:
    """Say the verdict of a rule; where the data cannot tell, between which bands the limits lie."""
    bands = BANDS[row.rule]
    gone = (gap.conf_low, gap.conf_high) if gap else (0, 0)
    ends = [
        "on_track" if part >= 1 else [band for band, start in bands.items() if ratio >= start][-1]
        for part, ratio in zip(gone, (row.conf_low, row.conf_high), strict=True)
        if pd.notna(ratio)
    ]
    return _between(row.verdict, ends)


def _pace(wait: tuple) -> str:
    """Say whether a goal is reached in time at the pace so far; where the data cannot tell, what it may be."""
    known, left = {0: "reached", math.inf: "never"}, _years_left(wait)
    limits = wait.conf_low, wait.conf_high
    ends = [known.get(limit, "in_time" if limit <= left else "too_late") for limit in limits]
    return _between(wait.verdict, ends)


def _between(verdict: str, ends: Sequence[str]) -> str:
    if verdict != "cannot_tell" or len({*ends}) < 2:
        return VERDICTS[verdict]
    return f"too few people to tell, anything from “{VERDICTS[ends[0]]}” to “{VERDICTS[ends[-1]]}”"


def _years_left(row: tuple) -> float:
    """Years from a period to that of the goal, which ends the detail of its way."""
    now, end = years([row.period, row.detail.rpartition("(")[2].rstrip(")")])
    return end - now


def _of_unit(row: tuple) -> bool:
    scope = getattr(row, "scope", None)
    return pd.notna(scope) and scope not in ("", "city")


def _of_hundred(share: float) -> str:
    return f"{100 * share:.0f} of 100"


def _staff(row: tuple, rows: pd.DataFrame) -> str:
    """Say a share of staff with its counts, where there are any; of a survey with how many answered."""
    if row.detail == ANSWERED:
        asked = like(rows, row, "share_low_bound")
        of = f" of {asked.denominator:,}" if asked else ""
        whom = f"the {row.denominator:,}{of} who answered" if pd.notna(row.denominator) else "those who answered"
        return f"{percent(row.estimate)} of {whom} are in {group_of(row)}"
    if pd.isna(getattr(row, "numerator", None)):
        return f"{percent(row.estimate)} of staff are in {group_of(row)}"
    whom = (
        f"{row.denominator:,} declared staff" if row.detail == "of declared staff" else f"all {row.denominator:,} staff"
    )
    return f"{row.numerator:,} of {whom} ({percent(row.estimate)}) are in {group_of(row)}"
