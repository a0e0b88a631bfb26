"""The door: what a city brings is read right, row for row; what is wrong with it is told at once, and where."""

import csv
import io
import re
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from divimpact import counts
from divimpact.schema import DataError, read_city, years
from divimpact.tables import NUMBERS, TABLES

TOML = """
name = "Testville"

[columns.staff]
origin = "HERKUNFT"

[dimensions.origin]
groups = ["none", "abroad"]
reference = "none"
undeclared = "not stated"
combine = { "all" = ["none", "abroad"] }
values = { "0" = "none", "1" = "abroad", "2" = "abroad" }

[dimensions.gender]
groups = ["men", "women"]
reference = "men"

[staff]
grades = ["basic", "senior"]
leadership = ["senior"]
grade_values = { "E1" = "basic" }

[applications]
stages = ["applied", "shortlisted", "interviewed", "offered"]
"""
ONE = """
name = "Testville"
[dimensions.origin]
groups = ["none", "abroad"]
reference = "none"
undeclared = "not stated"
[dimensions.gender]
groups = ["men", "women"]
reference = "men"
undeclared = "diverse"
[staff]
grades = ["basic", "senior"]
[applications]
stages = ["applied", "shortlisted", "interviewed", "offered"]
"""
STAFF = "period,unit,grade,origin,gender,count\n"
GOOD = STAFF + "2024,Waste,basic,none,men,3\n"
TARGETS = "dimension,group,baseline_period,baseline,target_period,target,scope,grade\n"
UPTAKE = "period,service,district,origin,gender,users,eligible,contacts\n2024,Library,North,none,men,1,2,\n"


def write(folder, toml=ONE, **files):
    """Write a city's files: texts and bytes as CSV (or as the name ends), frames as Parquet; __ stands for a dot."""
    folder.mkdir(exist_ok=True)
    if toml:
        (folder / "city.toml").write_text(toml, encoding="utf-8")
    for name, data in files.items():
        path = folder / name.replace("__", ".")
        if isinstance(data, pd.DataFrame):
            data.to_parquet(f"{path}.parquet")
        else:
            path = path if path.suffix in (".CSV", ".xlsx", ".parquet") else Path(f"{path}.csv")
            path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return folder


@pytest.fixture
def brings(tmp_path):
    """Return a function that writes a city's files into a folder and gives the folder."""
    return lambda toml=ONE, **files: write(tmp_path / "city", toml, **files)


@pytest.fixture
def told(brings):
    """Return a function that reads a bad city and gives the lines of the message."""

    def of(toml=ONE, **files):
        with pytest.raises(DataError) as caught:
            read_city(brings(toml, **files))
        return str(caught.value).splitlines()

    return of


def values(table):
    """What a table holds, as sorted tuples of texts, nothing as an empty text."""
    return sorted(tuple("" if v is None else str(v) for v in row.values()) for row in table.to_pyarrow().to_pylist())


def heads(city, table, dimension):
    """Add up the counts of a table by group, or count its rows."""
    records = city.records(table, dimension)
    people = records["count"].sum() if "count" in records.columns else records.count()
    counted = records.group_by(dimension).agg(people=people).to_pandas()
    return dict(zip(counted[dimension], counted["people"], strict=True))


# reading: by hand


def test_columns_are_renamed_and_codes_mapped(brings):
    staff = "period,grade,HERKUNFT,gender,count,unit\n2024,E1,0,men,3,\n2024,senior,2,women,2,Waste\n2024,E1,,men,1,A\n"
    city = read_city(brings(TOML, staff=staff))
    assert values(city.tables["staff"].select("period", "unit", "grade", "count", "origin", "gender")) == [
        ("2024", "", "basic", "3.0", "none", "men"),
        ("2024", "A", "basic", "1.0", "not stated", "men"),
        ("2024", "Waste", "senior", "2.0", "abroad", "women"),
    ]
    assert heads(city, "staff", "origin") == {"none": 3, "abroad": 2, "not stated": 1}


def test_the_renamed_column_wins_over_one_that_has_its_name_already(brings):
    staff = "period,origin,HERKUNFT,gender\n2024,Sales,1,men\n"
    assert heads(read_city(brings(TOML, staff=staff)), "staff", "origin") == {"abroad": 1}


def test_a_column_that_is_renamed_is_not_read_by_its_old_name(brings):
    toml = ONE + '[columns.staff]\nunit = "grade"\n'
    city = read_city(brings(toml, staff="period,grade,origin,gender\n2024,Waste,none,men\n"))
    assert city.tables["staff"].columns == ("period", "unit", "origin", "gender")


def test_persons_and_counts_give_the_same(brings):
    person = "period,origin,gender\n2024,none,men\n2024,abroad,women\n2024,none,men\n2024,,women\n"
    count = "period,origin,gender,count\n2024,none,men,2\n2024,abroad,women,1\n2024,,women,1\n"
    expected = {"none": 2, "abroad": 1, "not stated": 1}
    assert heads(read_city(brings(staff=person)), "staff", "origin") == expected
    assert heads(read_city(brings(staff=count)), "staff", "origin") == expected


def test_one_way_tables_stand_apart(brings):
    by_origin = "period,stage,origin,count\n2024,applied,none,5\n2024,applied,abroad,4\n"
    by_gender = "period,stage,gender,count\n2024,applied,men,6\n2024,applied,women,3\n"
    city = read_city(brings(applications__origin=by_origin, applications__gender=by_gender))
    assert list(city.tables) == ["applications.gender", "applications.origin"]
    assert len(city.parts("applications")) == 2
    assert city.dimensions_of("applications") == ("origin", "gender")
    assert heads(city, "applications", "gender") == {"men": 6, "women": 3}
    assert city.has("applications", "stage") and not city.has("applications", "gender") and not city.has("staff")


