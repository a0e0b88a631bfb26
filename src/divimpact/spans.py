"""A city with only some of its periods: what tables are counted of."""

from dataclasses import replace

import ibis

from divimpact.schema import City

RECORDED = "recorded period"  # what a record's period was before its year took the place


def parts(city: City, table: str) -> list[tuple[str, ibis.Table]]:
    """The table of this name, or its one-way parts."""
    return [(name, records) for name, records in city.tables.items() if name.partition(".")[0] == table]


def last_year(city: City, table: str = "uptake") -> City:
    """Return the city with only the last calendar year of ``table`` (of each part), several periods called by the year.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> periods(last_year(read_city("data/published/berkeley_1973"), "applications"), "applications")
    ['1973']
    """

    def of_year(records: ibis.Table) -> ibis.Table:
        year = records.period.left(4)
        last = records.filter(year == year.max().as_scalar())
        several = last.period.nunique().as_scalar() > 1
        return last.mutate(period=several.ifelse(last.period.left(4), last.period), **{RECORDED: last.period})

    return replace(city, tables=city.tables | {name: of_year(records) for name, records in parts(city, table)})


def last_period(city: City, table: str = "uptake") -> City:
    """Return the city with only the last period of ``table`` (of each part): users in it are distinct people.

    Examples
    --------
    >>> from divimpact.schema import read_city
    >>> periods(last_period(read_city("data/sample")), "uptake")
    ['2025-Q4']
    """
    last = {
        name: records.filter(records.period == records.period.max().as_scalar()) for name, records in parts(city, table)
    }
    return replace(city, tables=city.tables | last)


def periods(city: City, table: str) -> list[str]:
    """Return the periods of a table, first to last."""
    found = [records.select("period").distinct() for _, records in parts(city, table)]
    return sorted(set(ibis.union(*found).to_pandas()["period"])) if found else []
