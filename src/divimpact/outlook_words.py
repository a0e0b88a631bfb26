"""Sentences on what lies ahead: what a goal needs of hiring, its chance, where today's rates lead.

What is hidden is passed over, then counted; of a goal that is hidden it is said that it is.
"""

import math

import numpy as np
import pandas as pd

from divimpact.codes import INTO_ALL, TODAY, TODAY_KNOWN, WITHIN_REACH
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, hundredths, likely, lines, listed, percent, run, waited
from divimpact.schema import years
from divimpact.wording import (
    entry,
    group_of,
    latest,
    like,
    limited,
    member_of,
    shown,
    side_by_side,
    why_hidden,
    with_limits,
)

AHEAD = "staff of "  # how the detail of a way begins that is still ahead
FALLING = " to at most "
IN_TIME = ("chance_of_target", "detail")
COURSES = {
    TODAY: "hiring and leaving as so far",
    TODAY_KNOWN: "the same",
    "equal exits": "the same exit rate for everyone",
}
NEEDED, NO_WAY = "the hiring that the goal needs", "no share of those who join leads there"


def hiring(table: SafeTable, growth: float = 0.0) -> Text:
    """Set side by side what each way to a goal needs of those who join, what they were in fact, and the chance.

    ``growth`` is that of the staff per year which the table takes for granted.
    """
    rows = table.frame
    ways = _ways(rows)
    if not ways:
        known = rows["measure"].isin(["hire_share", "joiner_share"]).any()
        none = "No goal is set for those whose turnover is known."
        return Text(none if known else "Without flows it cannot be told what a goal needs of hiring.")
    turnover = f"with the turnover of {listed(dict.fromkeys(run(way.period) for way in ways))}"
    caption = f"What each way to a goal needs, {turnover}{_and_grows(growth)}"
    caption = with_limits(caption, table.where(measure="required_hire_share"))
    return side_by_side(caption, "", {f"{member_of(way)}, from {_way(way)}": _needs(way, rows) for way in ways})


def _ways(rows: pd.DataFrame) -> list[tuple]:
    """Return what each way needs, those that are ahead before those that lie behind."""
    needs = rows[(rows["measure"] == "required_hire_share") & ~rows["detail"].str.startswith(INTO_ALL, na=False)]
    return sorted(needs.itertuples(), key=_is_ahead, reverse=True)


def _needs(way: tuple, rows: pd.DataFrame) -> dict[str, str]:
    """Return what one way needs, beside what was, and the chance."""
    who, held = joining(rows, way)
    wait, leaving = (like(rows, way, name, "detail") for name in ("reachable_year", "reachable_exit_rate"))
    judged = not way.suppressed and pd.notna(way.verdict)
    chances = {
        f"chance to be in time, {how}": like(rows, way._replace(detail=f"{way.detail}, {how}"), *IN_TIME)
        for how in ("rates uncertain", "rates as estimated")
    }
    return {
        "who joins": who,
        "share needed of them, each year": "at most " * _falls(way) + entry(way, percent),
        "share of them in these years": entry(held, percent),
        "left each year, of the group": entry(_left(rows, way, way.group), percent),
        "left each year, of the reference group": entry(_left(rows, way, _reference(rows, way)), percent),
        "possible by hiring alone": WITHIN_REACH[way.verdict][_falls(way)] if judged else "–",
        "lowest turnover at which it would be": entry(leaving, percent),
        f"years at the earliest, if {'nobody' if _falls(way) else 'everybody'} who joins were of it": entry(
            wait, waited
        ),
        **{how: entry(found, likely) for how, found in chances.items()},
    }


def _reference(rows: pd.DataFrame, way: tuple) -> str | None:
    """Return the reference group of a way: rows on targets do not name it."""
    own = rows[(rows["dimension"] == way.dimension) & (rows["group"] == way.group)]
    return next(iter(own.reindex(columns=["reference"])["reference"].dropna()), None)


