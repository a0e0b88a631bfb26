"""What a report was made from, and its release."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from conftest import CITY

from divimpact import disclosure, publish, record, report, wording
from divimpact.mask import Policy, plan
from divimpact.schema import DataError, read_city

TOML = CITY.replace("min_count = 1", "min_count = 10").replace('"abroad"', '"=1+1"')
ROWS = """period,origin,stage,outcome,vacancy,count
2024,none,applied,rejected,A,60
2024,none,shortlisted,rejected,A,40
2024,none,appointed,hired,A,30
2024,=1+1,applied,rejected,A,31
2024,=1+1,shortlisted,rejected,A,17
2024,=1+1,appointed,hired,A,4
2024,,applied,rejected,A,12
2024,none,applied,in_progress,B,5
"""


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory):
    """Return a city's folder and its report, reviewed once."""
    folder = tmp_path_factory.mktemp("record")
    data = folder / "city"
    data.mkdir()
    (data / "city.toml").write_text(TOML, encoding="utf-8")
    (data / "applications.csv").write_text(ROWS, encoding="utf-8")
    return data, report.review(data, folder / "report").page.parent


@pytest.fixture
def released(reviewed, tmp_path):
    """Return copies of both, the report released."""
    data, made = (shutil.copytree(part, tmp_path / part.name) for part in reviewed)
    record.release(made, data)
    return data, made


def test_a_release_notes_what_is_shown_and_nothing_that_is_hidden(released):
    data, made = released
    (line,) = (data / "releases.jsonl").read_text(encoding="utf-8").splitlines()
    noted = json.loads(line)
    assert noted["report"] == "report" and noted["until"] == {"applications": "2024"}
    assert noted["rule"] == {
        "publication.min_count": 10,
        "publication.declared": 0.6,
        "publication.without": ["applications by channel", "applications by unit", "applications by intersection"],
        "staff.leadership": ["senior"],
        "applications.stages": ["applied", "shortlisted", "appointed"],
        "dimensions.origin.sensitive": False,
    }
    assert any("appointed" in name and "=1+1" in name for name in noted["hidden"])
    assert not {*noted["hidden"]} & {*noted["cells"]}
    counts = {
        tuple(json.loads(cell)[1::2]) and tuple(map(str, json.loads(cell))): n for cell, n in noted["cells"].items()
    }
    place = "{'stage': 'appointed', 'until': '2024'}"
    assert ("applications", place, "origin", "=1+1", "") not in counts
    shown = pd.read_csv(made / "tables" / "funnel_stages.csv").query("measure == 'pass_rate' and ~suppressed")
    assert len(shown) and set(shown["numerator"]) <= set(counts.values())
    assert all(n == 0 or n >= 10 for n in counts.values())


def test_pages_and_record_say_released_instead_of_draft(reviewed, released):
    day = json.loads((released[1] / "provenance.json").read_text(encoding="utf-8"))["released"]
    pages = list(released[1].glob("*.html"))
    assert len(pages) == 2
    for page in pages:
        assert f'<p class="draft">Released {day}</p>' in page.read_text(encoding="utf-8")
        assert '<p class="draft">Draft</p>' in (reviewed[1] / page.name).read_text(encoding="utf-8")


def test_a_released_city_is_reviewed_again_and_gives_no_more(released):
    data, made = released
    city = read_city(data)
    assert len(city.releases) == 1
    from divimpact import cells

    listed = cells.publishable(city)
    again = plan(*listed, Policy(**city.publication))
    assert again.hidden.any()
    noted = record.shown(listed.frame, again), record.kept_back(listed.frame, again)
    once = json.loads((made / "provenance.json").read_text(encoding="utf-8"))
    assert record._fingerprint(*noted) == once["published"]


class Killed(BaseException):
    pass


def assert_released_once(data, made, day):
    (line,) = (data / "releases.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["date"] == day
    assert all(f'<p class="draft">Released {day}</p>' in page.read_text() for page in made.glob("*.html"))
    written = json.loads((made / "provenance.json").read_text(encoding="utf-8"))
    assert written["released"] == day and written["files"] == record._files(made)
    assert not [*made.rglob(".*"), *data.glob(".*")]


@pytest.mark.parametrize("write", range(4))  # the note, two pages, the record
@pytest.mark.parametrize("before", [True, False])
def test_a_release_that_broke_off_is_taken_up_when_asked_again(reviewed, tmp_path, monkeypatch, write, before):
    data, made = (shutil.copytree(part, tmp_path / part.name) for part in reviewed)
    replaced, written = Path.replace, iter(range(4))

    def killed(self, target):
        last = next(written) == write
        if not (last and before):
            replaced(self, target)
        if last:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(Killed):
            record.release(made, data)
    if write == 3 and not before:
        day = json.loads((made / "provenance.json").read_text(encoding="utf-8"))["released"]
    else:
        assert (
            not any("Released" in page.read_text() for page in made.glob("*.html"))
            or (data / "releases.jsonl").exists()
        ), "no page says what is not noted"
        day = record.release(made, data)
    assert_released_once(data, made, day)


def test_a_release_that_was_killed_is_taken_up_when_asked_again(reviewed, tmp_path):
    """The process is gone with a page half done: the note is written, the page's new text lies beside it."""
    data, made = (shutil.copytree(part, tmp_path / part.name) for part in reviewed)
    code = """
import os, pathlib, sys
from divimpact import record
replaced = pathlib.Path.replace
def killed(self, target):
    if target.name == "index.html":
        os.kill(os.getpid(), 9)
    return replaced(self, target)
pathlib.Path.replace = killed
record.release(*map(pathlib.Path, sys.argv[1:]))
"""
    asked = [sys.executable, "-c", code, str(made), str(data)]
    assert subprocess.run(asked, timeout=100, check=False).returncode == -9
    assert (made / ".index.html-unfinished").exists()
    assert_released_once(data, made, record.release(made, data))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data, made: record.release(made, data), "was released on .* There is nothing to do"),
        (lambda data, made: (made / "provenance.json").unlink(), "is no report"),
        (
            lambda data, made: (made / "tables" / "funnel_stages.csv").write_text("measure\n"),
            r"not those of the review: tables/funnel_stages\.csv\. Review again",
        ),
        (
            lambda data, made: (made / "index.html").write_text("<p>All is well.</p>"),
            r"not those of the review: index\.html\. Review again",
        ),
        (
            lambda data, made: (made / "tables" / "more.csv").write_text("origin,count\n"),
            r"not those of the review: tables/more\.csv\. Review again",
        ),
        (
            lambda data, made: (data / "applications.csv").write_text(ROWS.replace(",60", ",61")),
            "data, city.toml or releases have changed since the review. Review again, then release",
        ),
    ],
)
def test_what_cannot_be_released_is_refused_and_nothing_written(reviewed, tmp_path, change, message):
    data, made = (shutil.copytree(part, tmp_path / part.name) for part in reviewed)
    change(data, made)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=message):
        record.release(made, data)
    assert sorted(tmp_path.rglob("*")) == before


