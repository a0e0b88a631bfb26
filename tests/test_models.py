"""Regression from grouped counts: by hand, as the same people one by one in statsmodels, and the traps on the way."""

import doctest

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pandas.testing import assert_frame_equal
from scipy import stats

from divimpact import models
from divimpact.models import (
    cluster_covariance,
    hc0_covariance,
    hc1_covariance,
    linear,
    logit,
    main_effects,
    model_covariance,
    wald,
)

TO_THE_ROWS = {"rtol": 1e-8, "atol": 1e-10}  # what is asked of grouped counts against the same people one by one
FEW = settings(max_examples=25, deadline=None)


def grouped(rng, cells, clusters, most):
    """Rows of counts in random clusters, with an intercept, two groups, a year and a number."""
    design = np.column_stack(
        [np.ones(cells), rng.integers(0, 2, cells), 2015 + rng.integers(0, 6, cells), rng.normal(size=cells)]
    )
    nobs = rng.integers(0, most + 1, cells)
    count = rng.binomial(nobs, rng.uniform(0.15, 0.8, cells))
    return count, nobs, design, np.array([f"d{cluster}" for cluster in rng.integers(0, clusters, cells)])


def one_by_one(count, nobs, *columns):
    """The same people, a row for each: who said yes, and the columns."""
    yes = np.concatenate([np.repeat([1.0, 0.0], [x, n - x]) for x, n in zip(count, nobs, strict=True)])
    return yes, *(np.repeat(column, nobs, axis=0) for column in columns)


def of_people(family, count, nobs, design, clusters, kind):
    yes, rows, of = one_by_one(count, nobs, design, clusters)
    rows = rows - [0, 0, 2017, 0][: rows.shape[1]]  # its normal equations lose digits at years as they are
    how = {"cov_type": kind} if kind != "cluster" else {"cov_type": kind, "cov_kwds": {"groups": pd.factorize(of)[0]}}
    if family is None:
        return sm.OLS(yes, rows).fit(use_t=True, **how)
    model = sm.GLM(yes, rows, family=family)
    return model.fit(start_params=model.fit(tol=1e-14).params, tol=1e-14, **how)  # again, with the weights at the end


FAMILIES = pytest.mark.parametrize(("fit", "family"), [(logit, sm.families.Binomial()), (linear, None)])
KINDS = pytest.mark.parametrize("kind", ["nonrobust", "HC1", "cluster"])
COVARIANCES = {
    (linear_model, kind): function
    for linear_model in (True, False)
    for kind, function in {"nonrobust": model_covariance, "HC1": hc1_covariance}.items()
} | {(False, "HC1"): hc0_covariance}  # statsmodels' GLM leaves the factor out: see the trap


# Four rows by hand


def test_two_groups_are_their_odds_and_their_shares():
    count, nobs = [1, 2, 3, 0], [4, 4, 4, 0]
    design = main_effects(pd.DataFrame({"group": ["a", "b", "b", "b"]}))
    odds, shares = logit(count, nobs, design), linear(count, nobs, design)
    assert_allclose(np.exp(odds.estimate), [1 / 3, (5 / 3) * 3], rtol=1e-12)  # 1 to 3; 5 to 3
    assert_allclose(shares.estimate, [1 / 4, 5 / 8 - 1 / 4], rtol=1e-12)
    assert_allclose(odds.fitted, [1 / 4, 5 / 8, 5 / 8, 5 / 8], rtol=1e-12)
    # Woolf: the variance of log odds is the sum of one over each of the four cells
    assert_allclose(np.diag(model_covariance(odds)), [1 + 1 / 3, 1 + 1 / 3 + 1 / 5 + 1 / 3], rtol=1e-12)
    # persons less group shares, squared: 4 x 3/16 and 8 x 15/64, over 12 - 2
    s2 = (4 * 3 / 16 + 8 * 15 / 64) / 10
    assert_allclose(np.diag(model_covariance(shares)), [s2 / 4, s2 / 4 + s2 / 8], rtol=1e-12)
    robust = [(3 / 16) / 4, (3 / 16) / 4 + (15 / 64) / 8]
    assert_allclose(np.diag(hc1_covariance(shares)), np.array(robust) * 12 / 10, rtol=1e-12)
    assert (odds.people, odds.residual_df) == (12, 10)
    log_likelihood = np.log(1 / 4) + 3 * np.log(3 / 4) + 5 * np.log(5 / 8) + 3 * np.log(3 / 8)
    assert_allclose(odds.log_likelihood, log_likelihood, rtol=1e-12)


