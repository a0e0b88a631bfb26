"""Why the share of a group changed, and how small a change could have been seen (Q3): one estimate per row out."""

import numpy as np
import pandas as pd
from scipy import special

from divimpact.estimates import checked, keys, rows, table, total, union, united
from divimpact.intervals import proportion, wilson, z_of

FLOWS = {
    "from_hires": {"hire": 1},
    "from_exits": {"exit": -1},
    "from_promotions": {"promotion_in": 1, "promotion_out": -1},
    "from_transfers": {"transfer_in": 1, "transfer_out": -1},
    "from_redeclaration": {"redeclared_in": 1, "redeclared_out": -1},
    "from_joining": {"joined": 1},
    "from_leaving": {"left": -1},
}
TOGETHER = ("from_joining", "from_leaving")  # the flows of a place of which only these sums are known
CHANCE = tuple(flow for flow in FLOWS if flow != "from_redeclaration")  # who came and went, not who declared
NET = {"change": CHANCE, **{measure: (measure,) for measure in FLOWS}, "unexplained": tuple(FLOWS)}
SIGNS = {event: sign for flow in FLOWS.values() for event, sign in flow.items()}
MEASURES = {event: measure for measure, flow in FLOWS.items() for event in flow}
STOCKS = ("before", "after")


def decomposition(account, confidence=0.95):
    """Take the change of each group's share of all staff apart, exactly, by how people came and went.

    Of all staff, the undeclared a group like the others: p0 before, p1 after, among N1 people. `change` is p1 - p0.
    A flow of n people, k of them of the group, adds (k - p0 n) / N1 where they came and takes it where they went:
    `from_hires`, `from_exits`, `from_promotions`, `from_transfers`, `from_redeclaration` (who newly declared, and
    no longer); 0 where there is no such flow. Where an account has the sums "left" and "joined" instead, it is
    `from_joining` and `from_leaving`, and all of this is of the declared staff (`detail`), whom people also join by
    declaring: in a place without such flows, or the city where they are hidden. `unexplained` is the same of the people
    whom the flows do not account for, in whole numbers. These add up to the change. Without staff before or after all
    are NaN.

    Limits are process limits: how far the change, and what hires, exits, promotions and transfers add to it, could
    have come out by chance with as many people coming and going from the same start. Each flow's share has Wilson
    limits, and the distances to them are put together (MOVER). Redeclaration and what is unexplained have none, unless
    it is in the sums.

    Parameters
    ----------
    account : DataFrame
        Count table of stocks and flows: keys, `event` (before, after and those of `FLOWS`; of places within the city
        that have both, "left" and "joined" are left aside, as are others),
        dimension, group, role (combined and overlapping groups repeat people), numerator, and if known cells.

    Returns
    -------
    DataFrame
        Estimates; numerator and denominator are, of `change`, the group and all staff after, and before as reference,
        of `from_hires` and `from_exits` the group and all people in that flow.

    Raises
    ------
    ValueError
        For a missing column, or for events that are there twice for a group.

    References
    ----------
    Kitagawa-like split of stocks by flows: Preston, S. H., Heuveline, P. and Guillot, M. (2001), Demography, chapter 1,
    balancing equation. Limits: Zou, G. Y. and Donner, A. (2008), Stat. Med. 27, 1693-1702, equation 3.

    Examples
    --------
    >>> import pandas as pd
    >>> account = pd.DataFrame({"event": ["before", "hire", "exit", "redeclared_in", "redeclared_out", "after"] * 2,
    ...                         "dimension": "origin", "group": ["abroad"] * 6 + ["not stated"] * 6,
    ...                         "role": ["group"] * 6 + ["undeclared"] * 6, "denominator": float("nan"),
    ...                         "numerator": [360, 48, 18, 20, 0, 410, 1640, 102, 102, 0, 20, 1620]})
    >>> decomposition(account).query("group == 'abroad'")[["measure", "estimate", "conf_low", "conf_high"]].round(4)
                   measure  estimate  conf_low  conf_high
    0               change    0.0220    0.0152     0.0286
    2           from_hires    0.0103    0.0052     0.0161
    4           from_exits    0.0018   -0.0026     0.0049
    6      from_promotions    0.0000       NaN        NaN
    8       from_transfers    0.0000       NaN        NaN
    10  from_redeclaration    0.0099       NaN        NaN
    12         unexplained    0.0000       NaN        NaN
    """
    places, flows = _ledger(account, confidence)
    here = {flow: places[places["together"] == (flow in TOGETHER)] for flow in FLOWS}
    net = {
        measure: _net(here.get(measure, places), flows[flows["measure"].isin(measures)])
        for measure, measures in NET.items()
    }
    grown = _growth(places)
    net["change"] = net["change"].assign(**grown, **_stock_counts(places))
    net["unexplained"] = net["unexplained"].assign(**{name: grown[name] - net["unexplained"][name] for name in grown})
    for flow in ("from_hires", "from_exits"):
        net[flow] = net[flow].assign(numerator=net[flow]["people"].abs(), denominator=net[flow]["all_people"].abs())
    return table(*(_contribution(found, measure, confidence) for measure, found in net.items()))


