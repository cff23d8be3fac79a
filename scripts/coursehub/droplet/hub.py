"""The Littlest JupyterHub itself: installed by its own bootstrap, at a pinned version."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import time
import urllib.request
from pathlib import Path

from coursehub.droplet.system import (
    STATE,
    OperationFailed,
    last_lines,
    read_json,
    run,
    stream,
    wait_for,
    write_atomically,
)

TLJH = Path("/opt/tljh")
CONFIG = TLJH / "config" / "config.yaml"
UNITS = tuple(Path("/etc/systemd/system") / name for name in ("jupyterhub.service", "traefik.service"))
ENVIRONMENTS = (TLJH / "hub", TLJH / "user")
MARKER = STATE / "tljh.json"
EXCEPTION = re.compile(r"([A-Za-z_]\w*\.)*[A-Za-z_]\w*(Error|Exception|Exit)(:|$)")
# TLJH's own choice (hub_connect_url and bind_url of its jupyterhub_config.py, 2.0).
HUB_API = "http://127.0.0.1:15001/hub/api/"


def look():
    """The version of TLJH that was installed to the end, or None."""
    marker = read_json(MARKER) or {}
    present = (TLJH / "hub" / "bin" / "python3").exists() and all(unit.exists() for unit in UNITS)
    return {"version": marker.get("version") if present else None}


def install(bootstrap_url, version, config, progress):
    """Run TLJH's bootstrap at `version`.

    `config` is written first where there is no configuration yet: it keeps the hub's door shut (traefik
    listens on the loopback address only) until the course's own configuration is applied, because TLJH
    by itself lets anybody in while no user is named.
    """
    if not CONFIG.exists():
        CONFIG.parent.mkdir(parents=True, exist_ok=True)
        CONFIG.parent.chmod(0o700)
        write_atomically(CONFIG, config, 0o600)
    start_afresh_after_interruption()
    script = STATE / "bootstrap.py"
    progress(f"fetching {bootstrap_url}")
    write_atomically(script, fetch(bootstrap_url))
    stream(["python3", script, "--version", version], progress=progress, timeout=2400, cwd="/root")
    problem = wait_for(hub_problem, seconds=120)
    if problem:
        raise OperationFailed(
            f"TLJH was installed but the hub does not answer: {problem}", detail=journal("jupyterhub", 0)
        )
    write_atomically(MARKER, json.dumps({"version": version, "fresh": False, "installed": time.time()}))


def start_afresh_after_interruption():
    """Remove what an interrupted first installation left: neither TLJH's bootstrap nor pip can go on from
    half a virtual environment. A TLJH that was there before us is left alone, and so is an upgrade."""
    marker = read_json(MARKER) or {"fresh": not ENVIRONMENTS[0].exists()}
    if marker["fresh"]:
        for place in ENVIRONMENTS:
            shutil.rmtree(place, ignore_errors=True)
    write_atomically(MARKER, json.dumps({**marker, "version": None}))


def fetch(url):
    """The bytes at `url`, tried three times."""
    problem = None
    for attempt in range(3):
        time.sleep(2 * attempt)
        try:
            # The address comes from course.yml, whose schema admits http and https only.
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310
                return answer.read()
        except (OSError, ValueError, http.client.HTTPException) as error:
            problem = error
    raise OperationFailed(
        f"could not fetch TLJH's bootstrap from {url}: {problem}",
        "run the deploy again later, or correct mirrors.tljh_bootstrap and hub.tljh_version in course.yml",
    )


def hub_problem():
    """None when the hub's API answers as a hub does, else what was seen instead."""
    try:
        with urllib.request.urlopen(HUB_API, timeout=5) as answer:
            return None if "version" in json.load(answer) else f"{HUB_API} does not answer as a hub does"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"{HUB_API}: {error}"


def problem_for_students():
    """None when the hub answers and the proxy leads to it, as a student's browser needs it; else what was
    seen instead. A proxy that has just been restarted takes a moment until it knows the way."""
    return hub_problem() or proxy_problem()


def proxy_problem():
    """None when the proxy leads to the hub, or to its https address, which is looked at from outside."""
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=5)
    try:
        connection.request("GET", "/hub/api/")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"the proxy does not answer on port 80: {error}"
    finally:
        connection.close()
    return None if status == 200 or 300 <= status < 400 else f"the proxy answered {status} for the hub"


def journal(unit, since, count=25):
    """The last lines of a unit's journal since `since` (seconds since the epoch)."""
    done = run(
        [
            "journalctl",
            "--unit",
            unit,
            "--since",
            f"@{since:.0f}",
            "--lines",
            "200",
            "--output",
            "cat",
            "--no-pager",
        ],
        timeout=30,
        check=False,
    )
    return last_words(done.stdout, count)


def last_words(text, count):
    """The last `count` lines of a log, up to the end of its last traceback if it has one: a unit that
    crashes in a loop has begun another that says nothing yet."""
    lines = text.rstrip().splitlines()
    ends = [number for number, line in enumerate(lines, 1) if EXCEPTION.match(line.strip())]
    return last_lines("\n".join(lines[: ends[-1]] if ends else lines), count)
