"""The published figures: what the folders hold adds up to what was printed."""

import tomllib
from pathlib import Path

import pandas as pd
import pytest

PUBLISHED = Path(__file__).parents[1] / "data" / "published"
FOLDERS = sorted(folder for folder in PUBLISHED.iterdir() if folder.is_dir())


def config(folder):
    return tomllib.loads((PUBLISHED / folder / "city.toml").read_text(encoding="utf-8"))


def reached(folder, table, by):
    """Add furthest stages up to everyone who reached a stage, in the order of city.toml."""
    stages = config(folder)["applications"]["stages"]
    counts = pd.read_csv(PUBLISHED / folder / table).groupby([*by, "stage"])["count"].sum().unstack()[stages]
    totals = counts.iloc[:, ::-1].cumsum(axis=1).iloc[:, ::-1]
    return {group: tuple(row) for group, row in zip(totals.index, totals.to_numpy().tolist(), strict=True)}


def test_west_lancashire_by_ethnicity():
    # West Lancashire Borough Council, equality information about employees, recruitment 2019/20:
    # applications, shortlisted candidates, appointments.
    printed = {"BME": (43, 10, 2), "White": (920, 389, 117), "Unknown": (7, 4, 0)}
    assert reached("west_lancashire", "applications.ethnicity.csv", ["ethnicity"]) == printed


def test_west_lancashire_by_religion():
    # the same source
    assert reached("west_lancashire", "applications.religion.csv", ["religion"]) == {
        "Christian": (474, 202, 67),
        "Muslim": (9, 2, 0),
        "Hindu": (5, 0, 0),
        "Buddhist": (3, 1, 0),
        "Jewish": (0, 0, 0),
        "Sikh": (3, 1, 0),
        "Not declared": (36, 14, 3),
        "No religion": (429, 176, 48),
        "Other": (11, 7, 1),
    }


def test_west_lancashire_adds_up_to_the_printed_totals_both_ways():
    for dimension in ("ethnicity", "religion"):
        found = reached("west_lancashire", f"applications.{dimension}.csv", [dimension]).values()
        assert tuple(map(sum, zip(*found, strict=True))) == (970, 403, 119)


def test_berkeley_by_sex():
    # Bickel, Hammel, O'Connell 1975, six largest departments (R: datasets::UCBAdmissions): applied, admitted
    found = reached("berkeley_1973", "applications.csv", ["gender"])
    assert found == {"men": (2691, 1198), "women": (1835, 557)}


def test_berkeley_by_department():
    # the same source, applied and admitted
    assert reached("berkeley_1973", "applications.csv", ["vacancy", "gender"]) == {
        ("A", "men"): (825, 512),
        ("A", "women"): (108, 89),
        ("B", "men"): (560, 353),
        ("B", "women"): (25, 17),
        ("C", "men"): (325, 120),
        ("C", "women"): (593, 202),
        ("D", "men"): (417, 138),
        ("D", "women"): (375, 131),
        ("E", "men"): (191, 53),
        ("E", "women"): (393, 94),
        ("F", "men"): (373, 22),
        ("F", "women"): (341, 24),
    }


def test_sweden():
    # Arbetsgivarverket, yearly notes; 2011 is 15.2 less the printed rise of 1.1 points
    shares = pd.read_csv(PUBLISHED / "sweden_state" / "shares.csv").set_index("period").share
    assert shares.to_dict() == {
        2006: 0.111,
        2011: 0.141,
        2012: 0.152,
        2013: 0.160,
        2015: 0.177,
        2016: 0.183,
        2017: 0.186,
        2018: 0.192,
    }
    assert shares[2012] - shares[2011] == pytest.approx(0.011)
    assert shares[2018] == pytest.approx(47_500 / 247_000, abs=0.0005)
    population = pd.read_csv(PUBLISHED / "sweden_state" / "benchmark.csv").set_index("period").share
    assert population.to_dict() == {2012: 0.230, 2016: 0.265, 2017: 0.275, 2018: 0.284}


def test_swedens_readme_prints_the_same_figures():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (PUBLISHED / "sweden_state" / "README.md").read_text(encoding="utf-8").splitlines()
        if line.startswith("| 20")
    ]
    for file, column in (("shares.csv", 1), ("benchmark.csv", 3)):
        held = pd.read_csv(PUBLISHED / "sweden_state" / file).set_index("period").share
        printed = {int(row[0]): round(float(row[column]) / 100, 3) for row in rows if row[column]}
        assert printed == held.to_dict()


@pytest.mark.parametrize("folder", [folder.name for folder in FOLDERS])
def test_every_folder_is_public_and_names_its_source(folder):
    settings = config(folder)
    assert settings["publication"]["min_count"] == 1
    assert settings["source"]["note"].startswith("published: ")
    readme = (PUBLISHED / folder / "README.md").read_text(encoding="utf-8")
    for part in ("**Source.**", "**How it was read then.**"):
        assert part in readme
    assert f"| `{folder}` |" in (PUBLISHED / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", [folder.name for folder in FOLDERS])
def test_applications_are_hired_exactly_at_the_last_stage(folder):
    for file in (PUBLISHED / folder).glob("applications*.csv"):
        found = pd.read_csv(file)
        last = config(folder)["applications"]["stages"][-1]
        assert ((found.outcome == "hired") == (found.stage == last)).all()
        assert set(found.outcome) == {"hired", "rejected"}
