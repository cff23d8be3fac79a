"""The canary as scripts/check_health.py is asked for it, with an `ssh` of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_canary_way import NAME, PASSWORD, PREFIX, fake

from coursehub.health.ordering import NO_KEY, order_by
from coursehub.health.way import OWN, NoWay, Way
from coursehub.problems import Failure

SCRIPTS = Path(__file__).parents[2] / "scripts"
SSH = """\
#!/bin/sh
for word; do :; done
echo "$word" >> {log}
case "$word" in
    *"canary begin") echo '{begin}' ;;
    *"canary end") echo '{{"disturbed": false, "said": ""}}' ;;
esac
echo {error} >&2
exit {code}
"""
BEGIN = json.dumps({"user": NAME, "password": PASSWORD, "prefix": PREFIX})
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBNE4OVEuF63SlrVrLv3ObDS4FpQ/OAqlxDZaSSbzhmy"


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> str:
    file = tmp_path_factory.mktemp("key") / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    return file.read_text()


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    """Puts an `ssh` in front of the real one; what it was asked to run is in the file that is returned."""

    def make(code: int = 0, error: str = "", begin: str = BEGIN) -> Path:
        log = tmp_path / "log"
        log.write_text("")
        program = tmp_path / "ssh"
        program.write_text(SSH.format(log=log, begin=begin, error=error, code=code))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
        return log

    return make


def run(*words: str, **environ: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-S", SCRIPTS / "check_health.py", "--spacing", "0", "--json", *words]
    return subprocess.run(
        command, env={"PATH": os.environ["PATH"]} | environ, capture_output=True, text=True, timeout=60
    )


def deployed(hub, key: str) -> dict[str, str]:
    """What a step after a deploy has."""
    server = {"address": "203.0.113.7", "port": 22, "host_key": HOST_KEY}
    return {"RESULT": json.dumps({"url": hub.url, "server": server}), "SSH_PRIVATE_KEY": key}


def test_alone_after_a_deploy(ssh, key):
    log = ssh()
    with fake() as (there, hub):
        done = run("--canary", "only", **deployed(hub, key))
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["state"] == "up" and value["canary"]["ok"] is True
    assert [line.split()[-1] for line in log.read_text().splitlines()] == ["begin", "end"]
    assert "GET /hub/api/" not in there.asked, "there was no other look"
    assert PASSWORD not in done.stdout + done.stderr


def test_it_makes_the_run_red(ssh, key):
    ssh()
    with fake(lab=True) as (_, hub):
        done = run("--canary", "only", **deployed(hub, key))
    assert done.returncode == 1 and json.loads(done.stdout)["state"] == "degraded"
    assert done.stderr.startswith("The hub is degraded: students cannot work: open: JupyterLab does not open")


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"begin": '{"skipped": "the memory is short"}'}, "not tried: the memory is short"),
        ({"begin": ""}, "did not say anything"),
        ({"code": 255, "error": "Permission denied"}, "does not let the deploy key in"),
        ({"code": 255, "error": "what is this"}, "does not answer as it should"),
        ({"code": 127}, "did not say anything"),
    ],
    ids=["skipped", "nothing", "refused", "unheard of", "no watchdog"],
)
def test_one_that_is_not_tried_makes_nothing_red(ssh, key, how, words):
    ssh(**({"begin": ""} | how))
    with fake() as (there, hub):
        done = run("--canary", "only", **deployed(hub, key))
    value = json.loads(done.stdout)
    assert done.returncode == 0 and value["canary"] is None and words in value["title"]
    assert there.asked == []


def test_without_a_key(ssh):
    log = ssh()
    with fake() as (_, hub):
        done = run("--canary", "only", **deployed(hub, ""))
    assert done.returncode == 0 and NO_KEY in done.stdout and log.read_text() == ""


def test_the_way_in():
    assert order_by(None) == NO_KEY
    assert order_by(NoWay(OWN, "this computer has no ssh")) == "this computer has no ssh"


def test_no_ssh_at_all(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    order = order_by(Way("127.0.0.1", 1, HOST_KEY, "x"))
    with pytest.raises(Failure, match="no ssh"):
        order("true")
