"""A server that came with a password, and one that came with a host key that others have seen.

One machine is made for all; what a test changes in its log-in, the next one finds changed back.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from coursehub import ssh
from coursehub.derivation import DEPLOY_KEY, key_pair
from coursehub.openssh import fingerprint
from coursehub.problems import Failure
from coursehub.ssh import SshSession
from coursehub.ssh_login import KeyRefused, Login, connect, shown_host_key, takes_passwords
from deployments import make_key, new_course
from sandbox import machine

pytestmark = pytest.mark.sandbox
PASSWORD = "correct horse 'battery\" staple % ü"
SECRET = "lantern gravel mustard orbit seven"
KEY = key_pair(SECRET, DEPLOY_KEY)
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
UNREACHABLE = {"conda": {"conda-forge": "http://127.0.0.1:9/conda-forge"}}
"""With this a deploy comes to grief after it has looked at the droplet and before its first step."""

# As on providers' images: password log-in, by their word and by cloud-init's, and host keys of all kinds.
SET_UP = f"""
chpasswd
cd /etc/ssh
ssh-keygen -A >/dev/null
cp {HOST_KEY} /root/first_host_key
mkdir -p /etc/cloud/cloud.cfg.d /var/lib/cloud/instances/7
printf 'PasswordAuthentication yes\\nPermitRootLogin yes\\n' >sshd_config.d/10-provider.conf
printf 'PasswordAuthentication yes\\n' >sshd_config.d/50-cloud-init.conf
"""
FORGET = """
rm -f /etc/ssh/sshd_config.d/00-coursehub-*
: >/root/.ssh/authorized_keys
systemctl reset-failed ssh
systemctl restart ssh
"""
# The first host key is back, and lies where cloud-init keeps user_data.
FIRST_HOST_KEY = f"""
cp -p /root/first_host_key {HOST_KEY}.first
mv {HOST_KEY}.first {HOST_KEY}
ssh-keygen -y -f {HOST_KEY} >{HOST_KEY}.pub
cp {HOST_KEY} /var/lib/cloud/instances/7/user-data.txt
chmod 0644 /var/lib/cloud/instances/7/user-data.txt
"""


@pytest.fixture(scope="module")
def box(sandbox):
    made = machine.create("test-contact", memory="1G", cpus=2.0)
    try:
        made.run(["sh", "-exc", SET_UP], input=f"root:{PASSWORD}\n".encode())
        yield made
    finally:
        made.destroy()


@pytest.fixture(autouse=True)
def only_the_password(box):
    shell(box, FORGET)


def pinned(box, *host_keys: str, password: str | None = None) -> Login:
    return Login(box.address, 22, host_keys, KEY.private, "if you moved it, say so", password=password)


@pytest.fixture
def login(box) -> Login:
    return pinned(box, box.host_key)


@pytest.fixture
def course(tmp_path, box):
    """A course that has one secret for everything, and the password."""
    made = new_course(tmp_path, box, "", UNREACHABLE)
    made.secrets |= {"SSH_PRIVATE_KEY": "", "COURSE_SECRET": SECRET, "DROPLET_PASSWORD": PASSWORD}
    return made


def shell(box, script: str) -> str:
    return box.run(["sh", "-ec", script]).stdout.decode()


def authorized(box) -> str:
    return shell(box, "cat /root/.ssh/authorized_keys")


def let_in(box) -> None:
    shell(box, f"echo '{KEY.public}' >/root/.ssh/authorized_keys")


def run(course, script, *words):
    """Run a script; it says all these words, and ends where the channel cannot be read."""
    done = course.run(script)
    for word in (*words, "channel or index could not be read"):
        assert word in done.said, done.said


@contextmanager
def nothing_in_argv(*secrets: str) -> Iterator[None]:
    """Sees all processes of this computer and of its machines, all the time; none has a secret in sight."""
    done, seen = threading.Event(), []

    def watch():
        while not done.wait(0.005):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                seen.append(b"python3" in line and ssh.BOOT.encode() in line)
                if any(secret.encode() in line for secret in secrets):
                    seen.append(line)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
    assert True in seen, "the watch saw nothing of the droplet's program"
    assert not [line for line in seen if isinstance(line, bytes)]


def test_the_password_serves_once(course, box, login):
    before = authorized(box)
    run(course, "plan.py", "1. Let the deploy key in, by DROPLET_PASSWORD", "2. Turn password log-in off")
    assert authorized(box) == before and takes_passwords(login)

    with nothing_in_argv(PASSWORD, SECRET, *KEY.private.splitlines()[2:4]):
        run(course, "deploy.py", "✓ Let the deploy key in", "✓ Turn password log-in off", KEY.public)
    assert authorized(box).split()[:2] == KEY.public.split()
    assert not takes_passwords(login)
    with pytest.raises(Failure, match="neither the deploy key nor any password"):
        connect(pinned(box, box.host_key, password=PASSWORD))

    run(course, "deploy.py", "is the only way in: the secret DROPLET_PASSWORD can be deleted")
    del course.secrets["DROPLET_PASSWORD"]
    run(course, "deploy.py")
    assert len(authorized(box).splitlines()) == 1


def test_a_password_that_is_wrong(course, box, login):
    course.secrets["DROPLET_PASSWORD"] = "another one"
    done = course.run("deploy.py")
    assert done.code == 1 and "accepts neither the deploy key nor DROPLET_PASSWORD" in done.said
    assert KEY.public in done.said and "another one" not in done.said
    assert authorized(box) == "" and takes_passwords(login)


def test_a_password_that_must_be_changed_first(course, box):
    shell(box, "chage -d 0 root")
    try:
        done = course.run("plan.py")
        assert done.code == 1 and "wants root's password to be changed first" in done.said, done.said
    finally:
        shell(box, "chage -d 2024-01-01 root")


def test_a_server_that_overrules_us_keeps_its_password(course, box, login):
    shell(box, "printf 'Match User root\\nPasswordAuthentication yes\\n' >>/etc/ssh/sshd_config")
    try:
        done = course.run("deploy.py")
        assert done.code == 1 and "overrules" in done.said and "Match" in done.said, done.said
        assert takes_passwords(login)
    finally:
        shell(box, "sed -i '/^Match/,$d' /etc/ssh/sshd_config")


@contextmanager
def killed_before(monkeypatch, number: int, events: str = "") -> Iterator[None]:
    """The droplet's program dies (SIGKILL) when it is about to touch its system for the `number`th time."""
    touching = "os.rename os.remove os.link os.chmod os.mkdir subprocess.Popen tempfile.mkstemp"
    hook = f"""
import os, sys
left = [{number}]
def die(event, arguments):
    if event in {(events or touching).split()!r}:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), 9)
sys.addaudithook(die)
"""
    with monkeypatch.context() as patch:
        patch.setattr(ssh, "LOADER", hook + ssh.LOADER)
        yield


