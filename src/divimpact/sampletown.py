"""Sampletown: the made-up city's names and sizes, its city.toml, and everything that is planted in it."""

import tomllib
from dataclasses import dataclass
from typing import NamedTuple

CONFIG = """\
name = "Sampletown"
source = { note = "synthetic, no real person or city: divimpact sample DIR --seed $seed --staff $staff" }

[columns.staff]
origin = "HERKUNFT"                     # the kit's name = the export's name

[columns.flows]
origin = "HERKUNFT"

[dimensions.origin]
title = "Migration background"
groups = ["none", "parents born abroad", "born abroad"]
reference = "none"                      # fixed beforehand
undeclared = "not stated"
combine = { "migration background" = ["parents born abroad", "born abroad"] }
values = { "0" = "none", "1" = "parents born abroad", "2" = "born abroad", "" = "not stated" }
sensitive = true
definitions = [{ from = "2019", text = "born abroad, or both parents born abroad (register)" }]

[dimensions.gender]
title = "Gender"
groups = ["men", "women"]
reference = "men"
undeclared = "diverse or not stated"

[dimensions.disability]
title = "Disability"
groups = ["none", "disability"]
reference = "none"
undeclared = "not stated"
sensitive = true

[staff]
grades = ["basic", "middle", "upper", "senior"]      # lowest first
leadership = ["senior"]

[applications]
stages = ["applied", "shortlisted", "interviewed", "offered", "appointed"]

[publication]
min_count = 10        # smallest count that may be shown
declared = 0.6        # a dimension with fewer declared is not shown
without = []          # breakdowns to leave out; not said: applications by channel, unit and intersection
"""

TARGETS = """\
dimension,group,scope,grade,baseline_period,baseline,target_period,target
origin,migration background,city,,2021,0.18,2025,0.30
origin,migration background,city,,2025,0.264,2029,0.33
origin,migration background,city,leadership,2021,0.08,2025,0.15
gender,women,city,leadership,2021,0.38,2025,0.45
"""

BENCHMARK = """\
name,dimension,group,scope,grade,period,share,low,high,source
population,origin,none,city,,2021,0.61,0.61,0.61,made up
population,origin,parents born abroad,city,,2021,0.16,0.16,0.16,made up
population,origin,born abroad,city,,2021,0.23,0.23,0.23,made up
population,origin,migration background,city,,2021,0.39,0.39,0.39,made up
population,gender,women,city,,2021,0.51,0.51,0.51,made up
labour market,origin,none,city,,2021,0.65,0.63,0.67,made up
labour market,origin,parents born abroad,city,,2021,0.15,0.14,0.16,made up
labour market,origin,born abroad,city,,2021,0.20,0.19,0.21,made up
labour market,origin,migration background,city,,2021,0.35,0.33,0.37,made up
labour market,gender,women,city,,2021,0.47,0.46,0.48,made up
"""

YEARS = ("2021", "2022", "2023", "2024", "2025")
QUARTERS = tuple(f"{year}-Q{quarter}" for year in YEARS for quarter in (1, 2, 3, 4))
UPTAKE_QUARTERS = QUARTERS[4:]
EVENTS = ("exit", "promotion", "transfer", "redeclared_out", "redeclared_in", "hire")
CHANNELS = ("web", "agency", "school partnership", "internal")
SETTINGS = tomllib.loads(CONFIG)
GRADES = tuple(SETTINGS["staff"]["grades"])
STAGES = tuple(SETTINGS["applications"]["stages"])
DIMENSIONS = {name: (*kept["groups"], kept["undeclared"]) for name, kept in SETTINGS["dimensions"].items()}

# Share of all posts; how often migration background and women occur beside the city (weighted mean 1).
UNITS = {
    "Childcare": (0.16, 0.90, 1.60),
    "Schools": (0.11, 0.80, 1.30),
    "Waste and Cleaning": (0.12, 1.50, 0.40),
    "Parks": (0.08, 1.20, 0.65),
    "Fire Service": (0.09, 0.60, 0.30),
    "Social Services": (0.12, 1.10, 1.40),
    "Libraries": (0.04, 0.90, 1.40),
    "Building and Planning": (0.08, 0.80, 0.80),
    "Transport": (0.07, 1.20, 0.50),
    "Public Health": (0.05, 1.02, 1.30),
    "Citizen Services": (0.05, 1.00, 1.30),
    "Finance": (0.03, 0.70, 0.70),
}
# Share of the population, share with migration background in it, use of services beside the city as a whole.
DISTRICTS = {
    "Old Town": (0.08, 0.25, 1.10),
    "Harbour": (0.09, 0.55, 0.90),
    "Northgate": (0.10, 0.50, 0.95),
    "Southgate": (0.07, 0.30, 1.05),
    "Mill Quarter": (0.09, 0.48, 0.85),
    "Riverside": (0.08, 0.40, 1.00),
    "Station": (0.07, 0.60, 0.90),
    "Garden City": (0.08, 0.20, 1.15),
    "Hillside": (0.09, 0.25, 1.10),
    "Westfield": (0.08, 0.365, 1.00),
    "Eastfield": (0.10, 0.45, 0.95),
    "Lakeside": (0.07, 0.28, 1.10),
}
# Share of the population that is eligible, share of them that uses the service within a quarter.
SERVICES = {
    "Library card": (0.60, 0.12),
    "Sports courses": (0.45, 0.08),
    "Adult education": (0.40, 0.06),
    "Family counselling": (0.25, 0.06),
    "Job guidance": (0.30, 0.07),
    "Health check": (0.50, 0.10),
}


