"""Sizes of memory and disk, as people and TLJH write them."""

from __future__ import annotations

MIB = 1 << 20
GIB = 1 << 30
UNITS = {"K": 1 << 10, "M": MIB, "G": GIB, "T": 1 << 40}


def bytes_of(text: str) -> int:
    """Bytes of a size such as "512M" or "1.5G" (powers of 1024, as TLJH counts).

    Raises ValueError for anything else.
    """
    number, unit = text.strip()[:-1], text.strip()[-1:].upper()
    if unit not in UNITS:
        raise ValueError(f"{text!r} is not a size: write a number and M or G, such as 512M or 1.5G")
    return int(float(number) * UNITS[unit])
