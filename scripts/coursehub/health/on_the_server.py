"""What the check from outside does on the server. This file is sent there, and run by the server's own Python
(3.10 or later) as `python3 -I - look` or `heal`; it needs nothing of the program, which a server may lack or
have in another version, and prints one line of JSON.

Nobody is named in what it prints, for that is shown to others: a student's name is also in that of their
server, and a deploy's holder is a person.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

COURSE = Path("/opt/course")
REPORT, LOCK, AUDIT = COURSE / "state" / "watchdog.json", COURSE / "lock", COURSE / "audit.log"
WATCHDOG = COURSE / "bin" / "watchdog"
SERVICE, TIMER = "coursehub-watchdog.service", "coursehub-watchdog.timer"
HUB, PROXY = "jupyterhub.service", "traefik.service"
HUB_URL, PROXY_URL = "http://127.0.0.1:15001/hub/api/", "http://127.0.0.1/hub/api/"
SOMEBODYS = re.compile(r"\bjupyter-[\w.\\@:-]*")
ACTS_OF = 86400.0
"""Seconds: older acts of the watchdog are not told."""
A_PASS = 150.0
"""Seconds for the watchdog to look and heal; it goes on after that, and we go on without it."""
COMING_UP = 40.0
HUBS_OWN = "X-JupyterHub-Version"
"""A header that JupyterHub sends with each answer, be it an error."""
STARTING = 15.0
ANSWER = 5.0
OURS = {"who": "the health check from outside, which heals", "run": ""}


def main(words):
    found = heal() if words == ["heal"] else look()
    print(json.dumps(nameless(found)), flush=True)


def look():
    """What is known here without asking anybody: the watchdog's last report, and who holds the lock."""
    now = time.time()
    answers = {"proxy": answer_of(PROXY_URL), "hub": answer_of(HUB_URL)}
    return {
        "now": now,
        "watchdog": WATCHDOG.exists(),
        "timer": done(["systemctl", "is-active", "--quiet", TIMER]),
        "report": report(now),
        "deploying": deploying(),
        # Within a short while after these, there is no report yet: that is no trouble.
        "uptime": float(Path("/proc/uptime").read_text().split()[0]),
        "deployed": AUDIT.stat().st_mtime if AUDIT.exists() else None,
        "well": not any(answers.values()),
        "answers": answers,
        "states": {"proxy": state(PROXY), "hub": state(HUB)},
    }


def report(now):
    """The watchdog's report: what is not good, what was done lately, what is left of disk and memory."""
    try:
        told = json.loads(REPORT.read_text())
        findings = [
            {name: one.get(name) or "" for name in ("name", "level", "seen", "why")}
            for one in told["findings"]
            if one["level"] != "good"
        ]
        acts = [
            {name: act.get(name) for name in ("at", "act", "finding", "words")}
            for act in told["acts"]
            if now - act["at"] < ACTS_OF
        ]
        kept = {name: told.get(name) for name in ("at", "state", "person", "capacity", "servers")}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    for one in findings:
        if one["name"] == "last deploy":
            one["why"] = "the run of the workflow that deploys says why"
    return {**kept, "findings": findings, "acts": acts}


def deploying():
    """{"who", "since"} of who holds the lock of deploys at this moment; None when nobody does."""
    with contextlib.suppress(FileNotFoundError), LOCK.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                holder = json.load(file)
            except ValueError:
                holder = {}
            who = "the watchdog" if "watchdog" in str(holder.get("who")) else "a deploy"
            return {"who": who, "since": str(holder.get("since", ""))}
    return None


def nameless(value):
    """The same value without any student's name."""
    if isinstance(value, str):
        return SOMEBODYS.sub("a student's server", value)
    if isinstance(value, dict):
        return {key: nameless(one) for key, one in value.items()}
    if isinstance(value, list):
        return [nameless(one) for one in value]
    return value


def heal():
    """Let the watchdog heal; where there is none, or it may not do more in this hour, restart the hub and
    then the proxy. `did` is what was done, in words."""
    holder = deploying()
    did = []
    if not (holder and holder["who"] == "a deploy"):
        if WATCHDOG.exists():
            did += by_the_watchdog()
        if not well():
            did += by_hand()
    return {**look(), "did": did}


def by_the_watchdog():
    """A pass of it, now; what it did."""
    began = time.time()
    done(["systemctl", "start", SERVICE], A_PASS)
    told = report(time.time()) or {"acts": []}
    return [str(act["words"]) for act in told["acts"] if act["at"] >= began]


def by_hand():
    """As the watchdog does it (coursehub.watchdog.acts), holding the lock of deploys meanwhile."""
    did = []
    with contextlib.suppress(OSError), locked():
        for units, words in (((HUB,), "the hub"), ((PROXY, HUB), "the proxy and the hub")):
            done(["systemctl", "reset-failed", HUB, PROXY])
            worked = done(["systemctl", "restart", *units], 60.0)
            did.append(f"restarted {words}" if worked else f"tried to restart {words}, in vain")
            deadline = time.monotonic() + COMING_UP
            while time.monotonic() < deadline:
                if well():
                    return did
                time.sleep(1)
    return did


@contextlib.contextmanager
def locked():
    """Raises BlockingIOError when somebody else has the lock by now."""
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        since = time.strftime("%H:%M:%S UTC", time.gmtime())
        os.pwrite(descriptor, json.dumps({**OURS, "since": since}).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def well():
    """Whether the hub answers here, and the proxy leads to it."""
    return not (answer_of(HUB_URL) or answer_of(PROXY_URL))


def answer_of(url):
    """Nothing ("") where JupyterHub's API answers, by https where http leads to it; else "status 404" or the
    like, with "of another program" where it is what no JupyterHub says, or "no answer". Its certificate is
    another matter, and nothing secret is sent."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    ways = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    opener = urllib.request.build_opener(*ways)
    try:
        with opener.open(url, timeout=ANSWER) as answer:
            status, headers, body = answer.status, answer.headers, answer.read(1 << 16)
    except urllib.error.HTTPError as error:
        error.close()
        status, headers, body = error.code, error.headers, b""
    except (OSError, ValueError, http.client.HTTPException):
        return "no answer"
    with contextlib.suppress(ValueError, TypeError):
        if "version" in json.loads(body):
            return ""
    return f"status {status}" if HUBS_OWN in headers else f"status {status} of another program"


def state(unit):
    """The state of a service in systemd's word, such as "active"; "" when it does not say. A hub that was
    just started needs a moment, though systemd calls it active at once."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        command = ["systemctl", "show", unit, "--property=ActiveState,ActiveEnterTimestampMonotonic"]
        ended = subprocess.run(
            command, capture_output=True, stdin=subprocess.DEVNULL, text=True, timeout=ANSWER
        )
        about = dict(line.split("=", 1) for line in ended.stdout.splitlines() if "=" in line)
        began = float(about.get("ActiveEnterTimestampMonotonic") or 0) / 1e6
        is_new = time.clock_gettime(time.CLOCK_MONOTONIC) - began < STARTING
        word = about.get("ActiveState", "")
        return "activating" if word == "active" and is_new and unit == HUB else word
    return ""


def done(command, seconds=20.0):
    """Whether a command ended well, in time."""
    try:
        ended = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


if __name__ == "__main__":
    main(sys.argv[1:])
