"""How far a group has come from its baseline towards its target (Q1): frames in, one estimate per row out."""

import numpy as np

from divimpact.estimates import matched, rows, table
from divimpact.schema import definitions, years

BANDS = {"moving_away": -np.inf, "limited_progress": 0.0, "acceleration_needed": 0.60, "on_track": 0.95}
WAY = ["baseline_period", "baseline", "target_period", "target"]
PLAN = ["dimension", "group", "scope", "grade", *WAY]


def progress(shares, targets, breaks=None):
    """Set every share after the baseline beside the target of its group, as far as one definition holds.

    `gap_closed` is the way gone over the whole way, (p - p0) / (target - p0): 0 at the baseline, 1 at the
    target, negative when moving away. `progress_ratio` is the observed over the required compound growth per
    year, ((p/p0)^(1/t) - 1) / ((target/p0)^(1/T) - 1), t and T in years from the end of the baseline period;
    it is positive towards the target, also where that lies lower. Limits are those of the share carried
    through; the baseline is taken as given. Both are NaN where the target is the baseline, the ratio also
    where either is 0, as no constant growth leads there.

    `verdict` under rule "open_sdg": on_track from .95, acceleration_needed from .60, limited_progress from 0,
    else moving_away; a target that is reached is on_track, however late. cannot_tell where the limits lie in
    two bands; without limits the point decides.

    Parameters
    ----------
    shares : DataFrame
        Estimates with `period`; rows of measure `share` are used, their limits and confidence kept.
    targets : DataFrame
        Columns dimension, group, baseline_period, baseline, target_period, target and, if there, scope (a
        unit; empty or "city" for all) and grade (empty for all).
    breaks : mapping
        By dimension, the periods from which another definition holds.

    Returns
    -------
    DataFrame
        Estimates; `detail` names baseline and target. No row has a share without a target, or one whose
        definition is another than that of the baseline: see `not_followed`.

    Raises
    ------
    ValueError
        For a target period that is not after its baseline period, or a text that is no period.

    References
    ----------
    Statistics Canada, Progress Measurement Methodology for the SDGs (Open SDG documentation), ratio R and its
    table of categories, after Eurostat (2021), Sustainable development in the European Union.

    Examples
    --------
    >>> import pandas as pd
    >>> shares = pd.DataFrame({"measure": "share", "period": ["2023", "2025"], "dimension": "origin",
    ...                        "group": "abroad", "estimate": [0.22, 0.265]})
    >>> targets = pd.DataFrame({"dimension": ["origin"], "group": "abroad", "baseline_period": "2021",
    ...                         "baseline": 0.18, "target_period": "2025", "target": 0.30})
    >>> progress(shares, targets)[["measure", "period", "estimate", "verdict"]].round(3)
              measure period  estimate              verdict
    0      gap_closed   2023     0.333                  NaN
    1      gap_closed   2025     0.708                  NaN
    2  progress_ratio   2023     0.775  acceleration_needed
    3  progress_ratio   2025     0.745  acceleration_needed
    """
    ways = _comparable(_ways(matched(shares, targets.filter(PLAN))), breaks)
    stated = {"confidence": ways["confidence"], "method": ways["method"], "detail": _detail(ways)}
    verdict = _open_sdg(ways)
    rule = np.where(verdict.isna(), None, "open_sdg")
    return table(
        rows(ways, "gap_closed", *_carried(_gap_closed, ways), **stated),
        rows(ways, "progress_ratio", *_carried(_progress_ratio, ways), **stated, rule=rule, verdict=verdict),
    )


def _ways(pairs):
    """The shares after their baseline period, with the years gone and the years planned."""
    start, end, now = (years(pairs[column]) for column in ("baseline_period", "target_period", "period"))
    if (backwards := pairs[end <= start]).size:
        target = backwards.iloc[0]
        raise ValueError(
            f"target for {target['group']} ({target['dimension']}): target_period {target['target_period']} "
            f"is not after baseline_period {target['baseline_period']}"
        )
    pairs = pairs.assign(gone=now - start, planned=end - start).astype({"baseline": float, "target": float})
    return pairs[pairs["gone"] > 0]


def _comparable(ways, breaks):
    """The shares to which the definition of their baseline applies."""
    same = np.full(len(ways), True)
    for dimension, starts in (breaks or {}).items():
        then, now = (definitions(ways[column], starts) for column in ("baseline_period", "period"))
        same &= (ways["dimension"] != dimension).to_numpy() | (then == now)
    return ways[same]


def _gap_closed(share, ways):
    way = ways["target"] - ways["baseline"]
    return (share - ways["baseline"]) / way.where(way != 0)


def _progress_ratio(share, ways):
    baseline, target = (ways[column].where(ways[column] > 0) for column in ("baseline", "target"))
    required = (target / baseline) ** (1 / ways["planned"]) - 1
    return ((share / baseline) ** (1 / ways["gone"]) - 1) / required.where(required != 0)


def _carried(measure, ways):
    """Estimate and limits of a measure that rises, or falls, with the share throughout."""
    estimate, *limits = (measure(ways[column], ways) for column in ("estimate", "conf_low", "conf_high"))
    return estimate, np.minimum(*limits), np.maximum(*limits)


def _open_sdg(ways):
    """The band in which both limits lie, or the point where there are none."""
    low, high = (_band(ways[column].fillna(ways["estimate"]), ways) for column in ("conf_low", "conf_high"))
    verdict = np.where(low == high, np.array(list(BANDS))[low], "cannot_tell")
    return _progress_ratio(ways["estimate"], ways).mask(lambda ratio: ratio.notna(), verdict)


def _band(share, ways):
    reached = (share - ways["target"]) * np.sign(ways["target"] - ways["baseline"]) >= 0
    ratio = _progress_ratio(share, ways).where(~reached, np.inf)
    return np.searchsorted(list(BANDS.values()), ratio, side="right") - 1


def _detail(ways):
    plan = zip(*(ways[column] for column in WAY), strict=True)
    return [f"{100 * p0:.4g} % ({start}) to {100 * target:.4g} % ({end})" for start, p0, end, target in plan]


def not_followed(shares, targets, breaks=None):
    """Return the targets that `progress` does not set beside the latest share, with the `reason`.

    There is "no later share" of single units and of groups that no table holds; "another definition" than
    that of the baseline holds by the latest share.
    """
    numbered = targets.reset_index(drop=True).rename_axis("_target").reset_index()
    ways = _ways(matched(shares, numbered.filter([*PLAN, "_target"])))
    latest = ways[ways["gone"] == ways.groupby("_target")["gone"].transform("max")]
    later, followed = (numbered["_target"].isin(found["_target"]) for found in (ways, _comparable(latest, breaks)))
    reason = np.where(later, "another definition", "no later share")
    return targets.assign(reason=reason)[~followed.to_numpy()]
