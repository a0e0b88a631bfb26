"""Sentences from protected tables: they describe the process, give the counts and both denominators, and say when
the data cannot tell. What is hidden is passed over, and counted at the end."""

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from divimpact.codes import REASONS, REASONS_OF_CHANGE, VERDICTS, WITHIN_REACH
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, decimal, likely, lines, listed, percent, points, run
from divimpact.schema import definitions, years

PROPORTIONS = {"share", "pass_rate", "uptake", "projected_share", "milestone"}


def progress(table: SafeTable) -> Text:
    """Say how far each group with a target has come by the latest period."""
    rows = _shown(table)
    said = []
    for gap in _latest(rows[rows["measure"] == "gap_closed"]).itertuples():
        share, pace = _like(rows, gap, "share"), _like(rows, gap, "progress_ratio", "detail")
        way = f"The goal leads from {gap.detail}: {_limited(gap, percent)} of that way is gone."
        if pace:
            way += f" By the Open SDG rule the pace is {_limited(pace)} of the one needed: {VERDICTS[pace.verdict]}."
        said.append(f"At the end of {gap.period}, {_staff(share)}. {way}")
    return _text(said, table, "No group has a target that can be followed here.")


def shares(table: SafeTable, breaks: Mapping[str, Sequence[str]]) -> Text:
    """Say each group's share of staff in the latest period, the earliest comparable one, and the bounds.

    ``breaks`` holds, by dimension, the periods from which another definition holds; nothing is compared across one. A
    period belongs to the definition that holds at its end.
    """
    rows = _shown(table)
    every = rows[rows["measure"] == "share"]
    said = []
    for now in _latest(every).itertuples():
        series = every[(every["dimension"] == now.dimension) & (every["group"] == now.group)]
        starts = sorted(breaks.get(now.dimension, ()))
        held, (holds,) = (definitions(periods, starts) for periods in (series["period"], [now.period]))
        first, since = series[held == holds].iloc[0], starts[holds - 1] if holds else ""
        low, high = (_like(rows, now, measure) for measure in ("share_low_bound", "share_high_bound"))
        text = f"At the end of {now.period}, {_staff(now)}; {percent(first.estimate)} in {first.period}."
        if since:
            text += f" Before {since} another definition held, so earlier shares are not compared."
        if low and high and high.estimate > low.estimate:
            bounds = f"{percent(low.estimate)} and {percent(high.estimate)}"
            text += f" Of all staff it is between {bounds}, whoever the undeclared are."
        said.append(text)
    return _text(said, table, "No share of all grades together is known here.")


def hiring(table: SafeTable) -> Text:
    """Say of each target what share of those who join it needs, what that share is, and where today's rates lead."""
    rows = _shown(table)
    said = []
    for need in rows[rows["measure"] == "required_hire_share"].itertuples():
        joins = "hire_share" if pd.isna(getattr(need, "grade", None)) else "joiner_share"
        who, now = ("are hired", "hires") if joins == "hire_share" else ("join", "those who join")
        held = _like(rows, need, joins)
        wait, end = (_like(rows, need, measure, "detail") for measure in ("years_at_present", "long_run_share"))
        text = (
            f"For {_group(need)}: from {need.detail}, with the turnover of {run(need.period)}, "
            f"{_limited(need, percent)} of the declared who {who} would have to be of this group each year. "
            f"{WITHIN_REACH[need.verdict]}."
        )
        text += f" Of {now} in these years it was {_limited(held, percent)}." if held else ""
        if wait and math.isfinite(wait.estimate):
            text += f" At that share the goal is {wait.estimate:.1f} years from the start of this way."
        text += f" If all rates stay, the share moves towards {_limited(end, percent)}." if end else ""
        said.append(text + _chances(rows, need))
    return _text(said, table, "Without flows it cannot be told what a goal needs of hiring.")


