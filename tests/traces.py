"""What a sandbox leaves on this computer: to see that nothing is left.

Groups, files and processes of machines come and go while one looks; what goes meanwhile is none.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from sandbox import state
from sandbox.commands import run


def traces() -> dict[str, list[str]]:
    """Everything on this computer that bears this sandbox's name, or that it mounted."""
    identity, directory = state.identity(), str(state.directory())
    lines = {
        "mounts": Path("/proc/self/mountinfo").read_text(),
        "loop devices": run(["losetup", "--all"]).stdout.decode(),
        "links": "\n".join(path.name for path in Path("/sys/class/net").iterdir()),
        "firewall": run(["iptables-save"]).stdout.decode(),
        "control groups": "\n".join(below("/sys/fs/cgroup")),
        "nspawn": "\n".join(below("/run/systemd/nspawn")),
        "processes": "\n".join(command_lines()),
    }
    found = {
        kind: [line for line in text.splitlines() if identity in line or directory in line]
        for kind, text in lines.items()
    }
    return {kind: lines for kind, lines in found.items() if lines}


def below(top: str) -> Iterator[str]:
    """The paths of all that is below a directory."""
    for folder, directories, files in os.walk(top):
        yield from (f"{folder}/{name}" for name in (*directories, *files))


def command_lines() -> Iterator[str]:
    """The command line of every process."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
