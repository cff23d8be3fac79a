"""What becomes of one file: decided from what the student was given, what the course has now, and what lies
there. Pure."""

from __future__ import annotations

NOTHING = "nothing"
TAKE = "take the course's"
REMOVE = "remove"
MERGE = "merge both"
MAKE_WAY = "set the student's aside, and take the course's"

OTHER = "other"
"""Lies there, and is no file whose bytes can be compared: a folder, or what cannot be read."""
SUBMODULE = "160000"


def decide(given: str | None, wanted: str | None, mine: str | None) -> str:
    """Each is the name of a file's bytes, None for no file, and `mine` may be OTHER."""
    if mine == wanted:
        return NOTHING
    if mine is None:
        return TAKE
    if mine == OTHER:
        return MAKE_WAY if wanted else NOTHING
    if mine == given:
        return TAKE if wanted else REMOVE
    if wanted is None:
        return NOTHING  # The student's changes are worth more than that the course has it no longer.
    return MERGE if given else MAKE_WAY


def best_match(commits: list[tuple[str, dict]], mine: dict[str, str]) -> str | None:
    """The version that the student's files come from: most of its files lie there unchanged, and fewest are
    missing; None when no file is of any version.

    Of several it is the oldest: what the course changed since then either is there already, and merges with
    itself, or is to be merged. `commits` are (id, {path: (mode, blob)}), newest first; `mine` maps the paths
    that are there to their blobs.
    """
    best, most = None, (1, 0)
    for commit, files in commits:
        same = sum(mine.get(path) == blob for path, (_, blob) in files.items())
        found = same, -sum(path not in mine for path in files)
        if same and (best is None or found >= most):
            best, most = commit, found
    return best
