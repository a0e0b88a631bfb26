"""From records to complete tables of counts, reduced where the data live.

A count table has a row for each combination of its keys and each group: the groups of the dimension in stated order,
a combined group above its first part, then the undeclared. Zeros are kept, and so is who has no unit, grade or other
key (as "not stated"). ``cells`` names the counts that a row gives away: its numerator, its denominator and what is
between them; `divimpact.cells` lists them all, so that one mask can be made for the whole review.

However many tables, groups, periods or units are counted, the engine is asked once. It answers with two numbers for
each combination that occurs: people, and for uptake the eligible among whom they are.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations, product
from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd

from divimpact import steps
from divimpact.schema import BESIDE, City, Dimension
from divimpact.spans import RECORDED, last_period, last_year, parts
from divimpact.tally import EVERYONE, cell, head_rows, member_rows, named, of_members, places_in

KEYS = ("period", "unit", "vacancy", "channel", "service", "district", "grade")  # rows are in this order of keys
NOT_STATED = "not stated"


def staff(city: City, dimension: str, *, by: Sequence[str] = ("period",)) -> pd.DataFrame:
    """Count who works for the city at the end of each period, by group (Q1, Q4).

    ``numerator`` is the staff of the group, ``denominator`` the declared staff and ``total`` all staff; for the
    undeclared the denominator is all staff. Heads are counted: distinct persons where the records have ``person``
    (who has no pseudonym counts as often as recorded), else the sum of ``count``, else rows. With two contracts one
    is one head of the city, and one of each grade. With ``grade`` among the keys, "leadership" adds up the leadership
    grades. ``total_cells`` names what a bound over all staff gives away besides ``cells``.

    Raises
    ------
    ValueError
        If the table has no such key.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> found = staff(read_city("data/sample"), "disability")
    >>> found[["period", "group", "role", "numerator", "denominator", "total"]].tail(3)
       period       group        role  numerator  denominator   total
    12   2025        none       group     4600.0       4935.0  5210.0
    13   2025  disability       group      335.0       4935.0  5210.0
    14   2025  not stated  undeclared      275.0       5210.0  5210.0
    """
    return _tables([_ask(city, "staff", dimension, by)])[0]


def applications(city: City, dimension: str, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Count who reached each stage of recruitment, by group (Q5).

    ``stage`` is the stage reached: ``numerator`` reached it, ``denominator`` reached the one before. The rows
    ``stage = overall`` lead from the first stage to the last. Vacancies with an application in progress are left out
    whole (see `left_out`); where the vacancy is not known, only the applications in progress are.

    Raises
    ------
    ValueError
        If the table has no such key.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> found = applications(read_city("data/published/west_lancashire"), "ethnicity")
    >>> found[["stage", "group", "numerator", "denominator"]].head(3)
             stage    group  numerator  denominator
    0  shortlisted    White      389.0        920.0
    1  shortlisted      BME       10.0         43.0
    2  shortlisted  Unknown        4.0          7.0
    """
    return _tables([_ask(city, "applications", dimension, by)])[0]


def skipped(city: City, dimension: str) -> pd.DataFrame:
    """Count who went past a stage because the vacancy has none (Q5).

    ``past`` is that stage; ``numerator`` are the applications for vacancies without it that had reached the stage
    before, ``denominator`` all that had reached that; then, again, all that had reached the stage itself. They are not
    in the counts of `applications` at that stage, neither as passed nor as failed, and go on to the next.

    Raises
    ------
    ValueError
        If the records do not say which stages a vacancy is without.
    """
    asked = _ask(city, "applications", dimension, ())
    if "skipped" not in asked.records.columns:
        raise ValueError("applications have no skipped: which stages a vacancy is without is not known")
    return _tables([asked._replace(past=True)])[0]


