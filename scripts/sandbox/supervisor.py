"""Runs one machine, detached from whoever started it, and starts it again when it reboots.

`python -m sandbox.supervisor NAME` returns at once; the supervisor itself goes on in the background, in its
own control group, until the machine powers off. If it is killed, the machine dies with it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

from coursehub.problems import Failure
from sandbox import cgroup, state
from sandbox.commands import wait_until
from sandbox.machine import Machine, load

# systemd-nspawn's way, under --keep-unit, of saying that the machine wants to come back.
REBOOT = 133
# Version 1's controllers are mounted read-only, and systemd inside limits its services only where it can
# write. The machine sees its own groups alone, except in cpuset, which is the host's: that stays as it is.
# setpriv, for systemd-nspawn's death alone would let the machine live on.
INIT = """
for hierarchy in /sys/fs/cgroup/*/; do
    case $hierarchy in
        *cpuset*) ;;
        *) [ -e "$hierarchy/tasks" ] && mount -o remount,bind,rw "$hierarchy" ;;
    esac
done
exec setpriv --pdeathsig KILL /sbin/init
"""


def command(machine: Machine) -> list[str]:
    """What runs the machine until it powers off or reboots."""
    binds = [f"--bind={_escaped(source)}:{_escaped(target)}" for source, target in machine.binds.items()]
    return [
        "setpriv", "--pdeathsig", "KILL",
        "systemd-nspawn", "--quiet", "--settings=no", "--register=no", "--keep-unit",
        f"--directory={machine.directory / 'root'}", f"--machine={machine.link.removeprefix('vb-')}",
        f"--network-bridge={state.identity()}", "--resolv-conf=off", "--timezone=off", "--link-journal=no",
        "--console=read-only", "--kill-signal=SIGRTMIN+4", *binds,
        "/bin/sh", "-c", INIT,
    ]  # fmt: skip


def supervise(machine: Machine) -> int:
    """Run the machine, again after each reboot; returns the exit code with which it ended."""
    while True:
        machine.group.kill()  # what a command from outside may have left
        machine.group.remove()
        machine.group.make(machine.limits)
        nspawn = subprocess.Popen(machine.group.joining(command(machine)))
        signal.signal(signal.SIGTERM, lambda *_, process=nspawn: process.terminate())
        _show_limits(machine)
        code = nspawn.wait()
        print(f"systemd-nspawn ended with {code}", flush=True)
        if code != REBOOT:
            return code


def _show_limits(machine: Machine) -> None:
    """Set the limits on what the machine sees as its root too: version 2 has a group of its own for that."""
    if cgroup.version() == 1:
        return
    payload = machine.group / "payload"
    files = [payload.directories[0] / name for name in ("memory.max", "cpu.max")]
    with contextlib.suppress(Failure):
        wait_until(lambda: all(file.exists() for file in files), 5, f"the limits of {payload.path}")
        payload.limit(machine.limits)


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:")


if __name__ == "__main__":
    machine = load(sys.argv[1])
    # The child belongs to nobody who would have to wait for it.
    if os.fork() == 0:
        os._exit(supervise(machine))
