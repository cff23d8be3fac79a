"""Droplets: created, listed, shown, destroyed."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from coursehub.problems import Failure
from sandbox.cloud import actions, catalogue, firewalls, snapshots, tags
from sandbox.cloud.backend import DropletSpec, VolumeRef
from sandbox.cloud.backups import next_window
from sandbox.cloud.core import Answer, Call, Cloud, Kind, Route, found, page
from sandbox.cloud.droplet_request import read
from sandbox.cloud.errors import ApiError
from sandbox.cloud.projects import assign_to_default, forget, urn
from sandbox.cloud.state import Record, now

SHOWN = ("id", "name", "memory", "vcpus", "disk", "status", "created_at", "size_slug", "tags", "vpc_uuid")
LISTS = ("backup_ids", "snapshot_ids", "volume_ids")
NETMASK = "255.255.240.0"
PRIVATE_NETWORK = ipaddress.IPv4Network("10.114.0.0/20")


def subject(droplet: Record) -> str:
    """How actions name it."""
    return f"droplet:{droplet['id']}"


def create_droplet(call: Call) -> Answer:
    """One droplet, or several with `names`. Names may repeat: nobody minds."""
    names, common = read(call)
    droplets = [_remember(call.cloud, name, common) for name in names]
    shown = [view(entry) for entry in droplets]
    begun = [_begin_creation(call.cloud, entry) for entry in droplets]
    links = {"actions": [_action_link(call.cloud, action, "create") for action in begun]}
    body = {"droplets": shown} if "names" in call.body else {"droplet": shown[0]}
    return Answer(202, {**body, "links": links})


def _action_link(cloud: Cloud, action: Record, relation: str) -> Record:
    return {"id": action["id"], "rel": relation, "href": f"{cloud.url}/v2/actions/{action['id']}"}


def _remember(cloud: Cloud, name: str, common: Mapping[str, Any]) -> Record:
    droplet: Record = {
        **common,
        "id": cloud.state.next_id(),
        "name": name,
        "status": "new",
        "created_at": now(),
        "vpc_uuid": common["vpc_uuid"] or str(uuid.uuid4()),
        "backup_ids": [],
        "snapshot_ids": [],
        "address": None,
        "hidden": cloud.behaviour.lag,
        "address_looks": cloud.behaviour.address_delay,
        "inbound": None,
    }
    cloud.state.droplets[str(droplet["id"])] = droplet
    for identifier in droplet["volume_ids"]:
        cloud.state.volumes[identifier]["droplet_ids"] = [droplet["id"]]
    tags.ensure(cloud.state, droplet["tags"])
    assign_to_default(cloud.state, urn("droplet", droplet["id"]))
    return droplet


def _begin_creation(cloud: Cloud, droplet: Record) -> Record:
    return actions.begin(
        cloud,
        "create",
        [subject(droplet), *(f"volume:{identifier}" for identifier in droplet["volume_ids"])],
        resource=("droplet", droplet["id"]),
        region=droplet["region"],
        arguments={"droplet_id": droplet["id"]},
    )


def _create(cloud: Cloud, arguments: Mapping[str, Any]) -> str:
    with cloud.store.lock:
        spec = _specification(cloud, cloud.state.droplets[str(arguments["droplet_id"])])
    if arguments.get("again"):  # what a server left that was killed while the machine was being made
        with suppress(Failure):
            cloud.backend.destroy(spec.id)
    return cloud.backend.create(spec)


def _specification(cloud: Cloud, droplet: Record) -> DropletSpec:
    volumes = (cloud.state.volumes[identifier] for identifier in droplet["volume_ids"])
    return DropletSpec(
        id=droplet["id"],
        name=droplet["name"],
        memory=catalogue.memory_bytes(droplet),
        vcpus=droplet["vcpus"],
        disk=catalogue.disk_bytes(droplet),
        image=image_name(droplet["image"]),
        public_keys=tuple(droplet["public_keys"]),
        user_data=droplet["user_data"],
        volumes=tuple(VolumeRef(entry["id"], entry["name"]) for entry in volumes),
    )


def image_name(image: Record) -> str:
    """An image as the backend knows it: a distribution's slug, or a snapshot's id."""
    return image["slug"] or str(image["id"])


def _created(cloud: Cloud, arguments: Mapping[str, Any], address: str) -> None:
    droplet = cloud.state.droplets[str(arguments["droplet_id"])]
    droplet |= {"status": "active", "address": address}
    firewalls.enforce(cloud)


def view(droplet: Record) -> Record:
    """A droplet as the API shows it."""
    features = [name for name in ("monitoring",) if droplet[name]]
    if droplet["backup_policy"]:
        features.append("backups")
    return {
        **{name: droplet[name] for name in (*SHOWN, *LISTS)},
        "locked": droplet["status"] == "new",
        "kernel": None,
        "features": [*features, "droplet_agent", "private_networking"],
        "next_backup_window": next_window(droplet["backup_policy"]),
        "image": droplet["image"],
        "size": catalogue.size(droplet["size_slug"]),
        "region": catalogue.region(droplet["region"]),
        "networks": {"v4": _networks(droplet), "v6": []},
        "disk_info": [{"type": "local", "size": {"amount": droplet["disk"], "unit": "gib"}}],
    }


def _networks(droplet: Record) -> list[Record]:
    """The private network's address comes first, and earlier than the public one."""
    address = droplet["address"]
    if address is None:
        return []
    private = str(PRIVATE_NETWORK[droplet["id"] % PRIVATE_NETWORK.num_addresses])
    shown = {"private": private} if droplet["address_looks"] > 0 else {"private": private, "public": address}
    return [
        {"ip_address": entry, "netmask": NETMASK, "gateway": entry.rsplit(".", 1)[0] + ".1", "type": kind}
        for kind, entry in shown.items()
    ]


