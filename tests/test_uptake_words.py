"""Sentences on use like for like, around the city, over strata, and on measures: design, controls, "cannot tell"."""

import pandas as pd
import pytest
from test_words import BANNED, protected, said

from divimpact import effect_words, effects, like_for_like, panel, places, unevenness, uptake, uptake_words

DISTRICTS = [f"District {letter}" for letter in "ABCDEFGHIJKL"]


def use(rate_abroad=0.05, rate_here=0.1, districts=DISTRICTS):
    """Use of one service by district and group, and without districts: 1,000 eligible of each group in each."""
    rows = [(place, group) for place in districts for group in ("abroad", "here")]
    parts = pd.DataFrame(rows, columns=["district", "group"]).assign(
        period="2025", service="advice", dimension="origin", reference="here", role="group", denominator=1000.0
    )
    parts["numerator"] = parts["group"].map({"abroad": 1000 * rate_abroad, "here": 1000 * rate_here}).round()
    parts["cells"] = [(f"p{i}",) for i in range(len(parts))]
    keys = ["period", "service", "dimension", "group", "reference", "role"]
    totals = parts.groupby(keys, sort=False)[["numerator", "denominator"]].sum().reset_index()
    return parts, totals.assign(cells=[("t0",), ("t1",)])


def test_unmet_use_is_told_in_what_was_counted():
    _, totals = use()
    assert said(uptake_words.unmet(protected(uptake.rates(totals)))) == [
        "If group “abroad” (origin) used each service as often as group “here”, 2025 would have seen 600 more people "
        "of advice."
    ]
    more = uptake.rates(use(0.2)[1].assign(counted="uses"))
    assert said(uptake_words.unmet(protected(more)))[0].endswith("would have seen 1,200 fewer uses of advice.")


def test_screening_names_groups_and_services_by_what_is_found():
    _, low = use()
    _, same = use(0.1)
    both = pd.concat([low, same.assign(service="library", cells=[("t2",), ("t3",)])])
    assert said(uptake_words.screened(protected(uptake.screen(both)))) == [
        "Origin in 2025: of 2 rates of use beside that of group “here”, 1 is lower (“abroad”: advice) and 1 is not to "
        "be told from the reference group's (“abroad”: library)."
    ]
    both = both.assign(numerator=[600, 1200] * 2)
    assert "2 are lower (“abroad”: all 2 services)." in said(uptake_words.screened(protected(uptake.screen(both))))[0]


def test_like_for_like_says_both_ratios_and_both_parts_of_the_gap():
    text = said(uptake_words.like_for_like(protected(like_for_like.within(*use()))))
    assert text == [
        "advice in 2025: in the same districts use by group “abroad” is 0.50 (95 % limits 0.46 to 0.55) times that of "
        "group “here”, in all together 0.50 times. Of the gap of −5.0 points, −5.0 points are found in the same "
        "districts and 0 points come from where people live."
    ]


def test_simpson_is_named():
    parts, totals = use(districts=DISTRICTS[:2])
    parts = parts.assign(numerator=[700.0, 6000, 2000, 100], denominator=[1000.0, 10000, 10000, 1000])
    totals[["numerator", "denominator"]] = (
        parts.groupby("group", sort=False)[["numerator", "denominator"]].sum().to_numpy()
    )
    parts = parts.drop(columns="cells")
    found = like_for_like.within(parts, totals.drop(columns="cells"))
    found = found.assign(cells=[("t0",)] * len(found))
    (text,) = said(uptake_words.like_for_like(protected(found)))
    assert text.endswith("Whoever looks only at all together sees the opposite of what the same districts show.")


def test_districts_around_the_city_are_counted_not_named():
    parts, totals = use()
    parts.loc[[0, 2], "numerator"] = [140.0, 0.0]
    totals.loc[0, "numerator"] = parts.loc[parts["group"] == "abroad", "numerator"].sum()
    sentences = said(uptake_words.around_city(protected(places.around_city(parts, totals))))
    assert sentences[1] == (
        "advice in 2025, group “here” (origin): none of 12 districts lie beyond the limits at 95 % around the city's "
        "10.0 %, none beyond those at 99.8 %."
    )
    assert "the limits allow for that." in sentences[0] and not any(name in "".join(sentences) for name in DISTRICTS)


def test_strata_and_gaps_are_told_in_factors():
    parts, totals = use(0.05)
    parts["numerator"] += [0, 40, 10, 5, 3, 2, 30, 10, 0, 0, 5, 1, 2, 3, 9, 8, 7, 0, 0, 9, 20, 4, 1, 1]
    totals["numerator"] = parts.groupby("group", sort=False)["numerator"].sum().to_numpy()
    (text,) = said(uptake_words.strata(protected(unevenness.over_strata(parts, totals))))
    assert text.startswith(
        "advice in 2025: the odds of use in two combinations of district and group differ by a factor"
    )
    assert "District and group added up explain" in text and "What is left to single combinations is" in text
    (text,) = said(uptake_words.gaps(protected(unevenness.gaps_over(parts, totals))))
    assert text.startswith("advice in 2025: district by district use by group “abroad” is on average 0.5")
    assert "in one more such district it would lie between" in text


# Measures


