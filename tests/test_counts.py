"""Count tables: by hand, against plain pandas on the shipped data, and what always holds."""

import doctest
from dataclasses import replace
from functools import cache
from itertools import pairwise

import ibis
import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from ibis.backends.duckdb import Backend
from pandas.testing import assert_frame_equal

from divimpact import cells, counts, schema, spans

TOML = """
name = "Testville"

[dimensions.origin]
groups = ["here", "near", "far"]
reference = "here"
undeclared = "silent"
combine = { abroad = ["near", "far"], anybody = ["here", "far"] }

[dimensions.gender]
groups = ["men", "women"]
reference = "men"

[staff]
grades = ["low", "middle", "high", "top"]
leadership = ["high", "top"]

[applications]
stages = ["applied", "invited", "hired"]
"""
MEMBERS = ["anybody", "here", "abroad", "near", "far", "silent"]
ROLES = ["overlapping", "group", "combined", "group", "group", "undeclared"]
COLUMNS = ["dimension", "group", "role", "reference", "numerator", "denominator", "cells"]


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """Testville, whose tables each test brings."""
    folder = tmp_path_factory.mktemp("testville")
    folder.joinpath("city.toml").write_text(TOML)
    folder.joinpath("staff.csv").write_text("period,origin,gender\n2024,here,men\n")
    return schema.read_city(folder)


@pytest.fixture(scope="module")
def of(empty):
    """Return a function that gives Testville with these frames as its tables."""
    return lambda **frames: replace(
        empty, tables={name.replace("__", "."): ibis.memtable(frame) for name, frame in frames.items()}
    )


@pytest.fixture(scope="module")
def cities():
    """Return a function that reads a city of the repository once."""
    return cache(lambda name: schema.read_city(ROOT / "data" / name))


@pytest.fixture
def queries(monkeypatch):
    """The number of rows that each query hands out to pandas."""
    rows, execute = [], Backend.execute

    def counted(*args, **options):
        found = execute(*args, **options)
        rows.append(len(found) if np.ndim(found) else 1)
        return found

    monkeypatch.setattr(Backend, "execute", counted)
    return rows


def frame(text):
    """Read a small table; ~ stands for an empty cell."""
    header, *rows = [line.split() for line in text.strip().splitlines()]
    found = pd.DataFrame(rows, columns=header).replace("~", None)
    numbers = [column for column in ("count", "users", "eligible") if column in found]
    return found.astype(dict.fromkeys(numbers, float))


def numerators(table, *keys):
    """The numerators as a frame of keys by groups."""
    return table.pivot_table("numerator", list(keys), "group", sort=False, observed=True)[table["group"].unique()]


# Counted by hand

STAFF = frame("""
    period unit  grade  origin gender person
    2023   Parks low    here   men    a
    2023   Parks middle here   men    a
    2023   Water top    far    women  b
    2023   Parks low    silent men    c
    2024   Parks high   here   women  d
    2024   Parks top    here   women  d
    2024   ~     ~      near   women  ~
    2024   Water low    near   men    ~
""")


def test_staff_of_eight_contracts_counted_by_hand(of):
    found = counts.staff(of(staff=STAFF), "origin")
    assert [*found] == ["period", *COLUMNS, "total", "total_cells"]
    assert found["period"].tolist() == ["2023"] * 6 + ["2024"] * 6
    assert found["group"].tolist() == MEMBERS * 2
    assert found["role"].tolist() == ROLES * 2
    assert set(found["dimension"]) == {"origin"} and set(found["reference"]) == {"here"}
    # a and d hold two contracts each and are one head; the two without a pseudonym are two
    assert found["numerator"].tolist() == [2, 1, 1, 0, 1, 1] + [1, 1, 2, 2, 0, 0]
    assert found["denominator"].tolist() == [2, 2, 2, 2, 2, 3] + [3, 3, 3, 3, 3, 3]
    assert found["total"].tolist() == [3] * 6 + [3] * 6


def test_staff_by_grade_counts_two_contracts_in_two_grades_and_adds_leadership_up(of):
    found = counts.staff(of(staff=STAFF), "origin", by=("period", "grade"))
    by_grade = numerators(found, "period", "grade")
    assert by_grade.loc["2023"].index.tolist() == ["low", "middle", "high", "top", "not stated", "leadership"]
    assert by_grade["here"].tolist() == [1, 1, 0, 0, 0, 0] + [0, 0, 1, 1, 0, 2]
    assert by_grade["near"].tolist() == [0, 0, 0, 0, 0, 0] + [1, 0, 0, 0, 1, 0]
    assert by_grade["silent"].tolist() == [1, 0, 0, 0, 0, 0] + [0] * 6
    assert by_grade["abroad"].tolist() == [0, 0, 0, 1, 0, 1] + [1, 0, 0, 0, 1, 0]
    leadership = found[(found["grade"] == "leadership") & (found["period"] == "2024")]
    assert leadership["denominator"].tolist() == [2] * 6 and leadership["total"].tolist() == [2] * 6


