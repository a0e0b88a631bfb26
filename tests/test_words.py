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


def test_two_targets_of_a_group_each_have_their_own_years_and_chances():
    """A path from the baseline and one from now, which differ in all but their group and run."""
    wide = {"from 10 %": (0.40, 6.0, 0.05), "from 20 %": (0.60, 2.0, 0.75)}
    rows = [
        {"measure": measure, "detail": f"{detail}{more}", "estimate": value}
        for detail, (need, wait, chance) in wide.items()
        for measure, more, value in [
            ("required_hire_share", "", need),
            ("years_at_present", "", wait),
            ("long_run_share", "", 0.35),
            ("chance_of_target", ", rates as estimated", chance),
            ("chance_of_target", ", rates uncertain", 0.0001),
        ]
    ]
    held = {"measure": "hire_share", "detail": "of declared hires", "estimate": 0.3}
    table = pd.DataFrame([*rows, held]).assign(period="2021/2025", dimension="origin", group="abroad")
    table["verdict"] = "by_hiring"
    table["cells"] = [("a",)] * len(table)
    table = table.assign(conf_low=float("nan"), conf_high=float("nan"))
    needed, ahead = said(staff_words.hiring(protected(table))), said(staff_words.milestones(protected(table)))
    each = (("40.0 %", "6.0", "5.0 %"), ("60.0 %", "2.0", "75.0 %"))
    for text, then, (need, wait, chance) in zip(needed, ahead, each, strict=True):
        assert f"2021 to 2025, {need} of the declared who are hired" in text and "it was 30.0 %" in text
        assert f"the goal is {wait} years from" in then and "moves towards 35.0 %" in then
        assert f"{chance} with rates as estimated and below 0.1 % with rates uncertain" in text
        assert not any(word in text.lower() for word in BANNED)


def test_a_change_is_told_with_its_parts_and_what_could_be_seen():
    measures = {"change": 0.02, "from_hires": 0.03, "from_exits": -0.01, "unexplained": 0, "detectable_change": 0.025}
    table = pd.DataFrame({"measure": [*measures], "estimate": [*measures.values()]})
    table = table.assign(period="2021/2025", dimension="origin", group="abroad", cells=[("a",)] * len(table))
    table = table.assign(conf_low=float("nan"), conf_high=float("nan"), detail="of all staff")
    told = table.assign(conf_low=0.001, conf_high=0.04, confidence=0.95)
    assert "cannot be told" not in staff_words.change(protected(told)), "its limits leave zero out"
    assert said(staff_words.change(protected(table))) == [
        "For group “abroad” (origin): +2.0 points of all staff, 2021 to 2025: +3.0 points from who was hired and "
        "\N{MINUS SIGN}1.0 points from who left. A change below 2.5 points cannot be told from chance here."
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
        "The ratio is 0.55 (95 % limits 0.31 to 0.90), lower than chance would explain (adjusted p 0.017).",
        "Ethnicity: in 1 of 2 comparisons with group “White” the data cannot tell whether the rates differ: "
        "“BME” overall.",
        "The four-fifths rule, a trigger to look and no verdict, is met for “BME” at “shortlisted”; “BME” overall.",
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
        "the limits lie in more than one band, so the data cannot tell."
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
    assert f"% in {first}. Before {start} another definition held" in sentence.replace("; 26.5 % in 2025", "% in 2025")


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
