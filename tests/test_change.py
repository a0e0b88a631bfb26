"""Why a share changed: the case of REFERENCES by hand, exact sums, process limits and what they could miss."""

import doctest
import re

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from scipy import stats

from divimpact import change, flows
from divimpact.change import CHANCE, FLOWS, TOGETHER, decomposition, detectable, detectable_between, implied_leavers
from divimpact.estimates import COLUMNS
from divimpact.schema import read_city

ROLES = {"abroad": "group", "here": "group", "not stated": "undeclared"}
APART = [flow for flow in FLOWS if flow not in TOGETHER]
PARTS = [*APART, "unexplained"]
EVENTS = [event for flow in APART for event in FLOWS[flow]]


def account(groups=("abroad", "here"), **events):
    """Rows of an account: of each event the people of each group, one after the other."""
    rows = [
        {"event": event, "group": group, "numerator": people, "cells": (f"{event} {group}",)}
        for event, counts in events.items()
        for group, people in zip(groups, counts, strict=True)
    ]
    found = pd.DataFrame(rows).assign(
        period="2022", since="2021", dimension="origin", reference="here", denominator=np.nan
    )
    return found.assign(role=found["group"].map(ROLES))


def city():
    """The case of REFERENCES.md: 2,000 staff, 150 hired, 120 gone, 20 of the staff newly declared."""
    return account(
        ("abroad", "here", "not stated"),
        before=(360, 1240, 400),
        hire=(48, 72, 30),
        exit=(18, 82, 20),
        redeclared_in=(20, 0, 0),
        redeclared_out=(0, 0, 20),
        after=(410, 1230, 390),
    )


def of(found, group="abroad"):
    return found[found["group"] == group].set_index("measure")["estimate"]


def test_four_rows_counted_by_hand():
    # 10 of 40 before, 4 of 10 hired, 1 of 10 gone: 13 of 40 after, hires (4 - 2.5)/40, exits (2.5 - 1)/40
    found = decomposition(account(before=(10, 30), hire=(4, 6), exit=(1, 9), after=(13, 27)))
    expected = pd.DataFrame(
        {
            "measure": ["change", *APART, "unexplained"],
            "period": "2022",
            "dimension": "origin",
            "group": "abroad",
            "reference": "here",
            "detail": "of all staff",
            "numerator": [13, 4, 1, *4 * [np.nan]],
            "denominator": [40, 10, 10, *4 * [np.nan]],
            "reference_numerator": [10, *6 * [np.nan]],
            "reference_denominator": [40, *6 * [np.nan]],
            "estimate": [0.075, 0.0375, 0.0375, 0, 0, 0, 0],
            "confidence": [*3 * [0.95], *4 * [np.nan]],
            "method": [*3 * ["mover_wilson"], *4 * [None]],
        }
    )
    shown = found[found["group"] == "abroad"].drop(columns=["conf_low", "conf_high", "cells"]).reset_index(drop=True)
    assert_frame_equal(shown, expected, check_dtype=False)
    limits = found.set_index(["measure", "group"])[["conf_low", "conf_high"]]
    # Wilson: 4 of 10 .1682 to .6873, 1 of 10 .0179 to .4042
    below, above = 10 * (0.4 - 0.1682), 10 * (0.6873 - 0.4)
    assert limits.loc[("from_hires", "abroad")].tolist() == pytest.approx(
        [0.0375 - below / 40, 0.0375 + above / 40], abs=5e-5
    )
    fewer, more = 10 * (0.4042 - 0.1), 10 * (0.1 - 0.0179)
    both = [0.075 - np.hypot(below, fewer) / 40, 0.075 + np.hypot(above, more) / 40]
    assert limits.loc[("change", "abroad")].tolist() == pytest.approx(both, abs=5e-5)


def test_the_case_of_references():
    found = of(decomposition(city()))
    assert 100 * found["from_hires"] == pytest.approx(1.034, abs=5e-4)
    assert 100 * found["from_exits"] == pytest.approx(0.177, abs=5e-4)
    assert 100 * found["from_redeclaration"] == pytest.approx(0.985, abs=5e-4)
    assert 100 * found["change"] == pytest.approx(2.197, abs=5e-4)
    assert found["change"] == pytest.approx(410 / 2030 - 0.18)
    assert found[["from_promotions", "from_transfers", "unexplained"]].tolist() == [0, 0, 0]


