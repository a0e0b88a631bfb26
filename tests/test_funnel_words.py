"""Sentences on recruitment: both answers, the gap taken apart, rules side by side, what the numbers can tell."""

import pandas as pd
import pytest
from conftest import ROOT
from test_words import BANNED, protected, said

from divimpact import (
    cells,
    codes,
    counts,
    disclosure,
    doubt_words,
    funnel,
    funnel_words,
    losses,
    pooling,
    telling,
    undeclared,
    waiting,
)
from divimpact.schema import read_city

LOOKS = (
    funnel.stages,
    funnel.checks,
    funnel.other_references,
    undeclared.worst_cases,
    undeclared.declaration,
    telling.can_tell,
    telling.one_person,
)


def looked_at(counted):
    return pd.concat([look(counted) for look in LOOKS], ignore_index=True)


def published(folder, dimension):
    """The stages of a published city, those within its vacancies where it has any, and the gap taken apart."""
    city = read_city(ROOT / "data" / "published" / folder)
    plan = disclosure.plan(*cells.publishable(city), disclosure.Policy(**city.publication))
    totals = counts.applications(city, dimension)
    pairs = (
        [(counts.applications(city, dimension, by=["vacancy"]), totals)] if city.has("applications", "vacancy") else []
    )
    blocks = [looked_at(totals), *(pooling.pooled(*pair) for pair in pairs)]
    gaps = [losses.contributions(totals), *(pooling.gap_split(*pair) for pair in pairs)]
    return disclosure.protect(pd.concat([*blocks, *gaps], ignore_index=True), plan)


@pytest.fixture(scope="module")
def west_lancashire():
    """West Lancashire Borough Council, equality information about employees, recruitment 2019/20."""
    return published("west_lancashire", "ethnicity")


@pytest.fixture(scope="module")
def berkeley():
    """Bickel, Hammel, O'Connell 1975: the six largest departments."""
    return published("berkeley_1973", "gender")


# What is found


def test_where_crude_and_pooled_disagree_that_is_the_headline(berkeley):
    assert said(funnel_words.overall(berkeley)) == [
        "All vacancies together and the same vacancies give different answers for group “women” (gender). "
        "From the first "
        "stage to the last, recruitment passes 557 of 1,835 in group “women” (30.4 %) and 1,198 of 2,691 "
        "in group “men” "
        "(44.5 %). The ratio is 0.68 (95 % limits 0.63 to 0.74), lower than chance would explain (p below "
        "0.001). Within "
        "the same vacancies it is 1.06 (95 % limits 0.97 to 1.15), and the data cannot tell whether "
        "chance explains that "
        "(p 0.22). What differs is which vacancies they apply to."
    ]
    assert funnel_words.title_of_ratios(berkeley) == "Within the same vacancies the answer is another one for “women”"
    assert said(funnel_words.stages(berkeley)) == [
        "Gender: at “admitted” the counts of “women” are those above, and so is the answer."
    ]
    assert funnel_words.shortfall(berkeley) == "", "nobody is missing for what is due to where people apply"


def test_a_disagreement_comes_before_what_agrees():
    parts = pd.DataFrame(
        {
            "vacancy": ["easy"] * 4 + ["hard"] * 4,
            "dimension": (["a"] * 2 + ["b"] * 2) * 2,
            "group": ["x", "y", "p", "q"] * 2,
            "reference": ["y", "y", "q", "q"] * 2,
            "stage": "overall",
            "numerator": [40, 40, 80, 320, 8, 8, 40, 10],
            "denominator": [100, 100, 100, 400, 100, 100, 400, 100],
        }
    )
    named = [f"{row.vacancy} {row.group}" for row in parts.itertuples()]
    parts = parts.assign(cells=[(name,) for name in named])
    totals = parts.groupby(["dimension", "group", "reference", "stage"], sort=False, as_index=False)
    totals = totals.agg({"numerator": "sum", "denominator": "sum", "cells": "sum"})
    found = pd.concat([funnel.stages(totals), pooling.pooled(parts, totals)], ignore_index=True)
    first, second = said(funnel_words.overall(protected(found)))
    assert first.startswith("All vacancies together") and "group “p” (b)" in first
    assert second.endswith("(p 1): the same answer.") and "group “x”" in second


