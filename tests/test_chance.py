"""What chance would do: by hand, against printed numbers, properties, other libraries, exact coverage and level."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from statsmodels.stats.contingency_tables import Table
from statsmodels.stats.proportion import proportions_ztest

from divimpact.chance import (
    binomial,
    cochran_armitage,
    dissimilarity,
    dissimilarity_expected,
    dissimilarity_p,
    not_rejected,
    score,
)

HAZELWOOD = (15, 405)  # Black teachers hired in two years, Hazelwood v. United States, 433 U.S. 299 (1977), note 17
FEW = settings(max_examples=25, deadline=None)


# Four rows by hand


def test_the_exact_test_of_four_cells_by_hand():
    # 0 of 2 at a half: 1/4 and 1/4; 1 of 2: all; 0 of 2 at a quarter: 9/16 and all that is less likely; 2 of 2: 1/16
    assert_allclose(binomial([0, 1, 0, 2], 2, [0.5, 0.5, 0.25, 0.25]), [0.5, 1, 1, 1 / 16])


def test_scores_of_four_cells_by_hand():
    assert_allclose(score([0, 2, 4, 1], 4, [0.5, 0.5, 0.5, 0]), [-2, 0, 2, np.nan])


def test_the_shares_that_one_person_does_not_reject_by_hand():
    # one of one: p is the share below a half, and 1 from there on
    low, high = not_rejected([1, 0, 1], [1, 1, 0], confidence=0.9)
    assert_allclose(low, [0.1, 0, np.nan])
    assert_allclose(high, [1, 0.9, np.nan])


def test_a_trend_over_four_grades_by_hand():
    # 3 2 1 0 of 4: mean 3/8, scores -1.5 -.5 .5 1.5: sum -5, variance 15/64 of 4 x 5
    z, p = cochran_armitage([3, 2, 1, 0], 4)
    assert z == pytest.approx(-5 / np.sqrt(15 / 64 * 20))
    assert p == pytest.approx(2 * stats.norm.cdf(z))


def test_dissimilarity_of_four_pairs_of_units_by_hand():
    units = [[3, 1], [2, 2], [4, 0], [0, 0]]
    assert_array_equal(dissimilarity(units, 4), [0.5, 0, 1, np.nan])
    # of the 70 ways to choose 4 of 8 people 36 are even, 32 half and 2 wholly apart
    assert_allclose(dissimilarity_expected(units, 4), [*[(32 / 2 + 2) / 70] * 3, np.nan])
    assert_allclose(dissimilarity_p(units, 4), [34 / 70, 1, 2 / 70, np.nan], atol=0.015)  # 9,999 draws


# Printed numbers


@pytest.mark.parametrize(("share", "z"), [(0.154, -6.52), (0.057, -1.73)])  # printed: more than six, less than two
def test_hazelwood_standard_deviations(share, z):
    assert_allclose(score(*HAZELWOOD, share), z, atol=5e-3)


@pytest.mark.parametrize(
    ("cell", "share", "z", "p"),
    [((3, 30), 0.25, -1.90, 0.0590), ((18, 100), 0.22, -0.97, 0.398), (HAZELWOOD, 0.057, -1.73, 0.0862)],
)
def test_one_cell_five_rules(cell, share, z, p):
    assert_allclose(score(*cell, share), z, atol=5e-3)
    assert_allclose(binomial(*cell, share), p, atol=5e-4 if p > 0.1 else 5e-5)


@pytest.mark.parametrize(("cell", "share", "doubled"), [((3, 30), 0.25, 0.0749), ((18, 100), 0.22, 0.4018)])
def test_doubled_tails_are_another_two_sided_p(cell, share, doubled):
    assert_allclose(2 * stats.binom.cdf(*cell, share), doubled, atol=5e-5)
    assert binomial(*cell, share) < doubled - 0.003, "the exact test adds what is as unlikely, on the other side"


@pytest.mark.parametrize(
    ("count", "nobs", "z", "tolerance"),
    [
        ([83, 90, 129, 70], [86, 93, 136, 82], -np.sqrt(8.2249), 1e-5),  # R, prop.trend.test, smokers (Fleiss 1981)
        # Columbia University, course P8120, Cochran-Armitage with R's DescTools: insomnia by class of age
        ([150, 250, 264, 302, 238, 176], [534, 746, 784, 705, 443, 299], 11.297, 5e-4),
    ],
)
def test_printed_trends(count, nobs, z, tolerance):
    assert_allclose(cochran_armitage(count, nobs)[0], z, atol=tolerance)


def test_printed_p_of_the_trend_of_smokers():
    assert_allclose(cochran_armitage([83, 90, 129, 70], [86, 93, 136, 82])[1], 0.004132, atol=5e-7)


def test_dissimilarity_of_applicants_to_berkeley_1973():
    # women and men who applied to the six departments; no printed index was found: by its definition
    women, men = np.array([108, 25, 593, 375, 393, 341]), np.array([825, 560, 325, 417, 191, 373])
    expected = np.abs(women / 1835 - men / 2691).sum() / 2
    assert_allclose(dissimilarity(women, women + men), expected, rtol=1e-14)


# Properties


@st.composite
def cell(draw, most=60):
    nobs = draw(st.integers(1, most))
    return draw(st.integers(0, nobs)), nobs


units = st.lists(cell(most=12), min_size=2, max_size=6).map(lambda cells: np.array(cells).T)
shares = st.integers(1, 999).map(lambda permille: permille / 1000)


@FEW
@given(cell(), shares)
def test_the_exact_test_is_mirrored_and_scipys(cell, share):
    count, nobs = cell
    p = binomial(count, nobs, share)
    assert_allclose(p, stats.binomtest(count, nobs, share).pvalue, rtol=1e-7, atol=1e-300)
    assert_allclose(binomial(nobs - count, nobs, 1 - share), p, rtol=1e-6, atol=1e-300)


@FEW
@given(cell(), st.sampled_from([0.8, 0.95, 0.99]))
def test_what_is_not_rejected_ends_where_the_exact_test_begins_to_reject(cell, confidence):
    low, high = not_rejected(*cell, confidence)
    assert 0 <= low <= cell[0] / cell[1] <= high <= 1
    shares = np.linspace(0, 1, 1001)
    beyond = shares[(shares < low - 1e-6) | (shares > high + 1e-6)]  # at the ends p jumps
    assert (binomial(*cell, beyond) <= 1 - confidence).all()
    inside = np.clip([low + 1e-9, high - 1e-9], 0, 1)
    assert (binomial(*cell, inside) >= 1 - confidence - 1e-6).all()


@FEW
@given(units)
def test_a_trend_turns_its_sign_with_the_order_and_with_who_is_counted(units):
    count, nobs = units
    z, p = cochran_armitage(count, nobs)
    turned, others = cochran_armitage(count[::-1], nobs[::-1]), cochran_armitage(nobs - count, nobs)
    assert_allclose([turned[0], others[0]], -z, atol=1e-9)
    assert_allclose([turned[1], others[1]], p, atol=1e-9)


@FEW
@given(units)
def test_dissimilarity_lies_within_0_and_1_and_is_the_same_for_the_others_and_in_any_order(units):
    count, nobs = units
    assert_array_equal(dissimilarity_p(count[::-1], nobs[::-1], 99), dissimilarity_p(count, nobs, 99))
    for function in (dissimilarity, dissimilarity_expected):
        index = function(count, nobs)
        assert np.isnan(index) or -1e-12 <= index <= 1 + 1e-12
        assert_allclose([function(nobs - count, nobs), function(count[::-1], nobs[::-1])], index, atol=1e-12)


@FEW
@given(units)
def test_the_expected_dissimilarity_is_the_sum_over_the_hypergeometric(units):
    count, nobs = units
    people, group = nobs.sum(), count.sum()
    if 0 < group < people:
        x = np.arange(group + 1)
        away = [(stats.hypergeom(people, group, n).pmf(x) * np.abs(people * x - n * group)).sum() for n in nobs]
        assert_allclose(dissimilarity_expected(count, nobs), sum(away) / (2 * group * (people - group)), atol=1e-10)


@pytest.mark.parametrize("function", [cochran_armitage, dissimilarity, dissimilarity_expected, dissimilarity_p])
def test_many_groups_at_once_equal_one_at_a_time_and_nothing_is_changed(function):
    count, nobs = np.array([[3, 1, 2], [0, 0, 0], [5, 5, 5], [0, 4, 1]]), np.array([5, 5, 5])
    kept = count.copy()
    together = np.array(function(count, nobs))
    alone = np.stack([np.array(function(row, nobs)) for row in count], axis=-1)
    assert_array_equal(together, alone)
    assert_array_equal(count, kept)
    missing = pd.array([3, None, 2], dtype="Int64")
    assert np.isnan(np.array(function([1, 1, 1], missing))).all()


# Zeros


def test_nobody_and_missing_numbers_are_undefined():
    count, nobs, share = [0, 5, np.nan, 1, 1], [0, 0, 3, np.nan, 3], [0.5, 0.5, 0.5, 0.5, np.nan]
    for function in (binomial, score):
        assert np.isnan(function(count, nobs, share)).all()
    assert np.isnan(not_rejected(count[:4], nobs[:4])).all()


def test_a_share_of_nothing_or_everything_is_rejected_by_one_person_to_the_contrary():
    assert_array_equal(binomial([0, 1, 3, 2], 3, [0, 0, 1, 1]), [1, 0, 1, 0])


def test_units_and_grades_without_people_add_nothing():
    assert_array_equal(dissimilarity([3, 1, 0], [4, 4, 0]), dissimilarity([3, 1], [4, 4]))
    assert_allclose(dissimilarity_expected([3, 1, 0], [4, 4, 0]), dissimilarity_expected([3, 1], [4, 4]))
    by_hand = cochran_armitage([3, 0, 1], [4, 0, 4])[0]  # scores 0 and 2 test as 0 and 1 do
    assert_allclose(by_hand, cochran_armitage([3, 1], 4)[0])
    assert np.isnan(cochran_armitage([3, 0, 0], [4, 0, 0])).all()


# Other libraries


@pytest.fixture(scope="module")
def cells():
    rng = np.random.default_rng(1)
    nobs = rng.integers(2, 900, 60)
    return rng.binomial(nobs, rng.uniform(0.05, 0.95, 60)), nobs, rng.uniform(0.05, 0.95, 60)


def test_scores_as_statsmodels(cells):
    expected = [proportions_ztest(x, n, share, prop_var=share)[0] for x, n, share in zip(*cells, strict=True)]
    assert_allclose(score(*cells), expected, rtol=1e-10)


def test_trend_as_statsmodels():
    rng = np.random.default_rng(2)
    for _ in range(20):
        nobs = rng.integers(5, 60, 5)
        count = rng.binomial(nobs, 0.3)
        found = Table(np.array([count, nobs - count]), shift_zeros=False).test_ordinal_association(
            row_scores=np.array([1, 0]), col_scores=np.arange(5)
        )
        # given both margins its variance is that of a draw without return, N/(N-1) times ours
        of_ours = np.sqrt(nobs.sum() / (nobs.sum() - 1))
        assert_allclose(cochran_armitage(count, nobs)[0], found.zscore * of_ours, rtol=1e-8)


# Coverage and level, exact


@pytest.mark.parametrize(("nobs", "floor"), [(5, 0.95), (10, 0.95), (30, 0.95), (100, 0.95)])
def test_coverage_of_what_is_not_rejected_is_never_below_its_confidence(nobs, floor):
    truth, counts = np.linspace(0.001, 0.999, 999), np.arange(nobs + 1)[:, None]
    low, high = not_rejected(counts, nobs)
    coverage = (stats.binom.pmf(counts, nobs, truth) * ((low <= truth) & (truth <= high))).sum(axis=0)
    assert coverage.min() >= floor - 1e-9
    assert coverage.mean() < 0.99


def test_level_of_the_trend():
    # 3 grades of 12, 20 and 8 at one rate: summed over all outcomes, .046 to .061 are rejected at 5 %
    sizes = [12, 20, 8]
    outcomes = np.stack(np.meshgrid(*(np.arange(n + 1) for n in sizes), indexing="ij"), axis=-1)
    p = cochran_armitage(outcomes, sizes)[1]
    for rate in (0.15, 0.3, 0.5):
        chance = np.prod([stats.binom.pmf(outcomes[..., i], n, rate) for i, n in enumerate(sizes)], axis=0)
        assert 0.045 < chance[p <= 0.05].sum() < 0.062


def test_level_of_random_allocation():
    # all 792 ways to put 5 of 12 people into units of 5, 4 and 3
    of_unit = np.repeat([0, 1, 2], [5, 4, 3])
    ways = np.array([np.bincount(of_unit[list(some)], minlength=3) for some in combinations(range(12), 5)])
    different, times = np.unique(ways, axis=0, return_counts=True)
    p, index = dissimilarity_p(different, [5, 4, 3]), dissimilarity(different, [5, 4, 3])
    exact = [times[index >= one - 1e-12].sum() / times.sum() for one in index]
    assert_allclose(p, exact, atol=0.02)
    assert_allclose(np.average(index, weights=times), dissimilarity_expected(different, [5, 4, 3]), rtol=1e-12)
    for level in (0.05, 0.1, 0.2):
        assert times[p <= level].sum() / times.sum() <= level + 0.01  # what 9,999 draws leave


# Refusals


@pytest.mark.parametrize(
    "function", [lambda *cell: binomial(*cell, 0.5), not_rejected, lambda *cell: score(*cell, 0.5)]
)
def test_impossible_counts_and_shares_are_refused_in_words(function):
    with pytest.raises(ValueError, match="count 12 of 10: a count lies between 0 and its denominator"):
        function(12, 10)
    with pytest.raises(ValueError, match=r"share 15\.4 is not between 0 and 1: write 18 % as 0\.18"):
        binomial(1, 2, [0.5, 15.4])
    with pytest.raises(ValueError, match=r"confidence 95 is not between 0 and 1: write 95 % as 0\.95"):
        not_rejected(1, 2, 95)


def test_fractions_of_people_are_refused_in_words():
    with pytest.raises(ValueError, match=r"binomial needs whole people, 1\.5 is not a whole number"):
        binomial(1.5, 3, 0.5)
    with pytest.raises(ValueError, match=r"dissimilarity_p needs whole people, 0\.5 is not a whole number"):
        dissimilarity_p([1, 0.5], 3)