def test_the_undeclared_have_their_row_and_all_rows_of_a_flow_balance():
    found = decomposition(city())
    assert of(found, "not stated")["change"] == pytest.approx(390 / 2030 - 0.2)
    assert found.groupby("measure")["estimate"].sum().tolist() == pytest.approx([0] * 7, abs=1e-15)


def test_combined_groups_repeat_people_and_are_not_added_up():
    both = city().query("group != 'not stated'").groupby("event", as_index=False)["numerator"].sum()
    combined = account(("abroad",), before=(0,)).drop(columns=["event", "numerator"]).merge(both, how="cross")
    combined = combined.assign(group="both", role="combined", cells=[(f"{event} both",) for event in combined["event"]])
    found = decomposition(pd.concat([city(), combined], ignore_index=True))
    assert_frame_equal(of(found).to_frame(), of(decomposition(city())).to_frame())
    assert of(found, "both").tolist() == pytest.approx((-of(found, "not stated")).tolist(), abs=1e-15)
    assert "hire both" in found.query("measure == 'from_hires' and group == 'both'")["cells"].iloc[0]


def test_moves_count_in_minus_out():
    moves = {"promotion_in": (2, 0), "promotion_out": (0, 3), "transfer_in": (0, 1), "transfer_out": (1, 1)}
    found = of(decomposition(account(before=(5, 15), hire=(0, 0), exit=(0, 0), after=(6, 12), **moves)))
    assert found["from_promotions"] == pytest.approx((2 - 0.25 * (2 - 3)) / 18)
    assert found["from_transfers"] == pytest.approx((-1 - 0.25 * (1 - 2)) / 18)
    assert found["unexplained"] == 0


def test_rows_rest_on_the_counts_that_they_use():
    found = decomposition(city()).query("group == 'abroad'").set_index("measure")["cells"]
    stocks = {f"{event} {group}" for event in ("before", "after") for group in ROLES}
    flows = {
        event: {f"{event} {group}" for group in ROLES} for event in ("hire", "exit", "redeclared_in", "redeclared_out")
    }
    assert set(found["from_hires"]) == stocks | flows["hire"]
    assert set(found["change"]) == stocks | flows["hire"] | flows["exit"]
    assert set(found["from_promotions"]) == stocks
    assert set(found["unexplained"]) == stocks.union(*flows.values())


def test_nobody_before_or_after_is_undefined_and_a_hidden_count_too():
    flows = {"hire": (1, 1), "exit": (0, 0)}
    for stocks in ({"before": (0, 0), "after": (1, 1)}, {"before": (1, 1), "after": (0, 0)}):
        assert decomposition(account(**stocks, **flows))["estimate"].isna().all()
    hidden = city()
    hidden.loc[(hidden["event"] == "exit") & (hidden["group"] == "here"), "numerator"] = np.nan
    found = of(decomposition(hidden))
    assert found.index[found.isna()].tolist() == ["from_exits", "unexplained"]
    assert np.isnan(decomposition(hidden).set_index(["measure", "group"]).loc[("change", "abroad"), "conf_low"])


def test_a_city_beside_its_units_has_no_moves():
    units = account(before=(5, 15), hire=(0, 0), exit=(0, 0), transfer_in=(1, 0), transfer_out=(0, 1), after=(6, 14))
    both = pd.concat([city().assign(unit=np.nan), units.assign(unit="parks")], ignore_index=True)
    found = decomposition(both).query("measure == 'from_transfers' and group == 'abroad'")
    assert found["estimate"].tolist() == pytest.approx([0, 1 / 20])
    assert found["conf_low"].isna().tolist() == [True, False]


heads = st.integers(0, 300)


@st.composite
def accounts(draw, units=("parks",)):
    """Any stocks and flows of two groups and the undeclared; what they do not explain is any number."""
    events = ["before", *EVENTS, "after"]
    parts = [
        account(tuple(ROLES), **{event: draw(st.tuples(heads, heads, heads)) for event in events}).assign(unit=unit)
        for unit in units
    ]
    found = pd.concat(parts, ignore_index=True)
    found.loc[found["event"].isin(["before", "after"]), "numerator"] += 1
    return found


