"""Small cities with snapshots and flows, and an attacker who knows that people move step by step from grade to grade.

The attacker writes every published count as a sum of who was there, came, left, rose and newly declared in each single
step, by grade and group; what is hidden is at least 1 where it is, what was withheld at least nothing.
"""

import json
from collections import Counter
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from attacker import NEAR
from scipy.optimize import linprog

from divimpact import cells, record
from divimpact.mask import DisclosureError, Policy, audit, plan
from divimpact.schema import read_city, rules

GROUPS, UNDECLARED, GRADES = ("none", "near", "far"), "not stated", ("basic", "senior")
EVERYONE = (*GROUPS, UNDECLARED)
TOML = """
name = "Testville"

[dimensions.origin]
groups = ["none", "near", "far"]
reference = "none"
undeclared = "not stated"
sensitive = {sensitive}
combine = {{ abroad = ["near", "far"] }}

[staff]
grades = ["basic", "senior"]
leadership = ["senior"]

[publication]
declared = 0
min_count = {least}
without = {without}
"""
WITHOUT = [[], ["flows by period"], ["flows by period and event"], ["flows by grade and event"], ["staff by grade"]]


def drawn(rng, people, years):
    """Snapshots of persons, each with a grade and a group."""
    stay, anew, chances = rng.choice([0.6, 0.8, 0.95]), rng.choice([0, 0.02, 0.1]), (0.5, 0.2, 0.15, 0.15)

    def somebody():
        return GRADES[int(rng.random() < 0.3)], str(rng.choice(EVERYONE, p=chances))

    snapshots = [{number: somebody() for number in range(people)}]
    for year in range(1, years):
        held = {who: place for who, place in snapshots[-1].items() if rng.random() < stay}
        for who, (grade, group) in held.items():
            grade = GRADES[int(rng.random() < 0.7)] if rng.random() < 0.05 else grade
            held[who] = grade, str(rng.choice(EVERYONE)) if rng.random() < anew else group
        new = rng.poisson(people * (1 - stay))
        snapshots.append(held | {f"{year}-{number}": somebody() for number in range(new)})
    return {str(2021 + year): held for year, held in enumerate(snapshots)}


def table(snapshots):
    rows = [f"{year},p{who},{','.join(place)}" for year, held in snapshots.items() for who, place in held.items()]
    return "\n".join(["period,person,grade,origin", *rows])


