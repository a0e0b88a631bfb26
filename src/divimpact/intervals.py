"""Limits and tests for proportions, differences and ratios: arrays in, arrays out.

Each person counts once and independently of the others. Arguments broadcast and are never changed. What is
undefined (0 of 0, a missing count) is NaN; a count below zero or above its ``nobs`` is refused.
"""

import numpy as np
from scipy import special


def proportion(count, nobs):
    """Divide counts by their denominators.

    NaN where `nobs` is 0 or missing, whatever the count.

    Examples
    --------
    >>> proportion([10, 0, 0], [43, 7, 0]).round(4)
    array([0.2326, 0.    ,    nan])
    """
    count, nobs = _counts(count, nobs)
    return count / nobs


def ratio(count, nobs, reference_count, reference_nobs):
    """Divide the rate of a group by the rate of its reference.

    NaN where both rates are 0 or one of them is undefined, infinite where only the reference's rate is 0.

    Examples
    --------
    >>> ratio([10, 0, 5], [43, 43, 43], [389, 0, 0], [920, 920, 920]).round(4)
    array([0.55,  nan,  inf])
    """
    rate, reference_rate = proportion(count, nobs), proportion(reference_count, reference_nobs)
    with np.errstate(divide="ignore", invalid="ignore"):
        return rate / reference_rate


def shortfall(count, nobs, reference_count, reference_nobs, fifths=5):
    """Count how many more of a group would have passed at so many fifths of the reference's rate, in persons.

    Negative where more did pass, NaN where either denominator is 0 or missing. For whole counts the sign is
    exact: 3 of 5 against 6 of 8 is four fifths and gives 0.

    References
    ----------
    Cohen, D. B., Aamodt, M. G. and Dunleavy, E. M. (2010), Best Practices in Adverse Impact Analyses.

    Examples
    --------
    >>> shortfall([10, 3], [43, 5], [389, 6], [920, 8], fifths=4).round(2)
    array([4.55, 0.  ])
    """
    x, n, y, m = _cells(count, nobs, reference_count, reference_nobs)
    return (fifths * y * n - 5 * x * m) / (5 * m)


def wilson(count, nobs, confidence=0.95):
    """Score limits of a proportion.

    The lower limit of 0 of n is 0, the upper limit of n of n is 1, exactly; limits never leave 0..1.

    Returns
    -------
    low, high : ndarray
        NaN where `nobs` is 0 or missing.

    Raises
    ------
    ValueError
        For a count outside 0..nobs or a confidence outside 0..1.

    References
    ----------
    Wilson, E. B. (1927), JASA 22, 209-212; Newcombe, R. G. (1998), Stat. Med. 17, 857-872, method 3.

    Examples
    --------
    >>> low, high = wilson([81, 0], [263, 20])
    >>> low.round(4), high.round(4)
    (array([0.2553, 0.    ]), array([0.3662, 0.1611]))
    """
    count, nobs = _counts(count, nobs)
    z = z_of(confidence)
    return _wilson_low(count, nobs, z), 1 - _wilson_low(nobs - count, nobs, z)


def newcombe(count, nobs, reference_count, reference_nobs, confidence=0.95):
    """Hybrid score limits of the difference of two proportions, group minus reference.

    Wilson's limits of both rates, put together by the distances to their estimates; they never leave -1..1.

    Returns
    -------
    low, high : ndarray
        NaN where either denominator is 0 or missing.

    Raises
    ------
    ValueError
        As `wilson`.

    References
    ----------
    Newcombe, R. G. (1998), Stat. Med. 17, 873-890, method 10.

    Examples
    --------
    >>> low, high = newcombe(56, 70, 48, 80)
    >>> print(low.round(4), high.round(4))
    0.0524 0.3339
    """
    rate, reference_rate = proportion(count, nobs), proportion(reference_count, reference_nobs)
    low, high = wilson(count, nobs, confidence)
    reference_low, reference_high = wilson(reference_count, reference_nobs, confidence)
    difference = rate - reference_rate
    return (
        difference - np.hypot(rate - low, reference_high - reference_rate),
        difference + np.hypot(high - rate, reference_rate - reference_low),
    )


def miettinen_nurminen_ratio(count, nobs, reference_count, reference_nobs, confidence=0.95):
    """Score limits of the ratio of two proportions, group over reference, with variance factor N/(N-1).

    The ratios that the score test does not reject. A count of 0 in the group gives a lower limit of 0, a
    count of 0 in the reference an upper limit of infinity, both give 0 to infinity.

    Returns
    -------
    low, high : ndarray
        NaN where either denominator is 0 or missing.

    Raises
    ------
    ValueError
        As `wilson`.

    References
    ----------
    Miettinen, O. and Nurminen, M. (1985), Stat. Med. 4, 213-226, equations 10 and 11.

    Examples
    --------
    >>> low, high = miettinen_nurminen_ratio(10, 43, 389, 920)
    >>> print(low.round(4), high.round(4))
    0.3096 0.899
    """
    cells = _cells(count, nobs, reference_count, reference_nobs)
    total = cells[1] + cells[3]
    return _score_ratio(*cells, z_of(confidence) * np.sqrt(total / (total - 1)))