APPLICATIONS = frame("""
    vacancy origin stage   outcome     count
    V1      here   hired   hired       2
    V1      here   invited rejected    3
    V1      far    applied withdrawn   4
    V2      far    applied in_progress 5
    V2      here   invited rejected    6
    ~       near   invited rejected    7
    ~       near   applied in_progress 8
    V3      silent applied ~           9
""")


def test_applications_of_eight_rows_counted_by_hand(of):
    # V2 is open and left out whole; of the vacancies without a name only those waiting; an empty outcome is closed
    found = counts.applications(of(applications=APPLICATIONS), "origin")
    assert [*found] == ["stage", *COLUMNS]
    assert found["group"].tolist() == MEMBERS * 3
    assert found["stage"].tolist() == ["invited"] * 6 + ["hired"] * 6 + ["overall"] * 6
    assert found["numerator"].tolist() == [5, 5, 7, 7, 0, 0] + [2, 2, 0, 0, 0, 0] * 2
    assert found["denominator"].tolist() == [9, 5, 11, 7, 4, 9] + [5, 5, 7, 7, 0, 0] + [9, 5, 11, 7, 4, 9]


def test_what_is_left_out_is_counted_and_named(of):
    people = APPLICATIONS.drop(columns="count")
    found = counts.left_out(of(applications__origin=APPLICATIONS, applications__gender=people.drop(columns="vacancy")))
    assert found.drop(columns="cells").to_dict("records") == [
        {"table": "applications.origin", "records": 44, "left_out": 19, "reason": "vacancy still open"},
        {"table": "applications.gender", "records": 8, "left_out": 2, "reason": "application in progress"},
    ]
    assert (
        found["cells"].str[0].tolist()
        == [counts.cell("applications", {"stage": "applied"}, "origin", counts.EVERYONE, "")] * 2
    )


@pytest.mark.parametrize(
    ("dropped", "applied"),
    [
        ([], {"here": 5, "near": 7, "far": 4, "silent": 9}),
        (["vacancy"], {"here": 11, "near": 7, "far": 4, "silent": 9}),
        (["outcome"], {"here": 11, "near": 15, "far": 9, "silent": 9}),
        (["count"], {"here": 2, "near": 1, "far": 1, "silent": 1}),
    ],
)
def test_applications_without_an_optional_column(of, dropped, applied):
    records = APPLICATIONS.drop(columns=dropped)
    found = counts.applications(of(applications=records), "origin").query("stage == 'overall'")
    found = found[found["role"].isin(["group", "undeclared"])].set_index("group")["denominator"]
    assert found.to_dict() == applied
    left = counts.left_out(of(applications=records)).iloc[0]
    assert left["records"] - left["left_out"] == found.sum()
    assert left["left_out"] == {"vacancy": 13, "outcome": 0, "count": 3}.get("".join(dropped), 19)


def test_stages_within_vacancies_and_channels_by_hand(of):
    # V1 has two channels, V2 is open and left out whole; where the channel is empty it is "not stated"
    records = frame("""
        vacancy channel  origin stage   outcome     count
        V1      web      here   hired   hired       1
        V1      web      far    invited rejected    2
        V1      internal far    hired   hired       3
        V1      internal here   applied rejected    4
        V2      web      here   hired   hired       5
        V2      web      far    applied in_progress 6
        V3      ~        far    invited rejected    7
    """)
    both = counts.applications(of(applications=records), "origin", by=["channel", "vacancy"])
    assert [*both][:3] == ["vacancy", "channel", "stage"]
    assert both[["vacancy", "channel"]].drop_duplicates().to_numpy().tolist() == [
        [vacancy, channel] for vacancy in ("V1", "V3") for channel in ("internal", "web", "not stated")
    ]
    overall = both[(both["stage"] == "overall") & both["group"].isin(["here", "far"])]
    assert overall["numerator"].tolist() == [0, 3, 1, 0, 0, 0] + [0] * 6
    assert overall["denominator"].tolist() == [4, 3, 1, 2, 0, 0] + [0] * 5 + [7]
    whole = counts.applications(of(applications=records), "origin")
    for by in (["vacancy"], ["channel"], ["vacancy", "channel"]):
        parts = counts.applications(of(applications=records), "origin", by=by)
        added = parts.groupby(["stage", "group"], sort=False)[["numerator", "denominator"]].sum().reset_index()
        assert_frame_equal(added, whole[["stage", "group", "numerator", "denominator"]])
        assert parts["cells"].explode().isin(whole["cells"].explode()).sum() == 0  # counts of their own


