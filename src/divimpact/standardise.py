"""Groups compared within strata (vacancies, departments): arrays in, arrays out, strata along the last axis.

Each function takes the four counts of `intervals`, a number for each stratum: how many of the group passed, of how
many, and the same of the reference. They broadcast, cells at once, and are never changed. A stratum without people of
one of the two says nothing of how they compare and drops out (`informative`). A missing count makes the result NaN.
"""

from typing import NamedTuple

import numpy as np
from scipy import special

from divimpact.intervals import proportion, z_of

ENOUGH = 5  # people expected in the smallest cell of a stratum, on average, for a chi-square over strata


class Split(NamedTuple):
    """A difference of two rates as the sum of two parts."""

    rates: np.ndarray
    composition: np.ndarray


def risk_ratio(count, nobs, reference_count, reference_nobs, confidence=0.95):
    """Pool the ratio of two rates over strata, group over reference, after Mantel and Haenszel.

    The ratio that is taken to hold in every stratum: one weight for all, so that the mix of strata decides nothing.
    Infinite where the reference passes nowhere beside the group, NaN where neither does or no stratum has both.

    Returns
    -------
    estimate, low, high : ndarray
        Limits from the variance of the logarithm after Greenland and Robins, consistent for many small strata as for
        few large ones; NaN where the estimate is 0, infinite or NaN.

    Raises
    ------
    ValueError
        For a count outside 0..nobs or a confidence outside 0..1.

    References
    ----------
    Greenland, S. and Robins, J. M. (1985), Biometrics 41, 55-68, equations 4 and 13.

    Examples
    --------
    >>> print(*(value.round(4) for value in risk_ratio([300, 20], [1000, 200], [70, 120], [200, 1000])))
    0.8511 0.7008 1.0336
    """
    x, n, y, m, total = _strata(count, nobs, reference_count, reference_nobs)
    of_group, of_reference = (x * m / total).sum(axis=-1), (y * n / total).sum(axis=-1)
    spread = (((x + y) * n * m - x * y * total) / total**2).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return _log_limits(of_group / of_reference, spread / (of_group * of_reference), confidence)


def odds_ratio(count, nobs, reference_count, reference_nobs, confidence=0.95):
    """Pool the ratio of two odds over strata, group over reference, after Mantel and Haenszel.

    Infinite where no stratum has both somebody of the reference who passed and somebody of the group who did not; NaN
    where no stratum tells anything. An odds ratio lies further from 1 than the ratio of rates.

    Returns
    -------
    estimate, low, high : ndarray
        Limits from the variance of the logarithm after Robins, Breslow and Greenland; NaN where the estimate is 0,
        infinite or NaN.

    Raises
    ------
    ValueError
        As `risk_ratio`.

    References
    ----------
    Robins, J., Breslow, N. and Greenland, S. (1986), Biometrics 42, 311-323.

    Examples
    --------
    >>> print(*(value.round(4) for value in odds_ratio([16, 25], [25, 43], [6, 9], [16, 34])))
    3.5134 1.6135 7.6508
    """
    x, n, y, m, total = _strata(count, nobs, reference_count, reference_nobs)
    agree, cross = (x + m - y) / total, (n - x + y) / total
    up, down = x * (m - y) / total, y * (n - x) / total
    of_group, of_reference = up.sum(axis=-1), down.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = (
            (agree * up).sum(axis=-1) / (2 * of_group**2)
            + (agree * down + cross * up).sum(axis=-1) / (2 * of_group * of_reference)
            + (cross * down).sum(axis=-1) / (2 * of_reference**2)
        )
        return _log_limits(of_group / of_reference, variance, confidence)


def risk_difference(count, nobs, reference_count, reference_nobs, confidence=0.95):
    """Pool the difference of two rates over strata, group minus reference, after Mantel and Haenszel.

    NaN where no stratum has both.

    Returns
    -------
    estimate, low, high : ndarray
        Limits after Sato, consistent for many small strata as for few large ones, within -1..1.

    Raises
    ------
    ValueError
        As `risk_ratio`.

    References
    ----------
    Greenland, S. and Robins, J. M. (1985), Biometrics 41, 55-68; limits: Sato, T. (1989), Biometrics 45, 1323-1324.

    Examples
    --------
    >>> print(*(value.round(4) for value in risk_difference([300, 20], [1000, 200], [70, 120], [200, 1000])))
    -0.035 -0.0774 0.0074
    """
    x, n, y, m, total = _strata(count, nobs, reference_count, reference_nobs)
    together = (n * m / total).sum(axis=-1)
    lower = (n**2 * y - m**2 * x + n * m * (m - n) / 2) / total**2
    mixed = (x * (m - y) + y * (n - x)) / (2 * total)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = ((x * m - y * n) / total).sum(axis=-1) / together
        variance = (estimate * lower.sum(axis=-1) + mixed.sum(axis=-1)) / together**2
    half = z_of(confidence) * np.sqrt(np.maximum(variance, 0))
    return estimate, np.maximum(estimate - half, -1), np.minimum(estimate + half, 1)


