"""Sentences on services: who used them, beside the reference group, or that it cannot be told."""

import pandas as pd

from divimpact.codes import CONCLUSIONS_OF_USE, RULES_OF_USE
from divimpact.disclosure import SafeTable
from divimpact.phrases import Text, decimal, lines, listed, percent, points
from divimpact.wording import as_text, both, complete, group_of, latest, like, limited, shown

SURE = 0.998  # the outer of two limits around the city
MODEL = ("median_odds_ratio", "vpc", "pcv")


def rates(table: SafeTable) -> Text:
    """Say, service by service, who used it and how that stands to the reference group, or that it cannot be told."""
    rows = shown(table)
    ratios = rows[rows["measure"] == "uptake_ratio"].itertuples()
    what = {"uses": "possible uses"}
    said = [
        f"{row.service} in {row.period}: {both(row, what.get(row.detail, row.detail))}; the ratio is {limited(row)}."
        for row in ratios
    ]
    return as_text([*said, *_without_eligible(table)], table, "No two groups can be compared here.")


def unmet(table: SafeTable) -> Text:
    """Say how many more of a group would use each service at the reference group's rate, or how many fewer."""
    rows = complete(table)
    said = []
    for _, own in rows[rows["measure"] == "unmet_persons"].groupby(["period", "dimension", "group"], sort=False):
        first, used = next(own.itertuples()), rows[rows["measure"] == "uptake"]
        what = {row.service: row.detail for row in used[used["period"] == first.period].itertuples()}
        many = [
            f"{abs(row.estimate):,.0f} {'more' if row.estimate >= 0 else 'fewer'} {what.get(row.service, 'people')} "
            f"of {row.service}"
            for row in own.itertuples()
        ]
        said.append(
            f"If {group_of(first)} used each service as often as group “{first.reference}”, {first.period} would have "
            f"seen {listed(many)}."
        )
    return Text(lines(said))


def screened(table: SafeTable) -> Text:
    """Say in which services use of groups differs from the reference group's by more than chance, and where not."""
    rows = complete(table)
    found = rows[(rows["measure"] == "uptake_ratio_screened") & rows["verdict"].notna()]
    said = []
    for (period, dimension), own in found.groupby(["period", "dimension"], sort=False):
        kinds = {"lower": "lower", "higher": "higher", "cannot_tell": "not to be told from the reference group's"}
        parts = [
            f"{len(of)} {'is' if len(of) == 1 else 'are'} {kind} ({_by_group(of, own['service'].nunique())})"
            for verdict, kind in kinds.items()
            if len(of := own[own["verdict"] == verdict])
        ]
        said.append(
            f"{dimension.capitalize()} in {period}: of {len(own)} rates of use beside that of group "
            f"“{own['reference'].iloc[0]}”, {listed(parts)}."
        )
    return as_text(said, table, "Without a reference group that is known, services cannot be screened.")


def _by_group(rows: pd.DataFrame, all_of: int) -> str:
    """Name services group by group, in their order; where it is all of them, say so."""
    groups = rows.groupby("group", sort=False)["service"]
    named = [(group, list(services)) for group, services in groups]
    every = f"all {all_of} services"
    return "; ".join(f"“{group}”: {every if 1 < all_of == len(of) else listed(of)}" for group, of in named)


def like_for_like(table: SafeTable) -> Text:
    """Say how use in the same districts compares, beside all together, and what of the gap is where people live."""
    rows = complete(table)
    said = []
    for row in rows[rows["measure"] == "uptake_ratio_pooled"].itertuples():
        crude = (row.numerator / row.denominator) / (row.reference_numerator / row.reference_denominator)
        gap, rates, lives, simpson = (
            like(rows, row, measure, "service")
            for measure in ("uptake_gap", "uptake_gap_from_rates", "uptake_gap_from_composition", "simpson")
        )
        text = (
            f"{row.service} in {row.period}: in the same districts use by group “{row.group}” is {limited(row)} times "
        )
        text += f"that of group “{row.reference}”, in all together {decimal(crude)} times."
        if gap and rates and lives:
            text += f" Of the gap of {points(gap.estimate)}, {points(rates.estimate)} are found in the same districts"
            text += f" and {points(lives.estimate)} come from where people live."
        if simpson and simpson.verdict == "reversed":
            text += " Whoever looks only at all together sees the opposite of what the same districts show."
        said.append(text)
    return as_text(said, table, "Without districts it cannot be told how much of a gap comes from where people live.")


def around_city(table: SafeTable) -> Text:
    """Say of each service how many districts lie beyond limits around the city, and whether that is more than usual."""
    rows = complete(table)
    places = rows[(rows["measure"] == "uptake_around_city") & rows["verdict"].notna()]
    said = []
    for _, own in places.groupby(["period", "service", "dimension", "group"], sort=False):
        widths = [f"{100 * level:g}\N{NO-BREAK SPACE}%" for level in own["confidence"].unique()]
        inner, outer = own[own["confidence"] != SURE], own[own["confidence"] == SURE]
        row, far = next(own.itertuples()), [(of["verdict"] != "within").sum() for of in (inner, outer)]
        far = [number or "none" for number in far]
        city = percent(row.reference_numerator / row.reference_denominator)
        text = f"{row.service} in {row.period}, {group_of(row)}: {far[0]} of {len(inner)} districts lie beyond the "
        text += f"limits at {widths[0]} around the city's {city}, {far[1]} beyond those at {widths[1]}."
        spread = like(rows, row, "overdispersion", "service")
        if spread and spread.estimate > 1:
            text += f" The variance of rates is {spread.estimate:.1f} times that of chance alone; the limits allow "
            text += "for that."
        said.append(text)
    return as_text(said, table, "Without districts none can be set beside the city.")


