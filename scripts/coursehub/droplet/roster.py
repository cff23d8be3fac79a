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
        if people.canary() is not None:
            holding.pop(people.CANARY, None)  # nobody, who goes by itself
        roster = json.loads(text)
        order = ordered(before or {}, roster, set(holding), others)
        order = honoured(order, by_hand.look(), others, [STUDENTS] if STUDENTS in roster["groups"] else [])
        hub_api.settle(order)
        stop([one["name"] for one in order if not one["allowed"] and holding.get(one["name"])])
    except OperationFailed as failure:
        return failure.message
    return None


def ordered(before, roster, holding, others):
    """What everybody may, as hub_api.settle takes it: those of the roster, and those who are not in it and
    are `holding` something on the hub, such as a role. Where `others` may come in, who left is like them."""
    groups = {}
    for group, members in roster["groups"].items():
        for name in members:
            groups.setdefault(name, []).append(group)
    named = {*roster["admins"], *roster["users"]}
    left = {*before.get("admins", ()), *before.get("users", ())} if others else holding
    return [
        {
            "name": name,
            "allowed": others or name in named,
            "named": name in named,
            "admin": name in roster["admins"],
            "assistant": name in roster["assistants"],
            "groups": groups.get(name, []),
        }
        for name in sorted(named | left)
    ]


def honoured(order, noted, others, students):
    """The same with what was done by hand (see by_hand), as the hub has it when it starts: who was let in
    comes in, of `students` where that is a group; who was made an admin is one, as long as they may come in;
    and a block counts more than either."""
    people = {one["name"]: dict(one) for one in order}
    nothing = {"admin": False, "assistant": False}
    for name in noted["added"]:
        if not people.get(name, {}).get("named"):
            people[name] = {"name": name, "allowed": True, "named": True, **nothing, "groups": students}
    for name in noted["admins"]:
        if others and name not in people:
            people[name] = {"name": name, "allowed": True, "named": False, **nothing, "groups": []}
        if people.get(name, {}).get("allowed"):
            groups = [group for group in people[name]["groups"] if group != STUDENTS]
            people[name] |= {"admin": True, "assistant": False, "groups": groups}
    for name in noted["blocked"]:
        people.setdefault(name, {"name": name, "named": False, **nothing, "groups": []})["allowed"] = False
    return [people[name] for name in sorted(people)]


def stop(names):
    """Stop people's servers, some at once, and wait for them. Raises OperationFailed."""
    with ThreadPoolExecutor(max_workers=SIDE_BY_SIDE) as beside:
        for _ in beside.map(lambda name: hub_api.stop_server(name, STOPPING), names):
            pass
