"""What each table must hold, and the check of it where the data live.

Every rule is a term of one aggregate per table; only the values that break a rule are fetched. (pandera was tried
for this: 18 s against 0.6 s on a million rows, and it brings every failing row into memory.)
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, combinations
from operator import or_

import ibis
import pandas as pd

from divimpact.config import PERIODS, Config, Dimension, Problem, in_toml, nearest
from divimpact.sources import Source

OUTCOMES = ("hired", "rejected", "withdrawn", "in_progress")
EVENTS = ("hire", "exit", "promotion", "transfer", "redeclared_out", "redeclared_in")
COUNTS = ("count", "users", "eligible", "contacts", "base", "staff")
SHARES = ("share", "low", "high", "baseline", "target")
AMOUNTS = ("fte", "days", "unit_cost")
NUMBERS = COUNTS + SHARES + AMOUNTS
MAY_BE_EMPTY = ("eligible", "contacts", "base", "staff", "low", "high", *AMOUNTS)
PERIOD_COLUMNS = ("period", "baseline_period", "target_period", "start")
PLACES = {"scope": "unit", "unit": "unit", "service": "service", "district": "district"}  # said of a small table
NUMBER = r"^[-+]?\d{0,18}[.,]?\d{1,30}([eE][-+]?\d{1,2})?$"
WHOLE = r"^[-+]?\d+([.,]0{1,2})?$"  # 12.0 is how a column of whole numbers with gaps is exported; 12,000 is not 12
MOST = 1e9
AS_WRITTEN = " as written"
UNREAD = "unread "
KIND = "kind of period"
SHOWN = 5  # values of a rule
LONGEST = 60  # characters of a value


@dataclass(frozen=True)
class Table:
    """The columns of a table: those it must have, those it may have, and whether dimensions are columns of it."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    by_dimension: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return self.required + self.optional


BESIDE = "; "  # between stages that a vacancy is without
TABLES = {
    "staff": Table(("period",), ("unit", "grade", "count", "fte", "person"), True),
    "flows": Table(("period", "event"), ("unit", "grade", "count", "unit_to", "grade_to"), True),
    "shares": Table(("period", "dimension", "group", "share"), ("grade", "base", "staff")),
    "targets": Table(
        ("dimension", "group", "baseline_period", "baseline", "target_period", "target"), ("scope", "grade")
    ),
    "benchmark": Table(("name", "dimension", "group", "period", "share", "source"), ("scope", "grade", "low", "high")),
    "applications": Table(
        ("period", "stage"), ("vacancy", "unit", "grade", "channel", "skipped", "outcome", "days", "count"), True
    ),
    "uptake": Table(("period", "service", "users", "eligible"), ("district", "contacts", "unit_cost"), True),
    "measures": Table(("measure", "start"), ("service", "district", "unit", "stage", "group")),
}
COLUMNS = {column for table in TABLES.values() for column in table.columns}


@dataclass(frozen=True)
class _Rule:
    columns: tuple[str, ...]
    bad: ibis.Value
    rule: str
    remedy: str
    known: tuple[str, ...] = ()


def slips(config: Config) -> list[Problem]:
    """Find what city.toml says of tables and columns that the kit does not have, or has already."""
    own = [column.casefold() for column in COLUMNS] + [name.casefold() for name in config.dimensions]
    problems = [
        in_toml(f"dimensions.{name}", "is the name of another column", "Name it apart; [columns] says its column.")
        for name in config.dimensions
        if own.count(name.casefold()) > 1
    ]
    for base, renamed in config.columns.items():
        if base not in TABLES:
            problems.append(in_toml(f"columns.{base}", "is not a table of the kit", _hint(base, TABLES)))
            continue
        known = TABLES[base].columns + tuple(config.dimensions) * TABLES[base].by_dimension
        exports = list(renamed.values())
        for column, export in renamed.items():
            key = f"columns.{base}.{column}"
            if column not in known:
                problems.append(in_toml(key, "is not a column of this table", _hint(column, known)))
            if exports.count(export) > 1:
                problems.append(in_toml(key, f"names {export!r}, as another column does", "Name each column once."))
    return problems


