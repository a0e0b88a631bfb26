"""One mask for a review and what was released before it: what is hidden, what is refused, and in which words."""

import doctest
import json
from contextlib import suppress
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from attacker import between, matrix, told, told_to_one_alone

from divimpact import cells, counts, disclosure, mask, record, report, representation, schema, tally
from divimpact.config import DataError
from divimpact.mask import DisclosureError, Plan, Policy, audit, plan
from divimpact.schema import read_city

TEN = Policy(min_count=10, declared=0)
YEAR = [("year", ("q1", "q2", "q3"), False)]
TOML = """
name = "Testville"

[dimensions.origin]
groups = ["none", "near", "far"]
reference = "none"
undeclared = "not stated"
sensitive = SENSITIVE

[staff]
grades = ["basic", "senior"]
leadership = ["senior"]

[applications]
stages = ["applied", "invited", "hired"]

[publication]
declared = 0
"""
PLAIN, SENSITIVE = (TOML.replace("SENSITIVE", said) for said in ("false", "true"))


def listing(table="staff", by="period", **counts):
    """Publishable cells, named by letters."""
    listed = pd.DataFrame({"cell": list(counts), "place": list(counts), "count": np.array([*counts.values()], float)})
    return listed.assign(table=table, by=by, dimension="origin", group="far", declared=1, everyone=1)


def released(listed, **said):
    """The same, with what a release says of some of them."""
    known = [(float(said[cell]),) if cell in said else () for cell in listed["cell"]]
    return listed.assign(released=known, release="spring of 2025-04-01", again=False, unknown=False)


def hidden(listed, sums, policy=TEN):
    found = plan(listed, sums, policy).hidden
    return "".join(f"{cell} " for cell in found[found].index).strip()


def crossed(rows, columns, small=()):
    """A table of 20s with margins, some of its counts 3."""
    inner = np.full((rows, columns), 20)
    for place in small:
        inner[place] = 3
    every = np.pad(inner, ((0, 1), (0, 1)))
    every[-1], every[:, -1] = every.sum(axis=0), every.sum(axis=1)
    every[-1, -1] = inner.sum()
    counts = {f"{row},{column}": every[row, column] for row, column in np.ndindex(every.shape)}
    sums = [
        (f"{row},{columns}", tuple(f"{row},{column}" for column in range(columns)), False) for row in range(rows + 1)
    ]
    sums += [
        (f"{rows},{column}", tuple(f"{row},{column}" for row in range(rows)), False) for column in range(columns + 1)
    ]
    return counts, sums


# By hand


def test_of_3_and_12_and_25_the_12_goes_with_the_3():
    assert hidden(listing(q1=3, q2=12, q3=25, year=40), YEAR) == "q1 q2"
    assert hidden(listing(q1=13, q2=12, q3=25, year=50), YEAR) == ""
    assert hidden(listing(q1=0, q2=12, q3=25, year=37), YEAR) == "", "other zeros are shown"


def test_what_is_counted_is_by_table_in_their_order():
    found = plan(
        pd.concat([listing(q1=3, q2=12, q3=25, year=40), listing("uptake", a=8)], ignore_index=True), YEAR, TEN
    )
    assert found.by_table.to_dict("records") == [
        {"table": "staff", "by": "period", "dimension": "origin", "cells": 4, "hidden": 2},
        {"table": "uptake", "by": "period", "dimension": "origin", "cells": 1, "hidden": 1},
    ]


def test_an_audit_names_what_is_told_how_closely_and_to_whom():
    counts = listing(one=1, five=5, thirty=30, together=31, sum=35)
    sums = [("together", ("one", "thirty"), False), ("sum", ("five", "thirty"), False)]
    shown = pd.Series([True, True, True, False, False], counts["cell"])
    found = audit(counts, sums, Plan(TEN, shown))
    assert found.to_dict("records") == [{"cell": "five", "within": 0, "known_by": "one"}]
    assert audit(counts, sums, plan(counts, sums, TEN)).empty


def test_a_small_count_below_the_gate_is_protected_too():
    """The first quarter is hidden because few declared; the others and the year would give its 3."""
    counts = listing(q1=3, q2=12, q3=25, year=40).assign(declared=[10, 90, 90, 190], everyone=[100, 100, 100, 300])
    found = plan(counts, YEAR, Policy()).hidden
    low, high = between(counts["count"], matrix(counts["cell"], YEAR), found.to_numpy(), 0)
    assert high - low >= 10


# All or nothing of a group


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"q1": 12, "q2": 0, "q3": 0, "year": 12}, "q1 q2 q3"),
        ({"q1": 30, "q2": 0, "q3": 20, "year": 50}, "q2"),
        ({"q1": 30, "q2": 20, "q3": 20, "year": 70}, ""),
    ],
)
def test_all_or_nothing_of_a_sum_is_hidden_where_it_says_something_of_each(parts, expected):
    parted = [(*YEAR[0][:2], True)]
    assert set(expected.split()) <= set(hidden(listing(**parts), parted).split())
    assert bool(hidden(listing(**parts), parted)) == bool(expected)
    assert hidden(listing(**parts), YEAR) == "", "but for a sum that does not"
    assert hidden(listing(**parts), parted, Policy(1, 0)) == "", "nor where nothing is small"


def staff(**grades):
    """A table of staff: of each grade, how many of none, near, far and not stated."""
    groups = ("none", "near", "far", "not stated")
    rows = [
        f"2024,{grade},{group},{count}"
        for grade, held in grades.items()
        for group, count in zip(groups, held, strict=True)
    ]
    return "\n".join(["period,grade,origin,count", *rows])


