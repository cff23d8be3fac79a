"""First contact and the first host key, as far as no server is needed."""

from __future__ import annotations

import json
import pickle
import stat
import subprocess
from dataclasses import replace

import pytest

from coursehub import ssh_login
from coursehub.derivation import FIRST_HOST_KEY, key_pair
from coursehub.droplet import first_contact, host_key, sshd
from coursehub.droplet.system import OperationFailed
from coursehub.ssh_login import KeyRefused, Login

ONE, OTHER = "ssh-ed25519 AAAAone", "ssh-ed25519 AAAAother"
PAIR = key_pair("lantern gravel mustard orbit seven", FIRST_HOST_KEY)
LOGIN = Login(
    "203.0.113.7", 22, (ONE, OTHER), PAIR.private, "if you moved it, say so", password="open sesame"
)

AUTHORIZED = {
    "none yet": ("", f"{ONE} coursehub\n"),
    "another": (f"{OTHER} ada\n", f"{OTHER} ada\n{ONE} coursehub\n"),
    "no last newline": (f"{OTHER} ada", f"{OTHER} ada\n{ONE} coursehub\n"),
    "there already": (f"# ours\n{ONE} whoever\n", f"# ours\n{ONE} whoever\n"),
    "switched off": (f"# {ONE}\n", f"# {ONE}\n{ONE} coursehub\n"),
    "restricted": (f'command="date" {ONE}\n', f'command="date" {ONE}\n{ONE} coursehub\n'),
}


@pytest.mark.parametrize("name", AUTHORIZED)
def test_the_key_is_authorized_once(name, tmp_path, monkeypatch):
    before, after = AUTHORIZED[name]
    file = tmp_path / ".ssh/authorized_keys"
    monkeypatch.setattr(first_contact, "AUTHORIZED_KEYS", file)
    if before:
        file.parent.mkdir()
        file.write_text(before)
    for _ in range(2):
        first_contact.authorize(ONE)
        assert file.read_text() == after
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_password_and_the_key_are_not_shown():
    assert "open sesame" not in repr(LOGIN) + str(LOGIN)
    assert "PRIVATE" not in repr(LOGIN)


def test_what_a_refusal_says():
    key = ssh_login.refused(replace(LOGIN, password=None), ONE, ["publickey", "password"])
    assert isinstance(key, KeyRefused) and ONE in key.fix
    wrong = ssh_login.refused(LOGIN, ONE, ["publickey", "password"])
    assert "DROPLET_PASSWORD" in wrong.message and not isinstance(wrong, KeyRefused)
    off = ssh_login.refused(LOGIN, ONE, ["publickey"])
    assert "nor any password" in off.message and ONE in off.fix


def test_another_key_names_all_that_are_pinned_and_what_to_do():
    failure = ssh_login.another_key(LOGIN, "ssh-ed25519 AAAAthird")
    assert all(word in failure.detail for word in (ONE, OTHER, "AAAAthird"))
    assert failure.fix == "if you moved it, say so"


@pytest.fixture
def etc_ssh(tmp_path, monkeypatch):
    """sshd's configuration folder, and an sshd that says what it is told to say."""
    says = {"-t": "", "-T": ""}

    def run(command, **_):
        if isinstance(says[command[1]], Exception):
            raise says[command[1]]
        return subprocess.CompletedProcess(command, 0, says[command[1]])

    monkeypatch.setattr(sshd, "FOLDER", tmp_path)
    monkeypatch.setattr(sshd, "run", run)
    return tmp_path / "00-x.conf", says


@pytest.mark.parametrize("before", [None, "HostKey /a\n"])
@pytest.mark.parametrize("trouble", ["refused", "overruled"])
def test_a_configuration_that_will_not_do_is_taken_back(etc_ssh, before, trouble):
    path, says = etc_ssh
    if before:
        path.write_text(before)
    says["-T"] = "port 22\npasswordauthentication yes\n"
    if trouble == "refused":
        says["-t"] = OperationFailed("sshd failed", detail="line 3: Bad configuration option")
    with pytest.raises(OperationFailed) as caught:
        sshd.configure("00-x.conf", "PasswordAuthentication no\n", {"passwordauthentication": ["no"]})
    assert (path.read_text() if path.exists() else None) == before
    word = "line 3" if trouble == "refused" else "passwordauthentication"
    assert word in caught.value.message + caught.value.detail


def test_a_configuration_that_holds_stays(etc_ssh):
    path, says = etc_ssh
    says["-T"] = "PasswordAuthentication no\nhostkey /a\n"
    sshd.configure("00-x.conf", "text", {"passwordauthentication": ["no"], "hostkey": ["/a"]})
    assert path.read_text() == "text"


def test_the_first_host_key_becomes_illegible_where_cloud_init_keeps_it(tmp_path, monkeypatch):
    monkeypatch.setattr(host_key, "COPIES", (tmp_path / "lib", tmp_path / "absent"))
    user_data = "#cloud-config\nssh_keys:\n  ed25519_private: |\n" + "".join(
        f"    {line}\n" for line in PAIR.private.splitlines()
    )
    folder = tmp_path / "lib/instances/7"
    folder.mkdir(parents=True)
    (folder / "user-data.txt").write_text(user_data)
    (folder / "obj.pkl").write_bytes(pickle.dumps({"userdata_raw": user_data, "number": 7}))
    (folder / "instance-data.json").write_text(json.dumps({"user_data": user_data}))
    (folder / "boot-finished").write_text("1.5 s")
    for file in folder.iterdir():
        file.chmod(0o644)

    for _ in range(2):
        host_key.blacken_copies(PAIR.private)

    secret = [line for line in PAIR.private.splitlines() if len(line) > 16 and "-----" not in line]
    for file in folder.iterdir():
        data = file.read_text(errors="replace")
        assert not any(line in data for line in secret), file
        assert stat.S_IMODE(file.stat().st_mode) == (0o644 if file.name == "boot-finished" else 0o600)
    assert len((folder / "user-data.txt").read_text()) == len(user_data)
    assert pickle.loads((folder / "obj.pkl").read_bytes())["number"] == 7
    assert "xxxx" in json.loads((folder / "instance-data.json").read_text())["user_data"]
