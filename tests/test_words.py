"""Sentences and alt text: the process, the counts, both denominators, and "cannot tell"."""

import pandas as pd
import pytest

from divimpact import (
    benchmarks,
    disclosure,
    funnel,
    funnel_words,
    phrases,
    representation,
    staff_words,
    trajectory,
    uptake,
    uptake_words,
    wording,
)

FUNNEL = pd.DataFrame(
    {
        "stage": ["shortlisted", "shortlisted", "overall", "overall"],
        "dimension": "ethnicity",
        "group": ["BME", "White"] * 2,
        "reference": "White",
        "numerator": [10, 389, 2, 117],
        "denominator": [43, 920, 43, 920],
        "cells": [(f"cell {i}",) for i in range(4)],
    }
)
STAFF = pd.DataFrame(
    {
        "period": ["2021", "2025"],
        "dimension": "origin",
        "group": "abroad",
        "reference": "none",
        "role": "group",
        "numerator": [180, 265],
        "denominator": [1000, 1000],
        "total": [1100, 1100],
        "cells": [("a",), ("b",)],
        "total_cells": [("c",), ("d",)],
    }
)
TARGETS = pd.DataFrame(
    {
        "dimension": ["origin"],
        "group": "abroad",
        "baseline_period": "2021",
        "baseline": 0.18,
        "target_period": "2025",
        "target": 0.3,
    }
)
BANNED = ("weaker", "stronger", "effect", "best", "worst", "rank", "failed", "underperform", "hire ")


def protected(estimates, hidden=()):
    """Protect with a plan that hides the named cells and knows all others."""
    names = sorted({cell for cells in estimates["cells"] for cell in cells})
    cells = pd.DataFrame({"cell": names, "table": "t", "by": "", "dimension": "d", "declared": 1, "everyone": 1})
    cells["count"] = cells["cell"].isin(list(hidden)).map({True: 1, False: 50})
    return disclosure.protect(estimates, disclosure.plan(cells, (), disclosure.Policy(min_count=2)))


def test_a_change_is_told_with_its_parts_and_what_could_be_seen():
    measures = {"change": 0.02, "from_hires": 0.03, "from_exits": -0.01, "unexplained": 0, "detectable_change": 0.025}
    table = pd.DataFrame({"measure": [*measures], "estimate": [*measures.values()]})
    table = table.assign(period="2021/2025", dimension="origin", group="abroad", cells=[("a",)] * len(table))
    table = table.assign(conf_low=float("nan"), conf_high=float("nan"), detail="of all staff")
    told = table.assign(conf_low=0.001, conf_high=0.04, confidence=0.95)
    assert "would be missed" not in staff_words.change(protected(told)), "its limits leave zero out"
    tiny = table.assign(estimate=table["estimate"].replace(-0.01, -0.00046))
    assert "+3.0 points from who was hired and less than 0.1 points from who left." in staff_words.change(
        protected(tiny)
    )
    assert said(staff_words.change(protected(table))) == [
        "For group “abroad” (origin): +2.0 points of all staff, 2021 to 2025: +3.0 points from who was hired and "
        "\N{MINUS SIGN}1.0 points from who left. A true change of less than 2.5 points would be missed more "
        "than one time in five."
    ]


def test_percent():
    assert phrases.percent(0.2653) == "26.5\N{NO-BREAK SPACE}%"
    assert phrases.percent(0.00412) == "0.41\N{NO-BREAK SPACE}%"
    assert phrases.percent(0) == "0\N{NO-BREAK SPACE}%"
    assert phrases.percent(1) == "100.0\N{NO-BREAK SPACE}%"
    assert phrases.percent(0.00996) == "1.0\N{NO-BREAK SPACE}%"


def said(text):
    return text.replace("\N{NO-BREAK SPACE}", " ").splitlines()


def test_a_stage_is_told_with_counts_both_denominators_and_the_decision():
    assert said(funnel_words.stages(protected(funnel.stages(FUNNEL)))) == [
        "The step to “shortlisted” passes 10 of 43 in group “BME” (23.3 %) and 389 of 920 in group “White” (42.3 %). "
        "The ratio is 0.55 (95 % limits 0.31 to 0.90), lower than chance would explain (adjusted p 0.017)."
    ]
    unclear = FUNNEL.assign(numerator=[18, 389, 2, 117])
    assert said(funnel_words.stages(protected(funnel.stages(unclear)))) == [
        "Ethnicity: in 1 of 1 comparisons with group “White” the data cannot tell whether the rates differ: "
        "“BME” at “shortlisted”."
    ]


