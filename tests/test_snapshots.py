"""Flows from snapshots of persons: by hand, against a plain loop, and that the account closes."""

from collections import Counter
from io import StringIO
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from divimpact import cells, ledger
from divimpact.flows import JOIN, LEAVE, account
from divimpact.schema import read_city

TOML = """
name = "Testville"

[dimensions.origin]
groups = ["none", "abroad"]
reference = "none"
undeclared = "not stated"

[dimensions.gender]
groups = ["men", "women"]
reference = "men"
undeclared = "other"

[staff]
grades = ["basic", "senior"]
leadership = ["senior"]

[publication]
min_count = 1
"""
HEAD = "period,person,unit,grade,origin,gender"
HELD = f"""{HEAD}
2021,a,A,basic,none,men
2021,b,A,basic,not stated,women
2021,c,A,senior,none,men
2022,a,B,senior,none,men
2022,b,A,basic,abroad,women
2022,d,A,basic,none,women
"""


def flowing(city, name="flows"):
    """What is derived, each row as a tuple with its number."""
    rows = city.tables[name].to_pandas().astype(object)
    rows = rows.where(rows.notna(), "")
    columns = ["period", "event", "unit", "grade", "origin", "gender", "unit_to", "grade_to"]
    return Counter(rows[[column for column in columns if column in rows]].itertuples(index=False, name=None))


def test_one_rose_one_declared_one_left_and_one_came(city_folder):
    city = read_city(city_folder(TOML, staff=HELD))
    assert city.derived == ("flows",)
    assert flowing(city) == Counter(
        [
            ("2022", "promotion", "A", "basic", "none", "men", "B", "senior"),
            ("2022", "redeclared_out", "A", "basic", "not stated", "women", "", ""),
            ("2022", "redeclared_in", "A", "basic", "abroad", "women", "", ""),
            ("2022", "exit", "A", "senior", "none", "men", "", ""),
            ("2022", "hire", "A", "basic", "none", "women", "", ""),
        ]
    )


def test_who_comes_back_was_not_there(city_folder):
    held = f"{HEAD}\n2021,a,A,basic,none,men\n2022,b,A,basic,none,men\n2023,a,A,basic,none,men\n2023,b,A,basic,none,men"
    found = flowing(read_city(city_folder(TOML, staff=held)))
    assert {key[:2]: number for key, number in found.items()} == {
        ("2022", "exit"): 1, ("2022", "hire"): 1, ("2023", "hire"): 1
    }  # fmt: skip


def test_one_with_two_contracts_is_taken_at_the_first_place(city_folder):
    held = f"{HEAD}\n2021,a,A,basic,none,men\n2021,a,B,senior,none,men\n2022,a,B,senior,none,men"
    assert flowing(read_city(city_folder(TOML, staff=held))) == Counter(
        [("2022", "promotion", "A", "basic", "none", "men", "B", "senior")]
    )


def test_a_table_of_flows_overrides(city_folder):
    city = read_city(city_folder(TOML, staff=HELD, flows="period,event,origin,gender\n2022,exit,none,men"))
    assert city.derived == () and city.tables["flows"].count().execute() == 1


def test_one_way_tables_are_compared_each_on_its_own(city_folder):
    held = pd.read_csv(StringIO(HELD), dtype=str)
    texts = {
        name: held.drop(columns=other).to_csv(index=False)
        for name, other in (("origin", "gender"), ("gender", "origin"))
    }
    city = read_city(city_folder(TOML, staff__origin=texts["origin"], staff__gender=texts["gender"]))
    assert set(city.derived) == {"flows.origin", "flows.gender"}
    assert {key[1] for key in flowing(city, "flows.gender")} == {"promotion", "exit", "hire"}


def test_one_snapshot_gives_no_account_and_no_error(city_folder):
    city = read_city(city_folder(TOML, staff=f"{HEAD}\n2021,a,A,basic,none,men"))
    assert not city.has("flows") and not city.derived
    assert ledger.accounts(city).empty
    assert set(cells.publishable(city).frame["table"]) == {"staff"}


# What always holds


PLACES = st.tuples(
    *map(st.sampled_from, (["A", "B"], ["basic", "senior"], ["none", "abroad", "not stated"], ["men", "women"]))
)
SNAPSHOTS = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), PLACES, min_size=1), min_size=2, max_size=3)
generated = settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def looped(snapshots):
    """Compare snapshots as a reader would."""
    found = Counter()
    for year, (was, now) in enumerate(pairwise(snapshots), 2022):
        for who in was.keys() | now.keys():
            one, other, period = was.get(who), now.get(who), str(year)
            if one is None:
                found[period, "hire", *other, "", ""] += 1
            elif other is None:
                found[period, "exit", *one, "", ""] += 1
            else:
                if one[:2] != other[:2]:
                    found[period, "promotion" if one[1] != other[1] else "transfer", *one, *other[:2]] += 1
                if one[2:] != other[2:]:
                    found[period, "redeclared_out", *other[:2], *one[2:], "", ""] += 1
                    found[period, "redeclared_in", *other, "", ""] += 1
    return found


@generated
@given(SNAPSHOTS)
def test_flows_are_those_of_a_plain_loop_and_the_account_closes(city_folder, snapshots):
    assume(sum(map(len, snapshots)) > len(set().union(*snapshots)))  # where nobody is in two, they are refused
    rows = [
        f"{year},{who},{','.join(place)}" for year, held in enumerate(snapshots, 2021) for who, place in held.items()
    ]
    city = read_city(city_folder(TOML, staff="\n".join([HEAD, *rows])))
    assert flowing(city) == looped(snapshots)
    for by in ([], ["period"], ["unit"], ["period", "grade"]):
        for dimension in ("origin", "gender"):
            held = account(city, dimension, by=by).pivot_table(
                "numerator", list(dict.fromkeys(["period", "group", *by])), "event", fill_value=0
            )
            held = held.reindex(columns=["before", "after", *JOIN, *LEAVE], fill_value=0)
            came, went = held[[*JOIN]].sum(axis=1), held[[*LEAVE]].sum(axis=1)
            assert (held["after"] == held["before"] + came - went).all(), (by, dimension)


@pytest.mark.parametrize("column", ["unit", "grade"])
def test_without_a_kind_of_place_nobody_moves_there(city_folder, column):
    held = pd.read_csv(StringIO(HELD), dtype=str).drop(columns=column).to_csv(index=False)
    events = {key[1] for key in flowing(read_city(city_folder(TOML, staff=held)))}
    assert events == {
        "hire",
        "exit",
        "redeclared_out",
        "redeclared_in",
        "transfer" if column == "grade" else "promotion",
    }
