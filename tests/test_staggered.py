"""Measures that start at different times: by hand in plain pandas, Medicaid, another's package, properties."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from diff_diff import BaconDecomposition, CallawaySantAnna, ImputationDiD
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from divimpact.scatter import assignments, deviations, largest_t, pooled_covariance, randomisation_p, robust_covariance
from divimpact.staggered import (
    coefficients,
    cohort_means,
    cohorts,
    goodman_bacon,
    group_time,
    imputation,
    mean_effect,
    periods_of,
    two_way,
    two_way_error,
)

FEW = settings(max_examples=30, deadline=None)
MEDICAID = Path(os.environ.get("DIVIMPACT_CHECKS", "")) / "medicaid_coverage_2008_2019.csv"


def overall(means, sizes, starts, **kinds):
    return mean_effect(group_time(means, sizes, starts, **kinds), sizes, periods_of(means, starts))[..., None]


def imputed(means, sizes, starts):
    return mean_effect(imputation(means, sizes, starts), sizes, periods_of(means, starts))


def of_cohorts(outcome, start, weight=None):
    """Means, sizes and starts of the cohorts of a panel."""
    starts, cohort = cohorts(start)
    return *cohort_means(outcome, np.ones(len(outcome)) if weight is None else weight, cohort), starts


@pytest.fixture(scope="module")
def made():
    """A made panel of 12 districts and 9 periods, in long form and as arrays; effects grow; 9 stands for never."""
    rng = np.random.default_rng(8)
    start = np.array([3] * 3 + [5] * 2 + [7] * 1 + [9] * 6)
    time = np.arange(9)
    outcome = rng.normal(0, 0.5, (12, 1)) + 0.1 * time + rng.normal(0, 0.1, (12, 9))
    outcome += np.where(time >= start[:, None], 0.2 * (time - start[:, None] + 1), 0)
    weight = rng.integers(100, 900, 12).astype(float)
    index = pd.MultiIndex.from_product([range(12), time], names=["district", "time"])
    long = pd.DataFrame({"y": outcome.ravel()}, index=index).reset_index()
    return outcome, weight, start, long.assign(start=np.repeat(start, 9), weight=np.repeat(weight, 9))


# By hand


def test_three_districts_and_three_periods_by_hand():
    # A starts in the second period, B in the third, C never
    outcome, start = np.array([[1.0, 4, 8], [2, 3, 9], [5, 7, 8]]), [1, 2, 3]
    means, sizes, starts = of_cohorts(outcome, start)
    a_second = (4 - 1) - ((3 - 2) + (7 - 5)) / 2  # B has not started, C never does
    a_third = (8 - 1) - (8 - 5)
    b_third = (9 - 3) - (8 - 7)
    b_first = (2 - 3) - (5 - 7)  # before its start, A not being a control
    nobody = np.full(3, np.nan)
    assert_allclose(
        group_time(means, sizes, starts), [[0, a_second, a_third], [b_first, 0, b_third], nobody], atol=1e-15
    )
    assert_allclose(overall(means, sizes, starts), [(a_second + a_third + b_third) / 3])
    assert_allclose(group_time(means, sizes, starts, never_only=True)[0, 1], (4 - 1) - (7 - 5))
    # imputation: the second period adds ((3 - 2) + (7 - 5)) / 2 = 1.5; then B is (2 + 3 - 1.5) / 2 = 1.75 and C
    # (5 + 7 - 1.5) / 2 = 5.25, so that the third adds 8 - 5.25 = 2.75
    assert_allclose(imputation(means, sizes, starts)[0, 1:], [4 - 1 - 1.5, 8 - 1 - 2.75])
    assert_allclose(imputation(means, sizes, starts)[1, 2], 9 - 1.75 - 2.75)
    assert np.isnan(imputation(means, sizes, starts)[[0, 1, 1], [0, 0, 1]]).all()


def by_hand(long, weighted, never_only=False):
    """The effects of a long panel by cohort and period, as a reader would compute them, and the cohorts' weights."""
    long = long.assign(weight=long["weight"] if weighted else 1.0)
    first_of = long.drop_duplicates("district").set_index("district")["start"]
    y = long.pivot(index="district", columns="time", values="y")
    weight = long.drop_duplicates("district").set_index("district")["weight"]
    found = {}
    for start in sorted(set(first_of) - {9}):
        for time in y.columns:
            change = y[time] - y[start - 1]
            own = first_of == start
            others = (first_of == 9) if never_only else (first_of > max(time, start - 1)) & ~own
            mean = {
                who: (change[rows] * weight[rows]).sum() / weight[rows].sum()
                for who, rows in {"own": own, "others": others}.items()
            }
            found[start, time] = mean["own"] - mean["others"], weight[own].sum()
    return pd.DataFrame(found, index=["effect", "weight"]).T.rename_axis(["start", "time"]).reset_index()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("never_only", [False, True])
