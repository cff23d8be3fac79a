"""A password that somebody forgot: what applies to whom, and the doing of it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from ..lifecycle.told import Told
from ..model import Session
from ..problems import InvalidInput, Problem
from ..report import Terminal
from ..rollback import take_lock
from ..run_identity import holder
from .listing import ABSENT, ADMIN, Person, plural
from .privacy import WHY, shown

OPERATION = "people.reset_password"
AT_ONCE = "Have them do it at once: until then, whoever gives this name first chooses the password"
STAYS = "A browser that is logged in stays so, and a server that runs goes on"
CHANGE = {"first-use": "/hub/auth/change-password", "sign-up": "/hub/change-password"}
CHOOSE = {
    "first-use": "A new one is chosen at the next log-in, by typing it there",
    "sign-up": "They ask for an account again, with the same name, at /hub/signup; if they cannot log in "
    "then, an admin approves it at /hub/authorize. Their files stay",
}
NOT_NAMED = "course.yml does not name this account: to let the person in, add the name to users and deploy"


def require_passwords(settings: Any) -> None:
    """Raises InvalidInput where people sign in at a provider: the hub has no passwords then."""
    if settings.sign_in not in CHOOSE:
        message = "the hub keeps no passwords: people sign in elsewhere"
        fix = "Have them reset it at the provider; who may come in is in admins, users and identities."
        problem = Problem("course.yml", message, fix, key="sign_in", found=settings.sign_in)
        raise InvalidInput([problem])


def found(people: Sequence[Person], name: str, *, names: bool) -> Person:
    """The person of this name. Raises InvalidInput naming those who are called alike, if `names` may be."""
    if not name:
        fix = "Give the account's name, as in: people.py reset-password ada (on GitHub: the input name)."
        raise InvalidInput([Problem("the command line", "nobody is named", fix, key="NAME")])
    known = {one.name: one for one in people}
    if name in known:
        return known[name]
    alike = [shown(one) for one in difflib.get_close_matches(name, known, n=3)]
    fix = f"Did you mean {' or '.join(alike)}?" if alike else "See who there is with: people.py list."
    if not names:
        fix = f"Check the spelling; there are {plural(len(known), 'account')}. {WHY}."
    problem = Problem(
        "the command line", "there is no such account", fix, key="NAME", found=shown(name) if names else None
    )
    raise InvalidInput([problem])


def password_for(person: Person, settings: Any, secrets: Any, *, names: bool) -> str | None:
    """What an admin of course.yml gets: the secret that their first password was. None for a student, whose
    password is just forgotten. An admin's never is: whoever came first would be the admin.

    Raises InvalidInput for an admin without the secret, and for one whom course.yml does not name.
    """
    if person.role != ADMIN:
        return None
    who = shown(person.name) if names else "the account"
    if person.name not in settings.admins:
        message = f"{who} is an admin on the hub, though course.yml does not say so"
        fix = (
            "Add the name to admins and deploy, or take the rights away on the hub's admin page; then retry."
        )
        raise InvalidInput([Problem("course.yml", message, fix, key="admins")])
    if not secrets.hub_admin_password:
        message = f"is not set, and {who} is an admin, who gets that password back"
        raise InvalidInput([Problem("secret HUB_ADMIN_PASSWORD", message, "Set it, and run this again.")])
    return secrets.hub_admin_password


def reset(
    session: Session, terminal: Terminal, person: Person, method: str, password: str | None, *, names: bool
) -> Told:
    """Do it while no deploy is under way, and leave a line in the audit log. Raises Failure."""
    who = shown(person.name) if names else "the account"
    values = {"name": person.name if names else None, "role": person.role}
    if password is None and person.password == ABSENT:
        notes = (*choosing(person, method), *(() if names else (WHY,)))
        return Told("unchanged", f"There is no password of {who}: nothing to forget", notes, values=values)
    take_lock(session, terminal)
    parameters: dict[str, Any] = {"method": method, "name": person.name}
    if password is not None:
        parameters["password"] = password
    before = session.call(OPERATION, parameters)
    entry = asdict(holder()) | {"person": person.name, "before": before, "verdict": "password reset"}
    session.call("audit.record", {"entry": entry | {"error": None}})
    if password is not None:
        title = f"The password of {who} is the secret HUB_ADMIN_PASSWORD again"
        notes = (f"Log in with it, and change it at {CHANGE[method]}; deploys never change it back",)
    else:
        title, notes = f"The password of {who} is forgotten", choosing(person, method)
    return Told("reset", title, (*notes, STAYS, *(() if names else (WHY,))), values=values)


def choosing(person: Person, method: str) -> tuple[str, ...]:
    """How somebody without a password comes to one."""
    if method == "first-use" and not person.named:
        return (NOT_NAMED,)
    return CHOOSE[method], AT_ONCE
