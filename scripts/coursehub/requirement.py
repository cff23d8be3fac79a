"""One line of environment.yml or apt.txt."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Requirement:
    """A package that the course asks for: `text` as written, and the `line` it stands on, from 1."""

    text: str
    line: int
