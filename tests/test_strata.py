"""The random-intercept model over strata: by hand, against lme4 and EGRET, its properties, its coverage."""

import doctest
from functools import cache
from itertools import pairwise, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import integrate, optimize, special, stats

from divimpact import quadrature, strata
from divimpact.models import logit, main_effects
from divimpact.strata import adjusted_sd_limits, median_odds_ratio, pcv, predictions, random_intercept, sd_limits, vpc

FEW = settings(max_examples=25, deadline=None)
# Obese of 3,000 adults by education, race and sex (female, male): NHANES, public domain, as the R package MAIHDA has it
EDUCATION = ["8th Grade", "9 - 11th Grade", "College Grad", "High School", "Some College"]
RACE = ["Black", "Hispanic", "Mexican", "Other", "White"]
OBESE = """
0 1 8 5 17 17 3 1 9 13  13 13 6 2 5 16 1 1 44 32  16 7 3 4 1 8 6 3 90 92
30 19 8 7 10 11 4 4 81 85  41 15 8 8 7 4 7 12 122 157
"""
ADULTS = """
1 8 13 10 33 52 12 11 24 32  29 36 12 10 16 34 7 14 104 104  30 20 17 13 5 11 46 44 335 325
46 44 23 17 20 26 9 14 232 201  76 46 26 25 25 20 37 28 349 328
"""
# Seeds that germinated on 21 plates, by kind of seed and root extract: Crowder 1978, Appl. Stat. 27, 34-37, table 3
GERMINATED = [10, 23, 23, 26, 17, 5, 53, 55, 32, 46, 10, 8, 10, 8, 23, 0, 3, 22, 15, 32, 3]
SEEDS = [39, 62, 81, 51, 39, 6, 74, 72, 51, 79, 13, 16, 30, 28, 45, 4, 12, 41, 30, 51, 7]
SEED, EXTRACT = np.array([0] * 11 + [1] * 10), np.array([0] * 5 + [1] * 6 + [0] * 5 + [1] * 5)


@cache
def nhanes(nodes=25):
    factors = pd.DataFrame(product(EDUCATION, RACE, ["female", "male"]), columns=["education", "race", "sex"])
    count, nobs = (np.array(text.split(), dtype=int) for text in (OBESE, ADULTS))
    designs = np.ones((50, 1)), main_effects(factors)
    return [random_intercept(count, nobs, design, nodes) for design in designs]


def ones(count):
    return np.ones((len(count), 1))


def some_strata(seed, sd, number=60, most=80, intercept=-1.0):
    rng = np.random.default_rng(seed)
    nobs = rng.integers(1, most + 1, number)
    return rng.binomial(nobs, special.expit(intercept + rng.normal(0, sd, number))), nobs


def by_brute_force(count, nobs, fixed, sd):
    """The log-likelihood by an adaptive rule that knows nothing of nodes."""
    total = 0.0
    for x, n, along in zip(count, nobs, fixed, strict=True):

        def minus(u, x=x, n=n, along=along):
            return n * np.logaddexp(0, along + sd * u) - x * (along + sd * u) - stats.norm.logpdf(u)

        top = optimize.minimize_scalar(minus, bounds=(-30, 30), method="bounded", options={"xatol": 1e-9})
        ends = [(top.x - far, top.x + far) for far in (0.5, 9.0)]
        around = [ends[1][0], ends[0][0], top.x, ends[0][1], ends[1][1]]
        parts = [
            integrate.quad(
                lambda u, least=top.fun, minus=minus: np.exp(least - minus(u)), *piece, epsrel=1e-12, limit=200
            )
            for piece in pairwise(around)
        ]
        total += np.log(sum(part[0] for part in parts)) - top.fun
    return total


# By hand


def test_four_strata_of_one_person_less_than_chance_differ_by_nothing():
    # 2 of 8 in each: less scatter than chance has, so no deviation; the rate of all, its error that of 8 of 32
    fit = random_intercept([2, 2, 2, 2], [8, 8, 8, 8], ones(range(4)))
    assert fit.sd == 0 and fit.problem == ""
    assert_allclose(fit.estimate, [np.log(1 / 3)], atol=1e-10)
    assert_allclose(fit.covariance[0, 0], 1 / 8 + 1 / 24, rtol=1e-10)
    assert np.isnan(fit.covariance[1]).all()
    assert_allclose(fit.log_likelihood, 8 * np.log(1 / 4) + 24 * np.log(3 / 4), rtol=1e-12)
    assert (fit.strata, fit.people) == (4, 32)
    rate, low, high = predictions(fit)
    assert_allclose(rate, 1 / 4, atol=1e-10)
    assert (low < rate).all() and (rate < high).all()


