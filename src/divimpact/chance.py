"""What chance alone would do: tests against a fixed share, of a trend, of random allocation; arrays in, arrays out.

Each person counts once and independently of the others. Arguments broadcast and are never changed; ordered grades and
units lie along the last axis. What is undefined is NaN; a count below zero or above its ``nobs`` is refused.
"""

import numpy as np
from scipy import special
from scipy.optimize import brentq

from divimpact.intervals import as_shares, log_choose, proportion, refuse_other_confidence


def binomial(count, nobs, share):
    """Two-sided p-value of the exact test that a proportion is a given share.

    The sum over all outcomes that are no more likely than the observed one.

    Returns
    -------
    p : ndarray
        NaN where `nobs` is 0 or a number is missing.

    Raises
    ------
    ValueError
        For a count that is not whole or outside 0..nobs, or a share outside 0..1.

    References
    ----------
    Sterne, T. E. (1954), Biometrika 41, 275-278; as R's binom.test and scipy's binomtest.

    Examples
    --------
    >>> print(binomial([15, 3], [405, 30], [0.057, 0.25]).round(4))
    [0.0862 0.059 ]
    """
    return _binomial(*np.broadcast_arrays(*_whole(count, nobs, "binomial"), as_shares(share)))


def score(count, nobs, share):
    """Standard deviations between a count and what a given share of `nobs` would give, negative below.

    The variance is that at the share, without continuity correction. NaN where `nobs` is 0, a number is missing, or
    the share is 0 or 1 and leaves no room for chance.

    Raises
    ------
    ValueError
        For a count outside 0..nobs, or a share outside 0..1.

    References
    ----------
    Hazelwood School District v. United States, 433 U.S. 299 (1977), notes 14 and 17.

    Examples
    --------
    >>> print(score(15, 405, [0.154, 0.057]).round(2))
    [-6.52 -1.73]
    """
    rate, share = proportion(count, nobs), as_shares(share)
    _, nobs = _floats(count, nobs)
    variance = share * (1 - share)
    return (rate - share) * np.sqrt(nobs / np.where(variance > 0, variance, np.nan))


def not_rejected(count, nobs, confidence=0.95):
    """Return the smallest and the largest share that `binomial` does not reject.

    Between them a few shares may be rejected, as its p is not smooth: these are the ends of what is not.

    Returns
    -------
    low, high : ndarray
        NaN where `nobs` is 0 or a number is missing.

    Raises
    ------
    ValueError
        As `binomial`, and for a confidence outside 0..1.

    References
    ----------
    Sterne (1954); limits that match the test: Fay, M. P. (2010), R Journal 2(1), 53-58.

    Examples
    --------
    >>> low, high = not_rejected(15, 405)
    >>> print(low.round(4), high.round(4))
    0.0217 0.0601
    """
    refuse_other_confidence(confidence)
    count, nobs = _whole(count, nobs, "not_rejected")
    return _least(count, nobs, 1 - confidence), 1 - _least(nobs - count, nobs, 1 - confidence)


def cochran_armitage(count, nobs):
    """Test whether a proportion rises or falls along the last axis, with scores 0, 1, 2, ...

    Positive where it rises; without continuity correction. Steps with `nobs` 0 add nothing and keep their score. NaN
    where a number is missing, nobody or everybody is counted, or only one step has people.

    Returns
    -------
    z, p : ndarray
        Two-sided.

    Raises
    ------
    ValueError
        For a count outside 0..nobs.

    References
    ----------
    Cochran, W. G. (1954), Biometrics 10, 417-451; Armitage, P. (1955), Biometrics 11, 375-386.

    Examples
    --------
    >>> z, p = cochran_armitage([83, 90, 129, 70], [86, 93, 136, 82])
    >>> print(z.round(4), p.round(6))
    -2.8679 0.004132
    """
    count, nobs = _strata(count, nobs)
    scores, people = np.arange(count.shape[-1]), nobs.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = count.sum(axis=-1) / people
        centred = scores - ((nobs * scores).sum(axis=-1) / people)[..., None]
        variance = rate * (1 - rate) * (nobs * centred**2).sum(axis=-1)
    z = (centred * count).sum(axis=-1) / np.sqrt(np.where(variance > 0, variance, np.nan))
    return z, special.erfc(np.abs(z) / np.sqrt(2))


def dissimilarity(count, nobs):
    """Part of a group that would have to change units, along the last axis, for all units to have the same share of it.

    Half the sum of the absolute differences between the unit's part of the group and its part of the others: 0 where
    all units are alike, 1 where the group and the others never meet. NaN without both, or where a number is missing.

    Raises
    ------
    ValueError
        For a count outside 0..nobs.

    References
    ----------
    Duncan, O. D. and Duncan, B. (1955), Am. Sociol. Rev. 20, 210-217.

    Examples
    --------
    >>> print(dissimilarity([3, 1], [4, 4]))
    0.5
    """
    count, nobs = _strata(count, nobs)
    return np.abs(_uneven(count, nobs)).sum(axis=-1) / _most_uneven(count, nobs)


