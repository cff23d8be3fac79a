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
from pathlib import Path

from coursehub.problems import Failure
from sandbox import blocks, cgroup, mounts, state
from sandbox.commands import wait_until
from sandbox.machine import Machine, load

# systemd-nspawn's way, under --keep-unit, of saying that the machine wants to come back.
REBOOT = 133
# First the nodes of its disks, which must be there before systemd mounts what is on them: see blocks.py.
# Version 1's controllers are mounted read-only, and systemd inside limits its services only where it can
# write. The machine sees its own groups alone, except in cpuset, which is the host's: that stays as it is.
# setpriv, for systemd-nspawn's death alone would let the machine live on.
INIT = f"""
{blocks.SHOWING}
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
        "/bin/sh", "-c", INIT, "init", *blocks.arguments(blocks.of(machine.directory)),
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
        _let_reach_itself(machine)
        code = nspawn.wait()
        print(f"systemd-nspawn ended with {code}", flush=True)
        if code != REBOOT:
            return code


def _leave_others_mounts(machine: Machine) -> None:
    """Unmount, for this process and its children alone, what is other machines', of other sandboxes too.

    A machine keeps to its end what its mount namespace began with, unless the host shares its mounts (as
    systemd sets it up), and a disk that it keeps could not be given back.
    """
    for point in mounts.below(Path("/")):
        if point.parent != machine.directory and (point.parent / "machine.json").exists():
            mounts.unmount_below(point)


def _show_limits(machine: Machine) -> None:
    """Set the limits on what the machine sees as its root too: version 2 has a group of its own for that."""
    if cgroup.version() == 1:
        return
    payload = machine.group / "payload"
    files = [payload.directories[0] / name for name in ("memory.max", "cpu.max")]
    with contextlib.suppress(Failure):
        wait_until(lambda: all(file.exists() for file in files), 5, f"the limits of {payload.path}")
        payload.limit(machine.limits)


def _let_reach_itself(machine: Machine) -> None:
    """Let the bridge send back to a droplet what it sends to its own reserved address."""
    switch = Path(f"/sys/class/net/{machine.link}/brport/hairpin_mode")
    if machine.droplet is not None:
        with contextlib.suppress(Failure, OSError):  # the machine may be gone again
            wait_until(switch.exists, 5, f"the link {machine.link}")
            switch.write_text("1")


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:")


if __name__ == "__main__":
    machine = load(sys.argv[1])
    _leave_others_mounts(machine)
    # The child belongs to nobody who would have to wait for it.
    if os.fork() == 0:
        os._exit(supervise(machine))
