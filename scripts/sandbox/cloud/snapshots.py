"""Snapshots of droplets and of volumes, which outlive what they were taken of."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.cloud.core import Answer, Call, Cloud, Route, found, page
from sandbox.cloud.state import Record, now

GIGABYTE = 10**9
SHOWN = (
    "id",
    "name",
    "created_at",
    "regions",
    "min_disk_size",
    "size_gigabytes",
    "resource_id",
    "resource_type",
    "tags",
)


def record(
    cloud: Cloud,
    identifier: str,
    name: str,
    source: Record,
    resource_type: str,
    size: int,
    tags: Sequence[str] = (),
) -> Record:
    """Remember a snapshot of `source`, a droplet or a volume, that takes `size` bytes."""
    droplet = resource_type == "droplet"
    cloud.state.snapshots[identifier] = {
        "id": identifier,
        "name": name,
        "created_at": now(),
        "regions": [source["region"]],
        "min_disk_size": source["disk"] if droplet else source["size_gigabytes"],
        "size_gigabytes": round(size / GIGABYTE, 2),
        "resource_id": str(source["id"]),
        "resource_type": resource_type,
        "tags": list(tags),
        "distribution": source["image"]["distribution"] if droplet else "",
    }
    return cloud.state.snapshots[identifier]


def view(snapshot: Record) -> Record:
    """A snapshot as the API shows it."""
    return {name: snapshot[name] for name in SHOWN}


def delete_record(cloud: Cloud, snapshot: Record) -> None:
    """Delete a snapshot and what it holds."""
    droplet = snapshot["resource_type"] == "droplet"
    delete = cloud.backend.delete_snapshot if droplet else cloud.backend.delete_volume_snapshot
    delete(snapshot["id"])
    del cloud.state.snapshots[snapshot["id"]]
    for entry in cloud.state.droplets.values():
        entry["snapshot_ids"] = [item for item in entry["snapshot_ids"] if str(item) != snapshot["id"]]


def of(cloud: Cloud, resource_type: str, resource_id: object) -> list[Record]:
    """The snapshots that were taken of a droplet or a volume."""
    return [
        entry
        for entry in cloud.state.snapshots.values()
        if (entry["resource_type"], entry["resource_id"]) == (resource_type, str(resource_id))
    ]


def list_snapshots(call: Call) -> Answer:
    """All snapshots; `resource_type` leaves the others out."""
    kind = call.query.get("resource_type")
    wanted = [entry for entry in call.state.snapshots.values() if kind in (None, entry["resource_type"])]
    return page(call, "snapshots", map(view, wanted))


def get_snapshot(call: Call) -> Answer:
    """One snapshot."""
    return Answer(200, {"snapshot": view(found(call.state.snapshots, call.parameters["snapshot"]))})


def delete_snapshot(call: Call) -> Answer:
    """Delete one snapshot."""
    delete_record(call.cloud, found(call.state.snapshots, call.parameters["snapshot"]))
    return Answer(204)


ROUTES = (
    Route("GET", "/v2/snapshots", "snapshot:read", list_snapshots),
    Route("GET", "/v2/snapshots/{snapshot}", "snapshot:read", get_snapshot),
    Route("DELETE", "/v2/snapshots/{snapshot}", "snapshot:delete", delete_snapshot),
)