def call(login: Login, operation: str, **parameters):
    with SshSession(login) as session:
        return session.call(operation, parameters)


def deaths(monkeypatch, login, operation, **parameters) -> Iterator[int]:
    """Yield after each way to die in an operation; end when it has been survived."""
    for number in itertools.count(1):
        with killed_before(monkeypatch, number):
            try:
                call(login, operation, **parameters)
                break
            except Failure as failure:
                assert "was lost" in failure.message
        yield number
    assert number > 2


def test_killed_while_the_key_is_let_in(box, login, monkeypatch):
    by_password = pinned(box, box.host_key, password=PASSWORD)
    for _ in deaths(monkeypatch, by_password, "first_contact.authorize", public=KEY.public):
        assert authorized(box) in ("", f"{KEY.public} coursehub\n")
    call(login, "first_contact.authorize", public=KEY.public)
    assert authorized(box) == f"{KEY.public} coursehub\n"


def test_killed_while_passwords_are_turned_off(course, box, login, monkeypatch):
    let_in(box)
    for _ in deaths(monkeypatch, login, "first_contact.refuse_passwords"):
        shell(box, "/usr/sbin/sshd -t")
    shell(box, FORGET)
    let_in(box)
    with killed_before(monkeypatch, 3, "subprocess.Popen"), pytest.raises(Failure, match="was lost"):
        call(login, "first_contact.refuse_passwords")
    assert takes_passwords(login)  # the file is there, but sshd has not been told
    run(course, "plan.py", "1. Turn password log-in off")
    run(course, "deploy.py", "✓ Turn password log-in off", "DROPLET_PASSWORD can be deleted")
    assert not takes_passwords(login)


def shown(box) -> set[str]:
    """All host keys with which sshd proves itself now."""
    lines = shell(box, "ssh-keyscan -T 5 127.0.0.1 2>/dev/null").splitlines()
    return {" ".join(line.split()[1:3]) for line in lines if not line.startswith("#")}


def test_a_fresh_host_key_in_two_steps(box, login):
    let_in(box)
    shell(box, FIRST_HOST_KEY)
    first = box.host_key
    with SshSession(login) as session:
        assert session.host_key == first
        fresh = session.call("host_key.prepare", {})["public"]
        assert session.call("host_key.prepare", {})["public"] == fresh != first
        assert first in shown(box) and fresh not in shown(box)
        with pytest.raises(Failure, match="another host key"):
            session.call("host_key.activate", {"public": first + "A"})
        session.call("host_key.activate", {"public": fresh})
        session.call("host_key.activate", {"public": fresh})
        assert shown(box) == {fresh} == {box.host_key}
    body = shell(box, "sed -n 3,4p /root/first_host_key").split()
    kept = shell(box, "cat /var/lib/cloud/instances/7/user-data.txt")
    assert not any(line in kept for line in body)
    assert (
        shell(box, "stat -c %a /var/lib/cloud/instances/7/user-data.txt /etc/ssh/ssh_host*key").split()
        == ["600"] * 2
    )
    assert "ssh_deletekeys: false" in shell(box, "cat /etc/cloud/cloud.cfg.d/99-coursehub-host-key.cfg")
    with pytest.raises(Failure, match="shows another host key"):
        connect(login)
    shell(box, "test ! -e /etc/ssh/coursehub_host_ed25519_key.new")


