"""Words on the way up: whether there is a ceiling, the steps between grades, how unevenly groups are spread."""

import math
from collections.abc import Sequence

import pandas as pd

from divimpact.disclosure import SafeTable
from divimpact.phrases import Grid, Text, chance, decimal, hundredths, listed, percent, run
from divimpact.wording import as_text, entry, latest, like, limited, member_of, reference_last, shown, with_limits

OVER = ("over grades", "over units")  # where groups may be spread unevenly
NO_GRADES = "Without grades it cannot be told whether there is a ceiling."


def ceiling(table: SafeTable, flows: SafeTable) -> Text:
    """Say whether each group has less of leadership than of all staff, and whether it rises as often as others.

    The first is of the latest period, the second of the years for which ``flows`` has promotions.
    """
    rows, risen = shown(table), flows.where(measure="promotion_ratio").frame
    said = []
    for row in latest(rows[rows["measure"] == "glass_ceiling_index"]).itertuples():
        own, rose = (
            found[(found["dimension"] == row.dimension) & (found["group"] == row.group)] for found in (rows, risen)
        )
        text = f"{_compared(row)}: in {row.period} its share among all staff{_part(row.numerator, row.denominator)} "
        text += f"is {limited(row)} times its share in leadership"
        text += f"{_part(row.reference_numerator, row.reference_denominator)}."
        now = own[own["period"] == row.period]
        said.append(text + _steps(now) + _trend(now) + _risen(rose))
    return as_text(said, table.where(measure="glass_ceiling_index"), NO_GRADES)


def _compared(index: tuple) -> str:
    """Say which of the two shares is the larger, as far as limits of two decimals tell it."""
    group = f"group “{index.group}” ({index.dimension})"
    if pd.notna(index.conf_low) and round(index.conf_low, 2) > 1:
        return f"The {group} has less of leadership than of all staff"
    if pd.notna(index.conf_low) and round(index.conf_high, 2) < 1:
        return f"The {group} has more of leadership than of all staff"
    return f"Whether the {group} has less of leadership than of all staff the data cannot tell"


def _risen(ratios: pd.DataFrame) -> str:
    """Say from which grades a group rose less or more often than its reference in the years counted."""
    if ratios.empty or ratios["suppressed"].all():
        return " How often it was promoted is hidden." * bool(len(ratios))
    seen = ratios[~ratios["suppressed"]]
    ways = {"less": seen[seen["conf_high"].round(2) < 1], "more": seen[seen["conf_low"].round(2) > 1]}
    clear = [
        f"{way} often from “{row.grade}” ({decimal(row.estimate)} times)"
        for way, some in ways.items()
        for row in some.itertuples()
    ]
    first, unclear, hidden = next(seen.itertuples()), len(seen) - len(clear), len(ratios) - len(seen)
    rest = f"from {unclear} of {len(ratios)} grades the data cannot tell" if unclear else ""
    rest += f"{', and ' * bool(rest)}from {hidden} it is hidden" if hidden else ""
    said = "; ".join(filter(None, [listed(clear) if clear else "", rest]))
    return f" Beside group “{first.reference}” it was promoted, from {run(first.period)}: {said}."


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


def rising(table: SafeTable) -> Text:
    """List how often each group was promoted from each grade, and how many times as often as its reference group."""
    rows = table.where(measure=["promotion_rate", "promotion_ratio"]).frame
    rates = rows[rows["measure"] == "promotion_rate"] if len(rows) else rows
    steps = [*rates.reindex(columns=["grade", "detail"]).drop_duplicates().itertuples(index=False)]
    listed_ = [
        {"group": member_of(row)} | {f"{grade} {to}": _rose(row, rows, grade, to) for grade, to in steps}
        for row in reference_last(rates.drop_duplicates(["dimension", "group"]), rows).assign(grade=None).itertuples()
    ]
    caption = "Promoted each year, of the group in the grade, and how many times as often as the reference group"
    return Grid(with_limits(caption, table.where(measure="promotion_ratio")), listed_) if listed_ else Text("")


def _rose(row: tuple, rows: pd.DataFrame, grade: str, to: str) -> str:
    here = row._replace(grade=grade, detail=to)
    rate, ratio = (like(rows, here, measure, "detail") for measure in ("promotion_rate", "promotion_ratio"))
    if ratio is None or ratio.suppressed or rate.suppressed:
        return entry(rate and rate._replace(conf_low=math.nan), percent)
    return f"{percent(rate.estimate)}; {entry(ratio)} times"


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


def title_of_ladder(table: SafeTable) -> str:
    """Name the share in the lowest and in the highest grade that are shown, for the title of a figure."""
    rows = shown(table)
    if len(rows) < 2:
        return "The shares by grade are hidden or unknown"
    first, *_, last = rows.itertuples()
    return f"{first.group}: {percent(first.estimate)} in “{first.grade}”, {percent(last.estimate)} in “{last.grade}”"
