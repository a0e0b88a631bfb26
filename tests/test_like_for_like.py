"""Use as if all lived in the same districts: by hand, against the printed example, what must hold, refusals."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact import standardise
from divimpact.estimates import COLUMNS
from divimpact.like_for_like import standardised, within
from divimpact.standard_rates import dobson, observed_over_expected

KEYS = ["service", "dimension", "group", "reference", "role"]


def districts(times=1):
    """Two districts in which group 1 is reached less, and more when they are thrown together."""
    frame = {
        "service": "advice",
        "district": ["A", "A", "B", "B"],
        "dimension": "origin",
        "group": ["group 1", "group 2"] * 2,
        "reference": "group 2",
        "role": "group",
        "numerator": [300.0, 70, 20, 120],
        "denominator": [1000.0, 200, 200, 1000],
    }
    frame = pd.DataFrame(frame)
    return frame.assign(numerator=frame["numerator"] * times, denominator=frame["denominator"] * times)


def together(parts, over="district"):
    return parts.groupby(KEYS, sort=False)[["numerator", "denominator"]].sum().reset_index()


def one(found, measure, group="group 1"):
    return found[(found["measure"] == measure) & (found["group"] == group)].iloc[0]


def test_standardised_by_hand():
    parts = districts()
    found = standardised(parts, together(parts))
    assert one(found, "uptake_standardised")["estimate"] == pytest.approx((0.3 * 1200 + 0.1 * 1200) / 2400)
    assert one(found, "uptake_standardised", "group 2")["estimate"] == pytest.approx((0.35 + 0.12) / 2)
    low, high = (float(limit) for limit in dobson([300, 20], [1000, 200], [1, 1]))
    assert one(found, "uptake_standardised")[["conf_low", "conf_high"]].tolist() == pytest.approx([low, high])
    expected = 1000 * 370 / 1200 + 200 * 140 / 1200
    indirect = one(found, "uptake_observed_over_expected")
    assert indirect[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(
        [float(number) for number in observed_over_expected(320, expected)]
    )
    assert indirect["detail"] == "people; within district"
    assert indirect[["numerator", "denominator"]].tolist() == [320, 1200]


def test_the_printed_example_within_and_together():
    # 26.67 against 15.83 % thrown together, Mantel-Haenszel ratio .851064 within the districts
    parts = districts()
    found = within(parts, together(parts))
    pooled = one(found, "uptake_ratio_pooled")
    assert pooled["estimate"] == pytest.approx(0.851064, abs=5e-7)
    crude = pooled["numerator"] / pooled["denominator"], pooled["reference_numerator"] / pooled["reference_denominator"]
    assert crude == pytest.approx((0.2667, 0.1583), abs=5e-5)
    assert one(found, "simpson")["estimate"] == pytest.approx((crude[0] / crude[1]) / 0.851064, abs=1e-6)
    assert one(found, "simpson")["verdict"] == "cannot_tell"  # the ratio within may be 1
    gaps = [one(found, f"uptake_gap{part}")["estimate"] for part in ("", "_from_rates", "_from_composition")]
    assert gaps[0] == pytest.approx(320 / 1200 - 190 / 1200) and gaps[0] == pytest.approx(gaps[1] + gaps[2])
    assert gaps[1] == pytest.approx(600 / 1200 * (0.3 - 0.35) + 600 / 1200 * (0.1 - 0.12))
    p = standardise.homogeneity([300, 20], [1000, 200], [70, 120], [200, 1000])[1]
    assert one(found, "homogeneity")["p_value"] == pytest.approx(p)


def test_simpson_is_named_where_it_can_be_told():
    parts = districts(times=10)
    assert one(within(parts, together(parts)), "simpson")["verdict"] == "reversed"
    turned = parts.assign(reference="group 1")
    assert one(within(turned, together(turned)), "simpson", "group 2")["verdict"] == "reversed"
    low = parts.assign(numerator=[1780.0, 700, 120, 1200])
    assert one(within(low, together(low)), "simpson")["verdict"] == "cannot_tell"  # as much together, less within
    lower = parts.assign(numerator=[500.0, 700, 100, 6000])
    assert one(within(lower, together(lower)), "simpson")["verdict"] == "same_direction"


def test_rows_rest_on_the_totals_and_on_what_is_within_them():
    parts = districts().assign(cells=[("1A",), ("2A",), ("1B",), ("2B",)])
    totals = together(parts).assign(cells=[("1",), ("2",)])
    found = within(parts, totals)
    row = one(found, "uptake_ratio_pooled")
    assert row["cells"] == ("1", "2") and row["within"] == ("1A", "1B", "2A", "2B")
    assert row[["strata", "residual_df"]].tolist() == [2, 1]
    alone = one(standardised(parts, totals), "uptake_standardised")
    assert alone["within"] == ("1A", "1B") and alone[["strata", "residual_df"]].tolist() == [2, 1]
    assert list(found) == [column for column in COLUMNS if column in found]


def test_the_undeclared_are_not_in_the_standard_and_services_are_kept_apart():
    parts = districts()
    silent = parts[parts["group"] == "group 1"].assign(group="not stated", role="undeclared", numerator=5.0)
    loans = parts.assign(service="loans", numerator=parts["numerator"] / 2)
    more = pd.concat([loans, silent, parts], ignore_index=True)
    found = standardised(more, together(more))
    kept = found[(found["service"] == "advice") & (found["group"] != "not stated")].reset_index(drop=True)
    assert_frame_equal(kept, standardised(parts, together(parts)))
    half = found[found["service"] == "loans"]["estimate"].iloc[0]
    assert half == pytest.approx(one(kept, "uptake_standardised")["estimate"] / 2)
    assert found[found["group"] == "not stated"]["estimate"].notna().all()


def test_a_stratum_without_the_group_has_no_direct_rate_but_an_expected_number():
    parts = districts().iloc[:3]  # nobody of group 2 in B
    found = standardised(parts, together(parts))
    assert np.isnan(one(found, "uptake_standardised", "group 2")["estimate"])
    assert one(found, "uptake_observed_over_expected", "group 2")["estimate"] == pytest.approx(70 / (200 * 370 / 1200))
    assert one(within(parts, together(parts)), "uptake_ratio_pooled")["estimate"] == pytest.approx(0.3 / 0.35)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_alike_in_every_stratum_is_alike_in_all(seed):
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.1, 0.9, 4)
    names = [["group 1", "group 2"], list("ABCD")]
    parts = pd.MultiIndex.from_product(names, names=["group", "district"]).to_frame(index=False)
    eligible = rng.integers(1, 9, 8) * 1000.0
    parts = parts.assign(service="advice", dimension="origin", reference="group 2", role="group", denominator=eligible)
    parts["numerator"] = np.tile(np.round(rate, 3), 2) * eligible
    totals = together(parts)
    found, kept = within(parts.sample(frac=1, random_state=seed), totals), parts.copy(deep=True)
    assert one(found, "uptake_ratio_pooled")["estimate"] == pytest.approx(1)
    assert one(found, "uptake_gap_from_rates")["estimate"] == pytest.approx(0, abs=1e-12)
    rates = standardised(parts, totals)
    assert one(rates, "uptake_standardised")["estimate"] == pytest.approx(
        one(rates, "uptake_standardised", "group 2")["estimate"]
    )
    assert one(rates, "uptake_observed_over_expected")["estimate"] == pytest.approx(1)
    assert_frame_equal(parts, kept)


def test_refusals_name_what_is_wrong():
    parts = districts()
    totals = together(parts)
    cases = {
        "the counts lack district": (parts.drop(columns="district"), totals),
        "the totals are counted by district too": (parts, parts),
        "more than one row for service advice, district A": (pd.concat([parts, parts]), totals),
        "the totals have no row for service loans, dimension origin": (parts.assign(service="loans"), totals),
        "group 1: 321 of 1200 are not the sum over district, 320 of 1200": (
            parts, totals.assign(numerator=[321.0, 190]),
        ),
    }  # fmt: skip
    for message, (some, whole) in cases.items():
        with pytest.raises(ValueError, match=message):
            within(some, whole)
