"""Read the figures of a review back: by the ticks and their labels, what every mark in them stands for.

A coordinate has six decimals of a 72nd of an inch, and an axis is 80 to 340 of these long: a share is read to about a
hundred-millionth, which tells its numerator in a staff of any size. So nothing may be drawn but what a shown row says.
"""

import re
from itertools import chain, pairwise
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from conftest import ROOT

from divimpact.sampletown import SETTINGS

SVG = {"": "http://www.w3.org/2000/svg"}
HREF = "{http://www.w3.org/1999/xlink}href"
NEAR = 1e-5  # of a 72nd of an inch
PERIODS = {"baseline_period": "str", "target_period": "str"}
COMPARED = {  # groups in the figures; the first is the one that a figure of one group is about
    name: [*known.get("combine", ()), *(group for group in known["groups"] if group != known["reference"])]
    for name, known in SETTINGS["dimensions"].items()
}
NEEDED = ["assumed_turnover", "required_at_turnover", "required_hire_share"]
WITHIN = ("turnover", "ladder")
PARTS = ["from_hires", "from_exits", "from_promotions", "from_transfers", "from_redeclaration", "unexplained"]


# What is drawn


class Axis(NamedTuple):
    """The ticks of an axis, and where on the page they are."""

    places: list
    labels: list

    def at(self, values, scale=np.asarray):
        """Return where values lie on the page, as the ticks have it."""
        slope, start = np.polyfit(scale([number(label) for label in self.labels]), self.places, 1)
        return slope * scale(values) + start


class Panel(NamedTuple):
    """One panel: its texts, its axes, its edges, and every point that is drawn in it, as it lies on the page."""

    texts: list
    across: Axis
    up: Axis
    edges: np.ndarray
    points: np.ndarray


def number(label):
    """Return the number that a label of a tick ends in; of shares and of years, as tables have them."""
    found = float(re.findall(r"[\d.]+", label)[-1])
    return found / 100 if "%" in label else found


def panels(path):
    """Read the panels of a figure; where panels share their axes, the labels stand at some of them only."""
    found = [
        panel(axes) for axes in ElementTree.parse(path).iterfind(".//g", SVG) if axes.get("id", "").startswith("axes_")
    ]
    most = [max((axes[way].labels for axes in found), key=lambda held: len("".join(held))) for way in (1, 2)]
    own = [[axes[way].labels if any(axes[way].labels) else most[way - 1] for way in (1, 2)] for axes in found]
    return [
        axes._replace(across=axes.across._replace(labels=labels[0]), up=axes.up._replace(labels=labels[1]))
        for axes, labels in zip(found, own, strict=True)
    ]


def panel(axes):
    frame, *parts = axes.findall("g", SVG)
    ways, corners = (
        [part for part in parts if part.get("id").startswith("matplotlib.axis")],
        vertices(frame.find("path", SVG)),
    )
    marks = [part for part in parts if part not in ways and not part.get("id").startswith("text")]
    points = [point for mark in marks for point in points_of(mark) if not from_edge_to_edge(point, corners)]
    points = [point for point in points if point.any()]  # a bar of nothing lies in the corner of the page
    texts = [said(part) for part in parts if part.get("id").startswith("text")]
    edges = np.array([corners.min(axis=0), corners.max(axis=0)])
    return Panel(texts, *map(ticks, ways), edges, np.array([*chain.from_iterable(points)]).reshape(-1, 2))


def ticks(axis):
    marks = [tick for tick in axis if "tick" in tick.get("id")]
    way = "x" if marks[0].get("id").startswith("x") else "y"
    return Axis([float(tick.find(".//use", SVG).get(way)) for tick in marks], [said(tick) for tick in marks])


def said(part):
    return " ".join(text.text for text in part.iterfind(".//text", SVG))


def vertices(path):
    return np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.get("d", "")), float).reshape(-1, 2)