@settings(max_examples=20, deadline=None)
@given(accounts())
def test_components_add_up_to_the_change(counted):
    found = decomposition(counted)
    estimates = found.pivot(index="group", columns="measure", values="estimate")
    assert estimates[PARTS].sum(axis=1).tolist() == pytest.approx(estimates["change"].tolist(), abs=1e-12)
    wide = counted.pivot(index="group", columns="event", values="numerator")
    share = wide["after"] / wide["after"].sum() - wide["before"] / wide["before"].sum()
    assert estimates["change"].tolist() == pytest.approx(share[estimates.index].tolist(), abs=1e-12)
    limited = found.dropna(subset="conf_low")
    assert set(limited["measure"]) == {"change", *CHANCE} - {*TOGETHER}
    assert limited["estimate"].between(limited["conf_low"], limited["conf_high"]).all()
    assert set(found.columns) <= set(COLUMNS)


def summed(counted):
    """The same account with "joined" and "left" in place of the events that these add up."""
    way = counted["event"].map(change.SIGNS)
    events = counted["event"].mask(way == 1, "joined").mask(way == -1, "left")
    by = [name for name in counted if name not in ("event", "numerator", "cells")]
    return counted.assign(event=events).groupby([*by, "event"], dropna=False, as_index=False)["numerator"].sum()


@settings(max_examples=20, deadline=None)
@given(accounts())
def test_sums_of_flows_take_the_change_of_the_declared_apart_exactly(counted):
    declared = counted[counted["role"] == "group"]
    wide = decomposition(declared).pivot(index="group", columns="measure", values="estimate")
    found = decomposition(summed(counted)).pivot(index="group", columns="measure", values="estimate")
    assert set(found) == {"change", "from_joining", "from_leaving", "unexplained"}, "what is not known has no row"
    assert_frame_equal(found[["change", "unexplained"]], wide[["change", "unexplained"]])
    assert found[[*TOGETHER]].sum(axis=1).tolist() == pytest.approx(wide[APART].sum(axis=1).tolist(), abs=1e-12)


def test_who_joined_and_left_stand_in_for_events_in_the_city_alone():
    # 10 of 40 before, 4 of 10 joined, 1 of 10 left: (4 - 2.5)/40, (2.5 - 1)/40
    whole = account(before=(10, 30), hire=(3, 7), exit=(1, 9), joined=(4, 6), left=(1, 9), after=(13, 27))
    found = of(decomposition(whole))
    assert found[["from_joining", "from_leaving"]].tolist() == pytest.approx([0.0375, 0.0375])
    assert "from_hires" not in found and found["unexplained"] == 0
    rests = decomposition(whole).query("measure == 'change' and group == 'abroad'")["cells"].iloc[0]
    assert not {"hire abroad", "exit abroad"} & {*rests} and "joined abroad" in rests
    assert {*of(decomposition(whole.assign(grade="basic"))).index} == {"change", *PARTS}


@settings(max_examples=10, deadline=None)
@given(accounts(("parks", "roads")))
def test_units_add_up_to_the_city(counted):
    people = counted.groupby(["event", "group", "role", "period", "dimension"], as_index=False)["numerator"].sum()
    city, units = decomposition(people.assign(denominator=np.nan)), decomposition(counted)
    units = units[units["group"] == "abroad"]
    after, before = (counted[counted["event"] == event] for event in ("after", "before"))
    size = after.groupby("unit")["numerator"].sum()
    start = (
        before[before["group"] == "abroad"].set_index("unit")["numerator"] / before.groupby("unit")["numerator"].sum()
    )
    overall = before.loc[before["group"] == "abroad", "numerator"].sum() / before["numerator"].sum()
    for measure, flow in ((one, FLOWS[one]) for one in APART):
        own = units[units["measure"] == measure].set_index("unit")["estimate"] * size
        flowing = sum(
            sign * counted[counted["event"] == event].groupby("unit")["numerator"].sum() for event, sign in flow.items()
        )
        # a unit measures its flows from its own start, the city from that of all
        together = (own + (start - overall) * flowing).sum() / size.sum()
        assert of(city)[measure] == pytest.approx(together, abs=1e-12)


@settings(max_examples=8, deadline=None)
@given(accounts(("parks", "roads")), st.randoms())
def test_row_order_and_cells_decide_nothing_and_the_input_stays_as_it_is(counted, random):
    kept, order = counted.copy(deep=True), list(range(len(counted)))
    random.shuffle(order)
    for estimate in (decomposition, detectable):
        one, other = (
            estimate(rows)
            .sort_values(["measure", "unit", "group"], ignore_index=True)
            .drop(columns="cells", errors="ignore")
            for rows in (counted, counted.iloc[order].drop(columns="cells"))
        )
        assert_frame_equal(one, other)
    assert_frame_equal(counted, kept)


