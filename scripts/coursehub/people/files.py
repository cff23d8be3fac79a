"""The files of somebody who left: packed away on the server, or removed for good. Pure."""

from __future__ import annotations

import difflib

from ..accounts import unix_account
from ..problems import COMMAND_LINE, InvalidInput, Problem
from .privacy import WHY, shown
from .situation import Act, Situation, said
from .standing import require_off_the_list

TIMEOUT = 8 * 3600.0
"""Seconds: it is done gently, and a home may be many gigabytes."""
PREFIX = "jupyter-"
ARCHIVES = "/home/coursehub-archives"
FETCH = (
    f"Only root reads it, in {ARCHIVES}. To fetch it, an admin copies it home in a terminal of the hub: "
    f"sudo cp {ARCHIVES}/NAME.tar.gz ~ && sudo chown $USER ~/NAME.tar.gz"
)


def archive_files(at: Situation) -> Act:
    """Pack the home into one file, see that all is in it, and then remove it."""
    require_left(at)
    told = said(at, "archived", f"The files of {at.who} are one archive now, and removed", FETCH)
    return Act(told, "people.archive_files", {"account": at.account}, timeout=TIMEOUT)


def remove_files(at: Situation) -> Act:
    """Remove the home for good, once the name was typed twice."""
    require_left(at)
    if at.confirmed != at.name:
        message = "the name was not typed again" if not at.confirmed else "another name was typed again"
        fix = "Give the account's name a second time, with --confirm (on GitHub: the input confirm). What is "
        fix += "removed is gone; people.py archive-files keeps an archive."
        raise at.refuse(message, fix, key="--confirm")
    told = said(at, "files removed", f"The files of {at.who} are gone")
    return Act(told, "people.remove_files", {"account": at.account}, timeout=TIMEOUT)


def require_left(at: Situation) -> None:
    """Raises InvalidInput unless it is about the home of somebody who may not come in any more."""
    if at.account not in at.seen["homes"] and not unfinished(at):
        raise no_home(at)
    require_off_the_list(at, "files are archived or removed only of who left")
    person = at.person
    if person and (person.added or (at.everyone and person.approved and not person.blocked)):
        raise at.refuse("may come in still", "Delete the account first, with: people.py remove NAME.")
    if person and person.running:
        fix = "Have it stopped first: people.py block NAME, or the hub's admin page."
        raise at.refuse("has a server that runs", fix)
    others = [one.name for one in at.people if one.name != at.name and at.account == unix_account(one.name)]
    if others:
        raise at.refuse("shares its home with somebody else", "Give the name by which the hub knows it.")


def unfinished(at: Situation) -> bool:
    """Whether a removal of this home was cut off."""
    return at.account in at.seen.get("unfinished", ())


def no_home(at: Situation) -> InvalidInput:
    """The error for a name without a home, naming those that are alike, if they may be."""
    homes = [account.removeprefix(PREFIX) for account in at.seen["homes"]]
    alike = [shown(one) for one in difflib.get_close_matches(at.name, homes, n=3)]
    fix = f"Did you mean {' or '.join(alike)}?" if alike else "See who there is with: people.py list."
    if not at.names:
        fix = f"Check the spelling; there are {len(homes)} homes. {WHY}."
    found = shown(at.name) if at.names else None
    return InvalidInput(
        [Problem(COMMAND_LINE, "there is no home of that name", fix, key="NAME", found=found)]
    )
