"""The ladder as a whole, and how evenly groups are spread: by hand, printed numbers, properties, coverage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy import stats

from divimpact import counts as counting
from divimpact import ladder, representation
from divimpact.disclosure import Policy, plan, protect
from divimpact.estimates import COLUMNS
from divimpact.intervals import miettinen_nurminen_ratio
from divimpact.schema import read_city

GRADES = ["basic", "middle", "senior"]
# Land Berlin, PartMigG survey 2024: shares with a migration background by career group, printed in per cent
BERLIN = {"": 21.7, "einfacher": 30.9, "mittlerer": 23.5, "gehobener": 21.2, "höherer": 19.0, "leadership": 15.9}
FEW = settings(max_examples=15, deadline=None)


def staff(grade, women, everyone, **columns):
    """Women among the staff of one grade, as a count table."""
    cells = [(f"{grade} women", f"{grade} staff")]
    return pd.DataFrame(
        {**columns, "grade": [grade], "dimension": "gender", "group": "women", "reference": "men"}
        | {"numerator": [women], "denominator": [everyone], "cells": cells}
    )


def ladder_of(women, everyone, leaders):
    """The shares of a city: of all staff, of its grades, and of leadership."""
    whole = staff("all", sum(women), sum(everyone)).drop(columns="grade")
    by_grade = pd.concat([*map(staff, GRADES, women, everyone), staff("leadership", *leaders)], ignore_index=True)
    return pd.concat([representation.shares(whole), representation.shares(by_grade)], ignore_index=True)


@pytest.fixture
def shares():
    """Women are 6 of 10, 4 of 10 and 1 of 5; the five seniors lead."""
    return ladder_of([6, 4, 1], [10, 10, 5], (1, 5))


@pytest.fixture
def berlin():
    printed = pd.DataFrame({"period": "2024", "dimension": "origin", "group": "abroad", "grade": list(BERLIN)})
    return representation.published_shares(printed.assign(share=[percent / 100 for percent in BERLIN.values()]))


# Four rows by hand


def test_glass_ceiling_counted_by_hand(shares):
    found = ladder.glass_ceiling(shares)
    low, high = miettinen_nurminen_ratio(10, 20, 1, 5)  # 10 of 20 women outside leadership, 1 of 5 in it
    expected = pd.DataFrame(
        {
            "measure": ["glass_ceiling_index"],
            "grade": "leadership",
            "dimension": "gender",
            "group": "women",
            "reference": "men",
            "detail": "of declared staff",
            "numerator": 11,
            "denominator": 25,
            "reference_numerator": 1,
            "reference_denominator": 5,
            "estimate": (11 / 25) / (1 / 5),
            "conf_low": 0.2 + 0.8 * low,
            "conf_high": 0.2 + 0.8 * high,
            "confidence": 0.95,
            "method": "miettinen_nurminen",
            "cells": [("all women", "all staff", "leadership women", "leadership staff")],
        }
    )
    assert_frame_equal(found, expected)


def test_steps_counted_by_hand(shares):
    found = ladder.steps(shares, GRADES)
    low, high = miettinen_nurminen_ratio([4, 1], [10, 5], [6, 4], 10)
    assert found["measure"].tolist() == ["step_ratio"] * 2
    assert found[["grade", "detail"]].to_numpy().tolist() == [["middle", "over basic"], ["senior", "over middle"]]
    assert found["estimate"].tolist() == pytest.approx([0.4 / 0.6, 0.2 / 0.4])
    assert found["conf_low"].tolist() == low.tolist() and found["conf_high"].tolist() == high.tolist()
    assert found["cells"].iloc[0] == ("middle women", "middle staff", "basic women", "basic staff")
    assert found[["numerator", "reference_denominator"]].to_numpy().tolist() == [[4, 10], [1, 10]]


def test_trend_counted_by_hand(shares):
    # mean 11/25; grades about their mean .8: (-.8)6 + .2 x 4 + 1.2 x 1; variance over 10 x .64 + 10 x .04 + 5 x 1.44
    z = (-0.8 * 6 + 0.2 * 4 + 1.2) / np.sqrt(11 / 25 * 14 / 25 * 14)
    found = ladder.trend(shares, GRADES)
    expected = pd.DataFrame(
        {
            "measure": ["grade_trend"],
            "dimension": "gender",
            "group": "women",
            "reference": "men",
            "detail": "of declared staff",
            "numerator": 11,
            "denominator": 25,
            "estimate": z,
            "conf_low": np.nan,
            "conf_high": np.nan,
            "confidence": np.nan,
            "p_value": 2 * stats.norm.cdf(z),
            "method": "cochran_armitage",
            "cells": [tuple(f"{grade} {part}" for grade in GRADES for part in ("women", "staff"))],
        }
    )
    assert_frame_equal(found, expected, check_dtype=False)


def by_unit(women, everyone):
    units = [staff(f"u{unit}", *pair) for unit, pair in enumerate(zip(women, everyone, strict=True))]
    parts = pd.concat(units, ignore_index=True).rename(columns={"grade": "unit"})
    return parts, staff("all", sum(women), sum(everyone)).drop(columns="grade")


def test_dissimilarity_counted_by_hand():
    found = ladder.dissimilarity(*by_unit([3, 1], [4, 4]))
    assert found["measure"].tolist() == ["dissimilarity", "dissimilarity_expected"]
    assert found["estimate"].tolist() == pytest.approx([0.5, 18 / 70])  # of 70 ways 32 give a half, 2 give one
    assert found["p_value"].isna().tolist() == [True, False]
    assert found["p_value"].iloc[1] == pytest.approx(34 / 70, abs=0.015)
    assert found["method"].fillna("").tolist() == ["", "random_allocation"]
    assert found["detail"].tolist() == ["over units"] * 2
    assert found[["numerator", "denominator"]].to_numpy().tolist() == [[4, 8]] * 2
    assert found["cells"].tolist() == [("all women", "all staff")] * 2
    assert found["within"].tolist() == [("u0 women", "u0 staff", "u1 women", "u1 staff")] * 2
    assert found[["strata", "residual_df"]].to_numpy().tolist() == [[2, 0]] * 2


# Printed numbers


def test_printed_ladder_of_berlin(berlin):
    assert ladder.glass_ceiling(berlin)["estimate"].tolist() == pytest.approx([1.3648], abs=5e-5)
    found = ladder.steps(berlin, list(BERLIN)[1:])
    assert found["estimate"].tolist() == pytest.approx([0.7605, 0.9021, 0.8962, 0.8368], abs=5e-5)
    assert found["grade"].iloc[found["estimate"].argmin()] == "mittlerer"  # the biggest step is the lowest one
    assert found["conf_low"].isna().all() and ladder.glass_ceiling(berlin)["method"].isna().all()
    assert ladder.trend(berlin, list(BERLIN)[1:-1]).empty


def test_published_shares_with_a_base_have_limits():
    printed = pd.DataFrame({"dimension": "origin", "group": "abroad", "grade": ["", "leadership"], "share": [0.2, 0.1]})
    with_base = representation.published_shares(printed.assign(period="2024", base=[1000, 100]))
    found = ladder.glass_ceiling(with_base)
    low, high = miettinen_nurminen_ratio(190, 900, 10, 100)
    assert found[["conf_low", "conf_high"]].to_numpy()[0] == pytest.approx([0.1 + 0.9 * low, 0.1 + 0.9 * high])


def test_printed_trend_of_smokers():
    # R, prop.trend.test: X-squared 8.2249, p .004132 (Fleiss 1981)
    counts = zip(["a", "b", "c", "d"], [83, 90, 129, 70], [86, 93, 136, 82], strict=True)
    shares = representation.shares(pd.concat([staff(*count) for count in counts], ignore_index=True))
    found = ladder.trend(shares, ["a", "b", "c", "d"])
    assert found["estimate"].iloc[0] ** 2 == pytest.approx(8.2249, abs=5e-5)
    assert found["p_value"].iloc[0] == pytest.approx(0.004132, abs=5e-7)


# Zeros and what is missing


def test_nobody_at_the_top_is_infinite_and_nobody_at_all_undefined():
    top = ladder.glass_ceiling(ladder_of([6, 4, 0], [10, 10, 5], (0, 5)))
    assert top["estimate"].tolist() == [np.inf] and top["conf_high"].tolist() == [np.inf]
    assert 0 < top["conf_low"].iloc[0] < np.inf
    nobody = ladder_of([0, 0, 0], [10, 10, 5], (0, 5))
    assert ladder.glass_ceiling(nobody)["estimate"].isna().all()
    assert ladder.steps(nobody, GRADES)["estimate"].isna().all()
    assert ladder.trend(nobody, GRADES)[["estimate", "p_value", "method"]].isna().all(axis=None)
    assert ladder.dissimilarity(*by_unit([0, 0], [4, 4]))[["estimate", "p_value", "method"]].isna().all(axis=None)


def test_where_all_are_leaders_the_index_is_one_without_limits():
    found = ladder.glass_ceiling(ladder_of([0, 0, 2], [0, 0, 5], (2, 5)))
    assert found["estimate"].tolist() == [1]
    assert found[["conf_low", "conf_high", "confidence", "method"]].isna().all(axis=None)


def test_a_step_to_leadership_repeats_people_and_has_no_limits(shares):
    found = ladder.steps(shares, ["basic", "middle", "leadership"])
    assert found["conf_low"].notna().tolist() == [True, False]
    assert found["estimate"].notna().all()


def test_shares_of_one_place_only_meet_nothing(shares):
    assert ladder.glass_ceiling(shares[shares["grade"] != "leadership"]).empty
    assert ladder.trend(shares, ["other"]).empty
    assert ladder.steps(shares, ["other", "basic"]).empty


def test_a_grade_without_staff_keeps_its_rung():
    shares = ladder_of([6, 0, 1], [10, 0, 5], (1, 5))
    assert ladder.trend(shares, GRADES)["estimate"].notna().all()
    assert ladder.steps(shares, GRADES)["estimate"].isna().all()
    assert ladder.trend(shares, [*GRADES, "unknown"])["estimate"].isna().all()


def test_units_without_staff_are_no_strata():
    found = ladder.dissimilarity(*by_unit([3, 0, 1], [4, 0, 4]))
    assert found["strata"].tolist() == [2, 2]
    assert found["estimate"].tolist() == pytest.approx([0.5, 18 / 70])


# A whole city


@pytest.fixture(scope="module")
def city():
    return read_city("data/sample")


@pytest.fixture(scope="module")
def tables(city):
    of = {by: counting.staff(city, "origin", by=["period", *by]) for by in [(), ("grade",), ("unit",)]}
    return of[()], of[("grade",)], of[("unit",)]


def estimated(city, whole, by_grade, units):
    shares = pd.concat([representation.shares(whole), representation.shares(by_grade)], ignore_index=True)
    yield ladder.glass_ceiling(shares)
    yield ladder.steps(shares, city.grades)
    yield ladder.trend(shares, city.grades)
    yield ladder.dissimilarity(units, whole)
    yield ladder.dissimilarity(by_grade, whole, "grade")


def test_every_table_of_a_city_names_its_cells_in_the_columns_of_the_contract(city, tables):
    kept = [table.copy(deep=True) for table in tables]
    for found in estimated(city, *tables):
        assert list(found) == [column for column in COLUMNS if column in found]
        assert found["cells"].map(len).min() >= 3
        assert not found.duplicated([name for name in found if name in COLUMNS[: COLUMNS.index("numerator")]]).any()
    for table, before in zip(tables, kept, strict=True):
        assert_frame_equal(table, before)


def test_leadership_is_left_out_of_the_grades(tables):
    whole, by_grade, _ = tables
    without = by_grade[by_grade["grade"] != "leadership"]
    found = ladder.dissimilarity(by_grade, whole, "grade")
    assert_frame_equal(found, ladder.dissimilarity(without, whole, "grade"))
    assert set(found["strata"]) == {4} and set(found["detail"]) == {"over grades"}


def test_row_order_decides_nothing_and_plain_counts_do(city, tables):
    plain = [table.drop(columns=["cells", "total_cells"]) for table in tables]
    turned = estimated(city, *(table.iloc[::-1] for table in plain))
    for found, other, bare in zip(estimated(city, *tables), turned, estimated(city, *plain), strict=True):
        keys = [name for name in ("measure", "period", "grade", "group", "detail") if name in bare]
        found_bare = found.drop(columns=["cells", "within", "strata", "residual_df"], errors="ignore")
        assert_frame_equal(bare, found_bare)
        assert_frame_equal(*(frame.sort_values(keys, ignore_index=True) for frame in (bare, other)))


@pytest.mark.parametrize(("count", "hidden"), [(40, False), (3, True)])
def test_one_hidden_unit_hides_what_is_pooled_over_it_however_many_there_are(count, hidden):
    units, whole = by_unit([count, *[40] * 14], [100] * 15)
    names = [*whole["cells"].iloc[0], *(name for cells in units["cells"] for name in cells)]
    counts = [*whole[["numerator", "denominator"]].iloc[0], *units[["numerator", "denominator"]].to_numpy().ravel()]
    cells = pd.DataFrame({"cell": names, "count": counts, "table": "staff", "by": "unit", "dimension": "gender"})
    review = plan(cells.assign(declared=cells["count"], everyone=cells["count"]), [], Policy(min_count=10))
    assert set(protect(ladder.dissimilarity(units, whole), review).frame["suppressed"]) == {hidden}


@pytest.mark.parametrize(("units", "shown"), [(15, True), (11, False)])
def test_places_that_nobody_lists_may_be_pooled_where_there_are_enough(units, shown):
    parts, whole = by_unit([40] * (units - 1) + [60], [100] * units)
    known = [*whole["cells"].iloc[0]]
    cells = pd.DataFrame({"cell": known, "count": 700, "table": "staff", "by": "period", "dimension": "gender"})
    review = plan(cells.assign(declared=700, everyone=700), [], Policy(min_count=10))
    found = protect(ladder.dissimilarity(parts, whole, listed=False), review).frame
    assert set(found["suppressed"]) == {not shown}
    assert protect(ladder.dissimilarity(parts, whole), review).frame["suppressed"].all(), "as places that are listed"


def test_who_rises_is_counted_over_who_could():
    # 40 of 1,000 and 60 of 1,200 from basic; nobody of 50 and 5 of 100 from middle
    rose = pd.DataFrame(
        {
            "period": "2021/2025",
            "grade": ["basic"] * 2 + ["middle"] * 2,
            "grade_to": ["middle"] * 2 + ["senior"] * 2,
            "dimension": "gender",
            "group": ["women", "men"] * 2,
            "reference": "men",
            "role": "group",
            "numerator": [40, 60, 0, 5],
            "denominator": [1000, 1200, 50, 100],
            "cells": [("a",), ("b",), ("c",), ("d",)],
        }
    )
    found = ladder.rising(rose)
    rates = found[found["measure"] == "promotion_rate"]
    assert rates["estimate"].tolist() == pytest.approx([0.04, 0.05, 0, 0.05])
    ratios = found[found["measure"] == "promotion_ratio"]
    assert ratios["estimate"].tolist() == pytest.approx([0.8, 0])
    assert ratios["detail"].tolist() == ["to middle", "to senior"] and ratios["cells"].iloc[0] == ("a", "b")
    assert ratios["conf_low"].iloc[0] < 0.8 < ratios["conf_high"].iloc[0] and ratios["conf_low"].iloc[1] == 0
    with pytest.raises(ValueError, match="the counts lack grade_to"):
        ladder.rising(rose.drop(columns="grade_to"))
    with pytest.raises(ValueError, match="the reference 'men' has no row"):
        ladder.rising(rose.query("group == 'women'"))


# Properties


@st.composite
def ladders(draw):
    women = draw(st.lists(st.integers(0, 30), min_size=3, max_size=3))
    men = draw(st.lists(st.integers(1, 30), min_size=3, max_size=3))
    everyone = [w + m for w, m in zip(women, men, strict=True)]
    return women, everyone, (women[2], everyone[2])


@FEW
@given(ladders())
def test_the_index_lies_in_its_limits_and_only_falling_shares_make_a_ceiling(city):
    shares = ladder_of(*city)
    (found,) = ladder.glass_ceiling(shares).itertuples()
    index, low, high = found.estimate, found.conf_low, found.conf_high
    assert np.isnan(index) or low - 1e-9 <= index <= high + 1e-9
    steps = ladder.steps(shares, GRADES)["estimate"]
    if (steps <= 1).all():
        assert index >= 1 - 1e-12
        assert not ladder.trend(shares, GRADES)["estimate"].iloc[0] > 1e-12


@FEW
@given(ladders())
def test_steps_multiply_to_the_whole_way(city):
    women, everyone, _ = city
    if min(women):
        steps = ladder.steps(ladder_of(*city), GRADES)["estimate"]
        assert steps.prod() == pytest.approx((women[2] / everyone[2]) / (women[0] / everyone[0]))


# Coverage: at given posts exact, summed over every outcome; with posts drawn too, by simulation


def indices(outside, leading, staff, posts):
    """The index for many numbers of women outside leadership and in it, each a unit of its own."""
    rows = pd.DataFrame({"unit": np.arange(len(leading)).astype(str), "dimension": "gender", "group": "women"})
    whole = rows.assign(measure="share", grade=None, numerator=outside + leading, denominator=staff)
    leaders = rows.assign(measure="share", grade="leadership", numerator=leading, denominator=posts)
    both = pd.concat([whole, leaders], ignore_index=True)
    return ladder.glass_ceiling(both.assign(estimate=both["numerator"] / both["denominator"]))


@pytest.mark.parametrize(("outside", "posts", "floor"), [(40, 10, 0.91), (80, 20, 0.92), (150, 15, 0.93)])
def test_coverage_of_the_index_at_given_posts(outside, posts, floor):
    x, y = (number.ravel() for number in np.meshgrid(np.arange(outside + 1), np.arange(posts + 1), indexing="ij"))
    found, rates, part = indices(x, y, outside + posts, posts), np.linspace(0.05, 0.95, 19), posts / (outside + posts)
    coverage = []
    for rate in rates:
        for leading in rates:
            truth = part + (1 - part) * rate / leading
            covered = (found["conf_low"] <= truth + 1e-12) & (truth - 1e-12 <= found["conf_high"])
            chance = stats.binom.pmf(x, outside, rate) * stats.binom.pmf(y, posts, leading)
            coverage.append(chance[covered].sum())
    assert 0.949 < np.mean(coverage) < 0.96
    assert min(coverage) > floor


@pytest.mark.parametrize(("share", "leading"), [(0.5, 0.5), (0.5, 0.3), (0.3, 0.1), (0.2, 0.25)])
def test_coverage_of_the_index_where_posts_are_drawn_too(share, leading):
    # 400 staff, 12 % of them leaders, the index of those they are drawn from; as if two samples it were .97 and more
    rng = np.random.default_rng(5)
    posts = rng.binomial(400, 0.12, 4000)
    inside, outside = rng.binomial(posts, leading), rng.binomial(400 - posts, share)
    truth = 0.12 + 0.88 * share / leading
    found = indices(outside, inside, 400, posts)
    covered = (found["conf_low"] <= truth) & (truth <= found["conf_high"])
    assert 0.94 < covered.mean() < 0.96


# Refusals


def test_refusals_name_what_is_wrong(shares):
    with pytest.raises(ValueError, match="the shares lack grade: put those of all staff and those by grade one below"):
        ladder.glass_ceiling(shares.drop(columns="grade"))
    with pytest.raises(
        ValueError, match='grades hold "leadership", whose people are in other grades too: leave it out'
    ):
        ladder.trend(shares, [*GRADES, "leadership"])
    units, whole = by_unit([3, 1], [4, 4])
    with pytest.raises(ValueError, match=r"the counts lack grade; needed are dimension, group, .*, grade"):
        ladder.dissimilarity(units, whole, "grade")
    with pytest.raises(ValueError, match="the totals have no row for group women: count the same staff for both"):
        ladder.dissimilarity(units, whole.assign(group="men"))
    with pytest.raises(ValueError, match="the totals are counted by unit too: count the same staff without"):
        ladder.dissimilarity(units, units)
    with pytest.raises(ValueError, match="the counts lack period; needed are"):
        ladder.dissimilarity(units.assign(period="2024"), whole)
