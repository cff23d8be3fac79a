"""The one look: everything that planning needs to know, in one answer. Nothing here changes anything
but the lock, which is taken with the same question to save a round trip."""

from __future__ import annotations

import os
import platform
import sys

from coursehub.droplet import (
    by_hand,
    configuration,
    content,
    environment,
    hub,
    isolation,
    packages,
    storage,
    swap,
    users,
)
from coursehub.droplet.lock import take_lock
from coursehub.droplet.system import OperationFailed, free_bytes, read_text

LOOKS = {
    "swap": swap.look,
    "packages": packages.look,
    "isolation": isolation.look,
    "storage": storage.look,
    "hub": hub.look,
    "environment": environment.look,
    "content": content.look,
    "users": users.look,
    "configuration": configuration.look,
    "by_hand": by_hand.look,
}


def look(questions, holder=None):
    """Answer each part's question (`{part: arguments}`); with `holder`, take the deploy lock first."""
    busy = take_lock(holder) if holder else None
    if busy:
        return {"busy": busy, "machine": {}, "parts": {}}
    return {
        "busy": None,
        "machine": machine(),
        "parts": {name: one(name, questions[name]) for name in questions},
    }


def one(name, question):
    """One part's look; what cannot be seen is an error that says so, never taken for absent."""
    try:
        return LOOKS[name](**question)
    except OSError as error:
        raise OperationFailed(f"could not look at the droplet's {name}: {error}") from error


def machine():
    """What all parts may need to know. Memory and disk in bytes."""
    release = dict(
        line.split("=", 1) for line in (read_text("/etc/os-release") or "").splitlines() if "=" in line
    )
    return {
        "system": release.get("PRETTY_NAME", "unknown").strip('"'),
        "release": release.get("ID", "").strip('"') + "-" + release.get("VERSION_ID", "").strip('"'),
        "architecture": platform.machine(),
        "python": list(sys.version_info[:2]),
        "glibc": platform.libc_ver()[1],
        "kernel": platform.release(),
        "processors": os.cpu_count(),
        "memory": memory(),
        "disk_free": free_bytes("/"),
        "root": os.geteuid() == 0,
    }


def memory():
    """Bytes of memory: what the kernel has, or what the machine's control group allows, if less."""
    kernel = int((read_text("/proc/meminfo") or "MemTotal: 0 kB").split("MemTotal:")[1].split()[0]) * 1024
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        text = (read_text(limit) or "").strip()
        if text.isdigit():
            return min(kernel, int(text))
    return kernel
