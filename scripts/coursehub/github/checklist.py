"""The issue "Setup checklist": made in a fresh copy, ticked by each deploy, closed when all is done.

A person who closes it has no use for it, and hears no more of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ..run_identity import git
from .checklist_body import START, Known, read, states, written
from .rest import GONE, Refused, Repository
from .results import result_of
from .standalone import Said

LABEL, TITLE = "coursehub-setup", "Setup checklist"
PERMISSION = "issues: write"
WANT = "keep the setup checklist"
OFF = "There is no setup checklist, for issues are switched off in this repository"
COMPLETE = "All of it is done: the course has its hub. This issue closes itself; reopen it whenever you like."
TWICE = "This list is kept in #{number} already."
SETTINGS = "course.yml"
OLDEST = 100


def act(environ: Mapping[str, str]) -> Said:
    """Make, update or close the issue, by GIVEN, RESULT and the history at hand. Raises Failure."""
    repository = Repository.from_environment(environ)
    known = what_is_known(environ, repository.page, Path())
    try:
        keep(repository, known)
    except Refused as refused:
        if refused.status != GONE:
            raise
        return Said(f"{OFF} (Settings → General → Features → Issues)", noticed=True)
    return Said("")


def what_is_known(environ: Mapping[str, str], home: str, root: Path) -> Known:
    """What this run can tell of each item."""
    result = result_of(environ) or {}
    url = result.get("url")
    converged = result.get("verdict") == "converged"
    students = result.get("students")
    items = {
        "settings": settings_edited(root),
        "deploy": True if converged and url else None,
        "https": url.startswith("https://") if converged and url else None,
        "student": None if students is None else students > 0,
    }
    return Known(home, given(environ), items, url)


def given(environ: Mapping[str, str]) -> list[str] | None:
    """The names of the secrets that the gate saw; None without its word."""
    try:
        names = json.loads(environ.get("GIVEN") or "null")
    except ValueError:
        return None
    return [str(name) for name in names] if isinstance(names, list) else None


def settings_edited(root: Path) -> bool | None:
    """Whether course.yml has been changed since it came; None where the history is not at hand."""
    if git(root, "rev-parse", "--is-shallow-repository") != "false":
        return None
    commits = git(root, "rev-list", "--count", "HEAD", "--", SETTINGS)
    return int(commits) > 1 if commits else None


def keep(repository: Repository, known: Known) -> None:
    """Bring the issue to what is known. Raises Refused."""
    issue, others = found(repository)
    close_others(repository, issue, others)
    if issue is None:
        ticked = states(known, {})
        if not all(ticked.values()):
            make(repository, written(known, ticked))
    elif issue["state"] == "open":
        update(repository, issue, known)


def found(repository: Repository) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    """(The issue, or None; further ones, which two runs at the same time may have made)."""
    labelled = repository.pages("issues", WANT, PERMISSION, labels=LABEL, state="all")
    ours = [issue for issue in labelled if is_marked(issue) or is_by_bot(issue)]
    if not ours:
        # Somebody may have taken the label off; it was one of the first issues.
        oldest = repository.pages("issues", WANT, PERMISSION, state="all", sort="created", direction="asc")
        ours = [issue for issue in islice(oldest, OLDEST) if is_marked(issue) and is_by_bot(issue)]
    ours = sorted((issue for issue in ours if "pull_request" not in issue), key=lambda issue: issue["number"])
    return (ours[0] if ours else None), ours[1:]


def is_marked(issue: Mapping[str, Any]) -> bool:
    return START in (issue.get("body") or "")


def is_by_bot(issue: Mapping[str, Any]) -> bool:
    """Whether a workflow wrote it, and not somebody who copied its text."""
    return (issue.get("user") or {}).get("type") == "Bot" and issue["title"] == TITLE


def make(repository: Repository, body: str) -> None:
    """Write the issue, and look whether another run did so at the same moment."""
    value = {"title": TITLE, "body": body, "labels": [LABEL]}
    made = repository.write("POST", "issues", value, WANT, PERMISSION)
    issue, others = found(repository)
    if issue and issue["number"] < made["number"]:
        close_others(repository, issue, [one for one in others if one["number"] == made["number"]])


def close_others(
    repository: Repository, issue: Mapping[str, Any] | None, others: list[dict[str, Any]]
) -> None:
    """Close further issues of ours, with a word where the list is."""
    for other in others:
        if other["state"] == "open":
            note = TWICE.format(number=issue["number"])
            close(repository, other["number"], note, state_reason="not_planned")


def update(repository: Repository, issue: Mapping[str, Any], known: Known) -> None:
    """Write what has changed; when all is ticked, close the issue."""
    before = issue.get("body") or ""
    ticked = states(known, read(before))
    body = written(known, ticked, before)
    changes = {} if body.strip() == before.replace("\r\n", "\n").strip() else {"body": body}
    if all(ticked.values()) and issue.get("state_reason") != "reopened":
        close(repository, issue["number"], COMPLETE, state_reason="completed", **changes)
        return
    if changes:
        repository.write("PATCH", f"issues/{issue['number']}", changes, WANT, PERMISSION)


def close(repository: Repository, number: int, note: str, **changes: str) -> None:
    """Close an issue with a comment: in this order, so that no comment is ever written twice."""
    value = {"state": "closed", **changes}
    repository.write("PATCH", f"issues/{number}", value, WANT, PERMISSION)
    repository.write("POST", f"issues/{number}/comments", {"body": note}, WANT, PERMISSION)
