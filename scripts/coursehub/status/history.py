"""The record of the hub's states: pure, and bounded.

It keeps the checks of the last days as they came, and for each day, for ten years, the seconds in which the
hub was up, and so on. A check speaks for the time until the next one, but not for much longer than the checks
are usually apart: what is beyond is unknown, and is never called up.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from .model import DEGRADED, DOWN, MAINTENANCE, UP, Check, Day

FINE = 8 * 86400.0
"""Seconds for which each check is kept."""
DAYS_KEPT = 3660
DAY = 86400.0
LEAST_GAP, MOST_GAP = 45 * 60.0, 150 * 60.0
"""Seconds for which a check may speak: schedules on GitHub come late by minutes, and now and then not at all.
"""
SPACINGS = 40
KINDS = (UP, DEGRADED, DOWN, MAINTENANCE)
WINDOW = 30


def date_of(at: float) -> str:
    """The day in UTC, such as "2026-11-30"."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def start_of(date: str) -> float:
    return datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()


def checks_of(record: Mapping[str, Any]) -> list[tuple[float, str]]:
    """The checks that are kept one by one, oldest first."""
    return sorted({(float(at), str(state)) for at, state in record.get("checks", [])})


def with_state(record: Mapping[str, Any], at: float, state: str) -> dict[str, Any]:
    """The record with one more check. Adding the same one twice is as once."""
    checks = sorted({*checks_of(record), (round(at), state)})
    since = record.get("since")
    newest = not record.get("checks") or at > checks_of(record)[-1][0]
    if newest:
        since = since_with(record, at, state)
    newest_at = checks[-1][0]
    kept = [one for one in checks if one[0] > newest_at - FINE]
    days = dict(record.get("days", {}))
    # A day that is only partly covered by what is kept was reckoned when all of it was.
    first_whole = date_of(kept[0][0] + DAY) if len(kept) < len(checks) else date_of(kept[0][0])
    seconds = by_day(checks, gap_of(checks))
    days |= {date: values for date, values in seconds.items() if date >= first_whole or date not in days}
    days = dict(sorted(days.items())[-DAYS_KEPT:])
    return {
        "checks": [list(one) for one in kept],
        "since": since,
        "first": min(record.get("first", newest_at), checks[0][0]),
        "days": days,
    }


def since_with(record: Mapping[str, Any], at: float, state: str) -> list[Any]:
    """When the present state began: [state, time]. A gap ends what was before it."""
    checks, since = checks_of(record), record.get("since")
    if not checks or not since or since[0] != state or at - checks[-1][0] > gap_of(checks):
        return [state, round(at)]
    return list(since)


def gap_of(checks: list[tuple[float, str]]) -> float:
    """Seconds for which one of these checks speaks."""
    times = [at for at, _ in checks[-SPACINGS:]]
    spacings = [after - before for before, after in pairwise(times)]
    usual = statistics.median(spacings) if spacings else 0.0
    return min(MOST_GAP, max(LEAST_GAP, 3 * usual))


def by_day(checks: list[tuple[float, str]], gap: float) -> dict[str, list[int]]:
    """{date: seconds of each of KINDS}, degraded ones not counted among those that were up."""
    found: dict[str, list[float]] = {}
    for number, (at, state) in enumerate(checks):
        # The last one speaks for no time yet: the next check will tell.
        end = min(checks[number + 1][0], at + gap) if number + 1 < len(checks) else at
        for date, seconds in pieces(at, end):
            day = found.setdefault(date, [0.0] * len(KINDS))
            if state in KINDS:
                day[KINDS.index(state)] += seconds
    return {date: [round(value) for value in values] for date, values in found.items()}


def pieces(start: float, end: float) -> Iterable[tuple[str, float]]:
    """A time cut at midnights of UTC."""
    while True:
        date = date_of(start)
        midnight = start_of(date) + DAY
        yield date, min(end, midnight) - start
        if end <= midnight:
            return
        start = midnight


def days(record: Mapping[str, Any], now: float, count: int = 90) -> tuple[Day, ...]:
    """The last days, oldest first, today as far as it has come. Days of which nothing is known are there."""
    last = start_of(date_of(now))
    found = []
    for back in reversed(range(count)):
        date = date_of(last - back * DAY)
        length = max(1.0, now - last) if back == 0 else DAY
        up, degraded, down, maintenance = (
            min(1.0, value / length) for value in record.get("days", {}).get(date, [0] * len(KINDS))
        )
        found.append(Day(date, min(1.0, up + degraded), degraded, down, maintenance))
    return tuple(found)


def uptime(record: Mapping[str, Any], now: float) -> tuple[float | None, float]:
    """(part of the known time, maintenance excepted, in which people could work; part of the time that is
    known), of the last thirty days, or since the first check."""
    dates = [date_of(now - back * DAY) for back in range(WINDOW)]
    totals = [0.0] * len(KINDS)
    for date in dates:
        for index, value in enumerate(record.get("days", {}).get(date, [0] * len(KINDS))):
            totals[index] += value
    up, degraded, down, maintenance = totals
    working = up + degraded
    begin = max(start_of(dates[-1]), record.get("first", now))
    whole = max(now - begin, 1.0)
    part = working / (working + down) if working + down else None
    return part, min(1.0, (working + down + maintenance) / whole)


def since(record: Mapping[str, Any], check: Check) -> float:
    """When the state began that the check found."""
    found = record.get("since")
    return float(found[1]) if found and found[0] == check.state else check.at
