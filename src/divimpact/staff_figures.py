"""Figures on the staff: shares on their way, where turnover leads, why a share changed.

Each function takes one protected table and returns its Axes: a finding in the title, limits drawn, alt text as label.
"""

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from divimpact import drawing, staff_words, wording
from divimpact.codes import REASONS_OF_CHANGE
from divimpact.disclosure import SafeTable
from divimpact.drawing import COLOURS, GREY
from divimpact.phrases import percent, points, run
from divimpact.schema import definitions, years


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
        own = share[share["group"] == group]
        for _, part in own.groupby(definitions(own["period"], breaks)):
            axes.errorbar(
                years(part["period"]),
                part["estimate"],
                yerr=drawing.whiskers(part),
                capsize=3,
                markersize=5,
                label=drawing.label(group),
                **look,
            )
    held, ends = definitions(share["period"], breaks), years(share["period"])
    for number, start in enumerate(breaks):
        before, after = ends[held <= number], ends[held > number]
        if len(before) and len(after):
            between = (before.max() + after.min()) / 2
            axes.axvline(between, color=GREY, linewidth=1, linestyle=":", label=f"another definition from {start}")
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
    for goal in goals.itertuples():
        ends = years([goal.baseline_period, goal.target_period])
        axes.plot(
            ends,
            [goal.baseline, goal.target],
            color="black",
            linestyle="--",
            linewidth=1,
            label="straight line to the goal",
        )
        axes.plot(ends[1], goal.target, color="black", marker="*", markersize=11)
        axes.annotate(
            f"goal {percent(goal.target)}",
            (ends[1], goal.target),
            xytext=(-4, 8),
            textcoords="offset points",
            ha="right",
            size=9,
        )
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


def outlook(table: SafeTable, targets: pd.DataFrame, *, source: str = "") -> Axes:
    """Draw where today's rates lead a group: shares so far, the fan of years to come, the honest way to the goal (Q2).

    Parameters
    ----------
    table
        ``share``, ``projected_share`` (today's hiring) and ``milestone`` rows of one group and one grade.
    targets
        The goals of this group and grade.
    source
        Who and what, for the line at the foot.
    """
    share, path, way = (table.where(measure=name).frame for name in ("share", "projected_share", "milestone"))
    axes = drawing.panels(2.4)
    axes.errorbar(
        years(share["period"]),
        share["estimate"],
        yerr=drawing.whiskers(share),
        color=COLOURS[0],
        marker="o",
        capsize=3,
        label="share so far",
    )
    now = share.tail(1).assign(conf_low=share["estimate"], conf_high=share["estimate"])
    for level, shade in ((0.95, 0.18), (0.80, 0.35)):
        fan = pd.concat([now, path[path["confidence"] == level]])
        label = f"{100 * level:.0f} % of courses, if all rates stay"
        band = years(fan["period"]), fan["conf_low"], fan["conf_high"]
        axes.fill_between(*band, color=COLOURS[0], alpha=shade, linewidth=0, label=label)
    middle = pd.concat([now, path.drop_duplicates("period")])
    dashed = {"color": COLOURS[0], "linestyle": "--", "label": "expected, if all rates stay"}
    axes.plot(years(middle["period"]), middle["estimate"], **dashed)
    if len(way):
        steady = {"color": "black", "marker": "D", "markersize": 4, "linewidth": 1}
        axes.plot(years(way["period"]), way["estimate"], label="way to the goal with a steady need", **steady)
    for goal in targets.itertuples():
        axes.plot(
            years([goal.target_period]),
            [goal.target],
            color="black",
            marker="*",
            markersize=11,
            linestyle="none",
            label=f"goal {percent(goal.target)}",
        )
    drawn = pd.concat([share, path, way])
    drawing.per_cent(axes.yaxis, drawn[["estimate", "conf_high"]].max().max(), targets["target"].max())
    drawing.time(axes, [*drawn["period"], *targets["target_period"]])
    title = staff_words.title_of_outlook(table)
    alt = wording.describe(
        table.where(measure=["share", "projected_share", "milestone"]), title, "{0.measure} {0.period}"
    )
    return drawing.finished(axes, title, "Share of declared staff at the end of each year", table, source, alt)


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
    ends = parts["estimate"].cumsum().to_numpy()
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    names = [*parts["measure"].map(REASONS_OF_CHANGE), *["in all"] * len(whole)]
    left, width = np.concatenate([starts, np.zeros(len(whole))]), pd.concat([parts, whole])["estimate"].to_numpy(float)
    axes = drawing.panels(0.5 + 0.34 * len(names))
    colours = [COLOURS[0] if step >= 0 else COLOURS[1] for step in width[: len(parts)]] + ["black"] * len(whole)
    down = np.arange(len(names))
    axes.barh(down, width, left=left, color=colours, height=0.6)
    for place, (start, step) in enumerate(zip(left, width, strict=True)):
        if pd.notna(step):
            axes.annotate(
                points(step),
                (max(start, start + step), place),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                size=8,
            )
    axes.axvline(0, color=GREY, linewidth=1, label="share at the start")
    axes.set(yticks=down, yticklabels=[textwrap.fill(name, 22) for name in names], ylim=(len(names) - 0.5, -0.5))
    axes.margins(x=0.22)
    axes.xaxis.set_major_formatter(PercentFormatter(1, symbol=" points", decimals=0))
    title, steps = staff_words.title_of_change(table), "; ".join(dict.fromkeys(map(run, frame["period"])))
    line = f"Percentage points of all staff, {steps}: blue adds, orange takes away"
    return drawing.finished(axes, title, line, table, source, wording.describe(table, title, "{0.measure}"))


def _of_staff(share: pd.DataFrame) -> str:
    """Say what the shares are of, and whether they have limits."""
    published = share["detail"] == "as published"
    whom = "Share of staff as published" if published.all() else "Share of declared staff"
    whom += ", or as published," if published.any() and not published.all() else ""
    return f"{whom} at the end of each period" + (", with limits" if share["conf_low"].notna().any() else "")


def _goals(targets: pd.DataFrame, share: pd.DataFrame, breaks: Sequence[str]) -> pd.DataFrame:
    """The city-wide targets of the groups and the grade that are drawn, if their baseline's definition still holds."""
    then, now = (definitions(periods, breaks) for periods in (targets["baseline_period"], share["period"]))
    targets = targets[then == now.max()]
    plan, drawn = (
        frame.assign(**frame.reindex(columns=["scope", "grade"]).astype("str").fillna("")) for frame in (targets, share)
    )
    return plan[plan["scope"].isin(["", "city"])].merge(drawn[["dimension", "group", "grade"]].drop_duplicates())
