"""Words on the way up: whether there is a ceiling, the steps between grades, how unevenly groups are spread."""

from collections.abc import Sequence

import pandas as pd

from divimpact.disclosure import SafeTable
from divimpact.phrases import Grid, Text, chance, decimal, listed, percent
from divimpact.wording import as_text, entry, latest, like, limited, member_of, reference_last, shown, with_limits

OVER = ("over grades", "over units")  # where groups may be spread unevenly
NO_GRADES = "Without grades it cannot be told whether there is a ceiling."


def ceiling(table: SafeTable) -> Text:
    """Say whether each group loses ground on the way up, as far as the data can tell, in the latest period."""
    rows = shown(table)
    said = []
    for row in latest(rows[rows["measure"] == "glass_ceiling_index"]).itertuples():
        own = rows[(rows["dimension"] == row.dimension) & (rows["group"] == row.group) & (rows["period"] == row.period)]
        text = f"{_ceiling(row)} group “{row.group}” ({row.dimension}): in {row.period} its share among all staff"
        text += f"{_part(row.numerator, row.denominator)} is {limited(row)} times its share in leadership"
        text += f"{_part(row.reference_numerator, row.reference_denominator)}."
        said.append(text + _steps(own) + _trend(own))
    return as_text(said, table.where(measure="glass_ceiling_index"), NO_GRADES)


def _ceiling(index: tuple) -> str:
    if pd.isna(index.conf_low):
        return "For"
    if index.conf_low <= 1 <= index.conf_high:
        return "The data cannot tell for"
    return "Yes, for" if index.conf_low > 1 else "No, not for"


def _part(count: float, of: float) -> str:
    return "" if pd.isna(count) else f" ({percent(count / of)}, {count:,} of {of:,})"


def _steps(rows: pd.DataFrame) -> str:
    """Say on which steps between grades the share of a group falls or rises."""
    steps = rows[(rows["measure"] == "step_ratio") & rows["conf_low"].notna()]
    moves = {"falls": steps[steps["conf_high"] < 1], "rises": steps[steps["conf_low"] > 1]}
    clear = [
        f"{way} to {decimal(step.estimate)} times on the step to “{step.grade}”"
        for way, some in moves.items()
        for step in some.itertuples()
    ]
    unclear = len(steps) - len(clear)
    if not clear:
        return " On no single step can the data tell." if unclear else ""
    return f" It {listed(clear)}." + (f" On {unclear} of {len(steps)} steps the data cannot tell." if unclear else "")


def _trend(rows: pd.DataFrame) -> str:
    for trend in rows[rows["measure"] == "grade_trend"].itertuples():
        return f" Over all grades it {_way_up(trend)} ({chance(trend.p_value)})."
    return ""


def _way_up(trend: tuple) -> str:
    way = "falls on the way up" if trend.estimate < 0 else "rises on the way up"
    return way if trend.p_value < 0.05 else "shows no clear trend"


def grades(table: SafeTable) -> Text:
    """List how each group's share goes from grade to grade, and how unevenly it is spread, in the latest period."""
    rows = table.frame
    now = latest(rows[rows["measure"].isin(["glass_ceiling_index", "grade_trend", "dissimilarity"])])
    now = reference_last(now.drop_duplicates(["dimension", "group"]), rows)
    steps = [*rows.loc[rows["measure"] == "step_ratio", ["grade", "detail"]].drop_duplicates().itertuples(index=False)]
    listed_ = [_climb(row, rows, steps) for row in now.assign(grade=None).itertuples()]
    caption = with_limits("Grade by grade: shares over one another", table.where(measure="step_ratio"))
    return Grid(caption, listed_) if listed_ else Text(NO_GRADES)


def _climb(row: tuple, rows: pd.DataFrame, steps: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return how the share of one group goes up, and how unevenly the group is spread."""
    index = like(rows, row._replace(grade="leadership"), "glass_ceiling_index")
    rungs = {f"{grade} {over}": like(rows, row._replace(grade=grade), "step_ratio") for grade, over in steps}
    trend = like(rows, row, "grade_trend")
    known = trend is not None and not trend.suppressed and pd.notna(trend.estimate)
    return {
        "group": member_of(row),
        "all staff over leadership": entry(index),
        **{rung: entry(step) for rung, step in rungs.items()},
        "over all grades": f"{_way_up(trend)} ({chance(trend.p_value)})" if known else entry(trend),
        **{f"of 100 {over}, who would move to be spread evenly": _spread(row, rows, over) for over in OVER},
    }


def _spread(row: tuple, rows: pd.DataFrame, over: str) -> str:
    """Say how many of 100 would have to change places, beside what chance would do."""
    here, alone = (
        like(rows, row._replace(detail=over), measure, "detail")
        for measure in ("dissimilarity", "dissimilarity_expected")
    )
    text = entry(here, hundredths)
    known = alone is not None and not alone.suppressed and pd.notna(alone.estimate) and text not in ("–", "hidden")
    return f"{text}; {hundredths(alone.estimate)} by chance ({chance(alone.p_value)})" if known else text


def hundredths(share: float) -> str:
    return f"{100 * share:.0f}"


def title_of_ladder(table: SafeTable) -> str:
    """Name the share in the lowest and in the highest grade that are shown, for the title of a figure."""
    rows = shown(table)
    if len(rows) < 2:
        return "The shares by grade are hidden or unknown"
    first, *_, last = rows.itertuples()
    return f"{first.group}: {percent(first.estimate)} in “{first.grade}”, {percent(last.estimate)} in “{last.grade}”"
