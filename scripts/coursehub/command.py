"""What the thin scripts share: arguments, settings, one call, one exit code."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from . import pipeline, settings
from .problems import CoursehubError, InvalidInput
from .report import Terminal, publish
from .secrets import Secrets

CONVERGED, FAILED, BAD_INPUT = 0, 1, 2


def run(description: str, *, apply: bool) -> int:
    """Deploy, or only plan; return the exit code: 0 done, 1 failed, 2 the input has mistakes."""
    arguments = parse(description)
    terminal = Terminal()
    try:
        course = settings.load(arguments.course, arguments.override)
        outcome = pipeline.deploy(course, Secrets.from_environment(os.environ), terminal, apply=apply)
    except CoursehubError as error:
        terminal.problem(error)
        publish(error, arguments.json)
        return BAD_INPUT if isinstance(error, InvalidInput) else FAILED
    terminal.outcome(outcome)
    publish(outcome, arguments.json)
    return FAILED if outcome.error else CONVERGED


def parse(description: str) -> argparse.Namespace:
    """The arguments that plan.py and deploy.py have in common."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--course", type=Path, default=Path(), help="the course's folder (default: this one)")
    parser.add_argument("--override", type=Path, help="a YAML file whose keys replace those of course.yml")
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    return parser.parse_args()
