"""How much strata differ beyond chance: a random-intercept binomial model over them (Q7), arrays in, arrays out.

The log odds of each stratum are the sum of the columns of its design plus a normal deviation with one standard
deviation for all strata. The deviations are integrated out by adaptive Gauss-Hermite quadrature, the rest is maximum
likelihood. Strata without people add nothing and are predicted. What has no estimate is NaN, and the fit says why.
"""

from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.optimize import brentq, minimize_scalar

from divimpact.intervals import z_of
from divimpact.models import logit, prepared, unfit
from divimpact.quadrature import STEPS, climbed, likelihood

NODES = 25
MOST = 6.0  # a standard deviation beyond which nearly all strata are all yes or all no, and quadrature is not exact
LOOKED_AT = np.array([0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, MOST])  # where the search for the top begins
MIXED = 9  # standard deviations over which predictions are weighted
NONE_LEFT = 1e-4  # a standard deviation of log odds below this is 0


@dataclass(frozen=True)
class Strata:
    """A random-intercept binomial model.

    Attributes
    ----------
    estimate : ndarray
        One coefficient for each column of the design, in log odds; NaN if there is a problem.
    sd : float
        Standard deviation of the strata around them, in log odds; exactly 0 where chance alone explains the counts.
    problem : str
        Why there is no estimate, empty if there is one.
    covariance : ndarray
        Of the coefficients and, last, of the standard deviation, from the observed information. For limits of the
        latter use `sd_limits`.
    log_likelihood : float
        Of the people one by one, without the ways to choose them within a stratum.
    strata, people : float
        How many strata with people there are, and how many people.
    count, nobs, design : ndarray
        What was fitted.
    nodes : int
        How many nodes the quadrature had for each stratum.
    """

    estimate: np.ndarray
    sd: float
    problem: str
    covariance: np.ndarray
    log_likelihood: float
    strata: int
    people: float
    count: np.ndarray
    nobs: np.ndarray
    design: np.ndarray
    nodes: int


def random_intercept(count, nobs, design, nodes=NODES):
    """Fit the log odds of strata as main effects and a normal deviation, by maximum likelihood.

    With a column of ones alone it is the null model; with `models.main_effects` of what makes the strata, what is left
    to the deviation is what the main effects do not explain. Maximum likelihood takes no account of the degrees of
    freedom that coefficients use up: the variance comes out too small by about k / J of itself and of the sampling
    variance of a stratum's log odds, for k columns and J strata.

    Parameters
    ----------
    count, nobs : array_like
        Yes and all people of each stratum.
    design : array_like
        One row for each stratum, one column for each coefficient, a column of ones among them.
    nodes : int
        Nodes of the quadrature for each stratum, 15 or more.

    Returns
    -------
    Strata
        Without estimates, and saying why, where `models.logit` would have none (columns that depend on each other,
        separation), where no more strata than columns have people, where every stratum with people is all yes or all no
        (the standard deviation is infinite or cannot be told) or so many are that it is above 6, or where the steps do
        not come to rest.

    Raises
    ------
    ValueError
        As `models.logit`, and for fewer than 15 nodes.

    References
    ----------
    Pinheiro, J. C. and Bates, D. M. (1995), J. Comput. Graph. Stat. 4, 12-35, equation 9; gradient and information:
    Louis, T. A. (1982), J. R. Stat. Soc. B 44, 226-233; strata of intersections: Evans, C. R. et al. (2018), Soc. Sci.
    Med. 203, 64-73.

    Examples
    --------
    >>> fit = random_intercept([8, 5, 13, 22], [40, 30, 40, 50], np.ones((4, 1)))
    >>> print(fit.estimate.round(3), round(fit.sd, 3))
    [-0.93] 0.413
    """
    if nodes < 15:
        raise ValueError(f"nodes is {nodes}: the quadrature needs 15 or more")
    count, nobs, columns, names = prepared(count, nobs, design)
    problem = unfit(count, nobs, columns, names) or _untold(count, nobs, columns)
    at, height = np.full(len(names) + 1, np.nan), np.nan
    if not problem:
        at, height, problem = _highest(count, nobs, columns, nodes)
    covariance = np.full((len(at),) * 2, np.nan) if problem else _doubt(at, count, nobs, columns, nodes)
    filled, people = int((nobs > 0).sum()), float(nobs.sum())
    return Strata(at[:-1], float(at[-1]), problem, covariance, height, filled, people, count, nobs, columns, nodes)