def planned(folder):
    city = read_city(folder)
    listed = cells.publishable(city)
    return city, listed, plan(*listed, Policy(**city.publication))


@pytest.mark.parametrize("middle", ["60", ""])
def test_everyone_is_the_same_in_two_dimensions_whatever_is_missing_in_a_third(city_folder, middle):
    """Of a, 257 and 300 and 3 are eligible; c counts 560 in all, so the 3 would come back though b lacks a count."""
    toml = 'name = "T"\n[publication]\nmin_count = 10\n'
    for name in "abc":
        toml += f'[dimensions.{name}]\ngroups = ["x", "y"]\nreference = "x"\nundeclared = "n"\n'
    eligible = {"a": ("257", "300", "3"), "b": ("300", "200", middle), "c": ("400", "60", "100")}
    users = {"a": (100, 127, 0), "b": (100, 87, 40), "c": (150, 27, 50)}
    files = {
        f"uptake__{name}": f"period,service,{name},users,eligible\n"
        + "\n".join(f"2025,S,{group},{users[name][i]},{eligible[name][i]}" for i, group in enumerate("xyn"))
        for name in "abc"
    }
    _, _, found = planned(city_folder(toml, **files))
    of_a, of_c = (
        [counts.cell("uptake", {"period": "2025", "service": "S"}, name, group, "eligible") for group in "xyn"]
        for name in "ac"
    )
    assert found.hidden[of_a[2]], "the 3"
    assert found.hidden[of_a[:2]].any() or found.hidden[of_c].any(), "else it is 560 - 557"


def test_nobody_of_twelve_is_hidden_in_a_sensitive_dimension_only(city_folder):
    held = staff(basic=(100, 60, 40, 0), senior=(30, 12, 0, 0))
    nobody, all_others, unstated = (
        counts.cell("staff", {"period": "2024", "grade": "senior"}, "origin", *cell)
        for cell in (("far", ""), ("far", "others"), ("not stated", ""))
    )
    found = planned(city_folder(SENSITIVE, staff=held))[2].hidden
    assert found[nobody] and found[all_others], "0 of 42, and so 42 of 42 of others"
    assert not found[unstated], "that all have declared says of none what"
    assert not planned(city_folder(PLAIN, staff=held))[2].hidden.any()


def test_where_nobody_at_all_is_there_nothing_is_said_of_anyone(city_folder):
    assert not planned(city_folder(SENSITIVE, staff=staff(basic=(100, 60, 40, 0), senior=(0, 0, 0, 0))))[2].hidden.any()


def test_that_nobody_was_hired_at_all_can_be_published(city_folder):
    rows = [
        f"2024,{stage},{group},{count}"
        for stage in ("applied", "invited")
        for group, count in [("none", 90), ("near", 60), ("far", 40)]
    ]
    found = planned(city_folder(SENSITIVE, applications="\n".join(["period,stage,origin,count", *rows])))[2]
    assert not found.hidden[counts.cell("applications", {"stage": "invited", "until": "2024"}, "origin", "near", "")]


# In turns


STEP = [("after", ("before", "joined"), False, ("left",))]


def test_what_is_taken_off_is_a_companion_too():
    """30 - 25 are the 7 who joined less the 2 who left: both may be as many more as one likes."""
    assert hidden(listing(before=25, joined=7, left=2, after=30), STEP) == "joined left"
    assert len(hidden(listing(before=25, joined=5, left=0, after=30), STEP).split()) == 2, (
        "5 = 30 - 25 were nobody left"
    )


def test_a_count_shown_nowhere_hides_what_hangs_on_it_unless_all_know_that_it_is_nothing():
    """How many left is not shown: 5 joined, or more; but not where everyone knows that nobody left."""
    nobody = listing(before=25, joined=5, left=0, after=30).assign(unshown=[False, False, True, False])
    nobody = nobody.assign(again=nobody["unshown"])
    assert hidden(nobody, STEP) == "joined"
    assert len(hidden(nobody.assign(fixed=nobody["unshown"]), STEP).split()) == 2


def test_details_that_protect_nothing_are_shown_though_they_were_unknown_before():
    """3 and 12 of 40 are hidden; of the 25 it is shown what they are made of."""
    details = listing(q1=3, q2=12, q3=25, year=40, north=14, south=11).assign(turn=[1, 1, 1, 1, 2, 2])
    assert hidden(details, [*YEAR, ("q3", ("north", "south"), False)]) == "q1 q2"


def test_details_that_would_tell_are_withheld_whole_and_protected_all_the_same():
    """What is the same can be twice nothing only: q1 goes in twos, and the small one needs twice the room."""
    details = listing(q1=3, q2=12, q3=25, year=40, same=3, zero=0).assign(turn=[1, 1, 1, 1, 2, 2])
    sums = [*YEAR, ("q1", ("same", "zero"), False), ("same", ("zero",), False)]
    assert set(hidden(details, sums).split()) == {"q1", "q3", "same", "zero"}


