"""A branch of one commit without parents, for what the program keeps beside the course: it never grows, and
nothing of it appears in the course's history.

See https://docs.github.com/en/rest/git. Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..problems import Failure
from .rest import UNPROCESSABLE, Refused, Repository

NAME = "coursehub"
PERMISSION = "contents: write"
ATTEMPTS = 4


def read(repository: Repository, path: str) -> str | None:
    """The text of a file of the branch; None when there is no such file or no branch. Raises Failure."""
    want = f"read {path} of the branch {NAME}"
    return repository.text(f"contents/{path}", want, "contents: read", ref=NAME)


def write(repository: Repository, files: Callable[[], Mapping[str, str]], message: str) -> bool:
    """Put files, {path: text}, on the branch; its other files stay. Whether there was anything to write.

    `files` is asked anew when somebody else wrote at the same time; no files means there is nothing to do.
    Raises Failure.
    """
    for _ in range(ATTEMPTS):
        before = head(repository)
        wanted = files()
        if not wanted:
            return False
        made = commit(repository, before, wanted, message)
        # GitHub has no "only if it is still this one" for this: the moment between is kept short.
        if head(repository) == before and move(repository, before, made):
            return True
    raise Failure(f"the branch {NAME} was changed by others again and again", "run the workflow again")


def head(repository: Repository) -> str | None:
    """The branch's commit; None when there is no branch."""
    found = repository.read(f"git/ref/heads/{NAME}", f"read the branch {NAME}", "contents: read")
    return found["object"]["sha"] if found else None


def commit(repository: Repository, before: str | None, files: Mapping[str, str], message: str) -> str:
    """Make a commit without parents of what the branch has, with these files; its name."""
    want = f"write to the branch {NAME}"
    entries = [
        {"path": path, "mode": "100644", "type": "blob", "content": text} for path, text in files.items()
    ]
    tree: dict = {"tree": entries}
    if before and (present := repository.read(f"git/commits/{before}", want, "contents: read")):
        tree["base_tree"] = present["tree"]["sha"]
    made = repository.write("POST", "git/trees", tree, want, PERMISSION)
    value = {"message": message, "tree": made["sha"], "parents": []}
    return repository.write("POST", "git/commits", value, want, PERMISSION)["sha"]


def move(repository: Repository, before: str | None, made: str) -> bool:
    """Let the branch be this commit; false when somebody else made the branch just now."""
    want = f"write to the branch {NAME}"
    if before:
        value = {"sha": made, "force": True}
        repository.write("PATCH", f"git/refs/heads/{NAME}", value, want, PERMISSION)
        return True
    try:
        value = {"ref": f"refs/heads/{NAME}", "sha": made}
        repository.write("POST", "git/refs", value, want, PERMISSION)
    except Refused as refused:
        if refused.status != UNPROCESSABLE or head(repository) is None:
            raise
        return False
    return True
