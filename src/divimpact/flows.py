"""Stock and flow: who came, left, rose and newly declared between two snapshots of the staff (Q2, Q3).

The account of a place is kept like that of a population: after = before + who joined - who left, for each group. What
the flow table does not explain is the difference; it is never spread over the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import ibis
import numpy as np
import pandas as pd

from divimpact import counts, tally
from divimpact.counts import NOT_STATED
from divimpact.schema import City, Dimension, definitions, years

JOIN = ("hire", "promotion_in", "transfer_in", "redeclared_in")
LEAVE = ("exit", "promotion_out", "transfer_out", "redeclared_out")
ADDED = {"left": LEAVE, "joined": JOIN}
CITY = ("exit",), ("hire", "redeclared_in", "redeclared_out")
EVENTS = (*CITY[0], *CITY[1])
MOVES = ("promotion", "transfer")
ELSEWHERE, LEADERSHIP = "elsewhere", "leadership"


def account(city: City, dimension: str, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Count who was there before and after, who joined and who left, by group (Q2, Q3).

    ``event`` is "before", "after", one of `LEAVE` and `JOIN`, or "left" and "joined", which add these up; in the city
    as a whole nobody moves, so there are exit, hire and who newly declared. With "period" in ``by`` each step from
    snapshot to snapshot is counted, under the period of its end; else the steps of the last unbroken run under one
    definition together, under an interval such as 2021/2025. ``since`` is the snapshot before. A place is a "unit" or a
    "grade" in ``by``; "leadership" adds up the leadership grades, without moves among them.

    ``denominator`` is, of exit and left, the group's staff at the start of each step, added up over the steps: who
    could have left. Of other events it is the declared among these people, for the undeclared all of them. Who
    declares anew leaves one group and joins another; that is counted net.

    Raises
    ------
    ValueError
        If the tables cannot be counted by such a key.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> found = account(read_city("data/sample"), "gender")
    >>> found[found["group"] == "women"][["period", "event", "numerator", "denominator"]].head(4)
           period   event  numerator  denominator
    1   2021/2025  before     2437.0       4829.0
    4   2021/2025   after     2607.0       5042.0
    7   2021/2025    exit     1045.0      10059.0
    10  2021/2025    hire     1215.0       2232.0
    """
    books = books_of(city, dimension, by)
    leaving, joining = (("left", "exit"), ("joined", *JOIN, *LEAVE[1:])) if books.key else CITY
    return pd.concat([_stocks(books), left(books, leaving), joined(books, joining)], ignore_index=True)


def promotions(city: City, dimension: str) -> pd.DataFrame:
    """Count who was promoted from each ``grade`` to which, by group, over the steps that `account` adds up (Q2, Q4).

    Pairs of grades between which nobody was promoted have no rows. ``denominator`` is the group's staff in ``grade`` at
    the start of each step, added up.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> found = promotions(read_city("data/sample"), "gender")
    >>> found[found["group"] == "women"][["grade", "grade_to", "numerator"]]
        grade grade_to  numerator
    1   basic   middle      185.0
    4  middle    upper       92.0
    7   upper   senior       42.0
    """
    return promoted_between(books_of(city, dimension, ["grade"]))


def not_accounted(city: City, dimension: str) -> list[str]:
    """Return the periods of flows that no account uses: no snapshot lies before, or another definition held there."""
    books = books_of(city, dimension, ["period"])
    return sorted(set(books.moves["period"]) - set(books.steps["period"]))


