"""Students' work outlives the droplet: on real block devices, in machines.

First the volume alone, on a machine without a hub. Then one story, in order: a class that has worked on the
server's own disk gets a volume, and in the end another server.
"""

from __future__ import annotations

import hashlib
import subprocess
import time
from pathlib import Path

import pytest

import volumes
from coursehub.names import names_from
from coursehub.parts import storage
from coursehub.problems import Failure
from coursehub.secrets import Secrets
from coursehub.sizes import GIB
from coursehub.ssh import SshSession
from deployments import ADMIN, ADMIN_PASSWORD, REPOSITORY
from sandbox import machine, sources
from sandbox.commands import wait_until
from student import Student

pytestmark = pytest.mark.sandbox
DEVICE = "/dev/disk/by-id/scsi-0DO_Volume_coursehub-1a2b3c4d-home"
DEPLOY = str(REPOSITORY / "tests/deploy_to_droplet.py")
SIZE = 64 << 20
CAN_GROW_MOUNTED = int(Path("/proc/self/status").read_text().split("CapBnd:")[1].split()[0], 16) >> 24 & 1
"""CAP_SYS_RESOURCE, which a root in a container may lack."""
UNMOUNT = "systemctl stop coursehub-home; umount /opt/tljh/state /srv/course /home"
DOWNTIME = ("--allow", "downtime")
FORGET = f"{UNMOUNT}; rm -f /opt/course/state/volume.json"
"""A machine is again as if it never had a volume."""
PROGRAM = "python3 -c import os,zlib"


@pytest.fixture
def volume(tmp_path, bare):
    """An empty volume, attached to the bare machine; afterwards gone, and the machine as before."""
    box, _ = bare
    file = volumes.make(tmp_path / "volume", SIZE)
    volumes.attach(box, file, DEVICE)
    yield file
    box.run(["sh", "-c", FORGET])
    volumes.detach(box, file, DEVICE)


@pytest.fixture
def session(bare):
    with SshSession(bare[1]) as opened:
        yield opened


def seen(session, device=DEVICE):
    return session.call("look", {"questions": {"storage": {"device": device}}})["parts"]["storage"]


def plan(session):
    return [step.title for step in storage.plan(storage.Want(DEVICE), seen(session), {})]


def out(box, *words):
    return box.run(words).stdout.decode().strip()


@pytest.mark.parametrize(
    ("command", "found"),
    [
        (["mkfs.ext4", "-q", "-L", "precious"], "ext4 with the label precious"),
        (["mkfs.ext4", "-q"], "ext4 with no label"),
        (["mkswap"], "swap with no label"),
        (["sh", "-c", 'echo precious | dd of="$0" bs=1M seek=3 conv=notrunc'], "data of an unknown kind"),
        (["sh", "-c", 'echo precious | dd of="$0" bs=1M seek=62 conv=notrunc'], "data of an unknown kind"),
    ],
)
def test_what_is_not_provably_empty_is_never_formatted(volume, session, command, found):
    subprocess.run([*command, volume], check=True, capture_output=True)
    before = hashlib.sha256(volume.read_bytes()).digest()
    refused = seen(session)["refusal"]
    assert found in refused[0] and "e2label" in refused[1]
    with pytest.raises(Failure, match=found):
        session.call("storage.mount", {"device": DEVICE})
    assert hashlib.sha256(volume.read_bytes()).digest() == before


@pytest.mark.parametrize("half_made", [False, True])
def test_an_empty_volume_becomes_home(bare, volume, session, half_made):
    box, _ = bare
    if half_made:  # as a formatting that was killed leaves it
        subprocess.run(["mkfs.ext4", "-q", "-L", "coursehub-new", volume], check=True)
    assert plan(session) == ["Format the volume for the students' files and mount it at /home"]
    session.call("storage.mount", {"device": DEVICE})
    assert plan(session) == []
    assert out(box, "findmnt", "--noheadings", "--output", "LABEL", "/home") in ("coursehub-home", "")
    modes = out(box, "stat", "-c", "%a %U", "/home", "/home/.coursehub", "/opt/tljh/state")
    assert modes.splitlines() == ["755 root", "700 root", "700 root"]
    assert out(box, "useradd", "--create-home", "newcomer") == ""
    assert out(box, "stat", "-c", "%a", "/home/newcomer") == "700"
    box.run(["userdel", "newcomer"])


def test_another_volume_than_the_droplets_own_stops_it(bare, volume, session, tmp_path):
    box, _ = bare
    session.call("storage.mount", {"device": DEVICE})
    box.run(["sh", "-c", UNMOUNT])
    volumes.detach(box, volume, DEVICE)
    other = volumes.make(tmp_path / "other", SIZE)
    volumes.attach(box, other, DEVICE)
    try:
        assert "another volume is attached" in seen(session)["refusal"][0]
        with pytest.raises(Failure, match="another volume"):
            session.call("storage.mount", {"device": DEVICE})
        assert box.run(["systemctl", "start", "coursehub-home"], check=False).returncode != 0
        assert not any(other.read_bytes()[: 1 << 20])
    finally:
        volumes.detach(box, other, DEVICE)


