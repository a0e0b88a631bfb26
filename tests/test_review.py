"""The whole way from a city's folder to a report, on the sample and on published figures."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from conftest import ROOT

from divimpact import cli, codes, report, runner
from divimpact.disclosure import COLUMNS
from divimpact.schema import DataError

DIVIMPACT = Path(sys.executable).with_name("divimpact")
MEASURES = {  # DESIGN.md, "What a review gives": those of the first form, and progress by every rule
    "trajectory_progress.csv": {
        *("share", "share_low_bound", "share_high_bound"),
        *("gap_closed", "gap_closed_logit", "gap_closed_low_bound", "gap_closed_high_bound"),
        *("progress_ratio", "expected_progress_ratio", "expected_share", "years_to_target"),
        *("years_to_parity", "declared_share"),
    },
    "trajectory_hiring.csv": {
        *("exit_rate", "hire_share", "leaver_rate", "joiner_share", "projected_share", "required_hire_share"),
        *("milestone", "reachable_year", "reachable_exit_rate", "years_at_present", "long_run_share"),
        *("chance_of_target", "assumed_turnover", "required_at_turnover", "pipeline_share"),
        *("promotion_rate", "promotion_ratio"),
    },
    "trajectory_change.csv": {
        *("change", "from_hires", "from_exits", "from_promotions", "from_transfers", "from_redeclaration"),
        *("unexplained", "detectable_change"),
    },
    "representation.csv": {
        *("representation_ratio", "gap_persons", "expected_persons", "benchmark_z", "benchmark_trigger"),
        *("benchmarks_not_rejected", "grade_share", "glass_ceiling_index", "step_ratio", "grade_trend"),
        *("dissimilarity", "dissimilarity_expected"),
    },
    "funnel_stages.csv": {
        *("pass_rate", "impact_ratio", "rate_difference", "shortfall", "impact_ratio_check"),
        *("rate_difference_z", "family", "impact_ratio_other_reference", "impact_ratio_low_bound"),
        *("impact_ratio_high_bound", "impact_ratio_survival", "declared_share", "undeclared_pass_ratio"),
        *("power", "detectable_ratio", "people_needed", "impact_ratio_one_person", "turned_by_one"),
    },
    "funnel_pooled.csv": {
        *("impact_ratio_pooled", "odds_ratio_pooled", "rate_difference_pooled", "association_pooled"),
        *("homogeneity", "informative_strata", "informative_share", "crude_over_pooled"),
    },
    "funnel_gap.csv": {
        *("log_ratio_contribution", "log_ratio_part", "rate_contribution", "gap", "gap_from_rates"),
        *("gap_from_composition",),
    },
    "funnel_waiting.csv": {"outcome_by_day", "outcome_difference", "outcome_on_the_way"},
    "funnel_applicants.csv": {
        *("share", "representation_ratio", "gap_persons", "expected_persons", "benchmark_z"),
        *("benchmarks_not_rejected", "representation_survival"),
    },
    "funnel_intersections.csv": {"pass_rate"},
    "funnel_channels.csv": {"channel_share", "pass_rate", "impact_ratio_screened"},
    "funnel_units.csv": {"units_beyond"},
    "uptake_rates.csv": {
        *("uptake", "uptake_ratio", "uptake_ratio_city", "uptake_ratio_screened", "unmet_persons"),
        *("uptake_standardised", "uptake_observed_over_expected", "uptake_ratio_pooled", "uptake_difference_pooled"),
        *("homogeneity", "uptake_gap", "uptake_gap_from_rates", "uptake_gap_from_composition", "simpson"),
    },
    "uptake_heterogeneity.csv": {
        *("uptake_around_city", "overdispersion", "between_variance", "vpc", "median_odds_ratio", "pcv"),
        *("stratum_uptake", "uptake_ratio_typical", "uptake_ratio_elsewhere", "tau_squared", "i_squared"),
        *("gap_homogeneity",),
    },
    "uptake_effects.csv": {
        *("effect", "effect_by_group", "effect_gap", "gap_before", "effect_at", "pre_trend", "pre_trend_detectable"),
        *("pre_trend_bias", "placebo_date", "placebo_service", "effect_check", "bacon_weight", "bacon_estimate"),
    },
}


def table(folder, name):
    return pd.read_csv(folder / "tables" / name, dtype={"period": "str"})


def run(*words, cwd=ROOT):
    return subprocess.run([DIVIMPACT, *map(str, words)], cwd=cwd, capture_output=True, text=True, timeout=300)


def listing(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


# What a review leaves


def test_a_review_leaves_every_page_table_and_figure(reports):
    folder = reports("sample")
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    pages = {"index.html", "trajectories.html", "recruitment_funnel.html", "uptake.html"}
    assert found >= pages | {"tables.xlsx", "provenance.json"} | {f"tables/{name}" for name in MEASURES}
    assert {f"notebooks/{Path(page).stem}.ipynb" for page in pages - {"index.html"}} <= found
    assert len([name for name in found if name.startswith("figures/")]) >= 3 + 6 + 1
    assert not list(folder.parent.glob(f".{folder.name}*")), "the private work folder is gone"


@pytest.mark.parametrize("name", MEASURES)
def test_table_files_hold_the_columns_and_measures_of_the_contract(reports, name):
    rows = table(reports("sample"), name)
    assert [column for column in COLUMNS if column in rows.columns] == list(rows.columns)
    assert set(rows["measure"]) == MEASURES[name]
    assert rows["suppressed"].notna().all()


@pytest.mark.parametrize("name", [name for name in MEASURES if name.startswith("uptake")])
def test_every_code_of_tables_on_use_has_its_words(reports, name):
    rows = table(reports("sample"), name)
    assert {*rows["rule"].dropna()} <= {*codes.RULES_OF_USE}
    assert {*rows["verdict"].dropna()} <= {*codes.CONCLUSIONS_OF_USE}
    text = (reports("sample") / "uptake.html").read_text(encoding="utf-8")
    assert all(f"“{code}”: " in text for column in ("rule", "verdict") for code in rows[column].dropna())


def test_the_sample_tells_the_story_of_the_toolkit(reports):
    rows = table(reports("sample"), "trajectory_progress.csv")
    goal = rows[(rows["group"] == "migration background") & rows["grade"].isna()].set_index(["measure", "period"])
    assert goal.loc[("share", "2021"), "estimate"] == pytest.approx(0.18, abs=0.005)
    assert goal.loc[("share", "2025"), "estimate"] == pytest.approx(0.265, abs=0.005)
    assert goal.loc[("gap_closed", "2025"), "estimate"] == pytest.approx(0.7, abs=0.05)
    assert goal.loc[("progress_ratio", "2025"), "verdict"] == "acceleration_needed"


def test_pages_stand_alone(reports):
    for page in reports("sample").glob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert "<script" not in html
        assert not re.search(r'(?:src|href)="(?:https?:)?//', html), page.name
        assert html.startswith("<!DOCTYPE html>") and '<html lang="en">' in html
    read = [path for path in reports("sample").rglob("*") if path.is_file() and path.parent.name != "notebooks"]
    assert sum(path.stat().st_size for path in read) < 5e6, "pages, figures, tables and workbook"


def test_every_figure_says_what_it_shows(reports):
    for figure in (reports("sample") / "figures").glob("*.svg"):
        label = re.search(r'<svg role="img" aria-label="([^"]+)"', figure.read_text(encoding="utf-8"))
        assert label and len(label[1]) > 100, figure.name


def test_notebooks_hold_no_noise_and_nothing_of_the_machine(reports):
    folder = reports("sample")
    for path in (folder / "notebooks").glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        streams = [
            o for cell in notebook.cells for o in cell.get("outputs", ()) if o.output_type in ("stream", "error")
        ]
        assert streams == []
        assert "papermill" not in notebook.metadata
        assert f"/.{folder.name}-" not in path.read_text(encoding="utf-8")


def test_the_workbook_has_a_sheet_for_each_table(reports):
    with zipfile.ZipFile(reports("sample") / "tables.xlsx") as workbook:
        sheets = set(re.findall(r'<sheet name="([^"]+)"', workbook.read("xl/workbook.xml").decode()))
    assert sheets == {"Cover", "Contents"} | {Path(name).stem for name in MEASURES}


def test_provenance_says_what_went_in_and_what_came_out(reports):
    record = json.loads((reports("sample") / "provenance.json").read_text(encoding="utf-8"))
    assert set(record["inputs"]) == {path.name for path in (ROOT / "data" / "sample").iterdir()} - {"README.md"}
    assert {f"tables/{name}" for name in MEASURES} < set(record["files"]) and "index.html" in record["files"]
    assert record["left_out"] == [
        {"table": "applications", "records": 20142, "left_out": 521, "reason": "vacancy still open"}
    ]


def test_the_first_page_names_what_was_left_out(reports):
    html = (reports("sample") / "index.html").read_text(encoding="utf-8")
    assert "Of 20,142 records of applications, 521 are left out (vacancy still open)." in html


# Published figures


def test_west_lancashire(reports):
    """West Lancashire Borough Council, recruitment April 2019 to March 2020; numbers computed twice elsewhere."""
    rows = table(reports("published/west_lancashire"), "funnel_stages.csv")
    ratio = rows[(rows["measure"] == "impact_ratio") & (rows["group"] == "BME")].set_index("stage")
    assert ratio.loc["shortlisted", "estimate"] == pytest.approx(0.550009, abs=5e-7)
    assert ratio.loc["shortlisted", "p_value"] == pytest.approx(0.016602, abs=5e-7)
    assert ratio.loc["shortlisted", "p_adjusted"] == pytest.approx(0.0332, abs=5e-5)
    assert ratio.loc["overall", "estimate"] == pytest.approx(0.365732, abs=5e-7)
    assert not rows["suppressed"].any()


def test_berkeley(reports):
    """Bickel, Hammel and O'Connell 1975: 557 of 1,835 women and 1,198 of 2,691 men admitted."""
    rows = table(reports("published/berkeley_1973"), "funnel_stages.csv")
    women = rows[(rows["measure"] == "impact_ratio") & (rows["stage"] == "overall")].iloc[0]
    counts = women[["numerator", "denominator", "reference_numerator", "reference_denominator"]]
    assert list(counts) == [557, 1835, 1198, 2691]
    assert women["estimate"] == pytest.approx(0.6818, abs=5e-5)


