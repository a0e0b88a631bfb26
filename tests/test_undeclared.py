"""Who did not say: bounds by hand and by enumeration, West Lancashire, asking after appointment, level."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from test_funnel import funnel, with_role

from divimpact.estimates import COLUMNS
from divimpact.intervals import fisher, miettinen_nurminen_ratio, wilson
from divimpact.undeclared import declaration, worst_cases

STAGES = ["applied", "shortlisted", "appointed"]


@pytest.fixture
def west_lancashire():
    """West Lancashire Borough Council, equality information about employees, April 2019 to March 2020."""
    reached = {"BME": (43, 10, 2), "White": (920, 389, 117), "Unknown": (7, 4, 0)}
    return with_role(funnel(reached, "White", STAGES), "undeclared", "Unknown")


def at(found, measure, stage, group="BME"):
    return found[(found["measure"] == measure) & (found["stage"] == stage) & (found["group"] == group)].iloc[0]


# By hand and printed


def test_bounds_by_hand():
    # 2 of 4 against 5 of 10; of 3 undeclared 1 passed: lowest 2 of 6 against 6 of 11, highest 3 of 5 against 5 of 12
    reached = {"a": (4, 2), "r": (10, 5), "silent": (3, 1)}
    counts = with_role(funnel(reached, "r", ["applied", "hired"]), "undeclared", "silent")
    kept, found = counts.copy(deep=True), worst_cases(counts)
    low, high = (at(found, f"impact_ratio_{end}_bound", "hired", "a") for end in ("low", "high"))
    assert low[["numerator", "denominator", "reference_numerator", "reference_denominator"]].tolist() == [2, 6, 6, 11]
    assert high[["numerator", "denominator", "reference_numerator", "reference_denominator"]].tolist() == [3, 5, 5, 12]
    assert [low["estimate"], high["estimate"]] == pytest.approx([2 / 6 / (6 / 11), 3 / 5 / (5 / 12)])
    assert low[["conf_low", "conf_high"]].tolist() == pytest.approx(
        [float(limit) for limit in miettinen_nurminen_ratio(2, 6, 6, 11)]
    )
    assert low["p_value"] == pytest.approx(fisher(2, 6, 6, 11))
    without = at(found, "impact_ratio_survival", "hired", "a")
    assert without[["estimate", "rule", "verdict"]].tolist() == [1, "worst_case", "survives"]
    assert list(found) == [column for column in COLUMNS if column in found]
    assert_frame_equal(counts, kept)


def test_all_seven_undeclared_of_west_lancashire_as_bme(west_lancashire):
    found = worst_cases(west_lancashire)
    assert at(found, "impact_ratio_low_bound", "overall")["estimate"] == pytest.approx(0.315, abs=5e-4)


def test_the_loss_at_shortlisting_of_west_lancashire_hangs_on_seven_people(west_lancashire):
    found = worst_cases(west_lancashire)
    high = at(found, "impact_ratio_high_bound", "shortlisted")
    assert high[["numerator", "denominator", "reference_numerator", "reference_denominator"]].tolist() == [
        14,
        47,
        389,
        923,
    ]
    assert high["verdict"] == "cannot_tell"
    assert at(found, "impact_ratio_low_bound", "shortlisted")["verdict"] == "lower"
    assert at(found, "impact_ratio_survival", "shortlisted")["verdict"] == "depends"
    assert at(found, "impact_ratio_survival", "overall")["verdict"] == "survives"


def test_declaration_of_west_lancashire(west_lancashire):
    found = declaration(west_lancashire)
    shares = found[found["measure"] == "declared_share"].set_index("stage")
    counted = shares[["numerator", "denominator"]].to_numpy().tolist()
    assert shares.index.tolist() == ["shortlisted", "appointed", "overall"] and counted == [
        [399, 403],
        [119, 119],
        [963, 970],
    ]
    assert shares["detail"].tolist() == ["of those who reached it"] * 2 + ["of all who came in"]
    assert shares.loc["shortlisted", ["conf_low", "conf_high"]].tolist() == pytest.approx(wilson(399, 403))
    ratios = found[found["measure"] == "undeclared_pass_ratio"].set_index("stage")
    assert ratios["estimate"].tolist() == pytest.approx([(4 / 7) / (399 / 963), 0, 0])
    assert set(ratios["verdict"]) == {"no_sign"} and set(ratios["rule"]) == {"asked_later"}


def test_asking_after_appointment_is_seen_where_it_happens():
    # 300 of 1,000 do not say when they apply; whoever is appointed is asked then
    reached = {"a": (200, 60, 20), "r": (500, 150, 50), "silent": (300, 90, 1)}
    counts = with_role(funnel(reached, "r", STAGES), "undeclared", "silent")
    found = declaration(counts)
    ratios = found[found["measure"] == "undeclared_pass_ratio"].set_index("stage")["verdict"]
    assert ratios.to_dict() == {"shortlisted": "no_sign", "appointed": "asked_later", "overall": "asked_later"}
    p = fisher([90, 1], [300, 90], [210, 70], [700, 210])
    adjusted = found.loc[found["measure"] == "undeclared_pass_ratio", "p_adjusted"]
    assert adjusted.tolist() == pytest.approx([p[0], 2 * p[1], np.nan], nan_ok=True)
    passing_more = with_role(
        funnel({"a": (200, 20), "r": (500, 50), "silent": (300, 200)}, "r", STAGES[:2]), "undeclared", "silent"
    )
    assert set(declaration(passing_more)["verdict"].dropna()) == {"no_sign"}


# Who has undeclared, and cells


def test_without_undeclared_there_is_nothing_to_bound(west_lancashire):
    others = west_lancashire[west_lancashire["group"] != "Unknown"]
    assert worst_cases(others).empty and declaration(others).empty
    religion = others.assign(dimension="religion")
    both = pd.concat([west_lancashire, religion], ignore_index=True)
    for analysis in (worst_cases, declaration):
        assert set(analysis(both)["dimension"]) == {"ethnicity"}
        assert_frame_equal(analysis(both), analysis(west_lancashire))


def test_nobody_undeclared_at_a_stage_leaves_the_ratio_as_it_is(west_lancashire):
    none = west_lancashire.assign(
        **{
            name: west_lancashire[name].mask(west_lancashire["group"] == "Unknown", 0)
            for name in ("numerator", "denominator")
        }
    )
    found = worst_cases(none).pivot(index=["stage", "group"], columns="measure", values="estimate")
    assert (found["impact_ratio_low_bound"] == found["impact_ratio_high_bound"]).all()
    ratios = declaration(none).query("measure == 'undeclared_pass_ratio'")
    assert ratios[["estimate", "rule", "verdict"]].isna().all(axis=None)


def test_bounds_rest_on_three_cells_and_a_declaration_on_those_of_all(west_lancashire):
    combined = west_lancashire[west_lancashire["group"] == "BME"].assign(group="all BME", role="combined")
    counts = pd.concat([west_lancashire, combined], ignore_index=True)
    named = counts.assign(cells=[(f"{row.group} {row.stage}",) for row in counts.itertuples()])
    found = worst_cases(named).set_index(["measure", "group", "stage"])["cells"]
    assert found[("impact_ratio_survival", "all BME", "overall")] == (
        "all BME overall",
        "White overall",
        "Unknown overall",
    )
    whole = declaration(named)
    assert {*whole.loc[whole["stage"] == "appointed", "cells"]} == {
        ("Unknown appointed", "BME appointed", "White appointed")
    }
    assert whole.loc[whole["stage"] == "appointed", "denominator"].tolist() == [
        119,
        4,
    ]  # combined are not counted twice


# Properties


few = st.integers(0, 5)


@settings(max_examples=60, deadline=None)
@given(st.tuples(st.integers(1, 5), few, st.integers(1, 5), few, st.integers(0, 3), st.integers(0, 3)))
def test_however_the_undeclared_belong_the_ratio_lies_between_the_bounds(people):
    passed, failed, y, others, silent_passed, silent_failed = people
    reached = {
        "a": (passed + failed, passed),
        "r": (y + others, y),
        "silent": (silent_passed + silent_failed, silent_passed),
    }
    counts = with_role(funnel(reached, "r", ["applied", "hired"]), "undeclared", "silent")
    found = worst_cases(counts).query("stage == 'hired'").set_index("measure")["estimate"]
    ratios = [
        (passed + a) / (passed + failed + a + b) / ((y + c) / (y + others + c + d))
        for a, c in product(range(silent_passed + 1), repeat=2)
        for b, d in product(range(silent_failed + 1), repeat=2)
        if a + c <= silent_passed and b + d <= silent_failed
    ]
    assert found["impact_ratio_low_bound"] == pytest.approx(min(ratios))
    assert found["impact_ratio_high_bound"] == pytest.approx(max(ratios))


def test_a_lower_that_survives_is_lower_however_the_undeclared_belong():
    # the tail of Fisher's test rises with each undeclared who is put where it helps the group: the corner is the worst
    rng = np.random.default_rng(41)
    seen = 0
    for _ in range(60):
        n, m, silent = rng.integers(8, 40), rng.integers(30, 90), rng.integers(1, 6)
        x, y, u = rng.binomial(n, 0.15), rng.binomial(m, 0.55), rng.integers(0, silent + 1)
        counts = with_role(
            funnel({"a": (n, x), "r": (m, y), "silent": (silent, u)}, "r", ["applied", "hired"]), "undeclared", "silent"
        )
        found = worst_cases(counts).query("stage == 'hired'").set_index("measure")["verdict"]
        if (found == ["lower", "lower", "survives"]).all():
            seen += 1
            ways = np.array(
                [
                    (a, b, c, d)
                    for a, c in product(range(u + 1), repeat=2)
                    for b, d in product(range(silent - u + 1), repeat=2)
                    if a + c <= u and b + d <= silent - u
                ]
            ).T
            a, b, c, d = ways
            p = fisher(x + a, n + a + b, y + c, m + c + d)
            assert (p <= 0.05).all() and ((x + a) * (m + c + d) < (y + c) * (n + a + b)).all()
    assert seen > 20


@pytest.mark.slow
def test_who_never_asks_later_is_rarely_said_to():
    rng = np.random.default_rng(42)
    frames = []
    for number in range(1000):
        reached = {}
        for group, start in {"a": 100, "r": 300, "silent": 80}.items():
            first = rng.binomial(start, 0.4)
            reached[group] = (start, first, rng.binomial(first, 0.3))
        frames.append(funnel(reached, "r", STAGES, unit=str(number)))
    counts = with_role(pd.concat(frames, ignore_index=True), "undeclared", "silent")
    found = declaration(counts).query("measure == 'undeclared_pass_ratio' and stage != 'overall'")
    said = found["verdict"].eq("asked_later").groupby(found["unit"]).any()
    assert said.mean() < 0.05


def test_refusals_name_what_is_wrong(west_lancashire):
    for analysis in (worst_cases, declaration):
        with pytest.raises(ValueError, match="the counts lack stage; needed are"):
            analysis(west_lancashire.drop(columns="stage"))
