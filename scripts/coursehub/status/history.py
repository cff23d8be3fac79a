"""The record of the hub's states: pure, and bounded.

It keeps the checks of the last days as they came, and for each day, for ten years, the seconds in which the
hub was up, and so on. A check speaks for the time until the next one, but not for much longer than the checks
before it were apart: what is beyond is unknown, and is never called up. For how long it speaks does not
change with what comes later, when a repository is made private, say, and its checks come each hour.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from .model import DEGRADED, DOWN, MAINTENANCE, UP, Check, Day

FINE = 8 * 86400.0
"""Seconds for which each check is kept."""
DAYS_KEPT = 3660
DAY = 86400.0
LEAST_GAP, MOST_GAP, FIRST_GAP = 45 * 60, 150 * 60, 75 * 60
"""Seconds for which a check may speak: schedules on GitHub come late by minutes, and now and then not at all.
The first of all speaks until an hourly one would follow."""
SPACINGS = 8
"""So many before a check tell how far they are usually apart."""
KINDS = (UP, DEGRADED, DOWN, MAINTENANCE)
WINDOW = 30


def date_of(at: float) -> str:
    """The day in UTC, such as "2026-11-30"."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def start_of(date: str) -> float:
    return datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC).timestamp()


def checks_of(record: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The checks that are kept one by one, oldest first."""
    return sorted({(int(at), str(state)) for at, state in record.get("checks", [])})


def with_state(record: Mapping[str, Any], at: float, state: str) -> dict[str, Any]:
    """The record with one more check. Neither does the order of the checks matter, nor how often the same one
    comes; only one that comes later than its time is kept is left out.

    Of what is older than `FINE`, the record has the last check, which speaks for the time after it; the
    spacings up to this one (`spacings`), and when its state began (`began`)."""
    before, new = checks_of(record), (round(at), state)
    late = before and new[0] < max(before[-1][0] - FINE, before[0][0] if "began" in record else 0)
    checks = before if late else sorted({*before, new})
    spacings = record.get("spacings", [])
    gaps = gaps_of(checks, spacings)
    newest = checks[-1][0]
    cut = max(0, sum(one[0] <= newest - FINE for one in checks) - 1)
    days = dict(record.get("days", {}))
    # A day of which not all checks are kept any more was reckoned when they were.
    first_whole = date_of(checks[0][0]) if "first" not in record else date_of(newest - FINE + DAY)
    days |= {
        date: seconds
        for date, seconds in by_day(checks, gaps).items()
        if date >= first_whole or date not in days
    }
    known = record.get("began")
    after = {
        "checks": [list(one) for one in checks[cut:]],
        "spacings": spacings_up_to(checks, spacings)[cut],
        "since": [checks[-1][1], beginning(checks, gaps, len(checks) - 1, known)],
        "first": min(record.get("first", newest), checks[0][0]),
        "days": dict(sorted(days.items())[-DAYS_KEPT:]),
    }
    if cut or known is not None:
        after["began"] = beginning(checks, gaps, cut, known)
    return after


def beginning(checks: Sequence[tuple[int, str]], gaps: Sequence[float], index: int, known: int | None) -> int:
    """When the state of a check began; a gap ends what was before it. `known` is when that of the first one
    did."""
    while index and checks[index - 1][1] == checks[index][1]:
        if checks[index][0] - checks[index - 1][0] > gaps[index - 1]:
            return checks[index][0]
        index -= 1
    return known if index == 0 and known is not None else checks[index][0]


def spacings_up_to(checks: Sequence[tuple[int, str]], before: Sequence[int]) -> list[list[int]]:
    """For each check, the last spacings up to it; `before` are those up to the first."""
    found = [[int(one) for one in before]]
    for (earlier, _), (later, _) in pairwise(checks):
        found.append([*found[-1], later - earlier][-SPACINGS:])
    return found


def gaps_of(checks: Sequence[tuple[int, str]], before: Sequence[int]) -> list[float]:
    """For each check, the seconds for which it may speak."""
    usual = (sorted(one)[len(one) // 2] if one else FIRST_GAP / 3 for one in spacings_up_to(checks, before))
    return [min(MOST_GAP, max(LEAST_GAP, 3 * one)) for one in usual]


def by_day(checks: Sequence[tuple[int, str]], gaps: Sequence[float]) -> dict[str, list[int]]:
    """{date: seconds of each of KINDS}, degraded ones not counted among those that were up."""
    found: dict[int, list[float]] = {}
    # The last one speaks for no time yet: the next check will tell.
    ends = [*(after for after, _ in checks[1:]), checks[-1][0]]
    for (at, state), following, gap in zip(checks, ends, gaps, strict=True):
        for number, seconds in pieces(at, min(following, at + gap)):
            day = found.setdefault(number, [0.0] * len(KINDS))
            if state in KINDS:
                day[KINDS.index(state)] += seconds
    return {date_of(number * DAY): [round(one) for one in values] for number, values in found.items()}


def pieces(start: float, end: float) -> Iterator[tuple[int, float]]:
    """A time cut at midnights of UTC: (days since 1970, seconds)."""
    while True:
        number = int(start // DAY)
        midnight = (number + 1) * DAY
        yield number, min(end, midnight) - start
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
