"""Words on the staff: shares then and now, who declared, why a share changed."""

from collections.abc import Mapping, Sequence

import pandas as pd

from divimpact.codes import ANSWERED, REASONS_OF_CHANGE
from divimpact.disclosure import SafeTable
from divimpact.phrases import Grid, Text, in_points, in_size, lines, listed, percent, points, run
from divimpact.schema import definitions
from divimpact.wording import (
    as_text,
    entry,
    group_of,
    latest,
    like,
    limited,
    member_of,
    reference_last,
    shown,
    with_limits,
)


def declared(table: SafeTable, breaks: Mapping[str, Sequence[str]]) -> Text:
    """Say how many of all staff declared each dimension, in the latest period and the earliest of the same definition.

    ``breaks`` as in `shares`.
    """
    table = table.where(measure="declared_share")
    every = shown(table)
    said = []
    for now in latest(every).itertuples():
        first, _ = _first_alike(every[every["dimension"] == now.dimension], now, breaks)
        who = f"{now.numerator:,} of all {now.denominator:,} staff ({percent(now.estimate)})"
        text = f"{now.dimension.capitalize()}: {who} had declared at the end of {now.period}"
        said.append(text + (f"; {percent(first.estimate)} in {first.period}." if first.period != now.period else "."))
    return as_text(said, table, "How many declared is not known here, or everyone did.")


def shares(table: SafeTable, breaks: Mapping[str, Sequence[str]]) -> Text:
    """List each group's share of staff in the latest period, the earliest comparable one, and the bounds.

    ``breaks`` holds, by dimension, the periods from which another definition holds; nothing is compared across one. A
    period belongs to the definition that holds at its end.
    """
    rows = table.frame
    every = rows[rows["measure"] == "share"]
    listed_ = [_share(now, rows, every, breaks) for now in reference_last(latest(every), rows).itertuples()]
    if not listed_:
        return Text("No share of all grades together is known here.")
    return Grid(with_limits("Shares of staff, then and now", table.where(measure="share")), listed_)


def _share(now: tuple, rows: pd.DataFrame, every: pd.DataFrame, breaks: Mapping[str, Sequence[str]]) -> dict[str, str]:
    series = every[(every["dimension"] == now.dimension) & (every["group"] == now.group)]
    first, since = _first_alike(series, now, breaks)
    ends = list(dict.fromkeys(entry(like(rows, now, f"share_{side}_bound"), percent) for side in ("low", "high")))
    then = f"{entry(next(pd.DataFrame([first]).itertuples()), percent)} in {first.period}"
    then = then if first.period != now.period else "–"
    return {
        "group": member_of(now),
        "then": f"{then}; another definition before {since}" if since else then,
        "now": f"{entry(now, percent)} in {now.period}",
        "counted": _counted(now, rows),
        "of all staff, whoever the undeclared are": " to ".join(ends),
    }


def _counted(now: tuple, rows: pd.DataFrame) -> str:
    """Say what a share is of: counts, where there are any; of a survey how many answered."""
    if now.suppressed:
        return "hidden"
    if now.detail == ANSWERED:
        asked = like(rows, now, "share_low_bound")
        of = f" of {asked.denominator:,}" if asked and pd.notna(asked.denominator) else ""
        return f"{now.denominator:,}{of} answered" if pd.notna(now.denominator) else "of those who answered"
    if pd.isna(getattr(now, "numerator", None)):
        return "as published"
    staff = "declared" if now.detail == "of declared staff" else "staff"
    return f"{now.numerator:,} of {now.denominator:,} {staff}"


def change(table: SafeTable) -> Text:
    """Say why the share of each group of all staff changed over the run of years, in percentage points that add up."""
    table = table.where(measure=["change", "detectable_change", *REASONS_OF_CHANGE])
    rows, said = table.frame, []
    for row in rows[(rows["measure"] == "change") & rows["period"].str.contains("/")].itertuples():
        if row.suppressed:
            said.append(f"For {group_of(row)}: why its share changed cannot be shown, as numbers of people are small.")
            continue
        moved = {f"from {text}": part.estimate for text, part in _reasons(row, rows).items()}
        text = f"From {run(row.period)} the share of {group_of(row)} changed by {limited(row, points)} {row.detail}"
        text += f": {in_points(moved)}." if any(moved.values()) else "."
        seen = like(rows, row, "detectable_change")
        if seen and pd.notna(seen.estimate) and not (row.conf_low > 0 or row.conf_high < 0):
            size = in_size(seen.estimate)
            text += f" A true change of less than {size} would be missed more than one time in five."
        said.append(text)
    said += [
        f"For {group_of(row)} no flows are known, so why its share changed cannot be told. A true "
        f"change of less than {in_size(row.estimate)} between two snapshots would be missed more than one time in "
        "five, if nobody had stayed; as most stay, smaller ones are seen."
        for row in shown(table)[lambda found: found["measure"] == "detectable_change"].itertuples()
        if row.detail == "upper bound: independent snapshots"
    ]
    return Text(lines(said) or "Without flows it cannot be told why a share changed.")


