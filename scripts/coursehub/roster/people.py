"""The people of a course, as values: names, roles, groups, and where each is named."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

STUDENT, ASSISTANT, ADMIN = "student", "assistant", "admin"
ROLES = (STUDENT, ASSISTANT, ADMIN)
ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""An account's name, as course.schema.json has it too."""
GROUP = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
STUDENTS = "students"
"""The hub's group of all students, by which the assistants' rights are limited; no group of the roster's."""


@dataclass(frozen=True)
class Place:
    """Where somebody is named: a file or "secret HUB_USERS", and the line, from 1."""

    file: str
    line: int | None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}, line {self.line}"


@dataclass(frozen=True)
class Person:
    """`role` is None where nothing was said of it, which makes a student."""

    name: str
    role: str | None = None
    groups: tuple[str, ...] = ()
    place: Place = field(default=Place("course.yml", None), compare=False)


@dataclass(frozen=True)
class Roster:
    """Everybody whom the course names, once each, with a role.

    `hidden` are the names that only the secret has: no message shows one. `names` tells whether the others
    may be listed, when something changes for them: only where none but the course's own people read it.
    """

    people: tuple[Person, ...] = ()
    hidden: frozenset[str] = field(default=frozenset(), repr=False)
    names: bool = False

    def of_role(self, role: str) -> tuple[str, ...]:
        """The names in a role, as they are listed."""
        return tuple(person.name for person in self.people if (person.role or STUDENT) == role)

    @property
    def groups(self) -> dict[str, list[str]]:
        """Each group with its members, both in the order of the alphabet."""
        members: dict[str, list[str]] = {}
        for person in self.people:
            for group in person.groups:
                members.setdefault(group, []).append(person.name)
        return {group: sorted(members[group]) for group in sorted(members)}


def in_words(names: Iterable[str], hidden: Iterable[str]) -> str:
    """The names, those that are hidden counted: "teacher and 2 more"."""
    names, hidden = list(names), frozenset(hidden)
    shown = [name for name in names if name not in hidden]
    rest = len(names) - len(shown)
    if not rest:
        return ", ".join(shown)
    return f"{', '.join(shown)} and {rest} more" if shown else count(rest)


def count(number: int) -> str:
    """Such as "1 person" and "3 people"."""
    return f"{number} person" if number == 1 else f"{number} people"


def group_from(text: str) -> str:
    """A group's name for what a school calls it: "GEO 101, Monday" becomes "geo-101-monday"."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-_")
