"""Other limits, tests and rules beside the stages: Morris, West Lancashire, New Haven, families, other references."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from test_funnel import funnel, only, with_role

from divimpact.estimates import COLUMNS
from divimpact.exact import boschloo
from divimpact.funnel import checks, other_references, screen, stages
from divimpact.intervals import benjamini_hochberg, fisher, fisher_mid, holm


@pytest.fixture
def west_lancashire():
    """West Lancashire Borough Council, equality information about employees, April 2019 to March 2020."""
    reached = {"BME": (43, 10, 2), "White": (920, 389, 117), "Unknown": (7, 4, 0)}
    return with_role(funnel(reached, "White", ["applied", "shortlisted", "appointed"]), "undeclared", "Unknown")


def by_method(found, stage, group="BME"):
    return only(found, "impact_ratio_check", stage, group).set_index("method")


# By hand and printed


def test_two_of_ten_against_fifteen_of_twenty_five():
    # Morris 2017: z -2.138963, p .03243865; Boschloo .03660
    found = checks(funnel({"BME": (10, 2), "White": (25, 15)}, "White", ["applied", "hired"]))
    tests = by_method(found, "hired")
    assert tests["estimate"].tolist() == pytest.approx([1 / 3] * 3)
    assert tests.loc["boschloo", ["p_value", "p_adjusted"]].tolist() == pytest.approx([0.03660, 0.03660], abs=5e-6)
    assert tests.loc["fisher_mid", "p_value"] == pytest.approx(fisher_mid(2, 10, 15, 25))
    assert tests["verdict"].tolist()[1:] == ["lower", "lower"]  # where Fisher says cannot_tell, at .0599
    assert tests.loc[["boschloo", "fisher_mid"], "rule"].tolist() == ["boschloo_holm", "fisher_mid_holm"]
    deviations = only(found, "rate_difference_z", "hired").iloc[0]
    assert deviations["estimate"] == pytest.approx(-2.138963, abs=5e-7)
    assert deviations["p_value"] == pytest.approx(0.03243865, abs=5e-9)
    assert deviations[["rule", "verdict", "method"]].tolist() == ["two_standard_deviations", "triggered", "pooled_z"]


def test_west_lancashire(west_lancashire):
    found = checks(west_lancashire)
    katz = by_method(found, "shortlisted").loc["katz"]
    assert katz[["conf_low", "conf_high"]].tolist() == pytest.approx([0.3179, 0.9516], abs=5e-5)
    z = only(found, "rate_difference_z", "shortlisted")["estimate"]
    assert z.tolist() == pytest.approx([-2.475603], abs=5e-7)
    assert "boschloo" not in found["method"].tolist()  # 920 and 389 are more than 100
    family = found[found["measure"] == "family"]
    assert family["estimate"].tolist() == [2]  # two stages of one group; the undeclared and overall are outside
    assert family[["stage", "group"]].isna().all(axis=None)
    mid = found[found["method"] == "fisher_mid"].set_index(["stage", "group"])["p_adjusted"]
    expected = holm(fisher_mid([10, 2], [43, 10], [389, 117], [920, 389]))
    assert mid[[("shortlisted", "BME"), ("appointed", "BME")]].tolist() == pytest.approx(expected)
    assert mid[[("overall", "BME"), ("shortlisted", "Unknown")]].isna().all()


def test_new_haven_has_boschloo_for_every_position():
    # Miao 2010: captain 3 of 8 against 16 of 25
    found = checks(funnel({"Black": (8, 3), "white": (25, 16)}, "white", ["took", "passed"]))
    assert by_method(found, "passed", "Black").loc["boschloo", "p_value"] == pytest.approx(boschloo(3, 8, 16, 25))


def test_exactly_two_standard_deviations_below_trigger_and_above_do_not():
    # 0 of 2 against 2 of 2: difference 1, pooled variance 1/4, standard deviation 1/2, z 2
    below = checks(funnel({"group": (2, 0), "reference": (2, 2)}, "reference", ["applied", "hired"]))
    above = checks(funnel({"group": (2, 2), "reference": (2, 0)}, "reference", ["applied", "hired"]))
    nearly = checks(funnel({"group": (200, 1), "reference": (200, 9)}, "reference", ["applied", "hired"]))
    found = [only(one, "rate_difference_z", "hired", "group").iloc[0] for one in (below, above, nearly)]
    assert [row["estimate"] for row in found] == pytest.approx([-2, 2, -2.56205], abs=5e-5)
    assert [row["verdict"] for row in found] == ["triggered", "not_triggered", "triggered"]


def test_nobody_there_or_nobody_passing_has_no_z_and_no_katz():
    found = checks(funnel({"gone": (4, 0, 0), "reference": (9, 5, 2)}, "reference", ["applied", "invited", "hired"]))
    assert (
        only(found, "rate_difference_z", "hired", "gone").loc[:, "estimate":].drop(columns="rule").isna().all(axis=None)
    )
    assert set(found[found["measure"] == "impact_ratio_check"]["method"]) == {"fisher_mid", "boschloo"}
    assert found[found["measure"] == "family"]["estimate"].tolist() == [1]


def test_rows_are_in_the_contract_and_a_family_rests_on_all_its_cells(west_lancashire):
    named = west_lancashire.assign(cells=[(f"{row.group} {row.stage}",) for row in west_lancashire.itertuples()])
    kept = named.copy(deep=True)
    found = checks(named)
    assert list(found) == [column for column in COLUMNS if column in found]
    family = found[found["measure"] == "family"]["cells"].iloc[0]
    assert sorted(family) == ["BME appointed", "BME shortlisted", "White appointed", "White shortlisted"]
    assert not found.duplicated(["measure", "group", "stage", "method"]).any()
    assert_frame_equal(named, kept)


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=4))
def test_two_deviations_agree_with_z_and_adjusted_is_never_below_p(people):
    reached = {f"group {i}": tuple(sorted(steps, reverse=True)) for i, steps in enumerate(people)}
    found = checks(funnel(reached, "group 0", ["applied", "hired"]))
    z = found[found["measure"] == "rate_difference_z"].dropna(subset="estimate")
    clear = z[(z["estimate"] + 2).abs() > 1e-9]
    assert (clear["verdict"].eq("triggered") == clear["estimate"].lt(-2)).all()
    tested = found.dropna(subset="p_adjusted")
    assert (tested["p_adjusted"] >= tested["p_value"]).all()


# Another reference


def test_other_references_of_new_haven_lieutenants():
    reached = {"Black": (19, 6), "Hispanic": (15, 3), "white": (43, 25)}
    counts = funnel(reached, "white", ["took", "passed"])
    found = other_references(counts).query("stage == 'passed'").set_index(["reference", "group"])
    assert found.loc[("Black", "white"), "estimate"] == pytest.approx((25 / 43) / (6 / 19))
    assert found.loc[("Black", "white"), "p_value"] == pytest.approx(fisher(25, 43, 6, 19))
    assert sorted(set(found.index)) == sorted(
        {("Black", "white"), ("Black", "Hispanic"), ("Hispanic", "Black"), ("Hispanic", "white")}
    )
    columns = ["estimate", "p_value", "p_adjusted", "verdict"]
    swapped = stages(counts.assign(reference="Black")).query("measure == 'impact_ratio' and stage == 'passed'")
    assert_frame_equal(
        found.loc["Black", columns].sort_index(), swapped.set_index("group")[columns].sort_index(), check_names=False
    )
    assert other_references(counts[counts["group"] == "white"]).empty


# Many units


def units(passed):
    return pd.concat(
        [
            funnel({"abroad": (40, x), "here": (100, 40)}, "here", ["applied", "hired"]).assign(unit=f"unit {i}")
            for i, x in enumerate(passed)
        ],
        ignore_index=True,
    )


def test_screening_adjusts_over_units_by_hand():
    found = screen(units([2, 16, 5]))
    p = fisher([2, 16, 5], 40, 40, 100)
    assert found["p_adjusted"].tolist() == pytest.approx(benjamini_hochberg(p))
    assert found["verdict"].tolist() == ["lower", "cannot_tell", "lower"] and set(found["rule"]) == {"fisher_bh"}
    assert found["unit"].tolist() == ["unit 0", "unit 1", "unit 2"] and set(found["stage"]) == {"overall"}
    both = pd.concat([units([2, 16, 5]), units([2]).assign(group=lambda f: f["group"].replace("abroad", "silent"))])
    silent = with_role(both.drop_duplicates(["unit", "stage", "group"]), "undeclared", "silent")
    assert_frame_equal(screen(silent).query("group == 'abroad'").reset_index(drop=True), found)
    assert screen(silent).query("group == 'silent'")["verdict"].isna().all()


def test_of_the_units_found_few_are_false():
    rng = np.random.default_rng(31)
    false, found = [], 0
    for _ in range(60):
        rates = np.where(np.arange(30) < 6, 0.15, 0.4)  # six units differ
        verdict = screen(units(rng.binomial(40, rates)))["verdict"].to_numpy() != "cannot_tell"
        false.append(verdict[6:].sum() / max(verdict.sum(), 1))
        found += verdict[:6].sum()
    assert np.mean(false) < 0.05 and found > 60


# Refusals


def test_refusals_name_what_is_wrong(west_lancashire):
    with pytest.raises(ValueError, match="the counts lack unit; needed are"):
        screen(west_lancashire)
    for function in (checks, other_references):
        with pytest.raises(ValueError, match="the counts lack reference; needed are"):
            function(west_lancashire.drop(columns="reference"))
