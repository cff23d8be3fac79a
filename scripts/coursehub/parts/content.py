"""The course's material, published in a repository on the droplet that students' servers pull from."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ..content_files import content_paths
from ..model import Json, Reporter, Step
from ..release_dates import (
    Releases,
    idle_patterns,
    is_dated,
    is_released,
    releases_of,
    remark,
    shown,
    waiting,
)
from ..sizes import MIB, bytes_of

NAME = "content"
REPOSITORY = "/srv/course/content.git"
BRANCH = "main"
NONE = Releases()
EVER = datetime.max.replace(tzinfo=UTC)
SHOWN = 12
"""So many changed files are listed in a plan; of more, the number is given."""


@dataclass(frozen=True)
class File:
    """One file of the course: its path below content/, git's mode and git's name for its bytes."""

    path: str
    mode: str
    blob: str
    size: int


@dataclass(frozen=True)
class Want:
    """`files` in git's order, those that students may have at `now`; `tree` is git's name for all of them
    together. `paths` are all in content/. With `only_dated`, nothing changes but what comes and goes by its
    date. A file of `large` bytes or more is worth a warning, for each of `students` gets it."""

    root: Path
    files: tuple[File, ...]
    tree: str
    paths: tuple[str, ...] = ()
    releases: Releases = NONE
    now: datetime = EVER
    only_dated: bool = False
    large: int = 0
    students: int = 0

    def remark(self, path: str) -> str:
        """A path of a plan, with what its release dates have to do with it."""
        said = remark(path, self.releases, self.now) if path in self.paths else ""
        return f"{path} ({said})" if said else path


def want(settings, secrets, *, now: datetime | None = None, only_dated: bool = False) -> Want:
    """Reads the files below content/ that are released at `now` (which is now, unless given) and names them
    as git would, so that equal means equal."""
    root, releases = settings.root / "content", releases_of(settings)
    now = now or datetime.now(UTC)
    paths = tuple(content_paths(settings.root))
    files = tuple(read(root, path) for path in paths if may_be_given(root, path, releases, now))
    large, students = bytes_of(settings.content.large_file), len({*settings.users, *settings.admins})
    return Want(root, files, tree_id(files), paths, releases, now, only_dated, large, students)


def may_be_given(root: Path, path: str, releases: Releases, now: datetime) -> bool:
    """Whether a path is released, by all its names."""
    return not releases.rules or all(is_released(name, releases, now) for name in names_of(root, path))


def names_of(root: Path, path: str) -> set[str]:
    """A path, and for a link also the one that it leads to: it becomes a copy of that file, and comes and
    goes with it."""
    return {path, (root / path).resolve().relative_to(root.resolve()).as_posix()}


def read(root: Path, path: str) -> File:
    """Name one file by its bytes, without holding them in memory."""
    place = root / path
    size = place.stat().st_size
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with place.open("rb") as file:
        while piece := file.read(MIB):
            digest.update(piece)
    return File(path, "100755" if os.access(place, os.X_OK) else "100644", digest.hexdigest(), size)


def tree_id(files: Iterable[File]) -> str:
    """Git's name (SHA-1) for a directory of files: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    entries: dict[str, tuple[str, str]] = {}
    below: dict[str, list[File]] = {}
    for file in files:
        first, _, rest = file.path.partition("/")
        if rest:
            below.setdefault(first, []).append(File(rest, file.mode, file.blob, file.size))
        else:
            entries[first] = (file.mode, file.blob)
    for name, inside in below.items():
        entries[name] = ("40000", tree_id(inside))
    # Git sorts a directory as if its name ended in a slash.
    ordered = sorted(entries, key=lambda name: name.encode() + (b"/" if name in below else b""))
    body = b"".join(
        entries[name][0].encode() + b" " + name.encode() + b"\0" + bytes.fromhex(entries[name][1])
        for name in ordered
    )
    return hashlib.sha1(b"tree %d\0" % len(body) + body, usedforsecurity=False).hexdigest()


def question(want: Want) -> Json:
    return {"repository": REPOSITORY, "branch": BRANCH, "tree": want.tree}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    for line in notes(want):
        report.note(line)
    return narrowed(want, seen) if want.only_dated else want


