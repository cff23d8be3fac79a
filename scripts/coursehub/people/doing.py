"""What a verb decided, done: while no deploy is under way, with a line in the audit log. Raises Failure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from ..lifecycle.told import Told
from ..model import Json, Session
from ..problems import Failure
from ..report import Terminal
from ..rollback import take_lock
from ..roster.discretion import discreet
from ..run_identity import holder
from .listing import size
from .situation import Act, Situation


def do(session: Session, terminal: Terminal, at: Situation, act: Act) -> Told:
    """Ask the droplet, and tell. Where names may not be shown, no error has one."""
    if act.operation is None:
        return act.told
    take_lock(session, terminal)
    parameters = {**act.parameters, **act.secrets}
    try:
        done = session.call(act.operation, parameters, timeout=act.timeout)
    except Failure as failure:
        record(session, at, "failed", failure.message)
        raise discreet(failure, () if at.names else everybody(at)) from None
    record(session, at, act.told.verdict, None)
    return with_archive(act.told, done, names=at.names) if isinstance(done, Mapping) else act.told


def record(session: Session, at: Situation, verdict: str, error: str | None) -> None:
    """Leave the line; that it cannot be left, of what failed anyway, is no second error."""
    entry = asdict(holder()) | {"person": at.name, "verdict": verdict, "error": error}
    try:
        session.call("audit.record", {"entry": entry})
    except Failure:
        if error is None:
            raise


def everybody(at: Situation) -> frozenset[str]:
    return frozenset({at.name, *(one.name for one in at.people)})


def with_archive(told: Told, done: Mapping[str, Any], *, names: bool) -> Told:
    """What was told, with the archive that was made."""
    made: Json = done.get("archive")
    if not made:
        return replace(told, title="There were no files to archive", notes=told.notes[1:])
    note = f"The archive has {size(done['bytes'])}" + (f": {made}" if names else "")
    values = {**told.values, "archive": made if names else None, "bytes": done["bytes"]}
    return replace(told, notes=(note, *told.notes), values=values)