def test_clusters_by_hand():
    # 3 and 1 of 5 in one cluster, 2 and 4 in the other, around one half: sums -1 and 1; over 20 people squared
    fit = linear([3, 1, 2, 4], [5, 5, 5, 5], np.ones((4, 1)))
    assert_allclose(cluster_covariance(fit, list("aabb")), [[(1 + 1) / 20**2 * (2 / 1) * (19 / 19)]])


def test_main_effects_take_the_first_level_of_each_factor_as_it_comes():
    factors = pd.DataFrame(
        {"sex": ["m", "f", "m"], "age": pd.Categorical(["old", "young", "old"], ["young", "mid", "old"])}
    )
    expected = pd.DataFrame({"intercept": 1.0, "sex: f": [0.0, 1, 0], "age: old": [1.0, 0, 1]})
    assert_frame_equal(main_effects(factors), expected)


# Published


def test_logit_of_beetles_dobson_2002():
    # Bliss 1935, beetles killed by carbon disulphide; Dobson, An Introduction to GLMs (2nd ed.), table 7.3
    dose = [1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839]
    fit = logit([6, 13, 18, 28, 52, 53, 61, 60], [59, 60, 62, 56, 63, 59, 62, 60], sm.add_constant(dose))
    assert_allclose(fit.estimate, [-60.72, 34.27], atol=5e-3)
    assert_allclose(np.sqrt(np.diag(model_covariance(fit))), [5.18, 2.91], atol=5e-3)


def test_odds_of_women_in_berkeley_1973():
    # Bickel, Hammel, O'Connell 1975: women/men odds ratio .54316, with limits by Woolf
    count, nobs = [557, 1198], [1835, 2691]
    fit = logit(count, nobs, [[1, 1], [1, 0]])
    assert_allclose(np.exp(fit.estimate[1]), 0.54316, atol=5e-6)
    _, low, high, _ = wald(fit.estimate, model_covariance(fit))
    by_woolf = np.sqrt(1 / 557 + 1 / 1278 + 1 / 1198 + 1 / 1493) * stats.norm.ppf(0.975)
    assert_allclose([low[1], high[1]], np.log(557 * 1493 / (1278 * 1198)) + by_woolf * np.array([-1, 1]), rtol=1e-10)


# The same people one by one


@KINDS
@FAMILIES
@pytest.mark.parametrize(("cells", "clusters", "most"), [(12, 4, 3), (40, 12, 9), (30, 7, 400)])
def test_grouped_counts_are_their_people(fit, family, kind, cells, clusters, most):
    for seed in range(3):
        count, nobs, design, of = grouped(np.random.default_rng(seed), cells, clusters, most)
        if nobs.max() > 100:
            nobs[:3], count[:3] = [1, 2, 5000], [1, 0, 900]  # very unequal
        at = design - [0, 0, 2017, 0]
        found, expected = fit(count, nobs, at), of_people(family, count, nobs, design, of, kind)
        assert found.problem == ""
        assert_allclose(found.estimate, expected.params, **TO_THE_ROWS)
        if kind == "cluster":
            covariance, df = cluster_covariance(found, of), len(np.unique(of[nobs > 0])) - 1
        else:
            covariance, df = COVARIANCES[family is None, kind](found), found.residual_df
        assert_allclose(covariance, expected.cov_params(), **TO_THE_ROWS)
        df = df if family is None else np.inf
        _, low, high, p = wald(found.estimate, covariance, df=df)
        assert_allclose(np.transpose([low, high]), expected.conf_int(), **TO_THE_ROWS)
        assert_allclose(p, expected.pvalues, rtol=1e-7, atol=1e-12)
        if family is not None:
            assert_allclose(found.log_likelihood, expected.llf, rtol=1e-10)


@FAMILIES
def test_years_as_they_are_keep_their_digits(fit, family):
    count, nobs, design, of = grouped(np.random.default_rng(5), 40, 9, 50)
    centred = fit(count, nobs, design - [0, 0, 2017, 0])
    found = fit(count, nobs, design)
    assert_allclose(found.estimate[1:], centred.estimate[1:], rtol=1e-8)
    for covariance in (model_covariance, hc1_covariance, lambda fit: cluster_covariance(fit, of)):
        assert_allclose(covariance(found)[1:, 1:], covariance(centred)[1:, 1:], rtol=1e-8)


# Traps


