"""Shares, their bounds, the ladder, the distance to a benchmark, and what chance and rules say of it."""

import numpy as np
import pandas as pd
import pytest
from conftest import CITY
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy import stats

from divimpact import cells, counts, disclosure
from divimpact.benchmarks import against_benchmark, at_ends, by_chance, not_compared, sweep, triggers
from divimpact.chance import binomial, not_rejected, score
from divimpact.intervals import wilson
from divimpact.representation import declared, ladder, published_shares, shares, surveyed_shares
from divimpact.schema import read_city

ORIGIN = {"dimension": "origin", "reference": "here"}


@pytest.fixture
def staff():
    """Ten staff in 2024: three from abroad, five from here, two not stated."""
    return pd.DataFrame(
        {
            "period": "2024",
            **ORIGIN,
            "group": ["abroad", "here", "not stated", "anyone"],
            "role": ["group", "group", "undeclared", "overlapping"],
            "numerator": [3, 5, 2, 8],
            "denominator": [8, 8, 10, 8],
            "total": 10,
            "cells": [("abroad", "declared"), ("here", "declared"), ("silent",), ("both",)],
            "total_cells": [("all",)] * 4,
        }
    )


@pytest.fixture
def benchmark():
    return pd.DataFrame(
        {
            "name": ["population", "population", "labour market"],
            "dimension": "origin",
            "group": "abroad",
            "period": ["2011", "2021", "2030"],
            "share": [0.20, 0.25, 0.30],
            "source": "register",
        }
    )


def test_shares_and_bounds_of_four_rows_counted_by_hand(staff):
    found = shares(staff)
    assert found["measure"].tolist() == ["share"] * 4 + ["share_low_bound"] * 3 + ["share_high_bound"] * 3
    assert found["group"].tolist() == [*staff["group"], *["abroad", "here", "anyone"] * 2]
    assert found["estimate"].tolist() == [3 / 8, 5 / 8, 2 / 10, 1, 0.3, 0.5, 0.8, 0.5, 0.7, 1]
    assert found["numerator"].tolist() == [3, 5, 2, 8, 3, 5, 8, 5, 7, 10]
    assert found["denominator"].tolist() == [8, 8, 10, 8, *[10] * 6]
    declared, everyone = "of declared staff", "of all staff"
    assert found["detail"].tolist() == [declared, declared, everyone, declared, *[everyone] * 6]
    assert found["cells"].iloc[[0, 4, 7]].tolist() == [
        ("abroad", "declared"),
        ("abroad", "declared", "all"),
        ("abroad", "declared", "all"),
    ]


def test_limits_confidence_and_method_stand_together_on_shares_only(staff):
    found = shares(staff, confidence=0.9)
    low, high = wilson(staff["numerator"], staff["denominator"], 0.9)
    expected = pd.DataFrame({"conf_low": low, "conf_high": high, "confidence": 0.9, "method": "wilson"})
    columns = list(expected)
    assert_frame_equal(found.loc[found["measure"] == "share", columns], expected)
    assert found.loc[found["measure"] != "share", columns].isna().all(axis=None)


def test_columns_are_those_of_the_estimate_table_in_its_order(staff):
    assert " ".join(shares(staff)) == (
        "measure period dimension group reference detail numerator denominator estimate conf_low conf_high "
        "confidence method cells"
    )


def test_a_plain_frame_gives_shares_without_bounds_and_cells(staff):
    plain = staff[["dimension", "group", "numerator", "denominator"]].iloc[:2]
    assert list(shares(plain)["measure"]) == ["share", "share"]
    assert "cells" not in shares(plain)