def test_what_one_person_knows_without_any_details_is_no_reason_to_refuse_the_headline():
    """One of two stayed, and once more: who is alone knows that of all who stayed, twice, nobody else did."""
    listed = listing(before=2, many=30, all=32, alone=1, others=29, both=30, joined=0, left=1, exit=1, risk=3, stayed=2)
    details = listed.assign(turn=[0] * 6 + [1] * 5, promised=False)
    sums = [("all", ("before", "many"), False), ("both", ("alone", "others"), False), ("left", ("exit",), False)]
    sums += [("risk", ("before", "alone"), False), ("risk", ("exit", "stayed"), False)]
    sums += [("alone", ("before", "joined"), False, ("left",))]
    found = plan(details, sums, TEN)
    assert found.withheld == ("joined", "left", "exit", "risk", "stayed") and not found.hidden[["all", "both"]].any()
    assert audit(details, sums, found).empty
    known = audit(details, sums, Plan(TEN, found.hidden)).to_dict("records")
    assert {"cell": "stayed", "within": 0, "known_by": "alone"} in known, "if it were published"
    with pytest.raises(DisclosureError, match="stayed group 'far' could be told to within fewer than 10"):
        plan(details.assign(promised=details["cell"] == "risk"), sums, TEN)


def test_what_a_release_told_in_a_detail_is_not_unknown_again():
    """A release told the 3: whether the detail is shown now or not, q1 is known."""
    details = listing(q1=3, q2=12, q3=25, year=40, same=3).assign(turn=[1, 1, 1, 1, 2])
    with pytest.raises(DisclosureError, match="q1 group 'far' could be told to within fewer than 10"):
        plan(released(details, same=3), [*YEAR, ("q1", ("same",), False)], TEN)


def test_what_would_tell_what_a_release_hid_is_hidden():
    """A release hid the 3 and told the 12; the 15 who joined are no small count, but would give the 3 back."""
    then = released(listing(joined=15, far=3, near=12), near=12).assign(turn=[1, 2, 2], again=[False, True, True])
    found = plan(then.assign(promised=then["again"]), [("joined", ("far", "near"), False)], TEN)
    assert found.hidden["joined"]


# What is refused


def test_a_block_too_large_is_refused_with_its_tables():
    inner, sums = crossed(39, 39, small=[(0, 0)])
    refusal = (
        "1,600 counts hang together, more than the 1,500 that can be protected: uptake by period, service, district "
        "(origin) 1,600. Merge groups or places in city.toml."
    )
    with pytest.raises(DisclosureError) as refused:
        plan(listing("uptake", "period, service, district", **inner), sums, TEN)
    assert str(refused.value) == refusal
    plain, sums = crossed(39, 39)
    assert not plan(listing("uptake", "period, service, district", **plain), sums, TEN).hidden.any(), "nothing is small"


def test_a_city_that_is_refused_is_told_what_to_leave_out_and_that_it_is_enough(city_folder, tmp_path):
    """Of 40 grades and 20 groups 1,700 counts hang together on one of 3; without grades nothing is small."""
    groups = [f"g{number}" for number in range(20)]
    toml = f'name = "T"\n[dimensions.origin]\ngroups = {json.dumps(groups)}\nreference = "g0"\nundeclared = "n"\n'
    toml += f"[staff]\ngrades = {json.dumps([f's{number}' for number in range(40)])}\n"
    rows = [
        f"2024,s{grade},{group},{3 if grade + int(group[1:]) == 0 else 20}" for grade in range(40) for group in groups
    ]
    folder = city_folder(toml, staff="\n".join(["period,grade,origin,count", *rows]))
    with pytest.raises(DisclosureError) as refused:
        report.review(folder, tmp_path / "report")
    first, last = str(refused.value).splitlines()
    assert "counts hang together" in first and "staff by period, grade (origin)" in first
    left_out = ["applications by channel", "applications by unit", "applications by intersection"]
    remedy = json.dumps([*left_out, "staff by grade"])
    assert last == f"It can be published with, under [publication], without = {remedy}."
    found = planned(city_folder(f"{toml}\n[publication]\nwithout = {remedy}\n"))[2]
    assert not found.hidden.any()


def test_blocks_that_share_no_count_are_no_larger_together():
    inner, sums = crossed(29, 29, small=[(0, 0)])
    twice = {f"{year} {name}": count for year in "ab" for name, count in inner.items()}
    both = [
        (f"{year} {total}", tuple(f"{year} {part}" for part in parts), parted)
        for year in "ab"
        for total, parts, parted in sums
    ]
    assert plan(listing(**twice), both, TEN).hidden.sum() == 8


def test_what_nothing_can_hide_is_refused_with_table_place_group_and_remedy():
    known = released(listing(q1=3, q2=12, q3=25, year=40, by="period, grade"), q2=12, q3=25, year=40)
    with pytest.raises(DisclosureError) as refused:
        plan(known, YEAR, TEN)
    assert str(refused.value) == (
        "staff by period, grade (origin): q1 group 'far' could be told to within fewer than 10, from what is shown, "
        "what was released or what one person knows. Merge such groups or places with others in city.toml."
    )


@pytest.mark.parametrize(
    ("names", "rule"), [(["a", "a"], "twice or without a name"), (["a", None], "twice or without a name")]
)
def test_a_cell_twice_or_without_a_name_is_refused(names, rule):
    with pytest.raises(ValueError, match=f"1 cells are listed {rule}"):
        plan(listing(x=3, y=40).assign(cell=names), [], TEN)


@pytest.mark.parametrize("count", [0.5, -3])
def test_what_is_no_number_of_people_is_refused(count):
    with pytest.raises(ValueError, match="1 cells hold no whole number of people, the first is y"):
        plan(listing(x=3, y=count), [], TEN)


# Beside what was released


QUARTERS = {"q1": 3, "q2": 12, "q3": 25, "year": 40}


def test_the_same_released_again_hides_the_same():
    first = plan(listing(**QUARTERS), YEAR, TEN).hidden
    said = {cell: QUARTERS[cell] for cell in first[~first].index}
    pd.testing.assert_series_equal(plan(released(listing(**QUARTERS), **said), YEAR, TEN).hidden, first)


