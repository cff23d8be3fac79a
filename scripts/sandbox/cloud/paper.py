"""A backend that only keeps the books: no machines, and an answer at once. For fast tests."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from coursehub.problems import Failure
from sandbox.cloud.backend import DropletSpec, Rule

NETWORK = "203.0.113."
DROPLET_BYTES = 2_000_000_000
GIGABYTE = 10**9


@dataclass
class PaperDroplet:
    """What is known of a machine that is not there."""

    specification: DropletSpec
    address: str
    running: bool = True
    inbound: tuple[Rule, ...] | None = None
    volumes: dict[str, str] = field(default_factory=dict)


@dataclass
class PaperBackend:
    """The books. A name in `failing` makes the call of that name fail, as often as its number says."""

    droplets: dict[int, PaperDroplet] = field(default_factory=dict)
    volumes: dict[str, int] = field(default_factory=dict)
    snapshots: set[str] = field(default_factory=set)
    reserved: dict[str, int | None] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    failing: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    last_address: int = 1

    def __post_init__(self) -> None:
        self._lock = threading.RLock()

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if self.failing.get(name, 0) > 0:
            self.failing[name] -= 1
            raise Failure(f"{name} was told to fail")

    def _droplet(self, name: str, droplet_id: int) -> PaperDroplet:
        self._called(name)
        if droplet_id not in self.droplets:
            raise Failure(f"there is no droplet {droplet_id}")
        return self.droplets[droplet_id]

    def _address(self) -> str:
        with self._lock:
            self.last_address += 1
            return f"{NETWORK}{self.last_address}"

    def create(self, droplet: DropletSpec) -> str:
        self._called("create")
        made = PaperDroplet(droplet, self._address())
        made.volumes = {volume.id: volume.name for volume in droplet.volumes}
        self.droplets[droplet.id] = made
        return made.address

    def start(self, droplet_id: int) -> None:
        self._droplet("start", droplet_id).running = True

    def shutdown(self, droplet_id: int) -> None:
        self._droplet("shutdown", droplet_id).running = False

    def stop(self, droplet_id: int) -> None:
        self._droplet("stop", droplet_id).running = False

    def reboot(self, droplet_id: int) -> None:
        self._droplet("reboot", droplet_id).running = True

    def destroy(self, droplet_id: int) -> None:
        self._droplet("destroy", droplet_id)
        del self.droplets[droplet_id]

    def resize(self, droplet_id: int, memory: int, vcpus: int, disk: int | None) -> None:
        droplet = self._droplet("resize", droplet_id)
        if droplet.running:
            raise Failure(f"droplet {droplet_id} is on")

    def rebuild(self, droplet_id: int, image: str) -> None:
        self._droplet("rebuild", droplet_id).running = True

    def snapshot(self, droplet_id: int, snapshot_id: str) -> int:
        self._droplet("snapshot", droplet_id)
        self.snapshots.add(snapshot_id)
        return DROPLET_BYTES

    def delete_snapshot(self, snapshot_id: str) -> None:
        self._called("delete_snapshot")
        self.snapshots.remove(snapshot_id)

    def create_volume(self, volume_id: str, gigabytes: int, snapshot_id: str | None) -> None:
        self._called("create_volume")
        self.volumes[volume_id] = gigabytes

    def resize_volume(self, volume_id: str, gigabytes: int) -> None:
        self._called("resize_volume")
        self.volumes[volume_id] = gigabytes

    def delete_volume(self, volume_id: str) -> None:
        self._called("delete_volume")
        del self.volumes[volume_id]

    def snapshot_volume(self, volume_id: str, snapshot_id: str) -> int:
        self._called("snapshot_volume")
        self.snapshots.add(snapshot_id)
        return self.volumes[volume_id] * GIGABYTE

    def delete_volume_snapshot(self, snapshot_id: str) -> None:
        self._called("delete_volume_snapshot")
        self.snapshots.remove(snapshot_id)

    def attach(self, droplet_id: int, volume_id: str, name: str) -> None:
        self._droplet("attach", droplet_id).volumes[volume_id] = name

    def detach(self, droplet_id: int, volume_id: str) -> None:
        self._droplet("detach", droplet_id).volumes.pop(volume_id)

    def assign_address(self, address: str, droplet_id: int | None) -> None:
        self._called("assign_address")
        self.reserved[address] = droplet_id

    def reserve_address(self) -> str:
        self._called("reserve_address")
        address = self._address()
        self.reserved[address] = None
        return address

    def release_address(self, address: str) -> None:
        self._called("release_address")
        del self.reserved[address]

    def set_firewall(self, droplet_id: int, inbound: tuple[Rule, ...] | None) -> None:
        self._droplet("set_firewall", droplet_id).inbound = inbound

    def set_records(self, records: Mapping[str, str]) -> None:
        self._called("set_records")
        self.records = dict(records)
