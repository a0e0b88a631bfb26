"""Sentences on recruitment: which step passes whom, in all vacancies and in the same ones, with both denominators."""

import pandas as pd

from divimpact.disclosure import COUNTS, SafeTable
from divimpact.phrases import Text, decimal, in_points, lines, listed, persons, points
from divimpact.wording import as_text, both, concluded, group_of, like, p_of, places, shown, step_of

OVERALL = "overall"
TOGETHER = "All vacancies together and the same vacancies give different answers for"
BOTH = ("impact_ratio", "impact_ratio_pooled", "crude_over_pooled")
RATES = {
    "to overall rate": "at the rate of all who declared",
    "to equality": "at the rate of the reference group",
    "to four fifths": "at four fifths of that",
}
OFTEN = {"lower": "less often than", "higher": "more often than"}
SPLIT = {
    "gap_from_rates": "from how the same vacancies pass the two groups",
    "gap_from_composition": "from which vacancies they apply to",
}


def overall(table: SafeTable) -> Text:
    """Say how recruitment as a whole passes each group: all vacancies together, and within the same ones.

    Groups of which the two conclude differently come first. ``table`` holds the rows of `funnel.stages` and, where the
    vacancies are known, those of `pooling.pooled`.
    """
    rows = shown(table)
    ratios = _compared(rows, "impact_ratio")
    said = [_both_ways(row, rows) for row in ratios[ratios["stage"] == OVERALL].itertuples()]
    return as_text(
        _different_first(said), table.where(measure=BOTH, stage=OVERALL), "No two groups can be compared here."
    )


def in_short(table: SafeTable) -> Text:
    """Say in a sentence for each group how recruitment as a whole passes it, without numbers; rows as in `overall`."""
    rows = shown(table)
    ratios = _compared(rows, "impact_ratio")
    said = [_shortly(row, rows) for row in ratios[ratios["stage"] == OVERALL].itertuples()]
    return Text(lines(_different_first(said)))


def stages(table: SafeTable) -> Text:
    """Say which steps pass groups differently, and at which the data cannot tell; rows as in `overall`."""
    rows = shown(table)
    ratios = _compared(rows, "impact_ratio")
    ratios, repeated = _apart(ratios)
    clear = [{row.verdict, _inside(row, rows)} - {"cannot_tell", None} for row in ratios.itertuples()]
    decided = ratios[[bool(each) for each in clear]]
    said = _different_first([_both_ways(row, rows) for row in decided.itertuples()])
    for dimension, compared in ratios.groupby("dimension", sort=False):
        unclear = compared[~compared.index.isin(decided.index)]
        if len(unclear):
            said.append(
                f"{dimension.capitalize()}: in {len(unclear)} of {len(compared)} comparisons with group "
                f"“{compared['reference'].iloc[0]}” the data cannot tell whether the rates differ: {places(unclear)}."
            )
    for (dimension, stage), own in repeated.groupby(["dimension", "stage"], sort=False):
        groups = listed(f"“{group}”" for group in own["group"])
        said.append(
            f"{dimension.capitalize()}: at “{stage}” the counts of {groups} are those above, and so is the answer."
        )
    return as_text(said, table.where(measure=BOTH), "No two groups can be compared here.")


def shortfall(table: SafeTable) -> Text:
    """Say how many more of a group would have passed at three other rates, where fewer passed than chance explains.

    Where fewer passed only because of which vacancies they apply to, nothing is said; rows as in `overall`.
    """
    rows = shown(table)
    ratios = _compared(rows, "impact_ratio")
    ratios = pd.concat([_apart(ratios)[0], ratios[ratios["stage"] == OVERALL]])
    said = []
    for row in ratios[ratios["verdict"] == "lower"].itertuples():
        held = rows[_like(rows, row, "shortfall")].set_index("detail")["estimate"]
        many = [f"{persons(held[detail])} {rate}" for detail, rate in RATES.items() if held.get(detail, 0) >= 0.5]
        if many and _inside(row, rows) in (None, "lower"):
            said.append(f"{step_of(row)} would have passed so many more in {group_of(row)}: {listed(many)}.")
    return Text(lines(said))


