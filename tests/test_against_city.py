"""Limits around the city, for events and for standardised rates: by hand, published, properties, exact coverage."""

import doctest

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from divimpact import against_city, events, standard_rates
from divimpact.against_city import (
    dispersed_ratio_limits,
    dispersion_p,
    exact_limits,
    limits,
    overdispersion,
    ratio_limits,
    ratio_score,
    winsorised,
)
from divimpact.chance import score
from divimpact.events import byar, garwood
from divimpact.standard_rates import direct, dobson, expected, observed_over_expected

FEW = settings(max_examples=40, deadline=None)
PRINTED = 5e-7
OBSERVED, EXPECTED = [100, 150, 180, 80, 120, 225], [108, 112, 165, 95, 100, 220]  # FunnelPlotR, tests
# Down's syndrome by age of mothers of five or more, Michigan 1950-64: Fay and Feuer 1997, Stat. Med. 16, 791-801
CASES, BIRTHS = [0, 8, 63, 112, 262, 295], [327, 30666, 123419, 149919, 104088, 34392]
ALL_BIRTHS = [319933, 931318, 786511, 488235, 237863, 61313]


# Four places by hand


def test_four_places_around_one_fifth_by_hand():
    low, high = limits(0.2, [100, 400, 4, 0])
    away = 1.959963984540054 * np.array([0.04, 0.02, 0.2])
    assert_allclose(low, [*np.maximum(0.2 - away, 0), np.nan])
    assert_allclose(high, [*(0.2 + away), np.nan])
    wider = limits(0.2, 100, dispersion=4)
    assert_allclose(wider, [0.2 - 2 * away[0], 0.2 + 2 * away[0]])
    for dispersion in (0.3, 1, np.nan):
        assert_allclose(limits(0.2, 100, dispersion=dispersion), [low[0], high[0]])


def test_exact_limits_by_hand():
    # 10 people at one half, 80 %: 3 or fewer have 176/1024, 2 or fewer 56/1024; a tenth lies at 2 + (102.4 - 56) / 120
    low, high = exact_limits(0.5, 10, 0.8)
    people = 2 + (102.4 - 56) / (176 - 56)
    assert_allclose([low, high], [people / 10, 1 - people / 10])
    # three people at one half: none of them has 1/8, more than a tail of .025: no number is too few or too many
    assert_array_equal(exact_limits(0.5, 3), (0, 1))
    assert_array_equal(exact_limits([0, 1], 10), [[0, 1], [0, 1]])


def test_dispersion_of_four_places_by_hand():
    assert_allclose(overdispersion([1, -1, 3, np.nan]), 11 / 3)
    assert_allclose(overdispersion([[0, 0], [2, 0]]), [0, 2])
    assert np.isnan(overdispersion([np.nan])) and np.isnan(dispersion_p([np.nan]))
    assert_allclose(dispersion_p([1, -1, 3, np.nan]), stats.chi2.sf(11, 3))
    assert_array_equal(
        winsorised([5, 1, 0, -1, -9], 0.25), [1, 1, 0, -1, -1]
    )  # second and fourth of five are the edges
    assert_allclose(ratio_score([20, 0], [10, 8]), [np.sqrt(10) * np.log(2), np.sqrt(8) * np.log(1 / 16)])


def test_standardised_rates_of_two_strata_by_hand():
    # rates .1 and .4; a standard of one to three: .325
    assert_allclose(direct([1, 8], [10, 20], [1, 3]), 0.325)
    scatter = np.sqrt((0.25 / 10) ** 2 * 1 + (0.75 / 20) ** 2 * 8)
    low, high = byar(9)
    moved = scatter / 3  # the root of nine events
    assert_allclose(dobson([1, 8], [10, 20], [1, 3]), [0.325 + moved * (low - 9), 0.325 + moved * (high - 9)])
    assert_allclose(expected([10, 20], [10, 30], [100, 60]), 1 + 10)
    ratio, low, high = observed_over_expected(9, 11, method="exact")
    assert_allclose([ratio, low, high], np.array([9, *garwood(9)]) / 11)


# Published


def test_byar_phe_indicator_methods():
    assert_allclose(byar(65), (50.1631877105, 82.8491385459), atol=5e-11)


@pytest.mark.parametrize(
    ("method", "low", "high"), [("byar", 1.001714771, 1.143233287), ("exact", 1.001715431, 1.143232727)]
)
def test_observed_over_expected_phe_indicator_methods(method, low, high):
    found = observed_over_expected(895, 835.883561231, method=method)
    assert_allclose(found, (1.070723294, low, high), atol=5e-10)


