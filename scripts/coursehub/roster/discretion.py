"""What a public log may not have: the names of those whom only the secret names. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from coursehub.problems import CoursehubError, Failure

CHATTER = re.compile(r"\[[DIW] [^\]]*JupyterHub [^\]]*\]")
"""A line of the hub's log that is no error: they name who logs in, and who was shut out."""
ACCOUNTS = r"jupyter-[a-z0-9._-]+"
MASK = "(somebody)"


def discreet(error: CoursehubError | None, hidden: Collection[str]) -> Any:
    """The error without the hidden names, nor any student's Unix account. Where nobody is hidden it stays."""
    if not hidden or not isinstance(error, Failure):
        return error
    lines = [line for line in error.detail.splitlines() if not CHATTER.search(line)]
    return Failure(*(masked(text, hidden) for text in (error.message, error.fix, "\n".join(lines))))


def discreet_outcome(outcome: Any, hidden: Collection[str]) -> Any:
    """The same for the outcome of a deploy (outcome.Outcome), and of each step."""
    if not hidden or not outcome.error:
        return outcome
    steps = tuple(replace(done, error=done.error and masked(done.error, hidden)) for done in outcome.steps)
    return replace(outcome, error=discreet(outcome.error, hidden), steps=steps)


def masked(text: str, hidden: Collection[str]) -> str:
    names = "|".join(map(re.escape, sorted(hidden, key=len, reverse=True)))
    return re.sub(rf"(?<![\w.-])(?:{ACCOUNTS}|{names})(?![\w-])", MASK, text)
