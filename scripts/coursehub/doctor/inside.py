"""What the server said of itself (coursehub.droplet.doctor), judged. Pure."""

from __future__ import annotations

import calendar
import json
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from ..model import Json
from .model import FAILURE, GOOD, UNSEEN, WARNING, Finding, Section

GIB, MIB = 1 << 30, 1 << 20
RECENT = 900.0
SNIPPET = re.compile(r"/opt/tljh/config/(?:jupyterhub_config\.d/[\w.-]+|config\.yaml)")
DEPLOY = "run the workflow that deploys"
FIXES = {
    "volume": f"{DEPLOY}: it attaches and mounts the volume",
    "disk": "free some disk (below is where it went), or choose a larger droplet.size or storage.size",
    "memory": "choose a larger droplet.size, or smaller limits.memory; stop servers that are not used",
    "hub": f"{DEPLOY}: it restarts a hub that is down; the journal below says why it ended",
    "proxy": f"{DEPLOY}; the journal below says why it ended",
    "way to the hub": f"{DEPLOY}: it restarts hub and proxy",
    "way to a server": "its owner stops and starts the server at Hub Control Panel",
    "environment": f"{DEPLOY}: it installs the environment again",
    "certificate": f"{DEPLOY}; Documentation/Https.md says what each reason means",
    "clock": "restart systemd-timesyncd on the server; `timedatectl` says why it is not set",
    "processes": "the owner of that server stops it at Hub Control Panel",
    "services": "`systemctl status` of it on the server says why; the journal below has its last words",
    "last deploy": "look at its run, correct what it names, and run the workflow that deploys again",
    "culler": f"{DEPLOY}: it restarts the hub, which starts it",
}
BY_HAND = (
    "take out what is wrong in that file, or run the workflow that deploys, which puts back what it wrote; "
    "then the hub starts by itself"
)


def section(seen: Json) -> Section:
    """All that is thought of it, what a person should read of it, and the texts for the bundle."""
    found = [*fresh(seen), *configuration(seen), *kernel(seen), *crowd(seen)]
    texts = {f"server-{name}": shown(value) for name, value in seen.items() if name != "people"}
    journal = seen["journal"]
    if "unseen" in journal:
        journal = {"journal": [f"cannot be read: {journal['unseen']}"]}
    texts["server-journal"] = "\n\n".join(
        f"## {group}\n" + "\n".join(lines or ["nothing"]) for group, lines in journal.items()
    )
    return Section("inside", "The server from inside", tuple(found), tuple(to_read(seen)), texts)


def shown(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True)


def fresh(seen: Json) -> Iterable[Finding]:
    """What the watchdog finds at this moment."""
    about = seen["watchdog"]
    if "unseen" in about:
        words = f"its look does not come to an end: {about['unseen']}"
        yield Finding("watchdog", WARNING, words, f"{DEPLOY}; if it stays so, ask with the bundle")
        return
    for one in about["findings"]:
        why = f" ({one['why']})" if one["why"] else ""
        kind = one["name"].split(" of ")[0]
        fix = FIXES.get(kind, "") if one["level"] in (FAILURE, WARNING) else ""
        yield Finding(one["name"], one["level"], one["seen"] + why, fix)


def configuration(seen: Json) -> Iterable[Finding]:
    """A hub that its own configuration keeps from starting: which file, and what it says of it."""
    about = seen["watchdog"]
    hub = next((one for one in about.get("findings", ()) if one["name"] == "hub"), None)
    if not hub or hub["level"] != FAILURE or "again" not in hub["why"]:
        return
    for trace in reversed(lines_of(seen, "jupyterhub")):
        if "\n" in trace and is_recent(trace, seen) and (files := SNIPPET.findall(trace)):
            error = trace.splitlines()[-1].strip()
            yield Finding("configuration", FAILURE, f"the hub ends because of {files[-1]}: {error}", BY_HAND)
            return
    if "again and again" in hub["why"] and about["changed"]:
        words = f"the hub ends again and again since {', '.join(about['changed'])} was changed by hand"
        yield Finding("configuration", FAILURE, words, BY_HAND)


def is_recent(line: str, seen: Json) -> bool:
    """Whether a line of the journal is of the last minutes: what was mended long ago explains nothing."""
    now = seen["machine"].get("time", 0.0)
    at = calendar.timegm(time.strptime(f"{time.gmtime(now).tm_year} {line[:14]}", "%Y %m-%d %H:%M:%S"))
    return now - at < RECENT