def test_a_city_where_everything_is_still_open_has_zeros(of):
    waiting = APPLICATIONS.assign(outcome="in_progress")
    found = counts.applications(of(applications=waiting), "origin")
    assert len(found) == 18 and not found[["numerator", "denominator"]].any(axis=None)
    assert counts.applications(of(applications=waiting), "origin", by=["vacancy"]).empty
    assert counts.left_out(of(applications=waiting))[["records", "left_out"]].iloc[0].tolist() == [44, 44]


UPTAKE = frame("""
    period  service district    origin users eligible
    2023-Q4 Advice  ~           here   9     90
    2024-Q1 Advice  District_10 here   1     10
    2024-Q1 Advice  District_2  here   2     20
    2024-Q2 Advice  District_2  far    3     30
    2024-Q2 Advice  District_2  silent 4     ~
    2024-Q2 Sports  ~           near   5     ~
    2024-Q2 Sports  District_2  near   6     60
""")


def test_uptake_of_seven_rows_counted_by_hand(of):
    found = counts.uptake(of(uptake=UPTAKE), "origin")
    assert [*found] == ["period", "service", *COLUMNS, "counted"]
    assert found[["period", "service"]].drop_duplicates().to_numpy().tolist() == [
        [period, service] for period in ("2023-Q4", "2024-Q1", "2024-Q2") for service in ("Advice", "Sports")
    ]
    zeros, unknown = [0] * 6, np.nan
    users = [[9, 9, 0, 0, 0, 0], zeros, [3, 3, 0, 0, 0, 0], zeros, [3, 0, 3, 0, 3, 4], [0, 0, 11, 11, 0, 0]]
    assert found["numerator"].to_numpy().reshape(6, 6).tolist() == users
    np.testing.assert_array_equal(  # known only where each record says them
        found["denominator"].to_numpy().reshape(6, 6),
        [
            *([90, 90, 0, 0, 0, 0], zeros, [30, 30, 0, 0, 0, 0], zeros),
            *([30, 0, 30, 0, 30, unknown], [0, 0, unknown, unknown, 0, 0]),
        ],
    )


def test_uptake_of_the_last_year_by_district_in_natural_order(of):
    year = spans.last_year(of(uptake=UPTAKE))
    found = counts.uptake(year, "origin", by=("service", "district"))
    assert found["district"].unique().tolist() == ["District_2", "District_10", "not stated"]
    assert found.query("group == 'here'")["numerator"].tolist() == [2, 1, 0, 0, 0, 0]
    assert spans.periods(year, "uptake") == ["2024"]
    assert counts.uptake(year, "origin", by=["period"])["numerator"].tolist() == [6, 3, 14, 11, 3, 4]


@pytest.mark.parametrize(
    ("periods", "districts", "by", "expected"),
    [
        (["2024-Q1", "2024-Q2"], ["East", "West"], ["period", "service", "district"], "person-periods"),
        (["2024-Q1", "2024-Q2"], ["East", "West"], ["period", "service"], "uses"),
        (["2024-Q1", "2024-Q2"], ["East", "East"], ["period", "service"], "person-periods"),
        (["2023-Q4", "2024-Q1"], ["East", "East"], ["period", "service"], "people"),
        (["2023", "2024"], ["East", "East"], ["period", "service"], "people"),
        (["2024", "2024"], ["East", None], ["period", "service"], "uses"),
        (["2024", "2024"], ["East", "West"], ["period", "service", "district"], "people"),
    ],
)
def test_users_of_the_last_year_are_called_what_they_are(of, periods, districts, by, expected):
    records = pd.DataFrame({"period": periods, "service": "Advice", "district": districts, "origin": "here"})
    year = spans.last_year(of(uptake=records.assign(users=5.0, eligible=9.0)))
    assert set(counts.uptake(year, "origin", by=by)["counted"]) == {expected}


def test_users_added_over_periods_are_person_periods_and_over_services_uses(of):
    records = UPTAKE.assign(district="East")
    words = {by: counts.uptake(of(uptake=records), "origin", by=[by])["counted"][0] for by in ("service", "period")}
    assert words == {"service": "person-periods", "period": "uses"}
    assert set(counts.uptake(of(uptake=records.drop(columns="district")), "origin")["counted"]) == {"people"}


