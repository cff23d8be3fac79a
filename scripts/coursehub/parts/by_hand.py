"""What scripts/people.py did on the spot: a deploy leaves it, reminds of it, and forgets what the list
says by now.

The hub itself honours it (roster/hub.py). The list in course.yml and HUB_USERS stays the truth: whoever was
let in by hand is to be written there, and only a block is for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..model import Json, Reporter, Step
from ..roster.people import count
from . import sign_in

NAME = "by_hand"
WORDS = {
    "added": ("let in by hand", "add {name} to users in course.yml, or run: people.py remove {name}"),
    "admins": (
        "made an admin by hand",
        "give {name} the role admin in course.yml, or run: people.py revoke-admin {name}",
    ),
    "blocked": ("blocked by hand", "it holds until you run: people.py unblock {name}"),
}
SEE = "people.py list shows who"


@dataclass(frozen=True)
class Want:
    """The `people` of the list and the `admins` among them; with `everyone`, others come in as well. `names`
    tells whether somebody may be named where this is read."""

    people: frozenset[str] = field(repr=False)
    admins: frozenset[str] = field(repr=False)
    everyone: bool
    names: bool


def want(settings, secrets) -> Want:
    admins = frozenset(settings.admins)
    everyone = sign_in.wanted(settings, None).others
    return Want(admins | frozenset(settings.users), admins, everyone, settings.roster.names)


def question(want: Want) -> Json:
    return {}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    for line in notes(want, seen):
        report.note(line)
    return want


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step where the list has caught up, and where an admin by hand is on no list any more."""
    moot = {kind: sorted(names) for kind, names in caught_up(want, seen).items() if names}
    if not moot:
        return []
    people = count(len({name for names in moot.values() for name in names}))
    title = f"Forget what was done by hand for {people}: the list says it now, or they left"
    return [Step(NAME, title, "by_hand.forget", {"entries": moot})]


def caught_up(want: Want, seen: Mapping) -> dict[str, set[str]]:
    """What need not be kept by hand any longer: {kind: names}. A block is kept whatever the list says."""
    added, admins = set(seen["added"]), set(seen["admins"])
    left = set() if want.everyone else admins - added - want.people
    return {"added": added & want.people, "admins": (admins & want.admins) | left}


def notes(want: Want, seen: Mapping) -> list[str]:
    """What was done by hand and is on no list, a line each; only how many where names may not be shown."""
    moot = caught_up(want, seen)
    lines = []
    for kind, (what, advice) in WORDS.items():
        left = sorted(set(seen[kind]) - moot.get(kind, set()))
        if left and not want.names:
            lines.append(f"{count(len(left))} {'was' if len(left) == 1 else 'were'} {what}: {SEE}")
        elif left:
            lines += [
                f"{name} was {what} {on(seen[kind][name])}: {advice.format(name=name)}" for name in left
            ]
    return lines


def on(entry: Mapping[str, str]) -> str:
    """Such as "on 29 Nov 2026 by alan"."""
    day = datetime.fromisoformat(entry["since"])
    return f"on {day.day} {day:%b %Y} by {entry['by']}"
