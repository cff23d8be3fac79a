"""The generations on the droplet: which are there, which is current, which worked, which were rejected.

/opt/course/envs/<generation>        an environment; its marker, written last, says that it is whole
/opt/course/envs/<generation>.lock   exactly what it is made of, for people and for a later installation
/opt/course/envs/current             a link to the one that new servers start from
/opt/course/state/rejected.json      requests whose environment somebody rolled back from
"""

from __future__ import annotations

import json
import os
import time

from coursehub.droplet.system import COURSE, STATE, OperationFailed, read_json, write_atomically

ENVIRONMENTS = COURSE / "envs"
CURRENT = ENVIRONMENTS / "current"
REJECTED = STATE / "rejected.json"
MARKER = ".complete"


def present():
    """(complete, half): the names of whole generations, and of those that an interrupted run left."""
    complete, half = [], []
    try:
        entries = sorted(os.scandir(ENVIRONMENTS), key=lambda entry: entry.name)
    except FileNotFoundError:
        return [], []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            whole = os.path.exists(os.path.join(entry.path, MARKER))  # noqa: PTH110, PTH118 (each look does it)
            (complete if whole else half).append(entry.name)
    named = {*complete, *half}
    locks = (entry.name[: -len(".lock")] for entry in entries if entry.name.endswith(".lock"))
    return complete, half + [name for name in locks if name not in named]


def current():
    """The name of the generation that new servers start from, or None."""
    try:
        name = CURRENT.readlink().name
    except FileNotFoundError:
        return None
    return name if (ENVIRONMENTS / name / MARKER).exists() else None


def about(name):
    """What the generation's marker records: {"inputs", "packages", "commit", "who", "installed", and once it
    was switched to "worked"} (times in seconds since 1970); None when it is not complete."""
    return read_json(ENVIRONMENTS / name / MARKER)


def mark(name, record):
    """Write a generation's marker."""
    write_atomically(ENVIRONMENTS / name / MARKER, json.dumps(record))


def rejected():
    """{inputs: {"generation", "who", "when", "reason"}} of the requests that somebody rolled back from."""
    return read_json(REJECTED) or {}


def write_rejected(records):
    """Replace what `rejected` answers."""
    write_atomically(REJECTED, json.dumps(records, indent=1))


def pardon(inputs):
    """Take back the rejection of a request, if there is one."""
    records = rejected()
    if records.pop(inputs, None):
        write_rejected(records)


def worked():
    """The complete generations that were switched to and not rejected since, the latest first."""
    refused = rejected()
    records = {name: about(name) or {} for name in present()[0]}
    good = [name for name, it in records.items() if it.get("worked") and it.get("inputs") not in refused]
    return sorted(good, key=lambda name: records[name]["worked"], reverse=True)


def switch(generation, about):
    """Let new servers start from `generation`, which must be complete: one atomic rename.

    `about` is added to what its marker records: another request can mean the very same packages. Complete
    means tried (a server of it was seen to start), so that from now on it counts as one that worked.
    Returns {"from", "to"}.
    """
    recorded = read_json(ENVIRONMENTS / generation / MARKER)
    if recorded is None:
        raise OperationFailed(f"the environment {generation} is not complete", "run the deploy again")
    previous = current()
    mark(generation, {**recorded, **about, "worked": time.time()})
    beside = ENVIRONMENTS / ".current"
    beside.unlink(missing_ok=True)
    beside.symlink_to(generation)
    beside.replace(CURRENT)
    return {"from": previous, "to": generation}
