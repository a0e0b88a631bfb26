"""A staff that renews itself: by hand, against REFERENCES' numbers (18 % to 30 %), properties, simulated coverage."""

import doctest

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from divimpact import renewal
from divimpact.renewal import (
    between_grades,
    chances,
    exits_needed,
    long_run,
    people_at,
    people_drawn,
    rates_drawn,
    required_share,
    share_after,
    years_until,
)

WAY = (0.18, 0.30)  # the toolkit's city: 18 % with migration background, 30 % wanted (ECCAR/ICCAR 2017)
PRINTED = 5e-5  # four decimals
SIX = 5e-7  # six decimals


# By hand


def test_two_years_by_hand():
    # of 100 of the group and 300 others 10 and 60 leave; 35 of the 70 who join are of the group: 125, 275
    assert_allclose(share_after([0, 1], 0.25, 0.5, 0.1, 0.2), [0.25, 125 / 400])
    # then 12.5 and 55 leave, 33.75 join: 146.25
    assert_allclose(share_after(2, 0.25, 0.5, 0.1, 0.2), 146.25 / 400)
    assert_allclose(required_share(0.25, 146.25 / 400, 2, 0.1, 0.2), 0.5)
    assert_allclose(years_until(0.25, 146.25 / 400, 0.5, 0.1, 0.2), 2)
    assert_allclose(exits_needed(0.25, 146.25 / 400, 2, 0.5, 0.1, 0.2), 1)


def test_growth_by_hand():
    # 10 and 60 of 100 and 300 leave, 70 + 40 join, 55 of them of the group: 145 of 440
    assert_allclose(share_after(1, 0.25, 0.5, 0.1, 0.2, 0.1), 145 / 440)
    assert_allclose(required_share(0.25, 145 / 440, 1, 0.1, 0.2, 0.1), 0.5)


def test_chances_of_two_posts_by_hand():
    # one year; the group's post stays with it by 3/4 + 1/4 * 1/2 = 7/8, the other's comes to it by 1/2 * 1/2 = 1/4
    assert_allclose(chances(1, 1, 2, 0.5, 0.25, 0.5), [1 / 8 * 3 / 4, 7 / 8 * 3 / 4 + 1 / 8 * 1 / 4, 7 / 8 * 1 / 4])
    # a third post comes and goes to the group by 1/2
    assert_allclose(chances(1, 1, 2, 0.5, 0.25, 0.5, 0.5)[3], 7 / 8 * 1 / 4 / 2)


def test_whole_people_at_a_share_by_hand():
    assert people_at(0.3, [10, 11, 200, 0], 1).tolist() == [3, 4, 60, 0]
    assert people_at(0.3, [10, 11, 200, 0], -1).tolist() == [3, 3, 60, 0]
    assert people_at(np.float64(0.07), 100, 1) == 7  # 0.07 * 100 is 7.000000000000001


def test_two_grades_by_hand():
    # 1: 40 and 60 below, 10 and 10 above; a tenth leaves everywhere; of the group 1 in 20 moves up, of others 1 in 10
    up = [[[0, 0.05], [0, 0]], [[0, 0.1], [0, 0]]]
    found = between_grades([[40, 10], [60, 10]], np.full((2, 2), 0.1), up, [[9, 1], [9, 4]], 1)
    # below 34 and 48 stay, 9 and 9 join; above 9 + 2 and 9 + 6, 1 and 4 join from outside though it grows
    assert_allclose(found[1], [[43, 12], [57, 19]])
    grown = between_grades([[40, 10], [60, 10]], np.full((2, 2), 0.1), up, [[9, 1], [9, 4]], 1, 0.1)
    assert_allclose(grown[1] - found[1], [[0.9, 0.1], [0.9, 0.4]])


# REFERENCES.md, section Trajectory


@pytest.mark.parametrize(
    ("rate", "shares", "digits"),
    [
        (0.04, {3: 1.2211, 4: 0.9765, 5: 0.8300, 8: 0.6107, 10: 0.5380}, PRINTED),
        (0.06, {3: 0.888316, 4: 0.727318}, SIX),
        (0.08, {3: 0.7222, 4: 0.6031, 5: 0.5320, 8: 0.4265, 10: 0.3922}, PRINTED),
        (0.10, {3: 0.6228, 5: 0.4730, 8: 0.3907, 10: 0.3642}, PRINTED),
        (0.10, {4: 0.528939}, SIX),
        (0.15, {3: 0.4910, 5: 0.3957, 8: 0.3449, 10: 0.3294}, PRINTED),
        (0.15, {4: 0.431049}, SIX),
    ],
)
def test_required_share_of_those_who_join(rate, shares, digits):
    assert_allclose(required_share(*WAY, list(shares), rate, rate), list(shares.values()), atol=digits, rtol=0)