def test_sweden_says_what_stays_open(reports):
    folder = reports("published/sweden_state")
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert "Without the table applications it stays open where recruitment loses whom (Q5)." in html
    assert "Without the table uptake it stays open who uses services and who hardly does (Q7)." in html
    assert [path.name for path in (folder / "notebooks").iterdir()] == ["trajectories.ipynb"]
    shares = table(folder, "trajectory_progress.csv").set_index(["measure", "period"])["estimate"]
    assert shares[("share", "2012")] == 0.152


# One command, one notebook, the same numbers


def test_bare_papermill_gives_the_tables_of_the_review(reports, tmp_path):
    words = ["papermill", "notebooks/recruitment_funnel.ipynb", tmp_path / "out.ipynb"]
    words += ["-p", "data", "data/published/west_lancashire", "-p", "dimension", "ethnicity", "-p", "out", tmp_path]
    done = subprocess.run(
        [DIVIMPACT.with_name("papermill"), *map(str, words[1:])], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    review = table(reports("published/west_lancashire"), "funnel_stages.csv").query("dimension == 'ethnicity'")
    pd.testing.assert_frame_equal(table(tmp_path, "funnel_stages.csv"), review.reset_index(drop=True))


def test_the_command_prints_what_is_open_then_the_page_and_nothing_else(tmp_path):
    done = run("review", "data/published/berkeley_1973", "--out", tmp_path / "report", "-p", "confidence", "0.9")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == str(tmp_path / "report" / "index.html")
    assert all(line.startswith("Without the table ") for line in done.stdout.splitlines()[:-1])
    assert done.stderr == ""
    assert set(table(tmp_path / "report", "funnel_stages.csv")["confidence"].dropna()) == {0.9}


def test_names_infinities_and_hidden_rows_go_through_every_page(city_folder, tmp_path):
    toml = """name = "Nasty <b>Town</b>"
[dimensions.origin]
groups = ["=1+1", "<i>x</i>", "nobody"]
reference = "=1+1"
undeclared = "not stated"
[applications]
stages = ["applied", "appointed"]
"""
    rows = [
        "period,stage,origin,count",
        "2024,applied,=1+1,50",
        "2024,applied,<i>x</i>,40",
        "2024,appointed,<i>x</i>,20",
    ]
    made = report.review(city_folder(toml, applications="\n".join([*rows, "2024,applied,,30"])), tmp_path / "report")
    for page in made.page.parent.glob("*.html"):
        html = page.read_text(encoding="utf-8")
        assert "<b>Town" not in html and "<i>x" not in html, page.name
    ratios = table(made.page.parent, "funnel_stages.csv").query("measure == 'impact_ratio' and group == '<i>x</i>'")
    assert (ratios["estimate"] == float("inf")).all()
    with zipfile.ZipFile(made.page.parent / "tables.xlsx") as workbook:
        sheets = [workbook.read(name).decode() for name in workbook.namelist() if "worksheets/sheet" in name]
        assert not any("<f>" in sheet for sheet in sheets), "a name from the data is no formula"
        assert "infinite" in workbook.read("xl/sharedStrings.xml").decode()


ODD = """name = "Odd $x_{"
[dimensions.origin]
groups = ["None", "NA"]
reference = "None"
definitions = [{ from = "2019", text = "self" }, { from = "2023-07-01", text = "register" }]
[dimensions.gender]
groups = ["men", "women"]
reference = "men"
[staff]
grades = ["basic", "senior"]
leadership = ["senior"]
[publication]
min_count = 1
"""


PLAIN = """name = "Plain"
[dimensions.origin]
groups = ["None", "NA"]
reference = "None"
[publication]
min_count = 1
"""


def page(made, name):
    return (made.page.parent / f"{name}.html").read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")


def test_shares_of_leadership_or_the_reference_alone_are_reviewed(city_folder, tmp_path):
    folder = city_folder(
        ODD,
        shares="period,dimension,group,grade,share\n2022,origin,NA,leadership,.1\n2024,origin,NA,leadership,.2\n"
        "2022,gender,men,,.6\n2024,gender,men,,.5\n",
        targets="dimension,group,grade,baseline_period,baseline,target_period,target\n"
        "origin,NA,leadership,2022,.1,2026,.3\n",
        benchmark="name,dimension,group,period,share,source\npopulation,gender,men,2030,.5,made up\n",
    )
    made = report.review(folder, tmp_path / "report")
    assert [path.name for path in (made.page.parent / "figures").iterdir()] == ["trajectory_gender.svg"]
    assert "No count is hidden for being small." in page(made, "index") and "from 1 to 0" not in page(made, "index")
    assert (
        "Not followed: the goal of 30 % by 2026 for group “NA” (origin) in leadership, from "
        "10 % (2022); its baseline was set under another definition"
    ) in page(made, "index")
    assert "Table representation has no rows." in page(made, "trajectories")
    assert "Not compared: the benchmark “population” of 2030, 50.0 %, for group “men” (gender)" in page(
        made, "trajectories"
    )
    with zipfile.ZipFile(made.page.parent / "tables.xlsx") as workbook:
        texts = workbook.read("xl/sharedStrings.xml").decode()
        assert ">NA<" in texts and "The table representation has no rows, and so no sheet." in texts
        assert "representation" not in workbook.read("xl/workbook.xml").decode()


def test_yearly_use_is_published_once_and_what_one_dimension_leaves_out_is_said(city_folder, tmp_path):
    cells = [
        f"{y},{s},{d},{g}" for y in (2023, 2024) for s in ("$x_{", "漢\u2028字") for d in "EW" for g in ("None", "NA")
    ]
    rows = [f"{cell},{30 + i},{'' if '漢' in cell else 90}" for i, cell in enumerate(cells)]
    folder = city_folder(
        ODD,
        uptake="\n".join(["period,service,district,origin,users,eligible", *rows]),
        applications="period,stage,gender\n2024,applied,men\n",
        staff="period,gender\n2024,men\n2024,women\n",
    )
    (folder / "city.toml").write_text(ODD + '[applications]\nstages = ["applied", "appointed"]\n', encoding="utf-8")
    made = report.review(folder, tmp_path / "report", {"dimension": "origin"})
    rates = pd.read_csv(made.page.parent / "tables" / "uptake_rates.csv", keep_default_na=False)
    rates = rates[rates["measure"] == "uptake"]
    assert not rates.duplicated(["period", "service", "district", "group"]).any()
    assert set(rates["detail"][rates["district"] == ""]) == {"uses"}
    assert set(rates["detail"][rates["district"] != ""]) == {"people"}
    assert "<pre" not in page(made, "uptake").split("<main>")[1].replace("<pre><span", ""), "no warning is on the page"
    assert "漢 字 in 2024: how many are eligible in group “NA” or in group “None” is not known" in page(made, "index")
    assert "In the one service compared" in page(made, "uptake")
    assert made.open_questions[0] == "Only the dimension origin was asked about; of others this review says nothing."
    said = "The table applications does not hold origin, so it was not asked where recruitment loses whom (Q5)."
    assert said in made.open_questions and said in page(made, "index")
    assert "could be answered" not in page(made, "index")


@pytest.mark.parametrize(
    ("districts", "where", "said"),
    [
        ("", "", "What a measure changed, and for whom, stays open: no measure can be compared here."),
        ("E", "E", "What “letters” changed by origin stays open: no district to compare with is left."),
        (
            "EW",
            "",
            "stays open: measures, column district: 'letters' has none: a measure that starts everywhere at once",
        ),
        ("EW", "E", "“letters” for advice has been in 1 of 2 districts compared, since 2022; they are compared with"),
    ],
)
def test_measures_that_nothing_can_be_compared_with_stay_open(city_folder, tmp_path, districts, where, said):
    places = [f",{place}" for place in districts] or [""]
    rows = [f"{y},advice{d},{g},{30 + y * y % 7},90" for y in range(2017, 2026) for d in places for g in ("None", "NA")]
    key = ",district" * bool(districts)
    measures = f"measure,service{key},start\nletters,advice{f',{where}' * bool(key)},2022\n"
    uptake = "\n".join([f"period,service{key},origin,users,eligible", *rows])
    made = report.review(city_folder(PLAIN, uptake=uptake, measures=measures), tmp_path / "report")
    assert said in page(made, "uptake")
    assert {path.name for path in (made.page.parent / "tables").iterdir()} >= {
        "uptake_rates.csv",
        "uptake_heterogeneity.csv",
        "uptake_effects.csv",
    }
    assert "<pre" not in page(made, "uptake").split("<main>")[1].replace("<pre><span", ""), "no warning is on the page"


# What is wrong is one message, and nothing is lost


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-p", "dimensions", "x"], "'dimension'?"),
        (["-p", "confidence", "high"], "'high' is not a number"),
        (["-p", "dimension", "etnicity"], "Did you mean 'ethnicity'?"),
        (["-p", "out", "elsewhere"], "is not a parameter of the notebooks"),
    ],
)
def test_a_wrong_parameter_is_refused_with_the_nearest_name(tmp_path, words, message):
    done = run("review", "data/published/west_lancashire", "--out", tmp_path / "report", *words)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr and "Traceback" not in done.stderr and "column" not in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("out", ["/dev/null/report", "file/report"])
