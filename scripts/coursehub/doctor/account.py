"""The account at DigitalOcean's, judged: is the droplet there, on, and does all lead to it? Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..cloud.model import Seen, Wanted
from ..model import Step
from .model import FAILURE, GOOD, WARNING, Finding

DEPLOY = "run the workflow that deploys"
ON = f"{DEPLOY}: it switches the droplet on"


def findings(wanted: Wanted, seen: Seen, steps: Sequence[Step]) -> list[Finding]:
    """`steps` is what a deploy would do about the account."""
    operations = {step.operation for step in steps}
    found = [droplet(seen)]
    if seen.status not in ("active", "warning"):
        fix = "look at the account in DigitalOcean's control panel: a payment or a confirmation is due"
        found.append(Finding("account", FAILURE, f"DigitalOcean says: {seen.status}", fix))
    elif seen.status == "warning":
        words = seen.status_message or "see the control panel"
        found.append(Finding("account", WARNING, f"DigitalOcean warns: {words}", "see the control panel"))
    if seen.droplet:
        found += [*volume(wanted, seen), firewall(seen, operations), *address(wanted, seen)]
        found += record(wanted, seen)
    return found


def droplet(seen: Seen) -> Finding:
    if seen.droplet is None:
        if seen.archived:
            fix = "deploy the course again, if it is to be used: that takes it out of its archive"
            return Finding("droplet", FAILURE, "the course is archived: there is no droplet", fix)
        return Finding("droplet", FAILURE, "there is none", f"{DEPLOY}: it makes one")
    about = f"{seen.droplet.size} in {seen.droplet.region}"
    if seen.droplet.status != "active":
        return Finding("droplet", FAILURE, f"it is {seen.droplet.status} ({about})", ON)
    return Finding("droplet", GOOD, f"it is on ({about})")


def volume(wanted: Wanted, seen: Seen) -> Iterable[Finding]:
    if wanted.gigabytes is None:
        return
    fix = f"{DEPLOY}: it attaches the volume"
    if seen.volume is None:
        yield Finding("volume", FAILURE, "there is none, though storage.size wants one", DEPLOY)
    elif seen.droplet.id not in seen.volume.droplets:
        yield Finding("volume", FAILURE, "it is not attached to the droplet", fix)
    else:
        yield Finding("volume", GOOD, f"{seen.volume.gigabytes} GB, attached")


def firewall(seen: Seen, operations: set[str]) -> Finding:
    if not seen.firewalls:
        return Finding("firewall", WARNING, "there is none", f"{DEPLOY}: it makes one")
    if "firewall" in operations:
        return Finding("firewall", FAILURE, "its rules were changed", f"{DEPLOY}: it puts them right")
    return Finding("firewall", GOOD, "SSH, http and https come in")


def address(wanted: Wanted, seen: Seen) -> Iterable[Finding]:
    if not wanted.reserved_ip:
        return
    ip = seen.reserved_ip
    if ip is None or ip.droplet != seen.droplet.id:
        yield Finding("reserved address", FAILURE, "it does not lead to the droplet", f"{DEPLOY}: it sets it")
    else:
        yield Finding("reserved address", GOOD, f"{ip.address} leads to the droplet")


def record(wanted: Wanted, seen: Seen) -> Iterable[Finding]:
    """The record of the hub's name, where the account has the domain."""
    if not wanted.domain or seen.zone is None:
        return
    there = sorted({one.address for one in seen.records})
    if there == [seen.address]:
        yield Finding("DNS record", GOOD, f"{wanted.domain} leads to {seen.address}")
        return
    words = f"{wanted.domain} leads to {', '.join(there) or 'nothing'}, the droplet has {seen.address}"
    yield Finding("DNS record", FAILURE, words, f"{DEPLOY}: it sets the record")


def leading(domain: str, found: Iterable[str], wanted: str) -> Finding:
    """What the hub's name leads to, as anybody sees it."""
    there = sorted(found)
    if wanted in there:
        return Finding("name", GOOD, f"{domain} leads to {wanted}")
    words = f"{domain} leads to {', '.join(there) or 'nothing'}, the server has {wanted}"
    fix = "correct the domain's DNS record where the domain is kept: Documentation/Https.md"
    return Finding("name", FAILURE, words, fix)