def test_a_city_says_what_it_has(brings):
    city = read_city(brings(staff=GOOD, targets=TARGETS + "origin,abroad,2021,.18,2025,.3,Waste,\n", notes="x"))
    assert repr(city) == "City('Testville', tables: staff, targets; dimensions: origin, gender)"
    assert city.ignored == ("notes.csv",)
    page = city._repr_html_()
    assert "<b>Testville</b>" in page and "<td>none, abroad, not stated</td>" in page
    assert "<td>period, unit, grade, count, origin, gender</td>" in page
    assert city.dimensions_of("staff", "gender") == ("gender",)
    assert city.dimensions_of("targets") == ("origin",)
    assert city.dimensions_of("uptake") == city.dimensions_of("uptake", "gender") == ()


def test_asking_for_what_is_not_there(brings):
    city = read_city(brings(staff=GOOD))
    with pytest.raises(DataError, match=r"^staff, column orign: is not a dimension of this table\. Did you mean 'or"):
        city.records("staff", "orign")
    with pytest.raises(DataError, match=r"^uptake: is no table of Testville\. It has: staff\.$"):
        city.records("uptake", "origin")
    with pytest.raises(ValueError, match="may hold persons"):
        city.frame("staff")


def test_small_tables_have_all_columns_of_the_contract(brings):
    city = read_city(brings(targets="dimension,group,baseline_period,baseline,target_period,target\n"
                                    "origin,abroad,2021,.18,2025,\"0,3\"\n", staff=GOOD))  # fmt: skip
    expected = pd.DataFrame({
        "dimension": ["origin"], "group": ["abroad"], "baseline_period": ["2021"], "baseline": [0.18],
        "target_period": ["2025"], "target": [0.3], "scope": [np.nan], "grade": [np.nan],
    }).astype({"scope": "str", "grade": "str"})  # fmt: skip
    assert_frame_equal(city.frame("targets"), expected)
    for name in ("shares", "targets", "benchmark", "measures"):
        frame = city.frame(name)
        assert list(frame) == list(TABLES[name].columns)
        assert [frame[column].dtype == float for column in frame] == [column in NUMBERS for column in frame]


def test_years():
    assert years(["2024", "2024-Q2", "2024-06", "2024-06-30"]).round(3).tolist() == [2025, 2024.5, 2024.5, 2024.497]
    with pytest.raises(ValueError, match="'24' is not an ISO year"):
        years(["2024", "24"])


# reading: every form of file

RECORDS = [
    ["period", "Einheit, Amt; neu", "origin", "gender", "fte", "note"],
    ["2024", "Bürgeramt – Mitte", "none", "men", "0,5", 'she said "no"'],
    ["2024", "Œuvres; sociales", "abroad", "women", "1", "two\nlines, and; more"],
    ["2024", "a,b;c|d", "", "men", "", ""],
    ["2024", "", "none", "women", "12,25", "  spaces  "],
]
MAPPED = '[columns.staff]\nunit = "Einheit, Amt; neu"\n'
EXPECTED = [
    ("2024", "", "12.25", "none", "women"),
    ("2024", "Bürgeramt – Mitte", "0.5", "none", "men"),
    ("2024", "a,b;c|d", "", "not stated", "men"),
    ("2024", "Œuvres; sociales", "1.0", "abroad", "women"),
]


def text_of(records, delimiter=",", newline="\n", quoting=csv.QUOTE_MINIMAL):
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=newline, quoting=quoting).writerows(records)
    return file.getvalue()


