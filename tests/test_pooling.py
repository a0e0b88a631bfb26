"""The comparison within vacancies: by hand, Berkeley and New Haven, families, cells, a whole city."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact import cells, counts, disclosure, funnel, standardise, synthetic
from divimpact.estimates import COLUMNS
from divimpact.pooling import gap_split, pooled
from divimpact.schema import read_city

BERKELEY = {  # Bickel, Hammel and O'Connell 1975, R datasets::UCBAdmissions: women and men, admitted of applied
    "A": ((89, 108), (512, 825)),
    "B": ((17, 25), (353, 560)),
    "C": ((202, 593), (120, 325)),
    "D": ((131, 375), (138, 417)),
    "E": ((94, 393), (53, 191)),
    "F": ((24, 341), (22, 373)),
}


def tables(strata, groups=("women", "men"), stage="admitted", over="vacancy"):
    """The count tables by stratum and in all, with named cells, of groups of which the last is the reference."""
    parts = pd.DataFrame(
        [
            {over: name, "stage": stage, "dimension": "gender", "group": group, "reference": groups[-1]}
            | {"numerator": x, "denominator": n, "cells": (f"{name} {group}", f"{name} all {group}")}
            for name, pairs in strata.items()
            for group, (x, n) in zip(groups, pairs, strict=True)
        ]
    )
    totals = parts.groupby(["stage", "dimension", "group", "reference"], sort=False, as_index=False)[
        ["numerator", "denominator"]
    ].sum()
    return parts, totals.assign(cells=[(group, f"all {group}") for group in totals["group"]])


@pytest.fixture
def berkeley():
    return tables(BERKELEY)


def only(found, measure, detail=None):
    chosen = found[found["measure"] == measure]
    return chosen if detail is None else chosen[chosen["detail"] == detail]


# By hand


def test_two_vacancies_by_hand():
    # 1 of 2 against 1 of 4, 2 of 3 against 1 of 3; and one to which only women applied
    parts, totals = tables({"a": ((1, 2), (1, 4)), "b": ((2, 3), (1, 3)), "c": ((4, 6), (0, 0))})
    kept = parts.copy(deep=True), totals.copy(deep=True)
    found = pooled(parts, totals)
    strata = [1, 2], [2, 3], [1, 1], [4, 3]
    ratio = only(found, "impact_ratio_pooled").iloc[0]
    estimate, low, high = standardise.risk_ratio(*strata)
    assert ratio[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx([estimate, low, high])
    assert estimate == pytest.approx((4 / 6 + 6 / 6) / (2 / 6 + 3 / 6))
    p = standardise.cochran_mantel_haenszel(*strata)[1]
    assert ratio[["p_value", "p_adjusted"]].tolist() == pytest.approx([p, p])
    assert ratio[["rule", "verdict", "method"]].tolist() == ["cmh_holm", "cannot_tell", "greenland_robins"]
    assert ratio[["numerator", "denominator", "reference_numerator", "reference_denominator"]].tolist() == [7, 11, 2, 7]
    assert ratio["cells"] == ("women", "all women", "men", "all men")
    assert len(ratio["within"]) == 12 and ratio["strata"] == 2 and ratio["residual_df"] == 1
    assert only(found, "informative_strata")["estimate"].tolist() == [2]
    shares = only(found, "informative_share").set_index("detail")
    assert shares.loc["of the group", ["numerator", "denominator", "estimate"]].tolist() == pytest.approx(
        [5, 11, 5 / 11]
    )
    assert shares.loc["of the reference", ["numerator", "denominator", "estimate"]].tolist() == [7, 7, 1]
    assert shares["residual_df"].tolist() == [0, 0]
    crude = only(found, "crude_over_pooled").iloc[0]
    assert crude["estimate"] == pytest.approx((7 / 11) / (2 / 7) / estimate) and crude["verdict"] == "agree"
    split = gap_split(parts, totals).set_index("measure")["estimate"]
    assert split["gap"] == pytest.approx(7 / 11 - 2 / 7)
    assert split["gap_from_rates"] == pytest.approx((2 / 11 + 4 / 7) / 2 / 4 + (3 / 11 + 3 / 7) / 2 / 3)
    assert_frame_equal(parts, kept[0])
    assert_frame_equal(totals, kept[1])


# Printed numbers


def test_pooled_berkeley(berkeley):
    found = pooled(*berkeley)
    expected = {
        "impact_ratio_pooled": (1.05831, 0.97044, 1.15413),
        "odds_ratio_pooled": (1.10534, 0.94310, 1.29549),
        "rate_difference_pooled": (0.01843, -0.01063, 0.04748),
    }
    for measure, numbers in expected.items():
        row = only(found, measure).iloc[0]
        assert row[["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(numbers, abs=5.1e-6)
        assert row["p_value"] == pytest.approx(0.2169, abs=5e-5)
    tests = found.set_index(["measure", "detail"])[["estimate", "p_value"]]
    assert tests.loc[("association_pooled", "without correction")].tolist() == pytest.approx([1.5246, 0.2169], abs=5e-5)
    assert tests.loc[("association_pooled", "with correction")].tolist() == pytest.approx([1.4269, 0.2323], abs=5e-5)
    same = only(found, "homogeneity").iloc[0]
    assert same[["estimate", "p_value"]].tolist() == pytest.approx([18.82550, 0.00207], abs=5e-6)
    assert same["method"] == "breslow_day_tarone"


def test_at_berkeley_all_together_and_within_departments_disagree(berkeley):
    found = pooled(*berkeley)
    crude = only(found, "crude_over_pooled").iloc[0]
    assert crude[["rule", "verdict"]].tolist() == ["crude_and_pooled", "disagree"]
    assert crude["estimate"] == pytest.approx(0.6818 / 1.05831, abs=5e-5)
    assert only(found, "impact_ratio_pooled")["verdict"].tolist() == ["cannot_tell"]


def test_within_vacancies_the_group_may_be_the_one_that_passes_more_often():
    # 50 of 400 and 40 of 40 against 2 of 40 and 360 of 400: all together less often, in both vacancies more often
    found = pooled(*tables({"hard": ((50, 400), (2, 40)), "easy": ((40, 40), (360, 400))}))
    ratio = only(found, "impact_ratio_pooled").iloc[0]
    assert ratio["estimate"] > 1 and ratio["p_value"] < 0.05 and ratio["verdict"] == "higher"
    assert ratio["numerator"] / ratio["denominator"] < ratio["reference_numerator"] / ratio["reference_denominator"]
    assert only(found, "crude_over_pooled")["verdict"].tolist() == ["disagree"]


def test_split_of_berkeley_women_minus_men(berkeley):
    found = gap_split(*berkeley).set_index("measure")["estimate"]
    assert found[["gap", "gap_from_rates", "gap_from_composition"]].tolist() == pytest.approx(
        [-0.14165, 0.03603, -0.17767], abs=6e-6
    )


def test_shortfall_of_berkeley_summed_over_departments(berkeley):
    # to the rate of all applicants of the department: -15.36 persons, where all together say 154.54
    parts, totals = berkeley
    by_department = [funnel.stages(part.drop(columns="vacancy")) for _, part in parts.groupby("vacancy")]
    short = pd.concat(by_department).query("detail == 'to overall rate'")["estimate"]
    assert short.sum() == pytest.approx(-15.36, abs=5e-3)
    crude = funnel.stages(totals).query("detail == 'to overall rate'")["estimate"]
    assert crude.tolist() == pytest.approx([154.54], abs=5e-3)


def test_new_haven_minority_against_white_over_positions():
    # Miao 2010: captain 6 of 16 and 16 of 25, lieutenant 9 of 34 and 25 of 43
    found = pooled(*tables({"captain": ((6, 16), (16, 25)), "lieutenant": ((9, 34), (25, 43))}, ("minority", "white")))
    assert only(found, "odds_ratio_pooled")["estimate"].tolist() == pytest.approx([0.2846], abs=5e-5)
    test = only(found, "association_pooled", "without correction").iloc[0]
    assert test[["estimate", "p_value"]].tolist() == pytest.approx([10.2255, 0.00139], abs=5e-5)


# Families, keys, zeros


def test_the_family_is_that_of_stages_and_the_undeclared_are_outside_it(berkeley):
    parts, totals = (
        pd.concat([table, table[table["group"] == "women"].assign(group="silent", role="undeclared")]).fillna(
            {"role": "group"}
        )
        for table in berkeley
    )
    both = [
        pd.concat([table, table.assign(stage="enrolled"), table.assign(stage="overall")]) for table in (parts, totals)
    ]
    found = only(pooled(*both), "impact_ratio_pooled").set_index(["stage", "group"])
    assert found["p_adjusted"].dropna().index.tolist() == [("admitted", "women"), ("enrolled", "women")]
    assert found["p_adjusted"].dropna().tolist() == pytest.approx([2 * 0.216924] * 2, abs=1e-5)
    assert found["verdict"].dropna().index.tolist() == [
        ("admitted", "women"),
        ("enrolled", "women"),
        ("overall", "women"),
    ]


def test_other_columns_can_be_strata_and_other_keys_stay_apart(berkeley):
    channel = [table.rename(columns={"vacancy": "channel"}) for table in berkeley]
    assert_frame_equal(
        pooled(*channel, over="channel").drop(columns="detail"), pooled(*berkeley).drop(columns="detail")
    )
    twice = [pd.concat([table.assign(unit=unit) for unit in ("parks", "library")]) for table in berkeley]
    found = pooled(*twice)
    for _, part in found.groupby("unit"):
        assert_frame_equal(part.drop(columns="unit").reset_index(drop=True), pooled(*berkeley))


def test_where_no_vacancy_has_both_there_is_nothing_to_pool():
    found = pooled(*tables({"a": ((1, 2), (0, 0)), "b": ((0, 0), (1, 3))}))
    only_pooled = found[found["measure"].isin(["impact_ratio_pooled", "odds_ratio_pooled", "rate_difference_pooled"])]
    assert only_pooled[["estimate", "p_value", "method", "verdict"]].isna().all(axis=None)
    assert only(found, "crude_over_pooled")[["rule", "verdict"]].isna().all(axis=None)
    assert only(found, "informative_strata")["estimate"].tolist() == [0]
    split = gap_split(*tables({"a": ((1, 2), (0, 0)), "b": ((0, 0), (1, 3))})).set_index("measure")["estimate"]
    assert split["gap_from_rates"] == 0 and split["gap_from_composition"] == pytest.approx(1 / 2 - 1 / 3)


def test_a_vacancy_without_a_row_has_nobody(berkeley):
    parts, totals = tables({"a": ((1, 2), (1, 4)), "b": ((2, 3), (1, 3))})
    third = parts.iloc[:2].assign(vacancy="c", numerator=[0, 2], denominator=[0, 5])
    totals = totals.assign(numerator=[3, 4], denominator=[5, 12])
    both = pd.concat([parts, third], ignore_index=True)
    without = both.drop(index=4)
    columns = ["measure", "estimate", "conf_low", "conf_high"]
    assert_frame_equal(pooled(both, totals)[columns], pooled(without, totals)[columns])


def test_row_order_and_cells_decide_nothing(berkeley):
    found = pooled(*berkeley)
    assert_frame_equal(pooled(berkeley[0].iloc[::-1], berkeley[1]).drop(columns="within"), found.drop(columns="within"))
    plain = [table.drop(columns="cells") for table in berkeley]
    assert_frame_equal(pooled(*plain), found.drop(columns=["cells", "within", "strata", "residual_df"]))


# Properties


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(*[st.integers(0, 8)] * 4), min_size=1, max_size=6).map(
        lambda drawn: {f"v{i}": ((a, a + b), (c, c + d)) for i, (a, b, c, d) in enumerate(drawn)}
    )
)
def test_the_parts_of_the_gap_add_up_and_limits_contain_the_estimate(strata):
    both = tables(strata)
    split = gap_split(*both).set_index("measure")["estimate"]
    if not np.isnan(split["gap"]):
        assert split["gap_from_rates"] + split["gap_from_composition"] == pytest.approx(split["gap"], abs=1e-12)
    limited = pooled(*both).dropna(subset=["conf_low"])
    assert (limited["conf_low"] <= limited["estimate"] + 1e-12).all()
    assert (limited["estimate"] <= limited["conf_high"] + 1e-12).all()


# A whole city


@pytest.fixture(scope="module")
def sample():
    city = read_city(ROOT / "data" / "sample")
    return city, [counts.applications(city, "gender", by=by) for by in (["vacancy"], [])]


@pytest.mark.slow
def test_pooled_rows_of_a_city_pass_protection_although_vacancies_are_not_listed(sample):
    city, both = sample
    plan = disclosure.plan(*cells.publishable(city), disclosure.Policy(**city.publication))
    for found in (pooled(*both), gap_split(*both)):
        assert list(found) == [column for column in COLUMNS if column in found]
        safe = disclosure.protect(found, plan).frame
        ratio = safe[safe["measure"].isin(["impact_ratio_pooled", "gap_from_rates"]) & (safe["group"] == "women")]
        assert not ratio["suppressed"].any()
        assert all(float(f"{value:.3g}") == value for value in ratio["estimate"])
    shares = disclosure.protect(pooled(*both), plan).where(measure="informative_share").frame
    assert shares["suppressed"].all()


def test_in_the_sample_women_apply_to_other_vacancies_and_are_shortlisted_more_often_there(sample):
    # planted: 1.10 times within vacancies, and more women where most are turned away (data/sample/README.md)
    found = pooled(*sample[1])
    women = found[(found["stage"] == "shortlisted") & (found["group"] == "women")].set_index("measure")
    assert women.loc["impact_ratio_pooled", "estimate"] == pytest.approx(1.107, abs=5e-4)
    assert women.loc["impact_ratio_pooled", "verdict"] == "higher"
    assert women.loc["crude_over_pooled", "estimate"] == pytest.approx(0.912 / 1.107, abs=1e-3)
    assert women.loc["crude_over_pooled", "verdict"] == "disagree"


@pytest.mark.slow
def test_what_is_planted_is_found_at_its_stage_in_cities_of_other_seeds(tmp_path):
    # women 1.10 at shortlisting, born abroad down to .60 in some units, nothing at the three later steps
    held, verdicts = [], []
    for seed in range(1, 9):
        city = read_city(synthetic.write(tmp_path / str(seed), seed=seed, staff=5000))
        for dimension, group in (("gender", "women"), ("origin", "born abroad")):
            both = (counts.applications(city, dimension, by=by) for by in (["vacancy"], []))
            found = only(pooled(*both), "impact_ratio_pooled")
            found = found[found["group"] == group].set_index("stage")
            verdicts.append(found.loc[["shortlisted", "interviewed", "offered", "appointed"], "verdict"].tolist())
            if group == "women":
                held.append(found.loc["shortlisted", "conf_low"] <= 1.10 <= found.loc["shortlisted", "conf_high"])
    nothing = ["cannot_tell"] * 3
    assert verdicts == [["higher", *nothing], ["lower", *nothing]] * 8
    assert sum(held) >= 7


# Refusals


def test_refusals_name_what_is_wrong(berkeley):
    parts, totals = berkeley
    with pytest.raises(ValueError, match=r"the counts lack vacancy; needed are dimension, group, .*, vacancy"):
        pooled(totals, totals)
    with pytest.raises(ValueError, match="the totals are counted by vacancy too: count the same applications without"):
        pooled(parts[parts["vacancy"] == "A"], parts[parts["vacancy"] == "A"])
    with pytest.raises(ValueError, match="the totals have no row for group women, stage admitted"):
        pooled(parts, totals[totals["group"] == "men"])
    message = (
        "group women, stage admitted: numerator is 557 in the totals and 468 over all values of vacancy: "
        "count the same applications for both"
    )
    with pytest.raises(ValueError, match=message):
        pooled(parts[(parts["vacancy"] != "A")], totals)
    with pytest.raises(ValueError, match="more than one row for dimension gender, stage admitted, group women"):
        pooled(pd.concat([parts, parts]), totals)
