"""Read everything that reviews of a small city wrote, and try to work out counts below ten that they hide.

Nothing of the package is used but to make the city and its reviews: the true counts, what a report says, and the sums
that everybody knows are worked out here anew.
"""

import json
import re
import shutil
import zipfile
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from attacker import NEAR, between, matrix
from scipy.sparse.csgraph import connected_components
from test_attack_figures import PERIODS, apart

from divimpact import record, report, synthetic
from divimpact.sampletown import DIMENSIONS, GRADES, SETTINGS, STAGES

LEAST = 10
UNDECLARED = {name: known["undeclared"] for name, known in SETTINGS["dimensions"].items()}
COMBINED = SETTINGS["dimensions"]["origin"]["combine"]
NAMES = [
    "measure",
    "period",
    "unit",
    "channel",
    "grade",
    "service",
    "district",
    "dimension",
    "group",
    "reference",
    "benchmark",
    "stage",
]
NAMES += ["detail", "suppressed"]
DECLARED, EVERYONE = "(declared)", "(everyone)"
COMPARING = ("funnel_stages", "uptake_rates")  # tables of groups beside their reference
AS_IT_COULD_BE = ("impact_ratio_low_bound", "impact_ratio_high_bound", "impact_ratio_one_person")


# The city, its reviews, and the truth


def written(folder, until, since="2024", staff=500, without="[]"):
    """A small city of some years, without what came after ``until``, with the releases that were noted there."""
    sample = synthetic.city(seed=3, staff=staff)
    folder.mkdir(exist_ok=True)
    config = sample.config.replace("without = []", f"without = {without}")
    folder.joinpath("city.toml").write_text(config, encoding="utf-8")
    for name, table in sample.tables.items():
        if name in ("staff", "flows", "applications", "uptake"):
            table = table[table["period"].between(since, f"{until}-Z")]
        synthetic._export(name, table).to_csv(folder / f"{name}.csv", index=False)
    return {
        name: table[table["period"].between(since, f"{until}-Z")]
        for name, table in sample.tables.items()
        if name in ("staff", "applications", "uptake")
    }


def true_counts(tables, tag=""):
    """Count every cell that a report may show: by table, place, dimension and group, in the words of this file."""
    found = {}
    for dimension, groups in DIMENSIONS.items():
        staff, applied, uptake = tables["staff"], closed(tables["applications"]), tables["uptake"]
        for period in sorted(set(staff["period"])):
            for grade in ["", *GRADES]:
                rows = staff[(staff["period"] == period) & ((staff["grade"] == grade) | (grade == ""))]
                sizes = [rows.loc[rows[dimension] == group, "count"].sum() for group in groups]
                found |= group_cells(("staff", period, grade), dimension, groups, sizes)
        for number, stage in enumerate(STAGES):
            reached = applied[applied["stage"].isin(STAGES[number:])]
            whole = stage in (STAGES[0], STAGES[-1])
            listed = sorted(set(applied["channel"])) if whole else ()
            crossed = DIMENSIONS["gender"] if whole and dimension != "gender" else ()
            places = [
                *by_channel("applications" + tag, reached, listed),
                *by_gender("applications" + tag, reached, crossed),
            ]
            for name, among in places:
                sizes = [np.count_nonzero(among[dimension] == group) for group in groups]
                found |= group_cells((name, stage), dimension, groups, sizes)
        if dimension in uptake:
            last = uptake["period"].max()
            places = [(period, "") for period in sorted(set(uptake["period"]))] + [(last[:4], "")]
            places += [(last, district) for district in sorted(set(uptake["district"]))]
            for service in sorted(set(uptake["service"])):
                for period, district in places:
                    rows = uptake[uptake["period"].str.startswith(period) & (uptake["service"] == service)]
                    rows = rows[(rows["district"] == district) | (district == "")]
                    for part in ("users", "eligible"):
                        sizes = [rows.loc[rows[dimension] == group, part].sum() for group in groups]
                        found |= group_cells((part, service, period, district), dimension, groups, sizes)
    return found | differences(found)


def by_channel(name, records, channels):
    yield name, records
    yield from ((f"{name} by {channel}", records[records["channel"] == channel]) for channel in channels)


def by_gender(name, records, genders):
    yield from ((f"{name} among {gender}", records[records["gender"] == gender]) for gender in genders)


