"""Which notebooks are run: those of content/ but for what `notebooks.exclude` in course.yml leaves out."""

from __future__ import annotations

from collections.abc import Iterable

from ..patterns import matches


def chosen(paths: Iterable[str], exclude: Iterable[str]) -> tuple[list[str], list[str]]:
    """(the notebooks to run, those left out), of these paths below content/."""
    notebooks = [path for path in paths if path.endswith(".ipynb")]
    patterns = list(exclude)
    run = [path for path in notebooks if not any(matches(path, pattern) for pattern in patterns)]
    return run, [path for path in notebooks if path not in run]


def idle_patterns(paths: Iterable[str], exclude: Iterable[str]) -> list[str]:
    """The patterns that no notebook matches: probably misspelt, or left from one that was renamed."""
    notebooks = [path for path in paths if path.endswith(".ipynb")]
    return [pattern for pattern in exclude if not any(matches(path, pattern) for path in notebooks)]
