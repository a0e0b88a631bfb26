"""Figures on measures (Q8): how use changed from the start on, by group, with the gap below.

Each function takes one protected table and returns its Axes: a finding in the title, limits drawn, alt text as label.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from divimpact import drawing, effect_words, wording
from divimpact.disclosure import SafeTable
from divimpact.drawing import GREY

APART = 0.16  # periods between the marks of two groups at one time


def event_study(table: SafeTable, *, source: str = "") -> np.ndarray:
    """Draw how use of a service changed before and since a measure, by group, and below it the gap (Q8).

    Drawn are the times at which all districts with the measure are observed; every line with limits that hold all of
    its points at once.

    Parameters
    ----------
    table
        Rows of one measure and dimension: ``effect_at`` of groups and of gaps, ``effect_by_group`` for the title.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure="effect_at"), effect_words.title_of_event_study(table)
    frame = rows.frame[rows.frame["method"].str.endswith("_simultaneous") | rows.frame["suppressed"]]
    time = frame["detail"].str.extract(r"event time ([+-]\d+); (\d+) of (\d+)").astype(float)
    frame = frame.assign(time=time[0])[(time[1] == time[2]) & ~frame["suppressed"] & frame["group"].notna()]
    alone = frame["reference"].isna()
    panels = drawing.panels(3.6, nrows=2, sharex=True, height_ratios=(3, 2))
    _lines(panels[0], frame[alone], set(frame["reference"].dropna()))
    _lines(panels[1], frame[~alone], set())
    service = frame["service"].iloc[0] if len(frame) else "the service"
    panels[0].set_title(f"Use of {service}")
    panels[1].set(title=f"Gap in use of {service} to the reference group", xlabel="periods since the start")
    panels[1].xaxis.set_major_locator(MaxNLocator(integer=True))
    line = "Percentage points more or less than in the last period before the start, beside districts without it"
    held = {column: list(frame[column].unique()) for column in ("group", "detail", "method")}
    drawn = rows.where(**held)
    lines = {"reference": None}, {"reference": [*set(frame["reference"].dropna())]}
    told = zip((title, "The gap to the reference group"), lines, strict=True)
    alt = " ".join(wording.describe(drawn.where(**one), what, "{0.group}, {0.detail:.14}") for what, one in told)
    return drawing.finished(panels, title, line, table, source, alt)


def _lines(axes: Axes, frame: pd.DataFrame, reference: set[str]) -> None:
    """Draw a line for each group with its limits, broken at the period with which all are compared."""
    groups = drawing.order(frame["group"])
    for place, (group, look) in enumerate(drawing.looks(groups, pd.DataFrame({"reference": [*reference]}))):
        own = frame[frame["group"] == group].set_index("time")
        own = own.reindex(sorted({*own.index, -1})).reset_index()
        across = own["time"] + (place - (len(groups) - 1) / 2) * APART
        drawing.spans(axes, own, across, upright=True, color=look["color"], linewidth=1)
        axes.plot(across, own["estimate"], markersize=3, linewidth=1, label=drawing.label(group), **look)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.axvline(-0.5, color=GREY, linewidth=0.8, linestyle=":")
    axes.yaxis.set_major_formatter(FuncFormatter(_in_points))


def _in_points(value: float, _: int) -> str:
    return f"{100 * value:+.4g}".replace("-", "\N{MINUS SIGN}") if value else "0"
