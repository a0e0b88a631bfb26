"""What each table must hold, and the check of it where the data live.

Every rule is a term of one aggregate per table; only the values that break a rule are fetched. (pandera was tried
for this: 18 s against 0.6 s on a million rows, and it brings every failing row into memory.)
"""

from dataclasses import dataclass
from functools import reduce
from operator import or_

import ibis
import pandas as pd

from divimpact.config import Config, Problem, nearest
from divimpact.sources import Source

OUTCOMES = ("hired", "rejected", "withdrawn", "in_progress")
EVENTS = ("hire", "exit", "promotion", "transfer", "redeclared_out", "redeclared_in")
PERIODS = {
    "a year": r"^\d{4}$",
    "a quarter": r"^\d{4}-Q[1-4]$",
    "a month": r"^\d{4}-(0[1-9]|1[0-2])$",
    "a date": r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$",
}
COUNTS = ("count", "users", "eligible", "contacts", "base")
SHARES = ("share", "low", "high", "baseline", "target")
AMOUNTS = ("fte", "days", "unit_cost")
NUMBERS = COUNTS + SHARES + AMOUNTS
PERIOD_COLUMNS = ("period", "baseline_period", "target_period", "start")
AS_WRITTEN = " as written"
SHOWN = 5
MAY_BE_EMPTY = ("eligible", "contacts", "base", "low", "high", *AMOUNTS)


@dataclass(frozen=True)
class Table:
    """The columns of a table: those it must have, those it may have, and whether dimensions are columns of it."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    by_dimension: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return self.required + self.optional


TABLES = {
    "staff": Table(("period",), ("unit", "grade", "count", "fte", "person"), True),
    "flows": Table(("period", "event"), ("unit", "grade", "count", "unit_to", "grade_to"), True),
    "shares": Table(("period", "dimension", "group", "share"), ("grade", "base")),
    "targets": Table(
        ("dimension", "group", "baseline_period", "baseline", "target_period", "target"), ("scope", "grade")
    ),
    "benchmark": Table(("name", "dimension", "group", "period", "share", "source"), ("scope", "grade", "low", "high")),
    "applications": Table(
        ("period", "stage"), ("vacancy", "unit", "grade", "channel", "outcome", "days", "count"), True
    ),
    "uptake": Table(("period", "service", "users", "eligible"), ("district", "contacts", "unit_cost"), True),
    "measures": Table(("measure", "start"), ("service", "district", "unit", "stage", "group")),
}


@dataclass(frozen=True)
class _Rule:
    columns: tuple[str, ...]
    bad: ibis.Value
    rule: str
    remedy: str = ""
    known: tuple[str, ...] = ()


def check(name: str, source: Source, config: Config) -> tuple[ibis.Table, list[Problem]]:
    """Return the table under the kit's names and codes, and all that is wrong with it."""
    base, _, only = name.partition(".")
    spec = TABLES[base]
    dimensions = ((only,) if only else tuple(config.dimensions)) if spec.by_dimension else ()
    known = spec.columns + dimensions
    renamed, problems = _rename(source, base, config, known)
    problems += _missing(source, base, renamed.columns, dimensions)
    if problems:
        return renamed, problems
    held = [column for column in renamed.columns if column in known]
    beside = renamed.select(  # what the kit reads, and beside it what the file says
        **{column: _canonical(renamed, column, config) for column in held},
        **{column + AS_WRITTEN: renamed[column].cast("string") for column in renamed.columns},
    )
    rules = [rule for column in held for rule in _column_rules(beside[column], column, base, config)]
    problems = _broken(source, beside, rules + _row_rules(beside, base, config)) + _repeated(source, beside, base)
    return beside.select(*held), problems


def _rename(source: Source, base: str, config: Config, known: tuple[str, ...]) -> tuple[ibis.Table, list[Problem]]:
    mapping = config.columns.get(base, {})
    exported = source.records.columns
    problems = [
        Problem(
            "city.toml",
            f"columns.{base}",
            f"{column!r} is not a column of this table",
            remedy=nearest(column, known) or f"Columns: {', '.join(known)}.",
        )
        for column in mapping
        if column not in TABLES[base].columns and column not in config.dimensions
    ]
    problems += [
        Problem(
            source.file,
            export,
            f"is named under [columns.{base}] but is not in the file",
            remedy=nearest(export, exported) or "Mend [columns] in city.toml.",
        )
        for column, export in mapping.items()
        if export not in exported and column in known
    ]
    names = {export: column for column, export in mapping.items() if column in known}
    kept = {names.get(export, export): export for export in exported if export in names or export not in mapping}
    return source.records.select(**{column: source.records[export] for column, export in kept.items()}), problems


