"""Running notebooks, several at a time, each in a kernel and a fresh copy of content/ of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from ..content_files import IGNORED
from ..settings_shared import DATA, FOLDER
from . import failures, surroundings
from .kernels import EnvironmentKernels, kernel_for, without_kernel
from .results import NotebookFailure, NotebookResult

STARTUP = 120
"""Seconds within which a kernel must start."""
GRACE = 60.0
"""Seconds after its time limit within which a notebook must be over, whatever it does."""


@dataclass(frozen=True)
class Bench:
    """Where and how notebooks are run: the course's folder, the environment's prefix, the name of the folder
    that content/ becomes in a student's home, and the seconds that a notebook may take."""

    root: Path
    prefix: Path
    folder: str
    limit: float


def run_notebooks(
    bench: Bench, paths: Sequence[str], told: Callable[[NotebookResult], None]
) -> list[NotebookResult]:
    """Run the notebooks at these paths below content/, as many at a time as there are processors, and return
    how each went, in their order. `told` is called with each result as it comes."""

    async def all_of_them() -> list[NotebookResult]:
        places = asyncio.Semaphore(len(os.sched_getaffinity(0)))

        async def one(path: str) -> NotebookResult:
            async with places:
                result = await run_notebook(bench, path)
            told(result)
            return result

        return list(await asyncio.gather(*map(one, paths)))

    return beside(all_of_them())


def beside(work: Coroutine[Any, Any, Any]) -> Any:
    """Do asynchronous work in a thread of its own and return its value. When this one is interrupted, the
    work is cancelled: nbclient would take the signals for itself, had it the main thread."""
    loop = asyncio.new_event_loop()
    # Waiting for a kernel that was killed can end in an exception that nobody needs to know of.
    loop.set_exception_handler(lambda *_: None)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    task = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return task.result()
    except BaseException:
        task.cancel()
        raise
    finally:
        asyncio.run_coroutine_threadsafe(remains(), loop).result(GRACE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(GRACE)


async def remains() -> None:
    """End what is left over in this loop."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def run_notebook(bench: Bench, path: str) -> NotebookResult:
    """Run one notebook from top to bottom."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="coursehub-", ignore_cleanup_errors=True) as scratch:
        home = Path(scratch, "home")
        copy = home / bench.folder
        Path(scratch, "tmp").mkdir()
        await asyncio.to_thread(copy_content, bench.root / "content", copy)
        if (bench.root / DATA).is_dir():
            await asyncio.to_thread(copy_content, bench.root / DATA, home / FOLDER)
        failure = await failure_of(bench, path, copy / path, Path(scratch))
    return NotebookResult(path, time.monotonic() - began, failure)


def copy_content(source: Path, target: Path) -> None:
    """A copy of content/ as students get it, links and all."""
    shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns(*IGNORED))


async def failure_of(bench: Bench, path: str, copy: Path, scratch: Path) -> NotebookFailure | None:
    """Why the notebook fails, run in the folder of its `copy`; None when it does not."""
    text = copy.read_text(encoding="utf-8-sig")
    place = failures.Place(f"content/{path}", text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of cells without names, say, which run as well
            notebook = nbformat.reads(text, as_version=4)
    except Exception as error:  # nbformat raises whatever its validator does
        return place.failure(None, None, "cannot be read", f"it is no valid notebook: {error}")
    kernels = EnvironmentKernels(bench.prefix)
    languages = kernels.languages()
    name = kernel_for(notebook.metadata, languages)
    if name is None:
        return place.failure(None, None, "no kernel", without_kernel(notebook.metadata, languages))
    manager = AsyncKernelManager(
        kernel_name=name, kernel_spec_manager=kernels, connection_file=str(scratch / "kernel.json")
    )
    run = Run(notebook, bench, manager)
    log = scratch / "kernel.log"
    with log.open("wb") as output:
        try:
            await run.execute(copy.parent, scratch, output)
            return None
        except CellExecutionError as error:
            return place.raised(run.cell, run.reply, error.ename, error.evalue)
        except (CellTimeoutError, TimeoutError):
            return place.too_slow(run.cell, bench.limit)
        except (DeadKernelError, RuntimeError) as error:
            return place.died(run.cell, str(error), log.read_text(errors="replace"))


class Run:
    """One run of one notebook. `cell` is the number (from 0) of the cell that was begun last, None before the
    first; `reply` is what the kernel said of the cell that failed last."""

    def __init__(self, notebook: Any, bench: Bench, manager: AsyncKernelManager):
        self.bench, self.manager = bench, manager
        self.cell: int | None = None
        self.reply: dict[str, Any] = {}
        self.deadline = 0.0
        self.client = NotebookClient(
            notebook,
            km=manager,
            timeout_func=lambda cell: max(0.1, self.deadline - time.monotonic()),
            startup_timeout=STARTUP,
            shutdown_kernel="immediate",
            on_cell_execute=self.begun,
            on_cell_error=self.failed,
        )
        self.client.owns_km = True  # so that the kernel ends with the run
        self.client.log.setLevel("CRITICAL")

    def begun(self, cell: Any, cell_index: int) -> None:
        self.cell = cell_index

    def failed(self, cell: Any, cell_index: int, execute_reply: dict[str, Any]) -> None:
        self.reply = execute_reply["content"]

    async def execute(self, folder: Path, scratch: Path, output: Any) -> None:
        """Run the cells in `folder`; what the kernel itself prints goes to the file `output`. Raises what
        nbclient raises, and TimeoutError."""
        variables = surroundings.of_kernel(os.environ, self.bench.prefix, scratch / "home", scratch / "tmp")
        started = {"cwd": str(folder), "env": variables, "stdout": output, "stderr": output}
        try:
            async with asyncio.timeout(STARTUP + self.bench.limit + GRACE) as whole:
                # Not left to async_execute, which does not tidy up after a kernel that does not start.
                await self.client.async_start_new_kernel(**started)
                await self.client.async_start_new_kernel_client()
                self.deadline = time.monotonic() + self.bench.limit
                await self.client.async_execute()
        except DeadKernelError:
            # nbclient takes being cancelled for the death of the kernel.
            if whole.expired():
                raise TimeoutError from None
            raise
        finally:
            if self.manager.has_kernel:
                await self.manager.shutdown_kernel(now=True)
