"""Words on shares beside benchmarks: how far, whether by chance, and which rules call for a closer look."""

import math

import pandas as pd

from divimpact.codes import ANSWERED, ENDS, REASONS, TRIGGERS
from divimpact.disclosure import SafeTable
from divimpact.phrases import Grid, Text, chance, decimal, lines, percent, persons, waited
from divimpact.schema import years
from divimpact.wording import (
    entry,
    group_of,
    known_name,
    latest,
    like,
    limited,
    member_of,
    of_city,
    of_unit,
    reference_last,
    why_hidden,
    with_limits,
)

BESIDE = ("benchmark", "detail")
CALLS = {"triggered": "calls for a closer look", "not_triggered": "does not"}


def representation(table: SafeTable, benchmark: pd.DataFrame) -> Text:
    """Say how each group's share stands to each of the city's benchmarks in the latest period."""
    rows, said = table.frame, []
    ratios = _ratios(rows)
    for row in ratios[~ratios["suppressed"] & ratios["estimate"].notna()].itertuples():
        gap = _gap(like(rows, row, "gap_persons", *BESIDE))
        who = "those who answered" if row.detail == ANSWERED else "staff"
        said.append(
            f"In {row.period} the share of {group_of(row)} among {who} is {limited(row)} times its share of the "
            f"benchmark {_named(row, benchmark)}{f', {gap} than at that share' * bool(gap)}."
        )
    hidden = f"How these groups stand to their benchmarks is hidden: {why_hidden(table)}."
    return Text(lines(said) or (hidden if len(ratios) else "No benchmark fits these groups."))


def compared(table: SafeTable, progress: SafeTable, benchmark: pd.DataFrame) -> Text:
    """List how far each share is from each benchmark in the latest period, and when it would meet it.

    ``progress`` holds the shares and the years to parity; of groups and grades that no benchmark fits there is nothing.
    """
    rows = pd.concat([table.frame, progress.where(measure="years_to_parity").frame], ignore_index=True)
    beside = [_beside(row, rows, benchmark) for row in reference_last(_ratios(rows), progress.frame).itertuples()]
    caption = with_limits("Shares beside benchmarks", table.where(measure="representation_ratio"))
    return Grid(caption, beside) if beside else Text("No benchmark fits these groups.")


def judged(table: SafeTable, progress: SafeTable, benchmark: pd.DataFrame) -> Text:
    """List what chance and rules say of each share beside each benchmark, in the latest period; as `compared`."""
    rows = table.frame
    beside = [_judged(row, rows, benchmark) for row in reference_last(_ratios(rows), progress.frame).itertuples()]
    return Grid("What chance and rules say of the distance", beside) if beside else Text("")


def _ratios(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the ratios to the benchmarks as stated, in the latest period."""
    ratios = rows[(rows["measure"] == "representation_ratio") & rows["benchmark"].notna()]
    return latest(ratios[~ratios["detail"].str.contains("benchmark", na=False)])


def _beside(row: tuple, rows: pd.DataFrame, benchmark: pd.DataFrame) -> dict[str, str]:
    """Return how far one share is from one benchmark."""
    ends = [like(rows, row._replace(detail=detail), row.measure, *BESIDE) for detail in reversed(ENDS.values())]
    known = all(end and not end.suppressed for end in ends)
    return {
        "group": member_of(row),
        "benchmark": _named(row, benchmark),
        "share over that of the benchmark": entry(row),
        "at the ends of its range": " to ".join(decimal(end.estimate) for end in ends) if known else "–",
        "persons beside it": "hidden" if row.suppressed else _gap(like(rows, row, "gap_persons", *BESIDE)) or "–",
        "years to meet it at the pace so far": _met(row, like(rows, row, "years_to_parity", "benchmark")),
    }


def _judged(row: tuple, rows: pd.DataFrame, benchmark: pd.DataFrame) -> dict[str, str]:
    """Return what chance and rules say of one share beside one benchmark."""
    tested, held = like(rows, row, "expected_persons", *BESIDE), like(rows, row, "benchmarks_not_rejected")
    return {
        "group": member_of(row),
        "benchmark": _named(row, benchmark),
        "could chance explain it": "–" if not tested or pd.isna(tested.p_value) else _by_chance(tested.p_value),
        "benchmarks at which chance could": _held(held),
        **{text: _called(row, rows, rule) for rule, text in TRIGGERS.items()},
    }


def _named(row: tuple, benchmark: pd.DataFrame) -> str:
    """Name a benchmark with its year and its share of the group."""
    known = benchmark[(benchmark["name"] == row.benchmark) & (benchmark["dimension"] == row.dimension)]
    known = known[(known["group"] == row.group) & (years(known["period"]) <= years([row.period])[0])]
    known = of_city(known)[lambda found: found["grade"] == known_name(getattr(row, "grade", ""))]
    for latest_ in known.sort_values("period").tail(1).itertuples():
        return f"“{row.benchmark}” ({percent(latest_.share)} in {latest_.period})"
    return f"“{row.benchmark}”"


def _gap(gap: tuple | None) -> str:
    if gap is None or pd.isna(gap.estimate):
        return ""
    return f"{persons(abs(gap.estimate))} {'fewer' if gap.estimate < 0 else 'more'}"


def _by_chance(p: float) -> str:
    return f"{'hardly' if p < 0.05 else 'yes'} ({chance(p)})"


def _called(row: tuple, rows: pd.DataFrame, rule: str) -> str:
    """Say whether a rule calls for a closer look, and at which end of the benchmark it says otherwise."""
    found = {
        detail: like(rows[rows["rule"] == rule], row._replace(detail=detail), "benchmark_trigger", *BESIDE)
        for detail in (row.detail, *reversed(ENDS.values()))
    }
    said = {detail: CALLS[one.verdict] for detail, one in found.items() if one and not one.suppressed}
    if row.detail not in said:
        return "–"
    turned = [end for end, detail in reversed(ENDS.items()) if said.get(detail, said[row.detail]) != said[row.detail]]
    return said[row.detail] + "".join(f"; {said[ENDS[end]]} at its {end} end" for end in turned)


def _held(held: tuple | None) -> str:
    if held is None or held.suppressed or pd.isna(held.conf_low):
        return "–" if held is None or not held.suppressed else "hidden"
    return f"{percent(held.conf_low)} to {percent(held.conf_high)}"


def _met(ratio: tuple, wait: tuple | None) -> str:
    if wait is None or wait.suppressed or pd.isna(wait.estimate):
        return entry(wait)
    if math.isinf(wait.estimate) and ratio.estimate > 1:
        return "it is above and moves away"
    return "met" if not wait.estimate else entry(wait, waited) if not math.isinf(wait.conf_low) else "never"


def not_compared(benchmarks: pd.DataFrame, of: int) -> Text:
    """Name the benchmarks that no share met, out of ``of``; where there are none, say nothing."""
    later = "no share of it at the end of that period or later is known here"
    said = [
        f"Not compared: the benchmark “{row.benchmark}” of {row.period}, {percent(row.share)}, for {group_of(row)}; "
        f"{REASONS['single unit'] if of_unit(row) else later}."
        for row in benchmarks.rename(columns={"name": "benchmark"}).itertuples()
    ]
    return Text(lines(said) or "Every benchmark is compared." * bool(of))
