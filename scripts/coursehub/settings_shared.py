"""The shared places as course.yml has them: `shared/`, which all read, and the groups' own folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from coursehub.problems import Problem
from coursehub.settings_yaml import KeyPath

FOLDER, GROUPS = "shared", "groups"
"""What the two are called in people's homes."""
DATA = "shared-data"
"""The folder of the repository whose files a deploy puts into `shared/`."""
LONGEST_NAME = 200
"""Bytes of one name in a path; some stay for what is put beside a file."""


@dataclass(frozen=True)
class SharedFile:
    """A file that the server fetches: its address, its SHA-256 in lower case, its path below shared/."""

    url: str
    sha256: str
    path: str


@dataclass(frozen=True)
class Shared:
    """Whether there is a `folder`; which `groups` of the roster have one, True for all; what `files` are
    fetched."""

    folder: bool
    groups: bool | tuple[str, ...]
    files: tuple[SharedFile, ...]


def shared_from(values: Mapping[str, Any]) -> Shared:
    """The typed settings of the checked values."""
    files = (
        SharedFile(entry["url"], entry["sha256"].lower(), entry["path"].rstrip("/"))
        for entry in values["files"]
    )
    groups = values["groups"]
    return Shared(values["folder"], groups if isinstance(groups, bool) else tuple(groups), tuple(files))


def shared_places_make_sense(draft: Any) -> Iterator[Problem]:
    """Every name in shared/ is one thing, and its own name in the homes is free (`draft`: see
    settings_rules.Draft)."""
    yield from _folder_is_free(draft)
    before: dict[str, str] = {path: f"{DATA}/{path} is, too" for path in draft.shared_data}
    for place, entry in draft.items("shared.files"):
        if any((*place, key) in draft.wrong for key in ("url", "sha256", "path")):
            continue
        path, here = entry["path"], (*place, "path")
        if any(len(part.encode()) > LONGEST_NAME for part in path.split("/")):
            fix = f"Write names of at most {LONGEST_NAME} letters."
            yield draft.problem(here, "has a name that is too long for the server", fix, path[:40] + "…")
        elif clash := _clash(path, before):
            yield draft.problem(here, f"cannot be there: {clash}", "Write another path.", path)
        before.setdefault(path, _told(draft, here, path))


def _folder_is_free(draft: Any) -> Iterator[Problem]:
    if not draft.sound("content.folder", "shared.folder", "shared.groups"):
        return
    name = draft.value("content").get("folder")
    taken = {FOLDER: draft.value("shared.folder"), GROUPS: draft.value("shared.groups")}
    if taken.get(name):
        key = "folder" if name == FOLDER else "groups"
        fix = f"Choose another name, or write shared: {{{key}: false}}."
        yield draft.problem(("content", "folder"), f"is what the place of shared.{key} is called", fix, name)


def _clash(path: str, before: Mapping[str, str]) -> str | None:
    """What stands against a file at this path; None when nothing does."""
    if path in before:
        return before[path]
    parents = {parent.as_posix() for parent in PurePosixPath(path).parents}
    for other in before:
        if other in parents or other.startswith(f"{path}/"):
            return f"{other} is there, and one of the two would have to be a folder"
    return None


def _told(draft: Any, here: KeyPath, path: str) -> str:
    known = here[:1] in draft.document.places
    return f"line {draft.document.place(here).line} has that path, too" if known else f"{path} is there twice"
