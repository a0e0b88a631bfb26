"""Stages of recruitment: West Lancashire, Berkeley, Teal, New Haven, and the rules on them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact.funnel import stages
from divimpact.intervals import fisher, miettinen_nurminen_ratio, newcombe, wilson


def funnel(reached, reference, steps, **columns):
    """A count table from how many of each group reached each step, the first first, and overall."""
    pairs = [*zip(steps[1:], range(len(steps)), range(1, len(steps)), strict=False)]
    return pd.DataFrame(
        [
            {
                "stage": stage,
                "dimension": "ethnicity",
                "group": group,
                "reference": reference,
                "numerator": people[after],
                "denominator": people[before],
                **columns,
            }
            for stage, before, after in [*pairs, ("overall", 0, len(steps) - 1)]
            for group, people in reached.items()
        ]
    )


def with_role(counts, role, *groups):
    return counts.assign(role=counts.get("role", "group")).assign(
        role=lambda frame: frame["role"].mask(frame["group"].isin(groups), role)
    )


@pytest.fixture
def west_lancashire():
    """West Lancashire Borough Council, equality information about employees, April 2019 to March 2020."""
    reached = {"BME": (43, 10, 2), "White": (920, 389, 117), "Unknown": (7, 4, 0)}
    counts = funnel(reached, "White", ["applied", "shortlisted", "appointed"])
    return with_role(counts, "undeclared", "Unknown")


def only(found, measure, stage, group="BME"):
    return found[(found["measure"] == measure) & (found["stage"] == stage) & (found["group"] == group)]


# Four rows by hand


def test_four_rows_counted_by_hand():
    # 2 of 4 against 6 of 8: rate 1/2 against 3/4; the other dimension: 1 of 2 against 1 of 2
    counts = pd.DataFrame(
        {
            "dimension": ["origin", "origin", "gender", "gender"],
            "group": ["abroad", "here", "women", "men"],
            "reference": ["here", "here", "men", "men"],
            "stage": "invited",
            "numerator": [2, 6, 1, 1],
            "denominator": [4, 8, 2, 2],
            "cells": [("a", "b"), ("c", "b"), ("d",), ("e",)],
        }
    )
    kept, found = counts.copy(deep=True), stages(counts)
    cells = np.array([(2, 4, 6, 8), (1, 2, 1, 2)]).T
    keys = counts[["dimension", "group", "reference", "stage"]]
    pairs = keys.iloc[[0, 2]].assign(detail=None, numerator=[2, 1], denominator=[4, 2])
    against = {"reference_numerator": [6.0, 1], "reference_denominator": [8.0, 2]}
    union = [("a", "b", "c"), ("d", "e")]
    blocks = [
        limited(
            keys.assign(detail=None, numerator=[2, 6, 1, 1], denominator=[4, 8, 2, 2]),
            "pass_rate",
            [1 / 2, 3 / 4, 1 / 2, 1 / 2],
            wilson([2, 6, 1, 1], [4, 8, 2, 2]),
            "wilson",
        ).assign(cells=counts["cells"]),
        limited(
            pairs.assign(**against), "impact_ratio", [2 / 3, 1], miettinen_nurminen_ratio(*cells), "miettinen_nurminen"
        ).assign(
            p_value=fisher(*cells), p_adjusted=fisher(*cells), rule="fisher_holm", verdict="cannot_tell", cells=union
        ),
        limited(pairs.assign(**against), "rate_difference", [-1 / 4, 0], newcombe(*cells), "newcombe").assign(
            cells=union
        ),
        pairs.assign(
            measure="shortfall",
            detail="to overall rate",
            reference=None,
            reference_numerator=[8.0, 2],
            reference_denominator=[12.0, 4],
            estimate=[4 * 8 / 12 - 2, 0],
            cells=union,
        ),
        pairs.assign(measure="shortfall", detail="to equality", **against, estimate=[1, 0.0], cells=union),
        pairs.assign(
            measure="shortfall",
            detail="to four fifths",
            **against,
            estimate=[0.4, -0.2],
            cells=union,
            rule="four_fifths",
            verdict=["triggered", "not_triggered"],
        ),
    ]
    expected = pd.concat([block.astype({"reference": "str"}) for block in blocks], ignore_index=True)
    text = dict.fromkeys(["detail", "method", "rule", "verdict"], "str")
    assert_frame_equal(found, expected.astype(text)[list(found)])
    assert " ".join(found) == (
        "measure dimension group reference stage detail numerator denominator reference_numerator "
        "reference_denominator estimate conf_low conf_high confidence p_value p_adjusted method rule "
        "verdict cells"
    )
    assert_frame_equal(counts, kept)


def limited(keys, measure, estimate, limits, method):
    return keys.assign(
        measure=measure, estimate=estimate, conf_low=limits[0], conf_high=limits[1], confidence=0.95, method=method
    )


# Printed numbers


@pytest.mark.parametrize(
    ("stage", "ratio", "low", "high", "p", "adjusted", "verdict"),
    [
        ("shortlisted", 0.550009, 0.3096, 0.8990, 0.016602, 0.0332, "lower"),
        ("appointed", 0.664957, None, None, 0.730, 0.730, "cannot_tell"),
        ("overall", 0.365732, 0.1001, 1.2308, 0.153, None, "cannot_tell"),
    ],
)
def test_impact_ratios_of_west_lancashire(west_lancashire, stage, ratio, low, high, p, adjusted, verdict):
    found = only(stages(west_lancashire), "impact_ratio", stage).iloc[0]
    assert found["estimate"] == pytest.approx(ratio, abs=5e-7)
    assert low is None or found[["conf_low", "conf_high"]].tolist() == pytest.approx([low, high], abs=5e-5)
    assert found["p_value"] == pytest.approx(p, abs=5e-7 if stage == "shortlisted" else 5e-4)
    assert found["p_adjusted"] == pytest.approx(adjusted or np.nan, abs=5e-4, nan_ok=True)
    assert (found["rule"], found["verdict"]) == ("fisher_holm", verdict)


@pytest.mark.parametrize(
    ("detail", "expected"), [("to overall rate", 7.82), ("to equality", 8.18), ("to four fifths", 4.55)]
)
def test_shortfalls_of_west_lancashire(west_lancashire, detail, expected):
    found = only(stages(west_lancashire), "shortfall", "shortlisted").set_index("detail")
    assert found.loc[detail, "estimate"] == pytest.approx(expected, abs=5e-3)


def test_the_shortfall_with_the_undeclared_in_the_overall_rate_is_another_number(west_lancashire):
    found = only(stages(west_lancashire.assign(role="group")), "shortfall", "shortlisted")
    assert found["estimate"].iloc[0] == pytest.approx(7.86, abs=5e-3)


def test_one_appointee_more_turns_the_ratio_round(west_lancashire):
    for white, expected in [(116, 1.0060), (117, 0.9974)]:
        counts = funnel({"BME": (10, 3), "White": (389, white)}, "White", ["shortlisted", "appointed"])
        found = only(stages(counts), "impact_ratio", "appointed")
        assert found["estimate"].iloc[0] == pytest.approx(expected, abs=5e-5)


def test_berkeley_1973():
    """Bickel, Hammel and O'Connell 1975: 557 of 1,835 women and 1,198 of 2,691 men admitted."""
    found = stages(funnel({"women": (1835, 557), "men": (2691, 1198)}, "men", ["applied", "admitted"]))
    admitted = found[found["stage"] == "admitted"].set_index(["measure", "group"])["estimate"]
    assert admitted["pass_rate"].tolist() == pytest.approx([0.30354, 0.44519], abs=5e-6)
    assert admitted["impact_ratio"].iloc[0] == pytest.approx(0.6818, abs=5e-5)
    assert admitted["shortfall"].iloc[0] == pytest.approx(154.54, abs=5e-3)  # to the rate of all applicants


