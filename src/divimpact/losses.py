"""Where on the way a gap at the end opens, and where it closes again (Q5): frames in, one estimate per row out."""

from itertools import product

import numpy as np

from divimpact import stagewise
from divimpact.estimates import checked, compared, keys, rows, table, two_by_two, union
from divimpact.intervals import z_of
from divimpact.verdicts import OVERALL

SIDES, ENDS = ((0, ""), (1, "reference_")), ((0, "numerator", -1), (1, "denominator", 0))


def contributions(counts, confidence=0.95):
    """Take the gap between a group and its reference at the end apart by stage.

    - `log_ratio_contribution`: the logarithm of the ratio of rates at the stage, with limits; they and their variances
      add up to those of the row with stage "overall". NaN where nobody passes.
    - `rate_contribution`: what the stage adds to the difference of the overall rates, on average over all orders in
      which the group's rates could be put in place of the reference's (Shapley); they add up to that difference, on
      stage "overall", exactly.
    - `log_ratio_part`: the contribution as a part of the logarithm of the overall ratio, only where all stages go the
      same way. Where one stage opens the gap and another closes it there are no rows: no percentage says that.

    Each comparison stays within one combination of keys; stages are taken in the order of the counts, and each but the
    first is reached by those who passed the one before.

    Parameters
    ----------
    counts : DataFrame
        As `funnel.stages`, with the stages one after the other; rows of stage "overall" are left out and made anew.

    Raises
    ------
    ValueError
        As `funnel.stages`, and for stages that are not each the one that leads on.

    References
    ----------
    See `stagewise`.

    Examples
    --------
    >>> import pandas as pd
    >>> counts = pd.DataFrame({"dimension": "race", "group": ["Black", "white"] * 2, "reference": "white",
    ...                        "stage": ["passed"] * 2 + ["promoted"] * 2, "numerator": [26, 206, 11, 35],
    ...                        "denominator": [48, 259, 26, 206]})
    >>> contributions(counts)[["measure", "stage", "estimate", "conf_low", "conf_high"]].round(3)
                      measure     stage  estimate  conf_low  conf_high
    0  log_ratio_contribution    passed    -0.384    -0.652     -0.117
    1  log_ratio_contribution  promoted     0.912     0.371      1.453
    2  log_ratio_contribution   overall     0.528    -0.075      1.132
    3       rate_contribution    passed    -0.075       NaN        NaN
    4       rate_contribution  promoted     0.169       NaN        NaN
    5       rate_contribution   overall     0.094       NaN        NaN
    """
    counts = checked(counts, "reference", "stage")
    pairs = compared(counts[counts["stage"] != OVERALL]).reset_index(drop=True)
    whole, cells, place = _side_by_side(pairs)
    return table(*_logs(pairs, whole, cells, place, confidence), *_rates(pairs, whole, cells, place))


def _logs(pairs, whole, cells, place, confidence):
    contribution, low, high, variance = stagewise.log_contributions(*cells, confidence)
    at_stage = (values[place] for values in (contribution, low, high))
    yield rows(pairs, "log_ratio_contribution", *at_stage, confidence, "log_variance")
    half = z_of(confidence) * np.sqrt(np.maximum(variance.sum(axis=-1), 0))
    log = contribution.sum(axis=-1)
    yield rows(whole, "log_ratio_contribution", log, log - half, log + half, confidence, "log_variance")
    part = stagewise.parts_of_gap(contribution)[place]
    yield rows(_of_all(pairs, whole, place), "log_ratio_part", part)[~np.isnan(part)]


def _rates(pairs, whole, cells, place):
    contribution = stagewise.rate_contributions(*cells)
    yield rows(_of_all(pairs, whole, place), "rate_contribution", contribution[place])
    yield rows(whole, "rate_contribution", contribution.sum(axis=-1))


def _side_by_side(pairs):
    """Return a row for each group over all stages, its four counts by stage, and where in these each pair stands."""
    by = [*(key for key in keys(pairs) if key != "stage"), "group"]
    row = pairs.groupby(by, dropna=False, sort=False).ngroup().to_numpy()
    column, stages = pairs["stage"].factorize()
    cells = np.full((4, row.max(initial=-1) + 1, len(stages)), np.nan)
    cells[:, row, column] = np.array([cell.to_numpy(float) for cell in two_by_two(pairs)]).reshape(4, -1)
    counted = (
        {side + name: cells[2 * i + j, :, at] for (i, side), (j, name, at) in product(SIDES, ENDS)}
        if len(stages)
        else {}
    )
    whole = pairs.groupby(by, dropna=False, sort=False).head(1).reset_index(drop=True).assign(stage=OVERALL, **counted)
    if "cells" in pairs:
        whole = whole.assign(cells=pairs.groupby(row)["cells"].agg(union))
    return whole, cells, (row, column)


def _of_all(pairs, whole, place):
    """Return the pairs as resting on the counts of all stages."""
    return pairs.assign(cells=whole["cells"].to_numpy()[place[0]]) if "cells" in pairs else pairs