def koopman_ratio(count, nobs, reference_count, reference_nobs, confidence=0.95):
    """Score limits of the ratio of two proportions, group over reference, without a variance factor.

    As `miettinen_nurminen_ratio`, a little narrower.

    References
    ----------
    Koopman, P. A. R. (1984), Biometrics 40, 513-517.

    Examples
    --------
    >>> low, high = koopman_ratio(10, 43, 389, 920)
    >>> print(low.round(4), high.round(4))
    0.3097 0.8988
    """
    return _score_ratio(*_cells(count, nobs, reference_count, reference_nobs), z_of(confidence))


def katz_ratio(count, nobs, reference_count, reference_nobs, confidence=0.95):
    """Limits of the ratio of two proportions, group over reference, from the variance of its logarithm.

    Too narrow at small counts; here to compare with reports that print it. NaN where either count is 0, as
    the logarithm has no variance there.

    Returns
    -------
    low, high : ndarray

    Raises
    ------
    ValueError
        As `wilson`.

    References
    ----------
    Katz, D. et al. (1978), Biometrics 34, 469-474, method C.

    Examples
    --------
    >>> low, high = katz_ratio(10, 43, 389, 920)
    >>> print(low.round(4), high.round(4))
    0.3179 0.9516
    """
    x, n, y, m = _cells(count, nobs, reference_count, reference_nobs)
    x, y = np.where(x > 0, x, np.nan), np.where(y > 0, y, np.nan)
    estimate = (x / n) / (y / m)
    spread = np.exp(z_of(confidence) * np.sqrt(1 / x - 1 / n + 1 / y - 1 / m))
    return estimate / spread, estimate * spread


def fisher(count, nobs, reference_count, reference_nobs):
    """Two-sided p-value of Fisher's exact test that two proportions are the same.

    The sum over all tables with these margins that are no more likely than the observed one.

    Returns
    -------
    p : ndarray
        NaN where either denominator is 0 or missing, 1 where nobody or everybody is counted.

    Raises
    ------
    ValueError
        For a count that is not whole or outside 0..nobs.

    References
    ----------
    Fisher, R. A. (1935), J. R. Stat. Soc. 98, 39-54.

    Examples
    --------
    >>> print(fisher([2, 10], [10, 43], [15, 389], [25, 920]).round(6))
    [0.059908 0.016602]
    """
    return _fisher(*_whole(count, nobs, reference_count, reference_nobs, "fisher"), 1)


def fisher_mid(count, nobs, reference_count, reference_nobs):
    """Two-sided mid-p of `fisher`: tables exactly as likely as the observed one count half.

    Nearer to the level than Fisher's test, which stays far below it at small numbers; at single rates it can exceed it
    a little (.052 for 5 %, 10 against 40 people).

    Returns
    -------
    p : ndarray
        NaN where either denominator is 0 or missing, 1/2 where nobody or everybody is counted.

    Raises
    ------
    ValueError
        As `fisher`.

    References
    ----------
    Lancaster, H. O. (1961), JASA 56, 223-234; Hirji, K. F., Tan, S.-J. and Elashoff, R. M. (1991), Stat. Med. 10,
    1137-1153.

    Examples
    --------
    >>> print(fisher_mid([2, 10], [10, 43], [15, 389], [25, 920]).round(6))
    [0.043699 0.013867]
    """
    return _fisher(*_whole(count, nobs, reference_count, reference_nobs, "fisher_mid"), 0.5)


def holm(p):
    """Adjust the p-values of one family by Holm's step-down method.

    Controls the chance of one or more false findings in the family under any dependence. `p` has one
    dimension; NaN stay NaN and are not members of the family.

    References
    ----------
    Holm, S. (1979), Scand. J. Stat. 6, 65-70.

    Examples
    --------
    >>> holm([0.0166, 0.73, float("nan")])
    array([0.0332, 0.73  ,    nan])
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)  # NaN come last
    still_open = np.count_nonzero(~np.isnan(p)) - np.arange(p.size)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * still_open), 1)
    return adjusted


def benjamini_hochberg(p):
    """Adjust the p-values of one family by the step-up method of Benjamini and Hochberg.

    Controls the expected part of false findings among all that are found, for tests that are independent or positively
    dependent: for screening many units, where `holm` would find hardly any. `p` has one dimension; NaN stay NaN and
    are not members of the family.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995), J. R. Stat. Soc. B 57, 289-300.

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03, float("nan")])
    array([0.03, 0.04, 0.04,  nan])
    """
    p = np.asarray(p, dtype=float)
    order = np.argsort(p)  # NaN come last
    members = np.count_nonzero(~np.isnan(p))
    adjusted = np.full_like(p, np.nan)
    of_all = p[order][:members] * (members / np.arange(1, members + 1))
    adjusted[order[:members]] = np.minimum(np.minimum.accumulate(of_all[::-1])[::-1], 1)
    return adjusted


def as_shares(share):
    """Return shares as floats, or refuse one outside 0..1."""
    share = np.asarray(share, dtype=float)
    if (outside := share[(share < 0) | (share > 1)]).size:
        raise ValueError(f"share {outside[0]:g} is not between 0 and 1: write 18 % as 0.18")
    return share


def refuse_other_confidence(confidence):
    """Refuse a confidence that is not between 0 and 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence:g} is not between 0 and 1: write 95 % as 0.95")