@pytest.mark.parametrize(
    ("number", "low", "high"), [(15, 0.5596924, 1.649348), (20, 0.6108260, 1.544419), (30, 0.6746958, 1.427562)]
)
def test_limits_of_observed_over_expected(number, low, high):
    assert_allclose(ratio_limits(number), (low, high), atol=PRINTED)


def test_overdispersion_of_six_hospitals():
    assert_allclose(overdispersion(ratio_score(OBSERVED, EXPECTED)), 2.948033, atol=PRINTED)
    of_roots = 2 * (np.sqrt(OBSERVED) - np.sqrt(EXPECTED))
    assert_allclose(overdispersion(of_roots), 3.2224, atol=5e-5)


def test_exact_limits_of_events_biometrika_tables():
    # Pearson and Hartley, Biometrika Tables for Statisticians I, table 40
    low, high = garwood([0, 1, 5, 10, 20])
    assert_allclose(low, [0, 0.0253, 1.62, 4.80, 12.22], atol=5e-3)
    assert_allclose(high, [3.69, 5.57, 11.67, 18.39, 30.89], atol=5e-3)


def test_downs_syndrome_by_the_definition_in_plain_sums():
    # their data; no printed limits of Dobson were at hand
    rate = direct(CASES, BIRTHS, ALL_BIRTHS)
    by_age = [cases / births * everyone for cases, births, everyone in zip(CASES, BIRTHS, ALL_BIRTHS, strict=True)]
    assert_allclose(rate, sum(by_age) / sum(ALL_BIRTHS), rtol=1e-12)
    weight = np.array(ALL_BIRTHS) / sum(ALL_BIRTHS) / BIRTHS
    ratio = np.sqrt((weight**2 * CASES).sum() / 740)
    low, high = stats.chi2.ppf(0.025, 2 * 740) / 2, stats.chi2.ppf(0.975, 2 * 741) / 2
    by_hand = rate + ratio * (low - 740), rate + ratio * (high - 740)
    assert_allclose(dobson(CASES, BIRTHS, ALL_BIRTHS, method="exact"), by_hand, rtol=1e-12)
    assert_allclose(dobson(CASES, BIRTHS, ALL_BIRTHS), by_hand, rtol=1e-4)


# Properties

shares = st.integers(1, 999).map(lambda permille: permille / 1000)
levels = st.sampled_from([0.5, 0.8, 0.95, 0.998])


@FEW
@given(shares, st.integers(1, 5000), levels)
def test_limits_lie_around_the_centre_mirror_and_narrow_with_people(centre, nobs, confidence):
    for function in (limits, exact_limits):
        low, high = function(centre, nobs, confidence)
        assert 0 <= low <= centre <= high <= 1
        mirrored = function(1 - centre, nobs, confidence)
        assert_allclose(mirrored, (1 - high, 1 - low), atol=1e-9)
        wider = function(centre, nobs, 0.999)
        assert wider[0] <= low + 1e-12 and high - 1e-12 <= wider[1]
        more = function(centre, 4 * nobs, confidence)
        assert more[1] - more[0] <= high - low + 1e-12


@FEW
@given(shares, st.integers(1, 3000), levels)
def test_beyond_exact_limits_lies_who_has_at_most_half_the_chance_left(centre, nobs, confidence):
    (low, high), tail, people = exact_limits(centre, nobs, confidence), (1 - confidence) / 2, np.arange(nobs + 1)
    so_few, so_many = stats.binom.cdf(people, nobs, centre), stats.binom.sf(people - 1, nobs, centre)
    clear = (np.abs(so_few - tail) > 1e-10) & (np.abs(so_many - tail) > 1e-10)
    assert_array_equal((people / nobs < low - 1e-12)[clear], (so_few < tail)[clear])
    assert_array_equal((people / nobs > high + 1e-12)[clear], (so_many < tail)[clear])


@FEW
@given(st.integers(0, 100_000), levels)
def test_exact_limits_of_events_end_where_the_tails_do(count, confidence):
    low, high = garwood(count, confidence)
    assert low <= count <= high
    tail = (1 - confidence) / 2
    assert_allclose(stats.poisson.cdf(count, high), tail, rtol=1e-7)
    if count:
        assert_allclose(stats.poisson.sf(count - 1, low), tail, rtol=1e-7)
    if count >= 10 and confidence == 0.95:
        assert_allclose(byar(count, confidence), (low, high), rtol=2e-3)


strata = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 500), st.integers(1, 900)), min_size=1, max_size=8).map(
    lambda rows: np.array(rows, dtype=float).T
)


