"""Who applies, by which channel, and units beside the city: by hand, as published, and what must always hold."""

import numpy as np
import pandas as pd
import pytest
from conftest import CITY, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from test_words import BANNED, protected, said

from divimpact import (
    benchmarks,
    cells,
    counts,
    disclosure,
    entrants,
    entry_words,
    funnel,
    intersections,
    margins,
    representation,
    tally,
)
from divimpact.against_city import exact_limits
from divimpact.channels import brought
from divimpact.intervals import wilson
from divimpact.schema import read_city
from divimpact.units import around_city, number_beyond


def by(key, people, reference="here"):
    """A count table of the way as a whole: key, group, how many came in and were appointed."""
    table = pd.DataFrame(people, columns=[key, "group", "denominator", "numerator"])
    table = table.assign(dimension="origin", reference=reference, role="group", stage="overall")
    return table.assign(
        cells=[
            (f"{a} {g} out", f"{a} {g} in", f"{a} {g} lost") for a, g in zip(table[key], table["group"], strict=True)
        ]
    )


def together(parts):
    """The same people without the key."""
    held = ["group", "dimension", "reference", "role", "stage"]
    found = parts.groupby(held, sort=False, as_index=False)[["numerator", "denominator"]].sum()
    return found.assign(cells=[(f"{group} out", f"{group} in", f"{group} lost") for group in found["group"]])


CHANNELS = by(
    "channel",
    [("web", "abroad", 60, 3), ("web", "here", 100, 20), ("school", "abroad", 20, 4), ("school", "here", 25, 5)],
)
UNITS = by(
    "unit",
    [
        ("parks", "abroad", 100, 2),
        ("parks", "here", 100, 20),
        ("library", "abroad", 100, 28),
        ("library", "here", 100, 24),
    ],
)


# Channels


def test_shares_of_channels_by_hand():
    found = brought(CHANNELS, together(CHANNELS)).set_index(["channel", "group"])
    assert found.loc[("web", "abroad"), ["numerator", "denominator", "estimate"]].tolist() == [60, 80, 0.75]
    assert found.loc[("school", "here"), ["numerator", "denominator", "estimate"]].tolist() == [25, 125, 0.2]
    assert found.loc[("web", "abroad"), ["conf_low", "conf_high"]].tolist() == pytest.approx(wilson(60, 80))
    assert found.loc[("web", "abroad"), "cells"] == ("web abroad in", "abroad in"), "who was appointed is not in it"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 50), min_size=3, max_size=3))
def test_shares_of_the_channels_add_up_to_one(people):
    parts = by("channel", [(f"way {i}", "here", n, 0) for i, n in enumerate(people)])
    total = brought(parts, together(parts))["estimate"].sum(min_count=1)
    assert np.isnan(total) if sum(people) == 0 else total == pytest.approx(1)


def test_channels_are_told_beside_the_reference_and_in_what_they_carry():
    found = pd.concat([brought(CHANNELS, together(CHANNELS)), funnel.screen(CHANNELS, over="channel")])
    table = protected(found)
    assert said(entry_words.channels(table)) == [
        "Applications of group “abroad” (origin) come by: “web” 60 of 80 (75.0 %), beside 100 of 125 (80.0 %) in group "
        "“here”; “school” 20 of 80 (25.0 %), beside 25 of 125 (20.0 %) in group “here”."
    ]
    assert said(entry_words.carried(table)) == [
        "Of those who came by “web”, recruitment passes 3 of 60 in group “abroad” (5.0 %) and 20 of 100 "
        "in group “here” "
        "(20.0 %). The ratio is 0.25 (95 % limits 0.08 to 0.74), lower than chance would explain (adjusted p 0.019).",
        "Group “abroad” (origin) beside “here”: of those who came by “school” the data cannot tell "
        "whether chance explains "
        "the difference.",
    ]
    hidden = protected(found, hidden=["web abroad in"])
    assert "60 of 80" not in entry_words.channels(hidden) and "3 of 60" not in entry_words.carried(hidden)


def test_a_channel_by_which_nobody_came_since_counts_the_same_people():
    def name(until, **between):
        return tally.cell(
            "applications", {"channel": "web", "stage": "applied", **between, "until": until}, "o", "a", ""
        )

    ends = {name("2022"): 15.0, name("2023"): 15.0, name("2024"): 15.0}
    found = [*margins.across(ends | {name("2023", after="2022"): 0.0}, ())]
    assert [one[:2] for one in found] == [
        (name("2023"), (name("2022"), name("2023", after="2022"))),
        (name("2024"), (name("2023"),)),
    ]


# Units


def test_units_by_hand():
    found = around_city(UNITS, together(UNITS)).set_index(["unit", "group"])
    assert found.loc[("parks", "abroad"), "estimate"] == 0.02
    assert found.loc[("parks", "abroad"), ["reference_numerator", "reference_denominator"]].tolist() == [30, 200]
    assert found.loc[("parks", "abroad"), ["conf_low", "conf_high"]].tolist() == pytest.approx(exact_limits(0.15, 100))
    assert found["verdict"].to_dict() == {
        ("parks", "abroad"): "below",
        ("parks", "here"): "within",
        ("library", "abroad"): "above",
        ("library", "here"): "within",
    }
    number = number_beyond(found.reset_index()).set_index("group")
    assert number["estimate"].to_dict() == {"abroad": 2, "here": 0} and set(number["detail"]) == {"of 2 units"}
    assert "unit" not in number, "it names none"


