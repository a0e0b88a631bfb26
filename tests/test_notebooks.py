"""How a notebook of the kit is made: prose with few calls, parameters that document themselves, no outputs."""

import ast
import re

import nbformat
import papermill
import pytest
from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def cells(path, kind):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind]


def test_there_is_one_for_each_question():
    assert [path.stem for path in NOTEBOOKS] == ["recruitment_funnel", "trajectories", "uptake"]


@by_name
def test_one_cell_is_tagged_parameters_and_says_what_each_is_for(path):
    tagged = [cell for cell in cells(path, "code") if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    for line in tagged[0].source.splitlines():
        assert re.fullmatch(r"\w+: \w+ = .+  # .+", line), f"annotate and explain: {line}"
    known = papermill.inspect_notebook(path)
    assert list(known)[:3] == ["data", "dimension", "confidence"] and list(known)[-1] == "out"
    assert all(parameter["help"] and parameter["inferred_type_name"] != "None" for parameter in known.values())


@by_name
def test_committed_without_outputs(path):
    assert all(not cell.outputs and cell.execution_count is None for cell in cells(path, "code"))


@by_name
def test_code_is_few_calls(path):
    for cell in cells(path, "code"):
        tree = ast.parse(cell.source)
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda)]
        assert "import *" not in cell.source
        assert "plt." not in cell.source and "rcParams" not in cell.source, "styling belongs into figures"


@by_name
def test_prose_outweighs_code(path):
    prose, code = (sum(len(cell.source.split()) for cell in cells(path, kind)) for kind in ("markdown", "code"))
    assert prose > code


@by_name
def test_it_checks_its_numbers_and_says_its_limits(path):
    assert any("assert" in cell.source for cell in cells(path, "code"))
    headings = " ".join(re.findall(r"^#+ (.+)$", "\n".join(c.source for c in cells(path, "markdown")), re.M))
    assert "Limits of this page" in headings and "add up" in headings
    assert cells(path, "code")[-1].source == "publish.provenance(city, plan)"


@by_name
def test_no_raw_counts_on_display(path):
    for cell in cells(path, "code"):
        last = ast.parse(cell.source).body[-1]
        if isinstance(last, ast.Expr):
            shown = ast.unparse(last.value)
            assert re.match(r"\w+_words\.|publish\.|display\(", shown), f"only protected things are shown: {shown}"