def test_what_was_released_is_known_and_no_companion():
    # 12 would be the cheaper companion, but everybody knows it
    assert hidden(released(listing(**QUARTERS), q2=12), YEAR) == "q1 q3"


def test_a_smallest_count_that_was_raised_asks_for_no_companion():
    """The 7 is public: whether it is shown again or not, to hide others with it would protect nobody."""
    before = {"q1": 7, "q2": 12, "q3": 25, "year": 44}
    assert hidden(listing(**before), YEAR, Policy(5, 0)) == ""
    assert hidden(released(listing(**before), **before), YEAR) in ("", "q1")


@pytest.mark.parametrize("step", [1, -9])
def test_a_revision_by_a_few_is_refused_with_the_release_and_the_table(step):
    revised = listing(**(QUARTERS | {"q1": 30, "q2": 50, "year": 105}))
    with pytest.raises(DisclosureError) as refused:
        plan(released(revised, q2=50 + step), YEAR, TEN)
    assert str(refused.value) == (
        "staff by period (origin) beside the release spring of 2025-04-01: it now differs from what is public by fewer "
        "than can be shown: q2. Keep the rows of these periods as they were when they were released; what closes later "
        "has a later period."
    )


@pytest.mark.parametrize("step", [10, -10])
def test_a_revision_by_many_is_no_small_count(step):
    assert hidden(released(listing(q1=30, q2=50, q3=25, year=105), q2=50 + step), YEAR) == ""


def test_a_revision_is_free_where_nothing_is_small():
    assert hidden(released(listing(q1=3, q2=5, q3=25, year=33), q2=4), YEAR, Policy(1, 0)) == ""


def test_a_count_that_became_small_is_hidden_again():
    assert "q1" in hidden(released(listing(**QUARTERS), q1=33), YEAR)


def test_groups_that_nobody_knows_now_are_refused():
    known = released(listing(q1=30, q2=50), q2=50).assign(unknown=[False, True])
    with pytest.raises(DisclosureError, match=r"beside the release spring .*: it counts groups or places that are not"):
        plan(known, [], TEN)


def release_of(folder):
    """What a release of this folder's review would note."""
    city, listed, mask = planned(folder)
    noted = {"until": cells.last_periods(city), "rule": schema.rules(city.config)}
    held = {"cells": record.shown(listed.frame, mask), "hidden": record.kept_back(listed.frame, mask)}
    return {"date": "2025-04-01", "report": "spring"} | noted | held


def after(folder, *releases):
    """The city of a folder after releases."""
    folder.joinpath("releases.jsonl").write_text("".join(json.dumps(release) + "\n" for release in releases))
    return folder


def test_the_same_city_reviewed_after_its_release_hides_the_same(city_folder):
    folder = city_folder(PLAIN, staff=staff(basic=(100, 60, 3, 9), senior=(30, 12, 4, 0)))
    before, release = planned(folder)[2], release_of(folder)
    assert before.hidden.any()
    pd.testing.assert_series_equal(planned(after(folder, release))[2].hidden, before.hidden)


def test_groups_that_were_renamed_are_refused(city_folder):
    held = staff(basic=(100, 60, 30, 20), senior=(30, 12, 14, 10))
    release = release_of(city_folder(PLAIN, staff=held))
    renamed = city_folder(PLAIN.replace('"far"', '"abroad"'), staff=held.replace("far", "abroad"))
    with pytest.raises(
        DisclosureError, match=r"staff by release \(origin\) beside the release spring of 2025-04-01: it counts"
    ):
        planned(after(renamed, release))


def test_that_a_dimension_is_sensitive_stands_after_a_release(city_folder):
    """Of far in senior there is nobody; that was hidden, and would be shown."""
    held = staff(basic=(100, 60, 40, 0), senior=(30, 12, 0, 0))
    nobody = counts.cell("staff", {"period": "2024", "grade": "senior"}, "origin", "far", "")
    release = release_of(city_folder(SENSITIVE, staff=held))
    assert nobody in release["hidden"] and not planned(city_folder(PLAIN, staff=held))[2].hidden[nobody]
    with pytest.raises(DataError, match=r"^city.toml, key dimensions.origin.sensitive: is false, and was true at the "):
        planned(after(city_folder(PLAIN, staff=held), release))
    release = release_of(after(city_folder(PLAIN, staff=held)))
    assert nobody in release["cells"]
    planned(after(city_folder(SENSITIVE, staff=held), release))


@pytest.mark.parametrize("change", ["combine", "leadership"])
def test_a_sum_keeps_its_name_after_a_release(city_folder, change):
    """A sum of others is called the same: 62 and 46 are further apart than may be shown, and no revision."""
    toml = PLAIN.replace("sensitive", 'combine = { abroad = ["near", "far"] }\nsensitive')
    held = staff(basic=(100, 60, 30, 20), senior=(30, 12, 14, 10))
    changed = {
        "combine": ('abroad = ["near", "far"]', 'abroad = ["none", "far"]'),
        "leadership": ('p = ["s', 'p = ["basic", "s'),
    }
    release = release_of(city_folder(toml, staff=held))
    key = {"combine": "dimensions.origin.combine.abroad", "leadership": "staff.leadership"}[change]
    with pytest.raises(
        DataError, match=f"^city.toml, key {key}: is .*, and was .* at the release spring of 2025-04-01"
    ):
        planned(after(city_folder(toml.replace(*changed[change]), staff=held), release))


