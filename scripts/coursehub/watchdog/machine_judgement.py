"""What is thought of what the machine has left. Pure, as `judgement`, of which it is a part."""

from __future__ import annotations

from coursehub.watchdog.model import FAILURE, GOOD, WARNING, Finding, unseen

MIB, GIB = 1 << 20, 1 << 30
LOW_DISK, NO_DISK = 2 * GIB, 300 * MIB
"""Bytes. Below the first there is a warning; below the second, notebooks cannot be saved."""
HARDLY_ANY = 30 * MIB
LOW_INODES, NO_INODES = 0.05, 0.005
LOW_MEMORY, PRESSURE = 0.08, 0.4
"""Parts: of the memory that is available, and of a minute in which nothing went on for want of it."""
LOW_SWAP = 0.1
FULL_OF_TASKS = 0.95
RUNAWAY = "a runaway: a program in it starts ever more of them (a fork bomb)"


def disks(seen, now):
    about = seen["disks"]
    if blind := unseen("disk", about):
        return blind
    found = []
    for place, disk in about.items():
        name = "disk" if place == "/" else f"disk of {place}"
        left = f"{disk['free'] / GIB:.1f} GB free"
        if disk["free"] < NO_DISK:
            found.append(Finding(name, FAILURE, left, "the disk is full: nothing can be saved"))
        elif disk["inodes"] < NO_INODES:
            words = f"{left}, but no more files can be made"
            found.append(Finding(name, FAILURE, words, "there are too many small files (inodes)"))
        elif disk["free"] < LOW_DISK or disk["inodes"] < LOW_INODES:
            found.append(Finding(name, WARNING, left, "the disk will soon be full"))
        else:
            found.append(Finding(name, GOOD, left))
    return found


def memory(seen, now):
    about = seen["memory"]
    if blind := unseen("memory", about):
        return blind
    part = about["available"] / about["total"] if about["total"] else 1.0
    words = f"{about['available'] / GIB:.1f} of {about['total'] / GIB:.1f} GB available"
    if (about["pressure"] or 0) > PRESSURE:
        waited = f"nothing went on for {about['pressure']:.0%} of the last minute"
        return Finding("memory", FAILURE, f"{words}; {waited}", "the people's servers need more memory")
    if part < LOW_MEMORY:
        return Finding("memory", WARNING, words, "the people's servers need nearly all of it")
    if about["swap"] and about["swap_free"] / about["swap"] < LOW_SWAP:
        return Finding("memory", WARNING, f"{words}, and the swap is full", "memory was short for long")
    return Finding("memory", GOOD, words)


def tasks(seen, now):
    """A server that has as many processes as it may: those who started them can do nothing any more."""
    about = seen["tasks"]
    if blind := unseen("processes", about):
        return blind
    return [
        Finding("processes", WARNING, f"a server has {it['tasks']} of {it['limit']} processes", RUNAWAY, unit)
        for unit, it in sorted(about.items())
        if it["limit"] and it["tasks"] >= FULL_OF_TASKS * it["limit"]
    ]


def clock(seen, now):
    about = seen["clock"]
    if blind := unseen("clock", about):
        return blind
    if about["synchronised"] is False:
        words = "the clock is not set by the network"
        return Finding("clock", WARNING, words, "certificates and log-ins fail when it is wrong")
    return None


def has_full_disk(seen):
    """Whether a disk is so full that services end of it."""
    disks = seen["disks"]
    return "unseen" not in disks and any(
        disk["free"] < HARDLY_ANY or disk["inodes"] < NO_INODES for disk in disks.values()
    )


def cause_of_slowness(seen):
    """Why a hub that answers takes long."""
    pressure = seen["memory"].get("pressure") or 0
    if pressure > PRESSURE / 4:
        return "the machine is short of memory"
    return "the machine is busy, as when a class starts"
