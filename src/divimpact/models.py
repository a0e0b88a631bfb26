"""Regression of yes or no on what people have in common, from grouped counts (Q7, Q8): arrays in, arrays out.

A row counts people who are alike in every column of the design: `count` of `nobs` said yes. Results are those of the
same regression with one row for each person. Rows without people add nothing. What has no estimate (columns that depend
on each other, separated counts, no convergence) is NaN, and the fit says why; what cannot be (more yes than people, a
missing number) is refused.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special
from scipy.optimize import linprog

from divimpact.intervals import proportion, refuse_other_confidence

DEPENDENT = 1e-9  # part of a column that the columns before it must leave over
STEPS = 100


@dataclass(frozen=True)
class Fit:
    """A regression of yes or no.

    Attributes
    ----------
    estimate : ndarray
        One coefficient for each column of the design, log odds or shares; NaN if there is a problem.
    problem : str
        Why there is no estimate, empty if there is one.
    fitted : ndarray
        The rate of each row; of a linear model it may lie outside 0..1.
    slope : ndarray
        By how much that rate moves with the sum of coefficients: `fitted` (1 - `fitted`) for odds, 1 if linear.
    log_likelihood : float
        Of the people one by one, without the ways to choose them within a row; NaN if linear. Between models of the
        same people its differences are those of any grouping, but twice its distance to 0 is not the deviance of rows.
    people : float
        How many people the rows count.
    residual_df : float
        People less coefficients.
    count, nobs, design : ndarray
        What was fitted.
    """

    estimate: np.ndarray
    problem: str
    fitted: np.ndarray
    slope: np.ndarray
    log_likelihood: float
    people: float
    residual_df: float
    count: np.ndarray
    nobs: np.ndarray
    design: np.ndarray


def main_effects(factors):
    """Return the design of main effects: a column of ones, and one for each level of each factor but its first.

    Levels keep the order in which they come, or that of a categorical; a level nobody has gets no column.

    Parameters
    ----------
    factors : DataFrame
        One column for each factor, one row for each row of counts.

    Examples
    --------
    >>> main_effects(pd.DataFrame({"sex": ["f", "f", "m", "m"], "origin": ["here", "abroad", "here", "abroad"]}))
       intercept  sex: m  origin: abroad
    0        1.0     0.0             0.0
    1        1.0     0.0             1.0
    2        1.0     1.0             0.0
    3        1.0     1.0             1.0
    """
    columns = {"intercept": np.ones(len(factors))}
    for name, factor in factors.items():
        levels = factor.cat.categories if factor.dtype == "category" else factor.unique()
        _, *others = [level for level in levels if (factor == level).any()]
        columns |= {f"{name}: {level}": (factor == level).astype(float) for level in others}
    return pd.DataFrame(columns, index=factors.index)


def logit(count, nobs, design):
    """Fit log odds of yes by maximum likelihood.

    Parameters
    ----------
    count, nobs : array_like
        Yes and all people of each row.
    design : array_like
        One row for each row of counts, one column for each coefficient, a column of ones among them where there is an
        intercept; a frame's column names stand in the messages.

    Returns
    -------
    Fit
        Without estimates, and saying why, where a column is a combination of those before it (among rows with
        people), where some combination of columns tells yes from no without fail (separation: the best coefficients
        are infinite), or where Newton's steps do not come to rest.

    Raises
    ------
    ValueError
        For a missing number, a count outside 0..nobs, or a design with another number of rows.

    References
    ----------
    McCullagh, P. and Nelder, J. A. (1989), Generalized Linear Models, chapter 4; separation by a linear program:
    Konis, K. (2007), Linear Programming Algorithms for Detecting Separated Data, thesis, Oxford.

    Examples
    --------
    >>> fit = logit([10, 389], [43, 920], [[1, 1], [1, 0]])
    >>> np.exp(fit.estimate).round(4)  # odds of the reference; odds ratio of the group
    array([0.7326, 0.4136])
    """
    count, nobs, columns, names = prepared(count, nobs, design)
    problem = unfit(count, nobs, columns, names)
    estimate = np.full(len(names), np.nan) if problem else _newton(count, nobs, columns)
    if not problem and np.isnan(estimate).any():
        problem = f"no convergence after {STEPS} steps"
    fitted = special.expit(columns @ estimate)
    log_likelihood = (special.xlogy(count, fitted) + special.xlog1py(nobs - count, -fitted)).sum()
    return _fit(estimate, problem, fitted, fitted * (1 - fitted), log_likelihood, count, nobs, columns)


def linear(count, nobs, design):
    """Fit shares of yes by least squares: the linear probability model.

    A coefficient is a difference of shares, in parts of 1. Rates may be fitted below 0 or above 1. Parameters, refusals
    and collinear columns as in `logit`; separation is no problem here.

    References
    ----------
    Aldrich, J. H. and Nelson, F. D. (1984), Linear Probability, Logit, and Probit Models, chapter 1.

    Examples
    --------
    >>> linear([10, 389], [43, 920], [[1, 1], [1, 0]]).estimate.round(4)
    array([ 0.4228, -0.1903])
    """
    count, nobs, columns, names = prepared(count, nobs, design)
    problem = dependent(nobs, columns, names)
    if problem:
        estimate = np.full(len(names), np.nan)
    else:
        among = nobs > 0
        estimate = _solved(nobs[among], columns[among], count[among] / nobs[among])
    return _fit(estimate, problem, columns @ estimate, np.ones(len(nobs)), np.nan, count, nobs, columns)


def model_covariance(fit):
    """Return the covariance of the coefficients if the model holds and people are independent of each other.

    Of a linear model with one variance for all, estimated over `residual_df`. NaN without estimates, or without
    people to spare in a linear model.

    Examples
    --------
    >>> np.sqrt(np.diag(model_covariance(logit([10, 389], [43, 920], [[1, 1], [1, 0]])))).round(4)
    array([0.0667, 0.3671])
    """
    bread = _bread(fit)
    if np.isnan(fit.log_likelihood) and not fit.problem:
        squares = fit.count * (1 - fit.fitted) ** 2 + (fit.nobs - fit.count) * fit.fitted**2
        return bread * (squares.sum() / fit.residual_df if fit.residual_df > 0 else np.nan)
    return bread


def hc0_covariance(fit):
    """Return the covariance of the coefficients whatever the variance of each person, people being independent.

    White's, without a factor for small samples. The squares are added person by person: weighting the mean of a row by
    its number of people, as software for weighted rows does, would take all of a row for one person and give errors
    several times too small. NaN without estimates.

    References
    ----------
    White, H. (1980), Econometrica 48, 817-838.

    Examples
    --------
    >>> np.sqrt(np.diag(hc0_covariance(linear([10, 389], [43, 920], [[1, 1], [1, 0]])))).round(4)
    array([0.0163, 0.0665])
    """
    squares = fit.count * (1 - fit.fitted) ** 2 + (fit.nobs - fit.count) * fit.fitted**2
    return _sandwich(fit, (fit.design * squares[:, None]).T @ fit.design)


def hc1_covariance(fit):
    """Return `hc0_covariance` times people over `residual_df`.

    NaN without people to spare. Some software (statsmodels for its GLM and Logit) leaves the factor out and calls the
    result HC1 all the same: that is `hc0_covariance`.

    References
    ----------
    MacKinnon, J. G. and White, H. (1985), J. Econom. 29, 305-325.

    Examples
    --------
    >>> np.sqrt(np.diag(hc1_covariance(linear([10, 389], [43, 920], [[1, 1], [1, 0]])))).round(4)
    array([0.0163, 0.0665])
    """
    return hc0_covariance(fit) * (fit.people / fit.residual_df if fit.residual_df > 0 else np.nan)


def cluster_covariance(fit, clusters):
    """Return the covariance of the coefficients if people of one cluster may be alike, and clusters are independent.

    With the factor G / (G - 1) times (N - 1) / (N - k) for G clusters, N people and k coefficients: people, not rows.
    With few clusters (below 30 or so) errors are too small all the same; use t with G - 1 degrees in `wald`. NaN
    without estimates or people to spare.

    Parameters
    ----------
    fit : Fit
        Of counts in which no row has people of two clusters.
    clusters : array_like
        The cluster of each row of counts; those of rows without people do not count.

    Raises
    ------
    ValueError
        For fewer than two clusters, a row without one, or another number of rows.

    References
    ----------
    Liang, K.-Y. and Zeger, S. L. (1986), Biometrika 73, 13-22; the factor: Cameron, A. C. and Miller, D. L. (2015),
    J. Hum. Resour. 50, 317-372, equation 12.

    Examples
    --------
    >>> fit = linear([3, 1, 2, 4], [5, 5, 5, 5], np.ones((4, 1)))
    >>> cluster_covariance(fit, ["parks", "parks", "library", "library"]).round(4)
    array([[0.01]])
    """
    clusters = np.asarray(clusters)
    if clusters.shape != fit.nobs.shape or pd.isna(clusters).any():
        raise ValueError(f"clusters need one value for each of {len(fit.nobs)} rows of counts, none missing")
    of_row, found = pd.factorize(clusters[fit.nobs > 0])
    if len(found) < 2:
        raise ValueError(f"clustered errors need two clusters with people or more, there are {len(found)}")
    scores = fit.design * (fit.count - fit.nobs * fit.fitted)[:, None]
    added = np.zeros((len(found), scores.shape[1]))
    np.add.at(added, of_row, scores[fit.nobs > 0])
    factor = len(found) / (len(found) - 1) * ((fit.people - 1) / fit.residual_df if fit.residual_df > 0 else np.nan)
    return factor * _sandwich(fit, added.T @ added)


def wald(estimate, covariance, confidence=0.95, df=np.inf):
    """Return standard errors, limits and two-sided p-values of coefficients, each taken alone.

    By the normal distribution, or by t with `df` degrees. An error of 0 (rows that hold no doubt) gives limits at the
    estimate and p of 0, or NaN for an estimate of 0.

    Returns
    -------
    error, low, high, p : ndarray

    Examples
    --------
    >>> fit = logit([10, 389], [43, 920], [[1, 1], [1, 0]])
    >>> error, low, high, p = wald(fit.estimate, model_covariance(fit))
    >>> low.round(4), high.round(4), p.round(4)
    (array([-0.442 , -1.6022]), array([-0.1804, -0.1633]), array([0.    , 0.0162]))
    """
    refuse_other_confidence(confidence)
    estimate, error = np.asarray(estimate, dtype=float), np.sqrt(np.diag(covariance))
    spread = special.stdtrit(df, (1 + confidence) / 2) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = 2 * special.stdtr(df, -np.abs(estimate / error))
    return error, estimate - spread, estimate + spread, p


def prepared(count, nobs, design):
    """Return counts and design as floats, with the names of the columns, or refuse what cannot be fitted."""
    names = [str(name) for name in getattr(design, "columns", range(np.shape(design)[-1]))]
    count, nobs, columns = (np.asarray(given, dtype=float) for given in (count, nobs, design))
    if columns.ndim != 2 or not count.shape == nobs.shape == columns.shape[:1]:
        raise ValueError(
            f"counts of shape {count.shape} and {nobs.shape} and a design of shape {columns.shape}: "
            "one row of the design is needed for each count"
        )
    missing = np.isnan(count) | np.isnan(nobs) | ~np.isfinite(columns).all(axis=1)
    if missing.any():
        raise ValueError(f"a number is missing or infinite in row {np.argmax(missing)}: leave the row out")
    proportion(count, nobs)  # refuses a count outside 0..nobs
    if not nobs.any():
        raise ValueError("the rows count nobody: there is nothing to fit")
    return np.where(nobs > 0, count, 0), nobs, columns, names


def dependent(nobs, design, names):
    """Say which columns are combinations of those before them, among rows with people; empty if none is."""
    among = design[nobs > 0]
    length = np.sqrt((among**2).sum(axis=0))
    left = np.zeros(len(names))
    triangle = np.linalg.qr(among / np.where(length > 0, length, 1), mode="r")
    left[: len(triangle)] = np.abs(np.diag(triangle))
    found = [name for name, some in zip(names, left, strict=True) if some < DEPENDENT]
    return f"column {', '.join(found)}: a combination of the columns before it, or 0 for all" if found else ""


def unfit(count, nobs, design, names):
    """Say why log odds cannot be fitted: dependent columns or separated counts; empty if they can."""
    return dependent(nobs, design, names) or _separated(count, nobs, design, names)


def _separated(count, nobs, design, names):
    """Look for a combination of columns that is never below 0 for yes, never above 0 for no, and not 0 for all."""
    filled = nobs > 0
    scaled = design[filled] / np.maximum(np.abs(design[filled]).max(axis=0), 1e-300)
    yes, no = count[filled] == nobs[filled], count[filled] == 0
    towards = scaled[yes | no] * np.where(yes, 1, -1)[yes | no, None]
    if not len(towards):
        return ""
    mixed = scaled[~(yes | no)]
    equal = {"A_eq": mixed, "b_eq": np.zeros(len(mixed))} if len(mixed) else {}
    found = linprog(-towards.sum(axis=0), A_ub=-towards, b_ub=np.zeros(len(towards)), bounds=(-1, 1), **equal)
    if found.fun is None or found.fun > -1e-7:
        return ""
    by = ", ".join(name for name, weight in zip(names, found.x, strict=True) if abs(weight) > 1e-7)
    return f"column {by}: some rows are all yes or all no along it, the best coefficient is infinite (separation)"


def _newton(count, nobs, design):
    """Climb to the most likely log odds; NaN where the steps do not come to rest."""
    scale = np.abs(design[nobs > 0]).max(axis=0)
    scaled, at = design / scale, np.zeros(design.shape[1])

    def height(at):
        along = scaled @ at
        return (count * along - nobs * np.logaddexp(0, along)).sum()

    for _ in range(STEPS):
        rate = special.expit(scaled @ at)
        weight = nobs * rate * (1 - rate)
        rising = count - nobs * rate
        away = np.where(weight > 0, rising / np.where(weight > 0, weight, 1), 0)
        step = _solved(weight, scaled, away)
        gain, size = (scaled * rising[:, None]).sum(axis=0) @ step, 1.0
        if gain < 1e-18 * nobs.sum():
            return (at + step) / scale
        while height(at + size * step) < height(at) and size > 1e-6:
            size /= 2
        at = at + size * step
    return np.full(len(at), np.nan)


def _solved(weight, design, outcome):
    """Least squares with weights."""
    root = np.sqrt(weight)
    return np.linalg.lstsq(design * root[:, None], outcome * root, rcond=1e-14)[0]


def _fit(estimate, problem, fitted, slope, log_likelihood, count, nobs, design):
    people = float(nobs.sum())
    spare = people - design.shape[1]
    return Fit(estimate, problem, fitted, slope, float(log_likelihood), people, spare, count, nobs, design)


def _bread(fit):
    """Inverse of the information of all people, by QR so that years beside an intercept keep their digits."""
    if fit.problem:
        return np.full((fit.design.shape[1],) * 2, np.nan)
    length = np.sqrt((fit.nobs[:, None] * fit.design**2).sum(axis=0))
    weighted = fit.design / length * np.sqrt(fit.nobs * fit.slope)[:, None]
    inverse = np.linalg.inv(np.linalg.qr(weighted, mode="r")) / length[:, None]
    return inverse @ inverse.T


def _sandwich(fit, filling):
    bread = _bread(fit)
    return bread @ filling @ bread
