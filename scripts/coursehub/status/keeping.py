"""The record as files of the branch: what is in them, and what they look like. A file that cannot be read is
taken for absent: that part of the record begins anew, and the rest of it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from .check import number, text
from .history import with_state
from .model import Check, Incident
from .series import with_value

STATE, INCIDENTS, CANARY = "history/state.json", "history/incidents.json", "history/canary.json"
DEPLOYS = "history/deploys.json"
"""Written by each deploy: coursehub.github.record."""
MEASURES = {
    name: f"history/{name.replace('_', '-')}.json" for name in ("response", "memory", "disk", "students")
}
MOST_INCIDENTS = 200
MISREAD = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
There = Callable[[str], str | None]


@dataclass(frozen=True)
class Record:
    """All that is kept. `measures` are by their names in MEASURES; incidents come newest first, deploys
    oldest first; `canary` is what the last one came to."""

    state: Mapping[str, Any] = field(default_factory=dict)
    measures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()
    deploys: tuple[Mapping[str, Any], ...] = ()
    canary: Mapping[str, Any] | None = None


def read(there: There) -> Record:
    """The record, by a function that gives a file's text."""
    canary = value(there(CANARY))
    return Record(
        state=usable(value(there(STATE)), lambda found: with_state(found, 0.0, "")),
        measures={
            name: usable(value(there(path)), lambda found: with_value(found, 0.0, 0.0))
            for name, path in MEASURES.items()
        },
        incidents=incidents_in(value(there(INCIDENTS))),
        deploys=tuple(one for one in rows(value(there(DEPLOYS))) if number(one.get("at")) is not None),
        canary=canary if isinstance(canary, dict) else None,
    )


def value(written: str | None) -> Any:
    try:
        return json.loads(written) if written else None
    except MISREAD:
        return None


def rows(found: Any) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def usable(found: Any, trial: Callable[[Any], object]) -> Mapping[str, Any]:
    """What was found, if something can be added to it."""
    if not isinstance(found, dict):
        return {}
    try:
        trial(found)
    except MISREAD:
        return {}
    return found


def incidents_in(found: Any) -> tuple[Incident, ...]:
    known = [incident(one) for one in rows(found)]
    return tuple(sorted((one for one in known if one), key=lambda one: one.began, reverse=True))


def incident(told: Mapping[str, Any]) -> Incident | None:
    began, issue = number(told.get("began")), number(told.get("issue"))
    if began is None:
        return None
    done = told.get("done")
    return Incident(
        began,
        text(told.get("state")),
        text(told.get("title")),
        ended=number(told.get("ended")),
        cause=text(told.get("cause")),
        done=tuple(one for one in done if isinstance(one, str)) if isinstance(done, list) else (),
        issue=None if issue is None else int(issue),
        told=number(told.get("told")),
    )


def with_check(record: Record, check: Check, incidents: Iterable[Incident]) -> Record:
    """The record with one more check, and the incidents as they are since."""
    values = {"response": check.seconds, "memory": check.memory, "disk": check.disk}
    values["students"] = None if check.students is None else float(check.students)
    measures = {name: with_value(record.measures.get(name, {}), check.at, values[name]) for name in MEASURES}
    canary = record.canary if check.canary is None else {"at": check.at, **check.canary}
    return Record(
        with_state(record.state, check.at, check.state),
        measures,
        tuple(incidents)[:MOST_INCIDENTS],
        record.deploys,
        canary,
    )


def files(record: Record) -> dict[str, str]:
    """The record as files; that of the deploys is another's."""
    written = {STATE: compact(record.state)}
    written |= {
        path: compact(record.measures[name]) for name, path in MEASURES.items() if record.measures[name]
    }
    lines = ",\n".join(json.dumps(asdict(one), ensure_ascii=False) for one in record.incidents)
    written[INCIDENTS] = f"[\n{lines}\n]\n" if lines else "[]\n"
    if record.canary is not None:
        written[CANARY] = json.dumps(record.canary, ensure_ascii=False) + "\n"
    return written


def compact(found: Mapping[str, Any]) -> str:
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False) + "\n"