def test_nobody_declared_is_undefined_not_zero(staff):
    found = shares(staff.assign(numerator=[0, 0, 10, 0], denominator=[0, 0, 10, 0]).iloc[:3])
    share = found[found["measure"] == "share"]
    assert share["estimate"].isna().tolist() == [True, True, False]
    assert share[["conf_low", "confidence", "method"]].isna().all(axis=1).tolist() == [True, True, False]
    assert found["estimate"].tolist()[3:] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("group", "declared", "total", "low", "high"),
    [
        (144, 800, 1000, 0.144, 0.344),  # 80 % declared, 18 % of those: .144 to .344
        (6870, 31658, 143000, 0.0480, 0.8267),  # Land Berlin, PartMigG 2024, 21.7 %: 4.80 to 82.67 %
    ],
)
def test_printed_bounds(group, declared, total, low, high):
    cell = {"group": ["abroad"], "numerator": group, "denominator": declared, "total": total}
    bounds = shares(pd.DataFrame({**ORIGIN, **cell}))["estimate"].iloc[1:]
    assert bounds.tolist() == pytest.approx([low, high], abs=5e-5)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_shares_sum_to_one_and_lie_within_their_bounds(a, b, silent):
    counts = pd.DataFrame(
        {**ORIGIN, "group": ["a", "b"], "numerator": [a, b], "denominator": a + b, "total": a + b + silent}
    )
    share, low, high = shares(counts)["estimate"].to_numpy().reshape(3, 2)
    if a + b:
        assert share.sum() == pytest.approx(1)
        assert (low <= share + 1e-12).all() and (share <= high + 1e-12).all()
    else:
        assert np.isnan(share).all()


@pytest.mark.parametrize("function", [shares, ladder, declared])
def test_row_order_decides_nothing_and_the_input_stays_as_it_is(staff, function):
    staff = pd.concat([staff.assign(grade=grade) for grade in ("basic", "senior")], ignore_index=True)
    kept, found = staff.copy(deep=True), function(staff)
    turned = function(staff.iloc[::-1])
    keys = [key for key in ("measure", "grade", "group") if key in found]
    found_sorted, turned_sorted = (frame.sort_values(keys, ignore_index=True) for frame in (found, turned))
    assert_frame_equal(found_sorted, turned_sorted)
    assert_frame_equal(staff, kept)
    categories = staff.astype({"group": "category", "grade": "category", "role": "category"})
    assert_frame_equal(function(categories), found)


def test_ladder_is_the_share_in_each_grade_counted_by_hand():
    staff = pd.DataFrame(
        {
            "grade": ["basic", "basic", "senior", "senior"],
            **ORIGIN,
            "group": ["abroad", "here"] * 2,
            "numerator": [4, 6, 0, 5],
            "denominator": [10, 10, 5, 5],
            "total": 20,
        }
    )
    found = ladder(staff)
    low, high = wilson([4, 6, 0, 5], [10, 10, 5, 5])
    expected = staff[["grade", "dimension", "group", "reference"]].assign(
        detail="of declared staff",
        numerator=staff["numerator"],
        denominator=staff["denominator"],
        estimate=[0.4, 0.6, 0, 1],
        conf_low=low,
        conf_high=high,
        confidence=0.95,
        method="wilson",
    )
    expected.insert(0, "measure", "grade_share")
    assert_frame_equal(found, expected)


def test_published_shares_have_limits_only_with_a_base():
    printed = pd.DataFrame(
        {
            "period": ["2012", "2018"],
            "dimension": "origin",
            "group": "foreign",
            "share": [0.152, 0.192],
            "base": [np.nan, 247000],
            "cells": [("first",), ("second",)],
        }
    )
    kept, found = printed.copy(deep=True), published_shares(printed)
    low, high = wilson(0.192 * 247000, 247000)
    expected = pd.DataFrame(
        {
            "measure": "share",
            "period": ["2012", "2018"],
            "dimension": "origin",
            "group": "foreign",
            "detail": "as published",
            "numerator": np.nan,
            "denominator": [np.nan, 247000],
            "estimate": [0.152, 0.192],
            "conf_low": [np.nan, low],
            "conf_high": [np.nan, high],
            "confidence": [np.nan, 0.95],
            "method": [np.nan, "wilson"],
            "cells": [("first",), ("second",)],
        }
    )
    assert_frame_equal(found, expected)
    assert_frame_equal(printed, kept)
    without = published_shares(printed.drop(columns=["base", "cells"]))
    assert without[["conf_low", "conf_high", "confidence", "method", "denominator"]].isna().all(axis=None)


