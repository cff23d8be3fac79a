"""One comment on a pull request, which shows the newest plan: it is written once, and then edited."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..problems import Failure
from .rest import NOT_FOUND, Refused, Repository
from .standalone import Said

MARKER = "<!-- coursehub:plan -->"
"""Not seen by readers. It is ours only at the beginning of a bot's comment: others may quote it."""
PERMISSION = "pull-requests: write"
WITHOUT = "The plan is not shown on the pull request"


def act(environ: Mapping[str, str]) -> Said:
    """Write COMMENT, Markdown, on pull request PULL_REQUEST. Raises Failure."""
    text = environ.get("COMMENT", "").strip()
    if not text:
        return Said("")
    number = environ.get("PULL_REQUEST", "")
    if not re.fullmatch(r"[1-9][0-9]*", number):
        fix = "in the workflow, give the step env: PULL_REQUEST: ${{ github.event.pull_request.number }}"
        raise Failure("PULL_REQUEST is not the number of a pull request", fix)
    if from_a_fork(environ):
        why = "it comes from a fork, whose runs may not write here: the job summary has all of it"
        return Said(f"{WITHOUT}: {why}", noticed=True)
    write(Repository.from_environment(environ), number, f"{MARKER}\n{text}")
    return Said("")


def from_a_fork(environ: Mapping[str, str]) -> bool:
    """Whether the event that started the run is a pull request from another repository."""
    try:
        event = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        head = event["pull_request"]["head"]["repo"]
    except (KeyError, OSError, ValueError, TypeError):
        return False
    # A fork that was deleted meanwhile is null.
    return head is None or head.get("full_name") != environ.get("GITHUB_REPOSITORY")


def write(repository: Repository, number: str, body: str) -> None:
    """Edit our comment, or write the first one. Raises Failure."""
    want = "show the plan on the pull request"
    present = next(filter(is_ours, repository.pages(f"issues/{number}/comments", want, PERMISSION)), None)
    if present is not None:
        if same(present["body"], body):
            return
        try:
            repository.write("PATCH", f"issues/comments/{present['id']}", {"body": body}, want, PERMISSION)
            return
        except Refused as refused:
            if refused.status != NOT_FOUND:
                raise
            # Somebody has just deleted it.
    repository.write("POST", f"issues/{number}/comments", {"body": body}, want, PERMISSION)


def is_ours(comment: Mapping[str, Any]) -> bool:
    author = comment.get("user") or {}
    return author.get("type") == "Bot" and (comment.get("body") or "").startswith(MARKER)


def same(one: str, other: str) -> bool:
    """Whether two texts are equal, but for line ends, which GitHub changes."""
    return one.replace("\r\n", "\n").strip() == other.replace("\r\n", "\n").strip()
