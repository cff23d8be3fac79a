"""GitHub's filter patterns for branches and paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

PIECES = re.compile(r"\*\*/|\*\*|\*|\?|\+|\[[^\]]+\]|\\.|.", re.DOTALL)
TRANSLATION = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "?", "+": "+"}


@cache
def expression(pattern: str) -> re.Pattern[str]:
    """A filter pattern as a regular expression for the whole name.

    `?` and `+` count the character before them, as in regular expressions; `*` stops at slashes.
    """
    return re.compile("".join(_translated(piece) for piece in PIECES.findall(pattern)), re.DOTALL)


def _translated(piece: str) -> str:
    if piece in TRANSLATION:
        return TRANSLATION[piece]
    if piece.startswith("[") and len(piece) > 1:
        return piece
    return re.escape(piece.removeprefix("\\") or "\\")


def selects(patterns: Sequence[str], name: str) -> bool:
    """Does the list select the name? The last pattern that matches decides; `!` takes away."""
    selected = False
    for pattern in patterns:
        if expression(pattern.removeprefix("!")).fullmatch(name):
            selected = not pattern.startswith("!")
    return selected


def branch_passes(event: Mapping[str, Any], branch: str) -> bool:
    """Do an event's `branches` and `branches-ignore` let the branch pass?"""
    if "branches" in event:
        return selects(event["branches"], branch)
    if "branches-ignore" in event:
        return not selects(event["branches-ignore"], branch)
    # Who names tags alone wants no branches.
    return not ("tags" in event or "tags-ignore" in event)


def paths_pass(event: Mapping[str, Any], changed: Iterable[str]) -> bool:
    """Do an event's `paths` and `paths-ignore` let a change of these files pass?"""
    if "paths" in event:
        return any(selects(event["paths"], path) for path in changed)
    if "paths-ignore" in event:
        return not all(selects(event["paths-ignore"], path) for path in changed)
    return True
