"""Figures on the staff: shares on their way, where turnover leads, why a share changed.

Each function takes one protected table and returns its Axes: a finding in the title, limits drawn, alt text as label.
"""

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.markers import CARETUP
from matplotlib.ticker import MultipleLocator, PercentFormatter

from divimpact import drawing, ladder_words, outlook_words, staff_words, wording
from divimpact.codes import ANSWERED, REASONS_OF_CHANGE, TODAY, TODAY_KNOWN
from divimpact.disclosure import SafeTable
from divimpact.drawing import COLOURS, GREY
from divimpact.phrases import percent, run
from divimpact.schema import definitions, years

MOST = 1.5  # of a share that is needed: where the axis ends
STYLES = ("-", "--", "-.", ":")
LIMITED = ["estimate", "conf_low", "conf_high"]
STEADY = {  # whether a way starts at a stated baseline: how it is drawn, and what it is called
    True: ({"color": GREY, "marker": "d"}, "what the goal needed from its baseline, year by year"),
    False: ({"color": "black", "marker": "D"}, "what the goal needs from today, year by year"),
}
AT_TODAYS_RATES = (TODAY, TODAY_KNOWN)
JOINED = {  # of the city, and of a grade
    "hire_share": ("share of those who were hired so far", ""),
    "joiner_share": ("share of those hired or newly declared so far", "share of those who joined so far"),
}


def trajectory(table: SafeTable, targets: pd.DataFrame, breaks: Sequence[str] = (), *, source: str = "") -> Axes:
    """Draw shares on their way to the target: limits, the straight line, worst-case bounds of the first group (Q1).

    Parameters
    ----------
    table
        ``share`` rows by period of the groups of one dimension and one grade (or of all grades together) and, if
        wanted, their bounds.
    targets
        The city's targets; those of other groups and grades are not drawn.
    breaks
        The periods from which another definition holds: nothing drawn runs across one.
    source
        Who and what, for the line at the foot.
    """
    frame = table.frame
    share, low, high = (
        frame[frame["measure"] == measure] for measure in ("share", "share_low_bound", "share_high_bound")
    )
    groups, goals, breaks = drawing.order(share["group"]), _goals(targets, share, breaks), sorted(breaks)
    low, high = (bound[bound["group"] == groups[0]] for bound in (low, high))
    axes = drawing.panels(2.4)
    for group, look in drawing.looks(groups, share):
        _series(axes, share[share["group"] == group], breaks, drawing.label(group), look)
    _mark_breaks(axes, share["period"], breaks)
    for number in np.unique(definitions(low["period"], breaks)):
        below, above = (bound[definitions(bound["period"], breaks) == number] for bound in (low, high))
        axes.fill_between(
            years(below["period"]),
            below["estimate"],
            above["estimate"],
            color=GREY,
            alpha=0.2,
            linewidth=0,
            label=drawing.label(f"{groups[0]}, of all staff, whoever the undeclared are"),
        )
    _ways_to(axes, goals)
    drawing.per_cent(
        axes.yaxis, share[["estimate", "conf_high"]].max().max(), high["estimate"].max(), goals["target"].max()
    )
    drawing.time(axes, [*share["period"], *goals["target_period"]])
    title = staff_words.title_of_trajectory(table.where(group=groups[0]))
    return drawing.finished(
        axes,
        title,
        _of_staff(share),
        table,
        source,
        wording.describe(table.where(measure="share"), title, "{0.period}, {0.group}"),
    )


