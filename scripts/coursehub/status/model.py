"""The values that the parts of this package hand to each other. Times are seconds since 1970."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UP, DEGRADED, DOWN, UNKNOWN, MAINTENANCE, NONE = "up", "degraded", "down", "unknown", "maintenance", "none"
"""The states of a hub; `none` is that there is none, since nothing was deployed, or what was is archived. A
time without a check is `unknown`, neither up nor down."""


@dataclass(frozen=True)
class Finding:
    """What is thought of one thing. `level` is good, warning, failure or unseen; `why` its cause, as far as
    that is known. Nobody is named in it."""

    name: str
    level: str
    seen: str
    why: str = ""
    fix: str = ""


@dataclass(frozen=True)
class Check:
    """One run of the check: the JSON of scripts/check_health.py, read.

    `seconds` is the median time of an answer; `cause` one line, "" where none is known; `done` what was done
    to heal, in words, by the watchdog since the last check and by the check itself; `memory` and `disk` are
    the parts of the server's that are used, from 0 to 1, and `students` the servers that run, None where the
    server could not be seen from inside; `certificate` is the days that are left. `canary` is None for a
    check without one.
    """

    at: float
    state: str
    url: str | None = None
    title: str = ""
    fix: str = ""
    cause: str = ""
    seconds: float | None = None
    findings: tuple[Finding, ...] = ()
    done: tuple[str, ...] = ()
    memory: float | None = None
    disk: float | None = None
    students: int | None = None
    certificate: float | None = None
    canary: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Incident:
    """A time in which the hub was not as it should be: from `began` to `ended`, None while it lasts. `state`
    is the worst that it was; `title` and `cause` say what was found, `done` what was done, oldest first;
    `issue` is the number of its issue on GitHub, and `told` when people were last sent a message about it, 0
    when none came through, None when none was to be sent."""

    began: float
    state: str
    title: str
    ended: float | None = None
    cause: str = ""
    done: tuple[str, ...] = ()
    issue: int | None = None
    told: float | None = None


@dataclass(frozen=True)
class Day:
    """One day (`date`, such as "2026-11-30", of UTC) in the record: the parts of it, from 0 to 1, in which
    the hub was up (degraded counts: people could work), degraded, down, in maintenance. What is missing to 1
    of up, down and maintenance is unknown."""

    date: str
    up: float = 0.0
    degraded: float = 0.0
    down: float = 0.0
    maintenance: float = 0.0


@dataclass(frozen=True)
class View:
    """All that is shown. `since` is when the present state began; `uptime` the part of the last 30 days'
    known time, maintenance excepted, in which the hub was up, None when nothing is known of them; `known` the
    part of these days that is known. `days` are the last ninety, oldest first; `response`, `memory`, `disk`
    and `students` are (time, value) of the last 90 days, thinned, oldest first; `deploys` are {"at",
    "commit", "run"}; `incidents` come newest first. `commit` is what is deployed, `environment` the commit of
    its environment."""

    name: str
    now: float
    check: Check
    since: float
    uptime: float | None
    known: float
    days: tuple[Day, ...]
    response: tuple[tuple[float, float], ...] = ()
    memory: tuple[tuple[float, float], ...] = ()
    disk: tuple[tuple[float, float], ...] = ()
    students: tuple[tuple[float, float], ...] = ()
    incidents: tuple[Incident, ...] = ()
    deploys: tuple[Mapping[str, Any], ...] = ()
    commit: str = ""
    environment: str = ""
    repository: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
