"""Release dates: from when, and until when, a path of content/ is on the droplet. Pure: nothing here knows
what time it is.

Where several entries of course.yml mean the same path, all of them must let it through: a path is never given
to students too early because of an entry that was forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .patterns import matches
from .timetable import minutes, moment

MIDNIGHT = "24:00"


@dataclass(frozen=True)
class Release:
    """One entry: what the pattern `path` means is there from `start` to before `end`, moments in UTC; None is
    no limit."""

    path: str
    start: datetime | None
    end: datetime | None


@dataclass(frozen=True)
class Releases:
    """All entries, and the time zone, by its IANA name, in which dates are written and shown."""

    rules: tuple[Release, ...] = ()
    timezone: str = "UTC"


def releases_of(settings: Any) -> Releases:
    """Those of a course."""
    return Releases(settings.content.release, settings.timetable.timezone)


def release_from(entry: Mapping[str, str], timezone: str) -> Release:
    """One entry, whose form the schema has checked: `path`, and `from` or `until` or both."""
    start, end = entry.get("from"), entry.get("until")
    return Release(
        entry["path"],
        moment_of(start, timezone, "00:00") if start else None,
        moment_of(end, timezone, MIDNIGHT) if end else None,
    )


def moment_of(text: str, timezone: str, usual: str) -> datetime:
    """The moment, in UTC, of "2026-10-05" (at the `usual` clock time) or "2026-10-05 18:00". A clock time
    that summer time leaves out is an hour later; of one that comes twice, the first counts.

    Raises ValueError for a day that no calendar has.
    """
    day, clock = date.fromisoformat(text[:10]), text[11:] or usual
    return moment(day, minutes(clock), timezone)


def released(paths: Iterable[str], releases: Releases, now: datetime) -> list[str]:
    """Those of the paths that students may have at `now` (with a time zone)."""
    return [path for path in paths if is_released(path, releases, now)]


def is_released(path: str, releases: Releases, now: datetime) -> bool:
    start, end = span(path, releases)
    return (start is None or start <= now) and (end is None or now < end)


def span(path: str, releases: Releases) -> tuple[datetime | None, datetime | None]:
    """From when to before when a path is there; None is no limit."""
    rules = [rule for rule in releases.rules if matches(path, rule.path)]
    starts = [rule.start for rule in rules if rule.start]
    ends = [rule.end for rule in rules if rule.end]
    return max(starts, default=None), min(ends, default=None)


def is_dated(path: str, releases: Releases) -> bool:
    """Whether an entry means this path."""
    return any(matches(path, rule.path) for rule in releases.rules)


def remark(path: str, releases: Releases, now: datetime) -> str:
    """Why the path is there, or is not; "" for one that no date has ever kept back."""
    start, end = span(path, releases)
    if end is not None and end <= now:
        return f"withdrawn since {shown(end, releases)}"
    if start is None:
        return ""
    return f"{'released since' if start <= now else 'waits until'} {shown(start, releases)}"


def waiting(paths: Iterable[str], releases: Releases, now: datetime) -> dict[datetime, list[str]]:
    """The paths that are still to come, by the moment at which they do, the next first."""
    found: dict[datetime, list[str]] = {}
    for path in paths:
        start, end = span(path, releases)
        if start is not None and now < start and (end is None or start < end):
            found.setdefault(start, []).append(path)
    return dict(sorted(found.items()))


def idle_patterns(paths: Iterable[str], releases: Releases) -> list[str]:
    """The patterns that mean nothing in content/: probably misspelt, or left from what was renamed."""
    there = list(paths)
    found = [rule.path for rule in releases.rules if not any(matches(path, rule.path) for path in there)]
    return list(dict.fromkeys(found))


def moments(releases: Releases) -> list[datetime]:
    """When something begins or ends, in order."""
    return sorted({when for rule in releases.rules for when in (rule.start, rule.end) if when})


def shown(when: datetime, releases: Releases) -> str:
    """A moment as people read it, such as "2026-10-05 18:00 (Europe/Berlin)"."""
    return f"{when.astimezone(ZoneInfo(releases.timezone)):%Y-%m-%d %H:%M} ({releases.timezone})"
