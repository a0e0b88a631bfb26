"""What a report was made from, and its release: which counts became public by it, kept beside the data for good."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from divimpact import __version__, cells, disclosure
from divimpact.config import DataError, Problem
from divimpact.disclosure import Plan
from divimpact.schema import RELEASES, City, read_city, rules

LIBRARIES = ("numpy", "pandas", "scipy", "ibis-framework", "duckdb", "highspy", "matplotlib", "papermill")
RECORD = "provenance.json"
DRAFT = '<p class="draft">Draft</p>'
RELEASED = '<p class="draft">Released {}</p>'
MARK = re.compile(b'<p class="draft">(Draft|Released .{10})</p>')


def provenance(
    work: Path,
    city: City,
    data: Path,
    runs: Mapping[str, dict],
    left_out: pd.DataFrame,
    listed: pd.DataFrame,
    plan: Plan,
) -> None:
    """Write what the report was made from: hashes of inputs and of its files, parameters, versions; no hidden count.

    Where anything is hidden, inputs have no hash: who knows all but a few small counts could try them out on it.
    """
    inputs = [path for path in sorted(city.folder.iterdir()) if path.suffix in (".toml", ".csv", ".parquet")]
    hides = bool(plan.hidden.any())
    record = {
        "divimpact": __version__,
        "python": sys.version.split()[0],
        "libraries": {name: version(name) for name in LIBRARIES},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "city": city.name,
        "data": data.as_posix(),
        "inputs": {path.name: None if hides else hashlib.sha256(path.read_bytes()).hexdigest() for path in inputs},
        "ignored": list(city.ignored),
        "left_out": json.loads(left_out.drop(columns="cells").to_json(orient="records")),
        "parameters": runs,
        "files": _files(work),
        "published": _fingerprint(shown(listed, plan), kept_back(listed, plan)),
        "released": None,
    }
    _write(work / RECORD, record)


def shown(listed: pd.DataFrame, plan: Plan) -> dict[str, int]:
    """Return the counts that a review shows, by the name of the cell."""
    known = listed[~listed["again"] & listed["count"].notna()]
    known = known[~plan.hidden[known["cell"]].to_numpy()]
    return dict(zip(known["cell"], known["count"].astype(int).tolist(), strict=True))


def release(report: Path, data: Path | None = None) -> str:
    """End the draft state of a report, and note in the data folder which counts are public from now on.

    The counts are noted first, then the pages say so, then the record of the report: where this was broken off, it is
    taken up when asked again. Later reviews of the same data are audited together with what was released, and refused
    where the two together would tell a hidden count. Of what is hidden nothing is noted; it is counted again then.

    Parameters
    ----------
    report
        The folder of a report.
    data
        The city's folder; by default the one that the report names.

    Raises
    ------
    DataError
        If the folder is no report, was released or changed, or its data or city.toml changed since the review.

    Returns
    -------
    str
        The date of the release: since when the counts are public.
    """
    for path in (*report.glob("*.html"), report / RECORD):
        _unfinished(path).unlink(missing_ok=True)
    record = _record(report)
    own, found = record["files"], _files(report, _as_draft)
    if changed := sorted(name for name in own | found if own.get(name) != found.get(name)):
        raise _refused(report, f"holds files that are not those of the review: {', '.join(changed)}", "Review again.")
    folder = Path(data or record["data"])
    city = read_city(folder)
    if record["published"] in [earlier.get("published") for earlier in city.releases[-1:]]:
        today = city.releases[-1]["date"]
    else:
        today = _note(report, folder, city, record["published"])
    for page in sorted(report.glob("*.html")):
        _replace(page, MARK.sub(RELEASED.format(today).encode(), page.read_bytes()).decode())
    _write(report / RECORD, record | {"released": today, "files": _files(report)})
    return today


def _note(report: Path, folder: Path, city: City, published: str) -> str:
    """Note in the data folder which counts become public with a report, and return the date."""
    listed = cells.publishable(city)
    plan = disclosure.plan(*listed, disclosure.Policy(**city.publication))
    counts, hidden = shown(listed.frame, plan), kept_back(listed.frame, plan)
    if _fingerprint(counts, hidden) != published:
        rule = f"is not what {folder} gives now: its data, city.toml or releases have changed since the review"
        raise _refused(report, rule, "Review again, then release.")
    today = datetime.now(UTC).date().isoformat()
    noted = {
        "date": today,
        "report": report.resolve().name,
        "published": published,
        "until": cells.last_periods(city),
        "rule": rules(city.config),
        "cells": counts,
        "hidden": hidden,
    }
    path = folder / RELEASES
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    _replace(path, before + json.dumps(noted, ensure_ascii=False) + "\n")
    return today


def kept_back(listed: pd.DataFrame, plan: Plan) -> list[str]:
    """Return the names of the counts that a review lists and hides, but for what it withholds whole."""
    own = listed["cell"][~listed["again"]]
    return own[plan.hidden[own].to_numpy() & ~own.isin(plan.withheld).to_numpy()].tolist()


def _record(report: Path) -> dict:
    try:
        record = json.loads((report / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise _refused(report, "is no report", "Name the folder that `divimpact review` left.") from None
    if not re.fullmatch(r"\w{64}", record.get("published") or ""):
        raise _refused(report, "was made by another version of the kit", "Review again, then release.")
    if record["released"]:
        raise _refused(report, f"was released on {record['released']}", "There is nothing to do.")
    return record


def _refused(report: Path, rule: str, remedy: str) -> DataError:
    return DataError([Problem(str(report), "", rule, remedy=remedy)])


def _fingerprint(published: Mapping[str, int], hidden: Iterable[str]) -> str:
    noted = json.dumps([sorted(published.items()), sorted(hidden)], ensure_ascii=False)
    return hashlib.sha256(noted.encode()).hexdigest()


def _files(report: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> dict[str, str]:
    """Return the hashes of a report's files, but for the record itself."""
    files = [path for path in sorted(report.rglob("*")) if path.is_file() and path.name != RECORD]
    return {path.relative_to(report).as_posix(): hashlib.sha256(read(path)).hexdigest() for path in files}


def _as_draft(path: Path) -> bytes:
    """Read a file as the review left it, whether it says by now that it is released or not."""
    return MARK.sub(DRAFT.encode(), path.read_bytes())


def _write(path: Path, record: Mapping) -> None:
    _replace(path, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = _unfinished(path)
    with unfinished.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def _unfinished(path: Path) -> Path:
    return path.with_name(f".{path.name}-unfinished")
