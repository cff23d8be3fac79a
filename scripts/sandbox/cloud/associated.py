"""What a droplet leaves behind when it is destroyed, and what each of it costs a month."""

from __future__ import annotations

from sandbox.cloud import snapshots
from sandbox.cloud.core import Answer, Call, Route, found
from sandbox.cloud.state import Record

VOLUME_PRICE = 0.10  # dollars per GiB and month
SNAPSHOT_PRICE = 0.06  # dollars per GB and month
RESERVED_IP_PRICE = 5.00  # dollars a month, once it leads nowhere


def _entry(identifier: object, name: str, cost: float) -> Record:
    return {"id": str(identifier), "name": name, "cost": f"{cost:.2f}"}


def _snapshots(entries: list[Record]) -> list[Record]:
    return [_entry(entry["id"], entry["name"], entry["size_gigabytes"] * SNAPSHOT_PRICE) for entry in entries]


def list_associated(call: Call) -> Answer:
    """All that belongs to one droplet, and outlives it."""
    droplet = found(call.state.droplets, call.parameters["droplet"])
    volumes = [call.state.volumes[identifier] for identifier in droplet["volume_ids"]]
    of_volumes = [entry for volume in volumes for entry in snapshots.of(call.cloud, "volume", volume["id"])]
    addresses = [
        _entry(entry["ip"], entry["ip"], RESERVED_IP_PRICE)
        for entry in call.state.reserved_ips.values()
        if entry["droplet_id"] == droplet["id"]
    ]
    body = {
        "reserved_ips": addresses,
        "floating_ips": addresses,
        "snapshots": _snapshots(snapshots.of(call.cloud, "droplet", droplet["id"])),
        "volumes": [
            _entry(volume["id"], volume["name"], volume["size_gigabytes"] * VOLUME_PRICE)
            for volume in volumes
        ],
        "volume_snapshots": _snapshots(of_volumes),
    }
    return Answer(200, body)


PATH = "/v2/droplets/{droplet}/destroy_with_associated_resources"
ROUTES = (Route("GET", PATH, "droplet:read", list_associated),)
