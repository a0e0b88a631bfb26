"""What became of each goal or whether it is within reach, in a sentence or two; and all that the rules say of it."""

import math
from collections.abc import Callable, Sequence

import pandas as pd

from divimpact.codes import BANDS, REASONS, TODAY, VERDICTS, mark
from divimpact.disclosure import SafeTable
from divimpact.outlook_words import AHEAD, goes_on, joining, many, shrinks_too_fast, when_it_could
from divimpact.phrases import Text, decimal, hundredths, lines, odds, percent, run, waited
from divimpact.schema import years
from divimpact.wording import (
    entry,
    group_of,
    known_name,
    latest,
    like,
    limited,
    member_of,
    of_unit,
    side_by_side,
    why_hidden,
    with_limits,
)

REACH = {0.8: "is within reach", 0.2: "is open", 0.05: "is unlikely as things are", 0: "is out of reach as things are"}
APART = 0.005  # from which difference on a stated baseline is set beside what was counted


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
    hidden = f"{why_hidden(progress)}."
    named = lost.loc[lost["reason"] != "starts with this count", "reason"]
    said = [
        f"Not followed: {_goal(target)}, from {_start_of(target)}; {REASONS[named[target.Index]]}."
        if target.Index in named.index
        else _answer(*(_of_place(table.frame, target) for table in (progress, hiring)), target, growth, hidden)
        for target in targets.itertuples()
    ]
    return Text(lines(said) or "No goal is set here.")


def _answer(gone: pd.DataFrame, needs: pd.DataFrame, target: tuple, growth: float, hidden: str) -> str:
    """Say what became of one target or whether it is within reach."""
    goal, way = mark(target.target, target.target_period), _way(target)
    gaps, required = gone[gone["measure"] == "gap_closed"], needs[needs["measure"] == "required_hire_share"]
    over = gaps[gaps["detail"].eq(way) & (years(gaps["period"]) >= years([target.target_period])[0])]
    ahead = required[required["detail"].str.startswith(AHEAD) & required["detail"].str.endswith(f" {goal}")]
    if len(over):
        behind = required[required["detail"].isin([way, way.replace(" to ", " to at most ")])]
        text = _became(next(over.itertuples()), gone, behind, needs, target, hidden)
    elif len(ahead):
        text = _will_be(next(ahead.itertuples()), gone, needs, target, growth, hidden)
    else:
        text = _at_its_pace(gone[gone["detail"] == way], target, hidden)
    return text + _start(gone, target)


def _start(gone: pd.DataFrame, target: tuple) -> str:
    """Say where a stated baseline is not what was counted."""
    counted = gone[(gone["measure"] == "share") & (gone["period"] == target.baseline_period) & ~gone["suppressed"]]
    for share in counted.head(1).itertuples():
        if abs(share.estimate - target.baseline) >= APART:
            stated = f"{100 * target.baseline:.4g}\N{NO-BREAK SPACE}%"
            return f" The plan starts from {stated} in {share.period}; counted were {percent(share.estimate)}."
    return ""


def rules(table: SafeTable) -> Text:
    """Set side by side what each rule says of each way to a goal, in the latest period."""
    rows = table.frame
    gaps = _decisive(rows[rows["measure"] == "gap_closed"])
    ways = {
        f"{member_of(gap)}, {gap.detail}".replace(" %", "\N{NO-BREAK SPACE}%"): _by_rule(gap, rows)
        for gap in gaps.itertuples()
    }
    if not ways:
        return Text("No share is known after the baseline of a goal, so no rule says anything yet.")
    return side_by_side(with_limits("Each way to a goal by each rule", table.where(measure="gap_closed")), "", ways)


