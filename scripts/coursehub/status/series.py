"""Measured values over the years: each of the last days, then one an hour, then one a day. Pure, bounded."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from .history import DAY, DAYS_KEPT, FINE

HOUR = 3600.0
HOURS_KEPT = 100 * 24
SHOWN = 90 * DAY


def with_value(record: Mapping[str, Any], at: float, value: float | None) -> dict[str, Any]:
    """The record with one more value; without one, as it was. Adding the same one twice is as once."""
    fine = {int(time): number for time, number in record.get("fine", [])}
    if value is None and not fine:
        return {}
    if value is not None:
        fine[round(at)] = round(value, 4)
    newest = max(fine)
    hours = {int(time): number for time, number in record.get("hours", [])}
    days = {int(time): number for time, number in record.get("days", [])}
    hours |= medians(fine, HOUR, newest - FINE, hours)
    days |= medians(fine, DAY, newest - FINE, days)
    return {
        "fine": [[time, number] for time, number in sorted(fine.items()) if time > newest - FINE],
        "hours": [list(one) for one in sorted(hours.items())[-HOURS_KEPT:]],
        "days": [list(one) for one in sorted(days.items())[-DAYS_KEPT:]],
    }


def medians(
    fine: Mapping[int, float], length: float, oldest: float, present: Mapping[int, float]
) -> dict[int, float]:
    """The median of each hour or day, by its beginning. One of which not all values are kept any more was
    reckoned when they were."""
    groups: dict[int, list[float]] = {}
    for time, number in fine.items():
        groups.setdefault(int(time // length * length), []).append(number)
    return {
        begin: round(statistics.median(numbers), 4)
        for begin, numbers in groups.items()
        if begin > oldest or begin not in present
    }


def series(record: Mapping[str, Any], now: float) -> tuple[tuple[float, float], ...]:
    """(time, value) of the last 90 days, oldest first: each of the last days, before them one an hour."""
    fine = [(float(time), float(number)) for time, number in record.get("fine", [])]
    oldest = fine[0][0] if fine else now
    hours = [(time + HOUR / 2, float(number)) for time, number in record.get("hours", [])]
    shown = [one for one in hours if one[0] < oldest] + fine
    return tuple(one for one in shown if now - SHOWN <= one[0] <= now)
