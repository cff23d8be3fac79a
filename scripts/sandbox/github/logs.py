"""What steps write: as it was, as GitHub shows it, and the annotations found in it."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

HIDDEN = "***"


class Masks:
    """The texts that no log may show: every secret, and each line of one that has several."""

    def __init__(self, texts=()):
        self._lock = threading.Lock()
        self._texts: set[str] = set()
        self._expression: re.Pattern[str] | None = None
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Hide this text, and every line of it that is not empty, from now on."""
        with self._lock:
            self._texts |= {part for part in (text, text.strip(), *map(str.strip, text.splitlines())) if part}
            longest_first = sorted(self._texts, key=len, reverse=True)
            self._expression = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def hide(self, text: str) -> str:
        """The text with *** for what is secret."""
        return self._expression.sub(HIDDEN, text) if self._expression else text


class Log:
    """Lines that were written, as they came and as GitHub shows them; a step's go to its job's log too."""

    def __init__(self, masks: Masks, parent: Log | None = None):
        self._masks, self._parent = masks, parent
        self._raw: list[str] = []
        self._masked: list[str] = []

    def write(self, line: str) -> None:
        """Add a line; what is masked later stays visible in earlier lines, as on GitHub."""
        self._raw.append(line + "\n")
        self._masked.append(self._masks.hide(line) + "\n")
        if self._parent is not None:
            self._parent.write(line)

    @property
    def raw(self) -> str:
        """What was really written."""
        return "".join(self._raw)

    @property
    def masked(self) -> str:
        """What GitHub shows."""
        return "".join(self._masked)


@dataclass(frozen=True)
class Annotation:
    """A message that GitHub shows beside the run and the file; `level` is error, warning or notice."""

    level: str
    message: str
    title: str | None = None
    file: str | None = None
    line: int | None = None
    end_line: int | None = None
    column: int | None = None
    end_column: int | None = None
    shown: bool = True
    """GitHub shows ten of a level for each step and drops the others."""