def cochran_mantel_haenszel(count, nobs, reference_count, reference_nobs, corrected=False):
    """Test within strata whether a group passes as often as its reference.

    Conditional on how many passed in each stratum; `corrected` takes one half off the distance to what would be
    expected, but never past it. NaN where no stratum has both groups, and some who passed and some who did not.

    Returns
    -------
    statistic, p : ndarray
        Chi-square with one degree of freedom.

    Raises
    ------
    ValueError
        As `risk_ratio`.

    References
    ----------
    Mantel, N. and Haenszel, W. (1959), J. Natl. Cancer Inst. 22, 719-748; Cochran, W. G. (1954), Biometrics 10,
    417-451.

    Examples
    --------
    >>> print(*(value.round(4) for value in cochran_mantel_haenszel([16, 25], [25, 43], [6, 9], [16, 34])))
    10.2255 0.0014
    """
    x, n, y, m, total = _strata(count, nobs, reference_count, reference_nobs)
    chosen = x + y
    expected = (n * chosen / total).sum(axis=-1)
    apart = np.where(total > 1, total - 1, np.nan)  # one person alone is no stratum of two groups
    variance = np.nansum(n * m * chosen * (total - chosen) / (total**2 * apart), axis=-1)
    distance = np.abs(x.sum(axis=-1) - expected)
    distance = np.maximum(distance - 0.5, 0) if corrected else distance
    statistic = distance**2 / np.where((variance > 0) & ~np.isnan(expected), variance, np.nan)
    return statistic, special.chdtrc(1, statistic)


def homogeneity(count, nobs, reference_count, reference_nobs):
    """Test whether the odds ratio is the same in all strata (Breslow and Day, with Tarone's correction).

    Its chi-square needs people in each stratum: where the odds are the same it is above its 5 % point in half of the
    cases with 200 strata of 5 people, in 12 % with 20 people. So there is no p where the smallest of the four counts
    that would be expected without association is less than 5 on average over the strata. NaN where fewer than two
    strata have both groups, and some who passed and some who did not, or the pooled odds ratio is 0 or infinite.

    Returns
    -------
    statistic, p, df : ndarray
        `df` is the number of such strata less one.

    Raises
    ------
    ValueError
        As `risk_ratio`.

    References
    ----------
    Breslow, N. E. and Day, N. E. (1980), Statistical Methods in Cancer Research I, equations 4.30 and 4.32; Tarone,
    R. E. (1985), Biometrika 72, 91-95.

    Examples
    --------
    >>> print(*(value.round(4) for value in homogeneity([16, 25], [25, 43], [6, 9], [16, 34])))
    0.1015 0.75 1
    """
    x, n, y, m, total = _strata(count, nobs, reference_count, reference_nobs)
    pooled = odds_ratio(count, nobs, reference_count, reference_nobs)[0][..., None]
    telling = (total > 1) & (x + y > 0) & (x + y < total)
    pooled = np.where((pooled > 0) & (pooled < np.inf), pooled, np.nan)
    expected = _expected(n, m, x + y, pooled)
    with np.errstate(divide="ignore", invalid="ignore"):
        cells = expected, n - expected, x + y - expected, m - x - y + expected
        variance = 1 / sum(1 / cell for cell in cells)
        excess = np.where(telling, x - expected, 0)
        variance = np.where(telling, variance, 0)
        statistic = np.where(telling, excess**2 / variance, 0).sum(axis=-1)
        statistic = statistic - excess.sum(axis=-1) ** 2 / variance.sum(axis=-1)
    df = np.count_nonzero(telling, axis=-1) - 1
    statistic = np.where(df > 0, np.maximum(statistic, 0), np.nan)
    smallest = np.where(telling, np.minimum(n, m) * np.minimum(x + y, total - x - y) / total, 0).sum(axis=-1)
    p = special.chdtrc(np.maximum(df, 1), statistic)
    return statistic, np.where(smallest >= ENOUGH * (df + 1), p, np.nan), np.maximum(df, 0)


