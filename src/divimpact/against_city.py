"""How far districts or services may lie from the city by chance (Q7): arrays in, arrays out, in the order given.

The centre (the rate of the city, or what it would lead to) is taken as fixed. Limits at 95 % and 99.8 % are usual: of
many places that are all like the city one in twenty lies beyond the first by chance, one in five hundred beyond the
second. Where places differ more than chance lets them everywhere (overdispersion), limits are widened by that much, so
that only what stands out from the usual differences lies beyond.
"""

import numpy as np
from scipy import special

from divimpact.events import garwood
from divimpact.intervals import as_shares, refuse_other_confidence, z_of


def limits(centre, nobs, confidence=0.95, dispersion=1.0):
    """Return limits around a rate for places with so many people, by the normal distribution, within 0..1.

    Rough where `nobs` times the centre, or times 1 less the centre, is below ten or so: see `exact_limits`.

    Parameters
    ----------
    centre, nobs : array_like
        Rate of the city, and people of each place.
    dispersion : float
        As `overdispersion` measures it; up to 1, and where it is missing, nothing is added.

    Returns
    -------
    low, high : ndarray
        NaN where `nobs` is 0 or missing.

    Raises
    ------
    ValueError
        For a centre or a confidence outside 0..1, or `nobs` below 0.

    References
    ----------
    Spiegelhalter, D. J. (2005), Stat. Med. 24, 1185-1202, sections 2 and 4; clipped as in the funnel plots of Public
    Health England.

    Examples
    --------
    >>> low, high = limits(0.2, [100, 400], dispersion=2.25)
    >>> low.round(4), high.round(4)
    (array([0.0824, 0.1412]), array([0.3176, 0.2588]))
    """
    centre, nobs = as_shares(centre), _people(nobs)
    spread = z_of(confidence) * np.sqrt(_widened(dispersion) * centre * (1 - centre) / nobs)
    return np.clip(centre - spread, 0, 1), np.clip(centre + spread, 0, 1)


def exact_limits(centre, nobs, confidence=0.95):
    """Return limits around a rate for places with so many people, from the binomial, within 0..1.

    Between whole people the tail is interpolated, so that limits are smooth in `nobs`. A place lies beyond the lower
    limit only if so few or fewer have at most half the chance that `confidence` leaves, and likewise above; so it
    happens at most as often as said. No dispersion: where there is some, chance is not binomial, use `limits`.

    The lower limit is Spiegelhalter's; the upper is the lower one of those not counted. (His own formula interpolates
    the upper limit one person lower: with 30 people and a centre of 2 %, two would lie beyond the limits at 95 %, as
    they do in 12 of 100 places like the city.)

    Returns
    -------
    low, high : ndarray
        NaN where `nobs` is 0 or missing; 0 and 1 where no count is too few or too many.

    Raises
    ------
    ValueError
        As `limits`, and for people that are not whole.

    References
    ----------
    Spiegelhalter, D. J. (2005), Stat. Med. 24, 1185-1202, appendix A.1.1.

    Examples
    --------
    >>> low, high = exact_limits(0.2, [10, 100])
    >>> low.round(4), high.round(4)
    (array([0.    , 0.1197]), array([0.5295, 0.2865]))
    """
    refuse_other_confidence(confidence)
    centre, nobs = np.broadcast_arrays(as_shares(centre), _people(nobs))
    if (broken := nobs[np.mod(nobs, 1) > 0]).size:
        raise ValueError(f"exact_limits needs whole people, {broken[0]:g} is not a whole number")
    tail = (1 - confidence) / 2
    return _fewest(centre, nobs, tail) / nobs, 1 - _fewest(1 - centre, nobs, tail) / nobs


def ratio_limits(expected, confidence=0.95):
    """Return limits around 1 for observed over expected, from the exact Poisson limits of the expected number.

    Returns
    -------
    low, high : ndarray
        NaN where nothing is expected.

    Raises
    ------
    ValueError
        For an expected number below 0 or a confidence outside 0..1.

    References
    ----------
    Garwood, F. (1936), Biometrika 28, 437-442.

    Examples
    --------
    >>> low, high = ratio_limits([15, 30])
    >>> low.round(4), high.round(4)
    (array([0.5597, 0.6747]), array([1.6493, 1.4276]))
    """
    low, high = garwood(expected, confidence)
    expected = _people(expected)
    return low / expected, high / expected


def dispersed_ratio_limits(expected, dispersion, confidence=0.95):
    """Return limits around 1 for observed over expected where places differ more than chance lets them.

    By the normal distribution of the log of the ratio with variance `dispersion` / `expected`; up to 1, and where it is
    missing, the dispersion adds nothing.

    Examples
    --------
    >>> low, high = dispersed_ratio_limits([15, 30], 2.25)
    >>> low.round(4), high.round(4)
    (array([0.4681, 0.5846]), array([2.1363, 1.7105]))
    """
    spread = z_of(confidence) * np.sqrt(_widened(dispersion) / _people(expected))
    return np.exp(-spread), np.exp(spread)


