"""Tags on droplets, volumes, images and volumes' snapshots."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.cloud import firewalls
from sandbox.cloud.core import Answer, Call, Route, found, page
from sandbox.cloud.droplet_request import TAG
from sandbox.cloud.errors import unprocessable
from sandbox.cloud.state import Record, State

# What a tag's resource is called, and which records it is one of.
KINDS = {
    "droplet": ("droplets", "droplets"),
    "volume": ("volumes", "volumes"),
    "image": ("images", "snapshots"),
    "volume_snapshot": ("volume_snapshots", "snapshots"),
}


def ensure(state: State, names: Iterable[str]) -> None:
    """Make the tags that are not there yet."""
    for name in names:
        state.tags.setdefault(name, {"name": name})


def tagged(state: State, name: str) -> dict[str, list[Record]]:
    """What has this tag, by kind."""
    by_kind: dict[str, list[Record]] = {"droplets": [], "images": [], "volumes": [], "volume_snapshots": []}
    by_kind["droplets"] = [entry for entry in state.droplets.values() if name in entry["tags"]]
    by_kind["volumes"] = [entry for entry in state.volumes.values() if name in entry["tags"]]
    for entry in state.snapshots.values():
        if name in entry["tags"]:
            by_kind["images" if entry["resource_type"] == "droplet" else "volume_snapshots"].append(entry)
    return by_kind


def view(call: Call, name: str) -> Record:
    """A tag as the API shows it."""
    resources: Record = {"count": 0}
    for kind, entries in tagged(call.state, name).items():
        resources[kind] = {"count": len(entries)}
        if entries:
            uri = f"{call.cloud.url}/v2/{kind}/{entries[-1]['id']}"
            resources[kind]["last_tagged_uri"] = resources["last_tagged_uri"] = uri
        resources["count"] += len(entries)
    return {"name": name, "resources": resources}


def list_tags(call: Call) -> Answer:
    """All tags."""
    return page(call, "tags", [view(call, name) for name in call.state.tags])


def create_tag(call: Call) -> Answer:
    """A tag; that it is there already is no mistake."""
    name = call.text("name")
    if not TAG.fullmatch(name):
        raise unprocessable("Tag names may contain letters, numbers, colons, dashes, and underscores")
    ensure(call.state, [name])
    return Answer(201, {"tag": view(call, name)})


def get_tag(call: Call) -> Answer:
    """One tag."""
    return Answer(200, {"tag": view(call, found(call.state.tags, call.parameters["tag"])["name"])})


def delete_tag(call: Call) -> Answer:
    """Take a tag from all that has it, firewalls as well."""
    name = found(call.state.tags, call.parameters["tag"])["name"]
    del call.state.tags[name]
    for records in (call.state.droplets, call.state.volumes, call.state.snapshots, call.state.firewalls):
        for entry in records.values():
            entry["tags"] = [tag for tag in entry["tags"] if tag != name]
    firewalls.enforce(call.cloud)
    return Answer(204)


def _resources(call: Call) -> list[Record]:
    entries = []
    for resource in call.body.get("resources") or []:
        kind = resource.get("resource_type")
        if kind not in KINDS:
            raise unprocessable(f"resource_type must be one of {', '.join(KINDS)}")
        entries.append(found(getattr(call.state, KINDS[kind][1]), resource.get("resource_id")))
    return entries


def assign(call: Call) -> Answer:
    """Give a tag to what the body names."""
    name = found(call.state.tags, call.parameters["tag"])["name"]
    for entry in _resources(call):
        if name not in entry["tags"]:
            entry["tags"].append(name)
    firewalls.enforce(call.cloud)
    return Answer(204)


def unassign(call: Call) -> Answer:
    """Take a tag from what the body names."""
    name = found(call.state.tags, call.parameters["tag"])["name"]
    for entry in _resources(call):
        entry["tags"] = [tag for tag in entry["tags"] if tag != name]
    firewalls.enforce(call.cloud)
    return Answer(204)


ROUTES = (
    Route("GET", "/v2/tags", "tag:read", list_tags),
    Route("POST", "/v2/tags", "tag:create", create_tag),
    Route("GET", "/v2/tags/{tag}", "tag:read", get_tag),
    Route("DELETE", "/v2/tags/{tag}", "tag:delete", delete_tag),
    Route("POST", "/v2/tags/{tag}/resources", "tag:create", assign),
    Route("DELETE", "/v2/tags/{tag}/resources", "tag:delete", unassign),
)