def test_the_path_to_thirty_per_cent_and_the_hires_of_a_year():
    hiring = required_share(*WAY, 4, 0.06, 0.06)
    path = share_after([1, 2, 3, 4], 0.18, hiring, 0.06, 0.06)
    assert_allclose(path, [0.21284, 0.24371, 0.27272, 0.30000], atol=5e-6)
    assert hiring * 0.06 * 2000 == pytest.approx(87.3, abs=0.05)  # of 120


def test_what_hiring_forty_per_cent_leads_to():
    assert share_after(4, 0.18, 0.40, 0.06, 0.06) == pytest.approx(0.228235, abs=SIX)
    assert years_until(*WAY, 0.40, 0.06, 0.06) == pytest.approx(12.74, abs=0.005)
    assert years_until(*WAY, [0.30, 0.20, 0.10], 0.06, 0.06).tolist() == [np.inf] * 3


def test_growth_and_the_turnover_at_which_half_of_all_hires_suffice():
    assert required_share(*WAY, 4, 0.06, 0.06, 0.02) == pytest.approx(0.610557, abs=SIX)
    assert 0.06 * exits_needed(*WAY, 4, 0.5, 0.06, 0.06) == pytest.approx(0.11086, abs=5e-6)


def test_what_twenty_six_and_a_half_per_cent_in_four_years_imply():
    implied = required_share(0.18, 0.265, 4, [0.06, 0.10, 0.15], [0.06, 0.10, 0.15])
    # REFERENCES.md prints .427185 for the second: (.265 - .18 * .6561) / .3439 is .427165
    assert_allclose(implied, [0.567683, 0.427165, 0.357827], atol=SIX)


def test_unequal_exits():
    assert_allclose(required_share(*WAY, 4, [0.09, 0.12], [0.06, 0.08]), [0.755443, 0.644368], atol=SIX)
    assert long_run(0.30, 0.09, 0.06) == pytest.approx(0.2222, abs=PRINTED)
    assert long_run(0.30, 0.09, 0.06) == pytest.approx((0.3 / 0.09) / (0.3 / 0.09 + 0.7 / 0.06))


@pytest.mark.parametrize(
    ("leaving", "others", "held", "share"), [(0.09, 0.06, 0.7660, 0.755443), (0.12, 0.08, 0.6526, 0.644368)]
)
def test_hires_held_at_the_first_year_are_another_model(leaving, others, held, share):
    # whoever joined may leave, too: group and others after four years are (stay + share * come) of each
    hires = leaving * 0.18 + others * 0.82
    stay, stay_others = 0.18 * (1 - leaving) ** 4, 0.82 * (1 - others) ** 4
    come, come_others = (hires * (1 - (1 - rate) ** 4) / rate for rate in (leaving, others))
    other = (0.3 * (stay + stay_others + come_others) - stay) / (0.7 * come + 0.3 * come_others)
    assert other == pytest.approx(held, abs=PRINTED)
    assert required_share(*WAY, 4, leaving, others) == pytest.approx(share, abs=SIX)


