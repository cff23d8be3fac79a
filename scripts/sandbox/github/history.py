"""What the runner reads from and writes to a bare repository, by git's plumbing."""

from __future__ import annotations

from pathlib import Path

from coursehub.problems import Failure
from sandbox.commands import PATH, run

NOTHING = "0" * 40
"""The commit before a branch's first one, as push events name it."""
WORKFLOWS = ".github/workflows"
MERGER = ("GitHub", "noreply@github.com")


def git(repository: Path, *arguments: str, check: bool = True, timeout: float = 60) -> str:
    """What git prints, run in `repository` and without the caller's git settings. Raises Failure."""
    done = _git(repository, *arguments, check=check, timeout=timeout)
    return done.stdout.decode(errors="replace").strip("\n")


def _git(repository: Path, *arguments: str, check: bool = True, timeout: float = 60):
    name, address = MERGER
    env = {
        "PATH": PATH,
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **{f"GIT_{who}_NAME": name for who in ("AUTHOR", "COMMITTER")},
        **{f"GIT_{who}_EMAIL": address for who in ("AUTHOR", "COMMITTER")},
    }
    trusting = ("-c", "safe.directory=*", "-c", "core.quotePath=false")
    return run(["git", "-C", str(repository), *trusting, *arguments], env=env, check=check, timeout=timeout)


def commit(repository: Path, name: str) -> str:
    """The commit that a branch, a tag or a hash names. Raises Failure if there is none."""
    for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", name):
        found = git(
            repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{candidate}^{{commit}}",
            check=False,
        )  # fmt: skip
        if found:
            return found
    raise Failure(f"{repository} has no commit {name}", fix="push it first")


def workflow_files(repository: Path, sha: str) -> dict[str, str]:
    """Path -> content of every workflow file in a commit."""
    listing = git(repository, "ls-tree", "--name-only", sha, f"{WORKFLOWS}/")
    paths = [path for path in listing.splitlines() if path.endswith((".yml", ".yaml"))]
    return {path: content(repository, sha, path) for path in paths}


def content(repository: Path, sha: str, path: str) -> str:
    """A file's text in a commit. Raises Failure if it is not there."""
    return _git(repository, "cat-file", "blob", f"{sha}:{path}").stdout.decode()


def changed(repository: Path, before: str, after: str) -> list[str]:
    """The paths that differ between two commits; all of `after` if there is nothing before it."""
    if before == NOTHING:
        return git(repository, "ls-tree", "-r", "--name-only", after).splitlines()
    return git(repository, "diff", "--name-only", "--no-renames", before, after).splitlines()


def merge_base(repository: Path, one: str, other: str) -> str:
    """The commit where two histories parted. Raises Failure if they never met."""
    return git(repository, "merge-base", one, other)


def merge(repository: Path, number: int, base: str, head: str) -> str | None:
    """Make refs/pull/N/head and refs/pull/N/merge, as GitHub does; None if the two conflict."""
    git(repository, "update-ref", f"refs/pull/{number}/head", head)
    done = _git(repository, "merge-tree", "--write-tree", base, head, check=False)
    if done.returncode == 1:
        return None
    if done.returncode != 0:
        raise Failure("git could not merge the pull request", detail=done.stderr.decode(errors="replace"))
    tree = done.stdout.decode().splitlines()[0]
    message = f"Merge {head} into {base}"
    merged = git(repository, "commit-tree", tree, "-p", base, "-p", head, "-m", message)
    git(repository, "update-ref", f"refs/pull/{number}/merge", merged)
    return merged


def described(repository: Path, sha: str) -> dict:
    """A commit as push events show it."""
    fields = git(repository, "show", "--no-patch", "--format=%H%x00%T%x00%B%x00%cI%x00%an%x00%ae", sha)
    hash_, tree, message, when, author, address = fields.split("\0")
    person = {"name": author, "email": address}
    return {
        "id": hash_,
        "tree_id": tree,
        "message": message.strip(),
        "timestamp": when,
        "author": person,
        "committer": person,
    }
