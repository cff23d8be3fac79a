"""What scripts/check_health.py printed, read: lenient, for an older or a newer one may have written it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .model import DEGRADED, DOWN, NONE, UNKNOWN, UP, Check, Finding

STATES = (UP, DEGRADED, DOWN, UNKNOWN, NONE)


def check_from(result: Mapping[str, Any] | None, now: float, since: float = 0.0) -> Check:
    """The check; one that told nothing is unknown. `now` is its time, where it does not say it; what the
    watchdog did up to `since`, when the check before was, is no news any more."""
    told = result if isinstance(result, Mapping) else {}
    state = told.get("state")
    inside = told.get("inside") if isinstance(told.get("inside"), Mapping) else {}
    capacity = inside.get("capacity") if isinstance(inside.get("capacity"), Mapping) else {}
    students = number(inside.get("servers"))
    return Check(
        at=number(told.get("at")) or now,
        state=state if state in STATES else UNKNOWN,
        url=text(told.get("url")) or None,
        title=text(told.get("title")) or "The check ended without a result",
        fix=text(told.get("fix")),
        cause=text(told.get("cause")),
        seconds=number(told.get("seconds")),
        findings=tuple(finding(one) for one in listed(told.get("findings"))),
        done=done(told, inside, since),
        memory=memory(capacity.get("memory")),
        disk=disk(capacity.get("disks")),
        students=None if students is None else int(students),
        certificate=number(told.get("certificate_days")),
        canary=told["canary"] if isinstance(told.get("canary"), Mapping) else None,
    )


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def number(value: Any) -> float | None:
    """A finite number; None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e15 else None


def listed(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def finding(told: Mapping[str, Any]) -> Finding:
    return Finding(*(text(told.get(name)) for name in ("name", "level", "seen", "why", "fix")))


def done(told: Mapping[str, Any], inside: Mapping[str, Any], since: float) -> tuple[str, ...]:
    """What was done to heal, oldest first: by the watchdog, then by the check."""
    acts = [(number(act.get("at")) or 0.0, text(act.get("words"))) for act in listed(inside.get("acts"))]
    words = [said for at, said in sorted(acts) if at > since]
    healed = told.get("healed")
    words += [text(one) for one in healed] if isinstance(healed, list) else []
    return tuple(dict.fromkeys(one for one in words if one))


def memory(told: Any) -> float | None:
    """The part of the memory that is used."""
    if not isinstance(told, Mapping):
        return None
    return used(told.get("total"), told.get("available"))


def disk(told: Any) -> float | None:
    """The part that is used of the fullest disk; each is told with the part of it that is free."""
    if not isinstance(told, Mapping):
        return None
    free = [number(one.get("part")) for one in told.values() if isinstance(one, Mapping)]
    return max((1.0 - part for part in free if part is not None and 0.0 <= part <= 1.0), default=None)


def used(total: Any, left: Any) -> float | None:
    total, left = number(total), number(left)
    if not total or left is None:
        return None
    return min(1.0, max(0.0, 1.0 - left / total))