def _missing(source: Source, base: str, columns: tuple[str, ...], dimensions: tuple[str, ...]) -> list[Problem]:
    mend = f"Name the export's column under [columns.{base}]"
    problems = [
        Problem(
            source.file, column, "is missing", remedy=f'{nearest(column, columns)} {mend}: {column} = "...".'.strip()
        )
        for column in TABLES[base].required
        if column not in columns
    ]
    if dimensions and not set(dimensions) & set(columns):
        problems.append(
            Problem(source.file, "", f"has no column for any dimension ({', '.join(dimensions)})", remedy=f"{mend}.")
        )
    return problems


def _canonical(table: ibis.Table, column: str, config: Config) -> ibis.Value:
    """Return a column as the kit reads it: numbers as numbers, codes as groups, texts trimmed, empty as null."""
    value = table[column]
    if column in NUMBERS:
        return (
            value.strip().replace(",", ".").try_cast("float64") if value.type().is_string() else value.cast("float64")
        )
    if value.type().is_timestamp():
        value = value.date()
    value = value.cast("string").strip()
    if column in ("grade", "grade_to"):
        return _mapped(value, config.grade_values, None)
    if column in config.dimensions:
        return _mapped(value, config.dimensions[column].values, config.dimensions[column].undeclared)
    return value.nullif("")


def _mapped(value: ibis.Value, codes: dict[str, str], empty: str | None) -> ibis.Value:
    codes = {"": empty} | codes if empty else codes
    value = value.fill_null("")
    mapped = value.cases(*codes.items(), else_=value) if codes else value
    return mapped.nullif("")


def _column_rules(value: ibis.Value, column: str, base: str, config: Config) -> list[_Rule]:
    needed = column in TABLES[base].required
    if column in NUMBERS:
        return _number_rules(value, column)
    if column in PERIOD_COLUMNS:
        fits = reduce(or_, (value.re_search(pattern) for pattern in PERIODS.values()))
        return [
            _Rule(
                (column,),
                ~fits.fill_null(False),
                "is not a period",
                "Periods are ISO: 2024, 2024-Q3, 2024-07 or 2024-07-01.",
            )
        ]
    allowed = _codes(base, column, config)
    if allowed is None:
        return [_Rule((column,), value.isnull(), "is empty", "Every row needs it.")] if needed else []
    what, codes, remedy = allowed
    wrong = (~value.isin(codes)).fill_null(needed or column in config.dimensions)
    return [_Rule((column,), wrong, f"is not {'an' if what[0] in 'aeiou' else 'a'} {what}", remedy, codes)]


def _codes(base: str, column: str, config: Config) -> tuple[str, tuple[str, ...], str] | None:
    """Return what a column of codes holds, the codes it may hold and how to mend others; None for free text."""
    if column in ("outcome", "event"):
        codes = OUTCOMES if column == "outcome" else EVENTS
        return column, codes, f"Write one of: {', '.join(codes)}."
    if column in ("grade", "grade_to") and config.grades:
        codes = config.grades + (("leadership",) if base == "targets" else ())
        return ("grade", codes, f"Grades in city.toml: {', '.join(codes)}; map codes under [staff.grade_values].")
    if column == "stage":
        return "stage", config.stages, f"Stages in city.toml: {', '.join(config.stages) or 'none'}."
    if column == "dimension":
        return ("dimension", tuple(config.dimensions), f"Dimensions in city.toml: {', '.join(config.dimensions)}.")
    if column in config.dimensions:
        codes = config.dimensions[column].recorded
        return (
            "group",
            codes,
            f"Groups in city.toml: {', '.join(codes)}; map codes under [dimensions.{column}.values].",
        )
    return None


def _number_rules(value: ibis.Value, column: str) -> list[_Rule]:
    rules = []
    if column not in MAY_BE_EMPTY:
        rules.append(
            _Rule((column,), value.isnull(), "is not a number", "Write 12 or 0.5; a decimal comma is read too.")
        )
    if column in SHARES:
        outside = ~value.between(0, 1).fill_null(True)
        return [*rules, _Rule((column,), outside, "is not a share between 0 and 1", "Write 18 % as 0.18.")]
    rules.append(_Rule((column,), (value < 0).fill_null(False), "is negative", "Counts start at 0."))
    if column in COUNTS:
        broken = (value != value.floor()).fill_null(False)
        rules.append(
            _Rule((column,), broken, "is not a whole number", "Counts are whole; write 1234, not 1.234 or 1,234.")
        )
    return rules


