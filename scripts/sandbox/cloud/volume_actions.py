"""Actions on volumes: attach, detach, resize."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox.cloud import actions, volumes
from sandbox.cloud.core import Answer, Call, Cloud, Kind, Route, found, page
from sandbox.cloud.errors import unprocessable
from sandbox.cloud.state import Record

Arguments = Mapping[str, Any]


def _droplet_id(call: Call) -> int:
    return found(call.state.droplets, call.body.get("droplet_id"))["id"]


def _attach_arguments(call: Call, volume: Record) -> Arguments:
    droplet = call.state.droplets[str(_droplet_id(call))]
    if volume["droplet_ids"]:
        raise unprocessable("volume is already attached to a droplet")
    if droplet["region"] != volume["region"]:
        raise unprocessable("volume is in another region than the droplet")
    return {"droplet_id": droplet["id"], "name": volume["name"]}


def _detach_arguments(call: Call, volume: Record) -> Arguments:
    droplet_id = _droplet_id(call)
    if droplet_id not in volume["droplet_ids"]:
        raise unprocessable("volume is not attached to this droplet")
    return {"droplet_id": droplet_id}


def _resize_arguments(call: Call, volume: Record) -> Arguments:
    size = call.body.get("size_gigabytes")
    if not isinstance(size, int) or not volume["size_gigabytes"] < size <= volumes.LARGEST:
        raise unprocessable(f"size_gigabytes must be more than now, and at most {volumes.LARGEST}")
    return {"size_gigabytes": size}


def _attach(cloud: Cloud, arguments: Arguments) -> None:
    cloud.backend.attach(arguments["droplet_id"], arguments["volume_id"], arguments["name"])


def _attached(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    volume, droplet = _records(cloud, arguments)
    volume["droplet_ids"] = [droplet["id"]]
    droplet["volume_ids"].append(volume["id"])


def _detach(cloud: Cloud, arguments: Arguments) -> None:
    cloud.backend.detach(arguments["droplet_id"], arguments["volume_id"])


def _detached(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    volume, droplet = _records(cloud, arguments)
    volume["droplet_ids"] = []
    droplet["volume_ids"] = [item for item in droplet["volume_ids"] if item != volume["id"]]


def _records(cloud: Cloud, arguments: Arguments) -> tuple[Record, Record]:
    return cloud.state.volumes[arguments["volume_id"]], cloud.state.droplets[str(arguments["droplet_id"])]


def _resize(cloud: Cloud, arguments: Arguments) -> None:
    cloud.backend.resize_volume(arguments["volume_id"], arguments["size_gigabytes"])


def _resized(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    cloud.state.volumes[arguments["volume_id"]]["size_gigabytes"] = arguments["size_gigabytes"]


# What the body calls it: what the action is called, and how its arguments are read.
ACTIONS: dict[str, tuple[str, Callable[[Call, Record], Arguments]]] = {
    "attach": ("attach_volume", _attach_arguments),
    "detach": ("detach_volume", _detach_arguments),
    "resize": ("resize_volume", _resize_arguments),
}


def _begin(call: Call, volume: Record) -> Answer:
    asked = call.text("type")
    if asked not in ACTIONS:
        raise unprocessable(f"type must be one of {', '.join(ACTIONS)}")
    kind, read = ACTIONS[asked]
    subjects = [volumes.subject(volume)]
    actions.ensure_idle(call.cloud, subjects)
    arguments = {**read(call, volume), "volume_id": volume["id"]}
    if "droplet_id" in arguments:
        subjects.append(f"droplet:{arguments['droplet_id']}")
    shown = actions.begin(
        call.cloud,
        kind,
        subjects,
        resource=("volume", None),
        region=volume["region"],
        arguments=arguments,
    )
    return Answer(202, {"action": shown})


def post_action(call: Call) -> Answer:
    """Begin an action on the volume of an id."""
    return _begin(call, found(call.state.volumes, call.parameters["volume"]))


def post_action_by_name(call: Call) -> Answer:
    """Begin an action on the volume of a name."""
    return _begin(call, volumes.named(call, call.text("volume_name"), call.body.get("region")))


def list_actions(call: Call) -> Answer:
    """A volume's actions, the newest first."""
    volume = found(call.state.volumes, call.parameters["volume"])
    return page(call, "actions", actions.of(call.cloud, volumes.subject(volume)))


def get_action(call: Call) -> Answer:
    """One of a volume's actions."""
    volume = found(call.state.volumes, call.parameters["volume"])
    return actions.one_of(call.cloud, volumes.subject(volume), call.parameters["action"])


SCOPE = "block_storage_action"
ROUTES = (
    Route("POST", "/v2/volumes/actions", f"{SCOPE}:create", post_action_by_name),
    Route("POST", "/v2/volumes/{volume}/actions", f"{SCOPE}:create", post_action),
    Route("GET", "/v2/volumes/{volume}/actions", f"{SCOPE}:read", list_actions),
    Route("GET", "/v2/volumes/{volume}/actions/{action}", f"{SCOPE}:read", get_action),
)
KINDS = {
    "attach_volume": Kind(_attach, _attached),
    "detach_volume": Kind(_detach, _detached),
    "resize_volume": Kind(_resize, _resized),
}
