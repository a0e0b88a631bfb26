"""What the codes of tables mean in words."""

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
WITHIN_REACH = {
    "by_hiring": "That can be reached by whom the city wins for its posts",
    "not_by_hiring_alone": "No share of those who join is enough: it cannot be reached by hiring alone",
    "reached_anyway": "It is reached whoever joins",
    "cannot_tell": "Whether it can be reached by hiring alone, the data cannot tell",
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
    "no later share": "no share of it after its baseline is known here",
    "another definition": "its baseline was set under another definition than the one that holds now",
}
