"""The end of a course in its account, as steps: archived, to come back, or destroyed. Pure.

Nothing is deleted before its copy exists, and what others could be harmed by goes first: a name that leads
to an address which somebody else gets next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

from ..model import Step
from ..problems import Failure
from .belongings import Belongings
from .checks import refuse_to_guess
from .model import Seen, Snapshot, Volume, Wanted
from .observe import fingerprint

PART = "account"
LONG = 1800.0
"""Seconds for a step that waits for one of DigitalOcean's actions: a large snapshot takes minutes."""


@dataclass(frozen=True)
class Kept:
    """What an archive leaves as it is."""

    volume: bool = False
    address: bool = False


def archive(wanted: Wanted, belongings: Belongings, kept: Kept, today: date) -> list[Step]:
    """How to put the course away: no steps when it is. Raises Failure when there is nothing of it, or a
    person has to decide something."""
    seen = belongings.seen
    refuse_to_guess(wanted, seen)
    if seen.droplet is None and seen.volume is None and not seen.archived:
        raise Failure("there is nothing to archive: no droplet and no volume", "see scripts/costs.py")
    name = f"{wanted.names.tag}-archive-{today.isoformat()}"
    known = [wanted.names.tag, wanted.names.archived, *_remembering(wanted, seen, kept)]
    return [
        *_mark(wanted, seen),
        *_off(wanted, seen),
        *_copies(wanted, seen, kept, name),
        *_record(wanted, seen, kept.address),
        *_remembered(wanted, seen),
        *_droplet(wanted, seen),
        *(() if kept.address else _address(wanted, seen)),
        *(() if kept.volume else _volume(wanted, seen, needs_copy=True)),
        *_tags(wanted, belongings, known),
    ]


def destroy(wanted: Wanted, belongings: Belongings, *, volume: bool, snapshots: bool) -> list[Step]:
    """How to take away all that the course has but, unless told, the students' volume and the snapshots."""
    seen = belongings.seen
    refuse_to_guess(wanted, seen)
    stays = bool((seen.volumes and not volume) or (seen.snapshots and not snapshots))
    return [
        *_record(wanted, seen, False),
        *_remembered(wanted, seen),
        *_droplet(wanted, seen),
        *_address(wanted, seen),
        *(_volume(wanted, seen, needs_copy=False) if volume else ()),
        *(_snapshots(seen) if snapshots else ()),
        *_firewall(wanted, seen),
        *_key(wanted, belongings),
        *_tags(wanted, belongings, [wanted.names.tag] if stays else []),
    ]


def after_archive(seen: Seen, wanted: Wanted, kept: Kept, name: str) -> Seen:
    """What will be there afterwards; new snapshots as large as they can become."""
    copies = []
    if seen.volume and not kept.volume:
        copies.append(_foreseen(name, "volume", seen.volume.id, seen.volume.gigabytes))
    if seen.droplet and _files_are_on_the_disk(wanted, seen):
        copies.append(_foreseen(name, "droplet", str(seen.droplet.id), seen.droplet.disk))
    known = tuple(one for one in seen.snapshots if wanted.names.archived not in one.tags)
    volumes = tuple(replace(one, droplets=()) for one in seen.volumes) if kept.volume else ()
    return replace(
        without_droplet(seen, keep_address=kept.address), volumes=volumes, snapshots=(*known, *copies)
    )


def without_droplet(seen: Seen, *, keep_address: bool) -> Seen:
    """The same account after its droplet was destroyed, its address kept or given back."""
    ip = seen.reserved_ip if keep_address else None
    addresses = (replace(ip, droplet=None),) if ip else ()
    remembered = frozenset(one.address for one in addresses)
    volumes = tuple(replace(one, droplets=()) for one in seen.volumes)
    return replace(seen, droplets=(), volumes=volumes, addresses=addresses, remembered=remembered)


def _foreseen(name: str, kind: str, source: str, gigabytes: int) -> Snapshot:
    return Snapshot("", name, kind, source, gigabytes, gigabytes, (), "9999", frozenset())


def _files_are_on_the_disk(wanted: Wanted, seen: Seen) -> bool:
    """Whether students' files may be on the droplet's own disk."""
    volume = seen.volume
    attached = bool(volume and seen.droplet and seen.droplet.id in volume.droplets)
    return wanted.gigabytes is None or not attached


def _step(title: str, operation: str, *details: str, **parameters) -> Step:
    return Step(PART, title, operation, parameters, details=details, timeout=LONG)


