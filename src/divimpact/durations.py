"""From applications to counts by day and outcome, those in progress included, reduced where the data live."""

import ibis
import numpy as np
import pandas as pd

from divimpact.counts import NOT_STATED
from divimpact.schema import City
from divimpact.tally import member_rows, named, of_members, places_in

OUTCOMES = ("hired", "declined", "withdrawn", "rejected", NOT_STATED, "in_progress")  # rows are in this order
OFFERED = "offered"  # the stage at which who withdraws declines an offer


def outcomes(city: City, dimension: str) -> pd.DataFrame:
    """Count what became of applications and after how many days, by group (Q5).

    ``numerator`` is the applications of the group that ended so on that day, ``denominator`` all of the group's, those
    in progress included: of these ``days`` run to the day of the export. ``outcome`` is one of `OUTCOMES`: who withdrew
    at stage "offered" declined an offer, and an outcome that is not stated is not taken for a rejection. ``days`` is
    missing where the records do not say it. Days and outcomes that do not occur have no rows; groups without
    applications on a day keep theirs.

    Vacancies that are still open are in these counts, unlike in those of `counts.applications`; a review does not list
    them, so that what rests on them is protected as resting on hidden ones.

    Raises
    ------
    ValueError
        If the applications have no days or no outcome.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> found = outcomes(read_city("data/sample"), "gender")
    >>> found[found["outcome"] == "hired"][["days", "group", "numerator", "denominator"]].head(2)
        days  group  numerator  denominator
    33   6.0    men        0.0      10404.0
    34   6.0  women        1.0       8990.0
    """
    records, known = city.records("applications", dimension), city.dimensions[dimension]
    if missing := [column for column in ("days", "outcome") if column not in records.columns]:
        raise ValueError(f"applications have no {' and no '.join(missing)}: what became of them by a day is not known")
    way = records.outcome.fill_null(NOT_STATED)
    way = ((way == "withdrawn") & (records.stage == OFFERED)).ifelse("declined", way)
    keyed = records.group_by(days=records.days.cast("float64"), outcome=way, group=records[dimension])
    counted = keyed.agg(people=_people(records)).to_pandas()
    keys = counted[["days", "outcome"]].drop_duplicates()
    keys = keys.sort_values(["days", "outcome"], key=_ordered, ignore_index=True)
    values = np.zeros((len(keys), len(known.recorded)))
    row = counted.merge(keys.reset_index(names="row"), on=["days", "outcome"], how="left")["row"]
    values[row, places_in(counted["group"], known.recorded)] = counted["people"]
    ended = of_members(values, known)
    everyone = np.broadcast_to(ended.sum(axis=0), ended.shape)
    places = [{"days": _said(days), "outcome": outcome} for days, outcome in keys.itertuples(index=False)]
    cells = named("applications", places, known), named("applications", [{"outcome": "any"}] * len(keys), known)
    return member_rows(known, keys, ended, everyone, cells)


def _people(records: ibis.Table) -> ibis.Value:
    people = records["count"].sum() if "count" in records.columns else records.count()
    return people.cast("float64")


def _ordered(column: pd.Series) -> pd.Series:
    return column.map(OUTCOMES.index) if column.name == "outcome" else column


def _said(days: float) -> float | str:
    return "" if np.isnan(days) else days