# What chance does


def steady(staff=2000, turnover=0.06, share=0.18):
    """As many come as go, at the share of the staff."""
    moved = turnover * staff
    flow, stock = (share * moved, (1 - share) * moved), (share * staff, (1 - share) * staff)
    return account(before=stock, hire=flow, exit=flow, after=stock)


def test_a_year_of_flows_moves_a_share_by_a_third_of_a_point_not_by_one():
    found = detectable(steady()).query("group == 'abroad'")
    error = found["estimate"].iloc[0] / (1.959964 + 0.841621)
    assert 100 * error == pytest.approx(0.30, abs=0.005)
    assert found[["rule", "measure"]].iloc[0].tolist() == ["flows", "detectable_change"]
    snapshots = np.sqrt(2 * 0.18 * 0.82 / 2000)
    assert 100 * snapshots == pytest.approx(1.2, abs=0.05)
    limits = decomposition(steady()).query("measure == 'change' and group == 'abroad'")
    width = (limits["conf_high"] - limits["conf_low"]).iloc[0] / 2 / 1.959964
    assert 100 * width == pytest.approx(0.30, abs=0.005)


def test_confidence_and_power_decide_how_much_can_be_detected():
    found = detectable(steady(), confidence=0.90, power=0.50)["estimate"].iloc[0]
    assert found == pytest.approx(1.644854 * np.sqrt(2 * 120 * 0.18 * 0.82) / 2000)