def test_benchmark_by_hand(staff, benchmark):
    found = against_benchmark(shares(staff), benchmark)
    low, high = wilson(3, 8)
    expected = pd.DataFrame(
        {
            "measure": ["representation_ratio", "gap_persons"],
            "period": "2024",
            "dimension": "origin",
            "group": "abroad",
            "benchmark": "population",
            "detail": "of declared staff",
            "numerator": 3,
            "denominator": 8,
            "estimate": [1.5, 1.0],
            "conf_low": [low / 0.25, np.nan],
            "conf_high": [high / 0.25, np.nan],
            "confidence": [0.95, np.nan],
            "method": ["wilson", np.nan],
            "cells": [("abroad", "declared")] * 2,
        }
    )
    assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("staff", "group", "availability", "ratio", "gap"),
    [(30, 3, 0.25, 0.40, -4.5), (100, 18, 0.22, 0.818, -4)],  # one cell, five rules
)
def test_printed_gaps_and_shares_of_availability(benchmark, staff, group, availability, ratio, gap):
    cell = {"period": ["2024"], "group": "abroad", "numerator": group, "denominator": staff}
    available = benchmark.iloc[[1]].assign(share=availability)
    found = against_benchmark(shares(pd.DataFrame({**ORIGIN, **cell})), available)["estimate"]
    assert found.tolist() == pytest.approx([ratio, gap], abs=5e-4)


def cell(count, nobs, **columns):
    """The share of one group."""
    return shares(
        pd.DataFrame({**columns, "dimension": "origin", "group": ["abroad"], "numerator": count, "denominator": nobs})
    )


def available(share, **columns):
    """A benchmark of the same group."""
    place = {"name": ["labour market"], "dimension": "origin", "group": "abroad", "period": "2021"}
    return pd.DataFrame({**place, "share": share, **columns})


def test_chance_of_a_share_counted_by_hand(staff, benchmark):
    found = by_chance(shares(staff), benchmark[benchmark["period"] == "2021"])
    expected = pd.DataFrame(
        {
            "measure": ["expected_persons", "benchmark_z"],
            "period": "2024",
            "dimension": "origin",
            "group": "abroad",
            "benchmark": "population",
            "detail": "of declared staff",
            "numerator": 3,
            "denominator": 8,
            "estimate": [2, 1 / np.sqrt(8 * 0.25 * 0.75)],
            "conf_low": np.nan,
            "conf_high": np.nan,
            "confidence": np.nan,
            "p_value": [float(binomial(3, 8, 0.25)), np.nan],
            "method": ["binomial", "score"],
            "cells": [("abroad", "declared")] * 2,
        }
    )
    assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("count", "nobs", "share", "z", "p"),
    [
        (15, 405, 0.154, -6.52, 0),  # Hazelwood v. United States, 433 U.S. 299 (1977), note 17: more than six
        (15, 405, 0.057, -1.73, 0.0862),  # less than two
        (3, 30, 0.25, -1.90, 0.0590),
        (18, 100, 0.22, -0.97, 0.398),
    ],
)
def test_printed_chances(count, nobs, share, z, p):
    found = by_chance(cell(count, nobs), available(share))
    assert found["estimate"].tolist() == pytest.approx([nobs * share, z], abs=5e-3)
    assert found["p_value"].iloc[0] == pytest.approx(p, abs=5e-4 if p > 0.1 else 5e-5)


def test_published_shares_have_a_z_with_a_base_and_never_an_exact_p():
    printed = pd.DataFrame({"period": ["2023", "2024"], "dimension": "origin", "group": "abroad", "share": 0.2})
    found = by_chance(published_shares(printed.assign(base=[np.nan, 1000])), available(0.25))
    assert found["p_value"].isna().all()
    assert found["estimate"].tolist() == pytest.approx([np.nan, 250, np.nan, score(200, 1000, 0.25)], nan_ok=True)
    assert found["method"].fillna("").tolist() == ["", "", "", "score"]
    assert triggers(published_shares(printed), available(0.25)).empty


