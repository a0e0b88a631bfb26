"""What several test files share: the repository's data, small cities, and reports that are made once."""

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CITY = """
name = "Testville"

[dimensions.origin]
groups = ["none", "abroad"]
reference = "none"
undeclared = "not stated"

[staff]
grades = ["basic", "senior"]
leadership = ["senior"]

[applications]
stages = ["applied", "shortlisted", "appointed"]

[publication]
min_count = 1
"""


@pytest.fixture
def city_folder(tmp_path):
    """Return a function that writes a city's folder from texts, one for each file."""

    def write(toml=CITY, **tables):
        folder = tmp_path / "city"
        folder.mkdir(exist_ok=True)
        (folder / "city.toml").write_text(toml, encoding="utf-8")
        for name, text in tables.items():
            (folder / f"{name.replace('__', '.')}.csv").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture(scope="session")
def data():
    return ROOT / "data"


@pytest.fixture(scope="session")
def reports(tmp_path_factory):
    """Return a function that reviews a city of the repository once and gives the folder of the report."""
    from divimpact import report

    folder, made = tmp_path_factory.mktemp("reports"), {}

    def of(city):
        if city not in made:
            made[city] = report.review(ROOT / "data" / city, folder / Path(city).name)
        return made[city].page.parent

    yield of
    shutil.rmtree(folder, ignore_errors=True)
