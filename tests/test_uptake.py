"""Uptake of services: rates, ratios and unmet need within each service, district and period."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact.intervals import benjamini_hochberg, fisher, miettinen_nurminen_ratio, wilson
from divimpact.uptake import rates, screen, to_city, unmet


@pytest.fixture
def districts():
    """Two districts in which group 1 is reached less, and more when they are thrown together."""
    return pd.DataFrame(
        {
            "service": "advice",
            "district": ["A", "A", "B", "B"],
            "dimension": "origin",
            "group": ["group 1", "group 2"] * 2,
            "reference": "group 2",
            "numerator": [300, 70, 20, 120],
            "denominator": [1000, 200, 200, 1000],
            "cells": [("1A", "A"), ("2A", "A"), ("1B",), ("2B",)],
        }
    )


def estimates(found, measure):
    return found.loc[found["measure"] == measure, "estimate"].tolist()


def test_four_rows_counted_by_hand(districts):
    kept, found = districts.copy(deep=True), rates(districts)
    keys = ["service", "district", "dimension", "group", "reference"]
    counts = districts[[*keys, "numerator", "denominator"]]
    low, high = wilson(counts["numerator"], counts["denominator"])
    uptake = counts.assign(
        measure="uptake",
        detail="people",
        estimate=[0.3, 0.35, 0.1, 0.12],
        conf_low=low,
        conf_high=high,
        confidence=0.95,
        method="wilson",
        cells=districts["cells"],
    )
    low, high = miettinen_nurminen_ratio([300, 20], [1000, 200], [70, 120], [200, 1000])
    pairs = counts.iloc[[0, 2]].assign(
        reference_numerator=[70, 120], reference_denominator=[200, 1000], cells=[("1A", "A", "2A"), ("1B", "2B")]
    )
    ratio = pairs.assign(
        measure="uptake_ratio",
        detail="people",
        estimate=[0.3 / 0.35, 0.1 / 0.12],
        conf_low=low,
        conf_high=high,
        confidence=0.95,
        method="miettinen_nurminen",
    )
    unmet = pairs.assign(measure="unmet_persons", detail="to the reference rate", estimate=[50.0, 4.0])
    expected = pd.concat([uptake, ratio, unmet], ignore_index=True).astype({"detail": "str", "method": "str"})
    assert_frame_equal(found, expected[list(found)])
    assert " ".join(found) == (
        "measure service district dimension group reference detail numerator denominator reference_numerator "
        "reference_denominator estimate conf_low conf_high confidence method cells"
    )
    assert_frame_equal(districts, kept)


def test_printed_ratios_by_district_and_thrown_together(districts):
    assert estimates(rates(districts), "uptake_ratio") == pytest.approx([0.8571, 0.8333], abs=5e-5)
    groups = districts.drop(columns=["cells", "district"]).groupby(["dimension", "group", "reference"])
    added = groups[["numerator", "denominator"]].sum().reset_index()
    assert estimates(rates(added), "uptake") == pytest.approx([0.2667, 0.1583], abs=5e-5)


def test_printed_ratio_of_1200_of_24000_against_9000_of_96000():
    counts = pd.DataFrame(
        {
            "dimension": "origin",
            "group": ["a", "b"],
            "reference": "b",
            "numerator": [1200, 9000],
            "denominator": [24000, 96000],
        }
    )
    assert estimates(rates(counts), "uptake_ratio") == pytest.approx([0.5333], abs=5e-5)
    assert estimates(rates(counts), "unmet_persons") == [1050]


def test_unknown_eligible_have_no_rate_and_the_undeclared_no_unmet_need(districts):
    silent = districts.iloc[[0, 2]].assign(group="not stated", role="undeclared", denominator=[np.nan, 0])
    both = districts.iloc[[0]].assign(group="either", role="combined", numerator=30, denominator=100)
    whole = districts.iloc[[0]].assign(group="anyone", role="overlapping")
    found = rates(pd.concat([districts.assign(role="group"), silent, both, whole], ignore_index=True))
    unknown = found[found["group"] == "not stated"]
    assert unknown["measure"].tolist() == ["uptake"] * 2 + ["uptake_ratio"] * 2
    assert unknown[["estimate", "conf_low", "conf_high", "confidence", "method"]].isna().all(axis=None)
    assert found.loc[found["group"] == "either", "measure"].tolist() == ["uptake", "uptake_ratio", "unmet_persons"]
    assert found.loc[found["group"] == "anyone", "measure"].tolist() == ["uptake"]


def test_no_users_is_zero_and_a_ratio_to_nobody_is_infinite(districts):
    found = rates(districts.assign(numerator=[0, 70, 20, 0]))
    assert estimates(found, "uptake") == [0, 0.35, 0.1, 0]
    assert estimates(found, "uptake_ratio") == [0, np.inf]
    assert estimates(found, "unmet_persons") == [350, -20]


@pytest.mark.parametrize("counted", ["people", "person-periods", "uses"])
def test_detail_says_what_was_counted(districts, counted):
    found = rates(districts.assign(counted=counted), confidence=0.9)
    assert found.loc[found["measure"] == "uptake", "detail"].eq(counted).all()
    assert found["confidence"].dropna().eq(0.9).all()
    low, high = miettinen_nurminen_ratio([300, 20], [1000, 200], [70, 120], [200, 1000], 0.9)
    ratios = found[found["measure"] == "uptake_ratio"]
    assert ratios["conf_low"].tolist() == low.tolist() and ratios["conf_high"].tolist() == high.tolist()


def test_the_ratio_to_the_city_by_hand_and_with_the_limits_of_the_ratio_to_the_others(districts):
    found = to_city(districts)
    city = [370 / 1200, 370 / 1200, 140 / 1200, 140 / 1200]
    assert found["estimate"].tolist() == pytest.approx([0.3 / city[0], 0.35 / city[1], 0.1 / city[2], 0.12 / city[3]])
    assert found["reference_denominator"].tolist() == [1200] * 4
    assert found["cells"].tolist()[0] == ("1A", "A", "2A")
    low, _ = miettinen_nurminen_ratio(300, 1000, 70, 200)
    part = 1000 / 1200
    assert found["conf_low"].iloc[0] == pytest.approx(low / (part * low + 1 - part))
    silent = districts.iloc[[0]].assign(group="not stated", role="undeclared")
    both = districts.iloc[[0]].assign(group="either", role="combined", numerator=370, denominator=1200)
    more = to_city(pd.concat([districts.assign(role="group"), silent, both]))
    assert_frame_equal(more.iloc[:4], found)
    assert more["group"].tolist()[4:] == ["either"] and more["estimate"].iloc[4] == pytest.approx(1)


def test_limits_of_the_ratio_to_the_city_cover():
    rng = np.random.default_rng(14)
    users = rng.binomial([300, 900], [0.1, 0.16], (2000, 2))
    rows = pd.DataFrame({"numerator": users.ravel(), "denominator": [300, 900] * 2000, "group": ["a", "b"] * 2000})
    rows = rows.assign(service=[f"s{i}" for i in np.repeat(range(2000), 2)], dimension="origin", reference="b")
    found = to_city(rows)
    truth = 0.1 / (0.25 * 0.1 + 0.75 * 0.16)
    a = found[found["group"] == "a"]
    assert 0.94 <= ((a["conf_low"] <= truth) & (truth <= a["conf_high"])).mean() <= 0.96


def test_unmet_need_against_what_is_stated(districts):
    need = pd.DataFrame({"service": "advice", "group": ["group 1", "group 2"], "need": [0.4, 0.1]})
    found = unmet(districts, need)
    assert found["estimate"].tolist() == [100, -50, 60, -20] and set(found["detail"]) == {"to the stated need"}
    assert unmet(districts, need.head(1))["district"].tolist() == ["A", "B"]
    for message, wrong in {
        "need is 12, not between 0 and 1": need.assign(need=12),
        "columns service, group: one row for each": pd.concat([need, need]),
        "columns none: one row for each": need[["need"]],
    }.items():
        with pytest.raises(ValueError, match=message):
            unmet(districts, wrong)


def services(users):
    """One service for each number of users among 60 born abroad, beside 40 of 100 others."""
    rows = [
        (f"service {i}", group, n, of) for i, x in enumerate(users) for group, n, of in (("a", x, 60), ("b", 40, 100))
    ]
    counts = pd.DataFrame(rows, columns=["service", "group", "numerator", "denominator"])
    return counts.assign(dimension="origin", reference="b")


def test_screening_adjusts_over_services_by_hand():
    found = screen(services([4, 24, 12]))
    assert found["p_adjusted"].tolist() == pytest.approx(benjamini_hochberg(fisher([4, 24, 12], 60, 40, 100)))
    assert found["verdict"].tolist() == ["lower", "cannot_tell", "lower"] and set(found["rule"]) == {"fisher_bh"}
    assert found["service"].tolist() == ["service 0", "service 1", "service 2"] and "stage" not in found
    later = pd.concat([services([4, 24, 12]).assign(period="2023"), services([4]).assign(period="2024")])
    assert screen(later)["p_adjusted"].tolist()[:3] == pytest.approx(found["p_adjusted"].tolist())
    with pytest.raises(ValueError, match="the counts lack district, over which to screen; their keys are: service"):
        screen(services([4]), over="district")


def test_of_the_services_found_few_are_false():
    rng, false, told = np.random.default_rng(31), [], 0
    for _ in range(60):
        users = rng.binomial(60, np.where(np.arange(30) < 6, 0.12, 0.4))
        found = screen(services(users))["verdict"].to_numpy() != "cannot_tell"
        false.append(found[6:].sum() / max(found.sum(), 1))
        told += found[:6].sum()
    assert np.mean(false) < 0.05 and told > 60


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=6))
def test_limits_contain_the_estimate_and_swapping_the_groups_inverts_them(people):
    cells = pd.DataFrame([sorted(pair) for pair in people], columns=["numerator", "denominator"])
    counts = cells.assign(dimension="origin", group=[f"group {i}" for i in cells.index], reference="group 0")
    limits = ["conf_low", "conf_high"]
    found = rates(counts)
    limited = found.dropna(subset=["estimate", *limits])
    assert (limited["conf_low"] <= limited["estimate"] + 1e-12).all()
    assert (limited["estimate"] <= limited["conf_high"] * (1 + 1e-12)).all()
    turned = rates(counts.iloc[:2].assign(reference="group 1"))
    first, second = (frame.loc[frame["measure"] == "uptake_ratio", limits].iloc[0] for frame in (found, turned))
    with np.errstate(divide="ignore"):
        assert first.tolist() == pytest.approx((1 / second.to_numpy())[::-1].tolist(), nan_ok=True)


def test_row_order_decides_nothing(districts):
    keys = ["measure", "district", "group"]
    found, turned = (rates(frame).sort_values(keys, ignore_index=True) for frame in (districts, districts[::-1]))
    assert_frame_equal(found, turned)


def test_refusals_name_what_is_wrong(districts):
    with pytest.raises(ValueError, match="counted is 'visits', not one of: people, person-periods, uses"):
        rates(districts.assign(counted="visits"))
    with pytest.raises(ValueError, match="the counts lack reference; needed are"):
        rates(districts.drop(columns="reference"))
    with pytest.raises(ValueError, match="for service advice, dimension origin, group group 1: add such rows"):
        rates(districts.drop(columns="district"))
    with pytest.raises(ValueError, match="the reference 'group 2' has no row for service advice, district A"):
        rates(districts.iloc[[0]])
    with pytest.raises(ValueError, match="count 300 of 200: a count lies between 0 and its denominator"):
        rates(districts.assign(denominator=200))