def test_grades_that_a_release_hid_altogether_are_not_merged_after_it(city_folder):
    """4 of near in each of three grades, and every other count of them, were hidden; 12 together leave each 1 to 10."""
    toml = SENSITIVE.replace('"none", "near", "far"', '"none", "near"').replace('undeclared = "not stated"\n', "")
    toml = toml.replace('["senior"]', "[]").replace('"basic", "senior"', '"basic", "middle", "upper", "senior"')
    held, merged = (
        "\n".join(row for row in staff(**of).splitlines() if "far" not in row and "not stated" not in row)
        for of in (
            {"basic": (90, 60, 0, 0)} | dict.fromkeys(("middle", "upper", "senior"), (4, 4, 0, 0)),
            {"basic": (90, 60, 0, 0), "senior": (12, 12, 0, 0)},
        )
    )
    release = release_of(city_folder(toml, staff=held))
    assert not any('"grade": "upper"' in name for name in release["cells"])
    later = city_folder(toml.replace('"middle", "upper", ', ""), staff=merged)
    assert not planned(after(later))[2].hidden.any()
    with pytest.raises(DisclosureError, match="it counts groups or places that are not counted now"):
        planned(after(later, release))


def test_earlier_groups_named_as_sums_are_fine(city_folder):
    held = staff(basic=(100, 60, 30, 20), senior=(30, 12, 14, 10))
    merged = PLAIN.replace('"near", "far"', '"abroad"')
    values = {"near": "abroad", "far": "abroad", "none": "none", "not stated": "not stated"}
    merged += "\n[dimensions.origin.values]\n" + "\n".join(f'"{code}" = "{group}"' for code, group in values.items())
    release = release_of(city_folder(merged, staff=held))
    named = PLAIN.replace("sensitive", 'combine = { abroad = ["near", "far"] }\nsensitive')
    assert not planned(after(city_folder(named, staff=held), release))[2].hidden.any()


def uses(held, eligible=200):
    """A table of uptake: of each period, service and district, users of none, near, far and not stated."""
    groups = ("none", "near", "far", "not stated")
    rows = [
        f"{','.join(place)},{group},{count},{of}"
        for place, users in held.items()
        for group, count, of in zip(groups, users, np.broadcast_to(eligible, 4), strict=True)
    ]
    return "\n".join(["period,service,district,origin,users,eligible", *rows])


def test_the_sum_over_grades_that_was_released_is_known(city_folder):
    """The first review showed the city only; now 4 of far in senior are hidden, and basic cannot stay shown."""
    held = staff(basic=(100, 60, 30, 20), senior=(50, 40, 4, 20))
    release = release_of(city_folder(PLAIN.replace("= 0\n", '= 0\nwithout = ["staff by grade"]\n'), staff=held))
    _, listed, mask = planned(after(city_folder(PLAIN, staff=held), release))
    assert_withstands(listed, mask.hidden, known=[*release["cells"]])
    assert not mask.hidden[[*release["cells"]]].any()


def assert_withstands(listed, mask, known=(), least=10):
    """No small count of a list is told, whatever else is known of it."""
    listed_counts, names = listed.frame["count"].to_numpy(), listed.frame["cell"]
    closed = mask.reindex(names, fill_value=True).to_numpy(bool)  # what only a release had listed is not shown again
    hides, rows = closed & ~names.isin(known).to_numpy(), matrix(names, listed.sums)
    small = np.flatnonzero(hides & (listed_counts > 0) & (listed_counts < least))
    assert told(listed_counts, rows, hides, small, least) == {}
    assert told_to_one_alone(listed_counts, rows, hides, least) == {}


def assert_both_withstand(first, second, least=10):
    """No small count is told to who reads two reports, each given as its list of cells and its mask.

    Of a table that both withhold nobody knows that a hidden count is at least 1.
    """
    (one, mask), (other, mask_then) = first, second
    together = pd.concat([one.frame, other.frame]).drop_duplicates("cell")
    names, listed_counts = together["cell"], together["count"].to_numpy()
    totals = {(each.total, each.parts) for each in one.sums}
    finer = {each.total: len(each.parts) for each in one.sums}
    later = [each for each in other.sums if (each.total, each.parts) not in totals and each.total not in finer]
    rows = matrix(names, [*one.sums, *later])
    closed = [of.hidden.reindex(names, fill_value=True).to_numpy(bool) for of in (mask, mask_then)]
    said = [names.isin(each.frame["cell"]) & ~names.isin(of.withheld) for each, of in (first, second)]
    small = np.flatnonzero(closed[0] & (listed_counts > 0) & (listed_counts < least) & names.isin(one.frame["cell"]))
    unsaid = ~(said[0] | said[1]).to_numpy()
    assert told(listed_counts, rows, closed[0] & closed[1], small, least, unsaid=unsaid) == {}


@pytest.mark.parametrize(("basic", "senior"), [(5, 5), (4, 7), (30, 4)])
def test_what_a_release_hid_stays_hidden_when_its_breakdown_is_left_out(city_folder, basic, senior):
    """5 and 5 of far were hidden, and their 10 with them: it would leave each 1 to 9, and must not be shown later."""
    held = staff(basic=(100, 60, basic, 20), senior=(50, 40, senior, 20))
    folder = city_folder(PLAIN, staff=held)
    _, listed, mask = planned(folder)
    release = release_of(folder)
    coarser = city_folder(PLAIN.replace("= 0\n", '= 0\nwithout = ["staff by grade"]\n'), staff=held)
    _, later, later_mask = planned(after(coarser, release))
    assert_both_withstand((listed, mask), (later, later_mask))


