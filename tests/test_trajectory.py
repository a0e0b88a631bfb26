"""Progress to a target: the toolkit's figure (18 % to 30 %), the Open SDG bands, limits carried through."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact.trajectory import not_followed, progress


def share(period, estimate, low=np.nan, high=np.nan, **columns):
    """Rows of measure share."""
    row = {"measure": "share", "dimension": "origin", "group": "abroad", "detail": "of declared staff"}
    limits = {"conf_low": low, "conf_high": high}
    return pd.DataFrame({"period": period, **row, "estimate": estimate, **limits, **columns})


def target(baseline=0.18, goal=0.30, start="2021", end="2025", **columns):
    return pd.DataFrame(
        {
            "dimension": ["origin"],
            "group": "abroad",
            **columns,
            "baseline_period": start,
            "baseline": baseline,
            "target_period": end,
            "target": goal,
        }
    )


def ratio_and_verdict(shares, targets):
    found = progress(shares, targets).query("measure == 'progress_ratio'")
    return found["estimate"].tolist(), found["verdict"].tolist()


def test_four_shares_counted_by_hand():
    # from 10 % to 40 % in two years: doubling each year is required, so 20 % after one year is on the path
    cells = [("a",), ("b",), ("c",), ("d",)]
    shares = share(["2020", "2021", "2022", "2022-Q2"], [0.10, 0.20, 0.40, 0.05], cells=cells)
    found = progress(shares, target(0.10, 0.40, "2020", "2022"))
    expected = pd.DataFrame(
        {
            "measure": ["gap_closed"] * 3 + ["progress_ratio"] * 3,
            "period": ["2021", "2022", "2022-Q2"] * 2,
            "dimension": "origin",
            "group": "abroad",
            "detail": "10 % (2020) to 40 % (2022)",
            "estimate": [1 / 3, 1, -1 / 6, 1, 1, 0.5 ** (1 / 1.5) - 1],
            "conf_low": np.nan,
            "conf_high": np.nan,
            "confidence": np.nan,
            "method": pd.Series([None] * 6, dtype="str"),
            "rule": [None] * 3 + ["open_sdg"] * 3,
            "verdict": [None] * 3 + ["on_track", "on_track", "moving_away"],
            "cells": [("b",), ("c",), ("d",)] * 2,
        }
    )
    assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("end", "reached", "gap", "ratio"),
    [
        ("2025", 0.260, 0.6667, 0.706870),
        ("2025", 0.265, 0.7083, 0.745286),
        ("2025", 0.270, 0.7500, 0.783163),
        ("2024", 0.260, 0.6667, 0.702489),
        ("2024", 0.265, 0.7083, 0.741277),
        ("2024", 0.270, 0.7500, 0.779580),
    ],
)
def test_printed_gap_closed_and_open_sdg_ratio_of_the_toolkit(end, reached, gap, ratio):
    found = progress(share([end], reached), target(end=end))  # T = 4 and 3 years
    assert found["estimate"].tolist() == pytest.approx([gap, ratio], abs=5e-5)
    assert found["estimate"].iloc[1] == pytest.approx(ratio, abs=5e-7)
    assert found["verdict"].iloc[1] == "acceleration_needed"


def on_path(ratio, years=2):
    """The share at which growth so far is `ratio` of what leads from 10 % to 40 % in two years."""
    return 0.10 * (1 + ratio) ** years


@pytest.mark.parametrize(
    ("ratio", "verdict"),
    [
        (0.9501, "on_track"),
        (0.9499, "acceleration_needed"),
        (0.6001, "acceleration_needed"),
        (0.5999, "limited_progress"),
        (0.0, "limited_progress"),
        (-0.0001, "moving_away"),
        (2.0, "on_track"),
    ],
)
def test_bands_of_open_sdg_without_limits(ratio, verdict):
    found, verdicts = ratio_and_verdict(share(["2022"], on_path(ratio)), target(0.10, 0.40, "2020", "2022"))
    assert found == pytest.approx([ratio], abs=1e-12)
    assert verdicts == [verdict]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.61, 0.94, "acceleration_needed"),
        (0.59, 0.94, "cannot_tell"),
        (0.61, 0.96, "cannot_tell"),
        (-0.2, -0.1, "moving_away"),
        (-0.2, 0.1, "cannot_tell"),
        (0.96, 1.5, "on_track"),
    ],
)
def test_limits_in_two_bands_cannot_tell(low, high, verdict):
    limits = {"low": on_path(low), "high": on_path(high), "confidence": 0.9, "method": "wilson"}
    shares = share(["2022"], on_path((low + high) / 2), **limits)
    found = progress(shares, target(0.10, 0.40, "2020", "2022")).iloc[1]
    assert found[["conf_low", "conf_high"]].tolist() == pytest.approx([low, high])
    assert found[["confidence", "method", "verdict"]].tolist() == [0.9, "wilson", verdict]


def test_a_falling_target_turns_the_limits_round():
    found = progress(share(["2022"], 0.20, 0.15, 0.30), target(0.40, 0.10, "2020", "2022"))
    assert found["estimate"].tolist() == pytest.approx([2 / 3, (0.5**0.5 - 1) / -0.5])
    assert found["conf_low"].tolist() == pytest.approx([1 / 3, (0.75**0.5 - 1) / -0.5])
    assert found["conf_high"].tolist() == pytest.approx([5 / 6, (0.375**0.5 - 1) / -0.5])
    assert found["verdict"].iloc[1] == "cannot_tell"


@pytest.mark.parametrize(("baseline", "goal", "late"), [(0.10, 0.40, 0.40), (0.40, 0.10, 0.10)])
def test_a_target_reached_late_is_on_track_although_growth_was_slow(baseline, goal, late):
    ratios, verdicts = ratio_and_verdict(share(["2029"], late), target(baseline, goal, "2020", "2022"))
    assert ratios[0] < 0.6
    assert verdicts == ["on_track"]


def test_a_baseline_of_zero_leaves_only_the_gap():
    found = progress(share(["2022"], 0.10, 0.05, 0.15), target(0, 0.40, "2020", "2022"))
    assert found["estimate"].tolist() == pytest.approx([0.25, np.nan], nan_ok=True)
    assert found[["conf_low", "confidence", "method", "rule", "verdict"]].iloc[1].isna().all()


def test_a_target_of_zero_leaves_only_the_gap():
    found = progress(share(["2022"], 0.10), target(0.40, 0, "2020", "2022"))
    assert found["estimate"].tolist() == pytest.approx([0.75, np.nan], nan_ok=True)


def test_a_target_at_the_baseline_is_undefined():
    found = progress(share(["2022"], 0.10), target(0.40, 0.40, "2020", "2022"))
    assert found[["estimate", "rule", "verdict"]].isna().all(axis=None)


def test_an_undefined_share_has_no_verdict():
    found = progress(share(["2022"], np.nan), target(0.10, 0.40, "2020", "2022"))
    assert found[["estimate", "verdict"]].isna().all(axis=None)


def test_years_are_counted_from_the_end_of_the_baseline_period():
    shares = share(["2020-Q4", "2021-06", "2021-Q4"], 0.20)  # the first ends with the baseline: no row
    ratios, _ = ratio_and_verdict(shares, target(0.10, 0.40, "2020", "2022"))
    assert ratios == pytest.approx([2**2 - 1, 2**1 - 1])


def test_targets_meet_only_shares_of_their_own_unit_grade_and_measure():
    shares = pd.concat(
        [
            share(["2025"], 0.21),
            share(["2025"], 0.22, unit="parks"),
            share(["2025"], 0.23, grade="leadership"),
            share(["2025"], 0.24, unit="parks", grade="leadership"),
            share(["2025"], 0.25).assign(measure="share_high_bound"),
            share(["2025"], 0.26).assign(group="born abroad"),
        ]
    )
    for scope, grade, expected in [
        ("city", None, 0.21),
        ("", "", 0.21),
        (None, None, 0.21),
        ("parks", None, 0.22),
        ("city", "leadership", 0.23),
        ("parks", "leadership", 0.24),
    ]:
        found = progress(shares, target(scope=scope, grade=grade))
        assert found["estimate"].iloc[0] == pytest.approx((expected - 0.18) / 0.12)
        assert len(found) == 2
    assert len(progress(shares, target())) == 2
    assert progress(shares, target().assign(group="nobody")).empty


def test_several_targets_are_told_apart_by_detail_with_as_many_digits_as_needed():
    targets = pd.concat([target(), target(goal=0.275, end="2030-Q2")])
    found = progress(share(["2025"], 0.2, reference="here"), targets)
    assert found["detail"].tolist()[:2] == ["18 % (2021) to 30 % (2025)", "18 % (2021) to 27.5 % (2030-Q2)"]
    assert "reference" not in found


@settings(max_examples=6, deadline=None)
@given(*[st.integers(1, 99)] * 2, st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_limits_contain_the_estimate_and_the_target_closes_the_gap(baseline, goal, three):
    assume(baseline != goal)
    (low, middle, high), plan = sorted(three), target(baseline / 100, goal / 100)
    found = progress(share(["2025"], middle, low, high), plan)
    assert found["estimate"].between(found["conf_low"], found["conf_high"]).all()
    assert progress(share(["2025"], goal / 100), plan)["estimate"].tolist() == pytest.approx([1, 1])


def test_row_order_decides_nothing_and_the_input_stays_as_it_is():
    shares = share(["2023", "2025"], [0.2, 0.25], [0.1, 0.2], [0.3, 0.35])
    targets = pd.concat([target(), target(end="2030")])
    kept = shares.copy(deep=True), targets.copy(deep=True)
    found, turned = progress(shares, targets), progress(shares.iloc[::-1], targets.iloc[::-1])
    keys = ["measure", "period", "detail"]
    found, turned = (frame.sort_values(keys, ignore_index=True) for frame in (found, turned))
    assert_frame_equal(found, turned)
    assert_frame_equal(shares, kept[0])
    assert_frame_equal(targets, kept[1])


def test_targets_without_a_later_share_are_named():
    others = [target(scope="parks"), target().assign(group="nobody"), target(start="2024")]
    targets = pd.concat([target(), *others])
    found = not_followed(share(["2024"], 0.2), targets)
    assert_frame_equal(found, targets.iloc[1:].assign(reason="no later share"))


@pytest.mark.parametrize(
    ("start", "followed"),
    [("2021", ["2022", "2023"]), ("2022", []), ("2022-07-01", []), ("2023", ["2022"]), ("2024", ["2022", "2023"])],
)
def test_nothing_is_compared_with_a_baseline_of_another_definition(start, followed):
    shares, breaks = share(["2021", "2022", "2023"], [0.18, 0.2, 0.22]), {"origin": [start], "gender": ["2022"]}
    assert progress(shares, target(), breaks)["period"].tolist() == followed * 2
    missed = not_followed(shares, target(), breaks)
    assert missed["reason"].tolist() == [] if "2023" in followed else ["another definition"]


def test_a_definition_of_one_dimension_breaks_no_other():
    assert len(progress(share(["2025"], 0.2), target(), {"gender": ["2023"]})) == 2


def test_no_targets_no_rows():
    assert progress(share(["2025"], 0.2), pd.DataFrame(columns=[*target(scope="", grade="")])).empty


def test_refusals_name_what_is_wrong():
    backwards = r"abroad \(origin\): target_period 2020 is not after baseline_period 2021"
    with pytest.raises(ValueError, match=backwards):
        progress(share(["2025"], 0.2), target(end="2020"))
    with pytest.raises(ValueError, match="'soon' is not an ISO year, quarter, month or date"):
        progress(share(["2025"], 0.2), target(end="soon"))