def test_what_is_hidden_is_in_no_sentence_and_is_counted():
    text = funnel_words.stages(protected(funnel.stages(FUNNEL), hidden=["cell 0"]))
    assert "10 of 43" not in text and "shortlisted" not in text
    assert (
        "figures are hidden: they rest on counts that are small, would give a small one back, or too few declared."
        in text
    )


def test_progress():
    shares = representation.shares(STAFF)
    table = protected(pd.concat([shares, trajectory.progress(shares, TARGETS)], ignore_index=True))
    (sentence,) = said(staff_words.progress(table))
    assert sentence == (
        "At the end of 2025, 265 of 1,000 declared staff (26.5 %) are in group “abroad” (origin). "
        "The goal leads from 18 % (2021) to 30 % (2025): 70.8 % (95 % limits 48.8 % to 94.3 %) of that way is gone. "
        "By the Open SDG rule the pace is 0.75 (95 % limits 0.54 to 0.95) of the one needed: "
        "too few people to tell, anything from “limited progress” to “on track”."
    )
    assert staff_words.progress(protected(shares)) == "No group has a target that can be followed here."


def test_shares_name_first_and_latest_and_the_bounds():
    (sentence,) = said(staff_words.shares(protected(representation.shares(STAFF)), {}))
    assert sentence == (
        "At the end of 2025, 265 of 1,000 declared staff (26.5 %) are in group “abroad” (origin); 18.0 % in 2021. "
        "Of all staff it is between 24.1 % and 33.2 %, whoever the undeclared are."
    )


def test_nothing_is_compared_across_a_change_of_definition():
    (sentence,) = said(staff_words.shares(protected(representation.shares(STAFF)), {"origin": ["2023"]}))
    assert "18.0 %" not in sentence
    assert "Before 2023 another definition held, so earlier shares are not compared." in sentence


@pytest.mark.parametrize(("start", "first"), [("2021", "2021"), ("2021-12-31", "2021"), ("2022", "2025")])
def test_a_period_belongs_to_the_definition_that_holds_at_its_end(start, first):
    (sentence,) = said(staff_words.shares(protected(representation.shares(STAFF)), {"origin": [start]}))
    earlier = "; 18.0 % in 2021" * (first == "2021")
    assert f"(origin){earlier}. Before {start} another definition held" in sentence


def test_who_declared_is_not_compared_across_a_change_of_definition():
    silent = STAFF.assign(group="not stated", role="undeclared", numerator=[100, 50])
    table = protected(representation.declared(silent))
    assert "; 90.0 % in 2021." in said(staff_words.declared(table, {"origin": ["2020"]}))[0]
    (sentence,) = said(staff_words.declared(table, {"origin": ["2023"]}))
    assert sentence.endswith("had declared their origin.")


def test_a_survey_says_how_many_answered():
    asked = pd.DataFrame({"period": ["2025"], "dimension": "origin", "group": "abroad", "share": 0.235, "base": 900})
    table = representation.surveyed_shares(asked.assign(staff=2200, cells=[("a",)]))
    (sentence,) = said(staff_words.shares(protected(table), {}))
    assert sentence.startswith("At the end of 2025, 23.5 % of the 900 of 2,200 who answered are in group “abroad”")
    assert "Of all staff it is between 9.6 % and 68.7 %, whoever those are who did not answer." in sentence
    beside = pd.DataFrame({"name": ["p"], "dimension": "origin", "group": "abroad", "period": "2020", "share": 0.47})
    (ratio,) = said(staff_words.representation(protected(benchmarks.against_benchmark(table, beside))))
    assert "among those who answered is 0.50" in ratio and "persons" not in ratio


def test_after_the_year_of_a_goal_no_growth_leads_there():
    table = protected(trajectory.progress(representation.shares(STAFF), TARGETS))
    (sentence,) = said(staff_words.other_rules(table))
    assert "the year of the goal has passed, and the share is 26.5 % (95 % limits" in sentence
    assert "growth as so far" not in sentence and "years away: too late" in sentence


