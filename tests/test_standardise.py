"""Groups compared within strata: by hand, Berkeley and New Haven, properties, statsmodels, coverage and level."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from divimpact.standardise import (
    cochran_mantel_haenszel,
    homogeneity,
    informative,
    kitagawa,
    odds_ratio,
    risk_difference,
    risk_ratio,
)

# Bickel, Hammel and O'Connell 1975, R datasets::UCBAdmissions: admitted of applied in departments A to F
WOMEN = [89, 17, 202, 131, 94, 24], [108, 25, 593, 375, 393, 341]
MEN = [512, 353, 120, 138, 53, 22], [825, 560, 325, 417, 191, 373]
BERKELEY = (*WOMEN, *MEN)
# Ricci v. DeStefano, Miao 2010: passed of those who took the exam, captain and lieutenant, Black and Hispanic together
NEW_HAVEN = ([6, 9], [16, 34], [16, 25], [25, 43])
FEW = settings(max_examples=40, deadline=None)


# By hand


def test_two_strata_by_hand():
    # 1 of 2 against 1 of 4, and 2 of 3 against 1 of 3, of 6 people each
    cells = [1, 2], [2, 3], [1, 1], [4, 3]
    assert risk_ratio(*cells)[0] == pytest.approx((1 * 4 / 6 + 2 * 3 / 6) / (1 * 2 / 6 + 1 * 3 / 6))
    assert odds_ratio(*cells)[0] == pytest.approx((1 * 3 / 6 + 2 * 2 / 6) / (1 * 1 / 6 + 1 * 1 / 6))
    assert risk_difference(*cells)[0] == pytest.approx((2 * 4 / 6 / 4 + 3 * 3 / 6 / 3) / (2 * 4 / 6 + 3 * 3 / 6))
    # Sato: P and Q of each stratum, at the pooled difference of 11/34
    estimate, low, high = risk_difference(*cells)
    lower = ((4 * 1 - 16 * 1 + 8 * 2 / 2) + (9 * 1 - 9 * 2 + 0)) / 36
    mixed = ((1 * 3 + 1 * 1) + (2 * 2 + 1 * 1)) / 12
    half = 1.959964 * np.sqrt((estimate * lower + mixed) / (8 / 6 + 9 / 6) ** 2)
    assert (estimate - low, high - estimate) == pytest.approx((half, half), rel=1e-6)
    expected, variance = 2 * 2 / 6 + 3 * 3 / 6, 2 * 4 * 2 * 4 / (36 * 5) + 3 * 3 * 3 * 3 / (36 * 5)
    assert cochran_mantel_haenszel(*cells)[0] == pytest.approx((3 - expected) ** 2 / variance)
    assert cochran_mantel_haenszel(*cells, corrected=True)[0] == pytest.approx((3 - expected - 0.5) ** 2 / variance)
    assert informative(*cells) == (2, 5, 7)
    split = kitagawa(*cells)
    assert split.rates == pytest.approx((2 / 5 + 4 / 7) / 2 * (1 / 4) + (3 / 5 + 3 / 7) / 2 * (1 / 3))
    assert split.composition == pytest.approx(
        (1 / 2 + 1 / 4) / 2 * (2 / 5 - 4 / 7) + (2 / 3 + 1 / 3) / 2 * (3 / 5 - 3 / 7)
    )


def test_a_stratum_of_one_group_drops_out_of_what_is_pooled_and_is_composition_in_the_split():
    alone = [1, 2, 4], [2, 3, 9], [1, 1, 0], [4, 3, 0]
    both = [1, 2], [2, 3], [1, 1], [4, 3]
    for function in (risk_ratio, odds_ratio, risk_difference, cochran_mantel_haenszel, homogeneity, informative):
        assert_array_equal(function(*alone), function(*both))
    split = kitagawa([1, 4], [2, 6], [1, 0], [4, 0])
    assert split.rates == pytest.approx((2 / 8 + 1) / 2 * (1 / 2 - 1 / 4))
    assert split.composition == pytest.approx((1 / 2 + 1 / 4) / 2 * (2 / 8 - 1) + 4 / 6 * (6 / 8))
    turned = kitagawa([1, 0], [4, 0], [1, 4], [2, 6])
    assert turned == pytest.approx((-split.rates, -split.composition))


# Printed numbers


@pytest.mark.parametrize(
    ("pool", "cells", "expected"),
    [
        (risk_ratio, BERKELEY, (1.05831, 0.97044, 1.15413)),
        (odds_ratio, BERKELEY, (1.10534, 0.94310, 1.29549)),
        (odds_ratio, (*MEN, *WOMEN), (0.90470, 0.77191, 1.06033)),
        (risk_difference, BERKELEY, (0.01843, -0.01063, 0.04748)),
    ],
)
def test_pooled_berkeley(pool, cells, expected):
    assert_allclose(pool(*cells), expected, atol=5.1e-6)  # five decimals


def test_one_stratum_is_the_crude_odds_ratio():
    # Berkeley, men over women 1.8411 and women over men .54316; Morris 2017, 2 of 10 against 15 of 25, 1/6
    men_women, women_men = ([1198], [2691], [557], [1835]), ([557], [1835], [1198], [2691])
    assert odds_ratio(*men_women)[0] == pytest.approx(1.8411, abs=5e-5)
    assert odds_ratio(*women_men)[0] == pytest.approx(0.54316, abs=5e-6)
    assert odds_ratio([2], [10], [15], [25])[0] == pytest.approx(1 / 6)


def test_tests_of_berkeley():
    assert_allclose(cochran_mantel_haenszel(*BERKELEY), (1.5246, 0.2169), atol=5e-5)
    assert_allclose(cochran_mantel_haenszel(*BERKELEY, corrected=True), (1.4269, 0.2323), atol=5e-5)
    assert_allclose(homogeneity(*BERKELEY), (18.82550, 0.00207, 5), atol=5e-6)


def test_split_of_berkeley_men_minus_women():
    split = kitagawa(*MEN, *WOMEN)
    assert_allclose((*split, sum(split)), (-0.03603, 0.17767, 0.14165), atol=6e-6)


def test_new_haven_minority_against_white_over_positions():
    assert_allclose(cochran_mantel_haenszel(*NEW_HAVEN), (10.2255, 0.00139), atol=5e-5)
    assert odds_ratio(*NEW_HAVEN)[0] == pytest.approx(0.2846, abs=5e-5)


def test_two_districts():
    # group 1 against 2: 300 of 1,000 and 70 of 200, 20 of 200 and 120 of 1,000
    assert risk_ratio([300, 20], [1000, 200], [70, 120], [200, 1000])[0] == pytest.approx(0.851064, abs=5e-7)


# Zeros and what is missing


def test_strata_on_the_edge_of_being_large_enough_by_hand():
    # of 20 people 10 passed in each: 5 expected in each cell; of 18 people 9: less
    assert homogeneity([5, 6], [10, 10], [5, 4], [10, 10])[1] > 0
    assert np.isnan(homogeneity([5, 6], [9, 10], [4, 4], [9, 10])[1])


def test_nothing_to_compare_is_undefined_and_one_sided_strata_are_zero_or_infinite():
    nobody, alone = ([0], [4], [0], [5]), ([2], [4], [0], [0])
    for cells in (alone, ([], [], [], []), ([1, 1], [2, np.nan], [1, 1], [4, 3])):
        for pool in (risk_ratio, odds_ratio, risk_difference):
            assert np.isnan(pool(*cells)).all()
        assert np.isnan(cochran_mantel_haenszel(*cells)).all() and np.isnan(homogeneity(*cells)[:2]).all()
    assert np.isnan(risk_ratio(*nobody)[0]) and np.isnan(odds_ratio(*nobody)[0])
    assert risk_difference(*nobody) == (0, 0, 0)
    assert np.isnan(cochran_mantel_haenszel(*nobody)).all()
    for pool in (risk_ratio, odds_ratio):
        assert pool([0], [4], [2], [5])[0] == 0 and pool([2], [4], [0], [5])[0] == np.inf
        assert np.isnan(pool([0], [4], [2], [5])[1:]).all() and np.isnan(pool([2], [4], [0], [5])[1:]).all()
    assert np.isnan(kitagawa([2], [4], [0], [0])).all()
    assert informative(*nobody) == (0, 0, 0) and informative([4], [4], [5], [5]) == (0, 0, 0)
    assert cochran_mantel_haenszel([1], [2], [1], [2], corrected=True)[0] == 0  # no correction past zero


def test_impossible_counts_are_refused_in_words():
    for function in (risk_ratio, risk_difference, homogeneity, informative, kitagawa):
        with pytest.raises(ValueError, match="count 5 of 4: a count lies between 0 and its denominator"):
            function([1, 5], [4, 4], [1, 1], [4, 4])
    with pytest.raises(ValueError, match="confidence 95 is not between 0 and 1"):
        risk_ratio(*BERKELEY, 95)


# Properties


@st.composite
def strata(draw, most=20):
    """The four counts of one to six strata; a group may be missing from one."""
    people = draw(st.lists(st.tuples(st.integers(0, most), st.integers(0, most)), min_size=1, max_size=6))
    passed = [(draw(st.integers(0, n)), draw(st.integers(0, m))) for n, m in people]
    (x, y), (n, m) = zip(*passed, strict=True), zip(*people, strict=True)
    return np.array([x, n, y, m])


@FEW
@given(strata())
def test_swapping_the_groups_inverts_ratios_turns_differences_and_leaves_tests(cells):
    turned = cells[[2, 3, 0, 1]]
    with np.errstate(divide="ignore"):
        for pool in (risk_ratio, odds_ratio):
            estimate, low, high = pool(*cells)
            assert_allclose(pool(*turned), (1 / estimate, 1 / high, 1 / low))
    estimate, low, high = risk_difference(*cells)
    assert_allclose(risk_difference(*turned), (-estimate, -high, -low), atol=1e-12)
    for test in (cochran_mantel_haenszel, homogeneity):
        assert_allclose(test(*turned), test(*cells), rtol=1e-6, atol=1e-9)


@FEW
@given(strata())
def test_the_split_adds_up_to_the_gap(cells):
    x, n, y, m = cells.sum(axis=1)
    assume(n and m)
    assert sum(kitagawa(*cells)) == pytest.approx(x / n - y / m, abs=1e-12)


@FEW
@given(strata(), st.integers(1, 4))
def test_the_same_ratio_everywhere_is_the_pooled_one_and_there_is_no_composition_in_equal_strata(cells, times):
    x, n = cells[0], cells[1]
    assume(x.sum() and (x < n).any())
    same = risk_ratio(x, n, x, n * times)  # in each stratum the group passes `times` as often
    assert same[0] == pytest.approx(times) and same[1] <= times * (1 + 1e-9) and times <= same[2] * (1 + 1e-9)
    assert kitagawa(x, n, x * times, n * times) == pytest.approx((0, 0), abs=1e-12)
    assert np.nan_to_num(homogeneity(x, n, x * times, n * times)[0]) == pytest.approx(0, abs=1e-6)


def test_many_cells_at_once_equal_one_at_a_time_and_the_order_of_strata_decides_nothing():
    rng = np.random.default_rng(3)
    n, m = rng.integers(0, 9, (2, 50, 7))
    cells = rng.binomial(n, 0.3), n, rng.binomial(m, 0.4), m
    kept = [cell.copy() for cell in cells]
    for function in (
        risk_ratio,
        odds_ratio,
        risk_difference,
        cochran_mantel_haenszel,
        homogeneity,
        informative,
        kitagawa,
    ):
        together = np.array(function(*cells))
        alone = np.stack([np.array(function(*(cell[i] for cell in cells))) for i in range(50)], axis=-1)
        assert_array_equal(together, alone)
        assert_allclose(function(*(cell[:, ::-1] for cell in cells)), together, rtol=1e-9)
    assert all((cell == before).all() for cell, before in zip(cells, kept, strict=True))


# statsmodels


def test_pooled_odds_ratio_tests_and_risk_ratio_as_statsmodels():
    rng = np.random.default_rng(4)
    for _ in range(30):
        n, m = rng.integers(2, 40, (2, 5))
        x, y = rng.binomial(n, rng.uniform(0.2, 0.8, 5)), rng.binomial(m, rng.uniform(0.2, 0.8, 5))
        other = StratifiedTable([np.array([[a, b - a], [c, d - c]]) for a, b, c, d in zip(x, n, y, m, strict=True)])
        expected = other.oddsratio_pooled, *other.oddsratio_pooled_confint(alpha=0.1)
        assert_allclose(odds_ratio(x, n, y, m, 0.9), expected, rtol=1e-9)
        assert risk_ratio(x, n, y, m)[0] == pytest.approx(other.riskratio_pooled)
        for corrected in (False, True):
            found = other.test_null_odds(correction=corrected)
            assert_allclose(cochran_mantel_haenszel(x, n, y, m, corrected), (found.statistic, found.pvalue), rtol=1e-9)
        if ((x + y > 0) & (x + y < n + m)).all():
            found = other.test_equal_odds(adjust=True)
            statistic, p, _ = homogeneity(x, n, y, m)
            assert statistic == pytest.approx(found.statistic, rel=1e-5)
            assert np.isnan(p) or p == pytest.approx(found.pvalue, rel=1e-5)


# Coverage and level, by simulation: 4,000 recruitments, so that .95 is seen within .943 to .957 (two standard errors)


def vacancies(strata, people, ratio, seed):
    """Recruitments of many vacancies, as cells by strata: a few of the group, more others, rates from .1 to .5."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.1, 0.5, (4000, strata))
    n, m = rng.poisson(people, (4000, strata)), rng.poisson(4 * people, (4000, strata))
    return rng.binomial(n, np.minimum(rate * ratio, 1)), n, rng.binomial(m, np.minimum(rate, 1)), m