def test_whether_strata_differ_at_all_is_the_sign_of_the_score_at_zero():
    # at 0 the likelihood rises with the variance if squared deviations of counts add up to more than binomial variances
    for count, rises in ([(2, 2, 2, 2), False], [(1, 3, 2, 2), False], [(0, 4, 2, 2), True], [(0, 4, 4, 0), True]):
        above = (np.array(count) - 2.0) ** 2 - 8 * (1 / 4) * (3 / 4)
        assert (above.sum() > 0) == rises
        assert (random_intercept(count, [8] * 4, ones(count)).sd > 0) == rises


def test_strata_so_large_that_only_they_differ_are_a_normal_sample():
    # a hundred thousand people each: the log odds are known, their variance is squares over J, adjusted over J - 3
    columns = np.column_stack([np.ones(12), np.arange(12) % 3 == 1, np.arange(12) % 3 == 2])
    log_odds = np.random.default_rng(8).normal(-1, 0.6, 12)
    nobs = np.full(12, 100_000)
    fit = random_intercept(np.round(nobs * special.expit(log_odds)), nobs, columns)
    off = log_odds - columns @ np.linalg.lstsq(columns, log_odds)[0]
    squares = off @ off
    assert_allclose(fit.sd, np.sqrt(squares / 12), rtol=2e-4)
    assert_allclose(random_intercept(fit.count * 100, nobs * 100, columns).sd, fit.sd, rtol=2e-4)
    assert_allclose(predictions(fit)[0], special.expit(log_odds), rtol=1e-3)
    for (low, high), freedom in ((sd_limits(fit), 12), (adjusted_sd_limits(fit)[1:], 12 - 3)):
        best = np.sqrt(squares / freedom)
        for limit in (low, high):  # freedom times log of the variance, and the squares over it
            fallen = freedom * np.log(limit**2 / best**2) + squares / limit**2 - squares / best**2
            assert_allclose(fallen, stats.chi2.ppf(0.95, 1), rtol=1e-3)
    assert_allclose(adjusted_sd_limits(fit)[0], np.sqrt(squares / 9), rtol=2e-4)


def test_shares_of_variance_and_median_odds_ratio_by_hand():
    assert_allclose(vpc([0, np.pi / np.sqrt(3), np.nan]), [0, 0.5, np.nan])
    assert_allclose(pcv([2, 1, 1, 0], [1, 1, 2, 0]), [0.75, 0, -3, np.nan])
    assert_allclose(median_odds_ratio([0, 1 / np.sqrt(2)]), [1, np.exp(stats.norm.ppf(0.75))])
    # the median of |difference| of two deviations: half of all pairs differ by less
    drawn = np.random.default_rng(1).normal(0, 0.8, (2, 400_000))
    assert_allclose(np.median(np.exp(np.abs(drawn[0] - drawn[1]))), median_odds_ratio(0.8), rtol=0.01)


# Published


def test_nhanes_as_lme4():
    # lme4, glmer with nAGQ = 15: .475555, .224498, .777145; the likelihood's own maximum is .475550, .224473, .777189
    null, main = nhanes()
    assert_allclose([null.sd, main.sd], [0.475550, 0.224473], atol=5e-7)
    assert_allclose([null.sd, main.sd, pcv(null.sd, main.sd)], [0.475555, 0.224498, 0.777145], atol=1e-4)
    assert_allclose([vpc(null.sd), vpc(main.sd)], [0.064319, 0.015085], atol=5e-7)
    assert_allclose([pcv(null.sd, main.sd), median_odds_ratio(null.sd)], [0.777189, 1.57399], atol=5e-6)


