"""Where the share of a group is going if today's rates stay, by year (Q2): an account in, one estimate per row out.

The model is that of `renewal`. What would happen if rates stay is no forecast of what will.
"""

from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd

from divimpact import renewal
from divimpact.codes import INTO_ALL, TODAY, TODAY_KNOWN
from divimpact.estimates import rows, table, union
from divimpact.intervals import proportion
from divimpact.renewal import rates_drawn
from divimpact.turnover import (
    DRAWS,
    SEED,
    added,
    by_year,
    cases,
    counted,
    drawn,
    each,
    last_run,
    of_parts,
    on_path,
    quantiles,
    yearly,
)
from divimpact.turnover import rates as rates_of

FAN = (0.80, 0.95)
PARTS = {"left": ("exit",), "joined": ("hire",), "before": ("before",), "after": ("after",)}
SIDES = (
    ("after_numerator", "after_declared"),
    ("left_numerator", "left_declared"),
    ("left_denominator", "left_declared_at_risk"),
    ("joined_numerator", "joined_declared"),
)


def projected(account, targets, ahead=5, growth=0.0, draws=DRAWS, seed=SEED):
    """Project the share of each group from the staff counted last, by year and scenario (`detail`).

    `projected_share` among declared staff. With "today's hiring" all rates stay; each year stands in two rows, with
    limits at 80 and 95 %, which hold both how uncertain the rates are and what chance does in a staff of this size
    (predictive, for each year by itself). "today's hiring, rates as estimated" has limits at 95 % that hold chance
    alone. "equal exits" has the common exit rate for everyone and hiring as today; "required hiring" is the path to a
    target that is still ahead, as far as it. These two are expected values without limits. NaN where a rate is of
    nobody.

    Parameters and errors are those of `stockflow.required`; `ahead` is the number of years.

    References
    ----------
    Bartholomew, D. J. (1982), Stochastic Models for Social Processes, 3rd ed.

    Examples
    --------
    >>> import pandas as pd
    >>> account = pd.DataFrame({"period": "2021/2025", "event": ["exit", "hire", "before", "after"] * 2,
    ...                         "dimension": "origin", "group": ["abroad"] * 4 + ["here"] * 4, "role": "group",
    ...                         "numerator": [96, 192, 360, 456, 384, 288, 1640, 1544],
    ...                         "denominator": [1600, 480, 2000, 2000, 6400, 480, 2000, 2000]})
    >>> targets = pd.DataFrame(columns=["dimension", "group", "baseline_period", "baseline", "target_period", "target"])
    >>> found = projected(account, targets, ahead=2).query("group == 'abroad' and period == '2027'")
    >>> print(found[["detail", "estimate", "conf_low", "conf_high", "confidence"]].round(3).to_string())
                                    detail  estimate  conf_low  conf_high  confidence
    1                       today's hiring     0.248     0.240      0.256        0.80
    5                       today's hiring     0.248     0.236      0.260        0.95
    9   today's hiring, rates as estimated     0.248     0.238      0.258        0.95
    13                         equal exits     0.248       NaN        NaN         NaN
    """
    plans = cases(account, targets)
    now = counted(account).query("role != 'undeclared'").assign(years=ahead)
    numbers, path = by_year(now)
    known = rates_of(now, growth)
    joining, *exits = known[:, numbers]
    together = yearly(proportion(path["left_declared"], path["left_declared_at_risk"]), path["steps"])
    today, equal = (on_path(path, (joining, *of_both), growth) for of_both in (exits, 2 * [together]))
    unsure, sure = drawn(now, draws, seed, growth), np.repeat(known[:, np.newaxis], draws, axis=1)
    fans = [_fan_of(now, rates, growth, seed, len(path)) for rates in (unsure, sure)]
    limited = [(fans[0], level, TODAY) for level in FAN] + [(fans[1], FAN[1], TODAY_KNOWN)]
    return table(
        *(
            rows(path, "projected_share", today, *quantiles(fan, level), level, "predictive_draws", detail=detail)
            for fan, level, detail in limited
        ),
        rows(path, "projected_share", equal, detail="equal exits"),
        _required(plans, ahead, growth),
    )


