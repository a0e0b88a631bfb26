"""Figures on services: who uses them over time.

Each function takes one protected table and returns its Axes: a finding in the title, limits drawn, alt text as label.
"""

import textwrap

import numpy as np

from divimpact import drawing, uptake_words, wording
from divimpact.disclosure import SafeTable
from divimpact.schema import years


def rates(table: SafeTable, *, source: str = "") -> np.ndarray:
    """Draw who uses each service over time, by group, one panel a service, with limits (Q7).

    Parameters
    ----------
    table
        ``uptake`` and ``uptake_ratio`` rows of one dimension by period and service.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure="uptake"), uptake_words.title_of_rates(table)
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
        panels, title, line, table, source, wording.describe(ends, title, "{0.service}, {0.group}, {0.period}")
    )