def points_of(mark):
    """Yield the corners of each line, bar and band, and the place of each marker."""
    kept = {f"#{path.get('id')}": vertices(path) for path in mark.iterfind(".//defs/path", SVG)}
    for group in [mark, *mark.findall("g", SVG)]:
        yield from (vertices(path) for path in group.findall("path", SVG))
        for use in group.findall("use", SVG):
            place = np.array([[float(use.get("x")), float(use.get("y"))]])
            yield kept[use.get(HREF)] + place if "Poly" in mark.get("id") else place


def from_edge_to_edge(points, corners):
    """Whether this is a line at one value across the panel: its own edge, parity, the edge between two stages."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    spans = [{*points[:, way]} == {low[way], high[way]} for way in (0, 1)]
    return len(points) == 2 and any(spans) and not all(spans)


# What the tables show


class Shown:
    """The shown rows of a report's tables, as far as they are of the whole city, or of one ``grade``."""

    def __init__(self, folder, targets, grade=None):
        tables = {path.stem: pd.read_csv(path, dtype={"period": "str"}) for path in folder.glob("tables/*.csv")}
        tables["targets"] = targets.assign(measure="target", suppressed=False)
        self.reflected, self.uneven = tables.get("representation"), tables.get("uptake_heterogeneity")
        self.tables = {
            name: table[table.reindex(columns=["district"]).isna().all(axis=1) & of_grade(table, grade)]
            for name, table in tables.items()
        }

    def groups(self, table, dimension, measure):
        """Return the groups of a measure that figures draw, hidden ones too, but not the undeclared."""
        held, undeclared = self.tables[table], SETTINGS["dimensions"][dimension]["undeclared"]
        found = held["group"][(held["dimension"] == dimension) & (held["measure"] == measure)]
        return [*dict.fromkeys(found[found != undeclared])]

    def graded(self, dimension, measure, groups):
        held = self.reflected
        held = held[(held["dimension"] == dimension) & (held["measure"] == measure) & ~held["suppressed"]]
        return held[(held["period"] == self.reflected["period"].max()) & held["group"].isin(groups)]

    def rows(self, table, dimension, *measures, groups=None):
        held = self.tables[table]
        held = held[(held["dimension"] == dimension) & held["measure"].isin(measures) & ~held["suppressed"]]
        return held if groups is None else held[held["group"].isin(groups)]

    def of_service(self, panel, dimension, measure, groups):
        """Return the rows by district of the service of a panel."""
        held = self.uneven
        held = held[(held["dimension"] == dimension) & (held["measure"] == measure) & ~held["suppressed"]]
        return held[held["service"].isin(panel.texts) & held["group"].isin(groups)]


def of_grade(table, grade):
    held = table.reindex(columns=["grade"])["grade"]
    return held.eq(grade) if grade else held.isna()


def shares(panel, shown, dimension):
    """Points of shares by period, of the bounds of the first group, and of what city.toml aims at from where."""
    table, first = "trajectory_progress", COMPARED[dimension][:1]
    own = shown.rows(table, dimension, "share", groups=COMPARED[dimension])
    bounds = shown.rows(table, dimension, "share_low_bound", "share_high_bound", groups=first)
    goals = shown.rows("targets", dimension, "target", groups=COMPARED[dimension])
    ends = [values(goals, f"{end}_period", end) for end in ("baseline", "target")]
    return over_time(panel, limits(own), limits(bounds), *ends)


def outlooks(panel, shown, dimension):
    """Points of the first group's share so far, of both fans and what is expected, and of the way to the goal."""
    first = COMPARED[dimension][:1]
    own = shown.rows("trajectory_progress", dimension, "share", groups=first)
    path = shown.rows("trajectory_hiring", dimension, "projected_share", groups=first)
    path = path[path["detail"].isin(["today's hiring", "today's hiring, rates as estimated"])]
    way = shown.rows("trajectory_hiring", dimension, "milestone", groups=first)
    goals = shown.rows("targets", dimension, "target", groups=first)
    ends = [values(goals, f"{end}_period", end) for end in ("baseline", "target")]
    return over_time(panel, limits(own), limits(path), values(way, "period", "estimate"), *ends)


