"""city.toml: what a city calls its columns, groups, grades and stages."""

import difflib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

# unless city.toml says otherwise
LEFT_OUT = ("applications by channel", "applications by unit", "applications by intersection")
PUBLICATION = {"min_count": 10, "declared": 0.6, "without": LEFT_OUT}
BREAKDOWNS = (  # what a review shows beyond the city as a whole
    "staff by grade",
    "flows by period",
    "flows by period and event",
    "flows by grade",
    "flows by grade and event",
    "applications by channel",
    "applications by unit",
    "applications by intersection",
    "uptake by district",
)
PERIODS = {  # how a period is written, and what it must look like
    "YYYY": r"^(19|20)\d\d$",
    "YYYY-Qn": r"^(19|20)\d\d-Q[1-4]$",
    "YYYY-MM": r"^(19|20)\d\d-(0[1-9]|1[0-2])$",
    "YYYY-MM-DD": r"^(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$",
}
ANY = "*"
KEYS = {
    "source": {"note": str, "url": str},
    "dimensions": {
        "title": str,
        "groups": [str],
        "reference": str,
        "undeclared": str,
        "combine": {ANY: [str]},
        "values": {ANY: str},
        "sensitive": bool,
        "definitions": [{"from": str, "text": str}],
    },
    "staff": {"grades": [str], "leadership": [str], "grade_values": {ANY: str}},
    "applications": {"stages": [str]},
    "publication": {"min_count": int, "declared": float, "without": [str]},
}
KEYS[""] = KEYS | {"name": str, "columns": {ANY: {ANY: str}}, "dimensions": {ANY: KEYS["dimensions"]}}
WRITTEN = {
    str: ("a text", "Write it in double quotes."),
    bool: ("true or false", "Write it without quotes."),
    int: ("a whole number", "Write 10, without quotes."),
    float: ("a number", "Write 0.6, without quotes."),
    list: ("a list", 'Write ["first", "second"].'),
    dict: ("a table", "Write it in [brackets], its keys below it."),
}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what the city brought: where, which rule, which values, what to do."""

    file: str
    column: str
    rule: str
    values: tuple[tuple[str, int, int | None], ...] = ()  # value, rows, first line
    remedy: str = ""

    def __str__(self) -> str:
        where = f"{self.file}, {'key' if self.file == 'city.toml' else 'column'} {self.column}" * bool(self.column)
        values = ", ".join(_value(*value) for value in self.values)
        return " ".join(part for part in (f"{where or self.file}:", values, f"{self.rule}.", self.remedy) if part)


def _value(value: str, rows: int, line: int | None) -> str:
    counted = f"{rows:,} row" + ("s" if rows != 1 else "")
    if line is None:
        return f"{value} ({counted})"
    return f"{value} ({counted}, first at line {line})" if rows > 1 else f"{value} ({counted}, line {line})"


def in_toml(key: str, rule: str, remedy: str) -> Problem:
    return Problem("city.toml", key.strip("."), rule, remedy=remedy)


class DataError(ValueError):
    """Everything that is wrong with a city's data, all problems at once."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@contextmanager
