"""The line that each deploy leaves on the droplet: who, when, from what, which steps, how it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from .model import Session, StepResult
from .problems import Failure
from .run_identity import commit, holder


def record(session: Session, entry: Mapping[str, Any]) -> Failure | None:
    """Leave the line in the audit log. Not being able to is an error only if all else went well: a
    connection that is lost cannot take it."""
    try:
        session.call("audit.record", {"entry": entry})
    except Failure as failure:
        return None if entry["error"] else failure
    return None


def audit_entry(settings: Any, results: list[StepResult], error: Failure | None) -> dict[str, Any]:
    """One line for the droplet's audit log: who, when, from what, which steps, how it ended."""
    return {
        **asdict(holder()),
        "course": settings.name,
        "commit": commit(settings.root),
        "steps": [{"title": result.step.title, "seconds": round(result.seconds, 2)} for result in results],
        "verdict": "failed" if error else "converged",
        "error": error.message if error else None,
    }