def sd_limits(fit, confidence=0.95):
    """Return profile-likelihood limits of the standard deviation of the strata.

    The standard deviations that a likelihood-ratio test with one degree does not reject, the coefficients being fitted
    anew for each. The lower limit is exactly 0 where 0 is not rejected. At a true 0 half of all samples are on the
    boundary and the limits hold it more often than they say; they are not narrowed for that. With many columns for
    the number of strata they lie too low, as the estimate does: see `adjusted_sd_limits`.

    Returns
    -------
    low, high : float
        NaN without estimates or where the steps do not come to rest; infinite where no standard deviation up to 6 is
        rejected.

    References
    ----------
    Venzon, D. J. and Moolgavkar, S. H. (1988), Appl. Stat. 37, 87-94; the boundary: Self, S. G. and Liang, K.-Y.
    (1987), JASA 82, 605-610.

    Examples
    --------
    >>> fit = random_intercept([8, 5, 13, 22], [40, 30, 40, 50], np.ones((4, 1)))
    >>> print(*(round(limit, 3) for limit in sd_limits(fit)))
    0.0 1.319
    """
    allowed = z_of(confidence) ** 2 / 2
    if fit.problem:
        return np.nan, np.nan
    return _where_fallen(lambda sd: _profile(fit, sd)[1], fit.sd, fit.log_likelihood - allowed)


def adjusted_sd_limits(fit, confidence=0.95):
    """Return the standard deviation of the strata and its limits with regard to how many columns were fitted.

    As `sd_limits`, from the profile likelihood less half the log determinant of the information on the coefficients:
    what restricted maximum likelihood is to maximum likelihood. For a model of main effects, whose columns use up a
    good part of the strata's degrees of freedom, this is the one to go by; for a null model it changes little.

    Returns
    -------
    sd, low, high : float
        NaN and infinite as in `sd_limits`; where the upper limit is infinite `sd` says little.

    References
    ----------
    Cox, D. R. and Reid, N. (1987), J. R. Stat. Soc. B 49, 1-39, equation 10.

    Examples
    --------
    >>> fit = random_intercept([8, 5, 13, 22], [40, 30, 40, 50], np.ones((4, 1)))
    >>> print(*(round(one, 3) for one in adjusted_sd_limits(fit)))
    0.527 0.0 1.885
    """
    allowed = z_of(confidence) ** 2 / 2
    if fit.problem:
        return np.nan, np.nan, np.nan

    def height(sd):
        return _adjusted(fit, sd)[1]

    sd, top = _top(height)
    return sd, *_where_fallen(height, sd, top - allowed)


