"""Shares beside what is available: the population, the labour market; what chance and rules say of the distance (Q4).

Frames in, one estimate per row out. Rules trigger a look; they disagree, and none is a verdict.
"""

from fractions import Fraction

import numpy as np
import pandas as pd

from divimpact.chance import binomial, not_rejected, score
from divimpact.codes import ENDS
from divimpact.estimates import benchmarked, latest, rows, table

VERDICT = {True: "triggered", False: "not_triggered"}
LIMITS = ["conf_low", "conf_high", "confidence", "method"]


def against_benchmark(shares, benchmark):
    """Compare shares with benchmarks such as the population or the labour market.

    `representation_ratio` is share over benchmark share, its limits those of the share over the same;
    `gap_persons` is the staff of the group minus what the benchmark would give of the same denominator:
    negative means missing. Each row of measure `share` meets every benchmark of its dimension, group, unit
    (`scope`, empty or "city" for all) and grade (empty for all), the latest that is not after its period;
    shares without `period` meet the latest. The benchmark is taken as fixed. A benchmark of 0 gives no ratio
    (NaN), a share without denominator no gap; the shares of a survey have no row for it, as it would be one of those
    who answered.

    Parameters
    ----------
    shares : DataFrame
        Estimates of `shares` or `published_shares`; their confidence is kept.
    benchmark : DataFrame
        Columns name, dimension, group, period, share and, if there, scope and grade.

    Returns
    -------
    DataFrame
        Estimates with the name in `benchmark`; shares that no benchmark fits have no row.

    References
    ----------
    41 CFR 60-2.15 (United States, 2000), comparing incumbency to availability.

    Examples
    --------
    >>> import pandas as pd
    >>> from divimpact.representation import shares
    >>> staff = pd.DataFrame({"period": ["2024"], "dimension": "origin", "group": "abroad",
    ...                       "numerator": 3, "denominator": 30})
    >>> population = pd.DataFrame({"name": ["labour market"], "dimension": "origin", "group": "abroad",
    ...                            "period": "2021", "share": 0.25})
    >>> found = against_benchmark(shares(staff), population)
    >>> found[["measure", "estimate", "conf_low", "conf_high"]].round(2)
                    measure  estimate  conf_low  conf_high
    0  representation_ratio       0.4      0.14       1.02
    1           gap_persons      -4.5       NaN        NaN
    """
    pairs = latest(benchmarked(shares, benchmark))
    counted = _in_persons(pairs)
    return table(_ratio(pairs), rows(counted, "gap_persons", _gap(counted)))


def at_ends(shares, benchmark):
    """Compare shares with the ends between which an uncertain benchmark lies.

    As `against_benchmark`, with `low` and then `high` in place of the benchmark's share; `detail` says which end.
    Over both, the lowest and the highest limit of `representation_ratio` are its bounds in the worst case: chance
    and benchmark both at their ends. A benchmark that has no such ends, or is certain, has no rows.

    Parameters
    ----------
    shares, benchmark : DataFrame
        As `against_benchmark`; benchmark with `low` and `high`.

    Examples
    --------
    >>> import pandas as pd
    >>> from divimpact.representation import shares
    >>> staff = pd.DataFrame({"period": ["2024"], "dimension": "origin", "group": "abroad",
    ...                       "numerator": 30, "denominator": 200})
    >>> market = pd.DataFrame({"name": ["labour market"], "dimension": "origin", "group": "abroad",
    ...                        "period": "2021", "share": 0.20, "low": 0.16, "high": 0.24})
    >>> at_ends(shares(staff), market)[["detail", "estimate", "conf_low", "conf_high"]].round(2)
                          detail  estimate  conf_low  conf_high
    0   benchmark at its low end      0.94      0.67       1.29
    1  benchmark at its high end      0.62      0.45       0.86
    2   benchmark at its low end     -2.00       NaN        NaN
    3  benchmark at its high end    -18.00       NaN        NaN
    """
    pairs = _uncertain(shares, benchmark)
    ratios, gaps = ([_at_end(some, end) for end in ENDS] for some in (pairs, _in_persons(pairs)))
    return table(*map(_ratio, ratios), *(rows(some, "gap_persons", _gap(some)) for some in gaps))


