"""A made-up city of any size whose truth is known: staff and flows, applications, uptake of services.

Persons are drawn one by one, independently of each other, then counted into the tables that a city brings.
`Truth` holds every chance they were drawn with. Whether someone has stated an origin depends on when they
came, not on the origin.
"""

import os
import tempfile
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from string import Template

import numpy as np
import pandas as pd

from divimpact import sampletown as town
from divimpact.sampletown import DIMENSIONS, GRADES, QUARTERS, STAGES, TRUTH, UNITS, YEARS, Truth
from divimpact.schema import DataError, Problem

SEED = 59
STAFF = 5000
NAMES = {
    "period": YEARS,
    "unit": tuple(UNITS),
    "grade": GRADES,
    "event": town.EVENTS,
    **DIMENSIONS,
    "unit_to": tuple(UNITS),
    "grade_to": GRADES,
}
EXIT, PROMOTION, TRANSFER, REDECLARED_OUT, REDECLARED_IN, HIRE = range(len(town.EVENTS))
NOT_STATED = DIMENSIONS["origin"].index("not stated")
NOWHERE = {"unit_to": -1, "grade_to": -1}


@dataclass(frozen=True)
class Sample:
    """A made-up city: its tables by name, in the kit's words; its city.toml; and what it was drawn with."""

    tables: dict[str, pd.DataFrame]
    config: str
    truth: Truth


def city(seed: int = SEED, staff: int = STAFF, truth: Truth = TRUTH) -> Sample:
    """Draw a city of about ``staff`` persons, with four applications and fifty inhabitants to each of them.

    The same seed, size and truth give the same city. Staff, applications and uptake are drawn from streams of
    their own: what is changed in one leaves the others as they were.

    Examples
    --------
    >>> sorted(city(seed=1, staff=500).tables)
    ['applications', 'benchmark', 'flows', 'measures', 'staff', 'targets', 'uptake']
    """
    if staff < 100:
        raise ValueError(f"staff: {staff} cannot fill {len(UNITS)} units. Ask for 100 or more.")
    streams = np.random.default_rng(seed).spawn(3)
    stock, flows = _staff(streams[0], staff, truth)
    tables = {
        "staff": stock,
        "flows": flows,
        "targets": _text(town.TARGETS),
        "benchmark": _text(town.BENCHMARK),
        "applications": _applications(streams[1], staff, truth),
        "uptake": _uptake(streams[2], staff, truth),
        "measures": _measures(truth),
    }
    return Sample(tables, Template(town.CONFIG).substitute(seed=seed, staff=staff), truth)


def write(folder: str | os.PathLike, seed: int = SEED, staff: int = STAFF, truth: Truth = TRUTH) -> Path:
    """Write a city into a new or empty folder, in its offices' own columns and codes: everything or nothing.

    Raises
    ------
    DataError
        When ``folder`` is a file or holds anything.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError([Problem(str(folder), "", "is not an empty folder", remedy="Name a new one.")])
    sample = city(seed, staff, truth)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as work:
        files = [Path(work, f"{name}.csv") for name in sample.tables] + [Path(work, "city.toml")]
        for file, table in zip(files, sample.tables.items(), strict=False):
            _export(*table).to_csv(file, index=False, lineterminator="\n", encoding="utf-8")
        files[-1].write_text(sample.config, encoding="utf-8", newline="\n")
        for file in files:
            file.rename(folder / file.name)
    return folder


def _export(name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Put the export's column names and codes in place of the kit's, as city.toml maps them back."""
    columns = town.SETTINGS["columns"].get(name, {})
    coded = {
        column: {group: code for code, group in town.SETTINGS["dimensions"][column]["values"].items()}
        for column in columns
    }
    return table.replace(coded).rename(columns=columns)


def _text(table: str) -> pd.DataFrame:
    periods = dict.fromkeys(("period", "baseline_period", "target_period"), str)
    return pd.read_csv(StringIO(table), dtype=periods, keep_default_na=False)


def _figures(table: dict[str, tuple[float, ...]]) -> np.ndarray:
    return np.array(list(table.values())).T


def _named(names: tuple[str, ...], codes: np.ndarray) -> np.ndarray:
    """Put names in place of codes; -1 is empty."""
    return np.array([*names, ""])[codes]


def _each(rng, chance: np.ndarray) -> np.ndarray:
    return rng.random(len(chance)) < chance


def _quota(rng, chance: np.ndarray) -> np.ndarray:
    """Choose from every run of persons the expected number, give or take one, instead of drawing for each."""
    return np.diff(np.floor(np.cumsum(chance) + rng.random()), prepend=0) > 0


def _whole(amounts: np.ndarray) -> np.ndarray:
    """Round so that every running total, hence the sum too, is right to one half."""
    return np.diff(np.rint(np.cumsum(amounts)), prepend=0).astype(int).reshape(amounts.shape)