def _mark(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if not seen.archived:
        title = "Mark the course as archived, so that no deploy brings it back"
        yield _step(title, "tag", name=wanted.names.archived)


def _off(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if seen.droplet and seen.droplet.status != "off":
        title = "Shut the droplet down: the hub ends, and with it all that students run"
        yield _step(title, "droplet.off", names=wanted.names.tag)


def _copies(wanted: Wanted, seen: Seen, kept: Kept, name: str) -> Iterator[Step]:
    """Where the droplet runs, what was copied before may be older than the students' latest work."""
    runs = seen.droplet is not None and seen.droplet.status != "off"
    tagged = [snapshot for snapshot in seen.snapshots if wanted.names.archived in snapshot.tags]
    fresh = () if runs else {(snapshot.kind, snapshot.source) for snapshot in tagged}
    volume, droplet = seen.volume, seen.droplet
    if volume and not kept.volume and ("volume", volume.id) not in fresh:
        stale = [snapshot.id for snapshot in tagged]
        title = f"Take a snapshot of the students' volume ({volume.gigabytes} GB)"
        yield _step(title, "volume.copy", names=wanted.names.tag, name=name, stale=stale)
    on_disk = droplet is not None and _files_are_on_the_disk(wanted, seen)
    if on_disk and ("droplet", str(droplet.id)) not in fresh:
        title = f"Take a snapshot of the droplet's disk ({droplet.disk} GB), with the students' files on it"
        yield _step(title, "droplet.copy", names=wanted.names.tag, name=name)


def _record(wanted: Wanted, seen: Seen, keeps_address: bool) -> Iterator[Step]:
    """Only a name that leads to what is about to be given up: others may be led elsewhere by a person."""
    ip = seen.reserved_ip
    given_up = {seen.droplet.address} if seen.droplet else set()
    if ip and not keeps_address:
        given_up.add(ip.address)
    leading = sorted({record.address for record in seen.records} & (given_up - {None}))
    if leading:
        title = f"Remove the DNS record {wanted.domain}, which leads to {', '.join(leading)}"
        yield _step(title, "record.remove", host=wanted.domain, zone=seen.zone, addresses=leading)


def _address(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    ip = seen.reserved_ip
    if ip:
        title = f"Give the reserved address {ip.address} back"
        yield _step(title, "address.release", names=wanted.names.tag, address=ip.address)


def _remembering(wanted: Wanted, seen: Seen, kept: Kept) -> list[str]:
    """The tag that knows the address which is kept."""
    ip = seen.reserved_ip if kept.address else None
    return [wanted.names.address_tag(ip.address)] if ip else []


def _remembered(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    """Without its droplet, an address is known by a tag alone."""
    ip = seen.reserved_ip
    if ip and ip.address not in seen.remembered:
        title = f"Remember the reserved address {ip.address}"
        tag = wanted.names.address_tag(ip.address)
        yield _step(title, "address.remember", tag=tag, volume=None)


def _droplet(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if droplet := seen.droplet:
        title = f"Destroy the droplet {droplet.name} ({droplet.size}), its disk and its backups"
        yield _step(title, "droplet.destroy", names=wanted.names.tag, droplet=droplet.id)


def _volume(wanted: Wanted, seen: Seen, *, needs_copy: bool) -> Iterator[Step]:
    volume = seen.volume
    if volume is None:
        return
    details = "after its snapshot, and only if that is there"
    if not needs_copy:
        copy = copy_of(seen, volume)
        remains = f"the snapshot of {copy.created[:10]} has them as of then" if copy else "THERE IS NO COPY"
        details = f"ALL FILES OF ALL STUDENTS ARE LOST; {remains}"
    title = f"Delete the volume {volume.name} ({volume.gigabytes} GB)"
    yield _step(title, "volume.delete", details, names=wanted.names.tag, needs_copy=needs_copy)


def copy_of(seen: Seen, volume: Volume) -> Snapshot | None:
    """The newest snapshot of the volume."""
    copies = [snapshot for snapshot in seen.snapshots if snapshot.source == volume.id]
    return max(copies, key=lambda snapshot: snapshot.created, default=None)


def _snapshots(seen: Seen) -> Iterator[Step]:
    for snapshot in seen.snapshots:
        title = f"Delete the snapshot {snapshot.name} ({snapshot.gigabytes:g} GB, of {snapshot.created[:10]})"
        yield _step(title, "snapshot.delete", "WHAT IS ON IT IS LOST", snapshot=snapshot.id)


def _firewall(wanted: Wanted, seen: Seen) -> Iterator[Step]:
    if seen.firewalls:
        yield _step("Delete the firewall", "firewall.delete", name=wanted.names.tag)


def _key(wanted: Wanted, belongings: Belongings) -> Iterator[Step]:
    if belongings.own_key:
        parameters = {"name": wanted.names.tag, "fingerprint": fingerprint(wanted.public_key)}
        yield _step("Remove the deploy key from the account", "key.delete", **parameters)


def _tags(wanted: Wanted, belongings: Belongings, keep: list[str]) -> Iterator[Step]:
    """Those with which nothing is found any more."""
    if belongings.tags - set(keep):
        title = "Remove the course's tags that are of no more use"
        yield _step(title, "tag.sweep", names=wanted.names.tag, keep=keep)