def assert_a_year_later_nothing_is_told(city_folder, seed):
    rng, places = np.random.default_rng(seed), [*product("AB", "NS")]
    some = {
        (f"2024-Q{quarter}", *place): rng.choice([0, 2, 5, 11, 13, 20, 30], 4) for quarter in (1, 2) for place in places
    }
    many = {("2025-Q1", *place): rng.integers(20, 40, 4) for place in places}
    folder = city_folder(PLAIN, uptake=uses(some))
    _, listed, mask = planned(folder)
    release = release_of(folder)
    _, later, later_mask = planned(after(city_folder(PLAIN, uptake=uses(some | many)), release))
    assert_both_withstand((listed, mask), (later, later_mask))


@pytest.mark.parametrize("seed", [36, 0])
def test_what_a_release_hid_stays_hidden_a_year_later(city_folder, seed):
    """Districts are counted over the last year: a year later those of 2024 are not listed, but its quarters are."""
    assert_a_year_later_nothing_is_told(city_folder, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 140))
def test_what_releases_hid_stays_hidden_a_year_later(city_folder, seed):
    with suppress(DisclosureError):
        assert_a_year_later_nothing_is_told(city_folder, seed)


@pytest.mark.parametrize(("place", "new"), [(1, "All advice"), (2, "North and South")])
def test_places_that_were_merged_after_a_release_are_refused(city_folder, place, new):
    """Of far in S, 4 were hidden beside 54 in N; merged they are 58, and 58 - 54 tells the 4."""
    held = {("2024", "Advice", "N"): (90, 60, 54, 40), ("2024", "Advice", "S"): (90, 60, 4, 40)}
    release = release_of(city_folder(PLAIN, uptake=uses(held | {("2024", "Sports", "N"): (90, 60, 54, 40)})))
    renamed = {(*where[:place], new, *where[place + 1 :]): users for where, users in held.items() if place == 1}
    merged = renamed or {("2024", "Advice", new): (180, 120, 58, 80)}
    with pytest.raises(DisclosureError, match="it counts groups or places that are not counted now"):
        planned(after(city_folder(PLAIN, uptake=uses(merged, 400)), release))


def test_a_year_that_goes_on_does_not_tell_what_was_hidden_of_its_start(city_folder):
    """Of far, 4 were hidden by June; with 6 more in autumn they are 10 of the same year, and were 1 to 10."""
    far = {"S": (2, 2, 6)}
    held = {
        (f"2024-Q{quarter}", "Advice", district): (90, 60, users[quarter - 1], 40)
        for quarter in (1, 2, 3)
        for district, users in far.items()
    }
    by_june = {place: users for place, users in held.items() if place[0] < "2024-Q3"}
    release = release_of(city_folder(PLAIN, uptake=uses(by_june)))
    place = {"period": "2024", "service": "Advice"}
    june, autumn = (
        counts.cell("uptake", place | {"until": f"2024-Q{quarter}"}, "origin", "far", "users") for quarter in (2, 3)
    )
    assert june not in release["cells"]
    _, (listed, _), found = planned(after(city_folder(PLAIN, uptake=uses(held)), release))
    assert listed.set_index("cell")["count"][[june, autumn]].tolist() == [4, 10]
    assert found.hidden[autumn], "10 - 4 = 6, and 1 to 10 is 9 apart"


def applied(**years):
    """Applications of none, near and far by year: of near and far, how many were hired of 73 and 79."""
    rows = []
    for year, (near, far) in years.items():
        reached = {"none": (40, 10, 50), "near": (30, 43 - near, near), "far": (30, 49 - far, far)}
        for group, held in reached.items():
            stages = zip(("applied", "invited", "hired"), held, strict=True)
            rows += [f"{year.strip('y')},{stage},{group},{count}" for stage, count in stages]
    return "\n".join(["period,stage,origin,count", *rows])


def test_a_step_of_one_does_not_tell_what_was_hidden_before_it(city_folder):
    """14 of near and 9 of far were hidden in 23; now one more is hired, and far would be 10: it was 9."""
    folder = city_folder(PLAIN, applications=applied(y2024=(14, 9)))
    release, mask = release_of(folder), planned(folder)[2].hidden
    far, both = (
        counts.cell("applications", {"stage": "hired", "until": "2024"}, "origin", who, "")
        for who in ("far", tally.DECLARED)
    )
    assert mask[far] and not mask[both]
    with pytest.raises(DisclosureError, match=r"applications .*beside the release spring .*: it now differs"):
        planned(after(city_folder(PLAIN, applications=applied(y2024=(14, 10))), release))


def test_a_further_year_of_applications_is_reviewed_and_its_small_counts_are_hidden(city_folder):
    """Applications are counted over all years: 40 of near were hired, then 44; the 4 of the second year are hidden."""
    release = release_of(city_folder(PLAIN, applications=applied(y2024=(40, 30))))
    folder = after(city_folder(PLAIN, applications=applied(y2024=(40, 30), y2025=(4, 30))), release)
    _, listed, mask = planned(folder)
    then, now = (
        counts.cell("applications", {"stage": "hired", "until": year}, "origin", "near", "")
        for year in ("2024", "2025")
    )
    assert release["cells"][then] == 40 and mask.hidden[now], "44 - 40 = 4"
    assert_withstands(listed, mask.hidden, known=[*release["cells"]])
    assert not mask.hidden[now.replace("hired", "applied")], "the review still says something"


# What is known beside the sums of one table


