"""Sentences on what lies ahead: what a goal needs of hiring, its chance, where today's rates lead.

What is hidden is passed over, then counted; of a goal that is hidden it is said that it is.
"""

import math
import re

import numpy as np
import pandas as pd

from divimpact.codes import WITHIN_REACH
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, lines, listed, odds, percent, run
from divimpact.schema import years
from divimpact.wording import as_text, group_of, latest, like, limited, shown

AHEAD = "staff of "  # how the detail of a way begins that is still ahead
FALLING = " to at most "


def hiring(table: SafeTable, growth: float = 0.0) -> Text:
    """Say of each target what share of those who join it needs, or needed, what that share is, and the chance.

    ``growth`` is that of the staff per year which the table takes for granted.
    """
    rows = shown(table)
    said = [_needed(rows, need, growth) for need in _ways(rows)]
    every = table.frame[table.frame["measure"] == "required_hire_share"]
    said += [_not_shown(way) for way in sorted(every[every["suppressed"]].itertuples(), key=_is_ahead, reverse=True)]
    unknown = every[~every["suppressed"] & every["estimate"].isna()]
    if growth < 0:
        staff = _and_grows(growth).removeprefix(" and ")
        said += [
            f"For {group_of(way)}, from {_way(way)}: {staff} shrinks faster than people leave it, and nobody has to "
            "go. So what the goal needs cannot be told."
            for way in unknown.itertuples()
        ]
    if every.empty and table.frame["measure"].isin(["hire_share", "joiner_share"]).any():
        said = ["No goal is set for those whose turnover is known."]
    return as_text(said, table, "Without flows it cannot be told what a goal needs of hiring.")


def _ways(rows: pd.DataFrame) -> list[tuple]:
    """Return what each way needs, those that are ahead before those that lie behind."""
    return sorted(rows[rows["measure"] == "required_hire_share"].itertuples(), key=_is_ahead, reverse=True)


def _needed(rows: pd.DataFrame, need: tuple, growth: float) -> str:
    """Say what one way needs of those who join, beside what they were."""
    of_city = pd.isna(getattr(need, "grade", None))
    hired = like(rows, need, "hire_share") if of_city else None
    held = hired or like(rows, need, "joiner_share")
    together = of_city and held and not hired
    who = "who are hired or newly declare" if together else "hired" if of_city else "who join"
    people = f"people {who} (of those who declare)"
    so_far = f"; {'so far' if _is_ahead(need) else 'in fact'} {_hundredths(held.estimate)} were" if held else ""
    text = f"For {group_of(need)}, from {_way(need)}: {_demand(need, people)}, each year to {_end(need)}{so_far}."
    if _is_ahead(need):
        verdict = WITHIN_REACH[need.verdict][_falls(need)]
        text += f" {verdict}{_times(need, held)}."
        text += _when_it_could(rows, need) if need.verdict == "not_by_hiring_alone" else ""
    what = f"The {'most' if _falls(need) else 'need'} {'is' if _is_ahead(need) else 'was'}"
    text += f" {what} {limited(need, percent)} with the turnover of {run(need.period)}{_and_grows(growth)}"
    text += f", the share in these years {limited(held, percent)}." if held else "."
    text += " The two are taken together, since one would give small numbers of the other away." * bool(together)
    return text + _chance(rows, need, growth)


def _demand(need: tuple, people: str) -> str:
    """Say how many of every 100 are needed; of a way that lies behind, as what was needed or would have been."""
    falls, passed = _falls(need), _has_passed(need)
    ahead, open_still = ("would have to be", "could be")[falls], ("had to be", "could be")[falls]
    verb = ahead if _is_ahead(need) else ("would have had to be", "could have been")[falls] if passed else open_still
    if need.estimate > 1:
        many = f"all {people}" if falls else f"more than all {people}"
    elif need.estimate < 0:
        many = f"none of the {people}" + ", and that would not be enough," * falls
    else:
        many = f"{'at most' if falls else 'about'} {100 * need.estimate:.0f} of every 100 {people}"
    return f"{many} {verb} of this group"


def _times(need: tuple, held: tuple | None) -> str:
    """Say how many times the share so far a need is, where that is far away though not beyond all hiring."""
    if _falls(need) or need.verdict != "by_hiring" or not held or not 0 < 1.5 * held.estimate <= need.estimate:
        return ""
    return f"; it is {need.estimate / held.estimate:.1f} times the share so far"


