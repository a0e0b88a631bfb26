"""Applications by day and outcome: records to counts, counts to estimates; ten applications, a whole city."""

import numpy as np
import pandas as pd
import pytest
from conftest import CITY, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact import cells, disclosure, durations, incidence
from divimpact import counts as counting
from divimpact.estimates import COLUMNS
from divimpact.intervals import newcombe, wilson
from divimpact.schema import read_city
from divimpact.waiting import by_day, in_progress, on_the_way

OFFERING = CITY.replace('"shortlisted", "appointed"', '"offered", "appointed"')
RECORDS = """period,vacancy,origin,stage,outcome,days,count
2024,V1,none,appointed,hired,10,1
2024,V1,none,applied,rejected,10,2
2024,V1,none,applied,withdrawn,12,3
2024,V1,none,offered,withdrawn,30,1
2024,V2,none,applied,in_progress,30,4
2024,V2,abroad,appointed,hired,10,5
2024,V2,abroad,applied,,20,6
2024,V2,not stated,applied,rejected,,7
"""
# day, and hired, rejected or still open: by day 90 .471429 are hired; of all .3, of the closed .5
TEN = [10, 20, 20, 30, 40, 50, 60, 70, 80, 90], "r r c h r c h c h c".split()
WAYS = {"h": "hired", "r": "rejected", "c": "in_progress", "w": "withdrawn"}


def counted(people, reference="here", **columns):
    """A count table by day and outcome from days and states of each group."""
    records = pd.concat(
        [
            pd.DataFrame({"group": group, "days": days, "outcome": [WAYS[one] for one in states]})
            for group, (days, states) in people.items()
        ],
        ignore_index=True,
    )
    keys = records[["days", "outcome"]].drop_duplicates().sort_values(["days", "outcome"])
    everyone = keys.merge(pd.DataFrame({"group": list(people)}), how="cross")
    found = everyone.merge(records.value_counts().rename("numerator").reset_index(), how="left").fillna(
        {"numerator": 0.0}
    )
    found = found.assign(denominator=found.groupby("group")["numerator"].transform("sum"), dimension="origin")
    return found.assign(reference=reference, role="group", **columns)


def with_cells(counts):
    """The counts with names, and the totals of the closed vacancies with theirs."""
    named = counts.assign(cells=[(f"{row.group} {row.outcome} {row.days:g}",) for row in counts.itertuples()])
    totals = counts[["dimension", "group", "reference"]].drop_duplicates()
    return named, totals.assign(stage="overall", cells=[(f"{group} overall",) for group in totals["group"]])


# Records to counts


def test_eight_rows_of_records_counted_by_hand(city_folder):
    found = durations.outcomes(read_city(city_folder(OFFERING, applications=RECORDS)), "origin")
    assert [*found] == [
        "days",
        "outcome",
        "dimension",
        "group",
        "role",
        "reference",
        "numerator",
        "denominator",
        "cells",
    ]
    table = found.pivot_table(index=["days", "outcome"], columns="group", values="numerator", dropna=False, sort=False)
    seen = found.drop_duplicates(["days", "outcome"])[["days", "outcome"]].to_numpy().tolist()
    assert seen[:-1] == [
        [10, "hired"],
        [10, "rejected"],
        [12, "withdrawn"],
        [20, "not stated"],
        [30, "declined"],
        [30, "in_progress"],
    ]
    assert np.isnan(seen[-1][0]) and seen[-1][1] == "rejected"
    assert found[found["group"] == "none"]["numerator"].tolist() == [1, 2, 3, 0, 1, 4, 0]
    assert found[found["group"] == "abroad"]["numerator"].tolist() == [5, 0, 0, 6, 0, 0, 0]
    assert found[found["group"] == "not stated"]["numerator"].tolist() == [0] * 6 + [7]
    assert found.groupby("group")["denominator"].unique().map(list).to_dict() == {
        "none": [11],
        "abroad": [11],
        "not stated": [7],
    }
    assert len(table) and found["cells"].str[0].is_unique and found["cells"].map(len).eq(2).all()


def test_rows_without_a_count_are_one_each_and_open_vacancies_stay_in(city_folder):
    rows = RECORDS.replace(",count", "").splitlines()
    records = "\n".join([rows[0], *(row.rsplit(",", 1)[0] for row in rows[1:])])
    found = durations.outcomes(read_city(city_folder(OFFERING, applications=records)), "origin")
    assert found.groupby("group")["numerator"].sum().to_dict() == {"none": 5, "abroad": 2, "not stated": 1}


def test_without_days_or_outcome_nothing_is_known(city_folder):
    plain = "period,origin,stage,count\n2024,none,applied,3\n"
    with pytest.raises(
        ValueError, match="applications have no days and no outcome: what became of them by a day is not known"
    ):
        durations.outcomes(read_city(city_folder(OFFERING, applications=plain)), "origin")


# Counts to estimates


