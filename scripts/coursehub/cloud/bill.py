"""What a course's things cost, item by item: now a month, and this month so far. Pure.

Computed from what is in the account, the prices of sizes that its API gives, and the published prices of the
rest (see cloud.prices). All amounts are in dollars, without tax.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..timetable import Timetable, minutes_a_week, minutes_between
from . import prices
from .model import Droplet, Seen, Size

NOT_INCLUDED = (
    "taxes",
    "traffic beyond what the droplet's price includes",
    "other things in the account",
    "what was resized, grown or deleted earlier this month: all is reckoned as it is now",
)
WEEKS = 365.25 / 12 / 7
"""In a month."""


@dataclass(frozen=True)
class Item:
    """One thing that is billed. `so_far` is None where it cannot be known since when; `unused` says why it
    costs although nobody has anything of it, "" if that is not so."""

    name: str
    monthly: float | None
    so_far: float | None = None
    unused: str = ""


@dataclass(frozen=True)
class Bill:
    """All that is billed for a course."""

    items: tuple[Item, ...]

    @property
    def monthly(self) -> float:
        """Of all items whose price is known."""
        return sum(item.monthly or 0 for item in self.items)

    @property
    def so_far(self) -> float:
        """This month, of all items of which that is known."""
        return sum(item.so_far or 0 for item in self.items)

    @property
    def unused(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.unused)


@dataclass(frozen=True)
class Month:
    """The present month, UTC as DigitalOcean's, up to `now`."""

    now: datetime

    @property
    def start(self) -> datetime:
        return self.now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)

    def since(self, created: str) -> datetime:
        """When something that was made then (ISO 8601) began to cost this month."""
        made = datetime.fromisoformat(created)
        return max(self.start, made if made.tzinfo else made.replace(tzinfo=UTC))

    def so_far(self, monthly: float, created: str, hourly: float | None = None) -> float:
        """What it has cost: so much an hour, at most its price for a month."""
        hours = max(0.0, (self.now - self.since(created)) / timedelta(hours=1))
        return min(monthly, hours * (monthly / prices.HOURS if hourly is None else hourly))


def bill(seen: Seen, usual: str, timetable: Timetable, now: datetime) -> Bill:
    """Everything of the course that costs; `usual` is the size outside the timetable's hours."""
    month = Month(now)
    items = [item for droplet in seen.droplets for item in _droplet(droplet, seen, usual, timetable, month)]
    items += _volumes(seen, month)
    items += _snapshots(seen, month)
    items += _addresses(seen)
    return Bill(tuple(items))


def _droplet(droplet: Droplet, seen: Seen, usual: str, timetable: Timetable, month: Month) -> Iterator[Item]:
    """The droplet in the size that it has most of the week, its larger hours, and its backups."""
    in_hours = droplet.size in {hours.size for hours in timetable.hours} and usual in seen.sizes
    slug = usual if in_hours else droplet.size
    size = seen.sizes.get(slug)
    shown = slug if slug == droplet.size else f"{slug}, now {droplet.size}"
    name = f"Droplet {droplet.name} ({shown})"
    off = "switched off, and billed all the same" if droplet.status == "off" else ""
    if size is None:
        yield Item(f"{name}: its price is not known", None, None, off)
        return
    so_far = month.so_far(size.monthly, droplet.created, size.hourly)
    yield Item(name, size.monthly, so_far, off)
    yield from _larger_hours(droplet, size, seen.sizes, timetable, month)
    if part := prices.BACKUPS[seen.backups]:
        yield Item(f"Its {seen.backups} backups", size.monthly * part, so_far * part)


def _larger_hours(
    droplet: Droplet, size: Size, sizes: Mapping[str, Size], timetable: Timetable, month: Month
) -> Iterator[Item]:
    """What the hours of the timetable cost beyond the usual size, if they are kept."""
    known = [hours for hours in timetable.hours if hours.size in sizes]
    if not known:
        return
    monthly = so_far = total = 0.0
    for hours in known:
        more = sizes[hours.size].hourly - size.hourly
        weekly = minutes_a_week(hours) / 60
        total += weekly
        monthly += weekly * WEEKS * more
        past = minutes_between(hours, timetable.timezone, month.since(droplet.created), month.now) / 60
        so_far += past * more
    yield Item(f"Its other size in the timetable's hours ({total:g} a week)", monthly, so_far)


def _volumes(seen: Seen, month: Month) -> Iterator[Item]:
    for volume in seen.volumes:
        monthly = volume.gigabytes * prices.VOLUME
        unused = "" if volume.droplets else "no droplet uses it"
        name = f"Volume {volume.name} ({volume.gigabytes} GB)"
        yield Item(name, monthly, month.so_far(monthly, volume.created), unused)


def _snapshots(seen: Seen, month: Month) -> Iterator[Item]:
    """Of each kind, the newest is what the course would come back from."""
    newest = {seen.latest_archive(kind) for kind in ("volume", "droplet")}
    for snapshot in seen.snapshots:
        monthly = snapshot.gigabytes * prices.SNAPSHOT
        unused = ""
        if snapshot not in newest:
            unused = "there is a newer one"
        elif seen.droplet:
            unused = "the hub runs without it"
        name = f"Snapshot {snapshot.name} ({snapshot.gigabytes:g} GB)"
        foreseen = snapshot.id == ""
        yield Item(name, monthly, None if foreseen else month.so_far(monthly, snapshot.created), unused)


def _addresses(seen: Seen) -> Iterator[Item]:
    """Free while a droplet has it. Since when it has had none is not told."""
    ip = seen.reserved_ip
    if ip and ip.droplet is None:
        yield Item(f"Reserved address {ip.address}", prices.UNUSED_ADDRESS, None, "it leads to no droplet")
    elif ip:
        yield Item(f"Reserved address {ip.address}", 0.0, 0.0)