def check(
    name: str, source: Source, config: Config, places: Callable[[str], tuple[str, ...]]
) -> tuple[ibis.Table, list[Problem]]:
    """Return the table under the kit's names and codes, and all that is wrong with it.

    ``places`` gives the units, services or districts that the records hold; targets and measures must name these.
    """
    base, _, only = name.partition(".")
    dimensions = ((only,) if only else tuple(config.dimensions)) if TABLES[base].by_dimension else ()
    held, problems = _held(source, base, config, TABLES[base].columns + dimensions)
    problems = [*source.problems, *problems, *_missing(source, base, held, dimensions, config)]
    if not held:
        return source.records, problems
    beside = _beside(source, held, config)
    rules = [*_column_rules(beside, held, base, config, places), *_row_rules(beside, config)]
    return beside.select(*held), problems + _broken(source, beside, base, rules) + _repeated(source, beside, held, base)


def _held(source: Source, base: str, config: Config, known: tuple[str, ...]) -> tuple[dict[str, int], list[Problem]]:
    """Return where in the file each column of the kit stands, and what hides one."""
    renamed = {column: export for column, export in config.columns.get(base, {}).items() if column in known}
    wanted = {column: column for column in known if column not in renamed.values()} | renamed
    held = {column: source.header.index(wanted[column]) for column in known if wanted.get(column) in source.header}
    rule = f"is named under [columns.{base}] but is not in the file"
    problems = [
        Problem(source.file, export, rule, remedy=_hint(export, source.header))
        for export in renamed.values()
        if export not in source.header
    ]
    problems += [
        Problem(source.file, wanted[column], "stands twice in the header", remedy="Take one away, or rename it.")
        for column in held
        if source.header.count(wanted[column]) > 1
    ]
    return held, problems


def _missing(
    source: Source, base: str, held: Mapping[str, int], dimensions: tuple[str, ...], config: Config
) -> Iterator[Problem]:
    mend = f"Name the export's column under [columns.{base}]"
    free = [name for i, name in enumerate(source.header) if i not in held.values()]
    for column in TABLES[base].required:
        if column not in held and column not in config.columns.get(base, {}):
            remedy = f'{nearest(column, free)} {mend}: {column} = "...".'.strip()
            yield Problem(source.file, column, "is missing", remedy=remedy)
    if dimensions and not set(dimensions) & set(held):
        hints = dict.fromkeys(filter(None, (nearest(name, free) for name in dimensions)))
        rule = f"has no column for any dimension ({', '.join(dimensions)})"
        yield Problem(source.file, "", rule, remedy=" ".join([*hints, f"{mend}."]))
    if base == "applications" and not config.stages:
        remedy = f'{source.file} needs it: stages = ["applied", "appointed"], first to last.'
        yield in_toml("applications.stages", "is missing", remedy)


def _beside(source: Source, held: Mapping[str, int], config: Config) -> ibis.Table:
    """Set what the kit reads beside what the file says, and beside the columns that the kit does not read."""
    given = [source.records[column] for column in source.records.columns]
    tidy = {column: _tidy(given[i]) for column, i in held.items()}
    canonical = {column: _canonical(value, column, config) for column, value in tidy.items()}
    return source.records.select(
        **canonical,
        **{KIND: _kind(canonical["period"]) if "period" in held else ibis.null("string")},
        **{column + AS_WRITTEN: value.cast("string") for column, value in tidy.items()},
        **{f"{UNREAD}{i}": value for i, value in enumerate(given) if i not in held.values()},
    )


def _kind(period: ibis.Value) -> ibis.Value:
    return ibis.cases(*((period.re_search(pattern), kind) for kind, pattern in PERIODS.items()))


def _tidy(value: ibis.Value) -> ibis.Value:
    """Trim texts; an empty text and NaN are nothing; a moment is its day, unless the day depends on a time zone."""
    kind = value.type()
    if kind.is_string():
        return value.strip().nullif("")
    if kind.is_decimal() or kind.is_floating():
        return value.cast("float64").nullif(float("nan"))
    return value.date() if kind.is_timestamp() and not kind.timezone else value


