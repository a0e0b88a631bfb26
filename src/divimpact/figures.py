"""One figure from one protected table: a finding in the title, limits drawn, the parity line drawn, alt text set.

Each function returns its Axes. The alt text is the label of the figure.
"""

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator, PercentFormatter

from divimpact import drawing, words
from divimpact.codes import REASONS_OF_CHANGE
from divimpact.disclosure import SafeTable
from divimpact.drawing import COLOURS, GREY
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
            f"goal {words.percent(goal.target)}",
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
    title = words.title_of_trajectory(table.where(group=groups[0]))
    return drawing.finished(
        axes,
        title,
        _of_staff(share),
        table,
        source,
        words.describe(table.where(measure="share"), title, "{0.period}, {0.group}"),
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
            label=f"goal {words.percent(goal.target)}",
        )
    drawn = pd.concat([share, path, way])
    drawing.per_cent(axes.yaxis, drawn[["estimate", "conf_high"]].max().max(), targets["target"].max())
    drawing.time(axes, [*drawn["period"], *targets["target_period"]])
    title = words.title_of_outlook(table)
    alt = words.describe(
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
                words.points(step),
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
    title, run = words.title_of_change(table), "; ".join(dict.fromkeys(map(words.run, frame["period"])))
    line = f"Percentage points of all staff, {run}: blue adds, orange takes away"
    return drawing.finished(axes, title, line, table, source, words.describe(table, title, "{0.measure}"))


def pass_rates(table: SafeTable, *, source: str = "") -> Axes:
    """Draw who passes each stage, by group, with limits (Q5).

    Parameters
    ----------
    table
        ``pass_rate`` and ``impact_ratio`` rows of one dimension.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure="pass_rate"), words.title_of_stages(table)
    frame = rows.frame
    axes = _by_stage(frame)
    drawing.per_cent(axes.xaxis, frame[["estimate", "conf_high"]].max().max())
    line = "Of 100 who reached the stage before, how many reach this one, with limits"
    return drawing.finished(axes, title, line, table, source, words.describe(rows, title, "{0.stage}, {0.group}"))


def impact_ratios(table: SafeTable, *, source: str = "") -> Axes:
    """Draw each group's pass rate over that of the reference group, stage by stage, with limits and parity (Q5).

    Parameters
    ----------
    table
        ``impact_ratio`` rows of one dimension.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure="impact_ratio"), words.title_of_stages(table)
    frame = rows.frame
    reference, edges = frame["reference"].iloc[0], _ratio_edges(frame)
    axes = _by_stage(frame, edges)
    axes.axvline(1, color="black", linewidth=1)
    axes.axvline(0.8, color="black", linewidth=1, linestyle=":")
    axes.set(xscale="log", xlim=edges)
    ticks = [tick for tick in (0.1, 0.2, 0.5, 0.8, 1, 1.25, 2, 5, 10) if edges[0] <= tick <= edges[1]]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    line = f"Pass rate of a group over that of “{reference}”, with limits; 1 is parity, dotted four fifths"
    return drawing.finished(
        axes,
        title,
        line + _beyond(frame, edges),
        table,
        source,
        words.describe(rows, f"Ratios of pass rates. {title}", "{0.stage}, {0.group}"),
    )


