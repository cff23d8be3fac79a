"""Another roster for the hub that runs: it learns who may what from now on, and nobody's session is lost.

What is told is all that the hub would find out by starting with the same file: see coursehub/roster/hub.py.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from coursehub.droplet import by_hand, hub_api, people
from coursehub.droplet.system import OperationFailed, read_json

# JupyterHub's own tables. Whoever was shut out before holds nothing any more, and stays out.
HOLDING = """SELECT name, running FROM (
SELECT name, admin, id, EXISTS (
SELECT 1 FROM spawners WHERE user_id = users.id AND server_id IS NOT NULL) AS running FROM users)
WHERE admin OR running OR id IN (SELECT user_id FROM user_role_map)
OR id IN (SELECT user_id FROM user_group_map)"""
STUDENTS = "students"
"""The group of all students, which is there where there are assistants (coursehub/roster/people.py)."""
SIDE_BY_SIDE = 8
STOPPING = 30.0
"""Seconds for a server to end."""


def present(file):
    """The roster that is on the droplet, before another takes its place; None where there is none."""
    return read_json(file)


def settle(before, text, others):
    """Tell the running hub the roster in `text`, where it knew `before`, and stop the servers of those who
    may not come in any more. With `others`, some may who are not named, and nobody is shut out. Returns what
    went wrong, or None."""
    try:
        holding = dict(people.rows(HOLDING))
        order = ordered(before or {}, json.loads(text), set(holding), others, by_hand.look())
        hub_api.settle(order)
        stop([one["name"] for one in order if not one["allowed"] and holding.get(one["name"])])
    except OperationFailed as failure:
        return failure.message
    return None


def ordered(before, roster, holding, others, noted):
    """What everybody may, as hub_api.settle takes it: those of the roster, those who are `noted` (by_hand),
    and those who are neither and are `holding` something on the hub, such as a role. Where `others` may come
    in, who left is like them.
    """
    added, blocked, made = (set(noted[kind]) for kind in by_hand.KINDS)
    listed = {*roster["admins"], *roster["users"]}
    if not others:
        made &= listed | added
    named, admins = listed | added | made, {*roster["admins"], *made}
    left = {*before.get("admins", ()), *before.get("users", ())} if others else holding
    groups = groups_of(roster["groups"], added - listed, made)
    return [
        {
            "name": name,
            "allowed": (others or name in named) and name not in blocked,
            "named": name in named,
            "admin": name in admins,
            "assistant": name in roster["assistants"],
            "groups": groups.get(name, []),
        }
        for name in sorted(named | left | blocked)
    ]


def groups_of(members, added, made):
    """The groups of each person. Who was let in by hand is a student, and who was made an admin is none."""
    groups = {}
    for group, names in members.items():
        for name in names if group != STUDENTS else {*names, *added} - made:
            groups.setdefault(name, []).append(group)
    return groups


def stop(names):
    """Stop people's servers, some at once, and wait for them. Raises OperationFailed."""
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as beside:
        for _ in beside.map(lambda name: hub_api.stop_server(name, STOPPING), names):
            pass
