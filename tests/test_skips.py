"""Vacancies without a stage: by hand, in the sums of a review, in words; and what a city may write."""

import numpy as np
import pytest
from conftest import CITY
from hypothesis import given
from hypothesis import strategies as st
from test_words import protected, said

from divimpact import cells, counts, disclosure, entry_words, funnel, losses, pooling, skips, steps
from divimpact.intervals import wilson
from divimpact.schema import DataError, read_city

RECORDS = """period,vacancy,skipped,origin,stage,outcome,count
2024,V1,,none,applied,rejected,10
2024,V1,,none,shortlisted,rejected,4
2024,V1,,none,appointed,hired,2
2024,V1,,abroad,applied,rejected,6
2024,V1,,abroad,shortlisted,rejected,2
2024,V1,,abroad,appointed,hired,2
2024,V2,shortlisted,none,applied,rejected,8
2024,V2,shortlisted,none,appointed,hired,2
2024,V2,shortlisted,abroad,applied,rejected,4
2024,V2,shortlisted,abroad,appointed,hired,1
2024,V3,shortlisted,abroad,applied,in_progress,7
"""


@pytest.fixture
def city(city_folder):
    return read_city(city_folder(applications=RECORDS))


def rows(table):
    return {
        (row.stage, row.group): (row.numerator, row.denominator)
        for row in table.itertuples()
        if row.group != "not stated"
    }


def test_applications_for_a_vacancy_without_a_stage_neither_pass_nor_fail_there(city):
    # at shortlisting V1 alone; at appointment who was shortlisted in V1 and all who applied in V2; V3 is still open
    assert rows(counts.applications(city, "origin")) == {
        ("shortlisted", "none"): (6, 16),
        ("shortlisted", "abroad"): (4, 10),
        ("appointed", "none"): (4, 6 + 10),
        ("appointed", "abroad"): (3, 4 + 5),
        ("overall", "none"): (4, 26),
        ("overall", "abroad"): (3, 15),
    }
    past = counts.skipped(city, "origin")
    assert past["past"].unique().tolist() == ["shortlisted"]
    none = past[past["group"] == "none"]
    assert none[["numerator", "denominator"]].to_numpy().tolist() == [[10, 26], [10, 16]]
    assert counts.without_stage(city).to_numpy().tolist() == [["shortlisted", 1, 2]]


def test_within_vacancies_it_says_nothing_at_the_stage_it_is_without(city):
    parts, totals = (counts.applications(city, "origin", by=by) for by in (["vacancy"], []))
    found = (
        pooling.pooled(parts, totals)
        .query("measure == 'informative_strata' and group == 'abroad'")
        .set_index("stage")["estimate"]
    )
    assert found.to_dict() == {"shortlisted": 1, "appointed": 2, "overall": 2}


def test_stages_that_some_go_past_are_no_chain(city):
    with pytest.raises(ValueError, match="4 passed a stage and 9 are at the next"):
        losses.contributions(counts.applications(city, "origin"))


def test_who_goes_past_is_planned_with_the_steps(city):
    listed, sums = cells.publishable(city)
    count = listed.set_index("cell")["count"]
    assert listed["cell"].is_unique
    assert all(count[total] == count[[*parts]].sum() for total, parts, *_ in sums)
    tables = [counts.applications(city, "origin"), counts.skipped(city, "origin")]
    assert {cell for table in tables for row in table["cells"] for cell in row} <= {*count.index}
    policy = disclosure.Policy(min_count=6)
    plan = disclosure.plan(listed, sums, policy)
    assert disclosure.audit(listed, sums, plan).empty
    past = disclosure.protect(skips.gone_past(tables[1], counts.without_stage(city)), plan).frame.set_index("group")
    assert past.loc["abroad", "suppressed"], "5 of 15"
    shown = disclosure.protect(funnel.stages(tables[0]), plan).frame
    assert shown[shown["group"] == "abroad"]["suppressed"].all()


@given(st.lists(st.integers(0, 9), min_size=12, max_size=12), st.sets(st.sampled_from(["b", "c"])))
def test_everybody_is_lost_at_one_step_or_comes_through(people, without):
    there, past = steps.reached("abcd", [(), (), without], np.reshape(people, (4, 3)))
    found = {step: (passed, of) for step, _, passed, of in steps.steps(there, past)}
    passed, of = found.pop("overall")
    assert of == sum(people) and passed == sum(people[9:])
    assert sum(of - passed for passed, of in found.values()) == of - passed
    assert set(past) == without


def test_how_many_go_past_a_stage_is_told_with_both_denominators(city):
    found = skips.gone_past(counts.skipped(city, "origin"), counts.without_stage(city))
    assert found.loc[0, ["conf_low", "conf_high"]].tolist() == pytest.approx(wilson(10, 26))
    (sentence,) = said(entry_words.skipped(protected(found.query("group != 'not stated'"))))
    assert sentence == (
        "1 of 2 vacancies are without “shortlisted”. Of those who had reached the stage before, by origin, 10 of 26 in "
        "“none” (38.5 %) and 5 of 15 in “abroad” (33.3 %) went past it: they count neither as passed nor as failed "
        "there."
    )
    assert entry_words.skipped(protected(found.iloc[:0])) == ""


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("interviewed", "'interviewed' .* is not a stage that can be left out. Stages between the first and the last"),
        ("appointed", "'appointed' .* is not a stage that can be left out"),
    ],
)
def test_only_stages_between_the_first_and_the_last_can_be_left_out(city_folder, written, message):
    with pytest.raises(DataError, match=message):
        read_city(city_folder(applications=RECORDS.replace("V2,shortlisted", f"V2,{written}")))


def test_nobody_can_have_stopped_at_a_stage_that_the_vacancy_is_without(city_folder):
    with pytest.raises(DataError, match=r"is a stage that its vacancy is without\. Who reached it shows"):
        read_city(city_folder(applications=RECORDS + "2024,V2,shortlisted,none,shortlisted,rejected,1\n"))


def test_several_stages_may_be_left_out(city_folder):
    toml = CITY.replace('"shortlisted", "appointed"', '"shortlisted", "interviewed", "appointed"')
    records = RECORDS.replace("V2,shortlisted,", "V2,shortlisted; interviewed,")
    found = rows(counts.applications(read_city(city_folder(toml, applications=records)), "origin"))
    assert found[("interviewed", "none")] == (2, 6) and found[("appointed", "none")] == (4, 2 + 10)


def test_without_the_column_nothing_is_known_and_nothing_changes(city_folder):
    plain = "\n".join(",".join(line.split(",")[:2] + line.split(",")[3:]) for line in RECORDS.splitlines())
    found = read_city(city_folder(applications=plain))
    assert rows(counts.applications(found, "origin"))[("shortlisted", "none")] == (8, 26)
    assert counts.without_stage(found).empty
    with pytest.raises(ValueError, match="applications have no skipped"):
        counts.skipped(found, "origin")
