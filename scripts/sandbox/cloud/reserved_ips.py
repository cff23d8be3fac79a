"""Reserved addresses, which outlive the droplets that they lead to."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.cloud import actions, catalogue
from sandbox.cloud.core import Answer, Call, Cloud, Kind, Route, found, page
from sandbox.cloud.droplet_request import region_of
from sandbox.cloud.droplets import view as droplet_view
from sandbox.cloud.errors import unprocessable
from sandbox.cloud.projects import DEFAULT, assign_to_default, forget, project_of, urn
from sandbox.cloud.state import Record

Arguments = Mapping[str, Any]


def subject(reserved: Record) -> str:
    """How actions name it."""
    return f"reserved_ip:{reserved['ip']}"


def view(cloud: Cloud, reserved: Record) -> Record:
    """An address as the API shows it, with the whole droplet that it leads to."""
    droplet = cloud.state.droplets.get(str(reserved["droplet_id"]))
    project = cloud.state.resources.get(urn("floatingip", reserved["ip"]))
    return {
        "ip": reserved["ip"],
        "region": catalogue.region(reserved["region"]),
        "droplet": droplet_view(droplet) if droplet else None,
        "locked": any(actions.in_progress(cloud, [subject(reserved)])),
        "project_id": (project or {}).get("project_id") or str(uuid.UUID(int=0)),
    }


def list_addresses(call: Call) -> Answer:
    """All addresses."""
    for reserved in call.state.reserved_ips.values():
        actions.look(call.cloud, subject(reserved))
    return page(call, "reserved_ips", [view(call.cloud, entry) for entry in call.state.reserved_ips.values()])


def create_address(call: Call) -> Answer:
    """An address for a droplet, assigned to it in the same call, or for a region."""
    if len(call.state.reserved_ips) >= call.state.account["floating_ip_limit"]:
        raise unprocessable("reserved IP limit reached")
    droplet = None
    if "droplet_id" in call.body:
        droplet = found(call.state.droplets, call.body["droplet_id"])
        _refuse_second(call.state.reserved_ips, droplet["id"])
        actions.ensure_idle(call.cloud, [f"droplet:{droplet['id']}"])
    region = droplet["region"] if droplet else region_of({"region": call.text("region")})
    project = project_of(call.state, call.body.get("project_id") or DEFAULT)
    address = call.cloud.backend.reserve_address()
    reserved: Record = {"ip": address, "region": region, "droplet_id": None}
    call.state.reserved_ips[address] = reserved
    assign_to_default(call.state, urn("floatingip", address))
    call.state.resources[urn("floatingip", address)]["project_id"] = project["id"]
    links = _assign_new(call, reserved, droplet) if droplet else {}
    return Answer(202, {"reserved_ip": view(call.cloud, reserved), "links": links})


def _assign_new(call: Call, reserved: Record, droplet: Record) -> Record:
    action = _begin(call.cloud, reserved, "assign_ip", droplet["id"])
    base = f"{call.cloud.url}/v2"
    return {
        "droplets": [{"id": droplet["id"], "rel": "droplet", "href": f"{base}/droplets/{droplet['id']}"}],
        "actions": [{"id": action["id"], "rel": "assign_ip", "href": f"{base}/actions/{action['id']}"}],
    }


def _refuse_second(reserved_ips: Mapping[str, Record], droplet_id: int) -> None:
    if any(entry["droplet_id"] == droplet_id for entry in reserved_ips.values()):
        raise unprocessable("The Droplet already has a reserved IP")


def _begin(cloud: Cloud, reserved: Record, kind: str, droplet_id: int | None) -> Record:
    subjects = [subject(reserved)]
    if droplet_id is not None:
        subjects.append(f"droplet:{droplet_id}")
    return actions.begin(
        cloud,
        kind,
        subjects,
        resource=("reserved_ip", int(ipaddress.IPv4Address(reserved["ip"]))),
        region=reserved["region"],
        arguments={"ip": reserved["ip"], "droplet_id": droplet_id},
    )


def _move(cloud: Cloud, arguments: Arguments) -> None:
    cloud.backend.assign_address(arguments["ip"], arguments["droplet_id"])


def _moved(cloud: Cloud, arguments: Arguments, _: Any) -> None:
    cloud.state.reserved_ips[arguments["ip"]]["droplet_id"] = arguments["droplet_id"]


def _address(call: Call) -> Record:
    return found(call.state.reserved_ips, call.parameters["address"])


def get_address(call: Call) -> Answer:
    """One address."""
    reserved = _address(call)
    actions.look(call.cloud, subject(reserved))
    return Answer(200, {"reserved_ip": view(call.cloud, reserved)})


def delete_address(call: Call) -> Answer:
    """Give an address back; it no longer leads to its droplet."""
    reserved = _address(call)
    actions.ensure_idle(call.cloud, [subject(reserved)])
    if reserved["droplet_id"] is not None:
        call.cloud.backend.assign_address(reserved["ip"], None)
    call.cloud.backend.release_address(reserved["ip"])
    del call.state.reserved_ips[reserved["ip"]]
    forget(call.state, urn("floatingip", reserved["ip"]))
    return Answer(204)


def post_action(call: Call) -> Answer:
    """Lead an address to a droplet, or to none."""
    reserved, kind = _address(call), call.text("type")
    actions.ensure_idle(call.cloud, [subject(reserved)])
    if kind == "assign":
        droplet = found(call.state.droplets, call.body.get("droplet_id"))
        if reserved["droplet_id"] != droplet["id"]:
            _refuse_second(call.state.reserved_ips, droplet["id"])
        shown = _begin(call.cloud, reserved, "assign_ip", droplet["id"])
    elif kind == "unassign":
        if reserved["droplet_id"] is None:
            raise unprocessable("The reserved IP is not assigned to a Droplet")
        shown = _begin(call.cloud, reserved, "unassign_ip", None)
    else:
        raise unprocessable("type must be assign or unassign")
    return Answer(201, {"action": shown})


def list_actions(call: Call) -> Answer:
    """An address's actions, the newest first."""
    return page(call, "actions", actions.of(call.cloud, subject(_address(call))))


def get_action(call: Call) -> Answer:
    """One of an address's actions."""
    return actions.one_of(call.cloud, subject(_address(call)), call.parameters["action"])


ADDRESS = "/v2/reserved_ips/{address}"
ROUTES = (
    Route("GET", "/v2/reserved_ips", "reserved_ip:read", list_addresses),
    Route("POST", "/v2/reserved_ips", "reserved_ip:create", create_address),
    Route("GET", ADDRESS, "reserved_ip:read", get_address),
    Route("DELETE", ADDRESS, "reserved_ip:delete", delete_address),
    Route("GET", f"{ADDRESS}/actions", "reserved_ip:read", list_actions),
    Route("POST", f"{ADDRESS}/actions", "reserved_ip:update", post_action),
    Route("GET", f"{ADDRESS}/actions/{{action}}", "reserved_ip:read", get_action),
)
KINDS = {"assign_ip": Kind(_move, _moved), "unassign_ip": Kind(_move, _moved)}
