"""From a solver's words to the lines of environment.yml that somebody can change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .problems import Problem

FILE = "environment.yml"
KEY = "dependencies"
Lines = Sequence[tuple[str, int]]
"""(requirement, its line in environment.yml)."""


def conda_problems(conda: Lines, hub: Iterable[str], words: str) -> list[Problem]:
    """One problem for each requirement that the solver names, else one for the whole file."""
    involved = named(conda, words)
    needs = [need for need in hub if mentions(words, name_of(need))]
    fix = "ask for another version, or remove the requirement that others contradict"
    if needs and involved:
        fix = (
            f"change the line so that it allows what students' servers are made of ({'; '.join(needs)}), "
            "or delete it"
        )
    elif "strict channel priority" in words:
        fix = (
            "packages come from the first channel that has them: for another channel's write "
            "CHANNEL::package, or change the order of the channels"
        )
    elif "No candidates were found" in words:
        fix = "correct the name or the version, or add the channel that has it; packages of PyPI go below pip"
    return together("the environment cannot be solved", words, fix, involved)


def pip_problems(pip: Lines, conda: Lines, words: str) -> list[Problem]:
    """The same for the pip part; uv names packages of the conda part by their names on PyPI."""
    involved = named(pip, words) or list(pip if len(pip) == 1 else ())
    fix = (
        "ask for a version that goes with the conda packages, which stay as they are; or move the line up, "
        "out of pip:, so that conda decides on all of it"
    )
    if "not found in the package registry" in words:
        fix = "correct the name: PyPI has no such package"
    return together("the pip part cannot be solved", words, fix, [*involved, *named(conda, words)])


def together(message: str, words: str, fix: str, involved: Lines) -> list[Problem]:
    """The whole story on the first line, and a short word on each of the others."""
    message = f"{message}:\n{words.strip()}\n"
    if not involved:
        return [Problem(FILE, message, fix)]
    (first, line), *others = involved
    more = [Problem(FILE, "takes part in the same conflict", fix, at, KEY, text) for text, at in others]
    return [Problem(FILE, message, fix, line, KEY, first), *more]


def named(requirements: Lines, words: str) -> list[tuple[str, int]]:
    """Those requirements whose package the words name."""
    return [(text, line) for text, line in requirements if mentions(words, name_of(text))]


def mentions(words: str, name: str) -> bool:
    """Whether the words name this package, and not one that only contains its name."""
    pattern = re.sub(r"[-_.]+", "[-_.]+", re.escape(name).replace("\\", ""))
    return re.search(rf"(?<![\w.-]){pattern}(?![\w-])", words, re.IGNORECASE) is not None


def name_of(requirement: str) -> str:
    """The package's name in a conda or pip requirement."""
    return re.split(r"[\s=<>!~\[;@(]", requirement.rpartition("::")[2].strip(), maxsplit=1)[0].lower()
