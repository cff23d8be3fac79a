"""The refs of pull requests: where each stands, and what merging it would give.

GitHub keeps refs/pull/N/head and, as long as there is no conflict, refs/pull/N/merge, which the workflows of
a pull request run on. A fork's branch is refs/forks/OWNER/NAME/BRANCH here, for want of a second repository.
"""

from __future__ import annotations

from contextlib import suppress

from sandbox.github.plumbing import Git, GitError, Signature
from sandbox.github.records import Issue


def source_of(branch: str, fork: str | None) -> str:
    """The ref of a branch of this repository, or of a fork."""
    return f"refs/forks/{fork}/{branch}" if fork else f"refs/heads/{branch}"


def follow(git: Git, issue: Issue, full_name: str) -> None:
    """Bring the refs of a pull request to where its branch and its base are now; closed ones stay."""
    pull = issue.pull
    if pull is None or issue.state == "closed":
        return
    head = git.resolve(source_of(pull.head, None if pull.repository == full_name else pull.repository))
    base = git.resolve(source_of(pull.base, None))
    if head is None or base is None:
        return
    refs = f"refs/pull/{issue.number}"
    merged = git.resolve(f"{refs}/merge")
    if merged and git.text("rev-parse", f"{merged}^1", f"{merged}^2").split() == [base, head]:
        return
    git.move(f"{refs}/head", head)
    try:
        tree = git.text("merge-tree", "--write-tree", base, head)
    except GitError:  # a conflict
        with suppress(GitError):
            git.remove(f"{refs}/merge")
        return
    by = Signature("GitHub", "noreply@github.com")
    git.move(f"{refs}/merge", git.commit(tree, [base, head], f"Merge {head} into {base}", by, by))
