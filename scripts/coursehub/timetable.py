"""Hours of the week in which the droplet is larger. Pure: nothing here knows what time it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from .droplet_sizes import droplet_weight

AHEAD = timedelta(minutes=75)
"""So long before hours begin, their size is due: a schedule that comes once an hour then has come at least a
quarter of an hour before, for schedules on GitHub come late, and students early."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Hours:
    """From `start` to before `end`, in minutes after midnight, on `days` (0 is Monday), the droplet has
    `size`. `text` is the line as it stands in course.yml."""

    days: tuple[int, ...]
    start: int
    end: int
    size: str
    text: str


@dataclass(frozen=True)
class Timetable:
    """`timezone` is a name of the IANA database; `hours` do not overlap."""

    timezone: str
    hours: tuple[Hours, ...]


def timetable_from(timezone: str, hours: list[str]) -> Timetable:
    """The timetable of these lines, which the schema has found to be of the right form."""
    return Timetable(timezone, tuple(hours_from(line) for line in hours))


def hours_from(line: str) -> Hours:
    """Such as "monday,wednesday 09:00-12:00 s-4vcpu-8gb"."""
    days, clock, size = line.split()
    start, end = (minutes(text) for text in clock.split("-"))
    return Hours(tuple(DAYS.index(day) for day in days.split(",")), start, end, size, line)


def minutes(clock: str) -> int:
    """Minutes after midnight of "09:30"."""
    hour, minute = clock.split(":")
    return int(hour) * 60 + int(minute)


def size_at(timetable: Timetable, usual: str, now: datetime) -> str:
    """The size that the droplet should have at `now` (with a time zone): that of the hours, or `usual`."""
    return next((hours.size for hours in timetable.hours if covers(hours, timetable.timezone, now)), usual)


def size_due(timetable: Timetable, usual: str, now: datetime) -> str:
    """The size that the droplet should be given at `now`: the largest of those for now and for until AHEAD
    from then, so that it is there before a class, and does not shrink in a short break. Of two that are
    equally large, that of hours counts, and then the present one."""
    sizes = [size_at(timetable, usual, now), *sizes_ahead(timetable, usual, now)]
    return max(sizes, key=lambda size: (droplet_weight(size), size != usual))


def sizes_ahead(timetable: Timetable, usual: str, now: datetime) -> list[str]:
    """The sizes that the beginnings and ends of hours bring, after `now` and until AHEAD from then."""
    today = now.astimezone(ZoneInfo(timetable.timezone)).date()
    changes = {
        moment(day, clock, timetable.timezone)
        for day in (today - timedelta(days=1), today, today + timedelta(days=1))
        for hours in timetable.hours
        if day.weekday() in hours.days
        for clock in (hours.start, hours.end)
    }
    return [size_at(timetable, usual, when) for when in sorted(changes) if now < when <= now + AHEAD]


def covers(hours: Hours, timezone: str, now: datetime) -> bool:
    """Whether `now` lies within these hours, on the clock of that time zone."""
    local = now.astimezone(ZoneInfo(timezone))
    return local.weekday() in hours.days and hours.start <= local.hour * 60 + local.minute < hours.end


def minutes_left(timetable: Timetable, now: datetime) -> float | None:
    """Until the end of the hours that `now` lies in; None outside of all hours."""
    local = now.astimezone(ZoneInfo(timetable.timezone))
    for hours in timetable.hours:
        if covers(hours, timetable.timezone, now):
            # The second of two equal clock times, when summer time ends, has an end of its own.
            end = moment(local.date(), hours.end, timetable.timezone, local.fold)
            return (end - now) / timedelta(minutes=1)
    return None


def minutes_since(timetable: Timetable, now: datetime) -> float | None:
    """Since hours ended last, if that is less than a day ago."""
    today = now.astimezone(ZoneInfo(timetable.timezone)).date()
    ends = [
        moment(day, hours.end, timetable.timezone)
        for day in (today - timedelta(days=1), today)
        for hours in timetable.hours
        if day.weekday() in hours.days
    ]
    passed = [(now - end) / timedelta(minutes=1) for end in ends if end <= now]
    return min(passed, default=None)


def minutes_a_week(hours: Hours) -> int:
    return len(hours.days) * (hours.end - hours.start)


def minutes_between(hours: Hours, timezone: str, start: datetime, end: datetime) -> float:
    """How many minutes from `start` to `end` (with time zones) lie within these hours."""
    day, last = (one.astimezone(ZoneInfo(timezone)).date() for one in (start, end))
    total = timedelta()
    while day <= last:
        if day.weekday() in hours.days:
            begin, stop = (moment(day, clock, timezone) for clock in (hours.start, hours.end))
            total += max(timedelta(), min(stop, end) - max(begin, start))
        day += timedelta(days=1)
    return total / timedelta(minutes=1)


def moment(day: date, minutes_of_day: int, timezone: str, fold: int = 0) -> datetime:
    """The moment of a clock time on a day, in UTC: 24:00 is the next day's beginning."""
    clock = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes_of_day)
    return clock.replace(tzinfo=ZoneInfo(timezone), fold=fold).astimezone(UTC)


def overlap(one: Hours, other: Hours) -> bool:
    """Whether there is a minute of the week that lies in both."""
    return bool(set(one.days) & set(other.days)) and one.start < other.end and other.start < one.end
