"""Power by Cohen's h: by hand, West Lancashire, statsmodels, properties, simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_effectsize

from divimpact.power import detectable_ratios, effect_size, people_needed, power_at

WHITE = 117 / 920  # appointed of applied, West Lancashire Borough Council 2019/20


def test_effect_size_by_hand():
    # the angles of 0, 1/4, 1/2 and 1 are 0, 60, 90 and 180 degrees
    assert_allclose(effect_size([0, 0.25, 0.5, 1], 0.5), np.radians([-90, -30, 0, 90]), atol=1e-15)


def test_power_by_hand():
    # 1/4 against 1/2: h is 30 degrees; with 100 and 300 people times the root of 75
    distance = np.pi / 6 * np.sqrt(75)
    expected = stats.norm.cdf(distance - 1.959964) + stats.norm.cdf(-distance - 1.959964)
    assert power_at(0.5, 100, 300, 0.5) == pytest.approx(expected, abs=1e-6)
    assert people_needed(0.5, 0.5, 3) == np.ceil((1.959964 + 0.841621) ** 2 / (np.pi / 6) ** 2 * (1 + 1 / 3))
    low, high = detectable_ratios(100, 300, 0.5)
    half = (1.959964 + 0.841621) / np.sqrt(75) / 2
    assert (low, high) == pytest.approx([np.sin(np.pi / 4 + way * half) ** 2 / 0.5 for way in (-1, 1)], abs=1e-6)


# Printed numbers


def test_printed_power_of_west_lancashire():
    assert power_at(0.8, 43, 920, WHITE) == pytest.approx(0.0806, abs=5e-5)
    assert people_needed(0.8, WHITE, 920 / 43) == 1284


def test_printed_effect_size_of_morris_2017():
    assert effect_size(2 / 10, 15 / 25) == pytest.approx(-0.8449, abs=5e-5)


def test_as_statsmodels():
    rng = np.random.default_rng(8)
    for n, m, rate, ratio in zip(*rng.integers(5, 900, (2, 30)), *rng.uniform(0.1, 0.9, (2, 30)), strict=True):
        h = proportion_effectsize(rate * ratio, rate)
        assert effect_size(rate * ratio, rate) == pytest.approx(h)
        assert power_at(ratio, n, m, rate, 0.9) == pytest.approx(NormalIndPower().power(h, n, 0.1, m / n), rel=1e-9)
        needed = NormalIndPower().solve_power(h, alpha=0.05, power=0.8, ratio=m / n)
        assert people_needed(ratio, rate, m / n) == pytest.approx(needed, abs=1 + 1e-4 * needed)


# Zeros


def test_what_cannot_be_told_is_undefined():
    assert np.isnan(
        power_at([0.8, 0.8, 0.8, 0.8, 3], [0, 9, 9, np.nan, 9], [9, 0, 9, 9, 9], [0.5, 0.5, 0, 0.5, 0.5])
    ).all()
    assert np.isnan(detectable_ratios(3, 5, [0.2, 0.9])[0][0]) and np.isnan(detectable_ratios(3, 5, [0.2, 0.9])[1][1])
    assert people_needed(1, 0.5) == np.inf and np.isnan(people_needed(0.8, [0, 1])).all()


def test_refusals_name_what_is_wrong():
    with pytest.raises(ValueError, match=r"power 80 is not between 0\.05 and 1: write 80 % as 0\.8"):
        people_needed(0.8, 0.5, power=80)
    with pytest.raises(ValueError, match="confidence 95 is not between 0 and 1"):
        power_at(0.8, 9, 9, 0.5, 95)
    with pytest.raises(ValueError, match="share 50 is not between 0 and 1"):
        power_at(0.8, 9, 9, 50)


# Properties


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 2000), st.integers(1, 2000), st.floats(0.02, 0.98), st.floats(0.1, 0.99))
def test_power_rises_with_people_and_distance_and_the_detectable_ratio_has_it(n, m, rate, ratio):
    power = power_at([ratio, ratio, ratio * 0.9], [n, n + 1, n], m, rate)
    assert power[0] <= power[1] + 1e-12 and power[0] <= power[2] + 1e-12 and power[0] >= 0.05 - 1e-9
    for found in detectable_ratios(n, m, rate):
        assert np.isnan(found) or power_at(found, n, m, rate) == pytest.approx(0.8, abs=1e-5)


@settings(max_examples=50, deadline=None)
@given(st.floats(0.02, 0.9), st.floats(0.3, 0.95), st.floats(0.2, 20))
def test_the_people_needed_are_enough_and_one_fewer_are_not(rate, ratio, times):
    n = people_needed(ratio, rate, times)
    assert power_at(ratio, n, n * times, rate) >= 0.8 - 1e-9
    assert power_at(ratio, n - 1, (n - 1) * times, rate) < 0.8 + 1e-4


def test_many_at_once_equal_one_at_a_time():
    n, rate = np.array([20, 300]), np.array([[0.2], [0.6]])
    together = power_at(0.8, n, 5 * n, rate)
    assert_array_equal(together, [[power_at(0.8, a, 5 * a, r) for a in n] for r in rate[:, 0]])


def test_power_is_what_the_score_test_has_in_simulation():
    rng = np.random.default_rng(9)
    for n, m, rate, ratio in [(100, 400, 0.4, 0.6), (300, 300, 0.5, 0.8), (60, 900, 0.5, 0.7)]:
        x, y = rng.binomial(n, rate * ratio, 20_000), rng.binomial(m, rate, 20_000)
        pooled = (x + y) / (n + m)
        z = (x / n - y / m) / np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        assert np.mean(np.abs(z) > 1.959964) == pytest.approx(power_at(ratio, n, m, rate), abs=0.03)
