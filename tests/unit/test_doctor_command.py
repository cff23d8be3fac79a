"""scripts/doctor.py where there is nothing to look at, or only mistakes: it goes on, and says what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from coursehub.doctor import bundle, report
from coursehub.doctor.command import server_people
from coursehub.doctor.model import Diagnosis, Finding, Section
from coursehub.doctor.redaction import Redaction
from hub_servers import closed_port

REPOSITORY = Path(__file__).parents[2]
FOUND = Diagnosis("wrong", "The disk: 0.0 GB | free", "free *some* disk", 2)
SECTIONS = (
    Section(
        "inside",
        "The server from inside",
        (Finding("disk", "failure", "0.0 GB", "free some"), Finding("SSH", "good", "in")),
        ("journal: `x` ada",),
        {"server-journal": "ada said it"},
    ),
)


@pytest.fixture
def course(tmp_path):
    root = tmp_path / "course"
    root.mkdir()
    for name in ("course.yml", "environment.yml", "apt.txt"):
        shutil.copy(REPOSITORY / name, root / name)
    shutil.copytree(REPOSITORY / "content", root / "content")
    return root


def run(course, *words: str, **environ: str):
    names = ("GITHUB_", "HUB_", "DROPLET_", "DIGITALOCEAN_", "COURSE_", "SSH_")
    kept = {name: text for name, text in os.environ.items() if not name.startswith(names)}
    return subprocess.run(
        [sys.executable, REPOSITORY / "scripts/doctor.py", "--course", course, *words],
        env=kept | environ,
        cwd=course.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_without_any_secret_there_is_nothing_to_look_at(course):
    done = run(course, "--no-bundle", "--json")
    assert done.returncode == 0, done.stderr
    value = json.loads(done.stdout)
    assert value["verdict"] == "none" and "no secret is set" in value["diagnosis"]["title"]
    assert [one["key"] for one in value["sections"]] == ["given", "account", "outside", "inside", "intent"]
    assert not list(course.parent.glob("*.tar.gz"))


def test_all_mistakes_at_once_and_the_look_goes_on(course):
    (course / "course.yml").write_text("nmae: x\nlimits: {memory: lots}\n")
    done = run(course, "--no-bundle", HUB_URL=f"http://127.0.0.1:{closed_port()}", HUB_ADMIN_PASSWORD="short")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    for words in ("nmae", "limits.memory", "HUB_ADMIN_PASSWORD: has fewer", "✗ connection:", "What would be"):
        assert words in done.stdout, done.stdout
    assert "short" not in done.stdout


def test_there_is_a_bundle_in_the_present_folder(course):
    done = run(course, HUB_USERS="zoe\nkim-lee\n")
    (path,) = course.parent.glob("doctor-*.tar.gz")
    assert path.name in done.stdout and path.stat().st_mode & 0o777 == 0o600
    with tarfile.open(path) as archive:
        names = [one.name for one in archive]
        whole = "".join(archive.extractfile(name).read().decode() for name in names)
    assert {name.partition("/")[2] for name in names} >= {"diagnosis.txt", "1-given.txt", "versions.txt"}
    assert "zoe" not in whole and "kim-lee" not in whole


def test_a_folder_that_is_not_there_is_bad_input(tmp_path):
    assert run(tmp_path / "nowhere", "--no-bundle").returncode == 2


def test_a_bundle_that_cannot_be_written_is_no_end(course):
    done = run(course, "--bundle", "/proc/nowhere/x.tar.gz", HUB_ADMIN_PASSWORD="short")
    assert done.returncode == 1 and "cannot be written" in done.stderr and "Traceback" not in done.stderr


def test_on_github_the_summary_begins_with_the_diagnosis(course, tmp_path):
    summary = tmp_path / "summary.md"
    done = run(
        course, "--no-bundle", COURSE_SECRET="x" * 30, GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary)
    )
    assert summary.read_text().startswith("**A mistake in secret COURSE\\_SECRET: could be guessed")
    assert "::error title=What is wrong::" in done.stderr and list(course.parent.glob("doctor-*.tar.gz"))


def test_the_summary_is_markdown_that_no_server_can_write_into():
    text = report.summary(FOUND, SECTIONS, "doctor.tar.gz")
    assert text.splitlines()[0] == (
        "**The disk: 0.0 GB \\| free** (and 2 more below). **What to do:** free \\*some\\* disk."
    )
    assert "| ✗ | disk | 0.0 GB | free some |" in text and "doctor.tar.gz" in text


def test_a_person_reads_the_diagnosis_first():
    said = report.lines(FOUND, SECTIONS)
    assert said[:2] == ["The disk: 0.0 GB | free (and 2 more below)", "  What to do: free *some* disk"]
    assert "  ✗ disk: 0.0 GB" in said and "      journal: `x` ada" in said


def test_the_bundles_files_are_redacted(tmp_path):
    path = tmp_path / "x.tar.gz"
    bundle.write(path, report.files(FOUND, SECTIONS, "v 1"), Redaction({}, ["ada"]), 0)
    with tarfile.open(path) as archive:
        texts = {one.name: archive.extractfile(one).read().decode() for one in archive}
    assert texts["x/1-inside-server-journal.txt"] == "person-1 said it\n"
    assert "disk: 0.0 GB" in texts["x/1-inside.txt"] and "disk: free some" in texts["x/1-inside.txt"]
    assert texts["x/versions.txt"] == "v 1\n" and [*tmp_path.iterdir()] == [path]


def test_who_deployed_is_a_person_too():
    seen = {"people": ["zoe"], "deploys": [{"who": "octocat"}], "lock": {"who": "the droplet's watchdog"}}
    assert server_people(seen) == ["zoe", "octocat"]
    assert server_people(None) == server_people({"people": {"unseen": "x"}, "lock": None}) == []
