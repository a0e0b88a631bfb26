"""Targets and turnover: accounts counted by hand, REFERENCES' numbers (18 % to 30 %), scenarios, grades."""

import doctest

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from test_renewal import history

from divimpact import cells, disclosure, ledger, projection, renewal, stockflow
from divimpact.estimates import COLUMNS
from divimpact.projection import pipeline, projected
from divimpact.schema import read_city
from divimpact.stockflow import at_turnover, chances, rates, required

WAY = 0.18, 0.30, 4
ROLES = {"abroad": "group", "here": "group", "both": "overlapping", "not stated": "undeclared"}


def account(period="2021/2025", groups=("abroad", "here"), cells=True, **events):
    """Rows of an account; of each event a count and a denominator for each group, one after the other."""
    rows = [
        {"event": event, "group": group, "numerator": counts[2 * place], "denominator": counts[2 * place + 1]}
        for event, counts in events.items()
        for place, group in enumerate(groups)
    ]
    found = pd.DataFrame(rows).assign(period=period, since=period[:4], dimension="origin", reference="here")
    found["role"] = found["group"].map(ROLES)
    named = [(f"{row.event} {row.group}",) for row in found.itertuples()]
    return found.assign(cells=named) if cells else found


def toolkit(rate=0.06, hired=0.40, staff=2000, period="2021/2025", now=None, **columns):
    """A city with 18 % before, that loses and replaces `rate` of each group in four years of `staff` people each."""
    group, now = 18 * staff // 100, 18 * staff // 100 if now is None else now
    joined = round(4 * rate * staff)
    return account(
        period,
        exit=(4 * rate * group, 4 * group, 4 * rate * (staff - group), 4 * (staff - group)),
        hire=(hired * joined, joined, (1 - hired) * joined, joined),
        before=(group, staff, staff - group, staff),
        after=(now, staff, staff - now, staff),
    ).assign(**columns)


def target(baseline=0.18, goal=0.30, start="2021", end="2025", group="abroad", **columns):
    plan = {"baseline_period": start, "baseline": baseline, "target_period": end, "target": goal}
    return pd.DataFrame({"dimension": ["origin"], "group": group, **columns, **plan})


def values(found, measure, column="estimate"):
    return found.loc[found["measure"] == measure, column].tolist()


HIRES = """
name = "Testville"
[dimensions.origin]
groups = ["here", "abroad"]
reference = "here"
undeclared = "not stated"
[publication]
declared = 0
"""
STOCK = "period,origin,count\n2021,here,800\n2021,abroad,150\n2021,not stated,50\n{}"


def hires(city_folder, anew):
    """A city where 60 here and 30 abroad are hired, 50 and 20 leave, and 18 here and ``anew`` abroad newly declare."""
    after = f"2022,here,828\n2022,abroad,{160 + anew}\n2022,not stated,{32 - anew}"
    flows = "2022,hire,here,60\n2022,hire,abroad,30\n2022,exit,here,50\n2022,exit,abroad,20\n"
    flows += f"2022,redeclared_in,here,18\n2022,redeclared_out,not stated,{18 + anew}\n"
    flows += f"2022,redeclared_in,abroad,{anew}" if anew else ""
    city = read_city(city_folder(HIRES, staff=STOCK.format(after), flows=f"period,event,origin,count\n{flows}"))
    return city, disclosure.plan(*cells.publishable(city), disclosure.Policy(**city.publication))


def test_where_few_newly_declared_hide_who_was_hired_both_are_taken_together(city_folder):
    """5 of 188 would be told by 30 hired: hidden are both, shown is that 35 of 113 joined."""
    city, plan = hires(city_folder, anew=5)
    account = ledger.accounts(city, "origin", plan.hidden)
    shown = disclosure.protect(stockflow.rates(account), plan).frame.query(
        "group == 'abroad' and period == '2021/2022'"
    )
    shown = shown.set_index("measure")
    assert shown["suppressed"].to_dict() == {
        "exit_rate": False, "hire_share": True, "leaver_rate": False, "joiner_share": False
    }  # fmt: skip
    assert shown.loc["joiner_share", ["numerator", "denominator"]].tolist() == [35, 113]
    needs = required(account, target(165 / 993, start="2022", end="2026")).query("measure == 'required_hire_share'")
    assert not disclosure.protect(needs, plan).frame["suppressed"].any()
    alone = required(ledger.accounts(city, "origin"), target(165 / 993, start="2022", end="2026"))
    assert disclosure.protect(alone, plan).frame["suppressed"].all()


def test_where_who_was_hired_is_shown_nobody_else_is_added(city_folder):
    for anew in (0, 14):
        city, plan = hires(city_folder, anew)
        assert_frame_equal(ledger.accounts(city, "origin", plan.hidden), ledger.accounts(city, "origin"))
        assert not plan.hidden.any()


# Rates


def test_rates_of_four_rows_counted_by_hand():
    counted = account(groups=("abroad", "not stated"), exit=(10, 100, 0, 0), hire=(5, 20, 5, 25))
    expected = pd.DataFrame(
        {
            "measure": ["exit_rate"] * 2 + ["hire_share"] * 2,
            "period": "2021/2025",
            "dimension": "origin",
            "group": ["abroad", "not stated"] * 2,
            "reference": "here",
            "detail": [stockflow.AT_RISK] * 2 + ["of declared hires", "of all hires"],
            "numerator": [10, 0, 5, 5],
            "denominator": [100, 0, 20, 25],
            "estimate": [0.1, np.nan, 0.25, 0.2],
            "confidence": [0.95, np.nan, 0.95, 0.95],
            "method": ["wilson", None, "wilson", "wilson"],
            "cells": [("exit abroad",), ("exit not stated",), ("hire abroad",), ("hire not stated",)],
        }
    )
    found = rates(counted)
    assert found["conf_low"].round(4).tolist()[2] == 0.1119  # Wilson, 5 of 20
    assert_frame_equal(found.drop(columns=["conf_low", "conf_high"]), expected, check_dtype=False)


