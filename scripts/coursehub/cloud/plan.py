"""The difference between what a course wants in its account and what is there, as steps. Pure.

The operations that the steps name are in `cloud.operations`. Their order matters: the firewall is there
before the droplet, and the volume, which the droplet is made with.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..model import Step
from . import prices
from .checks import refuse
from .firewall import is_right
from .model import Seen, Wanted

PART = "account"
LONG = 900.0
"""Seconds for a step that starts a machine, or waits for one of DigitalOcean's actions."""
SIZED_AS_BEFORE = "processors and memory change, the disk does not: it can be made smaller again"


def plan(wanted: Wanted, seen: Seen) -> list[Step]:
    """All steps, in order: none when all is as it should be.

    Raises InvalidInput for what the account cannot give, and Failure for what a person has to decide.
    """
    refuse(wanted, seen)
    return [step for steps in PLANNERS for step in steps(wanted, seen)]


def _step(title: str, operation: str, *details: str, **more) -> Step:
    """A step of this part; further arguments but Step's own are the operation's parameters."""
    own = {key: more.pop(key) for key in ("secrets", "needs", "monthly") if key in more}
    return Step(PART, title, operation, more, details=details, timeout=LONG, **own)


def _key(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if not seen.key:
        title = "Add the deploy key to the account"
        yield _step(title, "key", name=wanted.names.tag, public_key=wanted.public_key)


def _tag(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if not seen.tag:
        title = f"Make the tag {wanted.names.tag}, by which the course's things are found"
        yield _step(title, "tag", name=wanted.names.tag)


def _firewall(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    tag = wanted.names.tag
    if not seen.firewalls:
        title = "Make the firewall: SSH, http and https come in, nothing else"
        yield _step(title, "firewall", name=tag, tag=tag)
    elif not is_right(seen.firewalls[0], tag, tag):
        yield _step("Correct the firewall: SSH, http and https come in", "firewall", name=tag, tag=tag)


def _volume(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if wanted.gigabytes is None:
        return
    name = wanted.names.volume
    if seen.volume is None:
        archive = seen.latest_archive("volume")
        size = max(wanted.gigabytes, archive.smallest if archive else 0)
        title = f"Make the volume for the students' files ({size} GB)"
        if archive:
            title = f"Make the students' volume from the archive of {archive.created[:10]} ({size} GB)"
        yield _step(
            title,
            "volume.create",
            name=name,
            tag=wanted.names.tag,
            region=wanted.region,
            gigabytes=size,
            snapshot=archive.id if archive else None,
            monthly=size * prices.VOLUME,
        )
    elif seen.volume.gigabytes < wanted.gigabytes:
        more = wanted.gigabytes - seen.volume.gigabytes
        title = f"Let the volume grow from {seen.volume.gigabytes} to {wanted.gigabytes} GB"
        details = ("while the hub runs; a volume never shrinks",)
        parameters = {"name": name, "region": seen.volume.region, "gigabytes": wanted.gigabytes}
        yield _step(title, "volume.grow", *details, **parameters, monthly=more * prices.VOLUME)


def _droplet(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if seen.droplet is not None:
        return
    size = seen.sizes[wanted.size]
    backups = "no backups of its disk" if wanted.backups == "none" else f"{wanted.backups} backups"
    archive = seen.latest_archive("droplet") if wanted.gigabytes is None else None
    origin = f"the archive of {archive.created[:10]}" if archive else wanted.image
    yield _step(
        f"Make the droplet {wanted.name} ({wanted.size} in {wanted.region}, {origin})",
        "droplet.create",
        f"{size.vcpus} processors, {size.memory / 1024:g} GB of memory, {size.disk} GB of disk; {backups}",
        names=wanted.names.tag,
        name=wanted.name,
        size=wanted.size,
        region=wanted.region,
        image=int(archive.id) if archive else wanted.image,
        backups=wanted.backups,
        volume=wanted.names.volume if wanted.gigabytes is not None else None,
        public_key=wanted.public_key,
        began_before=seen.creating,
        secrets={"user_data": wanted.user_data},
        monthly=prices.droplet(size, wanted.backups),
    )


def _rebuild(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    """A droplet that was made from a snapshot does not say which image that came from: it is left alone."""
    droplet = seen.droplet
    if droplet is None or droplet.image in (None, wanted.image):
        return
    lost = "the students' files are on the volume, and stay"
    if seen.volume is None:
        lost = "ALL FILES OF THE STUDENTS ARE LOST: they are on that disk (storage: size: none)"
    details = (f"its disk is erased and the hub installed anew, which takes some minutes; {lost}",)
    title = f"Rebuild the droplet with {wanted.image}, not {droplet.image}"
    parameters = {"names": wanted.names.tag, "image": wanted.image, "first_key": wanted.first_key}
    yield _step(title, "droplet.rebuild", *details, **parameters, needs="rebuild")


def _resize(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    droplet = seen.droplet
    if droplet is None or droplet.size == wanted.size:
        return
    before, after = seen.sizes.get(droplet.size), seen.sizes[wanted.size]
    more = prices.droplet(after, wanted.backups) - (prices.droplet(before, wanted.backups) if before else 0)
    title = f"Resize the droplet from {droplet.size} to {wanted.size}"
    details = (f"the hub is away for a minute or two; {SIZED_AS_BEFORE}",)
    parameters = {"names": wanted.names.tag, "size": wanted.size, "disk": False}
    yield _step(title, "droplet.resize", *details, **parameters, needs="downtime", monthly=more)


def _power(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    droplet = seen.droplet
    if droplet is None:
        return
    if droplet.status == "off":
        yield _step("Switch the droplet on", "droplet.power_on", names=wanted.names.tag)
    elif droplet.status != "active" or droplet.address is None:
        yield _step("Wait until the droplet has started", "droplet.started", names=wanted.names.tag)
    if seen.creating:
        title = "Remove the mark of a creation that was interrupted"
        yield _step(title, "untag", name=wanted.names.creating)


def _attached(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    droplet, volume = seen.droplet, seen.volume
    if wanted.gigabytes is None or droplet is None or (volume and droplet.id in volume.droplets):
        return
    title = "Attach the volume to the droplet"
    yield _step(title, "volume.attach", names=wanted.names.tag, volume=wanted.names.volume)


def _backups(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if seen.droplet is None or seen.backups == wanted.backups:
        return
    title = f"Back the droplet's disk up {wanted.backups}, not {seen.backups}"
    if wanted.backups == "none":
        title = "Back the droplet's disk up no longer"
    size = seen.sizes.get(seen.droplet.size)
    more = size.monthly * (prices.BACKUPS[wanted.backups] - prices.BACKUPS[seen.backups]) if size else None
    parameters = {"names": wanted.names.tag, "before": seen.backups, "plan": wanted.backups}
    yield _step(title, "droplet.backups", **parameters, monthly=more)


def _address(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    ip, names = seen.reserved_ip, wanted.names
    if not wanted.reserved_ip:
        if ip is not None:
            details = ("links and DNS records with it stop working",)
            title = f"Give the reserved address {ip.address} up"
            parameters = {"names": names.tag, "address": ip.address}
            yield _step(title, "address.release", *details, **parameters, needs="downtime")
    elif ip is None:
        title = "Reserve an address that outlives the droplet"
        details = ("free while a droplet uses it, $5.00 a month while none does",)
        yield _step(title, "address.reserve", *details, names=names.tag, volume=volume_name(wanted))
    elif seen.droplet is None or ip.droplet != seen.droplet.id:
        title = f"Lead the reserved address {ip.address} to the droplet"
        yield _step(title, "address.assign", names=names.tag, address=ip.address)
    elif ip.address not in seen.remembered:
        title = f"Remember that the reserved address {ip.address} is the course's"
        parameters = {"tag": names.address_tag(ip.address), "volume": volume_name(wanted)}
        yield _step(title, "address.remember", **parameters)


def volume_name(wanted: Wanted) -> str | None:
    return wanted.names.volume if wanted.gigabytes is not None else None


def _record(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    """The hub's name in a domain of the account. What it is to say is known for sure once droplet and
    address are there, so the operation looks."""
    if wanted.domain is None or seen.zone is None:
        return
    present = [record.address for record in seen.records]
    expected, needs = _expected_address(wanted, seen)
    if expected is not None and present == [expected]:
        return
    details = tuple(f"- {address}" for address in present if address != expected)
    title = f"Let {wanted.domain} lead to {expected or 'the droplet'}"
    parameters = {"names": wanted.names.tag, "host": wanted.domain, "zone": seen.zone}
    yield _step(title, "record.set", *details, **parameters, needs=needs)


def _expected_address(wanted: Wanted, seen: Seen) -> tuple[str | None, str]:
    """Where the hub will be reached, None for an address that is not known yet; and the word that the step
    waits for which makes it so."""
    ip = seen.reserved_ip
    leads_here = bool(ip and seen.droplet and ip.droplet == seen.droplet.id)
    if wanted.reserved_ip and not leads_here:
        return None, ""
    if leads_here and not wanted.reserved_ip:
        return seen.droplet.address, "downtime"
    return seen.address, ""


def _project(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if wanted.project is None:
        return
    names = {"names": wanted.names.tag, "volume": volume_name(wanted)}
    if seen.project is None:
        yield _step(f"Make the project {wanted.project}", "project.put", name=wanted.project, **names)
    elif not resources(seen) <= seen.project.resources or seen.droplet is None:
        title = f"Show what belongs to the course in the project {wanted.project}"
        yield _step(title, "project.put", name=wanted.project, **names)


def resources(seen: Seen) -> frozenset[str]:
    """What belongs into the project, as uniform resource names."""
    found = [f"do:droplet:{droplet.id}" for droplet in seen.droplets]
    found += [f"do:volume:{volume.id}" for volume in seen.volumes]
    if seen.reserved_ip:
        found.append(f"do:floatingip:{seen.reserved_ip.address}")
    return frozenset(found)


PLANNERS = (
    _key,
    _tag,
    _firewall,
    _volume,
    _droplet,
    _rebuild,
    _resize,
    _power,
    _attached,
    _backups,
    _address,
    _record,
    _project,
)