def ratio_score(observed, expected):
    """Return the log of observed over expected in its standard errors, the root of one over the expected number.

    Where nothing is observed a half is taken in its place, as the log of 0 would hide all other places. For rates the
    score is `chance.score`.

    Raises
    ------
    ValueError
        For a number below 0.

    Examples
    --------
    >>> ratio_score([100, 0], [108, 8]).round(4)
    array([-0.7998, -7.8421])
    """
    observed, expected = np.asarray(observed, dtype=float), _people(expected)
    if (wrong := observed[observed < 0]).size:
        raise ValueError(f"observed is {wrong[0]:g}, below 0")
    return np.sqrt(expected) * np.log(np.where(observed == 0, 0.5, observed) / expected)


def overdispersion(score):
    """Return the mean of squared scores along the last axis, untrimmed: 1 where places differ as chance lets them.

    With the places' own mean as centre it comes out a little low, by one over their number; with a few places it can
    be far from 1 by chance: `dispersion_p`. Missing scores are left out. One place that lies far out raises it for all,
    see `winsorised`.

    References
    ----------
    Spiegelhalter, D. J. (2005), Stat. Med. 24, 1185-1202, section 4.2.

    Examples
    --------
    >>> observed, expected = [100, 150, 180, 80, 120, 225], [108, 112, 165, 95, 100, 220]
    >>> print(overdispersion(ratio_score(observed, expected)).round(6))
    2.948033
    """
    return _mean(np.square(np.asarray(score, dtype=float)))


def dispersion_p(score):
    """Return the chance that places which differ by chance alone would have this overdispersion or more.

    Chi squared with as many degrees as there are scores, the centre being fixed beforehand.

    Examples
    --------
    >>> print(dispersion_p([0.5, -1.0, 2.5, -2.0]).round(4))
    0.0215
    """
    score = np.asarray(score, dtype=float)
    there = np.count_nonzero(~np.isnan(score), axis=-1)
    return np.where(there > 0, special.chdtrc(np.maximum(there, 1), np.nansum(score**2, axis=-1)), np.nan)


def winsorised(score, part=0.1):
    """Return scores with those in either tail, along the last axis, drawn in to the edge of the tail.

    So that a few places far out do not widen the limits by which they are judged. With fewer than 1 / `part` places
    edges are interpolated between the outermost. Missing scores stay.

    Parameters
    ----------
    part : float
        Part of the places in each tail, below one half.

    References
    ----------
    Spiegelhalter, D. J. (2005), Qual. Saf. Health Care 14, 347-351: a tenth in each tail.

    Examples
    --------
    >>> winsorised([-8, -1, 0, 1, 2, 1, 0, -1, 0, 0, 3], 0.1)
    array([-1., -1.,  0.,  1.,  2.,  1.,  0., -1.,  0.,  0.,  2.])
    """
    if not 0 <= part < 0.5:
        raise ValueError(f"part is {part:g}, not between 0 and one half: write 10 % as 0.1")
    score = np.asarray(score, dtype=float)
    low, high = np.nanquantile(score, [part, 1 - part], axis=-1, keepdims=True)
    return np.clip(score, low, high)


def _people(nobs):
    """As floats, NaN where there are none."""
    nobs = np.asarray(nobs, dtype=float)
    if (wrong := nobs[nobs < 0]).size:
        raise ValueError(f"there are {wrong[0]:g} people or expected events, below 0")
    return np.where(nobs > 0, nobs, np.nan)


def _widened(dispersion):
    return np.fmax(1.0, np.asarray(dispersion, dtype=float))


def _mean(values):
    there = np.count_nonzero(~np.isnan(values), axis=-1)
    return np.nansum(values, axis=-1) / np.where(there > 0, there, np.nan)


def _fewest(centre, nobs, tail):
    """The number of people up to which the binomial holds `tail`, interpolated, and 0 where none holds so little."""
    inside = (centre > 0) & (centre < 1) & ~np.isnan(nobs)
    share, n = np.where(inside, centre, 0.5), np.where(inside, nobs, 1)
    least = np.ceil(special.bdtrik(tail, n, share))
    below = _up_to(least - 1, n, share)
    least = np.where(below >= tail, least - 1, least)
    up_to, below = _up_to(least, n, share), _up_to(least - 1, n, share)
    people = np.maximum(least - (up_to - tail) / (up_to - below), 0)
    return np.where(inside, people, np.where(np.isnan(nobs), np.nan, centre * nobs))


def _up_to(people, nobs, share):
    """The chance of so many people or fewer."""
    within = (people >= 0) & (people < nobs)
    chance = special.betaincc(np.where(within, people + 1, 1), np.where(within, nobs - people, 1), share)
    return np.select([people < 0, people >= nobs], [0.0, 1.0], chance)
