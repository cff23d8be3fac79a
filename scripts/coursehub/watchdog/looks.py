"""What the watchdog looks at, each look by itself: what one cannot see does not hide the others."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from coursehub.droplet import certificate, lock
from coursehub.droplet.audit import LOG
from coursehub.droplet.generations import CURRENT, MARKER
from coursehub.droplet.hub import CONFIG
from coursehub.droplet.mount_home import HOME, RECORD
from coursehub.droplet.system import OperationFailed, read_text, run
from coursehub.watchdog import kills, machine, ssh
from coursehub.watchdog.asking import ask

HUB, PROXY = "jupyterhub.service", "traefik.service"
HUB_PORT = 15001
DATABASE = Path("/opt/tljh/state/jupyterhub.sqlite")
RUNNING = """SELECT users.name FROM spawners JOIN users ON users.id = spawners.user_id
WHERE spawners.server_id IS NOT NULL AND users.name != 'coursehub-canary'
ORDER BY spawners.last_activity DESC"""
CULLER = b"idle_culler"
OWN = "localhost"
"""What a certificate of the course's own is asked for: config.yaml does not say its name."""
WORKERS = 4
LAST = 1 << 14
"""Bytes of the end of the audit log; an entry is far shorter."""


def look():
    """{name: what was seen}; for a look that failed, {"unseen": why}."""
    config = attempted(configuration)
    host = domain(config)
    looks = {
        "units": (units,),
        "volume": (volume,),
        "hub": (ask, "/hub/api/", HUB_PORT),
        "proxy": (ask, "/hub/api/", 443 if host else 80, host),
        "certificate": (served, host),
        "servers": (servers, host),
        "culler": (culler,),
        "environment": (environment,),
        "deploy": (last_deploy,),
        "kills": (kills.look,),
        "ssh": (ssh.look,),
        **{name: (one,) for name, one in machine.LOOKS.items()},
    }
    # Side by side: when all that is asked for an answer hangs, one patience is enough.
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        begun = {name: pool.submit(attempted, *one) for name, one in looks.items()}
        return {"config": config} | {name: one.result() for name, one in begun.items()}


def attempted(what, *arguments):
    """What a look saw, or why it could not."""
    try:
        return what(*arguments)
    except (OSError, ValueError, KeyError, sqlite3.Error, OperationFailed) as error:
        return {"unseen": str(error) or type(error).__name__}


def configuration():
    """The hub's config.yaml, which the deploy writes as JSON; {} for one of somebody else's."""
    text = read_text(CONFIG) or ""
    start = text.find("{")
    try:
        return json.loads(text[start:]) if start >= 0 else {}
    except ValueError:
        return {}


def domain(config):
    """The name or address under which the hub is served encrypted, or OWN; None without encryption."""
    https = config.get("https") or {}
    if not https.get("enabled"):
        return None
    domains = (https.get("letsencrypt") or {}).get("domains") or ()
    return domains[0] if domains else OWN


def units():
    """{unit: {property: text}} of the hub and the proxy, and `failed`, the units of all that failed."""
    shown = run(
        [
            "systemctl",
            "show",
            HUB,
            PROXY,
            "--property=Id,ActiveState,SubState,Result,NRestarts,ActiveEnterTimestampMonotonic,MainPID",
        ],
        timeout=15,
    ).stdout
    found = {}
    for block in shown.strip().split("\n\n"):
        about = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        found[about.pop("Id")] = about
    listed = run(
        ["systemctl", "list-units", "--state=failed", "--plain", "--no-legend", "--no-pager"], timeout=15
    ).stdout
    found["failed"] = [line.split()[0] for line in listed.splitlines() if line.strip()]
    return found


def volume():
    """Whether the homes' volume is wanted, and mounted."""
    return {"wanted": RECORD.exists(), "mounted": os.path.ismount(HOME)}


def served(host):
    """The certificate that is shown for `host`, if there is one: its end (seconds since the epoch), and what
    is wrong with it."""
    if host is None:
        return {"host": None}
    found = certificate.served(host)
    names = found["names"] if found and host == OWN else [host]
    problem = certificate.problem_of(found, names[0]) if names else "it is for no name"
    return {"host": host, "problem": problem, "end": found and found["end"]}


def servers(host):
    """How many people's servers run, by the hub's records, and what the proxy answers for one of them."""
    if not DATABASE.exists():
        return {"running": 0}
    with contextlib.closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, timeout=5)) as database:
        names = [name for (name,) in database.execute(RUNNING)]
    if not names:
        return {"running": 0}
    return {"running": len(names), "answer": ask(f"/user/{names[0]}/api", 443 if host else 80, host)}


def culler():
    """Whether a process that stops idle servers runs."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            with contextlib.suppress(OSError):
                if CULLER in (process / "cmdline").read_bytes():
                    return {"runs": True}
    return {"runs": False}


def environment():
    """What is missing of the environment that new servers start from."""
    if not os.path.lexists(CURRENT):
        return {"missing": "there is no current environment"}
    place = CURRENT.resolve()
    needed = (MARKER, "bin/python3", "bin/jupyterhub-singleuser")
    lacking = [name for name in needed if not (place / name).exists()]
    return {"name": place.name, "missing": f"{place} lacks {', '.join(lacking)}" if lacking else None}


def last_deploy():
    """What the last deploy came to, by the audit log; {} without any."""
    if not LOG.exists():
        return {}
    with LOG.open("rb") as file:
        file.seek(max(0, LOG.stat().st_size - LAST))
        lines = file.read().splitlines()
    return json.loads(lines[-1]) if lines else {}


def deploying():
    """Who deploys at this moment, as recorded in the lock; None when nobody does."""
    return lock.holder_now()
