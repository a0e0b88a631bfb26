"""Figures on recruitment: who passes each stage, beside the reference group, and where a gap opens.

Each function takes one protected table and returns its Axes: a finding in the title, limits drawn, alt text as label.
"""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from divimpact import doubt_words, drawing, funnel_words, wording
from divimpact.disclosure import SafeTable
from divimpact.phrases import decimal

INSIDE = {"impact_ratio_pooled": ", same vacancies"}  # measures that are drawn with open markers
WAYS = {"hired": "Hired", "ended otherwise": "Rejected, withdrawn or declined"}
APART = 1.2  # days between the marks of two groups at one day


def pass_rates(table: SafeTable, *, source: str = "") -> Axes:
    """Draw who passes each stage, by group, with limits (Q5).

    Parameters
    ----------
    table
        ``pass_rate`` and ``impact_ratio`` rows of one dimension.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure="pass_rate"), funnel_words.title_of_stages(table)
    frame = rows.frame
    axes = _by_stage(frame)
    drawing.per_cent(axes.xaxis, frame[["estimate", "conf_high"]].max().max())
    line = "Of 100 who reached the stage before, how many reach this one, with limits"
    return drawing.finished(axes, title, line, table, source, wording.describe(rows, title, "{0.stage}, {0.group}"))


def impact_ratios(table: SafeTable, *, source: str = "") -> Axes:
    """Draw each group's pass rate over that of the reference group, stage by stage, with limits and parity (Q5, Q6).

    Parameters
    ----------
    table
        ``impact_ratio`` rows of one dimension; beside them, if they are there, ``impact_ratio_pooled`` and
        ``crude_over_pooled`` ones.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure=["impact_ratio", *INSIDE]), funnel_words.title_of_ratios(table)
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
    line += "; open markers: within the same vacancies" * bool(frame["measure"].isin(INSIDE).any())
    named = rows.where(measure="impact_ratio"), rows.where(measure=list(INSIDE))
    alt = wording.describe(named[0], f"Ratios of pass rates. {title}", "{0.stage}, {0.group}")
    if len(named[1]):
        alt += " " + wording.describe(named[1], "Within the same vacancies", "{0.stage}, {0.group}")
    return drawing.finished(axes, title, line + _beyond(frame, edges), table, source, alt)


def contributions(table: SafeTable, *, source: str = "") -> Axes:
    """Draw at which stages the gap between one group and its reference opens and closes (Q5).

    Parameters
    ----------
    table
        ``rate_contribution`` rows of one group, stage by stage and overall.
    source
        Who and what, for the line at the foot.
    """
    frame = table.frame
    parts, whole = (frame[(frame["stage"] == "overall") == overall] for overall in (False, True))
    names = [*parts["stage"], *["in all"] * len(whole)]
    sizes = (one["estimate"].to_numpy(float) for one in (parts, whole))
    axes = drawing.one_after_the_other(names, *sizes, "of all who applied")
    title = funnel_words.title_of_contributions(table)
    line = "What each stage adds to the rate, first stage to last, beside the other group: blue adds, orange takes away"
    alt = wording.describe(table, title, "{0.stage}")
    return drawing.finished(axes, title, line, table, source, alt)


def outcomes(table: SafeTable, *, source: str = "") -> np.ndarray:
    """Draw how many applications of each group ended in a hire, and ended otherwise, by several days (Q5).

    Parameters
    ----------
    table
        ``outcome_on_the_way`` rows of one dimension. A day that is hidden has no mark, and the line runs past it.
    source
        Who and what, for the line at the foot.
    """
    title, frame = doubt_words.title_of_outcomes(table), table.frame
    frame = frame.join(frame["detail"].str.extract(r"^(?P<way>.+) within (?P<day>.+) days$").astype({"day": float}))
    days, order, frame = sorted(frame["day"].unique()), drawing.order(frame["group"]), frame[frame["estimate"].notna()]
    groups = [group for group in order if group in set(frame["group"])]
    panels = drawing.panels(3.6, nrows=2, sharex=True)
    for axes, (way, name) in zip(panels, WAYS.items(), strict=True):
        for place, (group, look) in enumerate(drawing.looks(groups, frame)):
            own = frame[(frame["group"] == group) & (frame["way"] == way)]
            across = own["day"] + (place - (len(groups) - 1) / 2) * APART
            limited = {"yerr": drawing.whiskers(own), "capsize": 2, "markersize": 4, "label": drawing.label(group)}
            axes.errorbar(across, own["estimate"], **limited, **look)
        axes.set_title(name, loc="left")
        drawing.per_cent(axes.yaxis, frame.loc[frame["way"] == way, ["estimate", "conf_high"]].max().max())
    panels[-1].set(xticks=days, xlabel="Days since the application")
    line = "Share of all applications, those in progress counted as long as they were watched, with limits"
    alt = wording.describe(table, title, "{0.group}, {0.detail}")
    return drawing.finished(panels, title, line, table, source, alt)


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
    written = {"size": 7.5, "ha": side, "va": "center", "bbox": drawing.OVER}
    axes.annotate(decimal(ratio), (x, down), xytext=(away, 0), textcoords="offset points", **written)


def _by_stage(frame: pd.DataFrame, edges: tuple[float, float] = (0, np.inf)) -> Axes:
    """Draw estimates with limits, the stages from top to bottom and within each the groups below each other."""
    stages, looks = drawing.order(frame["stage"]), dict(drawing.looks(drawing.order(frame["group"]), frame))
    series = [series for group in looks for series in frame[frame["group"] == group].groupby("measure", sort=False)]
    axes = drawing.panels(0.4 + len(stages) * (0.2 + 0.16 * len(series)))
    for number, (measure, whole) in enumerate(series):
        group = whole["group"].iloc[0]
        own = whole.assign(**whole[["estimate", "conf_low", "conf_high"]].clip(*edges))
        down = own["stage"].map(stages.index) + (number - (len(series) - 1) / 2) * 0.7 / len(series)
        look = looks[group] | ({"markerfacecolor": "white"} if measure in INSIDE else {})
        named = drawing.label(group + INSIDE.get(measure, ""))
        style = look | {"linestyle": "none", "capsize": 2, "clip_on": False, "label": named}
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