def outlook(
    table: SafeTable, targets: pd.DataFrame, breaks: Sequence[str] = (), *, growth: float = 0.0, source: str = ""
) -> Axes:
    """Draw where today's rates lead a group: shares so far, the fan of years to come, the honest way to the goal (Q2).

    Parameters
    ----------
    table
        ``share``, ``projected_share`` (`AT_TODAYS_RATES`) and ``milestone`` rows of one group and one grade.
    targets
        The city's targets; those of other groups and grades are not drawn.
    breaks
        The periods from which another definition holds: no line runs across one.
    growth
        Of the staff per year, which the table takes for granted.
    source
        Who and what, for the line at the foot.
    """
    share, path, way = (table.where(measure=name).frame for name in ("share", "projected_share", "milestone"))
    path, way = (found[found["estimate"].notna()] for found in (path, way))
    goals, breaks = _goals(targets, share, breaks), sorted(breaks)
    axes = drawing.panels(2.4)
    _series(axes, share, breaks, "share so far", {"color": COLOURS[0], "marker": "o"})
    _mark_breaks(axes, share["period"], breaks)
    now = share.tail(1).assign(conf_low=share["estimate"], conf_high=share["estimate"])
    _fan(axes, now, path)
    for stated, (look, label) in STEADY.items():
        for _, steps in way[way["detail"].str.startswith("staff of ") != stated].groupby("detail", sort=False):
            steps = steps if stated else pd.concat([now, steps])
            axes.plot(years(steps["period"]), steps["estimate"], markersize=4, linewidth=1, label=label, **look)
    _ways_to(axes, goals)
    drawn = pd.concat([share, path, way])
    drawing.per_cent(axes.yaxis, drawn[["estimate", "conf_high"]].max().max(), goals["target"].max())
    drawing.time(axes, [*drawn["period"], *goals["target_period"]])
    title = outlook_words.title_of_outlook(table)
    alt = wording.describe(
        table.where(measure=["share", "projected_share", "milestone"]), title, "{0.measure} {0.period}"
    )
    return drawing.finished(axes, title, outlook_words.line_of_outlook(growth), table, source, alt)


def turnover(table: SafeTable, *, source: str = "") -> Axes:
    """Draw what share of those who join a target would need, over rates of turnover (Q2).

    Parameters
    ----------
    table
        ``assumed_turnover``, ``required_at_turnover``, ``required_hire_share`` and `JOINED` rows of one group and
        one grade.
    source
        Who and what, for the line at the foot.
    """
    frame = table.frame
    pairs = _beside(frame, "assumed_turnover", "required_at_turnover")
    pairs = pairs.assign(
        way=pairs["detail"].str.replace(", turnover .*", "", regex=True), now=pairs["detail"].str.endswith("as it is")
    )
    needs = pairs.loc[pairs["now"], "required_at_turnover"]
    falls = pairs["way"].str.contains(" to at most ").all() and len(pairs) > 0
    low, top = (
        max(-MOST, min(1 - MOST if falls else 0.0, 1.2 * needs.min())),
        min(2 * MOST, max(MOST, 1.1 * needs.max())),
    )
    beyond = (low, 0, "fewer than none") if falls else (1, top, "more than all")
    axes = drawing.panels(2.4)
    axes.axhspan(*beyond[:2], color=GREY, alpha=0.2, linewidth=0, label=f"{beyond[2]}: not by hiring alone")
    curves = pairs.groupby("way", sort=False)
    for (way, curve), colour, style, mark in zip(curves, COLOURS, STYLES, drawing.MARKERS, strict=False):
        curve = curve.sort_values("assumed_turnover")
        look = {"linestyle": style, "marker": mark, "markevery": np.flatnonzero(curve["now"]).tolist()}
        needed = f"{'at most' if falls else 'needed'} from {way}"
        axes.plot(curve["assumed_turnover"], curve["required_at_turnover"], color=colour, label=needed, **look)
        limits = frame.query("measure == 'required_hire_share' and detail == @way")[LIMITED]
        now = curve[curve["now"]].merge(limits, how="cross")
        dot = {"color": colour, "marker": mark, "linestyle": "none", "capsize": 3}
        axes.errorbar(now["assumed_turnover"], now["estimate"], yerr=drawing.whiskers(now), **dot)
        for above in now[now["estimate"] > top].itertuples():
            place = {"xytext": (8, -4), "textcoords": "offset points", "va": "top", "size": 9, "color": colour}
            axes.plot(above.assumed_turnover, 0.97 * top, color=colour, marker=CARETUP, markersize=9)
            axes.annotate(percent(above.estimate), (above.assumed_turnover, top), **place)
    runs = set(frame["period"][frame["measure"] == "required_hire_share"])
    of_grade = bool(frame.reindex(columns=["grade"]).notna().any(axis=None))
    known = frame["measure"].isin([name for name, labels in JOINED.items() if labels[of_grade]])
    for held in frame[known & frame["period"].isin(runs)].dropna(subset="estimate").itertuples():
        axes.axhline(held.estimate, color="black", linewidth=1, linestyle=":", label=JOINED[held.measure][of_grade])
    axes.set_xlim(0, pairs["assumed_turnover"].max() if pairs["assumed_turnover"].notna().any() else 1)
    axes.xaxis.set_major_locator(MultipleLocator(0.05))
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %", decimals=0))
    axes.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %", decimals=0))
    axes.set(ylim=(low, 1.0 if falls else top), xlabel="Part of all declared staff that leaves in a year")
    title = outlook_words.title_of_turnover(table)
    line = "What those who join would need each year, over turnover; marks: the turnover as it is"
    alt = wording.describe(table.where(measure=["required_hire_share", "required_at_turnover"]), title, "{0.detail}")
    return drawing.finished(axes, title, line, table, source, alt)


