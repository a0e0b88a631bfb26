"""The panel on which effects of a measure rest (Q8): what is in it, and what is left out for which reason.

Every district that stays has every group in every period, so that changes are changes of the same people's districts
and never of who was counted.
"""

import numpy as np
import pandas as pd

from divimpact.estimates import checked
from divimpact.schema import definitions, years

NEVER = ""  # the start of districts without the measure
EVENLY = 0.02  # by how many years steps between periods may differ: months are not all of one length
NEEDED = ("period", "service", "district", "reference")


def panel(counts, measures, measure, totals=None):
    """Return the rows that can tell what a measure changed: districts by periods by groups, with `start`.

    The service is that of the measure, whose name is in `of_measure`. `start` is the first period in which the district
    has it, wholly or in part, and empty where it has not by the end. Districts and rows that stay out are listed by
    `left_out`.

    Parameters
    ----------
    counts : DataFrame
        Count table of uptake by period, service and district, of one dimension.
    measures : DataFrame
        Columns measure, service, district, start, and optionally group, for whom it is meant.
    measure : str
        One of them.
    totals : DataFrame, optional
        The same counts without district: the published `cells` with which estimates stand and fall. The cells of
        `counts` become `within`.

    Raises
    ------
    ValueError
        For rows that occur twice, a missing column, a measure that is not there, that is of several services, has no
        district or two starts in one; for periods that are not evenly spaced; or if no district with the measure is
        left, or none to compare it with.

    Examples
    --------
    >>> from divimpact import counts
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> found = panel(found, city.frame("measures"), "School visits")
    >>> found.groupby("start")["district"].nunique()
    start
               7
    2024-Q1    3
    2025-Q1    2
    Name: district, dtype: int64
    """
    judged = _judged(counts, measures, measure)
    kept = judged[judged["reason"] == ""].drop(columns="reason")
    treated = kept["start"] != NEVER
    if kept.empty or not treated.any() or kept["start"].nunique() < 2:
        wanting = "to compare with" if treated.any() else f"with {measure!r}"
        reasons = "; ".join(dict.fromkeys(judged.loc[judged["reason"] != "", "reason"]))
        raise ValueError(f"no district {wanting} is left. Left out: {reasons or 'none'}")
    if totals is not None:
        on = ["period", "service", "dimension", "group"]
        kept = kept.rename(columns={"cells": "within"}).merge(totals[[*on, "cells"]], on=on, how="left")
    return kept.assign(of_measure=measure).reset_index(drop=True)


def panels(counts, measures, totals=None):
    """Return the panel of each measure that can be looked at, in the order of `measures`; `designs` says which.

    Examples
    --------
    >>> from divimpact import counts
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> [rows["of_measure"].iloc[0] for rows in panels(found, city.frame("measures"))][:2]
    ['Interpreters at the desk', 'Letters in plain language']
    """
    known = designs(counts, measures)
    return [panel(counts, measures, name, totals) for name in known.loc[known["reason"] == "", "of_measure"]]


def placebos(counts, measures, totals=None):
    """Return panels of services without any measure, each as if a measure of another service were its own.

    Examples
    --------
    >>> from divimpact import counts
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> sorted({rows["service"].iloc[0] for rows in placebos(found, city.frame("measures"))})
    ['Adult education', 'Job guidance']
    """
    known = designs(counts, measures)
    known = measures[measures["measure"].isin(known.loc[known["reason"] == "", "of_measure"])]
    services = [service for service in counts["service"].unique() if service not in set(measures["service"])]
    moved = [own.assign(service=service) for _, own in known.groupby("measure", sort=False) for service in services]
    return [rows for own in moved for rows in panels(counts, own, totals)]


def designs(counts, measures):
    """List how each measure can be looked at: its districts and starts, or the reason why it cannot.

    `districts` have it and `others` do not by the end; `starts` are the first periods with it; `meant` are the groups
    for which it is meant. Where `reason` is not empty there is no panel.

    Examples
    --------
    >>> from divimpact import counts
    >>> from divimpact.schema import read_city
    >>> city = read_city("data/sample")
    >>> found = counts.uptake(city, "origin", by=["period", "service", "district"])
    >>> designs(found, city.frame("measures"))[["of_measure", "districts", "others", "starts"]].head(2)
                      of_measure  districts  others              starts
    0   Interpreters at the desk          5       7  (2023-Q1, 2024-Q1)
    1  Letters in plain language          4       8  (2023-Q3, 2024-Q3)
    """
    found = [_design(counts, measures, name) for name in measures["measure"].unique()]
    columns = ["of_measure", "service", "dimension", "meant", "starts", "districts", "others", "reason"]
    return pd.DataFrame(found, columns=columns)


