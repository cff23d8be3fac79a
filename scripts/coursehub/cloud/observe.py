"""What there is of the course in its account. Nothing here changes anything."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from ..names import Names
from .api import Account
from .firewall import read_firewall
from .model import Droplet, Project, Record, ReservedIp, Seen, Size, Snapshot, Volume, Wanted

AT_ONCE = 6
"""Questions under way at one time: DigitalOcean allows 250 requests a minute."""


def observe(account: Account, wanted: Wanted) -> Seen:
    """Look at everything that belongs to the course. Raises Failure naming what could not be seen."""
    names = wanted.names
    with ThreadPoolExecutor(AT_ONCE) as pool:

        def ask(look: Callable[..., Any], *words: Any, **options: Any) -> Any:
            return pool.submit(look, *words, **options)

        about = ask(account.read, "account.get")
        sizes = ask(account.everything, "sizes.list", "sizes")
        key = ask(account.read, "ssh_keys.get", fingerprint(wanted.public_key))
        tags = {
            tag: ask(account.read, "tags.get", tag) for tag in (names.tag, names.creating, names.archived)
        }
        droplets = ask(account.everything, "droplets.list", "droplets", tag_name=names.tag)
        volumes = ask(account.everything, "volumes.list", "volumes", name=names.volume)
        snapshots = ask(account.everything, "snapshots.list", "snapshots")
        firewalls = ask(account.everything, "firewalls.list", "firewalls")
        addresses = ask(account.everything, "reserved_ips.list", "reserved_ips")
        records = ask(records_of, account, wanted.domain) if wanted.domain else None
        project = ask(project_named, account, wanted.project) if wanted.project else None
        attached = tuple(Volume.read(value) for value in volumes.result())
        listed = [Droplet.read(one) for one in droplets.result()]
        found, attached = with_unlisted(account, names.tag, listed, attached)
        person = about.result()["account"]
        reserved = tuple(ReservedIp.read(value) for value in addresses.result())
        reserved, remembered = own_addresses(account, names, reserved, {droplet.id for droplet in found})
        zone, present = records.result() if records else (None, ())
        return Seen(
            status=person["status"],
            status_message=person.get("status_message") or "",
            droplet_limit=person["droplet_limit"],
            sizes={value["slug"]: Size.read(value) for value in sizes.result()},
            key=key.result() is not None,
            tag=tags[names.tag].result() is not None,
            creating=tags[names.creating].result() is not None,
            archived=tags[names.archived].result() is not None,
            droplets=found,
            backups=backups_of(account, found[0]) if len(found) == 1 else "none",
            volumes=attached,
            snapshots=tuple(
                snapshot
                for snapshot in map(Snapshot.read, snapshots.result())
                if snapshot.name.startswith(names.tag)
            ),
            firewalls=tuple(
                read_firewall(value) for value in firewalls.result() if value["name"] == names.tag
            ),
            addresses=reserved,
            remembered=remembered,
            zone=zone,
            records=present,
            project=project.result() if project else None,
        )


def own_addresses(
    account: Account, names: Names, addresses: tuple[ReservedIp, ...], droplets: set[int]
) -> tuple[tuple[ReservedIp, ...], frozenset[str]]:
    """The addresses, and those that a tag knows as the course's. One that leads to another droplet is not;
    but a droplet that is gone has its address for a moment longer."""
    seen, remembered = [], set()
    for ip in addresses:
        is_known = account.read("tags.get", names.address_tag(ip.address)) is not None
        if is_known and ip.droplet is not None and ip.droplet not in droplets:
            is_known = account.read("droplets.get", ip.droplet) is None
            ip = replace(ip, droplet=None) if is_known else ip
        seen.append(ip)
        remembered |= {ip.address} if is_known else set()
    return tuple(seen), frozenset(remembered)


def with_unlisted(
    account: Account, tag: str, listed: list[Droplet], volumes: tuple[Volume, ...]
) -> tuple[tuple[Droplet, ...], tuple[Volume, ...]]:
    """The course's droplets, with those that are too new to be in a list but have the course's volume; and
    the volumes, without those droplets that are gone, which they have for a moment longer."""
    found = {droplet.id: droplet for droplet in listed}
    gone = set()
    for number in {number for volume in volumes for number in volume.droplets} - set(found):
        value = account.read("droplets.get", number)
        if value is None:
            gone.add(number)
        elif tag in value["droplet"]["tags"]:
            found[number] = Droplet.read(value["droplet"])
    left = (
        replace(volume, droplets=tuple(one for one in volume.droplets if one not in gone))
        for volume in volumes
    )
    return tuple(found.values()), tuple(left)


def records_of(account: Account, host: str) -> tuple[str | None, tuple[Record, ...]]:
    """The domain of the account that the host name is in, None without one, and its A records."""
    domains = [value["name"] for value in account.everything("domains.list", "domains")]
    zone = zone_of(host, domains)
    if zone is None:
        return None, ()
    # The API wants the whole name to filter by.
    found = account.everything("domains.list_records", "domain_records", zone, name=host, type="A")
    return zone, tuple(Record.read(zone, value) for value in found if value["type"] == "A")


def zone_of(host: str, domains: list[str]) -> str | None:
    """The longest of these domains that `host` is, or is below."""
    fitting = [domain for domain in domains if host == domain or host.endswith("." + domain)]
    return max(fitting, key=len, default=None)


def project_named(account: Account, name: str) -> Project | None:
    """The project of this name, None if there is none."""
    for value in account.everything("projects.list", "projects"):
        if value["name"] == name:
            found = account.everything("projects.list_resources", "resources", value["id"])
            return Project(value["id"], name, frozenset(resource["urn"] for resource in found))
    return None


def backups_of(account: Account, droplet: Droplet) -> str:
    """ "none", "weekly" or "daily"."""
    if "backups" not in droplet.features:
        return "none"
    policy = (account.read("droplets.get_backup_policy", droplet.id) or {}).get("policy") or {}
    return (policy.get("backup_policy") or {}).get("plan") or "daily"


def fingerprint(public_key: str) -> str:
    """A public key's MD5 fingerprint, by which the API knows it."""
    digest = hashlib.md5(base64.b64decode(public_key.split()[1]), usedforsecurity=False).hexdigest()
    return ":".join(digest[start : start + 2] for start in range(0, len(digest), 2))
