"""Sizes as people write them: 512M, 2G."""

from __future__ import annotations

import re

UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


def in_bytes(size: str | int | None) -> int | None:
    """`"2G"` -> 2147483648; a number is bytes already; None means no limit."""
    if size is None or isinstance(size, int):
        return size
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([KMGT]?)", size)
    if match is None:
        raise ValueError(f"{size!r} is not a size such as 512M or 2G")
    return int(float(match[1]) * UNITS[match[2]])