def turnovers(panel, shown, dimension):
    """Points of what each way to the goal needs over rates of turnover, with limits at the one there is."""
    found = shown.rows("trajectory_hiring", dimension, *NEEDED, groups=COMPARED[dimension][:1])
    pairs = found.pivot(index="detail", columns="measure", values="estimate").reindex(columns=NEEDED)
    needed = found[found["measure"] == "required_hire_share"].set_index("detail")
    here = pairs.index.str.removesuffix(", turnover as it is")
    ends = [(pairs["assumed_turnover"], pairs["required_at_turnover"])]
    ends += [(pairs["assumed_turnover"], needed[end].reindex(here).to_numpy()) for end in ("conf_low", "conf_high")]
    return [point for x, y in ends for point in zip(panel.across.at(x), panel.up.at(y), strict=True)]


def ladders(panel, shown, dimension):
    """Points of the first group's share in each grade of the latest period, with limits."""
    found = shown.graded(dimension, "grade_share", COMPARED[dimension][:1])
    found = found[found["grade"].isin(panel.up.labels)]  # leadership is drawn where it is more than one grade
    places = [panel.up.places[panel.up.labels.index(grade)] for grade in found["grade"]]
    ends = (panel.across.at(found[end]) for end in ("estimate", "conf_low", "conf_high"))
    return [point for across in ends for point in zip(across, places, strict=True)]


def changes(panel, shown, dimension):
    """The corners of the bars: each part begins where the one before it ends, and the last is the whole.

    Ticks are too rounded to read them by, but the bars reach from the least to the most of them.
    """
    found = shown.rows("trajectory_change", dimension, *PARTS, "change", groups=COMPARED[dimension][:1])
    found = found[found["period"].str.contains("/")].set_index("measure")["estimate"]
    found = found[found != 0]
    return bars(panel, found[found.index != "change"], found[found.index == "change"])


def gaps(panel, shown, dimension):
    """The corners of the bars: what each stage adds to the gap of the first group, and the gap."""
    found = shown.rows("funnel_gap", dimension, "rate_contribution", groups=COMPARED[dimension][:1])
    found = found.set_index("stage")["estimate"]
    return bars(panel, found[found.index != "overall"], found[found.index == "overall"])


def bars(panel, parts, whole):
    ends = np.cumsum([0, *parts])
    drawn = [*pairwise(ends), *((0, size) for size in whole)]
    if not drawn or not len(panel.points):
        return [(np.nan, np.nan)] * len(drawn)
    across = [panel.points[:, 0].min(), panel.points[:, 0].max()]
    slope, start = np.polyfit([np.min(drawn), np.max(drawn)], across, 1)
    down = np.unique(panel.points[:, 1]).reshape(-1, 2)
    return [
        (slope * end + start, edge) for bar, edges in zip(drawn, down, strict=False) for end in bar for edge in edges
    ]


def by_stage(measure, scale=np.asarray, inside=""):
    """Return a function that gives the points of a measure by stage and group, and beside it those within vacancies.

    Beyond the axis they lie at its edge.
    """

    def points(panel, shown, dimension):
        kinds = {"funnel_stages": measure} | ({"funnel_pooled": inside} if inside else {})
        held = {table: shown.groups(table, dimension, kind) for table, kind in kinds.items()}
        series = [(group, table) for group in held["funnel_stages"] for table in kinds if group in held[table]]
        first, apart, found = panel.up.places[0], np.diff(panel.up.places[:2])[0], []
        for number, (group, table) in enumerate(series):
            offset = (number - (len(series) - 1) / 2) * 0.7 / len(series)
            for row in shown.rows(table, dimension, kinds[table], groups=[group]).itertuples():
                down = first + (panel.up.labels.index(row.stage) + offset) * apart
                with np.errstate(divide="ignore"):
                    across = panel.across.at(np.array([row.estimate, row.conf_low, row.conf_high]), scale)
                found += [(x, down) for x in np.clip(across, *panel.edges[:, 0]) if not np.isnan(x)]
        return found

    return points