def test_teal_1978():
    """26 of 48 against 206 of 259 passed the test, 11 against 35 were promoted."""
    reached = {"Black": (48, 26, 11), "white": (259, 206, 35)}
    found = stages(funnel(reached, "white", ["took", "passed", "promoted"]))
    ratios = found.loc[found["measure"] == "impact_ratio", "estimate"]
    assert ratios.tolist() == pytest.approx([0.6810, 2.490, 1.696], abs=5e-4)


def test_new_haven_captains():
    """Ricci v. DeStefano, Miao 2010: 16 of 25, 3 of 8 and 3 of 8 passed; each comparison .2379."""
    reached = {"white": (25, 16), "Black": (8, 3), "Hispanic": (8, 3)}
    found = stages(funnel(reached, "white", ["took", "passed"])).query("measure == 'impact_ratio'")
    assert found["p_value"].tolist() == pytest.approx([0.2379] * 4, abs=5e-5)
    assert found["p_adjusted"].tolist() == pytest.approx([0.4758] * 2 + [np.nan] * 2, abs=1e-4, nan_ok=True)
    assert found["verdict"].tolist() == ["cannot_tell"] * 4


def test_four_fifths_of_the_questions_and_answers():
    """Q&A 12 (1979): 45, 48 and 51 % against 60 % are 75, 80 and 85 %; exactly 80 % does not trigger."""
    reached = {"first": (100, 60), "second": (100, 45), "third": (100, 48), "fourth": (100, 51)}
    assert four_fifths(reached, "first") == ["triggered", "not_triggered", "not_triggered"]
    assert four_fifths({"group": (5, 3), "reference": (8, 6)}, "reference") == ["not_triggered"]
    assert four_fifths({"group": (5 * 10**6, 3 * 10**6 - 1), "reference": (8, 6)}, "reference") == ["triggered"]


