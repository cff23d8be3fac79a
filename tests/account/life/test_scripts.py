"""The scripts as people run them: exit codes, JSON, the job summary."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from provisioned import SECRET
from script_runs import NAME, deployed
from test_provisioning import FULL

SCRIPTS = Path(__file__).parents[3] / "scripts"
DONE, INVALID = 0, 2


@pytest.fixture
def run(server, tmp_path):
    """Runs a script with the course's secrets, or those given: exit code, JSON, job summary."""
    course = deployed(tmp_path / "course", server, FULL)
    summary = tmp_path / "summary.md"

    def run(name: str, *words: str, **secrets: str) -> tuple[int, dict, str]:
        given = secrets or {"DIGITALOCEAN_TOKEN": server.token, "COURSE_SECRET": SECRET}
        names = ("DIGITALOCEAN_TOKEN", "COURSE_SECRET", "DROPLET_HOST")
        environment = {key: value for key, value in os.environ.items() if key not in names}
        done = subprocess.run(
            [sys.executable, SCRIPTS / name, "--course", course.settings.root, "--json", *words],
            env={**environment, "GITHUB_STEP_SUMMARY": str(summary), **given},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout), summary.read_text()

    return run


def test_costs(run):
    code, value, summary = run("costs.py")
    assert code == DONE and value["verdict"] == "told" and value["monthly"] == 30.8
    assert summary.startswith("### The course costs $30.80 a month")


def test_nothing_to_do_by_the_clock(run):
    code, value, _ = run("timetable.py")
    assert code == DONE and value["verdict"] == "unchanged"


@pytest.mark.parametrize("script", ["timetable.py", "release.py"])
def test_a_schedule_that_nobody_uses_is_green_on_any_server(run, script):
    code, value, _ = run(script, DROPLET_HOST="203.0.113.5", DIGITALOCEAN_TOKEN="", COURSE_SECRET="")
    assert code == DONE and value["verdict"] == "unchanged"


@pytest.mark.parametrize("name", ["archive.py", "destroy.py"])
def test_a_wrong_name(run, name):
    code, value, summary = run(name, "--confirm", NAME.upper())
    assert code == INVALID and value["problems"][0]["found"] == NAME.upper()
    assert "nothing was changed" in summary


WITHOUT_AN_ACCOUNT = {
    "no token": {"COURSE_SECRET": SECRET},
    "a server of one's own": {"DROPLET_HOST": "203.0.113.5", "DIGITALOCEAN_TOKEN": "dop_v1_" + 20 * "a"},
    "no course secret": {"DIGITALOCEAN_TOKEN": "dop_v1_" + 20 * "a"},
}


@pytest.mark.parametrize("secrets", WITHOUT_AN_ACCOUNT.values(), ids=WITHOUT_AN_ACCOUNT)
def test_secrets_that_name_no_account(run, secrets):
    code, value, _ = run("resize.py", "s-4vcpu-8gb", **secrets)
    assert code == INVALID and value["problems"][0]["file"].startswith("secret ")
