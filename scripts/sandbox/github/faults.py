"""What the API does wrong on request: for a method and a path, a number of times."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from sandbox.github.errors import SECONDARY, ApiError
from sandbox.github.routing import Answer

KINDS = {
    "close": "closes the connection, and does nothing",
    "hang": "does nothing and does not answer, until the API ends",
    "lost": "does the work, and closes the connection without an answer",
    "garbage": "does the work, and answers 200 with half of a page of HTML",
    "secondary": "answers 403 for the secondary rate limit, and does nothing",
}
GARBAGE = b"<!DOCTYPE html><html><head><title>Unicorn!</title"
MESSAGES = {
    429: "API rate limit exceeded",
    500: "Server Error",
    502: "Server Error",
    503: "Service unavailable",
}
RETRY_AFTER = 1  # seconds


@dataclass
class Fault:
    """`kind` is a status or one of `KINDS`; with `done`, a status comes after the work."""

    method: str
    path: str
    kind: int | str
    times: int = 1
    done: bool = False

    def __post_init__(self) -> None:
        if not (isinstance(self.kind, int) or self.kind in KINDS):
            raise ValueError(f"{self.kind!r} is not a fault; there are statuses and {', '.join(KINDS)}")

    @property
    def works(self) -> bool:
        """Whether the work is done all the same."""
        return self.kind in ("lost", "garbage") or self.done

    def takes(self, method: str, path: str) -> bool:
        """Whether this request suffers it, counted down."""
        meant = self.method in ("*", method) and fnmatch.fnmatchcase(path, self.path)
        if not meant or self.times <= 0:
            return False
        self.times -= 1
        return True


def spoiled(fault: Fault, true: Answer | None) -> Answer | None:
    """What is answered in place of the true answer, if there is one; None closes the connection."""
    if fault.kind in ("close", "lost"):
        return None
    if fault.kind == "garbage":
        return Answer(200, GARBAGE, {"Content-Type": "text/html"})
    if fault.kind == "secondary":
        error = ApiError(403, SECONDARY, headers={"Retry-After": str(RETRY_AFTER)})
    else:
        status = int(fault.kind)
        headers = {"Retry-After": str(RETRY_AFTER)} if status == 429 else {}
        error = ApiError(status, MESSAGES.get(status, "Server Error"), headers=headers)
    return Answer(error.status, error.body(), error.headers)
