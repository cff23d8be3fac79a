"""What can go wrong, as values: every mistake names its file, line, key and fix.

Three families, one exit code each (see command.py):
bad input (`InvalidInput`, exit 2), a failure while doing the work (`Failure`, exit 1),
and everything else, which is a bug and keeps its traceback.
"""

from __future__ import annotations

from dataclasses import dataclass

COMMAND_LINE = "the command line"


@dataclass(frozen=True)
class Problem:
    """One mistake in what the coordinator gave, and how to mend it.

    `file` is relative to the course repository, or the name of a secret; `line` counts from 1.
    `found` is what was read, shown as it stands: never put a secret's value there.
    """

    file: str
    message: str
    fix: str
    line: int | None = None
    key: str | None = None
    found: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.without_place}"

    @property
    def without_place(self) -> str:
        """The mistake and its fix, for where the file and the line are shown already."""
        key = f"{self.key}: " if self.key else ""
        found = f" (found {self.found})" if self.found is not None else ""
        return f"{key}{self.message}{found}. Fix: {self.fix}"

    @property
    def in_a_file(self) -> bool:
        """Whether it is in one of the course's files, and not in a secret or on the command line."""
        return not self.file.startswith(("secret ", "-")) and self.file != COMMAND_LINE


class CoursehubError(Exception):
    """The base of what a user may see; its text is complete, no traceback is needed."""


class InvalidInput(CoursehubError):
    """All the mistakes found in the course's files and secrets, together."""

    def __init__(self, problems: list[Problem] | tuple[Problem, ...]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Failure(CoursehubError):
    """The work could not be done: what happened, the last thing seen, and what to do.

    `detail` is longer material, such as the last lines of a journal; shown below the message.
    """

    def __init__(self, message: str, fix: str = "", detail: str = ""):
        self.message, self.fix, self.detail = message, fix, detail
        super().__init__(message + (f" Fix: {fix}" if fix else ""))