def strata(table: SafeTable) -> Text:
    """Say how much use differs between combinations of district and group, and what is more than the two added up."""
    rows = complete(table)
    said = []
    for (period, service), own in rows[rows["measure"].isin(MODEL)].groupby(["period", "service"], sort=False):
        null = {row.measure: row for row in own[own["detail"].str.startswith("null model")].itertuples()}
        both_ways = {row.measure: row for row in own[~own["detail"].str.startswith("null model")].itertuples()}
        if "median_odds_ratio" not in null:
            continue
        text = (
            f"{service} in {period}: the odds of use in two combinations of district and group differ by a factor of "
        )
        text += (
            f"{limited(null['median_odds_ratio'])} in the median; {limited(null['vpc'], percent)} of all variance lies "
        )
        text += "between combinations."
        if "pcv" in both_ways:
            text += f" District and group added up explain {percent(max(both_ways['pcv'].estimate, 0))} of that."
        if "median_odds_ratio" in both_ways:
            text += f" What is left to single combinations is a factor of {limited(both_ways['median_odds_ratio'])}."
        said.append(text)
    return as_text(said, table, "Without districts it cannot be told how uneven use is over places and groups.")


def gaps(table: SafeTable) -> Text:
    """Say what the ratio of groups comes to from district to district, and where it would lie in one more."""
    rows = complete(table)
    said = []
    for row in rows[rows["measure"] == "uptake_ratio_typical"].itertuples():
        more = like(rows, row, "uptake_ratio_elsewhere", "service")
        text = f"{row.service} in {row.period}: district by district use by group “{row.group}” is on average "
        text += f"{limited(row)} times that of group “{row.reference}”"
        if more and pd.notna(more.conf_low):
            text += f"; in one more such district it would lie between {decimal(more.conf_low)} and "
            text += decimal(more.conf_high)
        said.append(f"{text}.")
    return Text(lines(said))


def codes(*tables: SafeTable) -> Text:
    """Say what the rules and verdicts mean that tables hold."""
    said = []
    for column, meanings in {"rule": RULES_OF_USE, "verdict": CONCLUSIONS_OF_USE}.items():
        held = {code for table in tables for code in complete(table)[column].dropna()}
        said += [f"{column.capitalize()} “{code}”: {text}." for code, text in meanings.items() if code in held]
    return Text(lines(said))


def title_of_places(table: SafeTable) -> str:
    """Count the rates of districts beyond the outer limits around the city, for the title of a figure."""
    rows = complete(table)
    outer = rows[(rows["measure"] == "uptake_around_city") & (rows["confidence"] == SURE) & rows["verdict"].notna()]
    if outer.empty:
        return "What districts have beside the city is hidden or unknown"
    far = (outer["verdict"] != "within").sum()
    return f"{far or 'None'} of {len(outer)} district rates {'lies' if far < 2 else 'lie'} clearly off the city's"


def title_of_strata(table: SafeTable) -> str:
    """Say how far the odds of use are apart between strata, for the title of a figure."""
    rows = complete(table)
    ratios = rows[(rows["measure"] == "median_odds_ratio") & (rows["detail"].str.startswith("null model"))]["estimate"]
    if ratios.empty:
        return "How uneven use is over districts and groups is hidden or unknown"
    low, high = decimal(ratios.min()), decimal(ratios.max())
    factor = low if low == high else f"{low} to {high}"
    return f"Between districts and groups the odds of use differ by a factor of {factor}"


def title_of_rates(table: SafeTable) -> str:
    """Count the services that clearly reach a group less than the reference group, for the title of a figure."""
    rows = shown(table)
    ratios = latest(rows[rows["measure"] == "uptake_ratio"])
    low, services = (found["service"].nunique() for found in (ratios[ratios["conf_high"] < 1], ratios))
    if not services:
        return "In no service can groups be compared"
    where = f"In {low} of {services} services" if services > 1 else "In the one service compared"
    if low:
        return f"{where} a group is clearly reached less than “{ratios['reference'].iloc[0]}”"
    if services > 1:
        return f"In none of {services} services is a group clearly reached less"
    return f"{where} no group is clearly reached less"


def _without_eligible(table: SafeTable) -> list[str]:
    """Name the services of which nothing can be told, as it is not known how many are eligible."""
    rows = table.frame.query("measure == 'uptake_ratio' and not suppressed")
    unknown = rows[rows[["denominator", "reference_denominator"]].isna().any(axis=1)]
    return [
        f"{listed(found['service'].unique())} in {period}: how many are eligible in group “{group}” or in group "
        f"“{reference}” is not known, so their use cannot be told."
        for (period, group, reference), found in unknown.groupby(["period", "group", "reference"], sort=False)
    ]
