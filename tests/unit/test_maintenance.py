"""Times in which the hub may be down: by course.yml, by an issue with a label, while it is worked on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from coursehub.github import rest
from coursehub.status.maintenance import TIMETABLE, TIMETABLE_STEP, WORKFLOWS, reason
from coursehub.status.windows import window_at
from sandbox.github.api import Api
from sandbox.github.records import RunStep
from sandbox.github.repository import Repository

LINES = ("sunday 02:00-04:00", "monday,friday 22:00-24:00", "2027-01-05 08:00-12:00")


def at(text, zone="+00:00"):
    return datetime.fromisoformat(f"{text}{zone}").timestamp()


@pytest.mark.parametrize(
    ("when", "line"),
    [
        ("2026-11-29T00:59", ""),
        ("2026-11-29T01:00", LINES[0]),  # a Sunday, 02:00 in Berlin
        ("2026-11-29T02:59", LINES[0]),
        ("2026-11-29T03:00", ""),
        ("2026-11-30T22:59", LINES[1]),  # a Monday, a minute before midnight there
        ("2026-11-30T23:00", ""),
        ("2026-11-27T21:00", LINES[1]),
        ("2026-11-28T21:30", ""),
        ("2027-01-05T07:00", LINES[2]),
        ("2027-01-05T10:59", LINES[2]),
        ("2027-01-05T11:00", ""),
        ("2027-01-12T08:00", ""),
        # Summer time: a Sunday in June
        ("2027-06-06T00:00", LINES[0]),
        ("2027-06-06T02:30", ""),
    ],
)
def test_times_are_by_the_courses_clock(when, line):
    assert window_at(LINES, "Europe/Berlin", at(when)) == line


def test_the_night_when_the_clock_is_put_back_has_the_hour_twice():
    for when in ("2027-10-31T00:30", "2027-10-31T01:30"):
        assert window_at(LINES, "Europe/Berlin", at(when)) == LINES[0]


def test_what_cannot_be_read_is_passed_over():
    lines = ("nonsense", "2027-02-30 08:00-12:00", "someday 1:00-2:00", 7, None, "sunday 00:00-24:00")
    assert window_at(lines, "Nowhere/Town", at("2026-11-29T12:00")) == "sunday 00:00-24:00"


class World:
    def __init__(self, github, **permissions):
        self.github, self.troubles = github, []
        self.now = datetime.now(UTC)
        self.health = {"maintenance": [], "timezone": "UTC"}
        token = github.token(permissions)
        self.repository = rest.Repository(github.full_name, token, github.api_url, sleep=lambda _: None)

    def reason(self):
        return reason(self.repository, self.health, self.now.timestamp(), self.troubles)

    def ago(self, seconds):
        return (self.now - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def ended(self, file, seconds, conclusion="success"):
        when = self.ago(seconds)
        self.github.start_run(file, status="completed", conclusion=conclusion, updated=when)


@pytest.fixture
def api(tmp_path):
    github = Repository.create(tmp_path / "course.git", private=True)
    names = (*WORKFLOWS, TIMETABLE, "health.yml")
    files = {f".github/workflows/{name}": f"name: {name[:-4].title()}\non: push\n" for name in names}
    github.commit(files, "Start")
    with Api(github) as started:
        yield started
    assert not started.unexpected


@pytest.fixture
def world(api):
    return World(api.repository, issues="read", actions="read")


def test_there_is_none(world, api):
    assert world.reason() == "" and world.troubles == []
    assert len(api.requests) == 2 + len(WORKFLOWS)


def test_by_course_yml_nothing_needs_to_be_asked(world, api):
    world.health["maintenance"] = [f"{world.now:%Y-%m-%d} 00:00-24:00"]
    assert world.reason().startswith("maintenance by course.yml: 20") and api.requests == []


def test_by_an_open_issue_with_the_label(world):
    issue = world.github.open_issue("New disk on Sunday", labels=("coursehub-maintenance",))
    assert world.reason() == "maintenance, announced in #1"
    issue.state = "closed"
    assert world.reason() == ""
    world.github.open_issue("coursehub-maintenance")
    assert world.reason() == "", "a title is no label, which only who may triage can set"
    world.github.commit({"x": "1"}, "A change", branch="change")
    pull = world.github.open_pull("Maintenance", "change")
    pull.labels = world.github.known_labels(["coursehub-maintenance"])
    assert world.reason() == "", "a pull request announces nothing"


@pytest.mark.parametrize("file", WORKFLOWS)
def test_while_a_run_changes_the_server_and_a_moment_longer(world, file):
    name = file[:-4].title()
    run = world.github.start_run(file, status="queued")
    assert world.reason() == ""
    run.status = "in_progress"
    assert world.reason() == f"{name} is running"
    run.status = "completed"
    run.updated = world.ago(200)
    assert world.reason() == ""
    world.ended(file, 100, "skipped")
    assert world.reason() == ""
    world.ended(file, 100, "failure")
    assert world.reason() == f"{name} ended a moment ago"


@pytest.mark.parametrize(
    ("status", "began", "ended", "words"),
    [
        ("queued", None, None, ""),
        ("in_progress", 5, None, ""),
        ("in_progress", 90, None, "Timetable is running"),
        ("completed", 65, 60, ""),
        ("completed", 300, 60, "Timetable ended a moment ago"),
        ("completed", 600, 300, ""),
    ],
)
def test_the_timetable_counts_only_when_it_changes_the_size(world, status, began, ended, words):
    """It runs two minutes before each check: if a look at it were maintenance, no alarm would ever come."""
    times = [None if seconds is None else world.ago(seconds) for seconds in (began, ended)]
    conclusion = "success" if status == "completed" else None
    steps = [RunStep("Set up", "completed", "success", world.ago(900), world.ago(10))]
    steps.append(RunStep(TIMETABLE_STEP, status, conclusion, *times))
    world.github.start_run(TIMETABLE, steps=steps)
    assert world.reason() == words and world.troubles == []


def test_the_names_are_those_of_the_workflows():
    folder = Path(__file__).parents[2] / ".github" / "workflows"
    assert all((folder / name).is_file() for name in WORKFLOWS)
    assert f"- name: {TIMETABLE_STEP}\n" in (folder / TIMETABLE).read_text()


def test_other_workflows_do_not_count(world):
    world.github.start_run("health.yml")
    assert world.reason() == ""


def test_a_workflow_that_was_deleted_does_not_matter(world):
    world.github.commit({".github/workflows/resize.yml": None}, "No resizing")
    world.github.start_run("destroy.yml")
    assert world.reason() == "Destroy is running" and world.troubles == []


def test_issues_that_are_switched_off_announce_nothing(world):
    world.github.has_issues = False
    world.github.start_run("deploy.yml")
    assert world.reason() == "Deploy is running" and world.troubles == []


@pytest.mark.parametrize("kind", [500, "close", "garbage", "secondary"])
def test_github_that_fails_gives_no_reason_and_is_said(world, api, kind):
    api.fail("*", "*", kind, 100)
    assert world.reason() == ""
    assert len(world.troubles) == 2 and all("maintenance is unknown" in words for words in world.troubles)
    assert reason(world.repository, world.health, world.now.timestamp()) == ""


def test_a_right_that_is_missing_is_named(api):
    world = World(api.repository, issues="read")
    assert world.reason() == "" and "actions: read" in world.troubles[0]