def outcomes(panel, shown, dimension):
    """Points of who was hired, or whose application ended otherwise, by several days, groups a little apart."""
    groups = [SETTINGS["dimensions"][dimension]["reference"], *COMPARED[dimension]]
    found = shown.rows("funnel_waiting", dimension, "outcome_on_the_way", groups=groups)
    drawn = [group for group in groups if group in set(found["group"])]
    found = found[found["detail"].str.startswith("hired") == ("Hired" in panel.texts)]
    days = found["detail"].str.extract(r"within (\d+) days")[0].astype(float)
    place = np.array([drawn.index(group) for group in found["group"]], dtype=float)
    across = panel.across.at(days + (place - (len(drawn) - 1) / 2) * 1.2)
    ends = (panel.up.at(found[end]) for end in ("estimate", "conf_low", "conf_high"))
    return [point for up in ends for point in zip(across, up, strict=True)]


def uses(panel, shown, dimension):
    """Points of the quarters of the service of a panel."""
    own = shown.rows("uptake_rates", dimension, "uptake", groups=SETTINGS["dimensions"][dimension]["groups"])
    return over_time(panel, limits(own[own["service"].isin(panel.texts) & own["period"].str.contains("-Q")]))


def around_city(panel, shown, dimension):
    """Points of each district's rate for the first group, and of both limits around the city's."""
    found = shown.of_service(panel, dimension, "uptake_around_city", COMPARED[dimension][:1])
    return across_and_down(panel, found, found["district"].map(panel.up.labels.index))


def strata(panel, shown, dimension):
    """Points of the rate of each district and group with its limits, groups a little apart."""
    groups = SETTINGS["dimensions"][dimension]["groups"]
    found = shown.of_service(panel, dimension, "stratum_uptake", groups)
    apart = (found["group"].map(groups.index) - (len(groups) - 1) / 2) * 0.7 / len(groups)
    return across_and_down(panel, found, found["district"].map(panel.up.labels.index) + apart)


def across_and_down(panel, found, place):
    down = panel.up.places[0] + place * np.diff(panel.up.places[:2])[0]
    ends = (panel.across.at(found[end]) for end in ("estimate", "conf_low", "conf_high"))
    return [point for across in ends for point in zip(across, down, strict=True)]


def event_study(panel, shown, dimension):
    """Points of what changed at each time at which all districts are observed, of groups or of gaps."""
    found = shown.rows("uptake_effects", dimension, "effect_at", groups=SETTINGS["dimensions"][dimension]["groups"])
    (title,) = panel.texts
    found = found[found["method"].str.endswith("_simultaneous") & (found["reference"].notna() == ("Gap" in title))]
    found = found[[service in title for service in found["service"]]]
    time = found["detail"].str.extract(r"event time ([+-]\d+); (\d+) of (\d+)").astype(float)
    found, time = found[time[1] == time[2]], time.loc[time[1] == time[2], 0]
    groups = [*dict.fromkeys(found["group"])]
    time = time + (found["group"].map(groups.index) - (len(groups) - 1) / 2) * 0.16
    across, up = (signed(axis) for axis in (panel.across, panel.up))
    held = [found[end] * 100 for end in ("estimate", "conf_low", "conf_high")]
    return [point for end in held for point in zip(across(time), up(end), strict=True)]


def signed(axis):
    """Return the function from numbers to places of an axis that has both signs."""
    slope, start = np.polyfit([float(label.replace("\N{MINUS SIGN}", "-")) for label in axis.labels], axis.places, 1)
    return lambda values: slope * values + start


def over_time(panel, *held):
    held = pd.concat(held).dropna()
    return [*zip(panel.across.at(held["period"].map(label_of)), panel.up.at(held["value"]), strict=True)]