def pipeline(
    account, promotions, leadership=(), targets=None, ahead=5, growth=0.0, confidence=0.95, draws=DRAWS, seed=SEED
):
    """Project the share of each group in each grade, by year and scenario (`detail`), as people leave, rise and join.

    `pipeline_share` among declared staff; where it is told which grades are leadership, for "leadership" too. People
    leave and are promoted at the rates of the run; from outside as many join each grade each year as did on average,
    and `growth` more from year to year, with today's share of the group among them. So grades grow or shrink as they
    did (`renewal.between_grades`). "today's hiring" has exit rates and promotions as the group and all others have
    them, "equal exits and promotions" those of both together. Limits are quantiles over draws of all these rates, at
    given numbers of hires: how uncertain the rates are, not what chance will do.

    For each target on a grade or on leadership that is still ahead, "hiring into all grades" has the share of the group
    among all who are hired, the same in each grade and year, that leads there if exits and promotions keep their rates
    (`required_hire_share`), and "required hiring" the path to it, without limits; NaN where no share from 0 to 1 does.

    A rate of nobody is NaN, and so are the shares that depend on it: a grade in which none of the group (or none of
    the others) was at risk and each grade above it that is promoted from there.

    Parameters
    ----------
    account : DataFrame
        As for `stockflow.required`, by grade, lowest first.
    promotions : DataFrame
        Columns period, grade, grade_to, dimension, group, role, numerator and, if known, cells; pairs of grades
        without promotions may be left out. Dimensions without exits by grade have no rows.
    leadership : sequence
        The leadership grades.
    targets : DataFrame
        As for `stockflow.required`; those of all grades together have no rows.
    ahead : int
        Number of years.

    Raises
    ------
    ValueError
        As `stockflow.required`.

    References
    ----------
    Bartholomew, D. J., Forbes, A. F. and McClean, S. I. (1991), Statistical Techniques for Manpower Planning, 2nd ed.

    Examples
    --------
    >>> import pandas as pd
    >>> account = pd.DataFrame({"period": "2021/2025", "grade": (["basic"] * 4 + ["senior"] * 4) * 2,
    ...                         "event": ["exit", "hire", "before", "after"] * 4, "dimension": "gender",
    ...                         "group": ["women"] * 8 + ["men"] * 8, "role": "group",
    ...                         "numerator": [20, 40, 50, 50, 4, 1, 10, 10, 20, 40, 50, 50, 16, 3, 40, 40],
    ...                         "denominator": [200, 80, 100, 100, 40, 4, 50, 50, 200, 80, 100, 100, 160, 4, 50, 50]})
    >>> promotions = pd.DataFrame({"period": "2021/2025", "grade": "basic", "grade_to": "senior", "dimension": "gender",
    ...                            "group": ["women", "men"], "role": "group", "numerator": [4, 8], "denominator": 200})
    >>> found = pipeline(account, promotions, ["senior"], ahead=1).query("group == 'women'")
    >>> found[["grade", "detail", "estimate", "conf_low", "conf_high"]].round(3)
            grade                      detail  estimate  conf_low  conf_high
    0       basic              today's hiring     0.505     0.479      0.531
    1      senior              today's hiring     0.209     0.185      0.236
    2  leadership              today's hiring     0.209     0.185      0.236
    3       basic  equal exits and promotions     0.500     0.480      0.520
    4      senior  equal exits and promotions     0.219     0.210      0.234
    5  leadership  equal exits and promotions     0.219     0.210      0.234
    """
    graded = account[account["grade"].notna() & (account["grade"] != "leadership")]
    graded = graded[graded["dimension"].isin(graded["dimension"][graded["event"] == "exit"])]
    stayed = of_parts(last_run(graded), PARTS).query("role != 'undeclared'")
    rose = added(last_run(promotions).assign(event="promotion_out"), ["promotion_out"], ["grade_to"])
    by = ["dimension", "group"]
    given = {"ahead": ahead, "growth": growth, "confidence": confidence, "draws": draws, "seed": seed}
    goals = _goals(account, targets)
    blocks = []
    for _, of_group in stayed.groupby(by, sort=False):
        own, aims = (some.merge(of_group[by].drop_duplicates(), on=by) for some in (rose, goals))
        grades = _grades(of_group, own, leadership)
        blocks += [_courses(grades, **given), _to_goals(grades, aims, **given)]
    return table(rows(stayed.head(0), "pipeline_share", []), *chain.from_iterable(blocks))


def _fan_of(places, rates, growth, seed, size):
    """Draw the shares of all places, year by year, draws first."""
    draws = rates.shape[1]
    unknown = np.full((int(places["years"].max()) if len(places) else 0, draws), np.nan)
    shares = each(places, rates, partial(_fan, growth=growth, seed=seed), unknown)
    return np.reshape(shares, (size, draws)).T


