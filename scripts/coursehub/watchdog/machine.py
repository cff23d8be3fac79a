"""What the machine itself has left: disk, memory, tasks, and the right time."""

from __future__ import annotations

from pathlib import Path

from coursehub.droplet.system import file_systems, read_text, run
from coursehub.droplet.system import memory as all_memory

PLACES = ("/", "/home", "/opt/tljh/state")
SERVERS = "jupyter-*.service"
GROUPS = (
    (Path("/sys/fs/cgroup/memory.current"), Path("/sys/fs/cgroup/memory.stat")),
    (Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"), Path("/sys/fs/cgroup/memory/memory.stat")),
)
"""Where control groups of version 2, and of version 1, tell what they use."""


def disks():
    """{place: {"free": bytes, "part": of the whole, "inodes": part that is free}}, each file system once."""
    return {
        place: {
            "free": about["free"],
            "part": about["free"] / about["size"] if about["size"] else 1.0,
            "inodes": about["inodes"],
        }
        for place, about in file_systems(PLACES).items()
    }


def memory():
    """Bytes: {"total", "available", "swap", "swap_free"}, and `pressure`, the part of the last minute in
    which nobody could go on for want of memory; None where the kernel does not say."""
    lines = (line.split(":") for line in (read_text("/proc/meminfo") or "").splitlines())
    kernel = {name: int(value.split()[0]) * 1024 for name, value in lines}
    total = all_memory()
    available = kernel["MemAvailable"]
    if total < kernel["MemTotal"]:
        available = min(available, total - used_by_group())
    return {
        "total": total,
        "available": max(0, available),
        "swap": kernel["SwapTotal"],
        "swap_free": kernel["SwapFree"],
        "pressure": pressure(read_text("/proc/pressure/memory")),
    }


def used_by_group():
    """Bytes that a machine inside a control group uses, without what the kernel would give back at once."""
    for use, stat in GROUPS:
        if use.exists():
            about = dict(line.split() for line in stat.read_text().splitlines())
            idle = about.get("total_inactive_file", about.get("inactive_file", "0"))
            return int(use.read_text()) - int(idle)
    return 0


def pressure(text):
    """The part (0 to 1) of `full avg60` in the kernel's pressure stall information
    (https://docs.kernel.org/accounting/psi.html)."""
    for line in (text or "").splitlines():
        if line.startswith("full "):
            fields = dict(word.split("=") for word in line.split()[1:])
            return float(fields["avg60"]) / 100
    return None


def tasks():
    """{unit: {"tasks", "limit"}} of the people's servers; a limit of None is none."""
    shown = run(
        ["systemctl", "show", SERVERS, "--property=Id,TasksCurrent,TasksMax"], timeout=15, check=False
    ).stdout
    found = {}
    for block in shown.strip().split("\n\n"):
        about = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if about.get("TasksCurrent", "").isdigit():
            limit = about.get("TasksMax", "")
            found[about["Id"]] = {
                "tasks": int(about["TasksCurrent"]),
                "limit": int(limit) if limit.isdigit() else None,
            }
    return found


def clock():
    """Whether the clock is set by the network; None where it is another's business, as in a container."""
    if run(["systemd-detect-virt", "--container", "--quiet"], timeout=10, check=False).returncode == 0:
        return {"synchronised": None}
    shown = run(["timedatectl", "show", "--property=NTPSynchronized", "--value"], timeout=15).stdout.strip()
    return {"synchronised": shown == "yes"}


LOOKS = {"disks": disks, "memory": memory, "tasks": tasks, "clock": clock}
