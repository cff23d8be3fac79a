"""What is written down of a droplet beside its machine, so that another process finds it again."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from coursehub.problems import Failure
from sandbox import machine
from sandbox.cloud.backend import Rule


@dataclass(frozen=True)
class Droplet:
    """What a fresh system disk of the droplet is given, and what its cloud firewall lets in (None: all)."""

    id: int
    name: str
    public_keys: tuple[str, ...]
    user_data: str = field(repr=False)
    inbound: tuple[Rule, ...] | None = None


def machine_name(droplet_id: int) -> str:
    """What the droplet's machine is called: names of droplets repeat."""
    return f"droplet-{droplet_id}"


def record(droplet: Droplet, directory: Path) -> None:
    """Write it down in its machine's directory, for root only: user_data may hold secrets."""
    whole = directory / "droplet.new"
    whole.touch(0o600)
    whole.write_text(json.dumps(asdict(droplet)))
    whole.rename(directory / "droplet.json")


def machine_of(droplet_id: int) -> machine.Machine:
    """The droplet's machine. Raises Failure if there is none."""
    found = machine.find(machine_name(droplet_id))
    if found is None:
        raise Failure(f"there is no droplet {droplet_id}")
    return found


def by_address() -> dict[str, Droplet]:
    """Every droplet of this sandbox, switched on or off, by its machine's address."""
    found = {}
    for box in machine.all_machines():
        if box.droplet is not None:
            with contextlib.suppress(FileNotFoundError):  # it may be destroyed meanwhile
                found[box.address] = load(box)
    return found


def load(box: machine.Machine) -> Droplet:
    """What is written down of the droplet that `box` is."""
    fields = json.loads((box.directory / "droplet.json").read_text())
    inbound = fields["inbound"]
    fields["inbound"] = None if inbound is None else tuple(Rule(**rule) for rule in inbound)
    fields["public_keys"] = tuple(fields["public_keys"])
    return Droplet(**fields)
