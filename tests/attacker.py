"""An attacker in plain scipy, who shares no line with the package: the least and the most that a count could be."""

import numpy as np
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

NEAR = 1e-6


def matrix(names, sums):
    """Return a row for each sum, (total, parts, ...): its parts less the total is nothing."""
    place = {name: number for number, name in enumerate(names)}
    rows = [[(place[total], -1), *((place[part], 1) for part in parts)] for total, parts, *_ in sums]
    entries = [(number, column, sign) for number, row in enumerate(rows) for column, sign in row]
    row, column, sign = np.array(entries).T if entries else np.empty((3, 0), int)
    return sparse.csr_matrix((sign.astype(float), (row, column)), shape=(len(sums), len(names)))


def between(counts, sums, hidden, place, whole=False, unsaid=False):
    """Return the least and the most that a count could be, for one who knows the sums and the shown counts.

    A hidden count is known to be at least 1 where it is, but for those of tables that are not published (``unsaid``).
    ``whole``: and that people are whole.
    """
    counts = np.asarray(counts, dtype=float)
    least = np.where(unsaid, 0, np.minimum(counts, 1))
    low, high = np.where(hidden, least, counts), np.where(hidden, np.inf, counts)
    ends = []
    for sign in (1, -1):
        aim = np.zeros(len(counts))
        aim[place] = sign
        if whole:
            kept = LinearConstraint(sums, sums @ counts, sums @ counts)
            found = milp(aim, integrality=np.ones(len(counts)), bounds=Bounds(low, high), constraints=kept)
        else:
            box = np.column_stack([low, high])
            found = linprog(aim, A_eq=sums, b_eq=sums @ counts, bounds=box, method="highs")
        without_end = found.status == 3 or (whole and found.status == 4)
        assert found.status == 0 or (without_end and sign == -1), found.message
        ends.append(np.inf if without_end else sign * found.fun)
    return tuple(ends)


def told(counts, sums, hidden, targets, width, whole=False, unsaid=False):
    """Return the targets that are told more closely than ``width``, each with how closely."""
    found = {place: np.subtract(*between(counts, sums, hidden, place, whole, unsaid)[::-1]) for place in targets}
    return {place: wide for place, wide in found.items() if wide < width - NEAR}


def same_people(counts, sums):
    """Number the counts so that those are alike of which a sum says, zeros dropped, that one is the other.

    So is a total of which all parts are alike: the year of who was alone in each quarter.
    """
    number = np.arange(len(counts))
    there = [np.flatnonzero(row * (counts > 0)) for row in np.asarray(sums.todense())]
    pairs = [pair for pair in there if len(pair) == 2 and counts[pair[0]] == counts[pair[1]]]
    for _ in counts:
        before = number.copy()
        for one, other in pairs:
            number[[one, other]] = min(number[one], number[other])
        for row in np.asarray(sums.todense()) * (counts > 0):
            if len(set(number[row > 0])) == 1 and (row < 0).any():
                number[row != 0] = number[row != 0].min()
        if (number == before).all():
            break
    return number


def told_to_one_alone(counts, sums, hidden, width, whole=False):
    """Return the small counts of others that a person would be told who is alone in a hidden count, and knows it."""
    person, found = same_people(counts, sums), {}
    for alone in np.flatnonzero(hidden & (counts == 1)):
        others = np.flatnonzero(hidden & (counts > 0) & (counts < width) & (person != person[alone]))
        without = hidden.copy()
        without[alone] = False
        found |= {(alone, place): wide for place, wide in told(counts, sums, without, others, width, whole).items()}
    return found
