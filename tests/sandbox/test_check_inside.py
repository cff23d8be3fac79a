"""The health check that looks from inside as well, with the runner's own ssh: it tells the cause, heals, and
is never held up. The tests of this file tell one story, in order, on one machine."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from deployments import make_key
from hub_servers import raw
from sandbox.commands import wait_until

pytestmark = pytest.mark.sandbox
CHECK = Path(__file__).parents[2] / "scripts" / "check_health.py"
REPORT = "/opt/course/state/watchdog.json"
SECRETS = ("SSH_PRIVATE_KEY", "DROPLET_HOST", "DROPLET_HOST_KEY")


@pytest.fixture(scope="module")
def watched(make_deployed):
    course, box = make_deployed("test-check-inside")
    course.override["health"] = {"watchdog": True}
    assert course.deploy().parts == ["watchdog"]
    return course, box


@pytest.fixture(scope="module")
def course(watched):
    return watched[0]


@pytest.fixture(scope="module")
def box(watched):
    return watched[1]


def check(course, box, **changes) -> dict:
    """What the check says, with nothing installed; `took` are the seconds."""
    secrets = {name: course.secrets[name] for name in SECRETS} | changes
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-S", CHECK, "--url", f"http://{box.address}", "--json", "--spacing", "0"],
        env={"PATH": os.environ["PATH"]} | secrets,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert "PRIVATE KEY" not in done.stdout + done.stderr
    return json.loads(done.stdout) | {"code": done.returncode, "took": time.monotonic() - began}


def names(found: dict) -> set[str]:
    return {one["name"] for one in found["findings"] if one["level"] in ("warning", "failure")}


def finding(found: dict, name: str) -> dict:
    return next(one for one in found["findings"] if one["name"] == name)


def a_pass(box) -> None:
    box.run(["systemctl", "start", "coursehub-watchdog.service"])


def test_the_report_is_fetched(course, box):
    a_pass(box)
    found = check(course, box)
    assert (found["state"], found["code"], found["cause"], found["healed"]) == ("up", 0, "", []), found
    assert found["inside"]["state"] == "up" and found["inside"]["deploying"] is None
    assert found["inside"]["servers"] == 0 and "/" in found["inside"]["capacity"]["disks"]
    assert found["took"] < 30


def test_without_a_key_nothing_is_looked_at_inside(course, box):
    found = check(course, box, SSH_PRIVATE_KEY="")
    assert found["state"] == "up" and found["inside"] is None and names(found) == set()


def test_another_host_key_is_refused(course, box, tmp_path):
    """Nothing was sent: the server knows of no log-in."""
    before = log_ins(box)
    found = check(course, box, DROPLET_HOST_KEY=make_key(tmp_path)[1])
    assert found["state"] == "degraded" and "another host key" in finding(found, "ssh")["seen"]
    assert found["inside"] is None and log_ins(box) == before


def log_ins(box) -> int:
    said = box.run(["journalctl", "--unit", "ssh", "--grep", "Accepted publickey", "--quiet"], check=False)
    return len(said.stdout.splitlines())


def test_another_key_of_ours_is_refused(course, box, tmp_path):
    found = check(course, box, SSH_PRIVATE_KEY=make_key(tmp_path)[0])
    assert found["state"] == "degraded" and "does not let" in finding(found, "ssh")["seen"]


def test_a_port_that_accepts_and_is_silent(course, box):
    with raw(lambda line: None) as port:
        found = check(course, box, DROPLET_HOST=f"127.0.0.1:{port}")
    assert found["state"] == "degraded" and "says nothing" in finding(found, "ssh")["seen"]
    assert found["took"] < 60


def test_a_hub_that_is_down_is_healed_by_the_watchdog(course, box):
    """Its timer is off, so that it is the check that heals."""
    box.run(["systemctl", "stop", "coursehub-watchdog.timer"])
    box.run(["systemctl", "stop", "jupyterhub"])
    found = check(course, box)
    assert found["state"] in ("up", "degraded") and found["was"] == "down" and found["code"] == 0, found
    assert found["healed"] == ["restarted the hub"] and "switched off" in found["cause"]
    assert "restarted the hub" in found["title"]
    assert names(found) == {"watchdog"} and "timer" in finding(found, "watchdog")["why"]
    assert found["inside"]["acts"][-1]["act"] == "restart_hub"


def test_its_budget_being_spent_the_check_goes_on(course, box):
    acts = [{"at": time.time(), "act": "x", "finding": "hub", "on": "", "words": "did x"}] * 6
    code = f"import json; p = {REPORT!r}; r = json.load(open(p)); r['acts'] = {acts!r}; "
    box.run(["python3", "-c", f"{code}json.dump(r, open(p, 'w'))"])
    box.run(["systemctl", "stop", "traefik"])  # and with it the hub
    found = check(course, box)
    assert found["was"] == "down" and found["state"] in ("up", "degraded"), found
    assert found["healed"][-1] in ("restarted the hub", "restarted the proxy and the hub")
    assert "switched off" in found["cause"]


def test_during_a_deploy_nothing_is_healed(course, box):
    box.run(["systemctl", "stop", "jupyterhub"])
    hold = 'echo \'{"who": "Ada Lovelace", "since": "noon"}\' > /opt/course/lock; exec sleep 120'
    box.run(["systemd-run", "--unit=holder", "flock", "/opt/course/lock", "sh", "-c", hold])
    wait_until(lambda: check_lock(box), 20, "the lock is held")
    try:
        found = check(course, box)
    finally:
        box.run(["systemctl", "stop", "holder"])
    assert found["state"] == "down" and found["code"] == 1 and found["healed"] == []
    assert "a deploy is at work" in found["cause"] and "Lovelace" not in json.dumps(found)
    assert found["inside"] is None or found["inside"]["deploying"]["who"] == "a deploy"


def check_lock(box) -> bool:
    return box.run(["flock", "-n", "/opt/course/lock", "true"], check=False).returncode != 0


def test_without_a_watchdog_the_check_restarts_the_hub(course, box):
    box.run(["mv", "/opt/course/bin/watchdog", "/opt/course/bin/away"])
    try:
        found = check(course, box)
    finally:
        box.run(["mv", "/opt/course/bin/away", "/opt/course/bin/watchdog"])
    assert (found["state"], found["was"], found["healed"]) == ("up", "down", ["restarted the hub"]), found
    assert found["inside"] is None


def test_a_watchdog_that_does_not_look_any_more(course, box):
    box.run(["systemctl", "start", "coursehub-watchdog.timer"])
    found = check(course, box)
    assert "watchdog" not in names(found)
    box.run(["systemctl", "stop", "coursehub-watchdog.timer"])
    found = check(course, box)
    assert found["state"] == "degraded" and "does not look any more" in finding(found, "watchdog")["seen"]


def test_sshd_that_is_gone(course, box):
    box.run(["systemctl", "stop", "ssh.socket", "ssh"], check=False)
    found = check(course, box)
    box.run(["systemctl", "start", "ssh"])
    assert found["state"] == "degraded" and finding(found, "ssh")["why"].startswith("sshd does not run")
    assert names(found) == {"ssh"}