@pytest.mark.parametrize(("staff", "reached", "beyond"), [(200, 0.20675, 0.15748), (1000, 0.02440, 0.01999)])
def test_chance_of_thirty_per_cent(staff, reached, beyond):
    chance = chances(4, 18 * staff // 100, staff, 0.46, 0.10, 0.10)
    needed = people_at(0.3, staff, 1)
    assert chance[needed:].sum() == pytest.approx(reached, abs=5e-6)
    assert chance[needed + 1 :].sum() == pytest.approx(beyond, abs=5e-6)


# Properties

shares, rates = st.integers(1, 99).map(lambda share: share / 100), st.floats(0.005, 0.5)


@settings(max_examples=60, deadline=None)
@given(shares, shares, st.integers(1, 40), rates, rates, st.floats(0, 0.1))
def test_the_required_share_leads_to_the_target_and_no_other_share_does(start, target, years, leaving, others, growth):
    share = required_share(start, target, years, leaving, others, growth)
    below, reached, above = share_after(years, start, share + np.array([-0.01, 0, 0.01]), leaving, others, growth)
    assert reached == pytest.approx(target, abs=1e-9)
    assert below < target < above


@settings(max_examples=40, deadline=None)
@given(shares, shares, st.integers(1, 12), rates, rates, st.floats(0, 0.1))
def test_years_one_by_one_are_the_closed_form(start, joining, years, leaving, others, growth):
    group, staff = start, 1.0
    for _ in range(years):
        left, left_in_all = leaving * group, leaving * group + others * (staff - group)
        group += joining * (left_in_all + growth * staff) - left
        staff *= 1 + growth
    assert share_after(years, start, joining, leaving, others, growth) == pytest.approx(group / staff, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(shares, shares, shares, rates, rates, st.integers(1, 12))
def test_the_group_and_the_others_mirror_each_other(start, target, joining, leaving, others, years):
    mirrored = 1 - required_share(1 - start, 1 - target, years, others, leaving)
    assert required_share(start, target, years, leaving, others) == pytest.approx(mirrored, abs=1e-8)
    assume(abs(target - long_run(joining, leaving, others)) > 1e-6)
    mirrored = years_until(1 - start, 1 - target, 1 - joining, others, leaving)
    assert years_until(start, target, joining, leaving, others) == pytest.approx(mirrored, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(shares, shares, rates, rates, st.integers(1, 20))
def test_the_years_until_a_share_are_those_after_which_it_stands(start, joining, leaving, others, years):
    there = share_after(years, start, joining, leaving, others)
    if abs(there - long_run(joining, leaving, others)) > 1e-6 and abs(there - start) > 1e-6:
        assert years_until(start, there, joining, leaving, others) == pytest.approx(years, rel=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40), shares, rates, rates, st.integers(1, 6), st.sampled_from([0, 0.05]))
def test_chances_sum_to_one_around_the_expected_share(people, others, joining, leaving, others_leaving, years, growth):
    chance = chances(years, people, people + others, joining, leaving, others_leaving, growth)
    assert chance.sum() == pytest.approx(1)
    if people + others and not growth:
        expected = share_after(years, people / (people + others), joining, leaving, others_leaving)
        assert chance @ np.arange(len(chance)) == pytest.approx(expected * (people + others))


@settings(max_examples=30, deadline=None)
@given(shares, shares, rates, rates, st.integers(1, 6))
def test_one_grade_that_takes_in_as_many_as_leave_is_the_city(start, joining, leaving, others, years):
    stock, exits = [[1000 * start], [1000 * (1 - start)]], [[leaving], [others]]
    for year in range(1, years + 1):
        share = share_after(year, start, joining, leaving, others)
        free = sum(rate * people for (rate,), (people,) in zip(exits, stock, strict=True))
        stock = between_grades(stock, exits, np.zeros((2, 1, 1)), [[joining * free], [(1 - joining) * free]], 1)[1]
        assert_allclose(stock[:, 0], [1000 * share, 1000 * (1 - share)])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 6), st.sampled_from([0, 0.05, -0.03]))
def test_grades_are_followed_one_person_after_the_other(seed, grades, years, growth):
    rng = np.random.default_rng(seed)
    stock, joining = rng.integers(0, 50, (2, grades)), rng.integers(0, 5, (2, grades))
    leaving, moving = rng.uniform(0, 0.2, (2, grades)), np.triu(rng.uniform(0, 0.2, (2, grades, grades)), 1)
    expected = stock.astype(float)
    for year in range(1, years + 1):
        then = np.zeros((2, grades))
        for group in range(2):
            for grade in range(grades):
                stays = 1 - leaving[group, grade] - sum(moving[group, grade])
                then[group, grade] += expected[group, grade] * stays + joining[group, grade] * (1 + growth) ** year
                for other in range(grades):
                    then[group, other] += expected[group, grade] * moving[group, grade, other]
        expected = then
    found = between_grades(stock, leaving, moving, joining, years, growth)
    assert_allclose(found[-1], expected)
    many = between_grades(stock, np.stack([leaving, leaving / 2]), np.stack([moving, moving]), joining, years, growth)
    assert_allclose(many[:, 0], found)