def _fan(place, rates, growth, seed):
    """Draw the shares that follow in each year from each draw of the rates."""
    rng = np.random.default_rng([seed, 1])  # not the stream of the rates
    ends = renewal.year_ends(place.years)
    found = renewal.people_drawn(ends, int(place.people), int(place.staff), *rates, growth, rng=rng)
    return [people / staff for people, staff in found]


def _required(cases, ahead, growth):
    """The path under the required share from the staff counted last; missing where there is none from 0 to 1."""
    cases = cases[~cases["stated"]]
    _, *exits = rates_of(cases, growth)
    share = renewal.required_share(cases["start"], cases["target"], cases["years"], *exits, growth)
    share = np.where((share >= 0) & (share <= 1), share, np.nan)
    numbers, path = by_year(cases.assign(years=np.minimum(cases["years"] // 1, ahead)))
    rates = np.array([share, *exits])[:, numbers]
    return rows(path, "projected_share", on_path(path, rates, growth), detail="required hiring, " + path["detail"])


def _goals(account, targets):
    """Return the targets on grades that are still ahead by a year or more: dimension, group, grade, target, years."""
    wanted = ["dimension", "group", "grade", "target", "years", "detail"]
    if targets is None or not len(targets):
        return pd.DataFrame(columns=wanted)
    found = cases(account, targets)
    return found.loc[~found["stated"] & found["grade"].notna() & (found["years"] >= 1), wanted]


class Grades(NamedTuple):
    """What is counted of one group and all others, grade by grade, lowest first."""

    places: pd.DataFrame
    rose: pd.DataFrame
    parts: dict  # by name, the numbers of the grades that are one place: each grade, and leadership
    stock: np.ndarray  # sides by grades, as are the next three
    left: np.ndarray
    at_risk: np.ndarray
    hired: np.ndarray
    moved: np.ndarray  # sides by grades by grades

    def rates(self, pool, draws, seed):
        """Rates of leaving and of rising in a year, as counted and drawn, and the stream that they are drawn from."""
        gone, rng = _by_way(*(pool(one) for one in (self.left, self.moved, self.at_risk))), np.random.default_rng(seed)
        return *(
            _a_year(part, self.places["steps"].iloc[0]) for part in (_parts(gone), _parts_drawn(gone, draws, rng))
        ), rng

    def shown(self, parts, years):
        """Return places that are shown, once, with how many years of theirs are projected."""
        found = _shown(self.places, self.rose, self.moved, parts)
        return found.assign(since=self.places["until"].iloc[0], years=years)

    def a_year(self, hired):
        return hired / self.places["span"].iloc[0]


def _grades(places, rose, leadership):
    grades = pd.Index(places["grade"])
    rose = rose[rose["grade"].isin(grades) & rose["grade_to"].isin(grades)]
    moved = np.zeros((2, len(grades), len(grades)))
    moved[:, grades.get_indexer(rose["grade"]), grades.get_indexer(rose["grade_to"])] = _sides(
        rose, "numerator", "declared"
    )
    parts = [[number] for number in range(len(grades))] + [np.flatnonzero(grades.isin(leadership))]
    parts = {name: part for name, part in zip([*grades, "leadership"], parts, strict=True) if len(part)}
    return Grades(places, rose, parts, *(_sides(places, *columns) for columns in SIDES), moved)


def _courses(grades, ahead, growth, confidence, draws, seed):
    """Yield the rows of one group by scenario."""
    _, path = by_year(grades.shown(grades.parts, ahead))
    for detail, pool in SCENARIOS.items():
        *of_rates, rng = grades.rates(pool, draws, seed)
        shares = [
            _shares(grades.stock, gone, grades.a_year(joined), grades.parts, ahead, growth)
            for gone, joined in zip(of_rates, (grades.hired, _hired(grades.hired, draws, rng)), strict=True)
        ]
        limits = quantiles(shares[1], confidence)
        yield rows(path, "pipeline_share", shares[0], *limits, confidence, "posterior_draws", detail=detail)


def _to_goals(grades, goals, ahead, growth, confidence, draws, seed):
    """Yield what each goal of one group needs of the hiring into all grades, and the path that leads there."""
    known, drawn_, _ = grades.rates(np.asarray, draws, seed)
    hires = grades.a_year(grades.hired.sum(axis=0))
    for goal in goals[goals["grade"].isin([*grades.parts])].itertuples():
        part, years = {goal.grade: grades.parts[goal.grade]}, min(int(goal.years), ahead)
        needed, draws_ = (_needed(grades.stock, gone, hires, goal, part, growth) for gone in (known, drawn_))
        limits, place = quantiles(draws_, confidence), grades.shown(part, years)
        detail = INTO_ALL + goal.detail
        yield rows(place, "required_hire_share", needed, *limits, confidence, "posterior_draws", detail=detail)
        share = needed if 0 <= needed <= 1 else np.nan
        joining = np.stack([share * hires, (1 - share) * hires])
        path = _shares(grades.stock, known, joining, part, years, growth)
        yield rows(by_year(place)[1], "pipeline_share", path, detail=f"required hiring, {goal.detail}")


def _needed(stock, gone, hires, goal, part, growth):
    """The share of the group among all who are hired that leads a part of the grades to its goal.

    The people there are those who come of today's staff and those who come of the hired, each in proportion.
    """

    def come(stock, joining):
        found = renewal.between_grades(stock, gone[..., 0], gone[..., 1:], joining, int(goal.years), growth)[-1]
        return np.moveaxis(found[..., part[goal.grade]].sum(axis=-1), -1, 0)

    (own, others), (ours, theirs) = come(stock, np.zeros(stock.shape)), come(0 * stock, np.stack([hires, hires]))
    return (goal.target * (own + others + theirs) - own) / (ours * (1 - goal.target) + goal.target * theirs)


def _by_way(left, moved, at_risk):
    """Counts of those who left, who moved to each grade, and who stayed, in the last axis."""
    stayed = at_risk - left - moved.sum(axis=-1)
    return np.concatenate([left[..., np.newaxis], moved, stayed[..., np.newaxis]], axis=-1)


def _parts(counts):
    """The parts of all at risk; where nobody was there are none."""
    return np.where(_never(counts), 0, proportion(counts, counts.sum(axis=-1, keepdims=True)))


def _parts_drawn(counts, draws, rng):
    """Draw these parts from their posterior (Jeffreys' prior, of several ways), draws first."""
    known, never = counts.sum(axis=-1, keepdims=True) > 0, _never(counts)
    shape = np.where(known & ~never, np.maximum(counts, 0) + 0.5, 0)
    drawn = rng.standard_gamma(shape, (draws, *shape.shape))
    drawn = drawn / np.where(known, drawn.sum(axis=-1, keepdims=True), np.nan)
    return np.where(never, 0, drawn)


def _never(counts):
    """Whether a way leads from grade to grade and nobody, of the group or not, ever went it: no rate is missing."""
    never = ~counts.any(axis=0, keepdims=True)
    never[..., [0, -1]] = False
    return never


def _hired(hired, draws, rng):
    """Draw who is hired into each grade, of as many as were."""
    everyone = hired.sum(axis=0)
    own = everyone * np.nan_to_num(rates_drawn(hired[0], everyone, draws, rng))
    return np.stack([own, everyone - own], axis=1)


def _a_year(parts, steps):
    """Rates of leaving and of moving in a year, where `parts` leave, move and stay in each of its steps."""
    *gone, stayed = np.moveaxis(parts, -1, 0)
    gone, all_gone = np.stack(gone, axis=-1), 1 - stayed[..., np.newaxis]
    return gone * np.where(all_gone > 0, yearly(all_gone, steps) / np.where(all_gone > 0, all_gone, 1), 1)


def _shares(stock, gone, joining, parts, ahead, growth):
    """Expected shares, part by part and year by year; draws stay first."""
    people = renewal.between_grades(stock, gone[..., 0], gone[..., 1:], joining, ahead, growth)[1:]
    of_parts = [_share(people[..., part].sum(axis=-1)) for part in parts.values()]
    return np.moveaxis(np.concatenate(of_parts), 0, -1)


def _sides(counts, own, declared):
    return np.stack([counts[own], counts[declared] - counts[own]])


def _pooled(sides):
    return sides.sum(axis=0, keepdims=True)


SCENARIOS = {TODAY: np.asarray, "equal exits and promotions": _pooled}


def _share(sides):
    everyone = sides.sum(axis=-1)
    return sides[..., 0] / np.where(everyone > 0, everyone, np.nan)


def _shown(places, rose, moved, parts):
    """Return the grades and leadership, each with the cells of all grades from which people come to it."""
    shown = places.iloc[[part[0] for part in parts.values()]].assign(grade=list(parts))
    if "cells" not in places:
        return shown
    own = [
        union([cells, *rose.loc[rose["grade"] == grade, "cells"]]) for grade, cells in places[["grade", "cells"]].values
    ]
    comes = np.linalg.matrix_power(np.eye(len(own)) + moved.any(axis=0), len(own)) > 0
    sources = (np.flatnonzero(comes[:, part].any(axis=1)) for part in parts.values())
    return shown.assign(cells=[union(own[grade] for grade in grades) for grades in sources])