class Measure(NamedTuple):
    """What was introduced, where, when and for whom, and what it adds to the rate of each origin group."""

    name: str
    service: str
    group: str
    effect: tuple[float, float, float]
    starts: tuple[tuple[str, tuple[str, ...]], ...]


MEASURES = (
    Measure(
        "Interpreters at the desk",
        "Family counselling",
        "born abroad",
        (0.004, 0.010, 0.030),
        (("2023-Q1", ("Harbour", "Mill Quarter", "Station")), ("2024-Q1", ("Riverside", "Eastfield"))),
    ),
    Measure(
        "Letters in plain language",
        "Health check",
        "born abroad",
        (0.010, 0.015, 0.035),
        (("2023-Q3", ("Northgate", "Eastfield")), ("2024-Q3", ("Harbour", "Westfield"))),
    ),
    Measure(
        "Coaches from the district",
        "Sports courses",
        "parents born abroad",
        (0.005, 0.030, 0.015),
        (("2023-Q2", ("Station", "Hillside")), ("2024-Q2", ("Old Town", "Northgate", "Mill Quarter"))),
    ),
    Measure(
        "School visits",
        "Library card",
        "parents born abroad",
        (0.000, 0.035, 0.020),
        (("2024-Q1", ("Riverside", "Lakeside", "Harbour")), ("2025-Q1", ("Southgate", "Eastfield"))),
    ),
)


@dataclass(frozen=True)
class Truth:
    """The chances that the city is drawn with, per person and year, application or quarter.

    Three values follow the origin groups (none, parents born abroad, born abroad), four the grades or the
    steps from stage to stage. "Background" is the share with migration background in an average unit.
    """

    posts: tuple[float, ...] = (0.45, 0.30, 0.15, 0.10)
    growth: float = 0.01  # of the posts, a year
    background_staff: tuple[float, ...] = (0.229, 0.170, 0.120, 0.080)  # at the end of 2021
    background_hires: tuple[float, ...] = (0.49, 0.42, 0.32, 0.24)
    background_applicants: tuple[float, ...] = (0.53, 0.46, 0.38, 0.30)
    born_abroad: float = 0.55  # of those with migration background
    women_staff: tuple[float, ...] = (0.53, 0.52, 0.48, 0.38)
    women_hires: tuple[float, ...] = (0.53, 0.53, 0.52, 0.50)
    diverse_or_not_stated: float = 0.035
    disability: float = 0.07  # of those who stated
    disability_not_stated: float = 0.06
    not_stated: float = 0.08  # of each origin group: first staff, applicants
    not_stated_hires: float = 0.15
    exit_rate: tuple[float, ...] = (0.10, 0.11, 0.12)
    promotion_rate: tuple[float, ...] = (0.04, 0.03, 0.02, 0.00)  # nobody rises from the last
    promotion_ratio: tuple[float, ...] = (1.00, 0.85, 0.70)
    transfer_rate: float = 0.015
    declaration_rate: float = 0.10  # of staff who have not stated an origin
    applicants: float = 50  # a vacancy
    pass_rate: tuple[float, ...] = (0.40, 0.80, 0.40, 0.85)
    crowding: tuple[float, float] = (1.40, 0.60)  # times the chance to be shortlisted: easy, crowded ones
    women_applicants: tuple[float, float] = (0.33, 0.62)  # easy, crowded vacancies, in an average unit
    women_ratio: float = 1.10  # women's chance to be shortlisted beside the others'
    loss_units: tuple[str, ...] = ("Schools", "Fire Service", "Building and Planning", "Finance")
    loss: tuple[float, ...] = (1.00, 0.75, 0.60)  # times the chance to be shortlisted, in those units only
    channels_none: tuple[float, ...] = (0.55, 0.15, 0.10, 0.20)
    channels_background: tuple[float, ...] = (0.50, 0.15, 0.25, 0.10)
    withdrawn: float = 0.08  # of those who do not pass
    days: tuple[float, ...] = (20, 15, 20, 15)  # on average until each step is decided
    inhabitants: float = 50  # to each of the staff
    born_abroad_inhabitants: float = 0.60  # of those with migration background
    not_stated_inhabitants: float = 0.05
    uptake_ratio: tuple[float, ...] = (1.00, 0.85, 0.65)
    season: tuple[float, ...] = (0.05, 0.00, -0.10, 0.05)  # of the service's rate, in each quarter of a year
    trend: float = 0.01  # of the service's rate, more each quarter
    measures: tuple[Measure, ...] = MEASURES


TRUTH = Truth()
