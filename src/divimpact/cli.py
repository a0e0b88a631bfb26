"""The command line: exit 0 done, 1 the data or the request is wrong, 2 wrong usage."""

import signal
import sys
from pathlib import Path

import click

from divimpact import __version__
from divimpact.config import DataError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def divimpact() -> None:
    """Find out whether a city's diversity policy works."""


@divimpact.command()
@click.argument("data", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the report.  [default: reports/NAME OF DATA]")
@click.option(
    "-p",
    "--parameter",
    "parameters",
    type=(str, str),
    multiple=True,
    metavar="NAME VALUE",
    help="Set a parameter of the notebooks.",
)
def review(data: Path, out: Path | None, parameters: tuple[tuple[str, str], ...]) -> None:
    """Review the city in the folder DATA and leave a report."""
    from divimpact import report

    done = report.review(data, out or Path("reports") / data.resolve().name, dict(parameters))
    for line in (*done.open_questions, done.page):
        click.echo(line)


@divimpact.command()
@click.argument("data", type=click.Path(path_type=Path))
def check(data: Path) -> None:
    """Check the tables in the folder DATA, and say what they leave open."""
    from divimpact import report, schema

    city = schema.read_city(data)
    for name, table in city.tables.items():
        click.echo(f"{name}: {', '.join(table.columns)}")
    for name in city.ignored:
        click.echo(f"{name}: not a table of the kit, not read")
    for sentence in report.open_questions(city):
        click.echo(sentence)


@divimpact.command()
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), help="The city's folder.  [default: the one the report names]")
def release(report: Path, data: Path | None) -> None:
    """Release the report in the folder REPORT: end its draft state, and note what is public from now on."""
    from divimpact import record

    click.echo(f"{report} released on {record.release(report, data)}")


@divimpact.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--seed", default=59, show_default=True, help="The same seed makes the same city.")
@click.option("--staff", default=5000, show_default=True, type=click.IntRange(min=100), help="Staff at the start.")
def sample(folder: Path, seed: int, staff: int) -> None:
    """Write a made-up city with known truth to the folder DIR."""
    from divimpact import synthetic

    synthetic.write(folder, seed=seed, staff=staff)
    click.echo(folder)


def main() -> None:
    """Run the command line; what is wrong with the data is one message, never a traceback."""
    caught = _stoppable()
    try:
        divimpact(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, Exception) as error:
        stopped = caught or isinstance(error, click.Abort | KeyboardInterrupt)
        if not stopped and not isinstance(error, DataError | RuntimeError | OSError):
            raise
        click.echo("Stopped; an earlier report is untouched." if stopped else str(error), err=True)
        sys.exit(1)


def _stoppable() -> list[int]:
    """Let Ctrl-C, SIGTERM and SIGHUP stop a run so that it cleans up; the list returned fills with those that came.

    What is raised then may be another error by the time it arrives: DuckDB makes a RuntimeError of it.
    """
    caught: list[int] = []

    def stop(number: int, _: object) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    for number in (getattr(signal, name, None) for name in ("SIGINT", "SIGTERM", "SIGHUP")):
        if number and signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
            signal.signal(number, stop)
    return caught
