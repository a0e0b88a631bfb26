"""What may be published: the mask, the tables behind it, and that both fail closed."""

import copy
import doctest
import sys
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact import benchmarks, cells, counts, disclosure, funnel, representation, trajectory, uptake
from divimpact.disclosure import DisclosureError, Policy, SafeTable, masked, plan, protect
from divimpact.estimates import COLUMNS as ESTIMATE
from divimpact.intervals import holm
from divimpact.schema import read_city

TEN = Policy(min_count=10, declared=0)
TOML = """
name = "Testville"

[dimensions.origin]
groups = ["here", "near", "far"]
reference = "here"
undeclared = "silent"
combine = { abroad = ["near", "far"] }

[staff]
grades = ["low", "high"]
leadership = ["high"]

[applications]
stages = ["applied", "invited", "hired"]
"""


def listing(declared=1, everyone=1, **counts):
    """Publishable cells, named by letters."""
    cells = pd.DataFrame({"cell": list(counts), "count": list(counts.values())})
    return cells.assign(table="staff", by="period", dimension="origin", declared=declared, everyone=everyone)


def rates(**columns):
    """Estimates of four groups that rest on the cells a to d, of which c is small."""
    rows = {
        "measure": "share",
        "group": ["g1", "g2", "g3", "g4"],
        "numerator": [20, 30, 4, 0],
        "denominator": [100, 100, 100, 100],
        "estimate": [0.2, 0.3, 0.04, 0.0],
        "method": "wilson",
        "cells": [("a",), ("b",), ("c",), ("d", "a")],
    }
    return pd.DataFrame(rows | columns)


MASK = plan(listing(a=20, b=30, c=4, d=0), (), TEN)


# The mask


def test_six_cells_masked_by_hand():
    found = plan(listing(none=0, one=1, nine=9, ten=10, many=10**12, unknown=np.nan), (), TEN)
    hidden = {"none": False, "one": True, "nine": True, "ten": False, "many": False, "unknown": False}
    assert found.hidden.to_dict() == hidden
    assert found.by_table.to_dict("records") == [
        {"table": "staff", "by": "period", "dimension": "origin", "cells": 6, "hidden": 2}
    ]


def test_with_a_smallest_count_of_one_nothing_is_small():
    assert not plan(listing(a=0, b=1, c=2), (), Policy(min_count=1, declared=0)).hidden.any()


@pytest.mark.parametrize("count", [0.5, -3])
def test_a_count_that_cannot_be_is_refused(count):
    with pytest.raises(ValueError, match="1 cells hold no whole number of people, the first is b"):
        plan(listing(a=20, b=count), (), TEN)


def test_a_dimension_that_too_few_declared_is_hidden_whole():
    assert plan(listing(59, 100, a=0, b=9, c=59), (), Policy()).hidden.tolist() == [True] * 3
    assert plan(listing(60, 100, a=0, b=9, c=59), (), Policy()).hidden.tolist() == [False, True, False]
    assert plan(listing(0, 0, a=0), (), Policy()).hidden.tolist() == [False], (
        "where nobody is there is nothing to declare"
    )
    assert plan(listing(np.nan, np.nan, a=80), (), Policy()).hidden.tolist() == [False], "published percentages"


@pytest.mark.parametrize("share", [0.6, 0.07, 0.29, 0.57, 1 / 3, 0.1 + 0.2, 0.999, 1e-05, 1, 0.0, np.float64(0.6)])
@pytest.mark.parametrize("size", [1, 7, 10**6])
def test_the_gate_is_exact_at_its_border(share, size):
    gate = Fraction(str(share))
    declared, everyone = gate.numerator * size, gate.denominator * size
    if everyone < 2**53:
        assert plan(listing(declared, everyone, a=50), (), Policy(declared=share)).hidden.tolist() == [False]
        fewer = plan(listing(max(declared - 1, 0), everyone, a=50), (), Policy(declared=share)).hidden.tolist()
        assert fewer == [bool(declared)]


@pytest.mark.parametrize("names", [["a", "a"], ["a", None]])
def test_a_cell_twice_or_without_a_name_is_refused(names):
    with pytest.raises(ValueError, match="1 cells are listed twice or without a name"):
        plan(listing(x=3, y=40).assign(cell=names), (), TEN)


def test_nothing_may_be_published_of_a_city_without_counts():
    nothing = plan(listing(a=1).iloc[:0], (), TEN)
    assert nothing.hidden.empty and nothing.by_table.empty
    with pytest.raises(ValueError, match="4 cells are not among those the review may publish"):
        protect(rates(), nothing)