def test_fifteen_nodes_are_enough_and_one_is_not():
    for fit, fine in zip(nhanes(15), nhanes(101), strict=True):
        assert_allclose(np.append(fit.estimate, fit.sd), np.append(fine.estimate, fine.sd), atol=1e-6)
        assert_allclose(sd_limits(fit), sd_limits(fine), atol=1e-5)
    # Laplace: .471894, .223341
    for fit, expected in zip(nhanes(), (0.471894, 0.223341), strict=True):
        start = np.append(fit.estimate, fit.sd)
        top = optimize.minimize(
            lambda at, fit=fit: -quadrature.likelihood(at, fit.count, fit.nobs, fit.design, 1)[0], start, tol=1e-9
        )
        assert_allclose(top.x[-1], expected, atol=2e-5)


def test_seeds_as_egret_and_data_cloning():
    # EGRET: -.546 (.167), .097 (.278), 1.337 (.237), -.811 (.385), sigma .236 (.110), in the BUGS examples, volume I;
    # there too 256 copies of the data: -.5485, .09685, 1.337, -.8105, .2364
    design = np.column_stack([np.ones(21), SEED, EXTRACT, SEED * EXTRACT])
    fit = random_intercept(GERMINATED, SEEDS, design)
    found, errors = np.append(fit.estimate, fit.sd), np.sqrt(np.diag(fit.covariance))
    assert_allclose(found, [-0.5485, 0.09685, 1.337, -0.8105, 0.2364], atol=2e-4)
    assert_allclose(found, [-0.546, 0.097, 1.337, -0.811, 0.236], atol=3e-3)
    assert_allclose(errors, [0.167, 0.278, 0.237, 0.385, 0.110], atol=1e-3)


# The likelihood and what it is made of


@pytest.mark.parametrize("sd", [0.05, 0.5, 2.5])
def test_the_integral_is_that_of_an_adaptive_rule(sd):
    count, nobs = [0, 1, 3, 8, 30, 200, 2], [4, 1, 9, 8, 90, 900, 2]
    fixed = np.linspace(-2, 1, 7)
    design = np.column_stack([np.ones(7), np.arange(7)])
    at = np.array([-2, 0.5, sd])
    expected = by_brute_force(count, nobs, fixed, sd)
    found = [quadrature.likelihood(at, np.array(count), np.array(nobs), design, nodes)[0] for nodes in (15, 25, 51)]
    assert_allclose(found[1:], expected, atol=2e-5)
    assert_allclose(found[0], expected, atol=1e-3)


@pytest.mark.parametrize("at", [[-1.0, 0.2, 0.5], [0.3, -0.4, 1.8], [-2.0, 0.0, 0.02]])
def test_gradient_and_curvature_are_those_of_the_likelihood(at):
    count, nobs = some_strata(3, 0.6, 30)
    design, at = np.column_stack([np.ones(30), np.arange(30) % 3]), np.array(at)

    def of(at):
        return quadrature.likelihood(at, count, nobs, design, 51)

    step = 1e-5 * np.eye(3)
    slope = [(of(at + one)[0] - of(at - one)[0]) / 2e-5 for one in step]
    curve = [(of(at + one)[1] - of(at - one)[1]) / 2e-5 for one in step]
    assert_allclose(of(at)[1], slope, rtol=1e-6, atol=1e-5)
    assert_allclose(of(at)[2], curve, rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("sd", [0.0, 0.1, 0.3, 0.8, 2.0])
def test_no_standard_deviation_is_more_likely_than_the_estimate(sd):
    for seed in range(8):
        count, nobs = some_strata(seed, sd, 25, 20)
        fit = random_intercept(count, nobs, ones(count))
        flat = logit(count, nobs, ones(count)).estimate
        heights = [
            quadrature.climbed(np.append(flat, at), 1, fit.count, fit.nobs, fit.design, 25)[1]
            for at in np.linspace(0, 4, 41)
        ]
        assert max(heights) <= fit.log_likelihood + 1e-9


def test_limits_are_where_twice_the_log_likelihood_has_fallen_by_the_quantile():
    count, nobs = some_strata(4, 0.8, 20)
    fit = random_intercept(count, nobs, ones(count))
    for limit in sd_limits(fit, 0.9):

        def minus(intercept, limit=limit):
            return -by_brute_force(count, nobs, np.full(20, intercept), limit)

        top = optimize.minimize_scalar(minus, bounds=(-2, 0), options={"xatol": 1e-3})
        assert_allclose(2 * (fit.log_likelihood + top.fun), stats.chi2.ppf(0.9, 1), atol=1e-4)


# Properties


counted = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 25)), min_size=6, max_size=20).map(
    lambda rows: np.array(rows, dtype=float)
)


