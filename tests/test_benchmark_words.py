"""Shares beside benchmarks in words: how far, by chance or not, and rules side by side."""

import pandas as pd
import pytest
from test_words import BANNED, protected, said

from divimpact import benchmark_words, benchmarks, representation, trajectory

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
LOOKS = (benchmarks.against_benchmark, benchmarks.at_ends, benchmarks.by_chance, benchmarks.triggers)


def reflected(staff=STAFF, beside=BESIDE, hidden=()):
    shares = representation.shares(staff)
    found = [look(shares, beside) for look in LOOKS] + [benchmarks.sweep(representation.shares(staff.tail(1)), [0.2])]
    return protected(pd.concat(found, ignore_index=True), hidden)


def paced(staff=STAFF, beside=BESIDE):
    shares = representation.shares(staff)
    return protected(pd.concat([shares, trajectory.parity(shares, beside)], ignore_index=True))


def listed(beside=BESIDE, **given):
    """What both tables say of each share and benchmark."""
    looks = (benchmark_words.compared, benchmark_words.judged)
    both = [look(reflected(beside=beside, **given), paced(beside=beside), beside).rows for look in looks]
    return [one | other for one, other in zip(*both, strict=True)]


def test_the_ratio_is_said_with_the_benchmark_its_year_and_the_gap_in_persons():
    first, second = said(benchmark_words.representation(reflected(), BESIDE))
    assert first == (
        "In 2023 the share of group “abroad” (origin) among staff is 0.70 (95 % limits 0.67 to 0.73) times its share "
        "of the benchmark “population” (30.0 % in 2021), 900 persons fewer than at that share."
    )
    assert second.endswith("“labour market” (21.5 % in 2021), 50 persons fewer than at that share.")
    assert not any(word in first for word in BANNED)


def test_of_several_years_of_a_benchmark_the_latest_that_is_not_later_is_named():
    years = pd.concat(
        [
            BESIDE.head(1).assign(period=year, share=share)
            for year, share in [("2019", 0.2), ("2022", 0.25), ("2025", 0.4)]
        ],
        ignore_index=True,
    )
    (only,) = said(benchmark_words.representation(reflected(beside=years), years))
    assert "(25.0 % in 2022)" in only


def test_rules_chance_and_the_range_of_a_benchmark_stand_in_one_row():
    population, market = ({k: v.replace("\N{NO-BREAK SPACE}", " ") for k, v in row.items()} for row in listed())
    doj, gap = (name for name in population if "standard deviations" in name or "three persons" in name)
    assert population["persons beside it"] == "900 persons fewer"
    assert population["could chance explain it"] == "hardly (p below 0.001)"
    assert (population[doj], population[gap]) == ("calls for a closer look",) * 2
    assert population["at the ends of its range"] == "–"
    assert market["could chance explain it"] == "yes (p 0.23)"
    assert market["at the ends of its range"] == "0.91 to 1.05"
    assert market[doj] == "does not; calls for a closer look at its high end"
    assert market[gap] == "does not"
    assert population["benchmarks at which chance could"] == market["benchmarks at which chance could"]
    assert population["benchmarks at which chance could"] == "20.2 % to 21.8 %"


@pytest.mark.parametrize(
    ("share", "met"), [(0.30, "6.0 (4.3 to 8.8)"), (0.17, "it is above and moves away"), (0.21, "met")]
)
def test_years_to_parity_are_told(share, met):
    (row,) = listed(BESIDE.head(1).assign(share=share, low=None, high=None))
    assert row["years to meet it at the pace so far"] == met


def test_a_share_below_that_falls_is_not_called_above():
    staff = STAFF.assign(numerator=[2100, 1800])
    rows = benchmark_words.compared(reflected(staff), paced(staff), BESIDE).rows
    assert rows[0]["years to meet it at the pace so far"] == "never"


def test_one_person_is_one_person_and_grades_are_told_too():
    leaders = STAFF.tail(1).assign(grade="leadership", cells=[("e",)])
    both = pd.concat([STAFF.tail(1).assign(grade=None), leaders], ignore_index=True)
    beside = BESIDE.head(1).assign(share=0.2101)
    beside = pd.concat([beside, beside.assign(grade="leadership")], ignore_index=True)
    rows = benchmark_words.compared(reflected(both, beside), paced(both, beside), beside).rows
    assert [row["group"] for row in rows] == ["“abroad” (origin)", "“abroad” (origin) in leadership"]
    assert [row["persons beside it"] for row in rows] == ["1 person fewer"] * 2


def test_a_benchmark_of_a_grade_is_named_by_its_own_share():
    leaders = STAFF.tail(1).assign(grade="leadership", cells=[("e",)])
    beside = pd.concat([BESIDE.head(1), BESIDE.head(1).assign(grade="leadership", share=0.25)], ignore_index=True)
    (row,) = benchmark_words.compared(reflected(leaders, beside), paced(leaders, beside), beside).rows
    assert row["benchmark"] == "“population” (25.0\N{NO-BREAK SPACE}% in 2021)"


def test_hidden_rows_say_so_and_are_in_no_sentence():
    table = reflected(hidden=["b"])
    assert said(benchmark_words.representation(table, BESIDE)) == [
        "How these groups stand to their benchmarks is hidden: it would give small numbers of people away, or fewer "
        "than 60.0 % declared."
    ]
    first, _ = benchmark_words.compared(table, paced(), BESIDE).rows
    assert first["share over that of the benchmark"] == first["persons beside it"] == "hidden"


def test_that_no_benchmark_fits_is_said():
    nothing = protected(representation.shares(STAFF))
    assert benchmark_words.compared(nothing, paced(), BESIDE) == "No benchmark fits these groups."


def test_the_reference_group_comes_last():
    here = STAFF.assign(group="here", numerator=10_000 - STAFF["numerator"], cells=[("c",), ("d",)])
    staff = pd.concat([here, STAFF], ignore_index=True)
    beside = pd.concat([BESIDE.assign(group="here"), BESIDE], ignore_index=True)
    rows = benchmark_words.compared(reflected(staff, beside), paced(staff, beside), beside).rows
    assert [row["group"] for row in rows] == ["“abroad” (origin)"] * 2 + ["“here” (origin)"] * 2


def test_benchmarks_that_no_share_met_are_named():
    benchmark = pd.DataFrame(
        {"name": ["population"], "dimension": "origin", "group": "abroad", "scope": "", "period": "2030", "share": 0.4}
    )
    assert said(benchmark_words.not_compared(benchmark, 1)) == [
        "Not compared: the benchmark “population” of 2030, 40.0 %, for group “abroad” (origin); no share of it at the "
        "end of that period or later is known here."
    ]
    unit = said(benchmark_words.not_compared(benchmark.assign(scope="Parks"), 1))[0]
    assert unit.endswith("in unit Parks; shares of single units are not shown here.")
    assert benchmark_words.not_compared(benchmark.head(0), 1) == "Every benchmark is compared."
    assert benchmark_words.not_compared(benchmark.head(0), 0) == ""