def _look(cloud: Cloud, droplet: Record) -> Record:
    actions.look(cloud, subject(droplet))
    shown = view(droplet)
    if droplet["status"] == "active" and droplet["address_looks"] > 0:
        droplet["address_looks"] -= 1
    return shown


def list_droplets(call: Call) -> Answer:
    """All droplets, or those with a tag, or those with a name; those too new to be listed left out."""
    tag, name = call.query.get("tag_name"), call.query.get("name")
    if tag and name:
        raise ApiError(400, "tag_name and name cannot be used together")
    shown = []
    for droplet in list(call.state.droplets.values()):
        if droplet["hidden"] > 0:
            droplet["hidden"] -= 1
        elif (not tag or tag in droplet["tags"]) and name in (None, droplet["name"]):
            shown.append(_look(call.cloud, droplet))
    # One that is being destroyed may have gone while it was looked at.
    present = call.state.droplets
    return page(call, "droplets", [entry for entry in shown if str(entry["id"]) in present])


def get_droplet(call: Call) -> Answer:
    """One droplet."""
    droplet = found(call.state.droplets, call.parameters["droplet"])
    shown = _look(call.cloud, droplet)
    found(call.state.droplets, droplet["id"])
    return Answer(200, {"droplet": shown})


def destroy_droplet(call: Call) -> Answer:
    """Destroy one droplet."""
    _begin_destruction(call.cloud, found(call.state.droplets, call.parameters["droplet"]))
    return Answer(204)


def destroy_tagged(call: Call) -> Answer:
    """Destroy all droplets that have a tag."""
    tag = call.query.get("tag_name")
    if not tag:
        raise ApiError(422, "tag_name is required")
    for droplet in [entry for entry in call.state.droplets.values() if tag in entry["tags"]]:
        _begin_destruction(call.cloud, droplet)
    return Answer(204)


def _begin_destruction(cloud: Cloud, droplet: Record) -> None:
    actions.ensure_idle(cloud, [subject(droplet)])
    found(cloud.state.droplets, droplet["id"])  # its end may have come with that look
    droplet["status"] = "archive"
    actions.begin(
        cloud,
        "destroy",
        [subject(droplet)],
        resource=("droplet", droplet["id"]),
        region=droplet["region"],
        arguments={"droplet_id": droplet["id"]},
    )


def _destroy(cloud: Cloud, arguments: Mapping[str, Any]) -> None:
    with cloud.store.lock:
        was_made = cloud.state.droplets[str(arguments["droplet_id"])]["address"] is not None
    try:
        cloud.backend.destroy(arguments["droplet_id"])
    except Failure:
        if was_made:
            raise


def _destroyed(cloud: Cloud, arguments: Mapping[str, Any], _: Any) -> None:
    """The droplet goes; its address, its volumes and its snapshots stay, and cost."""
    droplet = cloud.state.droplets.pop(str(arguments["droplet_id"]))
    for volume in cloud.state.volumes.values():
        volume["droplet_ids"] = [item for item in volume["droplet_ids"] if item != droplet["id"]]
    for address, reserved in cloud.state.reserved_ips.items():
        if reserved["droplet_id"] == droplet["id"]:
            cloud.backend.assign_address(address, None)
            reserved["droplet_id"] = None
    for firewall in cloud.state.firewalls.values():
        firewall["droplet_ids"] = [item for item in firewall["droplet_ids"] if item != droplet["id"]]
    forget(cloud.state, urn("droplet", droplet["id"]))


def list_droplet_snapshots(call: Call) -> Answer:
    """The snapshots of one droplet, whose ids are numbers here."""
    droplet = found(call.state.droplets, call.parameters["droplet"])
    shown = [
        {**snapshots.view(entry), "id": int(entry["id"]), "type": "snapshot"}
        for entry in snapshots.of(call.cloud, "droplet", droplet["id"])
    ]
    return page(call, "snapshots", shown)


ROUTES = (
    Route("GET", "/v2/droplets", "droplet:read", list_droplets),
    Route("POST", "/v2/droplets", "droplet:create", create_droplet),
    Route("DELETE", "/v2/droplets", "droplet:delete", destroy_tagged),
    Route("GET", "/v2/droplets/{droplet}", "droplet:read", get_droplet),
    Route("DELETE", "/v2/droplets/{droplet}", "droplet:delete", destroy_droplet),
    Route("GET", "/v2/droplets/{droplet}/snapshots", "droplet:read", list_droplet_snapshots),
)
KINDS = {"create": Kind(_create, _created), "destroy": Kind(_destroy, _destroyed)}
