"""city.toml: what a city calls its columns, groups, grades and stages."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

PUBLICATION = {"min_count": 10, "declared": 0.6}
KEYS = {
    "": {"name", "source", "columns", "dimensions", "staff", "applications", "publication"},
    "source": {"note", "url"},
    "dimensions": {"title", "groups", "reference", "undeclared", "combine", "values", "sensitive", "definitions"},
    "staff": {"grades", "leadership", "grade_values"},
    "applications": {"stages"},
    "publication": set(PUBLICATION),
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
        where = f"{self.file}, column {self.column}" if self.column else self.file
        values = ", ".join(_value(*value) for value in self.values)
        return " ".join(part for part in (f"{where}:", values, f"{self.rule}.", self.remedy) if part)


def _value(value: str, rows: int, line: int | None) -> str:
    counted = f"{rows:,} row" + ("s" if rows != 1 else "")
    if line is None:
        return f"{value} ({counted})"
    return f"{value} ({counted}, first at line {line})" if rows > 1 else f"{value} ({counted}, line {line})"


class DataError(ValueError):
    """Everything that is wrong with a city's data, all problems at once."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``Did you mean 'x'?`` where a known name is close, else nothing."""
    known = list(known)
    folded = {item.casefold(): item for item in reversed(known)}
    close = difflib.get_close_matches(name.strip().casefold(), folded, n=1, cutoff=0.6)
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


def read_config(folder: Path) -> Config:
    """Read and check ``city.toml``.

    Raises
    ------
    DataError
        With every problem of the file at once.
    """
    path = folder / "city.toml"
    if not path.is_file():
        raise DataError(
            [
                Problem(
                    "city.toml",
                    "",
                    f"is missing in {folder}",
                    remedy="DATA is a folder with city.toml and tables; `divimpact sample DIR` writes one to look at.",
                )
            ]
        )
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(
            [
                Problem(
                    "city.toml",
                    "",
                    f"cannot be read as TOML: {error}",
                    remedy="Mend that line; texts stand in double quotes, the file is UTF-8.",
                )
            ]
        ) from None
    check = _Check()
    config = check.config(raw)
    if check.problems:
        raise DataError(check.problems)
    return config


