"""What the name of a droplet's size says about it."""

from __future__ import annotations

import re

from coursehub.sizes import GIB


def droplet_weight(size: str) -> tuple[int, int]:
    """What tells a larger size from a smaller one: memory in bytes, then processors. Raises ValueError."""
    memory = droplet_memory(size)
    processors = re.match(r"c-([0-9]+)|[a-z0-9_]+-([0-9]+)vcpu", size)
    return memory, int(processors[1] or processors[2]) if processors else 0


def droplet_memory(size: str) -> int:
    """Bytes of memory of a droplet of this size, read from its slug.

    A slug names processors and gigabytes ("s-2vcpu-4gb"), but for the CPU-Optimized "c-N", which have
    2 GB for each processor (https://slugs.do-api.dev). Raises ValueError for a slug of another form.
    """
    if match := re.fullmatch(r"c-([0-9]+)(-intel)?", size):
        return 2 * int(match[1]) * GIB
    if match := re.match(r"[a-z0-9_]+-[0-9]+vcpu-([0-9]+)gb(-|$)", size):
        return int(match[1]) * GIB
    raise ValueError(f"not the size of a droplet: {size!r}")
