"""What the hub is told of the roster beyond who may log in: roles, groups, and who is shut out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pprint import pformat
from typing import Any

from .people import ADMIN, ASSISTANT, STUDENT, STUDENTS, Roster

ROSTER_FILE = "/opt/tljh/config/roster.json"
"""Read by the hub when it starts and, for `identities`, at each log-in; and by droplet.roster, for the hub
that runs. Only root may."""
MAY_OF_ALL = ("list:users", "read:users:activity", "read:users:groups", "servers")
"""What an assistant may do about a student: see them on the admin page, start and stop their server. Neither
open the server, which is to act as the student, nor change anything about the account."""


def roster_file(roster: Roster, identities: Mapping[str, str], others: bool) -> str:
    """The people as the hub reads them. `identities` are the accounts of those who are called otherwise where
    they sign in; with `others`, some may come in whom the roster does not name."""
    admins = sorted(roster.of_role(ADMIN))
    value = {
        "admins": admins,
        "users": sorted({person.name for person in roster.people} - set(admins)),
        "assistants": sorted(roster.of_role(ASSISTANT)),
        "groups": groups(roster, listed=not others),
        "identities": dict(identities),
    }
    return json.dumps(value, indent=1, sort_keys=True) + "\n"


def people_snippet(others: bool) -> str:
    """The end of the snippet, after the course's own additions to the configuration: no name is in it, so
    that another roster is no other configuration.

    Where no `others` may come in (nor everybody, by the course's own additions: Authenticator.allow_all), all
    whom the hub knows and who are not named are blocked: JupyterHub then takes their rights, stops their
    servers when it starts, and lets them do nothing. Nothing is deleted.
    """
    role = pformat(assistants(listed=not others), width=100, compact=True)
    return SNIPPET.format(file=repr(ROSTER_FILE), role=role, listed=not others)


def groups(roster: Roster, listed: bool) -> dict[str, list[str]]:
    """Each group with its members. All students are a group where there are assistants."""
    found = roster.groups
    if listed and roster.of_role(ASSISTANT):
        found[STUDENTS] = sorted(roster.of_role(STUDENT))
    return found


def assistants(listed: bool) -> dict[str, Any]:
    """The assistants' role, of JupyterHub's load_roles, but for its members. It is there without any too, or
    else those of before would keep it. Where others than the roster's come in, it is about everybody."""
    whom = f"!group={STUDENTS}" if listed else ""
    return {
        "name": ASSISTANT,
        "description": "See, start and stop the students' servers",
        "scopes": ["admin-ui", *(scope + whom for scope in MAY_OF_ALL)],
    }


SNIPPET = """

# The roster, of course.yml and HUB_USERS.
import contextlib
import copy
import json
import os
import sqlite3

with open({file}) as file:
    ROSTER = json.load(file)
ADMINS, NAMED = ROSTER["admins"], ROSTER["users"]
GROUPS = {{
    name: {{"users": users, "properties": {{"coursehub": True}}}} for name, users in ROSTER["groups"].items()
}}
ROLE = {role}
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
if {listed} and c.Authenticator.allow_all is False:
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
c.JupyterHub.load_roles.append({{**ROLE, "users": ROSTER["assistants"]}})
if c.Authenticator.allow_all is False:
    # Else everybody may come in who ever could.
    c.Authenticator.allow_existing_users = False
if {listed} and c.Authenticator.allow_all is False:
    also = c.Authenticator.get("allowed_users", set())
    # Of a copy: what is added to a set that others begin is worked out once, and config.yaml's is to come.
    also = copy.deepcopy(also).get_value(set()) if hasattr(also, "get_value") else also
    c.Authenticator.blocked_users = (people - set(NAMED) - set(ADMINS) - set(also)) | BLOCKED
elif BLOCKED:
    c.Authenticator.blocked_users.update(BLOCKED)
"""
