"""A request, and what is remembered of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.github.errors import ApiError


@dataclass(frozen=True)
class Request:
    """A request as it came; the names of `headers` are in lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes

    def json(self) -> Any:
        """The body as a value, None for none. Raises ApiError 400."""
        try:
            return json.loads(self.content) if self.content else None
        except ValueError:
            raise ApiError(400, "Problems parsing JSON") from None

    def readable(self) -> Any:
        """The body as a value, or as text if it is none."""
        try:
            return self.json()
        except ApiError:
            return self.content.decode(errors="replace")


@dataclass(frozen=True)
class Exchange:
    """A request that was made. `status` is None if nothing was answered, `permissions` None without a valid
    token; `done` says whether the work was done, which an answer may not tell."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    permissions: Mapping[str, str] | None
    status: int | None
    done: bool