def test_two_groups_by_hand():
    # abroad as printed; here 4 of 8 hired on day 20, the others rejected on day 40
    counts = counted({"abroad": TEN, "here": ([20] * 4 + [40] * 4, list("hhhhrrrr"))})
    kept, found = counts.copy(deep=True), by_day(counts, None, 90)
    hired = found[found["detail"] == "hired within 90 days"].set_index(["measure", "group"])
    assert hired.loc[("outcome_by_day", "abroad"), "estimate"] == pytest.approx(0.471429, abs=5e-7)
    assert hired.loc[("outcome_by_day", "here"), "estimate"] == pytest.approx(0.5)
    assert hired.loc[("outcome_difference", "abroad"), "estimate"] == pytest.approx(-0.028571, abs=5e-7)
    assert ("outcome_difference", "here") not in hired.index
    assert set(found["detail"]) == {"hired within 90 days", "rejected within 90 days", "undecided after 90 days"}
    assert set(found["method"]) == {"aalen_johansen"}
    open_still = found[(found["measure"] == "outcome_by_day") & found["detail"].str.startswith("undecided")]
    assert open_still["estimate"].tolist() == pytest.approx([1 - 0.471429 - 0.314286, 0], abs=1e-6)
    assert "numerator" not in found and list(found) == [column for column in COLUMNS if column in found]
    assert_frame_equal(counts, kept)


def test_without_open_applications_it_is_nearly_the_plain_rate_and_newcombes_difference():
    many = {
        "a": ([10] * 560 + [20] * 140, ["h"] * 560 + ["r"] * 140),
        "here": ([10] * 480 + [20] * 320, ["h"] * 480 + ["r"] * 320),
    }
    found = by_day(counted(many), None, 20).query("detail == 'hired within 20 days'")
    assert found["estimate"].tolist() == pytest.approx([0.8, 0.6, 0.2])
    assert found[["conf_low", "conf_high"]].iloc[0].tolist() == pytest.approx(wilson(560, 700), abs=2e-4)
    assert found[["conf_low", "conf_high"]].iloc[2].tolist() == pytest.approx(newcombe(560, 700, 480, 800), abs=4e-4)


def test_on_the_way_hires_and_other_ends_by_hand():
    # of 10, 2 are hired on day 10, 3 turned away and 1 withdraws on day 20, 1 is hired on day 30 of the 4 left
    counts = counted({"here": ([10] * 2 + [20] * 4 + [30] * 4, list("hhrrrwhrrc"))})
    found = on_the_way(counts, None, [10, 25, 30]).set_index("detail")["estimate"]
    assert found.to_dict() == pytest.approx(
        {
            "hired within 10 days": 0.2,
            "ended otherwise within 10 days": 0,
            "hired within 25 days": 0.2,
            "ended otherwise within 25 days": 0.4,
            "hired within 30 days": 0.3,
            "ended otherwise within 30 days": 0.6,
        }
    )
    with pytest.raises(ValueError, match="the horizons do not rise: give one or more"):
        on_the_way(counts, None, [30, 10])


def test_on_the_way_ends_where_by_day_does():
    counts = counted({"abroad": TEN, "here": ([20] * 4 + [40] * 4, list("hhhhrrrw"))})
    last = on_the_way(counts, None, [30, 90]).query("detail == 'hired within 90 days'")
    whole = by_day(counts, None, 90).query("detail == 'hired within 90 days' and measure == 'outcome_by_day'")
    assert_frame_equal(*(frame.drop(columns="measure").reset_index(drop=True) for frame in (last, whole)))


def test_a_day_on_the_way_rests_on_the_days_since_the_one_before_and_until_the_last():
    # hired on days 1 to 20 and 31 to 33, turned away on all of them
    days = [*range(1, 21), *range(31, 34)]
    counts, totals = with_cells(counted({"here": (days * 2, ["h"] * 23 + ["r"] * 23)}))
    found = on_the_way(counts, totals, [15, 20, 33]).drop_duplicates("detail").set_index("detail")["strata"]
    assert found["hired within 15 days"] == 8, "15 days until then, 8 from then to the last"
    assert found["hired within 20 days"] == 3, "5 days since day 15, 3 from then to the last"
    assert found["hired within 33 days"] == 23, "the last day is that of by_day"


def test_days_that_are_not_known_are_left_out_and_counted():
    counts = counted({"here": TEN})
    more = counts.iloc[:1].assign(days=np.nan, outcome="hired", numerator=3.0)
    both = pd.concat([counts, more], ignore_index=True).assign(denominator=13.0)
    assert_frame_equal(by_day(both, None, 90), by_day(counts, None, 90))
    shares = in_progress(both).set_index("measure")
    assert shares[["numerator", "denominator"]].to_numpy().tolist() == [[4, 13], [3, 13]]
    assert shares.loc["open_share", ["conf_low", "conf_high"]].tolist() == pytest.approx(wilson(4, 13))


def test_beyond_what_was_watched_nothing_is_said():
    found = by_day(counted({"abroad": TEN, "here": ([20] * 4 + [40] * 4, list("hhhhrrrr"))}), None, 91)
    rows = found.set_index(["measure", "group", "detail"])["estimate"]
    assert rows[("outcome_by_day", "here", "hired within 91 days")] == 0.5  # all have ended
    assert (
        rows.drop(index=[("outcome_by_day", "here", f"{way} within 91 days") for way in ("hired", "rejected")])
        .drop(index=[("outcome_by_day", "here", "undecided after 91 days")])
        .isna()
        .all()
    )