def z_of(confidence):
    """Standard normal quantile of two-sided limits."""
    refuse_other_confidence(confidence)
    return special.ndtri((1 + confidence) / 2)


def _counts(count, nobs):
    """Both as floats of one shape, NaN where the denominator is 0 or missing."""
    count, nobs = np.broadcast_arrays(np.asarray(count, dtype=float), np.asarray(nobs, dtype=float))
    wrong = (count < 0) | (nobs < 0) | ((nobs > 0) & (count > nobs))
    if wrong.any():
        found = f"count {count[wrong][0]:g} of {nobs[wrong][0]:g}"
        raise ValueError(f"{found}: a count lies between 0 and its denominator")
    return np.where(nobs > 0, count, np.nan), np.where(nobs > 0, nobs, np.nan)


def _cells(count, nobs, reference_count, reference_nobs):
    return np.broadcast_arrays(*_counts(count, nobs), *_counts(reference_count, reference_nobs))


def _wilson_low(count, nobs, z):
    """The lower root of Wilson's quadratic, written so that nothing cancels."""
    root = z * np.sqrt(z**2 + 4 * count * (nobs - count) / nobs)
    return 2 * count**2 / (nobs * (2 * count + z**2 + root))


def _score_ratio(x, n, y, m, z):
    """The ratios of x of n to y of m between which the score statistic stays within plus and minus z."""
    with np.errstate(divide="ignore"):
        return _score_low(x, n, y, m, z), 1 / _score_low(y, m, x, n, z)


def _score_low(x, n, y, m, z):
    """The ratio at which the score statistic is z; above it the data fit, below they do not."""

    def excess(log_ratio):
        ratio = np.exp(log_ratio)
        a, b = ratio * (n + y), x + m
        # the most likely rate of y at this ratio, root of a quadratic, written so that nothing cancels
        rate = 2 * (x + y) / (a + b + np.sqrt((a - b) ** 2 + 4 * ratio * (n - x) * (m - y)))
        variance = ratio * rate * ((1 - ratio * rate) / n + ratio * (1 - rate) / m)
        return x / n - ratio * y / m - z * np.sqrt(np.maximum(variance, 0))

    return np.select([np.isnan(x + y), x == 0], [np.nan, 0], np.exp(_root(excess)))


def _root(falling):
    """Bisect a falling function of the log ratio, all cells at once, to the last bit."""
    low, high = -50.0, 50.0
    for _ in range(60):
        middle = (low + high) / 2
        above = falling(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2


def _whole(count, nobs, reference_count, reference_nobs, name):
    cells = np.stack(_cells(count, nobs, reference_count, reference_nobs))
    if (broken := cells[np.mod(cells, 1) > 0]).size:
        raise ValueError(f"{name} needs whole people, {broken[0]:g} is not a whole number")
    return cells


def _fisher_one(count, nobs, reference_count, reference_nobs, as_likely):
    """Fisher's p-value of one table of floats; tables exactly as likely as the observed one count `as_likely`."""
    chosen = count + reference_count
    if np.isnan(chosen):
        return np.nan
    possible = _within_reach(count, nobs, reference_nobs, chosen)
    before = possible[:-1]
    rise = (nobs - before) * (chosen - before) / ((before + 1) * (reference_nobs - chosen + before + 1))
    log_p = np.append(0, np.cumsum(np.log(rise)))  # beside the first possible table
    observed, p = log_p[int(count - possible[0])], np.exp(log_p - log_p.max())
    less = log_p < observed - 1e-7  # ties up to rounding, as R's fisher.test
    tied = ~less & (log_p <= observed + 1e-7)
    return min(1.0, (p[less].sum() + as_likely * p[tied].sum()) / p.sum())


def _within_reach(count, nobs, reference_nobs, chosen):
    """Return the possible counts of the group but those 60 standard deviations away, whose chance no float holds."""
    people = nobs + reference_nobs
    mean = nobs * chosen / people
    reach = 60 * np.sqrt(mean * reference_nobs / people * (people - chosen) / max(people - 1, 1)) + 60
    low = max(0, chosen - reference_nobs, min(count, np.floor(mean - reach)))
    return np.arange(low, min(chosen, nobs, max(count, np.ceil(mean + reach))) + 1)


_fisher = np.vectorize(_fisher_one, otypes=[float])


def log_choose(n, k):
    """Logarithm of how many ways there are to choose k of n."""
    return -np.log1p(n) - special.betaln(n - k + 1, k + 1)
