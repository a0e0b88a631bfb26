"""The door: a city's folder is read, renamed, mapped and checked; bad data are refused whole."""

from dataclasses import dataclass, field
from pathlib import Path

import ibis
import numpy as np
import pandas as pd

from divimpact import sources
from divimpact.config import Config, DataError, Dimension, Problem, nearest, read_config
from divimpact.tables import TABLES, check

__all__ = ["City", "DataError", "Dimension", "Problem", "read_city", "years"]


@dataclass(frozen=True)
class City:
    """A city's tables, renamed, mapped and checked, and how it groups people.

    ``tables`` maps a table's name ("staff", or "applications.ethnicity" where a city has one-way counts) to an
    ibis table that still lives where the data are.
    """

    config: Config
    folder: Path
    tables: dict[str, ibis.Table] = field(repr=False)
    ignored: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def dimensions(self) -> dict[str, Dimension]:
        return self.config.dimensions

    @property
    def grades(self) -> tuple[str, ...]:
        return self.config.grades

    @property
    def leadership(self) -> tuple[str, ...]:
        return self.config.leadership

    @property
    def stages(self) -> tuple[str, ...]:
        return self.config.stages

    @property
    def publication(self) -> dict:
        return self.config.publication

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether the city brought ``table`` (in whole or one-way), in every part with ``column`` where one is named."""
        parts = [found for name, found in self.tables.items() if name.partition(".")[0] == table]
        return bool(parts) and all(column is None or column in part.columns for part in parts)

    def dimensions_of(self, table: str, only: str = "") -> tuple[str, ...]:
        """Return the dimensions that ``table`` can be counted by, in the order of city.toml, or ``only`` one of them.

        Raises
        ------
        DataError
            If the table does not have the dimension named.
        """
        if TABLES[table].by_dimension:
            held = {
                column
                for name, part in self.tables.items()
                if name.partition(".")[0] == table
                for column in part.columns
            }
        else:
            held = set(self.frame(table)["dimension"])
        found = tuple(name for name in self.dimensions if name in held)
        if not only:
            return found
        if self.has(table) and only not in found:
            raise DataError(
                [
                    Problem(
                        table,
                        only,
                        "is not a dimension of this table",
                        remedy=nearest(only, found) or f"It has: {', '.join(found) or 'none'}.",
                    )
                ]
            )
        return (only,) if only in found else ()

    def records(self, table: str, dimension: str) -> ibis.Table:
        """Return the ibis table that holds ``dimension`` of ``table``.

        Raises
        ------
        DataError
            If no such table was brought, or none with this dimension.
        """
        self.dimensions_of(table, dimension)
        return next(
            part for name, part in self.tables.items() if name.partition(".")[0] == table and dimension in part.columns
        )

    def frame(self, table: str) -> pd.DataFrame:
        """Return a small table that holds no persons (targets, benchmark, shares, measures); empty if not brought."""
        if TABLES[table].by_dimension:
            raise ValueError(f"{table} may hold persons and is only counted, see counts")
        return (
            self.tables[table].execute() if table in self.tables else pd.DataFrame(columns=list(TABLES[table].columns))
        )

    def _repr_html_(self) -> str:
        rows = pd.DataFrame(
            {"table": list(self.tables), "columns": [", ".join(t.columns) for t in self.tables.values()]}
        )
        return rows.to_html(index=False, escape=True)


def read_city(folder: str | Path) -> City:
    """Read a city's folder: ``city.toml`` and its tables, from CSV, Parquet or the database it points to.

    Columns are renamed and codes mapped as city.toml says; then every table is checked.

    Raises
    ------
    DataError
        With every problem of every table at once: file, column, rule, values with their number of rows and first
        line, remedy.

    Examples
    --------
    >>> city = read_city("data/published/west_lancashire")          # doctest: +SKIP
    >>> city.dimensions_of("applications")                          # doctest: +SKIP
    ('ethnicity', 'religion')
    """
    folder = Path(folder)
    config = read_config(folder)
    opened, ignored, problems = _open(folder, config)
    checked = {}
    for name, source in opened.items():
        checked[name], found = check(name, source, config)
        problems += found
    problems += _unused(config, checked)
    if problems:
        raise DataError(problems)
    return City(config, folder, checked, ignored)


def years(periods: pd.Series | list[str]) -> np.ndarray:
    """Return each period's end as a number of years: ``2024`` is 2025.0, ``2024-Q2`` and ``2024-06`` are 2024.5.

    Raises
    ------
    ValueError
        For a text that is no ISO year, quarter, month or date.

    Examples
    --------
    >>> years(["2024", "2024-Q2", "2024-06"])
    array([2025. , 2024.5, 2024.5])
    """
    texts = pd.Series(periods, dtype="str")
    parts = texts.str.extract(r"^(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?$").astype(
        float
    )
    if parts["year"].isna().any():
        raise ValueError(f"{texts[parts['year'].isna()].iloc[0]!r} is not an ISO year, quarter, month or date")
    whole = (parts["quarter"] / 4).fillna(parts["month"] / 12).fillna(1.0)
    to_the_day = (parts["month"] - 1) / 12 + parts["day"] / 372
    return (parts["year"] + to_the_day.fillna(whole)).to_numpy()


def _open(folder: Path, config: Config) -> tuple[dict[str, sources.Source], tuple[str, ...], list[Problem]]:
    """Open every table; return them, the files that are none, and what stands in the way."""
    opened, ignored, problems = {}, [], []
    for name, file, open_table in sources.tables(folder, config.url):
        base, _, dimension = name.partition(".")
        if base not in TABLES or (dimension and not TABLES[base].by_dimension):
            hint = nearest(base, TABLES)
            ignored += [] if hint else [file]
            problems += [Problem(file, "", "is not a table of the kit", remedy=hint)] if hint else []
        elif dimension and dimension not in config.dimensions:
            problems.append(
                Problem(
                    file,
                    "",
                    f"{dimension!r} is not a dimension of city.toml",
                    remedy=nearest(dimension, config.dimensions) or f"Add [dimensions.{dimension}].",
                )
            )
        elif name in opened:
            problems.append(Problem(file, "", f"is there twice, see {opened[name].file}", remedy="Keep one of them."))
        else:
            try:
                opened[name] = open_table()
            except DataError as error:
                problems += error.problems
    if not opened and not problems:
        problems.append(
            Problem(folder.name, "", "holds no table", remedy=f"Bring at least one of: {', '.join(TABLES)}.")
        )
    return opened, tuple(ignored), problems


def _unused(config: Config, tables: dict[str, ibis.Table]) -> list[Problem]:
    """A dimension that no table holds is a slip in city.toml: left alone, it would vanish from the review."""
    held = {column for table in tables.values() for column in table.columns}
    by_value = {"shares", "targets", "benchmark"} & set(tables)
    return (
        []
        if by_value or not tables
        else [
            Problem(
                "city.toml",
                f"dimensions.{name}",
                "is a column of no table",
                remedy="Name its column under [columns], or take the dimension out.",
            )
            for name in config.dimensions
            if name not in held
        ]
    )
