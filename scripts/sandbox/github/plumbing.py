"""Git, without a work tree: what GitHub does to a repository, done to a bare one with git's own plumbing."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FILE, EXECUTABLE, LINK = "100644", "100755", "120000"
NOTHING = "0" * 40
PATIENCE = 60  # seconds for one command


class GitError(Exception):
    """A git command that failed; its text is git's own."""


@dataclass(frozen=True)
class Signature:
    """Who made a commit, and when in seconds since 1970; now, unless given."""

    name: str
    email: str
    when: int | None = None

    def __str__(self) -> str:
        return f"{self.name} <{self.email}> {int(time.time()) if self.when is None else self.when} +0000"


@dataclass(frozen=True)
class Entry:
    """A path in a tree; `sha` None removes it."""

    path: str
    mode: str = FILE
    sha: str | None = None


class Git:
    """A repository at FOLDER. The settings of the person who runs this do not count."""

    def __init__(self, folder: Path):
        self.folder = folder

    def run(
        self, *arguments: str, content: bytes | None = None, environment: Mapping[str, str] | None = None
    ) -> bytes:
        """What a git command prints. Raises GitError if it fails."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        isolated = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_DIR": str(self.folder)}
        done = subprocess.run(
            ["git", *arguments],
            input=b"" if content is None else content,
            env={**clean, **isolated, **(environment or {})},
            capture_output=True,
            timeout=PATIENCE,
        )
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip()
            raise GitError(told or f"git {arguments[0]} ended with {done.returncode}")
        return done.stdout

    def text(self, *arguments: str, content: bytes | None = None) -> str:
        """What a git command prints, as one stripped text. Raises GitError if it fails."""
        return self.run(*arguments, content=content).decode(errors="replace").strip()

    def resolve(self, name: str, kind: str = "commit") -> str | None:
        """The commit (or `tree`, or `blob`) that a revision leads to; None if there is none."""
        if name.startswith("-"):
            return None
        try:
            return self.text("rev-parse", "--verify", "--quiet", f"{name}^{{{kind}}}")
        except GitError:
            return None

    def kind(self, sha: str) -> str | None:
        """Which kind of object this is; None if there is none."""
        try:
            return self.text("cat-file", "-t", sha)
        except GitError:
            return None

    def read(self, kind: str, sha: str) -> bytes:
        """The content of an object. Raises GitError."""
        return self.run("cat-file", kind, sha)

    def blob(self, content: bytes) -> str:
        """Store a file's content."""
        return self.text("hash-object", "-w", "--stdin", content=content)

    def entries(self, tree: str, *, deep: bool = False, path: str | None = None) -> list[tuple[Entry, int]]:
        """What a tree holds, or only PATH in it, each with its size in bytes (0 for folders)."""
        options = ["-r", "-t"] if deep else []
        listed = self.run("ls-tree", "-l", "-z", *options, tree, *(["--", path] if path else []))
        return list(_parsed(listed))

    def tree(self, base: str | None, entries: Iterable[Entry]) -> str:
        """Store a tree: BASE, or nothing, with these entries in place of what it had. Raises GitError."""
        entries = list(entries)
        for entry in entries:  # git itself would only pass them over
            if any(part.lower() in ("", ".", "..", ".git") for part in entry.path.split("/")):
                raise GitError(f"{entry.path} is no path")
        lines = [
            f"{entry.mode} {entry.sha}\t{entry.path}" if entry.sha else f"0 {NOTHING}\t{entry.path}"
            for entry in entries
        ]
        with _index() as index:
            if base:
                self.run("read-tree", base, environment=index)
            content = "".join(f"{line}\0" for line in lines).encode()
            self.run("update-index", "--replace", "-z", "--index-info", content=content, environment=index)
            return self.run("write-tree", environment=index).decode().strip()

    def tree_of(self, folder: Path, excludes: Path | None = None) -> str:
        """Store a folder as a tree, without what its .gitignore files and EXCLUDES leave out."""
        with _index() as index:
            setting = ["-c", f"core.excludesFile={excludes}"] if excludes else []
            place = {**index, "GIT_WORK_TREE": str(folder)}
            self.run("-C", str(folder), *setting, "add", "--all", ".", environment=place)
            return self.run("write-tree", environment=index).decode().strip()

    def commit(
        self, tree: str, parents: Sequence[str], message: str, author: Signature, by: Signature
    ) -> str:
        """Store a commit; its message is taken as it stands. Raises GitError."""
        head = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        head += [f"author {author}", f"committer {by}"]
        content = ("\n".join(head) + f"\n\n{message}").encode()
        return self.text("hash-object", "-t", "commit", "-w", "--stdin", content=content)

    def move(self, ref: str, new: str, old: str | None = None) -> None:
        """Let a ref point to NEW; if it no longer points to OLD (given, or none for 40 zeros), GitError."""
        self.run("update-ref", ref, new, *([old] if old else []))

    def remove(self, ref: str) -> None:
        """Delete a ref. Raises GitError."""
        self.run("update-ref", "-d", ref)

    def contains(self, new: str, old: str) -> bool:
        """Whether OLD is in the history of NEW."""
        try:
            self.run("merge-base", "--is-ancestor", old, new)
        except GitError:
            return False
        return True


@contextmanager
def _index() -> Iterator[dict[str, str]]:
    """The environment of an index that is there for a moment only."""
    with tempfile.TemporaryDirectory(prefix="coursehub-index-") as folder:
        yield {"GIT_INDEX_FILE": str(Path(folder) / "index")}


def _parsed(listed: bytes) -> Iterator[tuple[Entry, int]]:
    for line in listed.decode(errors="surrogateescape").split("\0"):
        if line:
            head, path = line.split("\t", 1)
            mode, _, sha, size = head.split()
            yield Entry(path, mode, sha), int(size) if size.isdigit() else 0
