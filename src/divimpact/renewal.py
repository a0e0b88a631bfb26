"""How the share of a group moves as people leave and others take their place: arrays in, arrays out.

Of the group a part `leaving` leaves each year, of the others `others_leaving`. As many join as have left, and
`growth` of all staff besides; where that is negative, posts end as people leave, and nobody has to go. `joining` of
those who join are of the group. Arguments broadcast, so that rates can be many draws at once. Years need not be
whole; what is undefined is NaN.
"""

from fractions import Fraction
from functools import reduce
from math import ceil, floor

import numpy as np
from scipy import signal, stats
from scipy.optimize import elementwise


def share_after(years, start, joining, leaving, others_leaving, growth=0.0):
    """Expected share of the group after some years.

    Each year p becomes kept p + added, with kept = (1 - wg + h (wg - wo)) / (1 + g), added = h (wo + g) / (1 + g):
    h joining, wg leaving, wo others_leaving, g growth. Between whole years the same curve holds.

    References
    ----------
    Bartholomew, D. J. (1982), Stochastic Models for Social Processes, 3rd ed., chapter 3: Markov chains with
    recruitment to a given size.

    Examples
    --------
    >>> share_after([1, 4], 0.18, 0.40, 0.06, 0.06).round(6)
    array([0.1932  , 0.228235])
    """
    kept, added = _yearly(joining, leaving, others_leaving, growth)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_over = kept**years
        times = np.where(kept == 1, years, (1 - left_over) / (1 - kept))
    return start * left_over + added * times


def long_run(joining, leaving, others_leaving, growth=0.0):
    """Share at which the group ends if nothing changes; NaN where nobody joins.

    Examples
    --------
    >>> print(long_run(0.30, 0.09, 0.06).round(4))
    0.2222
    """
    kept, added = _yearly(joining, leaving, others_leaving, growth)
    return added / np.where(kept == 1, np.nan, 1 - kept)


def required_share(start, target, years, leaving, others_leaving, growth=0.0):
    """Share of those who join that leads from start to target in some years, the same in each year.

    Above 1 hiring alone does not lead there, below 0 the target is passed whoever joins. With equal exit rates it
    is (target - start q) / (1 - q), q = ((1 - w) / (1 + g))^years. With unequal ones who leaves depends on who
    joined, so the share after two years or more is no longer linear in it; it rises throughout where `kept` is
    positive, and the root always lies there.

    Examples
    --------
    >>> required_share(0.18, 0.30, 4, [0.06, 0.09], 0.06).round(6)
    array([0.727318, 0.755443])
    """

    def beyond(joining, start, target, years, *exits):
        return share_after(years, start, joining, *exits, growth) - target

    given = start, target, years, leaving, others_leaving = _together(start, target, years, leaving, others_leaving)
    more = leaving - others_leaving
    with np.errstate(divide="ignore", invalid="ignore"):
        edge = (leaving - 1) / more  # where nothing is kept
    inside = {"xmin": np.where(more > 0, edge, -np.inf), "xmax": np.where(more < 0, edge, np.inf)}
    found = elementwise.bracket_root(beyond, 0.0, 1.0, **inside, args=given)
    return _root(beyond, found.bracket, given)


def years_until(start, target, joining, leaving, others_leaving, growth=0.0):
    """Years until the share reaches the target: 0 at the target, infinite where it never does.

    Examples
    --------
    >>> years_until(0.18, 0.30, [0.40, 0.30], 0.06, 0.06).round(2)
    array([12.74,   inf])
    """
    end = long_run(joining, leaving, others_leaving, growth)
    kept, _ = _yearly(joining, leaving, others_leaving, growth)
    start, target = _together(start, target)
    with np.errstate(divide="ignore", invalid="ignore"):
        still = (target - end) / (start - end)  # of the way to the end
        years = np.log(still) / np.log(kept)
    on_the_way = (still > 1e-12) & (still < 1)  # what is less is rounding: the end itself is never reached
    return np.select([start == target, np.isnan(still), on_the_way], [0, np.nan, years], default=np.inf)


