"""The door: a city's folder is read, renamed, mapped and checked; bad data are refused whole."""

import json
import operator
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from itertools import chain, pairwise
from pathlib import Path

import ibis
import numpy as np
import pandas as pd

from divimpact import snapshots, sources
from divimpact.config import Config, DataError, Dimension, Problem, gathered, in_toml, nearest, read_config
from divimpact.sources import Source
from divimpact.tables import BESIDE, NUMBERS, TABLES, check, slips

RELEASES = "releases.jsonl"  # what was published from a city's folder, in that folder
NEVER_AGAIN = (
    "If period is when people were hired: who left again is not in such a table, so it tells nothing of earlier years; "
    "bring a row for each person at the end of each period. If persons have new names in each period: take the column "
    "away."
)
NOTED = ("date", "report", "until", "rule", "cells", "hidden")  # in each line of it
LOOSER = (  # keys of city.toml, when they tell what a release hid, and what to do
    (r"publication\.(min_count|declared)", operator.lt, "Keep it, or raise it: what was hidden then would be told."),
    (r"dimensions\.\w+\.sensitive", operator.ne, "Keep it: what was hidden then would be told."),
    (
        r"staff\.leadership|applications\.stages|dimensions\.\w+\.combine\..+",
        operator.ne,
        "Keep it, or give it another name: what is called the same must be the same, set beside the release.",
    ),
)
ALWAYS = ("publication.min_count", "publication.declared", "publication.without")  # in the rule of each
PERIOD = r"^(?P<year>\d{4})(?:-Q(?P<quarter>[1-4])|-(?P<month>\d\d)(?:-(?P<day>\d\d))?)?$"
__all__ = ["BESIDE", "City", "DataError", "Dimension", "Problem", "definitions", "read_city", "years"]


