"""Figures draw what the protected table holds: limits, parity, gaps; labelled, described, in stated order."""

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from test_words import FUNNEL, STAFF, TARGETS, protected

from divimpact import (
    drawing,
    effect_figures,
    funnel,
    funnel_figures,
    places,
    publish,
    representation,
    staff_figures,
    unevenness,
    uptake,
    uptake_figures,
    waiting,
)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def texts(axes):
    return [text.get_text() for text in np.ravel(axes)[0].figure.texts]


def key(axes):
    return [text.get_text() for text in np.ravel(axes)[0].figure.legends[0].get_texts()]


def inside(axes):
    """Whether every text lies inside the figure and none of the words at its head lies over another."""
    figure = np.ravel(axes)[0].figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in figure.texts if text.get_text()]
    boxes += [legend.get_window_extent() for legend in figure.legends]
    whole = figure.bbox
    fits = all(b.x0 >= whole.x0 and b.x1 <= whole.x1 and b.y0 >= whole.y0 and b.y1 <= whole.y1 for b in boxes)
    apart = not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    return fits and apart


def test_trajectory_draws_shares_limits_and_the_way_to_the_goal():
    table = protected(representation.shares(STAFF))
    axes = staff_figures.trajectory(table, TARGETS, source="made up")
    line, *_ = axes.get_lines()
    assert line.get_ydata() == pytest.approx([0.18, 0.265])
    assert line.get_xdata() == pytest.approx([2022, 2026])  # a period stands at its end
    way = next(line for line in axes.get_lines() if line.get_linestyle() == "--")
    assert (list(way.get_xdata()), list(way.get_ydata())) == ([2022, 2026], [0.18, 0.3])
    low, high = table.where(measure="share").frame[["conf_low", "conf_high"]].iloc[1]
    whiskers = axes.containers[0].lines[2][0].get_segments()[1]
    assert whiskers[:, 1] == pytest.approx([low, high])
    assert texts(axes)[0] == "abroad: 26.5\N{NO-BREAK SPACE}% of staff in 2025"
    assert texts(axes)[-1] == "Source: made up."
    assert set(key(axes)) == {"abroad", "straight line to the goal", "abroad, of all staff, whoever the undeclared are"}
    assert inside(axes)


def test_no_line_runs_across_a_change_of_definition():
    table = protected(representation.shares(STAFF))
    lines = [
        line for line in staff_figures.trajectory(table, TARGETS.head(0), ["2023"]).get_lines() if len(line.get_xdata())
    ]
    assert not [line for line in lines if {2022, 2026} <= set(np.round(line.get_xdata(), 6))]
    axes = staff_figures.trajectory(table, TARGETS.head(0), ["2023"])
    assert "another definition from 2023" in key(axes)


def test_a_definition_that_changes_within_a_period_breaks_the_line_before_it():
    axes = staff_figures.trajectory(protected(representation.shares(STAFF)), TARGETS, ["2025-07-01"])
    upright = next(line for line in axes.get_lines() if line.get_linestyle() == ":")
    assert upright.get_xdata() == pytest.approx([2024, 2024]), "between the ends of 2021 and 2025"
    assert not [line for line in axes.get_lines() if line.get_linestyle() == "--"], "its baseline is of another one"
    assert [len(band.get_paths()) for band in axes.collections[-2:]] == [1, 1], "nor does the band of bounds cross it"


def test_published_shares_are_not_called_declared_and_have_no_limits():
    printed = pd.DataFrame({"period": ["2020", "2021"], "dimension": "origin", "group": "abroad", "share": [0.1, 0.2]})
    table = protected(representation.published_shares(printed.assign(cells=[("a",), ("b",)])))
    assert (
        texts(staff_figures.trajectory(table, TARGETS.head(0)))[1]
        == "Share of staff as published at the end of each period"
    )
    table = protected(representation.shares(STAFF))
    assert texts(staff_figures.trajectory(table, TARGETS))[1] == (
        "Share of declared staff at the end of each period, with limits"
    )


def test_shares_of_a_survey_are_of_those_who_answered():
    asked = pd.DataFrame({"period": ["2025"], "dimension": "origin", "group": "abroad", "share": 0.2, "base": 900})
    found = representation.surveyed_shares(asked.assign(staff=2200, cells=[("a",)]))
    axes = staff_figures.trajectory(protected(found), TARGETS)
    assert texts(axes)[1].startswith("Share of those who answered at the end of each period, with limits")


def test_targets_of_other_groups_and_grades_are_not_drawn():
    others = pd.concat(
        [TARGETS.assign(group="none"), TARGETS.assign(grade="leadership"), TARGETS.assign(scope="Parks")]
    )
    axes = staff_figures.trajectory(protected(representation.shares(STAFF)), others)
    assert not [line for line in axes.get_lines() if line.get_linestyle() == "--"]