def test_a_made_panel_by_hand_in_plain_pandas(made, weighted, never_only):
    outcome, weight, start, long = made
    means, sizes, starts = of_cohorts(outcome, start, weight if weighted else None)
    expected = by_hand(long, weighted, never_only)
    found = group_time(means, sizes, starts, never_only=never_only)
    assert_allclose(found[:3].ravel(), expected["effect"])
    since = expected[expected["time"] >= expected["start"]]
    mean = np.average(since["effect"], weights=since["weight"])
    assert_allclose(overall(means, sizes, starts, never_only=never_only), [mean])
    second = since[since["time"] == since["start"] + 1]
    at_one = mean_effect(found, sizes, periods_of(means, starts, 1, 2))
    assert_allclose(at_one, np.average(second["effect"], weights=second["weight"]))


def test_a_placebo_date_counts_from_before_it(made):
    outcome, _, start, long = made
    means, sizes, starts = of_cohorts(outcome, start)
    y = long.pivot(index="district", columns="time", values="y")
    own, others = y[start == 5], y[start > 4].drop(index=y.index[start == 5])
    expected = (own[4] - own[2]).mean() - (others[4] - others[2]).mean()
    assert_allclose(group_time(means, sizes, starts, ahead=2)[1, 4], expected)
    assert np.isnan(group_time(means, sizes, starts, ahead=3)[0]).all()  # the cohort of 3 has no period before


# Published


@pytest.fixture(scope="module")
def medicaid():
    if not MEDICAID.is_file():
        pytest.skip("the Medicaid figures are not shipped: DIVIMPACT_CHECKS names the folder that has them")
    wide = pd.read_csv(MEDICAID).pivot(index="stfips", columns="year", values="dins")
    first = pd.read_csv(MEDICAID).groupby("stfips")["yexp2"].first().reindex(wide.index)
    return wide.to_numpy(), first.sub(2008).fillna(12).to_numpy(int)


def test_medicaid(medicaid):
    # 46 states, 2008 to 2019, unweighted; American Community Survey as prepared for Mixtape-Sessions/Advanced-DID,
    # which prints .068 and .0728
    outcome, start = medicaid
    means, sizes, starts = of_cohorts(outcome, start)
    assert sizes.sum() == 46 and sizes[-1] == 16
    assert_allclose(overall(means, sizes, starts), [0.067983], atol=5e-7)
    assert_allclose(overall(*of_cohorts(outcome[start < 12], start[start < 12])), [0.072841], atol=5e-7)
    assert_allclose(group_time(means, sizes, starts)[0, 6], 0.0467024, atol=5e-8)
    assert_allclose(overall(means, sizes, starts, never_only=True), [0.066802], atol=5e-7)
    assert_allclose(two_way(means, sizes, starts), 0.070321, atol=5e-7)
    assert_allclose(two_way_error(outcome, np.ones(46), start), 0.007401, atol=5e-7)
    kind, weight, estimate = goodman_bacon(means, sizes, starts)
    weights = pd.Series(weight).groupby(kind).sum()
    expected = {"earlier and later": 0.14911, "later and earlier": 0.05827, "treated and never": 0.79262}
    assert_allclose(weights[list(expected)], list(expected.values()), atol=5e-6)
    assert_allclose(weight @ estimate, two_way(means, sizes, starts), rtol=1e-10)


# Another's package


def test_as_diff_diff(made):
    outcome, _, start, long = made
    means, sizes, starts = of_cohorts(outcome, start)
    long = long.assign(first=long["start"].replace(9, -1) + 1, time=long["time"] + 1)
    names = {"outcome": "y", "unit": "district", "time": "time", "first_treat": "first"}
    for group, never_only in {"not_yet_treated": False, "never_treated": True}.items():
        theirs = CallawaySantAnna(control_group=group, base_period="universal").fit(long, **names)
        found = group_time(means, sizes, starts, never_only=never_only)
        for (first, time), one in theirs.group_time_effects.items():
            assert_allclose(found[np.searchsorted(starts, first - 1), time - 1], one["effect"], atol=1e-12)
        assert_allclose(overall(means, sizes, starts, never_only=never_only), [theirs.overall_att], rtol=1e-10)
    assert_allclose(imputed(means, sizes, starts), ImputationDiD().fit(long, **names).overall_att, rtol=1e-8)
    theirs = BaconDecomposition().fit(long, **names)
    kind, weight, estimate = goodman_bacon(means, sizes, starts)
    assert_allclose(two_way(means, sizes, starts), theirs.twfe_estimate, rtol=1e-10)
    never = np.array(kind) == "treated and never"
    assert_allclose(weight[never].sum(), theirs.total_weight_treated_vs_never, rtol=1e-10)
    assert_allclose(weight @ estimate, theirs.twfe_estimate, rtol=1e-10)


