"""Running the heavy commands of an installation so that the class does not notice."""

from __future__ import annotations

import os
from pathlib import Path

from coursehub.droplet.system import OperationFailed, read_text, stream

SMALL = 700 << 20
"""With fewer bytes of memory available, one thing is done at a time."""
# Yields the processors to students; is the first to be ended when memory runs out; ends with this program.
GENTLY = ("nice", "-n", "10", "choom", "-n", "1000", "--", "setpriv", "--pdeathsig", "KILL")
KILLED = "failed with exit code -9"
AS_NOBODY = ("--reuid", "nobody", "--regid", "nogroup", "--clear-groups")


def run_gently(command, *, prefix, timeout, nobody=False, progress=None, environment=None, cwd="/"):
    """Run a command that works on the generation at `prefix` and return what it printed.

    `prefix` is named in the command's environment: if this program is killed, the next one finds and ends
    what is left of the command. With `nobody`, the command has no rights at all. `progress` is called with
    each line. Raises OperationFailed as `system.stream` does.
    """
    settings = {
        "PATH": f"{prefix}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}",
        "CONDA_PREFIX": str(prefix),
        "PYTHONNOUSERSITE": "1",
        **(environment or {}),
    }
    try:
        return stream(
            [*GENTLY, *(AS_NOBODY if nobody else ()), *command],
            progress=progress or (lambda line: None),
            timeout=timeout,
            environment=settings,
            cwd=cwd,
        )
    except OperationFailed as error:
        how = error.message.partition(" ")[2]
        if how == KILLED:
            how = "was killed, as happens when memory runs out"
        raise OperationFailed(f"{Path(command[0]).name} {how}", error.fix, error.detail) from None


def workers():
    """How many things to do at the same time: one on a machine that is short of memory."""
    return 1 if available_memory() < SMALL else min(4, os.cpu_count() or 1)


def available_memory():
    """Bytes that programs may still ask for: what the kernel says or what the control group leaves, if less.

    https://docs.kernel.org/admin-guide/cgroup-v2.html and cgroup-v1/memory.html: what the group uses
    counts the cached files in, which are given up when memory is asked for.
    """
    kernel = int((read_text("/proc/meminfo") or "").split("MemAvailable:")[1].split()[0]) * 1024
    for folder, limit, used, prefix in (
        ("/sys/fs/cgroup", "memory.max", "memory.current", ""),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_"),
    ):
        allowed = (read_text(f"{folder}/{limit}") or "").strip()
        if allowed.isdigit():
            counts = dict(line.split() for line in (read_text(f"{folder}/memory.stat") or "").splitlines())
            files = sum(int(counts.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))
            return min(kernel, int(allowed) - int(read_text(f"{folder}/{used}")) + files)
    return kernel