def _when_it_could(rows: pd.DataFrame, need: tuple) -> str:
    """Say how long a goal beyond all hiring would take, and at what turnover it could be reached in time."""
    wait, leaving = (like(rows, need, measure, "detail") for measure in ("reachable_year", "reachable_exit_rate"))
    ways = [f"after {wait.estimate:.1f} years at the earliest"] if wait and math.isfinite(wait.estimate) else []
    ways += [f"with {percent(leaving.estimate)} leaving each year"] if leaving and leaving.estimate < 1 else []
    who = "nobody who joins" if _falls(need) else "everyone who joins"
    return f" Even if {who} were of this group it could be reached only {' or '.join(ways)}." if ways else ""


def _chance(rows: pd.DataFrame, need: tuple, growth: float) -> str:
    """Say the chance of a target that is ahead, the rates being as uncertain as they are."""
    found = like(rows, need._replace(detail=f"{need.detail}, rates uncertain"), "chance_of_target", "detail")
    go_on = f"hiring and leaving go on as in {run(need.period)}{_and_grows(growth, 'the staff')}"
    return f" If {go_on}, the goal is reached in time with a chance of {odds(found.estimate)}." if found else ""


def _not_shown(way: tuple) -> str:
    what = "Whether the goal {} is within reach" if _is_ahead(way) else "What the goal {} would have needed of hiring"
    goal = what.format(f"of {way.detail.rpartition(' to ')[2]} for {group_of(way)}")
    return f"{goal} cannot be shown here: that would give away small numbers of people, or too few declared."


def milestones(table: SafeTable, growth: float = 0.0) -> Text:
    """Say of each target where the share would have to be each year, and when today's rates would lead there."""
    rows = shown(table)
    said = []
    for need in _ways(rows):
        on_the_way = rows[(rows["measure"] == "milestone") & (rows["detail"] == need.detail)]
        found = (like(on_the_way, need._replace(period=year), "milestone") for year in on_the_way["period"].unique())
        steps = [f"{percent(step.estimate)} in {step.period}" for step in found if step]
        wait, end = (like(rows, need, measure, "detail") for measure in ("years_at_present", "long_run_share"))
        be = "are" if _is_ahead(need) else "were"
        parts = [f"the milestones on the way with a steady need {be} {listed(steps)}"] if steps else []
        if _is_ahead(need) or _has_passed(need):  # else the way from now says it
            stay = f"if all rates stay{_and_grows(growth, 'the staff')}"
            parts += [_arrival(need, wait)] if wait else []
            parts += [f"{stay}, the share moves towards {limited(end, percent)}"] if end else []
        said += [f"For {group_of(need)}, from {_way(need)}: {'; '.join(parts)}."] if parts else []
    return Text(lines(said))


def _arrival(need: tuple, wait: tuple) -> str:
    """Say in which year the path with today's rates reaches its goal, and between which years that may be."""
    since = need.detail.removeprefix(AHEAD).split(" to ")[0] if _is_ahead(need) else _period(need.detail)
    soonest, latest_ = (_year(since, limit) for limit in (wait.conf_low, wait.conf_high))
    if wait.estimate == 0:
        return "the goal is reached already"
    if math.isinf(wait.estimate) and math.isfinite(wait.conf_low):
        return (
            f"whether today's rates ever lead to the goal the data cannot tell: in {soonest} at the earliest, or never"
        )
    if math.isinf(wait.estimate):
        return "today's rates never lead to the goal"
    text = f"at today's rates this path reaches the goal in {_year(since, wait.estimate)}"
    if pd.isna(wait.conf_low):
        return text
    return f"{text} ({100 * wait.confidence:g}\N{NO-BREAK SPACE}% limits {soonest} to {latest_})"


def _year(since: str, wait: float) -> str:
    """Name the year in which some years from the end of a period on are over."""
    return f"{math.ceil(years([since])[0] + wait - 1e-9) - 1}" if np.isfinite(wait) else "never"


def scenarios(table: SafeTable, growth: float = 0.0) -> Text:
    """Say where each group would be, course by course: in the year of a goal, or else in the last that is projected."""
    rows = shown(table)
    path = rows[(rows["measure"] == "projected_share") & (rows["confidence"].fillna(0.95) == 0.95)]
    every, said = table.frame, []
    for (dimension, group), found in path.groupby(["dimension", "group"], sort=False):
        goals = every[every["detail"].str.startswith("required") & every["group"].eq(group)]
        goals = latest(goals[goals["dimension"] == dimension].groupby("detail").tail(1))
        years_of = dict(zip(goals["detail"], goals["period"], strict=True)) or {"": latest(found)["period"].iloc[0]}
        for goal, year in years_of.items():
            courses = found["detail"].isin([goal, "today's hiring", "equal exits"]) & (found["period"] == year)
            said.append(_courses(found[courses], goal, growth))
    today = every[~every["suppressed"] & (every["detail"] == "today's hiring")]
    if growth < 0 and today["estimate"].isna().any():
        staff = _and_grows(growth).removeprefix(" and ").capitalize()
        said.append(f"{staff} shrinks faster than people leave it: where such a share is going cannot be told.")
    return as_text(said, table, "Without flows it cannot be told where the share is going.")


