"""A copy whose repository is damaged, or gone: it gets a new one, and its files are left as they are."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

from .decide import best_match
from .fetching import fetch, tracking
from .git import Git, GitFailed, Unreachable
from .names import set_aside
from .worktree import Worktree

HISTORY = 50
"""So many of the course's versions are looked through for the one that the student was given."""
NEW = ".git-being-made"
DAMAGED = "damaged"


def rebuild(folder: str, url: str, branch: str, when: str) -> Iterator[str]:
    """Give the copy in `folder` a new repository, in which the student's work is what differs from the
    version that most of the files come from. The old one is kept, hidden. Raises Unreachable, GitFailed or
    OSError, and then nothing is changed."""
    git = Git(folder, NEW)
    shutil.rmtree(git.directory, ignore_errors=True)
    try:
        git.make()
        try:
            fetch(git, url, branch, tracking(branch), f"--depth={HISTORY}")
        except GitFailed as failure:
            raise Unreachable(str(failure)) from failure
        given = version_given(git, branch)
        git("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        git("update-ref", f"refs/heads/{branch}", given)
        git("update-ref", tracking(branch), given)
        with open(os.path.join(git.directory, "info", "exclude"), "w") as file:
            file.write(f"/.git ({DAMAGED}*\n")
        old = os.path.join(folder, ".git")
        if os.path.lexists(old):
            kept = set_aside(old, DAMAGED, when)
            yield f"Its repository was damaged: it is kept as {os.path.basename(kept)}\n"
        os.rename(git.directory, old)
    finally:
        shutil.rmtree(git.directory, ignore_errors=True)


def version_given(git: Git, branch: str) -> str:
    """The course's version that the files in the folder come from, as far as one can tell."""
    listed = git.line("rev-list", f"--max-count={HISTORY}", tracking(branch)).split()
    commits = [(commit, git.tree(commit)) for commit in listed]
    paths = sorted({path for _, files in commits for path in files})
    mine = Worktree(git, "").blobs(paths)
    return best_match(commits, mine) or listed[0]