def test_few_people_of_a_district_are_no_larger_for_being_counted_every_month(city_folder):
    """Two of far live in S, one of whom uses Advice each month: 24 person-months would be shown, and are two people."""
    held, eligible = [], {"N": (900, 600, 400, 60), "E": (800, 500, 300, 50), "S": (700, 400, 2, 40)}
    for month in range(1, 13):
        for district, people in eligible.items():
            users = (90, 60, 1 if district == "S" else 40, 20)
            held.append(uses({(f"2024-{month:02}", "Advice", district): users}, people))
    table = "\n".join([held[0], *(rows.partition("\n")[2] for rows in held[1:])])
    _, (listed, sums), found = planned(city_folder(PLAIN, uptake=table))
    of_district = listed[listed["view"] == "period, service, district"]
    assert set(of_district["place"].str.partition(", ")[0]) == {"2024-12"}
    eligible = counts.cell(
        "uptake", {"period": "2024-12", "service": "Advice", "district": "S"}, "origin", "far", "eligible"
    )
    assert found.hidden[eligible]
    count = listed.set_index("cell")["count"]
    for total, parts, _, less in sums:
        assert count[total] == count[[*parts]].sum() - count[[*less]].sum(), (total, parts, less)


def quarterly(**far):
    """Uptake of one service in quarters of 2024: many of none and near, and of far as many users as is said."""
    return uses({(f"2024-{quarter}", "Advice", "N"): (90, 60, users, 40) for quarter, users in far.items()}, 400)


def of_far(member="far", **place):
    return counts.cell("uptake", {"period": "2024", "service": "Advice"} | place, "origin", member, "users")


@pytest.mark.parametrize(("third", "small"), [(9, True), (10, False)])
def test_a_year_of_few_people_is_hidden_however_often_they_came(city_folder, third, small):
    """8 and 9 in each of four quarters may be nine people, who are 33 person-periods; 10 in one of them are ten."""
    table = quarterly(Q1=8, Q2=8, Q3=third, Q4=8)
    _, (listed, _), found = planned(city_folder(PLAIN, uptake=table))
    assert listed.set_index("cell").loc[of_far(until="2024-Q4"), ["count", "people"]].tolist() == [24 + third, third]
    assert found.hidden[of_far(until="2024-Q4")] == small
    assert not found.hidden[of_far(member=tally.EVERYONE, until="2024-Q4")]


def test_a_year_that_goes_on_does_not_tell_how_few_came_since(city_folder):
    """Of far 20 came in spring; in autumn 6 and 6, perhaps the same: 52 less 40 would say so."""
    release = release_of(city_folder(PLAIN, uptake=quarterly(Q1=20, Q2=20)))
    assert release["cells"][of_far(until="2024-Q2")] == 40
    later = city_folder(PLAIN, uptake=quarterly(Q1=20, Q2=20, Q3=6, Q4=6))
    _, (listed, _), found = planned(after(later, release))
    since = of_far(after="2024-Q2", until="2024-Q4")
    assert listed.set_index("cell").loc[since, ["count", "people"]].tolist() == [12, 6]
    assert found.hidden[of_far(until="2024-Q4")]


def test_what_only_releases_list_is_called_by_its_table():
    known = released(listing("flows", q1=3, q2=12, q3=25, year=40, by="since a release, grade"), q2=12, q3=25, year=40)
    with pytest.raises(DisclosureError, match=r"^flows by grade \(origin\): q1 group 'far' could be told"):
        plan(known.assign(view="grade"), YEAR, TEN)


def test_districts_that_would_tell_a_small_count_are_withheld_not_the_city_refused(city_folder):
    """1 and 9 of far are hidden in the city as 10 of both quarters; nothing of districts of the last can be shown."""
    held = {
        (f"2024-Q{quarter}", "Advice", district): (9, 6, far, 1)
        for quarter, of in ((1, (3, 4)), (2, (1, 2)))
        for district, far in zip("NS", of, strict=True)
    }
    _, listed, found = planned(city_folder(SENSITIVE, uptake=uses(held, (12, 11, 5, 2))))
    assert found.withheld and all('"district"' in name for name in found.withheld)
    assert audit(*listed, found).empty


def test_eligible_people_who_are_the_same_for_every_service_are_known_from_each(city_folder):
    """Where eligible are the inhabitants, what is hidden under one service must not be shown under another."""
    rng, held = np.random.default_rng(0), []
    for district in "NESW":
        eligible = rng.choice([7, 15, 25, 40, 60, 90, 150], 4)
        held += [uses({("2024", service, district): rng.binomial(eligible, 0.4)}, eligible) for service in "AB"]
    table = "\n".join([held[0], *(rows.partition("\n")[2] for rows in held[1:])])
    _, listed, mask = planned(city_folder(PLAIN, uptake=table))
    same = {}
    for name in listed.frame["cell"]:
        _, place, _, member, part = json.loads(name)
        if part == "eligible":
            same.setdefault((place.get("district"), str(member)), []).append(name)
    also = [(one, (other,), False) for names in same.values() for one, other in pairwise(names)]
    assert_withstands(listed._replace(sums=(*listed.sums, *also)), mask.hidden)
    assert not mask.withheld and 0 < mask.hidden.sum() < len(mask.hidden)


