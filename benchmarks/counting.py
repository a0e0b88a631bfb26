"""Count an application log: the kit, hand-written SQL, and a bare scan of the same columns, side by side in one run.

    .venv/bin/python benchmarks/counting.py [ROWS]

Prints medians of five alternating rounds and their ratios. Times alone say nothing on a shared machine; the ratios do.
"""

import sys

import duckdb
from side_by_side import applications, medians

from divimpact import counts
from divimpact.schema import read_city

COUNT = """
select stage, origin, count(*) from '{file}'
where outcome <> 'in_progress' and vacancy not in (select vacancy from '{file}' where outcome = 'in_progress')
group by all
"""
SCAN = "select sum(length(vacancy) + length(origin) + length(stage) + length(outcome)) from '{file}'"


def main(rows: int) -> None:
    with applications(rows) as file:
        city = read_city(file.parent)
        found = medians(
            {
                "kit": lambda: counts.applications(city, "origin"),
                "hand-written SQL": lambda: duckdb.execute(COUNT.format(file=file)).fetchall(),
                "scan": lambda: duckdb.execute(SCAN.format(file=file)).fetchall(),
            }
        )
    print(f"{rows:,} rows, duckdb {duckdb.__version__}")
    for name, median in found.items():
        print(f"{name:17} {median:7.3f} s   {median / found['scan']:5.2f} of the scan")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