def _row_rules(table: ibis.Table, base: str, config: Config) -> list[_Rule]:
    """Rules that look at more than one column of a row."""
    if base == "uptake":
        return [
            _Rule(
                ("users", "eligible"),
                (table.users > table.eligible).fill_null(False),
                "has more users than eligible",
                "Users are distinct people of the eligible; visits go into contacts.",
            )
        ]
    if base in ("targets", "benchmark", "shares"):
        groups = {name: (*dimension.recorded, *dimension.combine) for name, dimension in config.dimensions.items()}
        fits = reduce(or_, ((table.dimension == name) & table.group.isin(known) for name, known in groups.items()))
        return [
            _Rule(
                ("dimension", "group"),
                ~fits.fill_null(False),
                "is not a group of that dimension",
                "Groups in city.toml: "
                + "; ".join(f"{name}: {', '.join(known)}" for name, known in groups.items())
                + ".",
                tuple(name for known in groups.values() for name in known),
            )
        ]
    return []


def _broken(source: Source, beside: ibis.Table, rules: list[_Rule]) -> list[Problem]:
    """Count the breaches of all rules in one query; fetch values and lines only of rules that are broken."""
    kinds = {
        kind: beside.period.re_search(pattern).sum() for kind, pattern in PERIODS.items() if "period" in beside.columns
    }
    breaches = {str(i): rule.bad.sum() for i, rule in enumerate(rules)}
    counted = beside.aggregate(rows=beside.count(), **breaches, **kinds).to_pandas().iloc[0]
    if not counted["rows"]:
        return [Problem(source.file, "", "holds no rows", remedy="Export it again, or take the file away.")]
    problems = [_problem(source, beside, rule) for i, rule in enumerate(rules) if counted[str(i)]]
    mixed = [kind for kind in kinds if counted[kind]]
    if len(mixed) > 1:
        problems.append(
            Problem(
                source.file,
                "period",
                f"holds {' and '.join(mixed)} side by side",
                remedy="Use one kind of period in a table.",
            )
        )
    return problems


def _problem(source: Source, beside: ibis.Table, rule: _Rule) -> Problem:
    written = [column + AS_WRITTEN for column in rule.columns]
    found = _fetch(beside, written, breaking=rule.bad)
    hint = nearest(str(found.iloc[0, len(written) - 1]), rule.known) if rule.known else ""
    return Problem(
        source.file,
        " and ".join(rule.columns),
        rule.rule,
        _values(source, rule.columns, found),
        f"{hint} {rule.remedy}".strip(),
    )


def _repeated(source: Source, beside: ibis.Table, base: str) -> list[Problem]:
    """Refuse a table of counts that says a cell twice; columns that the kit does not read tell cells apart too."""
    if TABLES[base].by_dimension and not {"count", "users"} & set(beside.columns):
        return []
    written = [
        column
        for column in beside.columns
        if column.endswith(AS_WRITTEN) and column.removesuffix(AS_WRITTEN) not in NUMBERS
    ]
    found = _fetch(beside, written, more_than=1)
    if found.empty:
        return []
    columns = tuple(column.removesuffix(AS_WRITTEN) for column in written)
    return [
        Problem(
            source.file,
            "",
            "repeats a cell of this table of counts",
            _values(source, columns, found),
            "Each cell stands once: add the rows up, or take one away.",
        )
    ]


def _fetch(
    beside: ibis.Table, written: list[str], breaking: ibis.Value | bool = True, more_than: int = 0
) -> pd.DataFrame:
    """Return the most frequent values as written, with their rows and the first of them."""
    numbered = beside.mutate(row=ibis.row_number()).filter(breaking)
    found = numbered.group_by(written).agg(rows=numbered.count(), first=numbered.row.min())
    return found.filter(found.rows > more_than).order_by(ibis.desc("rows"), "first").limit(SHOWN).to_pandas()


def _values(source: Source, columns: tuple[str, ...], found: pd.DataFrame) -> tuple[tuple[str, int, int | None], ...]:
    lines = source.lines(found["first"])
    texts = found.iloc[:, : len(columns)].map(lambda text: "empty" if pd.isna(text) else repr(text))
    shown = (
        texts.iloc[:, 0]
        if len(columns) == 1
        else [
            ", ".join(f"{column} {text}" for column, text in zip(columns, row, strict=True))
            for row in texts.itertuples(index=False)
        ]
    )
    return tuple(
        (text, int(rows), lines.get(first))
        for text, rows, first in zip(shown, found["rows"], found["first"], strict=True)
    )
