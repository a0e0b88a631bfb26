"""What the codes of tables mean: in words, and the bands of a ratio to which they belong."""

from math import inf

BANDS = {  # of rules: from which ratio on a verdict holds
    "open_sdg": {"moving_away": -inf, "limited_progress": 0.0, "acceleration_needed": 0.60, "on_track": 0.95},
    "un_progress_chart": {"stagnation_or_regression": -inf, "acceleration_needed": 0.10, "on_track": 0.95},
}
VERDICTS = {
    "on_track": "on track",
    "acceleration_needed": "progress, but not fast enough",
    "limited_progress": "limited progress",
    "moving_away": "moving away from the goal",
    "stagnation_or_regression": "standing still or going back",
    "reached": "reached",
    "in_time": "in time",
    "too_late": "too late",
    "never": "never, at that pace",
    "cannot_tell": "the limits lie in more than one band, so the data cannot tell",
}
WITHIN_REACH = {  # of a goal above the start, and of one below
    "by_hiring": ("This is below 100 %, so hiring could do it", "This is above 0 %, so hiring could do it"),
    "not_by_hiring_alone": (
        "No share of those who join is enough: it cannot be reached by hiring alone",
        "Even if nobody who joins is of this group it is not enough: it cannot be reached by hiring alone",
    ),
    "reached_anyway": ("It is reached whoever joins",) * 2,
    "cannot_tell": ("Whether it can be reached by hiring alone, the data cannot tell",) * 2,
}
REASONS_OF_CHANGE = {
    "from_hires": "who was hired",
    "from_exits": "who left",
    "from_promotions": "who moved between grades",
    "from_transfers": "who moved between units",
    "from_redeclaration": "who newly declared",
    "unexplained": "not explained by the flow table",
}
TRIGGERS = {
    "us_doj": "two standard deviations below the benchmark (with fewer than 30 staff one whole person)",
    "gap_filter": "at least three persons missing and at most 80 % of the benchmark",
}
REASONS = {
    "starts with this count": "it starts with this count, so no part of its way is gone yet",
    "single unit": "shares of single units are not shown here",
    "no later share": "no share of it after its baseline is known here",
    "another definition": "its baseline was set under another definition than the one that holds now",
}
