"""The hub's configuration files: put in place whole, tried, and taken back if the hub does not come up."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path

from coursehub.droplet.hub import journal, problem_for_students
from coursehub.droplet.system import (
    STATE,
    OperationFailed,
    read_json,
    read_text,
    run,
    wait_for,
    write_atomically,
)

GOOD = STATE / "last-good.json"
APPLIED = STATE / "configuration.json"
PATIENCE = 60.0
"""Seconds for the hub to come up; on a small busy machine it takes 20."""
CRASHES = 3


def look(paths):
    """The present text of each file, the digest of what the hub was last seen healthy with, and whether
    the hub answers now (`problem` is None when it does)."""
    return {
        "files": {path: read_text(path) for path in paths},
        "applied": (read_json(APPLIED) or {}).get("digest"),
        "problem": problem_for_students(),
    }


def digest(files):
    """One name for a set of files: {path: {"text", "mode"}}."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def apply(files, reload, progress):
    """Write `files`, restart what `reload` names ("hub" or "proxy"), and wait until the hub is healthy.

    If it is not within `PATIENCE` seconds, what was last healthy is put back and OperationFailed carries
    the journal's last lines. The marker is written last, so an interrupted run is known by its absence.
    """
    APPLIED.unlink(missing_ok=True)
    if not GOOD.exists():
        keep(files)
    started = time.time()
    put(files)
    progress("restarting the hub")
    problem = restart(reload)
    if problem:
        seen = journal("jupyterhub", started) or journal("traefik", started)
        progress("the hub does not come up: putting the last good configuration back")
        good = read_json(GOOD) or {}
        put({path: good.get(path, {"text": None}) for path in files})
        restored = restart("proxy")
        if not restored:
            mark(good)
        outcome = restored or "the last good configuration is back and the hub answers"
        raise OperationFailed(
            f"the hub did not come up with the new configuration ({problem}); {outcome}",
            "correct course.yml or jupyterhub_config.py: the hub's own words are below",
            seen,
        )
    keep(files)
    mark(files)


def mark(files):
    """Record that the hub was seen healthy with `files`."""
    write_atomically(APPLIED, json.dumps({"digest": digest(files), "at": time.time()}))


def keep(files):
    """Save the present state of `files` as the one to come back to; absent files are recorded as such."""
    present = {}
    for path, wanted in files.items():
        present[path] = {"text": read_text(path), "mode": wanted["mode"]}
    write_atomically(GOOD, json.dumps(present), 0o600)


def put(files):
    """Write each file atomically, or remove it where its text is None."""
    for path, wanted in files.items():
        if wanted["text"] is None:
            Path(path).unlink(missing_ok=True)
        else:
            write_atomically(path, wanted["text"], wanted["mode"])


def restart(what):
    """Restart the hub or the proxy (which takes the hub with it); return None or what is wrong.

    `tljh-config reload` waits for ever for a hub that cannot start, hence the time-out; and a unit that
    failed often is no longer started by systemd until its counter is reset.
    """
    run(["systemctl", "reset-failed", "jupyterhub.service", "traefik.service"], timeout=30, check=False)
    try:
        if what == "proxy":
            run(["tljh-config", "reload", "proxy"], timeout=PATIENCE, check=False)
        run(["systemctl", "restart", "jupyterhub.service"], timeout=PATIENCE)
        return wait_for(problem_or_despair, seconds=PATIENCE)
    except OperationFailed as error:
        return error.message


def problem_or_despair():
    """What is wrong with the hub; raises OperationFailed when it has crashed too often to wait longer,
    because a class without a hub should not wait for a time-out."""
    problem = problem_for_students()
    if problem:
        shown = run(
            ["systemctl", "show", "--property=NRestarts", "--value", "jupyterhub.service"], timeout=10
        )
        if int(shown.stdout.strip() or 0) >= CRASHES:
            raise OperationFailed(f"the hub crashed {CRASHES} times in a row")
    return problem