def test_no_flow_of_the_group_tells_nothing():
    still = account(before=(10, 30), hire=(0, 5), exit=(0, 0), after=(10, 35))
    assert detectable(still)["estimate"].isna().all()
    # limits are there all the same: Wilson has up to .4345 of five
    found = decomposition(still).query("measure == 'from_hires' and group == 'abroad'").iloc[0]
    assert found[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(
        [-0.25 * 5 / 45, -0.25 * 5 / 45, (0.4345 - 0.25) * 5 / 45], abs=5e-5
    )


@pytest.mark.parametrize(("people", "same", "own"), [(100, 15.22, 17.17), (400, 7.61, 8.18), (2000, 3.40, 3.52)])
def test_detectable_between_independent_snapshots(people, same, own):
    shares = pd.DataFrame({"measure": ["share"], "estimate": 0.18, "denominator": people, "conf_low": 0.1, "rule": "x"})
    found = detectable_between(shares)
    assert (100 * found["estimate"]).tolist() == pytest.approx([same, own], abs=0.005)
    risen = 0.18 + found["estimate"].iloc[1]
    error = np.sqrt((0.18 * 0.82 + risen * (1 - risen)) / people)
    assert found["estimate"].iloc[1] == pytest.approx((1.959964 + 0.841621) * error, rel=1e-6)
    assert found["conf_low"].isna().all()
    assert found["detail"].str.startswith("upper bound: independent snapshots").all()


def test_a_rise_beyond_everybody_and_shares_of_nobody_are_undefined():
    shares = pd.DataFrame({"measure": "share", "estimate": [0.95, np.nan, 0.5], "denominator": [4, 0, np.nan]})
    assert detectable_between(shares)["estimate"].isna().tolist() == [False, True, True, True, True, True]
    assert detectable_between(shares.assign(measure="share_low_bound")).empty


def coverage(hires, exits, hired, gone, confidence=0.95):
    """Return how often the limits of the change hold what hires and exits at these shares make of it on average.

    Exact: every number of the group among the hires and exits, one unit each, by its chance.
    """
    start, staff = 100, 400
    came, went = (one.ravel() for one in np.meshgrid(np.arange(hires + 1), np.arange(exits + 1)))
    people = {
        "before": (start, staff - start),
        "hire": (came, hires - came),
        "exit": (went, exits - went),
        "after": (start + came - went, staff - start + hires - came - exits + went),
    }
    rows = [
        pd.DataFrame({"event": event, "group": group, "unit": np.arange(len(came)).astype(str), "numerator": count})
        for event, counts in people.items()
        for group, count in zip(("abroad", "here"), counts, strict=True)
    ]
    counted = pd.concat(rows).assign(dimension="origin", role="group", denominator=np.nan)
    found = decomposition(counted, confidence).query("measure == 'change' and group == 'abroad'")
    expected = (hires * (hired - start / staff) - exits * (gone - start / staff)) / (staff + hires - exits)
    held = (found["conf_low"] <= expected) & (expected <= found["conf_high"])
    chance = stats.binom.pmf(came, hires, hired) * stats.binom.pmf(went, exits, gone)
    return chance[held.to_numpy()].sum()


@pytest.mark.slow
def test_limits_of_the_change_hold_what_chance_would_make_of_it():
    # ASSUMPTIONS.md prints these
    rates = (0.05, 0.18, 0.3, 0.5)
    found = [
        coverage(*moved, hired, gone) for moved in ((10, 10), (24, 20), (50, 40)) for hired in rates for gone in rates
    ]
    assert np.mean(found) == pytest.approx(0.963, abs=0.005)
    assert min(found) > 0.94


def test_leavers_of_the_swedish_state_in_2012():
    # 15.2 % of the staff, up 1.1 points, 23.9 % of about 31,000 hires (Arbetsgivarverket informerar 6/2013); about
    # 36,000 of the staff are 15.2 %, so that these are about 236,800
    assert implied_leavers(0.141, 0.152, 0.239, 31_000, 236_800) == pytest.approx(0.155, abs=5e-4)


def test_leavers_implied_are_those_of_the_split():
    counted = account(before=(360, 1640), hire=(48, 102), exit=(18, 132), after=(390, 1610))
    found = implied_leavers(360 / 2000, 390 / 2000, 48 / 150, [150, 0], 2000)
    assert found.tolist() == pytest.approx([18 / 150, np.nan], nan_ok=True)
    assert of(decomposition(counted))["unexplained"] == 0


def test_leavers_of_the_swedish_state_in_2012_from_the_published_series():
    series = read_city(ROOT / "data" / "published" / "sweden_state").frame("shares").set_index("period")["share"]
    printed = (ROOT / "data" / "published" / "sweden_state" / "README.md").read_text(encoding="utf-8")
    (row,) = (line for line in printed.splitlines() if line.startswith("| 2012 |"))
    _, _, share, hired, _, base, _ = (cell.strip() for cell in row.split("|"))
    hires, group = (int(number.replace(",", "")) for number in re.findall(r"about ([\d,]+)", base))
    staff = group / (float(share) / 100)
    found = implied_leavers(series["2011"], series["2012"], float(hired) / 100, hires, staff)
    assert (hires, group, round(staff, -2)) == (31_000, 36_000, 236_800)
    assert found == pytest.approx(0.155, abs=5e-4)


@pytest.mark.parametrize("dimension", ["origin", "gender", "disability"])
@pytest.mark.parametrize("by", [[], ["unit"], ["grade"], ["period"], ["unit", "period"]], ids=" and ".join)
def test_the_parts_of_the_sample_add_up_to_its_changes(by, dimension):
    city = read_city(ROOT / "data" / "sample")
    found = decomposition(flows.account(city, dimension, by=by))
    keys = [key for key in ("unit", "grade", "period", "group") if key in found]
    wide = found.fillna({key: "all" for key in keys}).pivot(index=keys, columns="measure", values="estimate")
    assert len(wide) >= 3 and wide.notna().all(axis=None)
    assert wide[PARTS].sum(axis=1).tolist() == pytest.approx(wide["change"].tolist(), abs=1e-12)
    if by == ["unit"]:
        assert wide["from_transfers"].any() and not wide["unexplained"].any()


def test_changes_of_the_sample_are_those_of_its_snapshots():
    city = read_city(ROOT / "data" / "sample")
    found = of(decomposition(flows.account(city, "gender")), "women")
    staff = pd.read_csv(ROOT / "data" / "sample" / "staff.csv", dtype={"period": "str"})
    women = staff[staff["gender"] == "women"].groupby("period")["count"].sum() / staff.groupby("period")["count"].sum()
    assert found["change"] == pytest.approx(women["2025"] - women["2021"], abs=1e-12)


def test_counts_that_are_missing_or_there_twice_are_refused():
    with pytest.raises(ValueError, match="more than one row for period 2022, dimension origin, group abroad"):
        decomposition(pd.concat([city(), city()]))
    with pytest.raises(ValueError, match="the counts lack role"):
        decomposition(city().drop(columns="role"))


def test_examples():
    assert doctest.testmod(change).failed == 0
