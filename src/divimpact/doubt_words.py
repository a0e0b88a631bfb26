"""Sentences on what numbers of applications can tell: rules side by side, power, one person, the undeclared, time."""

import pandas as pd

from divimpact.codes import CONCLUSIONS, RULES
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, decimal, lines, listed, odds, percent, points
from divimpact.wording import as_text, both, concluded, counted, group_of, like, limited, p_of, places, shown, step_of

OVERALL = "overall"
CALLS = ("lower", "triggered")  # verdicts that call for a closer look
WAYS = {  # in which an application ends, and that it has not
    "rejected": "rejected",
    "withdrawn": "withdrawn by the applicants",
    "declined": "offers declined",
    "not stated": "ended in a way that is not stated",
    "undecided": "not decided yet",
}


def rules(table: SafeTable) -> Text:
    """Set the test and two rules of thumb side by side: where each calls for a closer look."""
    rows = _of_compared(shown(table))
    said = []
    for rule in ("fisher_holm", "two_standard_deviations", "four_fifths"):
        asked = rows[(rows["rule"] == rule) & rows["measure"].isin(["impact_ratio", "rate_difference_z", "shortfall"])]
        called = asked[asked["verdict"].isin(CALLS)]
        look = f"calls for a closer look: {places(called)}" if len(called) else "calls for no closer look"
        said += [f"The rule “{RULES[rule]}” {look}."] * bool(len(asked))
    return Text(lines(said))


def other_tests(table: SafeTable) -> Text:
    """Say how many comparisons were adjusted together, and where other tests conclude otherwise than Fisher's."""
    rows = shown(table)
    families = rows[rows["measure"] == "family"]
    many = [f"{size:,.0f} of {name}" for size, name in zip(families["estimate"], families["dimension"], strict=True)]
    asked = rows[(rows["measure"] == "impact_ratio_check") & rows["verdict"].notna()]
    other = [row for row in asked.itertuples() if _verdict(rows, row) not in (None, row.verdict)]
    told = [f"{_place(row)}: {RULES[row.rule]} says {row.verdict.replace('_', ' ')} ({p_of(row)})" for row in other]
    tests = listed([RULES[rule] for rule in asked["rule"].unique()])
    said = [f"Comparisons that are adjusted together: {listed(many)}."] * bool(many)
    said += [f"Other tests conclude otherwise than Fisher’s: {'; '.join(told)}."] * bool(told)
    said += [f"Wherever it can be asked, the conclusion of {tests} is that of Fisher’s test."] * bool(
        tests and not told
    )
    return Text(lines(said))


def references(table: SafeTable) -> Text:
    """Say what would be concluded on recruitment as a whole beside another reference group."""
    rows = shown(table)
    rows = rows[(rows["measure"] == "impact_ratio_other_reference") & (rows["stage"] == OVERALL)]
    asked = rows[rows["verdict"].notna()]
    clear = asked[asked["verdict"] != "cannot_tell"]
    said = [
        f"Beside group “{row.reference}” instead: {step_of(row).lower()} passes {both(row)}. The ratio is "
        f"{concluded(row)}."
        for row in clear.itertuples()
    ]
    unclear = f"In {len(asked) - len(clear)} of {len(asked)} comparisons beside another reference the data cannot tell."
    return Text(lines([*said, *[unclear] * (len(clear) < len(asked))]))


def can_tell(table: SafeTable) -> Text:
    """Say what differences these numbers could show at all, in recruitment as a whole."""
    rows = _of_compared(shown(table))
    found = rows[(rows["measure"] == "power") & (rows["stage"] == OVERALL)]
    said = [_power(row, rows) for row in found.itertuples()]
    return as_text(said, table, "What these numbers could show is not known.")


