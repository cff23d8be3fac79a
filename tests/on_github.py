"""A course as its coordinator has it: a repository at GitHub, whose workflows run; what came of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.github.api import Api
from sandbox.github.repository import Repository
from sandbox.github.runner import Runner
from sandbox.github.runs import Run

REPOSITORY = Path(__file__).parents[1]
PATIENCE = 900
CONTINUED = ("PIP_", "UV_", "SSL_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
"""What a computer behind a proxy or an index of its own says in its environment; runners get it too."""


@dataclass
class OnGitHub:
    """`runs` are all that there have been."""

    repository: Repository
    api: Api
    runner: Runner
    runs: list[Run] = field(default_factory=list)

    def push(self, changes: Mapping[str, str | bytes | None], message: str) -> dict[str, Run]:
        """Commit to the default branch and push; the runs that this started, by file name, once over."""
        return self.over(self.push_only(changes, message))

    def push_only(self, changes: Mapping[str, str | bytes | None], message: str) -> list[Run]:
        """Commit and push, and do not wait."""
        self.repository.commit(changes, message)
        started = self.runner.push(self.repository.default_branch)
        self.runs += started
        return started

    def copy(self, message: str = "Initial commit", *, without: str = "") -> dict[str, Run]:
        """The first push: what "Use this template" leaves. `without` is a file to leave out."""
        self.repository.push_tree(REPOSITORY, message)
        if without:
            self.repository.commit({without: None}, message)
        started = self.runner.push(self.repository.default_branch)
        self.runs += started
        return self.over(started)

    def dispatch(self, workflow: str, **inputs: Any) -> Run:
        """Run a workflow by hand, to its end."""
        run = self.runner.dispatch(workflow, inputs)
        self.runs.append(run)
        return run.wait(PATIENCE)

    def scheduled(self, workflow: str, cron: str | None = None) -> Run:
        """The clock starts a workflow; its run, once over."""
        run = self.runner.schedule(workflow, cron)
        self.runs.append(run)
        return run.wait(PATIENCE)

    def pull(self, number: int, action: str = "opened") -> dict[str, Run]:
        """Something happened to a pull request; the runs, once over."""
        pull = self.repository.issues[number].pull
        fork = pull.repository != self.repository.full_name
        head = f"refs/forks/{pull.repository}/{pull.head}" if fork else pull.head
        started = self.runner.pull_request(
            number, action, head=head, from_fork=fork, head_full_name=pull.repository
        )
        self.runs += started
        return self.over(started)

    def over(self, started: list[Run]) -> dict[str, Run]:
        return {Path(run.workflow.path).name: run.wait(PATIENCE) for run in started}

    @property
    def checklist(self):
        """The one issue "Setup checklist"."""
        (issue,) = [one for one in self.repository.issues.values() if one.title == "Setup checklist"]
        return issue

    def shown(self, path: str) -> str:
        """A file of the branch `coursehub`."""
        command = ["git", "-C", str(self.repository.git), "show", f"refs/heads/coursehub:{path}"]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def written(self) -> str:
        """All that was ever written where somebody may read it: logs as they really were, summaries,
        outputs, annotations, issues and comments, requests to the API, and every object of the repository."""
        texts = []
        for run in self.runs:
            texts += [run.log.raw, run.summary, str(run.annotations)]
            texts += [str(job.outputs) for job in run.jobs.values()]
            texts += [str(step.outputs) for step in run.steps]
        texts += [str(request) for request in self.api.requests]
        texts += [f"{issue.title}\n{issue.body}" for issue in self.repository.issues.values()]
        texts += [comment.body for comment in self.repository.comments.values()]
        return "\n".join(texts)


def seen_secrets(run: Run) -> dict[str, set[str]]:
    """For each step that could see secrets, which. The token of the job is one, too."""
    return {step.name: step.secrets for step in run.steps if step.secrets}


@contextmanager
def on_github(
    folder: Path, environment: Mapping[str, str] | None = None, **options: Any
) -> Iterator[OnGitHub]:
    """A repository, empty as yet, its API and its runners; what the API did not know fails in the end."""
    continued = {name: value for name, value in os.environ.items() if name.upper().startswith(CONTINUED)}
    pip = Path.home() / ".config/pip/pip.conf"
    if pip.exists():
        continued["PIP_CONFIG_FILE"] = str(pip)
    repository = Repository.create(folder / "course.git", **options)
    with (
        Api(repository) as api,
        Runner(repository, folder / "runner", environment={**continued, **(environment or {})}) as runner,
    ):
        yield OnGitHub(repository, api, runner)
        assert api.unexpected == []