# What is left of a table


def test_four_rows_protected_by_hand():
    expected = pd.DataFrame(
        {
            "measure": "share",
            "group": ["g1", "g2", "g3", "g4"],
            "numerator": pd.array([20, 30, None, 0], "Int64"),
            "denominator": pd.array([100, 100, None, 100], "Int64"),
            "estimate": [0.2, 0.3, np.nan, 0.0],
            "method": ["wilson", "wilson", None, "wilson"],
            "suppressed": [False, False, True, False],
        }
    )
    given, kept = rates(), rates()
    assert_frame_equal(protect(given, MASK).frame, expected)
    assert_frame_equal(given, kept)


def test_a_row_vanishes_with_any_of_its_cells():
    found = protect(rates(cells=[("a", "b"), ("b", "c"), ("c", "c"), ["d"]]), MASK)
    assert found.frame["suppressed"].tolist() == [False, True, True, False]


@pytest.mark.parametrize("index", [[0, 0, 1, 1], [3, 2, 1, 0], ["x", "x", "x", "x"]])
def test_an_index_that_repeats_or_runs_backwards_changes_nothing(index):
    assert_frame_equal(protect(rates().set_axis(index), MASK).frame, protect(rates(), MASK).frame)


@pytest.mark.parametrize(
    ("estimates", "message"),
    [
        (rates().drop(columns="cells"), "no column 'cells'; only rows of an analysis of divimpact.counts"),
        (rates().drop(columns="measure"), "no column 'measure'"),
        (pd.DataFrame(), "no column 'measure'"),
        (rates(cells=[("a",), (), ("b",), ("b",)]), "1 rows name no cells"),
        (rates(cells=[("a",), None, np.nan, ("b",)]), "2 rows name no cells"),
        (rates(cells=[("a",), ("b", None), ("b",), ("b",)]), "1 rows name no cells"),
        (rates(cells=[("a",), ("b", "e"), ("f",), ("b",)]), r"2 cells are not among those .* the first is e"),
        (rates(cells="ab"), "1 cells are not among those"),
        (rates(total=7), "total: not columns of the table contract"),
        (rates(suppressed=False), "suppressed: not columns of the table contract"),
        (
            pd.concat([rates(), rates()[["estimate"]]], axis=1),
            "estimate: not columns of the table contract, or there twice",
        ),
    ],
)
def test_what_cannot_be_judged_is_refused(estimates, message):
    with pytest.raises(ValueError, match=message):
        protect(estimates, MASK)


def test_an_empty_table_stays_one():
    found = protect(rates().iloc[:0], MASK)
    assert len(found) == 0 and [*found.frame] == [*rates().columns.drop("cells"), "suppressed"]
    assert len(found.where(measure="share")) == 0


def test_a_small_count_is_hidden_whatever_the_cells_say():
    unsaid = pd.DataFrame({"measure": "share", "cells": [("a",)] * 5})
    unsaid = unsaid.assign(
        numerator=[9, 20, 20, 20, 10],
        denominator=[90, 29, 90, 90, 20],
        reference_numerator=[20, 20, 1, 20, 0],
        reference_denominator=[90, 90, 90, 21, 10],
    )
    assert protect(unsaid, MASK).frame["suppressed"].tolist() == [True] * 4 + [False]


def test_of_a_hidden_row_only_its_names_are_left():
    filled = dict.fromkeys(set(ESTIMATE) - set(disclosure.RESTS_ON), 0.25) | dict.fromkeys(disclosure.NAMES, "name")
    numbers = dict.fromkeys(disclosure.COUNTS, 40)
    rows = pd.DataFrame([filled | numbers] * 2).assign(cells=[("a",), ("c",)], rule="r", verdict="v")
    rows["unit"] = ["one", "two"]  # two families: the one loses nothing for the other
    found = protect(rows, MASK).frame
    assert [*found] == disclosure.COLUMNS
    left = found.iloc[1].dropna()
    assert left.to_dict() == dict.fromkeys(disclosure.NAMES, "name") | {"unit": "two", "suppressed": True}
    assert found.iloc[0].notna().all()


def test_counts_stay_whole_and_exact():
    large = 2**53 + 1
    found = protect(rates(numerator=[large, 30, 4, 0], denominator=[large, 60.5, 100, 100]), MASK).frame
    assert found["numerator"].tolist()[0] == large and str(found["numerator"].dtype) == "Int64"
    assert found["denominator"].dtype == float, "a base that is not whole is not made so"