def detectable(account, confidence=0.95, power=0.80):
    """Estimate how large a change of a group's share of all staff must be to be told from chance.

    `detectable_change` under rule "flows": (z + z_power) times the standard error of the change, the root of the sum
    of n q (1 - q) over hires, exits, promotions and transfers, divided by all staff after; q is the group's share of
    the n people of a flow. Staff who stay cannot change the share, so this is much less than between independent
    snapshots (`detectable_between`). NaN where none or all who came and went are of the group.

    Parameters
    ----------
    account : DataFrame
        As for `decomposition`.

    References
    ----------
    Cohen, J. (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd ed., chapter 6.

    Examples
    --------
    >>> import pandas as pd
    >>> account = pd.DataFrame({"event": ["before", "hire", "exit", "after"] * 2, "dimension": "origin",
    ...                         "group": ["abroad"] * 4 + ["here"] * 4, "role": "group", "denominator": 2000,
    ...                         "numerator": [360, 22, 22, 360, 1640, 98, 98, 1640]})
    >>> detectable(account).query("group == 'abroad'")[["measure", "estimate", "rule"]].round(4)
                 measure  estimate   rule
    0  detectable_change    0.0084  flows
    """
    places, flows = _ledger(account, confidence)
    net = _net(places, flows[flows["measure"].isin(CHANCE)])
    error = np.sqrt(net["variance"].where(net["variance"] > 0)) / net["all_after"]
    return table(rows(net, "detectable_change", _z(confidence, power) * error, rule="flows", detail=_base(net)))


def detectable_between(shares, confidence=0.95, power=0.80):
    """Estimate how large a change must be to be told from chance where only snapshots are known: an upper bound.

    `detectable_change` from each share p0 among n people to another n, as if nobody stayed, in two rows: with the
    variance of p0 for both, (z + z_power) sqrt(2 p0 (1 - p0) / n), and with that of the share risen by the change.
    NaN without a denominator.

    Parameters
    ----------
    shares : DataFrame
        Estimates; of measure `share` those with a denominator are used.

    References
    ----------
    Cohen, J. (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd ed., chapter 6.

    Examples
    --------
    >>> import pandas as pd
    >>> shares = pd.DataFrame({"measure": ["share"], "group": "abroad", "estimate": 0.18, "denominator": 2000})
    >>> detectable_between(shares)["estimate"].round(4).tolist()
    [0.034, 0.0352]
    """
    shares = shares[shares["measure"] == "share"]
    share, people = (shares[column].to_numpy(float) for column in ("estimate", "denominator"))
    people = np.where(people > 0, people, np.nan)
    factor, spread = _z(confidence, power) ** 2 / people, share * (1 - share)
    half = (
        factor * (1 - 2 * share) / 2
    )  # root of (1 + f) d^2 - f (1 - 2 p0) d - 2 f p0 (1 - p0), f = (z + z_power)^2 / n
    risen = (half + np.sqrt(half**2 + 2 * (1 + factor) * factor * spread)) / (1 + factor)
    risen = np.where(share + risen <= 1, risen, np.nan)
    bounds = {
        "upper bound: independent snapshots": np.sqrt(2 * factor * spread),
        "upper bound: independent snapshots, with the variance of the risen share": risen,
    }
    return table(*(rows(shares, "detectable_change", bound, detail=detail) for detail, bound in bounds.items()))


def implied_leavers(before, after, hired, hires, staff):
    """Share of a group among those who left, from what two snapshots and the hires say, with as many staff as before.

    x = h - (p1 - p0) N / H: hires H at share h, staff N. Outside 0..1 the figures do not fit a constant staff.
    NaN where nobody was hired.

    References
    ----------
    Solved from the split in `decomposition`, with as many leaving as joining.

    Examples
    --------
    Swedish state employers, 2012 (Arbetsgivarverket informerar 6/2013):

    >>> print(implied_leavers(before=0.141, after=0.152, hired=0.239, hires=31_000, staff=236_800).round(3))
    0.155
    """
    before, after, hired, hires, staff = (np.asarray(one, float) for one in (before, after, hired, hires, staff))
    return hired - (after - before) * staff / np.where(hires > 0, hires, np.nan)


