"""Release dates on a real droplet: before, nothing to find; then there for everybody; then gone again."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest

from course_folder import NOTEBOOK
from student import Student

pytestmark = pytest.mark.sandbox
PATH = "solutions/week1.ipynb"
SOLUTION = NOTEBOOK.replace('"metadata": {}', '"metadata": {"answer": 42}')
REPOSITORY = "--git-dir=/srv/course/content.git"


def stamp(**ago) -> str:
    return f"{datetime.now(UTC) - timedelta(**ago):%Y-%m-%d %H:%M}"


def dated(course, **dates) -> None:
    course.override["content"] = {"release": [{"path": "solutions", **dates}]}


def git(box, *words) -> str:
    return box.run(["git", REPOSITORY, *words]).stdout.decode()


def traces(box) -> dict[str, bool]:
    """Where something of the solution can be found in the repository that students may read."""
    blob = hashlib.sha1(b"blob %d\0" % len(SOLUTION) + SOLUTION.encode(), usedforsecurity=False).hexdigest()
    objects = git(box, "cat-file", "--batch-all-objects", "--batch-check")
    history = git(box, "log", "--all", "--name-only", "--format=%B")
    return {
        "object": blob in objects,
        "history": "week1" in history,
        "now": PATH in git(box, "ls-tree", "-r", "--name-only", "main"),
    }


def test_a_solution_comes_and_goes_by_its_dates(make_deployed):
    course, box = make_deployed("release")
    (course.root / "content" / "solutions").mkdir()
    (course.root / "content" / PATH).write_text(SOLUTION)
    dated(course, **{"from": stamp(hours=-2)})
    run = course.deploy()
    assert "waits until" in run.said
    assert traces(box) == {"object": False, "history": False, "now": False}
    early = course.run("release.py")
    assert early.code == 0 and early.result["verdict"] == "unchanged" and "next comes" in early.said

    student = Student(run.result["url"], "ada", "a first password").log_in()
    student.follow(run.result["link"])
    home = "/home/jupyter-ada/my-course"
    names = box.run(["ls", "-A", home]).stdout.decode().split()
    assert "StartHere.ipynb" in names and "solutions" not in names

    # Something that no deploy has brought yet stays behind.
    (course.root / "content" / "Later.ipynb").write_text(NOTEBOOK)
    dated(course, **{"from": stamp(minutes=30)})
    plan = course.run("plan.py")
    assert any("solutions/week1.ipynb (released since" in line for line in details(plan))
    due = course.run("release.py")
    assert due.code == 0 and due.result["verdict"] == "released", due.said
    assert len(due.result["changes"]) == 1 and due.result["changes"][0].startswith(f"+ {PATH}")
    assert traces(box) == {"object": True, "history": True, "now": True}
    assert "Later" not in git(box, "ls-tree", "-r", "--name-only", "main")
    again = course.run("release.py")
    assert again.code == 0 and again.result["verdict"] == "unchanged"
    student.follow(run.result["link"])
    assert box.run(["cat", f"{home}/{PATH}"]).stdout.decode() == SOLUTION

    dated(course, **{"from": stamp(hours=3), "until": stamp(minutes=1)})
    over = course.run("release.py")
    assert over.result["verdict"] == "released" and over.result["changes"][0].startswith(f"- {PATH}")
    # Gone from what is given, and in the history, as the documentation says.
    assert traces(box) == {"object": True, "history": True, "now": False}
    entries = [json.loads(line) for line in box.run(["cat", "/opt/course/audit.log"]).stdout.splitlines()]
    assert [entry["verdict"] for entry in entries[-2:]] == ["converged", "converged"]
    deployed = course.deploy()
    assert details(deployed) == ["+ Later.ipynb"]


def details(run) -> list[str]:
    return [line for step in run.result["plan"] if step["part"] == "content" for line in step["details"]]