# p-values that are adjusted together


@pytest.fixture(scope="module")
def stages():
    """Two groups beside a reference, at two stages; only 4 of the group g2 reached the second."""
    reached = {"ref": (900, 400, 200), "g1": (200, 60, 20), "g2": (150, 40, 4)}
    steps = [("invited", 0, 1), ("hired", 1, 2), ("overall", 0, 2)]
    rows = [(step, group, n[after], n[before]) for step, before, after in steps for group, n in reached.items()]
    table = pd.DataFrame(rows, columns=["stage", "group", "numerator", "denominator"])
    table = table.assign(dimension="origin", reference="ref", role="group")
    rests_on = [(f"{row.stage} {row.group}", f"not {row.stage} {row.group}") for row in table.itertuples()]
    return table.assign(cells=rests_on)


@pytest.fixture(scope="module")
def mask(stages):
    shown = dict(zip(stages["cells"].str[0], stages["numerator"], strict=True))
    return plan(listing(**shown, **{f"not {cell}": 50 for cell in shown}), (), TEN)


def ratios(table):
    rows = table.where(measure="impact_ratio").frame
    return rows.set_index(["stage", "group"])


def test_a_p_adjusted_with_a_hidden_one_is_not_shown(stages, mask):
    raw = funnel.stages(stages).query("measure == 'impact_ratio'").set_index(["stage", "group"])
    found = ratios(protect(funnel.stages(stages), mask))
    assert raw.loc[("hired", "g1"), "p_adjusted"] == raw.loc[("hired", "g1"), "p_value"] != 1
    assert found["suppressed"].tolist() == [False, False, False, True, False, True]
    assert found["p_adjusted"].isna().all()
    assert found.loc["invited", "p_value"].notna().all() and found.loc["invited", "verdict"].isna().all()
    assert found.loc[("overall", "g1"), "verdict"] == "lower", "a verdict of its own stays"


def test_another_family_keeps_its_adjusted_p(stages, mask):
    other = stages.assign(dimension="gender", numerator=40, denominator=80, cells=[("invited g1",)] * len(stages))
    estimates = pd.concat([funnel.stages(stages), funnel.stages(other)], ignore_index=True)
    found = protect(estimates, mask).where(measure="impact_ratio", stage=["invited", "hired"]).frame
    assert found.groupby("dimension")["p_adjusted"].count().to_dict() == {"gender": 4, "origin": 0}


def test_masked_counts_are_adjusted_among_those_that_are_shown(stages, mask):
    kept = stages.copy(deep=True)
    found = ratios(protect(funnel.stages(masked(stages, mask)), mask))
    assert_frame_equal(stages, kept)
    assert found["suppressed"].tolist() == [False, False, False, True, False, True]
    family = found.loc[["invited", "hired"]]
    np.testing.assert_array_equal(family["p_adjusted"], holm(family["p_value"].astype(float)))
    assert family["verdict"].isna().tolist() == [False, False, False, True]


def test_masking_before_or_after_shows_the_same_but_for_the_adjustment(stages, mask):
    before, after = (protect(funnel.stages(table), mask).frame for table in (masked(stages, mask), stages))
    adjusted = ["p_adjusted", "rule", "verdict"]
    assert_frame_equal(before.drop(columns=adjusted), after.drop(columns=adjusted))


@pytest.mark.parametrize(("left_out", "hides"), [(0, False), (3, True), (10, False)])
def test_how_many_are_left_out_is_no_small_count(left_out, hides):
    """MASK shows b: of 43 applications 40 were counted, and 3 are in progress."""
    table = pd.DataFrame({"records": 40 + left_out, "left_out": left_out, "cells": [("b",)]})
    assert masked(table, MASK)[["records", "left_out"]].isna().all(axis=None) == hides


def test_masked_totals_rest_on_their_own_cells_too():
    table = pd.DataFrame({"numerator": [20, 30], "denominator": [90, 90], "total": [100, 100]}, index=[5, 5])
    table = table.assign(cells=[("a",), ("c",)], total_cells=[("c",), ("a",)])
    found = masked(table, MASK)
    assert found.isna().to_numpy().tolist() == [[False, False, True, False, False], [True, True, True, False, False]]
    with pytest.raises(ValueError, match="not among those"):
        masked(table.assign(total_cells=[("e",), ("a",)]), MASK)