def test_the_sums_of_a_grade_are_taken_where_an_account_has_them_without_the_undeclared():
    counted = account(
        groups=("abroad", "here", "not stated"),
        left=(7, 40, 9, 100, 1, 10),
        exit=(4, 40, 6, 100, 1, 10),
        joined=(6, 18, 12, 18, 3, 21),
        hire=(3, 10, 7, 10, 2, 12),
    ).assign(grade="middle")
    found = rates(counted)
    assert values(found, "leaver_rate") == pytest.approx([7 / 40, 9 / 100])
    assert values(found, "joiner_share") == pytest.approx([6 / 18, 12 / 18])
    assert set(values(found, "joiner_share", "cells")[0]) == {"joined abroad", "joined here"}
    assert len(values(found, "exit_rate")) == len(values(found, "hire_share")) == 3


def test_those_who_leave_and_join_a_grade_are_counted_by_hand():
    counted = account(
        groups=("abroad", "here", "not stated"),
        exit=(4, 40, 6, 100, 1, 10),
        promotion_out=(2, np.nan, 3, np.nan, 0, np.nan),
        transfer_out=(1, np.nan, 0, np.nan, 0, np.nan),
        redeclared_out=(9, np.nan, 9, np.nan, 9, np.nan),
        hire=(3, 10, 7, 10, 2, 12),
        promotion_in=(1, np.nan, 4, np.nan, 1, np.nan),
        transfer_in=(1, np.nan, 0, np.nan, 0, np.nan),
    ).assign(grade="middle")
    found = rates(counted)
    assert values(found, "leaver_rate") == pytest.approx([7 / 40, 9 / 100, 1 / 10])
    assert values(found, "joiner_share") == pytest.approx([5 / 16, 11 / 16, 3 / 19])
    assert values(found, "exit_rate") == pytest.approx([4 / 40, 6 / 100, 1 / 10])
    assert values(found, "hire_share") == pytest.approx([3 / 10, 7 / 10, 2 / 12])
    declared = {f"{event} {group}" for event in ("hire", "promotion_in", "transfer_in") for group in ("abroad", "here")}
    assert set(values(found, "joiner_share", "cells")[0]) == declared
    assert values(found, "joiner_share", "detail")[1:] == ["of declared who joined", "of all who joined"]


def test_the_city_beside_its_grades_has_no_leavers_but_exits():
    grade = account(exit=(1, 10, 2, 20), hire=(1, 2, 1, 2), promotion_out=(1, 2, 1, 2), promotion_in=(0, 0, 0, 0))
    both = pd.concat([toolkit().assign(grade=np.nan), grade.assign(grade="middle")], ignore_index=True)
    found = rates(both)
    assert found[found["measure"] == "leaver_rate"]["grade"].tolist() == ["middle"] * 2
    assert len(values(found, "exit_rate")) == 4


# What a target needs


def test_the_toolkit_needs_73_per_cent_of_hires_and_says_where_40_lead():
    found = required(toolkit(), target())
    assert set(found.columns) <= set(COLUMNS)
    estimates = found.set_index("measure")["estimate"]
    assert estimates["required_hire_share"] == pytest.approx(0.727318, abs=5e-7)
    assert estimates["milestone"].tolist() == pytest.approx([0.21284, 0.24371, 0.27272, 0.30], abs=5e-6)
    assert values(found, "milestone", "period") == ["2022", "2023", "2024", "2025"]
    assert estimates["years_at_present"] == pytest.approx(12.74, abs=0.005)
    assert estimates["long_run_share"] == pytest.approx(0.40)
    assert estimates["reachable_year"] == pytest.approx(np.log(0.70 / 0.82) / np.log(0.94))
    assert estimates["reachable_exit_rate"] == pytest.approx(1 - (0.70 / 0.82) ** 0.25)
    assert found["estimate"].between(found["conf_low"], found["conf_high"]).all()
    assert set(found["detail"]) == {"18 % (2021) to 30 % (2025)"}
    assert found["verdict"].isna().all(), "the way lies behind"
    assert set(found["cells"].iloc[0]) == set(toolkit()["cells"].explode())
    ahead = required(toolkit(period="2017/2021"), target())
    assert set(ahead["detail"]) == {"staff of 2021 to 30 % (2025)"}, "one way, from where the staff stands"
    assert ahead["estimate"].tolist() == pytest.approx(found["estimate"].tolist())
    assert values(ahead, "required_hire_share", "verdict") == ["by_hiring"]
    assert ahead["verdict"].notna().tolist() == (ahead["measure"] == "required_hire_share").tolist()


def test_a_goal_whose_year_has_passed_is_not_spoken_of_as_open():
    late = toolkit(now=700)  # 35 % in 2025: the goal of 30 % is reached
    needed = required(late, target())
    assert values(needed, "required_hire_share", "detail") == ["18 % (2021) to 30 % (2025)"]
    assert needed[["rule", "verdict"]].isna().all(axis=None)
    assert chances(late, target()).empty
    assert required(late, target(end="2024", start="2020"))["verdict"].isna().all()
    assert required(late, target(start="2025", end="2029"))["detail"].unique().tolist() == [
        "staff of 2025 to 30 % (2029)"
    ], "a baseline that is the count itself gives one way"
    assert required(late, target(start="2026", end="2029"))["detail"].nunique() == 1
    both = required(late, target(end="2029"))
    assert values(both, "required_hire_share", "verdict")[1:] == ["by_hiring"]
    assert pd.isna(values(both, "required_hire_share", "verdict")[0])
    assert set(chances(late, target(end="2029"))["detail"].str.split(",").str[0]) == {"staff of 2025 to 30 % (2029)"}