def test_files_on_both_the_disk_and_a_volume_in_use_stop_it(bare, volume, session):
    box, _ = bare
    session.call("storage.mount", {"device": DEVICE})
    box.run(["sh", "-c", f"{FORGET}; mkdir /home/jupyter-ada; echo mine > /home/jupyter-ada/file"])
    with pytest.raises(
        Failure, match="in use already, and the droplet's disk has files as well: jupyter-ada"
    ):
        session.call("storage.mount", {"device": DEVICE})
    assert out(box, "cat", "/home/jupyter-ada/file") == "mine"
    box.run(["rm", "-r", "/home/jupyter-ada"])
    session.call("storage.mount", {"device": DEVICE})


def test_500_homes_get_their_accounts_back_at_once(bare, volume, session):
    box, _ = bare
    session.call("storage.mount", {"device": DEVICE})
    making = "for i in $(seq 2001 2500); do mkdir -m 755 jupyter-s$i; chown $i:$((i+3)) jupyter-s$i; done"
    box.run(["sh", "-c", f"cd /home; {making}; mkdir jupyter-first.last; chown 2600:2600 jupyter-first.last"])
    assert plan(session) == ["Keep students' homes private"]
    began = time.monotonic()
    session.call("storage.settle_homes", {})
    assert time.monotonic() - began < 5
    assert plan(session) == []
    for name, uid, gid in (("s2001", 2001, 2004), ("s2500", 2500, 2503), ("first.last", 2600, 2600)):
        account = out(box, "getent", "passwd", f"jupyter-{name}").split(":")
        assert account[2:4] + account[5:] == [str(uid), str(gid), f"/home/jupyter-{name}", "/bin/bash"]
    assert out(box, "stat", "-c", "%a", "/home/jupyter-s2001") == "700"


def test_a_number_that_belongs_to_somebody_else_stops_it_and_names_both(bare, volume, session):
    box, _ = bare
    session.call("storage.mount", {"device": DEVICE})
    box.run(
        ["sh", "-c", "useradd --uid 2700 intruder; mkdir /home/jupyter-eve; chown 2700 /home/jupyter-eve"]
    )
    assert "/home/jupyter-eve belongs to user 2700, which is intruder" in seen(session)["refusal"][0]
    with pytest.raises(Failure, match="jupyter-eve belongs to user 2700, which is intruder"):
        session.call("storage.settle_homes", {})


class Class:
    """The class of the story: its course, its present server, its volume."""

    def __init__(self, course, box, file):
        self.course, self.box, self.file = course, box, file
        secrets = Secrets.from_environment({"SSH_PRIVATE_KEY": course.secrets["SSH_PRIVATE_KEY"]})
        self.device = names_from(secrets.seed).device

    def move_to(self, box):
        """From now on the server is a droplet of the course's own."""
        self.box = box
        for name in ("DROPLET_HOST", "DROPLET_HOST_KEY"):
            self.course.secrets.pop(name, None)
        self.course.secrets["DIGITALOCEAN_TOKEN"] = "dop_v1_" + "0" * 64
        self.course.secrets["MADE_DROPLET"] = f"{box.address} {box.host_key}"
        self.attach()

    def attach(self):
        volumes.attach(self.box, self.file, self.device)

    def deploy(self):
        done = self.course.run(DEPLOY, *DOWNTIME)
        assert done.code == 0, done.said
        return done

    def hub_is(self, state):
        return self.box.run(["systemctl", "is-active", "jupyterhub"], check=False).stdout.strip() == state

    def wait_for_hub(self):
        ask = ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1/hub/api/')"]
        wait_until(lambda: self.box.run(ask, check=False).returncode == 0, 60, "the hub", interval=0.5)

    def work_of(self, name):
        """What the student has: owner, modes, links, attributes and contents, as one text.

        Without the history that bash writes when a terminal closes: that is whenever the hub stops.
        """
        look = (
            "find . -maxdepth 1 -type f ! -name .bash_history -printf '%p %M %U %G %s %n\\n' | sort;"
            "sha256sum mine.bin poem.txt;"
            """python3 -c 'import os; print(os.getxattr("poem.txt", "user.note"))'"""
        )
        return out(self.box, "sh", "-c", f"cd /home/jupyter-{name}; {look}")