def closed(applications):
    waiting = applications.loc[applications["outcome"] == "in_progress", "vacancy"]
    return applications[~applications["vacancy"].isin(waiting)]


def group_cells(place, dimension, groups, sizes):
    """The counts of each group, of combined groups, of all who declared and of everyone."""
    counts = dict(zip(groups, map(int, sizes), strict=True))
    if dimension == "origin":
        counts |= {name: sum(counts[part] for part in parts) for name, parts in COMBINED.items()}
    counts[EVERYONE] = int(sum(sizes))
    counts[DECLARED] = counts[EVERYONE] - counts[UNDECLARED[dimension]]
    return {(*place, dimension, group): count for group, count in counts.items()}


def differences(counts):
    """What is between two counts: who was lost at a stage, who does not use a service, who is not of a group."""
    return {
        ("between", *pair): counts[pair[0]] - counts[pair[1]]
        for pair in sorted(pairs(counts))
        if all(cell in counts for cell in pair)
    }


def pairs(counts):
    for cell in counts:
        table, *place, dimension, group = cell
        if table.startswith("applications"):
            yield from (
                ((table, before, dimension, group), (table, after, dimension, group))
                for before, after in [*pairwise(STAGES), (STAGES[0], STAGES[-1])]
            )
        elif table == "users":
            yield ("eligible", *place, dimension, group), cell
        elif table == "staff" and group not in (DECLARED, EVERYONE, UNDECLARED[dimension]):
            yield (table, *place, dimension, DECLARED), cell


def known_sums(counts):
    """The sums that everybody knows, each (total, part, ...)."""
    families = {}
    for cell in counts:
        if cell[0] == "between":
            yield cell[1], cell[2], cell
            continue
        table, *place, dimension, group = cell
        at = (table, *place)
        families.setdefault((at, dimension), {})[group] = cell
        if (
            table.startswith("applications")
            and place[0] in (STAGES[0], STAGES[-1])
            and not {*table.split()} & {"by", "among"}
        ):
            for key in ("by", "among"):
                finer = [other for other in counts if other[0].startswith(f"{table} {key} ") and other[1:] == cell[1:]]
                yield from [(cell, *finer)] * bool(finer)
        if " among " in table and group == EVERYONE:
            whole, gender = table.split(" among ")
            yield (whole, *place, "gender", gender), cell
        if table == "staff" and place[1] == "":
            yield cell, *((table, place[0], grade, dimension, group) for grade in GRADES)
        if table in ("users", "eligible"):
            service, period, district = place
            finer = [other for other in counts if other[:2] == (table, service) and other[-2:] == (dimension, group)]
            if district == "" and len(period) == 4:
                yield cell, *(other for other in finer if other[2].startswith(f"{period}-") and other[3] == "")
            elif district == "" and (districts := [other for other in finer if other[2] == period and other[3] != ""]):
                yield cell, *districts
            if table == "eligible":  # the same inhabitants in each quarter
                yield from (
                    (cell, other)
                    for other in finer
                    if other[2] > period
                    and len(other[2]) == len(period)
                    and other[3] == district
                    and counts[cell] == counts[other]
                )
    everyone = {}
    for (at, dimension), cells in families.items():
        undeclared = UNDECLARED[dimension]
        yield cells[DECLARED], *(cells[group] for group in DIMENSIONS[dimension] if group != undeclared)
        yield cells[EVERYONE], cells[DECLARED], cells[undeclared]
        if dimension == "origin":
            yield from ((cells[name], *(cells[part] for part in parts)) for name, parts in COMBINED.items())
        if at in everyone:
            yield everyone[at], cells[EVERYONE]
        everyone[at] = cells[EVERYONE]


# What a report says


def read_tables(folder):
    return {
        path.stem: pd.read_csv(path, dtype={"period": "str"}, keep_default_na=True)
        for path in sorted((folder / "tables").glob("*.csv"))
    }