def predictions(fit, confidence=0.95):
    """Return the rate of each stratum, drawn towards its main effects the more the fewer people it has, with limits.

    The rate is the mean over what the deviation of the stratum may be given its count, at the estimates (empirical
    Bayes); weighted by people the rates add up to all who said yes, and to those of each level of a main effect. A
    stratum without people gets what strata like it have.

    Limits are set on log odds, around the mean over standard deviations weighted by the likelihood of
    `adjusted_sd_limits`: so they keep the doubt about how much strata differ, also where the estimate is 0, and that
    about the coefficients. They hold `confidence` of all strata, not of each: a stratum far out is drawn in.

    Returns
    -------
    rate, low, high : ndarray
        NaN without estimates.

    References
    ----------
    Spread of an empirical Bayes mean: Kass, R. E. and Steffey, D. (1989), JASA 84, 717-726; weighting by the likelihood
    of the variance is Bayes with a flat prior: Gelman, A. (2006), Bayesian Anal. 1, 515-534.

    Examples
    --------
    >>> fit = random_intercept([8, 5, 20, 0], [40, 30, 40, 0], np.ones((4, 1)))
    >>> rate, low, high = predictions(fit)
    >>> rate.round(3), low.round(3), high.round(3)
    (array([0.22 , 0.203, 0.453, 0.292]), array([0.106, 0.075, 0.325, 0.002]), array([0.353, 0.351, 0.636, 0.985]))
    """
    z = z_of(confidence)
    if fit.problem:
        return (np.full(len(fit.nobs), np.nan),) * 3
    rate, _, _ = _predicted(fit, fit.estimate, fit.sd)
    _, low, high = adjusted_sd_limits(fit, 0.99)
    points, parts = np.polynomial.legendre.leggauss(MIXED)
    sds = low + (min(high, MOST) - low) * (1 + points) / 2
    adjusted = [_adjusted(fit, sd) for sd in sds]
    heights = np.array([height for _, height in adjusted])
    weights = parts * np.exp(heights - heights.max())
    found = np.array([_predicted(fit, estimate, sd)[1:] for (estimate, _), sd in zip(adjusted, sds, strict=True)])
    middles, variances = found[:, 0], found[:, 1]
    middle = np.average(middles, axis=0, weights=weights)
    spread = z * np.sqrt(np.average(variances + (middles - middle) ** 2, axis=0, weights=weights))
    return rate, special.expit(middle - spread), special.expit(middle + spread)


def vpc(sd):
    """Part of the variance of log odds that lies between strata, the rest being the logistic's own pi squared over 3.

    References
    ----------
    Goldstein, H., Browne, W. and Rasbash, J. (2002), Underst. Stat. 1, 223-231, the latent variable method.

    Examples
    --------
    >>> print(vpc([0, 0.47555]).round(4))
    [0.     0.0643]
    """
    variance = np.square(np.asarray(sd, dtype=float))
    return variance / (variance + np.pi**2 / 3)


def pcv(null_sd, sd):
    """Part of the variance between strata in the null model that the main effects take away; negative where they add.

    NaN where the null model leaves none.

    References
    ----------
    Merlo, J. et al. (2005), J. Epidemiol. Community Health 59, 1022-1028.

    Examples
    --------
    >>> print(pcv(0.47555, 0.224473).round(4))
    0.7772
    """
    null, left = (np.square(np.asarray(given, dtype=float)) for given in (null_sd, sd))
    return 1 - left / np.where(null > 0, null, np.nan)


def median_odds_ratio(sd):
    """Median, over pairs of strata drawn at random, of the odds of the higher over those of the lower; 1 if all alike.

    References
    ----------
    Larsen, K. and Merlo, J. (2005), Am. J. Epidemiol. 161, 81-88, equation 2.

    Examples
    --------
    >>> print(median_odds_ratio([0, 0.47555]).round(4))
    [1.    1.574]
    """
    return np.exp(np.sqrt(2) * np.asarray(sd, dtype=float) * special.ndtri(0.75))


def _untold(count, nobs, design):
    """Say why strata cannot tell a standard deviation, empty if they can."""
    filled = nobs > 0
    if filled.sum() <= design.shape[1]:
        return f"{filled.sum()} strata with people for {design.shape[1]} columns: nothing is left between strata"
    if ((count == 0) | (count == nobs))[filled].all():
        return "every stratum with people is all yes or all no: how much they differ is infinite or cannot be told"
    return ""