def test_ends_of_an_uncertain_benchmark_counted_by_hand():
    found = at_ends(cell(30, 200), available(0.20, low=0.16, high=0.24))
    low, high = wilson(30, 200)
    assert found["measure"].tolist() == ["representation_ratio"] * 2 + ["gap_persons"] * 2
    assert found["detail"].tolist() == ["benchmark at its low end", "benchmark at its high end"] * 2
    assert found["estimate"].tolist() == pytest.approx([30 / 32, 30 / 48, -2, -18])
    assert found["conf_low"].tolist()[:2] == pytest.approx([low / 0.16, low / 0.24])
    assert found["conf_high"].tolist()[:2] == pytest.approx([high / 0.16, high / 0.24])


def test_a_certain_benchmark_has_no_ends():
    for ends in ({}, {"low": 0.2, "high": 0.2}, {"low": None, "high": np.nan}, {"low": 0.1, "high": None}):
        assert at_ends(cell(30, 200), available(0.20, **ends)).empty


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 40), st.integers(1, 40), st.floats(0.05, 0.3), st.floats(0.05, 0.3))
def test_the_ends_lie_on_either_side_of_the_benchmark_itself(count, others, low, high):
    share, ends = cell(count, count + others), sorted([low, high + 0.31])
    plan = available(np.mean(ends), low=ends[0], high=ends[1])
    at, itself = at_ends(share, plan)["estimate"].to_numpy(), against_benchmark(share, plan)["estimate"].to_numpy()
    assert at[1] <= itself[0] <= at[0] and at[3] <= itself[1] <= at[2]


def test_sweep_over_benchmarks_counted_by_hand():
    found = sweep(cell(15, 405, period="1974"), [0.057, 0.154])
    ratio, expected, z, (turn,) = (list(rows.itertuples()) for _, rows in found.groupby("measure", sort=False))
    assert [row.detail for row in ratio] == ["benchmark 5.7 %", "benchmark 15.4 %"]
    assert [row.estimate for row in ratio] == pytest.approx([15 / 405 / 0.057, 15 / 405 / 0.154])
    assert [row.conf_high for row in ratio] == pytest.approx(np.array(wilson(15, 405)[1]) / [0.057, 0.154])
    assert [row.p_value for row in expected] == binomial(15, 405, [0.057, 0.154]).tolist()
    assert [row.estimate for row in z] == score(15, 405, [0.057, 0.154]).tolist()
    assert (turn.measure, turn.estimate, turn.method) == ("benchmarks_not_rejected", 15 / 405, "binomial")
    assert [turn.conf_low, turn.conf_high] == [float(limit) for limit in not_rejected(15, 405)]
    assert found["period"].eq("1974").all() and pd.isna(turn.detail)


def test_the_verdict_turns_at_the_ends_of_what_is_not_rejected():
    share = cell(15, 405)
    low, high = sweep(share, [0.1]).query("measure == 'benchmarks_not_rejected'")[["conf_low", "conf_high"]].iloc[0]
    p = sweep(share, [low - 1e-4, low + 1e-4, high - 1e-4, high + 1e-4])["p_value"].dropna()
    assert (p < 0.05).tolist() == [True, False, False, True]


def test_one_cell_five_rules():
    verdicts = [
        triggers(cell(3, 30), available(0.25)).set_index("rule")["verdict"].to_dict(),
        triggers(cell(18, 100), available(0.22)).set_index("rule")["verdict"].to_dict(),
    ]
    assert verdicts[0] == {"us_doj": "not_triggered", "gap_filter": "triggered"}  # -4.5 persons, 40 %, z -1.90
    assert verdicts[1] == {"us_doj": "not_triggered", "gap_filter": "not_triggered"}  # -4 persons, 81.8 %, z -.97
    assert triggers(cell(3, 30), available(0.25))["estimate"].tolist() == [-4.5, -4.5]


