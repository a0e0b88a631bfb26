"""Boschloo's test and what one person turns: by hand, printed numbers, properties, level."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from divimpact.exact import ONE_PERSON, boschloo, turned_by_one, with_one_person
from divimpact.intervals import fisher, ratio

FEW = settings(max_examples=50, deadline=None)


# By hand


def test_one_person_by_hand():
    # 2 of 4 against 3 of 5: one different person makes it 3 of 4 against 2 of 5, or 1 of 4 against 4 of 5
    changed = with_one_person(2, 4, 3, 5)
    assert list(changed) == list(ONE_PERSON)
    assert [cells.tolist() for cells in changed.values()] == [[3, 4, 3, 5], [1, 4, 3, 5], [3, 4, 2, 5], [1, 4, 4, 5]]
    assert turned_by_one(2, 4, 3, 5) == 1
    # 1 of 4 against 4 of 5 becomes 2 of 4 against 3 of 5: still less; equal rates have no order
    assert_array_equal(
        turned_by_one([1, 2, 0, 1], [4, 4, 0, np.nan], [4, 2, 1, 1], [5, 4, 3, 3]), [0, 0, np.nan, np.nan]
    )


def test_nobody_can_come_in_or_fall_out_beyond_the_counts():
    changed = with_one_person([0, 4], 4, [5, 0], 5)
    assert [np.isnan(cells).all(axis=0).tolist() for cells in changed.values()] == [
        [False, True],
        [True, False],
        [False, True],
        [True, False],
    ]
    assert_array_equal(turned_by_one([0, 4], 4, [5, 0], 5), [0, 0])


def test_boschloo_where_nobody_or_everybody_passed_and_where_groups_are_large_or_empty():
    assert_array_equal(boschloo([0, 4, 1, 1, 1], [4, 4, 4, 0, 101], [0, 5, np.nan, 1, 1], 5), [1, 1] + [np.nan] * 3)


# Printed numbers


def test_printed_boschloo_of_morris_2017():
    assert boschloo(2, 10, 15, 25) == pytest.approx(0.03660, abs=5e-6)  # not .04180, of the table turned round


def test_one_person_at_west_lancashire():
    # appointed of shortlisted, 2 of 10 BME and 117 of 389 White: one different person 1.0060, one additional .9974
    ratios = {name: ratio(*cells) for name, cells in with_one_person(2, 10, 117, 389).items()}
    assert ratios["one of the group in place of one of the reference"] == pytest.approx(1.0060, abs=5e-5)
    assert ratios["one more of the group"] == pytest.approx(0.9974, abs=5e-5)
    assert_array_equal(turned_by_one([2, 10, 2], [10, 43, 43], [117, 389, 117], [389, 920, 920]), [1, 0, 0])


def test_new_haven_captains_are_not_enough_to_tell_apart_and_not_turned_by_one():
    # Miao 2010: 3 of 8 against 16 of 25; one different person makes it 4 of 8 against 15 of 25
    assert turned_by_one(3, 8, 16, 25) == 0 and fisher(3, 8, 16, 25) > 0.05


# Properties


@FEW
@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_who_comes_first_does_not_matter(n, m, data):
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    assert turned_by_one(x, n, y, m) == turned_by_one(y, m, x, n)
    assert turned_by_one(x, n, y, m) == turned_by_one(n - x, n, m - y, m)


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.data())
def test_boschloo_does_not_care_for_the_order_of_groups_and_exceeds_fisher_at_most_by_the_doubling(n, m, data):
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    p = boschloo(x, n, y, m)
    assert_allclose([boschloo(y, m, x, n), boschloo(n - x, n, m - y, m)], p, rtol=1e-4)
    one_sided = [stats.fisher_exact([[x, n - x], [y, m - y]], alternative=side).pvalue for side in ("less", "greater")]
    assert p <= 2 * min(one_sided) + 1e-6


@pytest.mark.parametrize(("n", "m"), [(6, 9), (10, 10)])
def test_boschloo_keeps_its_level_and_finds_no_less_than_twice_fishers_tail(n, m):
    # exactly, at rates that are the same
    x, y, rates = np.arange(n + 1)[:, None], np.arange(m + 1), np.linspace(0.02, 0.98, 49)
    rejected = boschloo(x, n, y, m) <= 0.05
    chance = stats.binom.pmf(x[..., None], n, rates) * stats.binom.pmf(y[:, None], m, rates)
    assert (chance * rejected[..., None]).sum(axis=(0, 1)).max() <= 0.05
    tails = np.array(
        [[stats.hypergeom.cdf([a, n - a], n + m, [a + b, n + m - a - b], n).min() for b in y] for a in x[:, 0]]
    )
    assert rejected[2 * tails <= 0.05].all() and rejected.sum() > (2 * tails <= 0.05).sum()


# Refusals


def test_refusals_name_what_is_wrong():
    for function in (boschloo, with_one_person, turned_by_one):
        with pytest.raises(ValueError, match=rf"{function.__name__} needs whole people, 1\.5 is not a whole number"):
            function(1.5, 3, 1, 3)
        with pytest.raises(ValueError, match="count 4 of 3: a count lies between 0 and its denominator"):
            function(4, 3, 1, 3)