def test_inputs_are_hashed_only_where_nothing_is_hidden(reviewed, reports):
    for folder, hashed in ((reviewed[1], False), (reports("published/berkeley_1973"), True)):
        inputs = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["inputs"]
        assert len(inputs) > 1 and all((value is not None) == hashed for value in inputs.values())


def test_a_revision_by_few_people_is_refused_with_the_release_named(released):
    data, _ = released
    (data / "applications.csv").write_text(ROWS.replace(",60", ",62"), encoding="utf-8")
    with pytest.raises(disclosure.DisclosureError) as error:
        report.review(data, data.parent / "other")
    assert "applications (origin) beside the release report of 20" in str(error.value)
    assert "Keep the rows of these periods as they were" in str(error.value)
    assert str(error.value).endswith("To leave breakdowns out is not enough.")
    assert not (data.parent / "other").exists()


NOTED = '{"date": "2024", "report": "r", "until": {}, "rule": {}, "cells": {}, "hidden": []}\n'


@pytest.mark.parametrize("text", ["{", '{"date": "2024"}\n', "[]\n", NOTED, NOTED.replace("hidden", "hides")])
def test_a_broken_list_of_releases_is_refused(city_folder, text):
    folder = city_folder(TOML, applications=ROWS)
    (folder / "releases.jsonl").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"^releases\.jsonl: .*put the last good copy back"):
        read_city(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            ("min_count = 10", "min_count = 5"),
            "city.toml, key publication.min_count: is 5, and was 10 at the release report of {day}. Keep it, or "
            "raise it: what was hidden then would be told.",
        ),
        (
            ("min_count = 10", "min_count = 10\ndeclared = 0.5"),
            "city.toml, key publication.declared: is 0.5, and was 0.6 at the release report of {day}. Keep it, or "
            "raise it: what was hidden then would be told.",
        ),
        (
            ('"shortlisted", "appointed"', '"appointed"'),
            'city.toml, key applications.stages: is ["applied", "appointed"], and was ["applied", "shortlisted", '
            '"appointed"] at the release report of {day}. Keep it, or give it another name: what is called the same '
            "must be the same, set beside the release.",
        ),
    ],
)
def test_a_looser_rule_than_at_a_release_is_refused_and_nothing_written(released, change, message):
    data, _ = released
    (data / "city.toml").write_text(TOML.replace(*change), encoding="utf-8")
    day = json.loads((data / "releases.jsonl").read_text(encoding="utf-8"))["date"]
    with pytest.raises(DataError) as error:
        report.review(data, data.parent / "other")
    assert message.format(day=day) in str(error.value).splitlines()
    assert not (data.parent / "other").exists()


@pytest.mark.parametrize(
    "change", [("min_count = 10", "min_count = 11"), ("[publication]", "[publication]\ndeclared = 1")]
)
def test_a_stricter_rule_than_at_a_release_may_stand(released, change):
    data, _ = released
    (data / "city.toml").write_text(TOML.replace(*change), encoding="utf-8")
    assert len(read_city(data).releases) == 1


def test_a_looser_rule_is_told_with_all_else_that_is_wrong(released):
    data, _ = released
    (data / "city.toml").write_text(TOML.replace("min_count = 10", "min_count = 5"), encoding="utf-8")
    (data / "applications.csv").write_text(ROWS.replace("2024,none", "24,none"), encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_city(data)
    assert {problem.column for problem in error.value.problems} >= {"publication.min_count", "period"}


def test_no_name_is_a_formula_in_a_csv_file(reviewed):
    for path in (reviewed[1] / "tables").glob("*.csv"):
        text = path.read_text(encoding="utf-8")
        assert ("'=1+1" in text or text.count("\n") == 1) and ",=1+1" not in text


def test_how_many_records_were_left_out_is_not_said_where_it_tells_a_count():
    rows = pd.DataFrame({"table": "applications", "records": [25, float("nan")], "left_out": [5, float("nan")]})
    assert wording.left_out(rows.assign(reason="vacancy still open")) == [
        "Of 25 records of applications, 5 are left out (vacancy still open).",
        "Some records of applications are left out (vacancy still open); how many is hidden.",
    ]


def test_only_what_is_protected_is_written(tmp_path):
    with pytest.raises(TypeError, match="a DataFrame is not protected"):
        publish.table(pd.DataFrame(), "x", str(tmp_path))