# What is pooled over strata


def pooled(**columns):
    """Two pooled ratios, of which the second rests on a hidden count in its strata."""
    rows = {"measure": "impact_ratio_pooled", "estimate": 0.812345, "conf_low": 0.7, "conf_high": 1234.5}
    rows |= {"numerator": 40, "denominator": 90, "reference_numerator": 50, "reference_denominator": 90}
    rows |= {"strata": 5, "residual_df": 10, "cells": [("a",), ("a",)], "within": [("a", "b"), ("a", "c")]}
    return pd.DataFrame(rows | columns)


def test_a_pooled_result_over_hidden_counts_has_three_figures():
    found = protect(pooled(), MASK).frame
    assert found["suppressed"].tolist() == [False, False]
    assert found["estimate"].tolist() == [0.812345, 0.812] and found["conf_high"].tolist() == [1234.5, 1230]
    assert not {"within", "strata", "residual_df"} & set(found)


def test_strata_that_the_review_does_not_list_are_hidden_unless_nothing_small_is():
    by_vacancy = pooled(within=[("vacancy 1", "vacancy 2"), None])
    assert protect(by_vacancy, MASK).frame["estimate"].tolist() == [0.812, 0.812345]
    assert protect(by_vacancy.assign(strata=4), MASK).frame["suppressed"].tolist() == [True, False]
    public = replace(MASK, policy=Policy(min_count=1), hidden=MASK.hidden & False)
    assert protect(by_vacancy.assign(strata=4), public).frame["estimate"].tolist() == [0.812345, 0.812345]


@pytest.mark.parametrize(
    "column",
    [{"strata": 4}, {"residual_df": 9}, {"strata": np.nan}, {"reference_numerator": 0}, {"cells": [("a",), ("c",)]}],
)
def test_a_pooled_result_that_would_give_a_count_back_is_hidden(column):
    assert protect(pooled(**column), MASK).frame["suppressed"].tolist() == [False, True]


# The only table that may be shown


@pytest.fixture
def safe():
    return protect(rates(grade=["low", None, "high", None], benchmark=["a&b", "<i>", None, None]), MASK)


def test_a_safe_table_comes_from_protect_only(safe):
    for wrong in (lambda: SafeTable(), lambda: SafeTable(safe.frame), lambda: type(safe)(safe.frame, safe.policy)):
        with pytest.raises(TypeError, match=r"comes from disclosure\.protect"):
            wrong()
    for name in ("frame", "rows"):
        with pytest.raises(AttributeError):
            setattr(safe, name, rates())
    assert_frame_equal(copy.deepcopy(safe).frame, safe.frame)


def test_its_frame_is_a_copy(safe):
    frame, kept = safe.frame, safe.frame.copy(deep=True)
    frame["estimate"] = 0.04
    frame.loc[:, "suppressed"] = False
    frame.loc[2, "numerator"] = 4
    assert_frame_equal(safe.frame, kept)


@pytest.mark.parametrize(
    ("equal", "groups"),
    [
        ({}, "g1 g2 g3 g4"),
        ({"group": "g2"}, "g2"),
        ({"group": ["g2", "g4", "other"]}, "g2 g4"),
        ({"group": (f"g{number}" for number in range(3))}, "g1 g2"),
        ({"group": {"g1": 1}.keys()}, "g1"),
        ({"group": []}, ""),
        ({"numerator": range(0, 25)}, "g1 g4"),
        ({"numerator": 30, "suppressed": False}, "g2"),
        ({"suppressed": True}, "g3"),
        ({"grade": None}, "g2 g4"),
        ({"grade": np.nan}, "g2 g4"),
        ({"grade": [None, "low"]}, "g1 g2 g4"),
        ({"estimate": None}, "g3"),
        ({"service": None, "group": ["g1"]}, "g1"),
        ({"service": "advice"}, ""),
    ],
)
def test_where_takes_a_value_several_or_none(safe, equal, groups):
    assert safe.where(**equal).frame["group"].tolist() == groups.split()


def test_where_refuses_what_is_no_column(safe):
    with pytest.raises(KeyError, match="'cells' is not a column of the table contract: measure, period"):
        safe.where(cells="a")


def test_it_shows_itself_without_what_is_hidden(safe):
    assert repr(safe) == "SafeTable of 4 rows, 1 hidden" and len(safe.where(group="g3")) == 1
    html = safe._repr_html_()
    assert "a&amp;b" in html and "&lt;i&gt;" in html and "0.04" not in html and "<td>4</td>" not in html