def without_stage(city: City) -> pd.DataFrame:
    """Count the closed vacancies that are without a stage: columns ``stage, without, vacancies``."""
    found = []
    for _, records in parts(city, "applications"):
        if {"vacancy", "skipped"} <= {*records.columns}:
            seen = _closed(records).select("vacancy", "skipped").distinct().to_pandas()
            held = seen["skipped"].fillna("").str.split(BESIDE)
            each = {stage: seen["vacancy"][[stage in one for one in held]].nunique() for stage in city.stages}
            found += [(stage, number, seen["vacancy"].nunique()) for stage, number in each.items() if number]
    return pd.DataFrame(found, columns=["stage", "without", "vacancies"]).drop_duplicates("stage")


def uptake(city: City, dimension: str, *, by: Sequence[str] = ("period", "service")) -> pd.DataFrame:
    """Count users and eligible people by group (Q7).

    ``numerator`` is users, ``denominator`` eligible people. ``counted`` says what they are: within one record of the
    data users are distinct "people"; added up over periods they are "person-periods", over services or districts (and
    over periods too) "uses". Where not every record says how many of a group are eligible (often so for the
    undeclared), the denominator is missing.

    Raises
    ------
    ValueError
        If the table has no such key.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> found = uptake(last_year(read_city("data/sample")), "origin")
    >>> found[["period", "service", "group", "numerator", "denominator"]].head(3)
      period          service                 group  numerator  denominator
    0   2025  Adult education                  none    16041.0     231800.0
    1   2025  Adult education  migration background     7500.0     148200.0
    2   2025  Adult education   parents born abroad     3423.0      59284.0
    """
    asked = _ask(city, "uptake", dimension, by)
    return _tables([asked])[0].assign(counted=_counted(asked))


def left_out(city: City) -> pd.DataFrame:
    """Count what the analyses leave out, with the reason: columns ``table, records, left_out, reason, cells``.

    ``records`` are applications (the sum of ``count`` where there is one), ``left_out`` those of them not counted; the
    two give away ``cells``, how many were counted.
    """
    rows = []
    for name, records in parts(city, "applications"):
        closed = _closed(records)
        everyone = int(_people(records).fill_null(0).execute())
        counted, until = closed.aggregate(n=_people(closed).fill_null(0), until=_until(closed)).to_pandas().iloc[0]
        reason = "vacancy still open" if "vacancy" in records.columns else "application in progress"
        place = {"stage": city.stages[0]} | ({"until": until} if until else {})
        held = [dimension for dimension in city.dimensions if dimension in records.columns]
        cells = tuple(cell("applications", place, dimension, EVERYONE, "") for dimension in held)
        rows.append((name, everyone, everyone - int(counted), reason, cells))
    return pd.DataFrame(rows, columns=["table", "records", "left_out", "reason", "cells"])


def shares(city: City, dimension: str = "") -> pd.DataFrame:
    """Return the published percentages that a city brings instead of counts, with ``cells`` as in a count table.

    The cells are the group, its base and the others; without ``base`` their counts are not known.
    """
    found = city.frame("shares")
    found = found[found["dimension"].isin(city.dimensions_of("shares", dimension))]
    places = found[["period", "grade"]].astype(object).where(found[["period", "grade"]].notna(), "").to_dict("records")
    named = [
        tuple(cell("shares", place, row.dimension, row.group, part) for part in ("", "base", "others"))
        for place, row in zip(places, found.itertuples(), strict=True)
    ]
    return found.assign(cells=named)


def surveyed(city: City, dimension: str = "") -> pd.DataFrame:
    """Return who did not answer a survey of staff whose percentages a city brings, of all staff, as the undeclared.

    One row for each period, grade and dimension; where the groups have several bases the largest counts.
    """
    asked = shares(city, dimension).dropna(subset=["base", "staff"]).sort_values("base", kind="stable")
    asked = asked.drop_duplicates(["period", "grade", "dimension"], keep="last").sort_index()
    silent = {"group": "did not answer", "role": "undeclared", "numerator": asked["staff"] - asked["base"]}
    found = asked.assign(**silent, denominator=asked["staff"], cells=[(base,) for _, base, _ in asked["cells"]])
    return found[["period", "grade", "dimension", "group", "role", "numerator", "denominator", "cells"]]