def four_fifths(reached, reference):
    found = stages(funnel(reached, reference, ["applied", "passed"]))
    return found.loc[(found["detail"] == "to four fifths") & (found["stage"] == "passed"), "verdict"].tolist()


# Who is compared, and with whom


def test_undeclared_and_combined_groups_are_compared_but_stand_outside_the_family(west_lancashire):
    combined = west_lancashire[west_lancashire["group"] == "BME"].assign(group="all BME", role="combined")
    everyone = combined.assign(group="everyone", role="overlapping", numerator=[1, 1, 1])
    found = stages(pd.concat([west_lancashire, combined, everyone], ignore_index=True))
    tests = found[found["measure"] == "impact_ratio"].set_index(["group", "stage"])
    assert sorted({group for group, _ in tests.index}) == ["BME", "Unknown", "all BME"]
    assert tests["p_value"].notna().all()
    assert tests.index[tests["p_adjusted"].notna()].tolist() == [("BME", "shortlisted"), ("BME", "appointed")]
    assert tests.loc[("BME", "shortlisted"), "p_adjusted"] == pytest.approx(0.0332, abs=5e-5)
    assert tests["verdict"].dropna().to_dict() == {
        ("BME", "shortlisted"): "lower",
        ("BME", "appointed"): "cannot_tell",
        ("BME", "overall"): "cannot_tell",
        ("all BME", "overall"): "cannot_tell",
    }
    assert tests["rule"].isna().equals(tests["verdict"].isna())
    assert only(found, "pass_rate", "overall", "everyone")["estimate"].tolist() == [1 / 43]
    pd.testing.assert_series_equal(  # combined groups add nothing to the rate of all
        only(found, "shortfall", "shortlisted")["estimate"],
        only(stages(west_lancashire), "shortfall", "shortlisted")["estimate"],
        check_index=False,
    )


def test_a_clear_difference_has_a_direction_on_stages_and_overall():
    reached = {"less": (100, 20), "more": (100, 80), "same": (100, 51), "reference": (100, 50)}
    found = stages(funnel(reached, "reference", ["applied", "hired"])).query("measure == 'impact_ratio'")
    assert found["verdict"].tolist() == ["lower", "higher", "cannot_tell"] * 2


def test_the_level_follows_the_confidence(west_lancashire):
    for confidence, verdict in [(0.95, "lower"), (0.966, "lower"), (0.967, "cannot_tell")]:  # Holm's p is .0332
        found = only(stages(west_lancashire, confidence), "impact_ratio", "shortlisted")
        assert found[["confidence", "verdict"]].iloc[0].tolist() == [confidence, verdict]


def test_each_family_is_one_dimension_within_the_other_keys(west_lancashire):
    twice = pd.concat([west_lancashire.assign(unit=unit) for unit in ("parks", "library")], ignore_index=True)
    religion = twice.assign(dimension="religion")
    found, alone = stages(pd.concat([twice, religion])), stages(west_lancashire)
    for (unit, dimension), part in found.groupby(["unit", "dimension"], sort=False):
        expected = alone.assign(dimension=dimension)
        expected.insert(1, "unit", unit)
        assert_frame_equal(part.reset_index(drop=True), expected)


def test_a_comparison_rests_on_the_cells_of_both_and_the_overall_rate_on_those_of_all(west_lancashire):
    fourth = west_lancashire[west_lancashire["group"] == "BME"].assign(group="Mixed")
    counts = pd.concat([west_lancashire, fourth], ignore_index=True)
    names = [(group[0].lower(), stage[0]) for group, stage in counts[["group", "stage"]].to_numpy()]
    found = stages(counts.assign(cells=[*names]))
    here = found[found["stage"] == "shortlisted"].set_index(["measure", "group", "detail"])["cells"]
    assert here["pass_rate"].tolist() == [("b", "s"), ("w", "s"), ("u", "s"), ("m", "s")]
    assert here["impact_ratio"].tolist() == [("b", "s", "w"), ("u", "s", "w"), ("m", "s", "w")]
    overall = here["shortfall"].xs("to overall rate", level="detail")
    assert overall.tolist() == [("b", "s", "w", "m"), ("u", "s", "w", "b", "m"), ("m", "s", "w", "b")]
    assert "cells" not in stages(west_lancashire)


