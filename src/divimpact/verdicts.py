"""Families of tests and what is concluded from them: pairs of groups in, estimates with rule and verdict out.

A family is all stages and declared groups of one dimension, within one combination of the other keys. Outside it, and
without `p_adjusted`, are stage "overall", which is the one comparison declared beforehand, combined groups and the
undeclared, who repeat the same people.
"""

import numpy as np

from divimpact.estimates import keys, ratio_rows, two_by_two
from divimpact.intervals import fisher, holm, shortfall

OVERALL = "overall"


def adjusted(tested, adjust=holm):
    """Add `p_adjusted` to tests with `p_value`, over the stages and groups of each dimension.

    Examples
    --------
    >>> import pandas as pd
    >>> tested = pd.DataFrame({"dimension": "origin", "group": "abroad", "role": "group",
    ...                        "stage": ["invited", "hired", "overall"], "p_value": [0.02, 0.4, 0.03]})
    >>> adjusted(tested)["p_adjusted"].tolist()
    [0.04, 0.4, nan]
    """
    families = members(tested).groupby([tested[key] for key in _family(tested)], dropna=False)
    return tested.assign(p_adjusted=families.transform(adjust))


def members(tested):
    """Return the p-values that are adjusted together, NaN for those outside the family.

    Examples
    --------
    >>> import pandas as pd
    >>> members(pd.DataFrame({"role": ["group", "undeclared"], "stage": "hired", "p_value": 0.4})).tolist()
    [0.4, nan]
    """
    return tested["p_value"].where((tested["role"] == "group") & (tested["stage"] != OVERALL))


def decided(tested, rule, lower, confidence=0.95):
    """Return the columns `rule` and `verdict` of adjusted tests: lower, higher or cannot_tell at level 1 - confidence.

    By `p_adjusted` in the family, by `p_value` on "overall" for groups and combined groups; elsewhere there is none.
    `lower` says where the group has the lower rate, by whatever was tested: within vacancies another group may have it
    than in all together.

    Examples
    --------
    >>> import pandas as pd
    >>> tested = pd.DataFrame({"role": "group", "stage": ["invited", "hired"], "p_value": 0.01,
    ...                        "p_adjusted": [0.02, 0.2], "numerator": 10, "denominator": 43,
    ...                        "reference_numerator": 389, "reference_denominator": 920})
    >>> decided(tested, "fisher_holm", lower=is_lower(tested))["verdict"].tolist()
    ['lower', 'cannot_tell']
    """
    overall, undeclared = tested["stage"] == OVERALL, tested["role"] == "undeclared"
    alone = overall & ~undeclared & tested["p_adjusted"].isna()
    deciding = tested["p_value"].where(alone, tested["p_adjusted"])
    undecided, unclear = deciding.isna(), deciding > 1 - confidence
    verdict = np.select([undecided, unclear, lower], [None, "cannot_tell", "lower"], default="higher")
    return {"rule": np.where(undecided, None, rule), "verdict": verdict}


def is_lower(pairs):
    """Say where the rate of a group is below that of its reference, compared on whole numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> cells = {"numerator": [3], "denominator": 5, "reference_numerator": 6, "reference_denominator": 8}
    >>> is_lower(pd.DataFrame(cells))
    array([ True])
    """
    return shortfall(*two_by_two(pairs)) > 0


def impact_ratios(pairs, confidence=0.95):
    """Return the ratio of rates of each pair, with score limits, Fisher's p, Holm's and the verdict of the two.

    Examples
    --------
    >>> import pandas as pd
    >>> pairs = pd.DataFrame({"dimension": ["ethnicity"], "group": "BME", "role": "group", "stage": "shortlisted",
    ...                       "numerator": 10, "denominator": 43, "reference_numerator": 389,
    ...                       "reference_denominator": 920})
    >>> impact_ratios(pairs)[["estimate", "p_value", "p_adjusted", "verdict"]].round(4)
       estimate  p_value  p_adjusted verdict
    0      0.55   0.0166      0.0166   lower
    """
    tested = adjusted(pairs.assign(p_value=fisher(*two_by_two(pairs))))
    return ratio_rows(
        tested, "impact_ratio", confidence, **decided(tested, "fisher_holm", is_lower(tested), confidence)
    )


def _family(tested):
    return [key for key in keys(tested) if key != "stage"]
