"""The computer of one job: its folders, environment and secrets, and what expressions may know of them."""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.github.events import Event, Repository
from sandbox.github.expressions import Status
from sandbox.github.logs import Masks
from sandbox.github.processes import TRACKING, Timings
from sandbox.github.service import Service

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SHORTEST_SECRET = 4
"""Shorter values are looked for as a whole variable only: as part of one they would be found anywhere."""


@dataclass
class Shared:
    """What all runs of a runner have in common."""

    repository: Repository
    directory: Path
    environment: Mapping[str, str]
    service: Service
    timings: Timings
    keep: bool


@dataclass(frozen=True)
class Identity:
    """Which run and job a machine works for."""

    run_id: int
    run_number: int
    workflow: str
    workflow_path: str
    job: str


@dataclass
class Machine:
    """Made for one job and gone after it."""

    shared: Shared
    event: Event
    identity: Identity
    secrets: Mapping[str, str] = field(repr=False)
    token: str = field(repr=False)
    permissions: Mapping[str, str]
    needs: Mapping[str, Any]
    masks: Masks = field(repr=False)
    env: dict[str, str] = field(default_factory=dict, repr=False)
    """The env context between steps: the workflow's, the job's and what steps wrote to GITHUB_ENV."""
    paths: list[str] = field(default_factory=list)
    env_secrets: frozenset[str] = frozenset()
    """The secrets that the env of workflow and job was made with."""
    after: list[Callable[[], None]] = field(default_factory=list)
    """What actions do after a job that succeeded; the last one first."""
    failed: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)
    force_at: float | None = None
    """When even steps that run always are ended: a time of the monotonic clock."""

    def __post_init__(self):
        self.tracking = f"github_{uuid.uuid4()}"
        self.folder = self.shared.directory / "machines" / f"{self.identity.run_id}-{self.identity.job}"
        name = self.shared.repository.full_name.rpartition("/")[2]
        self.workspace = self.folder / "work" / name / name
        self.home, self.temp, self.files = (
            self.folder / part for part in ("home", "work/_temp", "work/_temp/_runner_file_commands")
        )
        # The same path on every computer: environments that a cache brings back lead there.
        self.tools = self.shared.directory / "tools"
        for folder in (self.workspace, self.home, self.temp, self.files, self.tools):
            folder.mkdir(parents=True, exist_ok=True)
        self.event_path = self.temp / "_github_workflow" / "event.json"
        self.event_path.parent.mkdir()
        self.event_path.write_text(json.dumps(self.event.payload))

    @property
    def status(self) -> str:
        """The job's status so far, as the job context has it."""
        return "cancelled" if self.cancelled.is_set() else "failure" if self.failed else "success"

    def functions(self, failed: bool) -> Status:
        """What the status functions answer where `failed` says whether something went wrong before."""
        cancelled = self.cancelled.is_set()
        return Status(not failed and not cancelled, failed and not cancelled, cancelled)

    def github(self) -> dict[str, Any]:
        """The github context."""
        return {
            **github_context(self.shared.repository, self.event, self.identity),
            "token": self.token,
            "job": self.identity.job,
            "workspace": str(self.workspace),
            "event_path": str(self.event_path),
        }

    def contexts(self) -> dict[str, Any]:
        """What every expression in a step may use; a scope adds its own: see steps.py."""
        return {
            "github": self.github(),
            "vars": dict(getattr(self.shared.repository, "variables", {})),
            "job": {"status": self.status},
            "runner": self.runner(),
            "secrets": dict(self.secrets),
            "needs": self.needs,
            "inputs": dict(self.event.inputs),
        }

    def runner(self) -> dict[str, str]:
        """The runner context."""
        return {
            "os": "Linux",
            "arch": "X64",
            "name": "GitHub Actions 1",
            "environment": "github-hosted",
            "temp": str(self.temp),
            "tool_cache": str(self.tools),
            "workspace": str(self.workspace.parent),
        }

    def base(self) -> dict[str, str]:
        """The computer's own environment, which a workflow's may replace."""
        own = {key: value for key, value in self.shared.environment.items() if key != "PATH"}
        return {"LANG": "C.UTF-8", **own, "HOME": str(self.home), "CI": "true"}

    def variables(self) -> dict[str, str]:
        """What GitHub sets for every step, whatever a workflow says."""
        github = self.github()
        names = (
            "actor", "api_url", "base_ref", "event_name", "event_path", "head_ref", "job", "ref", "ref_name",
            "ref_type", "repository", "repository_owner", "run_attempt", "run_id", "run_number", "server_url",
            "sha", "triggering_actor", "workflow", "workflow_ref", "workspace",
        )  # fmt: skip
        return {
            "GITHUB_ACTIONS": "true",
            **{f"GITHUB_{name.upper()}": str(github[name]) for name in names},
            **{f"RUNNER_{name.upper()}": value for name, value in self.runner().items()},
            TRACKING: self.tracking,
        }

    def path(self, stated: str | None) -> str:
        """PATH for the next step; `stated` is what its env says, in place of the computer's."""
        own = self.shared.environment.get("PATH")
        return ":".join([*self.paths, stated or (f"{own}:{PATH}" if own else PATH)])

    def secrets_in(self, environment: Mapping[str, str]) -> set[str]:
        """The names of the secrets whose value is in an environment, whole or as a part."""
        values = list(environment.values())
        return {
            name
            for name, secret in {**self.secrets, "GITHUB_TOKEN": self.token}.items()
            if secret and (secret in values or _part_of(secret, values))
        }

    def remove(self) -> None:
        """Delete the folders, as GitHub throws the computer away."""
        if not self.shared.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def _part_of(secret: str, values: list[str]) -> bool:
    return len(secret) >= SHORTEST_SECRET and any(secret in value for value in values)


def github_context(repository: Repository, event: Event, identity: Identity) -> dict[str, Any]:
    """What of the github context is known before a job has a machine."""
    server = getattr(repository, "server_url", "https://github.com")
    return {
        "event": event.payload,
        "event_name": event.name,
        "sha": event.sha,
        "ref": event.ref,
        "ref_name": event.ref_name,
        "ref_type": "branch",
        "ref_protected": False,
        "base_ref": event.base_ref,
        "head_ref": event.head_ref,
        "actor": event.actor,
        "triggering_actor": event.actor,
        "repository": repository.full_name,
        "repository_owner": repository.full_name.partition("/")[0],
        "run_id": str(identity.run_id),
        "run_number": str(identity.run_number),
        "run_attempt": "1",
        "retention_days": "90",
        "workflow": identity.workflow,
        "workflow_ref": f"{repository.full_name}/{identity.workflow_path}@{event.ref}",
        "workflow_sha": event.sha,
        "server_url": server,
        "api_url": repository.api_url,
        "graphql_url": f"{repository.api_url}/graphql",
    }
