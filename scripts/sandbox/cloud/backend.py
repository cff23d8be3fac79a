"""What the API asks of the machines behind it. `paper.py` only keeps the books; others boot real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class VolumeRef:
    """A volume that is attached to a droplet: DigitalOcean's id of it, and its name."""

    id: str
    name: str


@dataclass(frozen=True)
class DropletSpec:
    """A droplet to be made. `memory` and `disk` are bytes; `image` is a distribution's slug or a snapshot's
    id; `public_keys` are lines as in authorized_keys."""

    id: int
    name: str
    memory: int
    vcpus: int
    disk: int
    image: str
    public_keys: tuple[str, ...]
    user_data: str = field(repr=False)
    volumes: tuple[VolumeRef, ...]


@dataclass(frozen=True)
class Rule:
    """What a cloud firewall lets in from anywhere: `protocol` is tcp, udp or icmp; `ports` is one port, a
    range such as 8000-9000, or 0 for all."""

    protocol: str
    ports: str


class Backend(Protocol):
    """The machines. Every call returns when its work is done, and raises coursehub.problems.Failure."""

    def create(self, droplet: DropletSpec) -> str:
        """Make and boot a droplet, its volumes attached; returns its public IPv4 address."""

    def start(self, droplet_id: int) -> None:
        """Switch it on."""

    def shutdown(self, droplet_id: int) -> None:
        """Ask it to end in an orderly way, and wait until it has."""

    def stop(self, droplet_id: int) -> None:
        """Cut its power at once."""

    def reboot(self, droplet_id: int) -> None:
        """End in an orderly way, and boot again."""

    def destroy(self, droplet_id: int) -> None:
        """Remove it and its system disk; its volumes, snapshots and reserved address stay."""

    def resize(self, droplet_id: int, memory: int, vcpus: int, disk: int | None) -> None:
        """Give a droplet that is off other limits: bytes, a count, and bytes, or None for the same disk."""

    def rebuild(self, droplet_id: int, image: str) -> None:
        """A fresh system disk from an image or a snapshot's id; the same address and user_data, and volumes
        stay attached."""

    def snapshot(self, droplet_id: int, snapshot_id: str) -> int:
        """Keep a copy of its system disk under this id; returns its size in bytes."""

    def delete_snapshot(self, snapshot_id: str) -> None:
        """Remove a copy of a system disk."""

    def create_volume(self, volume_id: str, gigabytes: int, snapshot_id: str | None) -> None:
        """Make a volume, unformatted, or with what a volume's snapshot holds."""

    def resize_volume(self, volume_id: str, gigabytes: int) -> None:
        """Make it larger; the file system in it stays as it is."""

    def delete_volume(self, volume_id: str) -> None:
        """Remove a volume that is not attached."""

    def snapshot_volume(self, volume_id: str, snapshot_id: str) -> int:
        """Keep a copy of a volume under this id; returns its size in bytes."""

    def delete_volume_snapshot(self, snapshot_id: str) -> None:
        """Remove a copy of a volume."""

    def attach(self, droplet_id: int, volume_id: str, name: str) -> None:
        """Let the droplet see the volume, as /dev/disk/by-id/scsi-0DO_Volume_NAME."""

    def detach(self, droplet_id: int, volume_id: str) -> None:
        """Take the volume away from the droplet."""

    def assign_address(self, address: str, droplet_id: int | None) -> None:
        """Lead a reserved address to a droplet; None: to none."""

    def reserve_address(self) -> str:
        """Take a reserved IPv4 address, which leads nowhere yet."""

    def release_address(self, address: str) -> None:
        """Give a reserved address back."""

    def set_firewall(self, droplet_id: int, inbound: tuple[Rule, ...] | None) -> None:
        """What may reach the droplet; None: no cloud firewall, all open."""

    def set_records(self, records: Mapping[str, str]) -> None:
        """All the names that the sandbox's name server knows: full name to IPv4 address."""
