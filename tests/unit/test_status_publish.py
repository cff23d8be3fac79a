"""A check is put on record and shown, in one write; what GitHub does to us meanwhile."""

import json
import time

import pytest

from branch_on_github import branch_on_github
from coursehub.github import record, rest
from coursehub.problems import Failure
from coursehub.status import publish

HUB = {
    "verdict": "converged",
    "url": "https://hub.school.edu",
    "commit": "1a2b3c4d",
    "health": {"name": "Poetry & <Prose>", "assignees": [], "maintenance": [], "timezone": "UTC"},
}
RUN = {"GITHUB_RUN_ID": "9"}


@pytest.fixture
def github(tmp_path):
    with branch_on_github(tmp_path) as server:
        yield server


@pytest.fixture
def course(github):
    record.act({**github.environ, "RESULT": json.dumps(HUB)})
    return github


def told(state, **more):
    at = more.pop("at", time.time())
    title = {"up": "The hub is up", "down": "The hub is down: it does not answer"}.get(state, state)
    return {"at": at, "state": state, "title": title, "url": HUB["url"], "seconds": 0.21, **more}


def show(github, *words, **more):
    environ = {**github.environ, **RUN}
    return publish.act({**environ, "RESULT": json.dumps(told(*words, **more)) if words else ""})


def states(github):
    return [state for _, state in json.loads(github.files["history/state.json"])["checks"]]


def test_a_check_is_recorded_and_shown(course):
    said = show(course, "up")
    assert said.headline.startswith("Recorded: up since ")
    files = course.files
    assert {"hub.json", "index.html", "README.md", ".nojekyll"} <= set(files)
    assert {
        f"badges/{name}.svg"
        for name in ("status", "uptime", "response-time", "environment", "certificate", "students")
    } <= set(files)
    assert "Poetry &amp; &lt;Prose&gt;" in files["index.html"] and "1a2b3c4" in files["index.html"]
    assert json.loads(files["history/response.json"])["fine"][0][1] == 0.21
    assert course.parents == []


def test_before_anything_is_deployed_the_badges_say_so_and_nothing_is_recorded(github):
    assert "Nothing was deployed yet" in show(github, "none").headline
    files, head = github.files, github.head
    assert "none" in files["badges/status.svg"] or "not deployed" in files["badges/status.svg"]
    assert not any(path.startswith("history/") for path in files)
    show(github, "none", at=time.time() + 3600)
    assert github.head == head
    record.act({**github.environ, "RESULT": json.dumps(HUB)})
    show(github, "up")
    assert ">up since" in github.files["badges/status.svg"]


def test_an_archived_course_is_shown_once_and_then_left_alone(course):
    now = time.time()
    show(course, "down", at=now - 2700)
    (issue,) = course.repository.issues.values()
    show(course, "none", at=now - 1800)
    head = course.head
    assert issue.state == "closed" and states(course) == ["down", "none"]
    show(course, "none", at=now)
    assert course.head == head


def test_a_check_that_told_nothing_is_unknown(course):
    show(course, "up", at=time.time() - 900)
    show(course)
    assert states(course) == ["up", "unknown"]
    assert ">unknown" in course.files["badges/status.svg"]


def test_an_outage_from_its_beginning_to_its_end(course):
    now = time.time()
    show(course, "up", at=now - 2700)
    show(course, "down", at=now - 1800, cause="the disk is full")
    (issue,) = course.repository.issues.values()
    assert issue.state == "open" and "disk is full" in issue.title + issue.body
    show(course, "down", at=now - 900, cause="the disk is full")
    show(course, "up", at=now)
    assert issue.state == "closed" and len(course.repository.issues) == 1
    (incident,) = json.loads(course.files["history/incidents.json"])
    assert incident["issue"] == issue.number and incident["ended"] - incident["began"] == pytest.approx(
        1800, abs=2
    )
    assert "disk is full" in course.files["index.html"] and "disk is full" in course.files["README.md"]


def test_no_alarm_in_maintenance(course):
    course.repository.open_issue("Moving", labels=("coursehub-maintenance",))
    said = show(course, "down")
    assert "maintenance" in said.headline and states(course) == ["maintenance"]
    assert len(course.repository.issues) == 1


def test_a_canary_is_kept_until_the_next(course):
    now = time.time()
    show(course, "up", at=now - 900, canary={"ok": True, "seconds": 4.5, "words": "a student can work"})
    show(course, "up", at=now)
    assert json.loads(course.files["history/canary.json"])["at"] == pytest.approx(now - 900)


@pytest.mark.parametrize("kind", [500, "garbage", "close"])
def test_when_the_issues_do_not_answer_the_record_is_written_all_the_same(course, kind, monkeypatch):
    monkeypatch.setattr(rest, "pause_before_next", lambda *_: 0.0)
    course.api.fail("*", "*/issues*", kind, times=100)
    said = show(course, "down", at=time.time() - 900)
    assert states(course) == ["down"] and "Not all could be told" in said.markdown
    assert not course.repository.issues
    course.api.faults.clear()
    show(course, "down")
    assert len(course.repository.issues) == 1


def test_when_github_takes_nothing_it_is_told_and_the_next_check_catches_up(course, monkeypatch):
    monkeypatch.setattr(rest, "pause_before_next", lambda *_: 0.0)
    before = course.head
    course.api.fail("POST", "*git-receive-pack*", 500, times=100)
    with pytest.raises(Failure, match="could not write to the branch"):
        show(course, "down", at=time.time() - 900)
    assert course.head == before
    course.api.faults.clear()
    show(course, "down")
    assert states(course) == ["down"] and len(course.repository.issues) == 1


def test_what_somebody_else_wrote_meanwhile_is_kept(course, monkeypatch):
    usual, done = publish.bring, []

    def another(*arguments, **more):
        if not done:
            done.append(1)
            show(course, "up", at=time.time() - 900)
        return usual(*arguments, **more)

    monkeypatch.setattr(publish, "bring", another)
    show(course, "up")
    assert states(course) == ["up", "up"]
