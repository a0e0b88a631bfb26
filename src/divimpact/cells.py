"""Every count that a review may publish or give away, and the sums in which these counts stand.

What an attacker can subtract is said here, once: groups add up to the declared, these and the undeclared to everyone;
who passed and who was lost add up to who was there; grades, districts and quarters add up to the city and the year;
everyone is the same in each dimension. `disclosure.plan` makes the mask from it.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import ibis
import numpy as np
import pandas as pd

from divimpact import counts, ledger, tally
from divimpact.margins import Sum, across
from divimpact.schema import City, Dimension, rules
from divimpact.tally import DECLARED, EVERYONE

OWN, WHOLE, OTHERS = range(3)  # the cells of a count table's row: who is counted, of whom, the rest of these
COUNTED = ("staff", "flows", "applications", "uptake")
TURNS = {"": 1, "period": 2, "period, event": 2.5, "grade": 3, "grade, event": 3.5}  # of flows; halves are details
ALSO = {"district": 4, "channel": 5, "unit": 6, "intersection": 7}  # by the last key: withheld where they tell
FIXED = ("redeclared", "transfer")  # where nobody is, everyone may know: who declares anew is counted net
BETWEEN = "since a release"  # before those that a difference of releases would tell
BEFORE = "release"  # before the keys of cells that only earlier releases listed
UNSHOWN = "not shown"  # before those of cells that no release showed either
WITHHELD = "withheld"  # before those of tables that a release withheld
COLUMNS = (
    "cell", "table", "by", "dimension", "place", "group", "count", "declared", "everyone", "released", "release",
    "again", "promised", "unknown", "turn", "fixed", "unshown", "withheld", "view", "people",
)  # fmt: skip


class Cells(NamedTuple):
    """The cells that a review may publish, a row each, and the sums in which they stand."""

    frame: pd.DataFrame
    sums: tuple[Sum, ...]


def publishable(city: City) -> Cells:
    """List every count that a review of this city may publish or give away, margins and remainders included.

    Nothing else may be published: `disclosure.protect` refuses an estimate that rests on a cell not listed here.

    Columns of the frame: ``cell``, the name of a count in the count tables; ``table, by, dimension, place, group``,
    what it counts (``group`` is empty for all declared, and for everyone); ``count``, missing where it is not known;
    ``declared, everyone``, how many in that table and period declared the dimension, missing where that is not asked;
    ``released``, what earlier releases said of it, and ``release``, the last that did; ``again``, whether it is counted
    only because a release listed it; ``unknown``, whether a release counts a group or a place that is not counted now,
    so that nobody can say how it overlaps with those that are; ``promised``, whether a release listed it, so that it
    stays protected where it was hidden; ``turn``, when it is protected (stocks first, flows and their details, then
    uptake by district, applications by channel and the like); ``fixed``, whether a zero of it is known to everyone;
    ``unshown``, whether it is known to exist but in no table, so that nothing is promised of it; ``withheld``, whether
    it is of a table that a release withheld whole; ``view``, the keys of that table alone; ``people``, how many people
    it is at least: of person-periods, those of the largest period.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> found = publishable(read_city("data/published/berkeley_1973"))
    >>> found.frame[["place", "group", "count"]].head(2)
                place  group   count
    0  admitted, 1973    men  1198.0
    1  admitted, 1973  women   557.0
    """
    flowing = [*ledger.published(city), *_flows_before(city)]
    rows, sums = [], [Sum(total, parts, less=less) for *_, found in flowing for total, parts, less in found]
    moved = [(by, counted) for by, tables, _ in flowing for counted in tables]
    for by, counted in [*counts.published(city), *_before(city), *moved]:
        found = _of_counts(counted, city.dimensions[counted["dimension"].iloc[0]], city)
        rows += [(name, by, *row) for name, row in found[0].items()]
        sums += found[1]
    for by, counted, found in _unshown_flows(city):
        rows += [(name, f"{UNSHOWN}, {by}", None, count, np.nan, np.nan) for name, count in counted.items()]
        sums += [Sum(total, parts, less=less) for total, parts, less in found]
    for place in _of_shares(city):
        rows += [(name, "period", *row) for name, row in place[0].items()]
        sums += place[1]
    frame = _described(city, pd.DataFrame(rows, columns=["cell", "by", "group", "count", "declared", "everyone"]))
    sums += across(dict(zip(frame["cell"], frame["count"], strict=True)), city.leadership)
    sensitive = {name for name, known in city.dimensions.items() if known.sensitive}
    sums = [one._replace(parted=one.parted and json.loads(one.total)[2] in sensitive) for one in dict.fromkeys(sums)]
    return Cells(frame, tuple(sums))


def last_periods(city: City) -> dict[str, str]:
    """Return the last period of each table that is counted: what a release notes, to count the same again."""
    counted = {name: part for name, part in city.tables.items() if name.partition(".")[0] in COUNTED}
    return {name: part.period.max().execute() for name, part in counted.items()}


def leaving_out(city: City, breakdowns: Iterable[str]) -> City:
    """Return the city as it would be published without some breakdowns."""
    publication = city.publication | {"without": tuple(breakdowns)}
    return replace(city, config=replace(city.config, publication=publication))


def _unshown(city: City, table: str, place: dict, dimension: str, member: str | list[str], _: str) -> bool:
    """Whether it is who of the undeclared, so of everyone, joined or left a grade: these few would hide the others."""
    added = table == "flows" and place.get("event") in ("left", "joined")
    return added and member in (EVERYONE, city.dimensions[dimension].undeclared)


def _described(city: City, listed: pd.DataFrame) -> pd.DataFrame:
    """Add what releases said, and what each cell counts; a cell that is listed twice stays once, as it is shown."""
    (released, latest), names = _released(city), set(listed["cell"])
    listed = listed.assign(by=listed["by"].mask(_withheld(listed, latest), listed["by"].str.replace(BEFORE, WITHHELD)))
    lost = [(name, BEFORE, next(reversed(released[name]), np.nan)) for name in latest if name not in names]
    frame = pd.concat([listed, pd.DataFrame(lost, columns=["cell", "by", "count"])], ignore_index=True)
    frame = frame.astype(dict.fromkeys(["count", "declared", "everyone"], float))
    unsaid = [frame["by"].str.startswith(said) for said in (UNSHOWN, WITHHELD)]
    frame = frame.iloc[np.argsort(np.select(unsaid, [1, 2]), kind="stable")]
    again = frame.duplicated(["cell", "count", "declared", "everyone"])
    again |= frame["by"].str.startswith((BEFORE, BETWEEN, UNSHOWN, WITHHELD)) & frame.duplicated("cell")
    frame = frame[~again].reset_index(drop=True)
    named = [json.loads(name) for name in frame["cell"]]
    frame["table"], frame["dimension"] = ([name[part] for name in named] for part in (0, 2))
    frame["place"] = [", ".join(map(_place, place.values())) for _, place, *_ in named]
    views = frame["by"].str.replace(f"^({BEFORE}|{BETWEEN}|{UNSHOWN}|{WITHHELD})(, )?", "", regex=True)
    frame["view"], also = views, views.map(_last_key).map(ALSO).fillna(0)
    frame["turn"] = views.map(TURNS).where(frame["table"] == "flows", also)
    frame["fixed"] = [place.get("event", "").startswith(FIXED) for _, place, *_ in named]
    frame["withheld"] = frame["by"].str.startswith(WITHHELD)
    frame["unshown"] = frame["by"].str.startswith(UNSHOWN) | np.array(
        [_unshown(city, *name) for name in named], dtype=bool
    )
    frame["released"] = [tuple(released[name]) for name in frame["cell"]]
    frame["release"] = [latest.get(name, "") for name in frame["cell"]]
    frame["promised"] = frame["by"].str.startswith(BEFORE) | frame["cell"].isin(latest)
    frame["again"] = frame["by"].str.startswith((BEFORE, BETWEEN)) | frame["unshown"] | frame["withheld"]
    frame["unknown"] = _unknown({name for name, *_ in lost}, named, frame)
    frame["people"] = _people(named, frame["count"])
    return frame[[*COLUMNS]]


def _people(named: list[list], counted: pd.Series) -> list[float]:
    """Return how many people a count is at least: of uses in several periods of a year, those of the largest period."""
    found, periods = list(counted), defaultdict(list)
    for number, (table, place, *of) in enumerate(named):
        if table == "uptake":
            where = str((place["service"], place.get("district"), of))
            periods[where, place["period"][:4]].append((place, number))
    for held in periods.values():
        parts = {place["period"]: found[number] for place, number in held if len(place["period"]) > len("2025")}
        for place, number in held:
            start, end = place.get("after", ""), place.get("until", "")
            if len(place["period"]) == len("2025") and end:
                within = [count for period, count in parts.items() if start < period <= end]
                found[number] = max(within, default=found[number])
    return found


def _withheld(listed: pd.DataFrame, noted: Iterable[str]) -> pd.Series:
    """Whether a release withheld a table that is protected after others: flows, uptake by district and the like."""
    before, flow = listed["by"].str.startswith(BEFORE), listed["cell"].str.startswith('["flows"')
    return before & (flow | listed["by"].str.contains(", ")) & ~listed["cell"].isin([*noted])


def _of_counts(counted: pd.DataFrame, known: Dimension, city: City) -> tuple[dict[str, tuple], list[Sum]]:
    """Return the cells of one count table, its totals over the groups too, and the sums within each of its places."""
    width, heads = len(known.members), "total" in counted  # of heads, every group is counted of the same whole
    tells = heads or "event" not in counted  # that nobody, or everybody, of a group left says of nobody what they are
    rows, gates = list(counted.itertuples(index=False)), _gates(counted, city)
    cells, sums = {}, []
    for start in range(0, len(rows), width):
        place, gate = rows[start : start + width], gates[start]
        for part in (OWN,) if heads else (OWN, WHOLE, OTHERS):
            cells |= _at_place(place, part, gate)
            sums += _over_groups(place, part, known)
        for row in place:
            undeclared = row.role == "undeclared"
            if heads and not undeclared:
                cells[row.cells[OTHERS]] = row.group, _value(row, OTHERS), *gate
                own = known.combine.get(row.group, [row.group])
                rest = [other.cells[OWN] for other in place if other.role == "group" and other.group not in own]
                sums.append(Sum(row.cells[OTHERS], tuple(rest)))
            sums.append(Sum(row.cells[WHOLE], (row.cells[OWN], row.cells[OTHERS]), tells and not undeclared))
        for total in () if heads else (DECLARED, EVERYONE):
            own, whole, others = (_total(place, part, total) for part in (OWN, WHOLE, OTHERS))
            sums.append(Sum(whole, (own, others)))
    return cells, sums + (_on_the_way(counted) if "stage" in counted else [])


def _at_place(place: list[tuple], part: int, gate: tuple) -> dict[str, tuple]:
    """Return the cells of one place: each member of the dimension, all declared, and everyone."""
    values = {role: [_value(row, part) for row in place if row.role == role] for role in ("group", "undeclared")}
    found = {row.cells[part]: (row.group, _value(row, part), *gate) for row in place}
    found[_total(place, part, DECLARED)] = None, sum(values["group"]), *gate
    found[_total(place, part, EVERYONE)] = None, sum(values["group"] + values["undeclared"]), np.nan, np.nan
    return found


def _over_groups(place: list[tuple], part: int, known: Dimension) -> Iterator[Sum]:
    own = {row.group: row.cells[part] for row in place}
    declared, undeclared = _total(place, part, DECLARED), [own[known.undeclared]] if known.undeclared else []
    yield Sum(declared, tuple(own[group] for group in known.groups), True)
    yield Sum(_total(place, part, EVERYONE), (declared, *undeclared))
    yield from (Sum(own[name], tuple(own[group] for group in parts)) for name, parts in known.combine.items())


def _on_the_way(counted: pd.DataFrame) -> list[Sum]:
    """Return who was lost from the first stage to the last as the sum over the steps: one person lost is the same."""
    lost = counted["cells"].str[OTHERS]
    keys = [counted[key] for key in (*counts.KEYS, "group") if key in counted]
    if (counted["stage"] == "overall").all():
        return []
    steps = lost[counted["stage"] != "overall"].groupby(keys).agg(tuple)
    overall = lost[counted["stage"] == "overall"].groupby(keys).first()
    return [Sum(total, parts) for total, parts in zip(overall, steps, strict=True) if total not in parts]


def _total(place: list[tuple], part: int, total: list[str]) -> str:
    table, keys, dimension, _, what = json.loads(place[0].cells[part])
    return tally.cell(table, keys, dimension, total, what)


def _value(row: tuple, part: int) -> float:
    return (row.numerator, row.denominator, row.denominator - row.numerator)[part]


def _gates(counted: pd.DataFrame, city: City) -> list[tuple[float, float]]:
    """Say of each row how many people of its period declared, of all there: staff, applicants, users, who joined.

    Of who left it is those of the place who could have; who declares anew is not asked. Of two dimensions that are
    crossed both must be declared.
    """
    once = counted["role"].isin(["group", "undeclared"])
    at_risk, alike = "event" in counted and "total" not in counted, ["period", "event", "past", "at"]
    if at_risk:
        alike = ["period", "grade", "grade_to", "event"]
    elif "grade" in counted and city.leadership:
        once &= counted["grade"] != "leadership"
    if "stage" in counted:
        once &= counted["stage"] == "overall"
    of = "came_in" if "came_in" in counted else "denominator" if "stage" in counted or at_risk else "numerator"
    people = counted[of].where(once, 0)
    declared = counted["role"] == "group"
    for key in counted.columns.intersection([*city.dimensions]):
        declared &= counted[key] != city.dimensions[key].undeclared
    of = pd.DataFrame({"declared": people.where(declared, 0), "everyone": people})
    keys = [counted[key] for key in alike if key in counted] or [pd.Series("", counted.index)]
    found = of.groupby(keys).transform("sum")
    anew = counted.get("event", pd.Series("", counted.index)).str.startswith("redeclared")
    return list(found.mask(anew).itertuples(index=False, name=None))


def _before(city: City) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the count tables of earlier releases anew, and those of what came between them.

    What a release hid is to stay hidden, so it is counted again, though it is shown nowhere now; what is added up over
    periods is what was released and what came since.
    """
    ends = [release["until"] for release in city.releases]
    for release, end in zip(city.releases, ends, strict=True):
        then = _within(leaving_out(city, release["rule"]["publication.without"]), end)
        yield from ((_named_after(BEFORE, by), counted) for by, counted in counts.published(then))
    for start, end in pairwise([*ends, {}] if ends else []):
        start = {name: period for name, period in start.items() if name.partition(".")[0] != "staff"}
        between = counts.published(_within(city, end, start), start)
        for by, counted in between:
            if "total" not in counted and counted[["numerator", "denominator"]].to_numpy().any():
                yield _named_after(BETWEEN, by) if _last_key(by) in ALSO else BEFORE, counted


