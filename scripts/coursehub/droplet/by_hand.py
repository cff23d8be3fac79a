"""What scripts/people.py did on the spot, beside the course's list: kept until the list says it too.

A file of the hub's state, so that it outlives the server as the passwords do. The hub reads it when it starts
(roster/hub.py): whom was let in by hand comes in after a restart as well, and a block holds.
"""

from __future__ import annotations

import json

from coursehub.droplet import users
from coursehub.droplet.system import OperationFailed, read_text, write_atomically

KINDS = ("added", "blocked", "admins")


def path():
    return users.STATE / "coursehub-by-hand.json"


def look():
    """{kind: {name: {"since", "by"}}} for each of KINDS. Raises OperationFailed when it cannot be read."""
    text = read_text(path())
    try:
        found = json.loads(text) if text is not None else {}
        return {kind: dict(found.get(kind, {})) for kind in KINDS}
    except (ValueError, TypeError, AttributeError) as error:
        message = f"what was done by hand cannot be read: {path()}"
        raise OperationFailed(message, "correct that file on the server, or delete it") from error


def change(name, entries):
    """For each kind in `entries`, what is noted of this name now; None takes the note away."""
    found = look()
    for kind, entry in entries.items():
        found[kind].pop(name, None)
        if entry is not None:
            found[kind][name] = entry
    write(found)


def forget(entries):
    """Take the notes away, {kind: [names]}: the list says it now, or the person has left."""
    found = look()
    for kind, names in entries.items():
        for name in names:
            found[kind].pop(name, None)
    write(found)


def write(found):
    if found != look():
        write_atomically(path(), json.dumps(found, sort_keys=True) + "\n", 0o600)
