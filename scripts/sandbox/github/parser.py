"""Workflow and action files as values; what the runner here cannot do is refused by name, never skipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coursehub.problems import Failure, InvalidInput, Problem
from sandbox.github.service import Service

WORKFLOW_KEYS = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
JOB_KEYS = {
    "name", "needs", "if", "runs-on", "permissions", "env", "defaults", "concurrency", "outputs",
    "timeout-minutes", "steps",
}  # fmt: skip
STEP_KEYS = {
    "id", "name", "if", "run", "uses", "with", "env", "shell", "working-directory", "continue-on-error",
    "timeout-minutes",
}  # fmt: skip
ACTION_KEYS = {"name", "description", "author", "branding", "inputs", "outputs", "runs"}


class Unsupported(Failure):
    """A feature of GitHub's that the runner here does not have."""


@dataclass(frozen=True)
class Job:
    """One job as the file states it, with its expressions still to be evaluated."""

    id: str
    name: Any
    condition: Any
    needs: tuple[str, ...]
    permissions: Any
    env: Mapping[str, Any]
    shell: str | None
    working_directory: Any
    concurrency: Any
    outputs: Mapping[str, Any]
    timeout_minutes: Any
    steps: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Workflow:
    """One workflow file; `on` are its events as GitHub's parser converts them."""

    path: str
    name: str
    run_name: Any
    on: Mapping[str, Any]
    env: Mapping[str, Any]
    concurrency: Any
    jobs: tuple[Job, ...]

    @property
    def file(self) -> str:
        """The file's name, by which the API knows the workflow too."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Action:
    """A composite action of the repository."""

    path: str
    inputs: Mapping[str, Mapping[str, Any]]
    outputs: Mapping[str, Any]
    steps: tuple[Mapping[str, Any], ...] = field(repr=False)


def parse(service: Service, path: str, content: str) -> dict:
    """The workflow as plain JSON. Raises InvalidInput with every mistake that GitHub's parser finds."""
    return _answer(service, "parse", path, content)


def parse_action(service: Service, path: str, content: str) -> Action:
    """A composite action. Raises InvalidInput for mistakes, Unsupported for other kinds of action."""
    plain = _answer(service, "parse_action", path, content)
    _check_keys(plain, ACTION_KEYS, path)
    runs = plain["runs"]
    if runs["using"] != "composite":
        raise Unsupported(f"{path}: actions that use {runs['using']} are not supported by this runner")
    for index, step in enumerate(runs["steps"]):
        _check_keys(step, STEP_KEYS, f"{path}: step {index + 1}")
    outputs = {name: (output or {}).get("value") for name, output in (plain.get("outputs") or {}).items()}
    inputs = {name: value or {} for name, value in (plain.get("inputs") or {}).items()}
    return Action(path, inputs, outputs, tuple(runs["steps"]))


def workflow(path: str, plain: Mapping[str, Any]) -> Workflow:
    """What the runner executes. Raises Unsupported for what it cannot."""
    _check_keys(plain, WORKFLOW_KEYS, path)
    jobs = tuple(_job(f"{path}: jobs.{name}", name, job, plain) for name, job in plain["jobs"].items())
    return Workflow(
        path=path,
        name=plain.get("name") or path,
        run_name=plain.get("run-name"),
        on=plain["on"],
        env=plain.get("env") or {},
        concurrency=plain.get("concurrency"),
        jobs=jobs,
    )


def _job(place: str, name: str, plain: Mapping[str, Any], whole: Mapping[str, Any]) -> Job:
    if "uses" in plain:
        raise Unsupported(f"{place}: reusable workflows are not supported by this runner")
    _check_keys(plain, JOB_KEYS, place)
    runs_on = plain["runs-on"]
    if not (isinstance(runs_on, str) and runs_on.startswith("ubuntu-")):
        raise Unsupported(f"{place}.runs-on: only ubuntu-… is supported by this runner (found {runs_on})")
    for index, step in enumerate(plain["steps"]):
        _check_keys(step, STEP_KEYS, f"{place}: step {index + 1}")
    defaults = {**_run_defaults(whole, place), **_run_defaults(plain, place)}
    needs = plain.get("needs") or ()
    return Job(
        id=name,
        name=plain.get("name") or name,
        condition=plain["if"],
        needs=(needs,) if isinstance(needs, str) else tuple(needs),
        permissions=plain.get("permissions", whole.get("permissions")),
        env=plain.get("env") or {},
        shell=defaults.get("shell"),
        working_directory=defaults.get("working-directory"),
        concurrency=plain.get("concurrency"),
        outputs=plain.get("outputs") or {},
        timeout_minutes=plain.get("timeout-minutes", 360),
        steps=tuple(plain["steps"]),
    )


def _run_defaults(plain: Mapping[str, Any], place: str) -> dict[str, Any]:
    defaults = plain.get("defaults") or {}
    _check_keys(defaults, {"run"}, f"{place}: defaults")
    return defaults.get("run") or {}


def _check_keys(plain: Mapping[str, Any], known: set[str], place: str) -> None:
    for key in plain:
        if key not in known:
            raise Unsupported(f"{place}: `{key}` is not supported by this runner")


def _answer(service: Service, operation: str, path: str, content: str) -> dict:
    answer = service.ask(operation, name=path, content=content)
    if answer["errors"]:
        raise InvalidInput(
            [
                Problem(path, _first_line(error["message"]), "see GitHub's workflow syntax", error["line"])
                for error in answer["errors"]
            ]
        )
    return answer["value"]


def _first_line(message: str) -> str:
    """Without the picture of the place that the YAML reader draws below."""
    return message.partition("\n")[0].rstrip(":")