@dataclass(frozen=True, repr=False)
class City:
    """A city's tables, renamed, mapped and checked, and how it groups people.

    ``tables`` maps a table's name ("staff", or "applications.ethnicity" where a city has one-way counts) to an
    ibis table that still lives where the data are; ``releases`` are the counts that were published before, ``derived``
    the tables of flows that the city did not bring and that come from comparing snapshots of ``staff`` by ``person``.
    """

    config: Config
    folder: Path
    tables: dict[str, ibis.Table]
    ignored: tuple[str, ...] = ()
    releases: tuple[dict, ...] = ()
    derived: tuple[str, ...] = ()

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

    def parts(self, table: str) -> list[ibis.Table]:
        """Return what the city brought of ``table``: nothing, the table, or one for each one-way dimension."""
        return [part for name, part in self.tables.items() if name.partition(".")[0] == table]

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether the city brought ``table`` (in whole or one-way) and every part of it has ``column``."""
        parts = self.parts(table)
        return bool(parts) and all(column is None or column in part.columns for part in parts)

    def dimensions_of(self, table: str, only: str = "") -> tuple[str, ...]:
        """Return the dimensions that ``table`` can be counted by, in the order of city.toml, or ``only`` one of them.

        Raises
        ------
        DataError
            If the city brought the table without the dimension named.
        """
        held = set(chain.from_iterable(map(_held, self.parts(table))))
        found = tuple(name for name in self.dimensions if name in held)
        if not only or not self.has(table):
            return found
        if only not in found:
            remedy = nearest(only, found) or f"It has: {', '.join(found) or 'none'}."
            raise DataError([Problem(table, only, "is not a dimension of this table", remedy=remedy)])
        return (only,)

    def records(self, table: str, dimension: str) -> ibis.Table:
        """Return the ibis table that holds ``dimension`` of ``table``.

        Raises
        ------
        DataError
            If no such table was brought, or none with this dimension.
        """
        if not self.has(table):
            remedy = f"It has: {', '.join(self.tables)}."
            raise DataError([Problem(table, "", f"is no table of {self.name}", remedy=remedy)])
        self.dimensions_of(table, dimension)
        return next(part for part in self.parts(table) if dimension in part.columns)

    def frame(self, table: str) -> pd.DataFrame:
        """Return a small table that holds no persons (targets, benchmark, shares, measures), with all of its columns.

        An optional column that the city does not have is empty; so is a table that it did not bring.
        """
        if TABLES[table].by_dimension:
            raise ValueError(f"{table} may hold persons and is only counted, see counts")
        found = self.tables[table].to_pandas() if table in self.tables else pd.DataFrame()
        kinds = {column: float if column in NUMBERS else "str" for column in TABLES[table].columns}
        return found.reindex(columns=list(kinds)).astype(kinds)

    def __repr__(self) -> str:
        tables, dimensions = (", ".join(names) or "none" for names in (self.tables, self.dimensions))
        return f"City({self.name!r}, tables: {tables}; dimensions: {dimensions})"

    def _repr_html_(self) -> str:
        brought = {name: ", ".join(table.columns) for name, table in self.tables.items()}
        grouped = {known.title: ", ".join(known.members) for known in self.dimensions.values()}
        frames = [
            pd.DataFrame(rows.items(), columns=names)
            for rows, names in ((brought, ["table", "columns"]), (grouped, ["dimension", "groups"]))
        ]
        return f"<p><b>{escape(self.name)}</b></p>" + "".join(frame.to_html(index=False) for frame in frames)


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
    config, problems = read_config(folder)
    problems += slips(config)
    opened, ignored, hindrances = _open(folder, config)
    problems += hindrances
    tables: dict[str, ibis.Table] = {}
    places = cache(partial(_places, tables))
    for name in sorted(opened, key=_is_small):  # the records first: they say which units there are
        tables[name], found = check(name, opened[name], config, places)
        problems += found
    if not hindrances:
        problems += [*_astray(config, tables), *_never_again(tables)]
    with gathered(problems):
        releases = _releases(folder / RELEASES)
        problems += _loosened(rules(config), releases)
    if problems:
        raise DataError(dict.fromkeys(problems))
    brought, derived = {name: tables[name] for name in opened}, _flows(tables, config)
    return City(config, folder, brought | derived, ignored, releases, tuple(derived))


def _flows(tables: dict[str, ibis.Table], config: Config) -> dict[str, ibis.Table]:
    """Return the flows between snapshots of persons, where a city did not bring any and there are two to compare."""
    if "flows" in map(_base, tables):
        return {}
    of_persons = {name: held for name, held in tables.items() if _base(name) == "staff" and "person" in held.columns}
    staff = {name: table for name, table in of_persons.items() if table.period.nunique().execute() > 1}
    return {
        name.replace("staff", "flows", 1): snapshots.flows(table, list(config.dimensions))
        for name, table in staff.items()
    }


def rules(config: Config) -> dict[str, object]:
    """Return what of city.toml decides which counts are hidden, and who is in those of one name: a release notes it.

    Groups, grades and places need no note, since the names of the counts say them.
    """
    found = {f"publication.{key}": value for key, value in config.publication.items()}
    found |= {"staff.leadership": sorted(config.leadership), "applications.stages": [*config.stages]}
    for name, known in config.dimensions.items():
        found[f"dimensions.{name}.sensitive"] = known.sensitive
        found |= {f"dimensions.{name}.combine.{new}": sorted(parts) for new, parts in known.combine.items()}
    return found


def _loosened(rules: dict[str, object], releases: Sequence[dict]) -> Iterator[Problem]:
    """Find by which rules city.toml would tell what a release hid; a stricter rule than at a release may stand.

    What was not there at a release, or is not there now, is compared by the names of the counts.
    """
    for key, now in rules.items():
        for pattern, looser, remedy in LOOSER:
            found = [release for release in releases if re.fullmatch(pattern, key) and release["rule"].get(key)]
            found = [release for release in found if looser(now, release["rule"][key])]
            for release in found[-1:]:
                said, then = (json.dumps(value, ensure_ascii=False) for value in (now, release["rule"][key]))
                when = f"at the release {release['report']} of {release['date']}"
                yield in_toml(key, f"is {said}, and was {then} {when}", remedy)


def _releases(path: Path) -> tuple[dict, ...]:
    """Return what was released before: the counts that each release showed, by the name of the cell."""
    if not path.exists():
        return ()
    try:
        releases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        if all({*NOTED} <= {*release} and {*ALWAYS} <= {*release["rule"]} for release in releases):
            return tuple(releases)
        rule = "has a line that is no release"
    except ValueError as error:
        rule = f"cannot be read: {error}"
    remedy = "It holds what was published and is written by `divimpact release` alone: put the last good copy back."
    raise DataError([Problem(path.name, "", rule, remedy=remedy)])


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
    parts = texts.str.extract(PERIOD).astype(float)
    if parts["year"].isna().any():
        raise ValueError(f"{texts[parts['year'].isna()].iloc[0]!r} is not an ISO year, quarter, month or date")
    whole = (parts["quarter"] / 4).fillna(parts["month"] / 12).fillna(1.0)
    to_the_day = (parts["month"] - 1) / 12 + parts["day"] / 372
    return (parts["year"] + to_the_day.fillna(whole)).to_numpy()


def definitions(periods: pd.Series | list[str], breaks: Sequence[str]) -> np.ndarray:
    """Return how many of the ``breaks`` lie before each period's end: its number among a group's definitions.

    A break is the period from whose start another definition holds; a period belongs to the one that holds at its end.

    Examples
    --------
    >>> definitions(["2022", "2023-Q1", "2023-Q2", "2023"], ["2023-04"])
    array([0, 0, 1, 1])
    """
    texts = pd.Series(breaks, dtype="str")
    longs = texts.str.len().map({4: 1, 7: 1 / 12, 10: 1 / 372}).mask(texts.str.contains("Q"), 1 / 4)
    starts = np.sort(years(texts) - longs.to_numpy(float))
    return np.searchsorted(starts + 1e-6, years(periods))


def _base(name: str) -> str:
    return name.partition(".")[0]


def _is_small(name: str) -> bool:
    return not TABLES[_base(name)].by_dimension


def _open(folder: Path, config: Config) -> tuple[dict[str, Source], tuple[str, ...], list[Problem]]:
    """Open every table; return them, the files that are none, and what stands in the way."""
    opened: dict[str, Source] = {}
    ignored, problems, found = [], [], list(sources.files(folder))
    with gathered(problems):
        found += [table for table in sources.database(folder, config.url) if _base(table[0]) in TABLES]
    for name, place, open_table in found:
        if _base(name) not in TABLES and not nearest(_base(name), TABLES, 0.8):
            ignored.append(place)
        elif hindrance := _hindrance(name, config, opened):
            problems.append(Problem(place, "", hindrance[0], remedy=hindrance[1]))
        else:
            with gathered(problems):
                opened[name] = open_table()
    if not opened and not problems:
        remedy = f"Bring at least one of: {', '.join(TABLES)}."
        problems.append(Problem(folder.resolve().name, "", "holds no table", remedy=remedy))
    return opened, tuple(ignored), problems


def _hindrance(name: str, config: Config, opened: dict[str, Source]) -> tuple[str, str] | None:
    """Return why a table that looks like one of the kit's cannot be one, and the remedy."""
    base, _, dimension = name.partition(".")
    if base not in TABLES:
        return "is not a table of the kit", nearest(base, TABLES)
    if dimension and not TABLES[base].by_dimension:
        return "is not a table that is split by dimension", f"Call it {base}."
    if dimension and dimension not in config.dimensions:
        remedy = nearest(dimension, config.dimensions) or f"Add [dimensions.{dimension}]."
        return f"{dimension!r} is not a dimension of city.toml", remedy
    if name in opened:
        return f"is there twice, see {opened[name].file}", "Keep one of them."
    return None


