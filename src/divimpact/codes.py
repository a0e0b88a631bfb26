"""What the codes of tables mean: in words, and the bands of a ratio to which they belong."""

from math import inf

ANSWERED = "of those who answered"  # detail: what shares of a survey are of

TODAY = "today's hiring"  # detail: a course on which all rates stay
TODAY_KNOWN = f"{TODAY}, rates as estimated"
INTO_ALL = "hiring into all grades, "  # how the detail of a need begins that is followed from grade to grade
ENDS = {end: f"benchmark at its {end} end" for end in ("low", "high")}  # detail: of an uncertain benchmark

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
WITHIN_REACH = {  # of a goal above the start, and of one below: what its need of hiring says
    "by_hiring": ("yes", "yes"),
    "not_by_hiring_alone": ("no, more than all would be needed", "no, not even with none"),
    "reached_anyway": ("it is reached whoever joins",) * 2,
    "cannot_tell": ("the data cannot tell",) * 2,
}
REASONS_OF_CHANGE = {
    "from_hires": "who was hired",
    "from_exits": "who left",
    "from_promotions": "who moved between grades",
    "from_transfers": "who moved between units",
    "from_redeclaration": "who newly declared",
    "from_joining": "who joined or newly declared",
    "from_leaving": "who left or no longer declares",
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
RULES = {  # of comparisons in recruitment
    "fisher_holm": "Fisher’s exact test",
    "fisher_mid_holm": "the mid-p of Fisher’s test",
    "boschloo_holm": "Boschloo’s exact test",
    "fisher": "Fisher’s exact test, not adjusted",
    "fisher_bh": "Fisher’s exact test, adjusted over units",
    "cmh_holm": "the test within vacancies",
    "four_fifths": "four fifths of the reference’s rate",
    "two_standard_deviations": "two standard deviations below the reference",
    "crude_and_pooled": "all vacancies together beside the same vacancies",
    "worst_case": "the undeclared at either end",
    "asked_later": "declared only after having passed",
    "one_person": "one person more or fewer",
    "around_city": "limits around the city",
}
CONCLUSIONS = {  # of the same
    "lower": "lower than chance would explain",
    "higher": "higher than chance would explain",
    "cannot_tell": "and the data cannot tell whether chance explains that",
    "triggered": "calls for a closer look",
    "not_triggered": "calls for no closer look",
    "agree": "both say the same",
    "disagree": "the two give different answers",
    "survives": "so the conclusion stands",
    "depends": "so the conclusion depends on who they are",
    "asked_later": "people may have been asked only after they had passed",
    "no_sign": "no sign that people were asked only after they had passed",
    "stands": "one person does not turn it round",
    "below": "so it passes fewer than chance explains",
    "above": "so it passes more than chance explains",
    "within": "so the difference may be chance",
}
RULES_OF_USE = {
    "fisher_bh": "Fisher's exact test, adjusted over services and groups",
    "simpson": "all together beside the same districts",
    "control_limits": "limits around the city's rate",
    "randomisation_exact": "of all ways to choose the districts, the share that shows as much",
    "randomisation_drawn": "the same, of ways drawn at random",
    "randomisation_exact_holm": "the same, adjusted over groups or over gaps",
    "randomisation_drawn_holm": "the same, of ways drawn at random, adjusted over groups or over gaps",
    "normal": "the normal distribution, as there are many districts",
    "normal_holm": "the same, adjusted over groups or over gaps",
    "interrupted_time_series": "use since the start beside its own course before",
}
CONCLUSIONS_OF_USE = {
    "lower": "lower by more than chance would explain",
    "higher": "higher by more than chance would explain",
    "cannot_tell": "the data cannot tell",
    "reversed": "all together and the same districts point in opposite directions",
    "same_direction": "both point in the same direction",
    "below": "under the limits",
    "within": "between the limits",
    "above": "over the limits",
}


def mark(share: float, period: str) -> str:
    """Name a baseline or a target as the column ``detail`` does.

    >>> mark(0.185, "2025")
    '18.5 % (2025)'
    """
    return f"{100 * share:.4g} % ({period})"