@pytest.mark.parametrize(("strata", "people"), [(8, 30), (40, 4), (200, 1)])
@pytest.mark.parametrize("ratio", [1, 0.6])
def test_limits_of_the_pooled_ratio_cover_with_few_large_and_many_small_strata(strata, people, ratio):
    _, low, high = risk_ratio(*vacancies(strata, people, ratio, seed=5))
    assert 0.94 < np.mean((low <= ratio) & (ratio <= high)) < 0.965


@pytest.mark.parametrize(("strata", "people"), [(8, 30), (40, 4), (200, 1)])
def test_limits_of_the_pooled_difference_and_odds_ratio_cover(strata, people):
    cells = vacancies(strata, people, 1, seed=6)
    for pool, truth in ((risk_difference, 0), (odds_ratio, 1)):
        _, low, high = pool(*cells)
        assert 0.94 < np.mean((low <= truth) & (truth <= high)) < 0.965


def test_limits_of_a_pooled_difference_that_is_there_cover_also_where_groups_differ_in_size():
    rng = np.random.default_rng(8)
    rate = rng.uniform(0.1, 0.4, (4000, 30))
    n, m = rng.integers(1, 4, (4000, 30)), rng.integers(5, 12, (4000, 30))
    _, low, high = risk_difference(rng.binomial(n, rate + 0.5), n, rng.binomial(m, rate), m)
    assert 0.94 < np.mean((low <= 0.5) & (high >= 0.5)) < 0.96


@pytest.mark.parametrize(("strata", "people"), [(8, 30), (40, 4), (200, 1)])
def test_level_of_the_tests_within_strata(strata, people):
    cells = vacancies(strata, people, 1, seed=7)
    assert 0.042 < np.mean(cochran_mantel_haenszel(*cells)[1] <= 0.05) < 0.058
    assert np.mean(cochran_mantel_haenszel(*cells, corrected=True)[1] <= 0.05) < 0.05
    statistic, p, df = homogeneity(*cells)
    if people == 30:
        assert 0.042 < np.mean(p <= 0.05) < 0.058
    else:  # strata too small: so often it would be above its 5 % point
        assert np.isnan(p).all()
        assert np.mean(stats.chi2.sf(statistic, df) <= 0.05) > (0.4 if people == 1 else 0.06)
