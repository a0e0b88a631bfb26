"""Audit a recruitment from Parquet: counting within vacancies and all analyses of it, beside the bare counting query.

    .venv/bin/python benchmarks/auditing.py [ROWS]

200 vacancies, five stages, six groups. Prints medians of five alternating rounds. Boschloo's test is asked of no group
here, as all have more than 100 people at every stage.
"""

import sys

import duckdb
from side_by_side import applications, medians

from divimpact import counts, funnel, losses, pooling, telling, undeclared
from divimpact.schema import read_city

COUNT = """
select vacancy, stage, origin, count(*) from '{file}'
where outcome <> 'in_progress' and vacancy not in (select vacancy from '{file}' where outcome = 'in_progress')
group by all
"""


def audit(city) -> None:
    parts, totals = (counts.applications(city, "origin", by=by) for by in (["vacancy"], []))
    for analysis in (funnel.stages, funnel.checks, losses.contributions, telling.can_tell, telling.one_person):
        analysis(totals)
    for analysis in (undeclared.worst_cases, undeclared.declaration):
        analysis(totals)
    for analysis in (pooling.pooled, pooling.gap_split):
        analysis(parts, totals)


def main(rows: int) -> None:
    with applications(rows) as file:
        city = read_city(file.parent)
        query = COUNT.format(file=file)
        found = medians({"audit": lambda: audit(city), "counting query": lambda: duckdb.execute(query).fetchall()})
    print(f"{rows:,} rows, duckdb {duckdb.__version__}")
    for name, median in found.items():
        print(f"{name:15} {median:7.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
