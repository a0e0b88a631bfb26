"""What numbers of people can tell: power, the smallest difference they would show, and how many it takes. Arrays.

All by the normal approximation to the difference of two rates after the arcsine transformation (Cohen's h), two-sided.
Arguments broadcast and are never changed; what is undefined is NaN. Power is of a comparison beforehand, at a ratio
that matters: the power at the observed ratio is p in other words, and is not offered.
"""

import numpy as np
from scipy import special

from divimpact.intervals import as_shares, z_of


def effect_size(rate, reference_rate):
    """Return Cohen's h of two rates, group minus reference: the difference of their angles 2 arcsin(sqrt(rate)).

    References
    ----------
    Cohen, J. (1988), Statistical Power Analysis for the Behavioral Sciences, 2nd ed., equation 6.2.1.

    Examples
    --------
    >>> print(effect_size(0.2, 0.6).round(4))
    -0.8449
    """
    return _angle(as_shares(rate)) - _angle(as_shares(reference_rate))


def power_at(ratio, nobs, reference_nobs, reference_rate, confidence=0.95):
    """Return the chance that a test at level 1 - confidence finds a given ratio of rates, group over reference.

    Either way round: finding the wrong sign counts too, as it does in the level. NaN without people of both, at a
    reference rate of 0 or 1, or where the ratio would need a rate above 1.

    Raises
    ------
    ValueError
        For a reference rate outside 0..1 or a confidence outside 0..1.

    References
    ----------
    Cohen (1988), chapter 6.

    Examples
    --------
    >>> print(power_at(0.8, [43, 1284], [920, 27472], 117 / 920).round(4))
    [0.0806 0.8002]
    """
    distance = np.abs(effect_size(_rate(ratio, reference_rate), _inner(reference_rate))) * _information(
        nobs, reference_nobs
    )
    z = z_of(confidence)
    return special.ndtr(distance - z) + special.ndtr(-distance - z)


def detectable_ratios(nobs, reference_nobs, reference_rate, power=0.8, confidence=0.95):
    """Return the ratios of rates nearest to 1, below and above, that would be found with the given power.

    Returns
    -------
    low, high : ndarray
        Below `low`, and above `high`, differences are found more often than `power`. NaN where even nobody passing (or
        everybody) would be found less often, without people of both, or at a reference rate of 0 or 1.

    Raises
    ------
    ValueError
        As `power_at`, and for a power that is not between 1 - confidence and 1.

    References
    ----------
    Cohen (1988), chapter 6.

    Examples
    --------
    >>> low, high = detectable_ratios([43, 1284], [920, 27472], 117 / 920)
    >>> print(low.round(4), high.round(4))
    [0.1666 0.8   ] [2.3846 1.2187]
    """
    rate = _inner(reference_rate)
    half = _needed(power, confidence) / _information(nobs, reference_nobs) / 2
    angle = np.arcsin(np.sqrt(rate))
    below, above = angle - half, angle + half
    low = np.sin(np.where(below >= 0, below, np.nan)) ** 2 / rate
    return low, np.sin(np.where(above <= np.pi / 2, above, np.nan)) ** 2 / rate


def people_needed(ratio, reference_rate, reference_per_person=1.0, power=0.8, confidence=0.95):
    """Return how many people of a group it takes to find a given ratio of rates with the given power, rounded up.

    `reference_per_person` says how many of the reference there are for each of the group. Infinite at a ratio of 1;
    NaN at a reference rate of 0 or 1, or where the ratio would need a rate above 1.

    Raises
    ------
    ValueError
        As `detectable_ratios`.

    References
    ----------
    Cohen (1988), chapter 6; the other tail, less than .00001 at this power, is left out.

    Examples
    --------
    >>> print(people_needed(0.8, 117 / 920, 920 / 43))
    1284.0
    """
    h = effect_size(_rate(ratio, reference_rate), _inner(reference_rate))
    with np.errstate(divide="ignore"):
        return np.ceil((_needed(power, confidence) / h) ** 2 * (1 + 1 / np.asarray(reference_per_person, dtype=float)))


def _angle(rate):
    return 2 * np.arcsin(np.sqrt(rate))


def _inner(rate):
    rate = as_shares(rate)
    return np.where((rate > 0) & (rate < 1), rate, np.nan)


def _rate(ratio, reference_rate):
    rate = np.asarray(ratio, dtype=float) * _inner(reference_rate)
    return np.where(rate <= 1, rate, np.nan)


def _information(nobs, reference_nobs):
    n, m = (np.asarray(number, dtype=float) for number in (nobs, reference_nobs))
    return np.sqrt(n * m / np.where((n > 0) & (m > 0), n + m, np.nan))


def _needed(power, confidence):
    z = z_of(confidence)
    if not 1 - confidence < power < 1:
        raise ValueError(f"power {power:g} is not between {1 - confidence:g} and 1: write 80 % as 0.8")
    return z + special.ndtri(power)
