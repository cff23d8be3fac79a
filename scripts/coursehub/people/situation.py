"""What a verb of people.py has to go by, and what it decides. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..accounts import unix_account
from ..lifecycle.told import Told
from ..model import Json
from ..parts.sign_in import WITH_PASSWORDS, wanted
from ..problems import COMMAND_LINE, InvalidInput, Problem
from ..roster.hub import groups
from ..roster.people import ASSISTANT
from .listing import Person
from .privacy import WHY, shown


@dataclass(frozen=True)
class Situation:
    """Whom it is about (`person` is None for a name that nobody has), by the course's settings and by what
    the droplet said. `entry` is what is noted of something done by hand: {"since", "by"}; `confirmed` is the
    name that was typed again. With `names`, whoever reads this may read names."""

    name: str
    person: Person | None
    people: Sequence[Person]
    course: Any
    seen: Mapping[str, Any]
    entry: Mapping[str, str]
    names: bool
    admin_password: str | None = field(default=None, repr=False)
    confirmed: str = ""

    @property
    def who(self) -> str:
        return shown(self.name) if self.names else "the account"

    @property
    def beginning(self) -> str:
        """The same, at the beginning of a sentence."""
        return self.who if self.names else "The account"

    @property
    def account(self) -> str:
        return unix_account(self.name)

    @property
    def home(self) -> str:
        """Where the files are, for a person to read."""
        return f"/home/{self.account}" if self.names else "in the home of that name"

    @property
    def has_passwords(self) -> bool:
        return self.course.sign_in in WITH_PASSWORDS

    @property
    def everyone(self) -> bool:
        """Whether others may come in than those whom the list names."""
        return wanted(self.course, None).others

    @property
    def listed(self) -> bool:
        return bool(self.person and self.person.named)

    def deployed(self, kind: str) -> bool:
        """Whether the list as the last deploy brought it has the name: "allowed", or as "admin"."""
        return self.name in (self.seen.get("deployed") or {}).get(kind, ())

    @property
    def place(self) -> str:
        """Where the list names them."""
        places = [str(one.place) for one in self.course.roster.people if one.name == self.name]
        return places[0] if places else "course.yml"

    def standing(self, *, allowed: bool = True, named: bool = True, admin: bool | None = None) -> Json:
        """The person as the hub is to have them (droplet.hub_api.settle), by the list but for `admin`."""
        is_admin = bool(self.listed and self.name in self.course.admins) if admin is None else admin
        assists = self.name in self.course.roster.of_role(ASSISTANT)
        return {
            "name": self.name,
            "allowed": allowed,
            "named": named,
            "admin": is_admin,
            "assistant": assists and not is_admin,
            "groups": self.groups(student=named and not assists and not is_admin),
        }

    def groups(self, *, student: bool) -> list[str]:
        """The roster's groups that the person is in; all students are one where there are assistants."""
        found = groups(self.course.roster, listed=not self.everyone)
        return [
            name
            for name, members in found.items()
            if (student if name == "students" else self.name in members)
        ]

    def refuse(self, message: str, fix: str, *, file: str = COMMAND_LINE, key: str = "NAME") -> InvalidInput:
        """An error about this person, to be raised."""
        why = "" if self.names else f" {WHY}."
        found = shown(self.name) if self.names else None
        return InvalidInput([Problem(file, message, fix + why, key=key, found=found)])


@dataclass(frozen=True)
class Act:
    """One operation of the droplet's, or none, and what is told once it is done."""

    told: Told
    operation: str | None = None
    parameters: Mapping[str, Json] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 180.0


def unchanged(situation: Situation, title: str, *notes: str) -> Act:
    return Act(said(situation, "unchanged", title, *notes))


def said(situation: Situation, verdict: str, title: str, *notes: str) -> Told:
    why = () if situation.names else (WHY,)
    values = {"name": situation.name if situation.names else None}
    return Told(verdict, title, (*notes, *why), values=values)
