"""Administrators' accounts: nobody but the coordinator can be the first to choose their password.

Who may log in at all is part of the hub's configuration; see `configuration`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model import Json, Reporter, Step
from ..roster.people import in_words
from .sign_in import WITH_PASSWORDS

NAME = "users"


@dataclass(frozen=True)
class Want:
    """Without a password, the administrators' accounts are locked until there is one."""

    method: str
    admins: tuple[str, ...]
    password: str | None = field(repr=False)
    hidden: frozenset[str] = field(default=frozenset(), repr=False)
    """Those of `admins` who are never named."""


def want(settings, secrets) -> Want:
    if settings.sign_in not in WITH_PASSWORDS:
        # What is there stays, for the day on which passwords are used again.
        return Want("first-use", (), None)
    hidden = settings.roster.hidden
    return Want(settings.sign_in, settings.admins, secrets.hub_admin_password, hidden)


def question(want: Want) -> Json:
    return {"method": want.method, "admins": list(want.admins)}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    if want.admins and want.password is None and "set" not in seen["admins"].values():
        report.note(
            "There is no HUB_ADMIN_PASSWORD, so the administrators' accounts are locked. "
            "Add that secret and deploy again to log in as " + in_words(want.admins[:1], want.hidden) + "."
        )
    return want


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """A password chosen on the hub is never changed from here: the secret is for the first log-in."""
    unsettled = ("absent",) if want.password is None else ("absent", "locked")
    names = [name for name in want.admins if seen["admins"].get(name) in unsettled]
    if not names:
        return []
    who = in_words(names, want.hidden)
    parameters = {"method": want.method, "names": names}
    if want.password is None:
        return [Step(NAME, f"Lock the account of {who}", "users.set_passwords", parameters)]
    secrets = {"password": want.password}
    title = f"Set the first password of {who}"
    return [Step(NAME, title, "users.set_passwords", parameters, secrets=secrets)]