def test_a_hidden_share_leaves_a_gap_and_a_note():
    axes = staff_figures.trajectory(protected(representation.shares(STAFF), hidden=["a"]), TARGETS.head(0))
    assert np.isnan(axes.get_lines()[0].get_ydata()[0])
    assert "hidden" in texts(axes)[-1]


def test_pass_rates_stand_in_stated_order_with_the_reference_in_grey():
    axes = funnel_figures.pass_rates(protected(funnel.stages(FUNNEL)))
    assert [label.get_text() for label in axes.get_yticklabels()] == ["shortlisted", "overall"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first stage is on top"
    colours = {bar.get_label(): bar.lines[0].get_color() for bar in axes.containers}
    assert colours == {"BME": drawing.COLOURS[0], "White": drawing.GREY}
    markers = {bar.lines[0].get_marker() for bar in axes.containers}
    assert len(markers) == 2, "never colour alone"
    assert axes.containers[0].lines[0].get_xdata() == pytest.approx([10 / 43, 2 / 43])
    assert inside(axes)


def test_impact_ratios_draw_parity_and_four_fifths_and_stay_on_the_axis():
    nobody = FUNNEL.assign(numerator=[0, 389, 0, 117])
    axes = funnel_figures.impact_ratios(protected(funnel.stages(nobody)))
    uprights = [
        line.get_xdata()[0]
        for line in axes.get_lines()
        if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2
    ]
    assert {0.8, 1} <= set(uprights)
    drawn = axes.containers[0].lines[0].get_xdata()
    assert (drawn >= axes.get_xlim()[0]).all(), "a ratio of 0 stands at the edge of a logarithmic axis"
    assert inside(axes)


def test_a_ratio_beyond_the_axis_is_an_arrow_with_its_value():
    axes = funnel_figures.impact_ratios(protected(funnel.stages(FUNNEL.assign(numerator=[0, 389, 40, 10]))))
    assert axes.containers[0].lines[0].get_markevery() == [], "no marker stands where the ratio is not"
    arrows = {line.get_marker(): line.get_xdata()[0] for line in axes.get_lines() if line.get_marker() in ("<", ">")}
    assert arrows == {"<": axes.get_xlim()[0], ">": axes.get_xlim()[1]}
    assert [text.get_text() for text in axes.texts] == ["0.00", "85.58"]
    assert "an arrow is a ratio beyond the axis; limits go on at its edge" in texts(axes)[1].replace("\n", " ")
    axes = funnel_figures.impact_ratios(protected(funnel.stages(FUNNEL)))
    assert axes.containers[0].lines[0].get_markevery() == [0, 1] and "arrow" not in texts(axes)[1]


def test_uptake_has_a_panel_for_each_service():
    rows = [
        {"period": period, "service": service, "dimension": "origin", "group": group, "reference": "none"}
        for period in ("2024-Q1", "2024-Q2")
        for service in ("Library", "Pool", "Advice")
        for group in ("none", "abroad")
    ]
    counts = pd.DataFrame(rows).assign(numerator=range(50, 62), denominator=200, cells=[(f"c{i}",) for i in range(12)])
    panels = uptake_figures.rates(protected(uptake.rates(counts)))
    assert [axes.get_title() for axes in panels.flat if axes.get_visible()] == ["Library", "Pool", "Advice"]
    assert panels[0, 0].get_lines()[0].get_ydata() == pytest.approx([0.25, 0.28])
    assert texts(panels)[1] == "Users of 100 eligible people in each period, with limits (the bands)"
    uses = uptake_figures.rates(protected(uptake.rates(counts.assign(counted="uses"))))
    assert texts(uses)[1] == "Uses of 100 possible ones in each period, with limits (the bands)"
    assert inside(panels)


def test_districts_lie_beside_limits_around_the_city_in_their_order():
    rows = [(service, place) for service in ("advice", "library", "pool") for place in ("North", "East", "South")]
    parts = pd.DataFrame(rows, columns=["service", "district"]).assign(
        period="2025", dimension="origin", group="abroad"
    )
    parts = parts.assign(reference="abroad", numerator=range(50, 59), denominator=200, cells=[("a",)] * 9)
    keys = ["service", "period", "dimension", "group", "reference"]
    totals = parts.groupby(keys)[["numerator", "denominator"]].sum().reset_index().assign(cells=[("a",)] * 3)
    panels = uptake_figures.around_city(protected(places.around_city(parts, totals)), source="made up")
    assert [axes.get_title() for axes in panels] == ["advice", "library", "pool"]
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["North", "East", "South"]
    assert panels[0].get_ylim()[0] > panels[0].get_ylim()[1], "the first is on top"
    outer, inner, rates = panels[0].get_lines()
    assert rates.get_xdata() == pytest.approx([0.25, 0.255, 0.26])
    assert np.nanmin(outer.get_xdata()) < np.nanmin(inner.get_xdata()) < 0.25
    assert key(panels) == ["99.8 % limits around the city's rate", "95 % limits around the city's rate"] + [
        "rate of the district"
    ]
    assert texts(panels)[0] == "None of 9 district rates lies clearly off the city's" and inside(panels)
    assert "advice, North 25.0" in panels[0].figure.get_label()


def test_strata_and_event_study_draw_groups_with_limits():
    from test_uptake_words import course, found_by, use

    parts, totals = use(0.05)
    parts["numerator"] += [0, 40, 10, 5, 3, 2, 30, 10, 0, 0, 5, 1, 2, 3, 9, 8, 7, 0, 0, 9, 20, 4, 1, 1]
    totals["numerator"] = parts.groupby("group", sort=False)["numerator"].sum().to_numpy()
    panels = uptake_figures.strata(protected(unevenness.over_strata(parts, totals)))
    assert key(panels) == ["abroad", "here"] and len(panels) == 1 and inside(panels)
    assert texts(panels)[0].startswith("Between districts and groups the odds of use differ\nby a factor of")
    table, _ = found_by(*course())
    panels = effect_figures.event_study(table, source="made up")
    assert [axes.get_title() for axes in panels] == ["Use of advice", "Gap in use of advice to the reference group"]
    alt = panels[0].figure.get_label()
    assert "abroad, event time +1; +5" in alt and "The gap to the reference group. abroad, event" in alt
    assert "nan" not in alt, "everyone is not drawn"
    spans, line = panels[0].get_lines()[:2]
    assert np.isnan(line.get_ydata()).sum() == 1, "broken at the period with which all are compared"
    assert np.nanmax(line.get_ydata()) == pytest.approx(0.05, abs=0.01)
    assert len(spans.get_xdata()) == 3 * len(line.get_xdata()) and inside(panels)
    assert texts(panels)[0].startswith("“letters”: use by “abroad” +") and key(panels) == ["abroad", "here"]


ODD = [
    "$x_{",
    "_hidden",
    "two\nlines",
    "漢字",
    "a name that is much longer than any other, as names of offices are " * 2,
]


def test_names_are_drawn_as_they_are_whatever_they_hold(recwarn):
    names = [*ODD, "none"]
    rows = [(period, service, group) for period in ("2024", "2025") for service in names for group in names]
    counts = pd.DataFrame(rows, columns=["period", "service", "group"]).assign(dimension="$o_{", reference="none")
    counts = counts.assign(numerator=50, denominator=200, cells=[(f"c{i}",) for i in range(len(rows))])
    funnels = counts.rename(columns={"service": "stage"}).query("period == '2024'").drop(columns="period")
    staff = counts.query("service == 'none'").drop(columns="service")
    drawn = [
        uptake_figures.rates(protected(uptake.rates(counts)), source="$x_{"),
        funnel_figures.pass_rates(protected(funnel.stages(funnels)), source="$x_{"),
        funnel_figures.impact_ratios(protected(funnel.stages(funnels)), source="$x_{"),
        staff_figures.trajectory(protected(representation.shares(staff)), TARGETS, source="$x_{"),
    ]
    for axes in drawn:
        assert {"$x_{", "_hidden", "漢字"} <= set(key(axes))
        with warnings.catch_warnings(action="ignore"):
            assert axes is drawn[0] or inside(axes)
        publish.figure(axes, "odd")
    said = [str(warning.message) for warning in recwarn if warning.category is not ResourceWarning]  # of other tests
    assert not said, "a warning would stand on the page, with a path"


def test_no_two_groups_look_alike():
    looks = dict(drawing.looks([f"group {i}" for i in range(20)], pd.DataFrame()))
    assert len({tuple(look.values()) for look in looks.values()}) == 20


def test_long_names_of_services_stand_apart():
    service = "Office for advice to people who have come from elsewhere, number"
    rows = [(f"{service} {i}", group) for i in range(4) for group in ("none", "abroad")]
    counts = pd.DataFrame(rows, columns=["service", "group"]).assign(period="2025", dimension="o", reference="none")
    counts = counts.assign(numerator=50, denominator=200, cells=[(f"c{i}",) for i in range(8)])
    panels = uptake_figures.rates(protected(uptake.rates(counts)))
    panels[0, 0].figure.canvas.draw()
    boxes = [axes.title.get_window_extent() for axes in panels.flat]
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])
    assert len(panels[0, 0].containers[0].lines[2][0].get_segments()) == 1, "a single period has whiskers for a band"
    assert all(axes.get_window_extent().height > 50 for axes in panels.flat)