def narrowed(want: Want, seen: Mapping) -> Want:
    """What the droplet has, with what comes and without what goes by its date: the rest is a deploy's to
    change, after its notebooks were tested."""
    if seen["tree"] == want.tree:
        return want
    present: Mapping[str, list[str]] = seen.get("files", {})
    kept = [
        File(path, mode, blob, 0)
        for path, (mode, blob) in present.items()
        if may_be_given(want.root, path, want.releases, want.now)
    ]
    added = [
        file
        for file in want.files
        if file.path not in present
        and any(is_dated(name, want.releases) for name in names_of(want.root, file.path))
    ]
    files = tuple(sorted([*kept, *added], key=lambda file: file.path))
    return replace(want, files=files, tree=tree_id(files))


def notes(want: Want) -> list[str]:
    """What is still to come, the next first."""
    coming = waiting(want.paths, want.releases, want.now)
    return [
        f"{', '.join(paths[:SHOWN])}{f' and {len(paths) - SHOWN} more' if len(paths) > SHOWN else ''}: "
        f"waits until {shown(when, want.releases)}"
        for when, paths in coming.items()
    ]


def warnings(want: Want) -> list[str]:
    """Entries that mean nothing, and files that take much of everybody's disk."""
    idle = [
        f"content.release: {pattern} matches nothing in content/"
        for pattern in idle_patterns(want.paths, want.releases)
    ]
    return idle + [large(file, want.students) for file in want.files if 0 < want.large <= file.size]


def large(file: File, students: int) -> str:
    """A warning of one large file. Git keeps each version of it a second time."""
    size = f"content/{file.path} has {file.size / MIB:.0f} MB"
    all_of_them = f": {file.size * students * 2 / 2**30:.1f} GB for {students} people" if students > 1 else ""
    fix = "have the notebook read it from where it is published, or make it smaller"
    return f"{size}, and every student gets a copy, and git's own of it{all_of_them}. What to do: {fix}"


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step that sends the files whose bytes the droplet does not have."""
    same = seen["tree"] == want.tree
    if same and seen["trusted"] and not seen["unfinished"]:
        return []
    present: Mapping[str, list[str]] = seen.get("files", {})
    known = {blob for _, blob in present.values()}
    if same:
        known = {file.blob for file in want.files}
        changes = ["~ its permissions" if not seen["trusted"] else "~ the mark of an interrupted deploy"]
    else:
        changes = differences(want.files, present, want.remark)
    listed: list[list[Json]] = []
    payload: list[bytes | Path] = []
    for file in want.files:
        send = file.blob not in known
        listed.append([file.path, file.mode, file.blob, file.size if send else None])
        if send:
            payload.append(want.root / file.path)
    details = changes if len(changes) <= SHOWN else [*changes[:SHOWN], f"… and {len(changes) - SHOWN} more"]
    if seen["damage"]:
        title = "Publish the content anew"
        words = "it is set aside, and its history kept as far as it can be read"
        details = [f"the droplet's copy is damaged ({seen['damage']}): {words}", *details]
    elif same:
        title = "Finish publishing the content"
    elif present:
        title = f"Update the content ({count(len(changes), 'file')} changed)"
    else:
        title = "Publish the content"
    parameters = {
        "repository": REPOSITORY,
        "branch": BRANCH,
        "tree": want.tree,
        "files": listed,
        "message": title + "\n\n" + "\n".join(details) + "\n",
    }
    return [Step(NAME, title, "content.publish", parameters, tuple(details), tuple(payload), timeout=1800)]


def differences(
    wanted: Iterable[File], present: Mapping[str, list[str]], named: Callable[[str], str] = str
) -> list[str]:
    """What a person wants to know: files added (+), changed (~) and removed (-)."""
    files = {file.path: file for file in wanted}
    changes = [(path, f"+ {named(path)}") for path in files if path not in present]
    changes += [
        (path, f"~ {path}")
        for path, file in files.items()
        if path in present and [file.mode, file.blob] != present[path]
    ]
    changes += [(path, f"- {named(path)}") for path in present if path not in files]
    return [change for _, change in sorted(changes)]


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 file, 2 files."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
