"""A course's repository on disk, for tests: valid as made, then spoilt one file at a time."""

from __future__ import annotations

import json
import re
from pathlib import Path

from coursehub.problems import InvalidInput, Problem
from coursehub.settings import Settings, load

SAMPLE = (Path(__file__).parents[1] / "course.yml").read_text()
FULL_SAMPLE = re.sub(r"(?m)^#(?=(  ){0,2}\w)", "", SAMPLE)
"""The repository's own course.yml with its optional lines in use."""
NOTEBOOK = json.dumps({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def make_course(root: Path, course: str = "", **files: str) -> Path:
    """Writes course.yml, content/StartHere.ipynb and the `files`: `environment_yml` for environment.yml."""
    (root / "content").mkdir(parents=True)
    (root / "content" / "StartHere.ipynb").write_text(NOTEBOOK)
    (root / "course.yml").write_text(course)
    for name, text in files.items():
        (root / name.replace("_", ".")).write_text(text)
    return root


def problems_of(root: Path, override: Path | None = None) -> tuple[Problem, ...]:
    """Every problem of the course; none when it loads."""
    return problems_or_settings(root, override)[0]


def problems_or_settings(
    root: Path, override: Path | None = None
) -> tuple[tuple[Problem, ...], Settings | None]:
    try:
        return (), load(root, override)
    except InvalidInput as error:
        return error.problems, None


def assert_only(
    problems, file: str, line: int | None, key: str | None, found: str | None, *words: str
) -> None:
    """There is one problem, in this place, whose message or fix holds each of the words."""
    assert len(problems) == 1, "\n".join(map(str, problems))
    problem = problems[0]
    assert (problem.file, problem.line, problem.key, problem.found) == (file, line, key, found)
    assert problem.fix
    for word in words:
        assert word in f"{problem.message}. {problem.fix}"