def uptake(table: SafeTable, *, source: str = "") -> np.ndarray:
    """Draw who uses each service over time, by group, one panel a service, with limits (Q7).

    Parameters
    ----------
    table
        ``uptake`` and ``uptake_ratio`` rows of one dimension by period and service.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure="uptake"), words.title_of_uptake(table)
    frame = rows.frame
    services, groups, alone = (
        drawing.order(frame["service"]),
        drawing.order(frame["group"]),
        frame["period"].nunique() == 1,
    )
    lines, names = -(-len(services) // 2), [textwrap.fill(service, 28) for service in services]
    titles = 0.13 * max(name.count("\n") for name in names)
    panels = drawing.panels((1.5 + titles) * lines + 0.2, nrows=lines, ncols=2, sharex=True, sharey=True, squeeze=False)
    for axes, service, name in zip(panels.flat, services, names, strict=False):
        for group, look in drawing.looks(groups, frame):
            own = frame[(frame["service"] == service) & (frame["group"] == group)]
            ends, band = years(own["period"]), own[["conf_low", "conf_high"]].to_numpy(float).T
            axes.fill_between(ends, *band, color=look["color"], alpha=0.2, linewidth=0)
            whiskers = drawing.whiskers(own) if alone else None
            axes.errorbar(
                ends, own["estimate"], yerr=whiskers, capsize=3, markersize=3, label=drawing.label(group), **look
            )
        axes.set_title(name)
        if frame["estimate"][frame["service"] == service].isna().all():
            axes.text(0.5, 0.5, "hidden or unknown", transform=axes.transAxes, ha="center", size=9)
    for axes in panels.flat[len(services) :]:
        axes.set_visible(False)
    drawing.per_cent(panels[0, 0].yaxis, frame[["estimate", "conf_high"]].max().max())
    drawing.time(panels[0, 0], frame["period"])
    ends = rows.where(period=[frame["period"].min(), frame["period"].max()])
    what = "Users of 100 eligible people" if set(frame["detail"]) == {"people"} else "Uses of 100 possible ones"
    line = f"{what} in each period, with limits{'' if alone else ' (the bands)'}"
    return drawing.finished(
        panels, title, line, table, source, words.describe(ends, title, "{0.service}, {0.group}, {0.period}")
    )


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


def _beyond(frame: pd.DataFrame, edges: tuple[float, float]) -> str:
    """Say how a figure shows what lies beyond its axis, where something does."""
    low, high = edges
    told = {"an arrow is a ratio beyond the axis": ["estimate"], "limits go on at its edge": ["conf_low", "conf_high"]}
    outside = {
        text: ((frame[columns] < low) | (frame[columns] > high)).any(axis=None) for text, columns in told.items()
    }
    return "".join(f"; {text}" for text, needed in outside.items() if needed)


def _arrow(axes: Axes, ratio: float, down: float, edges: tuple[float, float], colour: str) -> None:
    """Mark a ratio beyond the axis at its edge, with its value: there stands no marker that could be read as one."""
    if pd.isna(ratio) or edges[0] <= ratio <= edges[1]:
        return
    x, marker, side, away = (edges[0], "<", "left", 6) if ratio < edges[0] else (edges[1], ">", "right", -6)
    axes.plot(x, down, marker=marker, color=colour, clip_on=False)
    written = {"size": 7.5, "ha": side, "va": "center", "bbox": {"facecolor": "white", "edgecolor": "none", "pad": 0.5}}
    axes.annotate(words.decimal(ratio), (x, down), xytext=(away, 0), textcoords="offset points", **written)


def _by_stage(frame: pd.DataFrame, edges: tuple[float, float] = (0, np.inf)) -> Axes:
    """Draw estimates with limits, the stages from top to bottom and within each the groups below each other."""
    stages, groups = drawing.order(frame["stage"]), drawing.order(frame["group"])
    axes = drawing.panels(0.4 + len(stages) * (0.2 + 0.16 * len(groups)))
    for group, look in drawing.looks(groups, frame):
        whole = frame[frame["group"] == group]
        own = whole.assign(**whole[["estimate", "conf_low", "conf_high"]].clip(*edges))
        down = own["stage"].map(stages.index) + (groups.index(group) - (len(groups) - 1) / 2) * 0.7 / len(groups)
        style = look | {"linestyle": "none", "capsize": 2, "clip_on": False, "label": drawing.label(group)}
        style["markevery"] = np.flatnonzero(whole["estimate"].between(*edges)).tolist()
        axes.errorbar(own["estimate"], down, xerr=drawing.whiskers(own), **style)
        for ratio, place in zip(whole["estimate"], down, strict=True):
            _arrow(axes, ratio, place, edges, look["color"])
    names = [textwrap.fill(stage, 16) for stage in stages]
    axes.set(yticks=range(len(stages)), yticklabels=names, ylim=(len(stages) - 0.5, -0.5))
    for edge in range(1, len(stages)):
        axes.axhline(edge - 0.5, color="#DDDDDD", linewidth=0.8, zorder=0)
    return axes


def _ratio_edges(frame: pd.DataFrame) -> tuple[float, float]:
    """Ends of a ratio axis that hold parity and the finite limits, within a tenth and ten."""
    finite = frame[["estimate", "conf_low", "conf_high"]].replace([0, np.inf], np.nan)
    return max(0.1, min(0.6, finite.min().min() * 0.9)), min(10, max(1.5, finite.max().max() * 1.1))
