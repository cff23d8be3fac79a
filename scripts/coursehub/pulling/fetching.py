"""Getting the newest version, from the address in the link: a copy may remember another one."""

from __future__ import annotations

from .git import Git, GitFailed


def tracking(branch: str) -> str:
    """Where a copy remembers what it was given last."""
    return f"refs/remotes/origin/{branch}"


def fetch(git: Git, url: str, branch: str, to: str, *options: str) -> None:
    """Bring a branch, or a tag, to the ref `to`, whatever its history has become. Raises GitFailed."""
    words = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--force", *options, "--", url)
    try:
        git(*words, f"+refs/heads/{branch}:{to}")
    except GitFailed as failure:
        if "couldn't find remote ref" not in str(failure):
            raise
        git(*words, f"+refs/tags/{branch}^{{}}:{to}")