def ladder(table: SafeTable, benchmark: pd.DataFrame, *, source: str = "") -> Axes:
    """Draw the share of one group in each grade, with limits, against each benchmark (Q4).

    Parameters
    ----------
    table
        ``grade_share`` rows of one group in one period, lowest grade first.
    benchmark
        The city's benchmarks; those of other groups, or later than the shares, are not drawn. One for all grades is a
        line, with a band where it is uncertain, one for a grade a diamond.
    source
        Who and what, for the line at the foot.
    """
    frame = table.frame.reset_index(drop=True)
    known = wording.of_city(benchmark).sort_values("period", kind="stable")
    known = known[years(known["period"]) <= years(frame["period"]).max(initial=-np.inf)]
    known = known.merge(frame[["dimension", "group"]].drop_duplicates()).drop_duplicates(["name", "grade"], keep="last")
    axes = drawing.panels(0.4 + 0.32 * len(frame))
    dots = {"color": COLOURS[0], "marker": "o", "linestyle": "none", "capsize": 3, "label": "share in the grade"}
    axes.errorbar(frame["estimate"], frame.index, xerr=drawing.whiskers(frame), **dots)
    for (name, held), colour, style in zip(known.groupby("name", sort=False), COLOURS[1:], STYLES, strict=False):
        of_all, of_grade = held[held["grade"] == ""], held[held["grade"].isin(frame["grade"])]
        for row in of_all.itertuples():
            axes.axvline(row.share, color=colour, linestyle=style, linewidth=1.2, label=f"{name}, {row.period}")
            if row.low < row.high:
                axes.axvspan(row.low, row.high, color=colour, alpha=0.15, linewidth=0)
        places = of_grade["grade"].map(dict(zip(frame["grade"], frame.index, strict=True)))
        diamonds = {"color": colour, "marker": "D", "linestyle": "none", "markersize": 5}
        if len(of_grade):
            axes.plot(of_grade["share"], places, label=drawing.label(f"{name}, for the grade"), **diamonds)
    names = [textwrap.fill(grade, 16) for grade in frame["grade"]]
    axes.set(yticks=frame.index, yticklabels=names, ylim=(-0.5, len(frame) - 0.5))
    drawing.per_cent(axes.xaxis, frame[["estimate", "conf_high"]].max().max(), known[["share", "high"]].max().max())
    title = ladder_words.title_of_ladder(table)
    line = (
        f"Share of declared staff in each grade at the end of {frame['period'].max()}, with limits, beside benchmarks"
    )
    return drawing.finished(axes, title, line, table, source, wording.describe(table, title, "{0.grade}"))


def change(table: SafeTable, *, source: str = "") -> Axes:
    """Draw what the change of one group's share is made of, one part after the other (Q3).

    Parameters
    ----------
    table
        ``change`` and its parts for one group, place and run of years.
    source
        Who and what, for the line at the foot.
    """
    frame = table.frame
    parts = frame[frame["measure"].isin(REASONS_OF_CHANGE) & frame["estimate"].ne(0)]
    whole = frame[frame["measure"] == "change"]
    names = [*parts["measure"].map(REASONS_OF_CHANGE), *["in all"] * len(whole)]
    sizes = (one["estimate"].to_numpy(float) for one in (parts, whole))
    axes = drawing.one_after_the_other(names, *sizes, ", ".join(dict.fromkeys(frame["detail"].dropna())))
    title, steps = staff_words.title_of_change(table), "; ".join(dict.fromkeys(map(run, frame["period"])))
    line = f"What changed the share, {steps}: blue adds, orange takes away"
    return drawing.finished(axes, title, line, table, source, wording.describe(table, title, "{0.measure}"))


