"""The roster as course.yml has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coursehub.roster.people import ADMIN, Person, Place, Roster
from coursehub.settings_yaml import Document


def roster_of(values: Mapping[str, Any], document: Document, file: str) -> Roster:
    """Everybody whom the checked `values` name, from the keys `admins` and `users`: whoever is in `admins` is
    an admin. `file` is where defaults stand, which have no line."""

    def place(key: str, index: int) -> Place:
        at = document.place((key, index)) if (key,) in document.places else None
        return Place(at.file, at.line) if at else Place(file, None)

    admins = values["admins"]
    people = {name: Person(name, ADMIN, (), place("admins", index)) for index, name in enumerate(admins)}
    for index, entry in enumerate(values["users"]):
        entry = {"name": entry} if isinstance(entry, str) else entry
        name, groups = entry["name"], (entry["group"],) if "group" in entry else ()
        role = ADMIN if name in admins else entry.get("role")
        people[name] = Person(name, role, groups, place("users", index))
    return Roster(tuple(people.values()))
