"""The API for a repository itself and for its workflows, which can be asked for by hand."""

from __future__ import annotations

from typing import Any

import yaml

from sandbox.github.errors import ApiError, Unknown, not_found
from sandbox.github.records import Dispatch, number_for
from sandbox.github.routing import Answer, Call, Route, page
from sandbox.github.views import job_view, run_view

FOLDER = ".github/workflows"


def get_repository(call: Call) -> Answer:
    return Answer(200, call.repository.payload())


def list_workflows(call: Call) -> Answer:
    shown = [_view(call, path, text) for path, text in _workflows(call, call.repository.head()).items()]
    answer = page(call, "/actions/workflows", shown)
    answer.body = {"total_count": len(shown), "workflows": answer.body}
    return answer


def list_runs(call: Call) -> Answer:
    """The runs of a workflow, by its file's name or its number, newest first. GitHub takes a status or a
    conclusion as `status`."""
    wanted = call.arguments["workflow"]
    found = _workflows(call, call.repository.head())
    path = next((each for each in found if wanted in (each.rsplit("/", 1)[-1], str(_id(call, each)))), None)
    if path is None:
        raise not_found()
    status = call.query.get("status")
    runs = [
        run
        for run in reversed(call.repository.workflow_runs)
        if run.workflow == path and status in (None, run.status, run.conclusion)
    ]
    name = (yaml.safe_load(found[path]) or {}).get("name") or path
    shown = [run_view(call.repository, run, _id(call, path), name) for run in runs]
    answer = page(call, f"/actions/workflows/{_id(call, path)}/runs", shown)
    answer.body = {"total_count": len(shown), "workflow_runs": answer.body}
    return answer


def list_jobs(call: Call) -> Answer:
    """The jobs of a run, with their steps."""
    run = next((each for each in call.repository.workflow_runs if each.id == call.number()), None)
    if run is None:
        raise not_found()
    answer = page(call, f"/actions/runs/{run.id}/jobs", [job_view(call.repository, run)])
    answer.body = {"total_count": 1, "jobs": answer.body}
    return answer


def dispatch(call: Call) -> Answer:
    """Record that a workflow is asked for. GitHub looks at the default branch for the workflow, and at the
    ref for its inputs."""
    wanted = call.arguments["workflow"]
    found = _workflows(call, call.repository.head())
    path = next((each for each in found if wanted in (each.rsplit("/", 1)[-1], str(_id(call, each)))), None)
    if path is None:
        raise not_found()
    name = call.body["ref"]
    git = call.repository.objects
    candidates = [name] if name.startswith("refs/") else [f"refs/heads/{name}", f"refs/tags/{name}"]
    ref = next((each for each in candidates if git.resolve(each)), None)
    if ref is None:
        raise ApiError(422, f"No ref found for: {name}")
    there = _workflows(call, git.resolve(ref))
    triggers = _triggers(there.get(path, ""))
    if "workflow_dispatch" not in triggers:
        raise ApiError(422, "Workflow does not have 'workflow_dispatch' trigger")
    inputs = _inputs(triggers["workflow_dispatch"] or {}, call.body.get("inputs") or {})
    call.repository.dispatched.append(Dispatch(path, ref, inputs, call.author))
    return Answer(204)


def _inputs(trigger: dict[str, Any], given: dict[str, Any]) -> dict[str, str]:
    """The inputs of a run, with their defaults. Raises ApiError for what GitHub would refuse."""
    declared = {name: details or {} for name, details in (trigger.get("inputs") or {}).items()}
    if unexpected := sorted(set(given) - set(declared)):
        raise ApiError(422, f"Unexpected inputs provided: {unexpected}".replace("'", '"'))
    values = {}
    for name, details in declared.items():
        value = given.get(name, details.get("default"))
        if details.get("required") and value in (None, ""):
            raise ApiError(422, f"Required input '{name}' not provided")
        if name in given and not isinstance(value, str):
            raise Unknown(f"the input {name}, which is no text")
        if details.get("type") == "choice" and name in given and value not in details["options"]:
            raise ApiError(
                422, f"Provided value '{value}' for input '{name}' not in the list of allowed values"
            )
        if details.get("type") == "boolean" and name in given and value not in ("true", "false"):
            raise ApiError(422, f"Provided value '{value}' for input '{name}' is not a boolean")
        values[name] = {True: "true", False: "false", None: ""}.get(value, str(value))
    return values


def _workflows(call: Call, commit: str | None) -> dict[str, str]:
    """The workflow files of a commit, by path."""
    git = call.repository.objects
    if commit is None or not git.entries(commit, path=FOLDER):
        return {}
    paths = [f"{FOLDER}/{each.path}" for each, _ in git.entries(f"{commit}:{FOLDER}")]
    return {
        path: git.read("blob", f"{commit}:{path}").decode()
        for path in paths
        if path.endswith((".yml", ".yaml"))
    }


def _triggers(text: str) -> dict[str, Any]:
    """What starts a workflow. YAML 1.1 takes the key `on` for true."""
    document = yaml.safe_load(text) or {}
    triggers = document.get("on", document.get(True)) or {}
    if isinstance(triggers, str):
        triggers = [triggers]
    return triggers if isinstance(triggers, dict) else dict.fromkeys(triggers)


def _id(call: Call, path: str) -> int:
    return number_for(f"{call.repository.full_name}/{path}")


def _view(call: Call, path: str, text: str) -> dict[str, Any]:
    repository = call.repository
    file = path.rsplit("/", 1)[-1]
    page = f"https://github.com/{repository.full_name}"
    return {
        "id": _id(call, path),
        "node_id": f"W_{_id(call, path)}",
        "name": (yaml.safe_load(text) or {}).get("name") or path,
        "path": path,
        "state": "active",
        "created_at": repository.created,
        "updated_at": repository.created,
        "url": f"{repository.url}/actions/workflows/{_id(call, path)}",
        "html_url": f"{page}/blob/{repository.default_branch}/{path}",
        "badge_url": f"{page}/workflows/{file}/badge.svg",
    }


ROUTES = (
    Route("GET", "", get_repository, ("metadata",), "repos/repos#get-a-repository"),
    Route(
        "GET",
        "/actions/workflows",
        list_workflows,
        ("actions",),
        "actions/workflows#list-repository-workflows",
        asks=frozenset({"per_page", "page"}),
    ),
    Route(
        "GET",
        "/actions/workflows/{workflow}/runs",
        list_runs,
        ("actions",),
        "actions/workflow-runs#list-workflow-runs-for-a-workflow",
        asks=frozenset({"per_page", "page", "status"}),
    ),
    Route(
        "GET",
        "/actions/runs/{number}/jobs",
        list_jobs,
        ("actions",),
        "actions/workflow-jobs#list-jobs-for-a-workflow-run",
        asks=frozenset({"per_page", "page"}),
    ),
    Route(
        "POST",
        "/actions/workflows/{workflow}/dispatches",
        dispatch,
        ("actions",),
        "actions/workflows#create-a-workflow-dispatch-event",
        {"ref": "string!", "inputs": "object"},
    ),
)
