"""A panel as arrays, and what an estimator says on it of everyone, of each group and of each gap (Q8).

A gap is the estimate on a group less that on its reference, from the same districts, so that what moves both moves the
gap little: its limits take account of that.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import special

from divimpact.estimates import union
from divimpact.intervals import refuse_other_confidence
from divimpact.panel import NEVER
from divimpact.scatter import assignments, deviations, pooled_covariance, randomisation_p, robust_covariance
from divimpact.staggered import coefficients, cohort_means, cohorts

ESTIMANDS = {"people": "people: weighted by eligible", "districts": "districts: each counts alike"}
FEW = 20  # districts with or without the measure, below which their scatter is pooled and p is by randomisation


@dataclass(frozen=True)
class Arrays:
    """A panel as arrays.

    Attributes
    ----------
    lines : DataFrame
        What is estimated: everyone, each group, each gap; with measure, group, reference, role and what all rows state.
    mixture : ndarray, lines by outcomes
        Each line as a sum of outcomes: 1 for itself, for a gap -1 for the reference too.
    outcome : ndarray, (outcomes, districts, periods)
        Rates of everyone, then of each group; districts by name, periods by time.
    weight : ndarray, (outcomes, districts)
    cohort : ndarray
        Of each district.
    starts : ndarray
        Position of the period in which each cohort starts; the number of periods for never.
    means, sizes : ndarray
        Of cohorts, see `staggered.cohort_means`, for each outcome.
    periods : list of str
    said : str
        The estimand in words.
    few : bool
        Whether fewer than `FEW` districts have the measure or have not, or a cohort is one district.
    df : float
        Degrees of freedom of limits, infinite for many districts.
    """

    lines: pd.DataFrame
    mixture: np.ndarray
    outcome: np.ndarray
    weight: np.ndarray
    cohort: np.ndarray
    starts: np.ndarray
    means: np.ndarray
    sizes: np.ndarray
    periods: list
    said: str
    few: bool
    df: float

    @property
    def method(self):
        """Name how limits come about."""
        return "pooled_scatter_t" if self.few else "cohort_scatter_normal"

    @property
    def last(self):
        """The number of periods, which stands for a start that never comes."""
        return len(self.periods)

    def average(self, values):
        """Return the lines' sums of what each outcome has: (outcomes, ...) to (lines, ...)."""
        return np.tensordot(self.mixture, values, axes=1)


def arrays(panel, estimand="people"):
    """Return a panel of `panel.panel` as arrays, for the estimand "people" or "districts".

    Raises
    ------
    ValueError
        For another estimand.

    Examples
    --------
    >>> panel = pd.DataFrame({"period": ["2023", "2024"] * 2, "service": "advice", "district": list("AABB"),
    ...                       "dimension": "origin", "group": "here", "role": "group", "reference": "here",
    ...                       "numerator": [1, 3, 2, 2], "denominator": 10, "start": ["2024", "2024", "", ""]})
    >>> found = arrays(panel)
    >>> found.lines[["measure", "group"]].values.tolist(), found.starts
    ([['effect', nan], ['effect_by_group', 'here']], array([1, 2]))
    >>> found.means[0]
    array([[0.1, 0.3],
           [0.2, 0.2]])
    """
    if estimand not in ESTIMANDS:
        raise ValueError(f"estimand is {estimand!r}, not one of: {', '.join(ESTIMANDS)}")
    groups = panel.drop_duplicates("group").reset_index(drop=True)
    codes, names = zip(
        *(panel[key].factorize(sort=key != "group") for key in ("period", "district", "group")), strict=True
    )
    order, shape = np.lexsort(codes), [len(found) for found in names[::-1]]
    cubes = [panel[count].to_numpy(float)[order].reshape(shape) for count in ("numerator", "denominator")]
    users, eligible = (_with_everyone(cube, groups["role"] == "group") for cube in cubes)
    periods = list(names[0])
    start = panel["start"].to_numpy()[order[: shape[1] * shape[2] : shape[2]]]
    starts, cohort = cohorts([periods.index(one) if one != NEVER else len(periods) for one in start])
    weight = eligible.mean(axis=2) if estimand == "people" else np.ones(eligible.shape[:2])
    of_cohorts = [cohort_means(*one, cohort) for one in zip(users / eligible, weight, strict=True)]
    means, sizes = (np.stack(part) for part in zip(*of_cohorts, strict=True))
    many = np.bincount(cohort)
    treated = many[starts < len(periods)].sum()
    few = min(treated, many.sum() - treated) < FEW or many.min() < 2
    lines, mixture = _lines(panel, groups)
    told = len(cohort) if 1 < treated < len(cohort) - 1 else 1  # one district against others would be that district
    lines = lines.assign(strata=told, residual_df=(len(cohort) - len(starts)) * (len(periods) - 1))
    df = len(cohort) - len(starts) if few else np.inf
    return Arrays(
        lines, mixture, users / eligible, weight, cohort, starts, means, sizes, periods, ESTIMANDS[estimand], few, df
    )