def test_without_vacancies_it_is_told_of_all_together(west_lancashire):
    assert said(funnel_words.overall(west_lancashire)) == [
        "From the first stage to the last, recruitment passes 2 of 43 in group “BME” (4.7 %) and 117 of 920 in group "
        "“White” (12.7 %). The ratio is 0.37 (95 % limits 0.10 to 1.23), and the data cannot tell whether "
        "chance explains "
        "that (p 0.15)."
    ]
    assert funnel_words.within(west_lancashire) == "Without vacancies, or with too few of them, this cannot be told."


def test_the_gap_is_told_by_stage_in_points_that_add_up(west_lancashire):
    assert said(funnel_words.contributions(west_lancashire))[0] == (
        "From the first stage to the last, recruitment passes 2 of 43 in group “BME” (4.7 %) and 117 of 920 in group "
        "“White” (12.7 %), a gap of −8.1 points: −4.8 points at “shortlisted” and −3.3 points at “appointed”."
    )
    own = west_lancashire.where(group="BME", measure="rate_contribution")
    assert funnel_words.title_of_contributions(own) == "BME: −8.1 points beside “White”; −4.8 points at “shortlisted”"


def test_the_shortfall_is_told_against_three_rates(west_lancashire):
    assert said(funnel_words.shortfall(west_lancashire)) == [
        "The step to “shortlisted” would have passed so many more in group “BME” (ethnicity): 8 persons at the rate of "
        "all who declared, 8 persons at the rate of the reference group and 5 persons at four fifths of that."
    ]


def test_within_vacancies_it_is_told_on_how_many_it_rests_and_how_the_gap_splits(berkeley):
    (sentence,) = said(funnel_words.within(berkeley))
    assert sentence == (
        "From the first stage to the last, recruitment passes 557 of 1,835 in group “women” (30.4 %) and 1,198 of "
        "2,691 in group “men” (44.5 %). Of this gap of −14.2 points: +3.6 points from how the same vacancies pass the "
        "two groups and −17.8 points from which vacancies they apply to. The first part rests on 6 vacancies to which "
        "both applied, and in which some passed and some did not. It is a mean: vacancies differ in it more than "
        "chance explains (p 0.0021)."
    )


def test_the_answer_comes_in_a_sentence_for_each_group(berkeley, west_lancashire):
    assert said(funnel_words.in_short(berkeley)) == [
        "Recruitment passes group “women” (gender) less often than group “men” in all vacancies together; in the same "
        "vacancies the numbers cannot tell. What decides is which vacancies people apply to."
    ]
    assert said(funnel_words.in_short(west_lancashire)) == [
        "Whether recruitment passes group “BME” (ethnicity) as often as group “White”, the numbers cannot tell."
    ]
    promoted = published("teal_1978", "race")
    turned = funnel_words.in_short(
        protected(promoted.frame.drop(columns="suppressed").assign(cells=[("a",)] * len(promoted)))
    )
    assert turned.startswith("Whether recruitment passes group “Black” (race)")


def test_groups_that_one_person_turns_at_a_step_are_told_together():
    found = said(doubt_words.one_person(published("west_lancashire", "religion")))
    assert found[1] == (
        "The step to “appointed” passes 0 of 2 in group “Muslim” (0 %), 0 of 1 in group “Buddhist” (0 %), 0 of 1 in "
        "group “Sikh” (0 %) and 67 of 202 in group “Christian” (33.2 %): one different person would reverse "
        "which rate is higher, so nothing can be concluded."
    )
    assert len(found) == 4, "a sentence a step, one for the whole, one for the rules"


# What the numbers can tell


def test_rules_stand_side_by_side(west_lancashire):
    assert said(doubt_words.rules(west_lancashire)) == [
        "The rule “Fisher’s exact test” calls for a closer look: “BME” at “shortlisted”.",
        "The rule “two standard deviations below the reference” calls for a closer look: “BME” at “shortlisted”.",
        "The rule “four fifths of the reference’s rate” calls for a closer look: “BME” at “shortlisted”; “BME” at "
        "“appointed”; “BME” overall.",
    ]


