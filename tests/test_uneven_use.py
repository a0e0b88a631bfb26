"""Use over districts and strata: beside the city, from stratum to stratum, a gap from district to district."""

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from divimpact import against_city, strata, synthesis
from divimpact.estimates import COLUMNS
from divimpact.models import main_effects
from divimpact.places import around_city
from divimpact.unevenness import gaps_over, over_strata


def counted(users, eligible, groups=("abroad", "here"), places="ABCDEFGHIJKL"):
    """Counts of one service: users and eligible by group, then district."""
    users, eligible = np.asarray(users, dtype=float), np.asarray(eligible, dtype=float)
    names = [list(groups), list(places)[: users.shape[1]]]
    parts = pd.MultiIndex.from_product(names, names=["group", "district"]).to_frame(index=False)
    parts = parts.assign(service="advice", dimension="origin", reference="here", role="group")
    return parts.assign(numerator=users.ravel(), denominator=eligible.ravel())


def together(parts):
    keys = ["service", "dimension", "group", "reference", "role"]
    return parts.groupby(keys, sort=False)[["numerator", "denominator"]].sum().reset_index()


def only(found, measure, group="here"):
    return found[(found["measure"] == measure) & (found["group"] == group)].reset_index(drop=True)


# Beside the city


def test_places_around_the_city_by_hand():
    parts = counted([[30, 14, 22, 22]], [[100, 100, 100, 100]], ["here"])
    found = around_city(parts, together(parts))
    places = only(found, "uptake_around_city")
    assert places["district"].tolist() == list("ABCD") * 2 and places["confidence"].tolist() == [0.95] * 4 + [0.998] * 4
    assert places["estimate"].tolist()[:4] == [0.3, 0.14, 0.22, 0.22]
    assert places["reference_numerator"].tolist() == [88] * 8 and places["benchmark"].unique() == ["city"]
    scores = np.array([0.08, -0.08, 0, 0]) / np.sqrt(0.22 * 0.78 / 100)
    spread = only(found, "overdispersion")
    assert spread["estimate"].tolist() == pytest.approx([(scores**2).mean()]) and spread["district"].isna().all()
    assert spread["p_value"].tolist() == pytest.approx([float(against_city.dispersion_p(scores))])
    low, high = against_city.limits(0.22, 100, 0.95, (scores**2).mean())
    assert places["conf_low"].tolist()[:4] == pytest.approx([float(low)] * 4)
    assert places["conf_high"].tolist()[:4] == pytest.approx([float(high)] * 4)
    assert places["method"].unique() == ["normal_dispersed"] and places["verdict"].unique() == ["within"]


def test_places_that_differ_as_chance_lets_them_have_the_limits_of_the_binomial():
    rng = np.random.default_rng(3)
    parts = counted([rng.binomial(40, 0.1, 12)], np.full((1, 12), 40), ["here"])
    found = only(around_city(parts, together(parts), levels=[0.9]), "uptake_around_city")
    low, high = against_city.exact_limits(parts["numerator"].sum() / 480, 40, 0.9)
    assert set(found["method"]) == {"binomial_exact"}
    assert found[["conf_low", "conf_high"]].to_numpy() == pytest.approx(np.tile([float(low), float(high)], (12, 1)))


def test_a_place_far_out_is_told_and_one_without_people_is_not():
    users = np.full(12, 200)
    users[[2, 5]] = [400, 100]
    users[7] = 0
    eligible = np.where(np.arange(12) == 7, 0, 1000)
    parts = counted([users], [eligible], ["here"])
    found = only(around_city(parts, together(parts), levels=[0.5]), "uptake_around_city").set_index("district")
    assert found["verdict"].dropna().to_dict() | {"C": "above", "F": "below"} == found["verdict"].dropna().to_dict()
    assert found.loc["H", ["estimate", "conf_low", "verdict", "rule", "method"]].isna().all()


def test_a_place_rests_on_its_own_cells_and_the_city_s():
    parts = counted([[30, 20]], [[100, 100]], ["here"]).assign(cells=[("A",), ("B",)])
    found = around_city(parts, together(parts).assign(cells=[("city",)]))
    assert only(found, "uptake_around_city")["cells"].tolist() == [("A", "city"), ("B", "city")] * 2
    spread = only(found, "overdispersion").iloc[0]
    assert spread["cells"] == ("city",) and spread["within"] == ("A", "B") and spread["strata"] == 2
    assert list(found) == [column for column in COLUMNS if column in found]


def test_of_places_like_the_city_one_in_twenty_lies_beyond():
    rng, beyond = np.random.default_rng(2), []
    for _ in range(300):
        parts = counted([rng.binomial(500, 0.2, 12)], np.full((1, 12), 500), ["here"])
        found = around_city(parts, together(parts), levels=[0.95])
        beyond.append(only(found, "uptake_around_city")["verdict"].ne("within").mean())
    assert 0.02 < np.mean(beyond) <= 0.05


# Strata