def said(folder, tag=""):
    """Every count that the table files show, or give by a rate, a bound or a gap with its denominator."""
    found = {}

    def note(cell, count):
        if pd.notna(count):
            assert found.setdefault(cell, round(count)) == round(count), cell

    tables = read_tables(folder)
    for row in tables["trajectory_progress"].itertuples():
        grade = "" if pd.isna(row.grade) else row.grade
        at, undeclared = (
            ("staff", row.period, "senior" if grade == "leadership" else grade, row.dimension),
            UNDECLARED[row.dimension],
        )
        if row.measure == "share":
            note((*at, row.group), row.numerator)
            note((*at, EVERYONE if row.group == undeclared else DECLARED), row.denominator)
            note((*at, row.group), row.estimate * row.denominator)
        elif row.measure in ("share_low_bound", "share_high_bound"):
            note((*at, EVERYONE), row.denominator)
            if row.measure == "share_low_bound":
                note((*at, row.group), row.estimate * row.denominator)
            elif (*at, row.group) in found:
                note((*at, undeclared), row.estimate * row.denominator - found[(*at, row.group)])
    for row in tables["representation"].itertuples():
        grade = "" if pd.isna(row.grade) or row.measure == "glass_ceiling_index" else row.grade
        sides = [(grade, row.numerator, row.denominator)]
        if row.measure in ("glass_ceiling_index", "step_ratio"):  # beside leadership, and the grade below
            other = GRADES[-1] if grade == "" else row.detail.removeprefix("over ")
            sides += [(other, row.reference_numerator, row.reference_denominator)]
        for place, numerator, denominator in sides:
            at = ("staff", row.period, "senior" if place == "leadership" else place, row.dimension)
            note((*at, row.group), numerator)
            note((*at, EVERYONE if row.group == UNDECLARED[row.dimension] else DECLARED), denominator)
    steps = dict(zip(STAGES[1:], pairwise(STAGES), strict=True)) | {"overall": (STAGES[0], STAGES[-1])}
    rests = []
    for row in pd.concat([tables[f"funnel_{name}"] for name in ("stages", "pooled", "gap")]).itertuples():
        if pd.isna(row.stage):
            continue  # how many comparisons are adjusted together
        (before, after), at = steps[row.stage], f"applications{tag}"
        if row.measure == "declared_share":
            reached = before if row.stage == "overall" else after
            note((at, reached, row.dimension, DECLARED), row.numerator)
            note((at, reached, row.dimension, EVERYONE), row.denominator)
            continue
        sides = [row.group, DECLARED if pd.isna(row.reference) else row.reference]
        if row.measure in AS_IT_COULD_BE:  # made of the counts of both sides and of the undeclared
            of = [*sides, UNDECLARED[row.dimension]][: 2 if row.measure == "impact_ratio_one_person" else 3]
            rests += [(at, stage, row.dimension, group) for stage in steps[row.stage] for group in of] * (
                not row.suppressed
            )
            continue
        counts = (row.numerator, row.denominator), (row.reference_numerator, row.reference_denominator)
        for group, (numerator, denominator) in zip(sides, counts, strict=True):
            note((at, after, row.dimension, group), numerator)
            note((at, before, row.dimension, group), denominator)
        if row.measure == "pass_rate":
            note((at, after, row.dimension, row.group), row.estimate * row.denominator)
    for row in tables["funnel_channels"].itertuples():  # none, where they are left out
        (before, after), at = (
            steps["overall" if pd.isna(row.stage) else row.stage],
            f"applications{tag} by {row.channel}",
        )
        if row.measure == "channel_share":
            note((at, before, row.dimension, row.group), row.numerator)
            note((f"applications{tag}", before, row.dimension, row.group), row.denominator)
            continue
        sides = (
            (row.group, row.numerator, row.denominator),
            (row.reference, row.reference_numerator, row.reference_denominator),
        )
        for group, numerator, denominator in sides:
            note((at, after, row.dimension, group), numerator)
            note((at, before, row.dimension, group), denominator)
    for row in tables["funnel_intersections"].itertuples():
        at = f"applications{tag} among {row.detail.removeprefix('gender: ')}"
        note((at, STAGES[-1], row.dimension, row.group), row.numerator)
        note((at, STAGES[0], row.dimension, row.group), row.denominator)
        note((at, STAGES[-1], row.dimension, row.group), row.estimate * row.denominator)
    for row in tables["funnel_applicants"].itertuples():
        note((f"applications{tag}", STAGES[0], row.dimension, row.group), row.numerator)
        note((f"applications{tag}", STAGES[0], row.dimension, DECLARED), row.denominator)
    assert not [cell for cell in rests if cell not in found], "they tell no more than is shown"
    for row in tables["uptake_rates"].itertuples():
        at = row.service, row.period, "" if pd.isna(row.district) else row.district, row.dimension
        sides = [
            (row.group, row.numerator, row.denominator),
            (DECLARED if pd.isna(row.reference) else row.reference, row.reference_numerator, row.reference_denominator),
        ]
        for group, users, eligible in sides:
            note(("users", *at, group), users)
            note(("eligible", *at, group), eligible)
    beside = tables["uptake_heterogeneity"]
    for row in beside[beside["measure"].isin(["uptake_around_city", "stratum_uptake"])].itertuples():
        own = row.service, row.period, row.district, row.dimension, row.group
        note(("users", *own), row.numerator)
        note(("eligible", *own), row.denominator)
        if row.measure == "uptake_around_city":
            note(("users", *own), row.estimate * row.denominator)
            note(("users", row.service, row.period, "", row.dimension, row.group), row.reference_numerator)
            note(("eligible", row.service, row.period, "", row.dimension, row.group), row.reference_denominator)
    for dimension in DIMENSIONS:
        for each in json.loads((folder / "provenance.json").read_text())["left_out"]:
            if each["records"] is not None and each["left_out"] is not None:
                note((f"applications{tag}", STAGES[0], dimension, EVERYONE), each["records"] - each["left_out"])
    return found


