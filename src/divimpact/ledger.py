"""Which flows a review shows, and the sums in which their counts stand beside those of the staff."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import pandas as pd

from divimpact import counts, flows, tally
from divimpact.flows import ADDED, CITY, EVENTS, JOIN, LEADERSHIP, LEAVE, Books
from divimpact.schema import City
from divimpact.tally import DECLARED, EVERYONE

ACCOUNT = (
    "period", "since", "grade", "event", "dimension", "group", "role", "reference", "numerator", "denominator", "cells",
)  # fmt: skip
PROMOTED = (
    "period", "grade", "grade_to", "dimension", "group", "role", "reference", "numerator", "denominator", "cells",
)  # fmt: skip
ANEW = ("redeclared_in", "redeclared_out")
VIEWS = ("period", "period, event", "grade", "grade, event")  # beside the whole run of the city


def accounts(city: City, only: str = "", hidden: pd.Series | None = None) -> pd.DataFrame:
    """Return the accounts that a review shows, of each dimension or ``only`` one; empty where there are none.

    They are those of the city over the whole run and, if not left out, step by step and grade by grade. ``hidden`` says
    of each count whether a plan hides it: where that is so of who was hired or who left in the run of the city, the
    account has the rows "left" and "joined" there too, in which who newly declared is added to these.
    """
    views = {"": (), "period, event": ("period",), "grade": ("grade",)}
    shown = {"", *_views(city)}
    names = [name for name in _dimensions(city) if name == (only or name)]
    found = [flows.account(city, name, by=by) for name in names for view, by in views.items() if view in shown]
    if hidden is not None:
        found += [summed for run in found if "grade" not in run for summed in _summed(city, run, hidden)]
    joined = (pd.concat(found, ignore_index=True) if found else pd.DataFrame()).reindex(columns=[*ACCOUNT])
    joined = joined.astype(dict.fromkeys(ACCOUNT[:-3], "str") | {"numerator": float, "denominator": float})
    summed = joined["event"].isin(["before", "after", *ADDED])
    return joined[joined["grade"].isna() | summed | ("grade, event" in shown)].reset_index(drop=True)


def _summed(city: City, run: pd.DataFrame, hidden: pd.Series) -> Iterator[pd.DataFrame]:
    """Yield who left and who joined in a run of the city, where what they did is hidden."""
    asked = run.loc[run["event"].isin(["exit", "hire"]) & run["role"].eq("group"), "cells"].explode()
    if run["period"].str.contains("/").any() and hidden.reindex(asked, fill_value=False).any():
        books = flows.books_of(city, run["dimension"].iloc[0], [])
        yield from (flows.left(books, ["left"]), flows.joined(books, ["joined"]))


def promotions(city: City, only: str = "") -> pd.DataFrame:
    """Return the promotions between grades that a review shows, as `flows.promotions`; empty where it shows none."""
    names = [name for name in _dimensions(city) if name == (only or name)] if "grade, event" in _views(city) else []
    found = [flows.promotions(city, name) for name in names]
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=[*PROMOTED])


def not_accounted(city: City, only: str = "") -> dict[str, list[str]]:
    """Return the periods of flows that no account uses, by dimension, as `flows.not_accounted`."""
    return {name: flows.not_accounted(city, name) for name in _dimensions(city) if name == (only or name)}


def published(city: City) -> Iterator[tuple[str, list[pd.DataFrame], list[tuple]]]:
    """Yield what a review shows of flows: by which keys, its count tables, and the sums in which their counts stand.

    A sum is a total, what adds up to it, and what is taken off; it may name counts of the views before it.
    """
    views = _views(city)
    for dimension in _dimensions(city):
        run = flows.books_of(city, dimension, [])
        if not len(run.steps):
            continue
        tables = [flows.left(run, [*CITY[0], "left"]), flows.joined(run, [*CITY[1], "joined"])]
        yield "", tables, _sums(run, _of_city) + _sums(run, _of_added) + _in_pairs(run)
        if "period" in views:
            steps = flows.books_of(city, dimension, ["period"])
            yield "period", [flows.joined(steps, ["hire"])], _sums(steps, partial(_of_run, run, ["hire"]))
        if "period, event" in views:
            tables = [flows.left(steps, CITY[0]), flows.joined(steps, CITY[1][1:])]
            others = [event for event in EVENTS if event != "hire"]
            of_run = _sums(steps, partial(_of_run, run, others))
            yield "period, event", tables, _sums(steps, _of_city) + of_run + _in_pairs(steps)
        if "grade" in views:
            grades = flows.books_of(city, dimension, ["grade"])
            yield "grade", [flows.left(grades, ["left"]), flows.joined(grades, ["joined"])], _sums(grades, _of_grades)
        if "grade, event" in views:
            promoted = flows.promoted_between(grades)
            tables = [
                flows.left(grades, ["exit"]),
                flows.joined(grades, [*JOIN, *LEAVE[1:]]),
                *([promoted] if len(promoted) else []),
            ]
            yield "grade, event", tables, _sums(grades, partial(_of_events, promoted)) + _in_pairs(grades)


def unshown(city: City) -> Iterator[tuple[str, dict[str, float], list[tuple]]]:
    """Yield what a review does not show of flows though everyone knows that it adds up, of each group.

    These are the single steps of a longer run, and what city.toml leaves out: at least as many joined a grade in a run
    as it grew by, all told, in the steps in which it grew. Yielded are the keys, the counts by name, and their sums.
    """
    views = _views(city)
    for dimension in _dimensions(city):
        run = flows.books_of(city, dimension, [])
        groups, long = run.known.recorded, len(run.steps) > 1
        if long and "period, event" not in views:
            steps = flows.books_of(city, dimension, ["period"]).within(run)
            events = [event for event in EVENTS if "period" not in views or event != "hire"]
            yield "period", steps.counted(events), _sums(steps, partial(_of_steps, run, EVENTS), groups)
        if long and "grade" in views:
            steps = flows.books_of(city, dimension, ["period", "grade"]).within(run)
            yield "grade", steps.counted(ADDED), _sums(steps, partial(_of_steps, run, tuple(ADDED)), groups)
        if len(run.steps) and "grade" in views and "grade, event" not in views:
            grades = flows.books_of(city, dimension, ["grade"])
            promoted = flows.promoted_between(grades)
            own = promoted[promoted["group"].isin(groups)]
            pairs = {cells[0]: count for cells, count in zip(own["cells"], own["numerator"], strict=True)}
            sums = _sums(grades, partial(_of_events, promoted), groups)
            yield "grade, event", grades.counted([*JOIN, *LEAVE]) | pairs, sums


def _dimensions(city: City) -> list[str]:
    return [name for name in city.dimensions_of("flows") if name in city.dimensions_of("staff")]


def _views(city: City) -> list[str]:
    """Return the keys that a review shows flows by; what city.toml leaves out takes what is finer with it."""
    by_grade = counts.broken_down(city, "staff", "grade") and city.has("flows", "grade")
    shown = [view for view in VIEWS if by_grade or "grade" not in view]
    return [view for view in shown if not left_out(view, city.publication["without"])]


def left_out(view: str, without: Iterable[str]) -> bool:
    """Whether city.toml leaves a view of flows out, or a coarser one.

    Examples
    --------
    >>> left_out("grade, event", ["flows by grade"]), left_out("grade", ["flows by grade and event"])
    (True, False)
    """
    return any(view.startswith(coarser) for coarser in VIEWS if name(coarser) in without)


def name(view: str) -> str:
    """Return what city.toml calls a view of flows.

    Examples
    --------
    >>> name("grade, event")
    'flows by grade and event'
    """
    return f"flows by {view.replace(', ', ' and ')}"


def _sums(
    books: Books, of: Callable[[Books, Callable, Callable], Iterator[tuple]], members: Sequence = ()
) -> list[tuple]:
    """Return sums for every group, the declared and everyone, from the names of flows and of staff."""
    return [
        one
        for member in members or (*books.known.members, DECLARED, EVERYONE)
        for one in of(books, *(_namer(books, table, member) for table in ("flows", "staff")))
    ]


def _of_city(books: Books, flow: Callable, stock: Callable) -> Iterator[tuple]:
    """After = before + who joined - who left; and who could have left, added up over the steps."""
    for interval, held in books.steps.groupby("interval"):
        left, joined = ([flow(interval, event=event) for event in EVENTS if event in kind] for kind in (LEAVE, JOIN))
        yield stock(held["end"].iloc[0]), (stock(held["start"].iloc[0]), *joined), tuple(left)
        yield flow(interval, "at risk"), tuple(stock(since) for since in held["since"]), ()


def _of_added(books: Books, flow: Callable, _: Callable) -> Iterator[tuple]:
    """Who left and joined a run of the city, by event."""
    for added, events in ADDED.items():
        parts = [flow(books.steps["interval"].iloc[0], event=event) for event in events if event in EVENTS]
        yield flow(books.steps["interval"].iloc[0], event=added), tuple(parts), ()


def _of_run(run: Books, events: list[str], steps: Books, flow: Callable, _: Callable) -> Iterator[tuple]:
    """What a run of steps adds up to."""
    held = steps.within(run).steps["interval"]
    for event in events if len(held) > 1 else ():
        yield flow(run.steps["interval"].iloc[0], event=event), tuple(flow(one, event=event) for one in held), ()


def _of_steps(run: Books, events: Sequence[str], books: Books, flow: Callable, stock: Callable) -> Iterator[tuple]:
    """What a run adds up to at each place; and after = before + who joined - who left, in each of its steps."""
    joined, left = ([event for event in events if event in kind] for kind in ((*JOIN, "joined"), (*LEAVE, "left")))
    whole, steps = run.steps["interval"].iloc[0], books.steps[["since", "period", "interval"]].to_numpy()
    for place in books.places:
        at = {books.key: place} if books.key else {}
        of = {event: [flow(interval, **at, event=event) for *_, interval in steps] for event in events}
        yield from ((flow(whole, **at, event=event), tuple(parts), ()) for event, parts in of.items())
        for step, (since, period, _) in enumerate(steps if place in books.staffed else ()):
            came, went = (tuple(of[event][step] for event in kind) for kind in (joined, left))
            yield stock(period, **at), (stock(since, **at), *came), went


def _in_pairs(books: Books) -> list[tuple]:
    """Who declares anew leaves one group for another: of everyone at a place, as many leave a group as join one."""
    into, out = (
        books.names(books.keys([event]), "", [EVERYONE]).ravel() for event in ("redeclared_in", "redeclared_out")
    )
    return [(one, (other,), ()) for one, other in zip(into, out, strict=True)]


def _of_grades(books: Books, flow: Callable, stock: Callable) -> Iterator[tuple]:
    """After = before + who joined - who left, within each grade; and who could have left."""
    interval, start, end = books.steps[["interval", "start", "end"]].iloc[0]
    for grade in books.staffed:
        joined, left = (flow(interval, grade=grade, event=event) for event in ("joined", "left"))
        yield stock(end, grade=grade), (stock(start, grade=grade), joined), (left,)
        since = tuple(stock(since, grade=grade) for since in books.steps["since"])
        yield flow(interval, "at risk", grade=grade), since, ()


def _of_events(promoted: pd.DataFrame, books: Books, flow: Callable, _: Callable) -> Iterator[tuple]:
    """Who joined and left each grade by event; the same over all grades; and the promotions from grade to grade.

    Who declared anew is counted net in a grade: the grades add up only less who did it the other way round.
    """
    interval, places = books.steps["interval"].iloc[0], books.places
    grades = [grade for grade in places if grade != LEADERSHIP or not books.leadership]
    pairs = list(dict.fromkeys(zip(promoted["grade"], promoted["grade_to"], strict=True)))
    for grade in places:
        for added, events in ADDED.items():
            parts = [flow(interval, grade=grade, event=event) for event in events]
            yield flow(interval, grade=grade, event=added), tuple(parts), ()
        inside = books.leadership if grade == LEADERSHIP and books.leadership else [grade]
        for event, near, far in (("promotion_out", 0, 1), ("promotion_in", 1, 0)):
            crossing = [pair for pair in pairs if pair[near] in inside and pair[far] not in inside]
            parts = [flow(interval, grade=one, grade_to=other, event="promotion") for one, other in crossing]
            yield flow(interval, grade=grade, event=event), tuple(parts), ()
    leading = [grade for grade in grades if grade in books.leadership]
    for among, at in (grades, {}), *([(leading, {"grade": LEADERSHIP})] if books.leadership else []):
        for event in ("exit", "hire"):
            yield flow(interval, **at, event=event), tuple(flow(interval, grade=one, event=event) for one in among), ()
        into, out = (tuple(flow(interval, grade=one, event=event) for one in among) for event in ANEW)
        yield flow(interval, **at, event=ANEW[0]), (*into, flow(interval, **at, event=ANEW[1])), out


def _namer(books: Books, table: str, member: str | list[str]) -> Callable[..., str]:
    def name(period: str, part: str = "", **place: str) -> str:
        return tally.cell(table, {"period": period} | place, books.known.name, member, part)

    return name
