"""All that the API remembers, in one file that is replaced as a whole: the server may be killed any time.

The records are dictionaries, as they stand in the file. A droplet's record holds its user_data, so the file
is for its owner only.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Record = dict[str, Any]
FIRST_ID = 300_000_001
DEFAULT_PROJECT = "first-project"


def now() -> str:
    """The present time, as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def new_account() -> Record:
    """The account as `GET /v2/account` shows it."""
    return {
        "droplet_limit": 10,
        "floating_ip_limit": 3,
        "email": "teacher@example.com",
        "name": "Teacher",
        "uuid": str(uuid.uuid4()),
        "email_verified": True,
        "status": "active",
        "status_message": "",
        "team": {"uuid": str(uuid.uuid4()), "name": "My Team"},
    }


def new_balance() -> Record:
    """Amounts in dollars, as texts."""
    return {"month_to_date_balance": "0.00", "account_balance": "0.00", "month_to_date_usage": "0.00"}


def new_projects() -> dict[str, Record]:
    """The project that every account begins with."""
    identifier = str(uuid.uuid4())
    project = {
        "id": identifier,
        "owner_uuid": str(uuid.uuid4()),
        "owner_id": 1,
        "name": DEFAULT_PROJECT,
        "description": "",
        "purpose": "Just trying out DigitalOcean",
        "environment": "Development",
        "created_at": now(),
        "updated_at": now(),
        "is_default": True,
    }
    return {identifier: project}


@dataclass
class State:
    """Records by what identifies them: an id as text, a fingerprint, an address or a name.

    `tokens` maps a token to its scopes, such as "droplet:create"; None is full access. `resources` maps a
    URN to the project's id and the time of its assignment.
    """

    account: Record = field(default_factory=new_account)
    balance: Record = field(default_factory=new_balance)
    tokens: dict[str, list[str] | None] = field(default_factory=dict, repr=False)
    keys: dict[str, Record] = field(default_factory=dict)
    tags: dict[str, Record] = field(default_factory=dict)
    droplets: dict[str, Record] = field(default_factory=dict, repr=False)
    actions: dict[str, Record] = field(default_factory=dict)
    volumes: dict[str, Record] = field(default_factory=dict)
    snapshots: dict[str, Record] = field(default_factory=dict)
    firewalls: dict[str, Record] = field(default_factory=dict)
    reserved_ips: dict[str, Record] = field(default_factory=dict)
    domains: dict[str, Record] = field(default_factory=dict)
    projects: dict[str, Record] = field(default_factory=new_projects)
    resources: dict[str, Record] = field(default_factory=dict)
    last_id: int = FIRST_ID

    def next_id(self) -> int:
        """A number that nothing has yet."""
        self.last_id += 1
        return self.last_id

    def droplet_at(self, address: str) -> Record | None:
        """The droplet with this public or reserved address: its `user_data` is what its metadata shows."""
        reserved = self.reserved_ips.get(address, {"droplet_id": None})["droplet_id"]
        for droplet in self.droplets.values():
            if droplet["address"] == address or droplet["id"] == reserved:
                return droplet
        return None


class Store:
    """The state, its lock, and its file."""

    def __init__(self, file: Path):
        self.file = file
        self.lock = threading.RLock()
        self.state = load(file)

    def save(self) -> None:
        """Write the state beside its file, and rename."""
        with self.lock:
            temporary = self.file.with_suffix(".new")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as stream:
                json.dump(asdict(self.state), stream)
            temporary.replace(self.file)


def load(file: Path) -> State:
    """The state in a file; a new one if there is none."""
    if not file.exists():
        return State()
    saved: Mapping[str, Any] = json.loads(file.read_text())
    return State(**{entry.name: saved[entry.name] for entry in fields(State) if entry.name in saved})