def fitted(rows, design):
    return random_intercept(rows[:, 0], rows.sum(axis=1), design)


@FEW
@given(counted)
def test_predictions_add_up_to_what_was_counted_and_lean_towards_it(rows):
    if not rows.sum():
        return
    design = np.column_stack([np.ones(len(rows)), np.arange(len(rows)) % 2])
    fit = fitted(rows, design)
    if fit.problem:
        return
    (rate, low, high), nobs = predictions(fit), rows.sum(axis=1)
    assert_allclose(design.T @ (nobs * rate), design.T @ rows[:, 0], atol=1e-5)
    assert (low <= rate + 1e-9).all() and (rate <= high + 1e-9).all() and (low >= 0).all() and (high <= 1).all()
    # the likeliest deviation leans towards the count, and not beyond it
    fixed = design @ fit.estimate
    likeliest = quadrature._likeliest(rows[:, 0], nobs, fixed, fit.sd)
    for deviation in (0.0, likeliest):
        left = rows[:, 0] - nobs * special.expit(fixed + fit.sd * deviation)
        assert (left * likeliest >= -1e-6).all()


@settings(max_examples=8, deadline=None)
@given(counted)
def test_order_yes_and_no_and_empty_strata_change_nothing(rows):
    if not rows.sum():
        return
    fit = fitted(rows, ones(rows))
    order, mirrored = fitted(rows[::-1], ones(rows)), fitted(rows[:, ::-1], ones(rows))
    more = fitted(np.vstack([rows, [0, 0]]), ones(range(len(rows) + 1)))
    for other, sign in ((order, 1), (mirrored, -1), (more, 1)):
        assert (other.problem == "") == (fit.problem == "")
        assert_allclose(other.estimate, sign * fit.estimate, atol=1e-6)
        assert_allclose([other.sd, *sd_limits(other)], [fit.sd, *sd_limits(fit)], atol=2e-5, rtol=1e-5)
    if not fit.problem:
        assert fit.strata == more.strata
        assert_allclose([one[::-1] for one in predictions(order)], predictions(fit), atol=1e-5)
        assert_allclose([one[:-1] for one in predictions(more)], predictions(fit), atol=1e-6)


@FEW
@given(counted, st.sampled_from([0.5, 0.8, 0.9]))
def test_limits_contain_the_estimate_and_widen_with_confidence(rows, confidence):
    if not rows.sum():
        return
    fit = fitted(rows, ones(rows))
    if not fit.problem:
        (low, high), (lower, higher) = sd_limits(fit, confidence), sd_limits(fit, 0.95)
        assert 0 <= lower <= low <= fit.sd
        if np.isnan([high, higher]).any():
            assert fit.sd > 2, "unknown only where nearly all strata are all yes or all no"
            return
        assert fit.sd < high
        assert high < higher or high == higher == np.inf, "infinite where a few people exclude nothing"


@pytest.mark.parametrize("last", [(6, 20), (6, 15)])
def test_where_the_profile_is_not_known_on_the_way_the_limit_is_not_either(last):
    count, nobs = np.array([0, 0, 0, 0, 0, last[0]]), np.array([1, 5, 10, 14, 14, last[1]])
    fit = random_intercept(count, nobs, np.ones((6, 1)))
    low, high = sd_limits(fit, 0.5)
    assert 0 < low < fit.sd and (np.isnan(high) or high > fit.sd)


def test_a_stratum_without_people_gets_the_mean_over_strata_like_it():
    count, nobs = some_strata(6, 0.7)
    nobs[0] = count[0] = 0
    fit = random_intercept(count, nobs, ones(count))
    rate, low, high = predictions(fit)
    mean = integrate.quad(lambda u: special.expit(fit.estimate[0] + fit.sd * u) * stats.norm.pdf(u), -9, 9)[0]
    assert_allclose(rate[0], mean, atol=1e-9)
    assert high[0] - low[0] > (high - low)[1:].max() * 0.99
    assert fit.strata == np.count_nonzero(nobs)


