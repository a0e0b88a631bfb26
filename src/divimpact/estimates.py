"""The estimate table, and what all analyses do to make one: check counts, set rows side by side, assemble.

Keys tell the rows of one group apart. Categories become text, rows keep their order, no input is changed.
"""

from itertools import chain

import numpy as np
import pandas as pd

from divimpact.intervals import miettinen_nurminen_ratio, proportion, ratio, wilson
from divimpact.schema import years

KEYS = ("period", "unit", "channel", "grade", "service", "of_measure", "district", "dimension", "stage")
COLUMNS = (
    "measure", "period", "unit", "channel", "grade", "service", "of_measure", "district", "dimension", "group",
    "reference", "benchmark", "stage", "detail", "numerator", "denominator", "reference_numerator",
    "reference_denominator", "estimate", "conf_low", "conf_high", "confidence", "p_value", "p_adjusted",
    "method", "rule", "verdict", "cells", "within", "strata", "residual_df",
)  # fmt: skip
WAY = ["baseline_period", "baseline", "target_period", "target"]
PLAN = ["dimension", "group", "scope", "grade", *WAY]  # columns of a target
MAY_BE_EMPTY = ("detail", "method", "rule", "verdict")  # text that does not apply to all rows


def keys(frame):
    """Return the key columns that a frame has."""
    return [key for key in KEYS if key in frame]


def checked(counts, *needed, strata=()):
    """Return the counts with plain text columns and a role, or say why no estimate can be made of them.

    Columns of `strata`, such as the vacancy, tell rows apart too.
    """
    needed = ("dimension", "group", "numerator", "denominator", *needed, *strata)
    if missing := [column for column in needed if column not in counts]:
        raise ValueError(f"the counts lack {', '.join(missing)}; needed are {', '.join(needed)}")
    repeated = counts[counts.duplicated([*keys(counts), *strata, "group"])]
    if len(repeated):
        raise ValueError(
            f"the counts have more than one row for {_named(repeated)}: add such rows up, or "
            "pass those of one vacancy, channel, ... at a time"
        )
    counts = counts.astype({column: "str" for column in counts.select_dtypes("category")})
    return counts if "role" in counts else counts.assign(role="group")


def union(cells):
    """Return the cells of several rows as one tuple, in order and without doubles."""
    return tuple(dict.fromkeys(chain.from_iterable(cells)))


def united(frame, columns):
    """Put the cells of those columns that a frame has into one; rows may lack some."""
    columns = [column for column in columns if column in frame]
    if not columns:
        return frame
    each = zip(*(frame[column] for column in columns), strict=True)
    cells = [union(one for one in several if isinstance(one, tuple)) for several in each]
    return frame.drop(columns=columns).assign(cells=cells)


def total(counts):
    """Add counts up; the sum is missing where one of them is."""
    return counts.sum(skipna=False)


def summed(counts, by):
    """Add up the rows that are alike in `by`, as `total`, and unite their cells.

    Examples
    --------
    >>> counts = pd.DataFrame({"group": ["abroad", "abroad", "here"], "numerator": [1, 2, None], "denominator": 9})
    >>> summed(counts, ["group"])
        group  numerator  denominator
    0  abroad        3.0           18
    1    here        NaN            9
    """
    parts = {"numerator": total, "denominator": total, "cells": union}
    parts = {column: add for column, add in parts.items() if column in counts}
    return counts.groupby(by, dropna=False, sort=False, as_index=False).agg(parts)


def beside(rows, others, on=None, how="left"):
    """Add what the row of `others` with the same keys counts, as reference, and unite the cells."""
    on = keys(rows) if on is None else on
    added = {name: f"reference_{name}" for name in ("numerator", "denominator", "estimate", "cells") if name in others}
    others = others[[*on, *added]].rename(columns=added)
    joined = rows.drop(columns=added.values(), errors="ignore").merge(others, on=on, how=how)
    return united(joined, ["cells", "reference_cells"])


def compared(counts, strata=()):
    """Return the rows that are compared (no reference, no overlapping group), each beside its reference."""
    is_reference, on = counts["group"] == counts["reference"], [*keys(counts), *strata]
    others = counts[~is_reference & (counts["role"] != "overlapping")]
    alone = others.merge(counts.loc[is_reference, on], how="left_anti", on=on)
    if len(alone):
        raise ValueError(
            f"the reference {alone['reference'].iloc[0]!r} has no row for {_named(alone)}; "
            f"groups: {', '.join(dict.fromkeys(counts['group']))}"
        )
    return beside(others, counts[is_reference], on)


