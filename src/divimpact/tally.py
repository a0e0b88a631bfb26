"""The rows of a count table, and the names of the counts that a row gives away: arrays in, a frame out."""

import json
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd

from divimpact.schema import Dimension

DECLARED, EVERYONE = ["declared"], ["everyone"]  # lists: no group can be called so


def cell(table: str, place: dict, dimension: str, member: str | list[str] | None, part: str) -> str:
    """Return the name of a count: its table, its keys, of whom (all are `DECLARED`, `EVERYONE`), and which part."""
    return json.dumps([table, place, dimension, member, part], ensure_ascii=False)


def named(table: str, places: Sequence[dict], known: Dimension, part: str = "", members: Sequence = ()) -> np.ndarray:
    """Name cells, places by members, by what they count: in JSON no two share a name, whatever characters are in it."""
    members = members or list(known.members)
    names = [[cell(table, place, known.name, member, part) for member in members] for place in places]
    return np.array(names, object).reshape(len(places), len(members))


def of_members(values: np.ndarray, known: Dimension) -> np.ndarray:
    """Return an array of keys by recorded groups as one of keys by members: combined groups are added up."""
    parts = [places_in(known.combine.get(member, [member]), known.recorded) for member in known.members]
    return np.stack([values[:, part].sum(axis=1) for part in parts], axis=1)


def member_rows(
    known: Dimension, keys: pd.DataFrame, numerator: np.ndarray, denominator: np.ndarray, cells: Iterable[np.ndarray]
) -> pd.DataFrame:
    """Return a count table from arrays of keys by members; ``cells`` are the names of what a row gives away."""
    members = known.members
    return (
        keys.loc[keys.index.repeat(len(members))]
        .reset_index(drop=True)
        .assign(
            dimension=known.name,
            group=[*members] * len(keys),
            role=[*members.values()] * len(keys),
            reference=known.reference,
            numerator=numerator.ravel(),
            denominator=denominator.ravel(),
            cells=list(zip(*(names.ravel() for names in cells), strict=True)),
        )
    )


def head_rows(known: Dimension, keys: pd.DataFrame, heads: np.ndarray, names: Callable) -> pd.DataFrame:
    """Return a count table in which groups are counted of the declared, and the undeclared of everyone."""
    roles = np.array(list(known.members.values()))
    undeclared = roles == "undeclared"
    declared = heads[:, roles == "group"].sum(axis=1, keepdims=True)
    everyone = declared + heads[:, undeclared].sum(axis=1, keepdims=True)
    own, others = names(), names("others")
    of_declared, of_everyone, of_undeclared = (names("", [who]) for who in (DECLARED, EVERYONE, known.undeclared))
    cells = own, np.where(undeclared, of_everyone, of_declared), np.where(undeclared, of_declared, others)
    table = member_rows(known, keys, heads, np.where(undeclared, everyone, declared), cells)
    beside = zip(of_everyone.ravel(), *([of_undeclared.ravel()] if undeclared.any() else []), strict=True)
    return table.assign(total=everyone.repeat(len(roles)), total_cells=[pair for pair in beside for _ in roles])


def places_in(names: Iterable[str], axis: Sequence[str]) -> list[int]:
    number = {name: place for place, name in enumerate(axis)}
    return [number[name] for name in names]
