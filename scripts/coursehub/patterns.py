"""Patterns of paths below content/, as course.yml has them. Pure."""

from __future__ import annotations

import re
from functools import cache

WILDCARDS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def matches(path: str, pattern: str) -> bool:
    """Whether a pattern means this path, or a folder that it is in. `*` and `?` stay within a name."""
    return bool(compiled(pattern).fullmatch(path))


@cache
def compiled(pattern: str) -> re.Pattern:
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    return re.compile("".join(WILDCARDS.get(piece) or re.escape(piece) for piece in pieces) + "(?:/.*)?")