@pytest.mark.parametrize(
    ("reached", "bands"),
    [
        (265, "anything from “limited progress” to “on track”"),
        (200, "anything from “moving away from the goal” to “limited progress”"),
    ],
)
def test_where_the_limits_lie_in_two_bands_both_are_named(reached, bands):
    shares = representation.shares(STAFF.assign(numerator=[180, reached]))
    table = protected(pd.concat([shares, trajectory.progress(shares, TARGETS)], ignore_index=True))
    assert f"too few people to tell, {bands}." in said(staff_words.progress(table))[0]


def test_a_table_without_shares_says_so():
    assert staff_words.shares(protected(representation.shares(STAFF)).where(group="nobody"), {}) == (
        "No share of all grades together is known here."
    )


def test_targets_that_cannot_be_followed_are_named():
    missed = pd.concat([TARGETS.assign(reason="no later share"), TARGETS.assign(reason="another definition")])
    missed = missed.assign(scope=["city", "Parks"], grade=[None, "leadership"])
    assert said(staff_words.not_followed(missed, 3)) == [
        "Not followed: the target of 30.0 % in 2025 for group “abroad” (origin); no share of it after its baseline is "
        "known here.",
        "Not followed: the target of 30.0 % in 2025 for group “abroad” (origin) in unit Parks in leadership; "
        "its baseline was set under another definition than the one that holds now.",
    ]
    ahead = TARGETS.assign(reason=["starts with this count"], baseline_period="2025", target_period="2029")
    assert said(staff_words.not_followed(ahead, 1)) == [
        "Not followed yet: the target of 30.0 % in 2029 for group “abroad” (origin); it starts with this count, so no "
        "part of its way is gone yet."
    ]
    unit = TARGETS.assign(reason=["single unit"], scope="Parks")
    assert said(staff_words.not_followed(unit, 1))[0].endswith(
        "in unit Parks; shares of single units are not shown here."
    )
    assert staff_words.not_followed(missed.head(0), 3) == "Every target is followed."
    assert staff_words.not_followed(missed.head(0), 0) == "", "nothing is true of targets that nobody has named"


def test_benchmarks_that_no_share_met_are_named():
    benchmark = pd.DataFrame(
        {"name": ["population"], "dimension": "origin", "group": "abroad", "scope": "", "period": "2030", "share": 0.4}
    )
    assert said(staff_words.not_compared(benchmark, 1)) == [
        "Not compared: the benchmark “population” of 2030, 40.0 %, for group “abroad” (origin); no share of it at the "
        "end of that period or later is known here."
    ]
    unit = said(staff_words.not_compared(benchmark.assign(scope="Parks"), 1))[0]
    assert unit.endswith("in unit Parks; shares of single units are not shown here.")
    assert staff_words.not_compared(benchmark.head(0), 1) == "Every benchmark is compared."
    assert staff_words.not_compared(benchmark.head(0), 0) == ""


def test_representation():
    benchmark = pd.DataFrame(
        {"name": ["population"], "dimension": "origin", "group": "abroad", "period": "2020", "share": 0.4}
    )
    table = protected(benchmarks.against_benchmark(representation.shares(STAFF), benchmark))
    assert said(staff_words.representation(table)) == [
        "In 2025 the share of group “abroad” (origin) among staff is 0.66 (95 % limits 0.60 to 0.73) times its share "
        "of the benchmark “population”, 135 persons fewer than at that share."
    ]


def test_one_person_is_one_person_and_grades_are_told_of_the_first_group_too():
    one = pd.DataFrame({"name": ["p"], "dimension": "origin", "group": "abroad", "period": "2020", "share": 0.266})
    table = protected(benchmarks.against_benchmark(representation.shares(STAFF), one))
    assert "1 person fewer than at that share." in staff_words.representation(table)
    leaders = STAFF.tail(1).assign(grade="leadership", cells=[("e",)])
    both = pd.concat([STAFF.tail(1).assign(grade=None), leaders], ignore_index=True)
    beside = pd.concat([one, one.assign(grade="leadership")], ignore_index=True)
    table = protected(benchmarks.against_benchmark(representation.shares(both), beside))
    assert len(said(staff_words.representation(table))) == 2
    (only,) = said(staff_words.representation(table, ["abroad"]))
    assert "in leadership among staff" in only


def test_uptake():
    counts = FUNNEL.head(2).drop(columns="stage").assign(period="2025", service="Library")
    assert said(uptake_words.rates(protected(uptake.rates(counts)))) == [
        "Library in 2025: 10 of 43 people in group “BME” (23.3 %) and 389 of 920 people in group “White” (42.3 %); "
        "the ratio is 0.55 (95 % limits 0.31 to 0.90)."
    ]