def _decisive(gaps: pd.DataFrame) -> pd.DataFrame:
    """Return, of each way, the share at the end of the goal's year or the first after it, or else that of today."""
    left = pd.Series([_years_left(gap) for gap in gaps.itertuples()], gaps.index, dtype=float)
    over, ways = gaps[left <= 0], [key for key in ("dimension", "group", "grade", "detail") if key in gaps]
    over = over.loc[left[over.index].sort_values(ascending=False, kind="stable").index].drop_duplicates(ways)
    ahead = latest(gaps)[lambda now: left[now.index] > 0]
    return pd.concat([over, ahead]).sort_index()


def _of_place(rows: pd.DataFrame, target: tuple) -> pd.DataFrame:
    """Return the rows on the group and grade of a target; a target of a single unit has none."""
    grades = rows["grade"] if "grade" in rows else pd.Series("", rows.index, dtype="str")
    same = (rows["dimension"] == target.dimension) & (rows["group"] == target.group)
    same &= grades.fillna("") == known_name(getattr(target, "grade", ""))
    return rows[same & (not of_unit(target))].assign(detail=lambda found: found["detail"].fillna(""))


def _became(
    gap: tuple, gone: pd.DataFrame, behind: pd.DataFrame, needs: pd.DataFrame, target: tuple, hidden: str
) -> str:
    """Say of a goal whose year is over whether it was reached and, if not, what it would have needed."""
    share = like(gone, gap, "share")
    if gap.suppressed or not share:
        return f"What became of {_goal(target)} cannot be shown: {hidden}"
    if pd.isna(gap.estimate):
        return f"What became of {_goal(target)} cannot be told: no share is known, or it is where it started from."
    reached = gap.estimate >= 1
    text = f"{_sentence(_goal(target))} was {'reached' if reached else 'missed'}: at the end of {gap.period} the share "
    text += f"was {percent(share.estimate)}{_counted(share)}, after {_start_of(target)}."
    if pd.notna(share.conf_low) and share.conf_low < target.target < share.conf_high:
        drift = f"{percent(share.conf_low)} and {percent(share.conf_high)}"
        text += f" By chance alone such a share may come out anywhere between {drift}, so whether more than chance "
        text += f"{'brought it to' if reached else 'kept it from'} the goal cannot be told."
    low, high = (like(gone, gap, f"share_{side}_bound") for side in ("low", "high"))
    if low and high and low.estimate < target.target < high.estimate:
        bounds = f"{percent(low.estimate)} and {percent(high.estimate)}"
        text += (
            f" Of all staff, whoever the undeclared are, it is between {bounds}, so of these the goal may have been "
        )
        text += "missed." if reached else "reached."
    return text if reached else text + "".join(_needed(need, needs) for need in behind.itertuples())


def _needed(need: tuple, needs: pd.DataFrame) -> str:
    """Say what a way that lies behind would have needed of those who joined."""
    if need.suppressed or pd.isna(need.estimate):
        return ""
    who, held = joining(needs, need)
    text = f" It would have needed {many(need, who)}, each year"
    return f"{text}; from {run(need.period)} {hundredths(held.estimate)} of 100 were." if held else f"{text}."


def _will_be(need: tuple, gone: pd.DataFrame, needs: pd.DataFrame, target: tuple, growth: float, hidden: str) -> str:
    """Say of a goal that is ahead whether it is within reach, and what it takes."""
    goal = _goal(target)
    if need.suppressed:
        return f"Whether {goal} is within reach cannot be shown: {hidden}"
    if pd.isna(need.estimate):
        return f"What {goal} needs cannot be told: {shrinks_too_fast(growth)}."
    course = _course(gone, needs, target)
    if need.verdict == "reached_anyway":
        return f"{_sentence(goal)} is reached whoever joins."
    if need.verdict == "not_by_hiring_alone":
        return f"{_sentence(goal)} cannot be reached by hiring alone.{when_it_could(needs, need)}{course}"
    who, held = joining(needs, need)
    text = f"{_within_reach(need, needs, goal, growth)}{course} It takes {many(need, who)}, each year"
    text += f"; so far {hundredths(held.estimate)} of 100 were." if held else "."
    return text + " Whether hiring alone can do it the data cannot tell." * (need.verdict == "cannot_tell")


