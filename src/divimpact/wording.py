"""How a sentence is made from a protected table: what is shown of it, and numbers with their counts and limits."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from divimpact.codes import CONCLUSIONS, REASONS_OF_CHANGE
from divimpact.disclosure import COLUMNS, SafeTable
from divimpact.phrases import Grid, Text, chance, decimal, lines, listed, percent, points
from divimpact.schema import years

PROPORTIONS = {
    *("share", "grade_share", "pass_rate", "uptake", "projected_share", "milestone", "promotion_rate"),
    *("required_hire_share", "assumed_turnover", "required_at_turnover", "uptake_around_city", "stratum_uptake"),
    *("outcome_by_day", "outcome_on_the_way"),
}
DIFFERENCES = {"change", *REASONS_OF_CHANGE, "rate_contribution", "effect_at"}


def left_out(rows: pd.DataFrame) -> list[str]:
    """Say how many records were left out of each table, and why; not how many where that would tell a hidden count."""
    return [
        f"Some records of {row.table} are left out ({row.reason}); how many is hidden."
        if pd.isna(row.records)
        else f"Of {row.records:,.0f} records of {row.table}, {row.left_out:,.0f} are left out ({row.reason})."
        for row in rows.itertuples()
    ]


def hidden(table: SafeTable) -> str:
    """Say how many rows of a table are hidden, and why; nothing where none is."""
    if not (count := int(table.frame["suppressed"].sum())):
        return ""
    why = "they rest on counts that are small, would give a small one back, or too few declared"
    return f"{count:,} of {len(table):,} numbers are hidden: {why}."


def why_hidden(table: SafeTable) -> str:
    """Say for what reasons a number is hidden in this city."""
    gate = f"fewer than {percent(table.policy.declared)} declared" if table.policy.declared else ""
    small = "it would give small numbers of people away" if table.policy.min_count > 1 else ""
    return ", or ".join(filter(None, [small, gate]))


def describe(table: SafeTable, what: str, name: str) -> str:
    """Write the alt text of a figure: what it shows, then each shown value with its limits.

    ``name`` is a format that names a value by its row, such as ``"{0.period}, {0.group}"``.
    """
    rows = shown(table)
    measures = set(rows["measure"])
    number = percent if measures <= PROPORTIONS else points if measures <= DIFFERENCES else decimal
    values = "; ".join(f"{name.format(row)} {limited(row, number)}" for row in rows.itertuples())
    return " ".join(filter(None, [f"{what}.", f"{values}." if values else "", hidden(table)]))


def shown(table: SafeTable) -> pd.DataFrame:
    """Return the rows of a protected table that are shown and have a value; refuse any other table."""
    if not isinstance(table, SafeTable):
        raise TypeError(f"a {type(table).__name__} is not protected; words come from what disclosure.protect returns")
    frame = table.frame
    return frame[~frame["suppressed"] & frame["estimate"].notna()]


def complete(table: SafeTable) -> pd.DataFrame:
    """Return what is shown with all columns of the table contract, empty where the table has none."""
    return shown(table).reindex(columns=COLUMNS)


def as_text(said: list[str], table: SafeTable, nothing: str = "") -> Text:
    """Put sentences and the number of hidden rows into one text, or say that there is ``nothing`` to tell."""
    found = said if said or hidden(table) else [nothing]
    return Text(lines(filter(None, [*found, hidden(table)])))


def latest(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the last period of each group, grade and benchmark."""
    if "period" not in rows:
        return rows
    series = [key for key in ("dimension", "group", "grade", "benchmark") if key in rows]
    ends = pd.Series(years(rows["period"]), rows.index)
    return rows[ends == ends.groupby([rows[key] for key in series], dropna=False).transform("max")]


def reference_last(rows: pd.DataFrame, among: pd.DataFrame) -> pd.DataFrame:
    """Return rows with the groups that are compared first, in their order, and last those that others refer to."""
    held = among.reindex(columns=["dimension", "reference"]).dropna().drop_duplicates()
    last = pd.MultiIndex.from_frame(rows[["dimension", "group"]]).isin(pd.MultiIndex.from_frame(held))
    dimension = pd.Categorical(rows["dimension"], rows["dimension"].unique()).codes
    return rows.iloc[np.lexsort([last, dimension])]