def contributions(table: SafeTable) -> Text:
    """Say at which steps the gap between a group and its reference opens and closes, in points that add up."""
    rows = shown(table)
    rows = rows[rows["measure"] == "rate_contribution"]
    said = []
    for row in rows[rows["stage"] == OVERALL].itertuples():
        own = rows[(rows["dimension"] == row.dimension) & (rows["group"] == row.group) & (rows["stage"] != OVERALL)]
        parts = {f"at “{stage}”": size for stage, size in zip(own["stage"], own["estimate"], strict=True)}
        gap = f"{step_of(row)} passes {both(row)}, a gap of {points(row.estimate)}"
        said.append(f"{gap}: {in_points(parts)}." if any(parts.values()) else f"{gap}.")
    return as_text(said, table, "Where on the way a gap opens cannot be told here.")


def within(table: SafeTable) -> Text:
    """Say what of each gap comes from the same vacancies and what from which ones people apply to, and on how many.

    Vacancies that tell nothing are left out of that number. ``table`` holds the rows of `pooling.pooled` and
    `pooling.gap_split`.
    """
    rows = shown(table)
    pooled = _compared(rows, "impact_ratio_pooled")
    said = [_in_vacancies(row, rows) for row in pooled[pooled["stage"] == OVERALL].itertuples()]
    of_these = table.where(measure=["impact_ratio_pooled", "informative_strata", "homogeneity", "gap", *SPLIT])
    nothing = "Without vacancies, or with too few of them, this cannot be told."
    return as_text([*filter(None, said)], of_these, nothing)


def title_of_stages(table: SafeTable) -> str:
    """Name the stages at which groups fare differently, for the title of a figure."""
    found = _compared(shown(table), "impact_ratio")
    found = found[found["verdict"] != "cannot_tell"]
    steps = found[found["stage"] != OVERALL]
    if len(steps) == 1:
        row = next(steps.itertuples())
        return (
            f"“{row.stage}” is reached {decimal(row.estimate)} times as often by “{row.group}” as by “{row.reference}”"
        )
    if len(steps):
        return f"Groups fare differently at {listed(f'“{stage}”' for stage in steps['stage'].unique())}"
    if len(found):
        return "Groups fare differently overall, at no single stage for certain"
    return "At no stage can these numbers tell a difference from none"


def title_of_ratios(table: SafeTable) -> str:
    """Name the groups for which all vacancies together and the same vacancies differ; else the stages."""
    rows = shown(table)
    ratios = _compared(rows, "impact_ratio")
    differing = [row.group for row in ratios[ratios["stage"] == OVERALL].itertuples() if _both_ways(row, rows)[0]]
    if differing:
        return f"Within the same vacancies the answer is another one for {listed(f'“{group}”' for group in differing)}"
    return title_of_stages(table)


def title_of_contributions(table: SafeTable) -> str:
    """Name the gap of one group and the stage at which most of it opens or closes, for the title of its figure."""
    rows = shown(table)
    rows = rows[rows["measure"] == "rate_contribution"]
    for row in rows[rows["stage"] == OVERALL].itertuples():
        steps = rows[rows["stage"] != OVERALL]
        most = steps.loc[[steps["estimate"].abs().idxmax()]] if len(steps) else steps
        at = [f"; {points(step.estimate)} at “{step.stage}”" for step in most.itertuples()]
        return f"{row.group}: {points(row.estimate)} beside “{row.reference}”{''.join(at)}"
    return "Where on the way a gap opens is hidden or unknown"