def unpublished(truth, shown):
    """The counts of a table of which a report shows none: it is withheld or left out, zeros too."""
    told_of = {detail_of(name) for name in shown}
    return {name for name in truth if (table := detail_of(name)) and table not in told_of}


def detail_of(name):
    """Name the table of a count by district, channel or gender; nothing of others."""
    if name[0] in ("users", "eligible"):
        return ("district", name[2], name[4]) if name[3] else None
    if name[0] == "between":
        return detail_of(name[1])
    whole, key, _ = (re.split(" (by|among) ", name[0]) + [None, None])[:3]
    return (whole, key, name[2]) if key else None


def told(truth, shown, sums, least=LEAST):
    """Return the small counts that can be worked out, by linear programs over all that is shown and all sums."""
    names = list(truth)
    sums = [(total, parts) for total, *parts in dict.fromkeys(map(tuple, sums))]
    rows, counts = matrix(names, sums), np.array([truth[name] for name in names])
    assert all(truth[name] == value for name, value in shown.items()), "what a report says is true"
    withheld = unpublished(truth, shown)
    unsaid = np.array([name in withheld for name in names])
    hides = (
        np.array([name not in shown and count > 0 for name, count in truth.items()]) | unsaid
    )  # other zeros are known
    parts = connected_components(
        (rows[:, hides] != 0).astype(int).T @ (rows[:, hides] != 0).astype(int), directed=False
    )[1]
    label = np.full(len(names), -1)
    label[hides] = parts
    small = np.flatnonzero(hides & (counts > 0) & (counts < least))
    found = {}
    for place in small:
        within = np.flatnonzero(label == label[place])
        held = rows[:, within]
        held = held[np.diff(held.indptr) > 0]
        own, free = int(np.flatnonzero(within == place)[0]), np.ones(len(within), bool)
        low, high = between(counts[within], held, free, own, unsaid=unsaid[within])
        if high - low < least - NEAR:
            found[names[place]] = (int(counts[place]), low, high)
    return found


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory):
    """A small city of two years, its review, and its true counts."""
    work = tmp_path_factory.mktemp("attack")
    tables = written(work / "city", "2025")
    page = report.review(work / "city", work / "report").page
    yield page.parent, true_counts(tables)
    shutil.rmtree(work, ignore_errors=True)


def test_no_small_count_is_shown_and_many_are_hidden(reviewed):
    folder, truth = reviewed
    shown = said(folder)
    assert not {cell: count for cell, count in shown.items() if 0 < count < LEAST}
    assert sum(0 < count < LEAST for count in truth.values()) > 80
    assert len(shown) > 300, "the report still says something"


def test_no_small_count_is_told_by_all_tables_together(reviewed):
    folder, truth = reviewed
    assert told(truth, said(folder), known_sums(truth)) == {}


def test_were_only_small_counts_hidden_most_would_be_told(reviewed):
    _, truth = reviewed
    shown = {cell: count for cell, count in truth.items() if not 0 < count < LEAST and cell[0] != "between"}
    assert len(told(truth, shown, known_sums(truth))) > 40


# By search


def test_hidden_rows_are_empty_in_files_and_workbook(reviewed):
    folder, _ = reviewed
    for name, table in read_tables(folder).items():
        hidden = table[table["suppressed"]]
        assert hidden[hidden.columns.difference(NAMES)].isna().all(axis=None), name
        assert table.empty or worksheet(folder / "tables.xlsx", name) == written_in(table), name