def estimated(data, estimator, confidence=0.95):
    """Return what an estimator says of each line, with limits, and the covariance of all that it says.

    Parameters
    ----------
    data : Arrays
    estimator : callable
        As `staggered.coefficients` takes it.

    Returns
    -------
    found : DataFrame
        The lines, each so often as the estimator has estimates (`which`), with estimate, error, conf_low, conf_high.
    covariance : ndarray
    """
    refuse_other_confidence(confidence)
    own = np.stack([coefficients(estimator, sizes, data.starts, data.last) for sizes in data.sizes])
    many = own.shape[1]
    coefficient = np.einsum("lk,kegt->lekgt", data.mixture, own).reshape(-1, *own.shape[:1], *own.shape[2:])
    estimate = np.einsum("xkgt,kgt->x", coefficient, data.means)
    around = deviations(data.outcome, data.weight, data.cohort)
    doubt = pooled_covariance if data.few else robust_covariance
    covariance = doubt(coefficient, around, data.weight, data.cohort)
    error = np.sqrt(np.diag(covariance))
    spread = special.stdtrit(data.df, (1 + confidence) / 2) * error
    found = data.lines.loc[np.repeat(data.lines.index, many)].reset_index(names="line")
    limits = {"conf_low": estimate - spread, "conf_high": estimate + spread, "confidence": confidence}
    return found.assign(
        which=np.tile(range(many), len(data.lines)), estimate=estimate, error=error, **limits
    ), covariance


def p_values(data, estimator, found):
    """Return p-values of rows that `estimated` gave, and their rule: by randomisation where districts are few.

    All ways to choose which districts start when (in the same numbers) are gone through if there are at most 10,000,
    otherwise random ones; the same for all lines. A smallest p-value is one over their number: with few ways nothing
    can be told.
    """
    if not data.few:
        return 2 * special.ndtr(-np.abs(found["estimate"] / found["error"])), "normal"
    ways, exact = assignments(data.cohort)
    said = [
        estimator(*cohort_means(outcome, weight, ways), data.starts)
        for outcome, weight in zip(data.outcome, data.weight, strict=True)
    ]
    p = randomisation_p(np.moveaxis(data.average(np.stack(said)), 0, 1)).ravel()
    return p[found.index], "randomisation_exact" if exact else "randomisation_drawn"


def _with_everyone(cube, disjoint):
    """Everyone who declared one of the groups that do not overlap, before the groups."""
    return np.concatenate([cube[disjoint.to_numpy()].sum(axis=0, keepdims=True), cube])


def _lines(panel, groups):
    """Everyone, each group and each gap: what their rows say and rest on, and as which sums of outcomes they come."""
    names, roles = list(groups["group"]), list(groups["role"])
    reference = groups["reference"].iloc[0]
    unit, others = np.eye(len(names) + 1), [place for place, name in enumerate(names) if name != reference]
    gaps = unit[[place + 1 for place in others]] - unit[names.index(reference) + 1]
    together = [name for name, role in zip(names, roles, strict=True) if role == "group"]
    lines = [("effect", None, None, "group", together)]
    lines += [("effect_by_group", name, None, role, [name]) for name, role in zip(names, roles, strict=True)]
    lines += [("effect_gap", names[k], reference, roles[k], [names[k], reference]) for k in others]
    frame = pd.DataFrame(lines, columns=["measure", "group", "reference", "role", "rests_on"]).astype(object)
    about = [key for key in ("service", "of_measure", "dimension") if key in groups]
    frame = frame.assign(**{key: groups[key].iloc[0] for key in about})
    for column in ("cells", "within"):
        if column in panel:
            frame[column] = [union(panel.loc[panel["group"].isin(rests_on), column]) for rests_on in frame["rests_on"]]
    return frame.drop(columns="rests_on"), np.vstack([unit, gaps])
