"""What measures that start at different times change (Q8): arrays in, arrays out.

Districts in which a measure starts in the same period are a cohort. Every district has an outcome in every period and
one weight for all periods (1, or the eligible), so that all estimates are sums of coefficients times cohort means (how
sure they are says `scatter`). `starts` are positions of periods in rising order; the number of periods stands
for never. Periods in which nobody is left to compare with are NaN.
"""

from itertools import combinations

import numpy as np


def cohorts(start):
    """Return the starts that occur in rising order, and to which of them each district belongs.

    Examples
    --------
    >>> cohorts([3, 1, 3])
    (array([1, 3]), array([1, 0, 1]))
    """
    return np.unique(np.asarray(start, dtype=int), return_inverse=True)


def cohort_means(outcome, weight, cohort):
    """Return the weighted mean of each cohort in each period, and the cohorts' weights.

    Parameters
    ----------
    outcome : array_like, districts by periods
    weight : array_like
        One for each district.
    cohort : array_like
        The cohort of each district, 0 for the first; axes before the last are assignments.

    Returns
    -------
    means : ndarray, (..., cohorts, periods)
    sizes : ndarray, (..., cohorts)

    Examples
    --------
    >>> means, sizes = cohort_means([[1, 2], [3, 4], [5, 9]], [1, 3, 2], [0, 0, 1])
    >>> means, sizes
    (array([[2.5, 3.5],
           [5. , 9. ]]), array([4., 2.]))
    """
    cohort = np.asarray(cohort)
    member = cohort[..., None, :] == np.arange(cohort.max() + 1)[:, None]
    share = member * np.asarray(weight, dtype=float)
    sizes = share.sum(axis=-1)
    return share @ np.asarray(outcome, dtype=float) / sizes[..., None], sizes


def group_time(means, sizes, starts, never_only=False, ahead=0):
    """Return the effect on each cohort in each period: its change since before its start less that of the controls.

    The change is counted from the last period before the start, or `ahead` periods earlier. Controls of a period are
    the other cohorts that have not started by then, nor before the cohort itself, or only those that never start.

    Returns
    -------
    ndarray, (..., cohorts, periods)
        Before the start: how the cohort differed from its controls. NaN for those that never start.

    References
    ----------
    Callaway, B. and Sant'Anna, P. H. C. (2021), J. Econom. 225, 200-230, equation 2.6, without covariates.

    Examples
    --------
    >>> group_time(np.array([[1, 4, 6], [2, 3, 4]]), np.array([1, 1]), np.array([1, 3]))
    array([[ 0.,  2.,  3.],
           [nan, nan, nan]])
    """
    cohort, time = np.arange(len(starts)), np.arange(means.shape[-1])
    found = np.full(means.shape, np.nan)
    for own in np.flatnonzero((starts > ahead) & (starts < time.size)):
        base = starts[own] - 1 - ahead
        free = (starts[:, None] > np.maximum(time, starts[own] - 1)) & (cohort != own)[:, None]
        if never_only:
            free &= (starts >= time.size)[:, None]
        change = means - means[..., base, None]
        share = sizes[..., None] * free
        known = free.any(axis=0)
        others = (share * change).sum(axis=-2) / np.where(known, share.sum(axis=-2), 1)
        found[..., own, :] = np.where(known, change[..., own, :] - others, np.nan)
    return found


def imputation(means, sizes, starts):
    """Return the effect on each cohort in each period: its mean less what it would be without the measure.

    That is the sum of an effect of the district and one of the period, fitted to all that is without the measure.

    Returns
    -------
    ndarray, (..., cohorts, periods)
        NaN before the start, and where the period has no cohort without the measure.

    References
    ----------
    Borusyak, K., Jaravel, X. and Spiess, J. (2024), Rev. Econ. Stud. 91, 3253-3285, section 4.1.

    Examples
    --------
    >>> imputation(np.array([[1, 4, 6], [2, 3, 4]]), np.array([1, 1]), np.array([1, 3]))
    array([[nan,  2.,  3.],
           [nan, nan, nan]])
    """
    before = np.arange(means.shape[-1]) < starts[:, None]
    there = before.any(axis=0)
    design = np.concatenate(
        [np.repeat(np.eye(len(starts)), there.size, axis=0), np.tile(np.eye(there.size), (len(starts), 1))], axis=1
    )
    root = np.sqrt(sizes[:, None] * before).ravel()
    solved = np.linalg.pinv(root[:, None] * design) * root
    expected = (means.reshape(*means.shape[:-2], -1) @ (design @ solved).T).reshape(means.shape)
    return np.where(~before & there, means - expected, np.nan)


def two_way(means, sizes, starts):
    """Return the coefficient of the measure in a regression with an effect of each district and of each period.

    A warning, no answer: where effects grow, districts that have started serve as controls for later ones, and the
    coefficient can have another sign than every effect.

    References
    ----------
    Goodman-Bacon, A. (2021), J. Econom. 225, 254-277, equation 2.

    Examples
    --------
    >>> print(two_way(np.array([[1, 4, 6], [2, 3, 4]]), np.array([1, 1]), np.array([1, 3])).round(4))
    2.5
    """
    measure = _centred(periods_of(means, starts), sizes)
    share = sizes[:, None] * measure
    return (means * share).sum(axis=(-2, -1)) / (share * measure).sum()


