"""The values of the watchdog, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass

GOOD, WARNING, FAILURE, UNSEEN = "good", "warning", "failure", "unseen"
"""What a finding can be. `unseen` is not known, which is neither good nor bad."""
ONLY_TOLD = frozenset({"memory of a server", "restarts"})
"""What somebody's notebook did to itself, and what is over, is told, and makes no hub degraded."""
UP, DEGRADED, DOWN = "up", "degraded", "down"
STOPS_THE_CLASS = frozenset({"volume", "hub", "proxy", "way to the hub", "way to a server", "environment"})
"""The findings without which nobody can work; the others make a hub degraded, not down."""


@dataclass(frozen=True)
class Finding:
    """What is thought of one thing: what was `seen`, and `why` as far as that can be told. No person is named
    in either, for they are shown to others; `on` is the unit that it is about, where there are several."""

    name: str
    level: str
    seen: str
    why: str = ""
    on: str = ""

    @property
    def bad(self) -> bool:
        return self.level == FAILURE


@dataclass(frozen=True)
class Act:
    """Something that is done to heal: its `name` (a key of acts.ACTS), what it acts on where there is a
    choice, and the `finding` that it is for."""

    name: str
    finding: str
    on: str = ""


def unseen(name, seen):
    """The finding of a look that failed; None for one that did not."""
    return Finding(name, UNSEEN, f"cannot be seen: {seen['unseen']}") if "unseen" in seen else None


def state_of(findings) -> str:
    """The hub's state in one word."""
    bad = {finding.name for finding in findings if finding.bad}
    if bad & STOPS_THE_CLASS:
        return DOWN
    worth_a_look = any(one.level == WARNING and one.name not in ONLY_TOLD for one in findings)
    return DEGRADED if bad or worth_a_look else UP
