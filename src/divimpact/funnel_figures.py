"""Figures on recruitment: who passes each stage, beside the reference group.

Each function takes one protected table and returns its Axes: a finding in the title, limits drawn, alt text as label.
"""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from divimpact import drawing, funnel_words, wording
from divimpact.disclosure import SafeTable
from divimpact.phrases import decimal


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
    """Draw each group's pass rate over that of the reference group, stage by stage, with limits and parity (Q5).

    Parameters
    ----------
    table
        ``impact_ratio`` rows of one dimension.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure="impact_ratio"), funnel_words.title_of_stages(table)
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
        wording.describe(rows, f"Ratios of pass rates. {title}", "{0.stage}, {0.group}"),
    )


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
    axes.annotate(decimal(ratio), (x, down), xytext=(away, 0), textcoords="offset points", **written)


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