def _left(rows: pd.DataFrame, way: tuple, group: str | None) -> tuple | None:
    """Return the row of how many of a group leave a place in each step, by whatever is known of it."""
    of_group = way._replace(group=group)
    found = [like(rows, of_group, measure) for measure in ("exit_rate", "leaver_rate")]
    return next((row for row in found if row and not row.suppressed), found[0] or found[1])


def joining(rows: pd.DataFrame, need: tuple) -> tuple[str, tuple | None]:
    """Return how those who join a place are called, and the row of the share of the group among them, if shown."""
    hired, joined = (like(rows, need, measure) for measure in ("hire_share", "joiner_share"))
    hired, joined = (row if row and not row.suppressed and pd.notna(row.estimate) else None for row in (hired, joined))
    if pd.notna(getattr(need, "grade", None)):
        return "people who join", joined
    if joined and not hired:
        return "people who are hired or newly declare", joined
    return "people hired", hired


def many(need: tuple, who: str) -> str:
    """Say how many of those who join a need is."""
    if need.estimate > 1:
        return f"{'all' if _falls(need) else 'more than all'} {who} to be of this group"
    if need.estimate < 0:
        return f"none of the {who} to be of this group" + ", and that is not enough," * _falls(need)
    return (
        f"{'at most' if _falls(need) else 'about'} {hundredths(need.estimate)} of every 100 {who} to be of this group"
    )


def when_it_could(rows: pd.DataFrame, need: tuple) -> str:
    """Say how long a goal beyond all hiring would take, and at what turnover it could be reached in time."""
    wait, leaving = (like(rows, need, measure, "detail") for measure in ("reachable_year", "reachable_exit_rate"))
    ways = [f"after {waited(wait.estimate)} years at the earliest"] if wait and math.isfinite(wait.estimate) else []
    now = like(rows, need._replace(detail=f"{need.detail}, turnover as it is"), "assumed_turnover", "detail")
    known = f" (now {percent(now.estimate)})" if now and pd.notna(now.estimate) else ""
    ways += [f"with {percent(leaving.estimate)} leaving each year{known}"] if leaving and leaving.estimate < 1 else []
    who = "nobody who joins" if _falls(need) else "everyone who joins"
    return f" Even if {who} were of this group it could be reached only {' or '.join(ways)}." if ways else ""


def goes_on(need: tuple, growth: float) -> str:
    """Say what a chance takes for granted."""
    grows = _and_grows(growth, "the staff") or " and the staff keeps its size"
    return f"people come and go as in {run(need.period)}{grows}"


def shrinks_too_fast(growth: float) -> str:
    """Say why nothing is known of a staff that shrinks faster than people leave it."""
    return f"{_and_grows(growth).removeprefix(' and ')} shrinks faster than people leave it, and nobody has to go"


def milestones(table: SafeTable, growth: float = 0.0) -> Text:
    """Say of each target where the share would have to be each year, and when and where today's rates lead."""
    rows = shown(table)
    said = []
    for need in _ways(rows):
        on_the_way = rows[(rows["measure"] == "milestone") & (rows["detail"] == need.detail)]
        found = (like(on_the_way, need._replace(period=year), "milestone") for year in on_the_way["period"].unique())
        steps = [f"{percent(step.estimate)} in {step.period}" for step in found if step]
        wait, end = (like(rows, need, measure, "detail") for measure in ("years_at_present", "long_run_share"))
        be = "were" if _is_over(need) else "are"
        parts = [f"the milestones on the way with a steady need {be} {listed(steps)}"] if steps else []
        if _is_ahead(need):  # a way that lies behind was gone otherwise
            parts += [_arrival(need, wait)] if wait else []
            stay = f"if all rates stay{_and_grows(growth, 'the staff')}"
            parts += [f"{stay}, the share moves in the long run towards {limited(end, percent)}"] if end else []
        said += [f"For {group_of(need)}, from {_way(need)}: {'; '.join(parts)}."] if parts else []
    return Text(lines(said))


