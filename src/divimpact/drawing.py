"""What all figures do: the one theme, a panel, the axes of shares and years, finding above and source below."""

import textwrap
from collections.abc import Iterator, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, PercentFormatter

from divimpact import wording
from divimpact.disclosure import SafeTable
from divimpact.phrases import points
from divimpact.schema import years

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")  # Okabe and Ito 2008
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#767676"
FONTS = ["DejaVu Sans", "Verdana", "Arial"]
OVER = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # behind what is written over a line
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


def panels(height: float, **panels: object) -> Axes | np.ndarray:
    return plt.subplots(figsize=(WIDTH, height), layout="constrained", **panels)[1]


def finished(
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
    foot = textwrap.fill(" ".join(filter(None, [f"Source: {source}." if source else "", wording.hidden(table)])), 90)
    columns = 2 if max(map(len, key), default=0) < 26 else 1
    rows = -(-len(key) // columns) + sum(label.count("\n") for label in key)
    heights = [0.2 * (title.count("\n") + 1), 0.17 * (line.count("\n") + 1), 0.19 * rows]
    above, below, panels = 0.2 + sum(heights), 0.1 + 0.13 * (foot.count("\n") + 1), figure.get_figheight()
    figure.set_figheight(above + panels + below)
    down = 1 - (0.06 + np.cumsum([0, *heights])) / figure.get_figheight()
    figure.get_layout_engine().set(rect=(0, below / figure.get_figheight(), 1, panels / figure.get_figheight()))
    figure.text(0.015, down[0], title, size=11, weight="bold", va="top")
    figure.text(0.015, down[1], line, size=9, va="top")
    corner = {"loc": "upper left", "bbox_to_anchor": (0.0, down[2]), "borderaxespad": 0.3}
    if key:
        figure.legend(key.values(), key, ncols=columns, **corner)
    figure.text(0.015, 0.04 / figure.get_figheight(), foot, size=7.5, color="#595959", va="bottom")
    figure.set_label(alt)
    return axes


def label(name: str) -> str:
    """Name an artist for the key: matplotlib leaves out what begins with an underscore."""
    return f" {name}" if name.startswith("_") else name


def order(column: pd.Series) -> list[str]:
    return list(dict.fromkeys(column))


def looks(groups: list[str], frame: pd.DataFrame) -> Iterator[tuple[str, dict]]:
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


def whiskers(rows: pd.DataFrame) -> np.ndarray:
    return np.abs(rows[["conf_low", "conf_high"]].to_numpy(float).T - rows["estimate"].to_numpy(float))


def one_after_the_other(names: Sequence[str], parts: np.ndarray, whole: np.ndarray, of: str) -> Axes:
    """Draw what a difference is made of: each part begins where the one before it ends, and the whole is below."""
    ends = parts.cumsum()
    left = np.concatenate([[0], ends[:-1], np.zeros(len(whole))]) if len(ends) else np.zeros(len(whole))
    width, down = np.concatenate([parts, whole]), np.arange(len(names))
    axes = panels(0.5 + 0.34 * len(names))
    colours = [COLOURS[0] if step >= 0 else COLOURS[1] for step in parts] + ["black"] * len(whole)
    axes.barh(down, width, left=left, color=colours, height=0.6)
    for place, (start, step) in enumerate(zip(left, width, strict=True)):
        if pd.notna(step):
            beside = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "size": 8, "bbox": OVER}
            axes.annotate(points(step), (max(start, start + step), place), **beside)
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set(yticks=down, yticklabels=[textwrap.fill(name, 22) for name in names], ylim=(len(names) - 0.5, -0.5))
    axes.use_sticky_edges = False
    axes.margins(x=0.22)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda step, _: f"{100 * step:+.2g}".replace("-", "−") if step else "0")
    axes.set_xlabel(f"Percentage points {of}")
    return axes


def spans(axes: Axes, rows: pd.DataFrame, place: pd.Series, *, upright: bool = False, **look: object) -> None:
    """Draw limits of rows at their places as one line with breaks: many small lines would make a large file."""
    along = np.column_stack([rows["conf_low"], rows["conf_high"], np.full(len(rows), np.nan)]).astype(float).ravel()
    at = np.repeat(np.asarray(place, dtype=float), 3)
    axes.plot(*((at, along) if upright else (along, at)), solid_capstyle="butt", **look)


def per_cent(axis, *tops: float) -> None:
    top = np.nanmax([0.01, *tops])
    axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10]))  # 2.5 % would be written as 2 %
    axis.set_major_formatter(PercentFormatter(1, symbol=" %", decimals=0 if top > 0.1 else 1))
    axis.axes.set(**{f"{axis.axis_name}lim": (0, min(1.02, top * 1.1))})


def time(axes: Axes, periods: list[str]) -> None:
    """Mark the years: a period stands at its end."""
    ends = years(list(periods))
    shown = np.unique(np.floor(ends - 1e-9))
    shown = shown[:: -(-len(shown) // 6)]
    axes.set_xticks(shown + 1, [f"end of\n{year:.0f}" if year == shown[0] else f"{year:.0f}" for year in shown])