def changes(table: SafeTable) -> Text:
    """List the change of each group's share over the run of years with its parts, and the smallest seen change."""
    rows = table.frame
    whole = rows[(rows["measure"] == "change") & rows["period"].str.contains("/")]
    reasons = {row.Index: _reasons(row, rows) for row in whole.itertuples()}
    named = [text for text in REASONS_OF_CHANGE.values() if any(text in parts for parts in reasons.values())]
    listed_ = [
        {
            "group": member_of(row),
            "change": entry(row, signed),
            **{f"from {text}": entry(reasons[row.Index].get(text), signed) for text in named},
            "seen four times in five": entry(like(rows, row, "detectable_change"), _bare),
        }
        for row in reference_last(whole, rows).itertuples()
    ]
    runs, bases = (listed(dict.fromkeys(texts)) for texts in (map(run, whole["period"]), whole["detail"].dropna()))
    caption = with_limits(f"Change of the share {bases}, {runs}, in points", table)
    return Grid(caption, listed_) if listed_ else Text("")


def signed(difference: float) -> str:
    return points(difference).removesuffix(" points")


def _bare(difference: float) -> str:
    return signed(difference).lstrip("+")


def _reasons(row: tuple, rows: pd.DataFrame) -> dict[str, tuple]:
    """Return the parts of a change, hidden or of some size, by what they are called."""
    found = {text: like(rows, row, measure) for measure, text in REASONS_OF_CHANGE.items()}
    return {text: part for text, part in found.items() if part and (part.suppressed or part.estimate)}


def size(table: SafeTable, growth: float = 0.0) -> Text:
    """Say how the staff grew over the run of years, beside the ``growth`` that an outlook takes for granted."""
    whole = shown(table)[lambda rows: (rows["measure"] == "change") & rows["period"].str.contains("/")]
    taken = f"to grow by {percent(growth)} a year" if growth else "to keep its size"
    said = [
        f"From {run(row.period)} the staff went from {row.reference_denominator:,} to {row.denominator:,} "
        f"({row.detail}; {row.dimension}). What follows takes it {taken}; another growth can be given above."
        for row in whole.drop_duplicates("dimension").itertuples()
        if row.denominator != row.reference_denominator
    ]
    return Text(lines(said))


def not_accounted(periods: Mapping[str, Sequence[str]]) -> Text:
    """Name the flows that no account uses, by dimension; where there are none, say nothing."""
    said = [
        f"Flows by {dimension} of {listed(left)} are not used: no snapshot lies before, or another definition held."
        for dimension, left in periods.items()
        if left
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
        if row.conf_low <= 0 <= row.conf_high:
            return f"{row.group}: {points(row.estimate)} {row.detail}, no more than chance may do"
        parts = rows[rows["measure"].isin(REASONS_OF_CHANGE)]
        most = parts.loc[parts["estimate"].abs().idxmax(), "measure"] if len(parts) else ""
        moved = f", most from {REASONS_OF_CHANGE[most]}" if most else ""
        return f"{row.group}: {points(row.estimate)} {row.detail}{moved}"
    return "This change is hidden or unknown"


def _first_alike(series: pd.DataFrame, now: tuple, breaks: Mapping[str, Sequence[str]]) -> tuple[pd.Series, str]:
    """Return the first row of the same definition, and from when on that holds if another one held before."""
    starts = sorted(breaks.get(now.dimension, ()))
    held, (holds,) = (definitions(periods, starts) for periods in (series["period"], [now.period]))
    return series[held == holds].iloc[0], starts[holds - 1] if holds else ""
