"""Stock and flow: counted by hand, against plain pandas on the sample city, and that every account adds up."""

import doctest
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact import cells, flows
from divimpact.flows import JOIN, LEAVE, account, not_accounted, promotions
from divimpact.ledger import published, unshown
from divimpact.schema import read_city

TOML = """
name = "Testville"

[dimensions.origin]
groups = ["none", "near", "far"]
reference = "none"
undeclared = "not stated"
combine = { abroad = ["near", "far"] }
DEFINITIONS
[staff]
grades = ["basic", "middle", "senior"]
leadership = ["middle", "senior"]

[publication]
min_count = 1
"""
PLAIN = TOML.replace("DEFINITIONS", "")
STAFF = """period,grade,unit,origin,count
2021,basic,A,none,50
2021,senior,A,near,8
2022,basic,A,none,47
2022,middle,A,none,4
2022,senior,A,near,8
"""
FLOWS = """period,grade,unit,event,origin,count,grade_to,unit_to
2022,basic,A,exit,none,2,,
2022,basic,A,hire,none,3,,
2022,basic,A,promotion,none,4,middle,
2022,senior,A,exit,near,1,,
2022,senior,A,hire,near,1,,
"""
ALL = [*JOIN, *LEAVE, "left", "joined", "before", "after"]


def of(found, group, **where):
    """The numerators of a group that are not zero, by event."""
    rows = found[(found["group"] == group) & (found["numerator"] != 0)]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows.set_index("event")["numerator"].to_dict()


# By hand


def test_of_50_two_left_and_three_came_and_four_rose(city_folder):
    city = read_city(city_folder(PLAIN, staff=STAFF, flows=FLOWS))
    assert of(account(city, "origin"), "none") == {"before": 50, "exit": 2, "hire": 3, "after": 51}
    by_grade = account(city, "origin", by=["grade"])
    assert of(by_grade, "none", grade="basic") == {
        "before": 50, "after": 47, "left": 6, "exit": 2, "joined": 3, "hire": 3, "promotion_out": 4
    }  # fmt: skip
    assert of(by_grade, "none", grade="middle") == {"after": 4, "joined": 4, "promotion_in": 4}
    assert of(by_grade, "none", grade="leadership") == {"after": 4, "joined": 4, "promotion_in": 4}
    risen = promotions(city, "origin")
    assert risen.query("group == 'none'")[["grade", "grade_to", "numerator", "denominator"]].to_numpy().tolist() == [
        ["basic", "middle", 4, 50]
    ]


def test_an_account_says_from_when_until_when_and_of_how_many(city_folder):
    found = account(read_city(city_folder(PLAIN, staff=STAFF, flows=FLOWS)), "origin")
    assert set(found["period"]) == {"2021/2022"} and set(found["since"]) == {"2021"}
    rows = found.set_index(["event", "group"])["denominator"]
    assert rows["exit", "none"] == 50, "of exit, who could have left"
    assert rows["hire", "none"] == 4 and rows["hire", "not stated"] == 4, "of hire, the declared, or all"
    by_period = account(read_city(city_folder(PLAIN, staff=STAFF, flows=FLOWS)), "origin", by=["period"])
    assert set(by_period["period"]) == {"2022"} and set(by_period["since"]) == {"2021"}


def test_moves_among_leadership_grades_are_none_of_leadership(city_folder):
    held = "period,grade,origin,count\n2021,middle,none,5\n2022,middle,none,3\n2022,senior,none,2\n"
    moved = "period,grade,event,origin,count,grade_to\n2022,middle,promotion,none,2,senior\n"
    found = account(read_city(city_folder(PLAIN, staff=held, flows=moved)), "origin", by=["grade"])
    assert of(found, "none", grade="leadership") == {"before": 5, "after": 5}
    assert of(found, "none", grade="senior") == {"after": 2, "joined": 2, "promotion_in": 2}