def _ledger(account, confidence):
    """Return who was there and who came and went, by place; with `together`, whether only sums of the flows count."""
    account = account.astype(dict.fromkeys(keys(account), "str"))
    summed = account["event"].isin(["left", "joined"])
    found = account.merge(_together(account, summed), how="left", on=keys(account))
    together = found["together"].notna().to_numpy()
    found = found.assign(together=together)
    counts = ~found["event"].isin(SIGNS) | (summed.to_numpy() == together)
    found = found[counts & ~(together & (found.get("role") == "undeclared"))]
    return _places(found), _flows(found, confidence)


def _together(account, summed):
    """Return the places that count by the sums of their flows: the city where it has any, others without more."""
    here = keys(account)
    sums, others = (account.loc[of, here].drop_duplicates() for of in (summed, ~summed & account["event"].isin(SIGNS)))
    known = sums.merge(others, on=here, how="left", indicator="more")
    within = known.reindex(columns=["unit", "grade"]).notna().any(axis=1)
    return known.loc[~within | (known["more"] == "left_only"), here].assign(together=True)


def _places(account):
    """Return who was there before and after by place and group, beside all staff: before, all_before, cells, ..."""
    stocks = {event: _beside_all(account, event) for event in STOCKS}
    by = _by(account)
    found = account.loc[account["event"].isin([*STOCKS, *SIGNS]), by].drop_duplicates()
    for event, stock in stocks.items():
        names = {"numerator": event, "all_people": f"all_{event}", "cells": f"{event}_cells"}
        stock = stock.rename(columns=names)
        found = found.merge(stock[[*by, *(name for name in names.values() if name in stock)]], on=by, how="left")
    return found


def _by(account):
    return [*keys(account), "together", "group", "role", *(["reference"] if "reference" in account else [])]


def _beside_all(account, event):
    """Return the people of an event by place and group, beside all people of that event."""
    people = checked(account[account["event"] == event], "event", "role")
    parts = {"all_people": ("numerator", total)} | ({"all_cells": ("cells", union)} if "cells" in people else {})
    heads = people[people["role"].isin(["group", "undeclared"])]
    everyone = heads.groupby(keys(people), dropna=False, as_index=False).agg(**parts).astype({"all_people": float})
    people = people.merge(everyone, on=keys(people), how="left")
    return united(people, ["cells", "all_cells"])


def _flows(account, confidence):
    """Return what each flow adds, in people; the squares of how far that could be below and above; its variance."""
    flows = pd.concat([_beside_all(account, event) for event in SIGNS], ignore_index=True)
    people, all_people, sign = flows["numerator"], flows["all_people"], flows["event"].map(SIGNS).astype(float)
    share, (low, high) = proportion(people, all_people), wilson(people, all_people, confidence)
    apart = np.where(sign > 0, (share - low, high - share), (high - share, share - low))
    squares = {"below": (all_people * apart[0]) ** 2, "above": (all_people * apart[1]) ** 2}
    chance = pd.DataFrame(squares | {"variance": all_people * share * (1 - share)}).mask(all_people == 0, 0)
    added = {"people": sign * people, "all_people": sign * all_people, "measure": flows["event"].map(MEASURES)}
    return flows.assign(**added, **chance)


def _net(places, flows):
    """Add up flows by place and group; where there are none they add nothing and have no limits."""
    by = _by(places)
    adding = dict.fromkeys(["people", "all_people", "below", "above", "variance"], total)
    adding |= {"cells": union} if "cells" in flows else {}
    net = flows.groupby(by, dropna=False, as_index=False).agg(adding)
    net = net.astype(dict.fromkeys(["people", "all_people", "below", "above", "variance"], float))
    net = places.merge(net, on=by, how="left", indicator="known")
    net[["people", "all_people"]] = net[["people", "all_people"]].mask(net["known"] == "left_only", 0)
    return united(net, [column for column in net if column.endswith("cells")])


def _growth(places):
    return {"people": places["after"] - places["before"], "all_people": places["all_after"] - places["all_before"]}


def _stock_counts(places):
    names = {"numerator": "after", "denominator": "all_after"}
    names |= {"reference_numerator": "before", "reference_denominator": "all_before"}
    return {name: places[column] for name, column in names.items()}


def _contribution(net, measure, confidence):
    """What the people of a flow add to the share of all staff, with limits where chance moves it."""
    if measure not in ("change", *CHANCE):
        net = net.assign(below=np.nan, above=np.nan)
    whole = net["all_before"] * net["all_after"]
    estimate = (net["people"] * net["all_before"] - net["before"] * net["all_people"]) / whole.where(whole > 0)
    low, high = (
        estimate + way * np.sqrt(net[side]) / net["all_after"].where(whole > 0)
        for side, way in (("below", -1), ("above", 1))
    )
    return rows(net, measure, estimate, low, high, confidence, "mover_wilson", detail=_base(net))


def _base(places):
    return np.where(places["together"], "of declared staff", "of all staff")


def _z(confidence, power):
    return z_of(confidence) + special.ndtri(power)
