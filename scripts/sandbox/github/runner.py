"""Executes the workflows of a repository on this computer, as GitHub would on its own.

    with Runner(repository, directory) as runner:
        for run in runner.push("main"):
            print(run.wait().conclusion, run.summary)

It evaluates with GitHub's published packages and runs the real scripts; events.Repository states what it
needs of a repository. What GitHub can do and the runner cannot is refused by name (parser.Unsupported).
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coursehub.problems import Failure
from sandbox.github import actions, events, filters, history, parser, stand_ins  # noqa: F401 (they enter themselves)
from sandbox.github.concurrency import Groups
from sandbox.github.events import Event, PullRequest, Repository
from sandbox.github.inputs import validated
from sandbox.github.machine import Shared
from sandbox.github.parser import Unsupported
from sandbox.github.processes import Timings
from sandbox.github.runs import Run
from sandbox.github.service import Service

PULL_REQUEST_TYPES = ("opened", "synchronize", "reopened")
FORCED_END = 15
"""Seconds for all runs to end when the runner is closed."""


class Runner:
    """Runs the workflows of one repository; `environment` is what its computers have in theirs besides.

    PATH in `environment` comes before the system's. `keep` leaves the jobs' folders for inspection.
    `service` may be shared between runners; who made it closes it.
    """

    def __init__(
        self,
        repository: Repository,
        directory: Path,
        environment: Mapping[str, str] | None = None,
        timings: Timings | None = None,
        keep: bool = False,
        service: Service | None = None,
    ):
        self.repository, self.directory = repository, Path(directory)
        self.runs: list[Run] = []
        self._environment, self._timings, self._keep = dict(environment or {}), timings or Timings(), keep
        self._given_service = service
        self._groups = Groups()
        self._lock = threading.Lock()
        self._ids = itertools.count(1001)
        self._heads: dict[str, str] = {}

    def __enter__(self) -> Runner:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._service = self._given_service or Service()
        self._shared = Shared(
            self.repository,
            self.directory.resolve(),
            self._environment,
            self._service,
            self._timings,
            self._keep,
        )
        return self

    def __exit__(self, *_: object) -> None:
        for run in self.runs:
            if not run.is_over:
                run.force()
        for run in self.runs:
            run.join(FORCED_END)
        if self._given_service is None:
            self._service.close()

    def push(self, branch: str = "main", actor: str = "ada", before: str | None = None) -> list[Run]:
        """A branch was pushed: start the runs that its workflows state for it.

        `before` is the commit that the branch named until then: by itself what it named at the last push.
        Raises Failure if there is no such branch, InvalidInput for wrong workflows, Unsupported.
        """
        before = before or self._heads.get(branch, history.NOTHING)
        event = events.push(self.repository, branch, actor, before)
        self._heads[branch] = event.sha
        if events.is_skipped(event):
            return []
        changed = history.changed(self.repository.git, before, event.sha)

        def is_wanted(filter_: Mapping[str, Any]) -> bool:
            return filters.branch_passes(filter_, branch) and filters.paths_pass(filter_, changed)

        return self._started("push", event, is_wanted)

    def pull_request(
        self,
        number: int,
        action: str = "opened",
        head: str = "",
        base: str | None = None,
        from_fork: bool = False,
        head_full_name: str | None = None,
        actor: str = "ada",
    ) -> list[Run]:
        """Something happened to a pull request of the branch or commit `head`, which `repository.git` has.

        Without runs if `head` conflicts with `base`, as on GitHub. Raises as push() does.
        """
        repository = self.repository
        base = base or repository.default_branch
        base_sha, head_sha = (history.commit(repository.git, name) for name in (base, head))
        merged = history.merge(repository.git, number, base_sha, head_sha)
        if merged is None:
            return []
        full_name = head_full_name or repository.full_name
        request = PullRequest(number, action, base, base_sha, head, head_sha, full_name, from_fork)
        event = events.pull_request(repository, request, merged, actor)
        common = history.merge_base(repository.git, base_sha, head_sha)
        changed = history.changed(repository.git, common, head_sha)

        def is_wanted(filter_: Mapping[str, Any]) -> bool:
            return (
                action in filter_.get("types", PULL_REQUEST_TYPES)
                and filters.branch_passes(filter_, base)
                and filters.paths_pass(filter_, changed)
            )

        return self._started("pull_request", event, is_wanted)

    def dispatch(
        self,
        workflow: str,
        inputs: Mapping[str, Any] | None = None,
        ref: str | None = None,
        actor: str = "ada",
    ) -> Run:
        """Somebody starts the workflow file `workflow` by hand, on the branch `ref`.

        Raises inputs.RefusedInputs where GitHub refuses the inputs, Failure if it cannot be started so.
        """
        ref = ref or self.repository.default_branch
        self._file(self.repository.default_branch, workflow, "workflow_dispatch")
        path, plain = self._file(ref, workflow, "workflow_dispatch")
        definition = plain["on"]["workflow_dispatch"] or {}
        values = validated(definition.get("inputs"), inputs or {})
        return self._run(path, plain, events.dispatch(self.repository, path, ref, actor, values))

    def schedule(self, workflow: str, cron: str | None = None, actor: str = "ada") -> Run:
        """The time of a workflow file has come: that of its line `cron`, by itself the first one."""
        path, plain = self._file(self.repository.default_branch, workflow, "schedule")
        lines = [line["cron"] for line in plain["on"]["schedule"]]
        cron = cron or lines[0]
        if cron not in lines:
            raise Failure(f"{path} has no schedule {cron!r}", fix=f"it has {', '.join(lines)}")
        return self._run(path, plain, events.schedule(self.repository, path, cron, actor))

    def _workflows(self, sha: str) -> dict[str, dict]:
        files = history.workflow_files(self.repository.git, sha)
        return {path: parser.parse(self._service, path, content) for path, content in files.items()}

    def _file(self, branch: str, name: str, event: str) -> tuple[str, dict]:
        path = name if "/" in name else f"{history.WORKFLOWS}/{name}"
        sha = history.commit(self.repository.git, branch)
        files = history.workflow_files(self.repository.git, sha)
        if path not in files:
            raise Failure(
                f"there is no {path} on {branch}", fix=f"it has {', '.join(files) or 'no workflow'}"
            )
        plain = parser.parse(self._service, path, files[path])
        if event not in plain["on"]:
            raise Failure(f"{path} has no {event} event")
        return path, plain

    def _started(self, name: str, event: Event, is_wanted) -> list[Run]:
        workflows = self._workflows(event.sha)
        wanted = {path: plain for path, plain in workflows.items() if is_triggered(plain, name, is_wanted)}
        _refuse_followers(workflows, name, [plain.get("name", path) for path, plain in wanted.items()])
        # All of them are understood before the first one starts.
        understood = [_understood(path, plain) for path, plain in wanted.items()]
        return [self._begin(workflow, event) for workflow in understood]

    def _run(self, path: str, plain: dict, event: Event) -> Run:
        return self._begin(_understood(path, plain), event)

    def _begin(self, workflow: parser.Workflow, event: Event) -> Run:
        with self._lock:
            number = 1 + sum(run.workflow.path == workflow.path for run in self.runs)
            run = Run(self._shared, self._groups, workflow, event, next(self._ids), number)
            self.runs.append(run)
        # The API lists them, where there is one.
        getattr(self.repository, "workflow_runs", []).append(run.record)
        return run.start()


def _understood(path: str, plain: Mapping[str, Any]) -> parser.Workflow:
    workflow = parser.workflow(path, plain)
    for job in workflow.jobs:
        actions.check_steps(job.steps, f"{path}: jobs.{job.id}")
    return workflow


def is_triggered(plain: Mapping[str, Any], name: str, is_wanted) -> bool:
    """Does a workflow state this event, with filters that let it pass?"""
    return name in plain["on"] and is_wanted(plain["on"][name] or {})


def _refuse_followers(workflows: Mapping[str, Mapping[str, Any]], name: str, started: list[str]) -> None:
    """Raise Unsupported for workflows that GitHub would start too, by events that are not had here."""
    for path, plain in workflows.items():
        if name == "pull_request" and "pull_request_target" in plain["on"]:
            raise Unsupported(f"{path}: pull_request_target is not supported by this runner")
        followed = (plain["on"].get("workflow_run") or {}).get("workflows", [])
        if set(followed) & set(started):
            raise Unsupported(f"{path}: workflow_run is not supported by this runner")