def _compared(rows: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Return the ratios from which something is concluded."""
    return rows[(rows["measure"] == measure) & rows["verdict"].notna()]


def _apart(ratios: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the steps, without those that count and conclude the same as recruitment as a whole; and these."""
    on = ["dimension", "group", *COUNTS, "verdict"]
    overall = ratios["stage"] == OVERALL
    steps, whole = ratios[~overall], ratios.loc[overall, on].drop_duplicates()
    same = (steps[on].merge(whole, on=on, how="left", indicator=True)["_merge"] == "both").to_numpy()
    return steps[~same], steps[same]


def _inside(row: tuple, rows: pd.DataFrame) -> str | None:
    """Return what is concluded of the same comparison within vacancies, if anything."""
    found = like(rows, row, "impact_ratio_pooled", "stage")
    return found.verdict if found and pd.notna(found.verdict) else None


def _both_ways(row: tuple, rows: pd.DataFrame) -> tuple[bool, str]:
    """Say how a step passes a group, together and in the same vacancies, and whether the two conclude differently."""
    crude = f"{step_of(row)} passes {both(row)}. The ratio is {concluded(row)}."
    if not (verdict := _inside(row, rows)):
        return False, crude
    inside, mixed = (like(rows, row, measure, "stage") for measure in ("impact_ratio_pooled", "crude_over_pooled"))
    within = f"Within the same vacancies it is {concluded(inside)}"
    if verdict == row.verdict:
        return False, f"{crude} {within}: the same answer."
    if not mixed or mixed.verdict != "disagree":
        return False, f"{crude} {within}."
    return True, f"{TOGETHER} {group_of(row)}. {crude} {within}. What differs is which vacancies they apply to."


def _shortly(row: tuple, rows: pd.DataFrame) -> tuple[bool, str]:
    """Say who is passed more often, all together and in the same vacancies where these differ, and whether they do."""
    group, other = group_of(row), f"group “{row.reference}”"
    verdicts = {"in all vacancies together": row.verdict, "in the same vacancies": _inside(row, rows)}
    clear = [f"{OFTEN[verdict]} {other} {where}" for where, verdict in verdicts.items() if verdict in OFTEN]
    unclear = [f"{where} the numbers cannot tell" for where, verdict in verdicts.items() if verdict not in OFTEN]
    if _both_ways(row, rows)[0]:
        ways = "; ".join([*clear, *unclear])
        return True, f"Recruitment passes {group} {ways}. What decides is which vacancies people apply to."
    if row.verdict in OFTEN:
        return False, f"Recruitment passes {group} {OFTEN[row.verdict]} {other}."
    return False, f"Whether recruitment passes {group} as often as {other}, the numbers cannot tell."


def _different_first(said: list[tuple[bool, str]]) -> list[str]:
    return [text for differ in (True, False) for disagree, text in said if disagree == differ]


def _in_vacancies(row: tuple, rows: pd.DataFrame) -> str:
    """Say how the gap of a group splits, how many vacancies tell how they pass it, and whether they are alike."""
    number, alike, gap = (like(rows, row, measure, "stage") for measure in ("informative_strata", "homogeneity", "gap"))
    parts = {text: like(rows, row, measure, "stage") for measure, text in SPLIT.items()}
    said = []
    if gap and all(parts.values()):
        sizes = {text: part.estimate for text, part in parts.items()}
        split = in_points(sizes) if any(sizes.values()) else "nothing"
        whole = f"{step_of(row)} passes {both(gap)}"
        said.append(f"{whole}. Of this gap of {points(gap.estimate)}: {split}.")
    if said and number:
        rest = "to which both applied, and in which some passed and some did not"
        said.append(f"The first part rests on {number.estimate:,.0f} vacancies {rest}.")
    if said and alike and alike.p_value < 0.05:
        said.append(f"It is a mean: vacancies differ in it more than chance explains ({p_of(alike)}).")
    return " ".join(said)


def _like(rows: pd.DataFrame, row: tuple, measure: str) -> pd.Series:
    same = (rows["dimension"] == row.dimension) & (rows["group"] == row.group) & (rows["stage"] == row.stage)
    return same & (rows["measure"] == measure)