def accounts_of_one_process(steps, span=8, group=180_000, staff=1_000_000, leaving=0.08, others=0.06, hired=0.4):
    """An account of `steps` in `span` years of a staff that is renewed step by step with yearly rates."""
    wg, wo = (1 - (1 - rate) ** (span / steps) for rate in (leaving, others))
    counts, before = np.zeros(6), group
    for _ in range(steps):
        left, others_left = wg * group, wo * (staff - group)
        joined = hired * (left + others_left)
        counts += left, group, others_left, staff - group, joined, left + others_left
        group += joined - left
    left, at_risk, others_left, others_at_risk, joined, all_joined = counts
    return account(
        "2017/2025",
        exit=(left, at_risk, others_left, others_at_risk),
        hire=(joined, all_joined, all_joined - joined, all_joined),
        before=(before, staff, staff - before, staff),
        after=(group, staff, staff - group, staff),
    )


@pytest.mark.parametrize("steps", [4, 8, 16, 32, 96])
def test_rates_are_of_a_year_whatever_the_steps(steps):
    # two years, one, a half, a quarter, a month
    found = required(accounts_of_one_process(steps), target(0.2, end="2029"))
    yearly = required(accounts_of_one_process(8), target(0.2, end="2029"))
    for measure in ("required_hire_share", "long_run_share", "reachable_exit_rate"):
        low, high = (values(yearly, measure, limit)[0] for limit in ("conf_low", "conf_high"))
        # somebody who comes and goes between two counts is seen in short steps only
        assert values(found, measure)[0] == pytest.approx(values(yearly, measure)[0], abs=0.004)
        spread = values(found, measure, "conf_high")[0] - values(found, measure, "conf_low")[0]
        assert spread == pytest.approx(high - low, rel=0.25), "the same on each draw"
    fan = projected(accounts_of_one_process(steps), target().iloc[:0], ahead=4).query("period == '2029'")
    assert fan["estimate"].iloc[0] == pytest.approx(
        renewal.share_after(4, fan_start(steps), 0.4, 0.08, 0.06), abs=0.001
    )
    assert values(fan.query("detail == 'equal exits'"), "projected_share")[0] == pytest.approx(
        values(
            projected(accounts_of_one_process(8), target().iloc[:0], ahead=4).query(
                "period == '2029' and detail == 'equal exits'"
            ),
            "projected_share",
        )[0],
        abs=0.001,
    )


def fan_start(steps):
    after = accounts_of_one_process(steps).query("event == 'after' and group == 'abroad'")
    return (after["numerator"] / after["denominator"]).iloc[0]


def test_each_dimension_has_its_own_steps():
    counted = [toolkit(), toolkit(period="2024/2025", dimension="gender")]
    found = required(pd.concat(counted, ignore_index=True), pd.concat([target(), target().assign(dimension="gender")]))
    quarterly = 1 - 0.94**4
    expected = renewal.required_share(*WAY, [0.06, quarterly], [0.06, quarterly])
    assert values(found, "required_hire_share") == pytest.approx(expected.tolist())


def test_growth_makes_more_of_those_who_join():
    assert values(required(toolkit(), target(), growth=0.02), "required_hire_share") == pytest.approx(
        [0.610557], abs=5e-7
    )


def test_a_staff_that_shrinks_needs_more_and_where_it_shrinks_faster_than_it_leaves_nothing_is_said():
    kept = (0.94 / 0.98) ** 4
    found = required(toolkit(), target(), growth=-0.02)
    assert values(found, "required_hire_share") == pytest.approx([(0.30 - 0.18 * kept) / (1 - kept)])
    lost = required(toolkit(), target(), growth=-0.07)
    assert lost["estimate"].isna().all() and lost["conf_low"].isna().all() and lost["verdict"].isna().all()
    assert projected(toolkit(), target(), growth=-0.07)["estimate"].isna().all()
    small = toolkit(0.10, staff=200, period="2017/2021")
    draws = chances(small, target(goal=0.22), growth=-1e-9, draws=40_000)
    exact = chances(small, target(goal=0.22))
    assert draws["method"].tolist() == ["draws", "predictive_draws"]
    assert len(exact) and draws["estimate"].tolist() == pytest.approx(exact["estimate"].tolist(), abs=0.02)


def test_the_same_target_at_other_rates_of_turnover():
    found = at_turnover(toolkit(staff=50_000), target(end="2024"), [0.04, 0.06, 0.5]).set_index("measure")
    assert found.loc["assumed_turnover", "estimate"].tolist() == pytest.approx([0.06, 0.04, 0.06, 0.5])
    as_it_is, at_4, at_6, at_50 = found.loc["required_at_turnover", "estimate"]
    assert at_4 == pytest.approx(1.2211, abs=5e-5)
    assert (
        as_it_is
        == at_6
        == pytest.approx(values(required(toolkit(staff=50_000), target(end="2024")), "required_hire_share")[0])
    )
    assert at_50 == pytest.approx((0.30 - 0.18 / 8) / (7 / 8))
    assert found["detail"].unique().tolist() == [
        f"18 % (2021) to 30 % (2024), turnover {part}" for part in ("as it is", "4 %", "6 %", "50 %")
    ]
    unequal = account(
        exit=(40, 400, 0, 1600), hire=(4, 10, 6, 10), before=(100, 500, 400, 500), after=(100, 500, 400, 500)
    )
    uneven = at_turnover(unequal, target(0.2, end="2023"), [0.1, 0.3]).set_index("measure")
    assert uneven.loc["assumed_turnover", "estimate"].tolist()[:2] == pytest.approx([0.02, 0.1])
    assert uneven["estimate"].tail(2).isna().all(), (
        "30 % of all would be 150 % of the group, of whom alone anybody leaves"
    )
    shrinking = at_turnover(toolkit(), target(), [0.04, 0.08], growth=-0.05).set_index("measure")
    assert shrinking.loc["required_at_turnover", "estimate"].isna().tolist() == [False, True, False]