@pytest.mark.parametrize("period", ["2024", "2024-Q1"])
def test_a_last_year_of_one_period_gives_the_table_of_that_period(of, period):
    city = of(uptake=UPTAKE.assign(period=["2023", *[period] * 6], district="East"))
    year = spans.last_year(city)
    assert spans.periods(year, "uptake") == [period]
    by_period = counts.uptake(city, "origin").query("period == @period").reset_index(drop=True)
    pd.testing.assert_frame_equal(counts.uptake(year, "origin"), by_period)
    assert cells.publishable(city).frame["cell"].is_unique


def test_periods_of_all_parts_of_a_table(of):
    city = of(uptake__origin=UPTAKE, uptake__gender=UPTAKE.iloc[:2], staff=STAFF)
    assert spans.periods(city, "uptake") == ["2023-Q4", "2024-Q1", "2024-Q2"]
    assert spans.periods(city, "staff") == ["2023", "2024"]
    assert spans.periods(city, "applications") == []


# Names in order, keys by name


def test_names_are_in_natural_order_whatever_the_order_of_the_rows(of):
    units = ["Unit 10", "unit 9", "Unit 2", "2²", "10", "9", None, "not stated", "Zoo", "öffentlich"]
    units += ["7", "07", "007", "0007", "00007"]
    records = pd.DataFrame({"period": "2024", "unit": units, "gender": "men"})
    expected = ["2²", "00007", "0007", "007", "07", "7", "9", "10"]
    expected += ["Unit 2", "unit 9", "Unit 10", "Zoo", "öffentlich", "not stated"]
    for rows in (records, records[::-1], records.sample(frac=1, random_state=1)):
        found = counts.staff(of(staff=rows), "gender", by=["period", "unit"])
        assert found["unit"].unique().tolist() == expected
    assert found.query("unit == 'not stated' and group == 'men'")["numerator"].tolist() == [2]


def test_grades_and_stages_stand_in_stated_order_and_all_are_there(of):
    records = pd.DataFrame({"period": "2024", "grade": ["top", "low"], "gender": ["men", "women"], "stage": "hired"})
    found = counts.staff(of(staff=records.drop(columns="stage")), "gender", by=["period", "grade"])
    assert found["grade"].unique().tolist() == ["low", "middle", "high", "top", "leadership"]
    found = counts.applications(of(applications=records), "gender", by=["grade"])
    assert found["grade"].unique().tolist() == ["low", "middle", "high", "top"]
    assert found["stage"].unique().tolist() == ["invited", "hired", "overall"]


def test_keys_may_be_named_in_any_order_and_twice(of):
    expected = counts.staff(of(staff=STAFF), "origin", by=("period", "unit", "grade"))
    found = counts.staff(of(staff=STAFF), "origin", by=["grade", "unit", "period", "unit"])
    assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("by", "message"),
    [
        (["period", "district"], "staff cannot be counted by 'district'; its keys are: period, unit, grade"),
        (["period", "gender"], "staff cannot be counted by 'gender'; its keys are: period, unit, grade"),
        ("period", "staff cannot be counted by 'p'; its keys are: period, unit, grade"),
        (["unit"], "staff is counted at the end of each period: name 'period' among the keys"),
    ],
)
def test_a_key_that_the_table_does_not_have_is_refused(of, by, message):
    with pytest.raises(ValueError, match=message):
        counts.staff(of(staff=STAFF), "origin", by=by)


def test_the_undeclared_always_have_their_row(of):
    records = pd.DataFrame({"period": ["2024"], "origin": ["here"], "service": "Advice", "users": 1, "eligible": 2})
    city = of(staff=records[["period", "origin"]], uptake=records)
    for table in (counts.staff(city, "origin"), counts.uptake(city, "origin")):
        assert table.query("role == 'undeclared'")["numerator"].tolist() == [0]
    assert counts.staff(city, "origin")["total"].tolist() == [1] * 6


def test_large_counts_are_exact(of):
    large = 2**53 - 4
    records = pd.DataFrame({"period": "2024", "gender": ["men", "women", "men"], "count": [float(large), 1, 2]})
    found = counts.staff(of(staff=records), "gender")
    assert found["numerator"].map(int).tolist() == [large + 2, 1]
    assert found["total"].map(int).tolist() == [large + 3] * 2


# Published figures and the sample, by plain pandas


