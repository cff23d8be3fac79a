"""The operations that take things away. Each looks first, and to find something gone is as good."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from ..names import Names
from ..problems import Failure
from . import waiting
from .api import Account
from .copying import of
from .errors import Refused, Uncertain, explained
from .making import Progress, find_volume, untag
from .reaching import a_records
from .running import off, switch_off
from .waiting import droplets

UNCERTAIN = 3
"""So often a deletion is tried whose answers are lost."""


def shut_down(account: Account, progress: Progress, *, names: str) -> None:
    """Switch the droplet off in good order, so that all is written that students have saved."""
    for droplet in droplets(account, names):
        switch_off(account, droplet, progress)
        waiting.until(lambda number=droplet.id: off(account, number), waiting.ACTION, lambda: "still on")


def remove_record(
    account: Account, progress: Progress, *, host: str, zone: str, addresses: Collection[str]
) -> None:
    """Remove the hub's name where it leads to one of these addresses, which somebody else may get next."""
    for record in a_records(account, host, zone):
        if record.address in addresses:
            remove(lambda record=record: account.write("domains.delete_record", zone, record.id), host)


def destroy_droplet(account: Account, progress: Progress, *, names: str, droplet: int) -> None:
    """Destroy the droplet with its disk and its backups."""
    value = account.read("droplets.get", droplet)
    if value is not None and names not in value["droplet"]["tags"]:
        raise Failure(f"the droplet {droplet} bears the tag {names} no more", "it was not destroyed")
    if value is not None:
        remove(lambda: account.write("droplets.destroy", droplet), f"the droplet {droplet}")
    gone = lambda: True if account.read("droplets.get", droplet) is None else None  # noqa: E731
    waiting.until(gone, waiting.ACTION, lambda: f"the droplet {droplet} is still there")


def delete_volume(account: Account, progress: Progress, *, names: str, needs_copy: bool) -> None:
    """Delete the students' volume; with `needs_copy`, only if the archive holds a snapshot of it."""
    known = Names(names)
    volume = find_volume(account, known.volume)
    if volume is None:
        return
    if needs_copy and not any(known.archived in copy.tags for copy in of(account, "volume", volume.id)):
        raise Failure(f"there is no archived snapshot of {volume.name}: it was not deleted", "run this again")
    what = f"the volume {volume.name}"

    def detached() -> bool | None:
        there = find_volume(account, known.volume)
        return None if there and there.droplets else True

    waiting.until(detached, waiting.ACTION, lambda: f"{what} is still attached to a droplet")
    remove(lambda: account.write("volumes.delete", volume.id), what)


def delete_snapshot(account: Account, progress: Progress, *, snapshot: str) -> None:
    remove(lambda: account.write("snapshots.delete", snapshot), f"the snapshot {snapshot}")


def delete_firewall(account: Account, progress: Progress, *, name: str) -> None:
    for value in account.everything("firewalls.list", "firewalls"):
        if value["name"] == name:
            remove(lambda value=value: account.write("firewalls.delete", value["id"]), "the firewall")


def delete_key(account: Account, progress: Progress, *, name: str, fingerprint: str) -> None:
    """Remove the deploy key, unless it is there under another name: then a person added it, for more."""
    value = account.read("ssh_keys.get", fingerprint)
    if value is not None and value["ssh_key"]["name"] == name:
        remove(lambda: account.write("ssh_keys.delete", fingerprint), "the deploy key")


def remove_tags(account: Account, progress: Progress, *, names: str, keep: Collection[str]) -> None:
    """Remove all of the course's tags but those to keep; the one that things are found by goes last."""
    for name in sorted(tags_of(account, names), reverse=True):
        if name not in keep:
            untag(account, name)


def tags_of(account: Account, names: str) -> set[str]:
    """The names of the course's tags."""
    found = {value["name"] for value in account.everything("tags.list", "tags")}
    return {name for name in found if name == names or name.startswith(names + ":")}


def remove(delete: Callable[[], Any], what: str) -> None:
    """Delete something, waiting while DigitalOcean works on it or it is still in use."""
    deadline, last, uncertain = time.monotonic() + waiting.ACTION, "", 0
    while time.monotonic() < deadline:
        try:
            delete()
            return
        except Uncertain:
            uncertain += 1
            if uncertain == UNCERTAIN:
                raise
        except Refused as refused:
            if refused.status == 404:
                return
            if not refused.is_pending and refused.status != 409:
                raise explained(refused) from refused
            last = str(refused)
        time.sleep(waiting.EVERY)
    raise Failure(f"{what} could not be deleted: {last}", "run this again later")