def test_a_target_beyond_all_hires_is_said_to_be_and_when_it_could_be_reached():
    found = required(toolkit(0.04, staff=50_000, period="2017/2021"), target(end="2024"))
    assert values(found, "required_hire_share") == pytest.approx([1.2211], abs=5e-5)
    assert values(found, "required_hire_share", "rule") == ["hiring_alone"]
    assert values(found, "required_hire_share", "verdict") == ["not_by_hiring_alone"]
    assert np.isnan(values(found, "milestone")).all() and np.isnan(values(found, "milestone", "conf_low")).all()
    assert values(found, "reachable_year") == pytest.approx([np.log(0.70 / 0.82) / np.log(0.96)])
    assert values(found, "reachable_exit_rate") == pytest.approx([1 - (0.70 / 0.82) ** (1 / 3)])


def test_a_share_near_all_hires_cannot_be_told_from_a_small_account():
    found = required(toolkit(0.04, staff=1000, period="2017/2021"), target())
    assert values(found, "required_hire_share") == pytest.approx([0.9765], abs=5e-5)
    assert values(found, "required_hire_share", "verdict") == ["cannot_tell"]
    many = required(toolkit(0.04, staff=10**7, period="2017/2021"), target())
    assert values(many, "required_hire_share", "verdict") == ["by_hiring"]


def test_a_target_that_is_passed_anyway():
    # 700 of 2000 are of the group already, so that even without any among those who join it stays above 20 %
    found = required(toolkit(now=700), target(goal=0.20, end="2028"))
    now = found[found["detail"] == "staff of 2025 to 20 % (2028)"]
    assert values(now, "required_hire_share") == pytest.approx([(0.20 - 0.35 * 0.94**3) / (1 - 0.94**3)])
    assert values(now, "required_hire_share", "verdict") == ["reached_anyway"]
    for measure in ("reachable_year", "reachable_exit_rate", "years_at_present"):
        assert values(now, measure) == values(now, measure, "conf_high") == [0]


def test_a_target_below_the_baseline_is_the_same_of_the_others():
    counted = toolkit(0.04, staff=50_000, period="2017/2021")
    falling = required(counted, target(0.82, 0.70, end="2024", group="here"))
    rising = required(counted, target(end="2024"))
    assert values(falling, "required_hire_share") == pytest.approx([1 - values(rising, "required_hire_share")[0]])
    assert values(falling, "required_hire_share", "verdict") == ["not_by_hiring_alone"]
    for measure in ("reachable_year", "reachable_exit_rate", "years_at_present"):
        assert values(falling, measure) == pytest.approx(values(rising, measure))


def test_the_start_is_the_baseline_and_the_last_staff_where_time_is_left():
    found = required(toolkit(now=400), target(0.17, end="2027"))
    assert values(found, "required_hire_share", "detail") == [
        "17 % (2021) to 30 % (2027)",
        "staff of 2025 to 30 % (2027)",
    ]
    expected = renewal.required_share([0.17, 0.20], 0.30, [6, 2], 0.06, 0.06)
    assert values(found, "required_hire_share") == pytest.approx(expected.tolist())
    assert values(found, "milestone", "period") == ["2022", "2023", "2024", "2025", "2026", "2027", "2026", "2027"]


def test_a_part_of_a_year_counts():
    found = required(toolkit(0.10), target(end="2024-Q2"))
    assert values(found, "milestone", "period") == ["2022", "2023", "2024-Q2"]
    assert values(found, "required_hire_share") == pytest.approx([(0.30 - 0.18 * 0.9**2.5) / (1 - 0.9**2.5)])
    assert values(found, "milestone")[2] == pytest.approx(0.30)
    found = required(toolkit(), target(start="2021-Q2", end="2023-Q2"))
    assert values(found, "milestone", "period") == ["2022-Q2", "2023-Q2"]


def test_those_who_rise_into_a_grade_join_it():
    flows = {"exit": (60, 2000, 140, 8000), "promotion_out": (40, 0, 60, 0), "hire": (50, 80, 30, 80)}
    flows |= {"promotion_in": (30, 0, 190, 0), "before": (360, 2000, 1640, 2000), "after": (380, 2000, 1620, 2000)}
    found = required(account(**flows).assign(grade="leadership"), target(grade="leadership"))
    expected = renewal.required_share(0.18, 0.30, 4, 100 / 2000, 200 / 8000)
    assert values(found, "required_hire_share") == pytest.approx([float(expected)])
    assert values(found, "long_run_share") == pytest.approx([float(renewal.long_run(80 / 300, 0.05, 0.025))])


def test_targets_meet_their_own_place():
    places = {"": toolkit(), "leadership": toolkit(0.10), "middle": toolkit(0.15)}
    places = pd.concat([found.assign(grade=grade or np.nan) for grade, found in places.items()], ignore_index=True)
    for grade, rate in (("", 0.06), (None, 0.06), ("leadership", 0.10), ("middle", 0.15)):
        found = required(places, target(scope="city", grade=grade))
        assert values(found, "required_hire_share") == pytest.approx([float(renewal.required_share(*WAY, rate, rate))])
    units = toolkit(0.08, unit="parks")
    assert required(units, target()).empty
    assert len(values(required(units, target(scope="parks")), "required_hire_share")) == 1