def test_a_unit_without_applications_or_with_hidden_ones_is_not_counted():
    unknown = UNITS.assign(numerator=UNITS["numerator"].mask(UNITS["unit"] == "parks"))
    unknown = unknown.assign(denominator=unknown["denominator"].mask(unknown["unit"] == "parks"))
    found = around_city(unknown, together(UNITS))
    assert found.loc[found["unit"] == "parks", "verdict"].isna().all()
    assert set(number_beyond(found)["detail"]) == {"of 1 units"}


def test_of_units_that_are_like_the_city_few_lie_beyond_its_limits():
    rng = np.random.default_rng(4)
    people = rng.integers(20, 300, 4000)
    parts = by("unit", [(f"u{i}", "here", n, rng.binomial(n, 0.12)) for i, n in enumerate(people)])
    (number,) = number_beyond(around_city(parts, together(parts)))["estimate"]
    assert number / 4000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_units_are_counted_and_only_the_one_asked_for_is_named():
    found = pd.concat([around_city(UNITS, together(UNITS)), funnel.screen(UNITS)], ignore_index=True)
    public = protected(number_beyond(found))
    assert said(entry_words.number_beyond(public)) == [
        "Of group “abroad” (origin), 2 of 2 units pass more or fewer from the first stage to the last "
        "than chance leaves a "
        "unit beside the city.",
        "Of group “here” (origin), 0 of 2 units pass more or fewer from the first stage to the last than "
        "chance leaves a "
        "unit beside the city.",
        "1 of 2 units pass group “abroad” (origin) differently from group “here” within the unit, more "
        "than chance would "
        "explain.",
    ]
    own = protected(found[found["unit"] == "parks"])
    assert said(entry_words.own_view(own, "parks"))[0] == (
        "From the first stage to the last, parks passes 2 of 100 in group “abroad” (origin; 2.0 %), the "
        "city 30 of 200. "
        "With so many applications chance leaves a unit between 7.8 % and 22.8 %, so it passes fewer than "
        "chance explains."
    )
    assert said(entry_words.own_view(own, "parks"))[-1].startswith(
        "In parks, 2 of 100 in group “abroad” (2.0 %) and 20"
    )
    assert entry_words.own_view(own, "") == ""
    assert entry_words.own_view(own, "zoo") == "Of unit “zoo” nothing is known here, or nothing may be shown."
    texts = entry_words.number_beyond(public) + entry_words.own_view(own, "parks")
    assert not [word for word in BANNED if f" {word}" in texts.lower()]


# Who applies


def test_applicants_are_those_of_the_first_stage_and_rest_on_listed_counts():
    city = read_city(ROOT / "data" / "published" / "west_lancashire")
    plan = disclosure.plan(*cells.publishable(city), disclosure.Policy(**city.publication))
    # West Lancashire Borough Council 2019/20: 43 BME and 920 White applicants, 7 unknown
    found = representation.shares(entrants.applicants(city, "ethnicity"))
    market = pd.DataFrame({"name": "labour market", "dimension": "ethnicity", "group": ["BME"], "period": "2011"})
    market = market.assign(share=0.03)
    against = [look(found, market) for look in (benchmarks.against_benchmark, benchmarks.by_chance)]
    table = disclosure.protect(pd.concat([*against, benchmarks.sweep(found, [0.05])], ignore_index=True), plan)
    first, bme, _ = said(entry_words.applicants(table.where(group=["BME", "White"])))[:3]
    assert first.startswith(
        "Of those who applied and declared, 43 of 963 (4.5 %) are in group “BME” (ethnicity), 1.49 (95 % "
        "limits 1.11 to "
        "1.99) times the share of the benchmark “labour market”, which chance alone hardly explains (p 0.0"
    )
    assert bme.startswith("For group “White” (ethnicity): beside any benchmark from")


@pytest.mark.parametrize(
    ("low", "high", "said_of_it"),
    [
        (0.02, 0.03, "between its ends the ratio is 1.49 to 2.23, and the answer is the same at both."),
        # 43 of 963 are 4.5 %: beside 4 % that may be chance
        (0.02, 0.04, "between its ends the ratio is 1.12 to 2.23, and the answer is not the same at both."),
        (0.03, 0.03, ""),
    ],
)
def test_an_uncertain_benchmark_is_tried_at_both_ends(low, high, said_of_it):
    city = read_city(ROOT / "data" / "published" / "west_lancashire")
    found = representation.shares(entrants.applicants(city, "ethnicity"))
    market = {"name": "labour market", "dimension": "ethnicity", "group": ["BME"], "period": "2011", "share": 0.03}
    market = pd.DataFrame(market).assign(low=low, high=high)
    looks = benchmarks.against_benchmark, benchmarks.at_ends, benchmarks.over_range, benchmarks.by_chance
    table = pd.concat([look(found, market) for look in looks], ignore_index=True)
    (sentence,) = said(entry_words.applicants(protected(table)))
    assert sentence.partition("That benchmark is uncertain: ")[2] == said_of_it


