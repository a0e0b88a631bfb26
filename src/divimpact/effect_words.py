"""Sentences on measures (Q8): what changed where and since they began, for whom, and what speaks against it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, in_size, lines, listed, points
from divimpact.wording import as_text, complete, like, limited, p_of

OVERALL = ("people", "districts")  # how the detail of an estimate over all districts and periods begins


def changes(table: SafeTable, designs: Sequence[pd.DataFrame]) -> Text:
    """Say what each measure is associated with for those for whom it is meant, by which design, and of the gap.

    ``designs`` are those of `panel.designs`, one frame for each dimension. Where a measure names no group of the
    dimension, everyone is meant.
    """
    rows = _overall(table)
    said = [
        f"{_named(design)}. {' '.join(_of_group(rows, design, group) for group in _meant(rows, design))}"
        for design in _looked_at(rows, designs)
    ]
    return as_text(said, table, "What a measure changed, and for whom, stays open: no measure can be compared here.")


def others(table: SafeTable, designs: Sequence[pd.DataFrame]) -> Text:
    """Say what each measure is associated with for everyone and for all other groups."""
    rows = _overall(table)
    said = []
    for design in _looked_at(rows, designs):
        own = _of(rows, design)
        meant = own["group"].fillna("").isin([group or "" for group in _meant(rows, design)])
        left = own[own["measure"].isin(["effect", "effect_by_group"]) & ~meant]
        each = [f"{_who(row)} {limited(row, points)}{_untold(row)}" for row in left.itertuples()]
        said += [f"“{design.of_measure}” ({design.service}), change of use: {'; '.join(each)}."] if each else []
    return Text(lines(said))


def doubts(table: SafeTable, designs: Sequence[pd.DataFrame]) -> Text:
    """Say of each measure whether districts went another way before it, and what could have gone unseen.

    Other ways to estimate the change stand beside it.
    """
    rows = complete(table)
    return Text(lines(_doubt(_of(rows, design), design) for design in _looked_at(rows, designs)))


def placebo_services(table: SafeTable) -> Text:
    """Say how often a change was found in services that have no measure, at the dates of those that have one."""
    rows = complete(table)
    found = rows[(rows["measure"] == "placebo_service") & rows["verdict"].notna()]
    if found.empty:
        return Text("No service is without a measure, or their counts are hidden, so this check cannot be made.")
    told = (found["verdict"] != "cannot_tell").sum()
    return Text(
        f"In {listed(found['service'].unique())}, which have no measure, the dates and districts of the measures were "
        f"tried all the same: {told or 'none'} of {len(found)} comparisons show a change. By chance one in twenty "
        "might."
    )


def before_after(table: SafeTable) -> Text:
    """Say how use differs from its own course since a measure that began everywhere, where nothing can be compared."""
    rows = complete(table)
    said = []
    steps = rows[rows["measure"] == "interrupted_effect"]
    for (name, service), own in steps.groupby(["of_measure", "service"], sort=False):
        each = [f"group “{row.group}” {limited(row, points)}{_untold(row)}" for row in own.itertuples()]
        said.append(
            f"“{name}” ({service}) began everywhere at once, so there are no districts to compare with. Beside its own "
            f"course until then, with trend and seasons, use since differs: {'; '.join(each)}. Whatever else began at "
            "that time is in these numbers too."
        )
    return Text(lines(said))


def stays_open(designs: Sequence[pd.DataFrame], outside: Sequence[pd.DataFrame] = ()) -> Text:
    """Name the measures that cannot be looked at, and the districts and groups left out of the others, with reasons."""
    said = [
        f"What “{design.of_measure}” changed by {design.dimension} stays open: {design.reason}."
        for design in _each(designs)
        if design.reason
    ]
    said += [sentence for frame in outside for sentence in _left_out(frame)]
    return Text(lines(said) or "Nothing is left out, and no measure stays open." * any(map(len, designs)))


def _left_out(outside: pd.DataFrame) -> list[str]:
    """Name what is left out, once for all measures of which it is the same."""
    of_measures = {}
    for (name, reason), own in outside.groupby(["of_measure", "reason"], sort=False):
        groups = [f"“{group}”" for group in own["group"].dropna().unique()]
        who = f"group {listed(groups)} in " if groups else ""
        of_measures.setdefault(f"{who}{listed(own['district'].unique())} ({reason})", []).append(f"“{name}”")
    return [f"Left out of {listed(names)}: {what}." for what, names in of_measures.items()]


def title_of_event_study(table: SafeTable) -> str:
    """Say what a measure is associated with for the group whose change is largest of those told, for a figure."""
    rows = _overall(table)
    told = rows[(rows["measure"] == "effect_by_group") & rows["verdict"].isin(["lower", "higher"])]
    of = f"“{rows['of_measure'].iloc[0]}”: " if len(rows) else ""
    if told.empty:
        return f"{of}no change of use can be told from chance"
    each = listed(f"“{row.group}” {points(row.estimate)}" for row in told.itertuples())
    return f"{of}use by {each} beside districts without it"


def _each(designs: Sequence[pd.DataFrame]) -> list[tuple]:
    return [design for frame in designs for design in frame.itertuples()]


def _looked_at(rows: pd.DataFrame, designs: Sequence[pd.DataFrame]) -> list[tuple]:
    """Return the designs of which anything is shown."""
    return [design for design in _each(designs) if not design.reason and len(_of(rows, design))]


def _overall(table: SafeTable) -> pd.DataFrame:
    rows = complete(table)
    return rows[rows["detail"].str.startswith(OVERALL, na=False)]


def _of(rows: pd.DataFrame, design: tuple) -> pd.DataFrame:
    """Return the rows of one measure and dimension, those of its own service."""
    same = [rows[key] == getattr(design, key) for key in ("of_measure", "service", "dimension")]
    return rows[same[0] & same[1] & same[2]]


def _meant(rows: pd.DataFrame, design: tuple) -> list[str | None]:
    """Return the groups for which a measure is meant, as far as they are compared here; otherwise everyone (None)."""
    own = _of(rows, design)
    return [group for group in design.meant if group in set(own["group"].dropna())] or [None]


def _named(design: tuple) -> str:
    """Say what the measure is, where and since when it holds, and with what it is compared."""
    all_of = design.districts + design.others
    since = listed(dict.fromkeys(design.starts))
    many = f"{design.others} district{'s' * (design.others > 1)}"
    against = f"the {many} without it" if design.others else "those that did not have it yet"
    yet = " and those that did not have it yet" if design.others and len(design.starts) > 1 else ""
    return (
        f"“{design.of_measure}” for {design.service} has been in {design.districts} of {all_of} districts compared, "
        f"since {since}; they are compared with {against}{yet}, by how use changed from before to after"
    )


def _of_group(rows: pd.DataFrame, design: tuple, group: str | None) -> str:
    """Say what the measure is associated with for a group, or everyone, and what became of the gap."""
    own = _of(rows, design)
    change = own[own["measure"] == ("effect_by_group" if group else "effect")]
    change = change[change["group"] == group] if group else change
    said = []
    for row in change.itertuples():
        if row.verdict in ("lower", "higher"):
            said.append(f"For {_who(row)} it is associated with {limited(row, points)} of use, {_p_of(row)}.")
        else:
            said.append(f"For {_who(row)} the data cannot tell whether use changed: {limited(row, points)}.")
    gap = own[(own["measure"] == "effect_gap") & (own["group"] == group)]
    said += [_of_gap(row, like(own, row, "gap_before")) for row in gap.itertuples()]
    return " ".join(said)


def _of_gap(change: tuple, before: tuple | None) -> str:
    """Say whether the gap to the reference group narrowed."""
    start = f", {points(before.estimate)} before it," if before else ""
    gap = f"the gap to group “{change.reference}”{start}"
    if change.verdict not in ("lower", "higher") or not before:
        return f"Whether {gap} narrowed the data cannot tell: it changed by {limited(change, points)}."
    low, high = sorted(-np.sign(before.estimate) * np.array([change.conf_low, change.conf_high]))
    size = abs(before.estimate)
    how = "widened" if high < 0 else "narrowed" if high < size else "narrowed and may have closed"
    how = "closed and turned round" if low > size else how
    return f"T{gap[1:]} {how}: it changed by {limited(change, points)}, {_p_of(change)}."


def _doubt(own: pd.DataFrame, design: tuple) -> str:
    """Say what speaks against one measure's estimates, and what other estimates are."""
    before = own[own["measure"] == "pre_trend"]
    found = before[before["verdict"].isin(["lower", "higher"])]
    text = f"“{design.of_measure}” ({design.service}): "
    if len(found):
        named = listed(f"{_whose(row)} ({points(row.estimate)} a period)" for row in found.itertuples())
        text += f"before it began, districts already moved apart in {named}, so these estimates are to be doubted."
    elif len(before):
        text += "before it began, no other course of its districts is seen."
    else:
        text += "too few periods lie before it to see whether its districts were on another course."
    unseen = own[(own["measure"] == "pre_trend_bias") & own["group"].isna()]
    text += "".join(
        f" A course that adds up to {in_size(row.estimate)} could go unseen." for row in unseen.itertuples()
    )
    for date in own[(own["measure"] == "placebo_date") & own["group"].isna()].itertuples():
        earlier = date.detail.partition(";")[0]
        seen = "nothing is found" if date.verdict == "cannot_tell" else "something is found, where nothing can be"
        text += f" Taken to start {earlier}, {seen} ({limited(date, points)})."
    return text + _beside(own)


def _beside(own: pd.DataFrame) -> str:
    """Set other estimates of everyone beside each other."""
    names = {
        "imputation": "imputing what would have been",
        "never_treated": "only districts that never have it as controls",
        "two_way": "two-way regression, which also compares with districts that have it already",
    }
    found = own[(own["measure"] == "effect_check") & own["group"].isna()]
    each = [f"{points(row.estimate)} by {names[row.method]}" for row in found.itertuples() if row.method in names]
    main = own[(own["measure"] == "effect") & own["detail"].str.startswith(OVERALL)]
    return f" For everyone: {points(main['estimate'].iloc[0])} here, {listed(each)}." if each and len(main) else ""


def _p_of(row: tuple) -> str:
    return p_of(row) + ", by randomisation" * str(row.rule).startswith("randomisation")


def _who(row: tuple) -> str:
    return "everyone who declared" if pd.isna(row.group) else f"group “{row.group}”"


def _whose(row: tuple) -> str:
    if pd.notna(row.reference):
        return f"the gap of group “{row.group}” to group “{row.reference}”"
    return f"use by {_who(row)}"


def _untold(row: tuple) -> str:
    return "" if row.verdict in ("lower", "higher") else ", not told from no change"
