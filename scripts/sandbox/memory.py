"""How much memory the processes of an installation hold, seen from outside of the machine."""

from __future__ import annotations

import contextlib
import re
import threading
from pathlib import Path

from sandbox import cgroup
from sandbox.machine import Machine

EVERY = 0.1
INSTALLING = 1000
"""The value of oom_score_adj that coursehub.droplet.gently gives to what it runs."""


class Watch:
    """In a `with` statement: `peak` is the largest sum, in bytes, that the processes of installations in
    the machine held at one time (memory that is shared counted by shares), `pressed` how often the
    machine's limit made the kernel end a process."""

    def __init__(self, machine: Machine):
        self.machine = machine
        self.peak = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self) -> Watch:
        self.before = killed(self.machine)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    @property
    def pressed(self) -> int:
        return killed(self.machine) - self.before

    def look(self) -> None:
        while not self.ended.wait(EVERY):
            self.peak = max(self.peak, sum(map(held, self.machine.group.processes())))


def held(process: int) -> int:
    """Bytes that a process of an installation holds; 0 for any other process, and when it is gone."""
    place = Path("/proc", str(process))
    with contextlib.suppress(OSError):
        if int((place / "oom_score_adj").read_text()) == INSTALLING:
            return int(re.search(r"Pss:\s+(\d+) kB", (place / "smaps_rollup").read_text())[1]) * 1024
    return 0


def killed(machine: Machine) -> int:
    """How many processes the kernel ended because the machine's memory was used up."""
    for folder, file in (("memory", "memory.oom_control"), ("", "memory.events")):
        place = cgroup.ROOT / folder / machine.group.path / file
        if place.exists():
            return int(re.search(r"^oom_kill (\d+)", place.read_text(), re.MULTILINE)[1])
    raise AssertionError("this kernel does not count what it ends")
