"""The likelihood of a random-intercept binomial model by adaptive Gauss-Hermite quadrature, and the climb to its top.

Arrays in, arrays out. `at` holds the coefficients and, last, the standard deviation of the strata's log odds. The
likelihood is that of the people one by one, without the ways to choose them within a stratum.
"""

from functools import lru_cache

import numpy as np
from scipy import special

STEPS = 100
RESTED = 1e-15  # the climb ends where a step promises no more,
NOISE = 1e-18  # or no more than this part of the height, which rounding hides
FARTHEST = 5.0  # how far log odds may move in a step
MOST = (
    6.0  # a standard deviation beyond which nearly all strata are all yes or all no, and quadrature is no longer exact
)


def climbed(at, free, count, nobs, design, nodes):
    """Move the first `free` numbers of `at` to where the likelihood is highest; return them with the rest, and its log.

    Newton's steps; where the surface does not curve downwards the size of its curvature is taken, so that every step
    rises. A step is taken if the likelihood rises with the nodes where they are then, or where they were: with nodes
    that stay, gradient and curvature are exact, also where quadrature is not (strata that are nearly all or none). In
    the coefficients alone there is one top; with the standard deviation too, start near it. All is NaN if the steps do
    not come to rest.
    """
    before = np.inf
    for _ in range(STEPS):
        points = _points(at, count, nobs, design, nodes)
        height, slope, curve, _ = _at_points(at, count, nobs, design, points)
        if not np.isfinite(curve).all():
            break
        step = np.zeros(len(at))
        step[:free] = _uphill(slope[:free], curve[:free, :free])
        step /= max(1.0, np.abs(design @ step[:-1]).max() / FARTHEST, abs(step[-1]) / FARTHEST)
        promised = slope @ step
        if promised < RESTED + NOISE * abs(height):
            return at, height
        start, before = (0.5 if promised > before / 2 else 1.0), promised  # half a step where nodes make it swing
        for size in start * 0.5 ** np.arange(20):
            tried, least = at + size * step, height - 1e-13 * abs(height)
            if likelihood(tried, count, nobs, design, nodes)[0] >= least:
                break
            if _at_points(tried, count, nobs, design, points)[0] >= least:
                break
        at = at + size * step
        at[-1] = abs(at[-1])  # the likelihood is the same below 0
    return np.full(len(at), np.nan), np.nan


def likelihood(at, count, nobs, design, nodes):
    """Return the log-likelihood, its gradient and curvature, and what they are made of; see `_at_points`."""
    return _at_points(at, count, nobs, design, _points(at, count, nobs, design, nodes))


def _uphill(slope, curve):
    """Newton's step, with the size of the curvature where it is not downwards."""
    scale = 1 / np.sqrt(np.maximum(np.abs(np.diag(curve)), 1e-8))
    values, vectors = np.linalg.eigh(curve * scale * scale[:, None])
    return scale * (vectors @ (vectors.T @ (scale * slope) / np.maximum(np.abs(values), 1e-8)))


def _points(at, count, nobs, design, nodes):
    """Deviations and log weights of each stratum's nodes: around its likeliest deviation, as wide as its curvature."""
    fixed, sd = design @ at[:-1], at[-1]
    points, log_weights = _rule(nodes)
    middle = _likeliest(count, nobs, fixed, sd)
    rate = special.expit(fixed + sd * middle)
    width = 1 / np.sqrt(1 + sd**2 * nobs * rate * (1 - rate))
    u = middle[:, None] + width[:, None] * points
    return u, log_weights - u**2 / 2 + np.log(width)[:, None]


def _at_points(at, count, nobs, design, points):
    """Log-likelihood, its gradient and curvature in coefficients and standard deviation, and what they are made of.

    Gradient and curvature are means, over what the deviation of a stratum may be given its count, of the gradient and
    curvature of the people's own likelihood, plus the variance of the former (Louis 1982). The last item holds for each
    stratum and node the deviation, its part, count less expected count, and log odds.
    """
    u, log_weights = points
    along = (design @ at[:-1])[:, None] + at[-1] * u
    log_parts = count[:, None] * along - nobs[:, None] * np.logaddexp(0, along) + log_weights
    top = log_parts.max(axis=1, keepdims=True)
    part = np.exp(log_parts - top)
    total = part.sum(axis=1, keepdims=True)
    part, rate = part / total, special.expit(along)
    rising = count[:, None] - nobs[:, None] * rate
    bent = rising**2 - nobs[:, None] * rate * (1 - rate)

    def mean(values):
        return (part * values).sum(axis=1)

    by_fixed, by_sd = mean(rising), mean(rising * u)
    edge = design.T @ (mean(bent * u) - by_fixed * by_sd)
    inner = design.T @ (design * (mean(bent) - by_fixed**2)[:, None])
    curve = np.block([[inner, edge[:, None]], [edge, (mean(bent * u**2) - by_sd**2).sum()]])
    slope = np.append(design.T @ by_fixed, by_sd.sum())
    return (top + np.log(total)).sum(), slope, curve, (u, part, rising, along)


def _likeliest(count, nobs, fixed, sd):
    """Return the most likely deviation of each stratum: Newton's steps, halving the bracket where they leave it."""
    low, high = sd * (count - nobs), sd * count
    information = (count + 0.5) * (nobs - count + 0.5) / (nobs + 1)
    observed = np.log((count + 0.5) / (nobs - count + 0.5))
    u = np.clip(sd * information * (observed - fixed) / (1 + sd**2 * information), low, high)
    for _ in range(STEPS):
        rate = special.expit(fixed + sd * u)
        rising = sd * (count - nobs * rate) - u
        low, high = np.where(rising > 0, u, low), np.where(rising < 0, u, high)
        new = u + rising / (1 + sd**2 * nobs * rate * (1 - rate))
        new = np.where((new < low) | (new > high), (low + high) / 2, new)
        if np.abs(new - u).max() < 1e-8:
            break
        u = new
    return new


@lru_cache
def _rule(nodes):
    """Points and log weights that integrate a function of a standard normal's size as it is, not weighted by it."""
    points, weights = special.roots_hermite(nodes)
    return points * np.sqrt(2), np.log(weights) + points**2 - np.log(np.pi) / 2
