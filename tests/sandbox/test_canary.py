"""The canary: somebody who is nobody works on a real hub as a student does, and leaves nothing behind.

The tests of this file tell one story, in order, on one machine, where Ada is in the middle of something.
"""

import json
import os
import subprocess
import sys
import time

import pytest

from coursehub.health import canary
from coursehub.health.model import hub_from
from deployments import REPOSITORY
from sandbox import network
from sandbox.acme import Identity
from sandbox.commands import wait_until
from sandbox.identity_provider import Provider
from student import Refused, Student

pytestmark = pytest.mark.sandbox
NAME = "coursehub-canary"
ACCOUNT = f"jupyter-{NAME}"
STATE = f"/opt/tljh/state/{NAME}.json"
MOST = 75
"""Seconds for all of it. It takes five to ten, and far longer on a computer on which other tests run too."""
CURRENT = "$(readlink -f /opt/course/envs/current)"


@pytest.fixture(scope="module")
def watched(make_deployed):
    course, box = make_deployed("test-canary")
    course.override["health"] = {"watchdog": True}
    course.deploy()
    box.run(["systemctl", "stop", "coursehub-watchdog.timer"])
    return course, box


@pytest.fixture(scope="module")
def course(watched):
    return watched[0]


@pytest.fixture(scope="module")
def box(watched):
    return watched[1]


def ordered(box):
    """How a command is run on the machine."""
    return lambda command: box.run(command.split()).stdout.decode()


def fly(box, order=None, **options) -> dict:
    return canary.run(hub_from(f"http://{box.address}", "test"), order or ordered(box), **options)


def traces(box) -> list[str]:
    """What is there of the canary anywhere: in the system's accounts, in the homes, in the hub's records."""
    places = "/etc/passwd /etc/group /etc/shadow /etc/gshadow /etc/subuid /etc/subgid /opt/tljh/config"
    found = box.run(["sh", "-c", f"grep -rl {NAME} {places} || true"]).stdout.decode().split()
    # The permission to make its token is in the hub's configuration, whether there is an account or not.
    found = [path for path in found if not path.endswith(".py")]
    found += box.run(["sh", "-c", f"find /home /opt/tljh/state -name '*{NAME}*'"]).stdout.decode().split()
    code = (
        "import sqlite3, dbm, os; d = sqlite3.connect('/opt/tljh/state/jupyterhub.sqlite')\n"
        "tables = [t for (t,) in d.execute(\"SELECT name FROM sqlite_master WHERE type = 'table'\")]\n"
        "rows = [(t, r) for t in tables for r in d.execute(f'SELECT * FROM {t}')]\n"
        f"print([t for t, r in rows if {NAME!r} in str(r) and not str(r).count('tokens!user')])\n"
        "p = '/opt/tljh/state/passwords.dbm'\n"
        "keys = dbm.open(p, 'r').keys() if dbm.whichdb(p) else []\n"
        f"print({NAME!r}.encode() in keys)"
    )
    tables, password = box.run(["/usr/bin/python3", "-c", code]).stdout.decode().splitlines()
    found += [] if tables == "[]" else [tables]
    return found + ([] if password == "False" else ["a password"])


def test_it_works_as_a_student_does_and_leaves_nothing(box, kernel):
    done = fly(box)
    assert done["ok"] is True and done["words"] == "", done
    assert [one["name"] for one in done["steps"]] == ["sign in", "start", "open", "cell", "stop"]
    assert done["seconds"] < MOST, done
    assert traces(box) == []
    assert kernel.run("kept") == "7"


def test_a_workflow_does_it_over_ssh_after_a_deploy(course, box, kernel):
    """As deploy.yml has it: the deploy's own result says where the hub and the server are."""
    result = json.dumps(course.run("deploy.py").result)
    secrets = {name: text for name, text in course.secrets.items() if name != "HUB_ADMIN_PASSWORD"}
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-S", REPOSITORY / "scripts" / "check_health.py", "--canary", "only", "--json"],
        env={"PATH": os.environ["PATH"], "RESULT": result} | secrets,
        capture_output=True,
        text=True,
        timeout=200,
    )
    took = time.monotonic() - began
    assert done.returncode == 0, done.stdout + done.stderr
    value = json.loads(done.stdout)
    assert value["canary"]["ok"] is True and took < MOST, (took, value)
    assert traces(box) == [] and kernel.run("kept") == "7"
    box.run(["systemctl", "stop", "coursehub-watchdog.timer"])


def test_nobody_can_be_it_afterwards(box):
    with pytest.raises(Refused):
        Student(f"http://{box.address}", NAME, "a first password").log_in()
    assert traces(box) == []