def everywhere(totals, measures, districts):
    """Return use of a service and the start of each measure that began in the whole city at once: pairs of the two.

    Examples
    --------
    >>> totals = pd.DataFrame({"period": ["2023", "2024"], "service": "advice", "numerator": 5, "denominator": 50})
    >>> measures = pd.DataFrame({"measure": ["letters"], "service": "advice", "district": None, "start": "2024"})
    >>> ((use, start),) = everywhere(totals, measures, ["Harbour", "Station"])
    >>> start, list(use["of_measure"])
    ('2024', ['letters', 'letters'])
    """
    found = []
    for name, own in measures.groupby("measure", sort=False):
        whole = own["district"].isna().all() or (len(districts) and {*districts} <= {*own["district"]})
        use = totals[totals["service"].isin(own["service"])]
        if whole and own["start"].nunique() == 1 and use["service"].nunique() == 1:
            found.append((use.assign(of_measure=name), own["start"].iloc[0]))
    return found


def earlier(panel):
    """Return how many periods earlier a placebo may start: half of those before the last start, 0 if these are few."""
    periods = sorted(panel["period"].unique(), key=lambda period: years([period])[0])
    return max(periods.index(start) for start in panel["start"].unique() if start != NEVER) // 2


def left_out(counts, measures, measure):
    """List what `panel` leaves out: districts and groups with the number of their rows and the reason.

    A district that has the measure from its first period on tells nothing of the time before; one with a period, a
    group or the number of eligible people missing would change who is compared; one with another measure of the service
    would show both. The undeclared are of no group.

    Examples
    --------
    >>> counts = pd.DataFrame({"period": ["2023", "2024"] * 3, "service": "advice", "dimension": "origin",
    ...                        "district": ["Old Town"] * 2 + ["Harbour"] * 2 + ["Station"] * 2, "group": "here",
    ...                        "reference": "here", "numerator": 5, "denominator": [50.0] * 5 + [None]})
    >>> measures = pd.DataFrame({"measure": "letters", "service": "advice", "district": ["Harbour", "Old Town"],
    ...                          "start": ["2023", "2024"]})
    >>> left_out(counts, measures, "letters")
      district group  rows                                    reason
    0  Harbour  here     2  has the measure from its first period on
    1  Station  here     2  eligible or users not known (here, 2024)
    """
    judged, of_measure = _judged(counts, measures, measure), _starts(measures, measure)["district"]
    uncounted = [place for place in of_measure if place not in set(judged["district"])]
    uncounted = pd.DataFrame({"district": uncounted, "reason": "has the measure, but no counts", "rows": 0})
    keys = ["district", "group", "reason"]
    out = judged[judged["reason"] != ""].groupby(keys, sort=False).size().reset_index(name="rows")
    return pd.concat([out, uncounted], ignore_index=True)[["district", "group", "rows", "reason"]]


def outside(counts, measures):
    """List what the panels of all measures that can be looked at leave out: `left_out` of each, with `of_measure`."""
    known = designs(counts, measures)
    names = known.loc[known["reason"] == "", "of_measure"]
    found = [left_out(counts, measures, name).assign(of_measure=name) for name in names]
    return pd.concat([pd.DataFrame(columns=["of_measure", "district", "group", "rows", "reason"]), *found])


def _design(counts, measures, measure):
    own = measures[measures["measure"] == measure]
    about = {
        "of_measure": measure,
        "service": own["service"].iloc[0],
        "dimension": counts["dimension"].iloc[0],
        "meant": tuple(own["group"].dropna().unique()) if "group" in own else (),
        "starts": (),
    }
    try:
        start = panel(counts, measures, measure).groupby("district")["start"].first()
    except ValueError as problem:
        return about | {"districts": 0, "others": 0, "reason": str(problem)}
    there = start[start != NEVER]
    starts = tuple(sorted(there.unique(), key=lambda period: years([period])[0]))
    return about | {"starts": starts, "districts": len(there), "others": len(start) - len(there), "reason": ""}


