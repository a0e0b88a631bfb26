"""What became of applications by a day, with some still open: cumulative incidence from counts, arrays in and out.

Each application ends in one of several ways (hired, rejected, withdrawn) or is still open when the data were taken.
What is open has not been rejected: it counts as long as it was watched. Days lie along the last axis but one of
`ended`, ways to end along its last; groups come before, all at once. Missing counts make NaN.
"""

import numpy as np

from divimpact.intervals import wilson


def aalen_johansen(days, ended, still_open, horizon):
    """Estimate how many have ended in each way by a day, with the others competing.

    The part of all applications, those included of which the end is not known yet: as if what is still open went the
    way of those open equally long. Who ends and who is last seen on the same day are both there when the day begins.

    Parameters
    ----------
    days : array of D
        Days since the application, rising.
    ended : array of (..., D, K)
        Applications that ended on that day, for each of K ways.
    still_open : array of (..., D)
        Applications last seen open on that day.
    horizon : float
        The day by which.

    Returns
    -------
    estimate, variance : ndarray of (..., K)
        NaN without applications, and where the horizon lies beyond the last day of applications that are still open:
        nobody has been watched as long.

    Raises
    ------
    ValueError
        For days that do not rise, a count below zero, or a horizon below zero.

    References
    ----------
    Aalen, O. O. and Johansen, S. (1978), Scand. J. Stat. 5, 141-150; variance: Aalen, O. O. (1978), Ann. Stat. 6,
    534-545, as in Pintilie, M. (2006), Competing Risks, section 4.3.

    Examples
    --------
    >>> days, hired = [10, 20, 30, 40, 50, 60, 70, 80, 90], [0, 0, 1, 0, 0, 1, 0, 1, 0]
    >>> rejected, waiting = [1, 1, 0, 1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 1, 0, 1, 0, 1]
    >>> estimate, variance = aalen_johansen(days, np.transpose([hired, rejected]), waiting, 90)
    >>> print(estimate.round(6), np.sqrt(variance).round(4))
    [0.471429 0.314286] [0.2556 0.163 ]
    """
    days, ended, still_open = _checked(days, ended, still_open, horizon)
    gone = ended.sum(axis=-1) + still_open
    at_risk = gone[..., ::-1].cumsum(axis=-1)[..., ::-1]
    known = (at_risk[..., 0] > 0)[..., None] if days.size else np.zeros((*gone.shape[:-1], 1), bool)
    ended, at_risk = ended[..., days <= horizon, :], at_risk[..., days <= horizon]
    n, d = np.where(at_risk > 0, at_risk, 1)[..., None], ended.sum(axis=-1, keepdims=True)
    after = np.cumprod(1 - d / n, axis=-2)
    before = np.concatenate([np.ones_like(after[..., :1, :]), after[..., :-1, :]], axis=-2)
    curve = np.cumsum(before * ended / n, axis=-2)
    left_open = after[..., -1:, 0] if after.shape[-2] else np.ones((*gone.shape[:-1], 1))
    seen = gone > 0
    last = np.where(seen, days, -np.inf).max(axis=-1, initial=-np.inf)[..., None]
    known = known & ((last >= horizon) | (left_open <= 1e-12)) & ~np.isnan(gone.sum(axis=-1))[..., None]
    estimate = curve[..., -1, :] if curve.shape[-2] else np.zeros((*gone.shape[:-1], ended.shape[-1]))
    variance = _aalen(n, d, ended, before, estimate[..., None, :] - curve)
    return np.where(known, estimate, np.nan), np.where(known, variance, np.nan)


def limits(estimate, variance, known, confidence=0.95):
    """Return limits of an incidence: Wilson's, of as many applications as would give its variance if none were open.

    Without open applications that are nearly all of them. Where nobody has ended in that way, or everybody, the
    variance is 0 and says nothing: then it is `known`, the applications of which it is known whether they ended by the
    day.

    Raises
    ------
    ValueError
        For a confidence outside 0..1.

    References
    ----------
    Effective numbers: Dorey, F. J. and Korn, E. L. (1987), Stat. Med. 6, 679-687; limits: Wilson, E. B. (1927), JASA
    22, 209-212.

    Examples
    --------
    >>> low, high = limits([0.3, 0.0], [0.0021, 0.0], [120, 20])
    >>> print(low.round(4), high.round(4))
    [0.2189 0.    ] [0.3958 0.1611]
    """
    estimate, variance, known = (np.asarray(number, dtype=float) for number in (estimate, variance, known))
    telling = (variance > 0) & (estimate > 0) & (estimate < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        as_many = np.where(telling, estimate * (1 - estimate) / variance, known)
    as_many = np.where(np.isnan(estimate), np.nan, as_many)
    return wilson(np.clip(estimate, 0, 1) * as_many, as_many, confidence)


def difference_limits(estimate, low, high, reference, reference_low, reference_high):
    """Return limits of the difference of two independent estimates, group minus reference, from those of each.

    Put together by the distances to the estimates, as `intervals.newcombe` does.

    References
    ----------
    Zou, G. Y. and Donner, A. (2008), Stat. Med. 27, 1693-1702, equations 5 and 6.

    Examples
    --------
    >>> low, high = difference_limits(0.8, 0.6918, 0.8769, 0.6, 0.4904, 0.7005)
    >>> print(low.round(4), high.round(4))
    0.0523 0.3339
    """
    difference = np.asarray(estimate, dtype=float) - reference
    return (
        difference - np.hypot(estimate - low, reference_high - reference),
        difference + np.hypot(high - estimate, reference - reference_low),
    )


def _checked(days, ended, still_open, horizon):
    days, ended, still_open = (np.asarray(number, dtype=float) for number in (days, ended, still_open))
    if not (np.diff(days) > 0).all():
        raise ValueError("the days do not rise: give each day once, in order")
    if not horizon >= 0:
        raise ValueError(f"horizon {horizon:g} is not a day from 0 on")
    for counts in (ended, still_open):
        if (below := counts[counts < 0]).size:
            raise ValueError(f"count {below[0]:g} is below zero")
    return days, ended, still_open


def _aalen(n, d, ended, before, to_come):
    """Aalen's variance of the curve at its end, added up over days; the day on which the last one ends adds nothing.

    Of several who end on one day in different ways the covariance is multinomial. Where a day has one way only this is
    Aalen's as printed, which on other days takes (n - ended) / (n - d) times as much and comes out too small.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        survival = np.where(n > d, to_come**2 * d / (n * (n - d)), 0)
        own, both = before**2 * ended * (n - ended) / n**3, to_come * before * ended / n**2
        return np.where(n > 1, (survival + own - 2 * both) * n / (n - 1), 0).sum(axis=-2)