def _highest(count, nobs, design, nodes):
    """Return coefficients with the standard deviation at the top, the height, and what went wrong on the way if it did.

    The top is sought along the standard deviation, the coefficients following, then all move together. It is exactly 0
    if that is where the top is.
    """
    given, columns = (count, nobs, design, nodes), design.shape[1]
    start = np.append(logit(count, nobs, design).estimate, 0.0)

    def height(sd):
        return climbed(np.append(start[:-1], sd), columns, *given)[1]

    sd, top = _top(height)
    if sd >= MOST:
        problem = f"the standard deviation is above {MOST:g}: nearly all strata are all yes or all no"
        return np.full(columns + 1, np.nan), np.nan, problem
    start[-1] = sd if sd >= NONE_LEFT else 0.0
    at, top = climbed(start, columns, *given)
    at, top = climbed(at, columns + 1, *given) if start[-1] > 0 else (at, top)
    return at, top, f"no convergence after {STEPS} steps" if np.isnan(top) else ""


def _top(height):
    """Return the standard deviation at which a height is greatest, from 0 to `MOST`, and the height there."""
    heights = np.array([height(sd) for sd in LOOKED_AT])
    best = int(np.nanargmax(heights)) if not np.isnan(heights[0]) else 0
    ends = LOOKED_AT[max(best - 1, 0)], LOOKED_AT[min(best + 1, len(LOOKED_AT) - 1)]
    found = minimize_scalar(lambda sd: -height(sd), bounds=ends, method="bounded", options={"xatol": 1e-6})
    if heights[best] >= -found.fun:
        return float(LOOKED_AT[best]), float(heights[best])
    return float(found.x), float(-found.fun)


def _doubt(at, count, nobs, design, nodes):
    """Covariance of the estimates; at a standard deviation of 0 that of the coefficients alone, the rest NaN."""
    curve = likelihood(at, count, nobs, design, nodes)[2]
    covariance = np.full(curve.shape, np.nan)
    free = len(at) if at[-1] > 0 else len(at) - 1
    covariance[:free, :free] = np.linalg.inv(-curve[:free, :free])
    return covariance


def _profile(fit, sd):
    """Coefficients and height at a given standard deviation."""
    given = fit.count, fit.nobs, fit.design, fit.nodes
    at, height = climbed(np.append(fit.estimate, sd), len(fit.estimate), *given)
    return at[:-1], height


def _adjusted(fit, sd):
    """The same, the height less half the log determinant of the information on the coefficients."""
    estimate, height = _profile(fit, sd)
    if np.isnan(height):
        return estimate, height
    curve = likelihood(np.append(estimate, sd), fit.count, fit.nobs, fit.design, fit.nodes)[2]
    return estimate, height - np.linalg.slogdet(-curve[:-1, :-1])[1] / 2


def _where_fallen(height, top, level):
    """The standard deviations on either side of the top at which a height has fallen to a level; 0 if it has not."""

    def excess(sd):
        return level - height(sd)

    low = 0.0 if top == 0 or excess(0.0) <= 0 else _crossed(excess, 0.0, top)
    beyond = min(top + 0.5, MOST)
    while excess(beyond) < 0 and beyond < MOST:
        beyond = min(2 * beyond, MOST)
    return low, np.inf if excess(beyond) < 0 else _crossed(excess, top, beyond)


def _crossed(excess, start, end):
    """The place between two others at which an excess is 0; NaN where it is not known on the way there."""
    met = []

    def known(sd):
        met.append(excess(sd))
        return np.nan_to_num(met[-1])

    found = float(brentq(known, start, end, xtol=1e-7))
    return np.nan if np.isnan(met).any() else found


def _predicted(fit, estimate, sd):
    """Mean rate, mean log odds and their variance, of each stratum, at a given standard deviation."""
    at = np.append(estimate, sd)
    _, _, curve, (_, part, rising, along) = likelihood(at, fit.count, fit.nobs, fit.design, fit.nodes)
    middle = (part * along).sum(axis=1)
    off = along - middle[:, None]
    moves = fit.design * (1 + (part * off * rising).sum(axis=1))[:, None]  # of the mean, with each coefficient
    doubt = (moves @ np.linalg.inv(-curve[:-1, :-1]) * moves).sum(axis=1)
    return (part * special.expit(along)).sum(axis=1), middle, (part * off**2).sum(axis=1) + doubt
