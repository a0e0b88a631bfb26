"""Sentences from protected tables: they describe the process, give the counts and both denominators, and say when
the data cannot tell. What is hidden is passed over, and counted at the end."""

import html
from collections.abc import Callable, Iterable, Mapping, Sequence

import pandas as pd

from divimpact.disclosure import SafeTable

VERDICTS = {
    "on_track": "on track",
    "acceleration_needed": "progress, but not fast enough",
    "limited_progress": "limited progress",
    "moving_away": "moving away from the goal",
    "cannot_tell": "the limits lie in more than one band, so the data cannot tell",
}
PROPORTIONS = {"share", "pass_rate", "uptake"}


class Text(str):
    """Sentences, a paragraph a line, that show as paragraphs in a notebook; names from the data cannot become HTML."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return "".join(f"<p>{html.escape(line)}</p>" for line in self.splitlines())


def percent(share: float) -> str:
    r"""Write a share as a percentage: one decimal, below 1 % two significant figures.

    >>> percent(0.2653), percent(0.00412), percent(0)
    ('26.5\xa0%', '0.41\xa0%', '0\xa0%')
    """
    return f"{100 * share:.2g}\N{NO-BREAK SPACE}%" if abs(share) < 0.00995 else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def progress(table: SafeTable) -> Text:
    """Say how far each group with a target has come by the latest period."""
    rows = _shown(table)
    said = []
    for gap in _latest(rows[rows["measure"] == "gap_closed"]).itertuples():
        share, pace = (_like(rows, gap, measure) for measure in ("share", "progress_ratio"))
        way = f"The goal leads from {gap.detail}: {_limited(gap, percent)} of that way is gone."
        if pace:
            way += f" By the Open SDG rule the pace is {_limited(pace)} of the one needed: {VERDICTS[pace.verdict]}."
        said.append(f"At the end of {gap.period}, {_staff(share)}. {way}")
    return _text(said, table, "No group has a target that can be followed here.")


def shares(table: SafeTable, breaks: Mapping[str, Sequence[str]]) -> Text:
    """Say each group's share of staff in the latest period, the earliest comparable one, and the bounds.

    ``breaks`` holds, by dimension, the periods from which another definition holds; nothing is compared across one.
    """
    rows = _shown(table)
    every = rows[rows["measure"] == "share"]
    said = []
    for now in _latest(every).itertuples():
        since = max((period for period in breaks.get(now.dimension, ()) if period <= now.period), default="")
        series = every[(every["dimension"] == now.dimension) & (every["group"] == now.group)]
        first = series[series["period"] >= since].iloc[0]
        low, high = (_like(rows, now, measure) for measure in ("share_low_bound", "share_high_bound"))
        text = f"At the end of {now.period}, {_staff(now)}; {percent(first.estimate)} in {first.period}."
        if since:
            text += f" Before {since} another definition held, so earlier shares are not compared."
        if low and high and high.estimate > low.estimate:
            bounds = f"{percent(low.estimate)} and {percent(high.estimate)}"
            text += f" Of all staff it is between {bounds}, whoever the undeclared are."
        said.append(text)
    return _text(said, table)


def not_followed(targets: pd.DataFrame) -> Text:
    """Name the targets that could not be followed."""
    return Text(
        "\n".join(
            f"Not followed: the target of {percent(row.target)} in {row.target_period} for {_group(row)}."
            for row in targets.itertuples()
        )
        or "Every target is followed."
    )


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
    """Say, service by service, who used it and how that stands to the reference group."""
    rows = _shown(table)
    ratios = rows[rows["measure"] == "uptake_ratio"].itertuples()
    said = [f"{row.service} in {row.period}: {_both(row, row.detail)}; the ratio is {_limited(row)}." for row in ratios]
    return _text(said, table, "No two groups can be compared here.")


def title_of_trajectory(table: SafeTable) -> str:
    """Name the latest share of one group, for the title of its figure."""
    for now in _latest(_shown(table).query("measure == 'share'")).itertuples():
        return f"{now.group}: {percent(now.estimate)} of staff in {now.period}"
    return "This share is hidden or unknown"


def title_of_stages(table: SafeTable) -> str:
    """Name the stages at which groups fare differently, for the title of a figure."""
    rows = _shown(table)
    found = rows[(rows["measure"] == "impact_ratio") & rows["verdict"].isin(["lower", "higher"])]
    steps = found[found["stage"] != "overall"]
    if len(steps) == 1:
        row = next(steps.itertuples())
        return f"“{row.stage}” is reached {row.estimate:.2f} times as often by “{row.group}” as by “{row.reference}”"
    if len(steps):
        return f"Groups fare differently at {_listed(f'“{stage}”' for stage in steps['stage'].unique())}"
    if len(found):
        return "Groups fare differently overall, at no single stage for certain"
    return "At no stage can these numbers tell a difference from none"


def title_of_uptake(table: SafeTable) -> str:
    """Count the services that clearly reach a group less than the reference group, for the title of a figure."""
    rows = _shown(table)
    ratios = rows[rows["measure"] == "uptake_ratio"]
    low, services = _latest(ratios)[lambda found: found["conf_high"] < 1], ratios["service"].nunique()
    if low.empty:
        return f"In none of {services} services is a group clearly reached less"
    reference = low["reference"].iloc[0]
    return f"In {low['service'].nunique()} of {services} services a group is clearly reached less than “{reference}”"


def hidden(table: SafeTable) -> str:
    """Say how many rows of a table are hidden, and why; nothing where none is."""
    count = int(table.frame["suppressed"].sum())
    return (
        f"{count:,} of {len(table):,} figures are hidden: they rest on small counts or too few declared."
        if count
        else ""
    )


def describe(table: SafeTable, what: str, name: str) -> str:
    """Write the alt text of a figure: what it shows, then each shown value with its limits.

    ``name`` is a format that names a value by its row, such as ``"{0.period}, {0.group}"``.
    """
    rows = _shown(table)
    number = percent if set(rows["measure"]) <= PROPORTIONS else "{:.2f}".format
    values = "; ".join(f"{name.format(row)} {_limited(row, number)}" for row in rows.itertuples())
    return " ".join(filter(None, [f"{what}.", f"{values}." if values else "", hidden(table)]))


def _shown(table: SafeTable) -> pd.DataFrame:
    if not isinstance(table, SafeTable):
        raise TypeError(f"a {type(table).__name__} is not protected; words come from what disclosure.protect returns")
    frame = table.frame
    return frame[~frame["suppressed"] & frame["estimate"].notna()]


def _text(said: list[str], table: SafeTable, nothing: str = "") -> Text:
    told = said if said or hidden(table) else [nothing]
    return Text("\n".join(filter(None, [*told, hidden(table)])))


def _latest(rows: pd.DataFrame) -> pd.DataFrame:
    if "period" not in rows:
        return rows
    series = [key for key in ("dimension", "group", "grade", "benchmark") if key in rows]
    return rows[rows["period"] == rows.groupby(series, dropna=False)["period"].transform("max")]


def _like(rows: pd.DataFrame, row: tuple, measure: str, *keys: str):
    """Return the row of another measure that has the same period, group and grade; None if it is hidden."""
    same = rows["measure"] == measure
    for key in ("period", "dimension", "group", "grade", *keys):
        if key in rows:
            value = getattr(row, key)
            same &= rows[key].isna() if pd.isna(value) else rows[key] == value
    return next(rows[same].itertuples(), None)


def _listed(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def _places(rows: pd.DataFrame) -> str:
    by_stage = rows.groupby("stage", sort=False)["group"]
    where = {stage: "overall" if stage == "overall" else f"at “{stage}”" for stage in rows["stage"]}
    return "; ".join(f"{_listed(f'“{group}”' for group in groups)} {where[stage]}" for stage, groups in by_stage)


def _group(row: tuple) -> str:
    grade = getattr(row, "grade", None)
    return f"group “{row.group}” ({row.dimension})" + ("" if pd.isna(grade) else f" at grade {grade}")


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


def _limited(row: tuple, number: Callable[[float], str] = "{:.2f}".format) -> str:
    """Write an estimate with its limits, where it has any."""
    if pd.isna(row.conf_low):
        return number(row.estimate)
    limits = f"{number(row.conf_low)} to {number(row.conf_high)}"
    return f"{number(row.estimate)} ({100 * row.confidence:g}\N{NO-BREAK SPACE}% limits {limits})"


def _p(row: tuple) -> str:
    adjusted = pd.notna(row.p_adjusted)
    p = row.p_adjusted if adjusted else row.p_value
    return ("adjusted p " if adjusted else "p ") + ("below 0.001" if p < 0.001 else f"{p:.2g}")