def broken_down(city: City, table: str, key: str | None) -> bool:
    """Whether a review breaks a table down by a key: the records have it, and city.toml does not leave it out."""
    return city.has(table, key) and f"{table} by {key}" not in city.publication["without"]


def intersections(city: City) -> list[tuple[str, str]]:
    """Return the pairs of dimensions that a review crosses: one that is counted, and another one that is a key.

    Of two dimensions the sensitive one is counted, as all or nothing of a group is looked for in that one alone; two
    sensitive ones are not crossed. Dimensions in different tables of applications cannot be.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> intersections(read_city("data/sample"))
    [('origin', 'gender'), ('disability', 'gender')]
    """
    if "applications by intersection" in city.publication["without"]:
        return []
    by_need = sorted(city.dimensions_of("applications"), key=lambda name: not city.dimensions[name].sensitive)
    return [
        (one, other)
        for one, other in combinations(by_need, 2)
        if other in city.records("applications", one).columns and not city.dimensions[other].sensitive
    ]


def published(city: City, after: Mapping[str, str] | None = None) -> list[tuple[str, pd.DataFrame]]:
    """Return every count table that a review shows, each after its keys; all of them are counted at once.

    ``after`` says which periods a table was cut off at; the names of its cells then say so too.
    """
    asked = [each._replace(after=(after or {}).get(each.name, "")) for each in _views(city)]
    listed = [(_view(each), _listed(each, table)) for each, table in zip(asked, _tables(asked), strict=True)]
    return [(by, table) for by, table in listed if len(table)]


class _Asked(NamedTuple):
    """A count table to be: the records that it counts, by which keys."""

    city: City
    table: str
    known: Dimension
    records: ibis.Table
    by: list[str]
    name: str
    after: str = ""  # what is added up over periods has in its name from which one, and until which
    until: str = ""
    past: bool = False  # of applications: who went past a stage, not who passed it


def _ask(city: City, table: str, dimension: str, by: Sequence[str]) -> _Asked:
    records = _closed(city.records(table, dimension))
    others = [other for other in city.dimensions if other in records.columns and other != dimension]
    keys = [key for key in KEYS if key in records.columns] + (others if table == "applications" else [])
    if table == "staff" and "period" not in by:
        raise ValueError("staff is counted at the end of each period: name 'period' among the keys")
    if unknown := [key for key in by if key not in keys]:
        raise ValueError(f"{table} cannot be counted by {unknown[0]!r}; its keys are: {', '.join(keys)}")
    name = next(name for name, part in parts(city, table) if dimension in part.columns)
    return _Asked(city, table, city.dimensions[dimension], records, [key for key in keys if key in by], name)


def _views(city: City) -> Iterator[_Asked]:
    """Yield the count tables that a review shows."""
    year, last = last_year(city), last_period(city)
    for view, table, by in [
        (city, "staff", ("period",)),
        (city, "staff", ("period", "grade")),
        (city, "applications", ()),
        (city, "applications", ("channel",)),
        (city, "applications", ("unit",)),
        (city, "uptake", ("period", "service")),
        (year, "uptake", ("period", "service")),
        (last, "uptake", ("period", "service", "district")),
    ]:
        if all(broken_down(city, table, key) for key in (None, *by)):
            yield from (_ask(view, table, dimension, by) for dimension in city.dimensions_of(table))
    yield from (_ask(city, "applications", one, [other]) for one, other in intersections(city))
    for dimension in city.dimensions_of("applications"):
        if "skipped" in (found := _ask(city, "applications", dimension, ())).records.columns:
            yield found._replace(past=True)


def _view(asked: _Asked) -> str:
    return ", ".join("intersection" if key in asked.city.dimensions else key for key in asked.by)


def _listed(asked: _Asked, table: pd.DataFrame) -> pd.DataFrame:
    """Leave out what a review does not list: by any key it shows recruitment as a whole, not its stages."""
    whole = asked.table == "applications" and bool(asked.by)
    return table[table["stage"] == "overall"].reset_index(drop=True) if whole else table


