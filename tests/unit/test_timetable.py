"""The clock of the timetable: time zones, summer time, late runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coursehub.timetable import (
    minutes_a_week,
    minutes_between,
    minutes_left,
    minutes_since,
    size_at,
    size_due,
    timetable_from,
)

USUAL, LARGE, HUGE = "s-1vcpu-2gb", "s-4vcpu-8gb", "s-8vcpu-16gb"
BERLIN = timetable_from(
    "Europe/Berlin", [f"monday,wednesday 09:00-12:00 {LARGE}", f"friday 20:00-24:00 {HUGE}"]
)

# When (UTC), the size then, minutes left of the hours, minutes since hours ended last
MOMENTS = {
    "winter, before": ("2026-03-02T07:59", USUAL, None, None),
    "winter, at the beginning": ("2026-03-02T08:00", LARGE, 180, None),
    "winter, an hour late": ("2026-03-02T09:00", LARGE, 120, None),
    "winter, the last minute": ("2026-03-02T10:59", LARGE, 1, None),
    "winter, at the end": ("2026-03-02T11:00", USUAL, None, 0),
    "summer, at the beginning": ("2026-07-06T07:00", LARGE, 180, None),
    "summer, an hour after the end": ("2026-07-06T11:00", USUAL, None, 60),
    "just before midnight": ("2026-03-06T22:59", HUGE, 1, None),
    "past midnight": ("2026-03-06T23:10", USUAL, None, 10),
    "another day": ("2026-03-03T10:00", USUAL, None, 23 * 60),
}


@pytest.mark.parametrize(("text", "size", "left", "since"), MOMENTS.values(), ids=MOMENTS)
def test_moments(text, size, left, since):
    now = datetime.fromisoformat(text).replace(tzinfo=UTC)
    assert size_at(BERLIN, USUAL, now) == size
    assert minutes_left(BERLIN, now) == left
    assert minutes_since(BERLIN, now) == since


def test_the_night_when_summer_time_begins():
    """On March 29th 2026, 02:00 is 03:00 in Berlin: the hours from 1 to 5 last three."""
    night = timetable_from("Europe/Berlin", [f"sunday 01:00-05:00 {LARGE}"])
    begin = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    assert minutes_left(night, begin) == 180
    assert minutes_since(night, begin + timedelta(hours=3)) == 0
    month = (datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC))
    assert minutes_between(night.hours[0], night.timezone, *month) == 5 * 240 - 60


def test_the_night_when_it_ends():
    """On October 25th 2026, the hour from 2 to 3 comes twice."""
    night = timetable_from("Europe/Berlin", [f"sunday 01:00-02:30 {LARGE}"])
    first, second = datetime(2026, 10, 25, 0, 10, tzinfo=UTC), datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    assert minutes_left(night, first) == minutes_left(night, second) == 20


def test_hours_that_follow_each_other():
    """At 10, the end of the first is known, though the second holds."""
    two = timetable_from("UTC", [f"monday 08:00-10:00 {HUGE}", f"monday 10:00-12:00 {LARGE}"])
    now = datetime(2026, 3, 2, 10, 5, tzinfo=UTC)
    assert size_at(two, USUAL, now) == LARGE and minutes_since(two, now) == 5


DAY = timetable_from(
    "UTC",
    [
        f"monday 08:00-10:00 {LARGE}",
        f"monday 10:30-12:00 {LARGE}",
        f"monday 12:00-13:00 {HUGE}",
        f"monday 13:00-14:00 {LARGE}",
        "monday 22:00-24:00 s-1vcpu-1gb",
        f"tuesday 00:15-01:00 {HUGE}",
    ],
)
DUE = {
    "two hours before": ("06:00", USUAL),
    "76 minutes before": ("06:44", USUAL),
    "75 minutes before": ("06:45", LARGE),
    "in the middle": ("09:00", LARGE),
    "a break that is too short for shrinking": ("10:05", LARGE),
    "a larger class is to come": ("11:20", HUGE),
    "a smaller class is to come": ("12:40", HUGE),
    "it has come": ("13:00", LARGE),
    "nothing is to come": ("14:00", USUAL),
    "less is to come": ("21:30", USUAL),
    "less is there": ("22:30", "s-1vcpu-1gb"),
    "tomorrow is near": ("23:45", HUGE),
}


@pytest.mark.parametrize(("clock", "size"), DUE.values(), ids=DUE)
def test_what_is_due(clock, size):
    now = datetime.fromisoformat(f"2026-03-02T{clock}").replace(tzinfo=UTC)
    assert size_due(DAY, USUAL, now) == size


def test_more_is_due_before_hours_of_less_end():
    less = timetable_from("UTC", ["monday 21:00-23:00 s-1vcpu-1gb"])
    assert size_due(less, USUAL, datetime(2026, 3, 2, 21, 40, tzinfo=UTC)) == "s-1vcpu-1gb"
    assert size_due(less, USUAL, datetime(2026, 3, 2, 21, 50, tzinfo=UTC)) == USUAL


def test_processors_decide_between_equal_memories():
    two = timetable_from("UTC", ["monday 08:00-10:00 s-4vcpu-8gb", "monday 10:00-12:00 c-4"])
    eight, nine = (datetime(2026, 3, 2, hour, 30, tzinfo=UTC) for hour in (7, 9))
    assert size_due(two, "s-2vcpu-8gb", eight) == "s-4vcpu-8gb"
    assert size_due(two, "s-2vcpu-8gb", nine) == "s-4vcpu-8gb"
    alike = timetable_from("UTC", ["monday 08:00-10:00 c-4"])
    assert {size_due(alike, "s-4vcpu-8gb", now) for now in (eight, nine)} == {"c-4"}


def test_what_is_due_before_the_clock_is_changed():
    """On March 29th 2026, 02:00 is 03:00 in Berlin."""
    early = timetable_from("Europe/Berlin", [f"sunday 03:15-05:00 {LARGE}"])
    begin = datetime(2026, 3, 29, 1, 15, tzinfo=UTC)
    assert size_due(early, USUAL, begin - timedelta(minutes=75)) == LARGE
    assert size_due(early, USUAL, begin - timedelta(minutes=76)) == USUAL


def test_minutes():
    first = BERLIN.hours[0]
    assert minutes_a_week(first) == 360
    start = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    assert minutes_between(first, BERLIN.timezone, start, start + timedelta(minutes=30)) == 30
    assert minutes_between(first, BERLIN.timezone, start, start + timedelta(days=7)) == 360
    assert minutes_between(first, BERLIN.timezone, start, start) == 0