def test_every_draw_is_solved_at_once_as_it_is_alone():
    leaving, others = np.random.default_rng(1).beta(5, 60, (2, 50))
    alone = [required_share(0.1, 0.25, 5, *pair) for pair in zip(leaving, others, strict=True)]
    assert_allclose(required_share(0.1, 0.25, 5, leaving, others), alone, rtol=1e-12)


# Zero and missing


def test_nobody_leaves_and_nobody_joins():
    assert_array_equal(required_share(*WAY, 4, [0, np.nan], [0, 0.1]), [np.nan, np.nan])
    assert_array_equal(exits_needed(*WAY, 4, 0.5, [0, np.nan], [0, 0.1]), [np.nan, np.nan])
    assert_array_equal(share_after(3, 0.18, 0.5, 0, 0), 0.18)
    assert np.isnan(long_run(0.5, 0, 0))
    assert np.isnan(years_until(*WAY, 0.5, 0, 0))


def test_a_target_at_the_start_beyond_reach_or_reached_by_growth_alone():
    assert years_until(0.3, 0.3, [0.1, 0.3, 0.9], 0.1, 0.1).tolist() == [0, 0, 0]
    assert exits_needed(0.18, 0.30, 4, [0.25, 1.0], 0.06, 0.06).round(3).tolist() == [np.inf, 0.646]
    assert exits_needed(0.18, 0.30, 4, 1.0, 0.06, 0.06, 0.10) == 0


def test_draws_of_rates_of_nobody_are_missing():
    found = rates_drawn([1, 0, np.nan], [2, 0, 3], 4, np.random.default_rng(1))
    assert np.isnan(found).tolist() == [[False, True, True]] * 4


def test_missing_rates_of_a_grade_reach_only_what_rises_from_it():
    leaving = np.array([[0.1, np.nan, 0.1], [0.1, 0.1, 0.1]])
    moving = np.zeros((2, 3, 3))
    moving[:, 1, 2] = 0.1
    found = between_grades(np.full((2, 3), 10), leaving, moving, np.full((2, 3), 1), 1)[1, 0]
    assert np.isnan(found).tolist() == [False, True, False]


def test_the_end_itself_is_never_reached():
    # rounding leaves 1e-16 of the way in one of these
    assert years_until([0.25, 0.75], 0.5, 0.5, 0.005, 0.005).tolist() == [np.inf, np.inf]


# Drawing


def test_drawn_people_follow_the_exact_chances():
    rng, ends, given = np.random.default_rng(3), [1, 2, 2.5], (6, 20, np.full(20_000, 0.4), 0.1, 0.2)
    for years, (found, staff) in zip(ends, people_drawn(ends, *given, 0.1, rng=rng), strict=True):
        chance = chances(years, 6, 20, 0.4, 0.1, 0.2, 0.1)
        assert set(staff) == {len(chance) - 1}
        seen = np.bincount(found, minlength=len(chance)) / len(found)
        assert np.abs(seen - chance).max() < 4 * np.sqrt(0.25 / 20_000)
    assert set(staff) == {25}, "20 posts grow by 1.1 ** 2.5"


def test_a_staff_shrinks_as_people_leave_and_nobody_has_to_go():
    # a year: 10 of 100 leave, 4 posts end, 6 are filled by halves; of the group 45 of 50 stay, 3 come
    rng = np.random.default_rng(4)
    ((found, staff),) = people_drawn([1], 50, 100, np.full(40_000, 0.5), 0.1, 0.1, -0.04, rng=rng)
    assert share_after(1, 0.5, 0.5, 0.1, 0.1, -0.04) == pytest.approx(48 / 96)
    assert found.mean() == pytest.approx(48, abs=0.1)
    fewer = staff > 96
    assert 0 < fewer.mean() < 0.05 and staff.max() <= 100, "where fewer than 4 leave, the staff is larger"
    ((found, staff),) = people_drawn([1], 50, 100, np.full(9, 1.0), 0.0, 0.0, -0.04, rng=rng)
    assert set(found) == {50} and set(staff) == {100}


