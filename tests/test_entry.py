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
    representation,
    requirements,
    spans,
)
from divimpact.against_city import exact_limits
from divimpact.channels import brought
from divimpact.intervals import newcombe, wilson
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


def test_without_a_benchmark_the_sweep_is_still_told():
    city = read_city(ROOT / "data" / "published" / "west_lancashire")
    found = representation.shares(entrants.applicants(city, "ethnicity"))
    table = protected(benchmarks.sweep(found, [0.05]).assign(cells=[("a",)] * 8))
    assert said(entry_words.applicants(table))[0].endswith("it may be chance, beside another one hardly.")


# Before and after a change of what a stage asks for

APPLICATIONS = "period,origin,stage,count\n" + "\n".join(
    f"{period},{group},{stage},{count}"
    for period, group, stage, count in [
        ("2022", "none", "applied", 60),
        ("2022", "none", "shortlisted", 30),
        ("2022", "none", "appointed", 10),
        ("2022", "abroad", "applied", 70),
        ("2022", "abroad", "shortlisted", 20),
        ("2022", "abroad", "appointed", 10),
        ("2023", "none", "applied", 50),
        ("2023", "none", "shortlisted", 40),
        ("2023", "none", "appointed", 10),
        ("2023", "abroad", "applied", 40),
        ("2023", "abroad", "shortlisted", 40),
        ("2023", "abroad", "appointed", 20),
    ]
)
MEASURES = """measure,stage,start,service,district,unit
No language test,shortlisted,2023,,,
Coaches,,2023,,,
"""


@pytest.fixture
def changed(city_folder):
    return read_city(city_folder(CITY, applications=APPLICATIONS, measures=MEASURES))


def test_a_change_of_requirements_by_hand(changed):
    told = counts.applications(spans.since(changed, "2023"), "origin", by=["since 2023"])
    found = requirements.before_and_after(told, "No language test", "2023", "shortlisted")
    abroad = found[found["group"] == "abroad"].iloc[0]
    assert abroad[["numerator", "denominator", "reference_numerator", "reference_denominator"]].tolist() == [
        60,
        100,
        30,
        100,
    ]
    assert abroad["estimate"] == pytest.approx(0.3)
    assert abroad[["conf_low", "conf_high"]].tolist() == pytest.approx(newcombe(60, 100, 30, 100))
    assert len(found) == 3, "the reference and the undeclared have their rows"


def test_a_change_of_requirements_is_told_beside_the_time_before_and_no_review_lists_it(changed):
    told = counts.applications(spans.since(changed, "2023"), "origin", by=["since 2023"])
    found = requirements.before_and_after(told, "No language test", "2023", "shortlisted")
    first, second, *_ = said(entry_words.requirements(protected(found)))
    assert second == (
        "No language test, from 2023: the step to “shortlisted” passes 60 of 100 in group “abroad” (origin) (60.0 %), "
        "before it 30 of 100 (30.0 %): +30.0 points (95 % limits +16.3 points to +42.2 points)."
    )
    assert "“none”" in first and first.endswith(", and the data cannot tell whether it changed.")
    nothing = protected(found.assign(measure="other"))
    assert entry_words.requirements(nothing) == "No change of what a stage asks for is noted here."
    plan = disclosure.plan(*cells.publishable(changed), disclosure.Policy(min_count=5))
    with pytest.raises(ValueError, match="not among those the review may publish"):
        disclosure.protect(found, plan)