@pytest.mark.parametrize(
    ("count", "nobs", "share", "doj", "gap"),
    [
        (15, 405, 0.154, True, True),  # z -6.52
        (15, 405, 0.057, False, True),  # z -1.73, 8.1 persons, 65 %
        (32, 100, 0.40, False, True),  # exactly 80 %; z -1.63
        (40, 100, 0.50, True, True),  # exactly two standard deviations, exactly 80 %
        (41, 100, 0.50, False, False),
        (4, 29, 0.172413793103448, False, False),  # below 30: a hair less than one person
        (4, 25, 0.20, True, False),  # exactly one person
        (12, 50, 0.30, False, True),  # exactly three persons and 80 %: .3 is less in floating point
        (7, 30, 0.30, False, False),  # two persons
        (30, 30, 1.0, False, False),
        (29, 30, 1.0, True, False),  # where all should be, one person is beyond any deviation
        (0, 30, 0.0, False, False),
        (20, 30, 0.25, False, False),  # above the benchmark
    ],
)
def test_rules_at_their_thresholds(count, nobs, share, doj, gap):
    found = triggers(cell(count, nobs), available(share))["verdict"].tolist()
    assert found == ["triggered" if one else "not_triggered" for one in (doj, gap)]


def test_an_uncertain_benchmark_is_judged_at_its_ends_too():
    # 18 of 100 beside 19 to 25 %: 94.7 and 72 %, one and seven persons
    market = available(0.22).assign(low=0.19, high=0.25)
    found = triggers(cell(18, 100), market)
    gap = found[found["rule"] == "gap_filter"]
    assert gap["verdict"].tolist() == ["not_triggered", "not_triggered", "triggered"]
    assert gap["detail"].tolist()[1:] == ["benchmark at its low end", "benchmark at its high end"]
    assert gap["estimate"].tolist() == pytest.approx([-4, -1, -7])


def test_the_gap_filter_takes_other_persons_and_fifths():
    assert triggers(cell(18, 100), available(0.22), persons=4, fifths=5)["verdict"].iloc[1] == "triggered"
    assert triggers(cell(3, 30), available(0.25), persons=5)["verdict"].iloc[1] == "not_triggered"


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 99))
def test_fewer_people_never_lift_a_trigger(count, others, percent):
    nobs = count + others + 1
    fewer, more = (triggers(cell(group, nobs), available(percent / 100))["verdict"] for group in (count, count + 1))
    assert not ((more == "triggered") & (fewer == "not_triggered")).any()


@pytest.mark.parametrize("function", [by_chance, at_ends, triggers, lambda shares, _: sweep(shares, [0.2, 0.3])])
def test_what_chance_and_rules_say_leaves_its_input_and_names_its_cells(staff, benchmark, function):
    found, benchmark = shares(staff), benchmark.assign(low=0.1, high=0.4)
    kept = found.copy(deep=True), benchmark.copy(deep=True)
    said = function(found, benchmark)
    assert set(said.loc[said["group"] == "abroad", "cells"]) == {("abroad", "declared")}
    assert_frame_equal(found, kept[0])
    assert_frame_equal(benchmark, kept[1])
    assert function(found.head(0), benchmark).empty
    assert len(function(found.drop(columns="cells"), benchmark)) == len(said)


def test_each_period_meets_the_latest_benchmark_that_is_not_after_it(staff, benchmark):
    staff = pd.concat([staff.assign(period=period) for period in ("2010", "2011", "2020", "2021-Q4", "2031")])
    found = against_benchmark(shares(staff), benchmark.iloc[::-1]).query("measure == 'representation_ratio'")
    met = (0.375 / found["estimate"]).round(10)
    assert list(zip(found["period"], found["benchmark"], met, strict=True)) == [
        ("2011", "population", 0.20),
        ("2020", "population", 0.20),
        ("2021-Q4", "population", 0.25),
        ("2031", "labour market", 0.30),
        ("2031", "population", 0.25),
    ]