class Steps:
    """What happened in each step, as numbers of people, and every count of a review as a sum of these."""

    def __init__(self, snapshots):
        self.years, self.people, self.rules = [*snapshots], Counter(), []
        for year, held in snapshots.items():
            self.people.update(("staff", year, *place) for place in held.values())
            self.people.update({("staff", year, grade, group): 0 for grade in GRADES for group in EVERYONE})
        for since, year in pairwise(self.years):
            self._step(year, since, snapshots[since], snapshots[year])
        self.names = {name: number for number, name in enumerate(self.people)}
        self.values = np.array([*self.people.values()], float)
        self.signed = np.array([name[0] == "anew" for name in self.people])
        assert not any(self.row(rule) @ self.values for rule in self.rules)

    def _step(self, year, since, before, now):
        happened = self.people
        for grade in GRADES:
            for group in EVERYONE:
                other = GRADES[1 - GRADES.index(grade)]
                keys = [(event, year, grade, group) for event in ("exit", "hire", "anew")]
                gone, come, anew = keys
                rose, fell = ("rise", year, grade, other, group), ("rise", year, other, grade, group)
                happened.update(dict.fromkeys([*keys, rose], 0))
                after = {("staff", since, grade, group): 1, come: 1, gone: -1, anew: 1, rose: -1, fell: 1}
                self.rules.append(after | {("staff", year, grade, group): -1})
            self.rules.append({("anew", year, grade, group): 1 for group in EVERYONE})
        for who in before.keys() | now.keys():
            was, here = before.get(who), now.get(who)
            if was is None or here is None:
                happened["hire" if was is None else "exit", year, *(here or was)] += 1
                continue
            if was[0] != here[0]:
                happened["rise", year, was[0], here[0], was[1]] += 1
            happened["anew", year, here[0], here[1]] += 1
            happened["anew", year, here[0], was[1]] -= 1
        for place in (GRADES, *((grade,) for grade in GRADES)):
            for group in EVERYONE:
                parts = [("anew", year, grade, group) for grade in place]
                net = sum(happened[part] for part in parts)
                into, out = (("net", way, year, place, group) for way in ("in", "out"))
                happened[into], happened[out] = max(net, 0), max(-net, 0)
                self.rules.append({into: 1, out: -1} | dict.fromkeys(parts, -1))

    def row(self, terms):
        found = np.zeros(len(self.names))
        for name, sign in terms.items():
            found[self.names[name]] += sign
        return found

    def cell(self, name):
        """Write a count of a review as what happened."""
        kind, place, _, member, part = json.loads(name)
        of = {"['declared']": GROUPS, "['everyone']": EVERYONE, "abroad": GROUPS[1:]}.get(str(member), (member,))
        grade, event, period = place.get("grade"), place.get("event", ""), place["period"]
        inside = GRADES if grade is None else ("senior",) if grade == "leadership" else (grade,)
        among_declared = part == "others" and event not in ("exit", "left", "promotion")
        of = [group for group in GROUPS if group not in of] if among_declared else of
        terms = Counter()
        if kind == "staff":
            terms.update(("staff", period, grade, group) for grade in inside for group in of)
            return self.row(terms)
        start, end = period.split("/")
        run = [pair for pair in pairwise(self.years) if start <= pair[0] and pair[1] <= end]
        for since, year in run:
            for group in of:
                if part == "at risk" or (part == "others" and not among_declared):
                    terms.update(("staff", since, grade, group) for grade in inside)
                for what in (
                    self._events(event, year, inside, group, place.get("grade_to")) if part != "at risk" else ()
                ):
                    terms[what] += -1 if part == "others" and not among_declared else 1
        return self.row(terms)

    def _events(self, event, year, inside, group, to):
        outside = [grade for grade in GRADES if grade not in inside]
        parts = {
            "left": ("exit", "promotion_out", "redeclared_out"),
            "joined": ("hire", "promotion_in", "redeclared_in"),
        }
        for name in parts.get(event, (event,)):
            if name in ("exit", "hire"):
                yield from ((name, year, grade, group) for grade in inside)
            elif name.startswith("redeclared"):
                yield "net", name.removeprefix("redeclared_"), year, inside, group
            elif name == "promotion":
                yield "rise", year, inside[0], to, group
            elif name.startswith("promotion") and outside:
                pair = (inside[0], outside[0]) if name.endswith("out") else (outside[0], inside[0])
                yield "rise", year, *pair, group


def told(steps, frame, hidden, unsaid, least):
    """Return the hidden small counts that this attacker knows more closely than ``least``, each with between what.

    Of tables that are not published (``unsaid``) a count is at least nothing; of the others at least 1 where it is, and
    no large one is known either. Where the list does not promise anything of a count (``unshown``), it is no target.
    """
    rows, values = np.array([steps.cell(name) for name in frame["cell"]]), frame["count"].to_numpy()
    np.testing.assert_array_equal(rows @ steps.values, values)
    known = np.vstack([[steps.row(rule) for rule in steps.rules], rows[~hidden]])
    kept = {"A_eq": known, "b_eq": known @ steps.values}
    kept |= {"A_ub": -rows[hidden], "b_ub": -np.where(unsaid, 0, np.minimum(values, 1))[hidden]}
    box, found = [(None if free else 0, None) for free in steps.signed], {}
    wanted = hidden & (values > 0) & ~frame["unshown"].to_numpy(bool) & (~unsaid | (values < least))
    for place in np.flatnonzero(wanted):
        ends = []
        for sign in (1, -1):
            answer = linprog(sign * rows[place], **kept, bounds=box, method="highs")
            assert answer.status in (0, 3), answer.message
            ends.append(sign * (-np.inf if answer.status == 3 else answer.fun))
        if ends[1] - ends[0] < least - NEAR:
            found[frame["cell"].iloc[place]] = (values[place], *ends)
    return found


def reviewed(folder):
    """The list of counts of a city, its mask, and what was withheld whole or is never shown."""
    city = read_city(folder)
    listed = cells.publishable(city)
    found, frame = plan(*listed, Policy(**city.publication)), listed.frame
    assert audit(*listed, found).empty
    return city, frame, found, (frame["unshown"] | frame["withheld"] | frame["cell"].isin(found.withheld)).to_numpy()


