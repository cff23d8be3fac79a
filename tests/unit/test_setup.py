"""What `make` says on a computer that cannot: each time, what to do instead."""

import os
import platform
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coursehub.problems import Failure
from sandbox import cgroup, demo, host

REPOSITORY = Path(__file__).parents[2]
VIRTUALENV = REPOSITORY / "scripts/sandbox/virtualenv.py"


def able(monkeypatch):
    """A computer on which everything is as it should be."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda *_, **__: "/usr/bin/it")
    monkeypatch.setattr(cgroup, "is_writable", lambda: True)


def test_an_able_computer_passes(monkeypatch):
    able(monkeypatch)
    host.check()


@pytest.mark.parametrize(
    ("what", "words", "instead"),
    [
        ((platform, "system", lambda: "Darwin"), "needs Linux; this is Darwin", "virtual machine"),
        ((os, "geteuid", lambda: 1000), "must be root", "sudo"),
        ((shutil, "which", lambda *_, **__: None), "apt", "Debian or Ubuntu"),
        ((cgroup, "is_writable", lambda: False), "control groups", "outside of the container"),
    ],
    ids=["not Linux", "not root", "no apt", "in a container"],
)
def test_a_computer_that_cannot_is_told_what_to_do(monkeypatch, capsys, what, words, instead):
    able(monkeypatch)
    monkeypatch.setattr(*what)
    with pytest.raises(Failure) as caught:
        host.check()
    assert words in caught.value.message
    assert instead in caught.value.fix
    assert demo.main("prepare") == 1
    told = capsys.readouterr().err
    assert words in told and "Traceback" not in told


def test_an_old_python_is_refused_in_words(monkeypatch, tmp_path):
    main = runpy.run_path(str(VIRTUALENV))["main"]
    monkeypatch.setattr(sys, "version_info", (3, 9, 2, "final", 0))
    with pytest.raises(SystemExit, match=r"needs Python 3.11 or later, and this is Python 3.9.2"):
        main(tmp_path / "venv", "requirements.txt")
    assert not (tmp_path / "venv").exists()


def test_the_scripts_say_what_they_do():
    for script in ("plan.py", "deploy.py"):
        command = [sys.executable, REPOSITORY / "scripts" / script, "--help"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "--override" in done.stdout and "--json" in done.stdout