# What has no estimate says why


@pytest.mark.parametrize(
    ("count", "nobs", "design", "problem"),
    [
        ([0, 4, 0, 4], [4, 4, 4, 4], np.ones((4, 1)), "every stratum with people is all yes or all no"),
        ([1, 2, 0, 0], [4, 4, 0, 0], np.eye(4)[:, :2], "2 strata with people for 2 columns: nothing is left"),
        ([1, 0, 2, 0], [4, 4, 4, 4], [[1, 0], [1, 1]] * 2, "column 1: some rows are all yes or all no"),
        ([0, 0, 0, 0], [4, 4, 4, 4], np.ones((4, 1)), "column 0: some rows are all yes or all no"),
        ([1, 2, 1, 2], [4, 4, 4, 4], np.ones((4, 2)), "column 1: a combination of the columns before it"),
    ],
)
def test_what_cannot_be_told_is_said(count, nobs, design, problem):
    fit = random_intercept(count, nobs, design)
    assert fit.problem.startswith(problem)
    assert np.isnan([*fit.estimate, fit.sd, fit.log_likelihood, *sd_limits(fit), *adjusted_sd_limits(fit)]).all()
    assert np.isnan(fit.covariance).all() and np.isnan(predictions(fit)).all()
    assert np.isnan(vpc(fit.sd)) and np.isnan(median_odds_ratio(fit.sd))


def test_steps_that_do_not_come_to_rest_are_said(monkeypatch):
    count, nobs = some_strata(2, 0.5)
    monkeypatch.setattr(quadrature, "STEPS", 2)
    monkeypatch.setattr(strata, "STEPS", 2)
    fit = random_intercept(count, nobs, ones(count))
    assert fit.problem == "no convergence after 2 steps"
    assert np.isnan([*fit.estimate, fit.sd, *sd_limits(fit)]).all()


def test_strata_that_differ_very_much_still_have_an_estimate_and_a_limit_that_may_be_infinite():
    few, many = ([3, 2, 25, 28, 27], [30] * 5), ([0] * 9 + [30] * 9 + [1, 28], [3000] * 20)
    for (count, nobs), least in ((few, 2), (many, 3)):
        fit, fine = (random_intercept(count, nobs, ones(count), nodes) for nodes in (25, 201))
        assert_allclose([fit.sd, *sd_limits(fit)], [fine.sd, *sd_limits(fine)], rtol=0.005)
        assert fit.sd > least and adjusted_sd_limits(fit)[2] == np.inf
        rate, low, high = predictions(fit)
        assert ((low < rate) & (rate < high)).all()


def test_more_than_quadrature_can_hold_is_said():
    fit = random_intercept([0, 0, 0, 28, 30, 30, 30, 15], [30] * 8, np.ones((8, 1)))
    assert fit.problem == "the standard deviation is above 6: nearly all strata are all yes or all no"
    assert np.isnan([*fit.estimate, fit.sd, fit.log_likelihood, *sd_limits(fit), *adjusted_sd_limits(fit)]).all()


def test_large_cities_and_single_people():
    rng = np.random.default_rng(9)
    nobs = np.array([200_000, 90_000, 5, 1, 1, 40_000, 700, 0, 3, 120_000])
    count = rng.binomial(nobs, special.expit(-3 + rng.normal(0, 0.4, 10)))
    fit = random_intercept(count, nobs, ones(count))
    assert fit.problem == "" and 0.1 < fit.sd < 1
    rate, low, high = predictions(fit)
    assert_allclose(rate[[0, 1, 5, 9]], (count / np.maximum(nobs, 1))[[0, 1, 5, 9]], rtol=0.01)
    assert (low <= rate).all() and (rate <= high).all()


def test_impossible_requests_are_refused_in_words():
    with pytest.raises(ValueError, match="nodes is 7: the quadrature needs 15 or more"):
        random_intercept([1, 2], [4, 4], np.ones((2, 1)), nodes=7)
    with pytest.raises(ValueError, match="count 5 of 4: a count lies between 0 and its denominator"):
        random_intercept([5, 2], [4, 4], np.ones((2, 1)))
    fit = random_intercept([1, 2, 3], [4, 4, 4], np.ones((3, 1)))
    for function in (sd_limits, predictions):
        with pytest.raises(ValueError, match="confidence 95 is not between 0 and 1"):
            function(fit, 95)


