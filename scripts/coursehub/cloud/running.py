"""The operations on a droplet and its volume: power, size, image, backups, room for files.

Each may be cut short anywhere, and be done again.
"""

from __future__ import annotations

import contextlib

from ..names import Names
from ..problems import Failure
from . import waiting
from .api import Account
from .errors import Uncertain
from .making import Progress, again, find_volume, label, policy, started, untag
from .model import Droplet
from .waiting import act, present, the_droplet

ORDERLY = 120.0
"""Seconds that a droplet gets to shut down by itself: the hub saves, students' servers end."""


def power_on(account: Account, progress: Progress, *, names: str) -> None:
    switch_on(account, the_droplet(account, names), progress)


def wait_for_start(account: Account, progress: Progress, *, names: str) -> None:
    started(account, the_droplet(account, names).id, progress)


def remove_tag(account: Account, progress: Progress, *, name: str) -> None:
    untag(account, name)


def switch_on(account: Account, droplet: Droplet, progress: Progress) -> None:
    """Start a droplet unless it runs, and wait until it does."""
    settled(account, droplet.id, progress)
    if present(account, droplet.id).status != "active":
        attempt(account, droplet.id, {"type": "power_on"}, progress)
    started(account, droplet.id, progress)


def switch_off(account: Account, droplet: Droplet, progress: Progress) -> None:
    """Shut a droplet down in good order; if it does not follow, cut its power."""
    settled(account, droplet.id, progress)
    if present(account, droplet.id).status == "off":
        return
    progress("shutting down")
    try:
        attempt(account, droplet.id, {"type": "shutdown"}, progress)
        waiting.until(lambda: off(account, droplet.id), ORDERLY, lambda: "still on")
    except Failure:
        # It did not answer, or did not follow in time: a droplet that hangs must not stop a resize.
        progress("it does not shut down by itself: cutting its power")
        attempt(account, droplet.id, {"type": "power_off"}, progress)
        waiting.until(lambda: off(account, droplet.id), ORDERLY, lambda: "the droplet does not switch off")


def off(account: Account, number: int) -> bool | None:
    return True if present(account, number).status == "off" else None


def attempt(account: Account, number: int, body: dict, progress: Progress) -> None:
    """An action of a droplet. When the answer was lost, its last actions tell whether it was begun."""
    before = newest(account, number)
    try:
        act(account, "droplet_actions.post", number, body, progress)
    except Uncertain:
        begun = newest(account, number)
        if begun is not None and begun != before and begun["type"] == body["type"]:
            waiting.finished(account, begun, progress)
        else:
            act(account, "droplet_actions.post", number, body, progress)


def settled(account: Account, number: int, progress: Progress) -> None:
    """Wait for an action that is under way, as one that an interrupted run began. How it ends does not
    matter: the droplet is looked at afterwards."""
    last = newest(account, number)
    if last is not None and last["status"] == "in-progress":
        with contextlib.suppress(Failure):
            waiting.finished(account, last, progress)


def newest(account: Account, number: int) -> dict | None:
    """The droplet's latest action."""
    found = (account.read("droplet_actions.list", number, per_page=1) or {}).get("actions") or []
    return {key: found[0][key] for key in ("id", "type", "status")} if found else None


def resize(account: Account, progress: Progress, *, names: str, size: str, disk: bool) -> None:
    """Another size: off, resized, on again. The disk grows only with `disk`, and then for good."""
    droplet = the_droplet(account, names)
    if droplet.size != size:
        switch_off(account, droplet, progress)
        progress(f"resizing to {size}")
        try:
            attempt(account, droplet.id, {"type": "resize", "size": size, "disk": disk}, progress)
        except Failure:
            # Better a hub of the old size than none.
            switch_on(account, droplet, progress)
            raise
    switch_on(account, droplet, progress)


def rebuild(account: Account, progress: Progress, *, names: str, image: str, first_key: str) -> None:
    """Erase the droplet's disk and start from an image. It shows its first host key (the public half is
    `first_key`) again: recorded beforehand as one that may be shown, for a run that is cut off."""
    droplet, known = the_droplet(account, names), Names(names)
    label(account, known.host_key_tag(first_key, final=False), "droplet", str(droplet.id))
    attempt(account, droplet.id, {"type": "rebuild", "image": image}, progress)
    started(account, droplet.id, progress)


def set_backups(account: Account, progress: Progress, *, names: str, before: str, plan: str) -> None:
    droplet = the_droplet(account, names)
    body: dict = {"type": "disable_backups"}
    if plan != "none":
        kind = "enable_backups" if before == "none" else "change_backup_policy"
        body = {"type": kind, "backup_policy": policy(plan)}
    attempt(account, droplet.id, body, progress)


def attach(account: Account, progress: Progress, *, names: str, volume: str) -> None:
    droplet, there = the_droplet(account, names), find_volume(account, volume)
    if there is None:
        raise Failure(f"the volume {volume} is gone", "run this again")
    if droplet.id in there.droplets:
        return
    body = {"type": "attach", "droplet_id": droplet.id, "region": there.region}
    with contextlib.suppress(Uncertain):  # looked up below
        act(account, "volume_actions.post_by_id", there.id, body, progress)
    wanted = f"the volume {volume} is not attached"
    waiting.until(lambda: attached(account, volume, droplet.id), waiting.VISIBLE, lambda: wanted)


def attached(account: Account, volume: str, droplet: int) -> bool | None:
    found = find_volume(account, volume)
    return True if found and droplet in found.droplets else None


def grow(account: Account, progress: Progress, *, name: str, region: str, gigabytes: int) -> None:
    there = find_volume(account, name)
    if there is None:
        raise Failure(f"the volume {name} is gone", "run this again")
    if there.gigabytes >= gigabytes:
        return
    body = {"type": "resize", "size_gigabytes": gigabytes, "region": region}
    again(lambda: act(account, "volume_actions.post_by_id", there.id, body, progress))
