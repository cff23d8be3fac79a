"""What a check means for the incidents: one begins, gets worse, ends. Pure: telling is done elsewhere.

The check has tried three times before it says that the hub is down, so that is believed at once. That it is
degraded is believed when it is so twice in a row: a slow minute is no incident. What cannot be seen neither
begins nor ends one, nor does a time of maintenance.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from .model import DEGRADED, DOWN, MAINTENANCE, NONE, UNKNOWN, UP, Check, Incident

OPENED, WORSE, ENDED, HEALED = "opened", "worse", "ended", "healed"
"""What can happen that is told. HEALED: it was over before anybody saw it, so it is only written down."""
REMEMBERED = 75 * 60
"""Seconds. The watchdog's report names what it did for an hour, so a check may read of an act once more."""
LONGEST_DONE = 50
"""Acts that are kept of one incident; the first of them, for later ones repeat them."""
LONGEST_GIST = 200
TITLES = {DOWN: "The hub is down", DEGRADED: "The hub is degraded"}


@dataclass(frozen=True)
class Decision:
    """The incidents, newest first; the one that the check is about, if any; and what happened, "" when there
    is nothing to tell of."""

    incidents: tuple[Incident, ...]
    current: Incident | None = None
    event: str = ""


def decide(before: Iterable[Incident], check: Check, last: str = "", since: float | None = None) -> Decision:
    """The incidents after a check. `last` is the state of the check before, those that saw nothing (unknown)
    left out, and `since` when that state began."""
    incidents = tuple(sorted(before, key=lambda one: one.began, reverse=True))
    present = next((one for one in incidents if one.ended is None), None)
    if present is None:
        return begun(incidents, check, last, since)
    # Only one can be open: what a run that was cut off left is over since the next began.
    others = tuple(
        replace(one, ended=present.began) if one.ended is None else one
        for one in incidents
        if one is not present
    )
    after, event = gone_on(present, check)
    return Decision((after, *others), after, event)


def begun(incidents: tuple[Incident, ...], check: Check, last: str, since: float | None) -> Decision:
    """The same when no incident is open."""
    was_bad = last in (DEGRADED, DOWN)
    if check.state == DOWN or (check.state == DEGRADED and was_bad):
        began = since if was_bad and since is not None and since <= check.at else check.at
        new = Incident(began, check.state, title_of(check), cause=check.cause, done=first(check.done))
        return Decision((new, *incidents), new, OPENED)
    if check.state in (UP, DEGRADED) and (acts := new_acts(incidents, check)):
        title = "Healed before anybody looked"
        healed = Incident(check.at, DEGRADED, title, ended=check.at, cause=check.cause, done=first(acts))
        return Decision((healed, *incidents), healed, HEALED)
    return Decision(incidents)


def gone_on(incident: Incident, check: Check) -> tuple[Incident, str]:
    """(An open incident after a check, what happened)."""
    known = Counter(incident.done)
    acts = tuple((Counter(check.done) - known).elements())
    after = replace(incident, done=first(incident.done + acts))
    if check.state in (UNKNOWN, MAINTENANCE):
        return after, ""
    if check.state == NONE:
        return replace(after, ended=check.at, done=(*after.done, why_none(check))), ENDED
    if check.state == UP:
        return replace(after, ended=check.at), ENDED
    if check.cause and not alike(check.cause, incident.cause):
        after = replace(after, cause=check.cause)
    if check.state == DOWN and incident.state != DOWN:
        return replace(after, state=DOWN, title=title_of(check)), WORSE
    return after, ""


def new_acts(incidents: tuple[Incident, ...], check: Check) -> tuple[str, ...]:
    """What was done to heal, without what an incident tells that ended a while ago at most."""
    recent = [one for one in incidents if one.ended is not None and check.at - one.ended <= REMEMBERED]
    told: Counter[str] = sum((Counter(one.done) for one in recent), Counter())
    return tuple((Counter(check.done) - told).elements())


def first(done: Iterable[str]) -> tuple[str, ...]:
    return tuple(done)[:LONGEST_DONE]


def title_of(check: Check) -> str:
    return " ".join(check.title.split()) or TITLES[check.state]


def why_none(check: Check) -> str:
    """Why there is no hub any more, as the check's title has it."""
    found = re.search(r"\b(archived|destroyed)\b", check.title)
    return f"the course was {found[1]}" if found else "there is no hub any more"


def alike(one: str, other: str) -> bool:
    """Whether two causes say the same but for numbers, such as seconds, which differ each time."""
    return gist(one) == gist(other)


def gist(cause: str) -> str:
    return " ".join(re.sub(r"\d+(?:[.,]\d+)?", "0", cause).lower().split())[:LONGEST_GIST]
