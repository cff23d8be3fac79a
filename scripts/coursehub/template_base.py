"""What a course has from its template, and so what differs: read from git's history."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .problems import Failure
from .template_changes import Changes, changes
from .template_git import Git, fetch

COMMIT, TREE = "Template-Commit", "Template-Tree"
TRAILER = re.compile(rf"^({COMMIT}|{TREE}): ([0-9a-f]{{40,64}})$", re.MULTILINE)
REVERTED = re.compile(r"^This reverts commit ([0-9a-f]{40,64})", re.MULTILINE)


@dataclass(frozen=True)
class Base:
    """What the course has from the template: a tree, if known, and the template's commit, if known."""

    tree: str | None
    commit: str | None


def base_of(git: Git, url: str, head: str, history: list[str]) -> Base:
    """What the course has from the template now: what the last update says, or else the commit that the two
    have in common, or else the course's first commit, which is the copy."""
    if recorded := last_update(git, head):
        commit, tree = recorded
        if git.resolve(f"{commit}^{{commit}}") is None and git.resolve(f"{tree}^{{tree}}") is None:
            try:
                fetch(git, url, [commit])
            except Failure:
                return Base(None, commit)
        here = git.resolve(f"{commit}^{{commit}}")
        return Base(git.resolve(f"{here}^{{tree}}") if here else tree, here)
    for commit in history:
        if git.holds("merge-base", head, commit):
            common = git.run("merge-base", head, commit).strip()
            return Base(git.resolve(f"{common}^{{tree}}"), common)
    root = git.run("rev-list", "--first-parent", "--max-parents=0", head).split()[0]
    tree = git.resolve(f"{root}^{{tree}}")
    for line in git.run("log", "--format=%H %T", *history).splitlines():
        commit, of = line.split()
        if of == tree:
            return Base(tree, commit)
    return Base(tree, None)


def last_update(git: Git, head: str) -> tuple[str, str] | None:
    """The template's commit and tree that the last update took; one that was reverted does not count."""
    reverted: set[str] = set()
    for entry in git.run("log", "--format=%H%n%B%x00", head).split("\0"):
        sha, _, text = entry.strip().partition("\n")
        reverted |= set(REVERTED.findall(text))
        found = dict(TRAILER.findall(text))
        if len(found) == 2 and sha not in reverted:
            return found[COMMIT], found[TREE]
    return None


def difference(git: Git, head: str, base: Base, target: str) -> Changes:
    """What the course has to take. A file that is as the template had it since the base is no conflict."""
    before = git.files(base.tree) if base.tree else {}
    ours, theirs = git.files(head), git.files(target)
    found = changes(before, ours, theirs)
    if not found.conflicts:
        return found
    since = [f"^{base.commit}"] if base.tree and base.commit else []
    raw = git.run("log", "--format=", "--raw", "--no-abbrev", "-z", "-m", "--no-renames", target, *since)
    fields = [field for field in raw.split("\0") if field.strip()]
    states = {(path, line.split()[3]) for line, path in zip(fields[::2], fields[1::2], strict=True)}
    outdated = {path for path in found.conflicts if path in ours and (path, ours[path].sha) in states}
    return changes(before, ours, theirs, outdated=outdated)


def trailers(git: Git, target: str) -> str:
    """What the message of an update says for the next one."""
    return f"{COMMIT}: {target}\n{TREE}: {git.resolve(f'{target}^{{tree}}')}\n"
