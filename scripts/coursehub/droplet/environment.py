"""Environments as generations: each installed whole beside the others, tried, and only then switched to."""

from __future__ import annotations

import contextlib
import re
import time

from coursehub.droplet import generations, retention
from coursehub.droplet.bytecode import compile_bytecode
from coursehub.droplet.generations import ENVIRONMENTS
from coursehub.droplet.installers import install_conda_part, install_pip_part, tools_ready
from coursehub.droplet.post_build import run_post_build
from coursehub.droplet.provided_modules import folded
from coursehub.droplet.smoke_test import smoke_test
from coursehub.droplet.system import COURSE, OperationFailed, free_bytes, run, write_atomically


def look(tools, inputs):
    """What planning needs to know: the current generation and its inputs, what was rejected and what may go.

    Unless the inputs are `inputs`, also its packages, the complete generations, whether the tools of digest
    `tools` are there, and the free bytes.
    """
    present = generations.current()
    about = generations.about(present) if present else {}
    seen = {
        "current": present,
        "inputs": about.get("inputs"),
        "rejected": generations.rejected(),
        "collectable": retention.collectable(),
    }
    if seen["inputs"] != inputs:
        seen["packages"] = about.get("packages", {})
        seen["generations"] = generations.present()[0]
        seen["tools"] = tools_ready(tools)
        seen["disk_free"] = free_bytes("/opt")
    return seen


def install(
    generation,
    tools,
    lock,
    pip_requirements,
    index,
    about,
    size,
    progress,
    requested=(),
    post_build=None,
    record=None,
):
    """Install a generation from its lock, build, compile and try it, and mark it complete.

    `lock` is the text of a rattler lock file, `pip_requirements` the hashed requirements of the pip part
    ("" for none), `size` a guess of the bytes needed, `about` what the marker records, `requested` the
    packages that the course asks for, `post_build` the text of its postBuild and `record` the lock as people
    read it, which stays on the droplet. Whatever goes wrong, nothing of the generation is left and its disk
    is given back.
    """
    complete, half = generations.present()
    if generation in complete:
        return
    retention.clear(half)
    prefix = ENVIRONMENTS / generation
    try:
        prefix.mkdir(parents=True)
        require_disk(size)
        write_atomically(ENVIRONMENTS / f"{generation}.lock", record or lock)
        install_conda_part(prefix, tools, lock, progress)
        if pip_requirements:
            install_pip_part(prefix, tools, pip_requirements, index, progress)
        if post_build:
            progress("running postBuild")
            run_post_build(prefix, post_build, progress)
        compile_bytecode(prefix, [ENVIRONMENTS / name for name in latest_first(complete)], progress)
        progress("trying the environment")
        pip_names = re.findall(r"(?m)^([A-Za-z0-9._-]+)==", pip_requirements)
        locked = {folded(name) for name in about["packages"]}
        # What is asked for under a condition ("; sys_platform == …") need not be there.
        expected = [name for name in requested if folded(name) in locked]
        smoke_test(prefix, tools, expected, pip_names, progress)
        # The marker may not reach the disk before what it vouches for.
        run(["sync", "--file-system", prefix], timeout=600)
        generations.mark(generation, {**about, "installed": time.time()})
    except BaseException:
        with contextlib.suppress(OSError, OperationFailed):
            retention.remove([generation])
        raise


def latest_first(names):
    """Complete generations, the current one first, then by the time of installation."""
    present = generations.current()
    times = {name: (generations.about(name) or {}).get("installed", 0) for name in names}
    return sorted(names, key=lambda name: (name == present, times[name]), reverse=True)


def require_disk(size):
    """Raise OperationFailed unless `size` bytes are free; a disk that filled up would stop the class too."""
    free = free_bytes(COURSE)
    if free < size:
        raise OperationFailed(
            f"the disk is too full for the environment: {size >> 20} MiB needed, {free >> 20} MiB free",
            "choose a larger droplet.size in course.yml, or ask for fewer packages in environment.yml",
        )