def test_declarations_are_counted_net_at_each_place(city_folder):
    """Two declare near in basic and one takes it back in senior; of gender alone nothing changes."""
    held = "period,grade,origin,count\n2021,basic,none,9\n2022,basic,none,9\n2021,senior,near,9\n2022,senior,near,9\n"
    anew = """period,grade,event,origin,count
2022,basic,redeclared_out,not stated,2
2022,basic,redeclared_in,near,2
2022,senior,redeclared_out,near,1
2022,senior,redeclared_in,not stated,1
2022,senior,redeclared_out,far,1
2022,senior,redeclared_in,far,1
"""
    city = read_city(city_folder(PLAIN, staff=held, flows=anew))
    assert of(account(city, "origin"), "near") == {"before": 9, "after": 9, "redeclared_in": 1}
    assert of(account(city, "origin"), "far") == {}
    by_grade = account(city, "origin", by=["grade"])
    assert of(by_grade, "near", grade="senior") == {"before": 9, "after": 9, "left": 1, "redeclared_out": 1}
    assert of(by_grade, "near", grade="basic") == {"joined": 2, "redeclared_in": 2}


def years(*periods, flowing):
    held = "\n".join(["period,grade,origin,count", *(f"{period},basic,none,20" for period in periods)])
    gone = "\n".join(["period,grade,event,origin,count", *(f"{period},basic,exit,none,2" for period in flowing)])
    return {"staff": held, "flows": gone}


@pytest.mark.parametrize(
    ("periods", "flowing", "run", "lost"),
    [
        (["2021", "2022", "2023"], ["2021", "2022", "2023"], {"2021/2023"}, ["2021"]),  # no snapshot before 2021
        (["2021", "2022", "2023", "2024"], ["2022", "2024"], {"2023/2024"}, []),  # nobody said who left in 2023
        (["2021", "2022"], ["2022-Q1", "2022-Q2"], set(), ["2022-Q1", "2022-Q2"]),
        (["2021"], ["2021"], set(), ["2021"]),
    ],
)  # fmt: skip
def test_a_run_is_unbroken_and_nothing_is_silently_dropped(city_folder, periods, flowing, run, lost):
    city = read_city(city_folder(PLAIN, **years(*periods, flowing=flowing)))
    found = account(city, "origin")
    assert set(found["period"]) == run
    assert not_accounted(city, "origin") == lost
    assert len(cells.publishable(city).frame), "that there is no account stands in the way of nothing else"


def test_no_step_runs_across_a_change_of_definition(city_folder):
    defined = 'definitions = [{ from = "2020", text = "one" }, { from = "2023", text = "another" }]'
    toml = TOML.replace("DEFINITIONS", defined)
    periods = ["2021", "2022", "2023", "2024"]
    city = read_city(city_folder(toml, **years(*periods, flowing=periods[1:])))
    assert set(account(city, "origin")["period"]) == {"2023/2024"}
    assert set(account(city, "origin", by=["period"])["period"]) == {"2022", "2024"}
    assert not_accounted(city, "origin") == ["2023"]


def test_a_place_that_only_flows_know_or_that_nobody_stated_is_one(city_folder):
    more = FLOWS + "2022,,A,exit,far,2,,\n2022,basic,B,hire,far,2,,\n"
    city = read_city(city_folder(PLAIN, staff=STAFF, flows=more))
    assert of(account(city, "origin", by=["grade"]), "far", grade="not stated") == {"left": 2, "exit": 2}
    assert of(account(city, "origin", by=["unit"]), "far", unit="B") == {"joined": 2, "hire": 2}
    assert of(account(city, "origin"), "far") == {"exit": 2, "hire": 2}


@pytest.mark.parametrize("count", ["3.0", "3"])
def test_counts_may_be_exported_with_a_point(city_folder, count):
    flowing = FLOWS.replace("hire,none,3", f"hire,none,{count}")
    found = account(read_city(city_folder(PLAIN, staff=STAFF, flows=flowing)), "origin")
    assert of(found, "none")["hire"] == 3


def test_without_count_each_row_is_one_and_without_places_only_the_city_is_counted(city_folder):
    held = "period,origin\n2021,none\n2021,near\n2022,none"
    city = read_city(city_folder(PLAIN, staff=held, flows="period,event,origin\n2022,exit,near"))
    assert of(account(city, "origin"), "near") == {"before": 1, "exit": 1}
    with pytest.raises(
        ValueError, match="flows cannot be counted by grade; only by unit or grade, if the table has it"
    ):
        account(city, "origin", by=["grade"])