def _arrival(need: tuple, wait: tuple) -> str:
    """Say in which year the path with today's rates reaches its goal, and between which years that may be."""
    since = need.detail.removeprefix(AHEAD).split(" to ")[0]
    soonest, latest_ = (_year(since, limit) for limit in (wait.conf_low, wait.conf_high))
    if wait.estimate == 0:
        return "the goal is reached already"
    if math.isinf(wait.estimate) and math.isfinite(wait.conf_low):
        return (
            f"whether today's rates ever lead to the goal the data cannot tell: in {soonest} at the earliest, or never"
        )
    if math.isinf(wait.estimate):
        return "today's rates never lead to the goal"
    text = f"at today's rates the share reaches the goal in {_year(since, wait.estimate)}"
    if pd.isna(wait.conf_low):
        return text
    return f"{text} ({100 * wait.confidence:g}\N{NO-BREAK SPACE}% limits {soonest} to {latest_})"


def _year(since: str, wait: float) -> str:
    """Name the year in which some years from the end of a period on are over."""
    return f"{math.ceil(years([since])[0] + wait - 1e-9) - 1}" if np.isfinite(wait) else "never"


def scenarios(table: SafeTable, growth: float = 0.0) -> Text:
    """Say where each group would be, course by course: in the year of a goal, or else in the last that is projected.

    Of a grade only where it has a goal ahead.
    """
    table = table.where(measure="projected_share")
    every, said = table.frame, []
    known = ~every["suppressed"] & every["estimate"].notna() & (every["confidence"].fillna(0.95) == 0.95)
    for _, found in every[known | every["detail"].str.startswith("required")].groupby(_place(every), sort=False):
        goals = found[found["detail"].str.startswith("required")].groupby("detail").tail(1)
        path, of_city = found[known.loc[found.index]], found.reindex(columns=["grade"]).isna().all(axis=None)
        last = {"": latest(path)["period"].iloc[0]} if of_city and len(path) else {}
        for goal, year in (dict(zip(goals["detail"], goals["period"], strict=True)) or last).items():
            courses = path[path["detail"].isin([goal, *COURSES]) & (path["period"] == year)]
            said += [_courses(courses, goal, growth)] if len(courses) else []
    today = every[~every["suppressed"] & (every["detail"] == TODAY)]
    if growth < 0 and today["estimate"].isna().any():
        said.append(f"Where the share is going cannot be told: {shrinks_too_fast(growth)}.")
    nothing = "Without flows it cannot be told where the share is going."
    return Text(lines(said) or _nothing(table, "the shares are going", nothing))


def _place(rows: pd.DataFrame) -> list[pd.Series]:
    """Return the keys of a place, the city with an empty grade."""
    return [rows[key].fillna("") for key in ("dimension", "group", "grade") if key in rows]


def _courses(rows: pd.DataFrame, goal: str, growth: float) -> str:
    """Set the courses of one group in one year side by side."""
    by_course = {row.detail: row for row in rows.itertuples()}
    sure = by_course.pop(TODAY_KNOWN, None)
    ways = [f"{limited(row, percent)} with {COURSES.get(course, NEEDED)}" for course, row in by_course.items()]
    first = next(rows.itertuples())
    target = f", goal {goal.rpartition(' to ')[2]}," * bool(goal)
    grows = _and_grows(growth).replace(" and", ", in", 1)
    none = f"; {NO_WAY}" * bool(goal and goal not in by_course)
    known = f" Were the rates known exactly, the limits would be {percent(sure.conf_low)} to {percent(sure.conf_high)}."
    text = f"For {group_of(first)}{target} at the end of {first.period}{grows}: {listed(ways)}{none}."
    return text + known * (sure is not None and pd.notna(sure.conf_low))


