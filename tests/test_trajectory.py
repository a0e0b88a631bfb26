"""Progress to a target: the toolkit's figure (18 % to 30 %) by every rule, limits carried through; years to parity."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact.estimates import COLUMNS
from divimpact.representation import shares as shares_of
from divimpact.trajectory import MEASURES, not_followed, parity, progress


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


def one(measure, shares, targets, breaks=None):
    """The rows of one measure of progress."""
    found = progress(shares, targets, breaks)
    return found[found["measure"] == measure].reset_index(drop=True)


def ratio_and_verdict(shares, targets, measure="progress_ratio"):
    found = one(measure, shares, targets)
    return found["estimate"].tolist(), found["verdict"].tolist()


def test_four_shares_counted_by_hand():
    # from 10 % to 40 % in two years: doubling each year is required, so 20 % after one year is on the path
    cells = [("a",), ("b",), ("c",), ("d",)]
    shares = share(["2020", "2021", "2022", "2022-Q2"], [0.10, 0.20, 0.40, 0.05], cells=cells)
    found = progress(shares, target(0.10, 0.40, "2020", "2022"))
    odds = {0.05: 1 / 19, 0.10: 1 / 9, 0.20: 1 / 4, 0.40: 2 / 3}
    logit = [np.log(odds[p] / odds[0.10]) / np.log(6) for p in (0.20, 0.40, 0.05)]
    end = [0.20 * 2, 0.40, 0.05 * 0.5 ** (0.5 / 1.5)]
    none = [None] * 3
    expected = pd.DataFrame(
        {
            "measure": np.repeat(list(MEASURES), 3),
            "period": ["2021", "2022", "2022-Q2"] * 6,
            "dimension": "origin",
            "group": "abroad",
            "detail": "10 % (2020) to 40 % (2022)",
            "estimate": [
                *[1 / 3, 1, -1 / 6],
                *logit,
                *[1, 1, 0.5 ** (1 / 1.5) - 1],
                *[1, 1, (end[2] - 0.10) / 0.30],
                *end,
                *[2, 0, np.inf],
            ],
            "conf_low": np.nan,
            "conf_high": np.nan,
            "confidence": np.nan,
            "method": pd.Series([None] * 18, dtype="str"),
            "rule": [*none * 2, *["open_sdg"] * 3, *["un_progress_chart"] * 6, *["observed_pace"] * 3],
            "verdict": [
                *none * 2,
                *["on_track", "on_track", "moving_away"],
                *["on_track", "on_track", "stagnation_or_regression"],
                *none,
                *["too_late", "reached", "never"],
            ],
            "cells": [("b",), ("c",), ("d",)] * 6,
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
    ratios, verdicts = ratio_and_verdict(share([end], reached), target(end=end))  # T = 4 and 3 years
    assert one("gap_closed", share([end], reached), target(end=end))["estimate"].tolist() == pytest.approx(
        [gap], abs=5e-5
    )
    assert ratios == pytest.approx([ratio], abs=5e-7)
    assert verdicts == ["acceleration_needed"]


@pytest.mark.parametrize(("reached", "logit"), [(0.260, 0.7031), (0.265, 0.7417), (0.270, 0.7798)])
def test_printed_gap_closed_on_the_logit_scale(reached, logit):
    found = one("gap_closed_logit", share(["2025"], reached, 0.26, 0.27), target())
    assert found[["estimate", "conf_low", "conf_high"]].iloc[0].tolist() == pytest.approx(
        [logit, 0.7031, 0.7798], abs=5e-5
    )


@pytest.mark.parametrize(
    ("reached", "end", "ratio", "verdict"),
    [(0.22, 0.26888889, 0.740741, "acceleration_needed"), (0.24, 0.32, 1.166667, "on_track")],
)
def test_printed_expected_end_of_the_un_type_rule(reached, end, ratio, verdict):
    # REFERENCES.md, trajectory: year 2 of 4, from 18 % to 30 %
    shares = share(["2023"], reached)
    ratios, verdicts = ratio_and_verdict(shares, target(), "expected_progress_ratio")
    assert ratios == pytest.approx([ratio], abs=5e-7)
    assert verdicts == [verdict]
    assert one("expected_share", shares, target())["estimate"].tolist() == pytest.approx([end], abs=5e-9)


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
    found = one("progress_ratio", shares, target(0.10, 0.40, "2020", "2022")).iloc[0]
    assert found[["conf_low", "conf_high"]].tolist() == pytest.approx([low, high])
    assert found[["confidence", "method", "verdict"]].tolist() == [0.9, "wilson", verdict]


def expected_at(ratio):
    """The share, in the middle of the way from 10 % to 40 %, that leads to this part of it."""
    return np.sqrt(0.10 * (0.10 + 0.30 * ratio))


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.951, 3.0, "on_track"),
        (0.949, 3.0, "cannot_tell"),
        (0.101, 0.949, "acceleration_needed"),
        (0.099, 0.949, "cannot_tell"),
        (-0.2, 0.099, "stagnation_or_regression"),
        (-0.2, 1.0, "cannot_tell"),
    ],
)
def test_bands_of_the_un_progress_chart(low, high, verdict):
    # Eustat, Progress measurement, section 2.1: .95 and .10
    shares = share(["2021"], expected_at((low + high) / 2), expected_at(low), expected_at(high))
    found = one("expected_progress_ratio", shares, target(0.10, 0.40, "2020", "2022")).iloc[0]
    assert found[["conf_low", "conf_high"]].tolist() == pytest.approx([low, high])
    assert found["verdict"] == verdict


def test_at_the_end_and_later_the_observed_share_counts():
    shares = share(["2022", "2029"], [0.30, 0.35])
    plan = target(0.10, 0.40, "2020", "2022")
    assert one("expected_share", shares, plan)["estimate"].tolist() == [0.30, 0.35]
    assert ratio_and_verdict(shares, plan, "expected_progress_ratio")[0] == pytest.approx([2 / 3, 5 / 6])


def test_no_share_is_expected_above_all_of_staff():
    shares = share(["2021"], 0.90, 0.45, 0.95)
    found = one("expected_share", shares, target(0.50, 0.95, "2020", "2024")).iloc[0]
    assert found[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx([1, 0.45 * 0.9**3, 1])
    assert ratio_and_verdict(shares, target(0.50, 0.95, "2020", "2024"), "expected_progress_ratio")[1] == [
        "cannot_tell"
    ]


@pytest.mark.parametrize(
    ("reached", "low", "high", "years", "verdict"),
    [
        # two of four years from 18 % to 30 %: 24 % is half way
        (0.24, np.nan, np.nan, [2, np.nan, np.nan], "in_time"),
        (0.2399, np.nan, np.nan, [2.0067, np.nan, np.nan], "too_late"),
        (0.25, 0.24, 0.26, [10 / 7, 1, 2], "in_time"),
        (0.25, 0.23, 0.26, [10 / 7, 1, 2.8], "cannot_tell"),
        (0.21, 0.19, 0.23, [6, 2.8, 22], "too_late"),
        (0.31, np.nan, np.nan, [0, np.nan, np.nan], "reached"),
        (0.31, 0.30, 0.32, [0, 0, 0], "reached"),
        (0.31, 0.27, 0.33, [0, 0, 2 / 3], "in_time"),
        (0.31, 0.22, 0.33, [0, 0, 4], "cannot_tell"),
        (0.17, 0.16, 0.18, [np.inf] * 3, "never"),
        (0.18, np.nan, np.nan, [np.inf, np.nan, np.nan], "never"),
        (0.17, 0.16, 0.20, [np.inf, 10, np.inf], "too_late"),
        (0.19, 0.17, 0.25, [22, 10 / 7, np.inf], "cannot_tell"),
    ],
)
def test_years_to_target_at_the_observed_pace(reached, low, high, years, verdict):
    found = one("years_to_target", share(["2023"], reached, low, high), target()).iloc[0]
    assert found[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(years, abs=5e-5, nan_ok=True)
    assert found[["rule", "verdict"]].tolist() == ["observed_pace", verdict]


def test_half_of_a_straight_way_in_half_of_the_time_is_in_time_to_the_last_bit():
    for baseline, goal in [(1, 5), (1, 93), (40, 10), (18, 30)]:  # in floating point the first two need a little longer
        half = share(["2023"], (baseline + goal) / 200)
        assert one("years_to_target", half, target(baseline / 100, goal / 100))["verdict"].tolist() == ["in_time"]


def test_after_the_target_period_only_what_is_reached_is_in_time():
    found = one("years_to_target", share(["2027", "2027-Q1"], [0.29, 0.30]), target())
    assert found["verdict"].tolist() == ["too_late", "reached"]
    assert found["estimate"].tolist() == pytest.approx([6 / 11, 0])


def test_bounds_of_the_undeclared_bound_the_gap():
    # REFERENCES.md: 80 % declared, 18 % of those: .144 to .344 of all staff; from 18 % to 30 % that is
    # (.144 - .18)/.12 = -.3 to (.344 - .18)/.12 = 1.3667, from 40 % down to 10 % (.4 - .344)/.3 to (.4 - .144)/.3
    staff = {"period": "2025", "dimension": "origin", "group": ["abroad"], "numerator": 144, "denominator": 800}
    cells = {"cells": [("abroad", "declared")], "total_cells": [("everyone",)]}
    shares = shares_of(pd.DataFrame({**staff, "total": 1000, **cells}))
    for plan, gaps in [(target(), [-0.3, 0, 1.3667]), (target(0.40, 0.10), [0.1867, 0.7333, 0.8533])]:
        measures = ["gap_closed_low_bound", "gap_closed", "gap_closed_high_bound"]
        found = progress(shares, plan).set_index("measure").loc[measures]
        assert found["estimate"].tolist() == pytest.approx(gaps, abs=5e-5)
        assert found["cells"].tolist() == [
            ("abroad", "declared", "everyone"),
            *[("abroad", "declared")],
            ("abroad", "declared", "everyone"),
        ]
        assert found.loc[[measures[0], measures[2]], ["conf_low", "method", "rule", "verdict"]].isna().all(axis=None)
        assert found["denominator"].tolist() == [1000, 800, 1000]


def test_a_falling_target_turns_the_limits_round():
    found = progress(share(["2022"], 0.20, 0.15, 0.30), target(0.40, 0.10, "2020", "2022")).set_index("measure")
    expected = pd.DataFrame(
        {
            "gap_closed": [2 / 3, 1 / 3, 5 / 6],
            "progress_ratio": [(0.5**0.5 - 1) / -0.5, (0.75**0.5 - 1) / -0.5, (0.375**0.5 - 1) / -0.5],
            "expected_progress_ratio": [2 / 3, 1 / 3, 5 / 6],
            "expected_share": [0.20, 0.15, 0.30],
            "years_to_target": [1, 0.4, 4],
        },
        index=["estimate", "conf_low", "conf_high"],
    )
    assert_frame_equal(found.loc[expected.columns, expected.index], expected.T.rename_axis("measure"))
    assert found.loc["progress_ratio", "verdict"] == "cannot_tell"


@pytest.mark.parametrize(("baseline", "goal", "late"), [(0.10, 0.40, 0.40), (0.40, 0.10, 0.10)])
def test_a_target_reached_late_is_on_track_although_growth_was_slow(baseline, goal, late):
    ratios, verdicts = ratio_and_verdict(share(["2029"], late), target(baseline, goal, "2020", "2022"))
    assert ratios[0] < 0.6
    assert verdicts == ["on_track"]


@pytest.mark.parametrize(
    ("baseline", "goal", "reached", "undefined"),
    [
        (0, 0.40, 0.10, ["gap_closed_logit", "progress_ratio", "expected_progress_ratio", "expected_share"]),
        (0.40, 0, 0.10, ["gap_closed_logit", "progress_ratio"]),
        (0.10, 0.40, 0, ["gap_closed_logit"]),
        (0.40, 0.40, 0.10, [measure for measure in MEASURES if measure != "expected_share"]),
    ],
)
def test_what_has_no_value_has_no_limits_and_no_verdict(baseline, goal, reached, undefined):
    found = progress(share(["2021"], reached, reached, 0.15), target(baseline, goal, "2020", "2022"))
    found = found.set_index("measure")
    assert found.index[found["estimate"].isna()].tolist() == undefined
    assert found.loc[undefined, ["conf_low", "confidence", "method", "rule", "verdict"]].isna().all(axis=None)


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
    for scope, grade, expected in [  # and the bound without unit and grade meets its own
        ("city", None, 0.21),
        ("", "", 0.21),
        (None, None, 0.21),
        ("parks", None, 0.22),
        ("city", "leadership", 0.23),
        ("parks", "leadership", 0.24),
    ]:
        found = one("gap_closed", shares, target(scope=scope, grade=grade))
        assert found["estimate"].tolist() == pytest.approx([(expected - 0.18) / 0.12])
        bound = one("gap_closed_high_bound", shares, target(scope=scope, grade=grade))
        assert len(bound) == (expected == 0.21)
    assert progress(shares, target().assign(group="nobody")).empty


def test_several_targets_are_told_apart_by_detail_with_as_many_digits_as_needed():
    targets = pd.concat([target(), target(goal=0.275, end="2030-Q2")])
    found = progress(share(["2025"], 0.2, reference="here"), targets)
    assert found["detail"].tolist()[:2] == ["18 % (2021) to 30 % (2025)", "18 % (2021) to 27.5 % (2030-Q2)"]
    assert "reference" not in found


@settings(max_examples=20, deadline=None)
@given(*[st.integers(1, 99)] * 2, st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_limits_contain_the_estimate_and_the_target_closes_the_gap(baseline, goal, three):
    assume(baseline != goal)
    (low, middle, high), plan = sorted(three), target(baseline / 100, goal / 100)
    found = progress(share(["2023"], middle, low, high), plan)
    bounded = found.dropna(subset="conf_low")
    assert bounded["estimate"].between(bounded["conf_low"], bounded["conf_high"]).all()
    arrived = progress(share(["2025"], goal / 100), plan)["estimate"].tolist()
    assert arrived == pytest.approx([1, 1, 1, 1, goal / 100, 0], abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 99), st.integers(1, 99), st.lists(st.integers(1, 999), min_size=2, max_size=2, unique=True))
def test_nearer_to_the_target_is_better_by_every_rule(baseline, goal, two):
    assume(baseline != goal)
    farther, nearer = sorted((p / 1000 for p in two), reverse=goal < baseline)
    found = progress(share(["2023"] * 2, [farther, nearer]), target(baseline / 100, goal / 100))
    for measure, rows in found.groupby("measure"):
        less, more = rows["estimate"]
        falls = measure == "years_to_target" or (measure == "expected_share" and goal < baseline)
        assert more <= less if falls else less <= more


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
    reasons = ["single unit", "no later share", "starts with this count"]
    assert_frame_equal(found, targets.iloc[1:].assign(reason=reasons))
    assert not_followed(share(["2024"], 0.2), target(start="2025", end="2028"))["reason"].tolist() == ["no later share"]


@pytest.mark.parametrize(
    ("start", "followed"),
    [("2021", ["2022", "2023"]), ("2022", []), ("2022-07-01", []), ("2023", ["2022"]), ("2024", ["2022", "2023"])],
)
def test_nothing_is_compared_with_a_baseline_of_another_definition(start, followed):
    shares, breaks = share(["2021", "2022", "2023"], [0.18, 0.2, 0.22]), {"origin": [start], "gender": ["2022"]}
    bounds = [shares.assign(measure=f"share_{side}_bound") for side in ("low", "high")]
    found = progress(pd.concat([shares, *bounds]), target(), breaks)
    assert found["period"].tolist() == followed * len(MEASURES) + followed * 2
    missed = not_followed(shares, target(), breaks)
    assert missed["reason"].tolist() == [] if "2023" in followed else ["another definition"]


def test_a_definition_of_one_dimension_breaks_no_other():
    assert len(progress(share(["2025"], 0.2), target(), {"gender": ["2023"]})) == len(MEASURES)


def test_no_targets_no_rows():
    assert progress(share(["2025"], 0.2), pd.DataFrame(columns=[*target(scope="", grade="")])).empty


def test_refusals_name_what_is_wrong():
    backwards = r"abroad \(origin\): target_period 2020 is not after baseline_period 2021"
    with pytest.raises(ValueError, match=backwards):
        progress(share(["2025"], 0.2), target(end="2020"))
    with pytest.raises(ValueError, match="'soon' is not an ISO year, quarter, month or date"):
        progress(share(["2025"], 0.2), target(end="soon"))


# Years to parity


def population(at=0.39, name="population", period="2021", **columns):
    return pd.DataFrame(
        {"name": [name], "dimension": "origin", "group": "abroad", "period": period, "share": at, **columns}
    )


def test_parity_of_four_shares_counted_by_hand():
    # benchmark 30 %: two points a year, then one, then the wrong way; the first share has no row
    cells = [("a",), ("b",), ("c",), ("d",)]
    limits = {"low": [0.1, 0.12, 0.2, 0.08], "high": [0.2, 0.32, 0.22, 0.12], "confidence": 0.9, "method": "wilson"}
    shares = share(["2020", "2021", "2022", "2023"], [0.18, 0.20, 0.20, 0.10], **limits, cells=cells)
    found = parity(shares, population(0.30, period="2020"))
    expected = pd.DataFrame(
        {
            "measure": "years_to_parity",
            "period": ["2021", "2022", "2023"],
            "dimension": "origin",
            "group": "abroad",
            "benchmark": "population",
            "detail": "pace since 2020",
            "estimate": [5, 10, np.inf],
            "conf_low": [0, 4, np.inf],
            "conf_high": [np.inf, 10, np.inf],
            "confidence": 0.9,
            "method": "wilson",
            "rule": "observed_pace",
            "cells": [("a", "b"), ("a", "c"), ("a", "d")],
        }
    )
    assert_frame_equal(found, expected)


def test_parity_of_swedish_state_staff():
    # Arbetsgivarverket: foreign background 15.2 % in 2012, 19.2 % in 2018, population 28.4 %: 9.2 points at 4/6 a year
    shares = share(["2012", "2018"], [0.152, 0.192])
    found = parity(shares, pd.concat([population(at, period=year) for year, at in [("2012", 0.230), ("2018", 0.284)]]))
    assert found["estimate"].tolist() == pytest.approx([13.8], abs=5e-3)
    assert parity(shares, population(0.284, period="2019")).empty


def test_parity_is_met_from_either_side_and_undefined_where_it_began():
    shares = share(["2021", "2023"], [0.30, 0.36])
    found = [parity(shares, population(at))[["estimate", "rule"]].iloc[0].tolist() for at in (0.35, 0.39, 0.25)]
    assert found == [[0, "observed_pace"], [pytest.approx(1), "observed_pace"], [np.inf, "observed_pace"]]
    assert parity(shares.iloc[::-1].assign(estimate=[0.20, 0.30]), population(0.25))["estimate"].tolist() == [0]
    assert parity(shares, population(0.30))[["estimate", "rule"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("start", "since"),
    [
        ("2021", ["2021", "2021"]),
        ("2022", ["2022"]),
        ("2022-07-01", ["2022"]),
        ("2023", ["2021"]),
        ("2024", ["2021"] * 2),
    ],
)
def test_no_pace_is_taken_across_a_change_of_definition(start, since):
    shares = share(["2021", "2022", "2023"], [0.18, 0.2, 0.22])
    found = parity(shares, population(), {"origin": [start], "gender": ["2022"]})
    assert found["detail"].tolist() == [f"pace since {period}" for period in since]


def test_each_series_has_its_own_pace():
    # a unit, a grade and another denominator are other series; an undefined share or a bound begins none
    both = ["2021", "2023"]
    series = [
        share(both, [0.10, 0.20]),
        share(both, [0.10, 0.30], unit="parks"),
        share(both, [0.10, 0.15], grade="leadership"),
        share(["2020", "2023"], [0.01, 0.22]).assign(detail="as published"),
        share(["2019"], np.nan),
        share(["2018"], 0.05).assign(measure="share_low_bound"),
    ]
    places = [
        population(0.40, scope=scope, grade=grade) for scope, grade in [("city", ""), ("parks", ""), ("", "leadership")]
    ]
    found = parity(pd.concat(series), pd.concat(places)).fillna({"unit": "", "grade": ""})
    keys = ["unit", "grade", "detail", "estimate"]
    assert found[keys].to_numpy().tolist() == [
        ["", "", "pace since 2021", pytest.approx(4)],
        ["parks", "", "pace since 2021", pytest.approx(1)],
        ["", "leadership", "pace since 2021", pytest.approx(10)],
        ["", "", "pace since 2020", pytest.approx(3 * 0.18 / 0.21)],
    ]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 100), st.integers(0, 100), st.lists(st.floats(0, 1), min_size=3, max_size=3))
def test_limits_of_parity_contain_it_and_at_that_pace_it_is_met(first, at, three):
    low, middle, high = sorted(three)
    shares = share(["2021", "2023"], [first / 100, middle], [np.nan, low], [np.nan, high])
    found = parity(shares, population(at / 100)).iloc[0]
    if first == at:
        assert np.isnan(found["estimate"])
    else:
        assert found["conf_low"] <= found["estimate"] <= found["conf_high"]
        if 0 < found["estimate"] < 1e6:
            assert middle + found["estimate"] * (middle - first / 100) / 2 == pytest.approx(at / 100, abs=1e-6)


def test_parity_leaves_its_input_in_any_order_and_gives_columns_of_the_estimate_table():
    shares = share(["2021", "2023", "2025"], [0.1, 0.2, 0.25], [0.1, 0.1, 0.2], [0.2, 0.3, 0.35], reference="here")
    benchmark = pd.concat([population(), population(0.3, "labour market")])
    kept = shares.copy(deep=True), benchmark.copy(deep=True)
    found, turned = parity(shares, benchmark), parity(shares.iloc[::-1], benchmark.iloc[::-1])
    keys = ["period", "benchmark"]
    assert_frame_equal(*(frame.sort_values(keys, ignore_index=True) for frame in (found, turned)))
    assert_frame_equal(shares, kept[0])
    assert_frame_equal(benchmark, kept[1])
    assert list(found) == [column for column in COLUMNS if column in found]
    assert parity(shares, benchmark.head(0)).empty
    assert parity(shares.head(1), benchmark).empty