def test_benchmarks_that_no_share_meets_are_named(staff, benchmark):
    late = benchmark.iloc[[0, 0, 0]].assign(name="late", period="2024-Q4", share=0.5)
    late = pd.concat(
        [late.assign(scope=["city", "Parks", ""], grade=["", "", "senior"]), late.head(1).assign(period="2025")]
    )
    found = not_compared(shares(staff), pd.concat([benchmark.assign(scope="", grade=""), late]))
    assert found[["scope", "grade", "period"]].fillna("").to_numpy().tolist()[-3:] == [
        ["Parks", "", "2024-Q4"],
        ["", "senior", "2024-Q4"],
        ["", "", "2025"],
    ]
    assert "name" in found and set(found.columns) == {*benchmark, "scope", "grade"}


def test_shares_without_period_meet_the_latest_benchmark(staff, benchmark):
    found = against_benchmark(shares(staff.drop(columns="period")), benchmark)
    assert found["benchmark"].tolist() == ["population", "labour market"] * 2
    assert found["estimate"].tolist()[:2] == [0.375 / 0.25, 0.375 / 0.30]


def test_benchmarks_of_a_unit_or_a_grade_meet_only_their_own(staff, benchmark):
    by_unit = shares(pd.concat([staff.assign(unit=unit) for unit in ("parks", "library")]))
    by_grade = shares(pd.concat([staff.assign(grade=grade) for grade in ("basic", "senior")]))
    scoped = benchmark.iloc[:2].assign(scope=["parks", ""], grade=[None, "senior"])
    assert against_benchmark(by_unit, scoped)["unit"].tolist() == ["parks", "parks"]
    assert against_benchmark(by_grade, scoped)["grade"].tolist() == ["senior", "senior"]
    assert against_benchmark(shares(staff), scoped).empty
    assert len(against_benchmark(shares(staff), benchmark.iloc[:1].assign(scope="city", grade=""))) == 2


def test_a_benchmark_of_zero_gives_no_ratio_but_a_gap(staff, benchmark):
    found = against_benchmark(shares(staff), benchmark.iloc[[0]].assign(share=0.0))
    assert found["estimate"].isna().tolist() == [True, False]
    assert found["estimate"].iloc[1] == 3


def test_published_shares_meet_a_benchmark_and_give_a_gap_only_with_a_base(benchmark):
    printed = pd.DataFrame(
        {
            "period": ["2023", "2024"],
            "dimension": "origin",
            "group": "abroad",
            "share": [0.2, 0.2],
            "base": [np.nan, 1000],
        }
    )
    found = against_benchmark(published_shares(printed), benchmark)["estimate"]
    assert found.tolist() == pytest.approx([0.8, 0.8, np.nan, -50], nan_ok=True)


def test_counted_and_published_shares_of_the_same_cell_both_meet_the_benchmark(staff, benchmark):
    printed = pd.DataFrame({"period": ["2024"], "dimension": "origin", "group": "abroad", "share": [0.5]})
    both = pd.concat([shares(staff), published_shares(printed)])
    assert against_benchmark(both, benchmark)["estimate"].tolist()[:2] == [1.5, 2]


def test_against_benchmark_leaves_its_input_and_answers_nothing_with_no_rows(staff, benchmark):
    found = shares(staff)
    kept = found.copy(deep=True), benchmark.copy(deep=True)
    against_benchmark(found, benchmark)
    assert_frame_equal(found, kept[0])
    assert_frame_equal(benchmark, kept[1])
    assert against_benchmark(found, pd.DataFrame(columns=benchmark.columns)).empty


def test_refusals_name_what_is_wrong(staff):
    with pytest.raises(ValueError, match=r"the counts lack grade; needed are dimension, group, .*, grade"):
        ladder(staff)
    with pytest.raises(ValueError, match="more than one row for period 2024, dimension origin, group abroad"):
        shares(pd.concat([staff, staff]))
    with pytest.raises(ValueError, match=r"share 15\.2 is not between 0 and 1: write 18 % as 0\.18"):
        published_shares(pd.DataFrame({"dimension": "origin", "group": "foreign", "share": [0.18, 15.2]}))
    with pytest.raises(ValueError, match="count 9 of 8: a count lies between"):
        shares(staff.assign(numerator=9))