@FEW
@given(strata)
def test_standardised_to_itself_is_the_crude_rate_and_order_does_not_matter(found):
    count, nobs, standard = found
    assert_allclose(direct(count, nobs, nobs), count.sum() / nobs.sum())
    assert_allclose(dobson(count, nobs, nobs), np.array(byar(count.sum())) / nobs.sum() if count.any() else (0, np.nan))
    assert_allclose(direct(count[::-1], nobs[::-1], standard[::-1]), direct(count, nobs, standard))
    assert_allclose(direct(count, nobs, 7 * standard), direct(count, nobs, standard))
    low, high = dobson(count, nobs, standard)
    rate = direct(count, nobs, standard)
    assert (low <= rate <= high) or not count.any()
    rates = count / nobs
    assert rates.min() - 1e-12 <= rate <= rates.max() + 1e-12
    assert_allclose(expected(nobs, count, nobs), count.sum())


@FEW
@given(st.lists(st.floats(-5, 5), min_size=3, max_size=30))
def test_winsorised_scores_keep_their_order_and_never_disperse_more(scores):
    drawn = winsorised(scores)
    assert (np.diff(drawn[np.argsort(scores)]) >= 0).all()
    assert overdispersion(drawn) <= max(overdispersion(scores), drawn.max() ** 2, drawn.min() ** 2) + 1e-12
    assert_array_equal(winsorised(scores, 0), scores)
    assert_array_equal(np.isnan(winsorised([*scores, np.nan])), [False] * len(scores) + [True])


def test_many_places_keep_the_order_given_and_nothing_is_changed():
    nobs = np.array([300, 20, 5000, 80])
    kept = nobs.copy()
    for function in (limits, exact_limits):
        low, _ = function(0.3, nobs)
        assert_array_equal(low, [function(0.3, one)[0] for one in nobs])
        assert_array_equal(np.argsort(low), np.argsort(nobs))
    table = np.stack([CASES, CASES]), np.stack([BIRTHS, BIRTHS])
    assert_array_equal(direct(*table, ALL_BIRTHS), [direct(CASES, BIRTHS, ALL_BIRTHS)] * 2)
    assert_array_equal(nobs, kept)


# Zeros and missing numbers


def test_nobody_nothing_and_missing_numbers():
    for function in (limits, exact_limits):
        assert np.isnan(function(0.3, [0, np.nan])).all() and np.isnan(function(np.nan, [5])).all()
    assert np.isnan(ratio_limits([0, np.nan])).all() and np.isnan(dispersed_ratio_limits([0], 2)).all()
    assert np.isnan(byar(np.nan)).all() and np.isnan(garwood(np.nan)).all()
    assert byar(0)[0] == garwood(0)[0] == 0
    assert np.isnan(direct([1, 1], [10, 0], [1, 1])) and np.isnan(dobson([1, 1], [10, 0], [1, 1])).all()
    assert direct([1, 5], [10, 0], [1, 0]) == 0.1  # a stratum that the standard lacks
    assert_array_equal(dobson([4, 5], [10, 20], [1, 0]), dobson([4], [10], [1]))
    assert dobson([0, 0], [10, 10], [1, 1])[0] == 0 and np.isnan(dobson([0, 0], [10, 10], [1, 1])[1])
    assert np.isnan(expected([10, 5], [1, 0], [10, 0])) and expected([10, 0], [1, 0], [10, 0]) == 1
    assert np.isnan(observed_over_expected(5, 0)).all()
    assert np.isnan(direct([1, np.nan], [10, 5], [1, 1]))


# Coverage, exact


@pytest.mark.parametrize(("confidence", "nobs"), [(0.95, 10), (0.95, 100), (0.95, 500), (0.998, 30), (0.998, 500)])
def test_places_like_the_city_lie_beyond_exact_limits_at_most_as_often_as_said(confidence, nobs):
    people, tail = np.arange(nobs + 1), (1 - confidence) / 2
    for centre in np.linspace(0.02, 0.98, 49):
        low, high = exact_limits(centre, nobs, confidence)
        chance = stats.binom.pmf(people, nobs, centre)
        assert chance[people / nobs < low].sum() <= tail and chance[people / nobs > high].sum() <= tail


def test_the_upper_limit_as_spiegelhalter_interpolates_it_is_one_person_too_low():
    # appendix A.1.1: the smallest r with P(R <= r) of .975 or more, less the part by which it overshoots
    centre, nobs = 0.02, 30
    most = stats.binom.ppf(0.975, nobs, centre)
    over = (stats.binom.cdf(most, nobs, centre) - 0.975) / stats.binom.pmf(most, nobs, centre)
    assert most - over < 2 < nobs * exact_limits(centre, nobs)[1]
    assert_allclose(stats.binom.sf(1, nobs, centre), 0.12, atol=0.002)  # not one place in forty