def test_the_way_to_a_hire_is_drawn_by_group_and_a_hidden_day_leaves_no_mark():
    days = pd.DataFrame({"days": [10, 20, 30, 10, 20, 30], "outcome": ["hired"] * 3 + ["rejected"] * 3})
    ended = days.merge(pd.DataFrame({"group": ["abroad", "here"]}), how="cross").assign(dimension="origin")
    ended = ended.assign(reference="here", role="group", numerator=[5, 10, 5, 10, 5, 20, 10, 5, 10, 5, 10, 5])
    found = waiting.on_the_way(ended.assign(denominator=ended["numerator"]), None, [15, 30])
    hidden = (found["group"] == "abroad") & found["detail"].str.endswith("15 days")
    table = protected(found.assign(cells=[("b" if one else "a",) for one in hidden]), hidden=["b"])
    upper, lower = funnel_figures.outcomes(table, source="made up")
    assert upper.containers[1].lines[0].get_ydata() == pytest.approx([10 / 55, 40 / 55])  # here
    assert upper.containers[0].lines[0].get_ydata() == pytest.approx([15 / 45])
    assert lower.containers[0].lines[0].get_ydata() == pytest.approx([30 / 45])
    assert [tick.get_text() for tick in lower.get_xticklabels()] == ["15", "30"] and inside([upper, lower])
    assert texts(upper)[0].startswith("Within 30 days, 33.3 % of “abroad”".replace(" %", "\N{NO-BREAK SPACE}%"))
    alt = upper.figure.get_label()
    assert "abroad, hired within 30 days 33.3" in alt and "abroad, hired within 15" not in alt and "hidden" in alt