# What always holds: a small city through every analysis


@pytest.fixture(scope="module")
def testville(tmp_path_factory):
    folder = tmp_path_factory.mktemp("testville")
    folder.joinpath("city.toml").write_text(TOML)
    folder.joinpath("staff.csv").write_text("period,origin\n2024,here\n")
    empty = read_city(folder)
    return lambda **frames: replace(empty, tables={name: ibis.memtable(frame) for name, frame in frames.items()})


people = st.integers(0, 30) | st.integers(0, 400)
origins = ["here", "near", "far", "silent"]


def table(keys, *numbers):
    """Draw a count table with every combination of these keys."""
    every = pd.MultiIndex.from_product([*keys.values(), origins], names=[*keys, "origin"]).to_frame(index=False)
    drawn = st.lists(st.tuples(*numbers), min_size=len(every), max_size=len(every))
    return drawn.map(lambda rows: (every, np.array(rows, dtype=float)))


staffs = table({"period": ["2023", "2024"], "grade": ["low", "high", None]}, people)
funnels = table({"stage": ["applied", "invited", "hired"]}, people)
uses = table({"period": ["2024"], "service": ["Advice"], "district": ["North", "South"]}, people, people)
TARGETS = {"baseline_period": "2022", "baseline": 0.2, "target_period": "2026", "target": 0.4}
BENCHMARK = {"name": "population", "period": "2022", "share": 0.3}


def city_of(testville, staff, applications, use):
    (staff, heads), (applications, reached), (use, users) = staff, applications, use
    users, others = users.T
    return testville(
        staff=staff.assign(count=heads),
        applications=applications.assign(count=reached),
        uptake=use.assign(users=users, eligible=users + others),
    )


def estimated(city, made=lambda table: table):
    """Everything the notebooks estimate, from count tables of which something else may be made first."""
    staff, by_grade = (made(counts.staff(city, "origin", by=by)) for by in (["period"], ["period", "grade"]))
    shares = pd.concat([representation.shares(staff), representation.shares(by_grade)], ignore_index=True)
    near = pd.DataFrame({"dimension": ["origin"], "group": "near"})
    yield shares
    yield trajectory.progress(shares, near.assign(**TARGETS))
    yield benchmarks.against_benchmark(shares, near.assign(**BENCHMARK))
    yield representation.ladder(by_grade)
    yield funnel.stages(made(counts.applications(city, "origin")))
    for by in (["period", "service"], ["period", "service", "district"]):
        yield uptake.rates(made(counts.uptake(city, "origin", by=by)))


def small(rows, least):
    """Whether a count of a row, or what is between a numerator and its denominator, is small."""
    numbers = rows.reindex(columns=disclosure.COUNTS).astype(float).to_numpy().T
    between = [numbers[1] - numbers[0], numbers[3] - numbers[2]]
    return np.any([(number > 0) & (number < least) for number in [*numbers, *between]], axis=0)


def assert_no_small_count_is_shown(city, least):
    """And that what is hidden is the same whether counts are masked before or after."""
    with suppress(DisclosureError):  # a city that is too small for its tables is refused: nothing is shown then
        assert_hidden(city, least)


def assert_hidden(city, least):
    review = plan(*cells.publishable(city), Policy(least, declared=0))
    blind = estimated(city, lambda table: masked(table, review))
    for raw, of_masked in zip(estimated(city), blind, strict=True):
        found = protect(raw, review).frame
        assert not small(found[~found["suppressed"]], least).any()
        hidden = found[found["suppressed"]].drop(columns="suppressed")
        assert hidden[hidden.columns.difference(disclosure.NAMES)].isna().all(axis=None)
        assert found["suppressed"][small(raw, least)].all()
        rests = [any(review.hidden[cell] for cell in row) for row in raw["cells"]]
        assert (found["suppressed"] == (small(raw, least) | np.array(rests, dtype=bool))).all()
        by_cells = protect(raw.drop(columns=disclosure.COUNTS, errors="ignore"), review).frame
        assert by_cells["suppressed"].equals(found["suppressed"]), "the cells alone would say so"
        adjusted = found.columns.intersection(["p_adjusted", "rule", "verdict"])
        of_masked = protect(of_masked, review).frame
        assert_frame_equal(of_masked.drop(columns=adjusted), found.drop(columns=adjusted), check_dtype=False)


