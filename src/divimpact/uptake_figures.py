"""Figures on services: who uses them over time, districts beside the city, combinations of district and group.

Each function takes one protected table and returns its Axes: a finding in the title, limits drawn, alt text as label.
"""

import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from divimpact import drawing, uptake_words, wording
from divimpact.disclosure import SafeTable
from divimpact.drawing import COLOURS, GREY
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


def around_city(table: SafeTable, *, source: str = "") -> np.ndarray:
    """Draw the rate of each district beside limits around the city's, one panel a service, districts in order (Q7).

    Parameters
    ----------
    table
        ``uptake_around_city`` rows of one group at two levels.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure="uptake_around_city"), uptake_words.title_of_places(table)
    frame = rows.frame
    districts = drawing.order(frame["district"])
    levels = sorted(frame["confidence"].dropna().unique(), reverse=True)
    panels = _panels(frame, districts)
    for axes, own in panels.items():
        for level, width in zip(levels, (1, 4), strict=False):
            limits = own[own["confidence"] == level].dropna(subset="conf_low")
            down = limits["district"].map(districts.index)
            said = f"{100 * level:g} % limits around the city's rate"
            drawing.spans(axes, limits, down, color=GREY, linewidth=width, label=said)
        rates = own.drop_duplicates("district")
        down = rates["district"].map(districts.index)
        axes.plot(rates["estimate"], down, "o", color=COLOURS[0], markersize=3.5, label="rate of the district")
    line = f"Use by group “{frame['group'].iloc[0]}” in {frame['period'].iloc[0]}, in each district"
    drawn = rows.where(confidence=levels[-1:]) if levels else rows
    alt = wording.describe(drawn, title, "{0.service}, {0.district}")
    return drawing.finished(np.array([*panels]), title, line, table, source, alt)


def strata(table: SafeTable, *, source: str = "") -> np.ndarray:
    """Draw the rate of each combination of district and group, one panel a service, in their order (Q7).

    Parameters
    ----------
    table
        ``stratum_uptake`` and ``median_odds_ratio`` rows of one dimension.
    source
        Who and what, for the line at the foot.
    """
    rows, title = table.where(measure="stratum_uptake"), uptake_words.title_of_strata(table)
    frame = rows.frame
    districts, groups = drawing.order(frame["district"]), drawing.order(frame["group"])
    panels = _panels(frame, districts)
    for axes, own in panels.items():
        for place, (group, look) in enumerate(drawing.looks(groups, frame)):
            held = own[own["group"] == group]
            down = held["district"].map(districts.index) + (place - (len(groups) - 1) / 2) * 0.7 / len(groups)
            drawing.spans(axes, held, down, color=look["color"], linewidth=1)
            axes.plot(held["estimate"], down, linestyle="", markersize=2.5, label=drawing.label(group), **look)
    line = f"Use in {frame['period'].iloc[0]} by district and group, drawn towards what the two add up to, with limits"
    alt = wording.describe(rows, title, "{0.service}, {0.district}, {0.group}")
    return drawing.finished(np.array([*panels]), title, line, table, source, alt)


def _panels(frame: pd.DataFrame, districts: list[str]) -> dict[Axes, pd.DataFrame]:
    """Return a panel for each service, with districts from top to bottom, and the rows that belong there."""
    services = drawing.order(frame["service"])
    lines = -(-len(services) // 2)
    names = [textwrap.fill(service, 28) for service in services]
    height = (0.15 * len(districts) + 0.6 + 0.13 * max(name.count("\n") for name in names)) * lines
    panels = drawing.panels(height, nrows=lines, ncols=2, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(services) :]:
        axes.set_visible(False)
    for axes, name in zip(panels.flat, names, strict=False):
        axes.set_title(name)
    drawing.per_cent(panels[0, 0].xaxis, frame[["estimate", "conf_high"]].max().max())
    labels = [textwrap.shorten(district, 24, placeholder="…") for district in districts]
    panels[0, 0].set_yticks(range(len(districts)), labels)
    for axes in panels.flat:
        axes.tick_params(axis="y", labelsize=7.5)
    panels[0, 0].set_ylim(len(districts) - 0.4, -0.6)
    own = [frame[frame["service"] == service] for service in services]
    return dict(zip(panels.flat, own, strict=False))