def test_two_way_error_is_that_of_clustered_least_squares(made):
    sm = pytest.importorskip("statsmodels.formula.api")
    outcome, weight, start, long = made
    long = long.assign(since=(long["time"] >= long["start"]).astype(float))
    for counted in (np.ones(12), weight):
        by_district = long.assign(counted=np.repeat(counted, 9))
        fit = sm.wls("y ~ since + C(time) + C(district)", by_district, weights=by_district["counted"])
        fit = fit.fit(cov_type="cluster", cov_kwds={"groups": long["district"]})
        means, sizes, starts = of_cohorts(outcome, start, counted)
        assert_allclose(two_way(means, sizes, starts), fit.params["since"], rtol=1e-9)
        factor = (108 - 21) / (108 - 10)  # statsmodels counts the districts among the coefficients too
        assert_allclose(two_way_error(outcome, counted, start), fit.bse["since"] * np.sqrt(factor), rtol=1e-9)


# How sure


def test_two_cohorts_and_two_periods_are_the_t_tests():
    rng = np.random.default_rng(3)
    outcome, start = rng.normal(size=(9, 2)), np.array([1] * 4 + [2] * 5)
    means, sizes, starts = of_cohorts(outcome, start)
    cohort = cohorts(start)[1]
    coefficient = coefficients(overall, sizes, starts, 2)[:, None]
    around = deviations(outcome[None], np.ones((1, 9)), cohort)
    change = outcome[:, 1] - outcome[:, 0]
    for covariance, alike in ((pooled_covariance, True), (robust_covariance, False)):
        error = np.sqrt(covariance(coefficient, around, np.ones((1, 9)), cohort)[0, 0])
        test = stats.ttest_ind(change[:4], change[4:], equal_var=alike)
        assert_allclose(overall(means, sizes, starts)[0] / error, test.statistic)


def test_the_error_of_a_cohort_and_period_is_that_of_diff_diff_but_for_its_factor(made):
    outcome, _, start, long = made
    start = np.where(start == 7, 5, start)  # no cohort of one district
    long = long.assign(first=np.repeat(np.where(start == 9, 0, start + 1), 9), time=long["time"] + 1)
    theirs = CallawaySantAnna(control_group="never_treated", base_period="universal").fit(
        long, outcome="y", unit="district", time="time", first_treat="first"
    )
    _, sizes, starts = of_cohorts(outcome, start)
    cohort = cohorts(start)[1]

    def of_first(means, sizes, starts):
        return group_time(means, sizes, starts, never_only=True)[..., 0, 4:5]

    coefficient = coefficients(of_first, sizes, starts, 9)[:, None]
    around = deviations(outcome[None], np.ones((1, 12)), cohort)
    influence = np.einsum("gt,it->ig", coefficient[0, 0], around[0] / sizes[cohort][:, None])
    own = influence[np.arange(12), cohort]
    error = np.sqrt((own**2).sum())
    assert_allclose(theirs.group_time_effects[4, 5]["se"], error, rtol=1e-6)
    robust = robust_covariance(coefficient, around, np.ones((1, 12)), cohort)[0, 0]
    assert_allclose(robust, (own**2 * (sizes / (sizes - 1))[cohort]).sum())


def test_a_cohort_of_one_district_has_limits_from_the_others_only(made):
    outcome, weight, start, _ = made
    _, sizes, starts = of_cohorts(outcome, start, weight)
    cohort = cohorts(start)[1]

    def of_one(means, sizes, starts):
        return group_time(means, sizes, starts)[..., 2, 7:8]

    coefficient = coefficients(of_one, sizes, starts, 9)[:, None]
    around = deviations(outcome[None], weight[None], cohort)
    assert pooled_covariance(coefficient, around, weight[None], cohort)[0, 0] > 0
    assert np.isnan(robust_covariance(coefficient, around, weight[None], cohort)[0, 0])


@pytest.mark.parametrize("carried", [0, 0.9])
def test_limits_of_twelve_districts_hold_though_deviations_carry_on(carried):
    start, one = np.array([4] * 3 + [8] * 2 + [16] * 7), np.ones((1, 12))
    starts, cohort = cohorts(start)
    coefficient = coefficients(overall, np.bincount(cohort), starts, 16)[:, None]
    rng, held = np.random.default_rng(21), []
    for _ in range(400):
        outcome = rng.normal(size=(12, 16))
        for period in range(1, 16):
            outcome[:, period] *= np.sqrt(1 - carried**2)
            outcome[:, period] += carried * outcome[:, period - 1]
        found = overall(*of_cohorts(outcome, start))[0]
        covariance = pooled_covariance(coefficient, deviations(outcome[None], one, cohort), one, cohort)
        held.append(abs(found) <= stats.t.ppf(0.975, 9) * np.sqrt(covariance[0, 0]))
    assert 0.94 <= np.mean(held) <= 0.99  # .97 measured, standard error .01


