"""Who runs this, from which commit: for locks, audit lines and the list of environments."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from .model import LockHolder

PATIENCE = 10.0


def who() -> str:
    """The person, as Actions or the system names them."""
    return os.environ.get("GITHUB_ACTOR") or os.environ.get("USER") or "somebody"


def holder() -> LockHolder:
    """Who we are, for whoever has to wait for us."""
    environment = os.environ
    run = ""
    if "GITHUB_RUN_ID" in environment:
        run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format_map(environment)
    return LockHolder(who(), datetime.now(UTC).isoformat(timespec="seconds"), run)


def commit(root: Path) -> str:
    """The commit of the course's repository that is deployed; "" where there is none.

    Outside Actions, `-dirty` at its end tells that what was deployed was not committed.
    """
    return os.environ.get("GITHUB_SHA") or git(
        root, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"
    )


def changed_last(root: Path, names: tuple[str, ...], since: str) -> str:
    """The last commit before or at `since` that changed one of these files of the course, as "HASH title";
    "" when that cannot be known, as in a copy without history."""
    if git(root, "rev-parse", "--is-shallow-repository") != "false":
        return ""
    known = git(root, "rev-parse", "--verify", "--quiet", f"{since}^{{commit}}") if since else ""
    return git(root, "log", "-1", "--format=%h %s", known or "HEAD", "--", *names)


def git(root: Path, *arguments: str) -> str:
    """One line that git prints; "" when there is no git, or no repository."""
    try:
        done = subprocess.run(
            ["git", "-C", root, *arguments], capture_output=True, text=True, timeout=PATIENCE
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
