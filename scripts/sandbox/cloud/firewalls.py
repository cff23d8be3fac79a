"""Cloud firewalls: what they say, and which droplets they hold for."""

from __future__ import annotations

import re
import uuid
from typing import Any

from sandbox.cloud.backend import Rule
from sandbox.cloud.core import Answer, Call, Cloud, Route, found, page
from sandbox.cloud.errors import conflict, unprocessable
from sandbox.cloud.state import Record, State, now

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]+")
PORTS = re.compile(r"all|[0-9]{1,5}(-[0-9]{1,5})?")
PROTOCOLS = ("tcp", "udp", "icmp")
SHOWN = ("id", "name", "status", "created_at", "inbound_rules", "outbound_rules", "droplet_ids", "tags")


def droplets_of(state: State, firewall: Record) -> list[Record]:
    """The droplets that a firewall holds for, by their ids or by its tags."""
    return [
        droplet
        for droplet in state.droplets.values()
        if droplet["id"] in firewall["droplet_ids"] or set(droplet["tags"]) & set(firewall["tags"])
    ]


def inbound(state: State, droplet: Record) -> list[list[str]] | None:
    """Protocol and ports of all that may reach a droplet; None if no firewall holds for it."""
    holding = [entry for entry in state.firewalls.values() if droplet in droplets_of(state, entry)]
    if not holding:
        return None
    rules = {(rule["protocol"], rule["ports"]) for entry in holding for rule in entry["inbound_rules"]}
    return [list(rule) for rule in sorted(rules)]


def enforce(cloud: Cloud) -> None:
    """Tell the backend what has changed, for the droplets that are there. The lock is held."""
    for droplet in cloud.state.droplets.values():
        wanted = inbound(cloud.state, droplet)
        if droplet["status"] in ("new", "archive") or wanted == droplet["inbound"]:
            continue
        rules = None if wanted is None else tuple(Rule(*rule) for rule in wanted)
        cloud.backend.set_firewall(droplet["id"], rules)
        droplet["inbound"] = wanted


def view(firewall: Record) -> Record:
    """A firewall as the API shows it."""
    return {**{name: firewall[name] for name in SHOWN}, "pending_changes": []}


def _rules(body: Any, name: str, peers: str) -> list[Record]:
    rules = []
    for rule in body.get(name) or []:
        protocol, ports = rule.get("protocol"), rule.get("ports")
        if protocol not in PROTOCOLS:
            raise unprocessable(f"{name}: protocol must be one of {', '.join(PROTOCOLS)}")
        if not isinstance(ports, str) or not PORTS.fullmatch(ports):
            raise unprocessable(f"{name}: ports must be a port, a range, 0 or all")
        if not any((rule.get(peers) or {}).values()):
            raise unprocessable(f"{name}: {peers} must name something")
        shown = "0" if ports == "all" or protocol == "icmp" else ports
        rules.append({"protocol": protocol, "ports": shown, peers: rule[peers]})
    return rules


def _wanted(call: Call, present: Record | None = None) -> Record:
    """What the body asks for. What it leaves out is empty, not as it was."""
    name, body, state = call.text("name"), call.body, call.state
    if not NAME.fullmatch(name):
        raise unprocessable("name must consist of letters, digits, dots and dashes")
    if any(entry["name"] == name and entry is not present for entry in state.firewalls.values()):
        raise conflict("duplicate name")
    if not body.get("inbound_rules") and not body.get("outbound_rules"):
        raise unprocessable("at least one rule is required")
    tags, droplet_ids = body.get("tags") or [], body.get("droplet_ids") or []
    if missing := [tag for tag in tags if tag not in state.tags]:
        raise unprocessable(f"tag {missing[0]} does not exist")
    for identifier in droplet_ids:
        found(state.droplets, identifier)
    return {
        "name": name,
        "inbound_rules": _rules(body, "inbound_rules", "sources"),
        "outbound_rules": _rules(body, "outbound_rules", "destinations"),
        "tags": list(tags),
        "droplet_ids": list(droplet_ids),
    }


def list_firewalls(call: Call) -> Answer:
    """All firewalls."""
    return page(call, "firewalls", map(view, call.state.firewalls.values()))


def create_firewall(call: Call) -> Answer:
    """A new firewall, whose tags must be there."""
    wanted = _wanted(call)
    firewall = {"id": str(uuid.uuid4()), "status": "succeeded", "created_at": now(), **wanted}
    call.state.firewalls[firewall["id"]] = firewall
    enforce(call.cloud)
    return Answer(202, {"firewall": view(firewall)})


def get_firewall(call: Call) -> Answer:
    """One firewall."""
    return Answer(200, {"firewall": view(found(call.state.firewalls, call.parameters["firewall"]))})


def replace_firewall(call: Call) -> Answer:
    """The whole of a firewall anew."""
    firewall = found(call.state.firewalls, call.parameters["firewall"])
    firewall |= _wanted(call, firewall)
    enforce(call.cloud)
    return Answer(200, {"firewall": view(firewall)})


def delete_firewall(call: Call) -> Answer:
    """Open what it closed."""
    del call.state.firewalls[found(call.state.firewalls, call.parameters["firewall"])["id"]]
    enforce(call.cloud)
    return Answer(204)


def list_droplet_firewalls(call: Call) -> Answer:
    """The firewalls that hold for one droplet."""
    droplet = found(call.state.droplets, call.parameters["droplet"])
    holding = [entry for entry in call.state.firewalls.values() if droplet in droplets_of(call.state, entry)]
    return page(call, "firewalls", map(view, holding))


ROUTES = (
    Route("GET", "/v2/firewalls", "firewall:read", list_firewalls),
    Route("POST", "/v2/firewalls", "firewall:create", create_firewall),
    Route("GET", "/v2/firewalls/{firewall}", "firewall:read", get_firewall),
    Route("PUT", "/v2/firewalls/{firewall}", "firewall:update", replace_firewall),
    Route("DELETE", "/v2/firewalls/{firewall}", "firewall:delete", delete_firewall),
    Route("GET", "/v2/droplets/{droplet}/firewalls", "firewall:read", list_droplet_firewalls),
)
