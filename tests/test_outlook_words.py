"""Sentences on what lies ahead: needs as needs, what is past as past, chances in words, growth by its name."""

import pandas as pd
import pytest
from test_stockflow import graded, led, promoted, target, toolkit
from test_words import BANNED, protected, said

from divimpact import outlook_words, projection, stockflow

NOW = {"period": "2017/2021"}  # the goal of 2025 is ahead


def without_banned(sentences):
    assert not any(word in sentence.lower() for sentence in sentences for word in BANNED)
    return sentences


def hiring(counted, plan, growth=0.0, hidden=()):
    """What each way needs, with shares and chances beside it, by way."""
    found = [stockflow.rates(counted)]
    looks = (stockflow.required, stockflow.chances, stockflow.at_turnover)
    found += [look(counted, plan, growth=growth) for look in looks]
    table = outlook_words.hiring(protected(pd.concat(found, ignore_index=True), hidden), growth)
    rows = [{one.replace("\N{NO-BREAK SPACE}", " "): two for one, two in row.items()} for row in table.rows]
    ways = [way for way in rows[0] if way]
    return {way: {row[""]: row[way].replace("\N{NO-BREAK SPACE}", " ") for row in rows} for way in ways}


def test_need_share_so_far_and_both_chances_stand_side_by_side():
    (way,) = (found := hiring(toolkit(staff=50_000, **NOW), target()))
    assert way == "“abroad” (origin), from the staff of 2021 to 30 % (2025)"
    assert found[way] == {
        "who joins": "people hired",
        "share needed of them, each year": "72.7 % (71.7 % to 73.9 %)",
        "share of them in these years": "40.0 % (39.1 % to 40.9 %)",
        "left each year, of the group": "6.0 % (5.8 % to 6.3 %)",
        "left each year, of the reference group": "6.0 % (5.9 % to 6.1 %)",
        "possible by hiring alone": "yes",
        "lowest turnover at which it would be": "3.9 % (3.8 % to 3.9 %)",
        "years at the earliest, if everybody who joins were of it": "2.6 (2.5 to 2.6)",
        "chance to be in time, rates uncertain": "below 0.1 %",
        "chance to be in time, rates as estimated": "below 0.1 %",
    }


def test_a_way_that_lies_behind_has_a_need_and_no_chance_and_comes_last():
    (first, ahead), (second, behind) = hiring(toolkit(), target(end="2029")).items()
    assert first.endswith("from the staff of 2025 to 30 % (2029)") and second.endswith("18 % (2021) to 30 % (2029)")
    chance, alone = "chance to be in time, rates uncertain", "possible by hiring alone"
    assert "–" not in (ahead[chance], ahead[alone]) and behind[chance] == behind[alone] == "–"
    assert behind["share of them in these years"].startswith("40.0 %")


def test_a_falling_goal_is_told_as_the_most_that_could_be():
    ((way, said_of_it),) = hiring(toolkit(0.08, hired=0.40, now=800, **NOW), target(0.4, 0.35)).items()
    assert way.endswith("from the staff of 2021 to at most 35 % (2025)")
    assert said_of_it["share needed of them, each year"].startswith("at most 22.")
    assert said_of_it["possible by hiring alone"] == "yes"
    assert "years at the earliest, if nobody who joins were of it" in said_of_it


def test_growth_is_named_in_the_caption():
    found = stockflow.required(toolkit(**NOW), target(), growth=0.02)
    caption = outlook_words.hiring(protected(found), 0.02).caption.replace("\N{NO-BREAK SPACE}", " ")
    assert caption == (
        "What each way to a goal needs, with the turnover of 2017 to 2021 and a staff that grows by 2 % a year, 95 % "
        "limits in brackets"
    )
    lost = projection.projected(toolkit(), target(), ahead=2, growth=-0.07)
    assert said(outlook_words.scenarios(protected(lost), -0.07)) == [
        "Where the share is going cannot be told: a staff that shrinks by 7 % a year shrinks faster than people leave "
        "it, and nobody has to go."
    ]


def test_a_goal_beyond_all_hiring_is_called_that():
    (found,) = hiring(toolkit(0.04, staff=50_000, **NOW), target(end="2024")).values()
    assert found["possible by hiring alone"] == "no, more than all would be needed"
    assert found["years at the earliest, if everybody who joins were of it"].startswith("3.9")


