"""What the watchdog remembers: its report, and a bounded log of what began, what was done, and what ended."""

from __future__ import annotations

import json

from coursehub.droplet.system import STATE, read_json, write_atomically

REPORT = STATE / "watchdog.json"
LOG = STATE / "watchdog.log"
MOST = 256 * 1024
"""Bytes of the log, one line of JSON an event; when it has more, the older half goes."""
KEPT_ACTS = 50


def last():
    """The report of the last pass; an empty one before the first."""
    empty = {
        "at": 0.0,
        "state": None,
        "findings": [],
        "acts": [],
        "streaks": {},
        "since": {},
        "kills": {},
        "restarts": {},
    }
    found = read_json(REPORT)
    return {**empty, **found} if isinstance(found, dict) else empty


def save(report):
    """Replace the report. On a full disk the log has what matters, as far as it can."""
    write_atomically(REPORT, json.dumps(report, indent=1), 0o600)


def log(events):
    """Append events, each {"at", "what", …}, and keep the log bounded."""
    if not events:
        return
    data = "".join(json.dumps(event, sort_keys=True) + "\n" for event in events)
    LOG.touch(0o600)
    with LOG.open("a") as file:
        file.write(data)
    if LOG.stat().st_size > MOST:
        lines = LOG.read_text(errors="replace").splitlines(keepends=True)
        write_atomically(LOG, "".join(lines[len(lines) // 2 :]), 0o600)


def changes(before, after, now):
    """The events between two reports: what was found anew, or otherwise than before, and what is over."""
    was = {one["name"]: one for one in before["findings"] if one["level"] != "good"}
    events = []
    present = {one["name"]: one for one in after if one["level"] != "good"}
    for name, one in present.items():
        if name not in was or was[name]["level"] != one["level"]:
            events.append({"at": now, "what": "found", **one})
    for name in was:
        if name not in present:
            since = before["since"].get(name, now)
            events.append({"at": now, "what": "over", "name": name, "seconds": round(now - since)})
    return events
