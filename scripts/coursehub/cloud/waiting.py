"""Waiting for DigitalOcean: bounded, looking again and again, naming the last thing that was seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..problems import Failure
from .api import Account
from .errors import Refused, explained
from .model import Droplet

EVERY = 2.0
"""Seconds between two looks: DigitalOcean allows 250 requests a minute."""
ACTION = 600.0
"""Seconds for one of its actions: a large resize or snapshot takes minutes."""
VISIBLE = 60.0
"""Seconds after which a thing that was made is in every list; some have been seen to lag by tens."""

T = TypeVar("T")


def until(look: Callable[[], T | None], seconds: float, what: Callable[[], str]) -> T:
    """What `look` returns as soon as it is not None. Raises Failure with `what()` after `seconds`."""
    deadline = time.monotonic() + seconds
    while (found := look()) is None:
        if time.monotonic() > deadline:
            raise Failure(what(), "run this again: it goes on from what it finds")
        time.sleep(EVERY)
    return found


def droplets(account: Account, tag: str) -> list[Droplet]:
    return [Droplet.read(value) for value in account.everything("droplets.list", "droplets", tag_name=tag)]


def the_droplet(account: Account, tag: str) -> Droplet:
    """The course's one droplet, which may be too new to be in a list yet. Raises Failure if there is none or
    several."""
    found = until(lambda: droplets(account, tag) or None, VISIBLE, lambda: f"no droplet bears the tag {tag}")
    if len(found) > 1:
        raise Failure(f"{len(found)} droplets bear the tag {tag}, not one", "run this again")
    return found[0]


def present(account: Account, droplet: int) -> Droplet:
    """A droplet as it is now. Raises Failure when it is gone."""
    value = account.read("droplets.get", droplet)
    if value is None:
        raise Failure(f"the droplet {droplet} is gone", "run this again")
    return Droplet.read(value["droplet"])


def act(
    account: Account, call: str, thing: Any, body: Mapping[str, Any], progress: Callable[[str], None]
) -> None:
    """Have an action done and wait for its end. While another one runs on the same thing, wait for that.

    Raises Uncertain when it may have been begun (look before doing it again), Failure when it went wrong.
    """
    deadline = time.monotonic() + ACTION
    while True:
        try:
            answer = account.write(call, thing, body=dict(body))
            break
        except Refused as refused:
            if not refused.is_pending or time.monotonic() > deadline:
                raise explained(refused) from refused
            progress("waiting for another action of DigitalOcean's on it")
            time.sleep(EVERY)
    finished(account, answer["action"], progress)


def finished(account: Account, action: Mapping[str, Any], progress: Callable[[str], None]) -> None:
    """Wait for the end of an action. Raises Failure when it went wrong or takes too long."""
    status, kind = action["status"], str(action.get("type", "action")).replace("_", " ")

    def over() -> str | None:
        nonlocal status
        if status == "in-progress":
            answer = account.read("actions.get", action["id"]) or {"action": {"status": status}}
            status = answer["action"]["status"]
            progress(f"DigitalOcean: {kind}, {status}")
        return None if status == "in-progress" else status

    ended = until(over, ACTION, lambda: f"DigitalOcean's action ({kind}) is still {status} after 10 minutes")
    if ended != "completed":
        raise Failure(
            f"DigitalOcean's action ({kind}) ended as {ended}",
            "run this again; if it fails again, see the droplet's history in the control panel",
        )