def test_without_a_goal_or_without_flows_the_reason_is_told():
    rates = protected(stockflow.rates(toolkit()))
    assert outlook_words.hiring(rates) == "No goal is set for those whose turnover is known."
    empty = protected(stockflow.required(toolkit(), target().iloc[:0]))
    assert outlook_words.hiring(empty) == "Without flows it cannot be told what a goal needs of hiring."


def test_what_is_hidden_says_so():
    ahead, behind = hiring(toolkit(), target(end="2029"), hidden=["exit abroad"]).values()
    assert ahead["share needed of them, each year"] == behind["share needed of them, each year"] == "hidden"
    assert ahead["possible by hiring alone"] == "–"
    hidden = protected(stockflow.required(toolkit(), target(end="2029")), hidden=["hire abroad"])
    for say in (outlook_words.milestones, outlook_words.scenarios):
        assert "For group" not in say(hidden)


def test_milestones_are_the_honest_way_and_the_year_of_arrival_has_limits():
    found = stockflow.required(toolkit(), target())
    assert without_banned(said(outlook_words.milestones(protected(found)))) == [
        "For group “abroad” (origin), from 18 % (2021) to 30 % (2025): the milestones on the way with a steady need "
        "were 21.3 % in 2022, 24.4 % in 2023, 27.3 % in 2024 and 30.0 % in 2025."
    ], "a way that lies behind was gone otherwise: today's rates lead nowhere from there"
    found = stockflow.required(toolkit(**NOW), target())
    assert without_banned(said(outlook_words.milestones(protected(found)))) == [
        "For group “abroad” (origin), from the staff of 2021 to 30 % (2025): the milestones on the way with a steady "
        "need are 21.3 % in 2022, 24.4 % in 2023, 27.3 % in 2024 and 30.0 % in 2025; at today's rates the share "
        "reaches the goal in 2034 (95 % limits 2030 to 2044); if all rates stay, the share moves in the long run "
        "towards 40.0 % (95 % limits 33.4 % to 47.4 %)."
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
    assert (
        "with hiring and leaving as so far, 21.7 % with the same exit rate for everyone and 30.0 % with the hiring "
        "that the goal needs. Were the rates known exactly, the limits would be "
    ) in text
    beyond = projection.projected(toolkit(), target(goal=0.9, start="2025", end="2028")).query("group == 'abroad'")
    (text,) = said(outlook_words.scenarios(protected(beyond)))
    assert "goal 90 % (2028), at the end of 2028:" in text and "; no share of those who join leads there." in text
    found = projection.projected(toolkit(), target(), ahead=2, growth=0.02).query("group == 'abroad'")
    (text,) = said(outlook_words.scenarios(protected(found), 0.02))
    assert "at the end of 2027, in a staff that grows by 2 % a year: 21.3 % (95 % limits" in text


def test_grades_are_followed_as_people_rise():
    found = projection.pipeline(graded(), promoted(), ["senior"], ahead=1)
    sentences = without_banned(said(outlook_words.pipeline(protected(found).where(grade="leadership"))))
    assert len(sentences) == 2
    assert sentences[0].startswith(
        "For group “abroad” (origin) in leadership, people rising from below at their rates: 20.9 % (95 % limits 18.5 %"
    )
    assert all("(95 % limits" in one and "if everyone left and rose alike" in one for one in sentences)
    plan = target(0.2, 0.22, start="2025", end="2027", grade="leadership")
    aimed = protected(projection.pipeline(led(), promoted(), ["senior"], plan, ahead=3)).where(grade="leadership")
    text = said(outlook_words.pipeline(aimed))[0]
    assert "if everyone left and rose alike. To reach 22 % (2027) it takes about 33 " in text
    assert text.endswith(
        "of every 100 people hired into all grades to be of this group, if promotions keep their rates."
    )
    assert outlook_words.hiring(aimed) == "Without flows it cannot be told what a goal needs of hiring."
    grown = outlook_words.pipeline(protected(found).where(grade="leadership"), 0.02)
    assert "if all rates stay and 2\N{NO-BREAK SPACE}% more are hired each year" in grown