def test_west_lancashire(cities):
    # West Lancashire Borough Council, recruitment April 2019 to March 2020: applied, shortlisted, appointed
    found = counts.applications(cities("published/west_lancashire"), "ethnicity")
    rows = found.set_index(["stage", "group"])[["numerator", "denominator"]]
    assert rows.xs("BME", level="group").to_numpy().tolist() == [[10, 43], [2, 10], [2, 43]]
    assert rows.xs("White", level="group").to_numpy().tolist() == [[389, 920], [117, 389], [117, 920]]


def test_berkeley(cities):
    # Bickel, Hammel and O'Connell 1975, six largest departments (R: datasets::UCBAdmissions)
    found = counts.applications(cities("published/berkeley_1973"), "gender").query("stage == 'overall'")
    assert found.set_index("group")[["numerator", "denominator"]].T.to_dict("list") == {
        "men": [1198, 2691], "women": [557, 1835]
    }  # fmt: skip
    by_department = counts.applications(cities("published/berkeley_1973"), "gender", by=["vacancy"])
    assert by_department.query("stage == 'admitted' and group == 'women'")["numerator"].tolist() == [
        89,
        17,
        202,
        131,
        94,
        24,
    ]


def test_staff_of_the_sample_by_plain_pandas(cities):
    city, codes = cities("sample"), {"0": "none", "1": "parents born abroad", "2": "born abroad", "": "not stated"}
    people = pd.read_csv(
        ROOT / "data/sample/staff.csv", dtype={"period": "str", "HERKUNFT": "str"}, keep_default_na=False
    )
    for by in (["period"], ["period", "grade"], ["period", "unit"]):
        expected = people.assign(group=people["HERKUNFT"].map(codes)).groupby([*by, "group"])["count"].sum().unstack()
        found = numerators(counts.staff(city, "origin", by=by), *by)
        found = found.drop("leadership", level="grade") if "grade" in by else found
        assert_frame_equal(
            found.sort_index()[expected.columns], expected.astype(float), check_names=False, check_index_type=False
        )


def test_applications_of_the_sample_by_plain_pandas(cities):
    records = pd.read_csv(ROOT / "data/sample/applications.csv", keep_default_na=False)
    records = records[~records["vacancy"].isin(records[records["outcome"] == "in_progress"]["vacancy"])]
    stages = ["applied", "shortlisted", "interviewed", "offered", "appointed"]
    expected = records.groupby(["gender", "stage"]).size().unstack()[stages].iloc[:, ::-1].cumsum(axis=1)
    found = counts.applications(cities("sample"), "gender").set_index(["stage", "group"])
    for before, after in pairwise(stages):
        assert found.loc[after, "numerator"].to_dict() == expected[after].to_dict()
        assert found.loc[after, "denominator"].to_dict() == expected[before].to_dict()
    assert found.loc["overall", "denominator"].to_dict() == expected["applied"].to_dict()


def test_uptake_of_the_sample_by_plain_pandas(cities):
    records = pd.read_csv(ROOT / "data/sample/uptake.csv", keep_default_na=False)
    year = records.assign(period=records["period"].str[:4])
    keys, city = ["period", "service", "district"], cities("sample")
    for last, found in ((year, spans.last_year(city)), (records, spans.last_period(city))):
        expected = last.query("period == period.max()").groupby([*keys, "origin"])[["users", "eligible"]].sum()
        found = counts.uptake(found, "origin", by=keys)
        found = found[found["role"].isin(["group", "undeclared"])].set_index([*keys, "group"])
        assert found[["numerator", "denominator"]].sort_index().to_numpy().tolist() == expected.to_numpy().tolist()


# What always holds

few = settings(max_examples=10, deadline=None)
origins = st.sampled_from(["here", "near", "far", "silent"])
names = st.sampled_from(["Unit 1", "Unit 10", "Unit 2", "a|b", 'say "x"', "{}", "not stated", None])
people = st.integers(0, 30)


def tables(**columns):
    """Draw small tables with these columns; an empty cell is None."""
    rows = st.lists(st.tuples(*columns.values()), min_size=1, max_size=12)
    return rows.map(lambda drawn: pd.DataFrame(drawn, columns=list(columns)))