def one_person(table: SafeTable) -> Text:
    """Say where one person more, fewer or different turns a comparison, or what a rule says of it."""
    rows = _of_compared(shown(table))
    turned = rows[(rows["measure"] == "turned_by_one") & (rows["verdict"] == "cannot_tell")]
    said = [_turned([*own.itertuples()]) for _, own in turned.groupby(["dimension", "stage"], sort=False)]
    changed = rows[rows["measure"] == "impact_ratio_one_person"]
    for rule, own in changed.groupby("rule", sort=False):
        verdicts = own.groupby(["dimension", "stage", "group"], sort=False)["verdict"].nunique()
        decided = verdicts[verdicts > 1].reset_index()
        said += [f"One person decides what is concluded by {RULES[rule]}: {places(decided)}."] * bool(len(decided))
    return Text(lines(said or ["Nowhere does one person decide."] * bool(len(changed))))


def undeclared(table: SafeTable) -> Text:
    """Say how far the ratios could move whoever the undeclared are: overall, and where a stage differs."""
    rows = shown(table)
    found = rows[(rows["measure"] == "impact_ratio_survival") & rows["verdict"].notna()]
    said = []
    for row in found.itertuples():
        own, low, high = (like(rows, row, f"impact_ratio{end}", "stage") for end in ("", "_low_bound", "_high_bound"))
        if not (own and low and high) or (row.stage != OVERALL and own.verdict == "cannot_tell"):
            continue
        passed = high.numerator - row.numerator
        silent = passed + low.denominator - row.denominator
        said.append(
            f"{step_of(row)} passes {both(row)}, and {passed:,} of {silent:,} who did not say. Without these the ratio "
            f"is {decimal(own.estimate)}, {CONCLUSIONS[own.verdict]}; whoever they are, it is between "
            f"{decimal(low.estimate)} and {decimal(high.estimate)}, {CONCLUSIONS[row.verdict]}."
        )
    return as_text(said, table, "Nobody is counted as undeclared here.")


def declared(table: SafeTable) -> Text:
    """Say how many declared of all who came in and of those who reached the end, and warn of asking too late."""
    rows = shown(table)
    shares = rows[rows["measure"] == "declared_share"]
    said = []
    for dimension, own in shares.groupby("dimension", sort=False):
        first, last = own[own["stage"] == OVERALL], own[own["stage"] != OVERALL].tail(1)
        told = [f"{_part(row)} of all who came in" for row in first.itertuples()]
        told += [f"{_part(row)} of those who reached “{row.stage}”" for row in last.itertuples()]
        said.append(f"Who declared their {dimension}: {', and '.join(told)}.")
    for row in rows[rows["verdict"] == "asked_later"].itertuples():
        said.append(
            f"{step_of(row)} passes {row.numerator:,} of {row.denominator:,} who did not say ({row.dimension}) and "
            f"{row.reference_numerator:,} of {row.reference_denominator:,} who did, fewer than chance would explain "
            f"({p_of(row)}): {CONCLUSIONS[row.verdict]}. If so, the rates of all groups there are too high."
        )
    return as_text(said, table)


def waiting(table: SafeTable) -> Text:
    """Say what became of applications by a day, those in progress counted as long as they were watched.

    ``table`` holds the rows of `waiting.by_day` and, for the counts of closed vacancies beside them, `funnel.stages`.
    """
    rows = shown(table)
    hired = rows[(rows["measure"] == "outcome_difference") & rows["detail"].str.startswith("hired")]
    said = []
    for gap in hired.itertuples():
        own, other = (_by_day(rows, gap, group, gap.detail) for group in (gap.group, gap.reference))
        if own and other:
            clear = "" if gap.conf_low > 0 or gap.conf_high < 0 else ", and the data cannot tell which is higher"
            said.append(
                f"Of applications of {group_of(gap)} {limited(own, percent)} are {gap.detail}, of those of group "
                f"“{gap.reference}” {limited(other, percent)}: {limited(gap, points)}{clear}.{_other_ways(rows, gap)}"
                f"{_closed(rows, gap)}"
            )
    of_these = table.where(measure=["outcome_by_day", "outcome_difference"])
    return as_text(said, of_these, "What became of applications by a day is not known here.")


