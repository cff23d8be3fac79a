"""Concurrency groups: who may go on, who waits, and who is cancelled for whom."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.github.parser import Unsupported

LONGEST_QUEUE = 100


@dataclass(frozen=True)
class Setting:
    """What a workflow or a job says about its group, evaluated."""

    group: str
    cancel_in_progress: bool = False
    queue: str = "single"

    @classmethod
    def of(cls, value) -> Setting:
        """From the evaluated value of `concurrency`: a name, or a mapping."""
        if isinstance(value, str):
            return cls(value)
        return cls(str(value["group"]), value.get("cancel-in-progress") is True, value.get("queue", "single"))


@dataclass(eq=False)
class Ticket:
    """A place in a group's queue: of a run or of a job."""

    setting: Setting
    cancel: Callable[[str], None]
    """Called with the reason, when another one takes its place."""
    admitted: bool = False
    _decided: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> bool:
        """Wait for the turn, as long as it takes; False if it never comes."""
        self._decided.wait()
        return self.admitted

    def admit(self) -> None:
        """Its turn has come."""
        self.admitted = True
        self._decided.set()

    def withdraw(self) -> None:
        """Its turn shall not come."""
        self._decided.set()


class Groups:
    """All groups of a repository, by name, in which large and small letters are the same."""

    def __init__(self):
        self._lock = threading.Lock()
        self._queues: dict[str, list[Ticket]] = {}

    def enter(self, setting: Setting, cancel: Callable[[str], None]) -> Ticket:
        """Take a place. The first in the queue has its turn; others may be cancelled for the newcomer."""
        ticket = Ticket(setting, cancel)
        with self._lock:
            queue = self._queues.setdefault(setting.group.casefold(), [])
            running, pending = queue[:1], queue[1:]
            if len(pending) >= LONGEST_QUEUE:
                raise Unsupported(f"more than {LONGEST_QUEUE} wait in the concurrency group {setting.group}")
            displaced = pending if setting.queue == "single" or setting.cancel_in_progress else []
            self._queues[setting.group.casefold()] = [*running, *(set_aside(pending, displaced)), ticket]
            if not running:
                ticket.admit()
        reason = f"Canceling since a higher priority waiting request for {setting.group} exists"
        for other in [*displaced, *(running if setting.cancel_in_progress else [])]:
            other.cancel(reason)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give the place up; the next one has its turn."""
        with self._lock:
            name = ticket.setting.group.casefold()
            queue = self._queues.get(name, [])
            self._queues[name] = queue = [other for other in queue if other is not ticket]
            if queue and not queue[0].admitted:
                queue[0].admit()


def set_aside(tickets: list[Ticket], displaced: list[Ticket]) -> list[Ticket]:
    """The tickets that keep their place."""
    return [ticket for ticket in tickets if ticket not in displaced]
