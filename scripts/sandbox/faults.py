"""Faults that a server of the sandbox was asked for, until the requests come that they are meant for."""

from __future__ import annotations

import threading
from typing import Generic, Protocol, TypeVar


class Fault(Protocol):
    """Each server has its own kinds."""

    def takes(self, method: str, path: str) -> bool:
        """Whether this request suffers it; if so, it is counted down."""


Kind = TypeVar("Kind", bound=Fault)


class Faults(list[Kind], Generic[Kind]):
    """The faults to come, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()

    def take(self, method: str, path: str) -> Kind | None:
        """The fault that this request has to suffer."""
        with self._lock:
            return next((fault for fault in self if fault.takes(method, path)), None)