def over_range(shares, benchmark, confidence=0.95):
    """Say whether what is concluded from an uncertain benchmark is so at both of its ends.

    `representation_survival`: share over benchmark share, as in `against_benchmark`. The exact test at level
    1 - confidence says lower, higher or cannot tell; under rule "benchmark_range" the verdict is "survives" where it
    says the same of the benchmark's share, its `low` and its `high`, else "depends". A benchmark without such ends, or
    a certain one, has no rows; shares without counts have no verdict.

    Parameters
    ----------
    shares, benchmark : DataFrame
        As `at_ends`.

    Examples
    --------
    >>> import pandas as pd
    >>> from divimpact.representation import shares
    >>> staff = pd.DataFrame({"period": ["2024"], "dimension": "origin", "group": "abroad",
    ...                       "numerator": 30, "denominator": 200})
    >>> market = pd.DataFrame({"name": ["labour market"], "dimension": "origin", "group": "abroad",
    ...                        "period": "2021", "share": 0.20, "low": 0.16, "high": 0.24})
    >>> over_range(shares(staff), market)[["measure", "estimate", "rule", "verdict"]].round(2)
                       measure  estimate             rule  verdict
    0  representation_survival      0.75  benchmark_range  depends
    """
    pairs = _uncertain(shares, benchmark)
    here, low, high = (_concluded(pairs, pairs[at].astype(float), confidence) for at in ("benchmark_share", *ENDS))
    unknown = np.isnan(here)
    verdict = np.select([unknown, (here == low) & (here == high)], [None, "survives"], default="depends")
    said = {"rule": np.where(unknown, None, "benchmark_range"), "verdict": verdict}
    return table(_ratio(pairs).assign(measure="representation_survival", **said))


def by_chance(shares, benchmark):
    """Test whether chance explains how far shares are from benchmarks, both as in `against_benchmark`.

    - `expected_persons`: what the benchmark would give of the same denominator. `p_value` is that of the exact
      binomial test, two-sided; it needs whole people, and is empty for published shares.
    - `benchmark_z`: standard deviations between the share and the benchmark, negative below, with the variance at
      the benchmark and without continuity correction; NaN for a benchmark of 0 or 1.

    Both take the benchmark as fixed, and the staff as drawn from it one by one. A fraction of a person is refused.

    References
    ----------
    Sterne, T. E. (1954), Biometrika 41, 275-278; Hazelwood School District v. United States, 433 U.S. 299 (1977).

    Examples
    --------
    >>> import pandas as pd
    >>> from divimpact.representation import shares
    >>> hired = pd.DataFrame({"dimension": "race", "group": ["Black"], "numerator": 15, "denominator": 405})
    >>> area = pd.DataFrame({"name": ["area"], "dimension": "race", "group": "Black", "period": "1970",
    ...                      "share": 0.057})
    >>> by_chance(shares(hired), area)[["measure", "estimate", "p_value", "method"]].round(4)
                measure  estimate  p_value    method
    0  expected_persons   23.0850   0.0862  binomial
    1       benchmark_z   -1.7328      NaN     score
    """
    return table(*_tested(latest(benchmarked(shares, benchmark))))


def sweep(shares, benchmark_shares, confidence=0.95):
    """Show how the comparison depends on the benchmark, and where it turns.

    The benchmark decides: for each share and each of `benchmark_shares` (0..1; named in `detail`) the rows
    `representation_ratio`, `expected_persons` and `benchmark_z`, as in `against_benchmark` and `by_chance`. Besides,
    `benchmarks_not_rejected`: the share, with the smallest and the largest benchmark that the exact test does not
    reject at level 1 - confidence as its limits. Against a benchmark beyond them chance does not explain the share.

    Parameters
    ----------
    shares : DataFrame
        As `against_benchmark`; those without counts have no limits and no p.

    Raises
    ------
    ValueError
        For a benchmark share outside 0..1, or a fraction of a person.

    Examples
    --------
    >>> import pandas as pd
    >>> from divimpact.representation import shares
    >>> hired = pd.DataFrame({"dimension": "race", "group": ["Black"], "numerator": 15, "denominator": 405})
    >>> sweep(shares(hired), [0.057])[["measure", "estimate", "conf_low", "conf_high", "p_value"]].round(3)
                       measure  estimate  conf_low  conf_high  p_value
    0     representation_ratio     0.650     0.396      1.056      NaN
    1         expected_persons    23.085       NaN        NaN    0.086
    2              benchmark_z    -1.733       NaN        NaN      NaN
    3  benchmarks_not_rejected     0.037     0.022      0.060      NaN
    """
    shares = shares[shares["measure"] == "share"]
    shares = shares.reindex(columns=shares.columns.union(LIMITS, sort=False)).assign(detail=None)
    swept = pd.DataFrame({"benchmark_share": np.asarray(benchmark_shares, dtype=float)})
    swept = swept.assign(detail=[f"benchmark {100 * share:.4g} %" for share in swept["benchmark_share"]])
    pairs = shares.drop(columns="detail").merge(swept, how="cross")
    limits = not_rejected(shares["numerator"], shares["denominator"], confidence)
    return table(
        _ratio(pairs),
        *_tested(pairs),
        rows(shares, "benchmarks_not_rejected", shares["estimate"], *limits, confidence, "binomial"),
    )