def use(denominators, numerators=(10, 389)):
    """Uptake of a service for each pair of denominators."""
    counts = [
        FUNNEL.head(2).drop(columns="stage").assign(service=f"Service {i}", denominator=pair, numerator=numerators)
        for i, pair in enumerate(denominators)
    ]
    counts = pd.concat(counts, ignore_index=True).assign(period="2025", counted="uses")
    return protected(uptake.rates(counts.assign(cells=[(f"c{i}",) for i in range(len(counts))])))


def test_uses_are_not_called_people_and_unknown_eligible_are_named():
    assert said(uptake_words.rates(use([(43, 920), (None, 920), (43, None)]))) == [
        "Service 0 in 2025: 10 of 43 possible uses in group “BME” (23.3 %) and 389 of 920 possible uses in group "
        "“White” (42.3 %); the ratio is 0.55 (95 % limits 0.31 to 0.90).",
        "Service 1 and Service 2 in 2025: how many are eligible in group “BME” or in group “White” is not known, so "
        "their use cannot be told.",
    ]
    assert uptake_words.title_of_rates(use([(43, 920), (None, 920)])) == (
        "In the one service compared a group is clearly reached less than “White”"
    )
    assert uptake_words.title_of_rates(use([(43, 920), (43, 4000)])) == (
        "In 1 of 2 services a group is clearly reached less than “White”"
    )


def test_titles_of_uptake_count_only_the_services_compared():
    assert (
        uptake_words.title_of_rates(use([(43, 4000)])) == "In the one service compared no group is clearly reached less"
    )
    assert uptake_words.title_of_rates(use([(43, 4000), (43, 4000), (43, None)])) == (
        "In none of 2 services is a group clearly reached less"
    )
    assert uptake_words.title_of_rates(use([(43, None)])) == "In no service can groups be compared"


def test_a_ratio_without_end_is_called_infinite():
    assert phrases.decimal(float("inf")) == "infinite"
    assert "the ratio is infinite (95\N{NO-BREAK SPACE}% limits" in uptake_words.rates(use([(43, 920)], (10, 0)))


@pytest.mark.parametrize("hidden", [(), ["cell 0"], [f"cell {i}" for i in range(4)]])
def test_titles_and_alt_text_say_something_whatever_is_hidden(hidden):
    table = protected(funnel.stages(FUNNEL), hidden)
    assert funnel_words.title_of_stages(table)
    alt = wording.describe(table.where(measure="pass_rate"), "Pass rates", "{0.stage}, {0.group}")
    assert alt.startswith("Pass rates.")
    assert ("shortlisted, BME 23.3" in alt) == (not hidden)


def test_titles_name_the_finding():
    assert funnel_words.title_of_stages(protected(funnel.stages(FUNNEL))) == (
        "“shortlisted” is reached 0.55 times as often by “BME” as by “White”"
    )
    alike = FUNNEL.assign(numerator=[18, 389, 5, 117])
    assert funnel_words.title_of_stages(protected(funnel.stages(alike))) == (
        "At no stage can these numbers tell a difference from none"
    )


def test_names_from_the_data_cannot_become_html():
    counts = FUNNEL.replace({"group": {"BME": "<script>alert(1)</script>"}})
    html = funnel_words.stages(protected(funnel.stages(counts)))._repr_html_()
    assert "<script>" not in html and "&lt;script&gt;" in html


def test_a_line_break_in_a_name_does_not_break_a_sentence():
    (sentence, *_) = funnel_words.stages(
        protected(funnel.stages(FUNNEL.replace({"group": {"BME": "B\nM"}})))
    ).splitlines()
    assert "in group “B M”" in sentence


def test_only_protected_tables_are_put_into_words():
    with pytest.raises(TypeError, match="a DataFrame is not protected"):
        funnel_words.stages(funnel.stages(FUNNEL))


def test_no_sentence_judges_people_or_ranks_units(reports):
    for city in ("sample", "published/west_lancashire", "published/berkeley_1973"):
        for page in reports(city).glob("*.html"):
            text = page.read_text(encoding="utf-8").split("<main>")[1].lower()
            assert not [word for word in BANNED if f" {word}" in text and word != "effect"], page
