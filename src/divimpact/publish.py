"""What a notebook hands over: protected tables and figures, written where the review collects them."""

import html
import io
import re
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from divimpact import __version__, wording
from divimpact.counts import left_out
from divimpact.disclosure import Plan, SafeTable, masked
from divimpact.phrases import WIDE, Text
from divimpact.schema import City

DIGITS = "%.12g"  # of a number in a table: what comes after is the machine's


def find(data: str) -> Path:
    """Return the folder ``data``, seen from here or, for a notebook opened in its own folder, from the folder above."""
    here, above = Path(data), Path("..") / data
    return above if above.is_dir() and not here.is_dir() else here


def table(safe: SafeTable, name: str, out: str = "") -> Text:
    """Write a protected table to ``out/tables/name.csv`` where ``out`` is given, and say how much of it is hidden.

    Raises
    ------
    TypeError
        For anything but a SafeTable.
    """
    if not isinstance(safe, SafeTable):
        raise TypeError(f"{name}: a {type(safe).__name__} is not protected; publish what disclosure.protect returns")
    if out:
        path = Path(out, "tables", f"{name}.csv")
        path.parent.mkdir(parents=True, exist_ok=True)
        written = {"index": False, "float_format": DIGITS, "lineterminator": "\n", "encoding": "utf-8"}
        _inert(safe.frame).to_csv(path, **written)
    hidden = int(safe.frame["suppressed"].sum())
    if not len(safe):
        return Text(f"Table {name} has no rows.")
    return Text(f"Table {name}: {len(safe):,} rows, " + (f"{hidden:,} of them hidden." if hidden else "none hidden."))


def _inert(frame: pd.DataFrame) -> pd.DataFrame:
    """Put an apostrophe before names that a spreadsheet would take for a formula."""
    texts = frame.select_dtypes(["str", "object"])
    return frame.assign(
        **{column: text.str.replace(r"^(?=[=+\-@\t\r])", "'", regex=True) for column, text in texts.items()}
    )


class Figure:
    """A drawn figure as it stands in a page: SVG with its alt text; on a narrow screen it is moved, by keys too."""

    def __init__(self, svg: str, alt: str):
        self.svg, self.alt = svg, alt

    def _repr_html_(self) -> str:
        return f'{WIDE}<figure tabindex="0">{self.svg}</figure>'


def figure(axes: Axes | np.ndarray, name: str, out: str = "") -> Figure:
    """Return a figure as SVG with its alt text (the figure's label), and write it to ``out/figures/name.svg``."""
    drawn = np.ravel(axes)[0].figure
    alt = drawn.get_label()
    if not alt:
        raise ValueError(f"{name}: the figure has no alt text; draw it with divimpact.figures")
    buffer = io.StringIO()
    with plt.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sign that this font lacks, the reader's may have; no path comes on the page
        drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    plt.close(drawn)
    svg = buffer.getvalue()
    label = f'<svg role="img" aria-label="{html.escape(alt)}" '
    svg = re.sub(r" *\n *", "\n", svg[svg.index("<svg") :].replace("<svg ", label, 1))  # with blanks it is larger
    if out:
        path = Path(out, "figures", f"{name}.svg")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('<?xml version="1.0" encoding="utf-8"?>\n' + svg, encoding="utf-8")
    return Figure(svg, alt)


def provenance(city: City, plan: Plan) -> Text:
    """Say with what and from what this was made, what is hidden and what was left out."""
    hidden, cells = int(plan.hidden.sum()), len(plan.hidden)
    source = city.config.note or city.folder.name
    said = [
        f"Made with divimpact {__version__} from {city.name}: {source}.",
        f"Of {cells:,} publishable counts {hidden:,} are hidden; the smallest shown is {plan.policy.min_count}.",
    ]
    return Text("\n".join([*said, *wording.left_out(masked(left_out(city), plan))]))
