"""Which module may import which, and how large the house may grow."""

import ast

import pytest
from conftest import ROOT

PACKAGE = ROOT / "src" / "divimpact"
MAY_IMPORT = {
    "__init__": set(),
    "config": set(),
    "sources": {"config"},
    "tables": {"config", "sources"},
    "snapshots": set(),
    "schema": {"config", "snapshots", "sources", "tables"},
    "tally": {"schema"},
    "spans": {"schema"},
    "counts": {"schema", "spans", "steps", "tally"},
    "steps": set(),
    "durations": {"counts", "schema", "tally"},
    "flows": {"counts", "schema", "tally"},
    "ledger": {"counts", "flows", "schema", "tally"},
    "margins": {"tally"},
    "cells": {"counts", "ledger", "margins", "schema", "tally"},
    "programs": set(),
    "connections": set(),
    "suppression": {"connections", "programs"},
    "system": {"connections", "suppression"},
    "mask": {"suppression", "system"},
    "estimates": {"intervals", "schema"},
    "intervals": set(),
    "chance": {"intervals"},
    "standardise": {"intervals"},
    "exact": {"intervals"},
    "power": {"intervals"},
    "stagewise": {"intervals"},
    "incidence": {"intervals"},
    "models": {"intervals"},
    "quadrature": set(),
    "strata": {"intervals", "models", "quadrature"},
    "synthesis": {"intervals"},
    "events": {"intervals"},
    "against_city": {"events", "intervals"},
    "standard_rates": {"events", "intervals"},
    "representation": {"estimates", "intervals"},
    "benchmarks": {"chance", "codes", "estimates", "intervals"},
    "ladder": {"chance", "estimates", "intervals"},
    "trajectory": {"codes", "estimates", "intervals", "schema"},
    "renewal": set(),
    "turnover": {"codes", "estimates", "intervals", "renewal", "schema"},
    "stockflow": {"estimates", "renewal", "turnover"},
    "projection": {"codes", "estimates", "intervals", "renewal", "turnover"},
    "change": {"estimates", "intervals"},
    "verdicts": {"estimates", "intervals"},
    "funnel": {"chance", "estimates", "exact", "intervals", "verdicts"},
    "losses": {"estimates", "intervals", "stagewise", "verdicts"},
    "telling": {"estimates", "exact", "intervals", "power"},
    "undeclared": {"estimates", "intervals", "verdicts"},
    "waiting": {"estimates", "incidence", "verdicts"},
    "pooling": {"estimates", "intervals", "standardise", "verdicts"},
    "entrants": {"counts", "schema", "tally"},
    "channels": {"estimates", "verdicts"},
    "intersections": {"estimates", "verdicts"},
    "skips": {"estimates"},
    "units": {"against_city", "estimates", "intervals", "verdicts"},
    "uptake": {"estimates", "intervals", "verdicts"},
    "crossed": {"estimates"},
    "like_for_like": {"crossed", "estimates", "intervals", "standard_rates", "standardise"},
    "places": {"against_city", "chance", "crossed", "estimates", "intervals"},
    "unevenness": {"crossed", "estimates", "models", "strata", "synthesis"},
    "staggered": set(),
    "scatter": {"staggered"},
    "panel": {"estimates", "schema"},
    "contrasts": {"estimates", "intervals", "panel", "scatter", "staggered"},
    "effects": {"contrasts", "estimates", "intervals", "scatter", "staggered"},
    "interrupted": {"estimates", "models", "schema"},
    "disclosure": {"estimates", "mask"},
    "codes": set(),
    "phrases": set(),
    "wording": {"codes", "disclosure", "phrases", "schema"},
    "goal_words": {"codes", "disclosure", "outlook_words", "phrases", "schema", "wording"},
    "benchmark_words": {"codes", "disclosure", "phrases", "schema", "wording"},
    "ladder_words": {"disclosure", "phrases", "wording"},
    "staff_words": {"codes", "disclosure", "phrases", "schema", "wording"},
    "outlook_words": {"codes", "disclosure", "phrases", "schema", "wording"},
    "funnel_words": {"codes", "disclosure", "phrases", "wording"},
    "doubt_words": {"codes", "disclosure", "phrases", "wording"},
    "entry_words": {"codes", "disclosure", "phrases", "wording"},
    "uptake_words": {"codes", "disclosure", "phrases", "wording"},
    "effect_words": {"disclosure", "phrases", "wording"},
    "drawing": {"disclosure", "phrases", "schema", "wording"},
    "staff_figures": {
        "codes",
        "disclosure",
        "drawing",
        "ladder_words",
        "outlook_words",
        "phrases",
        "schema",
        "staff_words",
        "wording",
    },
    "funnel_figures": {"disclosure", "doubt_words", "drawing", "funnel_words", "phrases", "wording"},
    "uptake_figures": {"disclosure", "drawing", "schema", "uptake_words", "wording"},
    "effect_figures": {"disclosure", "drawing", "effect_words", "wording"},
    "publish": {"__init__", "counts", "disclosure", "phrases", "schema", "wording"},
    "runner": {"config"},
    "site": {"disclosure", "phrases", "schema", "wording"},
    "record": {"__init__", "cells", "config", "disclosure", "schema"},
    "report": {"cells", "config", "counts", "disclosure", "mask", "record", "runner", "schema", "site"},
    "sampletown": set(),
    "synthetic": {"config", "sampletown", "schema"},
    "cli": {"__init__", "config", "record", "report", "schema", "synthetic"},
}
MODULES = sorted(path.stem for path in PACKAGE.glob("*.py"))


def imported(module):
    """Return the modules of the package that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("divimpact")}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("divimpact"):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= set(names) if node.module == "divimpact" else {node.module}
        assert not (isinstance(node, ast.ImportFrom) and node.level), f"{module}: import by the full name"
    stems = {name.removeprefix("divimpact").removeprefix(".").split(".")[0] or "__init__" for name in found}
    return {stem if stem in MODULES else "__init__" for stem in stems}


def test_every_module_has_its_place_in_the_house():
    assert sorted(MAY_IMPORT) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_it_may(module):
    assert imported(module) <= MAY_IMPORT[module]


def test_the_check_sees_an_import_that_is_not_allowed():
    assert imported("cli") >= {"report", "schema", "synthetic"}  # those inside functions too


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_no_drawer(module):
    lines = (PACKAGE / f"{module}.py").read_text(encoding="utf-8").count("\n")
    assert lines <= 420, "split it by subject"


def test_importing_the_package_imports_nothing_else():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
