"""Where tables come from: the files of a city's folder, and the database that city.toml points to.

A CSV file is read lazily by DuckDB, every column as text. DuckDB is told everything: left to guess, it takes a first
row that does not fit for a title, and a line that begins with # for a comment, and drops them. What it refuses (broken
rows, mixed line ends) and what it decodes wrongly (all but UTF-8) is read by Python into DuckDB's memory, once.
"""

import csv
import glob
import os
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from pathlib import Path

import ibis
import numpy as np

from divimpact.config import DataError, Problem, gathered, in_toml

SPREADSHEETS = (".xlsx", ".xls", ".ods", ".tsv")
BLOCK = 1 << 20  # characters read at a time
CHUNK = 10_000  # records


@dataclass(frozen=True)
class Source:
    """A table as the city brought it: its columns in the order of ``header``, under whatever names the engine has."""

    file: str
    header: tuple[str, ...]
    records: ibis.Table
    lines: Callable[[], list[int]] = list  # the line at which each record starts; none in Parquet and databases
    problems: tuple[Problem, ...] = ()


def files(folder: Path) -> Iterator[tuple[str, str, Callable[[], Source]]]:
    """Yield each table's name, the file's, and a call that opens it; a spreadsheet only where no file has its name."""
    engine, read = ibis.duckdb.connect(), {".csv": _csv, ".parquet": _parquet}
    paths = [path for path in sorted(folder.iterdir()) if not path.name.startswith((".", "~"))]
    readable = {path.stem for path in paths if path.suffix.lower() in read}
    for path in paths:
        kind = path.suffix.lower()
        if kind in read or (kind in SPREADSHEETS and path.stem not in readable):
            yield path.stem, path.name, partial(_opened, read.get(kind, _spreadsheet), engine, path)


def database(folder: Path, url: str) -> Iterator[tuple[str, str, Callable[[], Source]]]:
    """Yield each table of the database in the same way; nothing without an address.

    A DuckDB file is opened to be read only, as notebooks run side by side; its path counts from the folder.

    Raises
    ------
    DataError
        If the database cannot be opened.
    """
    address, duckdb = os.path.expandvars(url), "duckdb://"
    try:
        if address.startswith(duckdb):  # ibis 12 cannot list the tables of DuckDB 2
            engine = ibis.duckdb.connect(folder / address.removeprefix(duckdb), read_only=True)
            names = [name for (name,) in engine.con.execute("show tables").fetchall()]
        else:
            engine = ibis.connect(address) if address else None
            names = sorted(engine.list_tables()) if engine else []
    except ImportError as error:
        package = re.search(r"ibis-framework\[\w+\]", str(error))
        remedy = f'Install it: pip install "{package[0] if package else "ibis-framework"}".'
        raise DataError([in_toml("source.url", "needs a driver that is not installed", remedy)]) from None
    except Exception as error:  # its message may hold the secret
        rule = f"cannot be opened ({type(error).__name__})"
        remedy = "Check the address, and that its secrets are set in the environment."
        raise DataError([in_toml("source.url", rule, remedy)]) from None
    for name in names:
        yield name, f"table {name}", partial(_table, engine, name)


def _table(engine: ibis.BaseBackend, name: str) -> Source:
    records = engine.table(name)
    return Source(f"table {name}", records.columns, records)


def _opened(read: Callable, engine: ibis.BaseBackend, path: Path) -> Source:
    try:
        return read(engine, path)
    except (DataError, RuntimeError):  # the latter is DuckDB's when it is interrupted
        raise
    except Exception as error:
        said = str(error).splitlines()[0].split("Error: ")[-1].rstrip(".:")
        raise _refused(path, f"cannot be read ({said})", "Export it again.") from None


def _refused(path: Path, rule: str, remedy: str) -> DataError:
    return DataError([Problem(path.name, "", rule, remedy=remedy)])


def _spreadsheet(engine: ibis.BaseBackend, path: Path) -> Source:
    raise _refused(path, "is neither CSV nor Parquet", "Save it as CSV (UTF-8).")


def _parquet(engine: ibis.BaseBackend, path: Path) -> Source:
    records = engine.read_parquet(glob.escape(str(path)), hive_partitioning=False)
    return Source(path.name, records.columns, records)


