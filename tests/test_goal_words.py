"""Sentences on goals: reached or missed, within reach or not, rules side by side, and what the data cannot tell."""

import pandas as pd
import pytest
from test_stockflow import account, target, toolkit
from test_words import BANNED, STAFF, TARGETS, protected, said

from divimpact import goal_words, projection, representation, stockflow, trajectory

NOW = {"period": "2017/2021"}  # the goal of 2025 is ahead
PLAN = target(end="2029")
NONE = TARGETS.head(0).assign(reason="")


def progressed(counted=STAFF, plan=TARGETS, hidden=()):
    shares = representation.shares(counted)
    return protected(pd.concat([shares, trajectory.progress(shares, plan)], ignore_index=True), hidden)


def hiring(counted, plan, growth=0.0, hidden=()):
    found = [stockflow.rates(counted).query("group == 'abroad'")]
    found += [look(counted, plan, growth=growth) for look in (stockflow.required, stockflow.chances)]
    return protected(pd.concat(found, ignore_index=True), hidden)


def short(needs, plan, progress=None, lost=NONE, growth=0.0):
    progress = progressed(STAFF.head(0)) if progress is None else progress
    sentences = said(goal_words.in_short(progress, needs, plan, lost, growth))
    assert not any(word in one.lower() for one in sentences for word in BANNED)
    return sentences


def test_a_goal_out_of_reach_says_the_chance_and_what_it_takes():
    plan = target()
    assert short(hiring(toolkit(staff=50_000, **NOW), plan), plan) == [
        "The goal of 30 % by 2025 for group “abroad” (origin) is out of reach as things are: if people come and go as "
        "in 2017 to 2021 and the staff keeps its size, it is reached in time with a chance of less than 1 in 1,000. It "
        "takes about 73 of every 100 people hired to be of this group, each year; so far 40 of 100 were."
    ]


def test_where_it_is_now_and_where_its_course_ends_is_said_of_a_goal_ahead():
    counted = toolkit(now=400)
    table = pd.concat(
        [
            stockflow.required(counted, PLAN),
            stockflow.chances(counted, PLAN),
            projection.projected(counted, PLAN).query("group == 'abroad'"),
        ],
        ignore_index=True,
    )
    (text,) = short(protected(table), PLAN, progressed())
    assert "Now it is 26.5 %, on the present course 24.4 % (95 % limits " in text and ") then. It takes" in text


def test_a_stated_baseline_that_was_not_counted_is_set_beside_what_was():
    (text,) = short(
        hiring(toolkit(), TARGETS), TARGETS.assign(baseline=0.2), progressed(plan=TARGETS.assign(baseline=0.2))
    )
    assert text.endswith("The plan starts from 20 % in 2021; counted were 18.0 %.")
    (text,) = short(hiring(toolkit(), TARGETS), TARGETS, progressed())
    assert "The plan starts" not in text


@pytest.mark.parametrize(
    ("hired", "how"),
    [
        (0.95, "within reach: if"),
        (0.72, "open: if"),
        (0.67, "unlikely as things are: if"),
        (0.40, "out of reach as things are: if"),
    ],
)
def test_the_chance_decides_how_a_goal_ahead_is_called(hired, how):
    plan = target()
    (text,) = short(hiring(toolkit(hired=hired, **NOW), plan), plan)
    assert f"for group “abroad” (origin) is {how} people come and go" in text


def test_a_missed_goal_says_what_it_would_have_needed_and_what_the_undeclared_leave_open():
    (text,) = short(hiring(toolkit(), TARGETS), TARGETS, progressed())
    assert text == (
        "The goal of 30 % by 2025 for group “abroad” (origin) was missed: at the end of 2025 the share was 26.5 % (265 "
        "of 1,000 declared staff), after 18 % (2021). Of all staff, whoever the undeclared are, it is between 24.1 % "
        "and 33.2 %, so of these the goal may have been reached. It would have needed about 73 of every 100 "
        "people hired to be of this group, each year; from 2021 to 2025 40 of 100 were."
    )
    assert "chance" not in text and "out of reach" not in text


def test_a_reached_goal_is_reached_on_the_day_and_a_near_thing_is_called_one():
    reached = progressed(STAFF.assign(numerator=[180, 300]))
    (text,) = short(hiring(toolkit(), TARGETS), TARGETS, reached)
    assert "was reached: at the end of 2025 the share was 30.0 %" in text and "needed" not in text
    assert (
        "By chance alone such a share may come out anywhere between 27.2 % and 32.9 %, so whether more "
        "than chance brought it to the goal cannot be told." in text
    )
    (text,) = short(hiring(toolkit(), TARGETS), TARGETS, progressed(STAFF.assign(numerator=[180, 299])))
    assert "was missed" in text and "whether more than chance kept it from the goal cannot be told." in text
    (text,) = short(hiring(toolkit(), TARGETS), TARGETS, progressed(STAFF.assign(numerator=[180, 200])))
    assert "was missed" in text and "more than chance" not in text