def triggers(shares, benchmark, persons=3, fifths=4):
    """Set rules side by side that say when to look closer at a share below its benchmark, as in `against_benchmark`.

    `benchmark_trigger` is the gap in persons, with a `verdict` (triggered, not_triggered) under each `rule`:

    - us_doj: from 30 staff on, two or more standard deviations below; below 30 a gap of one whole person or more.
    - gap_filter: a gap of `persons` or more and at most so many `fifths` of the benchmark.

    They disagree on purpose: triggers to look, never verdicts on who works there. Benchmarks are taken as written in
    decimals and compared on whole numbers: exactly 80 % triggers. An uncertain benchmark has rows for both its ends
    too, as in `at_ends`. Shares without counts have no rows.

    References
    ----------
    US Department of Justice, Office for Civil Rights, EEOP frequently asked questions (after 28 CFR 42.301-308): from
    30 employees two standard deviations, below "a simple subtraction" of the percentages without a threshold; one whole
    person is taken from the practice under 41 CFR 60-2.15, as is 80 % of availability (65 FR 26088, 2000).

    Examples
    --------
    >>> import pandas as pd
    >>> from divimpact.representation import shares
    >>> staff = pd.DataFrame({"dimension": "origin", "group": ["abroad"], "numerator": 3, "denominator": 30})
    >>> market = pd.DataFrame({"name": ["labour market"], "dimension": "origin", "group": "abroad",
    ...                        "period": "2021", "share": 0.25})
    >>> triggers(shares(staff), market)[["measure", "estimate", "rule", "verdict"]]
                 measure  estimate        rule        verdict
    0  benchmark_trigger      -4.5      us_doj  not_triggered
    1  benchmark_trigger      -4.5  gap_filter      triggered
    """
    uncertain = _uncertain(shares, benchmark)
    pairs = pd.concat([latest(benchmarked(shares, benchmark)), *(_at_end(uncertain, end) for end in ENDS)])
    counted = pairs[pairs["numerator"].notna() & (pairs["denominator"] > 0)]
    cells = [_exact(counted[column]) for column in ("numerator", "denominator", "benchmark_share")]
    by_rule = {"us_doj": _us_doj(*cells), "gap_filter": _gap_filter(*cells, persons, fifths)}
    verdicts = {rule: [VERDICT[bool(one)] for one in triggered] for rule, triggered in by_rule.items()}
    blocks = [{"rule": rule, "verdict": verdict} for rule, verdict in verdicts.items()]
    return table(*(rows(counted, "benchmark_trigger", _gap(counted), **block) for block in blocks))


def not_compared(shares, benchmark):
    """Return the benchmarks that no share meets: of its unit and grade, at the end of its period or later."""
    numbered = benchmark.reset_index(drop=True).rename_axis("_benchmark").reset_index()
    return benchmark[~numbered["_benchmark"].isin(benchmarked(shares, numbered)["_benchmark"]).to_numpy()]


def _ratio(pairs):
    expected = pairs["benchmark_share"].where(pairs["benchmark_share"] > 0)
    ratio, *limits = (pairs[column] / expected for column in ("estimate", "conf_low", "conf_high"))
    return rows(pairs, "representation_ratio", ratio, *limits, pairs["confidence"], pairs["method"])


def _uncertain(shares, benchmark):
    """The shares beside the benchmarks that lie between two ends."""
    pairs = latest(benchmarked(shares, benchmark.reindex(columns=benchmark.columns.union([*ENDS], sort=False))))
    return pairs[pairs["low"].astype(float) < pairs["high"].astype(float)]


def _concluded(pairs, benchmark_share, confidence):
    """Say of each share whether it is lower (-1) or higher (1) than a benchmark, or cannot be told from it (0)."""
    p = binomial(pairs["numerator"], pairs["denominator"], benchmark_share)
    side = np.sign(pairs["estimate"] - benchmark_share)
    return np.where(np.isnan(p), np.nan, np.where(p > 1 - confidence, 0, side))


def _at_end(pairs, end):
    return pairs.assign(benchmark_share=pairs[end].astype(float), detail=ENDS[end])


def _in_persons(pairs):
    """The shares whose gap is one of staff: that of a survey would be one of those who answered."""
    return pairs[pairs["detail"] != "of those who answered"] if "detail" in pairs else pairs


def _gap(pairs):
    return pairs["denominator"] * (pairs["estimate"] - pairs["benchmark_share"])


def _tested(pairs):
    people, share = pairs["denominator"], pairs["benchmark_share"]
    p, z = binomial(pairs["numerator"], people, share), score(people * pairs["estimate"], people, share)
    return [
        rows(pairs.assign(p_value=p), "expected_persons", people * share).assign(method=_where(p, "binomial")),
        rows(pairs, "benchmark_z", z).assign(method=_where(z, "score")),
    ]


def _where(known, test):
    return np.where(np.isnan(known), None, test)


def _exact(numbers):
    """Numbers as written in decimals, to be compared exactly."""
    return np.array([Fraction(str(float(number))) for number in numbers], dtype=object)


def _us_doj(count, nobs, share):
    missing = nobs * share - count
    two_deviations = (missing > 0) & (missing**2 >= 4 * nobs * share * (1 - share))
    return np.where(nobs < 30, missing >= 1, two_deviations)


def _gap_filter(count, nobs, share, persons, fifths):
    available = nobs * share
    return (available - count >= persons) & (5 * count <= fifths * available)
