"""pyproject.toml, requirements.lock and environment.yml say what is installed, and agree."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import divimpact

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
REQUIREMENT = re.compile(r"(?P<name>[a-z0-9_-]+(\[[a-z]+\])?) *(?P<bounds>[<>=].*)?")

# What conda-forge calls otherwise.
CONDA_NAMES = {
    "ibis-framework[duckdb]": "ibis-duckdb",
    "jupyter-client": "jupyter_client",
    "matplotlib": "matplotlib-base",
}
# What conda-forge lacks; environment.yml lists it under "pip:".
NOT_ON_CONDA = {"diff-diff", "gptables"}


def requirements(lines):
    """Name to bounds, for lines such as "numpy >=2.2,<3"."""
    matches = [REQUIREMENT.fullmatch(line) for line in lines]
    return {m["name"]: frozenset((m["bounds"] or "").split(",")) for m in matches}


def direct():
    project = PYPROJECT["project"]
    return requirements(project["dependencies"] + project["optional-dependencies"]["test"])


def conda(lines):
    """The two lists of environment.yml, told apart by indent: conda's own, and what stands under "pip:"."""
    entries = [line for line in lines if re.match(r" +- [a-z]", line) and not line.endswith(":")]
    deep = [line for line in entries if line.startswith("      ")]
    own = [line for line in entries if line not in deep]
    return requirements(line.strip(" -") for line in own), requirements(line.strip(" -") for line in deep)


def environment():
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    return conda(text.partition("dependencies:\n")[2].splitlines())


def locked():
    """Name to (version, number of hashes) for each entry of requirements.lock."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?! )", text.strip())
    return {e.partition("==")[0]: (re.search(r"==(\S+)", e)[1], e.count("--hash=sha256:")) for e in entries}


def inside(version, bounds):
    def number(text):
        return tuple(int(part) for part in text.split("."))

    floor = next(number(b[2:]) for b in bounds if b.startswith(">="))
    ceiling = next(number(b[1:]) for b in bounds if b.startswith("<"))
    return floor <= number(version) < ceiling


def imported():
    """Name of each module imported by the package or the tests, as far as the first dot."""
    for path in [*ROOT.glob("src/**/*.py"), *ROOT.glob("tests/*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.partition(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module.partition(".")[0]


def test_requirement_lines_are_read_as_name_and_bounds():
    assert requirements(["numpy>=2.2,<3", "pip", "ibis-framework[duckdb] >=12"]) == {
        "numpy": {">=2.2", "<3"},
        "pip": {""},
        "ibis-framework[duckdb]": {">=12"},
    }
    assert conda(["  # a comment", "  - numpy >=2.2", "  - pip:", "      - gptables >=2"]) == (
        {"numpy": {">=2.2"}},
        {"gptables": {">=2"}},
    )


@pytest.mark.parametrize(
    ("version", "expected"), [("2.1.9", False), ("2.2", True), ("2.10.1", True), ("3.0", False), ("3", False)]
)
def test_inside_compares_numbers_not_text(version, expected):
    assert inside(version, {">=2.2", "<3"}) is expected


def test_every_direct_dependency_has_a_lower_and_an_upper_bound():
    for name, bounds in direct().items():
        assert sorted(b.strip("=.0123456789") for b in bounds) == ["<", ">"], name


def test_every_imported_package_is_a_direct_dependency():
    listed = {name.partition("[")[0] for name in direct()}
    own = {"divimpact"} | {path.stem for path in ROOT.glob("tests/*.py")}
    foreign = set(imported()) - set(sys.stdlib_module_names) - own
    providers = packages_distributions()
    found = {name: {p.lower().replace("_", "-") for p in providers.get(name, [])} for name in foreign}
    assert {name for name in foreign if not found[name] & listed} == set()


def test_environment_yml_lists_the_dependencies_of_pyproject_with_the_same_bounds():
    own, under_pip = environment()
    assert own.pop("python") == frozenset(PYPROJECT["project"]["requires-python"].split(","))
    assert own.pop("pip") == {""}
    expected = direct()
    assert under_pip == {name: expected.pop(name) for name in NOT_ON_CONDA}
    assert own == {CONDA_NAMES.get(name, name): bounds for name, bounds in expected.items()}


def test_lock_pins_every_direct_dependency_and_the_build_back_end_inside_their_bounds():
    lock = locked()
    build = PYPROJECT["build-system"]["requires"]
    assert PYPROJECT["dependency-groups"]["build"] == build
    for name, bounds in (direct() | requirements(build)).items():
        version, _ = lock[name.partition("[")[0]]
        assert inside(version, bounds), f"{name}=={version} is not {bounds}; run make lock"


def test_lock_names_no_host_and_no_path_and_has_hashes_everywhere():
    line = re.compile(
        r"[a-z0-9-]+==[a-z0-9.]+( ; [a-z_<>=!'.*0-9A-Z() ]+)? \\"  # name==version ; marker
        r"|    --hash=sha256:[0-9a-f]{64}( \\)?"
    )
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert [found for found in text.splitlines() if not line.fullmatch(found)] == []
    assert [name for name, (_, hashes) in locked().items() if hashes == 0] == []


def test_citation_and_package_name_the_same_version():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (.+)$", citation, re.MULTILINE)[1] == divimpact.__version__