def two_by_two(pairs):
    """Return the four counts of each comparison, in the order in which `intervals` takes them."""
    return [pairs[side + part] for side in ("", "reference_") for part in ("numerator", "denominator")]


def refuse_backwards(plans):
    """Refuse targets whose period is not after that of their baseline."""
    start, end = (years(plans[column]) for column in ("baseline_period", "target_period"))
    if (backwards := plans[end <= start]).size:
        target = backwards.iloc[0]
        raise ValueError(
            f"target for {target['group']} ({target['dimension']}): target_period {target['target_period']} "
            f"is not after baseline_period {target['baseline_period']}"
        )


def matched(shares, plan, measure="share"):
    """Return each row of one measure beside the rows of `plan` for its group, unit (scope) and grade."""
    shares = shares[shares["measure"] == measure].drop(columns="reference", errors="ignore")
    limits = ["conf_low", "conf_high", "confidence", "method"]
    shares = _placed(shares.reindex(columns=shares.columns.union(limits, sort=False)), "unit")
    plan = _placed(plan, "scope").drop(columns=["scope", "grade"], errors="ignore")
    return shares.merge(plan, on=["dimension", "group", "_scope", "_grade"])


def benchmarked(shares, benchmark):
    """Return each row of measure share beside every benchmark of its place that is not after its period."""
    names = {"name": "benchmark", "period": "benchmark_period", "share": "benchmark_share"}
    plan = ["dimension", "group", "scope", "grade", *names.values(), "low", "high", "_benchmark"]
    pairs = matched(shares.assign(_share=np.arange(len(shares))), benchmark.rename(columns=names).filter(plan))
    pairs = pairs.assign(_known=years(pairs["benchmark_period"])).astype({"benchmark_share": float})
    return pairs[pairs["_known"] <= years(pairs["period"])] if "period" in pairs else pairs


def latest(pairs):
    """Return, of each benchmark that meets a share, the latest."""
    found = pairs.groupby(["_share", "benchmark"])["_known"].idxmax()
    return pairs.loc[found.sort_values()]


def rows(frame, measure, estimate, low=np.nan, high=np.nan, confidence=np.nan, method=None, **columns):
    """Return one estimate for each row of `frame`; confidence and method stand only where limits do."""
    limited = ~np.isnan(np.broadcast_to(low, len(frame)))
    stated = {"confidence": np.where(limited, confidence, np.nan), "method": np.where(limited, method, None)}
    frame = frame.assign(measure=measure, estimate=estimate, conf_low=low, conf_high=high, **stated, **columns)
    return frame[[column for column in COLUMNS if column in frame]]


def rate_rows(counts, measure, confidence, **columns):
    """Return numerator over denominator of each row, with Wilson limits."""
    cells = counts["numerator"], counts["denominator"]
    limits = wilson(*cells, confidence)
    return rows(counts, measure, proportion(*cells), *limits, confidence, "wilson", **columns)


def ratio_rows(pairs, measure, confidence, **columns):
    """Return the rate of each row over that of its reference, with score limits."""
    cells = two_by_two(pairs)
    limits = miettinen_nurminen_ratio(*cells, confidence)
    return rows(pairs, measure, ratio(*cells), *limits, confidence, "miettinen_nurminen", **columns)


def table(*blocks):
    """Return blocks of rows one below the other, columns in the order of the estimate table."""
    joined = pd.concat(blocks, ignore_index=True)
    joined = joined.astype({column: "str" for column in MAY_BE_EMPTY if column in joined})
    return joined[[column for column in COLUMNS if column in joined]]


def _placed(frame, scope):
    """Say of each row for which unit and grade it holds, empty for all."""
    places = {"_scope": frame.get(scope), "_grade": frame.get("grade")}
    frame = frame.assign(**places).fillna(dict.fromkeys(places, ""))
    return frame.astype(dict.fromkeys(places, "str")).replace({"_scope": {"city": ""}})


def _named(frame):
    return ", ".join(f"{column} {frame[column].iloc[0]}" for column in [*keys(frame), "group"])