@pytest.mark.parametrize(("newline", "quoting"), [("\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL)])
@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    [("utf-8", ","), ("utf-8", ";"), ("utf-8", "\t"), ("utf-8", "|"), ("utf-8-sig", ";"), ("cp1252", ","),
     ("cp1252", ";"), ("utf-16", "\t"), ("utf-16", ";"), ("utf-16-be", ",")],
)  # fmt: skip
def test_every_form_of_csv_is_read_right(brings, encoding, delimiter, newline, quoting):
    text = text_of(RECORDS, delimiter, newline, quoting)
    data = ("\ufeff" * (encoding == "utf-16-be") + text).encode(encoding)
    city = read_city(brings(ONE + MAPPED, staff=data))
    assert values(city.tables["staff"].select("period", "unit", "fte", "origin", "gender")) == EXPECTED


UNTIDY = {
    "CR": lambda text: text.replace("\n", "\r"),
    "mixed ends": lambda text: text.replace("\n", "\r\n", 2),
    "blank lines": lambda text: "\n\n" + text.replace("\n", "\n\n") + "\n\n",
    "lines of spaces": lambda text: " \n" + text.replace("\n", "\n   \n"),
    "no end": lambda text: text.rstrip("\n"),
    "spaces": lambda text: text.replace(",", " , "),
    "a delimiter too many": lambda text: text.replace("men\n", "men,\n"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("change", UNTIDY.values(), ids=UNTIDY)
def test_untidy_csv_is_read_right(brings, change, encoding):
    text = "period,unit,origin,gender\n2024,Ämter,none,men\n2024,C,abroad,women\n"
    city = read_city(brings(staff=change(text).encode(encoding)))
    expected = [("2024", "C", "abroad", "women"), ("2024", "Ämter", "none", "men")]
    assert values(city.tables["staff"].select("period", "unit", "origin", "gender")) == expected


@pytest.mark.parametrize(
    "header",
    [
        '"Amt, a, b, c, d, e";period;origin;gender',
        "Amt, Ort, Stadt, Land, Bund;period;origin;gender",
        "a;period;origin;gender",
    ],
)
def test_commas_in_the_names_of_a_semicolon_file(brings, header):
    city = read_city(brings(staff=f'{header}\n"a, b, c, d";2024;none;men\nx;2024;none;women\n'))
    assert values(city.tables["staff"]) == [("2024", "none", "men"), ("2024", "none", "women")]


def test_counts_as_other_programs_write_them(brings):
    written = ["12", "12.0", '"12,00"', "+3", " 7 ", "0"]
    staff = "".join(f"2024,{i},none,men,{count}\n" for i, count in enumerate(written))
    city = read_city(brings(staff="period,unit,origin,gender,count\n" + staff))
    assert heads(city, "staff", "origin") == {"none": 12 + 12 + 12 + 3 + 7}


def test_latin_1_is_seen_however_late_it_comes(brings):
    line = "2024,Waste and Cleaning and much else,none,men,1\n"
    text = STAFF.replace("grade,", "") + "".join(line.replace("Waste", f"Unit {i}") for i in range(110_000))
    assert len(text) > 5_000_000
    city = read_city(brings(staff=text.encode() + "2024,Straße,none,women,7\n".encode("latin-1")))
    last = city.tables["staff"].filter(lambda t: t.gender == "women").to_pandas()
    assert last[["unit", "count"]].to_numpy().tolist() == [["Straße", 7.0]]
    assert city.tables["staff"].count().execute() == 110_001


def test_the_wider_table_of_windows_is_read_and_latin_1_where_that_fails(brings):
    row = "2024,{},none,men,1\n"
    head = STAFF.replace("grade,", "").encode()
    for written, encoding in (("5 € – “Š”", "cp1252"), ("caf\u00e9 \x81", "latin-1")):
        city = read_city(brings(staff=head + row.format(written).encode(encoding)))
        assert city.tables["staff"].unit.to_pandas().tolist() == [written]


def test_an_export_of_300_columns(brings):
    others = [f"Spalte {i}, alt" for i in range(296)]
    header = ["period", *others[:150], "origin", "gender", "count", *others[150:]]
    exported = [["2024", *["x"] * 150, "none", "men", str(i), *[str(i)] * 146] for i in range(50)]
    city = read_city(brings(staff=text_of([header, *exported], ";")))
    assert city.tables["staff"].columns == ("period", "count", "origin", "gender")
    assert heads(city, "staff", "origin") == {"none": sum(range(50))}


def test_names_that_differ_in_case_only_are_different_columns(brings):
    staff = "period,Origin,origin,ORIGIN,gender\n2024,x,none,y,men\n"
    assert heads(read_city(brings(staff=staff)), "staff", "origin") == {"none": 1}


def test_no_row_is_taken_for_a_title_or_a_comment(told, brings):
    # DuckDB, left to guess, reads the first file as empty and the second without its row of unit #7
    assert told(staff="period,origin,gender\n2024,none,men,,5\n") == [
        "staff.csv: 5 fields (1 row, line 2) instead of the 3 of the header. "
        "A text that holds the delimiter ',' stands in double quotes."
    ]
    city = read_city(brings(staff="unit,period,origin,gender\n#7,2024,none,men\nA,2024,none,men\n#8,2024,none,men\n"))
    assert city.tables["staff"].unit.to_pandas().tolist() == ["#7", "A", "#8"]
    assert told(staff="Staff of 2024\n\nperiod,origin,gender\n2024,none,men\n") == [
        "staff.csv: has only one column. The first line names the columns: take away a title above it."
    ]


def test_a_folder_is_not_a_pattern(tmp_path):
    for name, group in (("city[1]", "none"), ("city1", "abroad"), ("origin=men", "none")):
        write(tmp_path / name, staff=f"period,origin,gender\n2024,{group},men\n",
              flows=pd.DataFrame({"period": ["2024"], "event": "exit", "gender": "men"}))  # fmt: skip
    for name in ("city[1]", "origin=men"):
        city = read_city(tmp_path / name)
        assert heads(city, "staff", "origin") == {"none": 1}
        assert city.tables["flows"].columns == ("period", "event", "gender")


def test_a_suffix_in_capitals_and_a_spreadsheet_beside_the_csv(brings):
    city = read_city(brings(**{"staff.CSV": GOOD, "staff.xlsx": b"PK", ".~lock.flows": "x", "~$uptake": "x"}))
    assert list(city.tables) == ["staff"]


# reading: Parquet and databases


def test_parquet_of_every_type(brings):
    frame = pd.DataFrame({
        "period": pd.Timestamp("2024-12-31 10:00"),
        "unit": pd.Categorical(["Waste", None, "Parks", "Waste"]),
        "grade": ["E1", "senior", None, "basic"],
        "HERKUNFT": [0.0, 1.0, None, 2.0],
        "gender": pd.Series(["men", "women", "men", "men"], dtype="category"),
        "count": pd.array([3, 2, 1, 4], dtype="Int64"),
        "fte": [1.5, np.nan, 2, 3],
        "nested": [[1], [2, 3], [], None],
    })  # fmt: skip
    city = read_city(brings(TOML, staff=frame))
    assert values(city.tables["staff"].select("period", "unit", "grade", "count", "fte", "origin")) == [
        ("2024-12-31", "", "senior", "2.0", "", "abroad"),
        ("2024-12-31", "Parks", "", "1.0", "2.0", "not stated"),
        ("2024-12-31", "Waste", "basic", "3.0", "1.5", "none"),
        ("2024-12-31", "Waste", "basic", "4.0", "3.0", "abroad"),
    ]


@pytest.mark.parametrize("codes", [[0, 1, 1], [0.0, 1.0, 2.0], ["0.0", "1.0", "2.0"], ["0", " 1", "2.0"]])
def test_codes_are_codes_whatever_their_type(brings, codes):
    frame = pd.DataFrame({"period": [2024.0, 2024.0, 2024.0], "HERKUNFT": codes, "gender": "men"})
    for staff in (frame, frame.to_csv(index=False)):
        folder = brings(TOML, staff=staff)
        assert heads(read_city(folder), "staff", "origin") == {"none": 1, "abroad": 2}
        (folder / "staff.parquet").unlink(missing_ok=True)


def test_codes_may_be_written_in_city_toml_as_they_were_seen(brings):
    toml = TOML.replace('"0" = "none", "1"', '"0.0" = "none", "1.0"')
    city = read_city(brings(toml, staff="period,HERKUNFT,gender\n2024,0.0,men\n2024,1,men\n"))
    assert heads(city, "staff", "origin") == {"none": 1, "abroad": 1}


def test_parquet_that_is_a_folder_as_spark_writes_it(brings):
    folder = brings()
    (folder / "staff.parquet").mkdir()
    for i, group in enumerate(("none", "abroad")):
        frame = pd.DataFrame({"period": ["2024"], "origin": group, "gender": "men"})
        frame.to_parquet(folder / "staff.parquet" / f"part-{i}.parquet")
    assert heads(read_city(folder), "staff", "origin") == {"none": 1, "abroad": 1}


@pytest.fixture
def database(brings):
    """Return a function that writes a folder whose tables stand in a DuckDB file beside city.toml."""

    def of(url="duckdb://city.duckdb", **tables):
        folder = brings(f'source = {{ url = "{url}" }}\n' + ONE)
        engine = ibis.duckdb.connect(folder / "city.duckdb")
        for name, frame in tables.items():
            engine.con.register("frame", frame)
            engine.con.execute(f'create table "{name.replace("__", ".")}" as select * from frame')
        engine.disconnect()
        return folder

    return of


PEOPLE = pd.DataFrame({"period": ["2024"] * 3, "origin": ["none", "abroad", None], "gender": "men"})


def test_a_database_is_read_where_it_is(database, tmp_path, monkeypatch):
    monkeypatch.setenv("CITY_FILE", "city")
    folder = database("duckdb://$CITY_FILE.duckdb", staff=PEOPLE, applications__origin=PEOPLE.assign(stage="applied"),
                      stuff=PEOPLE)  # fmt: skip
    write(folder, toml="", targets=TARGETS + "origin,abroad,2021,.18,2025,.3,,\n")
    (elsewhere := tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(elsewhere)
    at_once = [read_city(folder) for _ in range(2)]  # two notebooks
    for city in at_once:
        assert sorted(city.tables) == ["applications.origin", "staff", "targets"]
        assert heads(city, "staff", "origin") == {"none": 1, "abroad": 1, "not stated": 1}
        assert city.ignored == ()


def test_what_is_wrong_with_a_database(database, told, tmp_path):
    folder = database(staff=PEOPLE.replace({"origin": {"none": "nonne"}}))
    write(folder, toml="", staff=GOOD)
    with pytest.raises(DataError, match=r"^table staff: is there twice, see staff\.csv\. Keep one of them\.$"):
        read_city(folder)
    (folder / "staff.csv").unlink()
    with pytest.raises(DataError, match=r"^table staff, column origin: 'nonne' \(1 row\) is not a group\. Did you"):
        read_city(folder)
    for url in ("duckdb://absent.duckdb", "nonesuch://someone:hunter2@host/base"):
        message = told(f'source = {{ url = "{url}" }}\n' + ONE)[0]
        assert re.fullmatch(r"city\.toml, key source\.url: cannot be opened \(\w+\)\. Check the address, .*", message)
        assert "hunter2" not in message
    message = told('source = { url = "postgresql://someone:hunter2@host/base" }\n' + ONE)[0]
    assert message == (
        "city.toml, key source.url: needs a driver that is not installed. "
        'Install it: pip install "ibis-framework[postgres]".'
    )
    assert not (tmp_path / "city" / "absent.duckdb").exists()


def test_an_interrupted_reading_is_no_fault_of_the_data(brings, monkeypatch):
    def interrupted(*_):
        raise RuntimeError("Query interrupted")  # what DuckDB makes of a KeyboardInterrupt

    monkeypatch.setattr("divimpact.sources._lazily", interrupted)
    with pytest.raises(RuntimeError, match="Query interrupted"):
        read_city(brings(ONE, staff=GOOD))


# reading: what never happens

CODES = ["0", "1", "2", "none", "abroad", "", " ", "1.0", "not stated", " none "]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(
        st.tuples(
            st.sampled_from(CODES),
            st.sampled_from(["men", "women"]),
            st.sampled_from(["", "a;b", 'q"q', "x\ny", "é,ü", " #"]),
            st.integers(0, 10**8),
        ),
        min_size=1,
        max_size=12,
        unique_by=lambda record: (record[0].strip(), *record[1:3]),
    ),
    delimiter=st.sampled_from(",;\t"),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16"]),
    counted=st.booleans(),
)
def test_reading_changes_no_count(tmp_path, records, delimiter, encoding, counted):
    header = ["period", "HERKUNFT", "gender", "unit"] + ["count"] * counted
    text = text_of([header, *(["2024", *record[: 3 + counted]] for record in records)], delimiter)
    city = read_city(write(tmp_path / "city", TOML, staff=text.encode(encoding)))
    groups = {"0": "none", "1": "abroad", "2": "abroad", "1.0": "abroad", "": "not stated"}
    plain = Counter()
    for row in csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter):
        code = row["HERKUNFT"].strip()
        plain[groups.get(code, code), row["gender"]] += int(row.get("count", 1))
    origins, genders = Counter(), Counter()
    for (origin, gender), people in plain.items():
        origins[origin] += people
        genders[gender] += people
    assert heads(city, "staff", "origin") == origins
    assert heads(city, "staff", "gender") == genders
    assert city.tables["staff"].count().execute() == len(records)


def test_nothing_loads_the_records(brings, monkeypatch):
    backend, fetched = ibis.backends.duckdb.Backend, []

    def watched(plain):
        def fetch(*args, **options):
            found = plain(*args, **options)
            fetched.append(len(found) if hasattr(found, "__len__") else 1)
            return found

        return fetch

    for name in ("execute", "to_pyarrow", "to_pyarrow_batches"):
        monkeypatch.setattr(backend, name, watched(getattr(backend, name)))
    people = "".join(f"2024,U{i % 7},none,men,p{i}\n" for i in range(2_000))
    head = "period,unit,origin,gender,person\n"
    city = read_city(brings(staff=head + people, measures="measure,start,unit\nm,2024,U3\n"))
    assert all(isinstance(table, ibis.Table) for table in city.tables.values())
    counts.staff(city, "origin")
    with pytest.raises(DataError):
        read_city(brings(staff=head + people + "2024,U1,nobody,men,px\n" * 900))
    assert len(fetched) > 5 and max(fetched) <= 10


def test_hire_dates_of_one_snapshot_are_no_trajectory(told, brings):
    head = "period,origin,gender,person\n"
    hired = head + "2019,none,men,a\n2021,abroad,women,b\n2021,none,men,c\n2024,none,men,d\n"
    (problem,) = told(staff=hired)
    assert problem.startswith(
        "staff, column person: names nobody in two of 3 periods. If period is when people were hired"
    )
    read_city(brings(staff=head + "2023,none,men,a\n2024,none,men,a\n"))
    read_city(brings(staff=head + "2024,none,men,a\n2024,none,men,b\n"))


def test_a_person_is_never_named(told):
    staff = "period,origin,gender,person,name\n2024,none,men,P-77,Jane Roe\n2024,nun,men,P-78,Joe\n2024,none,men,P-79\n"
    message = "\n".join(told(staff=staff))
    assert "'nun' (1 row, line 3)" in message and "4 fields (1 row, line 4)" in message
    assert not re.search(r"P-7|J[ao]", message)
    with_count = "period,origin,gender,count,name\n2024,none,men,1,Jane Roe\n2024,none,men,1,Jane Roe\n"
    assert "Jane" not in "\n".join(told(staff=with_count))


@pytest.mark.parametrize(
    "code",
    [
        "city, other = read_city(GOOD), read_city(LATIN); city.tables['staff'].count().execute()",
        "read_city(BAD)",
        "try:\n    read_city(RAGGED)\nexcept ValueError as error:\n    kept = error",
    ],
)
def test_nothing_is_said_at_exit(tmp_path, code):
    folders = {
        "GOOD": write(tmp_path / "good", staff=GOOD),
        "LATIN": write(tmp_path / "latin", staff=GOOD.replace("Waste", "Straße").encode("latin-1")),
        "BAD": write(tmp_path / "bad", staff=GOOD.replace("basic", "base")),
        "RAGGED": write(tmp_path / "ragged", staff=GOOD + "2024\n"),
    }
    names = "; ".join(f"{name} = {str(folder)!r}" for name, folder in folders.items())
    code = f"from divimpact.schema import read_city\n{names}\n{code}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    before, _, message = run.stderr.partition("DataError: ")
    assert before == "" or before.startswith("Traceback")
    assert len(message.splitlines()) <= 1


# what is wrong: word for word


def test_an_unknown_stage_as_the_style_guide_has_it(told):
    lines = ["2024,applied,none,men"] * 116 + ["2024,Offerred,none,men"] * 3
    assert told(applications="\n".join(["period,stage,origin,gender", *lines])) == [
        "applications.csv, column stage: 'Offerred' (3 rows, first at line 118) is not a stage. "
        "Did you mean 'offered'? Stages in city.toml: applied, shortlisted, interviewed, offered."
    ]


def test_every_problem_of_every_file_at_once(told):
    assert told(
        'nme = "x"\n' + ONE,
        aplications="",
        flows="",
        staff="perod,origin,gender,count\n2024,nobody,men,-1\n2024,none,women,1.5\n2024\n",
        targets=TARGETS + "origin,abrod,2021,18,2025,0.3,city,\n",
    ) == [
        "city.toml, key nme: is not a key of the kit. Did you mean 'name'?",
        "aplications.csv: is not a table of the kit. Did you mean 'applications'?",
        "flows.csv: is empty. Export it again, or take the file away.",
        "staff.csv: 1 field (1 row, line 4) instead of the 4 of the header. "
        "A text that holds the delimiter ',' stands in double quotes.",
        "staff.csv, column period: is missing. Did you mean 'perod'? "
        'Name the export\'s column under [columns.staff]: period = "...".',
        "staff.csv, column count: '-1' (1 row, line 2) is negative. It starts at 0.",
        "staff.csv, column count: '1.5' (1 row, line 3) is not a whole number. "
        "Counts are whole; write 1234, not 1.234 or 1,234.",
        "staff.csv, column origin: 'nobody' (1 row, line 2) is not a group. "
        "Groups in city.toml: none, abroad, not stated; map codes under [dimensions.origin.values].",
        "targets.csv, column baseline: '18' (1 row, line 2) is not a share between 0 and 1. Write 18 % as 0.18.",
        "targets.csv, column dimension and group: dimension 'origin', group 'abrod' (1 row, line 2) "
        "is not a group of that dimension. Did you mean 'abroad'? "
        "Groups: origin: none, abroad, not stated; gender: men, women, diverse.",
    ]


def test_the_most_frequent_values_first_and_how_many_others(told):
    people = "".join(f"2024,{chr(97 + i % 8)},men\n" for i in range(20)) + "2024,,men\n"
    without = ONE.replace('undeclared = "not stated"\n', "")
    assert told(without, staff="period,origin,gender\n" + people) == [
        "staff.csv, column origin: 'a' (3 rows, first at line 2), 'b' (3 rows, first at line 3), 'c' (3 rows, first at "
        "line 4), 'd' (3 rows, first at line 5), 'e' (2 rows, first at line 6), other values (7 rows) is not a group. "
        "Groups in city.toml: none, abroad; map codes under [dimensions.origin.values], for empty cells name a group "
        'undeclared = "...".'
    ]


# what is wrong: where


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("period,unit,origin,gender\n2024,a,x,men\n", 2),
        ("\n\nperiod,unit,origin,gender\n\n\n2024,a,x,men\n", 6),
        ('period,unit,origin,gender\n2024,"a\n\nb",none,men\n2024,"a\nb",x,men\n', 5),
        ('"period",unit,origin,gender\n2024,"a\nb",x,men\n', 2),
        ('period,"where\nfrom",origin,gender\n2024,b,none,men\n2024,b,x,men\n', 4),
    ],
)
@pytest.mark.parametrize(("encoding", "newline"), [("utf-8-sig", "\r\n"), ("cp1252", "\n")])
def test_the_line_is_that_of_the_file(told, text, line, newline, encoding):
    text = (text + "2024,é,none,men\n").replace("\n", newline)
    (message,) = told(staff=text.encode(encoding))
    assert f"'x' (1 row, line {line}) is not a group" in message


# what is wrong: each kind, by pattern

NOT_WHOLE = r"is not a whole number\. Counts are whole; write 1234, not 1\.234 or 1,234\."
WRONG_COUNTS = [
    ("is not a number", ["NaN", "inf", "x", "1 234"]),
    ("is not a number", ["", "1'234", "1_234", "9" * 400]),
    (NOT_WHOLE, ["1e3", "1.5", "0,5", "1,234", "1.000"]),
    (r"is negative\. It starts at 0\.", ["-3"]),
    ("is more than any city has", ["1234567890123", "9" * 30]),
]


@pytest.mark.parametrize(("rule", "written"), WRONG_COUNTS)
def test_wrong_counts(told, rule, written):
    rows = "".join(f'2024,{i},none,men,"{count}"\n' for i, count in enumerate(["1", *written]))
    (message,) = told(staff="period,unit,origin,gender,count\n" + rows)
    shown = [f"{re.escape(count[:60] or 'empty')}.* \\(1 row, line {i + 3}\\)" for i, count in enumerate(written)]
    assert re.search(rf"^staff\.csv, column count: .?{', .?'.join(shown)} {rule}", message) and len(message) < 320


def test_counts_that_are_numbers_in_the_file(brings, told):
    frame = pd.DataFrame({"period": "2024", "unit": list("abcd"), "origin": "none", "gender": "men"})
    messages = told(staff=frame.assign(count=[1.5, np.nan, np.inf, 1e30]))
    assert [re.sub(".*column ", "", message)[:50] for message in messages] == [
        "count: empty (1 row) is not a number. Write 12 or ",
        "count: 'inf' (1 row), '1e+30' (1 row) is more than",
        "count: '1.5' (1 row), 'inf' (1 row), '1e+30' (1 ro",
    ]
    folder = brings(applications="period,stage,origin,gender\n2024,applied,none,men\n")
    ibis.duckdb.connect().con.execute(
        "copy (select '2024' period, 'Pool' service, 'none' origin, 'men' gender, 1.0 users, 'nan'::double eligible) "
        f"to '{folder}/uptake.parquet'"
    )
    (folder / "staff.parquet").unlink()
    assert values(read_city(folder).tables["uptake"].select("users", "eligible")) == [("1.0", "")]
    exact = [Decimal(f"{n}.000") for n in (1, 2, 3, 4)]
    assert heads(read_city(brings(staff=frame.assign(count=exact))), "staff", "origin") == {"none": 10}


ROW = "2024,none,men"
NO_DIMENSION = r"^city\.toml, key dimensions\.{}: is a column of no table\. Name its column under \[columns\], or"
PROBLEMS = {
    "more users than eligible": (
        {"uptake": UPTAKE + "2024,Library,South,none,men,5,3,9\n2024,Pool,South,none,men,5,,9\n"},
        [r"column users and eligible: users '5', eligible '3' \(1 row, line 3\) has more users than eligible\. Users"],
    ),
    "words for numbers that may be empty": (
        {"uptake": UPTAKE + "2024,Library,South,none,men,5,n/a,many\n"},
        [
            r"column eligible: 'n/a' \(1 row, line 3\) is not a number",
            r"column contacts: 'many' \(1 row, line 3\) is not",
        ],
    ),
    "shares": (
        {"staff": GOOD, "targets": TARGETS + "origin,abroad,2021,18 %,2025,-0.1,,\norigin,abroad,2021,18,2026,30,,\n"},
        [
            r"column baseline: '18 %' \(1 row, line 2\) is not a number\. Write 18 % as 0\.18",
            r"column baseline: '18' \(1 row, line 3\) is not a share between 0 and 1\. Write 18 % as 0\.18",
            r"column target: '-0\.1' .*, '30' .* is not a share",
        ],
    ),
    "a share outside its limits": (
        {
            "staff": GOOD,
            "benchmark": "name,dimension,group,period,share,source,low,high\np,origin,abroad,2021,.3,x,.4,\n",
        },
        [r"column share and low and high: share '\.3', low '\.4', high empty \(1 row, line 2\) is a share outside its"],
    ),
    "periods": (
        {
            "staff": "unit,period,origin,gender\n"
            "a,2024-02-31,none,men\nb,2023-02-29,none,men\nc,2024-02-29,none,men\nd,24,none,men\ne,2024-Q5,none,men\n"
            "f,2024-13-01,none,men\ng,20244,none,men\n"
        },
        [
            r"column period: '2024-02-31' \(1 row, line 2\), '2023-02-29' \(1 row, line 3\), '24' .*, '2024-Q5' .*, "
            r"'2024-13-01' \(1 row, line 7\), other values \(1 row\) is not a period\. Periods are ISO: 2024, 2024-Q3, "
        ],
    ),
    "moments with a time zone": (
        {
            "staff": pd.DataFrame(
                {"period": pd.Timestamp("2024-12-31", tz="Europe/Oslo"), "origin": ["none"], "gender": "men"}
            )
        },
        [r"column period: '2024-12-30 23:00:00\+00' \(1 row\) is not a period"],
    ),
    "two kinds of period": (
        {"staff": GOOD + "2024-Q1,Parks,basic,none,men,1\n2024-Q2,Parks,basic,none,men,1\n"},
        [r"column period: 'YYYY-Qn' \(2 rows, first at line 3\), 'YYYY' \(1 row, line 2\) stand side by side\. Write"],
    ),
    "a target before its baseline": (
        {
            "staff": GOOD,
            "targets": TARGETS + "origin,abroad,2021,.1,2021-Q4,.3,,\norigin,abroad,2021,.1,2020-06,.3,,\n",
        },
        [
            r"column baseline_period and target_period: baseline_period '2021', target_period '2021-Q4' \(1 row, line 2"
            r"\), baseline_period '2021', target_period '2020-06' .* leads back in time\. A target lies after its base"
        ],
    ),
    "a cell that stands twice": (
        {"staff": GOOD + " 2024,Waste,basic,none,men,1\n"},
        [
            r"staff\.csv: period '2024', unit 'Waste', grade 'basic', origin 'none', gender 'men' \(2 rows, first at "
            r"line 2\) stands more than once\. Each cell of a table stands once: add the rows up, or take one away\."
        ],
    ),
    "a target that stands twice": (
        {"staff": GOOD, "targets": TARGETS + "origin,abroad,2021,.1,2025,.3,,\norigin,abroad,2021,.2,2025,.4,,\n"},
        [r"targets\.csv: dimension 'origin', .* \(2 rows, first at line 2\) stands more than once"],
    ),
    "a benchmark of two sources": (
        {
            "staff": GOOD,
            "benchmark": "name,dimension,group,period,share,source\np,origin,abroad,2021,0,x\n"
            "p,origin,abroad,2021,1,y\n",
        },
        [r"benchmark\.csv: name 'p', dimension 'origin', group 'abroad', period '2021' \(2 rows, first at line 2\)"],
    ),
    "too many and too few fields": (
        {"staff": GOOD + "2024,Waste\n2024,a,senior,none,men,1,2\n"},
        [r"staff\.csv: 2 fields \(1 row, line 3\), 7 fields \(1 row, line 4\) instead of the 6 of the header\. A text"],
    ),
    "a quote that is not closed": (
        {"staff": GOOD + '2024,"Waste,senior,none,men,1\n2024,Parks,senior,none,men,1\n'},
        [r"staff\.csv: has a double quote in the record from line 3 on that does not enclose a whole field\. Close it"],
    ),
    "a quote that is closed too early": (
        {"staff": GOOD + '2024,"Waste"s,senior,none,men,1\n'},
        [r"has a double quote in the record from line 3 on"],
    ),
    "a bad value behind spaces and quotes": (
        {"staff": GOOD + '2024, "Waste" , "base" ,none,men,1\n'},
        [r"column grade: 'base' \(1 row, line 3\) is not a grade\. Did you mean 'basic'\?"],
    ),
    "events and grades": (
        {"staff": GOOD.replace("basic", "E9"), "flows": f"period,origin,gender,event\n{ROW},fired\n{ROW},\n"},
        [
            r"flows\.csv, column event: 'fired' \(1 row, line 2\), empty \(1 row, line 3\) is not an event\..* "
            r"Write one of: hire, exit, promotion, transfer, redeclared_out, redeclared_in\.",
            r"staff\.csv, column grade: 'E9' .* is not a grade\. Grades in city\.toml: basic, senior; map codes under",
        ],
    ),
    "outcomes": (
        {"applications": f"period,origin,gender,stage,outcome\n{ROW},applied,reject\n"},
        [r"column outcome: 'reject' .* is not an outcome\. Did you mean 'rejected'\? Write one of: hired, rejected,"],
    ),
    "targets of what is not there": (
        {
            "staff": GOOD,
            "targets": TARGETS + "orgin,abroad,2021,.1,2025,.3,Wast,boss\ngender,abroad,2021,.1,2025,.3,,\n",
        },
        [
            r"column dimension: 'orgin' .* is not a dimension\. Did you mean 'origin'\? Dimensions in city\.toml:",
            r"column scope: 'Wast' .* is not a unit\. Did you mean 'Waste'\? Units in the other tables: city, Waste\.",
            r"column grade: 'boss' .* is not a grade\. Grades in city\.toml: basic, senior, leadership",
            r"column dimension and group: dimension 'gender', group 'abroad' \(1 row, line 3\) is not a group of that "
            r"dimension\. Groups: origin: none, abroad, not stated; gender: men, women, diverse\.",
        ],
    ),
    "a target of a unit where there are no units": (
        {"staff": f"period,origin,gender\n{ROW}\n", "targets": TARGETS + "origin,abroad,2021,.1,2025,.3,Waste,\n"},
        [r"column scope: 'Waste' .* is not a unit\. Units in the other tables: city\."],
    ),
    "measures of what is not there": (
        {
            "uptake": UPTAKE,
            "measures": "measure,start,service,district,stage,group\nm,2024-04-31,Libary,Nord,aplied,al\n",
        },
        [
            r"column start: '2024-04-31' .* is not a period",
            r"column service: 'Libary' .* is not a service\. Did you mean 'Library'",
            r"column district: 'Nord' .* is not a district\. Did you mean 'North'",
            r"column stage: 'aplied' .* is not a stage\. Did you mean 'applied'",
            r"column group: 'al' .* is not a group\. Groups in city\.toml: none, abroad, not stated, men, women, div",
        ],
    ),
    "a measure without a name": (
        {"staff": GOOD, "measures": "measure,start\n,2024\n"},
        [r"column measure: empty \(1 row, line 2\) is not allowed here\. Fill it in: every row needs it\."],
    ),
    "persons": (
        {"staff": f"period,origin,gender,person,count\n{ROW},p,2\n{ROW},,1\n"},
        [
            r"column person: empty \(1 row, line 3\) is not allowed here",
            r"column count: '2' \(1 row, line 2\) is not 1, yet the row has a person\. Each person is counted once\.",
        ],
    ),
    "a column that stands twice": (
        {"staff": "period,unit,unit,origin,gender,x,x,,\n2024,a,b,none,men,1,2,3,4\n"},
        [r"column unit: stands twice in the header\. Take one away, or rename it\."],
    ),
    "no dimension": (
        {"staff": "period,Origin,genders\n2024,none,men\n"},
        [
            r"staff\.csv: has no column for any dimension \(origin, gender\)\. Did you mean 'Origin'\? Did you mean",
            NO_DIMENSION.format("origin"),
            NO_DIMENSION.format("gender"),
        ],
    ),
    "a dimension in no table": ({"staff": "period,origin\n2024,none\n"}, [NO_DIMENSION.format("gender")]),
    "empty files": (
        {"staff": GOOD, "uptake": "", "applications": "\n \n", "flows": b"\xef\xbb\xbf"},
        [r"applications\.csv: is empty\. Export it again, or", r"flows\.csv: is empty", r"uptake\.csv: is empty"],
    ),
    "a header only": (
        {"staff": GOOD, "flows": "period,origin,gender,event\n\n"},
        [r"flows\.csv: holds no rows\. Export it again, or take the file away\."],
    ),
    "Parquet without rows": (
        {"staff": GOOD, "flows": pd.DataFrame({"period": [], "origin": [], "gender": [], "event": []}, dtype=str)},
        [r"flows\.parquet: holds no rows"],
    ),
    "two files of one table": (
        {"staff": GOOD, "staff.parquet": b"PAR1"},
        [r"staff\.parquet: is there twice, see staff\.csv\. Keep one of them\."],
    ),
    "no Parquet": (
        {"staff.parquet": b"junk"},
        [r"staff\.parquet: cannot be read \(.*too small.*\)\. Export it again\."],
    ),
    "a spreadsheet": (
        {"staff": GOOD, "uptake.xlsx": b"PK"},
        [r"uptake\.xlsx: is neither CSV nor Parquet\. Save it as CSV \(UTF-8\)\."],
    ),
    "a misspelt table": (
        {"staff": GOOD, "aplications": "x"},
        [r"aplications\.csv: is not a table of the kit\. Did you mean 'applications'\?"],
    ),
    "a misspelt dimension": (
        {"staff": GOOD, "applications__gendre": "x"},
        [r"applications\.gendre\.csv: 'gendre' is not a dimension of city\.toml\. Did you mean 'gender'\?"],
    ),
    "a small table split by dimension": (
        {"staff": GOOD, "targets__origin": "x"},
        [r"targets\.origin\.csv: is not a table that is split by dimension\. Call it targets\."],
    ),
    "a dimension in two parts": (
        {"staff": GOOD, "staff__origin": "period,gender,origin\n2024,men,none\n"},
        [r"staff\.origin, column origin: stands in staff too\. Keep one of them\."],
    ),
    "no table": ({}, [r"city: holds no table\. Bring at least one of: staff, flows, shares, targets, benchmark,"]),
}


@pytest.mark.parametrize(("files", "patterns"), PROBLEMS.values(), ids=PROBLEMS)
def test_each_kind_of_problem(told, files, patterns):
    messages = told(**files)
    assert len(messages) == len(patterns), messages
    for message, pattern in zip(messages, patterns, strict=True):
        assert re.search(pattern, message), message


@pytest.mark.parametrize(
    ("toml", "messages"),
    [
        ('[columns.staff]\norigin = "H"\ngender = "H"\n', [
            "city.toml, key columns.staff.origin: names 'H', as another column does. Name each column once.",
            "city.toml, key columns.staff.gender: names 'H', as another column does. Name each column once."]),
        ('[columns.staff]\nunt = "U"\ngrade = "unitt"\n[columns.stuff]\na = "b"\n', [
            "city.toml, key columns.staff.unt: is not a column of this table. Did you mean 'unit'?",
            "city.toml, key columns.stuff: is not a table of the kit. Did you mean 'staff'?",
            "staff.csv, column unitt: is named under [columns.staff] but is not in the file. Did you mean 'unit'?"]),
        ('[columns.targets]\norigin = "H"\n', [
            "city.toml, key columns.targets.origin: is not a column of this table. "
            "Known: dimension, group, baseline_period, baseline, target_period, target, scope, grade."]),
        ('[dimensions.Unit]\ngroups = ["a", "b"]\nreference = "a"\n', [
            "city.toml, key dimensions.Unit: is the name of another column. "
            "Name it apart; [columns] says its column."]),
    ],
)  # fmt: skip
def test_what_city_toml_says_of_columns(told, toml, messages):
    staff = "period,H,origin,gender,unit\n2024,none,none,men,a\n"
    assert told(ONE + toml, staff=staff)[: len(messages)] == messages


def test_applications_need_stages(told):
    toml = ONE.partition("[applications]")[0]
    assert told(toml, applications="period,stage,origin,gender\n2024,hired,none,men\n") == [
        "city.toml, key applications.stages: is missing. applications.csv needs it: "
        'stages = ["applied", "appointed"], first to last.'
    ]


def test_columns_that_are_not_read_tell_cells_apart(told, brings):
    staff = "period,site,origin,gender,count\n2024,North,none,men,1\n2024,South,none,men,2\n"
    assert heads(read_city(brings(staff=staff)), "staff", "origin") == {"none": 3}
    assert "(2 rows, first at line 3) stands more than once" in told(staff=staff + "2024,South,none,men,5\n")[0]


def test_persons_and_days_of_an_application_are_no_repeated_cells(brings):
    person = "period,origin,gender,person,count\n2024,none,men,p,1\n2024,none,men,p,1\n"
    days = "period,stage,origin,gender,days,count\n2024,applied,none,men,5,1\n2024,applied,none,men,6,1\n"
    assert sorted(read_city(brings(staff=person, applications=days)).tables) == ["applications", "staff"]


def test_milestones_and_benchmarks_of_other_kinds_of_period(brings):
    city = read_city(brings(
        staff=GOOD,
        targets=TARGETS + "origin,abroad,2021,.1,2025,.3,city,leadership\norigin,abroad,2023-Q1,.1,2023,.2,,senior\n",
        benchmark="name,dimension,group,period,share,source,low,high\n"
                  "p,origin,abroad,2021,0.3,x,,\np,origin,abroad,2021-Q2,0,x,0,1\n",
    ))  # fmt: skip
    assert list(city.tables) == ["benchmark", "staff", "targets"]
    assert len(city.frame("targets")) == len(city.frame("benchmark")) == 2


def test_a_backup_beside_a_table_is_left_alone(brings):
    city = read_city(brings(staff=GOOD, staff_old="x,y\n", notes="x", data_2023="x"))
    assert list(city.tables) == ["staff"]
    assert city.ignored == ("data_2023.csv", "notes.csv", "staff_old.csv")


def test_a_dimension_may_stand_in_small_tables_only(brings):
    city = read_city(brings(staff="period,origin\n2024,none\n", targets=TARGETS + "gender,men,2021,.1,2025,.3,,\n"))
    assert city.dimensions_of("staff") == ("origin",) and city.dimensions_of("targets") == ("gender",)