def change(table: SafeTable) -> Text:
    """Say why the share of each group of all staff changed over the run of years, in percentage points that add up."""
    rows = _shown(table)
    said = []
    for row in rows[(rows["measure"] == "change") & rows["period"].str.contains("/")].itertuples():
        parts = {text: _like(rows, row, measure) for measure, text in REASONS_OF_CHANGE.items()}
        moved = [f"{points(part.estimate)} from {text}" for text, part in parts.items() if part and part.estimate]
        seen = _like(rows, row, "detectable_change")
        text = f"For {_group(row)}: {_limited(row, points)} of all staff, {run(row.period)}"
        text += f": {listed(moved)}." if moved else "."
        told = row.conf_low > 0 or row.conf_high < 0
        if seen and not told and abs(row.estimate) < seen.estimate:
            text += f" A change below {points(seen.estimate).lstrip('+')} cannot be told from chance here."
        said.append(text)
    return _text(said, table, "Without flows it cannot be told why a share changed.")


def _chances(rows: pd.DataFrame, need: tuple) -> str:
    """Say the chance of a target: of a finite workforce, and with the rates uncertain too."""
    ways = {how: need._replace(detail=f"{need.detail}, {how}") for how in ("rates as estimated", "rates uncertain")}
    found = {how: _like(rows, way, "chance_of_target", "detail") for how, way in ways.items()}
    said = [f"{likely(row.estimate)} with {how}" for how, row in found.items() if row]
    return f" The chance of being there in time is {listed(said)}." if said else ""


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
    rows = _shown(table)
    said = []
    for row in _latest(rows[rows["measure"] == "representation_ratio"]).itertuples():
        gap = _like(rows, row, "gap_persons", "benchmark")
        many = (
            f", {abs(gap.estimate):,.0f} persons {'fewer' if gap.estimate < 0 else 'more'} than at that share"
            if gap
            else ""
        )
        said.append(
            f"In {row.period} the share of {_group(row)} among staff is {_limited(row)} times its share of the "
            f"benchmark “{row.benchmark}”{many}."
        )
    return _text(said, table, "No benchmark fits these groups.")


def ceiling(table: SafeTable) -> Text:
    """Say how each group's share of all staff stands to its share in leadership in the latest period."""
    rows = _shown(table)
    said = [
        f"In {row.period} the share of group “{row.group}” ({row.dimension}) among all staff is {_limited(row)} times "
        "its share in leadership."
        for row in _latest(rows[rows["measure"] == "glass_ceiling_index"]).itertuples()
    ]
    return Text(lines(said))


def stages(table: SafeTable) -> Text:
    """Say where recruitment passes groups differently, where the data cannot tell, and where a rule triggers."""
    rows = _shown(table)
    ratios = rows[(rows["measure"] == "impact_ratio") & rows["verdict"].notna()]
    said = [
        f"{_step(row)} {_both(row)}. The ratio is {_limited(row)}, {row.verdict} than chance would explain ({_p(row)})."
        for row in ratios[ratios["verdict"] != "cannot_tell"].itertuples()
    ]
    for dimension, compared in ratios.groupby("dimension", sort=False):
        unclear = compared[compared["verdict"] == "cannot_tell"]
        if len(unclear):
            said.append(
                f"{dimension.capitalize()}: in {len(unclear)} of {len(compared)} comparisons with group "
                f"“{compared['reference'].iloc[0]}” the data cannot tell whether the rates differ: {_places(unclear)}."
            )
    triggered = rows[(rows["rule"] == "four_fifths") & (rows["verdict"] == "triggered")]
    triggered = triggered.merge(ratios[["dimension", "group"]].drop_duplicates())  # leaves out the undeclared
    if len(triggered):
        said.append(f"The four-fifths rule, a trigger to look and no verdict, is met for {_places(triggered)}.")
    return _text(said, table, "No two groups can be compared here.")


def uptake(table: SafeTable) -> Text:
    """Say, service by service, who used it and how that stands to the reference group, or that it cannot be told."""
    rows = _shown(table)
    ratios = rows[rows["measure"] == "uptake_ratio"].itertuples()
    what = {"uses": "possible uses"}
    said = [
        f"{row.service} in {row.period}: {_both(row, what.get(row.detail, row.detail))}; the ratio is {_limited(row)}."
        for row in ratios
    ]
    return _text([*said, *_without_eligible(table)], table, "No two groups can be compared here.")


