"""The report as it is read: a page per notebook, a first page, a workbook. No page loads anything from elsewhere."""

import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import gptables
import jinja2
import nbformat
import pandas as pd
from gptables.core.gptable import FormatList
from nbconvert import HTMLExporter

from divimpact import wording
from divimpact.disclosure import NAMES, Plan
from divimpact.phrases import percent
from divimpact.schema import City

PACKAGE = Path(__file__).parent
TEXTS = [*NAMES, "method", "rule", "verdict"]  # a group may be called None, NA or 007


@dataclass(frozen=True)
class Page:
    """An executed notebook: its file's name, its title, and the answer that the first page repeats."""

    name: str
    title: str
    headline: str


def write(
    work: Path, city: City, executed: dict[str, Path], plan: Plan, left_out: pd.DataFrame, open_questions: list[str]
) -> None:
    """Write the pages, ``index.html`` and ``tables.xlsx`` of a report into its folder."""
    notebooks = {name: nbformat.read(path, as_version=4) for name, path in executed.items()}
    pages = [_page(name, notebook) for name, notebook in notebooks.items()]
    exporter = HTMLExporter(template_name="page", extra_template_basedirs=[str(PACKAGE)], exclude_anchor_links=True)
    for page in pages:
        resources = {
            "title": f"{page.title} – {city.name}",
            "city": city.name,
            "pages": [(p.name, p.title) for p in pages],
            "here": page.name,
        }
        body, _ = exporter.from_notebook_node(notebooks[page.name], resources)
        (work / f"{page.name}.html").write_text(body, encoding="utf-8")
    tables = sorted((work / "tables").glob("*.csv"))
    _workbook(work / "tables.xlsx", city, tables)
    start = jinja2.Environment(loader=jinja2.FileSystemLoader(PACKAGE / "page"), autoescape=True).get_template(
        "start.html.j2"
    )
    html = start.render(
        city=city,
        pages=pages,
        open_questions=open_questions,
        policy=plan.policy,
        left_out=wording.left_out(left_out),
        hidden=_hidden(plan).to_html(index=False, border=0),
        tables=[path.name for path in tables],
    )
    (work / "index.html").write_text(html, encoding="utf-8")


def _hidden(plan: Plan) -> pd.DataFrame:
    """Say for each table how many of its counts are hidden, and what share that is."""
    tables = plan.by_table
    return tables.assign(share=[percent(share) for share in tables["hidden"] / tables["cells"]])


def _page(name: str, notebook: nbformat.NotebookNode) -> Page:
    title = notebook.cells[0].source.splitlines()[0].lstrip("# ")
    outputs = [
        output for cell in notebook.cells if "headline" in cell.metadata.get("tags", []) for output in cell.outputs
    ]
    return Page(
        name, title, "".join(output.data["text/html"] for output in outputs if "text/html" in output.get("data", {}))
    )


def _cell(value: object) -> object:
    """Give a name without a Latin letter or digit as formatted text: gptables takes it for a slip otherwise."""
    plain = not isinstance(value, str) or not value or re.search("[a-zA-Z0-9]", value)
    return value if plain else FormatList([{"bold": False}, value])


def _workbook(path: Path, city: City, tables: list[Path]) -> None:
    """Write the tables as a workbook, one sheet each, after the UK government's guidance on spreadsheets."""
    sheets, empty = {}, []
    for table in tables:
        missing = {column: [""] for column in pd.read_csv(table, nrows=0) if column not in TEXTS}
        frame = pd.read_csv(table, dtype=dict.fromkeys(TEXTS, "str"), keep_default_na=False, na_values=missing)
        if frame.empty:
            empty.append(f"The table {table.stem} has no rows, and so no sheet.")
            continue
        sheets[table.stem[:31]] = gptables.GPTable(
            frame.astype(object).fillna("").replace(math.inf, "infinite").map(_cell),
            table.stem,
            f"{city.name}: {table.stem.replace('_', ' ')}",
            instructions="One row per estimate. Empty: does not apply or undefined. Empty and suppressed: hidden.",
        )
    cover = gptables.Cover(
        title=f"{city.name}: tables of the review",
        intro=["Every ratio and difference is group against reference."],
        about=[city.config.note or city.name, *empty],
    )
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", module="gptables"
        )  # it warns of every empty cell; the instructions say what empty means
        gptables.write_workbook(
            str(path), sheets, cover=cover, workbook_options={"strings_to_formulas": False, "strings_to_urls": False}
        )
