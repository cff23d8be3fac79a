"""What tests ask the API for, and how they see that it refused."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from azure.core.exceptions import AzureError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from sandbox.cloud import Server

TOKEN = "dop_v1_of_all_the_tests"
DROPLET = {"name": "hub", "size": "s-1vcpu-2gb", "image": "ubuntu-24-04-x64", "region": "fra1"}
VOLUME = {"name": "home", "region": "fra1", "size_gigabytes": 10}
ANYWHERE = {"addresses": ["0.0.0.0/0", "::/0"]}
INBOUND = [
    {"protocol": "tcp", "ports": "22", "sources": ANYWHERE},
    {"protocol": "tcp", "ports": "80", "sources": ANYWHERE},
    {"protocol": "icmp", "ports": "0", "sources": ANYWHERE},
]
OUTBOUND = [{"protocol": "tcp", "ports": "all", "destinations": ANYWHERE}]
FIREWALL = {"name": "hub", "inbound_rules": INBOUND, "outbound_rules": OUTBOUND}


def new_public_key() -> str:
    """A key as in authorized_keys, that no one has yet."""
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    return public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()


def status_of(account: Server, call: Callable[..., Any], *arguments: Any, **options: Any) -> int | None:
    """The status that a call was answered with: pydo returns some errors, and raises others."""
    with suppress(AzureError):
        call(*arguments, **options)
    return account.requests[-1].status


def new_droplet(client: Any, **changes: Any) -> dict[str, Any]:
    """A droplet as it is shown when it is there."""
    identifier = client.droplets.create({**DROPLET, **changes})["droplet"]["id"]
    return client.droplets.get(identifier)["droplet"]