@settings(max_examples=4, deadline=None)
@given(staffs, funnels, uses, st.sampled_from([2, 5, 10]))
def test_no_small_count_is_shown_in_any_table(testville, staff, applications, use, least):
    assert_no_small_count_is_shown(city_of(testville, staff, applications, use), least)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(staffs, funnels, uses, st.sampled_from([2, 5, 10]))
def test_no_small_count_is_shown_in_any_table_of_many(testville, staff, applications, use, least):
    assert_no_small_count_is_shown(city_of(testville, staff, applications, use), least)


@settings(max_examples=2, deadline=None)
@given(staffs, funnels, uses)
def test_with_a_smallest_count_of_one_everything_is_shown(testville, staff, applications, use):
    city = city_of(testville, staff, applications, use)
    review = plan(*cells.publishable(city), Policy(1, declared=0))
    for raw in estimated(city):
        found = protect(raw, review).frame
        assert not found["suppressed"].any()
        assert_frame_equal(found.drop(columns="suppressed"), raw[found.columns.drop("suppressed")], check_dtype=False)


@settings(max_examples=5, deadline=None)
@given(staffs)
def test_too_few_declared_hide_a_period_whole(testville, staff):
    staff, heads = staff
    records = staff.assign(count=heads[:, 0])
    city = testville(staff=records)
    declared = records[records["origin"] != "silent"].groupby("period")["count"].sum()
    enough = 10 * declared >= 6 * records.groupby("period")["count"].sum()
    review = plan(*cells.publishable(city), Policy(1, 0.6))
    for by in (["period"], ["period", "grade"]):
        found = protect(representation.shares(counts.staff(city, "origin", by=by)), review).frame
        assert (found["suppressed"] == ~found["period"].map(enough)).all()


def test_published_percentages_with_a_small_base_are_hidden(city_folder):
    rows = ["2022,origin,abroad,0.04,200", "2023,origin,abroad,0.5,400", "2024,origin,abroad,0.5,"]
    shares = "\n".join(["period,dimension,group,share,base", *rows])
    city = read_city(city_folder(shares=shares))
    found = protect(representation.published_shares(counts.shares(city)), plan(*cells.publishable(city), TEN)).frame
    assert found["suppressed"].tolist() == [True, False, False]
    assert found["estimate"].isna().tolist() == [True, False, False]


@pytest.fixture(scope="module")
def told(testville):
    """A hidden count of four, worked out from what is shown in four ways."""
    low = pd.DataFrame({"period": "2024", "grade": "low", "origin": origins, "count": [80, 40, 36, 20]})
    high = low.assign(grade="high", count=[90, 40, 4, 20])
    reached = pd.DataFrame({"origin": "near", "stage": ["applied", "invited", "hired"], "count": [4, 16, 20]})
    city = testville(staff=pd.concat([low, high]), applications=reached)
    review = plan(*cells.publishable(city), TEN)
    staff, by_grade = (counts.staff(city, "origin", by=by) for by in (["period"], ["period", "grade"]))
    every, ladder, stages = (
        protect(raw, review)
        for raw in (
            representation.shares(staff),
            representation.ladder(by_grade),
            funnel.stages(counts.applications(city, "origin")),
        )
    )
    everywhere = every.where(measure="share").frame.set_index("group")["numerator"]
    of_grade = ladder.frame.set_index(["grade", "group"])["numerator"]
    declared = ladder.where(grade="high", group="here").frame["denominator"].iloc[0]
    at = stages.where(measure="pass_rate", group="near").frame.set_index("stage")["denominator"]
    assert pd.isna(of_grade["high", "far"]) and pd.isna(at["invited"])
    return {
        "the other groups": declared - of_grade["high", "here"] - of_grade["high", "near"],
        "the combined group": of_grade["high", "abroad"] - of_grade["high", "near"],
        "the other grades": everywhere["far"] - of_grade["low", "far"],
        "the other stages": at["overall"] - at["hired"],
    }


@pytest.mark.parametrize("way", ["the other groups", "the combined group", "the other grades", "the other stages"])
def test_a_hidden_four_is_not_told_by_subtraction(told, way):
    assert pd.isna(told[way])


def test_examples_of_the_docstrings_run():
    assert (
        doctest.testmod(disclosure).failed
        == doctest.testmod(sys.modules[plan.__module__]).failed
        == doctest.testmod(cells).failed
        == 0
    )
