"""A fresh copy is green, says what is next, and deploys nothing; the template and forks do not even try."""

from __future__ import annotations

import pytest

from deployments import make_key
from on_github import on_github, seen_secrets

BY_HAND = {
    "deploy.yml": {},
    "rollback.yml": {},
    "people.yml": {"action": "list"},
    "resize.yml": {},
    "archive.yml": {},
    "destroy.yml": {"confirm": "My course"},
    "health.yml": {},
    "doctor.yml": {},
    "timetable.yml": {},
}
SECRETS = (
    *("DIGITALOCEAN_TOKEN", "COURSE_SECRET", "DROPLET_HOST", "DROPLET_HOST_KEY", "SSH_PRIVATE_KEY"),
    *("DROPLET_PASSWORD", "HUB_ADMIN_PASSWORD", "HTTPS_CERTIFICATE", "HTTPS_PRIVATE_KEY"),
    *("OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET"),
)
ODD = "o'dd \"quo%te\nzürich::set-output name=x::$(id)\\"


@pytest.fixture
def copy(tmp_path, request):
    with on_github(tmp_path, **getattr(request, "param", {})) as github:
        yield github


def test_everything_is_green_and_says_what_is_next(copy):
    runs = copy.copy()
    assert {name: run.conclusion for name, run in runs.items()} == {
        "deploy.yml": "success",
        "tests.yml": "skipped",
    }
    deploy = runs["deploy.yml"]
    assert deploy.jobs["deploy"].step("Deploy").conclusion == "skipped"
    assert deploy.jobs["notebooks"].step("Set up").conclusion == "skipped"
    (notice,) = deploy.annotations
    assert notice.level == "notice" and "no secrets yet" in notice.message
    assert "no secrets yet" in deploy.summary.splitlines()[0]
    assert copy.checklist.state == "open"
    assert copy.checklist.body.count("- [ ]") == 5 and "- [x]" not in copy.checklist.body
    assert seen_secrets(deploy) == {
        "Check out the course": {"GITHUB_TOKEN"},
        "Tick the setup checklist": {"GITHUB_TOKEN"},
    }


def test_every_workflow_that_can_be_started_is_green(copy):
    copy.copy()
    for workflow, inputs in BY_HAND.items():
        assert copy.dispatch(workflow, **inputs).conclusion == "success", workflow
    for workflow in ("health.yml", "timetable.yml"):
        assert copy.scheduled(workflow).conclusion == "success", workflow
    assert len(copy.repository.issues) == 1


@pytest.mark.parametrize(
    "copy", [{"is_template": True}, {"fork": True}], indirect=True, ids=["template", "fork"]
)
def test_the_template_and_forks_never_deploy(copy):
    copy.repository.secrets |= {"DIGITALOCEAN_TOKEN": "dop_v1_of_somebody", "COURSE_SECRET": "lantern gravel"}
    # There the template's own tests would run, all of them.
    run = copy.copy(without=".github/workflows/tests.yml")["deploy.yml"]
    assert run.conclusion == "skipped" and seen_secrets(run) == {}
    for workflow, inputs in BY_HAND.items():
        run = copy.dispatch(workflow, **inputs)
        assert run.conclusion == "skipped" and seen_secrets(run) == {}, workflow
    assert copy.repository.issues == {}


@pytest.mark.parametrize("copy", [{"default_branch": "trunk", "private": True}], indirect=True)
def test_a_renamed_branch_of_a_private_repository(copy):
    assert copy.copy()["deploy.yml"].conclusion == "success"
    assert copy.checklist.state == "open"
    copy.repository.commit({"content/Other.ipynb": "{}"}, "Try", branch="try")
    other = copy.runner.push("try")
    copy.runs += other
    assert {run.wait().conclusion for run in other} == {"skipped"}
    # Minutes are counted: of two schedules, the frequent one is for public repositories.
    for workflow, often in (("health.yml", "22,37,52 * * * *"), ("timetable.yml", "5,35,50 * * * *")):
        assert copy.scheduled(workflow, often).conclusion == "skipped"
        assert copy.scheduled(workflow).conclusion == "success"


@pytest.mark.parametrize("copy", [{"has_issues": False}], indirect=True)
def test_without_issues_it_says_so(copy):
    run = copy.copy()["deploy.yml"]
    assert run.conclusion == "success"
    assert any("issues are switched off" in notice.message for notice in run.annotations)


def test_a_push_that_deploys_nothing_starts_nothing(copy):
    copy.copy()
    assert set(copy.push({"README.md": "# My course\n"}, "Words")) == {"tests.yml"}


def test_secrets_that_are_wrong_are_named_and_never_shown(copy):
    """Half of what is needed; then values of every kind that somebody may paste by mistake."""
    copy.copy()
    copy.repository.secrets["DIGITALOCEAN_TOKEN"] = "dop_v1_0123456789abcdef0123456789"
    run = copy.dispatch("deploy.yml", skip_notebooks=True)
    assert run.jobs["notebooks"].step("Set up").conclusion == "skipped"
    assert run.conclusion == "failure" and "COURSE_SECRET" in run.summary
    assert any(note.level == "error" and "COURSE_SECRET" in note.message for note in run.annotations)
    for name in SECRETS:
        copy.repository.secrets[name] = f"{ODD}-{name}"
    run = copy.dispatch("deploy.yml", skip_notebooks=True)
    assert run.conclusion == "failure"
    assert "nothing was changed" in run.jobs["deploy"].summary.splitlines()[0]
    told = " ".join(note.message + str(note.title) for note in run.annotations if note.level == "error")
    assert {name for name in SECRETS if name in told} >= {
        "DIGITALOCEAN_TOKEN",
        "SSH_PRIVATE_KEY",
        "DROPLET_HOST",
    }
    written = copy.written()
    assert "dop_v1_0123" not in written
    for part in (*ODD.splitlines(), "zürich", "quo%25te", "quo%te"):
        assert part not in written


def test_whom_a_run_is_about_is_written_nowhere(copy, tmp_path):
    """The step runs, up to a server that nobody is at: neither its log nor what it says has the names."""
    copy.copy()
    private, public = make_key(tmp_path)
    server = {"DROPLET_HOST": "127.0.0.1:9", "DROPLET_HOST_KEY": public, "SSH_PRIVATE_KEY": private}
    copy.repository.secrets |= server
    about = {"name": "zoe-the-first", "confirm": "zoe-the-second"}
    run = copy.dispatch("people.yml", action="remove-files", **about)
    assert run.jobs["people"].step("People").conclusion == "failure" and run.annotations
    assert "zoe-the" not in copy.written()