def test_who_declared_counted_by_hand(staff):
    earlier = staff.assign(period="2020", numerator=[1, 2, 7, 3], denominator=[3, 3, 10, 3])
    found = declared(pd.concat([earlier, staff]))
    low, high = wilson([3, 8], [10, 10])
    expected = pd.DataFrame(
        {
            "measure": "declared_share",
            "period": ["2020", "2024"],
            "dimension": "origin",
            "detail": "of all staff",
            "numerator": [3, 8],
            "denominator": [10, 10],
            "estimate": [0.3, 0.8],
            "conf_low": low,
            "conf_high": high,
            "confidence": 0.95,
            "method": "wilson",
            "cells": [("silent",)] * 2,
        }
    )
    assert_frame_equal(found, expected)


def test_who_declared_is_who_is_not_undeclared(staff):
    silent = shares(staff, 0.9).query("group == 'not stated'")[["conf_high", "estimate", "conf_low"]]
    spoken = declared(staff, 0.9)[["conf_low", "estimate", "conf_high"]]
    assert spoken.to_numpy() == pytest.approx(1 - silent.to_numpy())
    assert declared(staff.query("role != 'undeclared'")).empty
    nobody = staff.assign(numerator=0, denominator=0)
    assert declared(nobody)[["estimate", "conf_low", "confidence"]].isna().all(axis=None)


def survey(share, base, staff, **columns):
    return pd.DataFrame(
        {"dimension": "origin", "group": "abroad", "share": share, "base": base, "staff": staff, **columns}
    )


def test_printed_limits_and_bounds_of_the_survey_of_berlin():
    # Land Berlin, PartMigG 2024: 31,658 of about 143,000 answered, 21.7 %; limits of a finite staff 21.30 to
    # 22.10 % (21.302 and 22.103 by this function; 21.299 and 22.101 by the normal one), worst case 4.80 to 82.67 %
    found = surveyed_shares(survey([0.217], 31658, 143000, cells=[("public",)]))
    assert found[["conf_low", "conf_high"]].iloc[0].tolist() == pytest.approx([0.2130, 0.2210], abs=5e-5)
    assert found["estimate"].tolist() == pytest.approx([0.217, 0.0480, 0.8267], abs=5e-5)
    assert found["measure"].tolist() == ["share", "share_low_bound", "share_high_bound"]
    assert found["denominator"].tolist() == [31658, 143000, 143000]
    assert found["method"].fillna("").tolist() == ["wilson_finite", "", ""]
    assert found["cells"].tolist() == [("public",)] * 3


def test_a_survey_of_half_of_ten_counted_by_hand():
    # 5 of 10 answered, 40 % of them: as much as 9 answers of an endless staff; 2 to 7 of the 10 belong to the group
    found = surveyed_shares(survey([0.4], 5, 10), confidence=0.9)
    low, high = wilson(0.4 * 9, 9, 0.9)
    assert found["estimate"].tolist() == pytest.approx([0.4, 0.2, 0.7])
    assert found[["conf_low", "conf_high", "confidence"]].iloc[0].tolist() == pytest.approx([low, high, 0.9])


def test_a_survey_that_all_answered_has_no_chance_in_it_and_one_of_unknown_size_no_limits():
    found = surveyed_shares(survey([0.4, 0.4, 0.4], [10, np.nan, 10], [10, 10, np.nan]))
    assert found[["estimate", "conf_low", "conf_high"]].iloc[0].tolist() == [0.4, 0.4, 0.4]
    assert found[["conf_low", "conf_high", "confidence", "method"]].iloc[1:].isna().all(axis=None)
    assert found["estimate"].iloc[3:].tolist() == pytest.approx([0.4, np.nan, np.nan] * 2, nan_ok=True)


def test_a_survey_with_more_answers_than_staff_is_refused():
    with pytest.raises(ValueError, match="base 120 is more than staff 100: base is who answered"):
        surveyed_shares(survey([0.2, 0.2], [10, 120], 100))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.integers(1, 500), st.integers(0, 500))
