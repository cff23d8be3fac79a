"""What a course wants to have in its account, and what there is: plain values.

The dictionaries of the API are read here and nowhere else; their shapes are those of DigitalOcean's
specification (https://docs.digitalocean.com/reference/api/).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..names import Names


@dataclass(frozen=True)
class Size:
    """A size of droplet: memory in MiB, disk in GiB, prices in dollars; `regions` are those that have it."""

    slug: str
    memory: int
    vcpus: int
    disk: int
    monthly: float
    hourly: float
    regions: frozenset[str]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Size:
        regions = frozenset(value["regions"]) if value["available"] else frozenset()
        numbers = (value["memory"], value["vcpus"], value["disk"])
        return cls(value["slug"], *numbers, value["price_monthly"], value["price_hourly"], regions)


@dataclass(frozen=True)
class Droplet:
    """`image` is the slug that it was made from, None for one made from a snapshot; `address` is the public
    IPv4 address, None as long as it has none; `disk` is in GiB; `created` is ISO 8601."""

    id: int
    name: str
    status: str
    size: str
    disk: int
    region: str
    image: str | None
    address: str | None
    tags: frozenset[str]
    volumes: frozenset[str]
    features: frozenset[str]
    created: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Droplet:
        public = [net for net in value["networks"].get("v4") or [] if net.get("type") == "public"]
        return cls(
            id=value["id"],
            name=value["name"],
            status=value["status"],
            size=value["size_slug"],
            disk=value["disk"],
            region=value["region"]["slug"],
            image=value["image"].get("slug"),
            address=public[0]["ip_address"] if public else None,
            tags=frozenset(value["tags"]),
            volumes=frozenset(value["volume_ids"]),
            features=frozenset(value["features"]),
            created=value["created_at"],
        )


@dataclass(frozen=True)
class Volume:
    """`droplets` are the ids of those that it is attached to: at most one."""

    id: str
    name: str
    region: str
    gigabytes: int
    droplets: tuple[int, ...]
    tags: frozenset[str]
    created: str

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Volume:
        return cls(
            value["id"],
            value["name"],
            value["region"]["slug"],
            value["size_gigabytes"],
            tuple(value["droplet_ids"] or ()),
            frozenset(value.get("tags") or ()),
            value["created_at"],
        )


@dataclass(frozen=True)
class Snapshot:
    """Of a volume or a droplet (`kind`), `source` being its id; `gigabytes` is what is billed, `smallest` the
    size in GiB of the smallest volume or disk that it can be put on."""

    id: str
    name: str
    kind: str
    source: str
    gigabytes: float
    smallest: int
    regions: tuple[str, ...]
    created: str
    tags: frozenset[str]

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Snapshot:
        return cls(
            str(value["id"]),
            value["name"],
            value["resource_type"],
            str(value["resource_id"]),
            value["size_gigabytes"],
            value["min_disk_size"],
            tuple(value["regions"]),
            value["created_at"],
            frozenset(value.get("tags") or ()),
        )


@dataclass(frozen=True)
class Firewall:
    """`rules` are in one form that can be compared: see `cloud.firewall`."""

    id: str
    name: str
    tags: frozenset[str]
    rules: frozenset[tuple]


@dataclass(frozen=True)
class ReservedIp:
    """An address of the account's own; `droplet` is the id of the one that it leads to, None for nowhere."""

    address: str
    region: str
    droplet: int | None

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> ReservedIp:
        droplet = value.get("droplet") or {}
        return cls(value["ip"], value["region"]["slug"], droplet.get("id"))


@dataclass(frozen=True)
class Record:
    """An A record: `name` is relative to the domain, "@" for the domain itself; `ttl` in seconds."""

    id: int
    domain: str
    name: str
    address: str
    ttl: int

    @classmethod
    def read(cls, domain: str, value: Mapping[str, Any]) -> Record:
        return cls(value["id"], domain, value["name"], value["data"], value["ttl"])


@dataclass(frozen=True)
class Project:
    """`resources` are uniform resource names, such as "do:droplet:123"."""

    id: str
    name: str
    resources: frozenset[str]


@dataclass(frozen=True)
class Wanted:
    """What the settings and secrets come to. `size` is the one for this hour of the timetable; `gigabytes` of
    the volume, None without one; `domain` is the hub's whole host name. `public_key` is the deploy key's."""

    names: Names
    name: str
    size: str
    region: str
    image: str
    backups: str
    gigabytes: int | None
    reserved_ip: bool
    domain: str | None
    project: str | None
    public_key: str
    first_key: str
    user_data: str = field(repr=False)


@dataclass(frozen=True)
class Seen:
    """What there is in the account now. `zone` is the domain of the account that the hub's name is in, with
    the records of that name; `creating` tells that an earlier run began to make a droplet; `remembered` are
    those of the addresses that a tag knows as the course's."""

    status: str
    status_message: str
    droplet_limit: int
    sizes: Mapping[str, Size]
    key: bool
    tag: bool
    creating: bool
    archived: bool
    droplets: tuple[Droplet, ...]
    backups: str
    volumes: tuple[Volume, ...]
    snapshots: tuple[Snapshot, ...]
    firewalls: tuple[Firewall, ...]
    addresses: tuple[ReservedIp, ...]
    remembered: frozenset[str]
    zone: str | None
    records: tuple[Record, ...]
    project: Project | None

    @property
    def droplet(self) -> Droplet | None:
        return self.droplets[0] if self.droplets else None

    @property
    def volume(self) -> Volume | None:
        return self.volumes[0] if self.volumes else None

    @property
    def reserved_ip(self) -> ReservedIp | None:
        """The course's reserved address: the one that leads to its droplet, else the one that is remembered
        from the droplet before."""
        here = [ip for ip in self.addresses if self.droplet and ip.droplet == self.droplet.id]
        before = [ip for ip in self.addresses if ip.droplet is None and ip.address in self.remembered]
        return next(iter([*here, *before]), None)

    def latest_archive(self, kind: str) -> Snapshot | None:
        """The newest snapshot of the course's "volume" or "droplet"."""
        found = [snapshot for snapshot in self.snapshots if snapshot.kind == kind]
        return max(found, key=lambda snapshot: snapshot.created, default=None)

    @property
    def address(self) -> str | None:
        """Where the hub is reached; None as long as there is nothing."""
        if self.droplet is None:
            return None
        ip = self.reserved_ip
        return ip.address if ip and ip.droplet == self.droplet.id else self.droplet.address