def _last_key(by: str) -> str:
    return by.split(", ")[-1]


def _named_after(source: str, by: str) -> str:
    """Name what is only counted again, with its view where that is protected after others."""
    return f"{source}, {by}" if _last_key(by) in ALSO else source


def _flows_before(city: City) -> Iterator[tuple[str, list[pd.DataFrame], list[tuple]]]:
    """Yield the flows of earlier releases anew, each step to now, and the runs from one release to the next.

    A table of which a release notes no count was withheld by it, if it was not left out.
    """
    steps = {ledger.name(view) for view in ledger.VIEWS if "period" in view}
    now = {"until": {}, "rule": rules(city.config), "cells": (), "hidden": ()}
    for before, release in pairwise([{"until": {}}, *city.releases, now] if city.releases else []):
        then = leaving_out(city, {*release["rule"]["publication.without"]} - steps)
        noted = {*release["cells"], *release["hidden"]}
        since = {name: period for name, period in before["until"].items() if name.partition(".")[0] == "flows"}
        for view, tables, sums in ledger.published(_within(then, release["until"])):
            listed = any(name in noted for table in tables for name in table["cells"].str[OWN])
            left_out = ledger.left_out(view, release["rule"]["publication.without"])
            yield f"{BEFORE if listed else UNSHOWN if left_out else WITHHELD}, {view}".removesuffix(", "), tables, sums
        for view, tables, sums in ledger.published(_within(then, release["until"], since)) if since else ():
            yield f"{BETWEEN}, {view}".removesuffix(", "), tables, sums