def dissimilarity_expected(count, nobs):
    """Mean of `dissimilarity` over all ways to share the same group out to units of the same sizes, exactly.

    Small units differ although nobody chose. Zeros and missing numbers as in `dissimilarity`.

    Raises
    ------
    ValueError
        As `dissimilarity`, and for counts that are not whole.

    References
    ----------
    Carrington, W. J. and Troske, K. R. (1997), J. Bus. Econ. Stat. 15, 402-409; mean deviation of the hypergeometric:
    Diaconis, P. and Zabell, S. (1991), Stat. Sci. 6, 284-302.

    Examples
    --------
    >>> print(dissimilarity_expected([3, 1], [4, 4]).round(4))
    0.2571
    """
    count, nobs = _strata(*_whole(count, nobs, "dissimilarity_expected"))
    group, people = (number.sum(axis=-1, keepdims=True) for number in (count, nobs))
    with np.errstate(invalid="ignore", divide="ignore"):
        above = nobs * group // people + 1  # the first whole number above the mean
        others = people - group - nobs + above
        possible = (above <= np.minimum(nobs, group)) & (others > 0)
        log_p = log_choose(group, above) + log_choose(people - group, nobs - above) - log_choose(people, nobs)
        deviation = np.where(possible, 2 * above * others / people * np.exp(np.where(possible, log_p, 0)), 0)
    return people[..., 0] * deviation.sum(axis=-1) / _most_uneven(count, nobs)


def dissimilarity_p(count, nobs, draws=9999, seed=1):
    """Share of random allocations to units of the same sizes that are at least as uneven as the observed one.

    The observed one is among them, so that p is never 0 and the test keeps its level. Each is drawn from the same
    `seed`: a result does not depend on what else is tested. Zeros and missing numbers as in `dissimilarity`.

    Raises
    ------
    ValueError
        As `dissimilarity_expected`.

    References
    ----------
    Boisso, D. et al. (1994), J. Econom. 61, 161-171; counting the observed one: Phipson, B. and Smyth, G. K. (2010),
    Stat. Appl. Genet. Mol. Biol. 9, 39.

    Examples
    --------
    >>> print(dissimilarity_p([3, 1], [4, 4]).round(1))  # 34 of 70 ways, .486
    0.5
    """
    count, nobs = _strata(*_whole(count, nobs, "dissimilarity_p"))
    most = _most_uneven(count, nobs)
    p = np.full(most.shape, np.nan)
    for place in np.argwhere(~np.isnan(most)):
        place = tuple(place)
        x, n = count[place].astype(int), nobs[place].astype(int)
        sizes = np.sort(n)  # the order of the units decides nothing
        drawn = np.random.default_rng(seed).multivariate_hypergeometric(sizes, x.sum(), draws, method="marginals")
        uneven = np.abs(_uneven(drawn, sizes)).sum(axis=-1)
        p[place] = (1 + np.count_nonzero(uneven >= np.abs(_uneven(x, n)).sum())) / (1 + draws)
    return p


def _floats(count, nobs):
    proportion(count, nobs)  # refuses a count outside 0..nobs
    return np.broadcast_arrays(np.asarray(count, dtype=float), np.asarray(nobs, dtype=float))


def _whole(count, nobs, name):
    numbers = np.stack(_floats(count, nobs))
    if (broken := numbers[np.mod(numbers, 1) > 0]).size:
        raise ValueError(f"{name} needs whole people, {broken[0]:g} is not a whole number")
    return numbers


def _strata(count, nobs):
    """Both as floats of one shape, the count 0 where there is nobody to count."""
    count, nobs = _floats(count, nobs)
    return np.where(nobs == 0, 0, count), nobs


def _uneven(count, nobs):
    """What each unit has of the group above its part of all people, times all people: whole numbers."""
    return count * nobs.sum(axis=-1, keepdims=True) - nobs * count.sum(axis=-1, keepdims=True)


def _most_uneven(count, nobs):
    """The sum of what is uneven where the group and the others never meet; NaN without both."""
    group, people = count.sum(axis=-1), nobs.sum(axis=-1)
    most = 2 * group * (people - group)
    return np.where(most > 0, most, np.nan)


def _binomial_one(count, nobs, share):
    if np.isnan(count + nobs + share) or nobs == 0:
        return np.nan
    possible = np.arange(nobs + 1)
    log_p = log_choose(nobs, possible) + special.xlogy(possible, share) + special.xlog1py(nobs - possible, -share)
    return min(1.0, np.exp(log_p[log_p <= log_p[int(count)] + 1e-7]).sum())  # ties up to rounding, as scipy


def _least_one(count, nobs, level):
    """The smallest share at which p is above the level.

    Below count / nobs p is the chance of `count` or more plus that of `fewer` or less, where `fewer` is the largest
    number that is no more likely than `count`. It rises by one at known shares, where p jumps up; in between p falls,
    then rises.
    """
    if np.isnan(count + nobs) or nobs == 0:
        return np.nan
    if count == 0:
        return 0.0

    def p(share, fewer):
        return special.betainc(count, nobs - count + 1, share) + special.betaincc(fewer + 1, nobs - fewer, share)

    fewer = np.arange(count)
    jumps = special.expit((log_choose(nobs, fewer) - log_choose(nobs, count)) / (count - fewer))
    after = p(jumps, fewer) > level
    before = np.append(special.betainc(count, nobs - count + 1, jumps[0]), p(jumps[1:], fewer[:-1])) > level
    first = int(np.argmax(after | before))
    if not before[first]:
        return jumps[first]
    if first == 0:
        return special.betaincinv(count, nobs - count + 1, level)
    return brentq(lambda share: p(share, fewer[first - 1]) - level, jumps[first - 1], jumps[first], xtol=1e-15)


_binomial = np.vectorize(_binomial_one, otypes=[float])
_least = np.vectorize(_least_one, otypes=[float])