def written_in(table):
    """The rows of a table as a workbook writes them: of hidden rows, names only."""
    return [sum(pd.notna(value) and value != "" for value in row) for row in table.itertuples(index=False)]


def worksheet(path, name):
    """How many cells are filled in each row of a sheet's table."""
    space = {"": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(path) as workbook:
        names = [
            sheet.get("name")
            for sheet in ElementTree.fromstring(workbook.read("xl/workbook.xml")).iterfind(".//sheet", space)
        ]
        sheet = ElementTree.fromstring(workbook.read(f"xl/worksheets/sheet{names.index(name) + 1}.xml"))
        texts = [
            "".join(text.text or "" for text in item.iter(f"{{{space['']}}}t"))
            for item in ElementTree.fromstring(workbook.read("xl/sharedStrings.xml")).iterfind("si", space)
        ]
    rows = []
    for row in sheet.iterfind(".//row", space):
        cells = [(cell.get("t"), cell.findtext("v", None, space)) for cell in row.iterfind("c", space)]
        rows.append([texts[int(value)] if kind == "s" else value for kind, value in cells if value is not None])
    start = next(number for number, row in enumerate(rows) if row and row[0] == "measure")
    return [sum(value != "" for value in row) for row in rows[start + 1 :]]


class Words(HTMLParser):
    """The texts of a page, and of its figures' labels."""

    def __init__(self):
        super().__init__()
        self.texts, self.skip = [], 0

    def handle_starttag(self, tag, attrs):
        self.skip += tag in ("style", "script")
        self.texts += [value for name, value in attrs if name in ("aria-label", "alt", "title") and value]

    def handle_endtag(self, tag):
        self.skip -= tag in ("style", "script")

    def handle_data(self, text):
        if not self.skip and text.strip():
            self.texts.append(text.strip())


def texts(folder):
    """Every text that people read: pages, labels and texts of figures, outputs of notebooks."""
    for path in [*sorted(folder.glob("*.html")), *sorted(folder.glob("figures/*.svg"))]:
        words = Words()
        words.feed(path.read_text(encoding="utf-8"))
        yield from ((path.name, text) for text in words.texts)
    for path in sorted(folder.glob("notebooks/*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", ()):
                assert output["output_type"] in ("display_data", "execute_result"), path.name
                for kind, held in output["data"].items():
                    words = Words()
                    words.feed("".join(held))
                    yield from ((f"{path.name} {kind}", text) for text in words.texts)


def test_every_sentence_and_label_counts_what_the_files_show(reviewed):
    folder, _ = reviewed
    tables = pd.concat(read_tables(folder).values())
    ways = [("numerator", "denominator"), ("reference_numerator", "reference_denominator")]
    shown = {(int(row[0]), int(row[1])) for way in ways for row in tables[list(way)].dropna().to_numpy()}
    found = 0
    for where, text in texts(folder):
        for count, of in re.findall(
            r"\b(\d[\d,]*) of (?:the )?(\d[\d,]*)\b(?! (?:comparisons|services|units|district|rates))", text
        ):
            pair = int(count.replace(",", "")), int(of.replace(",", ""))
            counted = "publishable" in text or "records" in text or "hidden" in text
            assert pair in shown or counted, (where, text)
            found += not counted
    assert found > 50


def test_figures_draw_what_shown_rows_say_and_nothing_of_a_hidden_one(reviewed):
    """Most rows of this city are hidden; their bars are empty, and no point, limit or band stands for one."""
    folder, _ = reviewed
    drawn, undrawn, found = apart(folder, pd.read_csv(folder.parent / "city" / "targets.csv", dtype=PERIODS))
    assert (drawn, undrawn) == ([], [])
    assert found > 700


def test_labels_of_figures_say_nothing_of_a_hidden_row(reviewed):
    folder, _ = reviewed
    shares = read_tables(folder)["trajectory_progress"].query("measure == 'share' and grade.isna() and suppressed")
    for row in shares.itertuples():
        svg = (folder / "figures" / f"trajectory_{row.dimension}.svg").read_text(encoding="utf-8")
        assert not re.search(rf"{re.escape(row.group)}[^.]{{0,40}}\d+\.\d\s*%[^.]{{0,20}}{row.period}", svg)


def test_provenance_and_notebooks_hold_no_more_than_parameters(reviewed):
    folder, _ = reviewed
    record_of = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
    assert set(record_of["inputs"].values()) == {None}, "no hash on which small counts could be tried out"
    assert set(record_of) == {
        "divimpact", "python", "libraries", "finished", "city", "data", "inputs", "ignored", "left_out", "parameters",
        "files", "published", "released",
    }  # fmt: skip
    assert record_of["parameters"] == {"trajectories": {}, "recruitment_funnel": {}, "uptake": {}}
    for path in folder.glob("notebooks/*.ipynb"):
        notebook = json.loads(path.read_text(encoding="utf-8"))
        assert set(notebook["metadata"]) <= {"kernelspec", "language_info"}
        assert all(set(cell["metadata"]) <= {"tags", "execution"} for cell in notebook["cells"])


# By inverting rates, ratios and limits


def test_what_rests_on_a_hidden_rate_is_hidden(reviewed):
    """A ratio, gap or bound with a known denominator gives the count back: it is shown only where the rate is."""
    rates = {
        "trajectory_progress": "share",
        "representation": "grade_share",
        "funnel_stages": "pass_rate",
        "uptake_rates": "uptake",
    }
    tables = read_tables(reviewed[0])
    shares = tables["trajectory_progress"].query("measure == 'share'")
    for name, rate in rates.items():
        table = pd.concat([tables[name], shares], ignore_index=True) if name == "representation" else tables[name]
        keys = [key for key in ("period", "grade", "service", "district", "dimension", "stage") if key in table]
        base = table[table["measure"].isin([rate, "share"])].set_index([*keys, "group"])["suppressed"]
        base = base.groupby(level=list(range(len(keys) + 1)), dropna=False).any()
        for row in table[~table["suppressed"]].to_dict("records"):
            own = tuple(row[key] for key in keys)
            if row["measure"] == "family":
                continue
            beside = name in COMPARING and pd.notna(row["reference"]) and pd.notna(row["reference_numerator"])
            others = [row["reference"]] if beside else []
            own_group = UNDECLARED[row["dimension"]] if row["measure"] == "declared_share" else row["group"]
            for group in [own_group, *others]:
                assert not lookup(base, (*own, group)), row


def lookup(base, place):
    held = base
    for level, key in enumerate(place):
        values = held.index.get_level_values(level)
        held = held[values.isna() if pd.isna(key) else values == key]
    assert len(held) == 1
    return held.iloc[0]


def test_shown_counts_and_what_is_between_them_are_not_small(reviewed):
    for table in read_tables(reviewed[0]).values():
        for side in ("", "reference_"):
            numbers = (
                table.reindex(columns=[f"{side}numerator", f"{side}denominator"]).astype(float).dropna().to_numpy().T
            )
            rate = numbers[0] / np.where(numbers[1] > 0, numbers[1], np.nan)
            for count in (*numbers, numbers[1] - numbers[0], np.rint(rate * numbers[1])):
                assert not ((count > 0) & (count < LEAST)).any()


# A release, and a review with one more year of data


def now_of(name):
    return name.replace("applications", "applications now", 1)


@pytest.mark.slow
def test_no_small_count_is_told_by_two_reports_together(tmp_path):
    without = [f"applications by {key}" for key in ("channel", "unit", "intersection")]  # as where nothing is said
    before = written(tmp_path / "city", "2024", without=str(without))
    first = report.review(tmp_path / "city", tmp_path / "first").page.parent
    record.release(first, tmp_path / "city")
    now = written(tmp_path / "city", "2025", without=str(without))
    second = report.review(tmp_path / "city", tmp_path / "second").page.parent
    truth = true_counts(now, " now") | true_counts(before)
    new = {
        (f"new {cell[0]}", *cell[1:]): truth[(now_of(cell[0]), *cell[1:])] - count
        for cell, count in truth.items()
        if cell[0].startswith("applications") and not cell[0].startswith("applications now")
    }
    before_of = {cell: cell[0].removeprefix("new ") for cell in new}
    steps = [((now_of(name), *cell[1:]), (name, *cell[1:]), cell) for cell, name in before_of.items()]
    shown = said(first) | said(second, " now")
    assert len(shown) > len(said(first)) > 300
    assert told(truth | new, shown, [*known_sums(truth), *steps]) == {}