class _Check:
    """Walks city.toml and keeps every problem instead of stopping at the first."""

    def __init__(self):
        self.problems: list[Problem] = []

    def config(self, raw: dict) -> Config:
        self.known(raw, "", KEYS[""])
        source, staff, applications = (self.table(raw, name) for name in ("source", "staff", "applications"))
        dimensions = {
            name: self.dimension(name, table)
            for name, table in self.table(raw, "dimensions", None).items()
            if self.typed(f"dimensions.{name}", table, dict, "a table") and self.named(f"dimensions.{name}", name)
        }
        if not dimensions:
            self.problem(
                "dimensions", "names no dimension", "Add for example [dimensions.gender] with groups and reference."
            )
        grades = self.texts(staff, "staff.grades")
        leadership = self.texts(staff, "staff.leadership")
        self.members("staff.leadership", leadership, grades, "grade")
        grade_values = self.mapping(staff, "staff.grade_values")
        self.members("staff.grade_values", grade_values.values(), grades, "grade")
        columns = {
            table: self.mapping(self.table(raw, "columns", None), f"columns.{table}")
            for table in raw.get("columns", {})
        }
        return Config(
            name=self.text(raw, "name") or "this city",
            note=self.text(source, "source.note"),
            url=self.text(source, "source.url"),
            columns=columns,
            dimensions=dimensions,
            grades=grades,
            leadership=leadership,
            grade_values=grade_values,
            stages=self.texts(applications, "applications.stages"),
            publication=self.publication(raw),
        )

    def dimension(self, name: str, raw: dict) -> Dimension:
        key = f"dimensions.{name}"
        self.known(raw, key, KEYS["dimensions"])
        groups, undeclared = self.texts(raw, f"{key}.groups"), self.text(raw, f"{key}.undeclared") or None
        if len(groups) < 2:
            self.problem(f"{key}.groups", "needs at least two groups", 'Write groups = ["women", "men"].')
        if undeclared in groups:
            self.problem(
                f"{key}.undeclared",
                f"{undeclared!r} is also one of groups",
                "Undeclared is a group of its own: take it out of groups.",
            )
        reference = self.text(raw, f"{key}.reference")
        if not reference:
            self.problem(f"{key}.reference", "is missing", "Name the group that the others are compared with.")
        self.members(f"{key}.reference", [reference] if reference else [], groups, "group")
        combine = {
            new: tuple(self.texts(raw.get("combine", {}), f"{key}.combine.{new}"))
            for new in self.table(raw, "combine", None)
        }
        for new, parts in combine.items():
            self.members(f"{key}.combine.{new}", parts, groups, "group")
            if new in groups or new == undeclared:
                self.problem(
                    f"{key}.combine", f"{new!r} is also one of groups", "Give the combined group a name of its own."
                )
        values = self.mapping(raw, f"{key}.values")
        recorded = groups + ((undeclared,) if undeclared else ())
        self.members(f"{key}.values", values.values(), recorded, "group")
        definitions = raw.get("definitions", [])
        if not isinstance(definitions, list) or any(
            not isinstance(d, dict) or set(d) != {"from", "text"} for d in definitions
        ):
            self.problem(
                f"{key}.definitions",
                "is not a list of { from, text }",
                'Write definitions = [{ from = "2019", text = "..." }].',
            )
            definitions = []
        sensitive = raw.get("sensitive", False)
        self.typed(f"{key}.sensitive", sensitive, bool, "true or false")
        return Dimension(
            name,
            self.text(raw, f"{key}.title") or name,
            groups,
            reference,
            undeclared,
            combine,
            values,
            bool(sensitive),
            tuple(definitions),
        )

    def publication(self, raw: dict) -> dict:
        found = PUBLICATION | self.table(raw, "publication")
        if type(found["min_count"]) is not int or found["min_count"] < 1:
            self.problem(
                "publication.min_count",
                f"{found['min_count']!r} is not a whole number from 1",
                "It is the smallest count that may be shown; 1 hides nothing.",
            )
        if type(found["declared"]) not in (int, float) or not 0 <= Fraction(str(found["declared"])) <= 1:
            self.problem(
                "publication.declared",
                f"{found['declared']!r} is not between 0 and 1",
                "It is the share that must have declared before a dimension is shown.",
            )
        return found

    def problem(self, key: str, rule: str, remedy: str) -> None:
        self.problems.append(Problem("city.toml", key, rule, remedy=remedy))

    def typed(self, key: str, value: object, kind: type, words: str) -> bool:
        right = type(value) is kind
        if not right:
            self.problem(key, f"{value!r} is not {words}", f"Write {words}.")
        return right

    def named(self, key: str, name: str) -> bool:
        right = re.fullmatch(r"[A-Za-z]\w*", name) is not None
        if not right:
            self.problem(
                key, f"{name!r} cannot name a column", "Write letters, digits and _; the title may be any text."
            )
        return right

    def known(self, raw: dict, key: str, names: set[str]) -> None:
        for name in sorted(set(raw) - names):
            self.problem(
                f"{key}.{name}".strip("."),
                "is not a key of the kit",
                nearest(name, names) or f"Known here: {', '.join(sorted(names))}.",
            )

    def table(self, raw: dict, key: str, names: str | None = "") -> dict:
        found = raw.get(key, {})
        if not self.typed(key, found, dict, f"a table [{key}]"):
            return {}
        if names is not None:
            self.known(found, key, KEYS[key])
        return found

    def text(self, raw: dict, key: str) -> str:
        found = raw.get(key.rpartition(".")[2], "")
        return found.strip() if self.typed(key, found, str, "a text in quotes") else ""

    def texts(self, raw: dict, key: str) -> tuple[str, ...]:
        found = raw.get(key.rpartition(".")[2], []) if isinstance(raw, dict) else raw
        if not isinstance(found, list) or any(type(item) is not str or not item.strip() for item in found):
            self.problem(key, f"{found!r} is not a list of texts", 'Write ["first", "second"].')
            return ()
        if len(set(found)) < len(found):
            self.problem(key, f"{found!r} names something twice", "Name each once.")
        return tuple(item.strip() for item in found)

    def mapping(self, raw: dict, key: str) -> dict[str, str]:
        found = raw.get(key.rpartition(".")[2], {})
        if not isinstance(found, dict) or any(type(item) is not str for item in found.values()):
            self.problem(key, "is not a table of texts", 'Write "code" = "name".')
            return {}
        return found

    def members(self, key: str, names: Iterable[str], known: tuple[str, ...], what: str) -> None:
        for name in names:
            if name not in known:
                self.problem(
                    key, f"{name!r} is not a {what}", nearest(name, known) or f"Known: {', '.join(known) or 'none'}."
                )
