"""A gap at the end of several stages, taken apart by stage: arrays in, arrays out, stages along the last axis.

Each function takes the four counts of `intervals`, a number for each stage: who passed it of whom, and the same of the
reference. Arguments broadcast and are never changed. A part is an amount, never a percentage where signs differ: of a
gap that one stage opens and another closes, "173 % at the second stage" says nothing.
"""

import numpy as np

from divimpact.intervals import proportion, z_of


def log_contributions(count, nobs, reference_count, reference_nobs, confidence=0.95):
    """Return what each stage adds to the logarithm of the overall ratio of rates, group over reference.

    The logarithm of the ratio at the stage. The overall ratio is the product of those of the stages, so their
    logarithms add up to its own; and as who passes one stage is who reaches the next, so do the variances.

    Returns
    -------
    contribution, low, high, variance : ndarray
        As many along the last axis as there are stages. NaN where nobody of the group, or of the reference, passes:
        the logarithm has no value there.

    Raises
    ------
    ValueError
        For a count outside 0..nobs, a confidence outside 0..1, or stages that are not each the one that leads on.

    References
    ----------
    Variance: Katz, D. et al. (1978), Biometrics 34, 469-474.

    Examples
    --------
    >>> contribution, *_ = log_contributions([26, 11], [48, 26], [206, 35], [259, 206])
    >>> print(contribution.round(5), contribution.sum().round(5))
    [-0.38415  0.91233] 0.52817
    """
    x, n, y, m = _stages(count, nobs, reference_count, reference_nobs)
    x, y = np.where(x > 0, x, np.nan), np.where(y > 0, y, np.nan)
    contribution, variance = np.log(x / n) - np.log(y / m), 1 / x - 1 / n + 1 / y - 1 / m
    half = z_of(confidence) * np.sqrt(np.maximum(variance, 0))
    return contribution, contribution - half, contribution + half, variance


def rate_contributions(count, nobs, reference_count, reference_nobs):
    """Return what each stage adds to the difference of the overall rates, group minus reference (Shapley).

    What putting the group's rate in place of the reference's at that stage changes, on average over all orders in which
    the stages could be changed; the parts add up to the difference, exactly. Of the others it matters only how many
    were changed before, so that no orders have to be listed. NaN where nobody reaches a stage.

    Raises
    ------
    ValueError
        As `log_contributions`.

    References
    ----------
    Shapley, L. S. (1953), in: Contributions to the Theory of Games II, 307-317; for decompositions: Shorrocks, A. F.
    (2013), J. Econ. Inequal. 11, 99-126.

    Examples
    --------
    >>> part = rate_contributions([26, 11], [48, 26], [206, 35], [259, 206])
    >>> print(part.round(4), part.sum().round(4))
    [-0.0752  0.1693] 0.094
    """
    x, n, y, m = _stages(count, nobs, reference_count, reference_nobs)
    rate, other = x / n, y / m
    parts = [_shapley(rate, other, stage) for stage in range(x.shape[-1])]
    return np.stack(parts, axis=-1) if parts else np.zeros_like(x)


def parts_of_gap(contribution):
    """Return contributions as parts of their sum, only where all of them have the same sign; else NaN.

    Examples
    --------
    >>> print(parts_of_gap([[-0.6, -0.4], [-0.4, 0.9]]))
    [[0.6 0.4]
     [nan nan]]
    """
    contribution = np.asarray(contribution, dtype=float)
    alike = (contribution > 0).all(axis=-1, keepdims=True) | (contribution < 0).all(axis=-1, keepdims=True)
    whole = np.where(alike, contribution.sum(axis=-1, keepdims=True), np.nan)
    return contribution / whole


def _stages(count, nobs, reference_count, reference_nobs):
    proportion(count, nobs), proportion(reference_count, reference_nobs)  # refuse a count outside 0..nobs
    cells = (count, nobs, reference_count, reference_nobs)
    x, n, y, m = np.broadcast_arrays(*(np.asarray(cell, dtype=float) for cell in cells))
    for passed, reached in ((x, n), (y, m)):
        broken = (passed[..., :-1] != reached[..., 1:]) & ~np.isnan(passed[..., :-1] + reached[..., 1:])
        if broken.any():
            found = (
                f"{passed[..., :-1][broken][0]:g} passed a stage and {reached[..., 1:][broken][0]:g} are at the next"
            )
            raise ValueError(f"{found}: give all stages in order, first to last, without the overall one")
    return x, np.where(n > 0, n, np.nan), y, np.where(m > 0, m, np.nan)


def _shapley(rate, other, stage):
    """The part of one stage, by how many of the others have the group's rate: coefficients of a polynomial."""
    rest = [k for k in range(rate.shape[-1]) if k != stage]
    ways = np.ones((*rate.shape[:-1], 1))
    for k in rest:
        kept, changed = ways * other[..., k, None], ways * rate[..., k, None]
        nothing = np.zeros_like(ways[..., :1])
        ways = np.concatenate([kept, nothing], axis=-1) + np.concatenate([nothing, changed], axis=-1)
    weights = (
        1 / _choices(len(rest)) / (len(rest) + 1)
    )  # every number of changes is as likely, and every choice of them
    return (rate[..., stage] - other[..., stage]) * (ways * weights).sum(axis=-1)


def _choices(n):
    """How many ways there are to choose 0, 1, ..., n of n."""
    ways = np.ones(n + 1)
    for k in range(n):
        ways[k + 1] = ways[k] * (n - k) / (k + 1)
    return ways