# Zeros


def test_nobody_at_a_stage_is_undefined_and_nobody_passing_is_zero():
    reached = {"gone": (10, 0, 0), "all": (10, 10, 10), "reference": (20, 10, 0)}
    counts = funnel(reached, "reference", ["applied", "invited", "hired"])
    found = stages(counts)
    assert only(found, "pass_rate", "invited", "gone")["estimate"].tolist() == [0]
    ratios = found.loc[found["measure"] == "impact_ratio", "estimate"]
    assert ratios.tolist() == pytest.approx([0, 2, np.nan, np.inf, np.nan, np.inf], nan_ok=True)
    for measure in ("pass_rate", "impact_ratio", "rate_difference", "shortfall"):
        unknown = only(found, measure, "hired", "gone")
        assert unknown.loc[:, "estimate":"verdict"].isna().all(axis=None)
    infinite = only(found, "impact_ratio", "hired", "all").iloc[0]
    assert infinite["conf_low"] > 1 and infinite["conf_high"] == np.inf and infinite["verdict"] == "higher"


def test_a_missing_count_makes_the_overall_rate_unknown_not_smaller():
    found = stages(funnel({"known": (10, 5), "lost": (10, np.nan), "here": (20, 10)}, "here", ["one", "two"]))
    short = found[(found["detail"] == "to overall rate") & (found["stage"] == "two")]
    assert short["estimate"].isna().all()


def test_only_the_reference_is_no_comparison(west_lancashire):
    found = stages(west_lancashire[west_lancashire["group"] == "White"])
    assert set(found["measure"]) == {"pass_rate"}
    assert stages(west_lancashire.iloc[:0]).empty


# Properties


@settings(max_examples=6, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30)), min_size=2, max_size=5))
def test_limits_contain_the_estimate_and_shortfalls_agree_with_the_rates(people):
    reached = {f"group {i}": tuple(sorted(steps, reverse=True)) for i, steps in enumerate(people)}
    found = stages(funnel(reached, "group 0", ["applied", "invited", "hired"]))
    limited = found.dropna(subset=["conf_low", "estimate"])
    assert (limited["conf_low"] <= limited["estimate"] + 1e-12).all()
    assert (limited["estimate"] <= limited["conf_high"] + 1e-12).all()
    assert (found["p_adjusted"].dropna() >= found["p_value"][found["p_adjusted"].notna()]).all()
    short = found[found["detail"] == "to equality"]
    reference_rate = short["reference_numerator"] / short["reference_denominator"]
    expected = short["denominator"] * reference_rate - short["numerator"]
    defined = short["estimate"].notna()
    assert short.loc[defined, "estimate"].tolist() == pytest.approx(expected[defined].tolist())


def test_row_order_and_categories_decide_nothing(west_lancashire):
    found, turned = stages(west_lancashire), stages(west_lancashire.iloc[::-1])
    keys = ["measure", "detail", "stage", "group"]
    expected, turned = (frame.sort_values(keys, ignore_index=True) for frame in (found, turned))
    assert_frame_equal(turned, expected)
    text = dict.fromkeys(["stage", "group", "reference", "dimension", "role"], "category")
    assert_frame_equal(stages(west_lancashire.astype(text)), found)


# Refusals


def test_refusals_name_what_is_wrong(west_lancashire):
    with pytest.raises(ValueError, match="the counts lack reference, stage; needed are dimension, group"):
        stages(west_lancashire.drop(columns=["reference", "stage"]))
    here = "dimension ethnicity, stage shortlisted, group BME"
    with pytest.raises(ValueError, match=f"more than one row for {here}: add such rows up, or pass .* one vacancy"):
        stages(pd.concat([west_lancashire.assign(vacancy=vacancy) for vacancy in "ab"]))
    message = f"the reference 'Whit' has no row for {here}; groups: BME, White, Unknown"
    with pytest.raises(ValueError, match=message):
        stages(west_lancashire.assign(reference="Whit"))
    with pytest.raises(ValueError, match="count 44 of 43: a count lies between 0 and its denominator"):
        stages(west_lancashire.replace({"numerator": {10: 44}}))
