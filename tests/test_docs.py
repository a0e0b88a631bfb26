"""The README cannot drift: commands, options, tables, columns, measures and figures are those of the code."""

import doctest
import importlib
import re
import shlex

import click
import pytest
from conftest import ROOT

from divimpact.cli import divimpact
from divimpact.config import KEYS
from divimpact.tables import TABLES

README = (ROOT / "README.md").read_text(encoding="utf-8")


MODULES = sorted(path.stem for path in (ROOT / "src" / "divimpact").glob("[a-z]*.py"))


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert doctest.testmod(importlib.import_module(f"divimpact.{module}")).failed == 0


def rows(heading):
    """Return the rows of the table below a heading, the first column's code and the other's."""
    part = README.split(f"## {heading}\n")[1].split("\n## ")[0]
    found = re.findall(r"^\| `([^`]+)` \| (.+) \|$", part, re.M)
    return {name: re.findall(r"`([^`]+)`", text) for name, text in found}


@pytest.mark.parametrize("command", divimpact.commands)
def test_every_command_and_option_is_documented(command):
    assert f"divimpact {command}" in README
    options = [p.opts for p in divimpact.commands[command].params if isinstance(p, click.Option)]
    missing = [names for names in options if not any(f" {name} " in README for name in names)]
    assert not missing


def test_every_documented_command_line_can_be_said():
    said = re.findall(r"^\$ divimpact (.+?)(?: +#.*)?$", README, re.M)
    assert len(said) >= 4
    for line in said:
        name, *words = shlex.split(line)
        divimpact.commands[name].make_context(name, words)


def test_every_table_and_column_is_documented():
    documented = rows("Your own data")
    assert set(documented) == set(TABLES)
    for name, table in TABLES.items():
        assert set(documented[name]) == set(table.columns), name


def test_every_measure_is_documented(reports):
    from test_review import table

    documented = rows("What a review gives")
    folder = reports("sample")
    assert set(documented) == {path.name for path in (folder / "tables").iterdir()}
    for name, measures in documented.items():
        assert set(measures) == set(table(folder, name)["measure"]), name


def test_the_figure_of_the_readme_is_that_of_the_sample(reports):
    labels = [
        re.search(r'aria-label="([^"]+)"', path.read_text(encoding="utf-8"))[1]
        for path in (ROOT / "docs" / "trajectory_origin.svg", reports("sample") / "figures" / "trajectory_origin.svg")
    ]
    assert labels[0] == labels[1]


def test_the_sentences_of_the_readme_are_those_of_the_reports(reports):
    quotes = re.findall(r"^> (.+)$", README, re.M)
    assert len(quotes) == 2
    for quote, city in zip(quotes, ("sample", "published/west_lancashire"), strict=True):
        page = (reports(city) / "index.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
        assert quote in page


def test_the_example_of_a_message_is_a_real_one(city_folder):
    from divimpact.schema import DataError, read_city

    toml = """name = "x"
[dimensions.gender]
groups = ["men", "women"]
reference = "men"
[applications]
stages = ["applied", "shortlisted", "interviewed", "offered", "appointed"]
"""
    lines = ["2024,applied,men"] * 116 + ["2024,Offerred,men"] * 3
    folder = city_folder(toml, applications="\n".join(["period,stage,gender", *lines]))
    with pytest.raises(DataError) as caught:
        read_city(folder)
    assert str(caught.value) in README


def test_the_smallest_city_is_reviewed(city_folder):
    from divimpact.schema import read_city

    toml = README.split("```toml\n")[1].split("```")[0]
    city = read_city(city_folder(toml, applications="period,stage,gender,count\n2024,applied,men,12\n"))
    assert city.dimensions_of("applications") == ("gender",)


def test_the_python_example_runs(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    exec(README.split("```python\n")[1].split("```")[0], {})
    assert "The step to “shortlisted” passes 10 of 43" in capsys.readouterr().out


def test_every_key_of_city_toml_is_shown_by_the_sample():
    sample = (ROOT / "data" / "sample" / "city.toml").read_text(encoding="utf-8")
    shown = {key for keys in KEYS.values() for key in keys if re.search(rf"\b{key}\b", sample)}
    assert {key for keys in KEYS.values() for key in keys} - shown <= {"url", "grade_values"}
