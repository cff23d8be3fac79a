"""When the canary is due, and what its way means for the hub's state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from .judgement import TITLES, plain_text
from .model import DEGRADED, DOWN, FAILURE, GOOD, UP, WARNING, Finding, Verdict

NAME = "canary"
A_DAY = 23 * 3600.0
"""Seconds: the clock of GitHub's schedule is not exact, and a day later it should be due again."""
FIX = (
    "deploy, or roll the environment back if a change of it came before; what each step needs: "
    "Documentation/HealthChecks.md, The canary"
)
CERTIFICATE = "certificate"


def is_due(last: Mapping[str, Any] | None, deployed: str | None, now: float) -> bool:
    """Whether it has to fly now: once a day, after each deploy (`deployed`, as hub.json has it), and as long
    as the `last` one did not get through."""
    if not isinstance(last, Mapping) or last.get("ok") is not True:
        return True
    at = last.get("at")
    if isinstance(at, bool) or not isinstance(at, int | float) or not now - A_DAY < at <= now:
        return True
    return at < moment(deployed)


def moment(text: str | None) -> float:
    """Seconds since 1970 of a time of hub.json; 0 for what is none."""
    try:
        return datetime.fromisoformat(text).timestamp() if isinstance(text, str) else 0.0
    except (ValueError, OverflowError):
        return 0.0


def is_to_be_verified(verdict: Verdict) -> bool:
    """Whether the hub's certificate is one that browsers trust, as far as the look says."""
    return not any(one.name == CERTIFICATE and (one.bad or "trust" in one.seen) for one in verdict.findings)


def judged(verdict: Verdict, result: Mapping[str, Any], last: Mapping[str, Any] | None) -> Verdict:
    """The verdict with what the canary came to. One that was not tried leaves what the last one said."""
    one, state = found(result, last)
    findings = (*verdict.findings, one)
    facts = {**verdict.facts, "canary": told(result)}
    if state == UP or (state == DEGRADED and verdict.state != UP) or verdict.state == DOWN:
        return replace(verdict, findings=findings, facts=facts)
    title = f"{TITLES[state]}: {one.seen}"
    return replace(verdict, state=state, title=title, fix=one.fix, findings=findings, facts=facts)


def found(result: Mapping[str, Any], last: Mapping[str, Any] | None) -> tuple[Finding, str]:
    """(what is thought of it, the state that the hub is in by that alone)"""
    words = result["words"]
    if result["ok"]:
        seen = f"a student's way works: signed in, ran a cell and stopped in {result['seconds']:.0f} s"
        return Finding(NAME, GOOD, f"{seen}; {words}" if words else seen), UP
    if result["ok"] is None:
        if isinstance(last, Mapping) and last.get("ok") is False:
            before = plain_text(str(last.get("words", "")))
            return Finding(NAME, WARNING, f"students cannot work, at the last try: {before}", FIX), DEGRADED
        return Finding(NAME, GOOD, f"not tried: {words}"), UP
    level, state = (FAILURE, DOWN) if result["stops"] else (WARNING, DEGRADED)
    return Finding(NAME, level, f"students cannot work: {words}", FIX), state


def told(result: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is kept of it; None for one that was not tried."""
    if result["ok"] is None:
        return None
    return {key: result[key] for key in ("at", "ok", "seconds", "words", "steps")}
