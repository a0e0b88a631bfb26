"""Run notebooks by papermill: parameters checked, two at a time, each in a private kernel."""

import logging
import os
import signal
import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

import papermill
from jupyter_client.manager import AsyncKernelManager

from divimpact.config import DataError, Problem, nearest

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
SET_BY_THE_RUN = {"data", "out"}
logging.getLogger("papermill").addHandler(logging.NullHandler())  # what fails is raised, and said once


class NotebookError(RuntimeError):
    """A notebook that failed: which, at which cell, and why."""


def parameters(notebooks: Iterable[str], given: Mapping[str, str]) -> dict[str, dict]:
    """Return, for each notebook, those of the given parameters that it has, as the types it states.

    Raises
    ------
    DataError
        If no notebook has a parameter (papermill alone would warn and run the default), or it is no number.
    """
    known = {name: papermill.inspect_notebook(NOTEBOOKS / f"{name}.ipynb") for name in notebooks}
    names = {name for parameters in known.values() for name in parameters} - SET_BY_THE_RUN
    remedies = {name: nearest(name, names) or f"They have: {', '.join(sorted(names))}." for name in set(given) - names}
    if remedies:
        rule = "is not a parameter of the notebooks"
        raise DataError(Problem(f"parameter {name}", "", rule, remedy=remedy) for name, remedy in remedies.items())
    return {
        notebook: {name: _typed(name, given[name], has[name]["inferred_type_name"]) for name in given if name in has}
        for notebook, has in known.items()
    }


def run(runs: Mapping[str, dict], folder: Path) -> dict[str, Path]:
    """Execute notebooks with their parameters, two at a time, and return the executed ones in ``folder``.

    Raises
    ------
    NotebookError
        For the first that fails; the others are stopped.
    """
    kernels: list[AsyncKernelManager] = []
    with tempfile.TemporaryDirectory(prefix="divimpact-") as sockets:  # readable by its owner alone
        pool = ThreadPoolExecutor(max_workers=2)
        try:
            futures = [
                pool.submit(_execute, name, given, folder, line, f"{sockets}/{line}", kernels)
                for line, (name, given) in enumerate(runs.items())
            ]
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
            return {name: future.result() for name, future in zip(runs, futures, strict=True)}
        except BaseException:
            for kernel in kernels:
                if kernel.has_kernel:
                    os.kill(kernel.provisioner.pid, signal.SIGTERM)
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _execute(name: str, given: dict, folder: Path, line: int, socket: str, kernels: list[AsyncKernelManager]) -> Path:
    class PrivateKernel(AsyncKernelManager):
        """A kernel that talks over sockets that its owner alone can open, and keeps its murmur off the screen."""

        if os.name == "posix":
            transport, ip = "ipc", socket

        async def start_kernel(self, **options: object) -> None:
            kernels.append(self)
            with open(f"{socket}.log", "w") as log:
                await super().start_kernel(**options, stdout=log, stderr=log)

    executed = folder / f"{name}.ipynb"
    bar = {"desc": name, "position": line, "disable": None}
    try:
        papermill.execute_notebook(
            NOTEBOOKS / f"{name}.ipynb",
            executed,
            given,
            kernel_name="python3",
            kernel_manager_class=PrivateKernel,
            progress_bar=bar,
        )
    except papermill.PapermillExecutionError as error:
        cell = error.cell_index  # counted from 0 with the cell that papermill puts in: the notebook's own, from 1
        raise NotebookError(f"{name}.ipynb, cell {cell}: {error.ename}: {error.evalue}") from None
    except RuntimeError as error:  # such as a kernel that died
        raise NotebookError(f"{name}.ipynb: {error}") from None
    return executed


def _typed(name: str, value: str, kind: str) -> str | int | float:
    try:
        return {"int": int, "float": float}.get(kind, str)(value)
    except ValueError:
        rule, remedy = f"{value!r} is not a number", f"Write -p {name} 0.95, for example."
        raise DataError([Problem(f"parameter {name}", "", rule, remedy=remedy)]) from None