def test_without_where_to_a_promotion_moves_nobody(city_folder):
    flowing = "period,grade,event,origin,count\n2022,basic,promotion,none,4\n2022,basic,exit,none,3"
    city = read_city(city_folder(PLAIN, staff=STAFF, flows=flowing))
    assert of(account(city, "origin", by=["grade"]), "none", grade="basic") == {
        "before": 50, "after": 47, "left": 3, "exit": 3
    }  # fmt: skip
    assert promotions(city, "origin").empty


def test_two_places_at_once_are_refused(city_folder):
    city = read_city(city_folder(PLAIN, staff=STAFF, flows=FLOWS))
    with pytest.raises(ValueError, match="flows cannot be counted by unit, grade"):
        account(city, "origin", by=["unit", "grade"])


def test_one_way_tables_have_an_account_each(city_folder):
    city = read_city(city_folder(PLAIN, staff__origin=STAFF, flows__origin=FLOWS))
    assert of(account(city, "origin"), "none") == {"before": 50, "exit": 2, "hire": 3, "after": 51}
    assert [view for view, *_ in published(city)] == ["", "period", "period, event", "grade", "grade, event"]


# The sample city, against plain pandas


@pytest.fixture(scope="module")
def sample(data):
    return read_city(data / "sample")


@pytest.fixture(scope="module")
def tables(data):
    codes = {"0": "none", "1": "parents born abroad", "2": "born abroad"}
    read = {name: pd.read_csv(data / "sample" / f"{name}.csv", dtype={"HERKUNFT": str}) for name in ("staff", "flows")}
    for table in read.values():
        table["period"] = table["period"].astype(str)
        table["origin"] = table["HERKUNFT"].map(codes).fillna("not stated")
    return read


def test_who_left_the_sample_city_as_pandas_counts(sample, tables):
    for dimension in ("origin", "gender"):
        found = account(sample, dimension, by=["period"]).query("event == 'exit' and role in ['group', 'undeclared']")
        held = tables["flows"].query("event == 'exit'").groupby(["period", dimension])["count"].sum()
        assert found.set_index(["period", "group"])["numerator"].to_dict() == held.to_dict()
        at_risk = tables["staff"].groupby(["period", dimension])["count"].sum()
        since = found.set_index(["since", "group"])["denominator"]
        assert since.to_dict() == {place: at_risk[place] for place in since.index}


@pytest.mark.parametrize("place", ["unit", "grade"])
def test_who_joined_a_place_of_the_sample_city_as_pandas_counts(sample, tables, place):
    found = account(sample, "gender", by=["period", place])
    moved = tables["flows"].query("event in ['promotion', 'transfer']").copy()
    moved["to"] = moved[f"{place}_to"].fillna(moved[place])
    moved = moved[moved["to"] != moved[place]]
    for event in ("promotion", "transfer"):
        into = moved[moved["event"] == event].groupby(["period", "to", "gender"])["count"].sum()
        rows = found[(found["event"] == f"{event}_in") & (found["numerator"] > 0) & (found[place] != "leadership")]
        assert rows.set_index(["period", place, "group"])["numerator"].to_dict() == into.to_dict()


@pytest.mark.parametrize("by", [[], ["period"], ["unit"], ["grade"], ["period", "unit"], ["period", "grade"]])
@pytest.mark.parametrize("dimension", ["origin", "gender", "disability"])
def test_the_account_of_the_sample_city_closes(sample, dimension, by):
    found = account(sample, dimension, by=by)
    held = found.pivot_table("numerator", list(dict.fromkeys(["period", "group", *by])), "event").fillna(0)
    held = held.reindex(columns=ALL, fill_value=0)
    came, went = held[[*JOIN]].sum(axis=1), held[[*LEAVE]].sum(axis=1)
    assert (held["after"] == held["before"] + came - went).all()
    if set(by) - {"period"}:
        assert (held["joined"] == came).all() and (held["left"] == went).all()


# What always holds


