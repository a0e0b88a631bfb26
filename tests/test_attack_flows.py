"""Read who came and who went out of the tables of a review, and try to work out counts below ten that they hide.

Nothing of the package is used but to make the review. What happened is counted here anew, in the finest pieces that can
be told apart: who was there at each snapshot, and who was hired, left, rose or newly declared in each step, by grade
and group. Every count that a table could give away is a sum of such pieces, and every sum between stock and flow a rule
about them; so all tables together are one system, whatever they are called.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from attacker import NEAR
from conftest import ROOT
from scipy import sparse
from scipy.optimize import linprog
from scipy.special import ndtri
from test_attack import COMBINED, DECLARED, EVERYONE, LEAST, UNDECLARED, read_tables, said, written

from divimpact import report
from divimpact.sampletown import DIMENSIONS, GRADES, SETTINGS

CODES = SETTINGS["dimensions"]["origin"]["values"]
CAME, WENT = ("hire", "promotion_in", "redeclared_in"), ("exit", "promotion_out", "redeclared_out")
CHANCE, ANEW = ("hire", "exit", "promotion_in", "promotion_out"), ("redeclared_in", "redeclared_out")
CHANGES = {
    "change": CHANCE,
    "from_hires": ("hire",),
    "from_exits": ("exit",),
    "from_promotions": ("promotion_in", "promotion_out"),
    "from_transfers": (),  # nobody is transferred to another grade
    "from_redeclaration": ANEW,
    "unexplained": (*CHANCE, *ANEW),
    "detectable_change": CHANCE,
}
SHARES = ("share", "grade_share", "pass_rate", "uptake")
RATES = {"exit_rate": "exit", "hire_share": "hire", "leaver_rate": "left", "joiner_share": "joined"}
ROSE = {"promotion_rate": "promotion_out", "promotion_ratio": "promotion_out"}  # in the sample to the next grade alone
OUTLOOK = ("required_hire_share", "milestone", "reachable_year", "reachable_exit_rate", "years_at_present")
OUTLOOK += ("long_run_share", "chance_of_target", "projected_share", "assumed_turnover", "required_at_turnover")
OUTLOOK += ("pipeline_share",)
COUNTS = ("numerator", "denominator", "reference_numerator", "reference_denominator")


# What happened, in pieces


@dataclass
class City:
    """How many people each piece counts, and the rules about pieces that everybody knows, each a sum that is nothing.

    A piece is (what, step, grade, dimension, group): "staff" at a period, "hire", "exit", "rise" (to the grade above)
    and "anew" (who newly declared, less who no longer does) in the step that ends there; "in" and "out" is what
    "anew" comes to at one grade or in the whole city, whichever of the two it is.
    """

    pieces: dict
    rules: list

    @property
    def periods(self):
        return sorted({step for what, step, *_ in self.pieces if what == "staff"})

    @property
    def run(self):
        return f"{self.periods[0]}/{self.periods[-1]}"

    def true(self, name):
        return sum(way * self.pieces[piece] for piece, way in count(self, *name).items())


def the_city(folder):
    """Count the pieces in the files of a city, and check that every rule holds."""
    staff, flows = (
        pd.read_csv(folder / f"{name}.csv", dtype="str", keep_default_na=False).rename(columns={"HERKUNFT": "origin"})
        for name in ("staff", "flows")
    )
    assert set(flows["event"]) == {"hire", "exit", "promotion", "transfer", "redeclared_in", "redeclared_out"}
    assert (flows["grade"] == flows["grade_to"])[flows["event"] == "transfer"].all()
    rises = flows[flows["event"] == "promotion"]
    assert (rises["grade"].map(GRADES.index) + 1 == rises["grade_to"].map(GRADES.index)).all()
    sign = {"redeclared_in": ("anew", 1), "redeclared_out": ("anew", -1), "promotion": ("rise", 1)}
    found, periods = Counter(), sorted(set(staff["period"]))
    for table in (staff.assign(event="staff"), flows[(flows["event"] != "transfer") & flows["period"].gt(periods[0])]):
        for dimension, groups in DIMENSIONS.items():
            for row in table.to_dict("records"):
                group = CODES[row[dimension]] if dimension == "origin" else row[dimension]
                assert group in groups
                what, way = sign.get(row["event"], (row["event"], 1))
                found[what, row["period"], row["grade"], dimension, group] += way * int(row["count"])
    pieces = {
        (what, period, grade, dimension, group): found[what, period, grade, dimension, group]
        for dimension, groups in DIMENSIONS.items()
        for number, period in enumerate(periods)
        for what in ["staff"] + ["hire", "exit", "rise", "anew"] * (number > 0)
        for grade in (GRADES[:-1] if what == "rise" else GRADES)
        for group in groups
    }
    rules = [*both_ways(pieces), *accounts(pieces, periods), *alike(pieces)]
    assert all(sum(way * pieces[piece] for piece, way in rule.items()) == 0 for rule in rules)
    return City(pieces, rules)


def both_ways(pieces):
    """Add what newly declaring comes to at each grade and in the city, and say that it is the one less the other."""
    for _, period, _, dimension, group in [piece for piece in pieces if piece[0] == "anew" and piece[2] == GRADES[0]]:
        for grade in ("", *GRADES):
            parts = [("anew", period, one, dimension, group) for one in GRADES if grade in ("", one)]
            net, (into, out) = (
                sum(pieces[part] for part in parts),
                ((way, period, grade, dimension, group) for way in ("in", "out")),
            )
            pieces[into], pieces[out] = max(net, 0), max(-net, 0)
            yield {into: 1, out: -1} | dict.fromkeys(parts, -1)


def accounts(pieces, periods):
    """Who was there before, and came, less who went, is there after."""
    below = dict(pairwise(reversed(GRADES)))
    for what, period, grade, dimension, group in pieces:
        if what == "staff" and period != periods[0]:
            since = periods[periods.index(period) - 1]
            rule = {("staff", since, grade, dimension, group): 1, ("staff", period, grade, dimension, group): -1}
            rule |= {
                (one, period, grade, dimension, group): way for one, way in (("hire", 1), ("exit", -1), ("anew", 1))
            }
            rule |= {("rise", period, grade, dimension, group): -1} if grade != GRADES[-1] else {}
            yield rule | ({("rise", period, below[grade], dimension, group): 1} if grade in below else {})


def alike(pieces):
    """The same people in each dimension; and of everyone at a place as many leave a group by declaring as join one."""
    for what, period, grade in {piece[:3]: None for piece in pieces}:
        of = {
            dimension: [(what, period, grade, dimension, group) for group in groups]
            for dimension, groups in DIMENSIONS.items()
        }
        if what == "anew":
            yield from (dict.fromkeys(parts, 1) for parts in of.values())
        elif what not in ("in", "out"):
            first, *others = of.values()
            yield from (dict.fromkeys(first, 1) | dict.fromkeys(parts, -1) for parts in others)


# Counts as sums of pieces


def members(dimension, group):
    undeclared = UNDECLARED[dimension]
    named = {EVERYONE: DIMENSIONS[dimension], DECLARED: [one for one in DIMENSIONS[dimension] if one != undeclared]}
    return (named | COMBINED).get(group, [group])


def count(city, period, grade, event, dimension, group):
    """Write a count as a sum of pieces: staff at a period, who was "at risk" in a step or run, or who in an event."""
    start, _, end = period.rpartition("/")
    steps = [(one, other) for one, other in pairwise(city.periods) if (start or one) <= one and other <= end]
    steps = steps if start else steps[-1:]
    terms, places = Counter(), [grade] if grade else [*GRADES]
    for one in members(dimension, group):
        if event in ("staff", "at risk"):
            periods = [end] if event == "staff" else [since for since, _ in steps]
            terms.update(("staff", period, place, dimension, one) for period in periods for place in places)
            continue
        for part in {"left": WENT, "joined": CAME}.get(event, (event,)):
            terms.update(piece for _, until in steps for piece in happened(part, until, places, dimension, one))
    return dict(terms)


def happened(event, period, places, dimension, group):
    """Yield the pieces of one event at places, of one step and group."""
    whole = "" if len(places) > 1 else places[0]
    if event in ("hire", "exit"):
        yield from ((event, period, place, dimension, group) for place in places)
    elif event.startswith("redeclared"):
        yield event.removeprefix("redeclared_"), period, whole, dimension, group
    elif event.startswith("promotion") and whole:
        place = GRADES.index(whole) - (event == "promotion_in")
        yield from [("rise", period, GRADES[place], dimension, group)] if 0 <= place < len(GRADES) - 1 else []


def view(period, grade, event):
    """Name the table that a count would stand in: a table can be withheld whole."""
    if event in ("staff", "at risk"):
        return "staff"
    if not grade:
        return "hires" if event == "hire" else "run" if "/" in period else "steps"
    return "grades" if event in ("left", "joined") else "events at grades"


def listed(city):
    """Name every count that tables of staff and flows have: who is in an event at a place, and who could have been."""
    run, steps = city.run, city.periods[1:]
    in_city, at_grades = ("exit", "hire", "redeclared_in", "redeclared_out"), ("left", "joined", *CAME, *WENT)
    places = [(period, grade, "staff") for period in city.periods for grade in ("", *GRADES)]
    places += [(period, "", event) for period in (run, *steps) for event in in_city]
    places += [(run, "", added) for added in ("left", "joined")]
    places += [(run, grade, event) for grade in GRADES for event in at_grades]
    for dimension, groups in DIMENSIONS.items():
        for place in places:
            many = [*(COMBINED if dimension == "origin" else ()), DECLARED]
            unpublished = place[2] in ("left", "joined")  # how many of the undeclared, so of everyone, did
            for group in [*(one for one in groups if not unpublished or one != UNDECLARED[dimension]), *many]:
                yield (*place, dimension, group)
            if not unpublished:
                yield (*place, dimension, EVERYONE)


def besides(name):
    """Name the count of which another is a part, if the rest between the two is given away as well."""
    period, grade, event, dimension, group = name
    if event in ("exit", "left"):
        return period, grade, "at risk", dimension, group
    return None if group in (DECLARED, EVERYONE, UNDECLARED[dimension]) else (period, grade, event, dimension, DECLARED)


# What the tables say


def printed(row, since):
    """Return the columns of a row that hold counts, each with the name of its count."""
    place, dimension, own = (row.period, row.grade), row.dimension, row.group
    if row.measure == "change":
        periods = (row.period.rpartition("/")[2], since)
        names = [(period, row.grade, "staff", dimension, group) for period in periods for group in (own, EVERYONE)]
    elif event := RATES.get(row.measure):
        base = DECLARED if own != UNDECLARED[dimension] else EVERYONE
        whole = ("at risk", dimension, own) if event in ("exit", "left") else (event, dimension, base)
        names = [(*place, event, dimension, own), (*place, *whole)]
    elif event := ROSE.get(row.measure):
        groups = [own, row.reference][: 1 + (row.measure == "promotion_ratio")]
        names = [(*place, what, dimension, group) for group in groups for what in (event, "at risk")]
    elif row.measure in ("from_hires", "from_exits"):
        names = [(*place, *CHANGES[row.measure], dimension, group) for group in (own, EVERYONE)]
    else:
        names = []
    return dict(zip(COUNTS, names, strict=False))


def tried_out(row, since, run, summed):
    """Return the counts that a row's numbers are made from: who tries whole numbers finds those that give all digits.

    A contribution to a change is made from a flow and the staff before and after, its limits from each flow in it; what
    a target needs, and where rates lead, from who left and joined, who could have left, and the staff.
    """
    if row.measure in OUTLOOK:
        start, _, end = run.partition("/")
        added = ("left", "joined") if row.grade or row.dimension in summed else ("exit", "hire")
        places = [(run, event) for event in ("at risk", *added)]
        places, groups = [*places, (start, "staff"), (end, "staff")], (row.group, DECLARED)
    elif row.measure in CHANGES:
        places = [(row.period, event) for event in CHANGES[row.measure]]
        places, groups = [*places, (since, "staff"), (row.period.rpartition("/")[2], "staff")], (row.group, EVERYONE)
    else:
        places, groups = [], ()
    return [(period, row.grade, event, row.dimension, group) for period, event in places for group in groups]


def shown_rows(folder, city):
    """Yield each shown row of both tables on flows, and the snapshot at its start."""
    tables, before = read_tables(folder), {until: since for since, until in pairwise(city.periods)}
    for name, measures in {"trajectory_hiring": (*RATES, *ROSE, *OUTLOOK), "trajectory_change": CHANGES}.items():
        table = tables[name].fillna({"grade": ""}).replace({"grade": {"leadership": GRADES[-1]}})
        assert set(table["measure"]) == set(measures), "each measure is read by this attacker"
        for row in table[~table["suppressed"]].itertuples():
            start, _, end = row.period.rpartition("/")
            yield row, start or before.get(end)


def known_counts(folder, city):
    """Return every count that tables of staff and flows print, or that trying out would tell, by its name."""
    names = {(period, grade, "staff", *of): None for what, period, grade, *of in said(folder) if what == "staff"}
    shown = [*shown_rows(folder, city)]
    summed = {row.dimension for row, _ in shown if row.measure == "joiner_share" and not row.grade}
    for row, since in shown:
        names |= dict.fromkeys([*printed(row, since).values(), *tried_out(row, since, city.run, summed)])
    return {name: city.true(name) for name in names}


def wilson_of(estimate, low, high, confidence):
    """Return the two counts from which a rate and its limits were made: of whom, and how many of them."""
    z, width = ndtri((1 + confidence) / 2), high - low
    over = np.roots([width**2 - 1, 2 * width**2 - 4 * estimate * (1 - estimate), width**2])  # z^2 / n
    people = z**2 / over.max()
    return estimate * people, people


# The attack


def counts_of(city):
    """Return every listed count, and what is between two of them, as sums of pieces."""
    found = {name: count(city, *name) for name in listed(city)}
    for name in [*found]:
        if whole := besides(name):
            rest = Counter(count(city, *whole))
            rest.subtract(found[name])
            found["rest", *name] = dict(rest)
    return found


def rows(city, sums):
    """Return sums of pieces as rows of a matrix, a column for each piece."""
    column = {piece: number for number, piece in enumerate(city.pieces)}
    terms = [(row, column[piece], way) for row, one in enumerate(sums) for piece, way in one.items()]
    row, column, way = np.array(terms).T
    return sparse.csr_matrix((way.astype(float), (row, column)), shape=(len(sums), len(city.pieces)))


def told(city, known):
    """Return the small counts that are told more closely than ten to who knows some counts and every rule.

    A listed count that is not known is at least 1 where it is, but in tables of which nothing is known. Each program
    finds a city that would have published the same; two that differ by ten in a count show that it is not told.
    """
    counts, pieces = counts_of(city), np.array([*city.pieces.values()], float)
    equal = rows(city, [*city.rules, *(count(city, *name) for name in known)])
    names, every = [*counts], rows(city, counts.values())
    truth, tables = every @ pieces, {(name[3], view(*name[:3])) for name in known}
    least = [min(value, (name[-2], view(*name[-5:-2])) in tables) for name, value in zip(names, truth, strict=True)]
    kept = {"A_eq": equal, "b_eq": equal @ pieces, "A_ub": -every, "b_ub": -np.array(least, float)}
    bounds = [(None if piece[0] == "anew" else 0, None) for piece in city.pieces]
    low, high, found = truth.copy(), truth.copy(), {}
    for place in np.flatnonzero((truth > 0) & (truth < LEAST)):
        ends = []
        for way in (1, -1) if high[place] - low[place] < LEAST - NEAR else ():
            answer = linprog(way * every[[place]].toarray()[0], **kept, bounds=bounds, method="highs")
            assert answer.status in (0, 3), answer.message
            ends.append(np.inf if answer.status == 3 else way * answer.fun)
            if answer.status == 0:
                low, high = np.minimum(low, every @ answer.x), np.maximum(high, every @ answer.x)
        if ends and ends[1] - ends[0] < LEAST - NEAR:
            found[names[place]] = (truth[place], *ends)
    return found


@pytest.fixture(scope="module")
def sample():
    return the_city(ROOT / "data" / "sample")


def test_every_count_of_a_flow_that_is_printed_is_true_and_none_is_small(reports, sample):
    folder, found = reports("sample"), 0
    for row, since in shown_rows(folder, sample):
        for column, name in printed(row, since).items():
            assert getattr(row, column) == sample.true(name), (column, row)
            found += 1
    known = known_counts(folder, sample)
    rests = {name: sample.true(besides(name)) - value for name, value in known.items() if besides(name) in known}
    for held in (known, rests):
        assert not {name: value for name, value in held.items() if 0 < value < LEAST}
    assert found > 500 and len(rests) > 300


def test_limits_give_no_count_back_that_is_not_printed(reports):
    found = 0
    for name, table in read_tables(reports("sample")).items():
        for row in table[table["measure"].isin([*SHARES, *RATES]) & table["conf_low"].notna()].itertuples():
            counts = wilson_of(row.estimate, row.conf_low, row.conf_high, row.confidence)
            assert counts == pytest.approx((row.numerator, row.denominator), rel=1e-6, abs=1e-6), (name, row)
            found += 1
    assert found > 1000


def test_contributions_to_a_change_give_no_small_number_of_people_back(reports, sample):
    """Times all staff after, a contribution is the people of the group in a flow less its share of all people in it."""
    found = 0
    for row, since in shown_rows(reports("sample"), sample):
        if row.measure.startswith("from_"):
            people, everyone = (added(sample, row, group) for group in (row.group, EVERYONE))
            end, of = row.period.rpartition("/")[2], (row.grade, "staff", row.dimension)
            before, all_before = (sample.true((since, *of, group)) for group in (row.group, EVERYONE))
            given_back = row.estimate * sample.true((end, *of, EVERYONE)) + before / all_before * everyone
            assert given_back == pytest.approx(people, abs=1e-6), row
            assert not 0 < abs(round(given_back)) < LEAST, row
            found += 1
    assert found > 200


def added(city, row, group):
    """How many people of a group a flow adds."""
    counts = {event: city.true((row.period, row.grade, event, row.dimension, group)) for event in CHANGES[row.measure]}
    return sum(people if event in CAME else -people for event, people in counts.items())


def test_no_small_count_of_a_flow_is_told_by_all_tables_together(reports, sample):
    assert told(sample, known_counts(reports("sample"), sample)) == {}


def test_were_only_small_counts_of_flows_hidden_most_would_be_told(sample):
    truth = {name: sample.true(name) for name in listed(sample)}
    small = [name for name, value in truth.items() if 0 < value < LEAST]
    found = told(sample, [name for name in truth if name not in small])
    assert len(small) > 40
    assert len(found.keys() & {*small}) > 0.9 * len(small)


@pytest.mark.slow
@pytest.mark.parametrize(("staff", "since"), [(500, "2024"), (2500, "2023")])
def test_no_small_count_of_a_flow_is_told_in_small_cities(tmp_path, staff, since):
    """Of these nearly all is hidden, or some of every table and all events at grades."""
    written(tmp_path / "city", "2025", since, staff)
    folder, city = report.review(tmp_path / "city", tmp_path / "report").page.parent, the_city(tmp_path / "city")
    known = known_counts(folder, city)
    assert not {name: value for name, value in known.items() if 0 < value < LEAST}
    assert sum(0 < city.true(name) < LEAST for name in listed(city)) > 50
    assert told(city, known) == {}


TOWN = """
name = "Testville"

