"""Audit a recruitment from Parquet: counting within vacancies and all analyses of it, beside the bare counting query.

    .venv/bin/python benchmarks/auditing.py [ROWS]

200 vacancies, five stages, six groups. Prints medians of five alternating rounds. Boschloo's test is asked of no group
here, as all have more than 100 people at every stage.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from divimpact import counts, funnel, losses, pooling, telling, undeclared
from divimpact.schema import read_city

CITY = """
name = "Benchmark"
[dimensions.origin]
groups = ["g0", "g1", "g2", "g3", "g4"]
reference = "g0"
undeclared = "g5"
[applications]
stages = ["s0", "s1", "s2", "s3", "s4"]
"""
MAKE = """
copy (
    select '2025' as period, 'v' || (i * 7919 % 200) as vacancy, 'g' || (hash(i) % 6) as origin,
           's' || (hash(i + 1) % 5) as stage, 'rejected' as outcome
    from range({rows}) as t(i)
) to '{file}' (format parquet)
"""
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
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "applications.parquet")
        Path(folder, "city.toml").write_text(CITY, encoding="utf-8")
        duckdb.execute(MAKE.format(rows=rows, file=file))
        city = read_city(folder)
        contenders = {
            "audit": lambda: audit(city),
            "counting query": lambda: duckdb.execute(COUNT.format(file=file)).fetchall(),
        }
        for run in contenders.values():
            run()  # once unmeasured: the file is then in the system's cache for both
        seconds = {name: [] for name in contenders}
        for _ in range(5):
            for name, run in contenders.items():
                start = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - start)
        print(f"{rows:,} rows, duckdb {duckdb.__version__}")
        for name, times in seconds.items():
            print(f"{name:15} {statistics.median(times):7.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
