"""`scripts/test_notebooks.py`: choose, solve, install, run, and tell."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from .. import fresh_environment, interruption, settings
from ..command import CONVERGED, FAILED, course_parser, refused
from ..content_files import content_paths
from ..handing_out import hand_out
from ..parts import environment
from ..problems import CoursehubError
from ..report import Terminal
from ..secrets import Secrets
from . import choice, installation
from .results import NotebookResult, Results, annotations, as_value, summary

FOLDER = Path(".environment")


def run(description: str) -> int:
    """Test the notebooks; the exit code: 0 none fails, 1 some do or the environment could not be installed, 2
    the input has mistakes."""
    parser = course_parser(description)
    words = f"where the environment is installed, or is already (default: {FOLDER} in the course's folder)"
    parser.add_argument("--environment", type=Path, help=words)
    arguments = parser.parse_args()
    interruption.expect()
    terminal = Terminal()
    try:
        course = settings.load(arguments.course, arguments.override)
        results = test(course, arguments.environment or arguments.course / FOLDER, terminal)
    except CoursehubError as error:
        return refused(error, terminal, arguments)
    terminal.stage(results.headline)
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or ".")
    lines = annotations(results.failures, arguments.course, workspace)
    hand_out(summary(results), json.dumps(as_value(results)), arguments.json, lines)
    return FAILED if results.failures else CONVERGED


def test(course: Any, folder: Path, terminal: Terminal) -> Results:
    """Run the notebooks of the course in its environment, installed in `folder`.

    Raises InvalidInput when environment.yml cannot be met, and Failure when it could not be installed.
    """
    paths = content_paths(course.root)
    wanted, excluded = choice.chosen(paths, course.notebooks.exclude)
    idle = choice.idle_patterns(paths, course.notebooks.exclude)
    notes = tuple(f"notebooks.exclude: {pattern} matches no notebook in content/" for pattern in idle)
    for note in notes:
        terminal.note(note)
    if not course.notebooks.test:
        return Results(why_none="notebooks.test in course.yml is false", notes=notes)
    if not wanted:
        why = "notebooks.exclude in course.yml leaves all out" if excluded else "there is none in content/"
        return Results(excluded=tuple(excluded), why_none=why, notes=notes)
    want = fresh_environment.solved(course, environment.want(course, Secrets()), terminal)
    installation.ensure(want, folder, terminal)
    # Half a second that a course without notebooks need not wait.
    from .running import Bench, run_notebooks

    limit = course.notebooks.time_limit_minutes * 60.0
    bench = Bench(course.root.resolve(), folder.resolve(), course.content.folder, limit)
    terminal.stage(f"Running {len(wanted)} notebook{'' if len(wanted) == 1 else 's'}")
    ran = run_notebooks(bench, wanted, lambda result: told(result, terminal))
    return Results(tuple(ran), tuple(excluded), want.generation, notes=notes)


def told(result: NotebookResult, terminal: Terminal) -> None:
    """One line on a notebook that is through; more on one that failed."""
    terminal.note(f"{'✗' if result.failure else '✓'} {result.path} {result.seconds:.1f} s")
    if result.failure:
        failure = result.failure
        terminal.note(f"  {failure.file}:{failure.line}: {failure.title}")
        for line in failure.message.splitlines():
            terminal.note(f"  {line}")
