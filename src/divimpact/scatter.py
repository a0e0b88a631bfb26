"""How sure effects on a handful of districts are (Q8): arrays in, arrays out.

Two accounts. Limits take districts to scatter around their cohort in one way (few districts) or in any way (many).
Randomisation takes nothing of the kind: it asks how often other districts, had they been the ones in which the measure
started, would show as much. Arrays as in `staggered`.
"""

from itertools import combinations
from math import comb

import numpy as np

from divimpact.staggered import cohort_means

MOST = 10_000  # assignments that are gone through one by one
TINY = 1e-12  # by how much statistics, in parts of one, may differ by rounding and still count as equal: two zeros too


def deviations(outcome, weight, cohort):
    """Return how each district differs from its cohort, times the root of its weight: (outcomes, districts, periods).

    Parameters
    ----------
    outcome : array_like, (outcomes, districts, periods)
    weight : array_like, (outcomes, districts)
    """
    means = [cohort_means(one, known, cohort)[0] for one, known in zip(outcome, weight, strict=True)]
    return (outcome - np.array(means)[:, cohort]) * np.sqrt(weight)[..., None]


def pooled_covariance(coefficient, deviation, weight, cohort):
    """Return the covariance of estimates if districts of all cohorts scatter alike.

    The variance of a district is taken to fall with its weight, the covariance of its periods and outcomes to be
    anything. So a cohort of one district has limits too: those that the others have taught. By t with as many degrees
    as there are districts less cohorts it holds for few districts.

    Parameters
    ----------
    coefficient : ndarray, (estimates, outcomes, cohorts, periods)
    deviation : ndarray
        As `deviations` returns it.

    References
    ----------
    Donald, S. G. and Lang, K. (2007), Rev. Econ. Stat. 89, 221-233.
    """
    member = (cohort == np.arange(coefficient.shape[2])[:, None]).astype(float)
    root = np.sqrt(weight)
    sizes = weight @ member.T
    alike = np.einsum("ki,li,gi->gkl", root, root, member) / (sizes.T[:, :, None] * sizes.T[:, None, :])
    moved = np.einsum("ekgt,kjt->gjek", coefficient, deviation)
    df = len(cohort) - len(member)
    turned = np.einsum("gjek,gkl->gjel", moved, alike)
    covariance = np.einsum("gjel,gjfl->ef", turned, moved)
    return covariance / df if df else np.full_like(covariance, np.nan)


def robust_covariance(coefficient, deviation, weight, cohort):
    """Return the covariance of estimates if districts scatter in any way, for cohorts of many districts.

    The sum of squared influences, each cohort's times n / (n - 1) of its districts: for two cohorts and two periods the
    variance of Welch's test. NaN if a cohort has one district.
    """
    member = (cohort == np.arange(coefficient.shape[2])[:, None]).astype(float)
    part = np.sqrt(weight) / (weight @ member.T)[:, cohort]
    influence = np.einsum("ekit,kit,ki->ie", coefficient[:, :, cohort], deviation, part)
    many = member.sum(axis=1)
    factor = np.divide(many, many - 1, out=np.full(many.shape, np.nan), where=many > 1)
    return np.einsum("ie,if,i->ef", influence, influence, factor[cohort])


def assignments(cohort, draws=9999, seed=1):
    """Return which districts could have been in which cohort, of the same numbers: the observed first.

    All of them if there are at most 10,000; otherwise the observed one and so many random ones.

    Returns
    -------
    cohort : ndarray, (assignments, districts)
    exact : bool

    Examples
    --------
    >>> ways, exact = assignments([1, 0, 1])
    >>> ways.tolist(), exact
    ([[1, 0, 1], [1, 1, 0], [0, 1, 1]], True)
    """
    cohort = np.asarray(cohort)
    numbers, ways, left = np.bincount(cohort), 1, len(cohort)
    for number in numbers:
        ways, left = ways * comb(left, number), left - number
    if ways > MOST:
        drawn = np.random.default_rng(seed).permuted(np.tile(np.sort(cohort), (draws, 1)), axis=1)
        return np.vstack([cohort, drawn]), False
    every = _every(numbers)
    return np.vstack([cohort, every[(every != cohort).any(axis=1)]]), True


def randomisation_p(statistic):
    """Return the share of assignments (first axis) whose statistic is as far from 0 as that of the first or farther.

    NaN where that of the first is.

    Examples
    --------
    >>> randomisation_p(np.array([[2.0], [-1.0], [-2.0], [0.5]]))
    array([0.5])
    """
    size = np.abs(statistic)
    return np.where(np.isnan(size[0]), np.nan, (size >= size[0] - TINY).mean(axis=0))


def largest_t(covariance, df=np.inf, draws=10_000, seed=1):
    """Return, drawn so often, the largest of so many t values that are correlated as the estimates are.

    Its quantile says how many standard errors limits must reach for all estimates to lie within theirs at once; the
    share of it beyond what was seen is a p-value of all together.

    References
    ----------
    Montiel Olea, J. L. and Plagborg-Moller, M. (2019), J. Appl. Econom. 34, 1-17.

    Examples
    --------
    >>> [np.quantile(largest_t(np.eye(many)), 0.95).round(1) for many in (2, 10)]
    [np.float64(2.2), np.float64(2.8)]
    """
    rng, error = np.random.default_rng(seed), np.sqrt(np.diag(covariance))
    values, vectors = np.linalg.eigh(covariance / np.outer(error, error))
    drawn = rng.standard_normal((draws, error.size)) @ (vectors * np.sqrt(np.maximum(values, 0))).T
    if np.isfinite(df):
        drawn /= np.sqrt(rng.chisquare(df, draws) / df)[:, None]
    return np.abs(drawn).max(axis=1)


def _every(numbers):
    """All ways to put districts into cohorts of these numbers."""
    ways = np.zeros((1, numbers.sum()), dtype=int)
    for cohort in range(1, len(numbers)):
        later = numbers[cohort:].sum()
        open_to = np.nonzero(ways == cohort - 1)[1].reshape(len(ways), -1)
        moved = np.array(list(combinations(range(open_to.shape[1]), later)))
        places = open_to[:, moved].reshape(-1, later)
        ways = np.repeat(ways, len(moved), axis=0)
        np.put_along_axis(ways, places, cohort, axis=1)
    return ways
