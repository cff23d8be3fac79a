"""Students' work outlives the droplet: their homes and the hub's state are on a volume of their own.

A server that was there before us has no volume; what is said of accounts and homes holds there as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..accounts import unix_account
from ..model import Json, Reporter, Step
from ..names import names_from
from ..problems import Failure
from ..roster.people import count
from ..sizes import GIB

NAME = "storage"
LEAST_GROWTH = GIB // 2
"""Bytes; volumes grow by whole GiB."""
SHOWN = 5
TITLES = {
    "absent": "Mount the volume for the students' files as soon as it is attached",
    "empty": "Format the volume for the students' files and mount it at /home",
    "half made": "Format the volume for the students' files and mount it at /home",
    "ours": "Mount the volume with the students' files at /home",
}


@dataclass(frozen=True)
class Want:
    """The volume's device on the droplet; None without a volume. `names` tells whether the plan may name
    whose home it is about."""

    device: str | None
    names: bool = True


def want(settings, secrets) -> Want:
    """A volume belongs to a droplet that is made here, where it can be attached."""
    made_here = secrets.digitalocean_token and secrets.seed and not secrets.host
    device = names_from(secrets.seed).device if made_here and settings.storage.gigabytes else None
    return Want(device, settings.roster.names)


def question(want: Want) -> Json:
    return {"device": want.device}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    """Stop, with an explanation, where going on could cost somebody their files."""
    if seen["refusal"]:
        raise Failure(*seen["refusal"])
    return want


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """The volume in its place; else, what of accounts and homes is not as it should be."""
    if want.device and not seen["settled"]:
        return [mounting(want, seen)]
    steps = growing(want, seen["volume"]) if want.device else []
    return steps + settling(seen["homes"], names=want.names)


def mounting(want: Want, seen: Mapping) -> Step:
    """Mount; where the disk has files already, move them, for which the hub has to stop."""
    parameters = {"device": want.device}
    homes, state = seen["disk"]["homes"], seen["disk"]["state"]
    if not homes and not state:
        title = TITLES[seen["volume"]["state"]]
        return Step(NAME, title, "storage.mount", parameters, timeout=4000)
    details = [f"> /home/{name}" for name in homes[:SHOWN]]
    details += [f"… and {len(homes) - SHOWN} more"] if len(homes) > SHOWN else []
    details += ["> the hub's state"] if state else []
    details += ["the old copy stays on the droplet's disk, in /home-before-the-volume"]
    return Step(
        NAME,
        "Move the students' files to the volume",
        "storage.mount",
        parameters,
        tuple(details),
        timeout=8 * 3600,
        needs="downtime" if seen["hub"] else "",
    )


def growing(want: Want, volume: Mapping) -> list[Step]:
    """One step where the volume has become larger than its file system."""
    if volume["bytes"] - volume["file_system_bytes"] < LEAST_GROWTH:
        return []
    title = f"Let the students' files use all {volume['bytes'] // GIB} GB of the volume"
    return [Step(NAME, title, "storage.grow", {"device": want.device}, timeout=900)]


def settling(homes: Mapping, *, names: bool) -> list[Step]:
    """One step for all that is wrong with homes: it takes no time."""
    if names:
        details = [f"+ account {name} ({uid})" for name, uid, _ in homes["missing"]]
        details += [f"~ /home/{name}: for nobody else" for name in homes["open"]]
    else:
        details = [f"+ accounts for {count(len(homes['missing']))}"] if homes["missing"] else []
        details += [f"~ homes of {count(len(homes['open']))}: for nobody else"] if homes["open"] else []
    details += [] if homes["private_by_default"] else ["~ new homes: for nobody else"]
    if not details:
        return []
    shown = details if len(details) <= SHOWN else [*details[:SHOWN], f"… and {len(details) - SHOWN} more"]
    return [Step(NAME, "Keep students' homes private", "storage.settle_homes", {}, tuple(shown), timeout=600)]


def students(seen: Mapping, users: Iterable[str]) -> int:
    """How many of the course's users have a home, which is made when somebody first works on the hub."""
    return len({unix_account(user) for user in users} & set(seen["homes"]["names"]))