def title_of_trajectory(table: SafeTable) -> str:
    """Name the latest share of one group, for the title of its figure."""
    for now in _latest(_shown(table).query("measure == 'share'")).itertuples():
        return f"{now.group}: {percent(now.estimate)} of staff in {now.period}"
    return "This share is hidden or unknown"


def title_of_change(table: SafeTable) -> str:
    """Name the change of one group's share and what moved it most, for the title of its figure."""
    rows = _shown(table)
    for row in rows[rows["measure"] == "change"].itertuples():
        parts = rows[rows["measure"].isin(REASONS_OF_CHANGE)]
        most = parts.loc[parts["estimate"].abs().idxmax(), "measure"] if len(parts) else ""
        moved = f", most from {REASONS_OF_CHANGE[most]}" if most else ""
        return f"{row.group}: {points(row.estimate)} of all staff{moved}"
    return "This change is hidden or unknown"


def title_of_outlook(table: SafeTable) -> str:
    """Name where today's rates lead a group in the last year that is drawn, for the title of its figure."""
    rows = _shown(table)
    for row in _latest(rows[(rows["measure"] == "projected_share")]).itertuples():
        return f"{row.group}: {percent(row.estimate)} of declared staff by the end of {row.period}, if all rates stay"
    return "Where the present rates lead is hidden or unknown"


def title_of_stages(table: SafeTable) -> str:
    """Name the stages at which groups fare differently, for the title of a figure."""
    rows = _shown(table)
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


def title_of_uptake(table: SafeTable) -> str:
    """Count the services that clearly reach a group less than the reference group, for the title of a figure."""
    rows = _shown(table)
    ratios = _latest(rows[rows["measure"] == "uptake_ratio"])
    low, services = (found["service"].nunique() for found in (ratios[ratios["conf_high"] < 1], ratios))
    if not services:
        return "In no service can groups be compared"
    where = f"In {low} of {services} services" if services > 1 else "In the one service compared"
    if low:
        return f"{where} a group is clearly reached less than “{ratios['reference'].iloc[0]}”"
    if services > 1:
        return f"In none of {services} services is a group clearly reached less"
    return f"{where} no group is clearly reached less"


def left_out(rows: pd.DataFrame) -> list[str]:
    """Say how many records were left out of each table, and why; not how many where that would tell a hidden count."""
    return [
        f"Some records of {row.table} are left out ({row.reason}); how many is hidden."
        if pd.isna(row.records)
        else f"Of {row.records:,.0f} records of {row.table}, {row.left_out:,.0f} are left out ({row.reason})."
        for row in rows.itertuples()
    ]


def hidden(table: SafeTable) -> str:
    """Say how many rows of a table are hidden, and why; nothing where none is."""
    if not (count := int(table.frame["suppressed"].sum())):
        return ""
    why = "they rest on counts that are small, would give a small one back, or too few declared"
    return f"{count:,} of {len(table):,} figures are hidden: {why}."


def describe(table: SafeTable, what: str, name: str) -> str:
    """Write the alt text of a figure: what it shows, then each shown value with its limits.

    ``name`` is a format that names a value by its row, such as ``"{0.period}, {0.group}"``.
    """
    rows = _shown(table)
    measures = set(rows["measure"])
    number = percent if measures <= PROPORTIONS else points if measures <= {"change", *REASONS_OF_CHANGE} else decimal
    values = "; ".join(f"{name.format(row)} {_limited(row, number)}" for row in rows.itertuples())
    return " ".join(filter(None, [f"{what}.", f"{values}." if values else "", hidden(table)]))


def _shown(table: SafeTable) -> pd.DataFrame:
    if not isinstance(table, SafeTable):
        raise TypeError(f"a {type(table).__name__} is not protected; words come from what disclosure.protect returns")
    frame = table.frame
    return frame[~frame["suppressed"] & frame["estimate"].notna()]