def test_nothing_given_is_changed():
    count, nobs = some_strata(1, 0.5)
    kept = count.copy(), nobs.copy()
    fit = random_intercept(count, nobs, ones(count))
    estimate = fit.estimate.copy()
    sd_limits(fit), predictions(fit)
    assert_array_equal((count, nobs), kept)
    assert_array_equal(fit.estimate, estimate)


# Bias and coverage


def simulated(sd, times, design=None, seed=1):
    """Samples of 60 to 100 strata of 10 to 120 people whose log odds deviate at random: their rates, and the fit."""
    rng = np.random.default_rng(seed)
    for _ in range(times):
        columns = np.ones((rng.integers(60, 101), 1)) if design is None else design
        fixed = -1.2 + columns[:, 1:] @ rng.normal(0, 0.3, columns.shape[1] - 1)
        nobs = rng.integers(10, 121, len(columns))
        rate = special.expit(fixed + rng.normal(0, sd, len(columns)))
        yield rate, random_intercept(rng.binomial(nobs, rate), nobs, columns)


def held(limits, truth):
    return np.mean([low <= truth <= high for low, high in limits])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sd", "least", "most"),
    [
        (0, 0.97, 1),
        (0.05, 0.93, 1),
        (0.1, 0.93, 1),
        (0.2, 0.93, 1),
        (0.3, 0.93, 0.97),
        (0.5, 0.93, 0.97),
        (0.8, 0.93, 0.97),
        (1.2, 0.93, 0.97),
    ],
)
def test_profile_limits_hold_the_standard_deviation(sd, least, most):
    limits = [sd_limits(fit) for _, fit in simulated(sd, 500, seed=int(1000 * sd) + 7)]
    assert least <= held(limits, sd) <= most


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.3, 0.8])
def test_bias_is_that_of_maximum_likelihood(sd):
    fits = [fit for _, fit in simulated(sd, 500, seed=11)]
    finer = [random_intercept(fit.count, fit.nobs, fit.design, 51) for fit in fits]
    assert_allclose([fit.sd for fit in fits], [fit.sd for fit in finer], atol=1e-6)
    # one coefficient of J strata: the variance is short by a J-th of itself and of a stratum's sampling variance
    variance = np.array([fit.sd**2 for fit in fits])
    rates = np.array([special.expit(fit.estimate[0]) for fit in fits])
    sampling = np.array([np.mean(1 / (fit.nobs * p * (1 - p))) for fit, p in zip(fits, rates, strict=True)])
    expected = sd**2 - np.mean([(sd**2 + s) / fit.strata for fit, s in zip(fits, sampling, strict=True)])
    assert abs(variance.mean() - expected) < 3 * variance.std() / np.sqrt(500)


MAIN = main_effects(pd.DataFrame(product("fm", "abcde", "uvw", "jk"), columns=["sex", "age", "origin", "district"]))


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.1, 0.3, 0.8])
def test_with_main_effects_only_adjusted_limits_hold(sd):
    # 60 strata, 9 columns
    fits = [fit for _, fit in simulated(sd, 500, MAIN.to_numpy(), seed=int(1000 * sd) + 7)]
    adjusted = np.array([adjusted_sd_limits(fit) for fit in fits])
    assert 0.93 <= held(adjusted[:, 1:], sd) <= 0.985
    if sd > 0.1:
        assert held([sd_limits(fit) for fit in fits], sd) < 0.9, "maximum likelihood's own limits lie too low"


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.0, 0.1, 0.3, 0.8])
@pytest.mark.parametrize("design", [None, MAIN.to_numpy()])
def test_limits_of_predictions_hold_the_rates_of_strata(sd, design):
    within = []
    for rate, fit in simulated(sd, 150, design, seed=3):
        _, low, high = predictions(fit)
        within.append(np.mean((low <= rate) & (rate <= high)))
    # .95 on average over many standard deviations; more where there is none, for which no sample can vouch
    assert 0.92 <= np.mean(within) <= (1 if sd < 0.2 else 0.97)


def test_examples():
    assert doctest.testmod(strata).failed == 0
