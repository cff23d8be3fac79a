"""How the hub stands, as all that is shown says it: what is too old to speak of now is unknown. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from . import words
from .model import DOWN, NONE, UNKNOWN, View


@dataclass(frozen=True)
class Standing:
    """`state` is what may be said of `view.now`; `since` when it began; `stale` when it is unknown because
    the last check is too old."""

    state: str
    since: float
    stale: bool = False

    @property
    def seen(self) -> bool:
        """Whether the values of the last check may be shown as those of now."""
        return self.state not in (UNKNOWN, NONE)

    @property
    def answers(self) -> bool:
        return self.seen and self.state != DOWN


def standing(view: View) -> Standing:
    """A state that nobody knows, or of a check that is too old, is unknown."""
    state = view.check.state if view.check.state in words.STATES else UNKNOWN
    if state != NONE and view.now - view.check.at > words.STALE_AFTER:
        return Standing(UNKNOWN, view.check.at, stale=True)
    return Standing(state, min(view.since, view.check.at))
