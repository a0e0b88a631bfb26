"""Sentences on what lies ahead: needs as needs, what is past as past, chances in words, growth by its name."""

import pandas as pd
import pytest
from test_stockflow import account, graded, promoted, target, toolkit
from test_words import BANNED, protected, said

from divimpact import outlook_words, projection, stockflow

NOW = {"period": "2017/2021"}  # the goal of 2025 is ahead


def without_banned(sentences):
    assert not any(word in sentence.lower() for sentence in sentences for word in BANNED)
    return sentences


def hiring(counted, plan, growth=0.0):
    """The sentences on needs, with shares and chances beside them."""
    found = [stockflow.rates(counted).query("group == 'abroad'")]
    found += [look(counted, plan, growth=growth) for look in (stockflow.required, stockflow.chances)]
    table = protected(pd.concat(found, ignore_index=True))
    return without_banned(said(outlook_words.hiring(table, growth)))


def test_a_goal_ahead_says_need_share_so_far_and_chance():
    assert hiring(toolkit(staff=50_000, **NOW), target()) == [
        "For group “abroad” (origin), from the staff of 2021 to 30 % (2025): about 73 of every 100 people hired (of "
        "those who declare) would have to be of this group, each year to 2025; so far 40 of 100 were. This is below "
        "100 %, so hiring could do it; it is 1.8 times the share so far. The need is 72.7 % (95 % limits 71.7 % to "
        "73.9 %) with the turnover of 2017 to 2021, the share in these years 40.0 % (95 % limits 39.1 % to 40.9 %). "
        "If hiring and leaving go on as in 2017 to 2021, the goal is reached in time with a chance of less than 1 in "
        "1,000."
    ]


def test_a_goal_whose_year_has_passed_says_what_it_would_have_needed_and_nothing_of_reach():
    (text,) = hiring(toolkit(), target())
    assert "about 73 of every 100 people hired (of those who declare) would have had to be of this group" in text
    assert "each year to 2025; in fact 40 of 100 were." in text
    assert not any(word in text for word in ("could", "chance", "would have to be"))


def test_a_baseline_that_lies_behind_says_what_was_needed_and_the_way_from_now_comes_first():
    ahead, behind = hiring(toolkit(), target(end="2029"))
    assert "from the staff of 2025 to 30 % (2029)" in ahead and "hiring could do it" in ahead
    assert "had to be of this group, each year to 2029; in fact 40" in behind and "chance" not in behind


def test_a_falling_goal_is_told_as_the_most_that_could_be():
    ahead = hiring(toolkit(0.08, hired=0.40, now=800, **NOW), target(0.4, 0.35))
    assert ahead[0].startswith(
        "For group “abroad” (origin), from the staff of 2021 to at most 35 % (2025): at most 22 of"
    )
    assert "every 100 people hired (of those who declare) could be of this group" in ahead[0]
    assert "This is above 0 %, so hiring could do it." in ahead[0] and "times the share" not in ahead[0]
    steep = hiring(toolkit(0.02, hired=0.40, now=800, staff=50_000, **NOW), target(0.4, 0.01, end="2022"))
    assert "Even if nobody who joins is of this group it is not enough" in steep[0]


def test_growth_is_named_and_a_staff_that_shrinks_too_fast_too():
    (grown,) = hiring(toolkit(**NOW), target(), 0.02)
    assert "with the turnover of 2017 to 2021 and a staff that grows by 2 % a year," in grown
    assert "go on as in 2017 to 2021 and the staff grows by 2 % a year, the goal" in grown
    lost = projection.projected(toolkit(), target(), ahead=2, growth=-0.07)
    assert said(outlook_words.scenarios(protected(lost), -0.07)) == [
        "A staff that shrinks by 7 % a year shrinks faster than people leave it: where such a share is going cannot be "
        "told."
    ]
    shrunk = hiring(toolkit(**NOW), target(), -0.07)
    assert shrunk == [
        "For group “abroad” (origin), from the staff of 2021 to 30 % (2025): a staff that shrinks by 7 % a year "
        "shrinks faster than people leave it, and nobody has to go. So what the goal needs cannot be told."
    ]


