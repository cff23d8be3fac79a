"""The watchdog's place on the droplet: its program, and the timer that runs it twice a minute.

The program lies in a directory that is named by its content, and one small file leads there: whoever starts
it meanwhile runs the former one or the new one, whole.
"""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from coursehub.droplet.system import COURSE, STATE, read_json, read_text, run, write_atomically

LIBRARY = COURSE / "watchdog"
SCRIPT = COURSE / "bin" / "watchdog"
REPORT = STATE / "watchdog.json"
OLD = 600.0
"""Seconds after which its last report says nothing about now."""
UNITS = Path("/etc/systemd/system")
SERVICE, TIMER = "coursehub-watchdog.service", "coursehub-watchdog.timer"
WANTED = UNITS / "timers.target.wants" / TIMER

SERVICE_UNIT = f"""\
# Written by coursehub at each deploy: this file is replaced.
[Unit]
Description=Looks at the hub and heals it
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/bin/python3 -I {SCRIPT}
TimeoutStartSec=900
Nice=5
TasksMax=64
"""
TIMER_UNIT = """\
# Written by coursehub at each deploy: this file is replaced.
[Unit]
Description=Looks at the hub twice a minute

[Timer]
OnActiveSec=20
OnBootSec=90
OnUnitInactiveSec=30
AccuracySec=1

[Install]
WantedBy=timers.target
"""
START = """\
# Written by coursehub at each deploy: this file is replaced.
import sys

sys.path.insert(0, {place!r})
from coursehub.watchdog.command import main

sys.exit(main())
"""


def look(digest):
    """Whether the program named `digest` is there and runs by the timer (`settled`), whether there is any
    watchdog at all (`present`), and what it saw last, unless that is old."""
    return {
        "settled": bool(digest) and settled(digest),
        "present": SCRIPT.exists() or WANTED.exists(),
        "report": recent(),
    }


def recent():
    """{"state", "person", "findings"} of the watchdog's last report, of the findings those that are not good;
    None where there is none of the last minutes."""
    report = read_json(REPORT)
    if not isinstance(report, dict) or not 0 <= time.time() - report.get("at", 0) < OLD:
        return None
    told = [one for one in report["findings"] if one["level"] in ("warning", "failure")]
    return {"state": report["state"], "person": report["person"], "findings": told}


def settled(digest):
    units = {SCRIPT: script(digest), UNITS / SERVICE: SERVICE_UNIT, UNITS / TIMER: TIMER_UNIT}
    return (
        (LIBRARY / digest).exists()
        and WANTED.exists()
        and all(read_text(path) == text for path, text in units.items())
        and run(["systemctl", "is-active", "--quiet", TIMER], timeout=10, check=False).returncode == 0
    )


def script(digest):
    return START.format(place=str(LIBRARY / digest))


def install(digest, files):
    """Put the program, `files` ({path below its directory: text}), in place and start its timer."""
    place = LIBRARY / digest
    beside = LIBRARY / f".{digest}"
    shutil.rmtree(beside, ignore_errors=True)
    for path, text in files.items():
        write_atomically(beside / path, text)
    if not place.exists():
        beside.rename(place)
    LIBRARY.chmod(0o700)
    write_atomically(SCRIPT, script(digest), 0o755)
    write_atomically(UNITS / SERVICE, SERVICE_UNIT)
    write_atomically(UNITS / TIMER, TIMER_UNIT)
    run(["systemctl", "daemon-reload"], timeout=120)
    run(["systemctl", "enable", "--quiet", TIMER], timeout=120)
    run(["systemctl", "restart", TIMER], timeout=120)
    for other in LIBRARY.iterdir():
        if other.name != digest:
            shutil.rmtree(other, ignore_errors=True)


def remove():
    """Stop the watchdog and take its program away; what it remembers stays."""
    run(["systemctl", "disable", "--now", "--quiet", TIMER], timeout=120, check=False)
    for path in (SCRIPT, UNITS / SERVICE, UNITS / TIMER):
        path.unlink(missing_ok=True)
    shutil.rmtree(LIBRARY, ignore_errors=True)
    run(["systemctl", "daemon-reload"], timeout=120)
