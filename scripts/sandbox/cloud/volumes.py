"""Volumes and their snapshots."""

from __future__ import annotations

import re
import uuid

from sandbox.cloud import actions, catalogue, snapshots, tags
from sandbox.cloud.core import Answer, Call, Cloud, Route, found, page
from sandbox.cloud.droplet_request import tags_of
from sandbox.cloud.errors import conflict, not_found, unprocessable
from sandbox.cloud.projects import assign_to_default, forget, urn
from sandbox.cloud.state import Record, now

NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
LARGEST = 16_384  # GiB
FILE_SYSTEMS = ("", "ext4", "xfs")
SHOWN = (
    "id",
    "name",
    "description",
    "size_gigabytes",
    "created_at",
    "tags",
    "droplet_ids",
    "filesystem_type",
    "filesystem_label",
)


def subject(volume: Record) -> str:
    """How actions name it."""
    return f"volume:{volume['id']}"


def view(volume: Record) -> Record:
    """A volume as the API shows it."""
    return {**{name: volume[name] for name in SHOWN}, "region": catalogue.region(volume["region"])}


def list_volumes(call: Call) -> Answer:
    """All volumes, those of a name, those in a region."""
    name, region = call.query.get("name"), call.query.get("region")
    wanted = [
        entry
        for entry in call.state.volumes.values()
        if name in (None, entry["name"]) and region in (None, entry["region"])
    ]
    for entry in wanted:
        actions.look(call.cloud, subject(entry))
    return page(call, "volumes", map(view, wanted))


def create_volume(call: Call) -> Answer:
    """A volume, unformatted or from a snapshot; the file system that is asked for is only noted down."""
    volume = _wanted(call)
    call.cloud.backend.create_volume(volume["id"], volume["size_gigabytes"], call.body.get("snapshot_id"))
    call.state.volumes[volume["id"]] = volume
    tags.ensure(call.state, volume["tags"])
    assign_to_default(call.state, urn("volume", volume["id"]))
    return Answer(201, {"volume": view(volume)})


def _wanted(call: Call) -> Record:
    body, name = call.body, call.text("name")
    region, size = _place_and_size(call)
    if not NAME.fullmatch(name):
        raise unprocessable("name must be lowercase letters, digits and dashes, and begin with a letter")
    if any((entry["name"], entry["region"]) == (name, region) for entry in call.state.volumes.values()):
        raise conflict("volume with this name already exists in this region")
    if body.get("filesystem_type", "") not in FILE_SYSTEMS:
        raise unprocessable("filesystem_type must be ext4 or xfs")
    return {
        "id": str(uuid.uuid4()),
        "name": name,
        "description": body.get("description", ""),
        "region": region,
        "size_gigabytes": size,
        "created_at": now(),
        "tags": tags_of(body),
        "droplet_ids": [],
        "filesystem_type": body.get("filesystem_type", ""),
        "filesystem_label": body.get("filesystem_label", ""),
    }


def _place_and_size(call: Call) -> tuple[str, int]:
    """Region and GiB, which a snapshot may decide."""
    body = call.body
    region, size = body.get("region"), body.get("size_gigabytes")
    if snapshot_id := body.get("snapshot_id"):
        snapshot = found(call.state.snapshots, snapshot_id)
        region = region or snapshot["regions"][0]
        size = size or snapshot["min_disk_size"]
        if region not in snapshot["regions"] or size < snapshot["min_disk_size"]:
            raise unprocessable("the snapshot needs its own region, and at least its own size")
    shown = catalogue.region(str(region))
    if shown is None or not shown["available"]:
        raise unprocessable("invalid region")
    if not isinstance(size, int) or not 1 <= size <= LARGEST:
        raise unprocessable(f"size_gigabytes must be from 1 to {LARGEST}")
    return shown["slug"], size


def get_volume(call: Call) -> Answer:
    """One volume."""
    volume = found(call.state.volumes, call.parameters["volume"])
    actions.look(call.cloud, subject(volume))
    return Answer(200, {"volume": view(volume)})


def _delete(cloud: Cloud, volume: Record) -> None:
    actions.ensure_idle(cloud, [subject(volume)])
    if volume["droplet_ids"]:
        raise conflict("attached volume cannot be deleted")
    cloud.backend.delete_volume(volume["id"])
    del cloud.state.volumes[volume["id"]]
    forget(cloud.state, urn("volume", volume["id"]))


def delete_volume(call: Call) -> Answer:
    """Delete a volume that is not attached."""
    _delete(call.cloud, found(call.state.volumes, call.parameters["volume"]))
    return Answer(204)


def named(call: Call, name: str | None, region: str | None) -> Record:
    """The volume of this name in this region. Raises ApiError (404)."""
    for volume in call.state.volumes.values():
        if volume["name"] == name and region in (None, volume["region"]):
            return volume
    raise not_found()


def delete_named(call: Call) -> Answer:
    """Delete the volume of a name in a region."""
    _delete(call.cloud, named(call, call.query.get("name"), call.query.get("region")))
    return Answer(204)


def list_volume_snapshots(call: Call) -> Answer:
    """The snapshots of one volume."""
    volume = found(call.state.volumes, call.parameters["volume"])
    return page(call, "snapshots", map(snapshots.view, snapshots.of(call.cloud, "volume", volume["id"])))


def create_snapshot(call: Call) -> Answer:
    """A copy of a volume as it is now."""
    volume = found(call.state.volumes, call.parameters["volume"])
    actions.ensure_idle(call.cloud, [subject(volume)])
    name, identifier, labels = call.text("name"), str(uuid.uuid4()), tags_of(call.body)
    if any(entry["name"] == name for entry in snapshots.of(call.cloud, "volume", volume["id"])):
        raise conflict("snapshot with this name already exists")
    size = call.cloud.backend.snapshot_volume(volume["id"], identifier)
    tags.ensure(call.state, labels)
    snapshot = snapshots.record(call.cloud, identifier, name, volume, "volume", size, labels)
    return Answer(201, {"snapshot": snapshots.view(snapshot)})


def _volume_snapshot(call: Call) -> Record:
    snapshot = found(call.state.snapshots, call.parameters["snapshot"])
    if snapshot["resource_type"] != "volume":
        raise not_found()
    return snapshot


def get_snapshot(call: Call) -> Answer:
    """One volume's snapshot."""
    return Answer(200, {"snapshot": snapshots.view(_volume_snapshot(call))})


def delete_snapshot(call: Call) -> Answer:
    """Delete one volume's snapshot."""
    snapshots.delete_record(call.cloud, _volume_snapshot(call))
    return Answer(204)


SNAPSHOT = "/v2/volumes/snapshots/{snapshot}"
ROUTES = (
    Route("GET", SNAPSHOT, "block_storage_snapshot:read", get_snapshot),
    Route("DELETE", SNAPSHOT, "block_storage_snapshot:delete", delete_snapshot),
    Route("GET", "/v2/volumes/{volume}/snapshots", "block_storage_snapshot:read", list_volume_snapshots),
    Route("POST", "/v2/volumes/{volume}/snapshots", "block_storage_snapshot:create", create_snapshot),
    Route("GET", "/v2/volumes", "block_storage:read", list_volumes),
    Route("POST", "/v2/volumes", "block_storage:create", create_volume),
    Route("DELETE", "/v2/volumes", "block_storage:delete", delete_named),
    Route("GET", "/v2/volumes/{volume}", "block_storage:read", get_volume),
    Route("DELETE", "/v2/volumes/{volume}", "block_storage:delete", delete_volume),
)