def kernel(seen: Json) -> Iterable[Finding]:
    """What the kernel killed for want of memory, in the last day."""
    killed = [line for line in lines_of(seen, "kernel") if "killed process" in line.lower()]
    if killed:
        words = f"the kernel ended processes for want of memory, last at {killed[-1][:14]} UTC"
        yield Finding("killed", WARNING, words, FIXES["memory"])


def crowd(seen: Json) -> Iterable[Finding]:
    """People's servers that failed. The watchdog names the units of all others."""
    failed = [] if "unseen" in seen["services"] else seen["services"]["failed"]
    theirs = sum(unit.startswith("jupyter-") for unit in failed)
    if theirs:
        words = f"{theirs} of the people's servers failed"
        yield Finding(
            "people's servers", WARNING, words, "the journal below says why; starting them again is safe"
        )
    if seen["machine"].get("restart_wanted"):
        fix = "restart the server when nobody works: `reboot`"
        yield Finding("updates", WARNING, "the server wants to be restarted for its updates", fix)


def lines_of(seen: Json, group: str) -> list[str]:
    journal = seen["journal"]
    return [] if "unseen" in journal else list(journal.get(group) or ())


def to_read(seen: Json) -> Iterable[str]:
    """The facts a person wants beside the findings, each in a line."""
    machine = seen["machine"]
    if "unseen" not in machine:
        load = " ".join(f"{one:.1f}" for one in machine["load"])
        yield f"{machine['system']}, up for {machine['up'] / 3600:.1f} hours, load {load}"
    if "unseen" not in seen["services"]:
        own = [one for one in seen["services"]["units"] if not one["Id"].startswith("jupyter-")]
        yield "services: " + ", ".join(f"{one['Id']} {one['ActiveState']}" for one in own)
    if "unseen" not in seen["disks"]:
        for place, disk in seen["disks"].items():
            free = f"{disk['free'] / GIB:.1f} of {disk['size'] / GIB:.1f} GB free"
            yield f"disk {place}: {free}, {disk['inodes']:.0%} of its inodes"
    if isinstance(seen["places"], list) and seen["places"]:
        most = ", ".join(f"{place} {size / GIB:.1f} GB" for place, size in seen["places"][1:7])
        yield f"where the disk went: {most}"
    if isinstance(seen["consumers"], list):
        yield "most memory: " + ", ".join(
            f"{unit} {size / MIB:.0f} MB" for unit, size, _, _ in seen["consumers"][:5]
        )
    holder = seen["lock"] or {}
    if "unseen" in holder:
        holder = {"who": "nobody knows whom", "since": "?"}
    yield "lock: " + (
        "nobody deploys"
        if not holder
        else f"held by {holder.get('who', '?')} since {holder.get('since', '?')}"
    )
    yield from deploys(seen["deploys"])
    environment = seen["environment"]
    if "unseen" not in environment:
        yield f"environment: {environment['current']} of {len(environment['complete'])}" + (
            f", rejected: {', '.join(map(str, environment['rejected']))}" if environment["rejected"] else ""
        )
    yield from acts(seen["report"], seen["events"])
    for group in ("jupyterhub", "traefik", "coursehub", "servers", "kernel"):
        for line in lines_of(seen, group)[-5:]:
            yield f"journal, {group}: {' ⏎ '.join(line.splitlines()[-3:])}"


def deploys(entries: Any) -> Iterable[str]:
    for entry in entries[-3:] if isinstance(entries, list) else ():
        words = f"{entry.get('verdict', '?')} since {entry.get('since', '?')}, by {entry.get('who', '?')}"
        yield f"deploy: {words} {entry.get('error') or ''}".rstrip()


def acts(report: Any, events: Any) -> Iterable[str]:
    """When the watchdog looked last, and what it did lately."""
    if isinstance(report, Mapping) and "at" in report:
        ago = time.time() - report["at"]
        yield f"the watchdog looked {ago:.0f} s ago: {report.get('state')}"
    else:
        yield "the watchdog has not looked yet, or is switched off"
    for event in [one for one in events if one.get("what") == "did"][-3:] if isinstance(events, list) else ():
        at = time.strftime("%m-%d %H:%M", time.gmtime(event.get("at", 0)))
        yield f"the watchdog at {at} UTC: {event.get('words')} (for: {event.get('finding')})"


def unreached(words: str, fix: str) -> Section:
    """The server does not let anybody look."""
    return Section("inside", "The server from inside", (Finding("SSH", FAILURE, words, fix),))


def not_looked(words: str) -> Section:
    return Section("inside", "The server from inside", (Finding("SSH", UNSEEN, words),))


def reached() -> Finding:
    return Finding("SSH", GOOD, "the server lets the deploy key in")
