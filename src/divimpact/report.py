"""Run the notebooks on a city and leave a report, complete or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nbformat
from tqdm import tqdm

from divimpact import cells, counts, disclosure, record, runner
from divimpact.config import BREAKDOWNS, DataError, Problem, nearest
from divimpact.mask import KEPT
from divimpact.schema import City, read_city


@dataclass(frozen=True)
class Question:
    """A notebook, the tables of which it needs one, and what it answers."""

    notebook: str
    tables: tuple[str, ...]
    asks: str


QUESTIONS = (
    Question("trajectories", ("staff", "shares"), "how far the staff has come towards reflecting the people (Q1, Q4)"),
    Question("recruitment_funnel", ("applications",), "where recruitment loses whom (Q5)"),
    Question("uptake", ("uptake",), "who uses services and who hardly does (Q7)"),
)
TABLES_BESIDE = {
    "flows": "whether the goal is within reach with this turnover, and why the share changed (Q2, Q3)",
    "targets": "how much of the gap to the goal is closed (Q1)",
    "benchmark": "whether the staff reflects the population (Q4)",
}


@dataclass(frozen=True)
class Report:
    """A finished report: its first page, and a sentence for each question that the data left open."""

    page: Path
    open_questions: tuple[str, ...]


def review(data: str | Path, out: str | Path, parameters: Mapping[str, str] | None = None) -> Report:
    """Review a city: run each notebook that its tables allow, and leave a report in ``out``.

    Parameters
    ----------
    data
        The city's folder.
    out
        The folder of the report. An earlier report there is replaced at the end, or stays as it is.
    parameters
        Given to each notebook that has them, as texts: a period stays the text it is.

    Raises
    ------
    DataError
        If the data are bad or no notebook has a parameter; nothing is written.
    runner.NotebookError
        If a notebook fails; the earlier report is untouched.
    """
    data, out, parameters = Path(data), Path(out), dict(parameters or {})
    if out.exists() and not (out / "provenance.json").is_file() and (out.is_file() or any(out.iterdir())):
        raise DataError(
            [Problem(str(out), "", "holds something that is no report", remedy="Name another folder with --out.")]
        )
    with tqdm(total=1, desc="reading the city", leave=False, disable=None) as bar:
        city = read_city(data)
        bar.update()
    hiding = partial(tqdm, desc="what may be shown", leave=False, disable=None)
    runs, listed = _runs(city, parameters), cells.publishable(city)
    with _kept_mask(), _work_folder(out) as work:
        plan = _planned(city, listed, hiding)
        (work / "notebooks").mkdir()
        placed = {name: {"data": str(data), "out": str(work)} | given for name, given in runs.items()}
        executed = runner.run(placed, work / "notebooks")
        for path in executed.values():
            _tidy(path, work, out)
        from divimpact import site  # its libraries take seconds to import; the notebooks did not wait for them

        left_open = open_questions(city, parameters.get("dimension", ""))
        left_out = disclosure.masked(counts.left_out(city), plan)
        site.write(work, city, executed, plan, left_out, left_open)
        record.provenance(work, city, data, runs, left_out, listed.frame, plan)
        _hand_over(work, out)
    return Report(out / "index.html", tuple(left_open))


def open_questions(city: City, only: str = "") -> list[str]:
    """Return a sentence for each question that stays open: a table is missing, or ``only`` one dimension is asked."""
    needs = [(question.tables, question.asks) for question in QUESTIONS] + [
        ((name,), asks) for name, asks in TABLES_BESIDE.items()
    ]
    said = [f"Only the dimension {only} was asked about; of others this review says nothing."] if only else []
    for tables, asks in needs:
        brought = [name for name in tables if city.has(name)]
        if not brought:
            said.append(f"Without the table {' or '.join(tables)} it stays open {asks}.")
        elif only and not any(only in city.dimensions_of(name) for name in brought):
            said.append(f"The table {' or '.join(brought)} does not hold {only}, so it was not asked {asks}.")
    return said


def _runs(city: City, given: Mapping[str, str]) -> dict[str, dict]:
    """Return the notebooks that this city can run, each with its parameters."""
    parameters, only = runner.parameters([question.notebook for question in QUESTIONS], given), given.get("dimension")
    held = {
        question.notebook: {name for table in question.tables for name in city.dimensions_of(table)}
        for question in QUESTIONS
    }
    runs = {name: parameters[name] for name, dimensions in held.items() if (only in dimensions if only else dimensions)}
    if runs:
        return runs
    rule = f"has {only!r} in no table" if only else "holds no table that a notebook answers from"
    remedy = nearest(only or "", city.dimensions) or " ".join(open_questions(city))
    raise DataError([Problem(city.folder.name, "", rule, remedy=remedy)])


def _planned(city: City, listed: cells.Cells, progress: Callable) -> disclosure.Plan:
    """Fix what is hidden; where that cannot be done, say without which breakdowns it can."""
    try:
        return disclosure.plan(*listed, disclosure.Policy(**city.publication), progress=progress)
    except disclosure.DisclosureError as error:
        raise disclosure.DisclosureError(f"{error}\n{_enough(city)}") from None


def _enough(city: City) -> str:
    """Name the first breakdown without which the city can be published, or else all: each is tried."""
    already = city.publication["without"]
    more = [name for name in reversed(BREAKDOWNS) if name not in already and city.has(name.partition(" by ")[0])]
    if not more or not _can_be_published(coarsest := cells.leaving_out(city, [*already, *more])):
        return "To leave breakdowns out is not enough."
    coarser = (cells.leaving_out(city, [*already, name]) for name in more)
    found = next(filter(_can_be_published, coarser), coarsest).publication["without"]
    return f"It can be published with, under [publication], without = {json.dumps(found)}."


def _can_be_published(city: City) -> bool:
    try:
        disclosure.plan(*cells.publishable(city), disclosure.Policy(**city.publication))
    except disclosure.DisclosureError:
        return False
    return True


@contextmanager
def _kept_mask() -> Iterator[None]:
    """Let the notebooks have the mask of the review from a private folder: to make it anew for each takes its time."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[KEPT] = folder
        try:
            yield
        finally:
            del os.environ[KEPT]


@contextmanager
def _work_folder(out: Path) -> Iterator[Path]:
    """A private folder beside the report, on the same disk, gone at the end whatever happens."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))  # readable by its owner alone
    except OSError as error:
        rule = f"cannot be written ({error.filename}: {error.strerror})"
        raise DataError([Problem(str(out), "", rule, remedy="Name another folder with --out.")]) from None
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _tidy(path: Path, work: Path, out: Path) -> None:
    """Take from an executed notebook what is of this machine and this minute: paths, timings."""
    notebook = nbformat.reads(path.read_text(encoding="utf-8").replace(str(work), str(out)), as_version=4)
    for part in (notebook, *notebook.cells):
        for timed in ("papermill", "execution"):
            part.metadata.pop(timed, None)
    nbformat.write(notebook, path)


def _hand_over(work: Path, out: Path) -> None:
    """Put the finished report in the place of the earlier one."""
    work.chmod(0o755)
    earlier = work.with_name(f"{work.name}-earlier")
    if out.exists():
        out.rename(earlier)
    work.rename(out)
    shutil.rmtree(earlier, ignore_errors=True)
