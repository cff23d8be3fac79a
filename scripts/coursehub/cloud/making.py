"""The operations that make things, once and only once, whatever is lost on the way.

Each looks first, for the plan may be older than the world, and after a lost answer looks again: what was
made is adopted, never made a second time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..names import Names
from ..problems import Failure
from . import waiting
from .api import Account
from .errors import Refused, Uncertain, explained
from .firewall import firewall_body
from .model import Droplet, Volume
from .observe import fingerprint

Progress = Callable[[str], None]
TRIES = 2


def key(account: Account, progress: Progress, *, name: str, public_key: str) -> None:
    """The deploy key, known to the account by its fingerprint."""
    create(
        lambda: account.read("ssh_keys.get", fingerprint(public_key)),
        lambda: account.write("ssh_keys.create", body={"name": name, "public_key": public_key}),
        "the deploy key",
    )


def tag(account: Account, progress: Progress, *, name: str) -> None:
    """A tag, known by its name."""
    create(
        lambda: account.read("tags.get", name),
        lambda: account.write("tags.create", body={"name": name}),
        name,
    )


def untag(account: Account, name: str) -> None:
    """Remove a tag from everything, and from the account. Does nothing when it is gone."""
    try:
        account.write("tags.delete", name)
    except Refused as refused:
        if refused.status != 404:
            raise explained(refused) from refused


def label(account: Account, name: str, kind: str, thing: str) -> None:
    """Put a tag, made where missing, on a "droplet" or a "volume". Doing it twice is as good as once."""
    tag(account, ignore, name=name)
    body = {"resources": [{"resource_id": str(thing), "resource_type": kind}]}
    again(lambda: account.write("tags.assign_resources", name, body=body))


def firewall(account: Account, progress: Progress, *, name: str, tag: str) -> None:
    """The firewall of this name, with the rules it should have."""

    def there() -> dict[str, Any] | None:
        found = account.everything("firewalls.list", "firewalls")
        return next((value for value in found if value["name"] == name), None)

    body = firewall_body(name, tag)
    made = create(there, lambda: account.write("firewalls.create", body=body), "the firewall")
    if made is not None:
        again(lambda: account.write("firewalls.update", made["id"], body=body))


def volume(
    account: Account,
    progress: Progress,
    *,
    name: str,
    tag: str,
    region: str,
    gigabytes: int,
    snapshot: str | None,
) -> None:
    """The volume, known by its name and region; from `snapshot` (its id) if one is given. It comes without a
    file system: the droplet makes one, and only where there is nothing."""
    body = {
        "name": name,
        "region": region,
        "size_gigabytes": gigabytes,
        "tags": [tag],
        "description": "Students' files: made by coursehub",
    }
    if snapshot:
        body["snapshot_id"] = snapshot
    make = lambda: account.write("volumes.create", body=body)  # noqa: E731
    create(lambda: find_volume(account, name), make, "the volume")
    found = lambda: find_volume(account, name)  # noqa: E731
    waiting.until(found, waiting.VISIBLE, lambda: f"the volume {name} was made but is not seen")


def find_volume(account: Account, name: str) -> Volume | None:
    """The volume of this name, wherever it is. Raises Failure if there are several."""
    found = account.everything("volumes.list", "volumes", name=name)
    if len(found) > 1:
        raise Failure(f"there are {len(found)} volumes named {name}", "delete those that are not in use")
    return Volume.read(found[0]) if found else None


def droplet(
    account: Account,
    progress: Progress,
    *,
    names: str,
    name: str,
    size: str,
    region: str,
    image: str | int,
    backups: str,
    volume: str | None,
    public_key: str,
    began_before: bool,
    user_data: str,
) -> None:
    """The droplet, which the API knows by nothing that is the course's own but a tag, and which may be
    missing from lists for a while: so a mark is left in the account before one is asked for, and as long as
    it is there, a droplet that is not seen is waited for before another one is made."""
    known = Names(names)
    body: dict[str, Any] = {
        "name": name,
        "size": size,
        "region": region,
        "image": image,
        "ssh_keys": [fingerprint(public_key)],
        "tags": [known.tag],
        "monitoring": True,
        "ipv6": False,
        "backups": backups != "none",
        "user_data": user_data,
    }
    if backups != "none":
        body["backup_policy"] = policy(backups)
    if volume:
        there = find_volume(account, volume)
        if there is None:
            raise Failure(f"the volume {volume} is gone", "run this again")
        body["volumes"] = [there.id]
    seen = soon(account, known.tag) if began_before else visible(account, known.tag)
    tag(account, progress, name=known.creating)
    for _ in range(TRIES):
        if seen is not None:
            break
        try:
            answer = account.write("droplets.create", body=body)
            seen = Droplet.read(answer["droplet"])
        except Uncertain:
            progress("DigitalOcean's answer was lost: looking whether the droplet is there")
            seen = soon(account, known.tag)
        except Refused as refused:
            raise explained(refused) from refused
    if seen is None:
        raise Failure("DigitalOcean did not make the droplet", "run this again later")
    started(account, seen.id, progress)
    what = f"the droplet {seen.id} was made but is in no list"
    waiting.until(lambda: visible(account, known.tag), 2 * waiting.VISIBLE, lambda: what)
    untag(account, known.creating)


def visible(account: Account, tag: str) -> Droplet | None:
    """The course's droplet as lists show it."""
    return next(iter(waiting.droplets(account, tag)), None)


def soon(account: Account, tag: str) -> Droplet | None:
    """The course's droplet, waited for as long as lists have been seen to lag; None if there is none."""
    try:
        return waiting.until(lambda: visible(account, tag), waiting.VISIBLE, lambda: "no droplet")
    except Failure as failure:
        if failure.message != "no droplet":
            raise
        return None


def started(account: Account, number: int, progress: Progress) -> None:
    """Wait until a droplet is active and has its public address, which may come later."""
    last = "new"

    def ready() -> Droplet | None:
        nonlocal last
        value = account.read("droplets.get", number)
        now = Droplet.read(value["droplet"]) if value else None
        last = f"{now.status}, address {now.address or 'not known yet'}" if now else "not to be seen yet"
        progress(f"the droplet is {last}")
        return now if now and now.status == "active" and now.address else None

    waiting.until(ready, waiting.ACTION, lambda: f"the droplet {number} does not start: it is {last}")


def policy(plan: str) -> dict[str, Any]:
    """When backups are made: in the small hours, UTC; weekly ones on Sundays."""
    return {"plan": plan, "hour": 0} | ({"weekday": "SUN"} if plan == "weekly" else {})


def create(look: Callable[[], Any], make: Callable[[], Any], what: str) -> Any | None:
    """What is there already, else None after making it. An answer that was lost, or that says that there is
    one already, makes it look again."""
    for _ in range(TRIES):
        found = look()
        if found is not None:
            return found
        try:
            make()
            return None
        except Uncertain:
            continue
        except Refused as refused:
            if refused.status not in (409, 422) or look() is None:
                raise explained(refused) from refused
            return None
    if look() is None:
        raise Failure(f"DigitalOcean did not say whether it made {what}", "run this again later")
    return None


def again(do: Callable[[], Any]) -> None:
    """Do what can be done twice, a second time when it is not certain that it was done."""
    for attempt in range(TRIES):
        try:
            do()
            return
        except Uncertain:
            if attempt == TRIES - 1:
                raise
        except Refused as refused:
            raise explained(refused) from refused


def ignore(text: str) -> None:
    """Progress that nobody needs to see."""