def test_other_tests_are_named_where_they_conclude_otherwise(west_lancashire):
    assert said(doubt_words.other_tests(west_lancashire)) == [
        "Comparisons that are adjusted together: 2 of ethnicity.",
        "Wherever it can be asked, the conclusion of the mid-p of Fisher’s test is that of Fisher’s test.",
    ]
    small = pd.DataFrame({"dimension": "d", "group": ["a", "b"], "reference": "b", "stage": "hired"})
    small = small.assign(numerator=[2, 15], denominator=[10, 25], cells=[("a",), ("b",)])
    assert said(doubt_words.other_tests(protected(looked_at(small.assign(role="group")))))[1] == (
        "Other tests conclude otherwise than Fisher’s: “a” at “hired”: the mid-p of Fisher’s test says "
        "lower (adjusted p "
        "0.044); “a” at “hired”: Boschloo’s exact test says lower (adjusted p 0.037)."
    )


def test_another_reference_is_told_where_it_decides_something(berkeley, west_lancashire):
    assert said(doubt_words.references(berkeley)) == [
        "Beside group “women” instead: from the first stage to the last, recruitment passes 1,198 of 2,691 in group "
        "“men” (44.5 %) and 557 of 1,835 in group “women” (30.4 %). The ratio is 1.47 (95 % limits 1.35 "
        "to 1.59), higher "
        "than chance would explain (p below 0.001)."
    ]
    assert said(doubt_words.references(west_lancashire)) == [
        "In 1 of 1 comparisons beside another reference the data cannot tell."
    ]


def test_what_could_be_seen_is_told_with_both_numbers_of_people(west_lancashire):
    assert said(doubt_words.can_tell(west_lancashire)) == [
        "With 43 applications in group “BME” (ethnicity) and 920 in group “White”, a ratio of 0.8 from "
        "the first stage to "
        "the last would be found in about 8 in 100 (8.1 %) such recruitments. Ratios between 0.17 and 2.38 would be "
        "missed more than one time in five. To find 0.8 four times in five it takes 1,284 applications of the group, "
        "with as many of the other for each as there are now."
    ]


def test_where_nobody_passing_would_be_missed_that_is_said():
    text = doubt_words.can_tell(published("west_lancashire", "religion").where(group="Hindu"))
    assert "Even if nobody of the group passed, that would be missed more than one time in five." in text


def test_a_comparison_that_one_person_turns_is_named_with_its_counts(west_lancashire, berkeley):
    assert said(doubt_words.one_person(west_lancashire)) == [
        "The step to “appointed” passes 2 of 10 in group “BME” (20.0 %) and 117 of 389 in group “White” (30.1 %): one "
        "different person would reverse which rate is higher, so nothing can be concluded.",
        "One person decides what is concluded by four fifths of the reference’s rate: “BME” at “appointed”.",
    ]
    assert doubt_words.one_person(berkeley) == "Nowhere does one person decide."


def test_what_the_undeclared_could_change_is_told_with_their_counts(west_lancashire, berkeley):
    assert said(doubt_words.undeclared(west_lancashire)) == [
        "The step to “shortlisted” passes 10 of 43 in group “BME” (23.3 %) and 389 of 920 in group "
        "“White” (42.3 %), and "
        "4 of 7 who did not say. Without these the ratio is 0.55, lower than chance would explain; "
        "whoever they are, it "
        "is between 0.51 and 0.71, so the conclusion depends on who they are.",
        "From the first stage to the last, recruitment passes 2 of 43 in group “BME” (4.7 %) and 117 of 920 in group "
        "“White” (12.7 %), and 0 of 7 who did not say. Without these the ratio is 0.37, and the data "
        "cannot tell whether "
        "chance explains that; whoever they are, it is between 0.31 and 0.37, so the conclusion stands.",
    ]
    assert doubt_words.undeclared(berkeley) == "Nobody is counted as undeclared here."


def test_who_declared_is_told_and_asking_late_is_warned_of(west_lancashire):
    assert said(doubt_words.declared(west_lancashire)) == [
        "Who declared their ethnicity: 963 of 970 (99.3 %) of all who came in, and 119 of 119 (100.0 %) of those who "
        "reached “appointed”."
    ]
    late = pd.DataFrame({"dimension": "origin", "group": ["abroad", "here", "unknown"], "reference": "here"})
    late = late.assign(role=["group", "group", "undeclared"], stage="appointed", numerator=[5, 60, 3])
    late = late.assign(denominator=[50, 500, 300], cells=[("a",), ("b",), ("c",)])
    assert said(doubt_words.declared(protected(undeclared.declaration(late))))[1] == (
        "The step to “appointed” passes 3 of 300 who did not say (origin) and 65 of 550 who did, fewer "
        "than chance would "
        "explain (adjusted p below 0.001): people may have been asked only after they had passed. If so, the rates of "
        "all groups there are too high."
    )


