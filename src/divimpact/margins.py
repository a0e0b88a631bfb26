"""The sums between the places of tables: over grades, districts and periods, and what is the same in two places."""

import json
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping, Set
from itertools import chain, pairwise, permutations
from math import isnan
from typing import NamedTuple

from divimpact.tally import EVERYONE, cell

OF_DIMENSION = ("left", "joined", "redeclared_out", "redeclared_in")  # not the same people in each dimension


class Sum(NamedTuple):
    """Cells that add up to another, after ``less`` of them are taken off; ``parted`` where all or nothing tells."""

    total: str
    parts: tuple[str, ...]
    parted: bool = False  # all or nothing of the parts says something of each of the people
    less: tuple[str, ...] = ()


def across(values: Mapping[str, float], leadership: tuple[str, ...]) -> Iterator[Sum]:
    """Yield the sums between places: over grades, districts and quarters, and what is the same in two places."""
    dimensions = {json.loads(name)[2] for name in values}
    families, alike, runs = defaultdict(lambda: defaultdict(dict)), defaultdict(list), defaultdict(dict)
    whole = defaultdict(lambda: defaultdict(tuple))  # how many are eligible in each group of a place
    for name in values:
        table, place, dimension, member, part = json.loads(name)
        if member == EVERYONE and place.get("event") not in OF_DIMENSION:
            alike[table, str(place), part].append(name)
            yield from _of_group(name, values, dimensions)
        if part == "base":
            alike[table, str(place), dimension].append(name)
        if table == "flows":  # says itself how its counts hang together, but for those of releases
            rest = str(place | {"period": ""}), dimension, str(member), part
            runs[rest][tuple(place["period"].split("/"))] = name
            continue
        keys = {key: str(value) for key, value in place.items()}
        form = (*keys, len(keys.get("period", "")))
        families[table, dimension, json.dumps(member), part][form][tuple(keys.items())] = name
        whole[dimension, part][tuple(keys.items())] += (values[name],)
    for held in runs.values():
        for (start, middle), (other, end) in permutations(held, 2):
            if middle == other and (start, end) in held:
                yield Sum(held[start, end], (held[start, middle], held[other, end]))
    for names in alike.values():
        known = [name for name in names if not isnan(values[name])]
        yield from (Sum(other, (one,)) for one, other in pairwise(known))
    for (_, dimension, _, part), forms in families.items():
        yield from _longer({place: name for cells in forms.values() for place, name in cells.items()}, values)
        for coarse, fine in permutations(forms, 2):
            yield from _finer(forms[coarse], forms[fine], coarse, fine, leadership)
        for form, cells in forms.items():
            if "grade" in form and leadership:
                yield from _leading(cells, leadership)
            if part == "eligible":
                yield from _unchanged(cells, values, whole[dimension, part])


def _of_group(name: str, values: Mapping[str, float], dimensions: Set[str]) -> Iterator[Sum]:
    """Yield everyone in a place that is a group of another dimension as that group."""
    table, place, _, _, part = json.loads(name)
    for key in dimensions & {*place}:
        rest = {other: at for other, at in place.items() if other != key}
        if (group := cell(table, rest, key, place[key], part)) in values:
            yield Sum(group, (name,))


def _finer(
    coarse_cells: dict, fine_cells: dict, coarse: tuple, fine: tuple, leadership: tuple[str, ...]
) -> Iterator[Sum]:
    """Yield the cells that finer ones add up to: over the keys that only these have, or over the periods of a year."""
    keys, other_keys = [key for key in coarse[:-1] if key != "until"], fine[:-1]
    if not set(keys) <= set(other_keys):
        return
    if coarse[-1] != fine[-1] and (coarse[-1] != len("2025") or {*keys} != {*other_keys}):
        return  # a table by more keys may have the last period of a year alone
    if "after" in coarse + fine:  # only a part of what the coarser counts, see `_longer`
        return
    parts = defaultdict(list)
    for place, name in fine_cells.items():
        at = dict(place)
        if "grade" in keys or at.get("grade") != "leadership" or not leadership:  # else it is a grade like others
            over = tuple((key, at[key][: coarse[-1]] if key == "period" else at[key]) for key in keys)
            parts[over].append((at.get("until"), at.get("period", ""), name))
    for place, name in coarse_cells.items():
        until = dict(place).get("until", "")
        found = parts[tuple((key, at) for key, at in place if key != "until")]
        held = [
            part for end, period, part in found if (period <= until if until and end is None else end in (None, until))
        ]
        if held:
            yield Sum(name, tuple(held))


def _leading(cells: Mapping[tuple, str], leadership: tuple[str, ...]) -> Iterator[Sum]:
    for place, name in cells.items():
        if ("grade", "leadership") in place:
            grades = [
                tuple(("grade", grade) if key == "grade" else (key, at) for key, at in place) for grade in leadership
            ]
            yield Sum(name, tuple(cells[grade] for grade in grades if grade in cells))


def _unchanged(cells: Mapping[tuple, str], values: Mapping[str, float], whole: Mapping[tuple, tuple]) -> Iterator[Sum]:
    """Yield the eligible who are as many as before: they may be the same inhabitants.

    Before is in the period or the service before, or in the last one where every group has as many (``whole``).
    """
    for over in ("period", "service"):
        series: dict[Hashable, list[tuple[str, str, tuple]]] = defaultdict(list)
        for place, name in cells.items():
            if over in dict(place):
                series[tuple(key for key in place if key[0] != over)].append((dict(place)[over], name, whole[place]))
        for found in series.values():
            alike = defaultdict(list)
            for one in sorted(found):
                alike[one[2]].append(one)
            for (_, one, _), (_, other, _) in chain(pairwise(sorted(found)), *map(pairwise, alike.values())):
                if values[one] == values[other] > 0:
                    yield Sum(other, (one,))


def _longer(cells: Mapping[tuple, str], values: Mapping[str, float]) -> Iterator[Sum]:
    """Yield what is counted up to a period as what is up to an earlier one and what is in between.

    Where nothing is in between, no table counts it: then the two are the same.
    """
    windows, series = {}, defaultdict(list)
    for place, name in cells.items():
        rest = tuple((key, at) for key, at in place if key not in ("after", "until"))
        after, until = (dict(place).get(end, "") for end in ("after", "until"))
        windows[rest, after, until] = name
        series[rest].extend([until] if until and not after else [])
    for (rest, after, until), between in windows.items():
        earlier, whole = windows.get((rest, "", after)), windows.get((rest, "", until))
        if after and earlier and whole:
            yield Sum(whole, (earlier, between))
    for rest, ends in series.items():
        for after, until in pairwise(sorted(ends)):
            earlier, whole = windows[rest, "", after], windows[rest, "", until]
            if (rest, after, until) not in windows and values[earlier] == values[whole]:
                yield Sum(whole, (earlier,))
