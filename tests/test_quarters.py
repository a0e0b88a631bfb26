"""Use of services by quarter and district, reviewed in summer and again in winter, and an attacker who adds it up anew.

The attacker writes every published count as a sum of users and of those who do not use a service, in each quarter,
district and group, and knows that the inhabitants are the same in all quarters and for all services. What is hidden is
at least 1 where it is, what was withheld at least nothing.
"""

import json
from itertools import pairwise, product

import numpy as np
import pytest
from attacker import NEAR
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from divimpact import cells, record
from divimpact.mask import DisclosureError, Policy, plan
from divimpact.schema import read_city, rules

GROUPS, LEAST = ("none", "near", "far", "not stated"), 10
MEMBERS = {group: (group,) for group in GROUPS} | {"abroad": ("near", "far")}
MEMBERS |= {"['declared']": GROUPS[:3], "['everyone']": GROUPS}
SERVICES, DISTRICTS = ("Advice", "Sports"), ("North", "East", "South", "West")
QUARTERS = ("2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4")
TOML = """
name = "Testville"

[dimensions.origin]
groups = ["none", "near", "far"]
reference = "none"
undeclared = "not stated"
sensitive = true
combine = { abroad = ["near", "far"] }

[publication]
declared = 0
"""


@st.composite
def used(draw, districts):
    """How many live in each district of each group, and how many of these use each service in each quarter."""
    people = st.sampled_from([0, 2, 5, 9, 20, 60, 150, 400])
    inhabitants = draw(st.lists(people, min_size=districts * 4, max_size=districts * 4))
    shares = st.sampled_from([0, 0.05, 0.1, 0.2, 0.4, 0.7])
    places = [*product(QUARTERS, SERVICES, DISTRICTS[:districts], GROUPS)]
    found = draw(st.lists(shares, min_size=len(places), max_size=len(places)))
    live = dict(zip(product(DISTRICTS, GROUPS), inhabitants, strict=False))
    return {
        place: (round(share * live[place[2:]]), live[place[2:]]) for place, share in zip(places, found, strict=True)
    }


def table(use):
    rows = [
        f"{quarter},{service},{district},{group},{users},{of}"
        for (quarter, service, district, group), (users, of) in use.items()
    ]
    return "\n".join(["period,service,district,origin,users,eligible", *rows])


def parts(name):
    """The places that a count adds up, and whether it is of users, of those who are not, or of both."""
    _, place, _, member, part = json.loads(name)
    within = [
        quarter
        for quarter in QUARTERS
        if quarter.startswith(place["period"]) and place.get("after", "") < quarter <= place.get("until", "2025")
    ]
    for quarter, group in product(within, MEMBERS[str(member)]):
        yield (quarter, place["service"], place.get("district"), group), part


class Together:
    """What is known to who reads several reports, in numbers of users and of others at each place."""

    def __init__(self, use):
        self.number = {place: 2 * row for row, place in enumerate(use)}
        self.districts = sorted({district for *_, district, _ in use})
        self.values = np.array([count for users, of in use.values() for count in (users, of - users)], float)
        of_place = {}
        for place in use:
            of_place.setdefault(place[2:], []).append(self.row([(place, "eligible")]))
        self.same = [one - other for held in of_place.values() for one, other in pairwise(held)]

    def row(self, terms):
        found = np.zeros(len(self.values))
        for (*at, where, group), part in terms:
            for district in self.districts if where is None else [where]:
                number = self.number[*at, district, group]
                found[number] += part in ("users", "eligible")
                found[number + 1] += part in ("others", "eligible")
        return found

    def told(self, shown, hidden, withheld):
        """Return the hidden counts that are known more closely than promised, each with between what."""
        known = np.array([*self.same, *(self.row(parts(name)) for name in shown)])
        np.testing.assert_array_equal(known[len(self.same) :] @ self.values, [*shown.values()])
        closed = {name: self.row(parts(name)) for name in [*hidden, *withheld]}
        least = [0 if name in withheld else min(1, row @ self.values) for name, row in closed.items()]
        kept = {"A_eq": known, "b_eq": known @ self.values}
        kept |= {"A_ub": -np.array([*closed.values()]), "b_ub": -np.array(least)} if closed else {}
        found = {}
        for name, row in closed.items():
            count = row @ self.values
            if count == 0 or (name in withheld and count >= LEAST):
                continue
            answers = [linprog(sign * row, **kept, method="highs") for sign in (1, -1)]
            assert {answer.status for answer in answers} <= {0, 3}
            low, high = (-np.inf if answer.status == 3 else answer.fun for answer in answers)
            if -high - low < LEAST - NEAR:
                found[name] = count, low, -high
        return found


def attacked(city_folder, use, ends=("2024-Q2", "2024-Q4")):
    """Review and release up to each of some quarters, attack all reports together; say how many there were."""
    lines, shown, hidden, withheld = "", {}, set(), set()
    for number, end in enumerate(ends):
        until = {place: counts for place, counts in use.items() if place[0] <= end}
        folder = city_folder(TOML, uptake=table(until))
        folder.joinpath("releases.jsonl").write_text(lines)
        city = read_city(folder)
        listed = cells.publishable(city)
        try:
            mask = plan(*listed, Policy(**city.publication))
        except DisclosureError:
            return number
        known, kept_back = record.shown(listed.frame, mask), record.kept_back(listed.frame, mask)
        shown, hidden, withheld = shown | known, hidden | {*kept_back}, withheld | {*mask.withheld}
        found = Together(until).told(shown, hidden - {*shown}, withheld - hidden - {*shown})
        assert found == {}, (end, found)
        noted = {"date": f"2025-0{number + 1}-01", "report": end, "until": cells.last_periods(city)}
        lines += json.dumps(noted | {"rule": rules(city.config), "cells": known, "hidden": kept_back}) + "\n"
    return len(ends)


patient = settings(deadline=None, derandomize=True, suppress_health_check=[*HealthCheck])


def attack_many(city_folder, districts, examples):
    reviews = []

    @settings(patient, max_examples=examples)
    @given(used(districts))
    def attack(use):
        reviews.append(attacked(city_folder, use))

    attack()
    assert reviews.count(2) >= len(reviews) / 2, "too few are reviewed twice"


def test_no_use_is_told_by_quarters_and_districts_of_two_reports(city_folder):
    attack_many(city_folder, districts=2, examples=2)


@pytest.mark.slow
@pytest.mark.parametrize("districts", [2, 3, 4])
def test_no_use_is_told_by_quarters_and_districts_of_two_reports_in_many(city_folder, districts):
    attack_many(city_folder, districts, examples=12)


def test_districts_of_every_quarter_would_tell(city_folder):
    """The attacker finds what is told: were districts of a quarter shown, 4 who use Advice there would be known."""
    use = {place: (8, 40) for place in product(QUARTERS, SERVICES, DISTRICTS[:2], GROUPS)}
    use["2024-Q4", "Advice", "North", "far"] = 4, 40
    place = {"period": "2024-Q4", "service": "Advice"}
    city, district = (
        json.dumps(["uptake", at, "origin", "far", "users"]) for at in (place, place | {"district": "East"})
    )
    hidden = json.dumps(["uptake", place | {"district": "North"}, "origin", "far", "users"])
    assert Together(use).told({city: 12, district: 8}, {hidden}, set()) == {hidden: (4, 4, 4)}
    assert Together(use).told({city: 12}, {hidden, district}, set()) == {}
