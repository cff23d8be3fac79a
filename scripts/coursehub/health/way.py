"""How the server is reached from a check: where, by which of its keys, and with which of ours. Pure, but for
the making of our key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..openssh import WrongSecret, host_key_from
from ..secrets import READERS
from .key import key_of

PORT = 22


@dataclass(frozen=True)
class Way:
    """`host_key` is the server's, as "type base64"; `private` the text of our key's file."""

    address: str
    port: int
    host_key: str
    private: str = field(repr=False)


@dataclass(frozen=True)
class NoWay:
    """Why the inside could not be seen. `kind` is one of the words below; `why` the likely cause."""

    kind: str
    words: str
    why: str = ""
    fix: str = ""


SECRET, HOST_KEY, REFUSED, CLOSED, SILENT, UNREACHABLE, OWN, GARBAGE = (
    "secret", "host key", "refused", "closed", "silent", "unreachable", "own", "garbage"
)  # fmt: skip
"""A secret that cannot be right; another host key than the pinned one; our key is not let in; nobody listens;
takes connections and says nothing; no connection; the fault is on this side; another answer than ours."""


def way_in(environ: Mapping[str, str], server: Mapping[str, Any]) -> Way | NoWay | None:
    """The way to the server of the environment (DROPLET_HOST), else to the one that the last deploy recorded;
    None when it is not to be looked at: no server is known, or no key was given."""
    try:
        place = place_of(environ, server)
        private = key_of(environ) if place else None
    except WrongSecret as wrong:
        words = f"a secret, or what the last deploy recorded, {wrong.message}"
        return NoWay(SECRET, words, fix=wrong.fix)
    return Way(*place, private) if place and private else None


def place_of(environ: Mapping[str, str], server: Mapping[str, Any]) -> tuple[str, int, str] | None:
    """(address, port, host key). Raises WrongSecret."""
    given, key = environ.get("DROPLET_HOST", "").strip(), environ.get("DROPLET_HOST_KEY", "").strip()
    known = server.get("address"), server.get("port"), server.get("host_key")
    if given:
        place = READERS["host"](given)
        address, port = place["host"], place.get("port", PORT)
        if not key and known[:2] == (address, port):
            key = known[2]
        return (address, port, host_key_from(key)) if key else None
    address, port, key = known
    if not (isinstance(address, str) and address and isinstance(key, str) and key):
        return None
    if not (isinstance(port, int) and 0 < port < 1 << 16):
        port = PORT
    return READERS["host"](f"[{address}]" if ":" in address else address)["host"], port, host_key_from(key)