def _tables(asked: list[_Asked]) -> list[pd.DataFrame]:
    """Count several tables in one query."""
    if not asked:
        return []
    keys = dict.fromkeys(key for each in asked for key in _counted_by(each))
    counted = ibis.union(*(_reduced(each, number, keys) for number, each in enumerate(asked))).to_pandas()
    forms = {"staff": _staff, "applications": _applications, "uptake": _uptake}
    rows = [counted[counted["table"] == number] for number in range(len(asked))]
    dated = [
        each._replace(until=max(found["until"].dropna(), default="")) for each, found in zip(asked, rows, strict=True)
    ]
    return [forms[each.table](each, *_complete(each, found)) for each, found in zip(dated, rows, strict=True)]


def _reduced(asked: _Asked, number: int, keys: Iterable[str]) -> ibis.Table:
    """Reduce records to a row for each combination of keys and group that occurs, under the number of the table."""
    records, by = asked.records, _counted_by(asked)
    keyed = records.group_by(**{key: records[key].fill_null(NOT_STATED) for key in by}, group=records[asked.known.name])
    counted = keyed.agg(people=_people(records).cast("float64"), eligible=_eligible(records), until=_until(records))
    keys = {key: counted[key] if key in by else ibis.literal("") for key in keys}
    return counted.select("group", "people", "eligible", "until", **keys, table=ibis.literal(number, "int64"))


def _counted_by(asked: _Asked) -> list[str]:
    """Return the keys by which the engine counts: with those asked for, the furthest stage."""
    if asked.table != "applications":
        return asked.by
    return [*asked.by, *(["skipped"] if "skipped" in asked.records.columns else []), "stage"]


def _people(records: ibis.Table) -> ibis.Value:
    """How many people records stand for: users, distinct persons, the sum of their counts, or their number."""
    if "users" in records.columns:
        return records.users.sum()
    if "person" not in records.columns:
        return _recorded(records)
    return records.person.nunique() + _recorded(records, where=records.person.isnull()).fill_null(0)


def _recorded(records: ibis.Table, where: ibis.Value | None = None) -> ibis.Value:
    return records["count"].sum(where=where) if "count" in records.columns else records.count(where=where)


def _eligible(records: ibis.Table) -> ibis.Value:
    """Add up the eligible; missing where those of one record are."""
    if "eligible" not in records.columns:
        return ibis.null("float64")
    return (records.eligible.count() == records.count()).ifelse(records.eligible.sum(), ibis.null("float64"))


def _until(records: ibis.Table) -> ibis.Value:
    """The last period of records; they have one wherever they come in by the door."""
    period = next((column for column in (RECORDED, "period") if column in records.columns), None)
    return records[period].max() if period else ibis.literal("")


def _counted(asked: _Asked) -> str:
    """Name what users are, by what they were added over: the same person may come again."""
    over = {RECORDED, "period", "service", "district"} & set(asked.records.columns) - set(asked.by)
    several = {key for key in over if asked.records[key].fill_null(NOT_STATED).nunique().execute() > 1}
    return "uses" if several & {"service", "district"} else "person-periods" if several else "people"


def _closed(records: ibis.Table) -> ibis.Table:
    """Leave out vacancies with an application in progress: who is still waiting has not been turned away."""
    if "outcome" not in records.columns:
        return records
    waiting = records.outcome.fill_null("") == "in_progress"
    if "vacancy" not in records.columns:
        return records.filter(~waiting)
    still_open = records.filter(waiting).select("vacancy").distinct()
    return records.filter(~waiting).anti_join(still_open, "vacancy")


