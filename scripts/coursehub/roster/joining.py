"""One roster of what course.yml says and what the secret says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from coursehub.accounts import unix_account
from coursehub.problems import InvalidInput
from coursehub.roster.people import ADMIN, Person, Roster
from coursehub.roster.reading import shared_account


def joined(settings: Any, given: Sequence[Person], *, names: bool) -> Any:
    """The settings with the people of the secret HUB_USERS as well.

    Whoever is in both is one person: role and group are those of course.yml where it has them. `names` tells
    whether the names in course.yml may be shown. Raises InvalidInput when two people share a Unix account.
    """
    people = {person.name: person for person in settings.roster.people}
    owners = {unix_account(person.name): person for person in people.values()}
    problems = []
    for person in given:
        owner = owners.setdefault(unix_account(person.name), person)
        if owner.name != person.name:
            problems.append(shared_account(person, owner))
        people[person.name] = _both(people.get(person.name), person)
    if problems:
        raise InvalidInput(problems)
    hidden = frozenset(people) - {person.name for person in settings.roster.people}
    roster = Roster(tuple(people.values()), hidden, names and not given)
    return with_roster(settings, roster)


def with_roster(settings: Any, roster: Roster) -> Any:
    """The settings with this roster, and the names that follow from it."""
    admins = roster.of_role(ADMIN)
    users = tuple(person.name for person in roster.people if person.role != ADMIN)
    return replace(settings, roster=roster, admins=admins, users=users)


def _both(mine: Person | None, other: Person) -> Person:
    if mine is None:
        return other
    return replace(mine, role=mine.role or other.role, groups=mine.groups or other.groups)
