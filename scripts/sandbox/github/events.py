"""What happens in a repository, as the events that workflows are started by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sandbox.github import history

WORDS_THAT_SKIP = ("[skip ci]", "[ci skip]", "[no ci]", "[skip actions]", "[actions skip]")


class Repository(Protocol):
    """What the runner needs of the repository whose workflows it runs."""

    git: Path
    """A bare repository."""
    full_name: str
    default_branch: str
    secrets: dict[str, str]
    api_url: str

    def payload(self) -> dict:
        """The `repository` object of event payloads."""

    def token(self, permissions: Mapping[str, str]) -> str:
        """A token for one job, with these permissions alone."""


@dataclass(frozen=True)
class Event:
    """One event: its name, its payload, and the commit and ref that its runs work on."""

    name: str
    payload: Mapping[str, Any]
    sha: str
    ref: str
    actor: str
    base_ref: str = ""
    head_ref: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    trusted: bool = True
    """A pull request from a fork is not: its runs get no secrets and may write nothing."""

    @property
    def ref_name(self) -> str:
        """The ref without what says of which kind it is."""
        return self.ref.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("refs/pull/")


def push(repository: Repository, branch: str, actor: str, before: str) -> Event:
    """A branch was pushed; `before` is the commit that it named until then, or history.NOTHING."""
    after = history.commit(repository.git, branch)
    head = history.described(repository.git, after)
    payload = {
        "ref": f"refs/heads/{branch}",
        "before": before,
        "after": after,
        "created": before == history.NOTHING,
        "deleted": False,
        "forced": False,
        "base_ref": None,
        "compare": f"https://github.com/{repository.full_name}/compare/{before[:12]}...{after[:12]}",
        "commits": [head],
        "head_commit": head,
        "pusher": {"name": actor, "email": f"{actor}@users.noreply.github.com"},
    }
    return Event("push", _with_people(repository, actor, payload), after, f"refs/heads/{branch}", actor)


def is_skipped(event: Event) -> bool:
    """Does the message of the pushed commit ask for no run?"""
    message = (event.payload.get("head_commit") or {}).get("message", "")
    return any(words in message for words in WORDS_THAT_SKIP)


def dispatch(repository: Repository, workflow: str, ref: str, actor: str, inputs: Mapping[str, Any]) -> Event:
    """Somebody pressed "Run workflow"; `inputs` have been validated: see inputs.py."""
    texts = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in inputs.items()
    }
    payload = {"inputs": texts or None, "ref": f"refs/heads/{ref}", "workflow": workflow}
    return Event(
        "workflow_dispatch",
        _with_people(repository, actor, payload),
        history.commit(repository.git, ref),
        f"refs/heads/{ref}",
        actor,
        inputs=inputs,
    )


def schedule(repository: Repository, workflow: str, cron: str, actor: str) -> Event:
    """A workflow's time has come: always on the default branch."""
    branch = repository.default_branch
    payload = {"schedule": cron, "workflow": workflow}
    return Event(
        "schedule",
        _with_people(repository, actor, payload),
        history.commit(repository.git, branch),
        f"refs/heads/{branch}",
        actor,
    )


@dataclass(frozen=True)
class PullRequest:
    """A pull request at one moment: commits by hash, branches by name."""

    number: int
    action: str
    base: str
    base_sha: str
    head: str
    head_sha: str
    head_full_name: str
    from_fork: bool


def pull_request(repository: Repository, request: PullRequest, merged: str, actor: str) -> Event:
    """Something happened to a pull request; `merged` is the commit that merges it for the test."""
    own = repository.payload()
    owner, _, name = request.head_full_name.partition("/")
    head_repository = {**own, "fork": request.from_fork, "full_name": request.head_full_name, "name": name}
    if request.from_fork:
        head_repository["owner"] = {**own.get("owner", {}), "login": owner}
    payload = {
        "action": request.action,
        "number": request.number,
        "pull_request": {
            "number": request.number,
            "state": "closed" if request.action == "closed" else "open",
            "title": request.head,
            "body": None,
            "draft": False,
            "merged": False,
            "labels": [],
            "user": {"login": actor, "type": "User"},
            "html_url": f"https://github.com/{repository.full_name}/pull/{request.number}",
            "merge_commit_sha": merged,
            "head": {
                "ref": request.head,
                "sha": request.head_sha,
                "label": f"{owner}:{request.head}",
                "repo": head_repository,
            },
            "base": {"ref": request.base, "sha": request.base_sha, "repo": own},
        },
    }
    return Event(
        "pull_request",
        _with_people(repository, actor, payload),
        merged,
        f"refs/pull/{request.number}/merge",
        actor,
        base_ref=request.base,
        head_ref=request.head,
        trusted=not request.from_fork,
    )


def _with_people(repository: Repository, actor: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {**payload, "repository": repository.payload(), "sender": {"login": actor, "type": "User"}}
