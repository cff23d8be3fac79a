"""Files for `shared/` that the droplet fetches by itself, known by their checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import Json, Reporter, Step
from ..settings_shared import SharedFile
from ..shared_files import shared_paths

NAME = "downloads"
BY_ADDRESS = "address"
TIME = 3000
"""Seconds for one file: more than the droplet gives it."""


@dataclass(frozen=True)
class Want:
    """None where there is no shared/: then nothing of it is touched. `elsewhere` are paths that a push puts
    there."""

    files: tuple[SharedFile, ...] | None
    elsewhere: tuple[str, ...] = ()


def want(settings, secrets) -> Want:
    shared = settings.shared
    return Want(shared.files, tuple(shared_paths(settings.root))) if shared.folder else Want(None)


def question(want: Want) -> Json:
    files = [[file.path, file.sha256] for file in want.files or ()]
    return {"wanted": files, "elsewhere": list(want.elsewhere)}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    for line in notes(want, seen):
        report.note(line)
    return want


def notes(want: Want, seen: Mapping) -> list[str]:
    """What stays as it is, although course.yml says something else."""
    until = "it stays so until its checksum in course.yml is another one"
    return [
        f"{file.path} in shared/ was changed on the hub: {until}"
        for file in want.files or ()
        if is_edited(file, seen)
    ]


def is_edited(file: SharedFile, seen: Mapping) -> bool:
    """Whether it was changed by hand since this very file was put there."""
    state, there = seen["files"][file.path]
    put = seen["put"].get(file.path, [None])[0] == file.sha256
    return state == "by hand" and there != file.sha256 and put


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step a file, so that what has come is not lost with the next one."""
    if want.files is None:
        return []
    steps = []
    if seen["halves"]:
        title, names = "Remove what was fetched in part and is not wanted any more", list(seen["halves"])
        steps.append(Step(NAME, title, "downloads.tidy", {"names": names}, needed=False))
    steps += [step for file in want.files for step in bringing(file, seen)]
    if seen["left"]:
        title = "Leave to the teachers what is in shared/ and has no address any more"
        details = tuple(f"{path} stays: delete it on the hub if nobody needs it" for path in seen["left"])
        steps.append(Step(NAME, title, "downloads.forget", {"paths": list(seen["left"])}, details))
    return steps


def bringing(file: SharedFile, seen: Mapping) -> list[Step]:
    state, there = seen["files"][file.path]
    if there == file.sha256:
        if state == "ours" and seen["put"].get(file.path) == [file.sha256, BY_ADDRESS]:
            return []
        parameters = {"path": file.path, "sha256": file.sha256}
        return [Step(NAME, f"Note that shared/{file.path} is there", "downloads.record", parameters)]
    if is_edited(file, seen):
        return []
    details = [f"from {file.url}"]
    if state == "by hand":
        details.append("what was put there on the hub is kept beside it, as 'changed by hand'")
    parameters = {
        "url": file.url,
        "sha256": file.sha256,
        "path": file.path,
    }
    title = f"Fetch shared/{file.path}"
    return [Step(NAME, title, "downloads.fetch", parameters, tuple(details), timeout=TIME)]