def test_shrinking_by_hand():
    # of 100 and 300 leave 10 and 60; 20 posts end and 50 are filled, 25 of them of the group: 115 of 380
    assert_allclose(share_after(1, 0.25, 0.5, 0.1, 0.2, -0.05), 115 / 380)
    assert_allclose(required_share(0.25, 115 / 380, 1, 0.1, 0.2, -0.05), 0.5)
    assert_allclose(exits_needed(0.25, 115 / 380, 1, 0.5, 0.1, 0.2, -0.05), 1)
    # at its least as many leave as posts end, 5 %: in equal parts of both nothing changes
    assert_allclose(exits_needed(0.25, 0.25, 1, 0.5, 0.1, 0.1, -0.05), 0.5)
    with pytest.raises(ValueError, match=r"growth -0\.05 is below 0: which posts end depends on who leaves"):
        chances(1, 25, 100, 0.5, 0.1, 0.2, -0.05)


def test_draws_of_rates_are_jeffreys_posterior():
    found = rates_drawn(3, 10, 40_000, np.random.default_rng(2))
    assert found.mean() == pytest.approx(3.5 / 11, abs=4 * 0.14 / 200)
    assert np.quantile(found, [0.025, 0.975]) == pytest.approx(stats.beta.ppf([0.025, 0.975], 3.5, 7.5), abs=0.01)


def history(rng, people, staff, joining, leaving, others, years=4, alike=0.0):
    """Return who is of the group after some years, and joined, all joined, left, at risk, others left and at risk.

    `alike` is how much those who join in one year are alike (intra-class correlation).
    """
    counts = np.zeros((6, *people.shape))
    for _ in range(years):
        left, others_left = rng.binomial(people, leaving), rng.binomial(staff - people, others)
        spread = 1 / alike - 1 if alike else np.inf
        of_year = rng.beta(joining * spread, (1 - joining) * spread, people.shape) if alike else joining
        joined = rng.binomial(left + others_left, of_year)
        counts += joined, left + others_left, left, people, others_left, staff - people
        people = people - left + joined
    return people, counts


def coverage(staff, rates, confidence, alike=0.0, histories=2000, draws=1000):
    """Return how often the fan after four years of observation holds the share four years later, and should."""
    rng = np.random.default_rng(20260101)
    now, counts = history(rng, np.full(histories, 18 * staff // 100), staff, *rates, alike=alike)
    later, _ = history(rng, now, staff, *rates, alike=alike)
    drawn = [rates_drawn(count, nobs, draws, rng) for count, nobs in counts.reshape(3, 2, -1)]
    *_, (found, _) = people_drawn([1, 2, 3, 4], now, staff, *drawn, rng=rng)
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    low, high = np.quantile(found, tails, axis=0, method="inverted_cdf")
    expected = 0
    for people, number in zip(*np.unique(now, return_counts=True), strict=True):
        chance = chances(4, people, staff, *rates)  # whole people: limits of known rates hold a little more
        least, most = np.searchsorted(chance.cumsum(), tails)
        expected += number / histories * chance[least : most + 1].sum()
    return ((low <= later) & (later <= high)).mean(), expected


@pytest.mark.slow
@pytest.mark.parametrize("confidence", [0.80, 0.95])
@pytest.mark.parametrize(
    ("staff", "rates"), [(200, (0.3, 0.07, 0.06)), (800, (0.3, 0.07, 0.06)), (2000, (0.4, 0.06, 0.06))]
)
def test_the_fan_holds_the_share_as_often_as_it_says(staff, rates, confidence):
    held, expected = coverage(staff, rates, confidence)
    assert confidence <= expected < confidence + 0.04
    assert abs(held - expected) < 3 * np.sqrt(expected * (1 - expected) / 2000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("staff", "rates", "narrow", "wide"),
    [
        (200, (0.3, 0.07, 0.06), 0.794, 0.938),
        (800, (0.3, 0.07, 0.06), 0.694, 0.886),
        (2000, (0.4, 0.06, 0.06), 0.629, 0.811),
    ],
)
def test_years_in_which_hires_are_alike_make_the_fan_too_narrow(staff, rates, narrow, wide):
    # ASSUMPTIONS.md prints these
    held = [coverage(staff, rates, confidence, alike=0.02)[0] for confidence in (0.80, 0.95)]
    assert held == pytest.approx([narrow, wide], abs=0.001)


def test_examples():
    assert doctest.testmod(renewal).failed == 0
