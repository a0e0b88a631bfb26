"""Sentences on the staff: goals, turnover, change, representation. What is hidden is passed over, then counted."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from divimpact.codes import REASONS, REASONS_OF_CHANGE, VERDICTS, WITHIN_REACH
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, likely, lines, listed, percent, points, run
from divimpact.schema import definitions
from divimpact.wording import as_text, latest, like, limited, shown


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
        wait, end = (like(rows, need, measure, "detail") for measure in ("years_at_present", "long_run_share"))
        text = (
            f"For {_group(need)}: from {need.detail}, with the turnover of {run(need.period)}, "
            f"{limited(need, percent)} of the declared who {who} would have to be of this group each year. "
            f"{WITHIN_REACH[need.verdict]}."
        )
        text += f" Of {now} in these years it was {limited(held, percent)}." if held else ""
        if wait and math.isfinite(wait.estimate):
            text += f" At that share the goal is {wait.estimate:.1f} years from the start of this way."
        text += f" If all rates stay, the share moves towards {limited(end, percent)}." if end else ""
        said.append(text + _chances(rows, need))
    return as_text(said, table, "Without flows it cannot be told what a goal needs of hiring.")


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
    return as_text(said, table, "Without flows it cannot be told why a share changed.")


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
    said = []
    for row in latest(rows[rows["measure"] == "representation_ratio"]).itertuples():
        gap = like(rows, row, "gap_persons", "benchmark")
        many = (
            f", {abs(gap.estimate):,.0f} persons {'fewer' if gap.estimate < 0 else 'more'} than at that share"
            if gap
            else ""
        )
        said.append(
            f"In {row.period} the share of {_group(row)} among staff is {limited(row)} times its share of the "
            f"benchmark “{row.benchmark}”{many}."
        )
    return as_text(said, table, "No benchmark fits these groups.")


def ceiling(table: SafeTable) -> Text:
    """Say how each group's share of all staff stands to its share in leadership in the latest period."""
    rows = shown(table)
    said = [
        f"In {row.period} the share of group “{row.group}” ({row.dimension}) among all staff is {limited(row)} times "
        "its share in leadership."
        for row in latest(rows[rows["measure"] == "glass_ceiling_index"]).itertuples()
    ]
    return Text(lines(said))


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
    places = {"in unit": None if unit == "city" else unit, "at grade": grade}
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
