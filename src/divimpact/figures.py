"""One figure from one protected table: a finding in the title, limits drawn, the parity line drawn, alt text set.

Each function returns its Axes. The alt text is the label of the figure.
"""

import textwrap
from collections.abc import Iterator, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator, PercentFormatter

from divimpact import words
from divimpact.disclosure import SafeTable
from divimpact.schema import definitions, years

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")  # Okabe and Ito 2008
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#767676"
FONTS = ["DejaVu Sans", "Verdana", "Arial"]
WIDTH = 5.2  # inches: at 360 pixels the smallest type is still read

plt.rcParams.update(
    {  # the one theme: seaborn's "ticks" look, without the 1.7 s that importing seaborn takes
        "font.family": "sans-serif",
        "font.sans-serif": FONTS,
        "font.size": 10,
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "axes.titlesize": 9,
        "axes.labelsize": 9,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "legend.fontsize": 9,
        "legend.frameon": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#333333",
    }
)


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
    groups, goals, breaks = _order(share["group"]), _goals(targets, share, breaks), sorted(breaks)
    low, high = (bound[bound["group"] == groups[0]] for bound in (low, high))
    axes = _panels(2.4)
    for group, look in _looks(groups, share):
        own = share[share["group"] == group]
        for _, part in own.groupby(definitions(own["period"], breaks)):
            axes.errorbar(
                years(part["period"]),
                part["estimate"],
                yerr=_whiskers(part),
                capsize=3,
                markersize=5,
                label=_label(group),
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
            label=_label(f"{groups[0]}, of all staff, whoever the undeclared are"),
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
    _per_cent(axes.yaxis, share[["estimate", "conf_high"]].max().max(), high["estimate"].max(), goals["target"].max())
    _time(axes, [*share["period"], *goals["target_period"]])
    title = words.title_of_trajectory(table.where(group=groups[0]))
    return _finished(
        axes,
        title,
        _of_staff(share),
        table,
        source,
        words.describe(table.where(measure="share"), title, "{0.period}, {0.group}"),
    )


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
    _per_cent(axes.xaxis, frame[["estimate", "conf_high"]].max().max())
    line = "Of 100 who reached the stage before, how many reach this one, with limits"
    return _finished(axes, title, line, table, source, words.describe(rows, title, "{0.stage}, {0.group}"))


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
    return _finished(
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
    services, groups, alone = _order(frame["service"]), _order(frame["group"]), frame["period"].nunique() == 1
    lines, names = -(-len(services) // 2), [textwrap.fill(service, 28) for service in services]
    titles = 0.13 * max(name.count("\n") for name in names)
    panels = _panels((1.5 + titles) * lines + 0.2, nrows=lines, ncols=2, sharex=True, sharey=True, squeeze=False)
    for axes, service, name in zip(panels.flat, services, names, strict=False):
        for group, look in _looks(groups, frame):
            own = frame[(frame["service"] == service) & (frame["group"] == group)]
            ends, band = years(own["period"]), own[["conf_low", "conf_high"]].to_numpy(float).T
            axes.fill_between(ends, *band, color=look["color"], alpha=0.2, linewidth=0)
            whiskers = _whiskers(own) if alone else None
            axes.errorbar(ends, own["estimate"], yerr=whiskers, capsize=3, markersize=3, label=_label(group), **look)
        axes.set_title(name)
        if frame["estimate"][frame["service"] == service].isna().all():
            axes.text(0.5, 0.5, "hidden or unknown", transform=axes.transAxes, ha="center", size=9)
    for axes in panels.flat[len(services) :]:
        axes.set_visible(False)
    _per_cent(panels[0, 0].yaxis, frame[["estimate", "conf_high"]].max().max())
    _time(panels[0, 0], frame["period"])
    ends = rows.where(period=[frame["period"].min(), frame["period"].max()])
    what = "Users of 100 eligible people" if set(frame["detail"]) == {"people"} else "Uses of 100 possible ones"
    line = f"{what} in each period, with limits{'' if alone else ' (the bands)'}"
    return _finished(
        panels, title, line, table, source, words.describe(ends, title, "{0.service}, {0.group}, {0.period}")
    )


def _panels(height: float, **panels: object) -> Axes | np.ndarray:
    return plt.subplots(figsize=(WIDTH, height), layout="constrained", **panels)[1]


def _finished(
    axes: Axes | np.ndarray, title: str, line: str, table: SafeTable, source: str, alt: str
) -> Axes | np.ndarray:
    """Put finding, what is shown and key above the panels, source and what is hidden below, and set the alt text."""
    first = np.ravel(axes)[0]
    handles, labels = first.get_legend_handles_labels()
    figure, key = (
        first.figure,
        {textwrap.fill(label.strip(), 70): handle for handle, label in zip(handles, labels, strict=True)},
    )
    title, line = textwrap.fill(title, 52), textwrap.fill(line, 72)
    foot = textwrap.fill(" ".join(filter(None, [f"Source: {source}." if source else "", words.hidden(table)])), 90)
    columns = 2 if max(map(len, key)) < 26 else 1
    rows = -(-len(key) // columns) + sum(label.count("\n") for label in key)
    heights = [0.2 * (title.count("\n") + 1), 0.17 * (line.count("\n") + 1), 0.19 * rows]
    above, below, panels = 0.2 + sum(heights), 0.1 + 0.13 * (foot.count("\n") + 1), figure.get_figheight()
    figure.set_figheight(above + panels + below)
    down = 1 - (0.06 + np.cumsum([0, *heights])) / figure.get_figheight()
    figure.get_layout_engine().set(rect=(0, below / figure.get_figheight(), 1, panels / figure.get_figheight()))
    figure.text(0.015, down[0], title, size=11, weight="bold", va="top")
    figure.text(0.015, down[1], line, size=9, va="top")
    figure.legend(key.values(), key, loc="upper left", bbox_to_anchor=(0.0, down[2]), ncols=columns, borderaxespad=0.3)
    figure.text(0.015, 0.04 / figure.get_figheight(), foot, size=7.5, color="#595959", va="bottom")
    figure.set_label(alt)
    return axes


def _label(name: str) -> str:
    """Name an artist for the key: matplotlib leaves out what begins with an underscore."""
    return f" {name}" if name.startswith("_") else name


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


def _order(column: pd.Series) -> list[str]:
    return list(dict.fromkeys(column))


def _looks(groups: list[str], frame: pd.DataFrame) -> Iterator[tuple[str, dict]]:
    """Yield each group with its colour and marker: the reference in grey, the others in order."""
    reference = set(frame.get("reference", []))
    others = [group for group in groups if group not in reference]
    for group in groups:
        place = others.index(group) if group in others else None
        colour, marker = (
            (GREY, "o")
            if place is None
            else (COLOURS[place % len(COLOURS)], MARKERS[(place + 1 + place // len(COLOURS)) % len(MARKERS)])
        )
        yield group, {"color": colour, "marker": marker}


def _whiskers(rows: pd.DataFrame) -> np.ndarray:
    return np.abs(rows[["conf_low", "conf_high"]].to_numpy(float).T - rows["estimate"].to_numpy(float))


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
    stages, groups = _order(frame["stage"]), _order(frame["group"])
    axes = _panels(0.4 + len(stages) * (0.2 + 0.16 * len(groups)))
    for group, look in _looks(groups, frame):
        whole = frame[frame["group"] == group]
        own = whole.assign(**whole[["estimate", "conf_low", "conf_high"]].clip(*edges))
        down = own["stage"].map(stages.index) + (groups.index(group) - (len(groups) - 1) / 2) * 0.7 / len(groups)
        style = look | {"linestyle": "none", "capsize": 2, "clip_on": False, "label": _label(group)}
        style["markevery"] = np.flatnonzero(whole["estimate"].between(*edges)).tolist()
        axes.errorbar(own["estimate"], down, xerr=_whiskers(own), **style)
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


def _per_cent(axis, *tops: float) -> None:
    top = np.nanmax([0.01, *tops])
    axis.set_major_formatter(PercentFormatter(1, symbol=" %", decimals=0 if top > 0.1 else 1))
    axis.axes.set(**{f"{axis.axis_name}lim": (0, min(1.02, top * 1.1))})


def _time(axes: Axes, periods: list[str]) -> None:
    """Mark the years: a period stands at its end."""
    ends = years(list(periods))
    shown = np.unique(np.floor(ends - 1e-9))
    shown = shown[:: -(-len(shown) // 6)]
    axes.set_xticks(shown + 1, [f"end of\n{year:.0f}" if year == shown[0] else f"{year:.0f}" for year in shown])