def test_nobody_sees_it_meanwhile(course, box):
    begun = json.loads(ordered(box)(canary.BEGIN))
    student = Student(f"http://{box.address}", NAME, begun["password"]).log_in().open_server()
    listed = course.run("people.py", "list").result
    assert NAME not in {one["name"] for one in listed["people"]} and "ada" in str(listed)
    box.run(["systemctl", "start", "coursehub-watchdog.service"])
    report = json.loads(box.run(["cat", "/opt/course/state/watchdog.json"]).stdout)
    assert report["servers"] == 1 and report["state"] == "up", "that is Ada's"
    # Another roster, which the hub that runs is told, does not shut it out.
    course.override["users"] = ["ada", "grace", "mary"]
    assert "Apply the roster" in course.deploy().plan
    box.run(["systemctl", "stop", "coursehub-watchdog.timer"])
    assert student.api("GET", "status")
    assert json.loads(ordered(box)(canary.BEGIN))["skipped"] == "another try is under way"
    assert json.loads(ordered(box)(canary.END))["disturbed"] is True
    assert traces(box) == []


def age(box, seconds: float) -> None:
    """As if the try had begun so long before."""
    code = f"import json; p = {STATE!r}; r = json.load(open(p)); r['began'] -= {seconds}; "
    box.run(["python3", "-c", code + "json.dump(r, open(p, 'w'))"])


def cut_off(box) -> None:
    """A try that was killed in the middle of it: its server runs."""
    begun = json.loads(ordered(box)(canary.BEGIN))
    Student(f"http://{box.address}", NAME, begun["password"]).log_in().open_server()
    assert traces(box)


def test_one_that_was_cut_off_is_removed_by_the_next(box, kernel):
    cut_off(box)
    assert fly(box)["ok"] is None, "it may still be under way"
    age(box, 200)
    assert fly(box)["ok"] is True
    assert traces(box) == [] and kernel.run("kept") == "7"


def test_and_by_the_watchdog(box):
    cut_off(box)
    box.run(["systemctl", "start", "coursehub-watchdog.service"])
    assert traces(box)
    age(box, 1900)
    box.run(["systemctl", "start", "coursehub-watchdog.service"])
    assert traces(box) == []
    assert box.run(["systemctl", "is-active", f"{ACCOUNT}.service"], check=False).returncode != 0


def test_an_environment_without_a_kernel_is_told(box):
    hide = f"mv {CURRENT}/lib/python3.*/site-packages/ipykernel /root/ipykernel"
    box.run(["sh", "-c", hide])
    try:
        done = fly(box)
    finally:
        box.run(["sh", "-c", f"mv /root/ipykernel {CURRENT}/lib/python3.*/site-packages/"])
    assert done["ok"] is False and done["words"].startswith("cell: the kernel died"), done
    assert "ipykernel" in done["words"] and not done["stops"]
    assert traces(box) == []


def test_an_environment_without_a_server_is_told(box):
    box.run(["sh", "-c", f"mv {CURRENT}/bin/jupyterhub-singleuser /root/"])
    try:
        done = fly(box)
    finally:
        box.run(["sh", "-c", f"mv /root/jupyterhub-singleuser {CURRENT}/bin/"])
    assert done["ok"] is False and done["stops"], done
    assert done["words"].startswith("start: no server starts")
    assert "not found" in done["words"], "the server's own words"
    assert traces(box) == []


def test_it_waits_while_somebody_deploys(box):
    hold = "import fcntl, time; f = open('/opt/course/lock'); fcntl.flock(f, fcntl.LOCK_EX); "
    box.run(["systemd-run", "--unit=holder", "python3", "-c", hold + "time.sleep(600)"])
    wait_until(lambda: fly(box)["ok"] is None, 20, "it is not tried", interval=0.5)
    done = fly(box)
    box.run(["systemctl", "stop", "holder"])
    assert done["words"] == "a deploy is under way" and traces(box) == []


def test_it_works_with_sign_up(course, box, kernel):
    course.override["sign_in"] = "sign-up"
    course.deploy()
    done = fly(box)
    assert done["ok"] is True, done
    assert traces(box) == [] and kernel.run("kept") == "7"


def test_where_a_provider_knows_people_it_shows_a_token(course, box, tmp_path, provider):
    course.override |= {"sign_in": "openid", "identities": {"teacher": "prof.smith"}}
    course.override["openid"] = {"issuer": provider.url, "name": "School"}
    course.secrets |= {"OAUTH_CLIENT_ID": CLIENT[0], "OAUTH_CLIENT_SECRET": CLIENT[1]}
    course.deploy()
    done = fly(box)
    assert done["ok"] is True, done
    assert [one["name"] for one in done["steps"]] == ["sign in", "start", "open", "cell", "stop"]
    assert traces(box) == []


CLIENT = ("the-hub", "a-secret-of-the-hub")
PORT = 14170


@pytest.fixture(scope="module")
def provider(tmp_path_factory, box):
    address = str(network.ensure().gateway)
    identity = Identity.make(tmp_path_factory.mktemp("provider"), address)
    identity.trust(box)
    callback = f"http://{box.address}/hub/oauth_callback"
    with Provider(identity, address, PORT, CLIENT, (callback,), {}, {}) as running:
        yield running