def _unshown_flows(city: City) -> Iterator[tuple[str, dict[str, float], list[tuple]]]:
    """Yield the steps of flows that no review shows, those of earlier releases too."""
    for release in ({"until": {}}, *city.releases):
        yield from ledger.unshown(_within(city, release["until"]))


def _within(city: City, until: Mapping[str, str], after: Mapping[str, str] | None = None) -> City:
    """Return the city with the records of each table up to a period, and after another one; a table not named whole."""

    def part(name: str, records: ibis.Table) -> ibis.Table:
        records = records.filter(records.period <= until[name]) if name in until else records
        return records.filter(records.period > after[name]) if after and name in after else records

    return replace(city, tables={name: part(name, records) for name, records in city.tables.items()})


def _of_shares(city: City) -> Iterator[tuple[dict[str, tuple], list[Sum]]]:
    """Yield the cells and sums of published percentages, place by place; without a base their counts are not known.

    Of a survey those who answered have declared, of all staff.
    """
    listed = counts.shares(city).fillna({"grade": ""})
    for (_, _, dimension), rows in listed.groupby(["period", "grade", "dimension"]):
        cells, sums, known = {}, [], city.dimensions[dimension]
        own = dict(zip(rows["group"], rows["cells"].str[OWN], strict=True))
        for row in rows.itertuples():
            people, asked = np.round(row.share * row.base), (row.base, row.staff)
            gate = (np.nan, np.nan) if np.isnan(asked).any() else asked
            for name, value in zip(row.cells, (people, row.base, row.base - people), strict=True):
                cells[name] = row.group, value, *gate
            sums.append(Sum(row.cells[WHOLE], (row.cells[OWN], row.cells[OTHERS]), row.group != known.undeclared))
        if rows["base"].nunique(dropna=False) == 1:
            sums += _of_one_base(rows, own, known)
        yield cells, sums
    yield {}, list(_over_grades(listed, city.leadership))


