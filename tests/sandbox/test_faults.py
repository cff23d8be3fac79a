"""What students do to a server, and what befalls it beside hub and proxy: told with its cause, and healed.

The tests of this file tell one story, in order, on one machine; test_watchdog.py has what befalls hub and
proxy, and how long the timer takes.
"""

from __future__ import annotations

import json
import time

import pytest

import volumes
from broken import BOMB, HOARD, IMPOSTOR, MANY, NOTEBOOK
from coursehub.ssh import SshSession
from coursehub.ssh_login import Login
from sandbox.commands import wait_until
from student import Refused, Student

pytestmark = pytest.mark.sandbox
REPORT, LOG = "/opt/course/state/watchdog.json", "/opt/course/state/watchdog.log"
ASK = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "http://127.0.0.1:15001/"]
SERVER = "jupyter-grace.service"
UNMOUNT = "systemctl stop jupyterhub traefik coursehub-home; umount /opt/tljh/state /srv/course /home"
DEVICE = "/dev/disk/by-id/scsi-0DO_Volume_of-the-faults"


@pytest.fixture(scope="module")
def deployed(make_deployed):
    course, box = make_deployed("test-breaking-faults")
    course.override["health"] = {"watchdog": True}
    course.deploy()
    return course, box


@pytest.fixture(scope="module")
def deployed_course(deployed):
    return deployed[0]


@pytest.fixture(scope="module")
def box(deployed):
    box = deployed[1]
    # No pass but those that a test starts.
    box.run(["systemctl", "stop", "coursehub-watchdog.timer"])
    return box


def log_in_grace(box) -> Student:
    """The one who does what one should not."""
    grace = Student(f"http://{box.address}", "grace", "a first password").log_in().open_server()
    grace.write("hers.ipynb", NOTEBOOK)
    return grace


def a_pass(box) -> dict[str, dict]:
    """What a pass of the watchdog finds that is not good, by name."""
    box.run(["systemctl", "start", "coursehub-watchdog.service"], timeout=180)
    found = json.loads(box.run(["cat", REPORT]).stdout)["findings"]
    return {one["name"]: one for one in found if one["level"] != "good"}


def events(box, since: int = 0) -> list[dict]:
    logged = box.run(["cat", LOG], check=False).stdout
    return [json.loads(line) for line in logged.decode().splitlines()][since:]


def acts(box, since: int) -> list[str]:
    return [event["act"] for event in events(box, since) if event["what"] == "did"]


def show(box, unit: str, name: str) -> str:
    return box.run(["systemctl", "show", unit, f"--property={name}", "--value"]).stdout.decode().strip()


def answers(box) -> bool:
    words = ["curl", "--silent", "--fail", "--max-time", "5", "http://127.0.0.1/hub/api/"]
    return box.run(words, check=False).returncode == 0


def is_alive(box, number: str) -> bool:
    return box.run(["test", "-d", f"/proc/{number}"], check=False).returncode == 0


def test_who_wants_too_much_memory_loses_a_kernel_and_no_more(box, kernel):
    assert a_pass(box) == {}
    grace = log_in_grace(box)
    with grace.open("hers.ipynb") as hers:
        before = show(box, SERVER, "MainPID"), show(box, "jupyterhub", "MainPID")
        number = hers.run("import os; os.getpid()")
        hers.run(HOARD)
        wait_until(lambda: not is_alive(box, number), 60, "the kernel's end", interval=0.5)
    found = a_pass(box)
    assert found.keys() == {"memory of a server"}, found
    words = found["memory of a server"]
    assert "limits.memory" in words["why"] and "grace" not in str(words)
    assert (show(box, SERVER, "MainPID"), show(box, "jupyterhub", "MainPID")) == before
    assert grace.read("hers.ipynb") and kernel.run("kept") == "7"


def test_a_fork_bomb_stays_in_one_server_which_is_ended(box, kernel):
    assert show(box, SERVER, "TasksMax") == "1000"
    since = len(events(box))
    grace = log_in_grace(box)
    with grace.open("hers.ipynb") as hers:
        hers.run(BOMB)
        wait_until(lambda: int(show(box, SERVER, "TasksCurrent")) > 950, 60, "it is full", interval=0.5)
    assert kernel.run("kept") == "7" and answers(box)
    first = a_pass(box)
    assert "runaway" in first["processes"]["why"] and acts(box, since) == []
    a_pass(box)
    assert acts(box, since) == ["end_server"]
    assert show(box, SERVER, "ActiveState") != "active"
    found = a_pass(box)
    assert not found.keys() & {"processes", "services"} and kernel.run("kept") == "7", found
    wait_until(lambda: log_in_again(box), 120, "she can work again", interval=1)


