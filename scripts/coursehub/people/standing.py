"""Who may come in, and as what, changed on the spot: what each verb asks of the droplet, or why not. Pure.

The list in course.yml and HUB_USERS stays the truth. What is done here is noted on the droplet beside it:
deploys leave it as it is and remind of it, until the list says the same or it is taken back.
"""

from __future__ import annotations

from ..accounts import unix_account
from ..roster.people import ACCOUNT
from .listing import ADMIN, SET
from .resetting import AT_ONCE
from .situation import Act, Situation, said, unchanged

LETTERS = "lower-case letters, digits, dots, dashes and underscores, at most 64, the first a letter or digit"
NO_RESTART = "Nobody else notices: the hub was not restarted"
FIRST_LOG_IN = {
    "first-use": f"They choose a password when they first log in. {AT_ONCE}",
    "sign-up": "They ask for an account at /hub/signup, and come in without an approval",
}
SUDO = "The rights of an admin are there at once, sudo when they next start their server"


def add(at: Situation) -> Act:
    """Let somebody in now; the list is to say it, too."""
    if not ACCOUNT.fullmatch(at.name):
        raise at.refuse("is not an account name", f"Use {LETTERS}.")
    twins = [one.name for one in at.people if one.name != at.name and unix_account(one.name) == at.account]
    if twins:
        raise at.refuse(
            "would share its Unix account with somebody else: long names are cut", "Shorten the name."
        )
    if at.person and at.person.blocked:
        raise at.refuse("is blocked", "Let them in again with: people.py unblock NAME.")
    deployed = at.deployed("allowed")
    if at.listed and deployed and at.person and at.person.known:
        return unchanged(at, f"The list has {at.who} already", "It is for who comes in the middle of a class")
    noted = {} if deployed or (at.person and at.person.added) else {"added": at.entry}
    admin = bool(at.person and at.person.made_admin) or None
    last = (
        "The next deploy brings the list, which names them"
        if at.listed
        else "Write the name into the list, too (users in course.yml, or the secret HUB_USERS): until then, "
        "every deploy leaves this as it is and reminds of it"
    )
    how = FIRST_LOG_IN.get(at.course.sign_in)
    if at.person and at.person.approved is False:
        how = "They asked for an account already: approve it on the hub, at /hub/authorize"
    elif at.person and at.person.password == SET:
        how = "The password is the one of before"
    elif how is None:
        how = f"They sign in where all do (sign_in: {at.course.sign_in}), with a name or identity that opens "
        how += "this account: see identities in course.yml"
    told = said(at, "added", f"{at.beginning} may come in now", how, last, NO_RESTART)
    return Act(told, "people.settle", settled(at, at.standing(admin=admin), noted))


def remove(at: Situation) -> Act:
    """Delete the hub's account of somebody who is on no list any more; the files stay."""
    require_off_the_list(at, "people.py block NAME shuts somebody out at once, whatever the list says")
    blocked = bool(at.person and at.person.blocked)
    notes = [f"All files stay: {at.home}. people.py archive-files and remove-files see to them"]
    notes.append("Should the same name come back, it is a new account, with those files")
    if blocked:
        notes.append("The name stays blocked")
    parameters = {
        "name": at.name, "account": at.account, "method": at.course.sign_in, "blocked": blocked
    }  # fmt: skip
    told = said(at, "removed", f"The hub's account of {at.who} is deleted, with its password", *notes)
    return Act(told, "people.remove", parameters)


def block(at: Situation) -> Act:
    """Shut somebody out at once, whatever the list says."""
    others = [one for one in at.people if one.role == ADMIN and one.name != at.name and not one.blocked]
    if at.person and at.person.role == ADMIN and not others:
        raise at.refuse("is the only admin", "Make somebody else an admin first: people.py make-admin NAME.")
    already = at.person and at.person.blocked
    standing = {"name": at.name, "allowed": False, "admin": False}
    noted = {} if already else {"blocked": at.entry}
    notes = (
        "Their server is stopped, and no log-in, no browser that was logged in and no token does anything",
        "Files and password stay. It holds, whatever the list says, until: people.py unblock",
        NO_RESTART,
    )
    told = said(at, "blocked", f"{at.beginning} is shut out", *notes)
    return Act(told, "people.settle", settled(at, standing, noted, stop=True))


