"""Who applied, as the staff is counted: the group of all who declared."""

import json

import pandas as pd

from divimpact.counts import applications
from divimpact.schema import City
from divimpact.tally import DECLARED, cell


def applicants(city: City, dimension: str) -> pd.DataFrame:
    """Count who applied, by group, for vacancies that are closed (Q5): the stage before all others.

    ``numerator`` is the applications of the group, ``denominator`` those of all who declared.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> found = applicants(read_city("data/published/west_lancashire"), "ethnicity")
    >>> found[["group", "role", "numerator", "denominator"]]
       group   role  numerator  denominator
    0  White  group      920.0        963.0
    1    BME  group       43.0        963.0
    """
    counted = applications(city, dimension)
    found = counted[(counted["stage"] == "overall") & (counted["role"] != "undeclared")].drop(columns="stage")
    own = found["cells"].str[1]
    table, place, *_ = json.loads(own.iloc[0])
    declared = cell(table, place, dimension, DECLARED, "")
    people = found["denominator"].where(found["role"] == "group").sum()
    rests_on = [(name, declared) for name in own]
    return found.assign(numerator=found["denominator"], denominator=people, cells=rests_on).reset_index(drop=True)