GROUPS, GRADES = ("none", "near", "far", "not stated"), ("basic", "middle", "senior")
groups, grades = st.sampled_from(GROUPS), st.sampled_from([*GRADES, ""])
people = st.sampled_from([0, 1, 2, 7, 30])
staff_rows = st.tuples(st.sampled_from(["2021", "2022", "2023"]), grades, st.sampled_from(["A", "B"]), groups, people)
flow_rows = st.tuples(
    st.sampled_from(["2022", "2023"]),
    grades,
    st.sampled_from(["A", "B"]),
    st.sampled_from(["hire", "exit", "promotion", "transfer", "redeclared_in", "redeclared_out"]),
    groups,
    grades,
    st.sampled_from(["A", "B", ""]),
    people,
)


held_by = st.lists(staff_rows, max_size=20, unique_by=lambda row: row[:4])
flowed = st.lists(flow_rows, max_size=20, unique_by=lambda row: row[:7])


def text(columns, rows):
    return "\n".join([columns, *(",".join(map(str, row)) for row in rows)])


def once(rows, keys):
    """Each cell of a table stands once: the last count of it stays."""
    return list({row[:keys]: row for row in rows}.values())


@pytest.fixture
def made(city_folder):
    def city(held, flowing, toml=PLAIN):
        gone = ("2022", "basic", "A", "exit", "none", "", "", 1)
        first = [
            ("2021", "basic", "A", "none", 5),
            ("2022", "senior", "A", "near", 5),
            ("2023", "basic", "B", "far", 5),
        ]
        return read_city(
            city_folder(
                toml,
                staff=text("period,grade,unit,origin,count", once([*held, *first], 4)),
                flows=text("period,grade,unit,event,origin,grade_to,unit_to,count", once([*flowing, gone], 7)),
            )
        )

    return city


generated = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@generated
@given(held_by, flowed)
def test_places_add_up_to_the_city(made, held, flowing):
    city = made(held, flowing)
    whole = account(city, "origin").query("event in ['exit', 'hire']")
    for place in ("unit", "grade"):
        found = account(city, "origin", by=[place])
        found = found[found["event"].isin(["exit", "hire"]) & (found[place] != "leadership")]
        added = found.groupby(["event", "group"])["numerator"].sum()
        assert added.to_dict() == whole.set_index(["event", "group"])["numerator"].to_dict()


@generated
@given(held_by, flowed)
def test_every_sum_holds_but_for_what_the_flow_table_does_not_explain(made, held, flowing):
    city = made(held, flowing)
    listed = cells.publishable(city)
    names = listed.frame["cell"]
    assert names.is_unique
    count = dict(zip(names, listed.frame["count"], strict=True))
    for total, parts, _, less in listed.sums:
        assert {total, *parts, *less} <= set(names)
        table, place, _, _member, _ = json.loads(total)
        anew = str(place.get("event", "")).startswith("redeclared") or place.get("event") in ("joined", "left")
        if (
            less and table == "staff"
        ) or anew:  # who declares anew is counted net at each place, and rows may lack a pair
            continue
        assert count[total] == sum(count[part] for part in parts) - sum(count[part] for part in less), (total, parts)


@generated
@given(held_by, flowed)
def test_the_order_of_rows_is_irrelevant(made, held, flowing):
    expected = account(made(held, flowing), "origin", by=["grade"])
    assert_frame_equal(account(made(held[::-1], flowing[::-1]), "origin", by=["grade"]), expected)


def test_what_is_left_out_is_counted_but_not_shown(city_folder):
    without = PLAIN.replace("min_count = 1", 'min_count = 1\nwithout = ["flows by period", "flows by grade and event"]')
    rows = years("2021", "2022", "2023", flowing=["2022", "2023"])
    city = read_city(city_folder(without, **rows))
    assert [view for view, *_ in published(city)] == ["", "grade"]
    assert [view for view, *_ in unshown(city)] == ["period", "grade", "grade, event"]
    frame = cells.publishable(city).frame
    steps = frame[frame["unshown"] & frame["cell"].str.contains('"2021/2022"')]
    assert len(steps) and np.isfinite(steps["count"]).all() and frame.loc[frame["unshown"], "again"].all()
    assert [view for view, *_ in unshown(read_city(city_folder(PLAIN, **rows)))] == ["grade"]


def test_examples_of_the_docstrings_run():
    assert doctest.testmod(flows).failed == 0