def like(rows: pd.DataFrame, row: tuple, measure: str, *keys: str):
    """Return the row of another measure that has the same period, group and grade; None if it is hidden."""
    same = rows["measure"] == measure
    for key in ("period", "dimension", "group", "grade", *keys):
        if key in rows:
            value = getattr(row, key)
            same &= rows[key].isna() if pd.isna(value) else rows[key] == value
    return next(rows[same].itertuples(), None)


def both(row: tuple, what: str = "") -> str:
    sides = [
        (row.numerator, row.denominator, row.group),
        (row.reference_numerator, row.reference_denominator, row.reference),
    ]
    return " and ".join(counted(*side, what) for side in sides)


def counted(count: float, of: float, group: str, what: str = "") -> str:
    return f"{count:,} of {of:,} {f'{what} ' if what else ''}in group “{group}” ({percent(count / of)})"


def limited(row: tuple, number: Callable[[float], str] = decimal) -> str:
    """Write an estimate with its limits, where it has any."""
    if pd.isna(row.conf_low):
        return number(row.estimate)
    limits = f"{number(row.conf_low)} to {number(row.conf_high)}"
    return f"{number(row.estimate)} ({100 * row.confidence:g}\N{NO-BREAK SPACE}% limits {limits})"


def entry(row: tuple | None, number: Callable[[float], str] = decimal) -> str:
    """Write an estimate of a `Grid`, limits in brackets: hidden where it is, a dash where there is none."""
    if row is None or (pd.isna(row.estimate) and not row.suppressed):
        return "–"
    if row.suppressed:
        return "hidden"
    limits = "" if pd.isna(row.conf_low) else f" ({number(row.conf_low)} to {number(row.conf_high)})"
    return f"{number(row.estimate)}{limits}"


def with_limits(caption: str, table: SafeTable) -> str:
    """Say under what a `Grid` is about which limits stand in brackets, if any do."""
    levels = table.frame["confidence"].dropna().unique() if "confidence" in table.frame else []
    named = listed(f"{100 * level:g}" for level in sorted(levels))
    return f"{caption}, {named}\N{NO-BREAK SPACE}% limits in brackets" if named else caption


def side_by_side(caption: str, head: str, columns: Mapping[str, Mapping[str, str]]) -> Grid:
    """Set what is said of several things side by side, a column each, a row for each question."""
    questions = next(iter(columns.values()))
    return Grid(caption, [{head: one} | {name: said[one] for name, said in columns.items()} for one in questions])


def concluded(row: tuple) -> str:
    """Write a ratio of recruitment with its limits, and what is concluded from its p."""
    return f"{limited(row)}, {CONCLUSIONS[row.verdict]} ({p_of(row)})"


def p_of(row: tuple) -> str:
    adjusted = pd.notna(row.p_adjusted)
    return ("adjusted " if adjusted else "") + chance(row.p_adjusted if adjusted else row.p_value)


def group_of(row: tuple) -> str:
    """Name a group with its dimension and, where not all are meant, its unit and its grade."""
    unit, grade = getattr(row, "scope", getattr(row, "unit", None)), getattr(row, "grade", None)
    places = {"in unit": None if unit == "city" else unit, "in" if grade == "leadership" else "at grade": grade}
    named = [f" {place} {name}" for place, name in places.items() if pd.notna(name) and name]
    return f"group “{row.group}” ({row.dimension})" + "".join(named)


def of_unit(row: tuple) -> bool:
    """Whether a row of a table of the city, such as a target, is of a single unit."""
    return known_name(getattr(row, "scope", "")) not in ("", "city")


def of_city(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows for the whole city, with an empty grade for all grades."""
    frame = frame.assign(**frame.reindex(columns=["scope", "grade"]).astype("str").fillna(""))
    return frame[frame["scope"].isin(["", "city"])]


def known_name(name: object) -> str:
    """Return a name, empty where there is none."""
    return "" if pd.isna(name) else name


def member_of(row: tuple) -> str:
    """Name a group where it is plain that it is one."""
    return group_of(row).removeprefix("group ")


def step_of(row: tuple) -> str:
    """Name what passes people: the step to a stage, or recruitment as a whole."""
    return "From the first stage to the last, recruitment" if row.stage == "overall" else f"The step to “{row.stage}”"


def places(rows: pd.DataFrame) -> str:
    by_stage = rows.groupby("stage", sort=False)["group"]
    where = {stage: "overall" if stage == "overall" else f"at “{stage}”" for stage in rows["stage"]}
    return "; ".join(f"{listed(f'“{group}”' for group in groups)} {where[stage]}" for stage, groups in by_stage)
