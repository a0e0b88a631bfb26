"""Count an application log: the kit, hand-written SQL, and a bare scan of the same columns, side by side in one run.

    .venv/bin/python benchmarks/counting.py [ROWS]

Prints medians of five alternating rounds and their ratios. Times alone say nothing on a shared machine; the ratios do.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from divimpact import counts
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
select stage, origin, count(*) from '{file}'
where outcome <> 'in_progress' and vacancy not in (select vacancy from '{file}' where outcome = 'in_progress')
group by all
"""
SCAN = "select sum(length(vacancy) + length(origin) + length(stage) + length(outcome)) from '{file}'"


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "applications.parquet")
        Path(folder, "city.toml").write_text(CITY, encoding="utf-8")
        duckdb.execute(MAKE.format(rows=rows, file=file))
        city = read_city(folder)
        contenders = {
            "kit": lambda: counts.applications(city, "origin"),
            "hand-written SQL": lambda: duckdb.execute(COUNT.format(file=file)).fetchall(),
            "scan": lambda: duckdb.execute(SCAN.format(file=file)).fetchall(),
        }
        for run in contenders.values():
            run()  # once unmeasured: the file is then in the system's cache for all
        seconds = {name: [] for name in contenders}
        for _ in range(5):
            for name, run in contenders.items():
                start = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - start)
        medians = {name: statistics.median(times) for name, times in seconds.items()}
        print(f"{rows:,} rows, duckdb {duckdb.__version__}")
        for name, median in medians.items():
            print(f"{name:17} {median:7.3f} s   {median / medians['scan']:5.2f} of the scan")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000)