def course(step_abroad=0.05, step_here=0.0, started=3):
    """Twelve districts over six periods; some get a measure in the fourth that adds to the rates of two groups."""
    rows = [
        (period, place, group) for period in range(2018, 2024) for place in DISTRICTS for group in ("abroad", "here")
    ]
    counts = pd.DataFrame(rows, columns=["period", "district", "group"]).assign(denominator=10000.0)
    place = counts["district"].map(DISTRICTS.index)
    since = (place < started) & (counts["period"] >= 2021)
    step = counts["group"].map({"abroad": step_abroad, "here": step_here})
    wave = ((place * 7 + counts["period"] * 5 + (counts["group"] == "here") * 3) % 11 - 5) / 5000
    rate = counts["group"].map({"abroad": 0.05, "here": 0.1}) + since * step + wave
    counts = counts.assign(numerator=(rate * 10000).round(), period=counts["period"].astype("str"), service="advice")
    counts = counts.assign(dimension="origin", reference="here", role="group", cells=[("a",)] * len(counts))
    measures = pd.DataFrame(
        {"measure": "letters", "service": "advice", "district": DISTRICTS[:started], "start": "2021", "group": "abroad"}
    )
    return counts, measures


def found_by(counts, measures):
    looks = (effects.effects, effects.over_time, effects.pre_trend, effects.checks)
    rows = panel.panels(counts, measures)
    found = [look(one) for one in rows for look in looks]
    found += [effects.placebo_dates(one, panel.earlier(one)) for one in rows]
    return protected(pd.concat(found, ignore_index=True)), [panel.designs(counts, measures)]


def test_a_change_names_the_design_the_controls_and_the_gap():
    table, designs = found_by(*course())
    (text,) = said(effect_words.changes(table, designs))
    assert text.startswith(
        "“letters” for advice has been in 3 of 12 districts compared, since 2021; they are compared with the 9 "
        "districts without it, by how use changed from before to after. For group “abroad” it is associated with +"
    )
    assert ", by randomisation. The gap to group “here”, −" in text and "narrowed" in text
    assert not any(word in text.lower() for word in BANNED)


def test_what_cannot_be_told_is_said():
    table, designs = found_by(*course(0.0))
    (text,) = said(effect_words.changes(table, designs))
    assert "For group “abroad” the data cannot tell whether use changed: " in text
    assert "Whether the gap to group “here”" in text and "narrowed the data cannot tell: it changed by" in text


@pytest.mark.parametrize(
    ("step", "limits", "how"),
    [
        (0.02, (0.01, 0.03), "narrowed"),
        (0.04, (0.03, 0.06), "narrowed and may have closed"),
        (0.08, (0.06, 0.09), "closed and turned round"),
        (-0.02, (-0.03, -0.01), "widened"),
    ],
)
@pytest.mark.parametrize("side", [1, -1])
def test_a_gap_narrows_towards_0_from_either_side(step, limits, how, side):
    table, designs = found_by(*course())
    frame = table.frame
    assert frame["suppressed"].sum() == 0
    rows = frame.drop(columns="suppressed").assign(cells=[("a",)] * len(frame))
    gap, before = rows["measure"] == "effect_gap", rows["measure"] == "gap_before"
    low, high = sorted(side * limit for limit in limits)
    rows.loc[gap, ["estimate", "conf_low", "conf_high"]] = [side * step, low, high]
    rows.loc[gap, "verdict"], rows.loc[before, "estimate"] = "higher" if side * step > 0 else "lower", -0.05 * side
    (text,) = said(effect_words.changes(protected(rows), designs))
    assert f" {how}: it changed by" in text


def test_everyone_is_meant_where_no_group_is_and_others_follow():
    counts, measures = course()
    table, designs = found_by(counts, measures.drop(columns="group"))
    assert "For everyone who declared it is associated with" in said(effect_words.changes(table, designs))[0]
    (text,) = said(effect_words.others(table, designs))
    assert text.startswith("“letters” (advice), change of use: group “abroad” +5")
    assert "group “here”" in text and "not told from no change" in text


def test_doubts_say_what_was_seen_and_what_could_go_unseen():
    table, designs = found_by(*course())
    (text,) = said(effect_words.doubts(table, designs))
    assert text.startswith(
        "“letters” (advice): before it began, no other course of its districts is seen. A course that"
    )
    assert (
        "Taken to start 1 periods earlier, nothing is found" in text
        and "points by imputing what would have been" in text
    )
    counts, measures = course()
    apart = counts["district"].isin(DISTRICTS[:3]) * (counts["period"].astype(int) - 2018) * 200
    table, designs = found_by(counts.assign(numerator=counts["numerator"] + apart), measures)
    assert "already moved apart in" in said(effect_words.doubts(table, designs))[0]


def test_placebo_services_are_counted():
    counts, measures = course()
    both = pd.concat([counts, course(0, 0)[0].assign(service="library")], ignore_index=True)
    rows = [effects.placebo_service(one) for one in panel.placebos(both, measures)]
    (text,) = said(effect_words.placebo_services(protected(pd.concat(rows))))
    assert text.startswith("In library, which have no measure, the dates and districts of the measures were tried all ")
    assert "none of 4 comparisons show a change." in text
    nothing = protected(pd.concat(rows)).where(service="advice")
    assert "this check cannot be made" in effect_words.placebo_services(nothing)


def test_what_stays_open_has_its_reason():
    counts, measures = course()
    everywhere = measures.head(1).assign(measure="posters", district=None)
    counts.loc[counts["district"] == DISTRICTS[11], "denominator"] = None
    measures = pd.concat([measures, everywhere], ignore_index=True)
    designs, outside = [panel.designs(counts, measures)], [panel.outside(counts, measures)]
    assert said(effect_words.stays_open(designs, outside)) == [
        "What “posters” changed by origin stays open: measures, column district: 'posters' has none: a measure that "
        "starts everywhere at once has no district to compare with.",
        "Left out of “letters”: group “abroad” and “here” in District L (eligible or users not known (abroad, 2018, "
        "and 11 more)).",
    ]
    assert effect_words.stays_open([]) == ""
    table = protected(uptake.rates(use()[1]))
    assert effect_words.changes(table, []).startswith("What a measure changed, and for whom, stays open")
