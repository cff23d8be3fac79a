"""What the API does wrong on request: for a method and a path, a number of times.

    server.faults.append(Fault("fail", method="POST", path="/v2/droplets"))

or, from another process, `POST /control/faults` with a list of such objects as JSON.
"""

from __future__ import annotations

import fnmatch
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

WRITE = "WRITE"
"""A method that means every one but GET and HEAD."""
KINDS = {
    "refuse": "answers `status`, and does nothing",
    "fail": "does the work, and answers `status`",
    "limit": "answers 429 with `retry_after` seconds, and does nothing",
    "close": "closes the connection, and does nothing",
    "lose": "does the work, and closes the connection without an answer",
    "garbage": "does the work, and answers 200 with a page of HTML",
    "delay": "waits `seconds`, and then does and answers as ever",
    "crash_before": "kills the client, and does nothing",
    "crash_after": "does the work, and kills the client",
}
# Those that never come to the work.
IDLE = ("refuse", "limit", "close", "crash_before")
# Those after which nothing is answered.
SILENT = ("close", "lose", "crash_before", "crash_after")


@dataclass
class Fault:
    """One of `KINDS`, for requests of a method (*, WRITE, or its name) to paths that match a shell pattern.

    The first `skip` requests that match are left in peace, then `times` suffer. To kill the client, `call` is
    called, or the process `process` is sent SIGKILL.
    """

    kind: str
    method: str = "*"
    path: str = "*"
    times: int = 1
    skip: int = 0
    status: int = 500
    retry_after: float = 1
    seconds: float = 1
    call: Callable[[], Any] | None = None
    process: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is not a fault; there are {', '.join(KINDS)}")

    def matches(self, method: str, path: str) -> bool:
        """Whether a request is meant."""
        methods = {"*": True, WRITE: method not in ("GET", "HEAD")}
        return methods.get(self.method, method == self.method) and fnmatch.fnmatchcase(path, self.path)

    def takes(self, method: str, path: str) -> bool:
        """Whether this request suffers it, counted down."""
        if self.times <= 0 or not self.matches(method, path):
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True

    def strike(self) -> None:
        """Kill the client."""
        if self.call:
            self.call()
        if self.process:
            os.kill(self.process, signal.SIGKILL)


def fault_from(values: Mapping[str, Any]) -> Fault:
    """A fault from JSON. Raises ValueError or TypeError for what is not one."""
    known = {entry.name for entry in fields(Fault)} - {"call"}
    if unknown := set(values) - known:
        raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
    return Fault(**values)