def test_cells_of_the_totals_and_within_those_by_day():
    counts, totals = with_cells(counted({"abroad": TEN, "here": ([20] * 4 + [40] * 4, list("hhhhrrrr"))}))
    found = by_day(counts, totals, 60).set_index(["measure", "group", "detail"])
    one = found.loc[("outcome_by_day", "abroad", "hired within 60 days")]
    assert one["cells"] == ("abroad overall",) and one["strata"] == 2 and one["residual_df"] == 1  # days 30 and 60
    assert {*one["within"]} == {name for (name,) in counts.loc[counts["group"] == "abroad", "cells"]}
    both = found.loc[("outcome_difference", "abroad", "hired within 60 days")]
    assert both["cells"] == ("abroad overall", "here overall") and both["strata"] == 1 and both["residual_df"] == 0
    assert len(both["within"]) == len(counts)


def test_ways_are_shown_all_or_none_so_that_none_is_told_by_the_others():
    many = [*range(40), *range(20), 3, 4], ["r"] * 40 + ["w"] * 20 + ["h"] * 2
    counts, totals = with_cells(counted({"here": many}))
    found = by_day(counts, totals, 50)
    assert set(found["strata"]) == {2} and set(found["residual_df"]) == {1}, "hired on two days only"


def test_row_order_and_further_keys_decide_nothing():
    counts = counted({"abroad": TEN, "here": ([20] * 4 + [40] * 4, list("hhhhrrrr"))})
    found = by_day(counts, None, 90)
    turned = by_day(counts.iloc[::-1], None, 90)
    keys = ["measure", "group", "detail"]
    assert_frame_equal(*(frame.sort_values(keys, ignore_index=True) for frame in (turned, found)))
    twice = by_day(pd.concat([counts.assign(unit=unit) for unit in ("parks", "library")]), None, 90)
    for _, part in twice.groupby("unit"):
        assert_frame_equal(part.drop(columns="unit").reset_index(drop=True), found)
    assert by_day(counts.iloc[:0], None, 90).empty


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "here"]), st.integers(0, 9), st.sampled_from("hrwc")), min_size=2, max_size=40
    )
)
def test_rows_are_those_of_the_arrays_and_with_the_undecided_they_add_up_to_one(people):
    groups = {group: [(day, state) for name, day, state in people if name == group] for group in ("a", "here")}
    counts = counted({group: tuple(zip(*found, strict=True)) or ([], []) for group, found in groups.items() if found})
    counts = counts.assign(reference=counts["group"].iloc[0])
    found = by_day(counts, None, 5)
    sums = found[found["measure"] == "outcome_by_day"].groupby("group")["estimate"].sum(min_count=1).dropna()
    assert sums.tolist() == pytest.approx([1] * len(sums))
    for group, one in counts.groupby("group"):
        wide = one.pivot_table(index="days", columns="outcome", values="numerator", fill_value=0)
        ways = sorted(set(wide) - {"in_progress"})
        waiting = wide["in_progress"] if "in_progress" in wide else 0 * wide.iloc[:, 0]
        expected = incidence.aalen_johansen(wide.index, wide[ways], waiting, 5)[0]
        rows = found[(found["measure"] == "outcome_by_day") & (found["group"] == group)]["estimate"].iloc[:-1]
        np.testing.assert_allclose(rows, expected, atol=1e-12)


# A whole city


@pytest.mark.slow
def test_rows_of_a_city_pass_protection_and_open_counts_are_refused():
    city = read_city(ROOT / "data" / "sample")
    plan = disclosure.plan(*cells.publishable(city), disclosure.Policy(**city.publication))
    counts = durations.outcomes(city, "gender")
    safe = disclosure.protect(by_day(counts, counting.applications(city, "gender"), 120), plan).frame
    women = safe[safe["group"] == "women"]
    assert not women["suppressed"].any() and all(float(f"{value:.3g}") == value for value in women["estimate"])
    with pytest.raises(ValueError, match="are not among those the review may publish"):
        disclosure.protect(in_progress(counts), plan)
    everyone = counts[counts["role"] != "combined"].groupby("group")["denominator"].first().sum()
    assert everyone == counting.left_out(city)["records"].iloc[0]


def test_refusals_name_what_is_wrong():
    counts = counted({"abroad": TEN, "here": TEN})
    with pytest.raises(ValueError, match="the counts lack days; needed are dimension, group"):
        by_day(counts.drop(columns="days"), None, 90)
    with pytest.raises(ValueError, match="the reference 'nobody' has no row: count it too"):
        by_day(counts.assign(reference="nobody"), None, 90)
    with pytest.raises(ValueError, match="horizon -5 is not a day from 0 on"):
        by_day(counts, None, -5)
    with pytest.raises(ValueError, match="more than one row for dimension origin, group abroad"):
        in_progress(pd.concat([counts, counts]))