def _canonical(value: ibis.Value, column: str, config: Config) -> ibis.Value:
    """Return a column as the kit reads it: numbers as numbers, codes as groups."""
    kind, text = value.type(), value.cast("string")
    if column in NUMBERS:
        readable = text.re_search(NUMBER).ifelse(text.replace(",", "."), None)
        return value.cast("float64") if kind.is_numeric() else readable.cast("float64")
    if column in ("grade", "grade_to"):
        return _mapped(text, config.grade_values)
    if column in config.dimensions:
        known = config.dimensions[column]
        return _mapped(text, ({"": known.undeclared} if known.undeclared else {}) | known.values)
    return _whole(text) if kind.is_floating() or column in PERIOD_COLUMNS else text


def _whole(text: ibis.Value) -> ibis.Value:
    """Write 1.0 as 1: whole numbers with gaps are exported like that."""
    return text.re_replace(r"^(\d+)\.0$", r"\1")


def _mapped(text: ibis.Value, codes: Mapping[str, str]) -> ibis.Value:
    text = text.fill_null("")
    codes = {code.removesuffix(".0"): group for code, group in codes.items()}
    return _whole(text).cases(*codes.items(), else_=text).nullif("") if codes else text.nullif("")


def _column_rules(
    table: ibis.Table, held: Mapping[str, int], base: str, config: Config, places: Callable[[str], tuple[str, ...]]
) -> Iterator[_Rule]:
    choices = _choices(base, held, config, places)
    for column in held:
        value, needed = table[column], column in (*TABLES[base].required, *config.dimensions, "person")
        if column in NUMBERS:
            yield from _number_rules(value, table[column + AS_WRITTEN], column)
        elif column in PERIOD_COLUMNS:
            kind = table[KIND] if column == "period" else _kind(value)
            wrong = kind.isnull() | ((kind == "YYYY-MM-DD") & value.try_cast("date").isnull())
            remedy = "Periods are ISO: 2024, 2024-Q3, 2024-07 or 2024-07-01."
            yield _Rule((column,), wrong, "is not a period", remedy)
        elif column in choices and choices[column][1]:
            what, codes, remedy = choices[column]
            yield _Rule((column,), (~value.isin(codes)).fill_null(needed), f"is not {what}", remedy, codes)
        elif needed:
            yield _Rule((column,), value.isnull(), "is not allowed here", "Fill it in: every row needs it.")


def _number_rules(value: ibis.Value, written: ibis.Value, column: str) -> Iterator[_Rule]:
    unread = value.isnull() & written.notnull() if column in MAY_BE_EMPTY else value.isnull()
    remedy = "Write 18 % as 0.18." if column in SHARES else "Write 12 or 0.5; a decimal comma is read too."
    yield _Rule((column,), unread, "is not a number", remedy)
    if column in SHARES:
        yield _Rule((column,), (~value.between(0, 1)).fill_null(False), "is not a share between 0 and 1", remedy)
        return
    yield _Rule((column,), (value < 0).fill_null(False), "is negative", "It starts at 0.")
    yield _Rule((column,), (value > MOST).fill_null(False), "is more than any city has", "Mend it at its source.")
    if column in COUNTS:
        broken = value.notnull() & ~written.re_search(WHOLE)
        yield _Rule((column,), broken, "is not a whole number", "Counts are whole; write 1234, not 1.234 or 1,234.")


def _choices(
    base: str, held: Mapping[str, int], config: Config, places: Callable[[str], tuple[str, ...]]
) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """Return for each column of codes what it holds, the codes it may hold and how to mend others."""
    small = not TABLES[base].by_dimension
    grades = config.grades + ("leadership",) * (small and bool(config.grades))
    grade = _choice("a grade", "Grades in city.toml", grades, "; map codes under [staff.grade_values]")
    choices = {
        "outcome": _choice("an outcome", "Write one of", OUTCOMES),
        "event": _choice("an event", "Write one of", EVENTS),
        "stage": _choice("a stage", "Stages in city.toml", config.stages),
        "skipped": _skippable(config),
        "dimension": _choice("a dimension", "Dimensions in city.toml", config.dimensions),
        "grade": grade,
        "grade_to": grade,
    }
    for name, known in config.dimensions.items():
        empty = "" if known.undeclared else ', for empty cells name a group undeclared = "..."'
        more = f"; map codes under [dimensions.{name}.values]{empty}"
        choices[name] = _choice("a group", "Groups in city.toml", known.recorded, more)
    if base == "measures":
        groups = chain.from_iterable(map(_groups, config.dimensions.values()))
        choices["group"] = _choice("a group", "Groups in city.toml", groups)
    for column, place in PLACES.items():
        if small and column in held:
            names = ("city",) * (column == "scope") + places(place)
            choices[column] = _choice(f"a {place}", f"{place.capitalize()}s in the other tables", names)
    return choices


