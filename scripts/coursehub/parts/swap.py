"""Swap for small machines: without it, the kernel kills a student's work when memory runs out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import Json, Reporter, Step
from ..sizes import GIB, MIB, bytes_of

NAME = "swap"
FILE = "/swapfile"
ENOUGH = 4 * GIB
"""Machines with this much memory (bytes) or more get no swap by `auto`."""
LEEWAY = 64 * MIB
"""A kernel reports a little less than what was asked for."""


@dataclass(frozen=True)
class Want:
    """`size` in bytes; None means that the machine's memory decides."""

    size: int | None


def want(settings, secrets) -> Want:
    words = {"auto": None, "none": 0}
    return Want(words[settings.swap] if settings.swap in words else bytes_of(settings.swap))


def question(want: Want) -> Json:
    return {"file": FILE}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    return want


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step where swap is wanted, possible, and not there (now and after a reboot) yet."""
    size = wanted_bytes(want, machine["memory"])
    there = seen["bytes"] + LEEWAY >= size and (seen["permanent"] or not seen["active"])
    if not size or not seen["possible"] or there:
        return []
    title = f"Add {size / GIB:.1f} GB of swap"
    return [Step(NAME, title, "swap.add", {"file": FILE, "size": size}, timeout=300)]


def wanted_bytes(want: Want, memory: int) -> int:
    """As much as the memory of a machine under 4 GB, between 1 and 2 GB; nothing on larger ones."""
    if want.size is not None:
        return want.size
    return 0 if memory + LEEWAY >= ENOUGH else max(GIB, min(2 * GIB, memory))