def _values(column: ibis.Value) -> list[str]:
    return sorted(column.as_table().distinct().to_pandas().iloc[:, 0].dropna())


def _held(part: ibis.Table) -> Iterable[str]:
    """Return what may be a dimension of the table: its columns, or what stands in ``dimension``."""
    return _values(part.dimension) if "dimension" in part.columns else part.columns


def _places(tables: dict[str, ibis.Table], column: str) -> tuple[str, ...]:
    """Return the units, services or districts that the records hold."""
    records = [part for name, part in tables.items() if not _is_small(name) and column in part.columns]
    return tuple(dict.fromkeys(chain.from_iterable(_values(part[column]) for part in records)))


def _astray(config: Config, tables: dict[str, ibis.Table]) -> Iterator[Problem]:
    """Find dimensions that no table holds, which would vanish from the review, or that two tables hold at once."""
    held = set(chain.from_iterable(map(_held, tables.values())))
    for dimension in config.dimensions:
        if dimension not in held:
            remedy = "Name its column under [columns], or take the dimension out."
            yield in_toml(f"dimensions.{dimension}", "is a column of no table", remedy)
        parts = sorted(name for name, part in tables.items() if dimension in part.columns)
        for one, other in pairwise(parts):
            if _base(one) == _base(other):
                yield Problem(other, dimension, f"stands in {one} too", remedy="Keep one of them.")
    for period, dimension in _counted_twice(tables):
        rule = f"has {dimension} of {period}, which staff counts"
        yield Problem("shares", "period", rule, remedy="Shares are for what is not counted: take these rows away.")


def _never_again(tables: dict[str, ibis.Table]) -> Iterator[Problem]:
    """Find staff of several periods of whom nobody is in two: it holds survivors by their hire date, or no persons."""
    for name, staff in tables.items():
        if _base(name) != "staff" or not {"period", "person"} <= set(staff.columns):
            continue
        seen = staff.group_by("person").agg(periods=staff.period.nunique())
        periods, most = staff.period.nunique().execute(), seen.periods.max().execute()
        if periods > 1 and most == 1:
            yield Problem(name, "person", f"names nobody in two of {periods} periods", remedy=NEVER_AGAIN)


def _counted_twice(tables: dict[str, ibis.Table]) -> list[tuple[str, str]]:
    """Return the periods and dimensions that are in shares and counted in staff: the one would tell the other."""
    if not {"period", "dimension"} <= set(tables["shares"].columns if "shares" in tables else ()):
        return []
    staff = [part for name, part in tables.items() if _base(name) == "staff" and "period" in part.columns]
    counted = {(period, name) for part in staff for period in _values(part.period) for name in part.columns}
    printed = tables["shares"].select("period", "dimension").distinct().to_pandas()
    return sorted(counted & set(printed.itertuples(index=False, name=None)))
