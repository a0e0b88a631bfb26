"""What became of each goal or whether it is within reach, in a sentence or two; and all that the rules say of it."""

import math
from collections.abc import Callable, Sequence

import pandas as pd

from divimpact.codes import BANDS, REASONS, VERDICTS, mark
from divimpact.disclosure import SafeTable
from divimpact.outlook_words import AHEAD, goes_on, joining, many, shrinks_too_fast, when_it_could
from divimpact.phrases import Text, decimal, lines, listed, odds, percent, waited
from divimpact.schema import years
from divimpact.wording import entry, group_of, latest, like, member_of, side_by_side, with_limits

WITHIN, BEYOND = 0.8, 0.2  # from which chance on a goal is called within reach, and up to which it is not
SMALL = "that would give away small numbers of people, or too few declared"


def in_short(
    progress: SafeTable, hiring: SafeTable, targets: pd.DataFrame, lost: pd.DataFrame, growth: float = 0.0
) -> Text:
    """Say of each target whether it was reached or missed or, if its year is ahead, whether it is within reach.

    Parameters
    ----------
    progress
        Shares and what `trajectory.progress` says of them.
    hiring
        Rates, needs and chances, as `stockflow` gives them.
    targets
        The city's targets.
    lost
        Those that are not followed, with the ``reason``, as `trajectory.not_followed` gives them.
    growth
        Of the staff per year, which ``hiring`` takes for granted.
    """
    named = lost.loc[lost["reason"] != "starts with this count", "reason"]
    said = [
        f"Not followed: {_goal(target)}; {REASONS[named[target.Index]]}."
        if target.Index in named.index
        else _answer(*(_of_place(table.frame, target) for table in (progress, hiring)), target, growth)
        for target in targets.itertuples()
    ]
    return Text(lines(said) or "The city has set no goal here.")


def _answer(gone: pd.DataFrame, needs: pd.DataFrame, target: tuple, growth: float) -> str:
    """Say what became of one target or whether it is within reach."""
    goal, way = mark(target.target, target.target_period), _way(target)
    gaps, required = gone[gone["measure"] == "gap_closed"], needs[needs["measure"] == "required_hire_share"]
    over = gaps[gaps["detail"].eq(way) & (years(gaps["period"]) >= years([target.target_period])[0])]
    if len(over):
        behind = required[required["detail"].isin([way, way.replace(" to ", " to at most ")])]
        return _became(next(over.itertuples()), gone, behind, needs, target)
    ahead = required[required["detail"].str.startswith(AHEAD) & required["detail"].str.endswith(f" {goal}")]
    if len(ahead):
        return _will_be(next(ahead.itertuples()), needs, target, growth)
    return _at_its_pace(gone[gone["detail"] == way], target)


def rules(table: SafeTable) -> Text:
    """Set side by side what each rule says of each way to a goal, in the latest period."""
    rows = table.frame
    gaps = latest(rows[rows["measure"] == "gap_closed"])
    ways = {
        f"{member_of(gap)}, {gap.detail}".replace(" %", "\N{NO-BREAK SPACE}%"): _by_rule(gap, rows)
        for gap in gaps.itertuples()
    }
    if not ways:
        return Text("No share is known after the baseline of a goal, so no rule says anything yet.")
    ends = listed(dict.fromkeys(gaps["period"]))
    return side_by_side(with_limits(f"Each way to a goal by each rule, at the end of {ends}", table), "", ways)


def _of_place(rows: pd.DataFrame, target: tuple) -> pd.DataFrame:
    """Return the rows on the group and grade of a target; a target of a single unit has none."""
    grades = rows["grade"] if "grade" in rows else pd.Series("", rows.index, dtype="str")
    grade, scope = (_known(getattr(target, name, "")) for name in ("grade", "scope"))
    same = (rows["dimension"] == target.dimension) & (rows["group"] == target.group) & (grades.fillna("") == grade)
    return rows[same & (scope in ("", "city"))].assign(detail=lambda found: found["detail"].fillna(""))


def _became(gap: tuple, gone: pd.DataFrame, behind: pd.DataFrame, needs: pd.DataFrame, target: tuple) -> str:
    """Say of a goal whose year is over whether it was reached and, if not, what it would have needed."""
    share = like(gone, gap, "share")
    if gap.suppressed or not share:
        return f"What became of {_goal(target)} cannot be shown: {SMALL}."
    if pd.isna(gap.estimate):
        return f"What became of {_goal(target)} cannot be told: no share is known, or it is where it started from."
    reached = gap.estimate >= 1
    text = f"{_sentence(_goal(target))} was {'reached' if reached else 'missed'}: at the end of {gap.period} the share "
    text += f"was {percent(share.estimate)}{_counted(share)}, after {mark(target.baseline, target.baseline_period)}."
    if pd.notna(share.conf_low) and share.conf_low < target.target < share.conf_high:
        drift = f"{percent(share.conf_low)} and {percent(share.conf_high)}"
        text += f" By chance alone such a share may come out anywhere between {drift}, so it was a near thing."
    low, high = (like(gone, gap, f"share_{side}_bound") for side in ("low", "high"))
    if low and high and low.estimate < target.target < high.estimate:
        bounds = f"{percent(low.estimate)} and {percent(high.estimate)}"
        text += f" Of all staff, whoever the undeclared are, it is between {bounds}."
    return text if reached else text + "".join(_needed(need, needs) for need in behind.itertuples())