def test_limits_of_a_survey_contain_the_share_and_lie_within_those_of_endless_staff(share, base, silent):
    printed = survey([share / 100], base, base + silent)
    kept, found = printed.copy(deep=True), surveyed_shares(printed)
    estimate, low, high = found[["estimate", "conf_low", "conf_high"]].iloc[0]
    wide = published_shares(printed).iloc[0]
    assert wide["conf_low"] - 1e-9 <= low <= estimate + 1e-9 and estimate - 1e-9 <= high <= wide["conf_high"] + 1e-9
    assert found["estimate"].iloc[1] - 1e-9 <= estimate <= found["estimate"].iloc[2] + 1e-9
    assert_frame_equal(printed, kept)


@pytest.mark.parametrize(("staff", "base"), [(60, 12), (60, 48), (200, 40), (200, 100), (1000, 800)])
def test_coverage_of_the_limits_of_a_survey_of_finite_staff(staff, base):
    # exactly: who answers is drawn without replacement; groups of 5 to 95 % of staff
    answers, group = np.arange(base + 1), np.arange(staff // 20, staff - staff // 20 + 1)[:, None]
    found = surveyed_shares(survey(answers / base, base, staff)).query("measure == 'share'")
    low, high = (found[column].to_numpy() for column in ("conf_low", "conf_high"))
    chance = stats.hypergeom.pmf(answers, staff, group, base)
    coverage = (chance * ((low <= group / staff) & (group / staff <= high))).sum(axis=1)
    assert coverage.mean() == pytest.approx(0.95, abs=0.006)
    assert coverage.min() > 0.88


# Surveys of staff

SURVEY = """period,dimension,group,share,base,staff
2021,origin,abroad,0.18,{base},2000
2025,origin,abroad,0.235,{base},2200
2025,origin,none,0.765,600,2200
2025,gender,women,0.5,,
"""
GENDER = '[dimensions.gender]\ngroups = ["women", "men"]\nreference = "men"\n'


def city_of(city_folder, base):
    return read_city(city_folder(CITY.replace("[staff]", GENDER + "[staff]"), shares=SURVEY.format(base=base)))


def test_who_did_not_answer_a_survey_is_counted_as_the_undeclared(city_folder):
    city = city_of(city_folder, 1500)
    silent = counts.surveyed(city)
    assert silent[["period", "numerator", "denominator"]].values.tolist() == [["2021", 500, 2000], ["2025", 700, 2200]]
    found = declared(silent)
    assert found["estimate"].tolist() == pytest.approx([1500 / 2000, 1500 / 2200])
    assert found["numerator"].tolist() == [1500, 1500]
    assert counts.surveyed(city, "gender").empty


@pytest.mark.parametrize(("base", "hidden"), [(1500, False), (900, True)])
def test_a_survey_that_too_few_answered_is_hidden_as_a_dimension_that_too_few_declared(city_folder, base, hidden):
    city = city_of(city_folder, base)
    plan = disclosure.plan(*cells.publishable(city), disclosure.Policy(min_count=1, declared=0.6))
    asked = counts.shares(city, "origin")
    answered, silent = surveyed_shares(asked), declared(counts.surveyed(city))
    for estimates in (answered[answered["group"] == "abroad"], silent):
        assert disclosure.protect(estimates, plan).frame["suppressed"].eq(hidden).all()
    printed = published_shares(counts.shares(city, "gender"))
    assert not disclosure.protect(printed, plan).frame["suppressed"].any(), "no base, so no gate"


def test_the_shares_of_a_survey_have_no_gap_in_persons_of_those_who_answered(benchmark):
    found = against_benchmark(surveyed_shares(survey([0.2], 900, 2200, period="2025")), benchmark)
    assert set(found["measure"]) == {"representation_ratio"}
    uncertain = benchmark.assign(low=0.2, high=0.3)
    assert set(at_ends(surveyed_shares(survey([0.2], 900, 2200, period="2025")), uncertain)["measure"]) == {
        "representation_ratio"
    }