staffs = tables(
    period=st.sampled_from(["2023", "2024"]),
    unit=names,
    grade=st.sampled_from(["low", "middle", "high", "top", None]),
    origin=origins,
    count=people,
)
funnels = tables(
    vacancy=st.sampled_from(["V1", "V2", "V10", None]),
    unit=names,
    origin=origins,
    stage=st.sampled_from(["applied", "invited", "hired"]),
    outcome=st.sampled_from(["rejected", "hired", "withdrawn", "in_progress", None]),
    count=people,
)
uses = tables(
    period=st.sampled_from(["2023-Q4", "2024-Q1", "2024-Q2"]),
    service=st.sampled_from(["Advice", "Sports"]),
    district=names,
    origin=origins,
    users=people,
    eligible=st.none() | st.integers(30, 60),
).map(lambda drawn: drawn.astype({"eligible": float}))


def everybody(table):
    """Add the numerators up: without combined groups and leadership, which repeat people."""
    once = table["role"].isin(["group", "undeclared"])
    return table[once & (table["grade"] != "leadership") if "grade" in table else once]["numerator"].sum()


@few
@given(staffs)
def test_staff_is_kept_whatever_the_keys(of, records):
    for by in (["period"], ["period", "unit"], ["period", "grade"]):
        assert everybody(counts.staff(of(staff=records), "origin", by=by)) == records["count"].sum()


@few
@given(staffs)
def test_every_combination_is_there_and_its_parts_add_up(of, records):
    found = counts.staff(of(staff=records), "origin", by=["period", "unit", "grade"])
    keys = ["period", "unit", "grade", "group"]
    assert not found.duplicated(keys).any()
    assert len(found) == np.prod([found[key].nunique() for key in keys])
    wide = numerators(found, *keys[:3])
    added = wide.assign(abroad=wide["near"] + wide["far"], anybody=wide["here"] + wide["far"])
    assert_frame_equal(wide, added)
    declared = wide[["here", "near", "far"]].sum(axis=1).repeat(len(MEMBERS)).to_numpy()
    total = declared + wide["silent"].repeat(len(MEMBERS)).to_numpy()
    assert (found["total"] == total).all()
    assert (found["denominator"] == np.where(found["role"] == "undeclared", total, declared)).all()
    by_grade = found.pivot(
        index=["period", "unit", "group"], columns="grade", values=["numerator", "denominator", "total"]
    )
    leaders = by_grade.xs("leadership", axis=1, level="grade")
    assert_frame_equal(leaders, by_grade.xs("high", axis=1, level="grade") + by_grade.xs("top", axis=1, level="grade"))


@settings(few, max_examples=8)
@given(staffs, st.integers(0, 99))
def test_people_and_ready_made_counts_give_the_same_table_in_any_order(of, records, seed):
    records = records[records["count"] > 0]  # no row of a person stands for nobody
    each = records.loc[records.index.repeat(records["count"])].drop(columns="count")
    named = each.assign(person=[f"p{number}" for number in range(len(each))])
    twice = pd.concat([named, named.sample(frac=0.5, random_state=seed)])
    shuffled = records.sample(frac=1, random_state=seed)
    expected, *found = [
        counts.staff(of(staff=rows.reset_index(drop=True)), "origin", by=["period", "unit", "grade"])
        for rows in (records, shuffled, each, named, twice)
        if len(rows)
    ] or [None]
    for table in found:
        assert_frame_equal(table, expected)


@few
@given(funnels, st.sampled_from([[], ["vacancy"], ["outcome"]]))
def test_a_funnel_narrows_and_everybody_is_counted_or_left_out(of, records, dropped):
    city = of(applications=records.drop(columns=dropped))
    left = counts.left_out(city).iloc[0]
    assert left["records"] == records["count"].sum()
    for by in ([], ["unit"]):
        found = counts.applications(city, "origin", by=by)
        invited, hired, overall = (found[found["stage"] == stage] for stage in ("invited", "hired", "overall"))
        once = overall["role"].isin(["group", "undeclared"])
        assert overall[once]["denominator"].sum() == left["records"] - left["left_out"]
        assert overall["denominator"].tolist() == invited["denominator"].tolist()
        assert invited["numerator"].tolist() == hired["denominator"].tolist()
        assert hired["numerator"].tolist() == overall["numerator"].tolist()
        assert (found["numerator"] <= found["denominator"]).all()


@few
@given(uses)
def test_users_are_kept_and_the_eligible_are_whole_or_missing(of, records):
    city = of(uptake=records)
    for by in (["service"], ["period", "service", "district"]):
        assert everybody(counts.uptake(city, "origin", by=by)) == records["users"].sum()
    expected = records.groupby("origin")["eligible"].agg(lambda eligible: eligible.sum(skipna=False))
    found = counts.uptake(city, "origin", by=[]).set_index("group")["denominator"]
    np.testing.assert_array_equal(found[expected.index], expected)


# What a review may publish

