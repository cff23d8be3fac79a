"""The names by which steps call operations on the account, and the conversation that does them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..model import Json
from . import copying, making, reaching, removing, running
from .api import Account
from .errors import understood
from .making import ignore

OPERATIONS: Mapping[str, Callable[..., None]] = {
    "key": making.key,
    "tag": making.tag,
    "firewall": making.firewall,
    "volume.create": making.volume,
    "volume.grow": running.grow,
    "volume.attach": running.attach,
    "droplet.create": making.droplet,
    "untag": running.remove_tag,
    "droplet.started": running.wait_for_start,
    "droplet.power_on": running.power_on,
    "droplet.resize": running.resize,
    "droplet.rebuild": running.rebuild,
    "droplet.backups": running.set_backups,
    "address.reserve": reaching.reserve,
    "address.assign": reaching.assign,
    "address.release": reaching.release,
    "address.remember": reaching.remember,
    "record.set": reaching.set_record,
    "project.put": reaching.put_into_project,
    "droplet.off": removing.shut_down,
    "droplet.copy": copying.copy_droplet,
    "volume.copy": copying.copy_volume,
    "record.remove": removing.remove_record,
    "droplet.destroy": removing.destroy_droplet,
    "volume.delete": removing.delete_volume,
    "snapshot.delete": removing.delete_snapshot,
    "firewall.delete": removing.delete_firewall,
    "key.delete": removing.delete_key,
    "tag.sweep": removing.remove_tags,
}


class AccountSession:
    """Does steps on an account: see `coursehub.model.Ground`. Nothing is kept open."""

    def __init__(self, account: Account):
        """`done` are the operations that were called, in order."""
        self.account = account
        self.done: list[str] = []

    def call(
        self,
        operation: str,
        parameters: Mapping[str, Json],
        *,
        payload: tuple[Any, ...] = (),
        timeout: float = 0,
        progress: Callable[[str], None] | None = None,
    ) -> Json:
        """Do one operation. Each bounds its waits by itself. Raises Failure."""
        self.done.append(operation)
        with understood():
            return OPERATIONS[operation](self.account, progress or ignore, **parameters)
