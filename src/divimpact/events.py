"""Limits for counts of events without a denominator of people, such as contacts (Q7): arrays in, arrays out.

A count is taken as Poisson: each event comes by itself. Where the same people come again and again limits are too
narrow. A missing count has none, one below zero is refused.
"""

import numpy as np
from scipy import special

from divimpact.intervals import refuse_other_confidence, z_of


def byar(count, confidence=0.95):
    """Limits of the expected number of events, close to `garwood` from ten events on.

    The lower limit of 0 is 0. Below ten events public-health practice takes the exact limits instead.

    Returns
    -------
    low, high : ndarray

    Raises
    ------
    ValueError
        For a count below 0 or a confidence outside 0..1.

    References
    ----------
    Breslow, N. E. and Day, N. E. (1987), Statistical Methods in Cancer Research II, equation 2.13 (Byar).

    Examples
    --------
    >>> low, high = byar([0, 65])
    >>> low.round(4), high.round(4)
    (array([ 0.    , 50.1632]), array([ 3.668 , 82.8491]))
    """
    count, z = _events(count), z_of(confidence)
    some = np.where(count == 0, np.nan, count)
    low = some * (1 - 1 / (9 * some) - z / (3 * np.sqrt(some))) ** 3
    more = count + 1
    return np.where(count == 0, 0, low), more * (1 - 1 / (9 * more) + z / (3 * np.sqrt(more))) ** 3


def garwood(count, confidence=0.95):
    """Exact limits of the expected number of events: each tail has at most its half of what is left to chance.

    Returns
    -------
    low, high : ndarray

    Raises
    ------
    ValueError
        As `byar`.

    References
    ----------
    Garwood, F. (1936), Biometrika 28, 437-442.

    Examples
    --------
    >>> low, high = garwood([0, 65])
    >>> low.round(4), high.round(4)
    (array([ 0.    , 50.1656]), array([ 3.6889, 82.8478]))
    """
    refuse_other_confidence(confidence)
    count, tail = _events(count), (1 - confidence) / 2
    low = special.gammaincinv(np.where(count > 0, count, 1), tail)
    return np.where(count == 0, 0, np.where(np.isnan(count), np.nan, low)), special.gammainccinv(count + 1, tail)


def _events(count):
    count = np.asarray(count, dtype=float)
    if (wrong := count[count < 0]).size:
        raise ValueError(f"count {wrong[0]:g} of events is below 0")
    return count
