"""Runs the script of a step in its shell."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.github import processes
from sandbox.github.actions import ActionFailed
from sandbox.github.machine import Machine
from sandbox.github.parser import Unsupported
from sandbox.github.results import CANCELLED

SHELLS = {
    "": "bash -e {0}",
    "bash": "bash --noprofile --norc -eo pipefail {0}",
    "sh": "sh -e {0}",
    "python": "python {0}",
}
"""`shell` -> the command that GitHub runs for it."""


def run(
    machine: Machine,
    step: Mapping[str, str],
    number: str,
    environment: Mapping[str, str],
    hear: Callable[[str], None],
    why_stop: Callable[[], str | None],
) -> processes.Ended:
    """Run `step["run"]`. Raises ActionFailed if its folder or shell is missing, or Unsupported."""
    directory = machine.workspace / step.get("working-directory", "")
    if not directory.is_dir():
        raise ActionFailed(
            f"the working directory {directory} does not exist; was the repository checked out?"
        )
    file = machine.temp / f"script-{number}.sh"
    file.write_text(step["run"] + "\n")
    argv = command(step.get("shell", ""), file)
    try:
        return processes.run(
            argv,
            directory=directory,
            environment=environment,
            hear=hear,
            why_stop=why_stop,
            why_kill=lambda: CANCELLED if _is_too_late(machine) else None,
            timings=machine.shared.timings,
        )
    except FileNotFoundError:
        raise ActionFailed(f"{argv[0]}: command not found") from None


def command(shell: str, file: Path) -> list[str]:
    """The arguments that run a script's file. Raises Unsupported for a shell that is not known."""
    template = SHELLS.get(shell, shell)
    if "{0}" not in template:
        raise Unsupported(f"the shell {shell} is not supported by this runner")
    return [word.replace("{0}", str(file)) for word in shlex.split(template)]


def _is_too_late(machine: Machine) -> bool:
    return machine.force_at is not None and time.monotonic() >= machine.force_at
