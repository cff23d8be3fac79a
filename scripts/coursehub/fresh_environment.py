"""The environment as a fresh droplet would get it, for whoever has to know before there is one."""

from __future__ import annotations

from typing import Any

from . import lockfile
from .model import Reporter
from .parts import environment
from .problems import InvalidInput, Problem


def system_of(course: Any) -> tuple[str, str]:
    """The C library and the kernel of the image that course.yml names. Raises InvalidInput."""
    if course.droplet.image not in lockfile.SYSTEMS:
        fix = f"choose one of {', '.join(lockfile.SYSTEMS)}"
        message = "is a system whose C library is not known here"
        raise InvalidInput([Problem("course.yml", message, fix, key="droplet.image")])
    return lockfile.SYSTEMS[course.droplet.image]


def solved(course: Any, want: environment.Want, report: Reporter) -> environment.Want:
    """What the environment part wants (`want`), with its solution: from environment.lock where that belongs
    to environment.yml, else solved now.

    Raises InvalidInput when the requirements cannot be met, and Failure when a channel cannot be reached.
    """
    glibc, kernel = system_of(course)
    nothing_there = {"inputs": None, "rejected": {}}
    machine = {"glibc": glibc, "kernel": kernel, "release": course.droplet.image}
    return environment.prepare(want, nothing_there, machine, report)
