"""The runs of a workflow, as GitHub's REST API lists them."""

import pytest

from sandbox.github.records import RunStep

DEPLOY = "name: Deploy\non: push\n"


@pytest.fixture
def reader(client, repository):
    repository.commit({".github/workflows/deploy.yml": DEPLOY, ".github/workflows/x.yml": DEPLOY}, "Add")
    return client(actions="read")


def test_runs_of_one_workflow_newest_first(reader, repository):
    first = repository.start_run("deploy.yml", status="completed", conclusion="failure")
    second = repository.start_run("deploy.yml")
    repository.start_run("x.yml")
    listed = reader("GET", "/actions/workflows/deploy.yml/runs").json
    assert listed["total_count"] == 2
    newest, oldest = listed["workflow_runs"]
    assert (newest["id"], newest["status"], newest["conclusion"]) == (second.id, "in_progress", None)
    assert (oldest["id"], oldest["conclusion"], oldest["run_number"]) == (first.id, "failure", 1)
    assert newest["name"] == "Deploy" and newest["path"] == ".github/workflows/deploy.yml"
    assert newest["updated_at"].endswith("Z") and newest["head_sha"] == repository.head()
    by_number = reader("GET", f"/actions/workflows/{newest['workflow_id']}/runs?per_page=1")
    assert [run["id"] for run in by_number.json["workflow_runs"]] == [second.id]
    assert 'rel="next"' in by_number.headers["Link"]


@pytest.mark.parametrize(("status", "count"), [("in_progress", 1), ("failure", 1), ("queued", 0)])
def test_runs_by_status_or_conclusion(reader, repository, status, count):
    repository.start_run("deploy.yml", status="completed", conclusion="failure")
    repository.start_run("deploy.yml")
    assert reader("GET", f"/actions/workflows/deploy.yml/runs?status={status}").json["total_count"] == count


def test_the_steps_of_a_run(reader, repository):
    steps = [RunStep("Set up", "completed", "success", "2026-11-30T08:00:00Z", "2026-11-30T08:00:09Z")]
    run = repository.start_run("deploy.yml", steps=[*steps, RunStep("Deploy", "in_progress")])
    (job,) = reader("GET", f"/actions/runs/{run.id}/jobs").json["jobs"]
    assert job["status"] == "in_progress" and job["completed_at"] is None
    assert [(step["number"], step["name"], step["status"]) for step in job["steps"]] == [
        (1, "Set up", "completed"),
        (2, "Deploy", "in_progress"),
    ]
    assert job["steps"][0]["completed_at"] == "2026-11-30T08:00:09Z"
    assert reader("GET", "/actions/runs/1/jobs").status == 404


def test_a_workflow_that_is_not_there_and_a_token_that_may_not(reader, client, repository):
    assert reader("GET", "/actions/workflows/none.yml/runs").status == 404
    repository.private = True
    assert client(contents="read")("GET", "/actions/workflows/deploy.yml/runs").status == 403
