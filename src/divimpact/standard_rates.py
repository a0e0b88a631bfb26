"""Rates as they would be if all places had the same people (Q7): arrays in, arrays out.

Strata (age, sex, ...) lie along the last axis. Counts are taken as Poisson, as of contacts; for users of eligible
people that is cautious: limits are wider than they need be, the more so the higher the rate.
"""

import numpy as np

from divimpact.events import byar, garwood
from divimpact.intervals import refuse_other_confidence

LIMITS = {"byar": byar, "exact": garwood}


def direct(count, nobs, standard):
    """Return the rate that a standard population would have at the rates of each stratum.

    Parameters
    ----------
    count, nobs : array_like
        Events and people of each stratum.
    standard : array_like
        People of the standard population in each stratum, in any unit.

    Returns
    -------
    rate : ndarray
        NaN where a stratum of the standard has no people here, or a number is missing; strata that the standard lacks
        add nothing.

    Raises
    ------
    ValueError
        For a number below 0, or a standard without people.

    References
    ----------
    Breslow, N. E. and Day, N. E. (1987), Statistical Methods in Cancer Research II, equation 2.1.

    Examples
    --------
    >>> print(direct([4, 13, 8, 7], [96, 237, 105, 32], [2773, 2556, 1113, 184]).round(4))
    0.0575
    """
    count, weight = _weighted(count, nobs, standard)
    return (weight * count).sum(axis=-1)


def dobson(count, nobs, standard, confidence=0.95, method="byar"):
    """Return limits of the rate that `direct` gives.

    Those of the number of events, moved to the rate by how much more the rate scatters. Without events they are 0 and
    NaN, as nothing tells the scatter. Not to be trusted below ten events.

    Parameters
    ----------
    count, nobs, standard : array_like
        As for `direct`.
    method : str
        Limits of the number of events: "byar", or "exact" (Garwood's).

    Returns
    -------
    low, high : ndarray

    Raises
    ------
    ValueError
        As `direct`, and for a confidence outside 0..1 or another method.

    References
    ----------
    Dobson, A. J. et al. (1991), Stat. Med. 10, 457-462; with Byar's limits in the indicators of Public Health England.

    Examples
    --------
    >>> low, high = dobson([4, 13, 8, 7], [96, 237, 105, 32], [2773, 2556, 1113, 184])
    >>> print(low.round(4), high.round(4))
    0.0366 0.0847
    """
    refuse_other_confidence(confidence)
    count, weight = _weighted(count, nobs, standard)
    rate, events = (weight * count).sum(axis=-1), count.sum(axis=-1)
    some = np.where(events > 0, events, np.nan)
    moved = np.sqrt((weight**2 * count).sum(axis=-1) / some)
    low, high = _limits(method)(events, confidence)
    return np.where(events == 0, 0, rate + moved * (low - events)), rate + moved * (high - events)


def expected(nobs, standard_count, standard_nobs):
    """Return how many events a place would have at the rates of the standard in each stratum.

    NaN where a stratum with people here has none in the standard, or a number is missing; strata without people here
    add nothing.

    Raises
    ------
    ValueError
        For a number below 0.

    Examples
    --------
    >>> print(expected([100, 300], [5, 30], [1000, 1500]))
    6.5
    """
    nobs, standard_count, standard_nobs = (_numbers(given) for given in (nobs, standard_count, standard_nobs))
    rate = standard_count / np.where(standard_nobs > 0, standard_nobs, np.nan)
    return np.where(nobs == 0, 0, nobs * rate).sum(axis=-1)


def observed_over_expected(observed, expected, confidence=0.95, method="byar"):
    """Return the indirectly standardised ratio of events, with limits; the expected number is taken as known.

    Ratios of two places compare each with the standard, not with each other, as each weighs strata by its own people.

    Parameters
    ----------
    observed, expected : array_like
        Events of each place, and what `expected` gives.
    method : str
        "byar" or "exact".

    Returns
    -------
    ratio, low, high : ndarray
        NaN where nothing is expected.

    Raises
    ------
    ValueError
        For a number below 0, a confidence outside 0..1 or another method.

    References
    ----------
    Breslow and Day (1987), section 2.3.

    Examples
    --------
    >>> ratio, low, high = observed_over_expected(895, 835.883561231)
    >>> print(ratio.round(4), low.round(4), high.round(4))
    1.0707 1.0017 1.1432
    """
    refuse_other_confidence(confidence)
    observed, expected = _numbers(observed), _numbers(expected)
    expected = np.where(expected > 0, expected, np.nan)
    low, high = _limits(method)(observed, confidence)
    return observed / expected, low / expected, high / expected


def _limits(method):
    if method not in LIMITS:
        raise ValueError(f"method is {method!r}, not one of: {', '.join(LIMITS)}")
    return LIMITS[method]


def _numbers(given):
    given = np.asarray(given, dtype=float)
    if (wrong := given[given < 0]).size:
        raise ValueError(f"{wrong[0]:g} is below 0: events and people are counted from 0")
    return given


def _weighted(count, nobs, standard):
    """Events, and by how much each of them moves the rate: part of the standard over people, 0 without a standard."""
    count, nobs, standard = np.broadcast_arrays(*(_numbers(given) for given in (count, nobs, standard)))
    total = standard.sum(axis=-1, keepdims=True)
    if (total == 0).any():
        raise ValueError("the standard has no people in any stratum: nothing to weigh rates with")
    weight = standard / total / np.where(nobs > 0, nobs, np.nan)
    kept = standard != 0
    return np.where(kept, count, 0), np.where(kept, weight, 0)
