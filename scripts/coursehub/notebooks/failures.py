"""What nbclient and kernels say about a failure, made into a place and plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import lines
from .results import NotebookFailure

TERMINAL_CODE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
OWN_FILE = re.compile(r" \(\d+\.py, line \d+\)$")
"""What IPython calls a cell in a SyntaxError's words."""
ROUTINE = re.compile(r"\[\w+\] (?:DEBUG|INFO|WARNING) ")
LONGEST = 600
"""Characters of an error's own words that are shown."""
SHOWN = 8
"""Lines of what a kernel said before it ended."""


@dataclass(frozen=True)
class Place:
    """A notebook: its file as shown, and the file's text."""

    file: str
    text: str

    def failure(self, cell: int | None, line: int | None, title: str, message: str) -> NotebookFailure:
        """A failure in line `line` of cell number `cell` (from 0); None is not to know."""
        number = 0 if cell is None else cell + 1
        name = self.file.rpartition("/")[2]
        where = f"cell {number} of {name}" if number else name
        file_line = 1 if cell is None else lines.line_in_file(self.text, cell, line)
        return NotebookFailure(self.file, file_line, number, f"{where}: {title}", message)

    def raised(self, cell: int, reply: Mapping[str, Any], name: str, words: str) -> NotebookFailure:
        """A cell raised the exception `name`; `reply` is the content of the kernel's reply."""
        line = failing_line(reply.get("traceback") or (), reply.get("execution_count"))
        source = self.source_line(cell, line)
        at = f"\nline {line}: {source}" if source else ""
        said = OWN_FILE.sub("", plain(words))[:LONGEST]
        return self.failure(cell, line, plain(name), (f"{plain(name)}: {said}" if said else plain(name)) + at)

    def too_slow(self, cell: int | None, limit: float) -> NotebookFailure:
        """The time limit (seconds) passed in a cell."""
        message = (
            f"the notebook was not through within {limit / 60:g} min; this cell was running then. Make it "
            "shorter, raise notebooks.time_limit_minutes in course.yml, or leave the notebook out with "
            "notebooks.exclude"
        )
        return self.failure(cell, None, "time-out", message)

    def died(self, cell: int | None, words: str, log: str) -> NotebookFailure:
        """The kernel ended; `log` is what it printed."""
        told = [line for line in plain(log).strip().splitlines() if not ROUTINE.match(line)]
        last = "\n".join(told[-SHOWN:])
        if cell is None:
            return self.failure(
                None, None, "the kernel does not start", "\n".join(filter(None, [plain(words), last]))
            )
        message = (
            "the kernel ended in this cell, perhaps because memory ran out; on the hub a student has the "
            "memory of limits.memory in course.yml"
        )
        return self.failure(cell, None, "the kernel died", "\n".join(filter(None, [message, last])))

    def source_line(self, cell: int, line: int | None) -> str:
        """A line of a cell's source, "" when it is not known."""
        place = next((place for number, place in lines.cells(self.text) if number == cell), None)
        source = "".join(piece for _, piece in place.pieces).split("\n") if place else []
        return source[line - 1].strip() if line and line <= len(source) else ""


def failing_line(traceback: Sequence[str], count: int | None) -> int | None:
    """The line (from 1) of the failing cell, itself number `count` of those executed, at which its error
    arose: the innermost of its lines in an IPython traceback; None when there is none."""
    text = plain("\n".join(traceback))
    found = re.findall(r"(?:Cell In|Input In ?) ?\[(\d+)\], (?:line |in [^\n]*line: ?)(\d+)", text)
    mine = [int(line) for number, line in found if count is None or int(number) == count]
    return mine[-1] if mine else None


def plain(text: str) -> str:
    """Text without a terminal's colours and other control characters, but for line breaks and tabs."""
    return CONTROL.sub("", TERMINAL_CODE.sub("", text.replace("\r\n", "\n")))
