"""Sentences and alt text: the process, the counts, both denominators, and "cannot tell"."""

import pandas as pd
import pytest

from divimpact import disclosure, funnel, funnel_words, phrases, uptake, uptake_words, wording

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
        "numbers are hidden: they rest on counts that are small, would give a small one back, or too few declared."
        in text
    )


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