def _needed(need: tuple, needs: pd.DataFrame) -> str:
    """Say what a way that lies behind would have needed of those who joined."""
    if need.suppressed or pd.isna(need.estimate):
        return ""
    who, held = joining(needs, need)
    text = f" It would have needed {many(need, who)}, each year"
    return f"{text}; {_hundredths(held.estimate)} were." if held else f"{text}."


def _will_be(need: tuple, needs: pd.DataFrame, target: tuple, growth: float) -> str:
    """Say of a goal that is ahead whether it is within reach, and what it takes."""
    goal = _goal(target)
    if need.suppressed:
        return f"Whether {goal} is within reach cannot be shown: {SMALL}."
    if pd.isna(need.estimate):
        return f"What {goal} needs cannot be told: {shrinks_too_fast(growth)}."
    if need.verdict == "reached_anyway":
        return f"{_sentence(goal)} is reached whoever joins."
    if need.verdict == "not_by_hiring_alone":
        return f"{_sentence(goal)} cannot be reached by hiring alone.{when_it_could(needs, need)}"
    who, held = joining(needs, need)
    text = f"{_within_reach(need, needs, goal, growth)} It takes {many(need, who)}, each year"
    text += f"; so far {_hundredths(held.estimate)} were." if held else "."
    return text + " Whether hiring alone can do it the data cannot tell." * (need.verdict == "cannot_tell")


def _within_reach(need: tuple, needs: pd.DataFrame, goal: str, growth: float) -> str:
    found = like(needs, need._replace(detail=f"{need.detail}, rates uncertain"), "chance_of_target", "detail")
    if not found or pd.isna(found.estimate):
        return f"How likely {goal} is reached cannot be told."
    how = "within reach" if found.estimate >= WITHIN else "open" if found.estimate > BEYOND else "out of reach"
    chance = f"{goes_on(need, growth)}, it is reached in time with a chance of {odds(found.estimate)}"
    return f"{_sentence(goal)} is {how}{' as things are' * (how == 'out of reach')}: if {chance}."


def _at_its_pace(rows: pd.DataFrame, target: tuple) -> str:
    """Say of a goal that is ahead where the pace so far leads, as nothing is known of who comes and goes."""
    for wait in latest(rows[(rows["measure"] == "years_to_target") & rows["estimate"].notna()]).itertuples():
        text = f"Whether {_goal(target)} is within reach with the turnover there is cannot be told, without flows. "
        return text + f"At the pace since {target.baseline_period} the answer is: {_pace(wait)}."
    return f"Of {_goal(target)} it cannot be told where it stands: neither later shares nor flows are known, or shown."


def _by_rule(gap: tuple, rows: pd.DataFrame) -> dict[str, str]:
    """Return what each rule says of one way."""
    share, *bounds = (like(rows, gap, name) for name in ("share", "gap_closed_low_bound", "gap_closed_high_bound"))
    named = ("gap_closed_logit", "progress_ratio", "expected_progress_ratio", "expected_share", "years_to_target")
    in_odds, pace, un, end, wait = (like(rows, gap, name, "detail") for name in named)
    over = _years_left(gap) <= 0
    ends = list(dict.fromkeys(entry(bound, percent) for bound in bounds))
    return {
        "the share": entry(share, percent),
        "part of the way that is gone": entry(gap, percent),
        "the same, whoever the undeclared are": " to ".join(ends),
        "the same in log odds": entry(in_odds, percent),
        "Open SDG: pace over the pace needed": _judged(pace, decimal, lambda row: _band(row, gap)),
        "share at the end, if growth goes on": "the end has passed" if over else entry(end, percent),
        "UN progress chart: part of the way gone at the end": _judged(un, percent, _band),
        "years still to go at the pace so far": _judged(wait, waited, lambda row: "late" if over else _pace(row)),
    }


def _judged(row: tuple | None, number: Callable[[float], str], verdict: Callable[[tuple], str]) -> str:
    known = row is not None and not row.suppressed and pd.notna(row.estimate)
    return f"{entry(row, number)}: {verdict(row)}" if known else entry(row, number)


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


def _goal(target: tuple) -> str:
    return f"the goal of {100 * target.target:.4g}\N{NO-BREAK SPACE}% by {target.target_period} for {group_of(target)}"


def _way(target: tuple) -> str:
    return f"{mark(target.baseline, target.baseline_period)} to {mark(target.target, target.target_period)}"


def _counted(share: tuple) -> str:
    if pd.isna(share.numerator):
        return ""
    return f" ({share.numerator:,} of {share.denominator:,} declared staff)"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _known(name: object) -> str:
    return "" if pd.isna(name) else name


def _hundredths(share: float) -> str:
    return f"{100 * share:.0f} of 100"
