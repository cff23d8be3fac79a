"""Whether a deploy runs the notebooks first, and which files have passed already."""

from __future__ import annotations

import subprocess

import pytest

from coursehub.github import notebooks_due
from coursehub.problems import Failure

READY = {"HAVE_DIGITALOCEAN_TOKEN": "true"}


def git(*words):
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], check=True)


@pytest.fixture
def course(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    git("init", "--quiet")
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "data.csv").write_text("1\n")
    return tmp_path


def files() -> str:
    git("add", ".")
    git("commit", "--quiet", "--allow-empty", "--message", "x")
    return notebooks_due.decide(READY).outputs["files"]


def test_files_are_known_by_their_bytes_and_names(course):
    first = files()
    (course / "apt.txt").write_text("cowsay\n")
    assert files() == first, "which no notebook sees"
    (course / "content" / "data.csv").rename(course / "content" / "renamed.csv")
    renamed = files()
    (course / "environment.yml").write_text("dependencies: []\n")
    assert len({first, renamed, files()}) == 3


def test_a_copy_without_secrets_runs_none(course):
    assert notebooks_due.decide({}).outputs == {"due": "false"}
    assert notebooks_due.decide({"HAVE_COURSE_SECRET": "true"}).outputs == {"due": "false"}


def test_a_person_can_say_so(course):
    said = notebooks_due.decide(READY | {"SKIP_NOTEBOOKS": "true"})
    assert said.outputs == {"due": "false"} and said.noticed and "as asked for" in said.headline
    files()
    assert notebooks_due.decide(READY | {"SKIP_NOTEBOOKS": "false"}).outputs["due"] == "true"


def test_unknown_is_not_passed(course):
    with pytest.raises(Failure, match="git could not say"):
        notebooks_due.decide(READY)