def test_eligible_people_who_are_the_same_are_known_though_another_service_stands_between(city_folder):
    """Advice and Sports are for all inhabitants, Kids is not: what is hidden under Advice is known from Sports."""
    rng, held = np.random.default_rng(1), []
    for district in "NESW":
        every, some = rng.choice([3, 7, 15, 25, 40, 60, 90], (2, 4))
        for service, eligible in (("Advice", every), ("Kids", some), ("Sports", every)):
            held.append(uses({("2024", service, district): rng.binomial(eligible, 0.4)}, eligible))
    table = "\n".join([held[0], *(rows.partition("\n")[2] for rows in held[1:])])
    _, listed, mask = planned(city_folder(PLAIN, uptake=table))
    advice = [name for name in listed.frame["cell"] if "Advice" in name and '"eligible"' in name]
    also = [(name.replace("Advice", "Sports"), (name,), False) for name in advice]
    assert_withstands(listed._replace(sums=(*listed.sums, *also)), mask.hidden)


def test_users_are_protected_where_nobody_knows_how_many_are_eligible(city_folder):
    """4 of far: what is not known adds up to nothing known, and is no reason to refuse."""
    held = uses({("2024", "Advice", "N"): (90, 60, 4, 40)}).replace(",200", ",")
    _, listed, mask = planned(city_folder(PLAIN, uptake=held))
    far = counts.cell("uptake", {"period": "2024", "service": "Advice"}, "origin", "far", "users")
    assert mask.hidden[far] and mask.hidden.sum() > 1
    known = listed.frame["count"].notna()
    sums = [one for one in listed.sums if set(listed.frame["cell"][known]) >= {one.total, *one.parts}]
    assert_withstands(cells.Cells(listed.frame[known], tuple(sums)), mask.hidden)


def test_who_is_lost_at_one_step_is_lost_on_the_whole_way(city_folder):
    """The one of far who was not hired was not invited either: who is alone in both counts is one person."""
    held = "period,stage,origin,count\n2024,applied,none,50\n2024,hired,none,90\n2024,applied,far,1\n2024,hired,far,14"
    _, listed, mask = planned(city_folder(PLAIN, applications=held))
    assert_withstands(listed, mask.hidden)


def test_a_grade_that_the_data_call_leadership_is_a_grade(city_folder):
    """Without [staff] in city.toml it is no sum of others: 3 of far in it are not to be told by 43 - 40."""
    toml = PLAIN.replace('[staff]\ngrades = ["basic", "senior"]\nleadership = ["senior"]\n', "")
    held = staff(clerk=(50, 40, 40, 30), leadership=(20, 20, 3, 12))
    _, listed, mask = planned(city_folder(toml, staff=held))
    city, clerk, led = (
        counts.cell("staff", {"period": "2024"} | grade, "origin", "far", "")
        for grade in ({}, {"grade": "clerk"}, {"grade": "leadership"})
    )
    assert (city, (clerk, led), False, ()) in listed.sums
    assert_withstands(listed, mask.hidden)


def test_published_percentages_add_up_over_grades(city_folder):
    """192 of 240 are none in the city and 160 of 200 in basic: the 32 of 40 in senior, beside 8, are not told."""
    held = {"": (0.8, 0.2, 240), "basic": (0.8, 0.2, 200), "senior": (0.8, 0.2, 40)}
    rows = [
        f"2022,origin,{group},{grade},{share},{base}"
        for grade, (*shares, base) in held.items()
        for group, share in zip(("none", "both"), shares, strict=True)
    ]
    toml = PLAIN.replace("sensitive", 'combine = { both = ["near", "far"] }\nsensitive')
    _, listed, mask = planned(city_folder(toml, shares="\n".join(["period,dimension,group,grade,share,base", *rows])))
    of = {grade: counts.cell("shares", {"period": "2022", "grade": grade}, "origin", "none", "") for grade in held}
    assert mask.hidden[of["senior"]] and (mask.hidden[of[""]] or mask.hidden[of["basic"]])
    assert_withstands(listed, mask.hidden)


def test_published_percentages_of_one_base_are_protected_together(city_folder):
    rows = [f"2022,origin,{group},{share},200" for group, share in {"none": 0.6, "near": 0.38, "far": 0.02}.items()]
    shares = "\n".join(["period,dimension,group,share,base", *rows])
    city, _, mask = planned(city_folder(PLAIN, shares=shares))
    found = disclosure.protect(representation.published_shares(counts.shares(city)), mask).frame
    assert found["suppressed"].sum() != 1, "4 = 200 - 120 - 76"


@pytest.mark.parametrize(("toml", "suppressed"), [(SENSITIVE, True), (PLAIN, False)])
def test_a_published_percentage_of_all_or_nothing_is_hidden_where_that_is_sensitive(city_folder, toml, suppressed):
    rows = "2022,origin,none,0.6,200\n2022,origin,near,0.4,200\n2022,origin,far,0,200\n2023,origin,far,0.2,200"
    city, listed, mask = planned(city_folder(toml, shares=f"period,dimension,group,share,base\n{rows}"))
    found = disclosure.protect(representation.published_shares(counts.shares(city)), mask).frame
    found = found.set_index(["period", "group"])["suppressed"]
    assert found["2022", "far"] == suppressed and not found["2023", "far"]
    assert found[:"2022"].sum() != 1, "0 = 200 - 120 - 80"
    assert_withstands(listed, mask.hidden)


def test_a_published_percentage_of_what_staff_counts_is_refused(city_folder):
    """0.77 % of 520 are the 4 that are hidden."""
    held = "period,origin,count\n2022,none,500\n2022,near,16\n2022,far,4\n2022,not stated,30"
    shares = "period,dimension,group,share\n2022,origin,far,0.0077"
    with pytest.raises(DataError, match="shares, column period: has origin of 2022, which staff counts"):
        planned(city_folder(PLAIN, staff=held, shares=shares))


def test_examples_of_the_docstrings_run():
    assert doctest.testmod(mask).failed == 0