def exits_needed(start, target, years, joining, leaving, others_leaving, growth=0.0):
    """By what both exit rates must be multiplied for the share to go from start to target in some years.

    0 where growth alone leads there, infinite where not even the exit of everyone in a group does, NaN where nobody
    leaves. In a staff that shrinks at least as many leave as posts end.

    Examples
    --------
    >>> (0.06 * exits_needed(0.18, 0.30, 4, [0.5, 1], 0.06, 0.06)).round(5)
    array([0.11086, 0.03878])
    """

    def beyond(factor, start, target, years, joining, *exits):
        return share_after(years, start, joining, *(factor * rate for rate in exits), growth) - target

    given = start, target, _, _, *exits = _together(start, target, years, joining, leaving, others_leaving)
    fastest, together = np.maximum(*exits), turnover(start, *exits)
    at_least, at_most = (
        bound / np.where(fastest > 0, of, np.nan) for bound, of in ((max(-growth, 0), together), (1, fastest))
    )
    with_least, with_most = (beyond(factor, *given) * np.sign(target - start) for factor in (at_least, at_most))
    found = _root(beyond, (at_least, at_most), given)
    return np.select([with_least >= 0, with_most < 0], [at_least, np.inf], default=found)


def turnover(share, leaving, others_leaving):
    """Part of all staff that leaves in a year."""
    return share * leaving + (1 - share) * others_leaving


def rates_drawn(count, nobs, draws, rng):
    """Draw rates as uncertain as their counts leave them: from Beta(count + 1/2, nobs - count + 1/2).

    Draws come first; NaN where `nobs` is 0 or missing.

    References
    ----------
    Jeffreys' prior: Brown, L. D., Cai, T. T. and DasGupta, A. (2001), Stat. Sci. 16, 101-133, section 4.

    Examples
    --------
    >>> rates_drawn([30, 0], [100, 0], 1000, np.random.default_rng(1)).mean(axis=0).round(2)
    array([0.3, nan])
    """
    count, nobs = _together(count, nobs)
    known = (nobs > 0) & (count >= 0)
    count, rest = np.where(known, count, 0), np.where(known, nobs - count, 0)
    return np.where(known, rng.beta(count + 0.5, rest + 0.5, (draws, *count.shape)), np.nan)


def people_drawn(ends, people, staff, joining, leaving, others_leaving, growth=0.0, *, rng):
    """Draw courses of a staff: how many are of the group at each of the `ends`, in years, and how many in all.

    Until each end everyone stays or leaves by chance; then the posts that the staff is to have are filled, each by
    itself. Where fewer leave than posts end, nobody joins and the staff is larger. `people` and the rates may be
    arrays, of draws.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> *_, (found, of) = people_drawn([1, 2, 3, 4], 36, 200, np.full(10_000, 0.46), 0.10, 0.10, rng=rng)
    >>> print((found >= 0.3 * of).mean().round(1))
    0.2
    """
    people, joining, leaving, others_leaving = np.broadcast_arrays(people, joining, leaving, others_leaving)
    others = staff - people
    for years, end in zip(np.diff(ends, prepend=0), ends, strict=True):
        stayed, others_stayed = (
            rng.binomial(number, (1 - rate) ** years) for number, rate in ((people, leaving), (others, others_leaving))
        )
        free = np.maximum(_size(end, staff, growth) - stayed - others_stayed, 0)
        joined = rng.binomial(free, joining)
        people, others = stayed + joined, others_stayed + free - joined
        yield people, people + others


def chances(years, people, staff, joining, leaving, others_leaving, growth=0.0):
    """Chance of each number of people of the group, from nobody to all staff, after some years. Plain numbers in.

    Each year the holder of a post leaves with the exit rate of the own group and is replaced by one of the group with
    chance `joining`, whatever happens on other posts: a Markov chain of two states. So the number is a sum of
    binomials, of the posts that the group holds, of those that others hold and of the new ones of each year. Not so
    where posts end: a negative growth is refused.

    Raises
    ------
    ValueError
        For a negative growth.

    References
    ----------
    Bartholomew, D. J. (1982), as `share_after`: the distribution of grade sizes with random replacement.

    Examples
    --------
    >>> chance = chances(4, 36, 200, 0.46, 0.10, 0.10)
    >>> print(chance[60:].sum().round(5))  # 30 % or more
    0.20675
    """
    if growth < 0:
        raise ValueError(f"growth {growth:g} is below 0: which posts end depends on who leaves, draw courses instead")
    posts = _posts(years, people, staff, joining, leaving, others_leaving, growth)
    parts = [stats.binom.pmf(np.arange(number + 1), number, chance) for number, chance in posts]
    return np.clip(reduce(signal.convolve, parts), 0, 1)