def test_combined_groups_are_compared_with_all_other_declared():
    three = account(
        groups=("abroad", "here", "both", "not stated"),
        exit=(96, 1600, 384, 6400, 96, 1600, 50, 100),
        hire=(192, 480, 288, 480, 192, 480, 9, 489),
        before=(360, 2000, 1640, 2000, 360, 2000, 100, 2100),
        after=(360, 2000, 1640, 2000, 360, 2000, 100, 2100),
    )
    found = required(three, target(group="both"))
    assert values(found, "required_hire_share") == pytest.approx([0.727318], abs=5e-7)
    assert required(three, target(group="not stated")).empty  # they are no part of the declared


def test_the_last_of_several_runs_is_used_and_single_steps_are_not():
    runs = [toolkit(0.10, period="2016/2020"), toolkit(0.06), toolkit(0.15, period="2025")]
    found = required(pd.concat(runs, ignore_index=True), target())
    assert values(found, "required_hire_share") == pytest.approx([0.727318], abs=5e-7)
    assert values(found, "required_hire_share", "period") == ["2021/2025"]


def test_limits_come_from_the_counts_and_narrow_with_them():
    small, large = (required(toolkit(staff=staff), target()) for staff in (1000, 100_000))
    wide = small["conf_high"] - small["conf_low"]
    assert (wide > 3 * (large["conf_high"] - large["conf_low"]))[small["measure"] != "milestone"].all()
    # the long run at equal exits is the hire share: its limits are near Wilson's where exits are known well
    many = toolkit(staff=100_000)
    few = many.assign(numerator=np.where(many["event"] == "hire", many["numerator"] / 200, many["numerator"]))
    few["denominator"] = few["denominator"].where(few["event"] != "hire", few["denominator"] / 200)
    end = required(few, target()).set_index("measure").loc["long_run_share"]
    wilson = rates(few).query("measure == 'hire_share'").iloc[0]
    assert end[["conf_low", "conf_high"]].tolist() == pytest.approx(
        wilson[["conf_low", "conf_high"]].tolist(), abs=0.01
    )


def test_rates_of_nobody_leave_everything_open_that_needs_them():
    nobody = toolkit()
    nobody.loc[nobody["event"] == "hire", ["numerator", "denominator"]] = 0
    found = required(nobody, target())
    assert np.isnan(values(found, "years_at_present")).all() and np.isnan(values(found, "long_run_share")).all()
    assert values(found, "required_hire_share") == pytest.approx([0.727318], abs=5e-7)
    gone = toolkit().query("event != 'exit'")
    gone = pd.concat([gone, account(exit=(0, 0, 100, 8000))], ignore_index=True)
    found = required(gone, target()).query("measure == 'required_hire_share'")
    assert found[["estimate", "conf_low", "rule", "verdict"]].isna().all(axis=None)
    assert np.isnan(values(chances(gone, target(end="2029")), "chance_of_target")).tolist() == [True] * 2


def test_hidden_counts_give_nothing():
    masked = toolkit()
    masked.loc[(masked["event"] == "exit") & (masked["group"] == "here"), "numerator"] = np.nan
    assert required(masked, target()).query("measure != 'nothing'")["estimate"].isna().all()


# Chances


@pytest.mark.parametrize(("staff", "chance"), [(200, 0.20675), (1000, 0.02440)])
def test_chance_of_the_target_with_rates_as_estimated(staff, chance):
    found = chances(toolkit(0.10, 0.46, staff, period="2017/2021"), target())
    assert found["estimate"].iloc[0] == pytest.approx(chance, abs=5e-6)
    assert found["method"].tolist() == ["exact", "predictive_draws"]
    assert found["detail"].str.split(", ").str[1].tolist() == ["rates as estimated", "rates uncertain"]


def test_chance_with_uncertain_rates_is_the_mean_over_them():
    counted = toolkit(0.10, 0.46, 200, period="2017/2021")
    _, found = values(chances(counted, target(), draws=40_000), "chance_of_target")
    rng = np.random.default_rng(5)
    counts = [(36.8, 80), (14.4, 144), (65.6, 656)]
    drawn = np.transpose([renewal.rates_drawn(*count, 2000, rng) for count in counts])
    exact = [renewal.chances(4, 36, 200, *each)[60:].sum() for each in drawn]
    assert found == pytest.approx(np.mean(exact), abs=4 * np.std(exact) / np.sqrt(2000) + 4 * 0.5 / 200)


def test_chances_of_a_falling_target_and_from_the_last_staff():
    counted, end = toolkit(0.10, 0.46, 200, now=50), "2027"
    rising = chances(counted, target(end=end))
    falling = chances(counted, target(0.82, 0.70, end=end, group="here"))
    assert falling["estimate"].iloc[0] == pytest.approx(rising["estimate"].iloc[0])
    exact = renewal.chances(2, 50, 200, 0.46, 0.10, 0.10)[60:].sum()
    assert rising["estimate"].iloc[0] == pytest.approx(exact)


def test_the_chance_is_of_the_staff_counted_last():
    grown = toolkit()
    grown.loc[grown["event"] == "after", ["numerator", "denominator"]] = [[720, 4000], [3280, 4000]]
    for start in ("2019", "2021", "2025"):
        found = chances(grown, target(start=start, end="2029"), draws=10)
        expected = renewal.chances(4, 720, 4000, 0.40, 0.06, 0.06)[1200:].sum()
        assert found["estimate"].iloc[0] == pytest.approx(expected)


# Where it is going