def informative(count, nobs, reference_count, reference_nobs):
    """Count what carries information on how a group compares with its reference.

    Those are the strata with people of both, of whom some passed and some did not; the others (one group only, nobody
    chosen, everybody chosen, a count missing) tell nothing of odds, and nothing that a test within strata could use.

    Returns
    -------
    strata, people, reference_people : ndarray
        How many such strata there are, and how many of the group and of the reference are in them.

    Raises
    ------
    ValueError
        As `risk_ratio`.

    Examples
    --------
    >>> print(*informative([1, 2, 0], [4, 5, 3], [3, 0, 0], [6, 0, 9]))
    1 4.0 6.0
    """
    x, n, y, m, total = _strata(count, nobs, reference_count, reference_nobs)
    telling = (x + y > 0) & (x + y < total)
    return np.count_nonzero(telling, axis=-1), *(np.where(telling, side, 0).sum(axis=-1) for side in (n, m))


def kitagawa(count, nobs, reference_count, reference_nobs):
    """Split the gap between two rates, group minus reference, into how each fares in the strata and in which it is.

    `rates` is the sum over strata of the mean of both parts of people times the difference of rates, `composition` the
    sum of the mean of both rates times the difference of parts; together they are the gap, exactly. Where one of the
    two has nobody its rate is taken to be that of the other, so that the stratum counts as composition alone. NaN
    where the group, or the reference, has nobody at all.

    Raises
    ------
    ValueError
        As `risk_ratio`.

    References
    ----------
    Kitagawa, E. M. (1955), JASA 50, 1168-1194, equation 4.

    Examples
    --------
    >>> split = kitagawa([300, 20], [1000, 200], [70, 120], [200, 1000])
    >>> print(split.rates.round(4), split.composition.round(4))
    -0.035 0.1433
    """
    cells = np.broadcast_arrays(*(np.asarray(c, float) for c in (count, nobs, reference_count, reference_nobs)))
    rate, other = _rates(*cells[:2]), _rates(*cells[2:])
    rate, other = np.where(cells[1] == 0, other, rate), np.where(cells[3] == 0, rate, other)
    part, other_part = (_parts(nobs) for nobs in (cells[1], cells[3]))
    rates = (part + other_part) / 2 * (rate - other)
    composition = (rate + other) / 2 * (part - other_part)
    empty = (cells[1] == 0) & (cells[3] == 0)
    unknown = np.isnan(part.sum(axis=-1) + other_part.sum(axis=-1))
    return Split(*(np.where(unknown, np.nan, np.where(empty, 0, side).sum(axis=-1)) for side in (rates, composition)))


def _strata(count, nobs, reference_count, reference_nobs):
    """The four counts and all people of each stratum: 0 of 0, and 1 in all, where one of the two has nobody."""
    proportion(count, nobs), proportion(reference_count, reference_nobs)  # refuse a count outside 0..nobs
    cells = (count, nobs, reference_count, reference_nobs)
    cells = np.stack(np.broadcast_arrays(*(np.asarray(cell, dtype=float) for cell in cells)))
    cells = np.where((cells[1] == 0) | (cells[3] == 0), 0, cells)
    total = cells[1] + cells[3]
    return *cells, np.where(total == 0, 1, total)


def _log_limits(estimate, variance, confidence):
    variance = np.where((estimate > 0) & (estimate < np.inf), variance, np.nan)
    spread = np.exp(z_of(confidence) * np.sqrt(variance))
    return estimate, estimate / spread, estimate * spread


def _expected(n, m, chosen, odds):
    """How many of the chosen are of the group at given odds: a root of a quadratic, written so that nothing cancels."""
    slope, product = odds - 1, odds * n * chosen
    middle = m - chosen + odds * (n + chosen)
    root = np.sqrt(np.maximum(middle**2 - 4 * slope * product, 0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * product / (middle + root)


def _rates(count, nobs):
    return proportion(np.where(nobs == 0, 0, count), nobs)


def _parts(nobs):
    """What part of its people a group has in each stratum; NaN without people."""
    people = nobs.sum(axis=-1, keepdims=True)
    return nobs / np.where(people > 0, people, np.nan)