def test_a_goal_is_judged_at_the_end_of_its_year_not_later():
    later = pd.concat([STAFF, STAFF.tail(1).assign(period="2027", numerator=310, cells=[("x",)])], ignore_index=True)
    (text,) = short(hiring(toolkit(), TARGETS), TARGETS, progressed(later))
    assert "was missed: at the end of 2025 the share was 26.5 %" in text


def test_a_goal_below_the_start_is_reached_from_above():
    plan = TARGETS.assign(baseline=0.4, target=0.27)
    (text,) = short(hiring(toolkit(), plan), plan, progressed(STAFF.assign(numerator=[400, 265]), plan))
    assert "The goal of at most 27 % by 2025 for group “abroad” (origin) was reached" in text
    falling = target(0.4, 0.35)
    (text,) = short(hiring(toolkit(0.08, hired=0.40, now=800, **NOW), falling), falling)
    assert "It takes at most 22 of every 100 people hired to be of this group" in text
    steep = target(0.4, 0.01, end="2022")
    (text,) = short(hiring(toolkit(0.02, hired=0.40, now=800, staff=50_000, **NOW), steep), steep)
    assert "cannot be reached by hiring alone. Even if nobody who joins were of this group" in text


def test_a_goal_beyond_all_hiring_says_when_it_could_be_reached():
    plan = target(end="2024")
    (text,) = short(hiring(toolkit(0.04, staff=50_000, **NOW), plan), plan)
    assert text == (
        "The goal of 30 % by 2024 for group “abroad” (origin) cannot be reached by hiring alone. Even if everyone who "
        "joins were of this group it could be reached only after 3.9 years at the earliest or with 5.1 % leaving each "
        "year."
    )


def test_growth_is_named_and_a_staff_that_shrinks_too_fast_too():
    plan = target()
    (grown,) = short(hiring(toolkit(**NOW), plan, 0.02), plan, growth=0.02)
    assert "if people come and go as in 2017 to 2021 and the staff grows by 2 % a year, it is reached" in grown
    assert short(hiring(toolkit(**NOW), plan, -0.07), plan, growth=-0.07) == [
        "What the goal of 30 % by 2025 for group “abroad” (origin) needs cannot be told: a staff that shrinks by 7 % a "
        "year shrinks faster than people leave it, and nobody has to go."
    ]


def test_a_goal_that_is_hidden_is_named_and_no_number_of_it():
    plan = target(end="2029")
    (ahead,) = short(hiring(toolkit(), plan, hidden=["hire abroad"]), plan)
    assert ahead == (
        "Whether the goal of 30 % by 2029 for group “abroad” (origin) is within reach cannot be shown: it would give "
        "small numbers of people away, or fewer than 60.0 % declared."
    )
    (behind,) = short(hiring(toolkit(), TARGETS), TARGETS, progressed(hidden=["b"]))
    assert behind.startswith("What became of the goal of 30 % by 2025 for group “abroad” (origin) cannot be shown:")


def test_without_flows_the_pace_is_all_there_is_and_without_shares_nothing():
    nothing = protected(representation.shares(STAFF).head(0))
    plan = TARGETS.assign(target_period="2029")
    (text,) = short(nothing, plan, progressed(plan=plan))
    assert text.startswith(
        "Whether the goal of 30 % by 2029 for group “abroad” (origin) is within reach with the turnover"
    )
    assert text.endswith(
        "cannot be told, without flows. At the pace since 2021 the answer is: too few people to tell, anything "
        "from “in time” to “too late”."
    )
    (text,) = short(nothing, plan)
    assert text.endswith("it cannot be told where it stands: neither later shares nor flows are known.")
    assert short(nothing, plan.head(0)) == ["No goal is set here."]


def test_goals_that_cannot_be_followed_are_named_with_the_reason():
    plan = pd.concat([TARGETS, TARGETS, TARGETS], ignore_index=True)
    plan = plan.assign(scope=["city", "Parks", "city"], grade=[None, "leadership", None])
    lost = plan.assign(reason=["no later share", "single unit", "starts with this count"])
    first, second, third = short(hiring(toolkit(), TARGETS), plan, progressed(), lost)
    assert first == (
        "Not followed: the goal of 30 % by 2025 for group “abroad” (origin), from 18 % (2021); no share of it after "
        "its baseline is known here."
    )
    assert second.endswith("in unit Parks in leadership, from 18 % (2021); shares of single units are not shown here.")
    assert third.startswith("The goal of 30 % by 2025 for group “abroad” (origin) was missed")


