"""Sentences on goals, turnover and grades: rules side by side, needs as needs, and what the data cannot tell."""

import pandas as pd
import pytest
from test_stockflow import target
from test_words import BANNED, protected, said

from divimpact import benchmarks, change, ladder, representation, staff_words, trajectory

STAFF = pd.DataFrame(
    {
        "period": ["2021", "2023"],
        "dimension": "origin",
        "group": "abroad",
        "reference": "here",
        "role": "group",
        "numerator": [1800, 2100],
        "denominator": 10_000,
        "cells": [("a",), ("b",)],
    }
)
LADDER = pd.DataFrame(
    {
        "period": "2025",
        "grade": ["basic", "middle", "senior"],
        "dimension": "origin",
        "group": "abroad",
        "reference": "here",
        "role": "group",
        "numerator": [300, 150, 40],
        "denominator": [1000, 500, 400],
        "cells": [("a",), ("b",), ("c",)],
    }
)
BESIDE = pd.DataFrame(
    {
        "name": ["population", "labour market"],
        "dimension": "origin",
        "group": "abroad",
        "period": "2021",
        "share": [0.30, 0.215],
        "low": [0.30, 0.20],
        "high": [0.30, 0.23],
    }
)


def without_banned(sentences):
    assert not any(word in sentence.lower() for sentence in sentences for word in BANNED)
    return sentences


def test_other_rules_stand_beside_the_first_one():
    found = trajectory.progress(representation.shares(STAFF), target())
    (text,) = without_banned(said(staff_words.other_rules(protected(found))))
    assert text == (
        "For group “abroad” (origin), from 18 % (2021) to 30 % (2025): in log odds 28.6 % (95 % limits 21.4 % "
        "to 35.8 %) of the way is gone; growth as so far leads to 24.5 % (95 % limits 22.7 % to 26.4 %) by the "
        "year of the goal; by the rule of the UN progress chart that is: progress, but not fast enough. At the pace "
        "since the baseline the goal is 6.00 (95 % limits 4.30 to 8.85) years away: too late."
    )


@pytest.mark.parametrize(
    ("share", "said_of_it"),
    [
        (0.30, "At the pace since 2021 the share of group “abroad” (origin) would meet the benchmark “people” after"),
        (
            0.17,
            "At the pace since 2021 the share of group “abroad” (origin) comes no nearer to the benchmark “people”.",
        ),
        (0.21, "The share of group “abroad” (origin) has met the benchmark “people”."),
    ],
)
def test_years_to_parity_are_told(share, said_of_it):
    beside = pd.DataFrame({"name": ["people"], "dimension": "origin", "group": "abroad", "period": "2021"})
    beside["share"] = share
    found = trajectory.parity(representation.shares(STAFF), beside)
    (text,) = without_banned(said(staff_words.parity(protected(found))))
    assert text.startswith(said_of_it)


def test_that_no_benchmark_fits_is_said_once():
    nothing = protected(representation.shares(STAFF))
    assert said(staff_words.representation(nothing)) == ["No benchmark fits these groups."]
    assert not staff_words.representation(nothing, ["women"])


def test_who_declared_is_told_then_and_now():
    silent = STAFF.assign(group="not stated", role="undeclared", numerator=[2000, 900])
    assert said(staff_words.declared(protected(representation.declared(silent)), {})) == [
        "At the end of 2023, 9,100 of all 10,000 staff (91.0 %) had declared their origin; 80.0 % in 2021."
    ]


def test_without_flows_an_upper_bound_is_named():
    shares = representation.shares(STAFF.tail(1))
    (text,) = said(staff_words.change(protected(change.detectable_between(shares))))
    assert text.startswith("For group “abroad” (origin) no flows are known, so why its share changed cannot be told;")
    assert "a change below 1.6 points between snapshots is more than chance. That is an upper bound" in text


def test_flows_that_no_account_uses_are_named():
    assert said(staff_words.not_accounted({"origin": ["2019", "2020"], "gender": []})) == [
        "Flows by origin of 2019 and 2020 are not used: no snapshot lies before, or another definition held."
    ]


def test_an_uncertain_benchmark_gives_the_ratio_at_both_ends():
    shares = representation.shares(STAFF)
    found = pd.concat([look(shares, BESIDE) for look in (benchmarks.against_benchmark, benchmarks.at_ends)])
    first, second = said(staff_words.representation(protected(found)))
    assert first.endswith("times its share of the benchmark “population”, 900 persons fewer than at that share.")
    assert second.endswith("That benchmark is uncertain: between its ends the ratio is 0.91 to 1.05.")


def test_chance_and_rules_are_told_apart():
    found = [look(representation.shares(STAFF), BESIDE) for look in (benchmarks.by_chance, benchmarks.triggers)]
    table = protected(pd.concat(found))
    assert said(staff_words.by_chance(table)) == [
        "Chance alone hardly explains how far these shares are from the benchmark: group “abroad” (origin) beside "
        "“population” (p below 0.001).",
        "Of these the data cannot tell whether it is more than chance: group “abroad” (origin) beside “labour market” "
        "(p 0.23).",
    ]
    two_deviations, gap = without_banned(said(staff_words.triggers(table)))
    assert two_deviations == (
        "The rule “two standard deviations below the benchmark (with fewer than 30 staff one whole person)” calls for "
        "a closer look at group “abroad” (origin) beside “population”, not at group “abroad” (origin) beside “labour "
        "market”."
    )
    assert gap.startswith(
        "The rule “at least three persons missing and at most 80 % of the benchmark” calls for a closer"
    )


def test_the_benchmark_at_which_the_answer_turns_is_named():
    found = benchmarks.sweep(representation.shares(STAFF.tail(1)), [0.2, 0.3])
    assert said(staff_words.sweep(protected(found))) == [
        "For group “abroad” (origin), 21.0 % of staff in 2023: beside any benchmark from 20.2 % to 21.8 % the distance "
        "may be chance, beside another one hardly."
    ]


@pytest.mark.parametrize(("senior", "step"), [(40, "It falls to 0.33"), (120, "On 2 of 2 steps the data cannot tell.")])
def test_the_way_up_is_told_step_by_step(senior, step):
    counted = LADDER.assign(numerator=[300, 150, senior])
    leaders = counted.tail(1).assign(grade="leadership", cells=[("c",)])
    total = counted.tail(1).assign(grade="", numerator=450 + senior, denominator=1900, cells=[("d",)])
    shares = representation.shares(pd.concat([counted, leaders, total], ignore_index=True))
    grades = ["basic", "middle", "senior"]
    whole = total.drop(columns="grade")
    found = [ladder.glass_ceiling(shares), ladder.steps(shares, grades), ladder.trend(shares, grades)]
    found.append(ladder.dissimilarity(counted, whole, "grade"))
    (text,) = without_banned(said(staff_words.ceiling(protected(pd.concat(found, ignore_index=True)))))
    assert "among all staff is" in text and step in text
    trend = "falls on the way up (p below 0.001)" if senior == 40 else "shows no clear trend (p 1)"
    assert f"Over all grades it {trend}." in text
    spread = "unevenly spread over grades: 17 of 100" if senior == 40 else "about as chance would do it: 0 of 100"
    assert (
        spread in text and "would stand elsewhere in an even spread; if grades were dealt out at random, 3 of" in text
    )
