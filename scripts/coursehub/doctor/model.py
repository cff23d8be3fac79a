"""The values of an examination: what was looked at, in sections, and what is thought of all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..health.model import FAILURE, GOOD, UNSEEN, WARNING

WELL, WRONG, UNKNOWN, NONE = "well", "wrong", "unknown", "none"
"""What an examination can come to; `unknown` is that what matters could not be seen, `none` that there is no
server yet."""
__all__ = [
    "FAILURE",
    "GOOD",
    "NONE",
    "UNKNOWN",
    "UNSEEN",
    "WARNING",
    "WELL",
    "WRONG",
    "Diagnosis",
    "Finding",
    "Section",
]


@dataclass(frozen=True)
class Finding:
    """What is thought of one thing: `level` as in a health check; `fix` is what to do."""

    name: str
    level: str
    seen: str
    fix: str = ""


@dataclass(frozen=True)
class Section:
    """One part of the examination; `texts` ({name: text}) are what only the bundle has in full, and `lines`
    of it what a person sees as well."""

    key: str
    title: str
    findings: tuple[Finding, ...] = ()
    lines: tuple[str, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Diagnosis:
    """The most probable cause, and what to do about it; `others` is how much else is not good."""

    state: str
    title: str
    fix: str = ""
    others: int = 0
