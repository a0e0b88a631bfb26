"""Limits and tests: by hand, against printed numbers, their properties, other libraries, exact coverage."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint, score_test_proportions_2indep

from divimpact.intervals import (
    benjamini_hochberg,
    fisher,
    fisher_mid,
    holm,
    katz_ratio,
    koopman_ratio,
    miettinen_nurminen_ratio,
    newcombe,
    proportion,
    ratio,
    shortfall,
    wilson,
)

WEST_LANCASHIRE = (10, 43, 389, 920)  # shortlisted of applied, BME against White, West Lancashire BC 2019/20
MORRIS = (2, 10, 15, 25)  # Morris 2017
PRINTED = 5e-5  # four decimals


def columns(cells):
    """Four columns, as the functions take them, from rows of four."""
    return np.array(cells, dtype=float).T


# Four rows by hand


def test_rates_ratios_and_shortfalls_of_four_cells_counted_by_hand():
    cells = columns([(1, 4, 1, 2), (0, 4, 1, 2), (2, 4, 0, 2), (0, 0, 1, 2)])
    assert_array_equal(proportion(*cells[:2]), [0.25, 0, 0.5, np.nan])
    assert_array_equal(ratio(*cells), [0.5, 0, np.inf, np.nan])
    assert_array_equal(shortfall(*cells), [1, 2, -2, np.nan])  # half of four people, less those who passed
    assert_allclose(shortfall(*cells, fifths=4), [0.6, 1.6, -2, np.nan])


def test_wilson_of_nobody_and_of_everybody_by_hand():
    squared = stats.norm.ppf(0.975) ** 2
    low, high = wilson([0, 20, 0, 3], [20, 20, 0, np.nan])
    assert_allclose(low, [0, 20 / (20 + squared), np.nan, np.nan], rtol=1e-14)
    assert_allclose(high, [squared / (20 + squared), 1, np.nan, np.nan], rtol=1e-14)
    assert low[0] == 0 and high[1] == 1  # to the last bit


def test_fisher_by_hand():
    # 3 of 3 against 0 of 3: the two extreme ones of 20 equally likely choices; 2 of 3 against 1 of 3: all 20
    assert_allclose(fisher([3, 2, 1, 0], [3, 3, 3, 0], [0, 1, 0, 1], 3), [2 / 20, 1, 1, np.nan])


def test_fisher_mid_by_hand():
    # 3 of 3 against 0 of 3: half of both extreme ones of 20 choices; 2 of 3 against 1 of 3: those two, half of 18
    assert_allclose(fisher_mid([3, 2, 0, 0], [3, 3, 3, 0], [0, 1, 0, 1], 3), [1 / 20, 11 / 20, 1 / 2, np.nan])


def test_benjamini_hochberg_by_hand():
    # largest times 3/3, next times 3/2 but not above the one after, first times 3/1
    assert_allclose(benjamini_hochberg([0.04, 0.01, np.nan, 0.03]), [0.04, 0.03, np.nan, 0.04])
    assert_array_equal(benjamini_hochberg([0.9, 0.8]), [0.9, 0.9])
    assert benjamini_hochberg([]).size == 0 and np.isnan(benjamini_hochberg([np.nan])).all()


def test_holm_by_hand():
    # smallest times 3, next times 2, last times 1 but not below the one before
    assert_allclose(holm([0.04, 0.01, np.nan, 0.03]), [0.06, 0.03, np.nan, 0.06])
    assert_array_equal(holm([0.9, 0.8]), [1, 1])
    assert holm([]).size == 0


# Printed numbers


@pytest.mark.parametrize(
    ("count", "nobs", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_newcombe_1998_table_1(count, nobs, low, high):
    assert_allclose(wilson(count, nobs), (low, high), atol=PRINTED)


@pytest.mark.parametrize(
    ("count", "nobs", "confidence", "low", "high"),
    [
        (65, 100, 0.95, 0.552544432969, 0.736357517569),
        (65, 100, 0.998, 0.495494657407, 0.778354061409),
        (1045, 5000, 0.95, 0.197955498800, 0.220491303732),
    ],
)
def test_wilson_phe_indicator_methods(count, nobs, confidence, low, high):
    assert_allclose(wilson(count, nobs, confidence), (low, high), atol=5e-13)  # twelve decimals


@pytest.mark.parametrize(
    ("cells", "low", "high"), [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090)]
)
def test_newcombe_1998_table_2_method_10(cells, low, high):
    assert_allclose(newcombe(*cells), (low, high), atol=PRINTED)


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [(miettinen_nurminen_ratio, 0.3096, 0.8990), (koopman_ratio, 0.3097, 0.8988), (katz_ratio, 0.3179, 0.9516)],
)
def test_ratio_limits_of_west_lancashire_shortlisting(method, low, high):
    assert_allclose(method(*WEST_LANCASHIRE), (low, high), atol=PRINTED)


def test_ratio_limits_of_west_lancashire_overall():
    assert_allclose(miettinen_nurminen_ratio(2, 43, 117, 920), (0.1001, 1.2308), atol=PRINTED)


@pytest.mark.parametrize(
    ("cells", "expected", "tolerance"),
    [
        (MORRIS, 1 / 3, 1e-15),
        (WEST_LANCASHIRE, 0.550009, 5e-7),
        ((2, 10, 117, 389), 0.664957, 5e-7),  # appointed of shortlisted
        ((3, 10, 116, 389), 1.0060, PRINTED),  # one BME appointee in place of a White one
        ((3, 10, 117, 389), 0.9974, PRINTED),  # one additional
        ((2, 43, 117, 920), 0.365732, 5e-7),  # overall
        ((557, 1835, 1198, 2691), 0.6818, PRINTED),  # Berkeley 1973, women against men
        ((1200, 24000, 9000, 96000), 0.5333, PRINTED),
        ((300, 1000, 70, 200), 0.8571, PRINTED),  # two districts
        ((20, 200, 120, 1000), 0.8333, PRINTED),
    ],
)
def test_printed_ratios(cells, expected, tolerance):
    assert_allclose(ratio(*cells), expected, atol=tolerance)


@pytest.mark.parametrize(
    ("cells", "expected", "tolerance"),
    [
        (MORRIS, 0.05991, 5e-6),
        (WEST_LANCASHIRE, 0.016602, 5e-7),
        ((2, 10, 117, 389), 0.730, 5e-4),
        ((2, 43, 117, 920), 0.153, 5e-4),
        ((3, 8, 16, 25), 0.2379, PRINTED),  # New Haven captains, Miao 2010
    ],
)
def test_printed_fisher(cells, expected, tolerance):
    assert_allclose(fisher(*cells), expected, atol=tolerance)


def test_printed_mid_p_of_the_lady_tasting_tea():
    # Agresti 2007, An Introduction to Categorical Data Analysis, 2.6.3: 3 of 4 against 1 of 4, one-sided .129
    assert_allclose(fisher_mid(3, 4, 1, 4), 2 * 0.129, atol=1e-3)


def test_printed_holm_over_the_two_stages_of_west_lancashire():
    adjusted = holm(fisher([10, 2], [43, 10], [389, 117], [920, 389]))
    assert_allclose(adjusted, [0.0332, 0.730], atol=5e-4)


@pytest.mark.parametrize(("fifths", "expected"), [(5, 8.18), (4, 4.55)])
def test_printed_shortfalls_of_west_lancashire(fifths, expected):
    assert_allclose(shortfall(*WEST_LANCASHIRE, fifths=fifths), expected, atol=5e-3)


def test_exactly_four_fifths_is_no_shortfall_although_floating_point_says_so():
    assert (3 / 5) / (6 / 8) < 0.8
    assert shortfall(3, 5, 6, 8, fifths=4) == 0
    assert shortfall(48, 100, 60, 100, fifths=4) == 0  # Questions and Answers 12 (1979): 48 % against 60 %


# Properties


@st.composite
def people(draw, groups=2, most=150):
    """Count and denominator of each group."""
    cells = []
    for _ in range(groups):
        nobs = draw(st.integers(1, most))
        cells += [draw(st.integers(0, nobs)), nobs]
    return tuple(cells)


FEW = settings(max_examples=25, deadline=None)
levels = st.sampled_from([0.5, 0.8, 0.95, 0.998])
SCORE = pytest.mark.parametrize("method", [miettinen_nurminen_ratio, koopman_ratio])


@FEW
@given(people(groups=1), levels)
def test_wilson_contains_the_share_stays_within_0_and_1_and_is_mirrored(cell, confidence):
    (count, nobs), (low, high) = cell, wilson(*cell, confidence)
    assert 0 <= low <= count / nobs <= high <= 1
    assert_allclose(wilson(nobs - count, nobs, confidence), (1 - high, 1 - low), atol=1e-15)


@FEW
@given(people(), levels)
def test_newcombe_contains_the_difference_and_turns_its_sign_with_the_groups(cells, confidence):
    low, high = newcombe(*cells, confidence)
    difference = cells[0] / cells[1] - cells[2] / cells[3]
    assert -1 - 1e-12 <= low <= difference <= high <= 1 + 1e-12
    assert_allclose(newcombe(*cells[2:], *cells[:2], confidence), (-high, -low), atol=1e-14)


@SCORE
@FEW
@given(cells=people(), confidence=levels)
def test_score_limits_contain_the_ratio_and_swapping_the_groups_inverts_them(method, cells, confidence):
    low, high = method(*cells, confidence)
    estimate = ratio(*cells)
    assert np.isnan(estimate) or low <= estimate * (1 + 1e-12) <= high * (1 + 2e-12)
    with np.errstate(divide="ignore"):
        assert_allclose(method(*cells[2:], *cells[:2], confidence), (1 / np.array(high), 1 / np.array(low)))


@SCORE
@FEW
@given(cells=people(most=60), confidence=levels)
def test_score_limits_rise_with_the_count_of_the_group(method, cells, confidence):
    count, nobs, *reference = cells
    assume(count < nobs)
    limits = [method(x, nobs, *reference, confidence) for x in (count, count + 1)]
    assert all(before <= after * (1 + 1e-12) for before, after in zip(*limits, strict=True))


@FEW
@given(people())
def test_a_higher_confidence_is_wider_and_koopman_lies_within_miettinen_nurminen(cells):
    for narrow, wide in [
        (newcombe(*cells, 0.9), newcombe(*cells, 0.99)),
        (miettinen_nurminen_ratio(*cells, 0.9), miettinen_nurminen_ratio(*cells, 0.99)),
        (koopman_ratio(*cells), miettinen_nurminen_ratio(*cells)),
    ]:
        assert wide[0] <= narrow[0] + 1e-12 and narrow[1] <= wide[1] * (1 + 1e-12)


@FEW
@given(people())
def test_fisher_does_not_care_which_group_comes_first_nor_whether_passing_or_failing_is_counted(cells):
    x, n, y, m = cells
    expected = fisher(*cells)
    assert 0 < expected <= 1
    assert_allclose([fisher(y, m, x, n), fisher(n - x, n, m - y, m)], expected, rtol=1e-9)


@FEW
@given(people())
def test_mid_p_lies_between_half_of_fishers_and_fishers(cells):
    p, mid = fisher(*cells), fisher_mid(*cells)
    assert p / 2 * (1 - 1e-9) <= mid < p
    x, n, y, m = cells
    assert_allclose([fisher_mid(y, m, x, n), fisher_mid(n - x, n, m - y, m)], mid, rtol=1e-9)


@FEW
@given(st.lists(st.floats(0, 1) | st.just(np.nan), max_size=12))
def test_benjamini_hochberg_lies_between_p_and_holm_and_keeps_the_order(p):
    p = np.array(p)
    adjusted, tested = benjamini_hochberg(p), ~np.isnan(p)
    assert_array_equal(np.isnan(adjusted), ~tested)
    assert (adjusted[tested] >= p[tested]).all() and (adjusted[tested] <= holm(p)[tested] + 1e-12).all()
    assert (np.diff(adjusted[np.argsort(p)][: tested.sum()]) >= 0).all()


@FEW
@given(st.lists(st.floats(0, 1) | st.just(np.nan), max_size=12))
def test_holm_is_never_below_p_keeps_the_order_and_ignores_missing_tests(p):
    p = np.array(p)
    adjusted, tested = holm(p), ~np.isnan(p)
    assert_array_equal(np.isnan(adjusted), ~tested)
    assert (adjusted[tested] >= p[tested]).all() and (adjusted[tested] <= 1).all()
    assert (np.diff(adjusted[np.argsort(p)][: tested.sum()]) >= 0).all()
    assert_array_equal(adjusted[tested], holm(p[tested]))


@pytest.mark.parametrize(
    "function", [ratio, shortfall, newcombe, miettinen_nurminen_ratio, koopman_ratio, katz_ratio, fisher, fisher_mid]
)
def test_many_cells_at_once_equal_one_at_a_time_whatever_holds_them(function):
    cells = columns([WEST_LANCASHIRE, MORRIS, (0, 5, 0, 7), (0, 0, 1, 2), (5, 5, 7, 7), (3, 4, 0, 6)])
    kept = cells.copy()
    together = np.array(function(*cells))
    alone = np.stack([np.array(function(*cell)) for cell in cells.T], axis=-1)
    assert_array_equal(together, alone)
    assert_array_equal(np.array(function(*(pd.Series(values) for values in cells))), together)
    missing = pd.array([3, None], dtype="Int64")
    assert np.isnan(np.array(function(1, missing, 1, 2))[..., 1]).all()
    assert_array_equal(cells, kept)
    grid = np.array(function(np.arange(4)[:, None], 3, np.arange(5)[None], 4))
    assert grid.shape[-2:] == (4, 5)


# Zeros


@SCORE
def test_score_limits_at_zeros_as_koopman_1984(method):
    low, high = method(*columns([(0, 5, 3, 7), (3, 7, 0, 5), (0, 5, 0, 7), (0, 0, 3, 7), (3, 7, np.nan, 7)]))
    assert_array_equal(low == 0, [True, False, True, False, False])
    assert_array_equal(high == np.inf, [False, True, True, False, False])
    assert_array_equal(np.isnan(low), [False, False, False, True, True])
    assert_array_equal(np.isnan(high), np.isnan(low))


def test_katz_has_no_limits_where_nobody_passed():
    assert np.isnan(katz_ratio(*columns([(0, 5, 3, 7), (3, 7, 0, 5), (0, 0, 3, 7)]))).all()


def test_users_without_eligible_people_have_no_rate():
    assert np.isnan(proportion([5, 5], [0, np.nan])).all()
    assert np.isnan(wilson([5, 5], [0, np.nan])).all()


# Other libraries


@pytest.fixture(scope="module")
def cells():
    rng = np.random.default_rng(1)
    n, m = rng.integers(1, 1500, (2, 200))
    return np.stack([rng.binomial(n, rng.uniform(0, 1, 200)), n, rng.binomial(m, rng.uniform(0, 1, 200)), m])


def test_wilson_as_statsmodels(cells):
    expected = proportion_confint(cells[0], cells[1], alpha=0.1, method="wilson")
    assert_allclose(wilson(cells[0], cells[1], 0.9), expected, rtol=1e-12, atol=1e-15)


def test_newcombe_as_statsmodels(cells):
    expected = confint_proportions_2indep(*cells, method="newcomb", compare="diff")
    assert_allclose(newcombe(*cells), expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(("method", "corrected"), [(miettinen_nurminen_ratio, True), (koopman_ratio, False)])
def test_score_limits_as_statsmodels(cells, method, corrected):
    # its closed form keeps six digits or so, and takes a wrong root where the whole reference passed
    inner = cells[:, (cells[0] > 0) & (cells[2] > 0) & (cells[2] < cells[3])]
    expected = [
        confint_proportions_2indep(*cell, method="score", compare="ratio", correction=corrected) for cell in inner.T
    ]
    assert_allclose(np.transpose(method(*inner)), np.real(expected), rtol=1e-5)


def test_score_statistic_of_statsmodels_is_z_at_the_limits_also_where_the_whole_reference_passed():
    for cell in [WEST_LANCASHIRE, MORRIS, (0, 5, 3, 7), (3, 7, 0, 5), (423, 732, 83, 83), (5, 5, 7, 7)]:
        for limit in np.array(miettinen_nurminen_ratio(*cell)):
            if 0 < limit < np.inf:
                found = score_test_proportions_2indep(*cell, value=limit, compare="ratio", correction=True)
                assert_allclose(abs(found.statistic), stats.norm.ppf(0.975), rtol=1e-6)


def test_holm_as_statsmodels():
    p = np.random.default_rng(2).uniform(0, 0.2, 30)
    assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)


def test_benjamini_hochberg_as_statsmodels():
    p = np.random.default_rng(2).uniform(0, 0.2, 30)
    assert_allclose(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1], rtol=1e-12)


def test_fisher_as_scipy(cells):
    expected = [stats.fisher_exact([[x, n - x], [y, m - y]]).pvalue for x, n, y, m in cells.T]
    assert_allclose(fisher(*cells), expected, rtol=1e-7, atol=1e-12)


def test_fisher_of_many_people_as_scipy():
    # so many that not all possible tables are looked at; down to p of 1e-200
    for x, n, y, m in [
        (900, 40_000, 1100, 40_000),
        (20_000, 40_000, 20_300, 40_000),
        (400, 40_000, 2600, 90_000),
        (5, 90, 40_000, 80_000),
    ]:
        expected = stats.fisher_exact([[x, n - x], [y, m - y]]).pvalue
        assert fisher(x, n, y, m) == pytest.approx(expected, rel=1e-7)
    assert fisher(0, 40_000, 40_000, 40_000) == 0


# Coverage, exact: the binomial summed over every outcome. Nominal is .95; the floors are what was measured on
# these grids, rounded down. Wilson and score limits aim at mean coverage and fall below it at single points
# (Newcombe 1998).


@pytest.mark.parametrize(("nobs", "floor"), [(10, 0.90), (20, 0.92), (50, 0.91), (100, 0.92), (500, 0.94)])
def test_coverage_of_wilson(nobs, floor):
    truth, counts = np.linspace(0.01, 0.99, 99), np.arange(nobs + 1)[:, None]
    low, high = wilson(counts, nobs)
    coverage = (stats.binom.pmf(counts, nobs, truth) * ((low <= truth) & (truth <= high))).sum(axis=0)
    assert 0.948 < coverage.mean() < 0.956
    assert coverage.min() > floor


@pytest.mark.parametrize(
    ("method", "of", "floor"),
    [(newcombe, np.subtract, 0.905), (miettinen_nurminen_ratio, np.divide, 0.91), (koopman_ratio, np.divide, 0.91)],
)
@pytest.mark.parametrize(("n", "m"), [(10, 10), (10, 40), (15, 30), (30, 30), (43, 92)])
def test_coverage_of_two_groups(method, of, floor, n, m):
    coverage = two_group_coverage(method, of, n, m, np.linspace(0.05, 0.95, 19))
    assert 0.949 < coverage.mean() < 0.958
    assert coverage.min() > floor


def test_coverage_of_score_limits_at_low_rates_and_of_katz():
    # 20 against 400 people, rates from half a per cent: down to .905, mean .945; Katz far lower at ten each
    low_rates = np.array([0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
    coverage = two_group_coverage(miettinen_nurminen_ratio, np.divide, 20, 400, low_rates)
    assert coverage.mean() > 0.944 and coverage.min() > 0.90
    katz = two_group_coverage(katz_ratio, np.divide, 10, 10, np.linspace(0.05, 0.95, 19))
    assert katz.mean() < 0.83 and katz.min() < 0.2


def two_group_coverage(method, of, n, m, rates):
    x, y = np.arange(n + 1)[:, None], np.arange(m + 1)
    low, high = method(x, n, y, m)
    of_x, of_y = stats.binom.pmf(x, n, rates), stats.binom.pmf(y[:, None], m, rates)
    truth = of(rates[:, None], rates)[..., None, None]
    covered = (low <= truth + 1e-12) & (truth - 1e-12 <= high)
    return np.einsum("xi,ijxy,yj->ij", of_x, covered, of_y, optimize=True)


# Level, exact, at rates that are the same; .05 is asked for. Means and maxima as measured, to three decimals.


@pytest.mark.parametrize(
    ("n", "m", "of_fisher", "of_mid"),
    [
        (10, 10, (0.008, 0.013), (0.029, 0.042)),
        (10, 40, (0.028, 0.034), (0.042, 0.052)),
        (43, 92, (0.036, 0.042), (0.048, 0.051)),
    ],
)
def test_level_of_fisher_and_of_its_mid_p(n, m, of_fisher, of_mid):
    x, y, rates = np.arange(n + 1)[:, None], np.arange(m + 1), np.linspace(0.05, 0.95, 19)
    chance = stats.binom.pmf(x[..., None], n, rates) * stats.binom.pmf(y[:, None], m, rates)
    for test, expected in ((fisher, of_fisher), (fisher_mid, of_mid)):
        level = (chance * (test(x, n, y, m) <= 0.05)[..., None]).sum(axis=(0, 1))
        assert (level.mean(), level.max()) == pytest.approx(expected, abs=5.1e-4)


# Refusals


@pytest.mark.parametrize(("count", "nobs"), [(12, 10), (-1, 10), (0, -1)])
def test_impossible_counts_are_refused_in_words(count, nobs):
    message = f"count {count} of {nobs}: a count lies between 0 and its denominator"
    with pytest.raises(ValueError, match=message):
        wilson(count, nobs)
    with pytest.raises(ValueError, match=message):
        fisher([1, count], [2, nobs], 1, 2)


@pytest.mark.parametrize("confidence", [95, 0, 1, float("nan")])
def test_confidence_outside_0_and_1_is_refused_in_words(confidence):
    message = f"confidence {confidence:g} is not between 0 and 1: write 95 % as 0.95"
    with pytest.raises(ValueError, match=message):
        wilson(1, 2, confidence)


def test_fisher_refuses_fractions_of_people():
    with pytest.raises(ValueError, match=r"fisher needs whole people, 1\.5 is not a whole number"):
        fisher([1, 1.5], 3, 1, 3)
    with pytest.raises(ValueError, match=r"fisher_mid needs whole people, 1\.5 is not a whole number"):
        fisher_mid([1, 1.5], 3, 1, 3)