def test_what_became_of_applications_is_told_with_every_way_and_who_is_undecided():
    days = {"hired": (10, [56, 48]), "rejected": (20, [10, 30]), "in_progress": (30, [4, 2])}
    rows = [(day, way, group, n) for way, (day, ns) in days.items() for group, n in zip(["a", "b"], ns, strict=True)]
    table = pd.DataFrame(rows, columns=["days", "outcome", "group", "numerator"]).astype({"numerator": float})
    table = table.assign(dimension="d", reference="b", denominator=table["group"].map({"a": 70, "b": 80}), role="group")
    found = waiting.by_day(table, None, 30).assign(cells=[("x",)] * 8 + [("y",)])[:9]
    (sentence,) = said(doubt_words.waiting(protected(found)))
    assert sentence == (
        "Of applications of group “a” (d) 80.0 % (95 % limits 69.1 % to 87.7 %) are hired within 30 days, of those of "
        "group “b” 60.0 % (95 % limits 49.0 % to 70.1 %): +20.0 points (95 % limits +5.1 points to +33.5 points). The "
        "others: rejected 14.3 % beside 37.5 % and not decided yet 5.7 % beside 2.5 %."
    )
    closed = pd.DataFrame({"stage": "overall", "group": ["a", "b"], "numerator": [56, 48], "denominator": [66, 78]})
    closed = funnel.stages(closed.assign(dimension="d", reference="b", cells=[("x",), ("x",)]))
    (with_counts,) = said(doubt_words.waiting(protected(pd.concat([closed, found], ignore_index=True))))
    assert with_counts == sentence + (
        " In closed vacancies alone: 56 of 66 in group “a” (84.8 %) and 48 of 78 in group “b” (61.5 %) reached the "
        "last stage."
    )


# All cells, all codes


def test_every_rule_and_verdict_has_its_words(berkeley, west_lancashire):
    tables = [berkeley.frame, west_lancashire.frame, published("new_haven_2003", "race").frame]
    found = pd.concat([*tables, published("teal_1978", "race").frame])
    assert set(found["rule"].dropna()) <= {*codes.RULES} and set(found["verdict"].dropna()) <= {*codes.CONCLUSIONS}
    assert {*codes.RULES} - set(found["rule"].dropna()) == {"fisher_bh", "around_city"}, "those of units"
    assert {*codes.CONCLUSIONS} - set(found["verdict"].dropna()) == {"asked_later", "below", "above", "within"}


@pytest.mark.parametrize("hidden", [("cell 0",), tuple(f"cell {i}" for i in range(6))])
def test_nothing_hidden_is_in_a_sentence_and_no_sentence_judges(hidden):
    table = pd.DataFrame({"stage": ["shortlisted"] * 3 + ["overall"] * 3, "dimension": "ethnicity"})
    table = table.assign(group=["BME", "White", "Unknown"] * 2, reference="White", numerator=[10, 389, 4, 2, 117, 1])
    table = table.assign(denominator=[43, 920, 7] * 2, role=["group", "group", "undeclared"] * 2)
    found = looked_at(table.assign(cells=[(f"cell {i}",) for i in range(6)]))
    whole, safe = protected(found), protected(found, hidden)
    for say in (
        *(funnel_words.overall, funnel_words.stages, funnel_words.shortfall, doubt_words.rules, doubt_words.references),
        *(doubt_words.other_tests, doubt_words.can_tell, doubt_words.one_person, doubt_words.undeclared),
        doubt_words.declared,
    ):
        assert "10 of 43" not in say(safe), say
        assert not [word for word in BANNED if f" {word}" in f"{say(whole)}".lower()], say
    assert "10 of 43" in funnel_words.stages(whole) and "10 of 43" in doubt_words.undeclared(whole)