def test_shares_projected_by_hand():
    # exits .1 of 100 and .05 of 100, 15 join, a third of them of the group: 95 and 105; equal exits are .06
    stocks = {"before": (25, 125, 100, 125), "after": (100, 200, 100, 200)}
    counted = account(exit=(10, 100, 20, 400), hire=(5, 15, 10, 15), **stocks)
    found = projected(counted, target().iloc[:0], ahead=1).query("group == 'abroad'")
    assert found["detail"].tolist() == [*["today's hiring"] * 2, "today's hiring, rates as estimated", "equal exits"]
    assert found["estimate"].tolist() == pytest.approx([*[95 / 200] * 3, (94 + 4) / 200])
    assert found["period"].tolist() == ["2026"] * 4
    assert found["confidence"].tolist() == pytest.approx([0.80, 0.95, 0.95, np.nan], nan_ok=True)
    assert found["conf_low"].isna().tolist() == [False, False, False, True]
    assert found["conf_low"].iloc[1] <= found["conf_low"].iloc[0] <= found["estimate"].iloc[0]
    width = found["conf_high"] - found["conf_low"]
    assert width.iloc[2] < width.iloc[1], "to know the rates makes the fan narrower"
    assert (found["conf_high"].iloc[:3] * 200 % 1).tolist() == [0, 0, 0]  # whole people


def test_required_hiring_is_projected_as_far_as_the_target():
    found = projected(toolkit(), target(start="2025", end="2028"), ahead=5)
    path = found[found["detail"].str.startswith("required hiring")]
    assert set(path["detail"]) == {"required hiring, staff of 2025 to 30 % (2028)"}
    assert path["period"].tolist() == ["2026", "2027", "2028"]
    assert path["estimate"].iloc[-1] == pytest.approx(0.30)
    assert set(found.loc[found["detail"] == "today's hiring", "period"]) == {str(2025 + year) for year in range(1, 6)}
    impossible = projected(toolkit(), target(goal=0.9, start="2025", end="2028"), ahead=2)
    assert impossible.loc[impossible["detail"].str.startswith("required"), "estimate"].isna().all()
    # the baseline's own path is not among them, and there is none once the target's time is up
    assert not projected(toolkit(), target())["detail"].str.startswith("required").any()


def test_the_undeclared_have_no_projection_and_groups_without_staff_an_open_one():
    counted = account(
        groups=("abroad", "here", "not stated"),
        exit=(0, 0, 20, 400, 1, 9),
        hire=(5, 15, 10, 15, 1, 16),
        before=(0, 100, 100, 100, 4, 104),
        after=(5, 105, 100, 105, 4, 109),
    )
    found = projected(counted, target().iloc[:0], ahead=2)
    assert set(found["group"]) == {"abroad", "here"}
    assert found.loc[found["detail"] == "today's hiring", ["estimate", "conf_low", "confidence"]].isna().all(axis=None)


def test_half_as_many_draws_lie_outside_the_fan_on_either_side():
    narrow, wide = (toolkit(staff=staff) for staff in (200, 20_000))
    spread = [
        (found["conf_high"] - found["conf_low"])[found["confidence"] == 0.95].iloc[0]
        for found in (projected(counted, target().iloc[:0], ahead=1) for counted in (narrow, wide))
    ]
    assert spread[0] / spread[1] == pytest.approx(10, rel=0.1)  # as the root of the staff


@pytest.mark.slow
@pytest.mark.parametrize("staff", [60, 400, 2000])
def test_the_fan_of_many_generated_cities_holds_what_comes_as_often_as_it_says(staff):
    # expected with known rates and whole people: their chances are known exactly
    rng, cities = np.random.default_rng(20260103), 300
    held, expected = np.zeros((2, 2, cities))
    for number in range(cities):
        start, more, leaving, others = rng.uniform([0.1, -0.05, 0.05, 0.05], [0.5, 0.25, 0.15, 0.15])
        given = np.clip(start + more, 0.05, 0.9), leaving, others
        now, counts = history(rng, np.array([round(start * staff)]), staff, *given)
        later, _ = history(rng, now, staff, *given)
        came, joined, left, at_risk, others_left, others_at_risk = counts[:, 0]
        counted = account(
            exit=(left, at_risk, others_left, others_at_risk),
            hire=(came, joined, joined - came, joined),
            before=(round(start * staff), staff, staff - round(start * staff), staff),
            after=(now[0], staff, staff - now[0], staff),
        )
        found = projected(counted, target().iloc[:0], ahead=4, draws=500, seed=number)
        last = found[(found["detail"] == "today's hiring") & (found["group"] == "abroad")]
        last = last[last["period"] == "2029"].set_index("confidence")
        chance = renewal.chances(4, int(now[0]), staff, *given)
        for place, level in enumerate(projection.FAN):
            low, high = last.loc[level, ["conf_low", "conf_high"]]
            held[place, number] = low - 1e-9 <= later[0] / staff <= high + 1e-9
            least, most = np.searchsorted(chance.cumsum(), [(1 - level) / 2, (1 + level) / 2])
            expected[place, number] = chance[least : most + 1].sum()
    error = np.sqrt(expected.mean(axis=1) * (1 - expected.mean(axis=1)) / cities)
    assert (np.abs(held.mean(axis=1) - expected.mean(axis=1)) < 3 * error).all()


# Between grades


def graded(**columns):
    """Two grades: basic 50 of 100, senior 10 of 50; all leave at .1, of the group 2, of the others 4 in 100 rise."""
    after = {"basic": (50, 100, 50, 100), "senior": (10, 50, 40, 50)}
    exits = {"basic": (20, 200, 20, 200), "senior": (4, 40, 16, 160)}
    hires = {"basic": (40, 80, 40, 80), "senior": (1, 4, 3, 4)}
    found = pd.concat(
        [
            account(exit=exits[grade], hire=hires[grade], before=after[grade], after=after[grade]).assign(grade=grade)
            for grade in ("basic", "senior")
        ],
        ignore_index=True,
    )
    found["cells"] = [(f"{row.event} {row.group} {row.grade}",) for row in found.itertuples()]
    return found.assign(**columns)


def led():
    """The same, with leadership beside the grades, of which senior is the only one."""
    return pd.concat([graded(), graded().query("grade == 'senior'").assign(grade="leadership")], ignore_index=True)


