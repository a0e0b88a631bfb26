"""What benchmarks share: a log of applications as Parquet, and contenders that take turns."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

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


@contextmanager
def applications(rows: int) -> Iterator[Path]:
    """Give the Parquet file of a city with 200 vacancies, five stages and six groups; its folder can be read."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "applications.parquet")
        Path(folder, "city.toml").write_text(CITY, encoding="utf-8")
        duckdb.execute(MAKE.format(rows=rows, file=file))
        yield file


def medians(contenders: dict[str, Callable], rounds: int = 5) -> dict[str, float]:
    """Return the median seconds of each contender, all running in turn, once unmeasured before."""
    for run in contenders.values():
        run()
    seconds = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}