def _text(said: list[str], table: SafeTable, nothing: str = "") -> Text:
    told = said if said or hidden(table) else [nothing]
    return Text(lines(filter(None, [*told, hidden(table)])))


def _latest(rows: pd.DataFrame) -> pd.DataFrame:
    if "period" not in rows:
        return rows
    series = [key for key in ("dimension", "group", "grade", "benchmark") if key in rows]
    ends = pd.Series(years(rows["period"]), rows.index)
    return rows[ends == ends.groupby([rows[key] for key in series], dropna=False).transform("max")]


def _like(rows: pd.DataFrame, row: tuple, measure: str, *keys: str):
    """Return the row of another measure that has the same period, group and grade; None if it is hidden."""
    same = rows["measure"] == measure
    for key in ("period", "dimension", "group", "grade", *keys):
        if key in rows:
            value = getattr(row, key)
            same &= rows[key].isna() if pd.isna(value) else rows[key] == value
    return next(rows[same].itertuples(), None)


def _places(rows: pd.DataFrame) -> str:
    by_stage = rows.groupby("stage", sort=False)["group"]
    where = {stage: "overall" if stage == "overall" else f"at “{stage}”" for stage in rows["stage"]}
    return "; ".join(f"{listed(f'“{group}”' for group in groups)} {where[stage]}" for stage, groups in by_stage)


def _group(row: tuple) -> str:
    """Name a group with its dimension and, where not all are meant, its unit and its grade."""
    unit, grade = getattr(row, "scope", getattr(row, "unit", None)), getattr(row, "grade", None)
    places = {"in unit": None if unit == "city" else unit, "at grade": grade}
    named = [f" {place} {name}" for place, name in places.items() if pd.notna(name) and name]
    return f"group “{row.group}” ({row.dimension})" + "".join(named)


def _without_eligible(table: SafeTable) -> list[str]:
    """Name the services of which nothing can be told, as it is not known how many are eligible."""
    rows = table.frame.query("measure == 'uptake_ratio' and not suppressed")
    unknown = rows[rows[["denominator", "reference_denominator"]].isna().any(axis=1)]
    return [
        f"{listed(found['service'].unique())} in {period}: how many are eligible in group “{group}” or in group "
        f"“{reference}” is not known, so their use cannot be told."
        for (period, group, reference), found in unknown.groupby(["period", "group", "reference"], sort=False)
    ]


def _staff(row: tuple) -> str:
    """Say a share of staff with its counts, where there are any."""
    if pd.isna(getattr(row, "numerator", None)):
        return f"{percent(row.estimate)} of staff are in {_group(row)}"
    whom = (
        f"{row.denominator:,} declared staff" if row.detail == "of declared staff" else f"all {row.denominator:,} staff"
    )
    return f"{row.numerator:,} of {whom} ({percent(row.estimate)}) are in {_group(row)}"


def _both(row: tuple, what: str = "") -> str:
    sides = [
        (row.numerator, row.denominator, row.group),
        (row.reference_numerator, row.reference_denominator, row.reference),
    ]
    counted = f"{what} " if what else ""
    return " and ".join(f"{x:,} of {n:,} {counted}in group “{group}” ({percent(x / n)})" for x, n, group in sides)


def _step(row: tuple) -> str:
    if row.stage == "overall":
        return "From the first stage to the last, recruitment passes"
    return f"The step to “{row.stage}” passes"


def _limited(row: tuple, number: Callable[[float], str] = decimal) -> str:
    """Write an estimate with its limits, where it has any."""
    if pd.isna(row.conf_low):
        return number(row.estimate)
    limits = f"{number(row.conf_low)} to {number(row.conf_high)}"
    return f"{number(row.estimate)} ({100 * row.confidence:g}\N{NO-BREAK SPACE}% limits {limits})"


def _p(row: tuple) -> str:
    adjusted = pd.notna(row.p_adjusted)
    p = row.p_adjusted if adjusted else row.p_value
    return ("adjusted p " if adjusted else "p ") + ("below 0.001" if p < 0.001 else f"{p:.2g}")