@pytest.fixture
def services():
    """Forty rows of about fifty people in ten clusters."""
    rng = np.random.default_rng(20)
    count, nobs, design, of = grouped(rng, 40, 10, 100)
    nobs[nobs == 0] = 1
    count = np.minimum(count, nobs)
    return count, nobs, (design - [0, 0, 2017, 0])[:, :2], of


def test_trap_mean_with_frequency_weights_and_hc1_takes_a_row_for_a_person():
    # 400 rows of 25 people that differ by chance alone: errors come out five times too small, the root of 25
    rng, nobs, design = np.random.default_rng(4), np.full(400, 25), sm.add_constant(np.tile([0.0, 1.0], 200))
    count = rng.binomial(nobs, 0.3)
    trap = sm.GLM(count / nobs, design, family=sm.families.Binomial(), freq_weights=nobs).fit(cov_type="HC1", tol=1e-14)
    rows = of_people(sm.families.Binomial(), count, nobs, design, count, "HC1")
    assert_allclose(trap.params, rows.params, rtol=1e-8)  # the coefficients give no warning
    found = hc0_covariance(logit(count, nobs, design))
    assert_allclose(found, rows.cov_params(), **TO_THE_ROWS)
    assert_allclose(np.sqrt(np.diag(found)) / trap.bse, 5, rtol=0.1)


def test_trap_hc1_of_a_glm_comes_without_its_factor(services):
    count, nobs, design, of = services
    rows = of_people(sm.families.Binomial(), count, nobs, design, of, "HC1")
    factor = nobs.sum() / (nobs.sum() - 2)
    assert_allclose(hc1_covariance(logit(count, nobs, design)), rows.cov_params() * factor, **TO_THE_ROWS)
    of_ols = of_people(None, count, nobs, design, of, "HC1")
    assert_allclose(hc1_covariance(linear(count, nobs, design)), of_ols.cov_params(), **TO_THE_ROWS)


def test_trap_clusters_of_grouped_rows_count_rows_in_the_factor(services):
    count, nobs, design, of = services
    cells, k = design.shape
    how = {"cov_type": "cluster", "cov_kwds": {"groups": pd.factorize(of)[0]}}
    both = np.column_stack([count, nobs - count])
    trap = sm.GLM(both, design, family=sm.families.Binomial()).fit(tol=1e-14, **how)
    rows = of_people(sm.families.Binomial(), count, nobs, design, of, "cluster")
    found = cluster_covariance(logit(count, nobs, design), of)
    assert_allclose(found, rows.cov_params(), **TO_THE_ROWS)
    people = nobs.sum()
    too_large = ((cells - 1) / (cells - k)) / ((people - 1) / (people - k))
    assert_allclose(trap.cov_params() / found, too_large, rtol=1e-7)
    assert too_large > 1.02


def test_trap_deviance_and_aic_of_rows_are_not_those_of_people(services):
    count, nobs, design, of = services
    both = np.column_stack([count, nobs - count])
    full, null = logit(count, nobs, design), logit(count, nobs, design[:, :1])
    of_rows = [sm.GLM(both, columns, family=sm.families.Binomial()).fit() for columns in (design, design[:, :1])]
    people = of_people(sm.families.Binomial(), count, nobs, design, of, "nonrobust")
    assert_allclose(-2 * full.log_likelihood, people.deviance, rtol=1e-10)
    assert_allclose(2 * 2 - 2 * full.log_likelihood, people.aic, rtol=1e-10)
    assert people.deviance > 5 * of_rows[0].deviance and people.aic > 2 * of_rows[0].aic
    ways = np.log([stats.binom.pmf(x, n, 0.5) / 0.5**n for x, n in zip(count, nobs, strict=True)]).sum()
    assert_allclose(of_rows[0].llf - full.log_likelihood, ways, rtol=1e-8)  # the ways to choose who said yes
    # between models of the same people the difference is the same
    assert_allclose(full.log_likelihood - null.log_likelihood, of_rows[0].llf - of_rows[1].llf, rtol=1e-7)


# Properties


rows_of_counts = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 12), st.sampled_from("ab"), st.sampled_from("xyz")),
    min_size=4,
    max_size=14,
).map(lambda rows: pd.DataFrame(rows, columns=["yes", "no", "sex", "place"]))


