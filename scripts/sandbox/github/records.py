"""What is remembered of issues, comments, labels and pull requests, and how GitHub's API shows accounts."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

BOT = "github-actions[bot]"
BOT_ID = 41898282
BOT_EMAIL = f"{BOT_ID}+{BOT}@users.noreply.github.com"
LEVELS = ("none", "read", "write")
# What a job can be allowed; the names are those of a workflow's `permissions`.
PERMISSIONS = frozenset(
    {
        *("actions", "artifact-metadata", "attestations", "checks", "contents", "deployments", "discussions"),
        *("id-token", "issues", "metadata", "models", "packages", "pages", "pull-requests"),
        *("security-events", "statuses"),
    }
)
# What every new repository has: name, colour, description.
LABELS = (
    ("bug", "d73a4a", "Something isn't working"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("duplicate", "cfd3d7", "This issue or pull request already exists"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("invalid", "e4e669", "This doesn't seem right"),
    ("question", "d876e3", "Further information is requested"),
    ("wontfix", "ffffff", "This will not be worked on"),
)


def now() -> str:
    """The time, as GitHub writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number_for(name: str) -> int:
    """A number that stands for a name, always the same one."""
    return zlib.crc32(name.encode())


@dataclass
class Label:
    """A label; `color` is six hexadecimal digits."""

    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass
class Comment:
    """A comment on an issue or a pull request."""

    id: int
    issue: int
    body: str
    author: str
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)


@dataclass
class Pull:
    """What a pull request has besides an issue. `head` is a branch of `repository`, "owner/name": another
    one's for a pull request from a fork."""

    head: str
    base: str
    repository: str
    draft: bool = False
    merged: bool = False


@dataclass
class Issue:
    """An issue; a pull request, for GitHub, is an issue with `pull`. `labels` are names."""

    number: int
    id: int
    title: str
    body: str | None
    author: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    state_reason: str | None = None
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)
    closed: str | None = None
    pull: Pull | None = None
    assignees: list[str] = field(default_factory=list)


@dataclass
class RunStep:
    """A step of a run, with the times that it began and ended."""

    name: str
    status: str = "queued"
    conclusion: str | None = None
    started: str | None = None
    completed: str | None = None


@dataclass
class WorkflowRun:
    """A run of a workflow, by the workflow's path. `status` is queued, in_progress, completed …; then
    `conclusion` is success, failure, cancelled, skipped …. `steps` are those of its one job."""

    workflow: str
    id: int
    number: int
    status: str = "in_progress"
    conclusion: str | None = None
    steps: list[RunStep] = field(default_factory=list)
    event: str = "workflow_dispatch"
    branch: str = "main"
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)


@dataclass(frozen=True)
class Dispatch:
    """A workflow that was asked for: its file's path, where, and with what."""

    workflow: str
    ref: str
    inputs: dict[str, str]
    author: str


def account(login: str, kind: str | None = None) -> dict[str, Any]:
    """A user, a bot or an organisation as GitHub shows it in short."""
    identity = BOT_ID if login == BOT else number_for(login)
    page = f"https://github.com/{'apps/' + login.removesuffix('[bot]') if login.endswith('[bot]') else login}"
    return {
        "login": login,
        "id": identity,
        "node_id": f"U_{identity}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{identity}?v=4",
        "html_url": page,
        "url": f"https://api.github.com/users/{login}",
        "type": kind or ("Bot" if login.endswith("[bot]") else "User"),
        "site_admin": False,
    }