@pytest.mark.parametrize("draw", [funnel_figures.pass_rates, funnel_figures.impact_ratios])
def test_alt_text_holds_every_shown_value_and_no_hidden_one(draw):
    alt = draw(protected(funnel.stages(FUNNEL))).figure.get_label()
    assert "shortlisted, BME" in alt and "overall, BME" in alt
    alt = draw(protected(funnel.stages(FUNNEL), hidden=["cell 0"])).figure.get_label()
    assert "shortlisted, BME" not in alt and "overall, BME" in alt and "hidden" in alt


def test_a_table_that_is_all_hidden_is_drawn_all_the_same():
    table = protected(funnel.stages(FUNNEL), hidden=[f"cell {i}" for i in range(4)])
    for draw in (funnel_figures.pass_rates, funnel_figures.impact_ratios):
        assert "hidden" in draw(table).figure.get_label()
    hidden = protected(representation.shares(STAFF), hidden=["a", "b"])
    assert staff_figures.trajectory(hidden, TARGETS).figure.get_label().startswith("This share is hidden or unknown.")


def test_only_protected_tables_are_drawn():
    with pytest.raises((TypeError, AttributeError)):
        funnel_figures.pass_rates(funnel.stages(FUNNEL))


# What a notebook hands over


def test_a_published_figure_is_the_same_every_time_and_described(tmp_path):
    table = protected(funnel.stages(FUNNEL))
    first = publish.figure(funnel_figures.pass_rates(table), "rates", tmp_path)
    again = publish.figure(funnel_figures.pass_rates(table), "rates")
    assert first.svg == again.svg
    written = (tmp_path / "figures" / "rates.svg").read_text(encoding="utf-8")
    assert written.endswith(first.svg) and 'role="img" aria-label="' in written
    assert not plt.get_fignums(), "what is published is closed"


def test_a_figure_without_alt_text_is_not_published():
    with pytest.raises(ValueError, match="rates: the figure has no alt text"):
        publish.figure(plt.subplots()[1], "rates")


def test_a_published_table_is_written_as_the_contract_says(tmp_path):
    said = publish.table(protected(funnel.stages(FUNNEL)), "funnel_stages", tmp_path)
    assert said == "Table funnel_stages: 14 rows, none hidden."
    text = (tmp_path / "tables" / "funnel_stages.csv").read_text(encoding="utf-8")
    assert text.splitlines()[0].startswith("measure,dimension,group,reference,stage,")
    assert "impact_ratio,ethnicity,BME,White,shortlisted,,10,43,389,920,0.550008967538" in text
    hidden = protected(funnel.stages(FUNNEL), hidden=["cell 0"])
    assert publish.table(hidden, "funnel_stages") != said


def test_only_protected_tables_are_published(tmp_path):
    with pytest.raises(TypeError, match="funnel_stages: a DataFrame is not protected"):
        publish.table(funnel.stages(FUNNEL), "funnel_stages", tmp_path)
    assert not list(tmp_path.iterdir())


def test_data_is_found_from_the_notebook_folder_too(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path)
    assert publish.find("data").is_dir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert publish.find("data").is_dir()