def test_a_folder_that_cannot_be_made_is_one_message(tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(
        DataError, match=r"^[\w/]+: cannot be written \([\w/]+: .+\)\. Name another folder with --out\.$"
    ):
        report.review(ROOT / "data" / "published" / "west_lancashire", out)
    done = run("sample", out, cwd=tmp_path)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (1, 1, "")


def test_bad_data_is_refused_and_nothing_is_written(city_folder, tmp_path):
    folder = city_folder(applications="period,stage,origin,count\n2024,applied,none,20\n2024,Offerred,abroad,1.5\n")
    done = run("review", folder, "--out", tmp_path / "report")
    assert (done.returncode, done.stdout) == (1, "")
    assert "applications.csv, column stage: 'Offerred' (1 row, line 3) is not a stage." in done.stderr
    assert "applications.csv, column count: '1.5' (1 row, line 3) is not a whole number." in done.stderr
    assert not (tmp_path / "report").exists()


def test_a_folder_that_is_no_report_is_not_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(DataError, match="holds something that is no report"):
        report.review(ROOT / "data" / "published" / "west_lancashire", tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def failing(folder, monkeypatch):
    """Let the funnel notebook of the run fail in its fifth cell."""
    shutil.copytree(runner.NOTEBOOKS, folder / "notebooks")
    path = folder / "notebooks" / "recruitment_funnel.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = [cell for cell in notebook.cells if cell.cell_type == "code"][2]
    cell.source = "raise ValueError('the counts do not add up')"
    nbformat.write(notebook, path)
    monkeypatch.setattr(runner, "NOTEBOOKS", folder / "notebooks")
    return notebook.cells.index(cell) + 1


def test_a_failing_notebook_is_named_and_the_earlier_report_stays(reports, tmp_path, monkeypatch):
    out = tmp_path / "report"
    shutil.copytree(reports("published/west_lancashire"), out)
    before, cell = listing(out), failing(tmp_path, monkeypatch)
    said = f"recruitment_funnel.ipynb, cell {cell}: ValueError: the counts do not add up"
    with pytest.raises(runner.NotebookError, match=re.escape(said)):
        report.review(ROOT / "data" / "published" / "west_lancashire", out)
    assert listing(out) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notebooks", "report"]


def kernels_of(folder):
    return subprocess.run(["ps", "-ewwo", "args"], capture_output=True, text=True).stdout.count(f"-f {folder}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_an_interrupted_run_leaves_the_earlier_report_and_no_kernel(reports, tmp_path, number):
    out = tmp_path / "report"
    shutil.copytree(reports("published/west_lancashire"), out)
    before = listing(out)
    words = [DIVIMPACT, "review", "data/sample", "--out", out]
    with tempfile.TemporaryDirectory() as own:  # its kernels are told by it
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env=os.environ | {"TMPDIR": own},
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # a CI may have it ignored
        )
        while process.poll() is None and kernels_of(own) < 2:
            time.sleep(0.2)
        process.send_signal(number)
        message = process.communicate(timeout=60)[1]
        assert kernels_of(own) == 0 and not [name for name in os.listdir(own) if name.startswith("divimpact-")]
    assert process.returncode == 1
    assert message.strip() == "Stopped; an earlier report is untouched."
    assert listing(out) == before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_signal_stops_even_where_another_error_comes_of_it(monkeypatch, capsys):
    def reading(**_):
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("Query interrupted")

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    monkeypatch.setattr(cli, "divimpact", reading)
    with pytest.raises(SystemExit) as left:
        cli.main()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert (left.value.code, capsys.readouterr().err) == (1, "Stopped; an earlier report is untouched.\n")
