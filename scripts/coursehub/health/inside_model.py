"""What the server says of itself (on_the_server.py), read: whatever it is, it becomes these values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .model import FAILURE, UNSEEN, WARNING, Finding
from .words import plain_text

MOST = 50
"""Findings, and acts."""


@dataclass(frozen=True)
class Inside:
    """`now` is the server's clock; `watchdog` whether there is one, `timer` whether its timer runs; `report`
    its last report. `deploying` is who holds the lock of deploys: {"who", "since"}. `uptime` are the seconds
    since the server started, `deployed` the time of the last deploy's end. `well` is whether the hub answers
    on the server itself, `states` those of its services, `answers` what each answers there in place of what a
    hub does ("" is well); `did` what was just done there."""

    now: float = 0.0
    watchdog: bool = False
    timer: bool = False
    report: dict[str, Any] | None = None
    deploying: dict[str, str] | None = None
    uptime: float = 0.0
    deployed: float = 0.0
    well: bool = False
    states: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    did: tuple[str, ...] = ()

    @property
    def age(self) -> float | None:
        """Seconds since the watchdog's last look; None when there was none."""
        return max(0.0, self.now - self.report["at"]) if self.report else None

    @property
    def busy(self) -> bool:
        """Whether a deploy is at work, which nobody may disturb; the watchdog's healing is no deploy."""
        return bool(self.deploying) and self.deploying["who"] != WATCHDOG

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the watchdog found that is not good, under names of their own."""
        found = (self.report or {}).get("findings") or ()
        return tuple(
            Finding(f"{INSIDE}{one['name']}", one["level"], one["seen"], ADVICE, one["why"])
            for one in found
            if one["level"] in (WARNING, FAILURE)
        )


WATCHDOG = "the watchdog"
INSIDE = "inside: "
ADVICE = "Documentation/HealthChecks.md says what the watchdog does about it, and how to look on the server"


def inside_from(value: Mapping[str, Any]) -> Inside:
    """What was said, with everything missing that is not of its type."""
    deploying = mapping(value.get("deploying"))
    states = mapping(value.get("states")) or {}
    answers = mapping(value.get("answers")) or {}
    return Inside(
        now=number(value.get("now")) or 0.0,
        watchdog=value.get("watchdog") is True,
        timer=value.get("timer") is True,
        report=report_from(mapping(value.get("report"))),
        deploying=None if deploying is None else {key: words(deploying.get(key)) for key in ("who", "since")},
        uptime=number(value.get("uptime")) or 0.0,
        deployed=number(value.get("deployed")) or 0.0,
        well=value.get("well") is True,
        states={key: words(states.get(key)) for key in ("proxy", "hub")},
        answers={key: words(answers.get(key)) for key in ("proxy", "hub")},
        did=tuple(words(one) for one in listed(value.get("did"))),
    )


def report_from(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The watchdog's report, as others may see it."""
    if value is None or number(value.get("at")) is None:
        return None
    found = [one for one in map(mapping, listed(value.get("findings"))) if one]
    acts = [one for one in map(mapping, listed(value.get("acts"))) if one and number(one.get("at"))]
    return {
        "at": number(value["at"]),
        "state": words(value.get("state")),
        "person": value.get("person") is True,
        "findings": [
            {key: words(one.get(key)) for key in ("name", "seen", "why")} | {"level": level_of(one)}
            for one in found
        ],
        "acts": [
            {"at": number(one["at"])} | {key: words(one.get(key)) for key in ("act", "finding", "words")}
            for one in acts
        ],
        "capacity": mapping(value.get("capacity")) or {},
        "servers": number(value.get("servers")),
    }


def level_of(one: Mapping[str, Any]) -> str:
    level = one.get("level")
    return level if level in (WARNING, FAILURE) else UNSEEN


def mapping(value: Any) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None


def listed(value: Any) -> list[Any]:
    return value[:MOST] if isinstance(value, list) else []


def words(value: Any) -> str:
    return plain_text(value) if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
