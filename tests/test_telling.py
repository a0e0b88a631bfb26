"""What numbers can tell and what one person turns: West Lancashire, properties, protection of the contract."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal
from test_funnel import funnel, with_role

from divimpact.estimates import COLUMNS
from divimpact.exact import ONE_PERSON
from divimpact.intervals import fisher
from divimpact.power import detectable_ratios, people_needed, power_at
from divimpact.telling import can_tell, one_person


@pytest.fixture
def west_lancashire():
    """West Lancashire Borough Council, equality information about employees, April 2019 to March 2020."""
    reached = {"BME": (43, 10, 2), "White": (920, 389, 117), "Unknown": (7, 4, 0)}
    return with_role(funnel(reached, "White", ["applied", "shortlisted", "appointed"]), "undeclared", "Unknown")


def at(found, measure, stage, group="BME"):
    return found[(found["measure"] == measure) & (found["stage"] == stage) & (found["group"] == group)]


# Printed numbers


def test_west_lancashire_cannot_tell_four_fifths_overall(west_lancashire):
    found = can_tell(west_lancashire)
    assert at(found, "power", "overall")["estimate"].tolist() == pytest.approx([0.0806], abs=5e-5)
    assert at(found, "people_needed", "overall")["estimate"].tolist() == [1284]
    ratios = at(found, "detectable_ratio", "overall").set_index("detail")["estimate"]
    assert ratios.to_dict() == pytest.approx(
        dict(zip(["below parity", "above parity"], detectable_ratios(43, 920, 117 / 920), strict=True))
    )
    assert set(found["method"].dropna()) == {"cohen_h"}


def test_one_person_turns_the_appointments_of_west_lancashire(west_lancashire):
    found = one_person(west_lancashire)
    ratios = at(found, "impact_ratio_one_person", "appointed").query("rule == 'four_fifths'").set_index("detail")
    assert ratios.index.tolist() == list(ONE_PERSON)
    in_place, more = "one of the group in place of one of the reference", "one more of the group"
    assert ratios.loc[in_place, "estimate"] == pytest.approx(1.0060, abs=5e-5)
    assert ratios.loc[more, "estimate"] == pytest.approx(0.9974, abs=5e-5)
    assert ratios["verdict"].tolist() == ["not_triggered", "triggered", "not_triggered", "triggered"]
    counted = ["numerator", "denominator", "reference_numerator", "reference_denominator"]
    assert ratios.loc[in_place, counted].tolist() == [3, 10, 116, 389]
    turned = found[found["measure"] == "turned_by_one"].set_index(["stage", "group"])
    assert turned.loc[("appointed", "BME"), ["estimate", "rule", "verdict"]].tolist() == [
        1,
        "one_person",
        "cannot_tell",
    ]
    assert turned.loc[("shortlisted", "BME"), "verdict"] == "stands"
    tests = at(found, "impact_ratio_one_person", "shortlisted").query("rule == 'fisher'").set_index("detail")
    assert tests.loc[more, "p_value"] == pytest.approx(fisher(11, 43, 389, 920))
    assert set(tests["verdict"]) == {"lower"}  # by Fisher alone, one more does not turn it


# Zeros and keys


def test_where_nobody_is_there_is_nothing_to_tell():
    counts = funnel({"gone": (4, 0, 0), "r": (9, 5, 2)}, "r", ["one", "two", "three"])
    found = can_tell(counts)
    assert at(found, "power", "three", "gone")[["estimate", "method"]].isna().all(axis=None)
    person = one_person(counts)
    assert at(person, "impact_ratio_one_person", "three", "gone").empty
    assert at(person, "turned_by_one", "three", "gone")[["estimate", "rule", "verdict"]].isna().all(axis=None)
    fewer = at(person, "impact_ratio_one_person", "two", "gone")["detail"]
    assert set(fewer) == {"one more of the group", "one of the group in place of one of the reference"}


def test_rows_are_in_the_contract_and_the_input_stays(west_lancashire):
    named = west_lancashire.assign(cells=[(f"{row.group} {row.stage}",) for row in west_lancashire.itertuples()])
    kept = named.copy(deep=True)
    for found in (can_tell(named), one_person(named)):
        assert list(found) == [column for column in COLUMNS if column in found]
        assert found["cells"].map(len).eq(2).all()
        assert not found.duplicated(
            ["measure", "group", "stage", "detail", "rule"]
            if "rule" in found
            else ["measure", "group", "stage", "detail"]
        ).any()
    assert_frame_equal(named, kept)
    twice = pd.concat([named.assign(unit=unit) for unit in ("parks", "library")], ignore_index=True)
    for analysis in (can_tell, one_person):
        for _, part in analysis(twice).groupby("unit"):
            assert_frame_equal(part.drop(columns="unit").reset_index(drop=True), analysis(named))


# Properties


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=4))
def test_each_person_changes_one_count_and_a_turn_is_seen_in_the_rows(people):
    reached = {f"group {i}": tuple(sorted(steps, reverse=True)) for i, steps in enumerate(people)}
    found = one_person(funnel(reached, "group 0", ["one", "two"])).query("stage == 'two'")
    rows = found[found["rule"] == "four_fifths"]
    moved = rows["detail"].map(ONE_PERSON)
    for row, (group, reference) in zip(rows.itertuples(), moved, strict=True):
        assert row.numerator - reached[row.group][1] == group
        assert row.reference_numerator - reached["group 0"][1] == reference
    for group, (n, x) in list(reached.items())[1:]:
        m, y = reached["group 0"]
        turned = found[(found["measure"] == "turned_by_one") & (found["group"] == group)]["estimate"].iloc[0]
        if n and m:
            swapped = rows[(rows["group"] == group) & rows["detail"].str.contains("in place of")]
            orders = np.sign(swapped["numerator"] * m - swapped["reference_numerator"] * n)
            assert turned == float((orders * np.sign(x * m - y * n) < 0).any())


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.integers(2, 900), st.floats(0.5, 0.95))
def test_rows_are_those_of_power(n, m, ratio):
    y = max(1, m // 3)
    found = can_tell(funnel({"a": (n, 0), "r": (m, y)}, "r", ["one", "two"]), ratio).query("stage == 'two'")
    values = found.set_index("measure")["estimate"]
    assert values["power"] == pytest.approx(power_at(ratio, n, m, y / m))
    assert values["people_needed"] == people_needed(ratio, y / m, m / n)
    assert found.query("measure == 'power'")["detail"].tolist() == [f"ratio {ratio:g}"]


def test_refusals_name_what_is_wrong(west_lancashire):
    with pytest.raises(ValueError, match=r"power 1\.2 is not between 0\.05 and 1"):
        can_tell(west_lancashire, power=1.2)
    with pytest.raises(ValueError, match="the counts lack stage; needed are"):
        one_person(west_lancashire.drop(columns="stage"))
