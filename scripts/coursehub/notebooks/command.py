"""`scripts/test_notebooks.py`: choose, solve, install, run, and tell."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import fresh_environment, interruption, settings
from ..command import CONVERGED, FAILED, course_parser, refused
from ..content_files import content_paths
from ..github import workflow_commands
from ..handing_out import hand_out
from ..parts import environment
from ..problems import CoursehubError
from ..report import Terminal
from ..secrets import Secrets
from . import choice, installation
from .results import NotebookResult, Results, annotations, as_value, summary

FOLDER = Path(".environment")
STOPPED = (
    "Nothing was deployed. To deploy all the same: Actions → Deploy → Run workflow, “Do not run the "
    "notebooks first”; or notebooks.exclude or notebooks.stop_deploy in course.yml"
)
GOES_ON = "The deploy goes on: notebooks.stop_deploy in course.yml is false"


def run(description: str) -> int:
    """Test the notebooks; the exit code: 0 none fails, 1 some do or the environment could not be installed, 2
    the input has mistakes."""
    parser = course_parser(description)
    words = f"where the environment is installed, or is already (default: {FOLDER} in the course's folder)"
    parser.add_argument("--environment", type=Path, help=words)
    parser.add_argument(
        "--before-deploy",
        action="store_true",
        help="fail only if course.yml lets a notebook stop a deploy (notebooks.stop_deploy)",
    )
    arguments = parser.parse_args()
    interruption.expect()
    terminal = Terminal()
    try:
        course = settings.load(arguments.course, arguments.override)
        results = test(course, arguments.environment or arguments.course / FOLDER, terminal)
    except CoursehubError as error:
        return refused(error, terminal, arguments)
    stops = course.notebooks.stop_deploy or not arguments.before_deploy
    if arguments.before_deploy and results.failures:
        results = replace(results, notes=(*results.notes, STOPPED if stops else GOES_ON))
        terminal.note(results.notes[-1])
    terminal.stage(results.headline)
    workspace = Path(os.environ.get("GITHUB_WORKSPACE") or ".")
    level = workflow_commands.error if stops else workflow_commands.warning
    lines = annotations(results.failures, arguments.course, workspace, level)
    hand_out(summary(results), json.dumps(as_value(results)), arguments.json, lines)
    return FAILED if results.failures and stops else CONVERGED


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
