"""Shares then and now, who declared, and why a share changed, in words."""

import pandas as pd
import pytest
from test_words import BANNED, STAFF, protected, said

from divimpact import change, representation, staff_words

MINUS = "\N{MINUS SIGN}"


def changed(parts, **columns):
    """A table of one change with its parts, in one run of steps."""
    table = pd.DataFrame({"measure": [*parts], "estimate": [*parts.values()]})
    table = table.assign(period="2021/2025", dimension="origin", group="abroad", detail="of all staff")
    table = table.assign(conf_low=float("nan"), conf_high=float("nan"), confidence=float("nan"))
    return table.assign(cells=[(name,) for name in table["measure"]], **columns)


PARTS = {"change": 0.02, "from_hires": 0.03, "from_exits": -0.01, "unexplained": 0, "detectable_change": 0.025}


def shares(table=None, breaks=None):
    table = representation.shares(STAFF) if table is None else table
    (row,) = staff_words.shares(protected(table), breaks or {}).rows
    return {head: cell.replace("\N{NO-BREAK SPACE}", " ") for head, cell in row.items()}


def test_shares_name_first_and_latest_counts_and_bounds():
    assert shares() == {
        "group": "“abroad” (origin)",
        "then": "18.0 % (15.7 % to 20.5 %) in 2021",
        "now": "26.5 % (23.9 % to 29.3 %) in 2025",
        "counted": "265 of 1,000 declared",
        "of all staff, whoever the undeclared are": "24.1 % to 33.2 %",
    }


def test_nothing_is_compared_across_a_change_of_definition():
    assert shares(breaks={"origin": ["2023"]})["then"] == "–; another definition before 2023"


@pytest.mark.parametrize(("start", "first"), [("2021", "2021"), ("2021-12-31", "2021"), ("2022", "2025")])
def test_a_period_belongs_to_the_definition_that_holds_at_its_end(start, first):
    then = shares(breaks={"origin": [start]})["then"]
    assert then.startswith("18.0 %" if first == "2021" else "–")
    assert then.endswith(f"; another definition before {start}")


def test_a_survey_says_how_many_answered():
    asked = pd.DataFrame({"period": ["2025"], "dimension": "origin", "group": "abroad", "share": 0.235, "base": 900})
    row = shares(representation.surveyed_shares(asked.assign(staff=2200, cells=[("a",)])))
    assert row["counted"] == "900 of 2,200 answered"
    assert row["of all staff, whoever the undeclared are"] == "9.6 % to 68.7 %"
    printed = representation.published_shares(asked.assign(cells=[("a",)]).drop(columns="base").assign(base=None))
    assert shares(printed)["counted"] == "as published"


def test_the_reference_group_comes_last_and_hidden_shares_say_so():
    here = STAFF.assign(group="none", numerator=1000 - STAFF["numerator"], cells=[("y",), ("z",)])
    table = protected(representation.shares(pd.concat([here, STAFF], ignore_index=True)), hidden=["b"])
    first, last = staff_words.shares(table, {}).rows
    assert (first["group"], last["group"]) == ("“abroad” (origin)", "“none” (origin)")
    assert first["now"] == "hidden in 2025" and first["counted"] == "hidden"
    assert last["now"].startswith("73.5")


def test_a_table_without_shares_says_so():
    nothing = protected(representation.shares(STAFF)).where(group="nobody")
    assert staff_words.shares(nothing, {}) == "No share of all grades together is known here."


def test_who_declared_is_told_then_and_now():
    silent = STAFF.assign(group="not stated", role="undeclared", numerator=[100, 50])
    table = protected(representation.declared(silent))
    assert said(staff_words.declared(table, {"origin": ["2020"]})) == [
        "Origin: 950 of all 1,000 staff (95.0 %) had declared at the end of 2025; 90.0 % in 2021."
    ]
    (sentence,) = said(staff_words.declared(table, {"origin": ["2023"]}))
    assert sentence.endswith("had declared at the end of 2025."), "another definition held"


def test_a_change_is_told_with_its_parts_and_what_could_be_seen():
    assert said(staff_words.change(protected(changed(PARTS)))) == [
        "From 2021 to 2025 the share of group “abroad” (origin) changed by +2.0 points of all staff: +3.0 points from "
        f"who was hired and {MINUS}1.0 points from who left. A true change of less than 2.5 points would be missed "
        "more than one time in five."
    ]
    told = changed(PARTS, conf_low=0.001, conf_high=0.04, confidence=0.95)
    assert "would be missed" not in staff_words.change(protected(told)), "its limits leave zero out"
    tiny = changed(PARTS | {"from_exits": -0.00046})
    assert "+3.0 points from who was hired and less than 0.1 points from who left." in staff_words.change(
        protected(tiny)
    )
    assert not any(word in staff_words.change(protected(tiny)) for word in BANNED)


def test_where_hires_are_hidden_the_change_is_told_by_who_joined():
    parts = {"change": 0.057, "from_joining": 0.06, "from_leaving": -0.003}
    (text,) = said(staff_words.change(protected(changed(parts, detail="of declared staff"))))
    assert "changed by +5.7 points of declared staff: +6.0 points from who joined or newly declared and " in text
    assert f"{MINUS}0.3 points from who left or no longer declares." in text


def test_a_hidden_change_says_that_it_is_and_no_number():
    table = protected(changed(PARTS), hidden=["change"])
    (text,) = said(staff_words.change(table))
    assert text == (
        "For group “abroad” (origin): why its share changed cannot be shown, as numbers of people are small."
    )
    (row,) = staff_words.changes(table).rows
    assert row["change"] == "hidden" and row["from who was hired"] == "+3.0"


def test_all_changes_stand_in_one_table_with_the_parts_that_are_there():
    table = staff_words.changes(protected(changed(PARTS, conf_low=0.001, conf_high=0.04, confidence=0.95)))
    assert table.caption.startswith("Change of the share of all staff, 2021 to 2025, in points, 95")
    (row,) = table.rows
    assert row["change"] == "+2.0 (+0.1 to +4.0)"
    assert [*row] == ["group", "change", "from who was hired", "from who left", "seen four times in five"]


def test_without_flows_an_upper_bound_is_named():
    shares = representation.shares(STAFF.tail(1).assign(numerator=2100, denominator=10_000, total=11_000))
    table = protected(change.detectable_between(shares))
    (text,) = said(staff_words.change(table))
    assert text.startswith("For group “abroad” (origin) no flows are known, so why its share changed cannot be told. A")
    assert (
        "true change of less than 1.6 points between two snapshots would be missed more than one time in five" in text
    )
    assert staff_words.changes(table) == ""


def test_the_size_of_the_staff_is_said_where_it_changed():
    table = changed(PARTS).assign(denominator=2200, reference_denominator=2000)
    assert said(staff_words.size(protected(table))) == [
        "From 2021 to 2025 the staff went from 2,000 to 2,200 (of all staff; origin). What follows takes it to keep "
        "its size; another growth can be given above."
    ]
    assert "takes it to grow by 2.0 % a year" in said(staff_words.size(protected(table), 0.02))[0]
    assert staff_words.size(protected(table.assign(denominator=2000))) == ""


def test_flows_that_no_account_uses_are_named():
    assert said(staff_words.not_accounted({"origin": ["2019", "2020"], "gender": []})) == [
        "Flows by origin of 2019 and 2020 are not used: no snapshot lies before, or another definition held."
    ]
