"""Cumulative incidence from counts by day: by hand, ten applications, statsmodels row by row, coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from statsmodels.duration.survfunc import CumIncidenceRight

from divimpact.incidence import aalen_johansen, difference_limits, limits
from divimpact.intervals import newcombe, wilson

TEN = [10, 20, 20, 30, 40, 50, 60, 70, 80, 90], "r r c h r c h c h c".split()  # day, and hired, rejected, still open


def by_day(days, status, ways=("h", "r"), waiting="c"):
    """Days, and how many ended on each in each way, and were last seen open."""
    days, status = np.asarray(days), np.asarray(status)
    seen = np.unique(days)
    counts = np.array([[[((days == day) & (status == way)).sum() for way in (*ways, waiting)] for day in seen]])
    return seen, counts[0, :, :-1], counts[0, :, -1]


# By hand and printed


def test_three_days_by_hand():
    # 10 apply; day 1: 2 hired, 3 rejected; day 2: 1 still open; day 3: 1 hired of 4, 3 rejected
    ended, waiting = [[2, 3], [0, 0], [1, 3]], [0, 1, 0]
    estimate, variance = aalen_johansen([1, 2, 3], ended, waiting, 3)
    assert_allclose(estimate, [0.2 + 0.5 / 4, 0.3 + 0.5 * 3 / 4])
    # day 1 of 10: what is still to come .125, hired at once .2; day 3 of 4
    first = (0.125**2 * 5 / (10 * 5) + 2 * 8 / 10**3 - 2 * 0.125 * 2 / 10**2) * 10 / 9
    assert variance[0] == pytest.approx(first + (0.5**2 * 1 * 3 / 4**3) * 4 / 3)
    assert_allclose(aalen_johansen([1, 2, 3], ended, waiting, 2)[0], [0.2, 0.3])
    assert_array_equal(aalen_johansen([1, 2, 3], ended, waiting, 0), [[0, 0], [0, 0]])


def test_ten_applications():
    days, ended, waiting = by_day(*TEN)
    estimate, _ = aalen_johansen(days, ended, waiting, 90)
    assert estimate[0] == pytest.approx(0.471429, abs=5e-7)  # hired of all would be .3, of the closed .5
    assert_array_equal(aalen_johansen(days, ended, waiting, 1000)[0], [np.nan, np.nan])


# Properties


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.sampled_from("hrwc")), min_size=1, max_size=40), st.integers(0, 14))
def test_as_statsmodels_row_by_row_and_parts_of_one(people, horizon):
    days, ended, waiting = by_day(*zip(*people, strict=True), ways="hrw")
    estimate, variance = aalen_johansen(days, ended, waiting, horizon)
    if np.isnan(estimate).any():
        assert horizon > days[-1] and waiting.sum()
        return
    assert (estimate >= 0).all() and estimate.sum() <= 1 + 1e-12 and (variance >= -1e-15).all()
    day, status = zip(*people, strict=True)
    codes = [0, *["chrw".index(one) for one in status], 1, 2, 3]  # so that all ways occur, with hardly any weight
    other = CumIncidenceRight(
        np.array([0, *day, 99, 99, 99]) + 1, codes, freq_weights=[1e-9, *[1] * len(day), *[1e-9] * 3]
    )
    place = np.searchsorted(other.times, horizon + 1, side="right") - 1
    expected = [curve[place] if place >= 0 else 0 for curve in other.cinc]
    assert_allclose(estimate, expected, atol=1e-6)


def test_the_standard_error_nears_that_of_statsmodels_without_weights():
    rng = np.random.default_rng(12)
    days, status = rng.integers(1, 400, 900), rng.choice(["h", "r", "r", "c"], 900)
    other = CumIncidenceRight(days, np.array([{"c": 0, "h": 1, "r": 2}[one] for one in status]))
    for horizon in (60, 200, 300):
        estimate, variance = aalen_johansen(*by_day(days, status), horizon)
        place = np.searchsorted(other.times, horizon, side="right") - 1
        assert_allclose(estimate, [curve[place] for curve in other.cinc], rtol=1e-9)
        assert_allclose(np.sqrt(variance), [se[place] for se in other.cinc_se], rtol=0.01)


def test_when_all_have_ended_it_is_the_plain_rate_with_its_limits():
    days, ended, waiting = by_day([1, 1, 2, 3, 3, 3, 4, 5, 5, 9], list("hrrrhrrrrr"))
    estimate, variance = aalen_johansen(days, ended, waiting, 30)
    assert_allclose(estimate, [0.2, 0.8])
    assert_allclose(variance[0], variance[1])
    many = aalen_johansen(days, 100 * ended, 100 * waiting, 30)
    low, high = limits(*many, 1000)
    assert_allclose([low[0], high[0]], wilson(200, 1000), atol=2e-4)


def test_groups_at_once_equal_one_at_a_time_and_the_input_stays():
    rng = np.random.default_rng(13)
    ended, waiting = rng.integers(0, 4, (6, 30, 3)).astype(float), rng.integers(0, 2, (6, 30)).astype(float)
    ended[2], waiting[2] = 0, 0
    waiting[3, 4] = np.nan
    kept = ended.copy(), waiting.copy()
    together = aalen_johansen(np.arange(30), ended, waiting, 20)
    alone = [aalen_johansen(np.arange(30), *pair, 20) for pair in zip(ended, waiting, strict=True)]
    assert_array_equal(np.stack(together, axis=1), np.array(alone))
    assert np.isnan(together[0]).all(axis=-1).tolist() == [False, False, True, True, False, False]
    assert_array_equal(ended, kept[0])
    assert_array_equal(waiting, kept[1])


def test_no_days_are_no_estimate():
    assert np.isnan(aalen_johansen([], np.zeros((2, 0, 3)), np.zeros((2, 0)), 30)[0]).all()


# Limits


def test_limits_where_nobody_or_everybody_ended_are_those_of_all_whose_end_is_known():
    low, high = limits([0, 1, np.nan], [0, 0, np.nan], [20, 20, 20])
    assert_allclose(low[:2], wilson([0, 20], 20)[0])
    assert_allclose(high[:2], wilson([0, 20], 20)[1])
    assert np.isnan(low[2]) and np.isnan(high[2])


def test_limits_of_the_difference_are_newcombes_for_plain_rates():
    both = [side for x, n in ((56, 70), (48, 80)) for side in (x / n, *wilson(x, n))]
    assert_allclose(difference_limits(*both), newcombe(56, 70, 48, 80))


def watched(rng, people, hired, rejected, repeats=3000, last=120):
    """Recruitments with chances a day of being hired or rejected, watched for some days each."""
    end = rng.geometric(hired + rejected, (repeats, people))
    way = rng.random((repeats, people)) < hired / (hired + rejected)
    seen = rng.integers(20, last, (repeats, people))
    day, closed = np.minimum(end, seen), end <= seen
    axis = np.arange(1, last + 1)
    count = np.zeros((3, repeats, last))
    for number, what in enumerate((closed & way, closed & ~way, ~closed)):
        for one in range(people):
            count[number, np.arange(repeats), day[:, one] - 1] += what[:, one]
    return axis, count[:2].transpose(1, 2, 0), count[2]


def test_limits_cover_and_the_variance_is_that_seen():
    rng = np.random.default_rng(14)
    groups = [(40, 0.004, 0.02), (150, 0.008, 0.02)]
    found = []
    for people, hired, rejected in groups:
        axis, ended, waiting = watched(rng, people, hired, rejected)
        estimate, variance = (both[:, 0] for both in aalen_johansen(axis, ended, waiting, 60))
        truth = hired / (hired + rejected) * (1 - (1 - hired - rejected) ** 60)
        held = ~np.isnan(estimate)
        assert held.mean() > 0.99 and estimate[held].mean() == pytest.approx(truth, abs=0.004)
        assert variance[held].mean() == pytest.approx(estimate[held].var(), rel=0.08)
        low, high = limits(estimate, variance, people)
        assert 0.94 < ((low <= truth) & (truth <= high))[held].mean() < 0.975
        found.append((estimate, low, high, truth))
    low, high = difference_limits(*found[0][:3], *found[1][:3])
    truth = found[0][3] - found[1][3]
    held = ~np.isnan(low)
    assert 0.94 < ((low <= truth) & (truth <= high))[held].mean() < 0.975


def test_on_days_with_several_ways_to_end_the_variance_is_that_seen_too():
    rng = np.random.default_rng(15)
    people, repeats = 60, 20_000
    ended, waiting = np.zeros((repeats, 3, 2)), np.zeros((repeats, 3))
    there = np.full(repeats, people)
    for day, chance in enumerate([(0.1, 0.3, 0.1, 0.5), (0.2, 0.3, 0.1, 0.4), (0.3, 0.3, 0.4, 0)]):
        hired, rejected, open_now, there = rng.multinomial(there, chance).T
        ended[:, day], waiting[:, day] = np.stack([hired, rejected], axis=-1), open_now
    estimate, variance = aalen_johansen([1, 2, 3], ended, waiting, 3)
    assert_allclose(variance.mean(axis=0), estimate.var(axis=0), rtol=0.04)


def test_refusals_name_what_is_wrong():
    with pytest.raises(ValueError, match="the days do not rise: give each day once, in order"):
        aalen_johansen([2, 1], [[1], [1]], [0, 0], 5)
    with pytest.raises(ValueError, match="horizon -1 is not a day from 0 on"):
        aalen_johansen([1, 2], [[1], [1]], [0, 0], -1)
    with pytest.raises(ValueError, match="count -1 is below zero"):
        aalen_johansen([1, 2], [[1], [-1]], [0, 0], 5)
