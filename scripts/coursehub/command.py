"""What the thin scripts share: arguments, settings, one call, one exit code."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from . import interruption, pipeline, settings
from .handing_out import publish
from .people.privacy import may_show_names
from .problems import CoursehubError, InvalidInput
from .report import Terminal
from .roster.discretion import discreet, discreet_outcome
from .roster.joining import joined
from .secrets import Secrets

CONVERGED, FAILED, BAD_INPUT = 0, 1, 2
WORDS = {
    "rejected": "installs an environment that was rolled back",
    "downtime": "does what takes the hub down for a minute or more",
    "rebuild": "does what erases the droplet's own disk",
    "host-key": "trusts the host key again that a droplet of the course starts with",
    "exclusion": "shuts out more than half of the people on the hub",
}
"""What a person can allow for one run, and what it does."""


def run(description: str, *, apply: bool) -> int:
    """Deploy, or only plan; return the exit code: 0 done, 1 failed, 2 the input has mistakes."""
    parser = course_parser(description)
    parser.add_argument(
        "--locked", action="store_true", help="fail unless environment.lock belongs to environment.yml"
    )
    parser.add_argument(
        "--allow",
        action="append",
        choices=WORDS,
        default=[],
        help="say so: " + "; ".join(f"`{word}` {what}" for word, what in WORDS.items()),
    )
    arguments = parser.parse_args()
    interruption.expect()
    terminal = Terminal()
    hidden: frozenset[str] = frozenset()
    choices = {"environment": {"locked": arguments.locked, "allow_rejected": "rejected" in arguments.allow}}
    try:
        course = settings.load(arguments.course, arguments.override)
        secrets = Secrets.from_environment(os.environ)
        course, hidden = with_the_class(course, secrets)
        words = frozenset(arguments.allow)
        outcome = pipeline.deploy(course, secrets, terminal, apply=apply, words=words, choices=choices)
    except CoursehubError as error:
        return refused(discreet(error, hidden), terminal, arguments, comment=not apply)
    outcome = discreet_outcome(outcome, hidden)
    terminal.outcome(outcome)
    publish(outcome, arguments.json, arguments.course, comment=not apply)
    return FAILED if outcome.error else CONVERGED


def with_the_class(course: Any, secrets: Secrets) -> tuple[Any, frozenset[str]]:
    """The settings with the people of the secret HUB_USERS as well, and the names that nothing may show here:
    those of the secret, where anybody can read what is said. Raises InvalidInput as `joined` does."""
    names = may_show_names(os.environ)
    course = joined(course, secrets.hub_users, names=names)
    return course, frozenset() if names else course.roster.hidden


def exit_code(error: CoursehubError) -> int:
    """The exit code for an error that a user may see."""
    return BAD_INPUT if isinstance(error, InvalidInput) else FAILED


def refused(
    error: CoursehubError, terminal: Terminal, arguments: argparse.Namespace, *, comment: bool = False
) -> int:
    """Tell an error to everybody who should know of it; the exit code."""
    terminal.problem(error)
    publish(error, arguments.json, arguments.course, comment=comment)
    return exit_code(error)


def course_parser(description: str) -> argparse.ArgumentParser:
    """The arguments that all scripts have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--course", type=Path, default=Path(), help="the course's folder (default: this one)")
    parser.add_argument("--override", type=Path, help="a YAML file whose keys replace those of course.yml")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    return parser
