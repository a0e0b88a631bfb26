"""The way up in words: whether there is a ceiling, step by step, and how unevenly groups are spread."""

import pandas as pd
import pytest
from test_words import BANNED, protected, said

from divimpact import ladder, ladder_words, representation

GRADES = ["basic", "middle", "senior"]
LADDER = pd.DataFrame(
    {
        "period": "2025",
        "grade": GRADES,
        "dimension": "origin",
        "group": "abroad",
        "reference": "here",
        "role": "group",
        "numerator": [300, 150, 40],
        "denominator": [1000, 500, 400],
        "cells": [("a",), ("b",), ("c",)],
    }
)


def climbed(senior=40, hidden=()):
    counted = LADDER.assign(numerator=[300, 150, senior])
    leaders = counted.tail(1).assign(grade="leadership", cells=[("c",)])
    total = counted.tail(1).assign(grade="", numerator=450 + senior, denominator=1900, cells=[("d",)])
    shares = representation.shares(pd.concat([counted, leaders, total], ignore_index=True))
    found = [ladder.glass_ceiling(shares), ladder.steps(shares, GRADES), ladder.trend(shares, GRADES)]
    found.append(ladder.dissimilarity(counted, total.drop(columns="grade"), "grade"))
    return protected(pd.concat(found, ignore_index=True), hidden)


@pytest.mark.parametrize(
    ("senior", "answer", "steps"),
    [
        (
            40,
            "The group “abroad” (origin) has less of leadership than of all staff",
            "It falls to 0.33 times on the step to “senior”. On 1 of 2 steps the data cannot tell.",
        ),
        (
            103,
            "Whether the group “abroad” (origin) has less of leadership than of all staff the data cannot tell",
            "On no single step can the data tell.",
        ),
        (
            200,
            "The group “abroad” (origin) has more of leadership than of all staff",
            "It rises to 1.67 times on the step to “senior”. On 1 of 2 steps the data cannot tell.",
        ),
    ],
)
def test_whether_there_is_a_ceiling_is_said_first_then_step_by_step(senior, answer, steps):
    (text,) = said(ladder_words.ceiling(climbed(senior), NOBODY))
    leads = f"({senior / 4:.1f} %, {senior} of 400)"
    assert text.startswith(f"{answer}: in 2025 its share among all staff (")
    assert f"times its share in leadership {leads}. {steps}" in text
    assert not any(word in text for word in BANNED)


def test_the_trend_over_all_grades_ends_the_sentence():
    assert "Over all grades it falls on the way up (p below 0.001)." in ladder_words.ceiling(climbed(40), NOBODY)
    assert "Over all grades it shows no clear trend (p " in ladder_words.ceiling(climbed(120), NOBODY)


def test_all_steps_and_the_spread_stand_in_one_row():
    (row,) = ladder_words.grades(climbed()).rows
    row = {head: cell.replace("\N{NO-BREAK SPACE}", " ") for head, cell in row.items()}
    assert row == {
        "group": "“abroad” (origin)",
        "all staff over leadership": "2.58 (1.97 to 3.43)",
        "middle over basic": "1.00 (0.85 to 1.18)",
        "senior over middle": "0.33 (0.24 to 0.46)",
        "over all grades": "falls on the way up (p below 0.001)",
        "of 100 over grades, who would move to be spread evenly": "17; 3 by chance (p below 0.001)",
        "of 100 over units, who would move to be spread evenly": "–",
    }


ROSE = pd.DataFrame(
    {
        "period": "2021/2025",
        "grade": ["basic"] * 2 + ["middle"] * 2,
        "grade_to": ["middle"] * 2 + ["senior"] * 2,
        "dimension": "origin",
        "group": ["abroad", "here"] * 2,
        "reference": "here",
        "role": "group",
        "numerator": [40, 120, 10, 22],
        "denominator": [1000, 1500, 300, 600],
        "cells": [("e",), ("f",), ("g",), ("h",)],
    }
)


NOBODY = protected(ladder.rising(ROSE)).where(group="nobody")


def test_who_rose_stands_beside_the_shares():
    text = ladder_words.ceiling(climbed(), protected(ladder.rising(ROSE)))
    assert text.endswith(
        "Beside group “here” it was promoted, from 2021 to 2025: less often from “basic” (0.50 times); from 1 of 2 "
        "grades the data cannot tell."
    )
    often = ladder.rising(ROSE.assign(numerator=[40, 60, 10, 22]))
    text = ladder_words.ceiling(climbed(), protected(often))
    assert text.endswith("it was promoted, from 2021 to 2025: from 2 of 2 grades the data cannot tell.")
    half = ladder_words.ceiling(climbed(), protected(ladder.rising(ROSE), hidden=["e"]))
    assert half.endswith("from 1 of 2 grades the data cannot tell, and from 1 it is hidden.")
    none = ladder_words.ceiling(climbed(), protected(ladder.rising(ROSE), hidden=["e", "g"]))
    assert none.endswith("How often it was promoted is hidden.")
    first, last = ladder_words.rising(protected(ladder.rising(ROSE), hidden=["g"])).rows
    assert (
        first["basic to middle"].startswith("4.0\N{NO-BREAK SPACE}%; 0.50 (") and first["middle to senior"] == "hidden"
    )
    assert last["group"] == "“here” (origin)" and last["middle to senior"] == "3.7\N{NO-BREAK SPACE}%"


def test_hidden_steps_say_so_and_without_grades_nothing_is_told():
    (row,) = ladder_words.grades(climbed(hidden=["c"])).rows
    assert row["senior over middle"] == row["all staff over leadership"] == "hidden"
    assert row["middle over basic"] != "hidden"
    assert "numbers are hidden" in ladder_words.ceiling(climbed(hidden=["c"]), NOBODY)
    nothing = protected(representation.shares(LADDER))
    said_of_it = ladder_words.ceiling(nothing, NOBODY), ladder_words.grades(nothing)
    assert set(said_of_it) == {"Without grades it cannot be told whether there is a ceiling."}