def label_of(period):
    """Return where on an axis of years a period ends: a year at its label, a quarter before it."""
    year, _, quarter = period.partition("-Q")
    return int(year) + (int(quarter) / 4 - 1 if quarter else 0)


def limits(rows):
    return pd.concat([values(rows, "period", column) for column in ("estimate", "conf_low", "conf_high")])


def values(rows, period, column):
    return pd.DataFrame({"period": rows[period].astype("str"), "value": rows[column]})


FIGURES = {
    "trajectory": shares,
    "outlook": outlooks,
    "turnover": turnovers,
    "ladder": ladders,
    "change": changes,
    "funnel_rates": by_stage("pass_rate"),
    "funnel_ratios": by_stage("impact_ratio", np.log10, "impact_ratio_pooled"),
    "funnel_gap": gaps,
    "funnel_outcomes": outcomes,
    "uptake": uses,
    "around_city": around_city,
    "strata": strata,
    "effects": event_study,
}


def within(points, panel):
    """Return the points inside the panel: bands of what is public reach to its edges, and curves go on beyond."""
    low, high = panel.edges + np.array([[0.01], [-0.01]])
    return points[((points > low) & (points < high)).all(axis=1)]


def apart(folder, targets):
    """Return the points of figures that no shown row says, those of shown rows that are not drawn, and how many are."""
    drawn, undrawn, found = [], [], 0
    shown = {grade: Shown(folder, targets, grade) for grade in (None, "leadership")}
    for path in sorted(folder.glob("figures/*.svg")):
        name, _, dimension = path.stem.rpartition("_")
        name = re.sub(r"_\d+$", "", name)
        name, leads, _ = name.partition("_leadership")
        for panel in panels(path):
            said = np.array(FIGURES[name](panel, shown[leads.strip("_") or None], dimension), dtype=float).reshape(
                -1, 2
            )
            if name in WITHIN:
                panel, said = panel._replace(points=within(panel.points, panel)), within(said, panel)
            near = np.abs(panel.points[:, None] - said[None]).max(axis=2, initial=0) < NEAR
            drawn += [(path.stem, *point) for point in panel.points[~near.any(axis=1)]]
            undrawn += [(path.stem, *point) for point in said[~near.any(axis=0)]]
            found += near.any(axis=1).sum()
    return drawn, undrawn, found


def test_figures_draw_what_shown_rows_say_and_all_of_it(reports):
    drawn, undrawn, found = apart(
        reports("sample"), pd.read_csv(ROOT / "data" / "sample" / "targets.csv", dtype=PERIODS)
    )
    assert (drawn, undrawn) == ([], [])
    assert found > 1500


def test_a_point_that_no_row_shows_is_found_and_what_it_stands_for(reports, tmp_path):
    """Were the row of a share hidden, its point and limits would give it back, to far less than a person."""
    folder, plan = reports("sample"), pd.read_csv(ROOT / "data" / "sample" / "targets.csv", dtype=PERIODS)
    (tmp_path / "tables").mkdir(), (tmp_path / "figures").mkdir()
    for table in folder.glob("tables/*.csv"):
        tmp_path.joinpath("tables", table.name).write_bytes(table.read_bytes())
    figure = tmp_path / "figures" / "trajectory_origin.svg"
    figure.write_bytes((folder / "figures" / figure.name).read_bytes())
    path = tmp_path / "tables" / "trajectory_progress.csv"
    table = pd.read_csv(path, dtype={"period": "str"})
    one = table.query("measure == 'share' and grade.isna() and period == '2023' and group == 'born abroad'").index[0]
    table.assign(suppressed=table["suppressed"] | (table.index == one)).to_csv(path, index=False)
    drawn, undrawn, _ = apart(tmp_path, plan)
    (panel,) = panels(figure)
    slope, start = np.polyfit(panel.up.places, [number(label) for label in panel.up.labels], 1)
    read = {round(slope * up + start, 8) for _, _, up in drawn}
    assert read == set(table.loc[one, ["estimate", "conf_low", "conf_high"]].astype(float).round(8)) and undrawn == []