def unblock(at: Situation) -> Act:
    """Take a block back: what the list says holds again."""
    person = at.person
    if not (person and person.blocked):
        return unchanged(at, f"{at.beginning} is not blocked")
    named = at.listed or bool(person.added)
    allowed = named or (at.everyone and person.approved is not False)
    admin = True if person.made_admin and named else None
    standing = at.standing(allowed=allowed, named=named, admin=admin)
    if allowed:
        told = said(at, "unblocked", f"{at.beginning} may come in again", NO_RESTART)
    else:
        note = "The list does not name them: add the name there and deploy, or run people.py add"
        told = said(at, "unblocked", f"{at.beginning} is not blocked any more, and may not come in", note)
    return Act(told, "people.settle", settled(at, standing, {"blocked": None}))


def make_admin(at: Situation) -> Act:
    """Make somebody an admin now. Where the hub has passwords, nobody else can be the first to choose it."""
    person = at.person
    if person and person.blocked:
        raise at.refuse("is blocked", "Let them in again first: people.py unblock NAME.")
    named = bool(person and (person.named or person.added))
    if not person or not (named or (at.everyone and person.approved)):
        raise at.refuse("may not come in", "Let them in first: people.py add NAME.")
    if at.name in at.course.admins and at.deployed("admin"):
        return unchanged(at, f"The list makes {at.who} an admin already")
    if not at.has_passwords and at.name not in getattr(at.course, "identities", {}):
        fix = "Add a line to identities, and deploy: an admin may use sudo on the server, and the account is "
        fix += "not left to whoever is called so elsewhere."
        raise at.refuse("has no line in identities", fix, file="course.yml", key="identities")
    secrets = {}
    if at.has_passwords and person.password != SET:
        if not at.admin_password:
            message = f"is not set, and {at.who} has no password yet: whoever came first would be an admin"
            fix = "Set it, or have them log in first, and run this again."
            raise at.refuse(message, fix, file="secret HUB_ADMIN_PASSWORD")
        secrets["password"] = at.admin_password
    first = (
        "They log in with HUB_ADMIN_PASSWORD, and change it on the hub"
        if secrets
        else "The password is the one that was chosen. If you are not sure by whom: people.py reset-password"
    )
    last = "Make it so in the list, too (role: admin): until then, every deploy leaves it and reminds of it"
    notes = (SUDO, *((first,) if at.has_passwords else ()), last)
    noted = {} if person.made_admin else {"admins": at.entry}
    parameters = settled(at, at.standing(named=named, admin=True), noted)
    told = said(at, "made admin", f"{at.beginning} is an admin", *notes)
    return Act(told, "people.settle", parameters | {"method": at.course.sign_in}, secrets)


def revoke_admin(at: Situation) -> Act:
    """Take an admin's rights back, with sudo: their server is stopped, for what runs in it may use it."""
    if at.name in at.course.admins:
        fix = f"Change it at {at.place} and deploy; or shut them out now, with: people.py block NAME."
        raise at.refuse("is an admin by the list", fix)
    if at.deployed("admin"):
        raise at.refuse("is an admin by the list of the last deploy", "Deploy first, then run this again.")
    person = at.person
    named = at.listed or bool(person and person.added)
    allowed = bool(
        person and not person.blocked and (named or (at.everyone and person.approved is not False))
    )
    notes = ("Their server was stopped, if it ran: they start it again, without sudo", NO_RESTART)
    told = said(at, "revoked", f"{at.beginning} is no admin any more", *notes)
    standing = at.standing(allowed=allowed, named=named, admin=False)
    return Act(told, "people.settle", settled(at, standing, {"admins": None}, stop=True))


def require_off_the_list(at: Situation, instead: str) -> None:
    """Raises InvalidInput for who is on the list, or on the one that the last deploy brought."""
    if at.listed:
        fix = f"Take the name off the list ({at.place}), deploy, and run this again; {instead}."
        raise at.refuse("is on the course's list, and a deploy would bring it back", fix)
    if at.deployed("allowed"):
        fix = f"Deploy first, then run this again; {instead}."
        raise at.refuse("is on the list of the last deploy", fix)


def settled(at: Situation, standing: object, noted: object, *, stop: bool = False) -> dict:
    """The parameters of droplet.standing.settle."""
    return {"person": standing, "account": at.account, "entries": noted, "stop": stop}