NOTEBOOKS = [  # what they count, and of which periods
    (counts.staff, ["period"], None),
    (counts.staff, ["period", "grade"], None),
    (counts.applications, [], None),
    (counts.applications, ["channel"], None),
    (counts.applications, ["unit"], None),
    (counts.uptake, ["period", "service"], None),
    (counts.uptake, ["period", "service"], spans.last_year),
    (counts.uptake, ["period", "service", "district"], spans.last_period),
]


def published_tables(city):
    for count, by, of_periods in NOTEBOOKS:
        table = count.__name__
        if city.has(table) and all(city.has(table, key) for key in by):
            view = of_periods(city) if of_periods else city
            found = (count(view, dimension, by=by) for dimension in city.dimensions_of(table))
            yield from (part[part["stage"] == "overall"] if "stage" in part and by else part for part in found)
    for dimension, other in counts.intersections(city):
        crossed = counts.applications(city, dimension, by=[other])
        yield crossed[crossed["stage"] == "overall"]


def behind(table):
    """Every cell that the rows of a count table rest on, with its count."""
    for row in table.itertuples():
        yield from zip(row.cells, (row.numerator, row.denominator, row.denominator - row.numerator), strict=True)
        if "total" in table and row.role != "undeclared":
            yield from zip(row.total_cells, (row.total, row.total - row.denominator), strict=True)


@pytest.mark.parametrize("name", ["sample", "published/west_lancashire", "published/berkeley_1973"])
def test_the_three_counts_behind_each_row_are_listed(cities, name):
    listed, _ = cells.publishable(cities(name))
    assert [*listed] == list(cells.COLUMNS)
    assert listed["cell"].is_unique and listed["count"].notna().all()
    listed = listed[listed["table"] != "flows"]  # which tests/test_flows.py looks at
    assert (listed["everyone"].isna() == listed["cell"].str.contains('["everyone"]', regex=False)).all()
    found = listed.set_index("cell")["count"].to_dict()
    behind_rows = dict(pair for table in published_tables(cities(name)) for pair in behind(table))
    assert {cell: found[cell] for cell in behind_rows} == behind_rows
    assert all("declared" in cell or "everyone" in cell for cell in set(found) - set(behind_rows))


@pytest.mark.parametrize("name", ["sample", "published/west_lancashire", "published/berkeley_1973"])
def test_the_sums_are_kept_by_the_counts(cities, name):
    listed, sums = cells.publishable(cities(name))
    count = listed.set_index("cell")["count"]
    assert len(sums) > 9
    for total, parts, _, less in sums:
        assert count[total] == count[[*parts]].sum() - count[[*less]].sum(), (total, parts, less)


@settings(few, max_examples=5)
@given(staffs, funnels, uses)
def test_one_name_is_one_count_in_every_table(of, staff, applications, uptake):
    city, found = of(staff=staff, applications=applications, uptake=uptake), {}
    by_unit = [counts.staff(city, "origin", by=["unit", "period"]), counts.applications(city, "origin", by=["unit"])]
    for table in [*published_tables(city), *by_unit]:
        for cell, count in behind(table):
            np.testing.assert_equal(found.setdefault(cell, count), count)
    listed, sums = cells.publishable(city)
    assert listed["cell"].is_unique
    count = listed.set_index("cell")["count"]
    own = [cell for cell in listed["cell"] if cell in found]
    np.testing.assert_array_equal([found[cell] for cell in own], count[own])
    for total, parts, *_ in sums:
        assert count[[total, *parts]].isna().any() or count[total] == count[[*parts]].sum()


def test_declared_and_everyone_are_counted_once_in_each_period(of):
    listed, _ = cells.publishable(of(staff=STAFF, applications=APPLICATIONS, uptake=UPTAKE))
    listed = listed[listed["everyone"].notna()]
    gates = listed.drop_duplicates(["table", "by", "declared", "everyone"])[["table", "by", "declared", "everyone"]]
    assert [tuple(row) for row in gates.itertuples(index=False) if row.table == "staff"] == [
        ("staff", "period", 2, 3),
        ("staff", "period", 3, 3),
        ("staff", "period, grade", 3, 4),  # two contracts are in two grades
        ("staff", "period, grade", 4, 4),
    ]
    assert [tuple(row)[2:] for row in gates.itertuples(index=False) if row.table == "applications"] == [(16, 25)]
    assert [tuple(row)[1:] for row in gates.itertuples(index=False) if row.table == "uptake"] == [
        ("period, service", 9, 9),
        ("period, service", 3, 3),
        ("period, service", 14, 18),
        ("period, service", 17, 21),
        ("period, service, district", 14, 18),
    ]