@dataclass(frozen=True)
class Books:
    """What the account of one dimension is made from, at one kind of place."""

    known: Dimension
    key: str  # unit or grade; "" for the city as a whole
    leadership: tuple[str, ...]
    stock: pd.DataFrame  # count table of staff by period and place
    steps: pd.DataFrame  # period and since, and the label and interval that a step is counted under, from start to end
    moves: pd.DataFrame  # people by period, event and group, from a place to a place

    @cached_property
    def staffed(self) -> list[str]:
        return list(dict.fromkeys(self.stock[self.key])) if self.key else [""]

    @cached_property
    def places(self) -> list[str]:
        return list(dict.fromkeys([*self.staffed, *self.moves["place"], *self.moves["to"]]))

    @cached_property
    def labelled(self) -> pd.DataFrame:
        """The moves of the steps, under their labels."""
        return self.moves.merge(self.steps[["period", "label"]], on="period")

    @cached_property
    def entries(self) -> pd.DataFrame:
        """People who joined or left a place, by event and group, under the label of their step."""
        moves, found = self.labelled, [_in_and_out(self.labelled)]
        if self.leadership:
            leads = {
                name: np.where(moves[name].isin(self.leadership), LEADERSHIP, ELSEWHERE) for name in ("place", "to")
            }
            found.append(_in_and_out(moves.assign(**leads)).query("place == @LEADERSHIP"))
        found = pd.concat(found)
        added = [found[found["event"].isin(parts)].assign(event=name) for name, parts in ADDED.items()]
        return pd.concat([found, *added])

    @cached_property
    def at_risk(self) -> pd.Series:
        """Staff at the start of the steps of a label, by place and group: who could have left."""
        stock = self.stock.assign(place=self.stock[self.key] if self.key else "")
        found = stock.merge(self.steps[["since", "label"]], left_on="period", right_on="since")
        return found.groupby(["label", "place", "group"])["numerator"].sum()

    def keys(self, events: Sequence[str]) -> pd.DataFrame:
        """Return every combination of labels, places and events."""
        labels = self.steps[["label", "start", "interval"]].drop_duplicates()
        places = labels.merge(pd.DataFrame({"place": self.places}), how="cross")
        return places.merge(pd.DataFrame({"event": list(events)}), how="cross")

    def people(self, keys: pd.DataFrame, entries: pd.DataFrame) -> np.ndarray:
        """Add up entries, keys by members."""
        by = ["label", "place", *(["to"] if "to" in keys else []), "event"]
        held = entries.groupby([*by, "group"])["people"].sum()
        return tally.of_members(_spread(held, keys[by], self.known.recorded), self.known)

    def names(self, keys: pd.DataFrame, part: str = "", members: Sequence = ()) -> np.ndarray:
        """Name the counts of keys by members."""
        places = self._called(keys, interval="period").to_dict("records")
        return tally.named("flows", places, self.known, part, members)

    def within(self, run: "Books") -> "Books":
        """Return the same of the steps of a run alone."""
        return replace(self, steps=self.steps[self.steps["period"].isin(run.steps["period"])])

    def counted(self, events: Sequence[str]) -> dict[str, float]:
        """Return the people in events by the names of their counts, of each group on its own."""
        keys, own = self.keys(events), [member in self.known.recorded for member in self.known.members]
        names, people = self.names(keys)[:, own], self.people(keys, self.entries)[:, own]
        return dict(zip(names.ravel(), people.ravel(), strict=True))

    def shown(self, keys: pd.DataFrame) -> pd.DataFrame:
        """Return the key columns of a count table."""
        return self._called(keys, label="period", start="since")

    def _called(self, keys: pd.DataFrame, **time: str) -> pd.DataFrame:
        """Return keys in the words of count tables, as far as they are there: of time, the columns named."""
        held = time | {"place": self.key, "to": f"{self.key}_to", "event": "event"}
        return keys[[name for name in held if name in keys and held[name]]].rename(columns=held)


def books_of(city: City, dimension: str, by: Sequence[str]) -> Books:
    """Count the stocks and moves of one dimension by the keys in ``by``, as `account` has them."""
    known, keys = city.dimensions[dimension], [key for key in by if key != "period"]
    records = city.records("flows", dimension)
    if len(keys) > 1 or not set(keys) <= {"unit", "grade"} & set(records.columns):
        raise ValueError(f"flows cannot be counted by {', '.join(keys)}; only by unit or grade, if the table has it")
    key = "".join(keys)
    stock = counts.staff(city, dimension, by=["period", *keys])
    moves = _moves(records, dimension, key)
    steps = _steps(stock["period"], moves["period"], known, apart="period" in by)
    return Books(known, key, city.leadership if key == "grade" else (), stock, steps, moves)


def _moves(records: ibis.Table, dimension: str, key: str) -> pd.DataFrame:
    place = records[key].fill_null(NOT_STATED) if key else ibis.literal("")
    to = records[f"{key}_to"].fill_null(place) if key and f"{key}_to" in records.columns else place
    people = records["count"].sum() if "count" in records.columns else records.count()
    by = {"period": records.period, "place": place, "to": to, "event": records.event, "group": records[dimension]}
    return records.group_by(**by).agg(people=people.cast("float64")).order_by(*by).to_pandas()


