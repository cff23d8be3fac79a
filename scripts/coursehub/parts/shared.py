"""The shared places: who may read and write where, and what shared-data/ brings to `shared/`.

What teachers put there on the hub is theirs: a deploy only ever touches files that a deploy put there, and
only as long as they are as it left them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..accounts import group_folder, unix_account
from ..model import Json, Reporter, Step
from ..roster.people import ADMIN, ASSISTANT, Roster
from ..settings_shared import DATA
from ..shared_files import shared_paths
from ..sizes import MIB

NAME = "shared"
PREFIX, TEACHERS = "course-", "coursehub-teachers"
"""As the droplet has them (coursehub.droplet.tend_shared)."""
SHOWN = 12
RUNNING = "a server that runs keeps the rights that it began with, until it is stopped"


@dataclass(frozen=True)
class File:
    """One file of shared-data/: its path there, what its bytes are, and whether it can be run."""

    path: str
    sha256: str
    size: int
    executable: bool


@dataclass(frozen=True)
class Want:
    """`groups` are the Unix accounts for each group's folder, the `admins` among them everywhere; `teachers`
    fill shared/, which is there if `folder`. `elsewhere` are paths in it that another part takes care of.
    `names` are the folders that a plan may name; it counts the others."""

    folder: bool
    files: tuple[File, ...]
    groups: Mapping[str, tuple[str, ...]] = field(repr=False)
    admins: tuple[str, ...] = field(repr=False)
    teachers: tuple[str, ...] = field(repr=False)
    elsewhere: tuple[str, ...]
    names: frozenset[str]
    root: Path
    empty: tuple[str, ...] = ()
    """Groups that course.yml lists and nobody is in."""


def want(settings, secrets) -> Want:
    """Reads the files below shared-data/, if they are wanted."""
    shared, roster = settings.shared, settings.roster
    admins = accounts(roster.of_role(ADMIN))
    listed = tuple(roster.groups) if shared.groups is True else tuple(shared.groups or ())
    groups = {
        group_folder(group): tuple(sorted({*admins, *accounts(roster.groups.get(group, ()))}))
        for group in sorted(listed)
    }
    root = settings.root / DATA
    return Want(
        shared.folder,
        tuple(read(root, path) for path in shared_paths(settings.root)) if shared.folder else (),
        groups,
        admins,
        tuple(sorted({*admins, *accounts(roster.of_role(ASSISTANT))})),
        tuple(file.path for file in shared.files),
        named(settings.shared.groups, roster, groups),
        root,
        () if shared.groups is True else tuple(group for group in listed if group not in roster.groups),
    )


def named(groups, roster: Roster, folders) -> frozenset[str]:
    """A group's name is the course's own to show where course.yml has it; one that only the secret has may
    be made of people's names."""
    if roster.names:
        return frozenset(folders)
    return frozenset() if isinstance(groups, bool) else frozenset(group_folder(group) for group in groups)


def accounts(names) -> tuple[str, ...]:
    return tuple(sorted(unix_account(name) for name in names))


def read(root: Path, path: str) -> File:
    """Name one file by its bytes, without holding them in memory."""
    digest = hashlib.sha256()
    size = 0
    with (root / path).open("rb") as file:
        while piece := file.read(MIB):
            digest.update(piece)
            size += len(piece)
    return File(path, digest.hexdigest(), size, os.access(root / path, os.X_OK))


def question(want: Want) -> Json:
    files = [[file.path, file.sha256, file.size] for file in want.files]
    return {"wanted": files, "elsewhere": list(want.elsewhere)}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    for line in notes(want, seen):
        report.note(line)
    return want


def notes(want: Want, seen: Mapping) -> list[str]:
    """What is on the hub and stays as it is, although the course's files say something else."""
    said = [
        f"{path} in shared/ was changed on the hub: it stays so until {DATA}/{path} is changed, too"
        for path in edited(want.files, seen)
    ]
    if not want.folder and seen["shared"]:
        said.append("shared/ is closed (shared.folder); its files stay, in /srv/course/shared on the server")
    said += [f"shared.groups: nobody of the roster is in {group}" for group in want.empty]
    kept = [folder for folder in seen["folders"] if folder not in want.groups]
    if kept:
        said.append(
            f"{count(len(kept), 'folder')} of groups that have none any more: kept in /srv/course/groups on "
            "the server, for the admins"
        )
    return said


def edited(files, seen: Mapping) -> list[str]:
    """Files that were changed by hand since this very version was put there."""
    return [
        file.path
        for file in files
        if seen["files"][file.path][0] == "by hand"
        and seen["files"][file.path][1] != file.sha256
        and seen["put"].get(file.path, [None])[0] == file.sha256
    ]


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    return [*settling(want, seen), *publishing(want, seen)]