def _of_one_base(rows: pd.DataFrame, own: Mapping[str, str], known: Dimension) -> Iterator[Sum]:
    """Yield what percentages of the same people add up to, as far as the groups of a sum have one."""
    first = rows["cells"].iloc[0]
    sums = [(first[WHOLE], known.groups)]
    for row in rows.itertuples():
        parts = known.combine.get(row.group, (row.group,))
        rest = tuple(group for group in known.groups if group not in parts)
        sums += [(row.cells[OTHERS], rest), *([(row.cells[OWN], parts)] if row.group in known.combine else [])]
    yield from (Sum(total, tuple(own[part] for part in parts)) for total, parts in sums if parts and {*parts} <= {*own})


def _over_grades(listed: pd.DataFrame, leadership: tuple[str, ...]) -> Iterator[Sum]:
    """Yield percentages of all grades, and of leadership, as sums over grades, where their bases add up."""
    for _, rows in listed.groupby(["period", "dimension", "group"]):
        by = rows.set_index("grade")
        grades = by.index.difference(["", "leadership"] if leadership else [""])
        for total, parts in (("", grades), ("leadership", by.index.intersection(leadership))):
            if len(parts) and total in by.index and total not in parts and by["base"][parts].sum() == by["base"][total]:
                for part in (OWN, WHOLE):
                    yield Sum(by["cells"][total][part], tuple(by["cells"][grade][part] for grade in parts))


def _released(city: City) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Return which values releases gave each cell, and the last release that listed it, shown or hidden."""
    said, latest = defaultdict(list), {}
    for release in city.releases:
        latest |= dict.fromkeys([*release["cells"], *release["hidden"]], f"{release['report']} of {release['date']}")
        for name, value in release["cells"].items():
            said[name] = [other for other in said[name] if other != value] + [value]
    return said, latest


def _place(value: str | list[str]) -> str:
    return value if isinstance(value, str) else " to ".join(value)


def _unknown(lost: set[str], named: list[list], frame: pd.DataFrame) -> list[bool]:
    """Say which released cells are not counted any more, in a table and year of which this review counts others."""
    years = [(table, place.get("period", "")[:4]) for table, place, *_ in named]
    counted = {year for year, name in zip(years, frame["cell"], strict=True) if name not in lost}
    return [name in lost and year in counted for year, name in zip(years, frame["cell"], strict=True)]