def _steps(snapshots: pd.Series, flowing: pd.Series, known: Dimension, apart: bool) -> pd.DataFrame:
    """Return the steps between snapshots that flows are known of and that do not run across a change of definition."""
    ends = sorted(set(snapshots), key=lambda period: years([period])[0])
    held = set(flowing)
    pairs = [
        (since, period)
        for since, period in pairwise(ends)
        if period in held and np.ptp(definitions([since, period], known.breaks)) == 0
    ]
    if not apart:  # the last run of steps that follow on each other
        gaps = [place for place, (one, other) in enumerate(pairwise(pairs), 1) if one[1] != other[0]]
        pairs = pairs[max(gaps, default=0) :]
    steps = pd.DataFrame(pairs, columns=["since", "period"], dtype="str")
    start, end = (steps["since"], steps["period"]) if apart else (steps["since"].min(), steps["period"].max())
    steps = steps.assign(start=start, end=end).astype("str")  # of no steps at all, start and end are missing
    interval = steps["start"] + "/" + steps["end"]
    return steps.assign(interval=interval, label=steps["period"] if apart else interval)


def _in_and_out(moves: pd.DataFrame) -> pd.DataFrame:
    """Return who joined and who left each place; who stays in a place by a move does neither."""
    moved, stays = moves["event"].isin(MOVES), moves["place"] == moves["to"]
    out = moves.assign(event=moves["event"] + np.where(moved, "_out", ""))[~moved | ~stays]
    into = moves.assign(event=moves["event"] + "_in", place=moves["to"])[moved & ~stays]
    both, by = pd.concat([out, into], ignore_index=True), ["period", "label", "place", "group"]
    anew = both["event"].isin(["redeclared_in", "redeclared_out"])
    signed = both[anew].assign(people=both["people"].where(both["event"] == "redeclared_in", -both["people"]))
    net = signed.groupby(by)["people"].sum().reset_index()
    gained, lost = (
        net.assign(event=f"redeclared_{way}", people=(sign * net["people"]).clip(lower=0))
        for way, sign in (("in", 1), ("out", -1))
    )
    return pd.concat([both[~anew], gained, lost])


def _stocks(books: Books) -> pd.DataFrame:
    """Return who was there before and after."""
    labels = books.steps[["label", "start", "end"]].drop_duplicates()
    tables = []
    for event, at in {"before": "start", "after": "end"}.items():
        found = labels.merge(books.stock, left_on=at, right_on="period")
        found = found.assign(period=found["label"], since=found["start"], event=event)
        tables.append(found.drop(columns=["label", "start", "end"]))
    return pd.concat(tables)


def left(books: Books, events: Sequence[str]) -> pd.DataFrame:
    """Count who left by events, of those who could have."""
    keys = books.keys(events)
    return _of_risk(books, keys, books.people(keys, books.entries))


def promoted_between(books: Books) -> pd.DataFrame:
    """Count who was promoted from grade to grade, of those in the first; pairs without anybody are left out."""
    moves = books.labelled
    moves = moves[(moves["event"] == "promotion") & (moves["place"] != moves["to"])]
    keys = books.keys(["promotion"]).merge(pd.DataFrame({"to": books.places}), how="cross")
    keys = keys.merge(moves[["label", "place", "to"]].drop_duplicates())
    return _of_risk(books, keys, books.people(keys, moves))


def _of_risk(books: Books, keys: pd.DataFrame, people: np.ndarray) -> pd.DataFrame:
    at_risk = _spread(books.at_risk, keys[["label", "place"]], list(books.known.members))
    exposed = books.names(keys[["interval", "place"]], "at risk")
    cells = books.names(keys), exposed, books.names(keys, "others")
    return tally.member_rows(books.known, books.shown(keys), people, at_risk, cells)


def joined(books: Books, events: Sequence[str]) -> pd.DataFrame:
    """Count who is in events, of the declared in them."""
    keys = books.keys(events)
    people = books.people(keys, books.entries)
    return tally.head_rows(books.known, books.shown(keys), people, lambda *which: books.names(keys, *which))


def _spread(held: pd.Series, keys: pd.DataFrame, groups: Sequence[str]) -> np.ndarray:
    """Return values as an array of keys by groups, 0 where there is none."""
    every = keys.merge(pd.DataFrame({"group": list(groups)}), how="cross")
    return held.reindex(pd.MultiIndex.from_frame(every), fill_value=0).to_numpy(float).reshape(len(keys), len(groups))
