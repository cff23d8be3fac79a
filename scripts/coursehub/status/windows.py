"""Times of maintenance, as course.yml has them in `health.maintenance`. Pure.

Such as "sunday 02:00-04:00", "monday,friday 22:00-24:00" or "2027-01-05 08:00-12:00".
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Window:
    """From `start` to before `end`, in minutes after midnight, on `days` of the week (0 is Monday), or on one
    `date`. `text` is the line."""

    start: int
    end: int
    text: str
    days: tuple[int, ...] = ()
    date: date | None = None


def window_from(line: str) -> Window:
    """Raises ValueError for a line of another form, and for a date that no calendar has."""
    when, clock = line.split()
    start, end = (minutes(part) for part in clock.split("-"))
    if when[:1].isdigit():
        return Window(start, end, line, date=date.fromisoformat(when))
    return Window(start, end, line, days=tuple(DAYS.index(day) for day in when.split(",")))


def minutes(clock: str) -> int:
    """Minutes after midnight of "09:30"."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def window_at(lines: Iterable[str], timezone: str, now: float) -> str:
    """The line whose time it is, by the clock of `timezone`; "" for none. Lines that cannot be read, which a
    deploy does not let through, are passed over; a time zone that is unknown counts as UTC."""
    moment = datetime.fromtimestamp(now, UTC)
    with suppress(ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        moment = moment.astimezone(ZoneInfo(timezone))
    for line in lines:
        try:
            if covers(window_from(line), moment):
                return line
        except (ValueError, AttributeError):
            continue
    return ""


def covers(window: Window, local: datetime) -> bool:
    on_the_day = local.date() == window.date if window.date else local.weekday() in window.days
    return on_the_day and window.start <= local.hour * 60 + local.minute < window.end