def people_at(target, staff, way):
    """Fewest people of the group that are at least the target share of the staff; if `way` is negative, most at most.

    Exact for the share as it is written: 0.3 of 10 people are 3.

    Examples
    --------
    >>> people_at(0.3, [10, 11], +1), people_at(0.3, [10, 11], -1)
    (array([3, 4]), array([3, 3]))
    """
    share, whole = Fraction(str(target)), floor if way < 0 else ceil
    sizes, places = np.unique(staff, return_inverse=True)
    return np.array([whole(share * int(size)) for size in sizes])[places]


def between_grades(stock, leaving, moving, joining, years, growth=0.0):
    """Expected people by group and grade in each year, as some leave, some move up and others join from outside.

    Parameters
    ----------
    stock, leaving, joining : array, groups by grades
        People at the start, rates at which they leave, and how many join each grade from outside in a year.
    moving : array, groups by grades by grades
        Rates at which people move from one grade to another. All but `stock` may be many draws at once, draws first.
    years : int
    growth : float
        By what part more join each year than in the year before.

    Returns
    -------
    ndarray
        Years 0 to `years`, by groups and grades. Grades grow and shrink as people come and go: nothing holds their
        size. A rate that is missing makes missing what depends on it.

    References
    ----------
    Bartholomew, D. J., Forbes, A. F. and McClean, S. I. (1991), Statistical Techniques for Manpower Planning,
    2nd ed., chapter 4: graded systems with given recruitment.

    Examples
    --------
    >>> up = [[[0, 0.1], [0, 0]], [[0, 0.2], [0, 0]]]  # one in ten of the group moves up, two in ten of the others
    >>> between_grades([[50, 10], [50, 10]], np.full((2, 2), 0.1), up, [[20, 1], [10, 0]], 1)[1]
    array([[60., 15.],
           [45., 19.]])
    """
    stock, leaving, moving, joining = (np.asarray(one, float) for one in (stock, leaving, moving, joining))
    stays = 1 - leaving - moving.sum(axis=-1)
    found = [np.broadcast_to(stock, np.broadcast_shapes(stock.shape, stays.shape, joining.shape))]
    for year in range(1, years + 1):
        rose = np.einsum("...gf,...gft->...gt", found[-1], np.broadcast_to(moving, (*found[-1].shape, len(stock[0]))))
        found.append(found[-1] * stays + rose + joining * (1 + growth) ** year)
    return np.stack(found)


def year_ends(years):
    """Return the ends of the years that begin within `years`, the last of them perhaps a part of one.

    Examples
    --------
    >>> year_ends(2), year_ends(2.5)
    ([1, 2], [1, 2, 2.5])
    """
    return [*range(1, ceil(years)), years]


def _together(*given):
    return np.broadcast_arrays(*(np.asarray(one, float) for one in given))


def _yearly(joining, leaving, others_leaving, growth):
    """By what the share is multiplied each year, and what is added to it."""
    joining, leaving, others_leaving = _together(joining, leaving, others_leaving)
    kept = (1 - leaving + joining * (leaving - others_leaving)) / (1 + growth)
    return kept, joining * (others_leaving + growth) / (1 + growth)


def _root(function, bracket, given):
    """Where a function is 0 between two points, NaN where it does not change its sign there."""
    with np.errstate(all="ignore"):
        found = elementwise.find_root(function, bracket, args=given)
    return np.where(found.success, found.x, np.nan)


def _posts(years, people, staff, joining, leaving, others_leaving, growth):
    """Numbers of posts, and the chance that the group holds each at the end: its own, others', those new in a year."""
    ends = year_ends(years)
    new = np.diff([staff, *(_size(end, staff, growth) for end in ends)])
    held = [
        (people, 1.0, 0),
        (staff - people, 0.0, 0),
        *((number, joining, end) for number, end in zip(new, ends, strict=True)),
    ]
    return [
        (number, np.clip(share_after(years - since, share, joining, leaving, others_leaving), 0, 1))
        for number, share, since in held
    ]


def _size(years, staff, growth):
    return round(staff * (1 + growth) ** years)