def test_a_goal_beyond_all_hiring_says_when_it_could_be_reached():
    (text,) = hiring(toolkit(0.04, staff=50_000, **NOW), target(end="2024"))
    assert "more than all people hired (of those who declare) would have to be of this group" in text
    assert "No share of those who join is enough: it cannot be reached by hiring alone." in text
    assert "could be reached only after 3.9 years at the earliest or with 5.1 % leaving each year." in text


def test_without_a_goal_or_without_flows_the_reason_is_told():
    assert hiring(toolkit(), target().iloc[:0]) == ["No goal is set for those whose turnover is known."]
    empty = protected(stockflow.required(toolkit(), target().iloc[:0]))
    assert outlook_words.hiring(empty) == "Without flows it cannot be told what a goal needs of hiring."


def test_a_goal_that_is_hidden_is_named_and_no_number_of_it():
    hidden = protected(stockflow.required(toolkit(), target(end="2029")), hidden=["hire abroad"])
    second, first, third = said(outlook_words.hiring(hidden))
    assert first == (
        "What the goal of 30 % (2029) for group “abroad” (origin) would have needed of hiring cannot be shown here: "
        "that would give away small numbers of people, or too few declared."
    )
    assert second.startswith("Whether the goal of 30 % (2029) for group “abroad” (origin) is within reach cannot be")
    assert "figures are hidden" in third
    for say in (outlook_words.hiring, outlook_words.milestones, outlook_words.scenarios):
        assert "For group" not in say(hidden)


def test_milestones_are_the_honest_way_and_the_year_of_arrival_has_limits():
    found = stockflow.required(toolkit(), target())
    assert without_banned(said(outlook_words.milestones(protected(found)))) == [
        "For group “abroad” (origin), from 18 % (2021) to 30 % (2025): the milestones on the way with a steady need "
        "were 21.3 % in 2022, 24.4 % in 2023, 27.3 % in 2024 and 30.0 % in 2025; at today's rates this path reaches "
        "the goal in 2034 (95 % limits 2030 to 2044); if all rates stay, the share moves towards 40.0 % (95 % limits "
        "33.4 % to 47.4 %)."
    ]


@pytest.mark.parametrize(
    ("hired", "staff", "goal", "said_of"),
    [
        (0.2, 2000, 0.30, "today's rates never lead to the goal"),
        (0.29, 2000, 0.30, "whether today's rates ever lead to the goal the data cannot tell: in 2042 at the earliest"),
        (0.4, 2000, 0.17, "the goal is reached already"),
        (0.31, 2000, 0.30, "to never)"),
    ],
)
def test_never_is_said_only_where_both_limits_say_so(hired, staff, goal, said_of):
    plan = target(0.15, goal, end="2025")
    text = outlook_words.milestones(protected(stockflow.required(toolkit(hired=hired, staff=staff, **NOW), plan)))
    assert said_of in text and ("never reached" not in text)


def test_scenarios_stand_side_by_side_in_the_year_of_the_goal():
    found = projection.projected(toolkit(), target(start="2025", end="2028"), ahead=5).query("group == 'abroad'")
    (text,) = said(outlook_words.scenarios(protected(found)))
    assert text.startswith("For group “abroad” (origin), goal 30 % (2028), at the end of 2028: 21.7 % (95 % limits ")
    assert text.endswith(
        "with hiring and leaving as so far, 21.7 % with the same exit rate for everyone and 30.0 % with the hiring "
        "that the goal needs."
    )
    beyond = projection.projected(toolkit(), target(goal=0.9, start="2025", end="2028")).query("group == 'abroad'")
    (text,) = said(outlook_words.scenarios(protected(beyond)))
    assert "goal 90 % (2028), at the end of 2028:" in text and "; no share of those who are hired leads there." in text
    found = projection.projected(toolkit(), target(), ahead=2, growth=0.02).query("group == 'abroad'")
    (text,) = said(outlook_words.scenarios(protected(found), 0.02))
    assert "at the end of 2027, in a staff that grows by 2 % a year: 21.3 % (95 % limits" in text


