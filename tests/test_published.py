"""The published figures: what the folders hold adds up to what was printed."""

import tomllib
from pathlib import Path

import pandas as pd
import pytest

from divimpact import counts, funnel, losses, pooling, telling, undeclared
from divimpact.schema import read_city

PUBLISHED = Path(__file__).parents[1] / "data" / "published"
FOLDERS = sorted(folder for folder in PUBLISHED.iterdir() if folder.is_dir())


def config(folder):
    return tomllib.loads((PUBLISHED / folder / "city.toml").read_text(encoding="utf-8"))


def reached(folder, table, by):
    """Add furthest stages up to everyone who reached a stage, in the order of city.toml."""
    stages = config(folder)["applications"]["stages"]
    people = pd.read_csv(PUBLISHED / folder / table).groupby([*by, "stage"])["count"].sum().unstack()[stages]
    totals = people.iloc[:, ::-1].cumsum(axis=1).iloc[:, ::-1]
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


def test_teal():
    # Connecticut v. Teal, 457 U.S. 440 (1982): took the test, passed, promoted
    found = reached("teal_1978", "applications.csv", ["race"])
    assert found == {"Black": (48, 26, 11), "white": (259, 206, 35)}


def test_new_haven_by_exam():
    # Ricci v. DeStefano, scores in Miao 2010: took the exam, passed (70 points or more)
    assert reached("new_haven_2003", "applications.csv", ["vacancy", "race"]) == {
        ("captain", "Black"): (8, 3),
        ("captain", "Hispanic"): (8, 3),
        ("captain", "white"): (25, 16),
        ("lieutenant", "Black"): (19, 6),
        ("lieutenant", "Hispanic"): (15, 3),
        ("lieutenant", "white"): (43, 25),
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


# What the READMEs say that the kit finds


def tables(folder, dimension, by=()):
    return counts.applications(read_city(PUBLISHED / folder), dimension, by=by)


def one(found, measure, stage, group, **columns):
    found = found[(found["measure"] == measure) & (found["stage"] == stage) & (found["group"] == group)]
    for column, value in columns.items():
        found = found[found[column] == value]
    return found.iloc[0]


def said(folder, *numbers):
    text = " ".join((PUBLISHED / folder / "README.md").read_text(encoding="utf-8").split())
    finds = text.split("**What the kit finds.**")[1]
    assert not [number for number in numbers if number not in finds]


def test_what_the_kit_finds_in_teal():
    counted = tables("teal_1978", "race")
    found = funnel.stages(counted)
    test, promoted, overall = (
        one(found, "impact_ratio", stage, "Black") for stage in ("passed", "promoted", "overall")
    )
    assert [row["verdict"] for row in (test, promoted, overall)] == ["lower", "higher", "cannot_tell"]
    said("teal_1978", f"{test['estimate']:.3f}"[1:], f"{test['p_adjusted']:.4f}"[1:], f"{promoted['estimate']:.3f}")
    said(
        "teal_1978", f"{promoted['p_adjusted']:.4f}"[1:], f"{overall['estimate']:.3f}", f"{overall['p_value']:.2f}"[1:]
    )
    said("teal_1978", f"{overall['conf_low']:.3f}"[1:] + f" to {overall['conf_high']:.3f}")
    logs = losses.contributions(counted).query("measure == 'log_ratio_contribution'")["estimate"]
    said("teal_1978", *(f"{log:+.3f}".replace("0.", ".") for log in logs[:2]), f"{logs.iloc[2]:.3f}"[1:])


def test_what_the_kit_finds_in_new_haven():
    by_exam, together = tables("new_haven_2003", "race", ["vacancy"]), tables("new_haven_2003", "race")
    captains = funnel.stages(by_exam[by_exam["vacancy"] == "captain"].drop(columns="vacancy"))
    for group in ("Black", "Hispanic"):
        row = one(captains, "impact_ratio", "passed", group)
        assert row["verdict"] == "cannot_tell"
        said("new_haven_2003", f"{row['p_value']:.3f}"[1:])
    rule = captains[(captains["rule"] == "four_fifths") & captains["stage"].eq("passed")]["verdict"]
    assert set(rule) == {"triggered"}
    found = pooling.pooled(by_exam, together)
    ratio = one(found, "impact_ratio_pooled", "overall", "minority")
    assert ratio["verdict"] == "lower"
    test = one(found, "association_pooled", "overall", "minority", detail="without correction")
    odds, same = (one(found, measure, "overall", "minority") for measure in ("odds_ratio_pooled", "homogeneity"))
    said("new_haven_2003", f"{test['estimate']:.2f}", f"{test['p_value']:.4f}"[1:], f"{odds['estimate']:.3f}"[1:])
    said(
        "new_haven_2003",
        f"{ratio['estimate']:.3f}"[1:],
        f"{ratio['conf_low']:.3f}"[1:],
        f"{ratio['conf_high']:.3f}"[1:],
    )
    said("new_haven_2003", f"{same['p_value']:.2f}"[1:])


def test_what_the_kit_finds_in_berkeley():
    parts, totals = tables("berkeley_1973", "gender", ["vacancy"]), tables("berkeley_1973", "gender")
    crude = one(funnel.stages(totals), "impact_ratio", "overall", "women")
    pooled = one(pooling.pooled(parts, totals), "impact_ratio_pooled", "overall", "women")
    split = pooling.gap_split(parts, totals).query("stage == 'overall'").set_index("measure")["estimate"]
    assert pooled["verdict"] == "cannot_tell"
    said("berkeley_1973", f"{crude['estimate']:.3f}"[1:], f"{pooled['estimate']:.3f}", f"{pooled['p_value']:.3f}"[1:])
    said("berkeley_1973", f"{pooled['conf_low']:.3f}"[1:] + f" to {pooled['conf_high']:.3f}")
    said("berkeley_1973", *(f"{-100 * split[part]:.1f}" for part in ("gap", "gap_from_rates", "gap_from_composition")))


def test_what_the_kit_finds_in_west_lancashire():
    counted = tables("west_lancashire", "ethnicity")
    found, worst, tells = funnel.stages(counted), undeclared.worst_cases(counted), telling.can_tell(counted)
    short, overall = (one(found, "impact_ratio", stage, "BME") for stage in ("shortlisted", "overall"))
    assert one(worst, "impact_ratio_survival", "shortlisted", "BME")["verdict"] == "depends"
    assert one(telling.one_person(counted), "turned_by_one", "appointed", "BME")["verdict"] == "cannot_tell"
    for row in (short, overall):
        said(
            "west_lancashire",
            f"{row['estimate']:.3f}"[1:],
            f"{row['conf_low']:.3f}"[1:],
            f"{row['conf_high']:.3f}".lstrip("0"),
        )
    said(
        "west_lancashire",
        f"{short['p_adjusted']:.3f}"[1:],
        f"{one(tells, 'people_needed', 'overall', 'BME')['estimate']:,.0f}",
    )
    said("west_lancashire", f"{one(worst, 'impact_ratio_high_bound', 'shortlisted', 'BME')['estimate']:.3f}"[1:])
    said("west_lancashire", f"{100 * one(tells, 'power', 'overall', 'BME')['estimate']:.0f} %")


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
