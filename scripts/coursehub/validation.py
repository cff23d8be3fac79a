"""`scripts/validate.py`: what can be known of a course from its files alone, without a secret or a server."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from . import fresh_environment, interruption, settings
from .command import CONVERGED, course_parser, refused
from .environment_changes import spoken
from .handing_out import hand_out
from .lockfile import FILE as LOCK_FILE
from .lockfile import MAKE as MAKE_LOCK
from .model import Reporter
from .parts import PARTS, configuration, content, environment
from .parts.content import count
from .problems import CoursehubError, InvalidInput, Problem
from .report import Terminal
from .secrets import Secrets


@dataclass(frozen=True)
class Valid:
    """What would be deployed. `generation` names the environment, `packages` maps names to versions,
    `download` is their size in bytes; `notebooks` are paths below content/, `files` counts all there."""

    name: str
    generation: str
    packages: dict[str, str]
    download: int
    notebooks: tuple[str, ...]
    files: int
    warnings: tuple[str, ...] = ()

    def __str__(self) -> str:
        return (
            f"{self.name}: {count(len(self.packages), 'package')}, {spoken(self.download)} to download, "
            f"{count(len(self.notebooks), 'notebook')}"
        )


def run(description: str) -> int:
    """Check the course; the exit code: 0 no mistake, 1 it could not be found out, 2 there are mistakes."""
    arguments = course_parser(description).parse_args()
    interruption.expect()
    terminal = Terminal()
    try:
        valid = validate(arguments.course, arguments.override, terminal)
    except CoursehubError as error:
        return refused(error, terminal, arguments)
    terminal.stage(f"No mistakes. {valid}")
    hand_out(summary(valid), json.dumps({"verdict": "valid"} | asdict(valid)), arguments.json)
    return CONVERGED


def validate(root: Path, override: Path | None, report: Reporter) -> Valid:
    """Look for mistakes in every file, then solve the environment.

    Raises InvalidInput with all mistakes of all files; Failure when a channel or the index cannot be reached.
    """
    problems: list[Problem] = []
    course = tried(lambda: settings.load(root, override), problems)
    if course is None:
        # What does not depend on the settings can be looked at all the same.
        for look in (environment.read_lock, environment.read_post_build, configuration.own_snippet):
            tried(lambda look=look: look(Path(root)), problems)
        raise InvalidInput(problems)
    report.stage("Looking for mistakes")
    wants = {part.NAME: tried(lambda part=part: part.want(course, Secrets()), problems) for part in PARTS}
    want = wants[environment.NAME]
    found = want and tried(lambda: fresh_environment.solved(course, want, report), problems)
    if problems:
        raise InvalidInput(problems)
    return described(course, found, wants[content.NAME])


def tried(look: Callable[[], Any], problems: list[Problem]) -> Any:
    """What `look` returns; None when the input has mistakes, which are added to `problems`, each once."""
    try:
        return look()
    except InvalidInput as error:
        problems += [problem for problem in error.problems if problem not in problems]
        return None


def described(course: Any, want: environment.Want, material: content.Want) -> Valid:
    """What a deploy of this course would bring."""
    paths = material.paths
    stale = f"{LOCK_FILE} belongs to an earlier environment.yml and is not used: run {MAKE_LOCK}"
    return Valid(
        name=course.name,
        generation=want.generation,
        packages=dict(want.solution.packages),
        download=sum(want.solution.sizes.values()),
        notebooks=tuple(path for path in paths if path.endswith(".ipynb")),
        files=len(paths),
        warnings=(*((stale,) if want.stale else ()), *content.warnings(material)),
    )


def summary(valid: Valid) -> str:
    """The job summary: what happened in the first line, then what would be deployed."""
    what = f"{count(len(valid.notebooks), 'notebook')} and {count(len(valid.packages), 'package')}"
    lines = [f"### No mistakes: {what} could be deployed", ""]
    lines += [f"> **Warning:** {warning}\n" for warning in valid.warnings]
    lines += [
        f"- Environment `{valid.generation}`: {spoken(valid.download)} to download",
        f"- content/: {count(valid.files, 'file')}",
        *(f"  - {path}" for path in valid.notebooks),
    ]
    return "\n".join(lines) + "\n"
