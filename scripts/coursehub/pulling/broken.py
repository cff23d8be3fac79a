"""What an interrupted git leaves in a copy."""

from __future__ import annotations

import glob
import os
import shutil
import time
from collections.abc import Iterator

from .git import Git, GitFailed, NotNow
from .names import MARKS
from .notebook import read
from .text import has_marks, without_marks
from .worktree import Worktree

REBASES = ("rebase-merge", "rebase-apply")
UNFINISHED = (
    *("MERGE_HEAD", "MERGE_MSG", "MERGE_MODE", "MERGE_RR", "AUTO_MERGE", "SQUASH_MSG"),
    *("CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD", "BISECT_LOG", "BISECT_START", "BISECT_NAMES"),
    *("BISECT_TERMS", "BISECT_EXPECTED_REV", "BISECT_ANCESTORS_OK", *REBASES, "sequencer"),
)
PATIENCE = 10.0
"""Seconds for another git to end."""


def clear_locks(directory: str, folder: str) -> Iterator[str]:
    """Remove the locks of gits that are no more. Raises NotNow while one is at work."""
    deadline = time.monotonic() + PATIENCE
    while locks := locks_in(directory):
        if not at_work(folder):
            for lock in locks:
                os.unlink(lock)
                yield f"Removed {os.path.relpath(lock, folder)}, left by a git that is no more\n"
            return
        if time.monotonic() > deadline:
            raise NotNow("another git is at work in this folder: click the link again when it has ended")
        time.sleep(0.2)


def locks_in(directory: str) -> list[str]:
    inside = glob.escape(directory)
    return [*glob.glob(f"{inside}/*.lock"), *glob.glob(f"{inside}/refs/**/*.lock", recursive=True)]


def at_work(folder: str) -> bool:
    """Whether a git of this person works in the folder."""
    inside = os.path.realpath(folder)
    for process in glob.glob("/proc/[0-9]*"):
        try:
            with open(f"{process}/comm") as file:
                name = file.read().strip()
            where = os.readlink(f"{process}/cwd") if name.startswith("git") else ""
        except OSError:
            continue  # It has ended, or is somebody else's.
        if where == inside or where.startswith(inside + os.sep):
            return True
    return False


def take_out_marks(files: Worktree, git: Git, paths: list[str], when: str) -> Iterator[str]:
    """Let files that a merge left with conflict marks be the student's own again; as they are now, they are
    set aside. Of notebooks, which do not open then, all are looked at; of others, those that git knows of."""
    unmerged = unmerged_paths(git)
    for path in paths:
        place = files.place(path)
        notebook = path.endswith(".ipynb")
        if not (notebook or path in unmerged) or os.path.islink(place) or not os.path.isfile(place):
            continue
        if not os.access(place, os.R_OK):
            continue
        data = files.read(path)
        if not has_marks(data) or (notebook and read(data) is not None):
            continue
        mine = without_marks(data, second=is_rebasing(git.directory))
        yield f"Set aside: {files.set_aside(path, MARKS, when)}\n"
        if not notebook or read(mine) is not None:
            files.stage_bytes(path, mine)
            files.put(path)


def unmerged_paths(git: Git) -> set[str]:
    """The files that a merge left undecided, as the index says. A damaged one is removed: it holds nothing
    that is not in the files or in a commit."""
    try:
        entries = git("ls-files", "--unmerged", "-z").split(b"\0")
    except GitFailed:
        os.unlink(os.path.join(git.directory, "index"))
        return set()
    return {os.fsdecode(entry.partition(b"\t")[2]) for entry in entries if entry}


def is_rebasing(directory: str) -> bool:
    """Whether a student's commits are being put on top of the course's, one by one."""
    return any(os.path.exists(os.path.join(directory, name)) for name in REBASES)


def unfinished(directory: str) -> list[str]:
    """What a merge or a rebase that is under way has in a repository."""
    paths = (os.path.join(directory, name) for name in UNFINISHED)
    return [path for path in paths if os.path.lexists(path)]


def forget_unfinished(directory: str) -> None:
    """Let no merge or rebase be under way any more; what was committed in it stays."""
    for path in unfinished(directory):
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            os.unlink(path)
