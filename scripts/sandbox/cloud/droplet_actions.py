"""Actions on droplets: power, size, system disk, snapshots, backups, name.

Each is a row of `ACTIONS`: what may refuse it, and which arguments its two halves are given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.cloud import actions, catalogue, snapshots
from sandbox.cloud.backups import policy
from sandbox.cloud.core import Answer, Call, Cloud, Kind, Route, found, page
from sandbox.cloud.droplet_request import NAME, image_for, size_in
from sandbox.cloud.droplets import image_name, subject
from sandbox.cloud.errors import unprocessable
from sandbox.cloud.state import Record

Arguments = Mapping[str, Any]


def _must_be(status: str) -> Callable[[Call, Record], Arguments]:
    def check(call: Call, droplet: Record) -> Arguments:
        if droplet["status"] != status:
            told = "off. Please power it on" if status == "active" else "on. Please power it off"
            raise unprocessable(f"Droplet is currently {told} to run this event.")
        return {}

    return check


def _anything(call: Call, droplet: Record) -> Arguments:
    return {}


def _resize_arguments(call: Call, droplet: Record) -> Arguments:
    call.need("droplet:create")
    size = size_in(call.text("size"), droplet["region"])
    _must_be("off")(call, droplet)
    if size["slug"] == droplet["size_slug"]:
        raise unprocessable("Droplet is already this size")
    if size["disk"] < droplet["disk"]:
        raise unprocessable("This size is not available because it has a smaller disk.")
    return {"size": size["slug"], "disk": bool(call.body.get("disk", False))}


def _rebuild_arguments(call: Call, droplet: Record) -> Arguments:
    wanted = call.body.get("image", droplet["image"]["id"])
    return {"image": image_for(call.state, wanted, droplet["disk"], droplet["region"])}


def _snapshot_arguments(call: Call, droplet: Record) -> Arguments:
    call.need("image:create")
    name = call.body.get("name") or f"{droplet['name']}-snapshot"
    return {"name": name, "snapshot_id": str(call.state.next_id())}


def _backup_arguments(call: Call, droplet: Record) -> Arguments:
    changing = call.text("type") == "change_backup_policy"
    if changing and droplet["backup_policy"] is None:
        raise unprocessable("Backups are not enabled for this Droplet")
    if changing and not call.body.get("backup_policy"):
        raise unprocessable("backup_policy is required")
    return {"policy": policy(call.body.get("backup_policy"))}


def _rename_arguments(call: Call, droplet: Record) -> Arguments:
    name = call.text("name")
    if not NAME.fullmatch(name):
        raise unprocessable("Only valid hostname characters are allowed. (a-z, A-Z, 0-9, . and -)")
    return {"name": name}


def _power_on(cloud: Cloud, arguments: Arguments) -> None:
    cloud.backend.start(arguments["droplet_id"])


def _shutdown(cloud: Cloud, arguments: Arguments) -> None:
    if not cloud.behaviour.ignores_shutdown:
        cloud.backend.shutdown(arguments["droplet_id"])


def _power_off(cloud: Cloud, arguments: Arguments) -> None:
    cloud.backend.stop(arguments["droplet_id"])


def _power_cycle(cloud: Cloud, arguments: Arguments) -> None:
    cloud.backend.stop(arguments["droplet_id"])
    cloud.backend.start(arguments["droplet_id"])


def _reboot(cloud: Cloud, arguments: Arguments) -> None:
    cloud.backend.reboot(arguments["droplet_id"])


def _resize(cloud: Cloud, arguments: Arguments) -> None:
    size = catalogue.SIZES_SHOWN[arguments["size"]]
    disk = catalogue.disk_bytes(size) if arguments["disk"] else None
    cloud.backend.resize(arguments["droplet_id"], catalogue.memory_bytes(size), size["vcpus"], disk)


def _rebuild(cloud: Cloud, arguments: Arguments) -> None:
    cloud.backend.rebuild(arguments["droplet_id"], image_name(arguments["image"]))


def _snapshot(cloud: Cloud, arguments: Arguments) -> int:
    return cloud.backend.snapshot(arguments["droplet_id"], arguments["snapshot_id"])


def _nothing(cloud: Cloud, arguments: Arguments) -> None:
    """The machine need not know."""


def _droplet(cloud: Cloud, arguments: Arguments) -> Record:
    return cloud.state.droplets[str(arguments["droplet_id"])]


def _is_on(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    _droplet(cloud, arguments)["status"] = "active"


def _is_off(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    _droplet(cloud, arguments)["status"] = "off"


def _was_shut_down(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    if not cloud.behaviour.ignores_shutdown:
        _droplet(cloud, arguments)["status"] = "off"


def _resized(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    size = catalogue.SIZES_SHOWN[arguments["size"]]
    droplet = _droplet(cloud, arguments)
    droplet |= {"size_slug": size["slug"], "memory": size["memory"], "vcpus": size["vcpus"]}
    if arguments["disk"]:
        droplet["disk"] = size["disk"]


def _rebuilt(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    _droplet(cloud, arguments).update(image=arguments["image"], status="active")


def _snapshot_taken(cloud: Cloud, arguments: Arguments, size: int) -> None:
    droplet = _droplet(cloud, arguments)
    snapshots.record(cloud, arguments["snapshot_id"], arguments["name"], droplet, "droplet", size)
    droplet["snapshot_ids"].append(int(arguments["snapshot_id"]))


def _policy_set(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    _droplet(cloud, arguments)["backup_policy"] = arguments["policy"]


def _backups_ended(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    _droplet(cloud, arguments)["backup_policy"] = None


def _renamed(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    _droplet(cloud, arguments)["name"] = arguments["name"]


def _unchanged(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    """The records stay as they are."""


@dataclass(frozen=True)
class DropletAction:
    """`arguments` reads the body, and raises ApiError where the action is refused."""

    arguments: Callable[[Call, Record], Arguments]
    perform: Callable[[Cloud, Arguments], Any]
    apply: Callable[[Cloud, Arguments, Any], None]


ACTIONS = {
    "power_on": DropletAction(_must_be("off"), _power_on, _is_on),
    "shutdown": DropletAction(_must_be("active"), _shutdown, _was_shut_down),
    "power_off": DropletAction(_must_be("active"), _power_off, _is_off),
    "power_cycle": DropletAction(_anything, _power_cycle, _is_on),
    "reboot": DropletAction(_must_be("active"), _reboot, _unchanged),
    "resize": DropletAction(_resize_arguments, _resize, _resized),
    "rebuild": DropletAction(_rebuild_arguments, _rebuild, _rebuilt),
    "snapshot": DropletAction(_snapshot_arguments, _snapshot, _snapshot_taken),
    "enable_backups": DropletAction(_backup_arguments, _nothing, _policy_set),
    "change_backup_policy": DropletAction(_backup_arguments, _nothing, _policy_set),
    "disable_backups": DropletAction(_anything, _nothing, _backups_ended),
    "rename": DropletAction(_rename_arguments, _nothing, _renamed),
}


def post_action(call: Call) -> Answer:
    """Begin an action, unless the droplet is at work."""
    droplet = found(call.state.droplets, call.parameters["droplet"])
    kind = call.text("type")
    if kind not in ACTIONS:
        raise unprocessable(f"{kind} is not an action that can be run here")
    actions.ensure_idle(call.cloud, [subject(droplet)])
    arguments = ACTIONS[kind].arguments(call, droplet)
    shown = actions.begin(
        call.cloud,
        kind,
        [subject(droplet)],
        resource=("droplet", droplet["id"]),
        region=droplet["region"],
        arguments={**arguments, "droplet_id": droplet["id"]},
    )
    return Answer(201, {"action": shown})


def list_actions(call: Call) -> Answer:
    """A droplet's actions, the newest first."""
    droplet = found(call.state.droplets, call.parameters["droplet"])
    return page(call, "actions", actions.of(call.cloud, subject(droplet)))


def get_action(call: Call) -> Answer:
    """One of a droplet's actions."""
    droplet = found(call.state.droplets, call.parameters["droplet"])
    return actions.one_of(call.cloud, subject(droplet), call.parameters["action"])


ROUTES = (
    Route("POST", "/v2/droplets/{droplet}/actions", "droplet:update", post_action),
    Route("GET", "/v2/droplets/{droplet}/actions", "droplet:read", list_actions),
    Route("GET", "/v2/droplets/{droplet}/actions/{action}", "droplet:read", get_action),
)
KINDS = {name: Kind(entry.perform, entry.apply) for name, entry in ACTIONS.items()}