def test_without_a_benchmark_the_sweep_is_still_told():
    city = read_city(ROOT / "data" / "published" / "west_lancashire")
    found = representation.shares(entrants.applicants(city, "ethnicity"))
    table = protected(benchmarks.sweep(found, [0.05]).assign(cells=[("a",)] * 8))
    assert said(entry_words.applicants(table))[0].endswith("the difference may be chance, beside others hardly.")


# Groups of two dimensions at once

TWICE = """period,origin,gender,stage,count
2024,none,men,applied,60
2024,none,men,appointed,20
2024,none,women,applied,70
2024,none,women,appointed,30
2024,abroad,men,applied,50
2024,abroad,men,appointed,10
2024,abroad,women,applied,36
2024,abroad,women,appointed,4
2024,not stated,women,applied,30
2024,not stated,women,appointed,20
"""
GENDER = '[dimensions.gender]\ngroups = ["men", "women"]\nreference = "men"\n\n[applications]'
BOTH = CITY.partition("[publication]")[0].replace("[applications]", GENDER)
SHOWN = "\n[publication]\nmin_count = 10\nwithout = []\n"


def crossed(folder):
    city = read_city(folder)
    plan = disclosure.plan(*cells.publishable(city), disclosure.Policy(**city.publication))
    ((one, other),) = counts.intersections(city)
    found = intersections.rates(counts.applications(city, one, by=[other]), other)
    return city, found, disclosure.protect(found, plan)


def test_two_dimensions_at_once_by_hand(city_folder):
    _, found, table = crossed(city_folder(BOTH + SHOWN, applications=TWICE))
    counted = found.set_index(["detail", "group"])
    assert counted.loc[("gender: women", "none"), ["numerator", "denominator", "estimate"]].tolist() == [30, 100, 0.3]
    assert counted.loc[("gender: men", "abroad"), ["conf_low", "conf_high"]].tolist() == pytest.approx(wilson(10, 60))
    # 4 of 40 are few; of 50 of 200 women all others, and 14 of 100 who were born abroad, would give them back
    hidden = {(row.detail[8:], row.group) for row in table.frame.query("suppressed").itertuples()}
    assert ("women", "abroad") in hidden and hidden & {("women", "none"), ("women", "not stated")}
    assert ("men", "abroad") in hidden


def test_everyone_among_women_is_known_as_all_women(city_folder):
    at = {"stage": "applied", "until": "2024"}
    women = tally.cell("applications", at, "gender", "women", "")
    among = tally.cell("applications", {"gender": "women", **at}, "origin", tally.EVERYONE, "")
    listed = cells.publishable(read_city(city_folder(BOTH + SHOWN, applications=TWICE)))
    assert [one for one in listed.sums if one.total == women and one.parts == (among,)]
    assert set(listed.frame.set_index("cell").loc[[women, among], "count"]) == {190}


def test_two_dimensions_at_once_are_told_as_counted(city_folder):
    _, found, _ = crossed(city_folder(BOTH + SHOWN, applications=TWICE))
    first, second = said(entry_words.intersections(protected(found.query("group == 'none' or group == 'abroad'"))))
    assert second == (
        "Of group “women” (gender), recruitment passes by origin, from the first stage to the last: 30 of 100 in "
        "“none”, 30.0 % (95 % limits 21.9 % to 39.6 %); 4 of 40 in “abroad”, 10.0 % (95 % limits 4.0 % to 23.1 %)."
    )
    assert "“men”" in first and "20 of 80 in “none”" in first


def test_of_two_dimensions_the_sensitive_one_is_counted_and_two_are_not_crossed(city_folder):
    one = BOTH.replace("[dimensions.gender]", "[dimensions.gender]\nsensitive = true")
    both = one.replace("[dimensions.origin]", "[dimensions.origin]\nsensitive = true")
    found = [
        counts.intersections(read_city(city_folder(config + end, applications=TWICE)))
        for config, end in ((BOTH, SHOWN), (one, SHOWN), (both, SHOWN), (BOTH, ""))
    ]
    assert found == [[("origin", "gender")], [("gender", "origin")], [], []], "and none where nothing is said"


def test_two_dimensions_at_once_are_hidden_where_too_few_declared_both(city_folder):
    config = BOTH.replace('reference = "men"', 'reference = "men"\nundeclared = "?"')
    # 200 of 330 declared their origin, 230 their gender: more than half; both 100
    rows = [("abroad", "men", 40), ("none", "women", 60), ("none", "?", 100), ("not stated", "women", 130)]
    lines = "".join(f"2024,{o},{g},{stage},{n // 2}\n" for o, g, n in rows for stage in ("applied", "appointed"))
    records = "period,origin,gender,stage,count\n" + lines
    _, _, table = crossed(city_folder(config + SHOWN + "declared = 0.5\n", applications=records))
    assert table.frame["suppressed"].all()
