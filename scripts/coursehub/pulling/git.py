"""Git, run on one copy: never on the repository of a folder above it, never with a student's own hooks."""

from __future__ import annotations

import errno
import os
import subprocess

OPTIONS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "commit.gpgSign=false", "-c", "core.fsmonitor=false"),
    *("-c", "user.name=nbgitpuller", "-c", "user.email=nbgitpuller@nbgitpuller.link"),
    *("-c", "http.lowSpeedLimit=100", "-c", "http.lowSpeedTime=60", "-c", "gc.auto=0"),
    *("-c", "core.splitIndex=false", "-c", "core.untrackedCache=false"),
)
FULL = ("No space left on device", "Disk quota exceeded", "out of disk space")
FRESH = (
    ("core.repositoryFormatVersion", "0"),
    ("core.fileMode", "true"),
    ("core.bare", "false"),
    ("core.logAllRefUpdates", "true"),
)
TIMEOUT = 900
"""Seconds."""


class GitFailed(Exception):
    """Git could not do something: the copy is damaged, or the other repository is not there."""


class Unreachable(GitFailed):
    """The course's repository itself cannot be had."""


class NotNow(Exception):
    """What hinders is outside the copy, and passes: everything is left as it is."""


class DiskFull(NotNow):
    """There is no room."""

    def __init__(self) -> None:
        super().__init__("the disk is full: delete what you no longer need, then click the link again")


def is_full(error: OSError) -> bool:
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


class Git:
    """Called with git's arguments, it returns what git prints. `directory` is the repository's own."""

    def __init__(self, folder: str, directory: str = ".git"):
        self.folder, self.directory = folder, os.path.join(folder, directory)

    def __call__(self, *words: str, input: bytes = b"", index: str = "") -> bytes:
        """Raises GitFailed, or NotNow when git was hindered."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
        for name in ("GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE"):
            kept.pop(name, None)
        kept.update(LC_ALL="C", GIT_TERMINAL_PROMPT="0", GIT_OPTIONAL_LOCKS="0")
        if index:
            kept["GIT_INDEX_FILE"] = index
        where = (f"--git-dir={self.directory}", f"--work-tree={self.folder}")
        try:
            done = subprocess.run(
                ["git", *OPTIONS, *where, *words],
                cwd=self.folder,
                env=kept,
                input=input,
                capture_output=True,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise NotNow(f"git {words[0]} did not end in {TIMEOUT} s") from None
        said = done.stderr.decode(errors="replace")
        if any(words in said for words in FULL):
            raise DiskFull
        if done.returncode < 0:
            raise NotNow(f"git {words[0]} was killed (signal {-done.returncode})")
        if done.returncode:
            raise GitFailed(f"git {words[0]}: {said.strip() or done.returncode}")
        return done.stdout

    def make(self) -> None:
        """Make an empty repository, which belongs to the folder. Raises OSError, GitFailed."""
        os.mkdir(self.directory)
        for name in ("objects", "refs", "refs/heads", "info"):
            os.mkdir(os.path.join(self.directory, name))
        with open(os.path.join(self.directory, "HEAD"), "w") as file:
            file.write("ref: refs/heads/main\n")
        for key, value in FRESH:
            self("config", key, value)

    def line(self, *words: str, **more) -> str:
        """What git prints, as one line of text. Raises as calling it does."""
        return self(*words, **more).decode(errors="replace").strip()

    def says(self, *words: str) -> bool:
        """Whether git agrees."""
        try:
            self(*words)
        except GitFailed:
            return False
        return True

    def commits(self, *names: str) -> list[str | None]:
        """The ids of commits; None for each name of which there is none, or whose object is lost."""
        return self.ids(*(f"{name}^{{commit}}" for name in names))

    def ids(self, *names: str) -> list[str | None]:
        asked = "".join(f"{name}\n" for name in names).encode()
        lines = self.line("cat-file", "--batch-check=%(objectname)", input=asked).splitlines()
        return [line if " " not in line else None for line in lines]

    def has(self, commit: str, other: str) -> bool:
        """Whether a commit comes after another, or is it."""
        return commit == other or self.says("merge-base", "--is-ancestor", other, commit)

    def common(self, one: str, other: str) -> str:
        """The newest commit that two have in common; "" for none."""
        return self.line("merge-base", one, other) if self.says("merge-base", one, other) else ""

    def tree(self, commit: str) -> dict[str, tuple[str, str]]:
        """The files of a commit: {path: (mode, blob)}. Raises GitFailed when one of its trees is lost."""
        entries = self("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0")
        files = {}
        for entry in filter(None, entries):
            about, _, path = entry.partition(b"\t")
            mode, _, blob = about.decode().split()
            files[os.fsdecode(path)] = (mode, blob)
        return files