def _choice(what: str, label: str, codes: Iterable[str], more: str = "") -> tuple[str, tuple[str, ...], str]:
    codes = tuple(codes)
    return what, codes, f"{label}: {', '.join(codes)}{more}."


def _skippable(config: Config) -> tuple[str, tuple[str, ...], str]:
    """Say which stages a vacancy may be without: all but the first and the last, several in their order."""
    between = config.stages[1:-1]
    codes = chain.from_iterable(combinations(between, many) for many in range(1, len(between) + 1))
    remedy = f'Stages between the first and the last, in order and with ";": {", ".join(between)}.'
    return "a stage that can be left out", tuple(map(BESIDE.join, codes)), remedy


def _hint(name: str, known: Iterable[str]) -> str:
    return nearest(name, known) or f"Known: {', '.join(known)}."


def _groups(known: Dimension) -> tuple[str, ...]:
    return (*known.recorded, *known.combine)


def _row_rules(table: ibis.Table, config: Config) -> Iterator[_Rule]:
    """Yield the rules that look at more than one column of a row, where the table has these columns."""
    if {"users", "eligible"} <= set(table.columns):
        remedy = "Users are distinct people of the eligible; visits go into contacts."
        more = (table.users > table.eligible).fill_null(False)
        yield _Rule(("users", "eligible"), more, "has more users than eligible", remedy)
    if "staff" in table.columns:
        base = table.base if "base" in table.columns else ibis.null("float64")
        fewer = (table.staff < base).fill_null(False) | (table.staff.notnull() & base.isnull())
        remedy = "Of a survey, base is who answered and staff who was asked; leave staff empty where all are counted."
        yield _Rule(
            ("base", "staff") if "base" in table.columns else ("staff",), fewer, "is not a part of those asked", remedy
        )
    if {"stage", "skipped"} <= set(table.columns):
        stands_there = table.skipped.split(BESIDE).contains(table.stage).fill_null(False)
        remedy = "Who reached it shows that the vacancy has this stage."
        yield _Rule(("stage", "skipped"), stands_there, "is a stage that its vacancy is without", remedy)
    if {"person", "count"} <= set(table.columns):
        several = (table["count"] != 1).fill_null(False)
        yield _Rule(("count",), several, "is not 1, yet the row has a person", "Each person is counted once.")
    if {"dimension", "group"} <= set(table.columns):
        groups = {name: _groups(known) for name, known in config.dimensions.items()}
        of_its_own = ((table.dimension == name) & table.group.isin(known) for name, known in groups.items())
        listed = "; ".join(f"{name}: {', '.join(known)}" for name, known in groups.items())
        known = tuple(chain.from_iterable(groups.values()))
        bad = table.dimension.isin(tuple(groups)) & ~reduce(or_, of_its_own, ibis.literal(False)).fill_null(False)
        yield _Rule(
            ("dimension", "group"),
            bad.fill_null(False),
            "is not a group of that dimension",
            f"Groups: {listed}.",
            known,
        )
    if {"baseline_period", "target_period"} <= set(table.columns):
        columns = "baseline_period", "target_period"
        early = (_last_day(table.target_period) <= _last_day(table.baseline_period)).fill_null(False)
        yield _Rule(columns, early, "leads back in time", "A target lies after its baseline.")
    if {"low", "high"} <= set(table.columns):
        outside = ((table.low > table.share) | (table.share > table.high)).fill_null(False)
        yield _Rule(("share", "low", "high"), outside, "is a share outside its limits", "low <= share <= high.")