def test_grades_are_followed_as_people_rise():
    found = projection.pipeline(graded(), promoted(), ["senior"], ahead=1)
    sentences = without_banned(said(outlook_words.pipeline(protected(found).where(grade="leadership"))))
    assert len(sentences) == 2
    assert sentences[0].startswith(
        "For group “abroad” (origin) in leadership: 20.9 % (95 % limits 18.5 % to 23.6 %) by"
    )
    assert all("(95 % limits" in one and "if everyone left and rose alike" in one for one in sentences)
    grown = outlook_words.pipeline(protected(found).where(grade="leadership"), 0.02)
    assert "if all rates stay and 2\N{NO-BREAK SPACE}% more are hired each year" in grown


def test_two_targets_of_a_group_each_have_their_own_years_and_chances():
    wide = {"18 % (2021) to 30 % (2029)": (0.40, 8.0, None), "staff of 2025 to 30 % (2029)": (0.60, 3.5, 0.26)}
    rows = [
        {"measure": measure, "detail": f"{detail}{more}", "estimate": value}
        for detail, (need, wait, chance) in wide.items()
        for measure, more, value in [
            ("required_hire_share", "", need),
            ("years_at_present", "", wait),
            ("long_run_share", "", 0.35),
            *([("chance_of_target", ", rates uncertain", chance)] if chance else []),
        ]
    ]
    held = {"measure": "hire_share", "detail": "of declared hires", "estimate": 0.3}
    table = pd.DataFrame([*rows, held]).assign(period="2021/2025", dimension="origin", group="abroad")
    table["verdict"] = "by_hiring"
    table["cells"] = [("a",)] * len(table)
    table = protected(table.assign(conf_low=float("nan"), conf_high=float("nan")))
    ahead, behind = said(outlook_words.hiring(table))
    assert "about 60 of every 100" in ahead and "it is 2.0 times the share so far" in ahead
    assert "with a chance of about 3 in 10 (26.0 %)." in ahead
    assert "about 40 of every 100" in behind and "chance" not in behind
    (ahead,) = said(outlook_words.milestones(table))
    assert "from the staff of 2025" in ahead and "reaches the goal in 2029; if" in ahead, "the way from now says when"


def test_where_hires_are_hidden_it_is_said_that_who_newly_declared_is_counted_with_them():
    together = {"joined": (220, 550, 330, 550), "left": (86, 1440, 394, 6560)}
    counted = pd.concat([toolkit(now=400), account(**together)], ignore_index=True)
    found = [look(counted, target(end="2029")) for look in (stockflow.required, stockflow.chances)]
    found.append(stockflow.rates(counted).query("group == 'abroad'"))
    table = protected(pd.concat(found, ignore_index=True), hidden=["hire abroad", "hire here"])
    ahead = without_banned(said(outlook_words.hiring(table)))[0]
    assert "of every 100 people who are hired or newly declare (of those who declare)" in ahead
    assert "so far 40 of 100 were" in ahead
    assert "The two are taken together, since one would give small numbers of the other away." in ahead


def test_a_grade_is_joined_not_hired_into():
    flows = {"exit": (60, 2000, 140, 8000), "promotion_out": (40, 0, 60, 0), "hire": (50, 80, 30, 80)}
    flows |= {"promotion_in": (30, 0, 190, 0), "before": (360, 2000, 1640, 2000), "after": (380, 2000, 1620, 2000)}
    (text,) = hiring(account(**flows).assign(grade="leadership"), target(grade="leadership"))
    assert "people who join (of those who declare)" in text and "in fact 27 of 100 were" in text