def test_published_percentages_rest_on_the_group_its_base_and_the_others(city_folder):
    shares = "period,dimension,group,share,base\n2023,origin,abroad,0.04,200\n2024,origin,abroad,0.05,\n"
    city = schema.read_city(city_folder(shares=shares))
    found, (listed, sums) = counts.shares(city), cells.publishable(city)
    assert listed["cell"].tolist() == [cell for row in found["cells"] for cell in row]
    np.testing.assert_array_equal(listed["count"], [8, 200, 192, np.nan, np.nan, np.nan])
    assert sums[:2] == tuple((base, (own, others), False, ()) for own, base, others in found["cells"])
    assert counts.shares(city, "origin").equals(found)


def test_a_city_without_counts_lists_nothing(of, cities):
    nothing = cells.publishable(of())
    assert nothing.frame.empty and [*nothing.frame] == list(cells.COLUMNS) and nothing.sums == ()
    assert cells.publishable(cities("published/sweden_state")).frame["count"].isna().all()


def test_no_two_counts_share_a_name_whatever_characters_names_hold(empty):
    groups = ["a", 'a", ""]', "a|b", "null", "others", "declared", "\u00e9", "e\u0301", "a\nb", "2"]
    odd = replace(empty.dimensions["origin"], groups=tuple(groups), reference="a", combine={"{}": ("a", "2")})
    records = pd.DataFrame({"period": "2024", "unit": [*groups, "a:others"], "origin": [*groups, "silent"]})
    tables = {"staff": ibis.memtable(records), "applications": ibis.memtable(records.assign(stage="b"))}
    config = replace(empty.config, dimensions={"origin": odd}, stages=("a", "b", "a b"))
    city = replace(empty, config=config, tables=tables)
    units, members = len(records), len(odd.members)
    found = dict(behind(counts.staff(city, "origin", by=["period", "unit"])))
    assert len(found) == units * (2 * members - 1 + 2)  # each and its others, of the silent the declared; everyone
    found = dict(behind(counts.applications(city, "origin", by=["unit"])))
    assert len(found) == units * members * (3 + 3)  # who reached each stage; who was lost on the two steps, and overall


def test_a_cell_has_the_same_name_in_whatever_order_its_keys_are_named(of):
    found = [counts.staff(of(staff=STAFF), "origin", by=by)["cells"] for by in (["period", "unit"], ["unit", "period"])]
    assert found[0].tolist() == found[1].tolist()


def test_the_cells_of_two_stages_are_the_same_by_stage_and_overall(cities):
    found = counts.applications(cities("published/berkeley_1973"), "gender")
    assert found["cells"].tolist()[:2] == found["cells"].tolist()[2:]


# The engine


@pytest.mark.parametrize("by", [["period"], ["period", "unit"]])
def test_the_engine_is_asked_once_and_hands_out_no_person(of, queries, by):
    many = pd.DataFrame({"person": [f"p{number}" for number in range(5000)]})
    many = many.assign(period=(2000 + many.index % 7).astype(str), unit=(many.index % 3).astype(str), origin="near")
    table = counts.staff(of(staff=many), "origin", by=by)
    assert everybody(table) == 5000
    assert queries == [len(table) / len(MEMBERS)]


def test_all_cells_of_a_city_take_one_query(of, queries):
    cells.publishable(of(staff=STAFF, applications=APPLICATIONS, uptake=UPTAKE))
    assert len(queries) == 1
    bigger = pd.concat([STAFF.assign(period=str(year), unit=f"Unit {year}") for year in range(2000, 2030)])
    queries.clear()
    cells.publishable(
        of(staff=bigger, applications=APPLICATIONS, uptake__origin=UPTAKE, uptake__gender=UPTAKE.assign(gender="men"))
    )
    assert len(queries) == 1


def test_the_sample_takes_one_query_and_fetches_counts_only(cities, queries):
    city = cities("sample")
    queries.clear()
    counts.published(city)
    assert len(queries) == 1 and max(queries) < 2000
    queries.clear()
    cells.publishable(city)
    assert max(queries) < 2000, "flows are asked for too, by dimension and place"
    queries.clear()
    counts.left_out(city), spans.periods(city, "uptake"), counts.shares(city)
    assert queries == [1, 1, 16]


def test_examples_of_the_docstrings_run(cities, monkeypatch):
    monkeypatch.setattr(schema, "read_city", lambda folder: cities(folder.removeprefix("data/")))
    assert doctest.testmod(counts).failed == 0
