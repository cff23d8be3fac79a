"""A branch of one commit without parents, for what the program keeps beside the course: it never grows, and
nothing of it appears in the course's history. Several may write to it at the same time; none loses what
another wrote. Standard library and git only.
"""

from __future__ import annotations

import os

from ..problems import Failure
from .git_branch import Change, Git, repository_for
from .rest import Repository

NAME = "coursehub"
ATTEMPTS = 8
PAUSE = 0.5
"""Seconds until another attempt, and up to twice as many more with each: of several, one should be first."""


def read(repository: Repository, path: str) -> str | None:
    """The text of a file of the branch; None when there is no such file or no branch. Raises Failure."""
    want = f"read {path} of the branch {NAME}"
    return repository.text(f"contents/{path}", want, "contents: read", ref=NAME)


def write(repository: Repository, change: Change, message: str) -> bool:
    """Change files of the branch; its other files stay. Whether there was anything to write.

    `change` is asked anew when somebody else wrote at the same time. Raises Failure.
    """
    with repository_for(repository) as git:
        for attempt in range(ATTEMPTS):
            if attempt:
                repository.sleep(PAUSE * (1 + os.urandom(1)[0] / 128 * attempt))
            before = git.head(NAME)
            if before:
                before = git.fetch(NAME)
            changes = wanted(git, before, change)
            if not changes:
                return False
            made = git.commit(git.tree(before, changes), message)
            if git.push(NAME, before, made):
                return True
    raise Failure(f"the branch {NAME} was changed by others again and again", "run the workflow again")


def wanted(git: Git, before: str, change: Change) -> dict[str, str | None]:
    """What is to be written that is not there yet."""
    present = git.files("refs/base") if before else set()
    texts: dict[str, str | None] = {}

    def there(path: str) -> str | None:
        if path not in texts:
            texts[path] = git.show("refs/base", path) if path in present else None
        return texts[path]

    return {path: text for path, text in change(there).items() if text != there(path)}
