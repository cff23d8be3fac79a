"""A result as annotations: mistakes appear at the lines of the files where somebody can correct them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ..conflicts import mentions, name_of
from ..model import Step
from ..outcome import Outcome
from ..problems import CoursehubError, Failure, InvalidInput, Problem
from ..report import titled, waits_for
from .workflow_commands import error, notice, warning

EDITED = re.compile(r"\b(course\.yml|environment\.yml|environment\.lock|apt\.txt|postBuild)(?::(\d+))?")
"""A file that a fix says to edit, perhaps with the line."""
LISTS = ("environment.yml", "apt.txt")
"""Files with one requirement on a line."""


def annotations(result: Outcome | CoursehubError, root: Path, workspace: Path) -> list[str]:
    """The lines for the log. `root` is the course's folder; annotations name files from `workspace` on, which
    is the repository's."""
    place = _inside(root, workspace)
    if isinstance(result, InvalidInput):
        return [mistake(problem, place) for problem in result.problems]
    if isinstance(result, Failure):
        return [failed(result, root, place)]
    lines = [failed(result.error, root, place)] if result.error else []
    lines += [warning(text, title="Warning") for text in result.warnings]
    return lines + held_back(result.held)


def mistake(problem: Problem, place: str) -> str:
    """One mistake, at its line, or at the first one of its file."""
    if not problem.in_a_file:
        return error(problem.without_place, title=problem.file)
    title = f"{problem.file}: {problem.key}" if problem.key else problem.file
    file = place + problem.file
    return error(problem.without_place, file=file, line=problem.line or 1, title=title)


def failed(failure: Failure, root: Path, place: str) -> str:
    """A failure; where its fix is to edit a file, at that file."""
    fix = f" What to do: {failure.fix}" if failure.fix else ""
    message, title = f"{failure.message}{fix}", "What could not be done"
    edited = EDITED.search(failure.fix)
    if edited is None or not (root / edited[1]).is_file():
        return error(message, title=title)
    line = int(edited[2]) if edited[2] else line_of(failure, root / edited[1])
    return error(message, file=place + edited[1], line=line, title=title)


def line_of(failure: Failure, path: Path) -> int:
    """The line with the requirement that a failure names; the first one where that cannot be told."""
    if path.name not in LISTS:
        return 1
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    names = [(number, name_of(line.strip().lstrip("- \"'"))) for number, line in enumerate(lines, 1)]
    for words in (failure.fix, failure.message):
        for number, name in names:
            if re.fullmatch(r"[\w.+-]+", name) and mentions(words, name):
                return number
    return 1


def held_back(steps: Iterable[Step]) -> list[str]:
    return [notice(f"{titled(step)}; {waits_for(step)}", title="Held back") for step in steps]


def _inside(root: Path, workspace: Path) -> str:
    """What comes before a file's name; nothing where the course is the repository, or is somewhere else."""
    root, workspace = root.resolve(), workspace.resolve()
    if root == workspace or not root.is_relative_to(workspace):
        return ""
    return f"{root.relative_to(workspace).as_posix()}/"