def _csv(engine: ibis.BaseBackend, path: Path) -> Source:
    text = _Text(path, encoding := _encoding(path), _delimiter(path, encoding))
    line, header = next(text.records(strict=False), (0, []))
    header = tuple(name.strip() for name in header)
    if not any(header):
        raise _refused(path, "is empty", "Export it again, or take the file away.")
    if len(header) == 1:
        raise _refused(path, "has only one column", "The first line names the columns: take away a title above it.")
    if encoding == "utf-8-sig":
        try:
            records = _lazily(engine, text, line, len(header))
            return Source(path.name, header, records, cache(text.lines))
        except RuntimeError:  # DuckDB's when it is interrupted
            raise
        except Exception:  # then Python reads it, or says what is wrong
            pass
    return _into_memory(engine, text, header)


@dataclass(frozen=True)
class _Text:
    """A CSV file and what it takes to read it."""

    path: Path
    encoding: str
    delimiter: str

    def records(self, strict: bool = True) -> Iterator[tuple[int, list[str]]]:
        """Yield each record, the header first, after the line at which it starts; a blank line is no record."""
        line = 1
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter, skipinitialspace=True, strict=strict)
            try:
                for record in reader:
                    if record not in ([], [""]):
                        yield line, record
                    line = reader.line_num + 1
            except csv.Error:
                rule = f"has a double quote in the record from line {line} on that does not enclose a whole field"
                raise _refused(self.path, rule, 'Close it; inside a text it is written twice: "".') from None

    def lines(self) -> list[int]:
        """Return the line at which each record starts, the header left out."""
        found: list[int] = []
        with suppress(DataError):
            found.extend(line for line, _ in self.records(strict=False))
        return found[1:]


def _lazily(engine: ibis.BaseBackend, text: _Text, line: int, width: int) -> ibis.Table:
    """Let DuckDB read the file whenever it is asked, and once now: it fails where a record does not fit."""
    records = engine.read_csv(
        glob.escape(str(text.path)),
        columns={str(i): "VARCHAR" for i in range(width)},
        auto_detect=False,
        header=True,
        skip=line - 1,
        sep=text.delimiter,
        quote='"',
        escape='"',
    )
    records.count().execute()
    return records


def _into_memory(engine: ibis.BaseBackend, text: _Text, header: tuple[str, ...]) -> Source:
    columns = [f"column{i}" for i in range(len(header))]
    name, lines, misfits, problems = ibis.util.gen_name("csv"), [], defaultdict(list), []
    engine.con.execute(f"create table {name} ({', '.join(f'{column} varchar' for column in columns)})")
    fitting = _fitting(text, len(header), lines, misfits, problems)
    while chunk := list(islice(fitting, CHUNK)):
        engine.con.register("chunk", dict(zip(columns, np.array(chunk, dtype=object).T, strict=True)))
        engine.con.execute(f"insert into {name} from chunk")
    if misfits:
        values = tuple((f"{n} field{'s' * (n != 1)}", len(found), found[0]) for n, found in sorted(misfits.items()))
        remedy = f"A text that holds the delimiter {text.delimiter!r} stands in double quotes."
        problems.append(Problem(text.path.name, "", f"instead of the {len(header)} of the header", values, remedy))
    return Source(text.path.name, header, engine.table(name), lambda: lines, tuple(problems))


def _fitting(
    text: _Text, width: int, lines: list[int], misfits: dict[int, list[int]], problems: list[Problem]
) -> Iterator[list[str]]:
    """Yield the records with as many fields as the header and note their lines; note apart what else there is."""
    with gathered(problems):
        for line, record in islice(text.records(), 1, None):
            if len(record) < width or any(record[width:]):
                misfits[len(record)].append(line)
            else:
                lines.append(line)
                yield record[:width]


def _encoding(path: Path) -> str:
    """Return UTF-16 if it is marked, UTF-8 if every byte is, else what Windows writes in western Europe, or Latin-1."""
    with path.open("rb") as file:
        marked = file.read(2) in (BOM_UTF16_BE, BOM_UTF16_LE)
    return next(name for name in ["utf-16"] * marked + ["utf-8-sig", "cp1252", "latin-1"] if _decodes(path, name))


def _decodes(path: Path, encoding: str) -> bool:
    with path.open(encoding=encoding) as file, suppress(UnicodeError):
        while file.read(BLOCK):
            pass
        return True
    return False


def _delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that stands most often in each of the first two lines, texts in quotes apart."""
    with path.open(encoding=encoding, newline=None) as file:
        head = re.sub('"[^"]*"', "", file.read(BLOCK))
    lines = [line for line in head.split("\n") if line.strip(" ")][:2] or [""]
    return max(";\t|,", key=lambda mark: (min(line.count(mark) for line in lines), lines[0].count(mark)))
