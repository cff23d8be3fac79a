"""What things cost at DigitalOcean. Sizes of droplets bring their own prices; the rest is not in the API.

Source: https://www.digitalocean.com/pricing (volumes, snapshots, backups, reserved IPs), read in 2026.
All amounts are in dollars, without tax; a month counts as at most 672 hours for droplets (28 days).
"""

from __future__ import annotations

from .model import Size

VOLUME = 0.10
"""A GiB of a volume, a month."""
SNAPSHOT = 0.06
"""A GB of a snapshot, a month."""
BACKUPS = {"none": 0.0, "weekly": 0.2, "daily": 0.3}
"""Parts of the droplet's price."""
HOURS = 672
"""After so many a month, its price is reached."""
UNUSED_ADDRESS = 5.0
"""A reserved IP that leads to no droplet, a month."""
NEAREST = 4


def droplet(size: Size, backups: str) -> float:
    """A droplet with its backups, a month."""
    return size.monthly * (1 + BACKUPS[backups])


def shown(size: Size) -> str:
    """Such as "s-2vcpu-4gb (2 processors, 4 GB, $24.00 a month)"."""
    processors = f"{size.vcpus} processor" + ("s" if size.vcpus > 1 else "")
    return f"{size.slug} ({processors}, {size.memory / 1024:g} GB, ${size.monthly:.2f} a month)"


def nearest_sizes(sizes: dict[str, Size], region: str, memory: int, least_disk: int = 0) -> list[Size]:
    """The sizes that the region has, with at least `least_disk` GiB, whose memory is nearest to `memory`
    MiB; the cheapest first where several are as near, at most four, in the order of their prices."""
    there = [size for size in sizes.values() if region in size.regions and size.disk >= least_disk]
    near = sorted(there, key=lambda size: (abs(size.memory - memory), size.monthly))[:NEAREST]
    return sorted(near, key=lambda size: size.monthly)