def _within_reach(need: tuple, needs: pd.DataFrame, goal: str, growth: float) -> str:
    found = like(needs, need._replace(detail=f"{need.detail}, rates uncertain"), "chance_of_target", "detail")
    if not found or pd.isna(found.estimate):
        return f"How likely {goal} is reached cannot be told."
    how = next(text for least, text in REACH.items() if found.estimate >= least)
    chance = f"{goes_on(need, growth)}, it is reached in time with a chance of {odds(found.estimate)}"
    return f"{_sentence(goal)} {how}: if {chance}."


def _course(gone: pd.DataFrame, needs: pd.DataFrame, target: tuple) -> str:
    """Say where a share is now and, if it is projected as far as the year of the goal, where its course ends."""
    now = latest(gone[(gone["measure"] == "share") & ~gone["suppressed"] & gone["estimate"].notna()]).head(1)
    path = needs[(needs["measure"] == "projected_share") & (needs["detail"] == TODAY) & (needs["confidence"] == 0.95)]
    path = path[(path["period"] == target.target_period) & path["estimate"].notna()]
    ends = [f"on the present course {limited(row, percent)} then" for row in path.itertuples()]
    said = [f"now it is {percent(row.estimate)}" for row in now.itertuples()] + ends
    return f" {_sentence(', '.join(said))}." if said else ""


def _at_its_pace(rows: pd.DataFrame, target: tuple, hidden: str) -> str:
    """Say of a goal that is ahead where the pace so far leads, as nothing is known of who comes and goes."""
    for wait in latest(rows[(rows["measure"] == "years_to_target") & rows["estimate"].notna()]).itertuples():
        text = f"Whether {_goal(target)} is within reach with the turnover there is cannot be told, without flows. "
        return text + f"At the pace since {target.baseline_period} the answer is: {_pace(wait)}."
    if rows["suppressed"].any():
        return f"Where {_goal(target)} stands cannot be shown: {hidden}"
    return f"Of {_goal(target)} it cannot be told where it stands: neither later shares nor flows are known."


def _by_rule(gap: tuple, rows: pd.DataFrame) -> dict[str, str]:
    """Return what each rule says of one way."""
    share, *bounds = (like(rows, gap, name) for name in ("share", "gap_closed_low_bound", "gap_closed_high_bound"))
    named = ("gap_closed_logit", "progress_ratio", "expected_progress_ratio", "expected_share", "years_to_target")
    in_odds, pace, un, end, wait = (like(rows, gap, name, "detail") for name in named)
    over = _years_left(gap) <= 0
    ends = list(dict.fromkeys(entry(bound, percent) for bound in bounds))
    return {
        "the share": f"{entry(share, percent)} in {gap.period}",
        "part of the way that is gone": entry(gap, percent),
        "the same, whoever the undeclared are": " to ".join(ends),
        "the same in log odds": entry(in_odds, percent),
        "Open SDG: pace over the pace needed": _judged(pace, decimal, lambda row: _band(row, gap)),
        "share at the end, if growth goes on": "its year is over" if over else entry(end, percent),
        "UN progress chart: part of the way gone at the end": _judged(un, percent, _band),
        "years still to go at the pace so far": _judged(
            wait, waited, lambda row: "its year is over" if over else _pace(row)
        ),
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
    most = "at most " * (target.target < target.baseline)
    share = f"{100 * target.target:.4g}\N{NO-BREAK SPACE}%"
    return f"the goal of {most}{share} by {target.target_period} for {group_of(target)}"


def _start_of(target: tuple) -> str:
    return mark(target.baseline, target.baseline_period).replace(" %", "\N{NO-BREAK SPACE}%")


def _way(target: tuple) -> str:
    return f"{mark(target.baseline, target.baseline_period)} to {mark(target.target, target.target_period)}"


def _counted(share: tuple) -> str:
    if pd.isna(share.numerator):
        return ""
    return f" ({share.numerator:,} of {share.denominator:,} declared staff)"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
