"""Flows from snapshots: who is there in one and not in the next, and whose place or group is another one.

An expression like any other: it runs where the records live, and no pseudonym leaves them.
"""

from collections.abc import Sequence

import ibis
from ibis import _

PLACES = ("unit", "grade")


def flows(staff: ibis.Table, dimensions: Sequence[str]) -> ibis.Table:
    """Compare each snapshot of ``staff`` with the one before, by ``person``; return a table of flows, a row each.

    A hire is there and was not, an exit was and is not. Who stays has a promotion where the grade is another (also a
    lower one), else a transfer where the unit is; and, in the place where this person is now, a pair of redeclarations
    where the group of any dimension is another. Who has several rows in a snapshot is taken at the first of them, in
    the order of places and groups.
    """
    places = [place for place in PLACES if place in staff.columns]
    groups = [name for name in dimensions if name in staff.columns]
    held = [*places, *groups]
    ranked = staff.mutate(
        snapshot=ibis.dense_rank().over(order_by=_.period),
        row=ibis.row_number().over(group_by=[_.period, _.person], order_by=[staff[name] for name in held]),
    )
    one = ranked.filter(_.row == 0).select("snapshot", "period", "person", *held)
    snapshots = one.select("snapshot", "period").distinct()
    was = one.mutate(snapshot=_.snapshot + 1).drop("period").inner_join(snapshots, "snapshot")
    hired = one.filter(_.snapshot > 0).anti_join(was, ["snapshot", "person"])
    left = was.anti_join(one, ["snapshot", "person"])
    both = was.inner_join(
        one.select("snapshot", "person", **{f"{name}_now": one[name] for name in held}), ["snapshot", "person"]
    )

    def changed(names: Sequence[str]) -> ibis.Value:
        return ibis.or_(ibis.literal(False), *(~both[name].identical_to(both[f"{name}_now"]) for name in names))

    def event(name: str, records: ibis.Table, now: Sequence[str] = (), to: bool = False) -> ibis.Table:
        nobody = ibis.null("string")
        columns = {column: records[f"{column}_now" if column in now else column] for column in held}
        going = {f"{place}_to": records[f"{place}_now"] if to else nobody for place in places}
        return records.select(period=records.period, event=ibis.literal(name), **columns, **going)

    rises = changed([place for place in places if place == "grade"])
    goes = changed([place for place in places if place == "unit"]) & ~rises
    declares = both.filter(changed(groups))
    return ibis.union(
        event("hire", hired),
        event("exit", left),
        event("promotion", both.filter(rises), to=True),
        event("transfer", both.filter(goes), to=True),
        event("redeclared_out", declares, now=places),
        event("redeclared_in", declares, now=held),
    )
