"""What a measure changed: panels and what they leave out, rows by hand, properties, coverage of what is planted."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact import disclosure, sampletown, synthetic
from divimpact.effects import checks, effects, over_time, placebo_dates, placebo_groups, placebo_service, pre_trend
from divimpact.estimates import COLUMNS
from divimpact.interrupted import one_district
from divimpact.intervals import holm
from divimpact.panel import left_out, panel

FEW = settings(max_examples=8, deadline=None)
PERIODS = ["2024-Q1", "2024-Q2", "2024-Q3", "2024-Q4"]
EVERY = {
    "effects": effects,
    "over_time": over_time,
    "pre_trend": pre_trend,
    "placebo_dates": lambda rows: placebo_dates(rows, 1),
    "checks": checks,
}


def counted(users, eligible, groups=("here", "abroad")):
    """Counts of one service: users by group, then district A, B, ..., then period; eligible by group and district."""
    users, eligible = np.asarray(users), np.asarray(eligible)
    _, districts, periods = users.shape
    names = [groups, list("ABCDEFGHIJKL")[:districts], PERIODS[:periods]]
    frame = pd.MultiIndex.from_product(names, names=["group", "district", "period"]).to_frame(index=False)
    return frame.assign(
        service="advice",
        dimension="origin",
        role="group",
        reference="here",
        numerator=users.ravel().astype(float),
        denominator=np.repeat(eligible.ravel(), periods).astype(float),
    )


def started(**districts):
    """The measure "letters" by district and start."""
    rows = [("letters", "advice", district, start) for district, start in districts.items()]
    return pd.DataFrame(rows, columns=["measure", "service", "district", "start"])


@pytest.fixture
def advice():
    """Three districts and four periods: A starts in the third, B in the fourth, C never."""
    users = [[[10, 12, 20, 21], [10, 11, 12, 19], [40, 42, 44, 46]], [[2, 3, 9, 8], [4, 4, 5, 9], [10, 10, 11, 12]]]
    return counted(users, [[100, 100, 200], [50, 40, 100]])


MEASURES = started(A="2024-Q3", B="2024-Q4")


def some(rng, districts=6):
    """A panel of six districts with random counts, two starts and none."""
    eligible = rng.integers(50, 500, (2, districts))
    frame = counted(rng.binomial(eligible[..., None], 0.2, (2, districts, 4)), eligible)
    return panel(frame, started(A="2024-Q3", B="2024-Q3", C="2024-Q4"), "letters")


def one(found, measure, group=None, reference=None):
    """The rows of a measure for everyone, a group, or a gap."""
    for column, value in {"group": group, "reference": reference}.items():
        found = found[found[column].isna() if value is None else found[column] == value]
    return found[found["measure"] == measure]


# The panel


def test_a_panel_has_starts_and_what_is_out_has_its_reason(advice):
    silent = advice[advice["group"] == "abroad"].assign(group="not stated", role="undeclared", denominator=np.nan)
    early, gap, unknown, visited = (advice[advice["district"] == "C"].assign(district=name) for name in "DEFG")
    gap = gap.iloc[:-2]
    unknown.loc[unknown.index[5], "denominator"] = np.nan
    rows = pd.concat([advice, silent, early, gap, unknown, visited])  # some with the same index
    other = started(G="2024-Q4", A="2025-Q1").assign(measure="visits")  # in A after the end
    measures = pd.concat([MEASURES, started(D="2023-11", E="2024-Q4", C="2025-Q1", Z="2024-Q2"), other])
    found = panel(rows, measures, "letters")
    starts = found.drop_duplicates("district").set_index("district")["start"]
    assert starts.to_dict() == {"A": "2024-Q3", "B": "2024-Q4", "C": ""}
    assert len(found) == len(advice) and set(found["group"]) == {"here", "abroad"}
    out = left_out(rows, measures, "letters")
    reasons = out[out["group"] != "not stated"].drop_duplicates("district").set_index("district")["reason"]
    assert reasons.to_dict() == {
        "D": "has the measure from its first period on",
        "E": "no row (abroad, 2024-Q3, and 1 more)",
        "F": "eligible or users not known (abroad, 2024-Q2)",
        "G": "has 'visits' too",
        "Z": "has the measure, but no counts",
    }
    silence = out[out["group"] == "not stated"]
    assert silence["reason"].unique() == ["not declared: of no group"] and silence["rows"].sum() == 12
    assert len(found) + out["rows"].sum() == len(rows)


def test_a_start_within_a_period_starts_with_it(advice):
    found = panel(advice, started(A="2024-08-15", B="2024-12"), "letters")
    assert_frame_equal(found, panel(advice, MEASURES, "letters"))


def test_totals_bring_the_cells_that_are_published(advice):
    named = advice.assign(cells=[(f"{row.group} {row.district} {row.period}",) for row in advice.itertuples()])
    keys = ["period", "service", "dimension", "group"]
    totals = named[keys].drop_duplicates()
    totals = totals.assign(cells=[(f"{row.group} {row.period}",) for row in totals.itertuples()])
    found = effects(panel(named, MEASURES, "letters", totals))
    gap, here = one(found, "effect_gap", "abroad", "here").iloc[0], one(found, "effect_by_group", "here").iloc[0]
    assert sorted(here["cells"]) == [f"here {period}" for period in PERIODS] and len(here["within"]) == 12
    assert len(gap["cells"]) == 8 and len(gap["within"]) == 24
    assert gap[["strata", "residual_df"]].tolist() == [1, 0]  # one district without the measure


def test_what_one_district_alone_would_tell_rests_on_one_stratum():
    rows = some(np.random.default_rng(1))  # A and B start first, C later
    found = effects(rows)
    strata = one(found, "effect").set_index("detail")["strata"].tolist()
    assert strata == [6, 6, 1] and one(found, "effect")["residual_df"].unique() == [(6 - 3) * 3]
    found = one(over_time(rows), "effect_at")
    assert found["strata"].eq(6).tolist() == ["1 of 3" not in detail for detail in found["detail"]]


def test_protection_shows_what_many_districts_tell_and_hides_what_one_would():
    rng = np.random.default_rng(1)
    frame = counted(rng.binomial(300, 0.2, (2, 9, 4)), np.full((2, 9), 300))
    frame = frame.assign(cells=[(f"{row.group} {row.district} {row.period}",) for row in frame.itertuples()])
    keys = ["period", "service", "dimension", "group"]
    totals = frame[keys].drop_duplicates()
    totals = totals.assign(cells=[(f"{row.group} {row.period}",) for row in totals.itertuples()])
    listed = {"table": "uptake", "by": "period", "dimension": "origin", "count": 500, "declared": 900, "everyone": 900}
    listed = pd.DataFrame({"cell": totals["cells"].str[0], **listed})
    starts = started(**dict.fromkeys("ABC", "2024-Q3"), D="2024-Q4")
    rows = effects(panel(frame, starts, "letters", totals))
    found = disclosure.protect(rows, disclosure.plan(listed, [], disclosure.Policy())).frame
    alone = found["detail"].str.startswith("started 2024-Q4")
    assert found.loc[alone, "suppressed"].all() and not found.loc[~alone, "suppressed"].any()
    shown = found.loc[~alone, "estimate"]
    assert shown.tolist() == [float(f"{number:.3g}") for number in rows.loc[~alone, "estimate"]]


def test_refusals_name_what_is_wrong(advice):
    cases = {
        "more than one row for period 2024-Q1, service advice, district A": (pd.concat([advice, advice]), MEASURES),
        "the counts lack district": (advice.drop(columns="district"), MEASURES),
        "there is no measure 'letters'; measures: visits": (advice, MEASURES.assign(measure="visits")),
        "column district: 'letters' has none": (advice, MEASURES.assign(district=None)),
        "column service: 'letters' has none": (advice, MEASURES.drop(columns="service")),
        r"several services \(advice, loans\)": (advice, MEASURES.assign(service=["advice", "loans"])),
        "'letters' starts twice in A: 2024-Q3, 2024-Q4": (advice, MEASURES.assign(district="A")),
        "between 2024-Q1 and 2024-Q3": (advice[advice["period"] != "2024-Q2"], MEASURES),
        "no district with 'letters' is left": (advice, started(A="2024-Q1")),
        "no district to compare with": (advice[advice["district"] == "A"], MEASURES),
        "one dimension at a time for service loans: none": (advice, MEASURES.assign(service="loans")),
    }
    for message, (rows, measures) in cases.items():
        with pytest.raises(ValueError, match=message):
            panel(rows, measures, "letters")
    rows = panel(advice, MEASURES, "letters")
    with pytest.raises(ValueError, match="estimand is 'women', not one of: people, districts"):
        effects(rows, "women")
    with pytest.raises(ValueError, match="no district has a period before a start 3 periods earlier"):
        placebo_dates(rows, 3)


# By hand


def test_districts_and_people_of_three_districts_by_hand(advice):
    # rates of those here: A .10 .12 .20 .21, B .10 .11 .12 .19, C .20 .21 .22 .23
    rows = panel(advice, MEASURES, "letters")
    third = (0.20 - 0.12) - ((0.12 - 0.11) + (0.22 - 0.21)) / 2
    fourth, of_b = (0.21 - 0.12) - (0.23 - 0.21), (0.19 - 0.12) - (0.23 - 0.22)
    here = (third + fourth + of_b) / 3
    # of those born abroad: A .04 .06 .18 .16, B .10 .10 .125 .225, C .10 .10 .11 .12
    abroad = ((0.18 - 0.06 - (0.025 + 0.01) / 2) + (0.16 - 0.06 - 0.02) + (0.225 - 0.125 - 0.01)) / 3
    found = effects(rows, "districts")
    assert one(found, "effect_by_group", "here")["estimate"].iloc[0] == pytest.approx(here)
    assert one(found, "effect_by_group", "abroad")["estimate"].iloc[0] == pytest.approx(abroad)
    assert one(found, "effect_gap", "abroad", "here")["estimate"].iloc[0] == pytest.approx(abroad - here)
    before = ((0.06 - 0.12) + (0.125 - 0.12)) / 2
    assert one(found, "gap_before", "abroad", "here")["estimate"].tolist() == pytest.approx([before])
    # people: of the controls in the third period C has twice the eligible of B; A and B have as many as each other
    third = (0.20 - 0.12) - ((0.12 - 0.11) * 100 + (0.22 - 0.21) * 200) / 300
    assert one(effects(rows), "effect_by_group", "here")["estimate"].iloc[0] == pytest.approx(
        (third + fourth + of_b) / 3
    )
    third = (0.18 - 0.06) - (0.025 * 40 + 0.01 * 100) / 140
    abroad = ((third + (0.16 - 0.06 - 0.02)) * 50 + (0.225 - 0.125 - 0.01) * 40) / 140
    assert one(effects(rows), "effect_by_group", "abroad")["estimate"].iloc[0] == pytest.approx(abroad)
    everyone = (0.20 * 100 + 0.18 * 50 - 0.12 * 100 - 0.06 * 50) / 150  # the rise in A, third period
    b, c = (12 + 5 - 11 - 4) / 140, (44 + 11 - 42 - 10) / 300
    third = everyone - (b * 140 + c * 300) / 440
    at_start = over_time(rows).query("detail.str.startswith('event time +0')")
    of_b = (19 + 9 - 12 - 5) / 140 - (46 + 12 - 44 - 11) / 300
    assert one(at_start, "effect_at")["estimate"].iloc[0] == pytest.approx((third * 150 + of_b * 140) / 290)


def test_randomisation_and_limits_of_three_districts_are_honest(advice):
    found = effects(panel(advice, MEASURES, "letters"))
    overall = found[found["rule"].notna()]
    assert set(overall["rule"]) == {"randomisation_exact", "randomisation_exact_holm"}
    assert (overall["p_value"] >= 1 / 6).all() and overall["verdict"].eq("cannot_tell").all()  # six assignments
    assert found[["conf_low", "conf_high", "method"]].isna().all(axis=None)  # each cohort is one district


def test_verdicts_follow_holm_and_the_limits():
    rng = np.random.default_rng(12)
    users = rng.binomial(4000, 0.2, (3, 12, 4))
    users[1, :4, 2:] += 600
    frame = counted(users, np.full((3, 12), 4000), ("here", "abroad", "parents"))
    found = effects(panel(frame, started(**dict.fromkeys("ABCD", "2024-Q3")), "letters"))
    groups = found[found["p_adjusted"].notna()]
    for measure, family in groups.groupby("measure"):
        assert family["p_adjusted"].tolist() == pytest.approx(holm(family["p_value"]).tolist())
        told = family.loc[family["verdict"] == "higher", "group"].tolist()
        assert told == ["abroad"], measure
    assert groups["rule"].eq("randomisation_exact_holm").all()
    assert len(one(found, "effect")) == 2 and one(found, "effect")["p_adjusted"].isna().all()
    assert found.loc[found["detail"].str.startswith("started"), ["rule", "verdict"]].isna().all(axis=None)


def test_a_verdict_needs_both_a_small_p_and_limits_without_0():
    rng, seen = np.random.default_rng(7), set()
    for _ in range(60):
        users = rng.binomial(1000, 0.2, (1, 10, 4))
        users[:, :4, 2:] += rng.integers(0, 60, (1, 4, 1))  # districts differ in what the measure does
        rows = panel(
            counted(users, np.full((1, 10), 1000), ("here",)), started(**dict.fromkeys("ABCD", "2024-Q3")), "letters"
        )
        row = one(effects(rows), "effect").iloc[0]
        small, without = row["p_value"] <= 0.05, not row["conf_low"] <= 0 <= row["conf_high"]
        assert row["verdict"] == ("higher" if small and without else "cannot_tell")
        seen.add((small, without))
    assert len(seen) == 4


def test_everyone_is_who_declared_one_of_the_groups_that_do_not_overlap(advice):
    both = advice[advice["group"] == "abroad"].assign(group="abroad or parents", role="combined")
    plain, found = (effects(panel(rows, MEASURES, "letters")) for rows in (advice, pd.concat([advice, both])))
    assert_frame_equal(*(one(rows, "effect").reset_index(drop=True) for rows in (found, plain)))
    combined = one(found, "effect_gap", "abroad or parents", "here")
    assert combined["estimate"].tolist() == pytest.approx(
        one(found, "effect_gap", "abroad", "here")["estimate"].tolist()
    )
    assert combined["p_adjusted"].isna().all()


def test_many_districts_have_normal_limits_and_p():
    rng = np.random.default_rng(2)
    names = [f"d{i:02}" for i in range(60)]
    frame = pd.MultiIndex.from_product([names, PERIODS], names=["district", "period"]).to_frame(index=False)
    frame = frame.assign(
        service="advice", dimension="origin", group="here", reference="here", denominator=1000, numerator=1.0
    )
    frame["numerator"] = rng.binomial(1000, 0.1, len(frame))
    found = effects(panel(frame, started(**dict.fromkeys(names[:25], "2024-Q3")), "letters"), "districts").iloc[0]
    rate = (frame["numerator"] / 1000).to_numpy().reshape(60, 4)
    change = rate[:, 2:].mean(axis=1) - rate[:, 1]
    effect = change[:25].mean() - change[25:].mean()
    error = np.sqrt(change[:25].var(ddof=1) / 25 + change[25:].var(ddof=1) / 35)
    assert found["estimate"] == pytest.approx(effect)
    assert found["conf_high"] - found["estimate"] == pytest.approx(1.959964 * error, rel=1e-6)
    assert found["method"] == "cohort_scatter_normal" and found["rule"] == "normal"


def test_event_study_names_its_limits_apart(advice):
    found = over_time(some(np.random.default_rng(4)))
    names = ["pooled_scatter_t_pointwise", "pooled_scatter_t_simultaneous"]
    assert found["method"].unique().tolist() == names
    point, wide = (found[found["method"] == name].reset_index(drop=True) for name in names)
    assert_frame_equal(
        point.drop(columns=["conf_low", "conf_high", "method"]), wide.drop(columns=["conf_low", "conf_high", "method"])
    )
    assert (wide["conf_low"] < point["conf_low"]).all() and (wide["conf_high"] > point["conf_high"]).all()
    details = one(point, "effect_at")["detail"].str.split(";").str[:2].str.join(";").tolist()
    assert details == [
        "event time -3; 1 of 3 districts",
        "event time -2; 3 of 3 districts",
        "event time +0; 3 of 3 districts",
        "event time +1; 2 of 3 districts",
    ]


def test_a_straight_way_apart_is_found_as_a_trend():
    eligible = np.full((1, 6), 1000)
    users = 100 + 2 * np.arange(4) + np.zeros((1, 6, 4))
    users[0, :3] += 5 * np.arange(4)
    users[0, :, 0] += [0, 1, -1, 0, 1, -1]
    rows = panel(counted(users, eligible, ("here",)), started(A="2024-Q4", B="2024-Q4", C="2024-Q4"), "letters")
    found = pre_trend(rows).set_index("measure")
    everyone = found[found["group"].isna()]
    assert everyone.loc["pre_trend", "estimate"] == pytest.approx(0.005)
    assert everyone.loc["pre_trend", "p_value"] == pytest.approx(2 / 20)
    assert everyone.loc["pre_trend_bias", "estimate"] == pytest.approx(everyone.loc["pre_trend_detectable", "estimate"])
    assert one(placebo_dates(rows, 1), "placebo_date")["estimate"].tolist() == pytest.approx([0.005])


def test_without_two_periods_before_the_start_there_is_no_trend_and_no_p(advice):
    found = pre_trend(panel(advice, started(A="2024-Q2"), "letters"))
    assert found[["estimate", "p_value", "p_adjusted", "verdict"]].isna().all(axis=None)


def test_placebo_groups_and_services_are_effects_under_another_name():
    rows = some(np.random.default_rng(9))
    found = effects(rows).dropna(subset="verdict").reset_index(drop=True)
    service = placebo_service(rows)
    assert service["measure"].unique() == ["placebo_service"]
    assert_frame_equal(service.drop(columns="measure"), found.drop(columns="measure"))
    group = placebo_groups(rows, ["abroad"])
    own = one(found, "effect_by_group", "abroad")
    assert group["measure"].tolist() == ["placebo_group"] and group["group"].tolist() == ["abroad"]
    columns = ["estimate", "conf_low", "conf_high", "p_value"]
    assert group[columns].to_numpy() == pytest.approx(own[columns].to_numpy())
    assert group["p_adjusted"].tolist() == group["p_value"].tolist()  # a family of its own
    with pytest.raises(ValueError, match="there is no group 'women'; groups: "):
        placebo_groups(rows, ["women"])


def test_checks_show_what_two_way_regression_compares(advice):
    found = checks(panel(advice, MEASURES, "letters"), "districts")
    assert found["method"].dropna().unique().tolist() == ["two_way"]  # the others have no limits with such cohorts
    weights = one(found, "bacon_weight")
    kinds = weights["detail"].str.split(";").str[0].tolist()
    assert kinds == ["earlier and later", "later and earlier", "treated and never"]
    assert weights["estimate"].sum() == pytest.approx(1)
    mean = (weights["estimate"].to_numpy() * one(found, "bacon_estimate")["estimate"].to_numpy()).sum()
    everyone = one(found, "effect_check")
    assert everyone.loc[everyone["method"] == "two_way", "estimate"].tolist() == pytest.approx([mean])


# Properties


@FEW
@given(st.integers(0, 10_000), st.sampled_from(list(EVERY)))
def test_row_order_decides_nothing_and_the_input_is_unchanged(seed, name):
    rows = some(np.random.default_rng(seed))
    kept, found = rows.copy(deep=True), EVERY[name](rows)
    order = ["measure", "group", "reference", "detail", "method"]
    mixed = EVERY[name](rows.sample(frac=1, random_state=seed))
    sort = [column for column in order if column in found]
    assert_frame_equal(
        found.sort_values(sort, ignore_index=True, kind="stable"),
        mixed.sort_values(sort, ignore_index=True, kind="stable"),
    )
    assert_frame_equal(rows, kept)
    assert list(found) == [column for column in COLUMNS if column in found]


@FEW
@example(seed=96, estimand="people")  # two assignments whose effects are alike but for rounding
@given(seed=st.integers(0, 10_000), estimand=st.sampled_from(["people", "districts"]))
def test_a_constant_by_district_and_a_course_of_all_change_nothing(seed, estimand):
    rng = np.random.default_rng(seed)
    eligible = rng.integers(1, 5, (2, 6)) * 1000
    users = rng.binomial(eligible[..., None] // 10, 0.3, (2, 6, 4))
    added = eligible[..., None] // 1000 * (rng.integers(0, 50, (2, 6, 1)) + 10 * np.arange(4))
    starts = started(A="2024-Q3", B="2024-Q3", C="2024-Q4")
    before, after = (effects(panel(counted(n, eligible), starts, "letters"), estimand) for n in (users, users + added))
    # not everyone's: there the course of a group counts by how many of it a district has
    before, after = (
        found[found["group"].notna() & (found["measure"] != "gap_before")].reset_index(drop=True)
        for found in (before, after)
    )
    assert_frame_equal(before, after, atol=1e-9, rtol=1e-7)


def test_the_gap_is_the_difference_and_its_limits_know_what_both_share():
    rng = np.random.default_rng(5)
    shock = rng.integers(0, 3000, (1, 6, 4))  # what comes and goes in a district for both groups alike
    users = rng.binomial(10_000, 0.2, (2, 6, 4)) + shock
    rows = panel(counted(users, np.full((2, 6), 10_000)), started(A="2024-Q3", B="2024-Q3", C="2024-Q4"), "letters")
    found = effects(rows)
    here, abroad = (one(found, "effect_by_group", group).iloc[0] for group in ("here", "abroad"))
    gap = one(found, "effect_gap", "abroad", "here").iloc[0]
    assert gap["estimate"] == pytest.approx(abroad["estimate"] - here["estimate"])
    widths = [row["conf_high"] - row["conf_low"] for row in (gap, here, abroad)]
    assert widths[0] < min(widths[1:]) / 3


# One district


def course(steps, seed=6, rate=0.2):
    """Twenty quarters of one place with a season and a step of so much in the second half."""
    rng = np.random.default_rng(seed)
    quarter = np.arange(20)
    periods = [f"{2020 + q // 4}-Q{q % 4 + 1}" for q in quarter]
    chance = rate + 0.02 * (quarter % 4 == 2) + steps * (quarter >= 10)
    numerator = rng.binomial(5000, chance)
    return pd.DataFrame(
        {"period": periods, "dimension": "origin", "group": "here", "numerator": numerator, "denominator": 5000}
    )


def test_a_step_without_trend_or_season_is_a_difference_of_means():
    found = one_district(course(0.03), "2022-Q3").set_index("measure")
    step = found.loc["interrupted_effect"]
    assert step["estimate"] == pytest.approx(0.03, abs=0.012) and step["conf_low"] < 0.03 < step["conf_high"]
    assert step["verdict"] == "higher" and step["method"] == "quasi_binomial_t"
    assert_frame_equal(one_district(course(0.03)[::-1], "2022-07"), one_district(course(0.03), "2022-Q3"))


def test_a_step_is_that_of_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    rows = course(0.03)
    quarter = np.arange(20)
    season = np.stack([quarter % 4 == q for q in (1, 2, 3)], axis=1)
    design = np.column_stack([np.ones(20), quarter, quarter >= 10, season]).astype(float)
    counts = np.column_stack([rows["numerator"], rows["denominator"] - rows["numerator"]])
    fit = sm.GLM(counts, design, family=sm.families.Binomial()).fit()
    without = design * np.array([1, 1, 0, 1, 1, 1])
    effect = (fit.predict(design) - fit.predict(without))[10:].mean()
    found = one_district(rows, "2022-Q3").set_index("measure")["estimate"]
    assert found["interrupted_effect"] == pytest.approx(effect)
    assert found["interrupted_dispersion"] == pytest.approx(fit.pearson_chi2 / 14)


def test_limits_are_those_of_people_at_least_and_wider_by_the_root_of_dispersion():
    rows = course(0.03)
    smooth = rows.assign(numerator=1000 + 150 * (np.arange(20) >= 10))
    rough = smooth.assign(numerator=smooth["numerator"] + 90 * (-1) ** (np.arange(20) // 4 + np.arange(20)))
    found = {
        name: one_district(one, "2022-Q3").set_index("measure") for name, one in (("smooth", smooth), ("rough", rough))
    }
    width = {name: np.ptp(one.loc["interrupted_effect", ["conf_low", "conf_high"]]) for name, one in found.items()}
    dispersion = found["rough"].loc["interrupted_dispersion", "estimate"]
    assert found["smooth"].loc["interrupted_dispersion", "estimate"] < 0.01 and dispersion > 5
    assert width["rough"] / width["smooth"] == pytest.approx(np.sqrt(dispersion), rel=0.02)


def test_no_verdict_where_periods_in_a_row_are_alike_and_nothing_with_too_few():
    rows = course(0.06)
    wave = np.round(60 * np.sin(np.arange(20) * 0.9)).astype(int)
    found = one_district(rows.assign(numerator=rows["numerator"] + wave), "2022-Q3").set_index("measure")
    assert found.loc["interrupted_autocorrelation", "p_value"] < 0.05
    assert found.loc["interrupted_effect", "conf_low"] > 0
    assert found.loc["interrupted_effect", "verdict"] == "cannot_tell"
    for few, start in ((rows, "2020-Q3"), (rows.head(8), "2020-Q4"), (rows.assign(numerator=0), "2022-Q3")):
        found = one_district(few, start)
        assert found[["estimate", "conf_low", "verdict"]].isna().all(axis=None)
    with pytest.raises(ValueError, match="column district: A, B: pass the counts of one at a time"):
        one_district(pd.concat([rows.assign(district=name) for name in "AB"]), "2022-Q3")


# What is planted


WITHOUT = {"Adult education": "Interpreters at the desk", "Job guidance": "Coaches from the district"}
GROUPS = ["none", "parents born abroad", "born abroad"]


def of_city(seed):
    """Counts of use in a made-up city, of its quarters, services, districts and origin groups."""
    drawn = synthetic._uptake(np.random.default_rng(seed), 1000, sampletown.TRUTH)
    drawn = drawn.rename(columns={"origin": "group", "users": "numerator", "eligible": "denominator"})
    role = np.where(drawn["group"] == "not stated", "undeclared", "group")
    return drawn.assign(dimension="origin", reference="none", role=role)


def planted(rows, effect):
    """What the effects of everyone, each group and each gap are in a panel: (group, reference) to number."""
    effect = pd.Series(effect, GROUPS)
    people = rows.groupby(["district", "group"])["denominator"].mean().unstack()[GROUPS]
    since = rows[(rows["start"] != "") & (rows["period"] >= rows["start"])].drop_duplicates(["district", "period"])
    of_all = (people @ effect / people.sum(axis=1)).reindex(since["district"])
    everyone = np.average(of_all, weights=people.sum(axis=1).reindex(since["district"]))
    groups = {(group, ""): effect[group] for group in GROUPS}
    gaps = {(group, "none"): effect[group] - effect["none"] for group in GROUPS[1:]}
    return {("", ""): everyone} | groups | gaps


def judged(city, measures, name, service, effect):
    """The rows of all cohorts together, with what is planted and whether limits hold it."""
    rows = panel(city, measures[measures["measure"] == name].assign(service=service), name)
    found = effects(rows).dropna(subset="verdict").fillna({"group": "", "reference": ""})
    truth = planted(rows, effect)
    found["truth"] = [truth[key] for key in zip(found["group"], found["reference"], strict=True)]
    return found.assign(service=service, held=found["truth"].between(found["conf_low"], found["conf_high"]))


@pytest.mark.slow
def test_limits_hold_what_is_planted_and_a_service_without_a_measure_alarms_as_often_as_said():
    # 200 cities, seeds 1 to 200 fixed beforehand; measured: limits held .950 to .963, alarms .020 to .060
    measures, found = synthetic._measures(sampletown.TRUTH), []
    for seed in range(1, 201):
        city = of_city(seed)
        for measure in sampletown.MEASURES:
            found.append(judged(city, measures, measure.name, measure.service, measure.effect).assign(seed=seed))
        for service, name in WITHOUT.items():
            found.append(judged(city, measures, name, service, (0, 0, 0)).assign(seed=seed))
    found = pd.concat(found)
    held = found.groupby(["measure", "group", "reference"])["held"].mean()
    assert held.between(0.935, 0.975).all(), held  # 1,200 limits each; standard error .006
    alarms = found[found["service"].isin(WITHOUT)].assign(alarm=lambda rows: rows["verdict"] != "cannot_tell")
    rate = alarms.groupby(["service", "measure", "seed"])["alarm"].any().groupby(["service", "measure"]).mean()
    assert (rate <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)).all(), rate  # of 200 each
    told = found[found["truth"] >= 0.03].assign(told=lambda rows: rows["verdict"] == "higher")
    assert told["told"].mean() > 0.8 and not (found["verdict"].eq("lower") & (found["truth"] > 0.01)).any()
