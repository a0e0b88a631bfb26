"""Where tables come from: the files of a city's folder, or the database that city.toml points to.

A CSV file is opened lazily, every column as text; encoding and delimiter are told from the file.
"""

import csv
import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ibis

from divimpact.config import DataError, Problem


@dataclass(frozen=True)
class Source:
    """A table as the city brought it, and for a CSV file what it takes to find a line again."""

    file: str
    records: ibis.Table
    path: Path | None = None
    encoding: str = "utf-8-sig"
    delimiter: str = ","

    def lines(self, rows: Iterable[int]) -> dict[int, int]:
        """Return the line of the file at which each record starts to be read; nothing where there are no lines."""
        wanted = set(rows)
        if self.path is None or not wanted:
            return {}
        with self.path.open(encoding=self.encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self.delimiter)
            next(reader)
            records = (reader.line_num for record in reader if record)
            return {row: line for row, line in zip(range(max(wanted) + 1), records) if row in wanted}  # noqa: B905


def tables(folder: Path, url: str) -> Iterator[tuple[str, str, Callable[[], Source]]]:
    """Yield each table's name, where it stands, and a call that opens it."""
    return _database(url) if url else _files(folder)


def _files(folder: Path):
    engine = ibis.duckdb.connect()
    opens = {".csv": _csv, ".parquet": _parquet}
    for path in sorted(folder.iterdir()):
        if path.suffix in opens:
            yield path.stem, path.name, lambda path=path: opens[path.suffix](engine, path)


def _database(url: str):
    try:
        engine = ibis.connect(os.path.expandvars(url))
    except Exception as error:  # the message may hold the secret
        raise DataError(
            [
                Problem(
                    "city.toml",
                    "source.url",
                    f"cannot be opened ({type(error).__name__})",
                    remedy="Check the address, and that its secrets are set in the environment.",
                )
            ]
        ) from None
    for table in sorted(engine.list_tables()):
        yield table, table, lambda table=table: Source(table, engine.table(table))


def _parquet(engine, path: Path) -> Source:
    try:
        return Source(path.name, engine.read_parquet(path))
    except Exception as error:
        raise _unreadable(path, error, "Export it again.") from None


def _csv(engine, path: Path) -> Source:
    if not path.stat().st_size:
        raise DataError([Problem(path.name, "", "is empty", remedy="Export it again, or take the file away.")])
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        header = file.readline()
    delimiter = max(",;\t|", key=header.count)
    try:
        records = engine.read_csv(
            path,
            all_varchar=True,
            header=True,
            sep=delimiter,
            quote='"',
            escape='"',
            encoding=encoding.removesuffix("-sig"),
        )
        records.count().execute()
    except Exception as error:
        raise _unreadable(
            path,
            error,
            "Each line needs as many fields as the first; texts that hold the delimiter stand in double quotes.",
        ) from None
    return Source(path.name, records, path, encoding, delimiter)


def _unreadable(path: Path, error: Exception, remedy: str) -> DataError:
    said = str(error).splitlines()[0].split("Error: ")[-1].rstrip(".:")
    return DataError([Problem(path.name, "", f"cannot be read ({said})", remedy=remedy)])


def _encoding(path: Path) -> str:
    """Return utf-16 if marked, utf-8 if every byte is, else latin-1, in which no byte is wrong."""
    decoder = getincrementaldecoder("utf-8-sig")()
    with path.open("rb") as file:
        if file.read(2) in (BOM_UTF16_BE, BOM_UTF16_LE):
            return "utf-16"
        file.seek(0)
        try:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1"
    return "utf-8-sig"