def title_of_outcomes(table: SafeTable) -> str:
    """Say how many of the first group and of its reference are hired by the last day, for the title of a figure."""
    rows = shown(table)
    hired = rows[rows["detail"].str.startswith("hired")]
    by_last = hired[hired["detail"].isin(hired["detail"].tail(1))]
    for row in by_last[by_last["group"] != by_last["reference"]].head(1).itertuples():
        if other := like(rows, row._replace(group=row.reference), row.measure, "detail"):
            within = row.detail.removeprefix("hired ").capitalize()
            beside = f"{percent(other.estimate)} of “{row.reference}”"
            return f"{within}, {percent(row.estimate)} of “{row.group}” and {beside} are hired"
    return "How many are hired by a day is hidden or unknown"


def _power(row: tuple, rows: pd.DataFrame) -> str:
    """Say how likely a ratio would be found, which ones would be missed, and how many people it takes."""
    ends = (row._replace(detail=f"{end} parity") for end in ("below", "above"))
    low, high = (like(rows, end, "detectable_ratio", "stage", "detail") for end in ends)
    needed, ratio = like(rows, row, "people_needed", "stage", "detail"), row.detail.removeprefix("ratio ")
    text = (
        f"With {row.denominator:,} applications in {group_of(row)} and {row.reference_denominator:,} in group "
        f"“{row.reference}”, a ratio of {ratio} from the first stage to the last would be found in "
        f"{odds(row.estimate)} such recruitments."
    )
    if low and high:
        between = f"{decimal(low.estimate)} and {decimal(high.estimate)}"
        text += f" Ratios between {between} would be missed more than one time in five."
    elif high:
        text += " Even if nobody of the group passed, that would be missed more than one time in five."
    if needed and needed.estimate > row.denominator:
        text += f" To find {ratio} four times in five it takes {needed.estimate:,.0f} applications of the group, with "
        text += "as many of the other for each as there are now."
    return text


def _turned(rows: list[tuple]) -> str:
    """Say of which groups a step leaves open who is passed more often, all beside the same reference."""
    groups = [counted(row.numerator, row.denominator, row.group) for row in rows]
    reference = counted(rows[0].reference_numerator, rows[0].reference_denominator, rows[0].reference)
    return (
        f"{step_of(rows[0])} passes {listed([*groups, reference])}: one different person would reverse which rate is "
        "higher, so nothing can be concluded."
    )


def _other_ways(rows: pd.DataFrame, gap: tuple) -> str:
    when = gap.detail.removeprefix("hired within ")
    found = {}
    for way, text in WAYS.items():
        detail = f"{way} {'after' if way == 'undecided' else 'within'} {when}"
        own, other = (_by_day(rows, gap, group, detail) for group in (gap.group, gap.reference))
        if own and other:
            found[text] = f"{text} {percent(own.estimate)} beside {percent(other.estimate)}"
    return f" The others: {listed(found.values())}." if found else ""


def _closed(rows: pd.DataFrame, gap: tuple) -> str:
    """Say how many of the two groups were appointed in closed vacancies, which alone can be counted."""
    overall = gap._replace(stage=OVERALL) if "stage" in rows else gap
    counted = like(rows, overall, "impact_ratio", "stage")
    return f" In closed vacancies alone: {both(counted)} reached the last stage." if counted else ""


def _by_day(rows: pd.DataFrame, gap: tuple, group: str, detail: str):
    return like(rows, gap._replace(group=group, detail=detail), "outcome_by_day", "detail")


def _of_compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of groups of which something is concluded: not those of the undeclared."""
    ratios = rows[(rows["measure"] == "impact_ratio") & rows["verdict"].notna()]
    return rows.merge(ratios[["dimension", "group"]].drop_duplicates())


def _verdict(rows: pd.DataFrame, row: tuple) -> str | None:
    found = like(rows, row, "impact_ratio", "stage")
    return found.verdict if found and pd.notna(found.verdict) else None


def _place(row: tuple) -> str:
    return f"“{row.group}” {'overall' if row.stage == OVERALL else f'at “{row.stage}”'}"


def _part(row: tuple) -> str:
    return f"{row.numerator:,} of {row.denominator:,} ({percent(row.estimate)})"