@FEW
@given(rows_of_counts, st.integers(0, 10))
def test_splitting_rows_and_their_order_change_nothing(rows, part):
    count, nobs, design = rows["yes"].to_numpy(), (rows["yes"] + rows["no"]).to_numpy(), main_effects(rows[["sex"]])
    if not nobs.any():
        return
    some, others = np.minimum(count, part), np.minimum(nobs - count, part // 2)
    split = [count - some, some], [nobs - some - others, some + others]
    apart = (*(np.concatenate(half)[::-1] for half in split), pd.concat([design, design])[::-1])
    for fit in (logit, linear):
        whole, parts = fit(count, nobs, design), fit(*apart)
        assert (whole.problem == "") == (parts.problem == "")
        assert_allclose(parts.estimate, whole.estimate, rtol=1e-7, atol=1e-8)
        assert_allclose(parts.log_likelihood, whole.log_likelihood, rtol=1e-10)
        if whole.residual_df > 0:
            assert_allclose(hc1_covariance(parts), hc1_covariance(whole), rtol=1e-6, atol=1e-10)
            assert_allclose(model_covariance(parts), model_covariance(whole), rtol=1e-6, atol=1e-10)


@FEW
@given(rows_of_counts)
def test_what_is_fitted_adds_up_to_what_was_counted_at_each_level(rows):
    count, nobs, design = rows["yes"], rows["yes"] + rows["no"], main_effects(rows[["sex", "place"]])
    if not nobs.any():
        return
    for fit in (logit, linear):
        found = fit(count, nobs, design)
        if not found.problem:
            assert_allclose(design.T @ (nobs * found.fitted), design.T @ count, atol=1e-6)


@FEW
@given(rows_of_counts)
def test_separation_is_told_exactly_where_log_odds_run_away(rows):
    count, nobs, design = rows["yes"], rows["yes"] + rows["no"], main_effects(rows[["sex", "place"]])
    if not nobs.any() or linear(count, nobs, design).problem:
        return
    found = logit(count, nobs, design)
    # with half a yes and half a no added to each row there is always an estimate: how far out is it with ever less?
    shy = [np.abs(logit(count + part, nobs + 2 * part, design).estimate).max() for part in (1e-3, 1e-6)]
    assert (found.problem != "") == (shy[1] - shy[0] > 2)


@FEW
@given(rows_of_counts)
def test_yes_and_no_mirror_each_other(rows):
    count, nobs, design = rows["yes"], rows["yes"] + rows["no"], main_effects(rows[["sex"]])
    if not nobs.any():
        return
    odds, mirrored = logit(count, nobs, design), logit(nobs - count, nobs, design)
    assert_allclose(mirrored.estimate, -odds.estimate, rtol=1e-8, atol=1e-8)
    assert_allclose(hc1_covariance(mirrored), hc1_covariance(odds), rtol=1e-6)


# What has no estimate says why


def test_columns_that_depend_on_each_other_are_named():
    design = pd.DataFrame({"intercept": 1.0, "women": [1, 0, 1, 0], "men": [0, 1, 0, 1], "nobody": 0})
    for fit in (logit, linear):
        found = fit([1, 2, 3, 1], [4, 4, 4, 4], design)
        assert found.problem == "column men, nobody: a combination of the columns before it, or 0 for all"
        assert np.isnan(found.estimate).all() and np.isnan(found.fitted).all()
        for covariance in (model_covariance, hc1_covariance, lambda fit: cluster_covariance(fit, list("aabb"))):
            assert covariance(found).shape == (4, 4) and np.isnan(covariance(found)).all()


def test_a_column_of_rows_without_people_is_no_column():
    found = linear([1, 2, 0], [4, 4, 0], [[1, 0], [1, 0], [1, 1]])
    assert found.problem == "column 1: a combination of the columns before it, or 0 for all"


def test_more_columns_than_rows_of_people():
    assert linear([1, 2], [4, 4], np.vander([1.0, 2], 3)).problem.startswith("column 2: a combination")


def test_separation_names_the_column():
    design = main_effects(pd.DataFrame({"group": ["a", "b", "c", "c"]}))
    found = logit([1, 2, 0, 0], [4, 4, 4, 5], design)
    assert found.problem == (
        "column group: c: some rows are all yes or all no along it, the best coefficient is infinite (separation)"
    )
    assert np.isnan(found.estimate).all() and np.isnan(found.log_likelihood)
    assert linear([1, 2, 0, 0], [4, 4, 4, 5], design).problem == ""
    assert "column intercept" in logit([0, 0, 0, 0], 4 * np.ones(4), design[["intercept"]]).problem


def test_separation_along_a_line_that_no_column_shows():
    # all no up to 2, mixed at 3, all yes beyond
    found = logit([0, 0, 2, 4], [4, 4, 4, 4], sm.add_constant([1.0, 2, 3, 4]))
    assert "column const" not in found.problem and "separation" in found.problem
    assert logit([0, 1, 2, 4], [4, 4, 4, 4], sm.add_constant([1.0, 2, 3, 4])).problem == ""


def test_steps_that_do_not_come_to_rest_are_said(monkeypatch):
    monkeypatch.setattr(models, "STEPS", 1)
    found = logit([1, 3], [4, 4], [[1, 0], [1, 1]])
    assert found.problem == "no convergence after 1 steps"
    assert np.isnan(found.estimate).all() and np.isnan(model_covariance(found)).all()


def test_nobody_to_spare_leaves_no_errors_by_spread():
    found = linear([1, 0], [1, 1], [[1, 0], [1, 1]])
    assert_allclose(found.estimate, [1, -1], atol=1e-12)
    for covariance in (model_covariance, hc1_covariance, lambda fit: cluster_covariance(fit, list("ab"))):
        assert np.isnan(covariance(found)).all()


# Refusals


@pytest.mark.parametrize(
    ("count", "nobs", "design", "message"),
    [
        ([5], [4], [[1]], "count 5 of 4: a count lies between 0 and its denominator"),
        ([1, np.nan], [4, 4], [[1], [1]], "a number is missing or infinite in row 1: leave the row out"),
        ([1, 1], [4, 4], [[1], [np.inf]], "a number is missing or infinite in row 1: leave the row out"),
        ([1, 1], [4, 4], [[1]], "one row of the design is needed for each count"),
        ([0, 0], [0, 0], [[1], [1]], "the rows count nobody: there is nothing to fit"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_words(count, nobs, design, message):
    for fit in (logit, linear):
        with pytest.raises(ValueError, match=message):
            fit(count, nobs, design)


def test_clusters_that_cannot_be_are_refused_in_words():
    fit = linear([1, 2, 0], [4, 4, 0], np.ones((3, 1)))
    with pytest.raises(ValueError, match="two clusters with people or more, there are 1"):
        cluster_covariance(fit, ["a", "a", "b"])
    with pytest.raises(ValueError, match="one value for each of 3 rows of counts, none missing"):
        cluster_covariance(fit, ["a", "b", None])
    with pytest.raises(ValueError, match="one value for each of 3 rows"):
        cluster_covariance(fit, ["a", "b"])
    with pytest.raises(ValueError, match="confidence 95 is not between 0 and 1"):
        wald(fit.estimate, model_covariance(fit), 95)


def test_nothing_given_is_changed():
    count, nobs, design = np.array([1.0, 2, 0]), np.array([4.0, 4, 0]), np.ones((3, 1))
    kept = [number.copy() for number in (count, nobs, design)]
    cluster_covariance(logit(count, nobs, design), ["a", "b", "b"])
    for number, before in zip((count, nobs, design), kept, strict=True):
        assert_array_equal(number, before)


# Coverage


@pytest.mark.slow
def test_coverage_of_model_and_robust_limits_and_of_clusters():
    rng, truth = np.random.default_rng(6), np.array([-1.0, 0.5])
    design, of = sm.add_constant(np.tile([0.0, 1.0], 20)), np.repeat(np.arange(20), 2)
    nobs, held = np.full(40, 30), {"model": [], "hc1": [], "alike, hc1": [], "alike, clusters": []}
    for _ in range(2000):
        count = rng.binomial(nobs, 1 / (1 + np.exp(-design @ truth)))
        shared = rng.normal(0, 0.5, 20)[of]
        alike = rng.binomial(nobs, 1 / (1 + np.exp(-design @ truth - shared)))
        fit, clustered = logit(count, nobs, design), logit(alike, nobs, design)
        for name, found, covariance, df, on in [
            ("model", fit, model_covariance(fit), np.inf, -1.0),
            ("hc1", fit, hc1_covariance(fit), np.inf, -1.0),
            ("alike, hc1", clustered, hc1_covariance(clustered), np.inf, -0.945),
            ("alike, clusters", clustered, cluster_covariance(clustered, of), 19, -0.945),
        ]:
            _, low, high, _ = wald(found.estimate, covariance, df=df)
            held[name].append(low[0] <= on <= high[0])
    held = {name: np.mean(found) for name, found in held.items()}
    # -.945: log odds of the mean rate over clusters, what a regression of all people estimates
    assert 0.94 < held["model"] < 0.96 and 0.94 < held["hc1"] < 0.96
    assert 0.93 < held["alike, clusters"] < 0.965
    assert held["alike, hc1"] < 0.85, "people who are alike make errors without clusters too small"


def test_examples():
    assert doctest.testmod(models).failed == 0
