"""The process of one step: its lines as they come, its end in time, and GitHub's manner of cancelling it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TRACKING = "RUNNER_TRACKING_ID"
"""By this variable the runner finds what a job left running."""
INTERVAL = 0.02
SCANS = 50


@dataclass(frozen=True)
class Timings:
    """How long the runner waits, in seconds; the defaults are GitHub's."""

    interrupt: float = 7.5
    """From SIGINT to SIGTERM."""
    terminate: float = 2.5
    """From SIGTERM to the end of the whole tree."""
    force: float = 300
    """From a cancellation until even steps with always() are ended."""
    drain: float = 5
    """How long the output may stay open after the process has ended."""
    minute: float = 60
    """The minute of timeout-minutes."""


@dataclass(frozen=True)
class Ended:
    """How a process ended: `reason` is None by itself, else what ended it."""

    code: int
    reason: str | None = None


def run(
    argv: Sequence[str],
    *,
    directory: Path,
    environment: Mapping[str, str],
    hear: Callable[[str], None],
    why_stop: Callable[[], str | None],
    why_kill: Callable[[], str | None],
    timings: Timings,
) -> Ended:
    """Run a step's process; `why_stop` and `why_kill` are asked all the time whether it has to end."""
    process = subprocess.Popen(
        argv,
        cwd=directory,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    reader = threading.Thread(target=_read, args=(process, hear), daemon=True)
    reader.start()
    try:
        reason = _wait(process, why_stop, why_kill, timings)
    except BaseException:
        _kill(process)
        raise
    # What still holds the output belongs to the job; the runner does not wait for it for long.
    reader.join(timings.drain)
    if reader.is_alive():
        _kill(process)
        reader.join(timings.drain)
    return Ended(process.wait(), reason)


def _read(process: subprocess.Popen, hear: Callable[[str], None]) -> None:
    with contextlib.suppress(ValueError, OSError), process.stdout:
        for line in process.stdout:
            hear(line.decode(errors="replace").rstrip("\r\n"))


def _wait(process, why_stop, why_kill, timings: Timings) -> str | None:
    reason, schedule = None, []
    while process.poll() is None:
        killing = why_kill()
        if killing:
            _kill(process)
            reason = reason or killing
        elif reason is None:
            reason = why_stop()
            if reason:
                now = time.monotonic()
                # To the process of the step alone, not to its children: bash passes nothing on.
                schedule = [
                    (now, lambda: process.send_signal(signal.SIGINT)),
                    (now + timings.interrupt, lambda: process.send_signal(signal.SIGTERM)),
                    (now + timings.interrupt + timings.terminate, lambda: _kill(process)),
                ]
        while schedule and schedule[0][0] <= time.monotonic():
            schedule.pop(0)[1]()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(INTERVAL)
    return reason


def _kill(process: subprocess.Popen) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def end_left_over(tracking: str) -> None:
    """Kill what a job left running."""
    quiet = 0
    for _ in range(SCANS):
        left = _tracked(tracking)
        quiet = 0 if left else quiet + 1
        # Twice nothing: a process that is just being replaced by its program shows no environment.
        if quiet == 2:
            return
        for number in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(INTERVAL)


def _tracked(tracking: str) -> list[int]:
    wanted, found = f"{TRACKING}={tracking}".encode(), []
    for path in Path("/proc").iterdir():
        # A zombie, which nothing can end any more, has no environment.
        with contextlib.suppress(OSError):
            if path.name.isdigit() and wanted in (path / "environ").read_bytes().split(b"\0"):
                found.append(int(path.name))
    return found