def _complete(asked: _Asked, counted: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return every combination of the keys, and people and eligible as arrays of combinations by members."""
    known, axes = asked.known, {key: _levels(asked.city, key, counted[key]) for key in _counted_by(asked)}
    keys = pd.DataFrame(list(product(*axes.values())), columns=list(axes))
    axes["group"] = known.recorded
    values = np.zeros((*map(len, axes.values()), 2))
    values[tuple(places_in(counted[key], axis) for key, axis in axes.items())] = counted[["people", "eligible"]]
    values = values.reshape(len(keys), len(known.recorded), 2)
    return keys, *of_members(values, known).transpose(2, 0, 1)


def _levels(city: City, key: str, seen: pd.Series) -> list[str]:
    """Return the values of a key in stated order: as city.toml says, then by name, and "not stated" at the end."""
    stated = {"grade": city.grades, "stage": city.stages}.get(key, ())
    stated = city.dimensions[key].recorded if key in city.dimensions else stated
    return [*stated, *sorted(set(seen) - set(stated), key=_natural)]


def _natural(name: str) -> tuple:
    """Sort numbers in names as numbers: District 2 before District 10."""
    parts = re.split(r"(\d+)", name.casefold())
    parts[1::2] = map(int, parts[1::2])
    return name == NOT_STATED, parts, name


def _staff(asked: _Asked, keys: pd.DataFrame, heads: np.ndarray, _: np.ndarray) -> pd.DataFrame:
    if "grade" in keys and asked.city.leadership:
        keys, heads = _with_leadership(keys, heads, asked.city.leadership)
    return head_rows(asked.known, keys, heads, partial(_names, asked, keys))


def _with_leadership(keys: pd.DataFrame, heads: np.ndarray, leadership: tuple[str, ...]):
    """Add "leadership", the sum over the leadership grades, after the grades; grade is the last key."""
    grades = list(dict.fromkeys(keys["grade"]))
    places = keys.iloc[:: len(grades), :-1]
    by_grade = heads.reshape(len(places), len(grades), heads.shape[1])
    together = by_grade[:, [grade in leadership for grade in grades]].sum(axis=1, keepdims=True)
    keys = places.merge(pd.DataFrame({"grade": [*grades, "leadership"]}), how="cross")
    return keys, np.concatenate([by_grade, together], axis=1).reshape(len(keys), heads.shape[1])


def _applications(asked: _Asked, keys: pd.DataFrame, furthest: np.ndarray, _: np.ndarray) -> pd.DataFrame:
    """Return the rows of all steps, first to last; or of who went past one, with how many came in at the first."""
    stages = asked.city.stages
    column, form = ("past", steps.gone_past) if asked.past else ("stage", steps.steps)
    without = [*dict.fromkeys(keys["skipped"])] if "skipped" in keys else [NOT_STATED]
    by_stage = furthest.reshape(-1, len(without), len(stages), furthest.shape[1]).transpose(2, 1, 0, 3)
    keys = keys.drop(columns=["skipped", "stage"], errors="ignore").iloc[:: len(without) * len(stages)]
    keys, tables = keys.reset_index(drop=True), [pd.DataFrame()]
    there, past = steps.reached(stages, [one.split(BESIDE) for one in without], by_stage)
    for step, named_by, passed, of in form(there, past):
        cells = [_names(asked, keys.assign(stage=[stage] * len(keys))) for stage in named_by]
        table = member_rows(asked.known, keys.assign(**{column: step}), passed, of, cells)
        tables.append(table.assign(at=str(named_by[1]), came_in=there[stages[0]].ravel()) if asked.past else table)
    return pd.concat(tables, ignore_index=True)


def _uptake(asked: _Asked, keys: pd.DataFrame, users: np.ndarray, eligible: np.ndarray) -> pd.DataFrame:
    cells = [_names(asked, keys, part) for part in ("users", "eligible", "others")]
    return member_rows(asked.known, keys, users, eligible, cells)


def _names(asked: _Asked, keys: pd.DataFrame, part: str = "", members: Sequence = ()) -> np.ndarray:
    window = {key: period for key, period in (("after", asked.after), ("until", asked.until)) if period}
    places = keys.to_dict("records")
    places = [place | window if len(place.get("period", "")) < len(asked.until) else place for place in places]
    return named(asked.table, places, asked.known, part, members)
