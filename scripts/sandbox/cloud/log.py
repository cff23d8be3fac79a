"""What the server was asked, for tests to look at; secrets left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.cloud.core import Request

SECRET = ("user_data",)
LEFT_OUT = "(left out)"


@dataclass(frozen=True)
class Logged:
    """One request. `status` is what the client was told, None if it was told nothing; `done` says whether the
    work was done; `fault` is the kind of the fault that the request suffered."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int | None
    done: bool
    fault: str | None


def logged(request: Request, status: int | None, done: bool, fault: str | None) -> Logged:
    """A request for the log."""
    body = request.body
    if isinstance(body, dict):
        body = {name: LEFT_OUT if name in SECRET else value for name, value in body.items()}
    return Logged(request.method, request.path, dict(request.query), body, status, done, fault)
