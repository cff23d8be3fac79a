"""What a deploy told in its one line of JSON, for the steps after it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def result_of(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """The deploy's result in RESULT; None when there was no deploy, or it came to no result."""
    try:
        value = json.loads(environ.get("RESULT") or "null")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
