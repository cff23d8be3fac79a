"""Servers of the sandbox that run beside the machines: its name server, the metadata server.

Each has a control group of its own, by which any process finds it, so it outlives the one that started it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox import cgroup, remains, state
from sandbox.commands import PATH, run

# No machine's name begins with a dot.
FOLDER = ".services"


def ensure(name: str, command: Sequence[str], secrets: Mapping[str, str] | None = None) -> bool:
    """Have exactly `command` run as the server `name`; returns whether it had to be started.

    `secrets` are further variables of its environment. Its messages go to the hidden file .NAME.log among
    the machines. Raises Failure.
    """
    with state.lock(state.machines() / f".{name}.lock", timeout=60, what=f"starting the server {name}"):
        if [_command(process) for process in processes(name)] == [list(command)]:
            return False
        stop(name)
        group = _group(name)
        group.make()
        environment = os.environ | {
            "PATH": PATH,
            "PYTHONPATH": str(state.SCRIPTS),
            state.VARIABLE: str(state.directory()),
            **(secrets or {}),
        }
        log = state.machines() / f".{name}.log"
        keeping = ["sh", "-c", 'log="$1"; shift; exec setsid --fork "$@" >>"$log" 2>&1', "log", str(log)]
        run(group.joining([*keeping, *command]), env=environment)
        return True


def processes(name: str) -> list[int]:
    """The processes of the server; none when it does not run."""
    return _group(name).processes()


def stop(name: str) -> None:
    """End the server, if it runs, at once."""
    _group(name).kill()
    _group(name).remove()


def stop_all() -> None:
    """End all servers."""
    for name in cgroup.children(remains.groups() / FOLDER):
        stop(name)
    (remains.groups() / FOLDER).remove()


def _group(name: str) -> cgroup.Group:
    return remains.groups() / FOLDER / name


def _command(process: int) -> list[str]:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().decode().split("\0")[:-1]
    except OSError:
        return []
