"""What is done about an incident: it is decided, its issue is kept, and people are told.

`bring` never raises for what GitHub or a receiver of messages does: that is returned as troubles. It can run
again after a run that was cut off anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..github.rest import GONE, Refused, Repository
from ..problems import Failure
from . import incident_issues
from .deciding import ENDED, HEALED, OPENED, WORSE, Decision, decide
from .messages import LASTS, message
from .model import DEGRADED, DOWN, MAINTENANCE, Check, Incident
from .notify_targets import targets_from
from .sending import send

DAY = 86400.0
OFF = (
    "incidents get no issue, for issues are switched off in this repository (Settings → General → Features → "
    "Issues); all else works"
)

MISFORTUNES = (Failure, KeyError, TypeError, ValueError, AttributeError)
"""What GitHub can do to us: refuse, or answer, as a proxy may, something else than it should."""


@dataclass(frozen=True)
class Outcome:
    """The incidents as they are now, newest first, and what went wrong, in words."""

    incidents: tuple[Incident, ...]
    troubles: tuple[str, ...] = ()


def bring(
    repository: Repository,
    before: Sequence[Incident],
    check: Check,
    health: Mapping[str, Any],
    environ: Mapping[str, str],
    now: float,
    last: str = "",
    since: float | None = None,
) -> Outcome:
    """Decide, keep the issues, send messages. `last` is the state of the last check that saw something (not
    unknown), and `since` when that state began."""
    troubles: list[str] = []
    issues: list[dict[str, Any]] | None = None
    off = False
    try:
        issues = incident_issues.found(repository)
        before = incident_issues.adopted(before, issues)
    except MISFORTUNES as misfortune:
        off = isinstance(misfortune, Refused) and misfortune.status == GONE
        if not off:
            troubles.append(told(misfortune))
    decision = decide(before, check, last, since)
    if off and decision.event == OPENED:
        troubles.append(OFF)
    incidents = decision.incidents
    if check.state != MAINTENANCE:
        if issues is not None:
            incidents = kept(repository, decision, issues, check, health, environ, troubles)
        incidents = announced(repository, decision, incidents, check, health, environ, now, troubles)
    return Outcome(incidents, tuple(troubles))


def kept(
    repository: Repository,
    decision: Decision,
    issues: Sequence[Mapping[str, Any]],
    check: Check,
    health: Mapping[str, Any],
    environ: Mapping[str, str],
    troubles: list[str],
) -> tuple[Incident, ...]:
    """The incidents with the numbers of their issues, which were brought to what they are."""
    keeping = incident_issues.Keeping(repository, check, health, run_of(environ, repository))
    ended = decision.current if decision.event == ENDED else None
    try:
        return keeping.keep(decision.incidents, issues, ended)
    except MISFORTUNES as misfortune:
        troubles.append(f"{told(misfortune)} (the next check tries again)")
        return decision.incidents
    finally:
        troubles += keeping.troubles


def announced(
    repository: Repository,
    decision: Decision,
    incidents: tuple[Incident, ...],
    check: Check,
    health: Mapping[str, Any],
    environ: Mapping[str, str],
    now: float,
    troubles: list[str],
) -> tuple[Incident, ...]:
    """The incidents, after the messages that are due were sent."""
    current = incidents[0] if decision.current is not None else None
    event = due(current, decision.event, check, now)
    if current is None or not event:
        return incidents
    targets, wrong = targets_from(environ.get("NOTIFY") or "")
    troubles += wrong
    if not targets:
        return incidents
    run = run_of(environ, repository)
    said = message(event, current, check, health, repository.page, run)
    failed = send(said, targets)
    troubles += failed
    # Nobody heard of it: the next check tries again.
    heard = now if len(failed) < len(targets) else 0.0
    return (replace(current, told=heard), *incidents[1:])


def due(incident: Incident | None, event: str, check: Check, now: float) -> str:
    """What to send a message about; "" for nothing."""
    if incident is None or event == HEALED:
        return ""
    if event in (OPENED, WORSE, ENDED):
        return event
    if incident.ended is not None or incident.told is None or check.state not in (DOWN, DEGRADED):
        return ""
    if incident.told == 0.0:
        return OPENED
    return LASTS if now - incident.told >= DAY else ""


def told(misfortune: Exception) -> str:
    if not isinstance(misfortune, Failure):
        return f"could not keep the incident's issue: GitHub's answer has another form ({misfortune!r})"
    return f"{misfortune.message}. What to do: {misfortune.fix}" if misfortune.fix else misfortune.message


def run_of(environ: Mapping[str, str], repository: Repository) -> str:
    """The page of this run; "" outside of Actions."""
    number = environ.get("GITHUB_RUN_ID")
    return f"{repository.page}/actions/runs/{number}" if number else ""