def _last_day(period: ibis.Value) -> ibis.Value:
    for quarter, month in {"Q1": "03", "Q2": "06", "Q3": "09", "Q4": "12"}.items():
        period = period.replace(quarter, month)
    return period + ibis.literal("-12-31").substr(period.length() - 4)


def _broken(source: Source, beside: ibis.Table, base: str, rules: list[_Rule]) -> list[Problem]:
    """Count the breaches of all rules in one query; fetch values and lines only of rules that are broken."""
    breaches = {str(i): beside.count(where=rule.bad) for i, rule in enumerate(rules)}
    counted = beside.aggregate(rows=beside.count(), kinds=beside[KIND].nunique(), **breaches).to_pandas().iloc[0]
    if not counted["rows"]:
        empty = Problem(source.file, "", "holds no rows", remedy="Export it again, or take the file away.")
        return [] if source.problems else [empty]
    problems = [
        _problem(source, rule, _fetch(beside, [column + AS_WRITTEN for column in rule.columns], rule.bad))
        for i, rule in enumerate(rules)
        if counted[str(i)]
    ]
    if counted["kinds"] > 1 and base != "benchmark":
        rule = _Rule(("period",), beside[KIND].notnull(), "stand side by side", "Write one kind of period in a table.")
        problems.append(_problem(source, rule, _fetch(beside, [KIND], rule.bad)))
    return problems


def _repeated(source: Source, beside: ibis.Table, held: Mapping[str, int], base: str) -> list[Problem]:
    """Refuse a table that says a cell twice; in counts, columns that the kit does not read tell cells apart too."""
    by_dimension, keys = TABLES[base].by_dimension, [column for column in held if column not in (*NUMBERS, "source")]
    if by_dimension and ("person" in held or not {"count", "users"} & set(held)):
        return []
    keys += ["days"] * ("days" in held)
    apart = [column for column in beside.columns if column.startswith(UNREAD)] if by_dimension else []
    found = _fetch(beside, [column + AS_WRITTEN for column in keys], True, apart, more_than=1)
    if found.empty:
        return []
    remedy = "Each cell of a table stands once: add the rows up, or take one away."
    return [Problem(source.file, "", "stands more than once", _values(source, keys, found), remedy)]


def _fetch(
    beside: ibis.Table, shown: list[str], bad: ibis.Value | bool, apart: Sequence[str] = (), more_than: int = 0
) -> pd.DataFrame:
    """Return the most frequent values, their rows and the first of these, and the rows of all such values."""
    numbered = beside.mutate(row=ibis.row_number()).filter(bad)
    found = numbered.group_by([*shown, *apart]).agg(rows=numbered.count(), first=numbered.row.min())
    found = found.filter(found.rows > more_than).select(*shown, "rows", "first")
    return found.mutate(all=found.rows.sum().over()).order_by(ibis.desc("rows"), "first").limit(SHOWN).to_pandas()


def _problem(source: Source, rule: _Rule, found: pd.DataFrame) -> Problem:
    strange = [text for text in found.iloc[:, len(rule.columns) - 1].dropna() if text not in rule.known]
    hints = dict.fromkeys(nearest(text, rule.known) for text in strange)
    remedy = " ".join(filter(None, [*hints, rule.remedy]))
    return Problem(source.file, " and ".join(rule.columns), rule.rule, _values(source, rule.columns, found), remedy)


def _values(source: Source, columns: Sequence[str], found: pd.DataFrame) -> tuple[tuple[str, int, int | None], ...]:
    lines, values = source.lines(), []
    for *texts, rows, first, _ in found.itertuples(index=False):
        said = ["empty" if pd.isna(text) else _quoted(text) for text in texts]
        named = said if len(columns) == 1 else [f"{column} {text}" for column, text in zip(columns, said, strict=True)]
        values.append((", ".join(named), int(rows), lines[first] if first < len(lines) else None))
    others = int(found["all"].iloc[0] - found["rows"].sum())
    return (*values, *([("other values", others, None)] if others else []))


def _quoted(text: str) -> str:
    return repr(text if len(text) <= LONGEST else f"{text[:LONGEST]}...")
