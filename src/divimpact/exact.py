"""Two groups of few people: the unconditional exact test, and what one person more or fewer turns. Arrays in and out.

Arguments are the four counts of `intervals`; they broadcast and are never changed. What is undefined is NaN.
"""

from functools import lru_cache

import numpy as np
from scipy.stats import boschloo_exact

from divimpact.intervals import proportion

FEW = 100  # people of each group up to which Boschloo's test is worth its time
ONE_PERSON = {  # how many more of the group, and of the reference, pass
    "one more of the group": (1, 0),
    "one fewer of the group": (-1, 0),
    "one of the group in place of one of the reference": (1, -1),
    "one of the reference in place of one of the group": (-1, 1),
}


def boschloo(count, nobs, reference_count, reference_nobs):
    """Two-sided p-value of Boschloo's exact test that two proportions are the same, for groups of at most 100.

    Fisher's p as the statistic, and the largest chance, over all rates that both might have, of one so small: it holds
    its level and finds more than Fisher's test, as it takes only the numbers of people as given. Twice the one-sided
    p, at most 1.

    Returns
    -------
    p : ndarray
        NaN where a denominator is 0, missing or above 100, 1 where nobody or everybody is counted.

    Raises
    ------
    ValueError
        For a count that is not whole or outside 0..nobs.

    References
    ----------
    Boschloo, R. D. (1970), Statistica Neerlandica 24, 1-35; computed by scipy's boschloo_exact.

    Examples
    --------
    >>> print(boschloo([2, 10], [10, 43], [15, 389], [25, 920]).round(5))
    [0.0366    nan]
    """
    return _boschloo(*_whole(count, nobs, reference_count, reference_nobs, "boschloo"))


def with_one_person(count, nobs, reference_count, reference_nobs):
    """Return the counts as they would be if one person more, one fewer or one different had passed.

    Returns
    -------
    cells : dict
        For each name of `ONE_PERSON` the four counts; all NaN where there is no such person: nobody who could pass as
        well, or nobody who could fail.

    Raises
    ------
    ValueError
        As `boschloo`.

    References
    ----------
    Questions and Answers 21 on the Uniform Guidelines, 44 FR 11996 (United States, 1979), for one different person.

    Examples
    --------
    >>> changed = with_one_person(2, 10, 117, 389)
    >>> [number.item() for number in changed["one of the group in place of one of the reference"]]
    [3.0, 10.0, 116.0, 389.0]
    """
    x, n, y, m = _whole(count, nobs, reference_count, reference_nobs, "with_one_person")
    return {
        name: _possible(x + of_group, n, y + of_reference, m) for name, (of_group, of_reference) in ONE_PERSON.items()
    }


def turned_by_one(count, nobs, reference_count, reference_nobs):
    """Say whether one different person who passes would give the other group the higher rate.

    Where one of the group in the place of one of the reference (or the other way round) reverses which rate is higher,
    strictly and compared on whole numbers, there are not enough people to tell. Equal rates have no order to reverse.

    Returns
    -------
    turned : ndarray
        1 or 0, NaN where a denominator is 0 or missing.

    Raises
    ------
    ValueError
        As `boschloo`.

    References
    ----------
    Questions and Answers 21 on the Uniform Guidelines, 44 FR 11996 (United States, 1979).

    Examples
    --------
    >>> print(turned_by_one([2, 10], [10, 43], [117, 389], [389, 920]))
    [1. 0.]
    """
    x, n, y, m = _whole(count, nobs, reference_count, reference_nobs, "turned_by_one")
    order = x * m - y * n
    swapped = [changed for name, changed in with_one_person(x, n, y, m).items() if "in place of" in name]
    turned = [order * (a * m - b * n) < 0 for a, _, b, _ in swapped]
    return np.where(np.isnan(order), np.nan, np.logical_or(*turned))


def _whole(count, nobs, reference_count, reference_nobs, name):
    """The four counts as floats of one shape, all NaN where a rate is undefined."""
    rates = proportion(count, nobs) + proportion(reference_count, reference_nobs)
    cells = np.broadcast_arrays(*(np.asarray(c, float) for c in (count, nobs, reference_count, reference_nobs)))
    cells = np.where(np.isnan(rates), np.nan, np.stack(cells))
    if (broken := cells[np.mod(cells, 1) > 0]).size:
        raise ValueError(f"{name} needs whole people, {broken[0]:g} is not a whole number")
    return cells


def _possible(x, n, y, m):
    possible = (x >= 0) & (x <= n) & (y >= 0) & (y <= m)
    return np.where(possible, np.stack([x, n, y, m]), np.nan)


def _boschloo_one(x, n, y, m):
    if np.isnan(x) or max(n, m) > FEW:
        return np.nan
    return _boschloo_of(int(x), int(n), int(y), int(m))


@lru_cache(maxsize=10_000)
def _boschloo_of(x, n, y, m):
    return min(1.0, boschloo_exact([[x, y], [n - x, m - y]]).pvalue)  # its groups are the columns


_boschloo = np.vectorize(_boschloo_one, otypes=[float])
