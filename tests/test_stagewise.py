"""The gap taken apart by stage: by hand, Teal and West Lancashire, properties, coverage."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from divimpact.intervals import katz_ratio
from divimpact.stagewise import log_contributions, parts_of_gap, rate_contributions

# Connecticut v. Teal, 457 U.S. 440 (1982): 26 of 48 Black and 206 of 259 white passed the test, 11 and 35 were promoted
TEAL = ([26, 11], [48, 26], [206, 35], [259, 206])
# West Lancashire Borough Council 2019/20: BME 43, 10, 2 and White 920, 389, 117 applied, shortlisted, appointed
WEST_LANCASHIRE = ([10, 2], [43, 10], [389, 117], [920, 389])
FEW = settings(max_examples=50, deadline=None)


def cells(reached, reference):
    """The four counts of the stages, from how many reached each."""
    (*n, _), (_, *x), (*m, _), (_, *y) = reached, reached, reference, reference
    return x, n, y, m


def test_two_stages_by_hand():
    # the group passes 1/2 and 1/4, the reference 1/4 and 1/2
    contribution, low, high, variance = log_contributions([8, 2], [16, 8], [4, 2], [16, 4])
    assert_allclose(contribution, [np.log(2), -np.log(2)])
    assert_allclose(variance, [1 / 8 - 1 / 16 + 1 / 4 - 1 / 16, 1 / 2 - 1 / 8 + 1 / 2 - 1 / 4])
    assert_allclose(high - low, 2 * 1.959964 * np.sqrt(variance), rtol=1e-6)
    # changed first or last, the first stage adds (1/2 - 1/4) times 1/2 or 1/4
    assert_allclose(rate_contributions([8, 2], [16, 8], [4, 2], [16, 4]), [0.25 * 0.375, -0.25 * 0.375])
    assert_array_equal(
        parts_of_gap([[1.0, 3.0], [1.0, -3.0], [1.0, 0.0], [-1.0, -1.0], [1.0, np.nan]])[[0, 3]],
        [[0.25, 0.75], [0.5, 0.5]],
    )
    assert np.isnan(parts_of_gap([[1.0, -3.0], [1.0, 0.0], [1.0, np.nan], [0.0, 0.0]])).all()


def test_printed_contributions_of_teal():
    contribution = log_contributions(*TEAL)[0]
    assert_allclose([*contribution, contribution.sum()], [-0.38415, 0.91233, 0.52817], atol=6e-6)
    assert np.isnan(parts_of_gap(contribution)).all()  # signs differ
    assert rate_contributions(*TEAL).sum() == pytest.approx(11 / 48 - 35 / 259)


def test_printed_parts_of_west_lancashire():
    assert_allclose(parts_of_gap(log_contributions(*WEST_LANCASHIRE)[0]), [0.594, 0.406], atol=5e-4)


def test_nobody_passing_or_there_is_undefined_where_it_is():
    with_zero = log_contributions([4, 0], [8, 4], [4, 2], [8, 4])
    assert np.isnan(np.array(with_zero)).tolist() == [[False, True]] * 4
    assert_allclose(rate_contributions([4, 0], [8, 4], [4, 2], [8, 4]), [0, -0.25])
    assert np.isnan(rate_contributions([0, 0], [8, 0], [4, 2], [8, 4])).all()
    assert np.isnan(rate_contributions([np.nan, 2], [8, np.nan], [4, 2], [8, 4])).all()


@st.composite
def funnels(draw, most=6):
    """How many of two groups reached each of up to seven stages, falling."""
    stages = draw(st.integers(2, most + 1))
    return [
        sorted(draw(st.lists(st.integers(1, 60), min_size=stages, max_size=stages)), reverse=True) for _ in range(2)
    ]


@FEW
@given(funnels())
def test_log_contributions_and_their_variances_add_up_to_the_overall_ratio(reached):
    x, n, y, m = cells(*reached)
    contribution, *_, variance = log_contributions(x, n, y, m)
    overall = x[-1] / n[0] / (y[-1] / m[0])
    assert contribution.sum() == pytest.approx(np.log(overall), abs=1e-12)
    low, high = katz_ratio(x[-1], n[0], y[-1], m[0])
    assert 2 * 1.959964 * np.sqrt(max(variance.sum(), 0)) == pytest.approx(np.log(high / low), rel=1e-6, abs=1e-6)


@FEW
@given(funnels(most=4))
def test_rate_contributions_are_the_mean_over_all_orders_and_add_up(reached):
    x, n, y, m = map(np.array, cells(*reached))
    found = rate_contributions(x, n, y, m)
    rates, stages = (y / m, x / n), range(len(x))
    added = np.zeros(len(x))
    orders = list(permutations(stages))
    for order in orders:
        for place, stage in enumerate(order):
            before, after = (np.prod([rates[k in order[:end]][k] for k in stages]) for end in (place, place + 1))
            added[stage] += (after - before) / len(orders)
    assert_allclose(found, added, atol=1e-12)
    assert found.sum() == pytest.approx(x[-1] / n[0] - y[-1] / m[0], abs=1e-12)


@FEW
@given(funnels())
def test_swapping_the_groups_turns_all_signs_and_many_at_once_equal_one_at_a_time(reached):
    x, n, y, m = cells(*reached)
    for function in (rate_contributions, lambda *four: log_contributions(*four)[0]):
        assert_allclose(function(y, m, x, n), -function(x, n, y, m), atol=1e-12)
        assert_array_equal(function([x, y], [n, m], y, m)[0], function(x, n, y, m))


def test_eight_stages_of_many_groups_are_quick():
    reached = np.linspace(900, 100, 9).round()
    many = np.broadcast_to(reached, (1000, 9))
    found = rate_contributions(many[:, 1:], many[:, :-1], reached[1:] / 2, reached[:-1] / 2)
    assert found.shape == (1000, 8) and np.abs(found).max() < 1e-12


def test_limits_of_a_stage_cover():
    rng = np.random.default_rng(11)
    first, other = rng.binomial(80, 0.5, 20_000), rng.binomial(300, 0.6, 20_000)
    second, last = rng.binomial(first, 0.4), rng.binomial(other, 0.5)
    stages = [np.stack(pair, axis=-1) for pair in ((first, second), (np.full_like(first, 80), first))]
    reference = [np.stack(pair, axis=-1) for pair in ((other, last), (np.full_like(other, 300), other))]
    _, low, high, _ = log_contributions(*stages, *reference)
    truth = np.log([0.5 / 0.6, 0.4 / 0.5])
    assert_allclose(((low <= truth) & (truth <= high)).mean(axis=0), 0.95, atol=0.01)


def test_refusals_name_what_is_wrong():
    message = (
        "10 passed a stage and 43 are at the next: give all stages in order, first to last, without the overall one"
    )
    for function in (log_contributions, rate_contributions):
        with pytest.raises(ValueError, match=message):
            function([10, 2], [43, 43], [389, 117], [920, 389])
        with pytest.raises(ValueError, match="count 44 of 43: a count lies between 0 and its denominator"):
            function([44, 2], [43, 44], [389, 117], [920, 389])