def test_where_hires_are_hidden_it_is_said_that_who_newly_declared_is_counted_with_them():
    together = {"joined": (220, 550, 330, 550), "left": (86, 1440, 394, 6560)}
    counted, plan = pd.concat([toolkit(now=400), account(**together)], ignore_index=True), target(end="2029")
    (text,) = short(hiring(counted, plan, hidden=["hire abroad", "hire here"]), plan)
    assert "of every 100 people who are hired or newly declare to be of this group" in text
    assert text.endswith("so far 40 of 100 were.")


def test_a_grade_is_joined_not_hired_into():
    flows = {"exit": (60, 2000, 140, 8000), "promotion_out": (40, 0, 60, 0), "hire": (50, 80, 30, 80)}
    flows |= {"promotion_in": (30, 0, 190, 0), "before": (360, 2000, 1640, 2000), "after": (380, 2000, 1620, 2000)}
    plan = target(goal=0.21, end="2029", grade="leadership")
    (text,) = short(hiring(account(**flows).assign(grade="leadership"), plan), plan)
    assert "for group “abroad” (origin) in leadership" in text and "people who join to be of this group" in text
    assert text.endswith("so far 27 of 100 were.")


def test_two_goals_of_a_group_each_have_their_own_answer():
    plan = pd.concat([target(end="2029"), target(0.18, 0.20, end="2028")], ignore_index=True)
    far, near = short(hiring(toolkit(staff=50_000), plan), plan)
    assert "The goal of 30 % by 2029" in far and "out of reach" in far
    assert "The goal of 20 % by 2028" in near and "within reach" in near


def by_rule(table):
    rows = goal_words.rules(table).rows
    (way,) = [name for name in rows[0] if name]
    return way, {row[""]: row[way].replace("\N{NO-BREAK SPACE}", " ") for row in rows}


def test_rules_stand_side_by_side():
    way, rules = by_rule(progressed())
    assert way.replace("\N{NO-BREAK SPACE}", " ") == "“abroad” (origin), 18 % (2021) to 30 % (2025)"
    assert rules == {
        "the share": "26.5 % (23.9 % to 29.3 %) in 2025",
        "part of the way that is gone": "70.8 % (48.8 % to 94.3 %)",
        "the same, whoever the undeclared are": "50.8 % to 126.5 %",
        "the same in log odds": "74.2 % (53.2 % to 95.1 %)",
        "Open SDG: pace over the pace needed": "0.75 (0.54 to 0.95): too few people to tell, anything from “limited "
        "progress” to “on track”",
        "share at the end, if growth goes on": "its year is over",
        "UN progress chart: part of the way gone at the end": "70.8 % (48.8 % to 94.3 %): progress, but not fast "
        "enough",
        "years still to go at the pace so far": "1.6 (0.2 to 4.2): its year is over",
    }


def test_rules_of_a_goal_are_those_at_the_end_of_its_year_and_of_another_definition_there_are_none():
    later = pd.concat([STAFF, STAFF.tail(1).assign(period="2027", numerator=310, cells=[("x",)])], ignore_index=True)
    assert by_rule(progressed(later))[1]["the share"].endswith("in 2025")
    plan = TARGETS.assign(target_period="2029")
    assert by_rule(progressed(later, plan))[1]["the share"].endswith("in 2027")
    shares = representation.shares(later)
    known = trajectory.progress(shares, plan, {"origin": ["2026"]})
    table = protected(pd.concat([shares, known], ignore_index=True))
    assert set(known["period"]) == {"2025"}
    assert "Each way" in goal_words.rules(table) or "no rule" in goal_words.rules(table)


def test_before_the_end_growth_leads_somewhere_and_the_pace_is_judged():
    _, rules = by_rule(progressed(plan=TARGETS.assign(target_period="2027")))
    assert rules["share at the end, if growth goes on"].startswith("32.2 % (27.5 % to 37.4 %)")
    assert rules["years still to go at the pace so far"].endswith("anything from “in time” to “too late”")


@pytest.mark.parametrize(
    ("reached", "bands"),
    [
        (265, "anything from “limited progress” to “on track”"),
        (200, "anything from “moving away from the goal” to “limited progress”"),
    ],
)
def test_where_the_limits_lie_in_two_bands_both_are_named(reached, bands):
    _, rules = by_rule(progressed(STAFF.assign(numerator=[180, reached])))
    assert rules["Open SDG: pace over the pace needed"].endswith(f"too few people to tell, {bands}")


def test_hidden_rules_say_so_and_no_way_has_no_rules():
    _, rules = by_rule(progressed(hidden=["b"]))
    assert set(rules.values()) == {"hidden", "hidden in 2025", "its year is over"}
    shares = protected(representation.shares(STAFF))
    assert goal_words.rules(shares) == "No share is known after the baseline of a goal, so no rule says anything yet."