def pipeline(table: SafeTable, growth: float = 0.0) -> Text:
    """Say where the share of each group in leadership, and in each grade, is going as people leave, rise and join."""
    rows = shown(table.where(measure=["pipeline_share", "required_hire_share"]))
    said = []
    more = f" and {abs(100 * growth):g}\N{NO-BREAK SPACE}% {'more' if growth > 0 else 'fewer'} are hired each year"
    for row in latest(rows[(rows["measure"] == "pipeline_share") & (rows["detail"] == TODAY)]).itertuples():
        equal = like(rows, row._replace(detail="equal exits and promotions"), "pipeline_share", "detail")
        text = f"For {group_of(row)}, people rising from below at their rates: {limited(row, percent)} by the end of "
        text += f"{row.period}, if all rates stay"
        text += more if growth else ""
        text += f"; {limited(equal, percent)} if everyone left and rose alike." if equal else "."
        said.append(text + "".join(_into_all(need) for need in _place_of(rows, row).itertuples()))
    nothing = "Without promotions by grade it cannot be told where the grades are going."
    return Text(lines(said) or _nothing(table, "shares in leadership are going as people rise from below", nothing))


def _place_of(rows: pd.DataFrame, row: tuple) -> pd.DataFrame:
    """Return what goals of the place of a row need of the hiring into all grades."""
    needs = rows[(rows["measure"] == "required_hire_share") & rows["detail"].str.startswith(INTO_ALL, na=False)]
    return needs[(needs["dimension"] == row.dimension) & (needs["group"] == row.group) & (needs["grade"] == row.grade)]


def _into_all(need: tuple) -> str:
    goal = need.detail.rpartition(" to ")[2].replace(" %", "\N{NO-BREAK SPACE}%")
    return f" To reach {goal} it takes {many(need, 'people hired into all grades')}, if promotions keep their rates."


def _nothing(table: SafeTable, what: str, unknown: str) -> str:
    """Say why nothing is said: it is hidden, or unknown."""
    return f"Where {what} is hidden: {why_hidden(table)}." if len(table) else unknown


def title_of_turnover(table: SafeTable) -> str:
    """Name what a target needs of those who join, from now on if it is ahead, for the title of its figure."""
    for need in _ways(shown(table)):
        many = f"{'at most ' if _falls(need) else ''}{percent(need.estimate)} of those who join"
        verb = "needed" if _is_ahead(need) else "would have been needed"
        return f"{need.group}{_in(need)}: {many} {verb} to {_goal(need)}"
    return "What the goal needs is hidden or unknown"


def line_of_outlook(growth: float = 0.0) -> str:
    """Say what the figure of the outlook shows, and of what staff."""
    return "Share of declared staff at the end of each year" + _and_grows(growth).replace(" and", ", in", 1)


def title_of_outlook(table: SafeTable) -> str:
    """Name where today's rates lead a group in the last year that is drawn, for the title of its figure."""
    rows = shown(table)
    for row in latest(rows[(rows["measure"] == "projected_share")]).itertuples():
        where = _in(row) or " of declared staff"
        stay = "who joins and leaves it stays as it was" if _in(row) else "all rates stay"
        return f"{row.group}: {percent(row.estimate)}{where} by the end of {row.period}, if {stay}"
    return "Where the present rates lead is hidden or unknown"


def _in(row: tuple) -> str:
    grade = getattr(row, "grade", None)
    return f" in {grade}" if pd.notna(grade) else ""


def _is_over(need: tuple) -> bool:
    """Whether the period of a goal, which ends the detail of its way, is not after the staff counted last."""
    end = need.detail.rpartition("(")[2].rstrip(")")
    return years([end])[0] <= years([need.period.split("/")[-1]])[0]


def _is_ahead(need: tuple) -> bool:
    return need.detail.startswith(AHEAD)


def _falls(need: tuple) -> bool:
    return FALLING in need.detail


def _way(need: tuple) -> str:
    return f"{'the ' * _is_ahead(need)}{need.detail}".replace(" %", "\N{NO-BREAK SPACE}%")


def _goal(need: tuple) -> str:
    return f"reach {need.detail.rpartition(' to ')[2]}".replace(" %", "\N{NO-BREAK SPACE}%")


def _and_grows(growth: float, staff: str = "a staff that") -> str:
    grows = "grows" if growth > 0 else "shrinks"
    return f" and {staff} {grows} by {100 * abs(growth):.3g}\N{NO-BREAK SPACE}% a year" * bool(growth)
