"""Figures on turnover, change and grades: what is drawn is what the table holds, and what it means stands beside it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from test_benchmark_words import BESIDE, STAFF
from test_figures import inside, key, texts
from test_ladder_words import LADDER
from test_stockflow import account, target, toolkit
from test_words import protected

from divimpact import change, projection, representation, staff_figures, stockflow
from divimpact.drawing import GREY


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def of_group(frame):
    return protected(frame[frame["group"] == "abroad"])


def line(axes, label):
    return next(one for one in axes.get_lines() if one.get_label() == label)


def test_outlook_draws_share_fan_honest_way_and_straight_line():
    plan = target(start="2023", baseline=0.21, end="2027")
    found = [representation.shares(STAFF), projection.projected(toolkit(period="2019/2023", now=420), plan, ahead=4)]
    found.append(stockflow.required(toolkit(period="2019/2023", now=420), plan).query("measure == 'milestone'"))
    table = of_group(pd.concat(found, ignore_index=True)).where(
        detail=["of declared staff", "today's hiring", "staff of 2023 to 30 % (2027)"]
    )
    axes = staff_figures.outlook(table, plan, source="made up")
    wide, narrow = (band.get_paths()[0].get_extents() for band in axes.collections if band.get_label().endswith("stay"))
    assert narrow.y1 < wide.y1
    path = table.where(measure="projected_share").frame
    last = path[path["period"] == "2027"].set_index("confidence")
    assert wide.y1 == pytest.approx(last.loc[0.95, "conf_high"])
    assert narrow.y1 == pytest.approx(last.loc[0.80, "conf_high"])
    assert line(axes, "expected, if all rates stay").get_ydata()[-1] == pytest.approx(last["estimate"].iloc[0])
    steady = line(axes, "what the goal needs from today, year by year")
    assert steady.get_ydata()[[0, -1]] == pytest.approx([0.21, 0.30]), "it starts at the last share"
    assert "goal 30.0" in " ".join(text.get_text() for text in axes.texts)
    assert list(line(axes, "straight line to the goal").get_ydata()) == [0.21, 0.30]
    assert texts(axes)[0].replace("\n", " ").endswith("of declared staff by the end of 2027, if all rates stay")
    assert inside(axes)


def test_no_line_of_the_outlook_runs_across_a_change_of_definition():
    axes = staff_figures.outlook(of_group(representation.shares(STAFF)), target(), ["2022"])
    assert not [one for one in axes.get_lines() if {2022, 2024} <= set(np.round(one.get_xdata(), 6))]
    assert "another definition from 2022" in key(axes)
    assert "straight line to the goal" not in key(axes), "its baseline is of another definition"


def test_the_way_from_a_baseline_is_grey_and_nothing_is_in_the_key_that_is_not_drawn():
    plan = target(end="2027")
    found = [representation.shares(STAFF), stockflow.required(toolkit(period="2019/2023", now=420), plan)]
    table = of_group(pd.concat(found, ignore_index=True)).where(measure=["share", "milestone"])
    axes = staff_figures.outlook(table, plan, growth=0.02)
    behind, ahead = (
        line(axes, f"what the goal {of}, year by year") for of in ("needed from its baseline", "needs from today")
    )
    assert (behind.get_color(), ahead.get_color()) == (GREY, "black") and behind.get_marker() != ahead.get_marker()
    assert not any("courses" in one or "expected" in one for one in key(axes)), "no projection was given"
    assert "in a staff that grows by 2" in " ".join(texts(axes)).replace("\n", " ")


def test_two_needs_are_told_apart_without_colour_and_one_beyond_the_axis_is_an_arrow():
    counted, plan = toolkit(0.04, staff=50_000, now=9500), target(0.10, 0.40, start="2023", end="2026")
    found = [stockflow.at_turnover(counted, plan), stockflow.required(counted, plan), stockflow.rates(counted)]
    axes = staff_figures.turnover(of_group(pd.concat(found, ignore_index=True)))
    curves = [one for one in axes.get_lines() if str(one.get_label()).startswith("needed from")]
    assert len({one.get_linestyle() for one in curves}) == len({one.get_marker() for one in curves}) == 2
    assert " ".join(texts(axes)[0].split()).endswith("needed to reach 40 % (2026)")
    assert "would" not in texts(axes)[0], "the way from now is named"
    needed = max(one.get_ydata()[one.get_markevery()[0]] for one in curves)
    assert needed > axes.get_ylim()[1] and any("%" in text.get_text() for text in axes.texts)
    near = [stockflow.at_turnover(toolkit(0.04), target(end="2024")), stockflow.required(toolkit(0.04), target())]
    assert staff_figures.turnover(of_group(pd.concat(near))).get_ylim()[1] == 1.5
    assert np.diff(curves[0].get_xdata())[:7] == pytest.approx([0.005] * 7)


def test_a_goal_below_the_start_is_out_of_reach_below_none():
    counted, plan = toolkit(0.06, now=800), target(0.4, 0.3, start="2025", end="2028")
    found = [stockflow.at_turnover(counted, plan), stockflow.required(counted, plan)]
    axes = staff_figures.turnover(of_group(pd.concat(found, ignore_index=True)))
    assert key(axes)[0] == "fewer than none: not by hiring alone"
    assert axes.get_ylim()[0] < 0 and axes.get_ylim()[1] == 1
    assert "at most from staff of 2025 to at most 30 % (2028)" in key(axes)


def test_later_benchmarks_are_not_beside_the_ladder():
    later = BESIDE.assign(period=["2021", "2026"])
    axes = staff_figures.ladder(protected(representation.ladder(LADDER)), later)
    assert not any("labour market" in one for one in key(axes))


def test_what_is_needed_is_drawn_over_turnover_with_the_present_one_marked():
    found = [stockflow.at_turnover(toolkit(), target(), [0.02, 0.04, 0.08]), stockflow.required(toolkit(), target())]
    table = of_group(pd.concat([*found, stockflow.rates(toolkit())], ignore_index=True))
    axes = staff_figures.turnover(table, source="made up")
    curve = line(axes, "needed from 18 % (2021) to 30 % (2025)")
    assert list(curve.get_xdata()) == pytest.approx([0.02, 0.04, 0.06, 0.08])
    assert curve.get_ydata()[2] == pytest.approx(0.727318, abs=5e-7)
    dot = axes.containers[0].lines[0]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == pytest.approx((0.06, 0.727318), abs=5e-7)
    assert line(axes, "share of those who were hired so far").get_ydata()[0] == pytest.approx(0.40)
    assert not any("newly declared" in one for one in key(axes))
    assert "more than all: not by hiring alone" in key(axes)
    assert "72.7" in texts(axes)[0] and "hire " not in " ".join(texts(axes)).lower()
    assert inside(axes)
    table = protected(pd.concat(found).query("group == 'abroad'"), hidden=["hire abroad"])
    assert "hidden" in staff_figures.turnover(table).figure.get_label()


def test_where_hires_are_hidden_the_line_is_that_of_all_who_joined():
    together = account(joined=(220, 550, 330, 550), left=(86, 1440, 394, 6560))
    counted = pd.concat([toolkit(), together], ignore_index=True)
    found = [stockflow.at_turnover(counted, target()), stockflow.required(counted, target()), stockflow.rates(counted)]
    found = pd.concat(found, ignore_index=True).query("group == 'abroad'")
    axes = staff_figures.turnover(protected(found, hidden=["hire abroad", "hire here"]))
    assert line(axes, "share of those hired or newly declared so far").get_ydata()[0] == pytest.approx(220 / 550)
    assert not any("were hired" in one for one in key(axes))


def test_the_ladder_stands_beside_its_benchmarks():
    beside = BESIDE.assign(grade=[None, "middle"])
    table = protected(representation.ladder(LADDER))
    axes = staff_figures.ladder(table, beside, source="made up")
    assert list(axes.containers[0].lines[0].get_xdata()) == pytest.approx([0.3, 0.3, 0.1])
    assert line(axes, "population, 2021").get_xdata()[0] == 0.30
    diamond = line(axes, "labour market, for the grade")
    assert (list(diamond.get_xdata()), list(diamond.get_ydata())) == ([0.215], [1])
    assert texts(axes)[0].replace("\N{NO-BREAK SPACE}", " ") == "abroad: 30.0 % in “basic”, 10.0 % in “senior”"
    assert inside(axes)
    band = staff_figures.ladder(table, BESIDE).patches
    assert [patch.get_width() for patch in band] == pytest.approx([0.03]), "the uncertain benchmark has a band"
    alone = staff_figures.ladder(table, BESIDE.assign(group="here"))
    assert len(alone.get_lines()) == len(axes.containers[0].lines[0:1]) + 2, "dots and the caps of their limits alone"


def test_the_parts_of_a_change_are_drawn_end_to_end():
    table = of_group(change.decomposition(toolkit(now=420)))
    axes = staff_figures.change(table, source="made up")
    bars = axes.patches
    assert bars[0].get_x() == 0 and bars[-1].get_x() == 0
    assert bars[1].get_x() == pytest.approx(bars[0].get_x() + bars[0].get_width())
    assert bars[-1].get_width() == pytest.approx(table.where(measure="change").frame["estimate"].iloc[0])
    ticks = [text.get_text() for text in axes.get_xticklabels()]
    assert len(set(ticks)) == len(ticks), "no two ticks are called the same"
    assert inside(axes)
