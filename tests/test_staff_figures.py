"""Figures on turnover, change and grades: what is drawn is what the table holds, and what it means stands beside it."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from test_figures import inside, key, texts
from test_staff_words import BESIDE, LADDER, STAFF
from test_stockflow import target, toolkit
from test_words import protected

from divimpact import change, projection, representation, staff_figures, stockflow


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
        detail=["of declared staff", "today's hiring", "21 % (2023) to 30 % (2027)"]
    )
    axes = staff_figures.outlook(table, plan, source="made up")
    wide, narrow = (band.get_paths()[0].get_extents() for band in axes.collections if band.get_label().endswith("stay"))
    assert narrow.y1 < wide.y1
    path = table.where(measure="projected_share").frame
    last = path[path["period"] == "2027"].set_index("confidence")
    assert wide.y1 == pytest.approx(last.loc[0.95, "conf_high"])
    assert narrow.y1 == pytest.approx(last.loc[0.80, "conf_high"])
    assert line(axes, "expected, if all rates stay").get_ydata()[-1] == pytest.approx(last["estimate"].iloc[0])
    assert line(axes, "way to the goal with a steady need").get_ydata()[-1] == pytest.approx(0.30)
    assert list(line(axes, "straight line to the goal").get_ydata()) == [0.21, 0.30]
    assert texts(axes)[0].replace("\n", " ").endswith("of declared staff by the end of 2027, if all rates stay")
    assert inside(axes)


def test_no_line_of_the_outlook_runs_across_a_change_of_definition():
    axes = staff_figures.outlook(of_group(representation.shares(STAFF)), target(), ["2022"])
    assert not [one for one in axes.get_lines() if {2022, 2024} <= set(np.round(one.get_xdata(), 6))]
    assert "another definition from 2022" in key(axes)
    assert "straight line to the goal" not in key(axes), "its baseline is of another definition"


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
    assert "more than all: not by hiring alone" in key(axes)
    assert "72.7" in texts(axes)[0] and "hire " not in " ".join(texts(axes)).lower()
    assert inside(axes)
    table = protected(pd.concat(found).query("group == 'abroad'"), hidden=["hire abroad"])
    assert "hidden" in staff_figures.turnover(table).figure.get_label()


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