def answer(box) -> str:
    """The host key that a client is shown, at once or after the moment in which sshd starts anew."""
    for _ in range(50):
        if key := shown_host_key(box.address, 22):
            return key
        time.sleep(0.1)
    raise AssertionError("sshd does not answer")


def test_killed_while_the_host_key_is_changed(box, login, monkeypatch):
    """At each moment sshd shows the first key or the fresh one, so whoever trusts both gets in."""
    let_in(box)
    shell(box, FIRST_HOST_KEY)
    first = box.host_key
    for _ in deaths(monkeypatch, pinned(box, first), "host_key.prepare"):
        assert shown_host_key(box.address, 22) == first
    fresh = call(pinned(box, first), "host_key.prepare")["public"]
    outcomes = set()
    for _ in deaths(monkeypatch, pinned(box, first, fresh), "host_key.activate", public=fresh):
        outcomes.add(answer(box))
        shell(box, FIRST_HOST_KEY)
        assert shell(box, "ssh-keygen -y -f /etc/ssh/coursehub_host_ed25519_key.new").split() == fresh.split()
    assert outcomes == {first, fresh} and shown(box) == {fresh}


@pytest.mark.parametrize(("rename", "which"), [(3, "first"), (4, "fresh")])
def test_rebooted_around_the_moment_of_change(box, login, monkeypatch, rename, which):
    """The third rename of a first activation is the key's own, after cloud-init's and sshd's files."""
    let_in(box)
    shell(box, FIRST_HOST_KEY + "rm -f /etc/cloud/cloud.cfg.d/*")
    first = box.host_key
    fresh = call(pinned(box, first), "host_key.prepare")["public"]
    with killed_before(monkeypatch, rename, "os.rename"), pytest.raises(Failure, match="was lost"):
        call(pinned(box, first), "host_key.activate", public=fresh)
    box.reboot()
    with SshSession(pinned(box, first, fresh)) as session:
        assert session.host_key == {"first": first, "fresh": fresh}[which]
        assert session.call("host_key.prepare", {})["public"] == fresh
        session.call("host_key.activate", {"public": fresh})
    assert shown(box) == {fresh} == {box.host_key}


SMALL_DISK = """
cp -a /etc/ssh /root/ssh
mount -t tmpfs -o size=2M tmpfs /etc/ssh
cp -a /root/ssh/. /etc/ssh/
rm -r /root/ssh
"""


def test_a_full_disk_leaves_the_first_host_key(box):
    let_in(box)
    shell(box, FIRST_HOST_KEY + SMALL_DISK)
    first = pinned(box, box.host_key)
    try:
        fresh = call(first, "host_key.prepare")["public"]
        shell(box, "cat /dev/zero >/etc/ssh/filler 2>/dev/null || true")
        with pytest.raises(Failure, match="disk is full"):
            call(first, "host_key.activate", public=fresh)
        assert shown_host_key(box.address, 22) == box.host_key
        shell(box, "rm /etc/ssh/filler")
        call(first, "host_key.activate", public=fresh)
        assert shown(box) == {fresh}
    finally:
        shell(box, "umount /etc/ssh")


def test_any_of_several_pinned_keys_proves_the_server(box, tmp_path):
    shell(box, f"ssh-keygen -A >/dev/null\n{FORGET}")
    let_in(box)
    files = {kind: f"/etc/ssh/ssh_host_{kind}_key.pub" for kind in ("rsa", "ecdsa")}
    rsa, ecdsa = (" ".join(shell(box, f"cat {file}").split()[:2]) for file in files.values())
    other = " ".join(make_key(tmp_path)[1].split()[:2])
    for keys in ((other, box.host_key), (box.host_key, other), (rsa,), (ecdsa, other)):
        with SshSession(pinned(box, *keys)) as session:
            assert session.host_key in keys and session.host_key != other
    for keys in ((other,), (other, rsa[:-8] + "AAAAAAAA")):
        with pytest.raises(Failure, match="shows another host key") as caught:
            connect(pinned(box, *keys))
        assert "if you moved it, say so" in caught.value.fix and other in caught.value.detail
    with pytest.raises(Failure, match="no host key of the pinned kind"):
        connect(pinned(box, ecdsa.replace("256", "384")))


def test_a_missing_host_key_is_shown_but_not_trusted(course, box):
    course.secrets["DROPLET_HOST_KEY"] = ""
    done = course.run("deploy.py")
    assert done.code == 2 and json.dumps(done.result["problems"]).count("DROPLET_HOST_KEY") == 1
    for word in (box.host_key, fingerprint(box.host_key), "was not trusted", "ssh-keyscan"):
        assert word in done.said
    assert authorized(box) == ""


def test_without_password_the_key_that_is_missing_is_shown(course, box, login):
    del course.secrets["DROPLET_PASSWORD"]
    done = course.run("plan.py")
    assert done.code == 1 and KEY.public in done.said and "SSH_PRIVATE_KEY" not in done.said
    with pytest.raises(KeyRefused):
        connect(login)