def two_way_error(outcome, weight, start):
    """Return the standard error of `two_way` clustered by district.

    With the factor N / (N - 1) times (n - 1) / (n - k) of N districts and n district-periods, where k counts the
    measure and the periods, not the districts: each of these is within one cluster.

    References
    ----------
    Cameron, A. C. and Miller, D. L. (2015), J. Hum. Resour. 50, 317-372, equation 12 and section II.D.

    Examples
    --------
    >>> print(two_way_error([[0, 1, 4], [1, 1, 2], [2, 3, 3], [1, 3, 2]], np.ones(4), [1, 2, 3, 3]).round(4))
    0.3772
    """
    outcome, weight = np.asarray(outcome, dtype=float), np.asarray(weight, dtype=float)
    districts, periods = outcome.shape
    measure = _centred(np.arange(periods) >= np.asarray(start)[:, None], weight)
    share = weight[:, None] * measure
    rest = _centred(outcome, weight) - (share * outcome).sum() / (share * measure).sum() * measure
    factor = districts / (districts - 1) * (outcome.size - 1) / (outcome.size - periods - 1)
    return np.sqrt(factor * ((share * rest).sum(axis=1) ** 2).sum()) / (share * measure).sum()


def goodman_bacon(means, sizes, starts):
    """Return what `two_way` is the mean of: comparisons of two cohorts, their weights and their estimates.

    Returns
    -------
    kind : list of str
        "treated and never", "earlier and later" or "later and earlier": of the last kind are comparisons with
        districts that have the measure already.
    weight, estimate : ndarray
        The weights sum to 1, the weighted sum of the estimates is `two_way`.

    References
    ----------
    Goodman-Bacon (2021), theorem 1 and equations 10 a to 10 g.

    Examples
    --------
    >>> means, starts = np.array([[0, 1, 4, 5], [1, 1, 2, 5], [2, 3, 3, 3]]), np.array([1, 2, 4])
    >>> kind, weight, estimate = goodman_bacon(means, np.array([1, 1, 2]), starts)
    >>> kind
    ['earlier and later', 'later and earlier', 'treated and never', 'treated and never']
    >>> weight.round(3), estimate.round(3)
    (array([0.059, 0.118, 0.353, 0.471]), array([ 1.   , -1.   ,  2.333,  2.   ]))
    """
    periods = means.shape[-1]
    share, after = sizes / sizes.sum(), 1 - np.minimum(starts, periods) / periods
    kind, weight, estimate = [], [], []
    pairs = [(e, k, e) for e, k in combinations(range(len(starts)), 2) if starts[k] < periods]
    pairs += [(e, k, k) for e, k, _ in pairs]
    for early, late, own in sorted(pairs, key=lambda pair: pair[:2]):
        other, reaches = early + late - own, after[early] - after[late]
        window = slice(0, starts[late]) if own == early else slice(starts[early], periods)
        kind.append("earlier and later" if own == early else "later and earlier")
        weight.append(share[early] * share[late] * reaches * (1 - after[early] if own == early else after[late]))
        estimate.append(_two_by_two(means[own, window] - means[other, window], starts[own] - window.start))
    for never in np.flatnonzero(starts >= periods):
        for own in np.flatnonzero(starts < periods):
            kind.append("treated and never")
            weight.append(share[own] * share[never] * after[own] * (1 - after[own]))
            estimate.append(_two_by_two(means[own] - means[never], starts[own]))
    return kind, np.array(weight) / np.sum(weight), np.array(estimate)


def coefficients(estimator, sizes, starts, periods):
    """Return by how much each cohort mean moves each estimate: (estimates, cohorts, periods).

    Parameters
    ----------
    estimator : callable
        Takes means (..., cohorts, periods), sizes and starts, and returns (..., estimates); linear in the means.

    Examples
    --------
    >>> def since(means, sizes, starts):
    ...     return group_time(means, sizes, starts)[..., :1, 1]
    >>> coefficients(since, np.array([1, 1]), np.array([1, 3]), 2)
    array([[[-1.,  1.],
            [ 1., -1.]]])
    """
    units = np.eye(len(starts) * periods).reshape(-1, len(starts), periods)
    return np.moveaxis(estimator(units, sizes, starts), 0, -1).reshape(-1, len(starts), periods)


def periods_of(means, starts, since=0, until=np.inf):
    """Return which periods of each cohort lie from `since` up to before `until`, counted from its start.

    Examples
    --------
    >>> periods_of(np.zeros((2, 3)), np.array([1, 3])).astype(int)
    array([[0, 1, 1],
           [0, 0, 0]])
    """
    after = np.arange(means.shape[-1]) - starts[:, None]
    return (after >= since) & (after < until) & (starts < means.shape[-1])[:, None]


def mean_effect(effects, sizes, among):
    """Return the mean of effects on cohorts in periods, each cohort by its size: (...).

    Each period of each cohort counts as often as districts (or people) have it; NaN is left out.

    Parameters
    ----------
    effects : ndarray, (..., cohorts, periods)
    among : ndarray, cohorts by periods
        Which of them count.

    References
    ----------
    Callaway and Sant'Anna (2021), equation 3.10 and table 1.

    Examples
    --------
    >>> print(mean_effect(np.array([[0, 2, 3], [0, 0, 7]]), np.array([1, 3]), np.array([[0, 1, 1], [0, 0, 1]])))
    5.2
    """
    share = sizes[..., None] * (among & ~np.isnan(effects).reshape(-1, *effects.shape[-2:])[0])
    total = share.sum(axis=(-2, -1))
    added = (np.nan_to_num(effects) * share).sum(axis=(-2, -1))
    return np.divide(added, total, out=np.full(np.broadcast(added, total).shape, np.nan), where=total > 0)


def _centred(values, weight):
    """Values less their mean by row and their weighted mean by column."""
    values = values - values.mean(axis=1, keepdims=True)
    return values - np.average(values, axis=0, weights=weight)


def _two_by_two(gap, at):
    return gap[at:].mean() - gap[:at].mean()