def test_strata_are_the_models_of_strata():
    rng = np.random.default_rng(5)
    eligible = rng.integers(50, 400, (2, 8))
    parts = counted(rng.binomial(eligible, rng.uniform(0.1, 0.3, (2, 8))), eligible)
    found = over_strata(parts, together(parts)).set_index("measure")
    cells = parts["numerator"], parts["denominator"]
    null = strata.random_intercept(*cells, np.ones((16, 1)))
    full = strata.random_intercept(*cells, main_effects(parts[["district", "group"]]))
    assert found.loc["between_variance", "estimate"].tolist() == pytest.approx([null.sd**2, full.sd**2])
    assert found.loc["vpc", "estimate"].tolist() == pytest.approx([strata.vpc(null.sd), strata.vpc(full.sd)])
    ratios = found.loc["median_odds_ratio"]
    assert ratios["estimate"].tolist() == pytest.approx([strata.median_odds_ratio(fit.sd) for fit in (null, full)])
    assert (ratios["conf_low"] <= ratios["estimate"]).all() and (ratios["estimate"] <= ratios["conf_high"]).all()
    assert found.loc["pcv", "estimate"] == pytest.approx(float(strata.pcv(null.sd, full.sd)))
    rate, low, high = strata.predictions(full)
    rates = found.loc["stratum_uptake"]
    assert rates[["estimate", "conf_low", "conf_high"]].to_numpy() == pytest.approx(np.column_stack([rate, low, high]))
    assert rates["numerator"].tolist() == parts["numerator"].tolist()
    assert rates["detail"].unique() == ["main effects of district, group"]


def test_services_are_apart_and_the_undeclared_and_combined_are_no_strata():
    rng = np.random.default_rng(6)
    parts = counted(rng.binomial(300, 0.2, (2, 6)), np.full((2, 6), 300))
    silent = parts[parts["group"] == "abroad"].assign(group="not stated", role="undeclared")
    loans = parts.assign(service="loans", numerator=parts["numerator"].to_numpy()[::-1])
    more = pd.concat([parts, silent, loans], ignore_index=True).assign(cells=lambda frame: [(i,) for i in frame.index])
    totals = together(more).assign(cells=lambda frame: [(group,) for group in frame["service"] + frame["group"]])
    found = over_strata(more, totals)
    advice = found[found["service"] == "advice"].reset_index(drop=True)
    alone = over_strata(parts, together(parts))
    assert_frame_equal(advice[list(alone)], alone)
    row = found[(found["service"] == "loans") & (found["measure"] == "pcv")].iloc[0]
    assert row["within"] == tuple(range(18, 30)) and row["cells"] == ("loansabroad", "loanshere")
    assert row[["strata", "residual_df"]].tolist() == [12, 12 - 7]


def test_a_model_without_an_estimate_says_why():
    parts = counted([[0, 0, 0], [0, 0, 0]], np.full((2, 3), 50))
    found = over_strata(parts, together(parts))
    assert found["estimate"].isna().all() and found["conf_low"].isna().all()
    assert found["detail"].str.contains(": ").all() and found["detail"].iloc[0].startswith("null model: ")


# A gap over districts


def test_gaps_over_districts_are_the_synthesis():
    rng = np.random.default_rng(8)
    eligible = np.full((2, 9), 500)
    parts = counted(rng.binomial(eligible, np.stack([rng.uniform(0.1, 0.3, 9), np.full(9, 0.25)])), eligible)
    parts.loc[parts["district"].eq("I") & parts["group"].eq("abroad"), ["numerator", "denominator"]] = 0
    found = gaps_over(parts, together(parts)).set_index("measure")
    cells = parts[["numerator", "denominator"]].to_numpy().reshape(2, 9, 2)
    effect, variance = synthesis.log_ratio(*cells[0].T, *cells[1].T)
    tau2 = synthesis.reml(effect, variance)
    mean, _, *limits = synthesis.knapp_hartung(effect, variance, tau2)
    columns = ["estimate", "conf_low", "conf_high"]
    assert found.loc["uptake_ratio_typical", columns].tolist() == pytest.approx(np.exp([mean, *limits]).tolist())
    elsewhere = synthesis.prediction(effect, variance, tau2, df=6)
    assert found.loc["uptake_ratio_elsewhere", columns[1:]].tolist() == pytest.approx(np.exp(elsewhere).tolist())
    assert found.loc["tau_squared", columns].tolist() == pytest.approx([tau2, *synthesis.q_profile(effect, variance)])
    assert found.loc["i_squared", "estimate"] == pytest.approx(synthesis.i_squared(effect, variance, tau2))
    q, _, p = synthesis.homogeneity(effect, variance)
    assert found.loc["gap_homogeneity", ["estimate", "p_value"]].tolist() == pytest.approx([q, p])
    assert found["detail"].unique() == ["people; within district without I"]


def test_two_districts_have_no_limits_elsewhere_and_one_none_at_all():
    parts = counted([[10, 20], [30, 25]], np.full((2, 2), 100))
    found = gaps_over(parts, together(parts)).set_index("measure")
    assert np.isnan(found.loc["uptake_ratio_elsewhere", "conf_low"]) and found.loc["tau_squared", "estimate"] >= 0
    one = parts[parts["district"] == "A"]
    assert gaps_over(one, together(one)).set_index("measure").loc["tau_squared":, "estimate"].isna().all()