def log_in_again(box) -> bool:
    try:
        return bool(log_in_grace(box).read("hers.ipynb"))
    except (Refused, AssertionError, StopIteration):  # the hub takes a moment to notice
        return False


def test_an_sshd_that_ended_is_started_again(box):
    since = len(events(box))
    units = "ssh.socket ssh.service"
    box.run(["sh", "-c", f"systemctl stop {units}; ! ss -Hltn 'sport = 22' | grep -q ."], check=False)
    first = a_pass(box)
    assert first["SSH"]["why"] == "sshd is switched off" and acts(box, since) == []
    assert "SSH" not in a_pass(box) and acts(box, since) == ["restart_ssh"]


def test_an_sshd_that_hangs_is_restarted(box):
    reports = json.loads(box.run(["cat", REPORT]).stdout) | {"acts": []}
    box.run(["tee", REPORT], input=json.dumps(reports).encode())
    since = len(events(box))
    box.run(["systemctl", "kill", "--signal=SIGSTOP", "--kill-who=main", "ssh.service"])
    assert a_pass(box)["SSH"]["why"] == "sshd runs and does not answer"
    assert "SSH" not in a_pass(box) and acts(box, since) == ["restart_ssh"]


def budget(box, *acts: dict) -> None:
    """As if these acts were all that the watchdog has done in this hour."""
    report = json.loads(box.run(["cat", REPORT]).stdout) | {"acts": list(acts)}
    box.run(["tee", REPORT], input=json.dumps(report).encode())


def test_another_program_at_the_hubs_port_is_told(box):
    """Restarting cannot help, and when that was tried often enough, a person is asked for."""
    spent = {"at": time.time(), "act": "restart_hub", "finding": "hub", "on": "", "words": ""}
    budget(box, *[spent] * 6)
    box.run(["systemctl", "stop", "jupyterhub"])
    box.run(["systemd-run", "--quiet", "--unit=impostor", "python3", "-c", IMPOSTOR])
    wait_until(lambda: box.run(ASK, check=False).stdout == b"500", 30, "the other program", interval=0.2)
    found = a_pass(box)
    assert found["hub"]["why"] == "another program has the hub's port, so that the hub cannot start"
    assert json.loads(box.run(["cat", REPORT]).stdout)["person"] is True
    box.run(["systemctl", "stop", "impostor"])
    budget(box)
    assert "hub" not in a_pass(box) and answers(box)


def test_a_disk_without_inodes_is_told_and_healed(box):
    budget(box)
    since = len(events(box))
    box.run(["python3", "-c", MANY], timeout=300)
    assert box.run(["touch", "/opt/course/one-more"], check=False).returncode != 0
    found = a_pass(box)
    assert "disk" not in found and acts(box, since) == ["free_caches"], found
    told = next(one for one in events(box, since) if one["what"] == "found" and one["name"] == "disk")
    assert "no more files" in told["seen"] and "inodes" in told["why"]


@pytest.fixture
def volume(box, deployed_course, tmp_path):
    """The machine's homes on a volume."""
    file = volumes.make(tmp_path / "home", 2 << 30)
    volumes.attach(box, file, DEVICE)
    login = Login(box.address, 22, (box.host_key,), deployed_course.secrets["SSH_PRIVATE_KEY"], "")
    with SshSession(login) as session:
        session.call("storage.mount", {"device": DEVICE})
    yield file
    box.run(["sh", "-c", UNMOUNT], check=False)
    volumes.release(file)


def test_a_volume_that_is_not_mounted_is_mounted_again_and_the_hub_with_it(box, volume):
    wait_until(lambda: answers(box), 60, "the hub answers", interval=0.5)
    budget(box)
    since = len(events(box))
    box.run(["umount", "--lazy", "/home"])
    wait_until(lambda: not answers(box), 30, "the hub's end", interval=0.2)
    found = a_pass(box)
    assert "volume" not in found and answers(box), found
    assert acts(box, since) == ["mount_homes"]
    hub = next(one for one in events(box, since) if one["what"] == "found" and one["name"] == "hub")
    assert hub["why"] == "it does not start without the volume"
    assert box.run(["findmnt", "--noheadings", "/home"]).returncode == 0