def test_assignments_are_all_different_and_of_the_same_numbers():
    ways, exact = assignments([0, 0, 0, 1, 1] + [2] * 7)
    assert exact and len(ways) == 7920 == len(np.unique(ways, axis=0))
    assert (np.sort(ways, axis=1) == np.sort(ways[0])).all() and ways[0].tolist() == [0, 0, 0, 1, 1] + [2] * 7
    drawn, exact = assignments(np.arange(20) // 5, draws=99)
    assert not exact and drawn.shape == (100, 20) and (np.sort(drawn, axis=1) == np.arange(20) // 5).all()
    assert_array_equal(drawn, assignments(np.arange(20) // 5, draws=99)[0])


def test_randomisation_of_four_districts_by_hand():
    # one of four starts: it rose by 5, the others by 1, 2 and 0: as far from 0 is none of the other three
    outcome, cohort = np.array([[0, 5], [0, 1], [0, 2], [0, 0]]), np.array([0, 1, 1, 1])
    ways, _ = assignments(cohort)
    statistic = overall(*cohort_means(outcome, np.ones(4), ways), np.array([1, 2]))
    assert_allclose(sorted(statistic[:, 0]), [-8 / 3, -4 / 3, 0, 4], atol=1e-12)
    assert_allclose(randomisation_p(statistic), [1 / 4])


def test_the_largest_of_alike_values_is_one_value_and_of_free_ones_sidaks():
    alike = np.quantile(largest_t(np.ones((5, 5))), 0.95)
    assert_allclose(alike, stats.norm.ppf(0.975), atol=0.03)
    free = np.quantile(largest_t(np.diag([1.0, 4, 9])), 0.95)
    assert_allclose(free, stats.norm.ppf((1 + 0.95 ** (1 / 3)) / 2), atol=0.03)
    assert np.quantile(largest_t(np.eye(3), df=9), 0.95) > free


# Properties


panels = st.integers(0, 10_000).map(np.random.default_rng)


@FEW
@given(panels)
def test_what_is_a_sum_of_district_and_period_has_no_effect(rng):
    outcome = rng.normal(size=(10, 1)) + rng.normal(size=7)
    start = np.array([2, 3, 3, 5, 5, 7, 7, 7, 7, 7])
    data = of_cohorts(outcome, start, rng.uniform(1, 9, 10))
    for found in (overall(*data), imputed(*data), two_way(*data), overall(*data, never_only=True)):
        assert_allclose(found, 0, atol=1e-9)


@FEW
@given(panels)
def test_a_constant_for_each_district_changes_nothing_and_an_effect_is_found(rng):
    outcome, start, weight = rng.normal(size=(10, 7)), np.array([2, 3, 3, 5, 5, 7, 7, 7, 7, 7]), rng.uniform(1, 9, 10)
    moved = outcome + rng.normal(size=(10, 1)) * 100
    raised = outcome + 3 * (np.arange(7) >= start[:, None])
    for estimator in (overall, imputed, two_way):
        found = estimator(*of_cohorts(outcome, start, weight))
        assert_allclose(estimator(*of_cohorts(moved, start, weight)), found, atol=1e-8)
        assert_allclose(estimator(*of_cohorts(raised, start, weight)), found + 3, atol=1e-8)


@FEW
@given(panels)
def test_estimates_are_their_coefficients_times_the_means(rng):
    start = rng.permutation([1, 3, 3, 4, 4, 6, 6, 6])
    means, sizes, starts = of_cohorts(rng.normal(size=(8, 6)), start, rng.uniform(1, 9, 8))
    for estimator in (overall, lambda *given: imputed(*given)[..., None]):
        coefficient = coefficients(estimator, sizes, starts, 6)
        assert_allclose((coefficient[0] * means).sum(), estimator(means, sizes, starts)[0], atol=1e-10)


def test_what_has_nobody_to_compare_with_is_missing():
    means, sizes, starts = of_cohorts([[1.0, 2, 4], [1, 1, 3]], [1, 2])
    assert np.isnan(group_time(means, sizes, starts)[0, 2]) and np.isnan(imputation(means, sizes, starts)[:, 2]).all()
    assert np.isnan(overall(means, sizes, starts, never_only=True)).all()
    assert_allclose(overall(means, sizes, starts), [1.0])  # of the second period, by the district that starts later