def _judged(counts, measures, measure):
    """The rows of the service with `start` and `reason`, which is empty for those that stay."""
    starts = _starts(measures, measure)
    counts = checked(counts, *NEEDED)
    rows = counts[counts["service"] == starts["service"].iloc[0]].reset_index(drop=True)
    if rows["dimension"].nunique() != 1:
        found = ", ".join(dict.fromkeys(rows["dimension"])) or "none"
        raise ValueError(
            f"effects need counts of one dimension at a time for service {starts['service'].iloc[0]}: {found}"
        )
    periods = _evenly_spaced(rows["period"])
    first = {start: _first(periods, start) for start in starts["start"].unique()}
    first = starts.set_index("district")["start"].map(first)
    rows = rows.assign(start=rows["district"].map(first).fillna(NEVER).astype("str"))
    return rows.assign(reason=_reasons(rows, periods, _others(measures, starts, periods))).sort_values(
        ["district", "period"], kind="stable"
    )


def _starts(measures, measure):
    """The rows of one measure, one for each district."""
    found = measures[measures["measure"] == measure]
    if found.empty:
        raise ValueError(f"there is no measure {measure!r}; measures: {', '.join(dict.fromkeys(measures['measure']))}")
    for column, remedy in (
        ("service", "name the service that it is to change"),
        ("district", "a measure that starts everywhere at once has no district to compare with"),
    ):
        if column not in found or found[column].isna().any():
            raise ValueError(f"measures, column {column}: {measure!r} has none: {remedy}")
    if found["service"].nunique() > 1:
        services = ", ".join(dict.fromkeys(found["service"]))
        raise ValueError(f"{measure!r} is of several services ({services}): pass the measures of one at a time")
    found = found.drop_duplicates(["district", "start"])
    if (twice := found.loc[found["district"].duplicated(), "district"]).size:
        both = found.loc[found["district"] == twice.iloc[0], "start"]
        raise ValueError(f"{measure!r} starts twice in {twice.iloc[0]}: {', '.join(both)}; keep the first start")
    return found


def _others(measures, starts, periods):
    """Another measure of the same service by the district that has it before the end; everywhere at once is no harm."""
    others = measures[(measures["measure"] != starts["measure"].iloc[0])]
    others = others.reindex(columns=["measure", "service", "district", "start"]).dropna()
    others = others[others["service"] == starts["service"].iloc[0]]
    reached = others["start"].map(lambda start: _first(periods, start) != NEVER).astype(bool)
    return others[reached].drop_duplicates("district").set_index("district")["measure"].to_dict()


def _evenly_spaced(periods):
    """The periods first to last, with nothing missing between them."""
    periods = np.array(sorted(periods.unique()))
    ends = years(periods)
    periods, steps = list(periods[np.argsort(ends, kind="stable")]), np.diff(np.sort(ends))
    if steps.size and (wide := np.flatnonzero(np.abs(steps - steps.min()) > EVENLY)).size:
        before, after = periods[wide[0] : wide[0] + 2]
        raise ValueError(
            f"periods are not evenly spaced: nothing is counted between {before} and {after}. "
            "Bring what is missing, or only the periods after it"
        )
    return periods


def _first(periods, start):
    """The first period that has a measure from `start` on; none if it starts after the last."""
    started = np.flatnonzero(definitions(periods, [start]))
    return periods[started[0]] if started.size else NEVER


def _reasons(rows, periods, others):
    """Why rows stay out: the undeclared and overlapping groups themselves, then whole districts."""
    reason = pd.Series("", index=rows.index)
    reason[rows["role"] == "undeclared"] = "not declared: of no group"
    reason[rows["role"] == "overlapping"] = "overlaps other groups"
    among = rows[reason == ""]
    groups = list(dict.fromkeys(among["group"]))
    full = among["numerator"].notna() & (among["denominator"] > 0)
    complete = full.groupby(among["district"]).sum() == len(groups) * len(periods)
    fine = among["district"].map(complete) & (among["start"] != periods[0]) & ~among["district"].isin(others)
    for district, own in among[~fine].groupby("district", sort=False):
        other = f"has {others[district]!r} too" if district in others else ""
        reason[own.index] = other or _district_reason(own, periods, groups)
    return reason


def _district_reason(own, periods, groups):
    if own["start"].iloc[0] == periods[0]:
        return "has the measure from its first period on"
    there = set(zip(own["group"], own["period"], strict=True))
    if gaps := [f"{group}, {period}" for group in groups for period in periods if (group, period) not in there]:
        return f"no row ({_and_more(gaps)})"
    unknown = own[own["numerator"].isna() | ~(own["denominator"] > 0)]
    names = [f"{group}, {period}" for group, period in zip(unknown["group"], unknown["period"], strict=True)]
    return f"eligible or users not known ({_and_more(names)})"


def _and_more(names):
    return names[0] + (f", and {len(names) - 1} more" if len(names) > 1 else "")