def _people(rng, unit, grade, background, women, not_stated, truth: Truth, draw=_each) -> pd.DataFrame:
    """Draw persons as codes, given the chances of migration background and of a woman in an average unit."""
    n, (_, unit_background, unit_women) = len(unit), _figures(UNITS)
    has_background = draw(rng, np.minimum(unit_background[unit] * background, 0.95))
    is_woman = _each(rng, np.minimum(unit_women[unit] * women, 0.95))
    return pd.DataFrame(
        {
            "unit": unit,
            "grade": grade,
            "origin": np.where(has_background, 1 + (rng.random(n) < truth.born_abroad), 0),
            "gender": np.where(rng.random(n) < truth.diverse_or_not_stated, 2, is_woman),
            "disability": np.where(rng.random(n) < truth.disability_not_stated, 2, rng.random(n) < truth.disability),
            "stated": rng.random(n) >= not_stated,
        }
    )


def _declared(people: pd.DataFrame, **more) -> pd.DataFrame:
    """Return persons as the register knows them, which holds an origin only where it was stated."""
    return people.assign(origin=people.origin.where(people.stated, NOT_STATED), **more)


def _fold(people: list[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """Count equal persons, in stated order."""
    counts = pd.concat(people).groupby(columns).size().reset_index(name="count")
    return counts.assign(**{column: _named(NAMES[column], counts[column]) for column in columns})


def _staff(rng, staff: int, truth: Truth) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Fill the posts; then, year by year, see who leaves, rises, moves or declares, and fill what is open."""
    posts = staff * np.outer(_figures(UNITS)[0], truth.posts)
    people = _recruits(
        rng, _whole(posts), truth.background_staff, truth.women_staff, truth.not_stated, truth, draw=_quota
    )
    stocks, flows = [_declared(people, period=0)], []
    for year in range(1, len(YEARS)):
        people, moves = _year(rng, people, truth)
        filled = np.zeros(posts.shape, int)
        np.add.at(filled, (people.unit, people.grade), 1)
        vacant = (_whole(posts * (1 + truth.growth) ** year) - filled).clip(min=0)
        hired = _recruits(rng, vacant, truth.background_hires, truth.women_hires, truth.not_stated_hires, truth)
        people = pd.concat([people, hired], ignore_index=True)
        stocks.append(_declared(people, period=year))
        flows += [moves.assign(period=year), _declared(hired, period=year, event=HIRE, **NOWHERE)]
    return (
        _fold(stocks, ["period", "unit", "grade", *DIMENSIONS]),
        _fold(flows, ["period", "unit", "grade", "event", *DIMENSIONS, "unit_to", "grade_to"]),
    )


def _recruits(rng, posts, background, women, not_stated, truth, draw=_each) -> pd.DataFrame:
    """Draw a person for each post of a unit and grade."""
    unit, grade = (np.repeat(code.ravel(), posts.ravel()) for code in np.indices(posts.shape))
    return _people(rng, unit, grade, np.take(background, grade), np.take(women, grade), not_stated, truth, draw)


def _year(rng, people: pd.DataFrame, truth: Truth) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Let at most one thing happen to each person; return who is still there, and what happened."""
    chances = [
        np.take(truth.exit_rate, people.origin),
        np.take(truth.promotion_rate, people.grade) * np.take(truth.promotion_ratio, people.origin),
        np.full(len(people), truth.transfer_rate),
        np.where(people.stated, 0, truth.declaration_rate),
    ]
    event = (rng.random(len(people)) >= np.cumsum(chances, axis=0)).sum(axis=0)
    elsewhere = (people.unit + rng.integers(1, len(UNITS), len(people))) % len(UNITS)
    after = people.assign(
        unit=people.unit.where(event != TRANSFER, elsewhere),
        grade=people.grade + (event == PROMOTION),
        stated=people.stated | (event == REDECLARED_OUT),
    )
    goes = (event == PROMOTION) | (event == TRANSFER)
    before = _declared(people, event=event, unit_to=after.unit.where(goes, -1), grade_to=after.grade.where(goes, -1))
    declared = _declared(after, event=REDECLARED_IN, **NOWHERE)[event == REDECLARED_OUT]
    return after[event != EXIT], pd.concat([before[event <= REDECLARED_OUT], declared])


def _applications(rng, staff: int, truth: Truth) -> pd.DataFrame:
    """Draw vacancies, their applicants, and how far each gets; one row per application."""
    vacancies = max(round(4 * staff / truth.applicants), len(QUARTERS))
    period = np.arange(vacancies) * len(QUARTERS) // vacancies
    drawn = (
        rng.choice(len(UNITS), vacancies, p=_figures(UNITS)[0]),
        rng.choice(len(GRADES), vacancies, p=truth.posts),
        rng.integers(0, 2, vacancies),
    )
    vacancy = np.repeat(np.arange(vacancies), 1 + rng.poisson(truth.applicants - 1, vacancies))
    unit, grade, crowded = (held[vacancy] for held in drawn)
    people = _people(
        rng,
        unit,
        grade,
        np.take(truth.background_applicants, grade),
        np.take(truth.women_applicants, crowded),
        truth.not_stated,
        truth,
    )
    channels = np.cumsum([truth.channels_none, truth.channels_background], axis=1)
    channel = (rng.random((len(people), 1)) >= channels[np.minimum(people.origin, 1), :-1]).sum(axis=1)
    still_open = (period == len(QUARTERS) - 1) & (np.arange(vacancies) % 2 == 1)
    stage, outcome, days = _course(rng, _pass_chances(people, crowded, truth), still_open[vacancy], truth)
    return pd.DataFrame(
        {
            "period": _named(QUARTERS, period[vacancy]),
            "vacancy": np.char.add("V", np.char.zfill((vacancy + 1).astype(str), 5)),
            "unit": _named(tuple(UNITS), unit),
            "grade": _named(GRADES, grade),
            "channel": _named(town.CHANNELS, channel),
            **{name: _named(groups, _declared(people)[name]) for name, groups in DIMENSIONS.items()},
            "stage": _named(STAGES, stage),
            "outcome": outcome,
            "days": days,
        }
    )


def _pass_chances(people: pd.DataFrame, crowded: np.ndarray, truth: Truth) -> np.ndarray:
    """Return each applicant's chance to reach each further stage; all that is planted is at the first."""
    chances = np.tile(truth.pass_rate, (len(people), 1))
    loses = np.isin(list(UNITS), truth.loss_units)[people.unit]
    chances[:, 0] *= np.take(truth.crowding, crowded)
    chances[:, 0] *= np.where(people.gender == DIMENSIONS["gender"].index("women"), truth.women_ratio, 1)
    chances[:, 0] *= np.where(loses, np.take(truth.loss, people.origin), 1)
    return chances


def _course(rng, chances: np.ndarray, still_open: np.ndarray, truth: Truth) -> tuple[np.ndarray, ...]:
    """Draw how far each application gets, its outcome and days; open vacancies are cut off at the export."""
    n, last = len(chances), len(STAGES) - 1
    stage = np.cumprod(rng.random(chances.shape) < chances, axis=1).sum(axis=1)
    decided = np.ceil(rng.exponential(truth.days, chances.shape)).astype(int).cumsum(axis=1)
    days = decided[np.arange(n), np.minimum(stage, last - 1)]
    withdraws = (rng.random(n) < truth.withdrawn) | (stage == STAGES.index("offered"))
    outcome = np.select([stage == last, withdraws], ["hired", "withdrawn"], "rejected")
    since = rng.integers(5, 60, n, endpoint=True)
    waits = still_open & (days > since)
    passed = (decided <= since[:, None]).sum(axis=1)
    cut = ((passed, stage), ("in_progress", outcome), (since, days))
    return tuple(np.where(waits, so_far, final) for so_far, final in cut)


def _uptake(rng, staff: int, truth: Truth) -> pd.DataFrame:
    """Draw users among the eligible, who stay the same over the quarters.

    The rate is a sum: a level by service, district and group; a course over time by service; the measures.
    """
    size, background, lean = _figures(town.DISTRICTS)
    eligible_share, rate = _figures(town.SERVICES)
    abroad = truth.born_abroad_inhabitants
    groups = size[:, None] * np.stack([1 - background, background * (1 - abroad), background * abroad], 1)
    eligible = np.rint(staff * truth.inhabitants * eligible_share[:, None, None] * groups).astype(int)
    unstated = np.rint(eligible * truth.not_stated_inhabitants).astype(int)
    time = np.arange(len(town.UPTAKE_QUARTERS))
    level = rate[:, None, None] * lean[:, None] * np.array(truth.uptake_ratio)
    course = np.outer(np.take(truth.season, time % 4) + truth.trend * time, rate)
    chance = level + course[:, :, None, None] + _effects(truth)
    users = _recorded(rng.binomial(eligible - unstated, chance), rng.binomial(unstated, chance))
    eligible = np.broadcast_to(_recorded(eligible - unstated, unstated), users.shape)
    names = (town.UPTAKE_QUARTERS, tuple(town.SERVICES), tuple(town.DISTRICTS), DIMENSIONS["origin"])
    cells = pd.MultiIndex.from_product(names, names=["period", "service", "district", "origin"])
    return pd.DataFrame({"users": users.ravel(), "eligible": eligible.ravel()}, index=cells).reset_index()


def _recorded(stated: np.ndarray, unstated: np.ndarray) -> np.ndarray:
    """Put those who have not stated their origin after the others, as one group."""
    return np.concatenate([stated, unstated.sum(axis=-1, keepdims=True)], axis=-1)


def _effects(truth: Truth) -> np.ndarray:
    """Return what the measures add to the rate, by quarter, service, district and origin group."""
    services, districts = list(town.SERVICES), list(town.DISTRICTS)
    effects = np.zeros((len(town.UPTAKE_QUARTERS), len(services), len(districts), len(truth.uptake_ratio)))
    for measure in truth.measures:
        for quarter, places in measure.starts:
            start, where = town.UPTAKE_QUARTERS.index(quarter), [districts.index(place) for place in places]
            effects[start:, services.index(measure.service), where] += measure.effect
    return effects


def _measures(truth: Truth) -> pd.DataFrame:
    rows = [
        (measure.name, measure.service, place, start, measure.group)
        for measure in truth.measures
        for start, places in measure.starts
        for place in places
    ]
    return pd.DataFrame(rows, columns=["measure", "service", "district", "start", "group"])