def attacked(city_folder, seed):
    """Attack the mask of a random city; say whether there was one: a city may be refused."""
    rng = np.random.default_rng(seed)
    snapshots = drawn(rng, int(rng.choice([30, 60, 120, 300])), int(rng.choice([2, 3, 4])))
    least, sensitive = int(rng.choice([3, 5, 10])), str(rng.random() < 0.5).lower()
    toml = TOML.format(least=least, sensitive=sensitive, without=json.dumps(WITHOUT[rng.choice(len(WITHOUT))]))
    try:
        _, frame, found, unsaid = reviewed(city_folder(toml, staff=table(snapshots)))
    except DisclosureError:
        return False
    hidden = found.hidden.reindex(frame["cell"], fill_value=True).to_numpy(bool)
    assert told(Steps(snapshots), frame, hidden, unsaid, least) == {}, seed
    return True


@pytest.mark.parametrize("without", WITHOUT)
def test_every_sum_of_flows_is_kept(city_folder, without):
    """Among 300 people of whom many newly declare, some into a group in one grade and out of it in the other."""
    snapshots = drawn(np.random.default_rng(13), 300, 4)
    toml = TOML.format(least=10, sensitive="true", without=json.dumps(without))
    frame, sums = cells.publishable(read_city(city_folder(toml, staff=table(snapshots))))
    count = dict(zip(frame["cell"], frame["count"], strict=True))
    for total, parts, _, less in sums:
        assert count[total] == sum(map(count.get, parts)) - sum(map(count.get, less)), (total, parts, less)


@pytest.mark.parametrize("seed", [13])
def test_no_hidden_count_is_told_to_who_thinks_in_steps(city_folder, seed):
    assert attacked(city_folder, seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(1000, 1030, 10))
def test_no_hidden_count_is_told_to_who_thinks_in_steps_in_many(city_folder, first):
    assert sum(attacked(city_folder, seed) for seed in range(first, first + 10)) >= 5, "too few have a mask to attack"


# One release after the other


def released_in_turn(city_folder, toml, snapshots, reviews):
    """Review and release a city year after year: of each report its counts, which are hidden, which withheld."""
    years, reports, lines = [*snapshots], [], ""
    for until in range(len(years) - reviews + 1, len(years) + 1):
        folder = city_folder(toml, staff=table({year: snapshots[year] for year in years[:until]}))
        folder.joinpath("releases.jsonl").write_text(lines)
        try:
            city, frame, found, unsaid = reviewed(folder)
        except DisclosureError:
            break
        hidden = found.hidden.reindex(frame["cell"], fill_value=True).to_numpy(bool)
        reports.append(frame.assign(hidden=hidden, unsaid=unsaid)[~frame["again"]])
        noted = {"date": f"{2025 + until}-04-01", "report": "spring", "until": cells.last_periods(city)}
        held = {"cells": record.shown(frame, found), "hidden": record.kept_back(frame, found)}
        lines += json.dumps(noted | {"rule": rules(city.config)} | held) + "\n"
    return reports


def attacked_together(city_folder, seed, reviews):
    """Attack all reports of a random city together; say whether there were as many as asked for."""
    rng = np.random.default_rng(seed)
    snapshots = drawn(rng, int(rng.choice([60, 120, 200])), reviews + 1)
    least, sensitive = int(rng.choice([3, 5, 10])), str(rng.random() < 0.5).lower()
    toml = TOML.format(least=least, sensitive=sensitive, without="[]")
    reports = released_in_turn(city_folder, toml, snapshots, reviews)
    if len(reports) < reviews:
        return False
    by_cell = pd.concat(reports).groupby("cell", sort=False)
    over = {"hidden": ("hidden", "all"), "unsaid": ("unsaid", "all"), "unshown": ("unshown", "all")}
    known = by_cell.agg(count=("count", "first"), **over).reset_index()
    assert told(Steps(snapshots), known, known["hidden"].to_numpy(), known["unsaid"].to_numpy(), least) == {}, seed
    return True


@pytest.mark.parametrize("seed", [1, 2])
def test_no_hidden_count_is_told_to_who_reads_two_reports(city_folder, seed):
    assert attacked_together(city_folder, seed, 2)


@pytest.mark.slow
@pytest.mark.parametrize("first", (2000, 2010))
def test_no_hidden_count_is_told_to_who_reads_all_reports(city_folder, first):
    found = [attacked_together(city_folder, seed, 2 + seed % 2) for seed in range(first, first + 10)]
    assert sum(found) >= 5, "too few have all their masks to attack"
