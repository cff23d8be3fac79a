"""How many requests the API takes: so many an hour, and far fewer lists of SSH keys a minute."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.cloud.core import Behaviour, Request
from sandbox.cloud.errors import ApiError

HOUR, MINUTE = 3600, 60


@dataclass
class Limits:
    """The times of the latest requests, in seconds of a clock that never goes back."""

    behaviour: Behaviour
    clock: Callable[[], float] = time.monotonic
    requests: deque[float] = field(default_factory=deque)
    key_lists: deque[float] = field(default_factory=deque)

    def headers(self) -> dict[str, str]:
        """What every answer tells of the limit."""
        limit = self.behaviour.requests_per_hour or 0
        return {
            "ratelimit-limit": str(limit),
            "ratelimit-remaining": str(max(0, limit - len(self.requests))),
            "ratelimit-reset": str(int(time.time()) + HOUR),
        }

    def count(self, request: Request) -> None:
        """Count a request. Raises ApiError (429) when it is one too many."""
        _count(self.requests, self.behaviour.requests_per_hour, HOUR, self.clock())
        if (request.method, request.path) == ("GET", "/v2/account/keys"):
            _count(self.key_lists, self.behaviour.key_lists_per_minute, MINUTE, self.clock())


def _count(times: deque[float], limit: int | None, window: float, present: float) -> None:
    while times and times[0] <= present - window:
        times.popleft()
    if limit is not None and len(times) >= limit:
        wait = int(times[0] + window - present) + 1 if times else int(window)
        raise ApiError(429, headers={"Retry-After": str(wait)})
    times.append(present)
