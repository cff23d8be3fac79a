"""Which addresses of the sandbox's subnet are in use: machines have them from the lower end, and the cloud
reserves others from the upper end."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path

from coursehub.problems import Failure
from sandbox import network, remains, state


def choosing() -> contextlib.AbstractContextManager[None]:
    """Held from the look at what is free until what was chosen is recorded."""
    return state.lock(state.machines() / ".addresses", timeout=30, what="choosing an address")


def free(host: network.Network) -> list[str]:
    """The addresses that nobody has, in order; at least one. Raises Failure."""
    taken = set(reserved())
    for name in remains.names():
        with contextlib.suppress(FileNotFoundError):  # not recorded yet, or destroyed meanwhile
            taken.add(json.loads(remains.record(name).read_text())["address"])
    found = [address for address in host.addresses if address not in taken]
    if not found:
        raise Failure("all addresses of the sandbox are in use", fix="destroy some machines")
    return found


def reserved() -> dict[str, int | None]:
    """The reserved addresses, and the droplet to which each leads; None if to none."""
    return json.loads(_record().read_text()) if _record().exists() else {}


def record_reserved(addresses: Mapping[str, int | None]) -> None:
    """Write down all the reserved addresses; the caller holds the lock of `choosing`."""
    _record().parent.mkdir(parents=True, exist_ok=True)
    whole = _record().with_suffix(".new")
    whole.write_text(json.dumps(dict(addresses)))
    whole.rename(_record())


def _record() -> Path:
    return state.cloud() / "addresses.json"
