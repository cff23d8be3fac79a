"""Regions, sizes, and images: the distributions' and the account's own snapshots."""

from __future__ import annotations

from sandbox.cloud import catalogue
from sandbox.cloud.core import Answer, Call, Route, page
from sandbox.cloud.errors import not_found
from sandbox.cloud.snapshots import delete_record
from sandbox.cloud.state import Record, State


def list_regions(call: Call) -> Answer:
    """All regions, those that take no new droplets as well."""
    return page(call, "regions", catalogue.REGIONS_SHOWN.values())


def list_sizes(call: Call) -> Answer:
    """All sizes with their prices."""
    return page(call, "sizes", catalogue.SIZES_SHOWN.values())


def snapshot_image(snapshot: Record) -> Record:
    """A droplet's snapshot as an image, whose id is the same."""
    return {
        "id": int(snapshot["id"]),
        "name": snapshot["name"],
        "type": "snapshot",
        "distribution": snapshot["distribution"],
        "slug": None,
        "public": False,
        "regions": snapshot["regions"],
        "created_at": snapshot["created_at"],
        "min_disk_size": snapshot["min_disk_size"],
        "size_gigabytes": snapshot["size_gigabytes"],
        "description": "",
        "tags": snapshot["tags"],
        "status": "available",
    }


def image(state: State, identifier: object) -> Record | None:
    """An image by its slug or its id; None if there is none."""
    for entry in _all_images(state):
        if str(identifier) in (str(entry["id"]), entry["slug"]):
            return entry
    return None


def _all_images(state: State) -> list[Record]:
    return [*catalogue.IMAGES_SHOWN.values(), *_private_images(state)]


def _private_images(state: State) -> list[Record]:
    return [
        snapshot_image(entry) for entry in state.snapshots.values() if entry["resource_type"] == "droplet"
    ]


def list_images(call: Call) -> Answer:
    """Images; `type=distribution`, `private=true` and `tag_name` leave the others out."""
    images = _all_images(call.state)
    if call.query.get("private", "").lower() == "true":
        images = _private_images(call.state)
    elif call.query.get("type") == "distribution":
        images = list(catalogue.IMAGES_SHOWN.values())
    elif call.query.get("type") == "application":
        images = []
    if tag := call.query.get("tag_name"):
        images = [entry for entry in images if tag in entry["tags"]]
    return page(call, "images", images)


def get_image(call: Call) -> Answer:
    """One image."""
    if entry := image(call.state, call.parameters["image"]):
        return Answer(200, {"image": entry})
    raise not_found()


def delete_image(call: Call) -> Answer:
    """Delete one of the account's own."""
    snapshot = call.state.snapshots.get(call.parameters["image"])
    if snapshot is None or snapshot["resource_type"] != "droplet":
        raise not_found()
    delete_record(call.cloud, snapshot)
    return Answer(204)


ROUTES = (
    Route("GET", "/v2/regions", "regions:read", list_regions),
    Route("GET", "/v2/sizes", "sizes:read", list_sizes),
    Route("GET", "/v2/images", "image:read", list_images),
    Route("GET", "/v2/images/{image}", "image:read", get_image),
    Route("DELETE", "/v2/images/{image}", "image:delete", delete_image),
)
