"""What the hub is told of the roster beyond who may log in: roles, groups, and who is shut out."""

from __future__ import annotations

from pprint import pformat
from typing import Any

from .people import ADMIN, ASSISTANT, STUDENT, STUDENTS, Roster

MAY_OF_ALL = ("list:users", "read:users:activity", "read:users:groups", "servers")
"""What an assistant may do about a student: see them on the admin page, start and stop their server. Neither
open the server, which is to act as the student, nor change anything about the account."""


def people_snippet(roster: Roster, everyone: bool) -> str:
    """The end of the snippet, after the course's own additions to the configuration. With `everyone`, others
    may come in than those whom the roster names.

    Where not everybody may come in (Authenticator.allow_all, which stands above), all whom the hub knows and
    who are not named are blocked: JupyterHub then takes their rights, stops their servers when it starts, and
    lets them do nothing. Nothing is deleted.
    """
    listed = not everyone
    values = groups(roster, listed), [assistants(roster, listed)]
    given, roles = (pformat(value, width=100, compact=True) for value in values)
    admins = sorted(roster.of_role(ADMIN))
    others = sorted({person.name for person in roster.people} - set(admins))
    named, admins = (pformat(names, width=100, compact=True) for names in (others, admins))
    return SNIPPET.format(groups=given, roles=roles, named=named, admins=admins)


def groups(roster: Roster, listed: bool) -> dict[str, Any]:
    """JupyterHub's load_groups (its own format). All students are a group where there are assistants."""
    found = roster.groups
    if listed and roster.of_role(ASSISTANT):
        found[STUDENTS] = sorted(roster.of_role(STUDENT))
    return {name: {"users": users, "properties": {"coursehub": True}} for name, users in found.items()}


def assistants(roster: Roster, listed: bool) -> dict[str, Any]:
    """The assistants' role, of JupyterHub's load_roles. It is there without members too, or else those of
    before would keep it. Where others than those on the roster come in, it is about everybody."""
    whom = f"!group={STUDENTS}" if listed else ""
    return {
        "name": ASSISTANT,
        "description": "See, start and stop the students' servers",
        "scopes": ["admin-ui", *(scope + whom for scope in MAY_OF_ALL)],
        "users": sorted(roster.of_role(ASSISTANT)),
    }


SNIPPET = """

# The roster, of course.yml and HUB_USERS.
import contextlib
import copy
import json
import os
import sqlite3

ADMINS = {admins}
NAMED = {named}
GROUPS = {groups}
ROLES = {roles}
DATABASE = "/opt/tljh/state/jupyterhub.sqlite"
BY_HAND = "/opt/tljh/state/coursehub-by-hand.json"


def by_hand(kind):
    # What scripts/people.py did on the spot. It holds beside the roster until that says the same, and a
    # block until it is taken back. Whoever is an admin by hand has to be somebody who may come in.
    try:
        with open(BY_HAND) as file:
            names = set(json.load(file).get(kind, ()))
    except FileNotFoundError:
        return set()
    except ValueError:
        print("Coursehub: what was done by hand cannot be read:", BY_HAND)
        return set()
    return names


ADDED, BLOCKED, MADE = (by_hand(kind) for kind in ("added", "blocked", "admins"))
if c.Authenticator.allow_all is False:
    MADE &= {{*NAMED, *ADMINS, *ADDED}}
NAMED = [name for name in NAMED if name not in MADE]
if "students" in GROUPS:
    students = {{*GROUPS["students"]["users"], *(ADDED - set(NAMED) - set(ADMINS))}}
    GROUPS["students"]["users"] = sorted(students - MADE)
if ADDED or MADE:
    c.Authenticator.allowed_users.update(ADDED | MADE)
    c.Authenticator.admin_users.update(MADE)


def known_people():
    # The names that the hub knows. It only ever adds to groups and admins; so whoever left a group of this
    # file leaves it before the hub starts, and whoever is named as something else than an admin is none.
    if not os.path.exists(DATABASE):
        return set()
    with contextlib.closing(sqlite3.connect(DATABASE, timeout=10)) as connection, connection:
        tables = {{name for (name,) in connection.execute("SELECT name FROM sqlite_master")}}
        if not {{"users", "groups", "roles", "user_group_map", "user_role_map"}} <= tables:
            return set()
        members = {{(group, name) for group, about in GROUPS.items() for name in about["users"]}}
        present = connection.execute(
            "SELECT user_id, group_id, groups.name, users.name FROM user_group_map "
            "JOIN groups ON groups.id = group_id JOIN users ON users.id = user_id "
            "WHERE groups.properties LIKE '%coursehub%'"
        ).fetchall()
        left = [ids for *ids, group, name in present if (group, name) not in members]
        connection.executemany("DELETE FROM user_group_map WHERE user_id = ? AND group_id = ?", left)
        # The hub asks its database twice for everybody whom it is to add; those who are there need it not.
        there = {{(group, name) for _, _, group, name in present}}
        for group, about in GROUPS.items():
            about["users"] = [name for name in about["users"] if (group, name) not in there]
        names = [(name,) for name in NAMED]
        connection.executemany("UPDATE users SET admin = 0 WHERE name = ? AND admin", names)
        connection.executemany(
            "DELETE FROM user_role_map WHERE role_id IN (SELECT id FROM roles WHERE name = 'admin') "
            "AND user_id IN (SELECT id FROM users WHERE name = ?)",
            names,
        )
        return {{name for (name,) in connection.execute("SELECT name FROM users")}}


people = known_people()
c.JupyterHub.load_groups.update(GROUPS)
c.JupyterHub.load_roles.extend(ROLES)
if c.Authenticator.allow_all is False:
    # Else everybody may come in who ever could.
    c.Authenticator.allow_existing_users = False
    also = c.Authenticator.get("allowed_users", set())
    # Of a copy: what is added to a set that others begin is worked out once, and config.yaml's is to come.
    also = copy.deepcopy(also).get_value(set()) if hasattr(also, "get_value") else also
    c.Authenticator.blocked_users = (people - set(NAMED) - set(ADMINS) - set(also)) | BLOCKED
elif BLOCKED:
    c.Authenticator.blocked_users.update(BLOCKED)
"""