def settling(want: Want, seen: Mapping) -> list[Step]:
    """One step for whatever is wrong with the places and with who may do what there."""
    if not (want.folder or want.groups or seen["shared"] or seen["folders"]):
        return []
    # The admins keep the folder of a group that is no longer wanted.
    kept = {folder: want.admins for folder in seen["folders"] if folder not in want.groups}
    groups = {**want.groups, **kept}
    condition = "open" if want.folder else "closed" if seen["shared"] else None
    details = []
    if seen["shared"] != condition:
        done = {"open": "everybody reads it, teachers write", "closed": "closed; its files stay"}
        details.append(f"~ shared/: {done[condition]}")
    details += members_changed("who writes in shared/", want.teachers, seen["groups"].get(TEACHERS))
    shown, hidden = [], 0
    for folder, members in groups.items():
        changes = folder_changes(folder, members, seen)
        if changes and folder in want.names:
            shown += changes
        hidden += bool(changes and folder not in want.names)
    details += shown
    details += [f"~ the folders of {count(hidden, 'group')}"] if hidden else []
    if not details and seen["lasting"]:
        return []
    leaves = any("- " in change for change in details) or hidden
    details = [*details[:SHOWN], *([f"… and {len(details) - SHOWN} more"] if len(details) > SHOWN else [])]
    details += [RUNNING] if leaves and seen["lasting"] else []
    parameters = {
        "folder": want.folder,
        "groups": {folder: list(members) for folder, members in groups.items()},
        "teachers": list(want.teachers),
    }
    title = "Update who may do what in the shared places" if seen["lasting"] else "Set up the shared places"
    return [Step(NAME, title, "shared.settle", parameters, tuple(details), timeout=3700)]


def folder_changes(folder: str, members: tuple[str, ...], seen: Mapping) -> list[str]:
    condition = seen["folders"].get(folder)
    changes = members_changed(f"groups/{folder}", members, seen["groups"].get(PREFIX + folder))
    if condition is None:
        return [f"+ groups/{folder}, for {count(len(members), 'person', 'people')}"]
    if condition != "open" and not changes:
        return [f"~ groups/{folder}: its rights"]
    return changes


def members_changed(place: str, wanted: tuple[str, ...], present: Json) -> list[str]:
    """How many come and go, without names: whoever reads a plan is told of people by the configuration."""
    if present is None:
        return [f"+ {place}: {count(len(wanted), 'person', 'people')}"]
    come, go = len(set(wanted) - set(present[1])), len(set(present[1]) - set(wanted))
    words = ", ".join(f"{sign} {number}" for sign, number in (("+", come), ("-", go)) if number)
    return [f"~ {place}: {words}"] if words else []


def publishing(want: Want, seen: Mapping) -> list[Step]:
    """One step that sends the files whose bytes are not there, and takes away what left shared-data/."""
    if not want.folder:
        return []
    listed: list[list[Json]] = []
    payload: list[bytes | Path] = []
    details = []
    stays = set(edited(want.files, seen))
    for file in want.files:
        (state, there), entry = seen["files"][file.path], seen["put"].get(file.path)
        same = there == file.sha256
        if file.path in stays or (same and state == "ours" and entry == [file.sha256, "push"]):
            continue
        listed.append([file.path, file.sha256, file.size, file.executable, not same])
        payload += [] if same else [want.root / file.path]
        details.append(detail(file.path, state, same))
    left = {path: state for path, (state, _) in seen["left"].items() if state != "absent"}
    details += [
        f"- {path}" if state == "ours" else f"{path} stays: it was changed on the hub"
        for path, state in left.items()
    ]
    if not details:
        return []
    shown = details if len(details) <= SHOWN else [*details[:SHOWN], f"… and {len(details) - SHOWN} more"]
    title = f"Update shared/ ({count(len(details), 'file')})"
    parameters = {"files": listed, "remove": list(left)}
    return [Step(NAME, title, "shared.publish", parameters, tuple(shown), tuple(payload), timeout=1800)]


def detail(path: str, state: str, same: bool) -> str:
    """What happens with one file, in words."""
    if same:
        return f"= {path}: it is there already"
    if state == "by hand":
        return f"~ {path}; what was put there on the hub is kept beside it, as 'changed by hand'"
    return f"{'+' if state == 'absent' else '~'} {path}"


def count(number: int, noun: str, nouns: str = "") -> str:
    """A number with its noun: 1 file, 2 files."""
    return f"{number} {noun}" if number == 1 else f"{number} {nouns or noun + 's'}"
