"""The gap taken apart by stage: Teal, West Lancashire, keys, cells, properties."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from test_funnel import funnel, with_role

from divimpact.estimates import COLUMNS
from divimpact.intervals import katz_ratio
from divimpact.losses import contributions


@pytest.fixture
def west_lancashire():
    """West Lancashire Borough Council, equality information about employees, April 2019 to March 2020."""
    reached = {"BME": (43, 10, 2), "White": (920, 389, 117), "Unknown": (7, 4, 0)}
    return with_role(funnel(reached, "White", ["applied", "shortlisted", "appointed"]), "undeclared", "Unknown")


def of(found, measure, group):
    return found[(found["measure"] == measure) & (found["group"] == group)].set_index("stage")["estimate"]


def test_two_stages_by_hand():
    # the group passes 1/2 and 1/4, the reference 1/4 and 1/2
    counts = funnel({"a": (16, 8, 2), "r": (16, 4, 2)}, "r", ["one", "two", "three"])
    kept, found = counts.copy(deep=True), contributions(counts)
    logs = of(found, "log_ratio_contribution", "a")
    assert logs.index.tolist() == ["two", "three", "overall"]
    assert logs.tolist() == pytest.approx([np.log(2), -np.log(2), 0])
    assert of(found, "rate_contribution", "a").tolist() == pytest.approx([0.09375, -0.09375, 0])
    assert "log_ratio_part" not in found["measure"].tolist()
    whole = found[found["stage"] == "overall"].iloc[0]
    assert whole[["numerator", "denominator", "reference_numerator", "reference_denominator"]].tolist() == [
        2,
        16,
        2,
        16,
    ]
    assert list(found) == [column for column in COLUMNS if column in found]
    assert_frame_equal(counts, kept)


def test_teal_1978():
    """Connecticut v. Teal, 457 U.S. 440 (1982): 26 of 48 against 206 of 259, then 11 against 35."""
    found = contributions(
        funnel({"Black": (48, 26, 11), "white": (259, 206, 35)}, "white", ["took", "passed", "promoted"])
    )
    assert of(found, "log_ratio_contribution", "Black").tolist() == pytest.approx(
        [-0.38415, 0.91233, 0.52817], abs=6e-6
    )
    assert "log_ratio_part" not in found["measure"].tolist()  # signs differ: no percentage


def test_west_lancashire_in_parts(west_lancashire):
    found = contributions(west_lancashire)
    assert of(found, "log_ratio_part", "BME").tolist() == pytest.approx([0.594, 0.406], abs=5e-4)
    overall = found[(found["stage"] == "overall") & (found["group"] == "BME")].iloc[0]
    assert overall["estimate"] == pytest.approx(np.log(0.365732), abs=5e-6)
    limits = overall[["conf_low", "conf_high"]].to_numpy(float)
    assert limits == pytest.approx(np.log(katz_ratio(2, 43, 117, 920)))  # variances add up to that of the overall ratio


def test_where_nobody_passes_logs_are_undefined_and_rates_are_not(west_lancashire):
    found = contributions(west_lancashire)
    assert of(found, "log_ratio_contribution", "Unknown").isna().tolist() == [False, True, True]
    rates = of(found, "rate_contribution", "Unknown")
    assert rates["overall"] == pytest.approx(0 - 117 / 920) and rates.notna().all()


def test_a_masked_stage_leaves_the_sums_unknown(west_lancashire):
    hidden = west_lancashire["group"].eq("BME") & west_lancashire["stage"].eq("appointed")
    masked = west_lancashire.assign(numerator=west_lancashire["numerator"].mask(hidden))
    found = contributions(masked)
    assert of(found, "log_ratio_contribution", "BME").isna().tolist() == [False, True, True]
    assert of(found, "rate_contribution", "BME").isna().all()


def test_each_combination_of_keys_stands_alone_and_rests_on_its_cells(west_lancashire):
    named = west_lancashire.assign(cells=[(f"{row.group} {row.stage}",) for row in west_lancashire.itertuples()])
    twice = pd.concat([named.assign(unit=unit) for unit in ("parks", "library")], ignore_index=True)
    alone = contributions(named)
    for _, part in contributions(twice).groupby("unit"):
        assert_frame_equal(part.drop(columns="unit").reset_index(drop=True), alone)
    cells = alone.set_index(["measure", "stage", "group"])["cells"]
    assert cells[("log_ratio_contribution", "shortlisted", "BME")] == ("BME shortlisted", "White shortlisted")
    for row in [
        ("log_ratio_contribution", "overall"),
        ("rate_contribution", "shortlisted"),
        ("log_ratio_part", "appointed"),
    ]:
        assert len(cells[(*row, "BME")]) == 4


def test_only_the_reference_has_no_gap(west_lancashire):
    assert contributions(west_lancashire[west_lancashire["group"] == "White"]).empty
    assert contributions(west_lancashire.iloc[:0]).empty


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(st.integers(1, 40), min_size=4, max_size=4), min_size=2, max_size=4))
def test_contributions_add_up_whatever_the_order_of_groups(people):
    reached = {f"group {i}": tuple(sorted(steps, reverse=True)) for i, steps in enumerate(people)}
    counts = funnel(reached, "group 0", ["a", "b", "c", "d"])
    found = contributions(counts)
    for group, steps in list(reached.items())[1:]:
        ratio = np.log((steps[3] / steps[0]) / (reached["group 0"][3] / reached["group 0"][0]))
        for measure, whole in (
            ("log_ratio_contribution", ratio),
            ("rate_contribution", steps[3] / steps[0] - reached["group 0"][3] / reached["group 0"][0]),
        ):
            part = of(found, measure, group)
            assert part["overall"] == pytest.approx(whole, abs=1e-12)
            assert part.drop("overall").sum() == pytest.approx(whole, abs=1e-12)
    turned = contributions(
        counts.sort_values("group", ascending=False, kind="stable").sort_values("stage", kind="stable")
    )
    columns = ["measure", "stage", "group"]
    assert_frame_equal(*(frame.sort_values(columns, ignore_index=True) for frame in (turned, found)))


def test_stages_that_do_not_lead_on_are_refused(west_lancashire):
    broken = west_lancashire[west_lancashire["stage"] != "overall"].replace({"denominator": {10: 11}})
    with pytest.raises(ValueError, match="10 passed a stage and 11 are at the next: give all stages in order"):
        contributions(broken)