def gathered(problems: list[Problem]) -> Iterator[None]:
    """Go on after a DataError, its problems added to the others."""
    try:
        yield
    except DataError as error:
        problems += error.problems


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ``Did you mean 'x'?`` where a known name is close, else nothing."""
    known = list(known)
    folded = {item.casefold(): item for item in reversed(known)}
    close = difflib.get_close_matches(name.strip().casefold(), folded, n=1, cutoff=cutoff)
    return f"Did you mean {folded[close[0]]!r}?" if close else ""


@dataclass(frozen=True)
class Dimension:
    """A characteristic by which people are counted, and how a city groups it.

    ``groups`` are in stated order and leave out ``undeclared``, which is a group of its own; ``combine`` adds
    groups up under a further name. ``reference`` is fixed beforehand, in city.toml.
    """

    name: str
    title: str
    groups: tuple[str, ...]
    reference: str
    undeclared: str | None = None
    combine: dict[str, tuple[str, ...]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    sensitive: bool = False
    definitions: tuple[dict, ...] = ()

    @property
    def recorded(self) -> tuple[str, ...]:
        """The groups that a record can carry: the declared ones, then the undeclared."""
        return self.groups + ((self.undeclared,) if self.undeclared else ())

    @property
    def breaks(self) -> tuple[str, ...]:
        """The periods from which another definition holds; a series never runs across one."""
        return tuple(sorted(definition["from"] for definition in self.definitions)[1:])

    @property
    def members(self) -> dict[str, str]:
        """Every row that a table of this dimension gets, with its role; a combined group stands above its first part.

        Roles are "group", "combined" (without the reference), "overlapping" (with it) and "undeclared".
        """
        rows = {}
        for group in self.groups:
            rows |= {
                name: "overlapping" if self.reference in parts else "combined"
                for name, parts in self.combine.items()
                if group in parts and name not in rows
            }
            rows[group] = "group"
        return rows | ({self.undeclared: "undeclared"} if self.undeclared else {})

    @property
    def compared(self) -> tuple[str, ...]:
        """The declared groups that are set beside the reference; the first of them heads the reports."""
        return tuple(
            name for name, role in self.members.items() if role in ("group", "combined") and name != self.reference
        )


@dataclass(frozen=True)
class Config:
    """city.toml, checked."""

    name: str
    note: str = ""
    url: str = ""
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    dimensions: dict[str, Dimension] = field(default_factory=dict)
    grades: tuple[str, ...] = ()
    leadership: tuple[str, ...] = ()
    grade_values: dict[str, str] = field(default_factory=dict)
    stages: tuple[str, ...] = ()
    publication: dict = field(default_factory=PUBLICATION.copy)


def read_config(folder: Path) -> tuple[Config, list[Problem]]:
    """Return what ``city.toml`` says as far as it can be understood, and all that is wrong with it.

    Raises
    ------
    DataError
        If there is no such file, or it is no TOML.
    """
    problems: list[Problem] = []
    said = _shaped(_toml(folder), KEYS[""], "", problems)
    section = {key: said.get(key, {}) for key in KEYS}
    config = Config(
        said.get("name") or "this city",
        **section["source"],
        **section["staff"],
        **section["applications"],
        columns=said.get("columns", {}),
        dimensions={name: _dimension(name, **keys) for name, keys in section["dimensions"].items()},
        publication=PUBLICATION | section["publication"],
    )
    told = {problem.column for problem in problems}
    return config, problems + [problem for problem in _contradictions(config) if problem.column not in told]


def _toml(folder: Path) -> dict:
    try:
        return tomllib.loads((folder / "city.toml").read_text(encoding="utf-8-sig"))
    except OSError:
        rule = f"is missing in {folder}"
        remedy = "DATA is a folder with city.toml and tables; `divimpact sample DIR` writes one to look at."
    except ValueError as error:
        rule = f"cannot be read as TOML: {error}"
        remedy = "Mend that line; texts stand in double quotes, the file is UTF-8."
    raise DataError([in_toml("", rule, remedy)])


def _shaped(found: object, shape: object, key: str, problems: list[Problem]) -> object:
    """Return what has the shape that a key asks for, texts trimmed; name what has not, and leave it out."""
    kind = shape if isinstance(shape, type) else type(shape)
    if type(found) is not kind and (type(found), kind) != (int, float):
        written = json.dumps(found, default=str, ensure_ascii=False)
        problems.append(in_toml(key, f"{written} is not {WRITTEN[kind][0]}", WRITTEN[kind][1]))
        return None
    if kind is dict:
        return _shaped_keys(found, shape, key, problems)
    if kind is list:
        items = [_shaped(item, shape[0], key, problems) for item in found]
        return tuple(item for item in items if item is not None)
    return found.strip() if kind is str else found


def _shaped_keys(found: dict, shape: dict, key: str, problems: list[Problem]) -> dict:
    fit = {}
    for name, value in found.items():
        inner = shape.get(name, shape.get(ANY))
        if inner is None:
            remedy = nearest(name, shape) or f"Known: {', '.join(sorted(shape))}."
            problems.append(in_toml(f"{key}.{name}", "is not a key of the kit", remedy))
            meant = {known: value for known in shape if known not in found and remedy == f"Did you mean {known!r}?"}
            fit |= _shaped_keys(meant, shape, key, [])  # read as what was meant, it has no further problems
        else:
            fit[name.strip()] = _shaped(value, inner, f"{key}.{name}", problems)
    return {name: value for name, value in fit.items() if value is not None}


def _dimension(name: str, title: str = "", groups: tuple = (), reference: str = "", **said: object) -> Dimension:
    return Dimension(name, title or name, groups, reference, **said)


def _contradictions(config: Config) -> Iterator[Problem]:
    """Find what is wrong with a city.toml of which every key has the right shape."""
    if not config.dimensions:
        yield in_toml("dimensions", "names none", "Add for example [dimensions.gender] with groups and reference.")
    for dimension in config.dimensions.values():
        yield from _of_dimension(dimension, f"dimensions.{dimension.name}")
    yield from _repeated("staff.grades", config.grades)
    yield from _unknown("staff.leadership", config.leadership, config.grades, "grade")
    yield from _unknown("staff.grade_values", config.grade_values.values(), config.grades, "grade")
    yield from _repeated("applications.stages", config.stages)
    if len(config.stages) == 1 or "overall" in config.stages:
        rule = "needs at least two stages, none of them called 'overall'"
        yield in_toml("applications.stages", rule, 'Write stages = ["applied", "appointed"], first to last.')
    if "leadership" in config.grades:
        rule = "calls a grade 'leadership', the sum over the leadership grades"
        yield in_toml("staff.grades", rule, "Give the grade another name, and name it under leadership.")
    if (least := config.publication["min_count"]) < 1:
        yield in_toml("publication.min_count", f"{least} is less than 1", "1 hides nothing.")
    yield from _unknown("publication.without", config.publication["without"], BREAKDOWNS, "breakdown of a review")
    if not 0 <= (share := config.publication["declared"]) <= 1:
        remedy = "It is the share that must have declared before a dimension is shown."
        yield in_toml("publication.declared", f"{share} is not between 0 and 1", remedy)


def _of_dimension(dimension: Dimension, key: str) -> Iterator[Problem]:
    groups, reference, combine = dimension.groups, dimension.reference, dimension.combine
    yield from _repeated(f"{key}.groups", groups)
    for new, parts in combine.items():
        yield from _repeated(f"{key}.combine.{new}", parts)
        yield from _unknown(f"{key}.combine.{new}", parts, groups, "group")
    if groups:
        yield from _unknown(f"{key}.reference", [reference] if reference else [], groups, "group")
        yield from _unknown(f"{key}.values", dimension.values.values(), dimension.recorded, "group")
    slips = [
        (not re.fullmatch(r"[A-Za-z]\w*", dimension.name), "", "cannot name a column", "Write letters, digits and _."),
        (len(groups) < 2, ".groups", "needs at least two groups", 'Write groups = ["women", "men"].'),
        (not reference, ".reference", "is missing", "Name the group that the others are compared with."),
        (dimension.undeclared in groups, ".undeclared", "is also one of groups", "Take it out of groups."),
        (not all(combine.values()), ".combine", "adds up nothing", 'Write combine = { "both" = ["one", "other"] }.'),
        (not set(combine).isdisjoint(dimension.recorded), ".combine", "names a group that is there", "Name a new one."),
        (
            any(set(said) != {"from", "text"} or not _is_period(said["from"]) for said in dimension.definitions),
            ".definitions",
            "is not a list of { from, text } with a period in from",
            'Write definitions = [{ from = "2019", text = "..." }].',
        ),
    ]
    yield from (in_toml(key + part, rule, remedy) for broken, part, rule, remedy in slips if broken)


def _is_period(text: str) -> bool:
    return any(re.search(pattern, text) for pattern in PERIODS.values())


def _repeated(key: str, names: tuple[str, ...]) -> Iterator[Problem]:
    if len(set(names)) < len(names) or "" in names:
        yield in_toml(key, "names something twice, or nothing", "Name each once.")


def _unknown(key: str, names: Iterable[str], known: tuple[str, ...], what: str) -> Iterator[Problem]:
    for name in dict.fromkeys(names):
        if name not in known:
            yield in_toml(
                key, f"{name!r} is not a {what}", nearest(name, known) or f"Known: {', '.join(known) or 'none'}."
            )
