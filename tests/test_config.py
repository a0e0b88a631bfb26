"""city.toml: read as it says, and every slip of it told at once, each in words that mend it."""

import pytest

from divimpact.config import Config, DataError, Dimension, nearest, read_config

ORIGIN = """
[dimensions.origin]
groups = ["none", "abroad"]
reference = "none"
"""


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a city.toml from its text or bytes and gives the configuration and the messages."""

    def of(text):
        (tmp_path / "city.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        config, problems = read_config(tmp_path)
        return config, [str(problem) for problem in problems]

    return of


@pytest.mark.parametrize(
    ("right", "wrong"), [("groups", "group"), ("reference", "referense"), ("[dimensions", "[dimension")]
)
def test_a_misspelt_key_is_one_problem_and_is_read_as_what_was_meant(read, right, wrong):
    combined = 'combine = { "both" = ["none", "abroad"] }\nvalues = { "0" = "none" }\n'
    config, messages = read((ORIGIN + combined).replace(right, wrong, 1))
    assert len(messages) == 1 and f"is not a key of the kit. Did you mean '{right.strip('[')}'?" in messages[0]
    assert config.dimensions["origin"].groups == ("none", "abroad")


def test_every_key_is_read(read):
    text = """
name = " Testville "
source = { note = "made up", url = "duckdb://city.duckdb" }
[columns.staff]
origin = "HERKUNFT"
[dimensions.origin]
title = "Migration background"
groups = ["none", "parents", "abroad"]
reference = "none"
undeclared = "not stated"
combine = { "background" = ["parents", "abroad"] }
values = { " 0 " = "none", "" = "not stated" }
sensitive = true
definitions = [{ from = "2019", text = "register" }, { from = "2021-Q2", text = "survey" }]
[staff]
grades = ["basic", "senior"]
leadership = ["senior"]
grade_values = { "E1" = "basic" }
[applications]
stages = ["applied", "appointed"]
[publication]
declared = 1
without = ["uptake by district"]
"""
    origin = Dimension(
        "origin", "Migration background", ("none", "parents", "abroad"), "none", "not stated",
        {"background": ("parents", "abroad")}, {"0": "none", "": "not stated"}, True,
        ({"from": "2019", "text": "register"}, {"from": "2021-Q2", "text": "survey"}),
    )  # fmt: skip
    assert read(text) == (
        Config("Testville", "made up", "duckdb://city.duckdb", {"staff": {"origin": "HERKUNFT"}}, {"origin": origin},
               ("basic", "senior"), ("senior",), {"E1": "basic"}, ("applied", "appointed"),
               {"min_count": 10, "declared": 1, "without": ("uptake by district",)}), [])  # fmt: skip


def test_a_dimension_says_which_rows_it_gets():
    known = Dimension(
        "origin", "Origin", ("none", "parents", "abroad"), "none", "not stated",
        {"anyone": ("none", "abroad"), "background": ("parents", "abroad")},
        definitions=({"from": "2021", "text": "b"}, {"from": "2019", "text": "a"}),
    )  # fmt: skip
    assert known.recorded == ("none", "parents", "abroad", "not stated")
    assert known.members == {
        "anyone": "overlapping", "none": "group", "background": "combined", "parents": "group", "abroad": "group",
        "not stated": "undeclared",
    }  # fmt: skip
    assert list(known.members)[:3] == ["anyone", "none", "background"]
    assert known.compared == ("background", "parents", "abroad")
    assert known.breaks == ("2021",)


def test_the_least_city_toml(read):
    config, problems = read(ORIGIN)
    assert problems == []
    assert config == Config("this city", dimensions={"origin": config.dimensions["origin"]})
    assert config.dimensions["origin"] == Dimension("origin", "origin", ("none", "abroad"), "none")
    assert read("\ufeff" + ORIGIN.replace("\n", "\r\n")) == (config, [])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('nme = "x"' + ORIGIN, "key nme: is not a key of the kit. Did you mean 'name'?"),
        ("name = 3" + ORIGIN, "key name: 3 is not a text. Write it in double quotes."),
        ("source = 3" + ORIGIN, "key source: 3 is not a table. Write it in [brackets], its keys below it."),
        ("columns = [1]" + ORIGIN, "key columns: [1] is not a table. Write it in [brackets], its keys below it."),
        (
            ORIGIN + "values = { '1' = 1 }",
            "key dimensions.origin.values.1: 1 is not a text. Write it in double quotes.",
        ),
        (
            ORIGIN + 'sensitive = "yes"',
            'key dimensions.origin.sensitive: "yes" is not true or false. Write it without quotes.',
        ),
        (
            ORIGIN + "undeclared = 2024-01-01",
            'key dimensions.origin.undeclared: "2024-01-01" is not a text. Write it in double quotes.',
        ),
        (
            ORIGIN + 'refrence = "none"',
            "key dimensions.origin.refrence: is not a key of the kit. Did you mean 'reference'?",
        ),
        (
            ORIGIN.replace('["none", "abroad"]', '"none"'),
            'key dimensions.origin.groups: "none" is not a list. Write ["first", "second"].',
        ),
        (
            ORIGIN.replace('"abroad"', "7"),
            "key dimensions.origin.groups: 7 is not a text. Write it in double quotes.",
        ),
        (
            ORIGIN.replace(', "abroad"', ""),
            'key dimensions.origin.groups: needs at least two groups. Write groups = ["women", "men"].',
        ),
        (
            ORIGIN.replace('"abroad"', '"abroad", " none"'),
            "key dimensions.origin.groups: names something twice, or nothing. Name each once.",
        ),
        (
            ORIGIN.replace('reference = "none"', ""),
            "key dimensions.origin.reference: is missing. Name the group that the others are compared with.",
        ),
        (
            ORIGIN.replace('reference = "none"', 'reference = "nne"'),
            "key dimensions.origin.reference: 'nne' is not a group. Did you mean 'none'?",
        ),
        (
            ORIGIN + 'undeclared = "abroad"',
            "key dimensions.origin.undeclared: is also one of groups. Take it out of groups.",
        ),
        (
            ORIGIN + 'combine = { all = ["none", "abrod"] }',
            "key dimensions.origin.combine.all: 'abrod' is not a group. Did you mean 'abroad'?",
        ),
        (
            ORIGIN + "combine = { all = [] }",
            'key dimensions.origin.combine: adds up nothing. Write combine = { "both" = ["one", "other"] }.',
        ),
        (
            ORIGIN + 'combine = { abroad = ["none", "abroad"] }',
            "key dimensions.origin.combine: names a group that is there. Name a new one.",
        ),
        (
            ORIGIN + 'values = { "1" = "else" }',
            "key dimensions.origin.values: 'else' is not a group. Known: none, abroad.",
        ),
        (
            ORIGIN + 'definitions = [{ from = "spring", text = "x" }]',
            "key dimensions.origin.definitions: is not a list of { from, text } with a period in from. "
            'Write definitions = [{ from = "2019", text = "..." }].',
        ),
        (
            ORIGIN + 'definitions = [{ from = "2019" }]',
            "key dimensions.origin.definitions: is not a list of { from, text } with a period in from. "
            'Write definitions = [{ from = "2019", text = "..." }].',
        ),
        (
            ORIGIN.replace("dimensions.origin", 'dimensions."where from"'),
            "key dimensions.where from: cannot name a column. Write letters, digits and _.",
        ),
        ("", "key dimensions: names none. Add for example [dimensions.gender] with groups and reference."),
        (
            ORIGIN + '[staff]\ngrades = ["basic", "basic"]',
            "key staff.grades: names something twice, or nothing. Name each once.",
        ),
        (
            ORIGIN + '[staff]\ngrades = ["basic"]\nleadership = ["basics"]',
            "key staff.leadership: 'basics' is not a grade. Did you mean 'basic'?",
        ),
        (
            ORIGIN + '[publication]\nwithout = ["uptake by districts"]',
            "key publication.without: 'uptake by districts' is not a breakdown of a review. "
            "Did you mean 'uptake by district'?",
        ),
        (
            ORIGIN + '[staff]\ngrades = ["basic", "leadership"]',
            "key staff.grades: calls a grade 'leadership', the sum over the leadership grades. "
            "Give the grade another name, and name it under leadership.",
        ),
        (
            ORIGIN + '[staff]\ngrade_values = { "E1" = "basic" }',
            "key staff.grade_values: 'basic' is not a grade. Known: none.",
        ),
        (
            ORIGIN + '[applications]\nstages = ["applied", "overall"]',
            "key applications.stages: needs at least two stages, none of them called 'overall'. "
            'Write stages = ["applied", "appointed"], first to last.',
        ),
        (
            ORIGIN + "[publication]\nmin_count = 0",
            "key publication.min_count: 0 is less than 1. 1 hides nothing.",
        ),
        (
            ORIGIN + "[publication]\nmin_count = true",
            "key publication.min_count: true is not a whole number. Write 10, without quotes.",
        ),
        (
            ORIGIN + "[publication]\ndeclared = nan",
            "key publication.declared: nan is not between 0 and 1. "
            "It is the share that must have declared before a dimension is shown.",
        ),
    ],
)  # fmt: skip
def test_a_slip_is_told_in_words_that_mend_it(read, text, message):
    assert read(text)[1] == [f"city.toml, {message}"]


def test_every_slip_is_told_at_once(read):
    text = """
