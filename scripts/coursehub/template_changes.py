"""What a course takes from a newer template: pure, on the files of three trees.

A copy of a template has no history in common with it, so that git itself cannot merge the two. What stands
in for a common ancestor is the base: the template as it was when the course was copied from it, or last
updated.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple

COURSE = (
    "course.yml",
    "environment.yml",
    "environment.lock",
    "apt.txt",
    "postBuild",
    "jupyterhub_config.py",
    "content/",
    "README.md",
    "LICENSE",
    "Documentation/Links.md",
    "Documentation/links.html",
    "Documentation/launch.svg",
    "shared-data/",
)
"""What is the course's, and never touched. Everything else is the program's."""


class File(NamedTuple):
    """A file in a tree, as git knows it."""

    mode: str
    sha: str


Files = Mapping[str, File]


@dataclass(frozen=True)
class Changes:
    """`write` and `remove` are what becomes of the course's files. `kept` are files that the course changed
    and the template did not, `conflicts` those that both did, each in its own way; `clashes` are the
    course's own files that stand where the template has a folder, or the other way around."""

    write: Mapping[str, File]
    remove: tuple[str, ...]
    kept: tuple[str, ...] = ()
    conflicts: tuple[str, ...] = ()
    clashes: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.write or self.remove)


def is_course(path: str) -> bool:
    """Whether a path is the course's own."""
    return any(path.startswith(own) if own.endswith("/") else path == own for own in COURSE)


def changes(base: Files, ours: Files, theirs: Files, *, outdated: Collection[str] = ()) -> Changes:
    """What has to change in OURS, the course, so that the program becomes THEIRS, the template's.

    A conflict is written or removed as in the template: whoever does not want that stops before. `outdated`
    are paths that the course has as the template had them at some time since the base: no change of its own.
    """
    write: dict[str, File] = {}
    remove, kept, conflicts = [], [], []
    for path in sorted({*base, *ours, *theirs}):
        before, here, there = base.get(path), ours.get(path), theirs.get(path)
        if is_course(path) or here == there:
            continue
        if there == before:
            if before is not None:
                kept.append(path)
            continue
        if here != before and path not in outdated:
            conflicts.append(path)
        if there is None:
            remove.append(path)
        else:
            write[path] = there
    after = ({*ours} - {*remove}) | {*write}
    return Changes(write, tuple(remove), tuple(kept), tuple(conflicts), clashing(after, write))


def clashing(paths: Collection[str], new: Collection[str]) -> tuple[str, ...]:
    """The files that cannot be there beside NEW ones, being a folder of them, or in a folder they replace."""
    everything, added = set(paths), set(new)
    found = set()
    for path in everything:
        for folder in map(str, PurePosixPath(path).parents):
            if folder in everything and (folder in added or path in added):
                found.add(path if folder in added else folder)
    return tuple(sorted(found))