[dimensions.origin]
groups = ["none", "abroad"]
reference = "none"
undeclared = "not stated"
"""


@pytest.mark.slow
def test_no_small_count_of_a_table_that_is_withheld_is_told(city_folder, tmp_path):
    """Where nobody declared anew in the run, none did in any step: 92 were there, 18 came, 106 are there, so 4 left."""
    staff, flows = ["2023,none,1000", "2023,abroad,200", "2023,not stated,90"], []
    staff += ["2024,none,1010", "2024,abroad,220", "2024,not stated,92"]
    staff += ["2025,none,1020", "2025,abroad,240", "2025,not stated,106"]
    for year, few, left in (("2024", 12, 10), ("2025", 18, 4)):
        flows += [f"{year},hire,none,100", f"{year},hire,abroad,50", f"{year},hire,not stated,{few}"]
        flows += [f"{year},exit,none,90", f"{year},exit,abroad,30", f"{year},exit,not stated,{left}"]
    texts = {"staff": ["period,origin,count", *staff], "flows": ["period,event,origin,count", *flows]}
    folder = city_folder(TOWN, **{name: "\n".join(rows) for name, rows in texts.items()})
    tables = read_tables(report.review(folder, tmp_path / "report").page.parent)
    measures = {
        "trajectory_progress": "share",
        "trajectory_hiring": "hire_share",
        "trajectory_change": "from_redeclaration",
    }
    here, hired, anew = (
        table[(table["measure"] == measure) & (table["group"] == "not stated")].set_index("period")
        for table, measure in ((tables[name], measure) for name, measure in measures.items())
    )
    left = here["numerator"]["2024"] + hired["numerator"]["2025"] - here["numerator"]["2025"]
    assert not (left == 4 and anew["estimate"]["2023/2025"] == 0)