@pytest.fixture(scope="module")
def story(classroom, tmp_path_factory):
    """A class that has worked on the server's own disk, and an empty volume."""
    course, box = classroom
    told = Class(course, box, volumes.make(tmp_path_factory.mktemp("volume") / "home", 2 * GIB))
    hub = f"http://{box.address}"
    for name in ("ada", "grace"):
        student = Student(hub, name, "a first password").log_in()
        student.browser.get(f"{hub}/hub/spawn", timeout=60)
        student.wait_for_server()
    work = """
        cd /home/jupyter-ada; echo roses > poem.txt; ln -f poem.txt same.txt; chmod 640 poem.txt
        head -c 300M /dev/urandom > mine.bin; truncate -s 1G sparse.img
        python3 -c 'import os; os.setxattr("poem.txt", "user.note", b"kept")'
        chown -h jupyter-ada: poem.txt same.txt mine.bin sparse.img
    """
    box.run(["sh", "-ec", work])
    told.before = told.work_of("ada")
    yield told
    volumes_box = machine.find("rebuilt")
    if volumes_box:
        volumes_box.destroy()
    elif box.is_running:
        box.run(["sh", "-c", UNMOUNT], check=False)
    volumes.release(told.file)


def test_files_on_the_disk_are_moved_killed_midway_and_again(story):
    story.move_to(story.box)
    planned = []

    def killed_midway(title, process):
        planned.append(title)
        time.sleep(1)
        story.box.run(["pkill", "-KILL", "-f", PROGRAM])
        return True

    held = story.course.run(DEPLOY)
    assert held.plan == [] and held.result["held"][0]["title"] == "Move the students' files to the volume"
    story.course.interrupt(killed_midway, DEPLOY, *DOWNTIME)
    assert planned == ["Move the students' files to the volume"]
    assert out(story.box, "cat", "/home/jupyter-ada/poem.txt") == "roses"
    done = story.deploy()
    assert done.plan[0] == "Move the students' files to the volume"
    assert story.work_of("ada") == story.before
    assert out(story.box, "du", "-k", "/home/jupyter-ada/sparse.img").split()[0] == "0"
    assert out(story.box, "stat", "-c", "%a %U", "/home-before-the-volume") == "700 root"
    assert "jupyter-ada" in out(story.box, "ls", "/home-before-the-volume")
    assert story.deploy().plan == []
    assert Student(done.result["url"], "ada", "a first password").log_in()


def test_without_its_volume_the_machine_boots_and_the_hub_does_not(story):
    story.box.reboot()
    time.sleep(2)
    asking = ["setpriv", "--reuid", "1000", "--clear-groups", "ip", "route", "get", "169.254.169.254"]
    assert b"Permission denied" in story.box.run(asking, check=False).stderr
    assert not story.hub_is(b"active")
    said = out(story.box, "journalctl", "--boot", "--unit", "coursehub-home", "--output", "cat")
    assert f"waiting for the course's volume: there is no {story.device}" in said
    story.box.run(["systemctl", "stop", "coursehub-home"])
    for service in ("traefik", "jupyterhub"):
        forced = ["systemctl", "start", "--job-mode=ignore-dependencies", service]
        assert story.box.run(forced, check=False).returncode != 0
    assert out(story.box, "ls", "/home") == ""
    story.box.run(["systemctl", "start", "--no-block", "coursehub-home"])
    story.attach()
    story.wait_for_hub()
    assert story.work_of("ada") == story.before
    assert story.deploy().plan == []


def test_the_hub_stops_when_the_volume_goes_and_a_deploy_brings_both_back(story):
    story.box.run(["umount", "--lazy", "/home"])
    wait_until(lambda: not story.hub_is(b"active"), 30, "the hub's end", interval=0.2)
    assert story.deploy().plan[0] == "Mount the volume with the students' files at /home"
    assert story.work_of("ada") == story.before
    assert story.hub_is(b"active")


def test_the_file_system_follows_a_volume_that_grew(story):
    volumes.grow(story.file, 3 * GIB)
    planned = story.course.run(DEPLOY)
    assert planned.plan == ["Let the students' files use all 3 GB of the volume"]
    if not CAN_GROW_MOUNTED:
        assert "grows at the next boot" in planned.result["error"]["fix"]
        story.box.reboot()
        story.attach()
        story.wait_for_hub()
    assert int(out(story.box, "df", "--output=size", "-BM", "/home").split()[1].rstrip("M")) > 2800
    assert story.deploy().plan == []
    assert story.work_of("ada") == story.before


def test_a_rebuilt_server_has_everything(story):
    authorized = out(story.box, "cat", "/root/.ssh/authorized_keys").splitlines()
    story.box.destroy()
    box = machine.create("rebuilt", memory="4G", cpus=2.0, authorized_keys=authorized, binds=sources.binds())
    story.move_to(box)
    story.course.secrets["HUB_ADMIN_PASSWORD"] = "for a first log-in, which was long ago"
    done = story.deploy()
    assert "Mount the volume with the students' files at /home" in done.plan
    assert story.work_of("ada") == story.before
    assert out(box, "id", "-un", out(box, "stat", "-c", "%u", "/home/jupyter-ada")) == "jupyter-ada"
    url = done.result["url"]
    Student(url, ADMIN, ADMIN_PASSWORD).log_in()
    ada = Student(url, "ada", "a first password").log_in()
    ada.follow(done.result["link"])
    assert ada.read("poem.txt") == "roses\n"
    assert story.deploy().plan == []