def _courses(rows: pd.DataFrame, goal: str, growth: float) -> str:
    """Set the courses of one group in one year side by side."""
    names = {"today's hiring": "hiring and leaving as so far", "equal exits": "the same exit rate for everyone"}
    ways = [
        f"{limited(row, percent)} with {names.get(row.detail, 'the hiring that the goal needs')}"
        for row in rows.itertuples()
    ]
    first = next(rows.itertuples())
    target = f", goal {goal.rpartition(' to ')[2]}," * bool(goal)
    grows = _and_grows(growth).replace(" and", ", in", 1)
    none = "; no share of those who are hired leads there" * bool(goal and goal not in set(rows["detail"]))
    return f"For {group_of(first)}{target} at the end of {first.period}{grows}: {listed(ways)}{none}."


def pipeline(table: SafeTable, growth: float = 0.0) -> Text:
    """Say where the share of each group in leadership, and in each grade, is going as people leave, rise and join."""
    rows = shown(table)
    said = []
    more = f" and {abs(100 * growth):g}\N{NO-BREAK SPACE}% {'more' if growth > 0 else 'fewer'} are hired each year"
    for row in latest(rows[(rows["measure"] == "pipeline_share") & (rows["detail"] == "today's hiring")]).itertuples():
        equal = like(rows, row._replace(detail="equal exits and promotions"), "pipeline_share", "detail")
        text = f"For {group_of(row)}: {limited(row, percent)} by the end of {row.period}, if all rates stay"
        text += more if growth else ""
        said.append(text + (f"; {limited(equal, percent)} if everyone left and rose alike." if equal else "."))
    return as_text(said, table, "Without promotions by grade it cannot be told where the grades are going.")


def title_of_turnover(table: SafeTable) -> str:
    """Name what a target needs of those who join, from now on if it is ahead, for the title of its figure."""
    for need in _ways(shown(table)):
        many = f"{'at most ' if _falls(need) else ''}{percent(need.estimate)} of those who join"
        return f"{need.group}: {many} {'needed' if _is_ahead(need) else 'would have been needed'} to {_goal(need)}"
    return "What the goal needs is hidden or unknown"


def line_of_outlook(growth: float = 0.0) -> str:
    """Say what the figure of the outlook shows, and of what staff."""
    return "Share of declared staff at the end of each year" + _and_grows(growth).replace(" and", ", in", 1)


def title_of_outlook(table: SafeTable) -> str:
    """Name where today's rates lead a group in the last year that is drawn, for the title of its figure."""
    rows = shown(table)
    for row in latest(rows[(rows["measure"] == "projected_share")]).itertuples():
        return f"{row.group}: {percent(row.estimate)} of declared staff by the end of {row.period}, if all rates stay"
    return "Where the present rates lead is hidden or unknown"


def _is_ahead(need: tuple) -> bool:
    return need.detail.startswith(AHEAD)


def _falls(need: tuple) -> bool:
    return FALLING in need.detail


def _way(need: tuple) -> str:
    return f"{'the ' * _is_ahead(need)}{need.detail}"


def _goal(need: tuple) -> str:
    return f"reach {need.detail.rpartition(' to ')[2]}".replace(" %", "\N{NO-BREAK SPACE}%")


def _period(detail: str) -> str:
    return re.findall(r"\((.+?)\)", detail)[0]


def _end(need: tuple) -> str:
    """Return the period of a goal, which ends the detail of its way."""
    return re.findall(r"\((.+?)\)", need.detail)[-1]


def _has_passed(need: tuple) -> bool:
    """Whether the period of a goal is not after the staff counted last."""
    return years([_end(need)])[0] <= years([need.period.split("/")[-1]])[0]


def _hundredths(share: float) -> str:
    return f"{100 * share:.0f} of 100"


def _and_grows(growth: float, staff: str = "a staff that") -> str:
    grows = "grows" if growth > 0 else "shrinks"
    return f" and {staff} {grows} by {100 * abs(growth):.3g}\N{NO-BREAK SPACE}% a year" * bool(growth)
