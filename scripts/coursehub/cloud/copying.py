"""Copies of students' files: snapshots of the volume or of the droplet's disk, taken while nothing writes.

A copy that is complete bears the tag of the archived course. Bringing the course back removes that tag, so
that a copy of an earlier term is never taken for one of this.
"""

from __future__ import annotations

from collections.abc import Collection

from ..names import Names
from ..problems import Failure
from . import waiting
from .api import Account
from .errors import Refused, Uncertain, explained
from .making import Progress, find_volume, label
from .model import Snapshot
from .running import attempt, newest
from .waiting import finished, the_droplet

TRIES = 2


def copy_volume(
    account: Account, progress: Progress, *, names: str, name: str, stale: Collection[str]
) -> None:
    """A snapshot of the volume, of this name (or with a number behind it, when there is one already). One
    that an interrupted run took is taken for it, unless its id is among the `stale`."""
    known = Names(names)
    volume = find_volume(account, known.volume)
    if volume is None:
        raise Failure(f"the volume {known.volume} is gone", "look into the control panel")

    def there() -> Snapshot | None:
        """The copy of this time, which was made with its tag."""
        taken = of(account, "volume", volume.id)
        return next((one for one in taken if known.archived in one.tags and one.id not in stale), None)

    progress("taking a snapshot of the volume")
    for _ in range(TRIES):
        if there():
            break
        body = {
            "name": free_name(name, {one.name for one in of(account, "volume", volume.id)}),
            "tags": [known.tag, known.archived],
        }
        try:
            account.write("volume_snapshots.create", volume.id, body=body)
        except Uncertain:
            soon(there)
        except Refused as refused:
            raise explained(refused) from refused
    verified(there, volume.gigabytes)


def copy_droplet(account: Account, progress: Progress, *, names: str, name: str) -> None:
    """A snapshot of the droplet's disk. One that an interrupted run took is taken for it, if nothing was done
    with the droplet since."""
    known = Names(names)
    droplet = the_droplet(account, names)

    def there() -> Snapshot | None:
        taken = [one for one in of(account, "droplet", str(droplet.id)) if one.name.startswith(name)]
        return max(taken, key=lambda one: (one.created, int(one.id)), default=None)

    progress("taking a snapshot of the droplet's disk")
    last = newest(account, droplet.id)
    if last and last["type"] == "snapshot" and last["status"] == "in-progress":
        finished(account, last, progress)
        last = newest(account, droplet.id)
    if not (last and last["type"] == "snapshot" and last["status"] == "completed" and there()):
        name = free_name(name, {one.name for one in of(account, "droplet", str(droplet.id))})
        attempt(account, droplet.id, {"type": "snapshot", "name": name}, progress)
    label(account, known.archived, "image", verified(there, droplet.disk).id)


def of(account: Account, kind: str, source: str) -> list[Snapshot]:
    """The snapshots of a "volume" or "droplet"."""
    found = account.everything("snapshots.list", "snapshots", resource_type=kind)
    return [snapshot for snapshot in map(Snapshot.read, found) if snapshot.source == source]


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or with the first number behind it that makes it a new one."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def soon(look) -> None:
    """Give what was perhaps made the time to be seen."""
    try:
        waiting.until(look, waiting.VISIBLE, lambda: "not seen")
    except Failure as failure:
        if failure.message != "not seen":
            raise


def verified(look, gigabytes: int) -> Snapshot:
    """A snapshot that is there, holds something, and fits what it was taken of (GiB). Raises Failure."""
    last = "it is in no list"

    def good() -> Snapshot | None:
        nonlocal last
        found = look()
        if found is not None:
            last = f"it has {found.gigabytes:g} GB, for a disk of {found.smallest} GB, not {gigabytes}"
        return found if found and found.gigabytes > 0 and found.smallest == gigabytes else None

    return waiting.until(good, waiting.VISIBLE, lambda: f"the snapshot is not as it should be: {last}")
