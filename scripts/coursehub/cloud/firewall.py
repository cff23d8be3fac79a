"""The cloud firewall of a hub: what it admits, as the API's value and in a form that can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import Firewall

EVERYWHERE = ("0.0.0.0/0", "::/0")
INBOUND = (("tcp", "22"), ("tcp", "80"), ("tcp", "443"), ("icmp", "0"))
OUTBOUND = (("tcp", "0"), ("udp", "0"), ("icmp", "0"))
"""Protocol and ports; "0" is every port, and what ICMP has to have."""


def firewall_body(name: str, tag: str) -> dict[str, Any]:
    """The whole firewall, as `POST` and `PUT /v2/firewalls` take it."""
    anywhere = {"addresses": list(EVERYWHERE)}
    return {
        "name": name,
        "tags": [tag],
        "inbound_rules": [{"protocol": kind, "ports": ports, "sources": anywhere} for kind, ports in INBOUND],
        "outbound_rules": [
            {"protocol": kind, "ports": ports, "destinations": anywhere} for kind, ports in OUTBOUND
        ],
    }


def read_firewall(value: Mapping[str, Any]) -> Firewall:
    """A firewall of the API's. Its rules are sets of (direction, protocol, ports, where)."""
    rules = {
        (side, rule["protocol"], every(rule.get("ports")), where(rule.get(end) or {}))
        for side, end in (("inbound_rules", "sources"), ("outbound_rules", "destinations"))
        for rule in value.get(side) or []
    }
    tags = frozenset(value.get("tags") or ())
    return Firewall(value.get("id", ""), value["name"], tags, frozenset(rules))


def every(ports: str | None) -> str:
    """One word for every port."""
    return "0" if ports in (None, "", "all", "0") else ports


def where(target: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Where traffic may come from, or go to: kinds of source that are used, with their values in order."""
    return tuple((kind, tuple(sorted(map(str, values)))) for kind, values in sorted(target.items()) if values)


def is_right(firewall: Firewall, name: str, tag: str) -> bool:
    """Whether it is just as it should be."""
    wanted = read_firewall(firewall_body(name, tag))
    return firewall.tags == wanted.tags and firewall.rules == wanted.rules