def promoted(*counts, **columns):
    found = account(promotion=counts or (4, 200, 8, 200)).drop(columns="event")
    found["cells"] = [(f"rose {group}",) for group in found["group"]]
    return found.assign(grade="basic", grade_to="senior", **columns)


def test_grades_by_hand():
    # basic: 44 and 43 stay, 10 and 10 join each year; senior: 9 + 1 and 36 + 2, a quarter and three quarters join
    found = pipeline(graded(), promoted(), ["senior"], ahead=1).query("group == 'abroad'")
    assert found["grade"].tolist() == ["basic", "senior", "leadership"] * 2
    assert found["detail"].tolist() == ["today's hiring"] * 3 + ["equal exits and promotions"] * 3
    assert found["estimate"].tolist() == pytest.approx([54 / 107, 10.25 / 49, 10.25 / 49, 0.5, 10.75 / 49, 10.75 / 49])
    assert found["estimate"].between(found["conf_low"], found["conf_high"]).all()
    assert set(found["period"]) == {"2026"}
    assert set(found.columns) <= set(COLUMNS)


def test_what_a_goal_of_a_grade_needs_of_the_hiring_into_all_grades_by_hand():
    # senior: 9 + 1 and 36 + 2 come of today's staff, one is hired: .22 of 49 are 10.78, so .78 of the one
    plan = target(0.2, 0.22, start="2025", end="2026", grade="leadership")
    found = pipeline(led(), promoted(), ["senior"], plan, ahead=3)
    need = found[found["measure"] == "required_hire_share"]
    assert need["estimate"].tolist() == pytest.approx([0.78]) and need["grade"].tolist() == ["leadership"]
    assert need["detail"].tolist() == ["hiring into all grades, staff of 2025 to 22 % (2026)"]
    assert need["conf_low"].iloc[0] < 0.78 < need["conf_high"].iloc[0]
    path = found[found["detail"] == "required hiring, staff of 2025 to 22 % (2026)"]
    assert path["estimate"].tolist() == pytest.approx([0.22]) and path["period"].tolist() == ["2026"]
    beyond = pipeline(led(), promoted(), ["senior"], plan.assign(target=0.5), ahead=3)
    assert beyond.loc[beyond["measure"] == "required_hire_share", "estimate"].iloc[0] > 1
    assert beyond.loc[beyond["detail"].str.startswith("required hiring"), "estimate"].isna().all()


@pytest.mark.parametrize("growth", [0.0, 0.03])
def test_the_path_of_the_hiring_into_all_grades_ends_at_the_goal(growth):
    plan = target(0.2, 0.24, start="2025", end="2029", grade="senior")
    found = pipeline(graded(), promoted(), [], plan, ahead=5, growth=growth)
    path = found[found["detail"].str.startswith("required hiring")]
    assert path["period"].tolist() == ["2026", "2027", "2028", "2029"]
    assert path["estimate"].iloc[-1] == pytest.approx(0.24)
    today = pipeline(graded(), promoted(), [], ahead=5, growth=growth)
    same = found[found["measure"].eq("pipeline_share") & ~found["detail"].str.startswith("required")]
    assert_frame_equal(same.reset_index(drop=True), today.reset_index(drop=True))
    behind = pipeline(graded(), promoted(), [], plan.assign(target_period="2025", baseline_period="2021"))
    assert "required_hire_share" not in set(behind["measure"]), "no way from now"


def test_grades_year_by_year_are_those_of_the_model():
    found = pipeline(graded(), promoted(), ["basic", "senior"], ahead=3).query(
        "group == 'abroad' and detail == \"today's hiring\""
    )
    stock, exits, joining = [[50, 10], [50, 40]], np.full((2, 2), 0.1), [[10, 0.25], [10, 0.75]]
    up = [[[0, 0.02], [0, 0]], [[0, 0.04], [0, 0]]]
    people = renewal.between_grades(stock, exits, up, joining, 3)[1:]
    shares = people[:, 0] / people.sum(axis=1)
    expected = [*shares[:, 0], *shares[:, 1], *(people[:, 0].sum(axis=1) / people.sum(axis=(1, 2)))]
    assert found["estimate"].tolist() == pytest.approx(expected)
    assert found["period"].tolist() == ["2026", "2027", "2028"] * 3


def test_a_grade_rests_on_those_it_is_filled_from():
    found = pipeline(graded(), promoted(), ahead=1).query("group == 'abroad'").set_index("grade")["cells"]
    own = {cell for row in graded().itertuples() for cell in row.cells if row.grade == "basic"}
    assert set(found["basic"].iloc[0]) == own | {"rose abroad", "rose here"}
    every = {cell for cells in graded()["cells"] for cell in cells}
    assert set(found["senior"].iloc[0]) == every | {"rose abroad", "rose here"}
    assert "cells" not in pipeline(graded().drop(columns="cells"), promoted().drop(columns="cells"), ahead=1)


def test_nobody_at_risk_in_a_grade_leaves_it_and_those_above_open():
    nobody = graded()
    basic = (nobody["event"] == "exit") & (nobody["grade"] == "basic") & (nobody["group"] == "abroad")
    nobody.loc[basic, ["numerator", "denominator"]] = 0
    found = pipeline(nobody, promoted(0, 0, 8, 200), ahead=1).query("group == 'abroad'")
    assert found["estimate"].isna().tolist() == [True, True, False, False]  # together the rates are those of the others
    apart = pipeline(nobody, promoted().iloc[:0], ahead=1).query("group == 'abroad'")
    assert apart["estimate"].isna().tolist() == [True, False, False, False]


