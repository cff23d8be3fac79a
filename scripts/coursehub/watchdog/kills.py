"""What the kernel had to kill in the people's servers for want of memory: counted by it, noticed here."""

from __future__ import annotations

from pathlib import Path

from coursehub.droplet.system import read_text
from coursehub.watchdog.model import WARNING, Finding, unseen

GROUPS = Path("/sys/fs/cgroup")
PATTERN = "system.slice/jupyter-*.service"
COUNTS = (("", "memory.events"), ("memory", "memory.oom_control"))
"""Where a control group of version 2, and of version 1, counts: a line "oom_kill N" in either
(https://docs.kernel.org/admin-guide/cgroup-v2.html, and cgroup-v1/memory.html)."""
SHOWN = 15 * 60.0
"""Seconds for which it is told: who asks from outside does not ask all the time."""


def look(groups=GROUPS):
    """{unit: how many processes were killed since the server began}."""
    found = {}
    for controller, file in COUNTS:
        for place in (groups / controller).glob(PATTERN):
            if (number := killed(read_text(place / file))) is not None:
                found[place.name] = number
    return found


def killed(text):
    """The number that the kernel counts; None for another text."""
    for line in (text or "").splitlines():
        name, _, number = line.partition(" ")
        if name == "oom_kill" and number.isdigit():
            return int(number)
    return None


def remembered(before, counts, now):
    """{unit: {"count", "new", "at"}}, from what was remembered before and what is counted now: `new` were
    killed at `at`, the last time that there were any. A server that begins anew is counted from 0."""
    if "unseen" in counts:
        return before
    result = {}
    for unit, count in counts.items():
        was = before.get(unit) or {"count": 0, "new": 0, "at": 0.0}
        more = count - was["count"] if count >= was["count"] else count
        result[unit] = {"count": count, "new": more, "at": now} if more else {**was, "count": count}
    # Of a server that ended of it, the last thing that was known.
    gone = {unit: was for unit, was in before.items() if unit not in counts and now - was["at"] < SHOWN}
    return gone | result


def judge(seen, now):
    """That somebody's notebook wanted more than a server may have; whose it was is not told."""
    about = seen.get("kills") or {}
    if blind := unseen("memory of a server", about):
        return blind
    recent = [one for one in about.values() if one["new"] and now - one["at"] < SHOWN]
    if not recent:
        return None
    servers = "a server" if len(recent) == 1 else f"{len(recent)} servers"
    number = sum(one["new"] for one in recent)
    words = f"{servers} reached the limit of memory, and {number} of the processes there ended"
    why = "a notebook wanted more than limits.memory in course.yml; the others are not touched by it"
    return Finding("memory of a server", WARNING, words, why)
