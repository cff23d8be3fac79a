"""A view of a course's hub as there may be one: ninety days with outages, gaps, maintenance, deploys."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from coursehub.status.model import DEGRADED, DOWN, UP, Check, Day, Finding, Incident, View

DAY = 86400.0
NOW = datetime(2026, 11, 30, 12, 41, tzinfo=UTC).timestamp()
REPOSITORY = "school/statistics"
COMMIT = "7ea6be2a4a79129e6229e2eb64b946a81fec4aaa"


def at(month: int, day: int, hour: int, minute: int = 0) -> float:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC).timestamp()


def check(**changed) -> Check:
    """A check that found all well, but for what is `changed`."""
    found = (
        Finding("name", "good", "stats.school.edu leads to 203.0.113.7"),
        Finding("certificate", "good", "from Let's Encrypt, for 71 more days"),
        Finding("hub", "good", "JupyterHub 5.3.0 answers"),
        Finding("log-in page", "good", "shows its form"),
        Finding("response time", "good", "0.21 s"),
    )
    known = {
        "at": NOW - 60,
        "state": UP,
        "url": "https://stats.school.edu",
        "title": "The hub is up",
        "seconds": 0.214,
        "findings": found,
        "memory": 0.46,
        "disk": 0.61,
        "students": 23,
        "certificate": 71.3,
    }
    return Check(**{**known, **changed})


INCIDENTS = (
    Incident(
        at(11, 27, 22, 4),
        DEGRADED,
        "The certificate ends in 9 days and is not renewed",
        at(11, 28, 9, 14),
        "the domain's A record led to another address, so that Let's Encrypt could not see the hub",
        ("restarted the proxy, which asks for a new one", "the record was mended, a new certificate came"),
        42,
    ),
    Incident(
        at(11, 3, 8, 52),
        DOWN,
        "The hub does not answer",
        at(11, 3, 9, 31),
        "the machine ran out of memory: one server had 312 processes",
        ("ended that server: what was saved is saved", "restarted the hub (in 6 s)"),
        39,
    ),
    Incident(
        at(9, 24, 3, 10),
        DOWN,
        "The droplet is off",
        at(9, 24, 7, 40),
        "it was switched off in DigitalOcean's control panel",
        ("powered it on", "the volume was mounted", "the hub came up"),
        31,
    ),
)


def days() -> tuple[Day, ...]:
    """Mostly up: with the incidents, a day and some hours in which nobody looked, and a maintenance."""
    last = datetime.fromtimestamp(NOW, UTC).date()
    found = {(last - timedelta(days=back)).isoformat(): {"up": 1.0} for back in range(84, -1, -1)}
    found["2026-11-30"] = {"up": 0.527}
    found["2026-11-28"] = {"up": 1.0, "degraded": 0.385}
    found["2026-11-27"] = {"up": 1.0, "degraded": 0.08}
    found["2026-11-03"] = {"up": 0.973, "down": 0.027}
    found["2026-10-18"] = {"up": 0.31}
    found["2026-10-17"] = {"up": 0.0}
    found["2026-10-16"] = {"up": 0.55}
    found["2026-10-10"] = {"up": 0.875, "maintenance": 0.125}
    found["2026-09-24"] = {"up": 0.8125, "down": 0.1875}
    return tuple(Day(date, **parts) for date, parts in found.items())


def measured(value) -> tuple[tuple[float, float], ...]:
    """Every hour of 85 days but where nobody looked, what `value` makes of the time and a number that jumps
    about between 0 and 1."""
    hours = range(85 * 24, -1, -1)
    gap = (at(10, 16, 13), at(10, 18, 16))
    times = [NOW - 60 - hour * 3600 for hour in hours]
    return tuple(
        (time, round(value(time, (math.sin(time / 3600 * 12.9898) * 43758.5453) % 1), 3))
        for time in times
        if not gap[0] < time < gap[1]
    )


def busy(time: float) -> float:
    """From 0 at night and at weekends to 1 at noon."""
    there = datetime.fromtimestamp(time, UTC)
    return max(0.0, math.sin((there.hour - 7) / 12 * math.pi)) if there.weekday() < 5 else 0.05


def view(**changed) -> View:
    known = {
        "name": "Statistics for biologists",
        "now": NOW,
        "check": check(),
        "since": at(11, 28, 9, 14),
        "uptime": 0.99910,
        "known": 1.0,
        "days": days(),
        "response": measured(lambda time, luck: 0.16 + 0.3 * busy(time) * luck + (luck > 0.995) * 2.4),
        "memory": measured(lambda time, luck: 0.31 + 0.4 * busy(time) * (0.5 + luck / 2)),
        "disk": measured(lambda time, luck: 0.61 - (NOW - time) / DAY * 0.003 + 0.004 * luck),
        "students": measured(lambda time, luck: float(round(38 * busy(time) * (0.4 + 0.6 * luck)))),
        "incidents": INCIDENTS,
        "deploys": tuple(
            {
                "at": when,
                "commit": COMMIT,
                "run": f"https://github.com/{REPOSITORY}/actions/runs/{number}",
            }
            for number, when in enumerate(
                (at(9, 7, 9), at(9, 21, 10), at(10, 10, 6), at(11, 9, 17, 20), at(11, 28, 9, 2)), 1905
            )
        ),
        "commit": COMMIT,
        "environment": "a81fec4a4a79129e6229e2eb64b946a81fec4aaa",
        "repository": REPOSITORY,
    }
    return View(**{**known, **changed})
