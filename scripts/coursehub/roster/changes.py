"""What a deploy changes for people, in words. Pure."""

from __future__ import annotations

from collections.abc import Collection

from .people import count

MOST_NAMED = 10
FEW = 5
"""So many may leave at once without a word, however small the class is."""


def changes(before: Collection[str] | None, after: Collection[str] | None, *, names: bool) -> tuple[str, ...]:
    """Who comes and who leaves, such as "+ 3 people, - 1 person"; with `names` few are named. Nothing where
    it is not known who there was."""
    if before is None or after is None:
        return ()
    moves = {"+": sorted(set(after) - set(before)), "-": sorted(set(before) - set(after))}
    if names and 0 < sum(map(len, moves.values())) <= MOST_NAMED:
        return tuple(f"{sign} {', '.join(who)}" for sign, who in moves.items() if who)
    said = ", ".join(f"{sign} {count(len(who))}" for sign, who in moves.items() if who)
    return (said,) if said else ()


def many_leave(before: Collection[str] | None, after: Collection[str]) -> bool:
    """Whether so many would be shut out that it is more likely a list that was forgotten: more than half."""
    leaving = set(before or ()) - set(after)
    return len(leaving) > max(FEW, len(before or ()) / 2)
