"""Families of tests: who is in them, and that they keep their level over whole cities."""

import numpy as np
import pandas as pd
import pytest

from divimpact.funnel import stages
from divimpact.verdicts import adjusted, decided, is_lower, members


@pytest.fixture
def tested():
    return pd.DataFrame(
        {
            "dimension": "origin",
            "group": ["a", "b", "a", "all", "silent", "a", "all", "silent"],
            "role": ["group", "group", "group", "combined", "undeclared", "group", "combined", "undeclared"],
            "stage": ["one", "one", "two", "one", "one", "overall", "overall", "overall"],
            "p_value": [0.01, 0.04, 0.03, 0.001, 0.001, 0.01, 0.2, 0.001],
            "numerator": [1, 9, 1, 1, 1, 9, 1, 1],
            "denominator": 10,
            "reference_numerator": 5,
            "reference_denominator": 10,
        }
    )


def test_who_is_adjusted_together_and_who_gets_a_verdict_by_hand(tested):
    assert members(tested).notna().tolist() == [True] * 3 + [False] * 5
    found = adjusted(tested)
    assert found["p_adjusted"].tolist() == pytest.approx([0.03, 0.06, 0.06] + [np.nan] * 5, nan_ok=True)
    said = decided(found, "rule", is_lower(found))
    assert [*said["verdict"]] == ["lower", "cannot_tell", "cannot_tell", None, None, "higher", "cannot_tell", None]
    assert [*said["rule"]] == ["rule", "rule", "rule", None, None, "rule", "rule", None]
    assert decided(found, "rule", is_lower(found), 0.9)["verdict"][1] == "higher"


def test_each_unit_is_a_family_of_its_own(tested):
    twice = pd.concat([tested.assign(unit=unit) for unit in ("parks", "library")], ignore_index=True)
    assert adjusted(twice)["p_adjusted"].tolist() == pytest.approx(
        adjusted(tested)["p_adjusted"].tolist() * 2, nan_ok=True
    )


# 2,000 cities in which nobody is treated otherwise: the chance of one or more false findings in the family


RATES, CITIES = (0.4, 0.5, 0.3), 2000
ROOM = 2 * np.sqrt(0.05 * 0.95 / CITIES)  # of a share seen in so many cities


@pytest.fixture(scope="module", params=[(20, 40, 200), (150, 400, 2000)], ids=str)
def alike(request):
    """The stages of 2,000 cities, a unit each, in which three steps pass two groups and the reference alike."""
    rng, rows = np.random.default_rng(21), []
    for group, start in zip("abr", request.param, strict=True):
        reached = [np.full(CITIES, start)]
        for rate in RATES:
            reached.append(rng.binomial(reached[-1], rate))
        steps = [*zip("123", reached[:-1], reached[1:], strict=True), ("overall", reached[0], reached[-1])]
        city = pd.DataFrame({"unit": np.arange(CITIES).astype(str), "dimension": "origin", "group": group})
        rows += [city.assign(stage=stage, numerator=after, denominator=before) for stage, before, after in steps]
    return stages(pd.concat(rows, ignore_index=True).assign(reference="r"))


@pytest.mark.slow
def test_the_family_keeps_its_level_in_2000_cities_without_a_difference(alike):
    found = alike[alike["measure"] == "impact_ratio"]
    family = found[found["stage"] != "overall"]
    false = family["verdict"].isin(["lower", "higher"]).groupby(family["unit"]).any()
    assert len(false) == CITIES
    assert 0.005 < false.mean() <= 0.05 + ROOM
    overall = found[(found["stage"] == "overall") & (found["group"] == "a")]
    assert overall["verdict"].isin(["lower", "higher"]).mean() <= 0.05 + ROOM


@pytest.mark.slow
def test_limits_cover_as_they_claim_in_2000_cities_without_a_difference(alike):
    planted = {**dict(zip("123", RATES, strict=True)), "overall": np.prod(RATES)}
    truth = {"pass_rate": alike["stage"].map(planted), "impact_ratio": 1, "rate_difference": 0}
    for measure, value in truth.items():
        rows = alike["measure"] == measure
        held = (alike["conf_low"] <= value) & (value <= alike["conf_high"])
        held = held[rows & alike["conf_low"].notna()].groupby([alike["stage"], alike["group"]]).mean()
        assert 0.94 < held.mean() < 0.97, measure
        assert held.min() > 0.93 - ROOM, measure