def test_a_grade_into_which_more_rise_than_leave_grows_and_takes_in_who_was_hired():
    # 20 a year rise into 50 of whom 5 leave, and 10 of the group are hired besides: 10 of 50 cannot fall below that
    flooded = graded()
    hired = (flooded["event"] == "hire") & (flooded["grade"] == "senior")
    flooded.loc[hired, "numerator"], flooded.loc[hired, "denominator"] = [40, 0], 40
    found = pipeline(flooded, promoted(0, 200, 80, 200), ["senior"], ahead=1).query("grade == 'leadership'")
    own = found.query("group == 'abroad' and detail == \"today's hiring\"")["estimate"]
    assert own.tolist() == pytest.approx([(9 + 10) / (9 + 10 + 36 + 20)])


def test_grades_projected_from_their_past_come_near_to_what_was_counted():
    city = read_city(ROOT / "data" / "sample")
    account, promotions = ledger.accounts(city, "origin"), ledger.promotions(city, "origin")
    run = account[account["period"] == "2021/2025"]
    then = run[run["event"] == "before"].assign(event="after")
    back = pd.concat([run[run["event"] != "after"], then], ignore_index=True)  # as if 2021 were the last count
    found = pipeline(back, promotions, city.leadership, ahead=4, draws=10)
    found = found[(found["detail"] == "today's hiring") & found["period"].eq(found["period"].max())]
    counted = run[run["event"] == "after"].assign(counted=lambda rows: rows["numerator"] / rows["denominator"])
    both = found.merge(counted[["grade", "group", "counted"]], on=["grade", "group"])
    assert len(both) == len(found) == 5 * 4
    assert (both["estimate"] - both["counted"]).abs().max() < 0.012, "who newly declared is not followed"


def test_limits_of_grades_hold_the_uncertainty_of_each_rate():
    few, many = graded(), graded()
    counts = ["numerator", "denominator"]
    many[counts] = many[counts] * 100
    spread = [
        found["conf_high"] - found["conf_low"]
        for found in (pipeline(few, promoted(), ahead=2), pipeline(many, promoted(400, 20_000, 800, 20_000), ahead=2))
    ]
    assert (spread[0] / spread[1]).between(8, 12).all(), "as the root of the counts"
    exits = pipeline(many, promoted(400, 20_000, 800, 20_000), ahead=1).query('detail == "today\'s hiring"')
    assert exits["method"].eq("posterior_draws").all()


def test_rates_of_grades_are_of_a_year_whatever_the_steps():
    # 16 steps in four years: of those at risk in a quarter as many of 1,600 as else of 400 in a year
    often = graded()
    at_risk = often["event"] == "exit"
    often.loc[at_risk, "denominator"] = often.loc[at_risk, "denominator"] * 4
    rose = promoted(4, 800, 8, 800)
    found, yearly = (pipeline(*one, ["senior"], ahead=3) for one in ((often, rose), (graded(), promoted())))
    assert found["estimate"].tolist() == pytest.approx(yearly["estimate"].tolist(), abs=0.006)


def test_leadership_rows_of_the_account_are_not_a_grade():
    leaders = graded().query("grade == 'senior'").assign(grade="leadership")
    both = pd.concat([graded(), leaders], ignore_index=True)
    for leadership in ([], ["senior"]):
        assert_frame_equal(pipeline(both, promoted(), leadership), pipeline(graded(), promoted(), leadership))


# All together


@settings(max_examples=5, deadline=None)
@given(st.permutations(range(8)), st.booleans())
def test_row_order_and_cells_decide_nothing_and_the_input_stays_as_it_is(order, cells):
    counted = toolkit(now=400) if cells else toolkit(now=400).drop(columns="cells")
    plans = pd.concat([target(end="2026"), target(0.8, 0.7, end="2028", group="here")], ignore_index=True)
    kept = counted.copy(deep=True), plans.copy(deep=True)
    keys = ["measure", "group", "detail", "period", "confidence"]
    for estimate in (required, chances, projected):
        one, other = (
            estimate(rows, plan, draws=50).sort_values(keys, ignore_index=True).drop(columns="cells", errors="ignore")
            for rows, plan in ((counted, plans), (counted.iloc[list(order)], plans.iloc[::-1]))
        )
        assert_frame_equal(one, other)
    assert_frame_equal(counted, kept[0])
    assert_frame_equal(plans, kept[1])


def test_draws_are_those_of_the_seed():
    one, again, other = (required(toolkit(), target(), draws=100, seed=seed) for seed in (1, 1, 2))
    assert_frame_equal(one, again)
    assert not one["conf_low"].equals(other["conf_low"])


def test_no_targets_no_rows():
    for nothing in (target(scope="", grade="").iloc[:0], target(group="nobody")):
        assert required(toolkit(), nothing).empty
        assert chances(toolkit(), nothing).empty
        assert set(projected(toolkit(), nothing)["detail"]) == {
            *("today's hiring", "today's hiring, rates as estimated", "equal exits")
        }


def test_refusals_name_what_is_wrong():
    backwards = r"abroad \(origin\): target_period 2020 is not after baseline_period 2021"
    with pytest.raises(ValueError, match=backwards):
        required(toolkit(), target(end="2020"))
    with pytest.raises(ValueError, match="'soon' is not an ISO year, quarter, month or date"):
        required(toolkit(), target(end="soon"))
    with pytest.raises(
        ValueError, match="no run of steps such as 2021/2025 is among 2025; pass the account that adds up"
    ):
        required(toolkit(period="2025"), target())
    with pytest.raises(ValueError, match="the counts lack denominator"):
        rates(toolkit().drop(columns="denominator"))
    with pytest.raises(ValueError, match="count 5 of 4: a count lies between 0 and its denominator"):
        rates(account(exit=(5, 4, 0, 0), hire=(0, 0, 0, 0)))
    with pytest.raises(ValueError, match="more than one row for period 2021/2025, dimension origin, group abroad"):
        rates(pd.concat([toolkit(), toolkit()]))


def test_examples():
    assert [doctest.testmod(module).failed for module in (stockflow, projection)] == [0, 0]
