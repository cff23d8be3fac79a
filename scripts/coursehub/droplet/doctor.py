"""The server examined from inside for whoever asks what is wrong with it. Nothing here changes anything.

Each look is by itself and bounded: what one cannot see does not hide the others.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from coursehub.droplet import audit, generations, journal, lock
from coursehub.droplet.system import STATE, OperationFailed, file_systems, read_json, read_text, run

WORKERS = 4
LAST = 64 * 1024
PLACES = ("/", "/home", "/opt/tljh/state", "/boot")
SERVICES = ("jupyterhub.service", "traefik.service", "coursehub-*", "ssh.service", "jupyter-*.service")
PROPERTIES = "--property=Id,ActiveState,SubState,Result,NRestarts,ActiveEnterTimestamp"
JOURNAL = {
    "jupyterhub": ["--unit=jupyterhub.service"],
    "traefik": ["--unit=traefik.service"],
    "coursehub": ["--unit=coursehub-*"],
    "servers": ["--unit=jupyter-*"],
    "kernel": ["--dmesg"],
}
DATABASE = Path("/opt/tljh/state/jupyterhub.sqlite")
# The watchdog's modules, whichever are sent, imported from memory: a full disk takes no file.
FROM_MEMORY = """
import importlib.abc, importlib.util, json, sys
FILES = json.load(sys.stdin)
class Memory(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path, target=None):
        base = name.replace(".", "/")
        for file in (base + "/__init__.py", base + ".py"):
            if file in FILES:
                package = file.endswith("__init__.py")
                return importlib.util.spec_from_loader(name, self, origin=file, is_package=package)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        origin = module.__spec__.origin
        exec(compile(FILES[origin], origin, "exec"), module.__dict__)
sys.meta_path.insert(0, Memory())
from coursehub.watchdog.examining import main
main()
"""


def look(files):
    """All looks, {name: what was seen, or {"unseen": why}}. `files` are the watchdog's program."""
    looks = {
        "watchdog": lambda: watchdog(files),
        "report": lambda: read_json(STATE / "watchdog.json"),
        "events": lambda: last_lines_of(STATE / "watchdog.log", 30),
        "services": services,
        "consumers": consumers,
        "journal": lambda: journal.look(JOURNAL),
        "disks": disks,
        "places": places,
        "memory": memory,
        "lock": lock.holder_now,
        "deploys": lambda: last_lines_of(audit.LOG, 5),
        "environment": environment,
        "machine": machine,
        "people": people,
    }
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        begun = {name: pool.submit(attempted, one) for name, one in looks.items()}
        return {name: one.result() for name, one in begun.items()}


def attempted(one):
    try:
        return one()
    except (OSError, ValueError, KeyError, IndexError, sqlite3.Error, OperationFailed) as error:
        return {"unseen": str(error) or type(error).__name__}


def watchdog(files):
    """What the watchdog finds at this moment, in a process of its own that does not act."""
    done = run([sys.executable, "-I", "-B", "-c", FROM_MEMORY], input=json.dumps(files), timeout=60)
    return json.loads(done.stdout.splitlines()[-1])


def last_lines_of(path, count):
    """The values of the last lines of a log of JSON lines; [] where there is none."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LAST))
        lines = file.read().decode(errors="replace").splitlines()
    found = []
    for line in lines[-count:]:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def shown(units, properties):
    """[{property: text}] of units, as systemd tells."""
    text = run(["systemctl", "show", properties, *units], timeout=15).stdout
    blocks = (block.splitlines() for block in text.strip().split("\n\n"))
    found = [dict(line.split("=", 1) for line in block if "=" in line) for block in blocks]
    return [about for about in found if about.get("Id")]


def services():
    """The services that make a hub, and all units that failed."""
    listed = run(
        ["systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--no-pager"], timeout=15
    ).stdout
    failed = [line.split()[0] for line in listed.splitlines() if line.strip()]
    return {"units": shown(SERVICES, PROPERTIES), "failed": failed}


def consumers():
    """Who uses most: services with their memory in bytes, processes, and seconds of the processor."""
    properties = "--property=Id,MemoryCurrent,TasksCurrent,CPUUsageNSec"
    found = []
    for about in shown(("*.service",), properties):
        used = {key: int(value) for key, value in about.items() if value.isdigit() and len(value) < 20}
        if used.get("MemoryCurrent"):
            seconds = used.get("CPUUsageNSec", 0) / 1e9
            found.append([about["Id"], used["MemoryCurrent"], used.get("TasksCurrent", 0), round(seconds)])
    return sorted(found, key=lambda one: one[1], reverse=True)[:8]


def disks():
    """What `file_systems` tells of the places where a full disk is felt."""
    return file_systems(PLACES)


def places():
    """[[directory, bytes]] of where the disk went, the largest first; none of a single person's."""
    # Not "one file system": below an overlay, each file seems to be on another one.
    kernels = [f"--exclude=/{name}" for name in ("proc", "sys", "dev", "run", "mnt")]
    command = [
        "timeout",
        "30",
        "nice",
        "-n",
        "10",
        "du",
        "--max-depth=2",
        "--block-size=1",
        "--threshold=100M",
    ]
    done = run([*command, *kernels, "/"], timeout=40, check=False)
    found = []
    for line in done.stdout.splitlines():
        size, _, place = line.partition("\t")
        if size.isdigit() and not place.startswith("/home/"):
            found.append([place, int(size)])
    return sorted(found, key=lambda one: one[1], reverse=True)[:15]


def memory():
    """What the kernel says about memory, in lines."""
    wanted = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree")
    lines = [line for line in (read_text("/proc/meminfo") or "").splitlines() if line.startswith(wanted)]
    return lines + [f"pressure {line}" for line in (read_text("/proc/pressure/memory") or "").splitlines()]


def environment():
    """Which environments there are, which is current, and which were rejected."""
    complete, half = generations.present()
    refused = [it.get("generation") for it in generations.rejected().values()]
    return {"current": generations.current(), "complete": complete, "half": half, "rejected": refused}


def machine():
    release = dict(
        line.split("=", 1) for line in (read_text("/etc/os-release") or "").splitlines() if "=" in line
    )
    about = os.uname()
    return {
        "system": release.get("PRETTY_NAME", "unknown").strip('"'),
        "kernel": about.release,
        "architecture": about.machine,
        "python": sys.version.split()[0],
        "up": float((read_text("/proc/uptime") or "0").split()[0]),
        "load": list(os.getloadavg()),
        "time": time.time(),
        "restart_wanted": Path("/run/reboot-required").exists(),
    }


def people():
    """Who is on the hub, by homes and the hub's records: for those who must not show the names."""
    found = {path.name.removeprefix("jupyter-") for path in Path("/home").glob("jupyter-*")}
    if DATABASE.exists():
        with closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, timeout=5)) as database:
            found |= {name for (name,) in database.execute("SELECT name FROM users")}
    return sorted(found)