nme = "x"
[dimensions.origin]
groups = "none"
[dimensions.gender]
groups = ["men", "women"]
reference = "man"
[publication]
min_count = 0
"""
    keys = ["nme", "dimensions.origin.groups", "dimensions.origin.reference", "dimensions.gender.reference"]
    told = [message.partition(": ")[0] for message in read(text)[1]]
    assert told == [f"city.toml, key {key}" for key in [*keys, "publication.min_count"]]


def test_a_file_that_is_no_toml(read, tmp_path):
    with pytest.raises(DataError, match=r"^city\.toml: cannot be read as TOML: .*line 1.*\. Mend that line; texts"):
        read("name = Testville")
    with pytest.raises(DataError, match=r"^city\.toml: cannot be read as TOML: .* the file is UTF-8\.$"):
        read("name = 'Köln'".encode("latin-1"))
    (tmp_path / "city.toml").unlink()
    with pytest.raises(DataError, match=r"^city\.toml: is missing in .*`divimpact sample DIR` writes one to look"):
        read_config(tmp_path)


def test_the_nearest_name():
    assert nearest(" Offerred", ["applied", "offered"]) == "Did you mean 'offered'?"
    assert nearest("BORN ABROAD", ["none", "born abroad"]) == "Did you mean 'born abroad'?"
    assert nearest("x", ["applied", "offered"]) == nearest("x", []) == ""
    assert nearest("staff_old", ["staff"]) != "" == nearest("staff_old", ["staff"], 0.8)