def _fan(axes: Axes, now: pd.DataFrame, path: pd.DataFrame) -> None:
    """Draw the years to come from the last share on, with both limits, if any are known."""
    if path.empty:
        return
    unsure = path[path["detail"] == TODAY]
    for level, shade in ((0.95, 0.18), (0.80, 0.35)):
        fan = pd.concat([now, unsure[unsure["confidence"] == level]])
        label = f"{100 * level:.0f} % of courses, if all rates stay"
        band = years(fan["period"]), fan["conf_low"], fan["conf_high"]
        axes.fill_between(*band, color=COLOURS[0], alpha=shade, linewidth=0, label=label)
    sure = pd.concat([now, path[path["detail"] != TODAY]])
    for side in ("conf_low", "conf_high") if len(sure) > 1 else ():
        thin = {"color": COLOURS[0], "linewidth": 0.8, "label": "95 % of courses, were the rates known exactly"}
        axes.plot(years(sure["period"]), sure[side], **thin)
    middle = pd.concat([now, path.drop_duplicates("period")])
    dashed = {"color": COLOURS[0], "linestyle": "--", "label": "expected, if all rates stay"}
    axes.plot(years(middle["period"]), middle["estimate"], **dashed)


def _series(axes: Axes, share: pd.DataFrame, breaks: Sequence[str], label: str, look: dict) -> None:
    """Draw the shares of one group with their limits, in a line for each definition."""
    for _, part in share.groupby(definitions(share["period"], breaks)):
        limits = drawing.whiskers(part)
        axes.errorbar(
            years(part["period"]), part["estimate"], yerr=limits, capsize=3, markersize=5, label=label, **look
        )


def _mark_breaks(axes: Axes, periods: pd.Series, breaks: Sequence[str]) -> None:
    """Draw a line between what was counted under one definition and under the next."""
    held, ends = definitions(periods, breaks), years(periods)
    for number, start in enumerate(breaks):
        before, after = ends[held <= number], ends[held > number]
        if len(before) and len(after):
            between = (before.max() + after.min()) / 2
            axes.axvline(between, color=GREY, linewidth=1, linestyle=":", label=f"another definition from {start}")


def _ways_to(axes: Axes, goals: pd.DataFrame) -> None:
    """Draw the straight line from each baseline to its goal, and a star there."""
    straight = {"color": "black", "linestyle": "--", "linewidth": 1, "label": "straight line to the goal"}
    for goal in goals.itertuples():
        ends = years([goal.baseline_period, goal.target_period])
        axes.plot(ends, [goal.baseline, goal.target], **straight)
        axes.plot(ends[1], goal.target, color="black", marker="*", markersize=11)
        up = 8 if goal.target >= goal.baseline else -16  # on the side of the star where no line is
        place = {"xytext": (-4, up), "textcoords": "offset points", "ha": "right", "size": 9}
        most = "at most " * (goal.target < goal.baseline)
        axes.annotate(f"goal {most}{percent(goal.target)}", (ends[1], goal.target), **place)


def _beside(frame: pd.DataFrame, *measures: str) -> pd.DataFrame:
    """Return the estimates of measures that have the same detail, one column each."""
    found = frame[frame["measure"].isin(measures)]
    return found.pivot(index="detail", columns="measure", values="estimate").reindex(columns=measures).reset_index()


def _of_staff(share: pd.DataFrame) -> str:
    """Say what the shares are of, and whether they have limits."""
    published = share["detail"] == "as published"
    whom = "Share of staff as published" if published.all() else "Share of declared staff"
    whom = "Share of those who answered" if len(share) and share["detail"].eq(ANSWERED).all() else whom
    whom += ", or as published," if published.any() and not published.all() else ""
    return f"{whom} at the end of each period" + (", with limits" if share["conf_low"].notna().any() else "")


def _goals(targets: pd.DataFrame, share: pd.DataFrame, breaks: Sequence[str]) -> pd.DataFrame:
    """The city-wide targets of the groups and the grade that are drawn, if their baseline's definition still holds."""
    then, now = (definitions(periods, breaks) for periods in (targets["baseline_period"], share["period"]))
    targets = targets[then == now.max()]
    drawn = wording.of_city(share)[["dimension", "group", "grade"]].drop_duplicates()
    return wording.of_city(targets).merge(drawn)