def test_normal_limits_alarm_too_often_where_few_are_expected():
    people, nobs = np.arange(101), 100
    alarms = {}
    for centre in (0.02, 0.3):
        low, high = limits(centre, nobs, 0.998)
        alarms[centre] = stats.binom.pmf(people, nobs, centre)[(people / nobs < low) | (people / nobs > high)].sum()
    assert alarms[0.02] > 0.004 and alarms[0.3] < 0.003


@pytest.mark.parametrize(("number", "floor"), [(10, 0.945), (30, 0.945), (100, 0.945)])
def test_coverage_of_limits_of_events(number, floor):
    counts = np.arange(0, 400)
    for method, least in ((byar, floor), (garwood, 0.95)):
        low, high = method(counts)
        for truth in np.linspace(number, number + 1, 5):
            assert stats.poisson.pmf(counts, truth)[(low <= truth) & (truth <= high)].sum() >= least


def test_overdispersion_of_places_like_the_city_is_one_and_its_p_keeps_its_level():
    rng = np.random.default_rng(2)
    nobs = rng.integers(80, 600, 12)
    scores = score(rng.binomial(nobs, 0.2, (20_000, 12)), nobs, 0.2)
    assert_allclose(overdispersion(scores).mean(), 1, atol=0.01)
    assert_allclose(np.mean(dispersion_p(scores) <= 0.05), 0.05, atol=0.006)
    ratios = ratio_score(rng.poisson(nobs, (20_000, 12)), nobs)
    assert_allclose(overdispersion(ratios).mean(), 1, atol=0.02)


def test_limits_widened_by_dispersion_hold_places_that_differ():
    # rates scatter by 4 points around 20 %: without dispersion one place in five lies beyond, with it as many as said
    rng, beyond, widened = np.random.default_rng(3), [], []
    nobs = np.full(60, 250)
    for _ in range(400):
        rate = rng.binomial(nobs, np.clip(rng.normal(0.2, 0.04, 60), 0, 1)) / nobs
        dispersion = overdispersion(score(rate * nobs, nobs, 0.2))
        for found, by in ((beyond, 1.0), (widened, dispersion)):
            low, high = limits(0.2, nobs, dispersion=by)
            found.append(np.mean((rate < low) | (rate > high)))
    assert np.mean(beyond) > 0.2 and 0.035 < np.mean(widened) < 0.06


def test_coverage_of_dobson():
    rng = np.random.default_rng(4)
    nobs, standard = np.array([400, 900, 300, 120]), np.array([1, 1, 2, 2])
    held = {}
    for name, rate, draw in [
        ("events", np.array([0.02, 0.05, 0.1, 0.2]), rng.poisson),
        ("people", np.array([0.2, 0.3, 0.4, 0.5]), lambda mean, size: rng.binomial(nobs, mean / nobs, size)),
    ]:
        low, high = dobson(draw(nobs * rate, (20_000, 4)), nobs, standard)
        truth = (rate * standard).sum() / standard.sum()
        held[name] = np.mean((low <= truth) & (truth <= high))
    assert 0.945 < held["events"] < 0.96
    assert held["people"] > 0.97, "cautious for users of eligible people"


# Refusals


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: limits(20, 100), "share 20 is not between 0 and 1: write 18 % as 0.18"),
        (lambda: limits(0.2, 100, 95), "confidence 95 is not between 0 and 1"),
        (lambda: exact_limits(0.2, -1), "there are -1 people or expected events, below 0"),
        (lambda: exact_limits(0.2, 1.5), "exact_limits needs whole people, 1.5 is not a whole number"),
        (lambda: ratio_score(-1, 5), "observed is -1, below 0"),
        (lambda: winsorised([1, 2], 10), "part is 10, not between 0 and one half: write 10 % as 0.1"),
        (lambda: byar(-1), "count -1 of events is below 0"),
        (lambda: garwood(5, 95), "confidence 95 is not between 0 and 1"),
        (lambda: direct([1], [2], [0]), "the standard has no people in any stratum"),
        (lambda: direct([-1], [2], [1]), "-1 is below 0: events and people are counted from 0"),
        (lambda: observed_over_expected(5, 4, method="wald"), "method is 'wald', not one of: byar, exact"),
        (lambda: dobson([1], [2], [1], method="wald"), "method is 'wald', not one of: byar, exact"),
    ],
)
def test_impossible_requests_are_refused_in_words(call, message):
    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        call()


@pytest.mark.parametrize("module", [against_city, events, standard_rates])
def test_examples(module):
    assert doctest.testmod(module).failed == 0
