"""What `scripts/update.py` asks of git: the course's clone, and the template that it reads from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .problems import Failure
from .template_changes import Changes, File

PATIENCE = 60  # seconds for a command in the clone
FETCHING = 600  # seconds for the template
VERSION = re.compile(r"refs/tags/v(\d+)\.(\d+)\.(\d+)")
ABSENT = "0" * 40
NO_GIT = "Install git, and run this in a clone of the course's repository."


@dataclass(frozen=True)
class Git:
    """A clone at `root`."""

    root: Path

    def run(
        self, *arguments: str, content: str = "", index: Path | None = None, patience: float = PATIENCE
    ) -> str:
        """What a git command prints. It never asks for a password. Raises Failure with git's own words."""
        quiet = {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        chosen = {"GIT_INDEX_FILE": str(index)} if index else {}
        try:
            done = subprocess.run(
                ["git", *arguments],
                cwd=self.root,
                env={**os.environ, **quiet, **chosen},
                input=content.encode(errors="surrogateescape"),
                capture_output=True,
                timeout=patience,
            )
        except FileNotFoundError:
            raise Failure("git is not installed", NO_GIT) from None
        except subprocess.TimeoutExpired:
            raise Failure(
                f"git {arguments[0]} was not done after {patience:g} seconds", "Try again."
            ) from None
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip()
            raise Failure(f"git {arguments[0]} failed", detail=told)
        return done.stdout.decode(errors="surrogateescape")

    def holds(self, *arguments: str) -> bool:
        """Whether a git command says yes."""
        try:
            self.run(*arguments)
        except Failure:
            return False
        return True

    def resolve(self, name: str) -> str | None:
        """The object that a name stands for, if it is here."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", name).strip()
        except Failure:
            return None

    def files(self, tree: str) -> dict[str, File]:
        """The files of a commit or a tree, by path."""
        found = {}
        for line in self.run("ls-tree", "-r", "-z", "--full-tree", tree).split("\0"):
            if line:
                head, path = line.split("\t", 1)
                mode, _, sha = head.split(" ")
                found[path] = File(mode, sha)
        return found

    def changed(self, commit: str, changes: Changes) -> str:
        """Store the tree of a commit with changes, without touching the clone's files; its name."""
        lines = [f"0 {ABSENT}\t{path}\0" for path in changes.remove]
        lines += [f"{file.mode} {file.sha}\t{path}\0" for path, file in changes.write.items()]
        with tempfile.TemporaryDirectory(prefix="coursehub-update-") as folder:
            index = Path(folder) / "index"
            self.run("read-tree", commit, index=index)
            self.run("update-index", "-z", "--index-info", content="".join(lines), index=index)
            return self.run("write-tree", index=index).strip()


@dataclass(frozen=True)
class Template:
    """Where the template is, and its branches and tags with their commits; `head` is its default branch's."""

    url: str
    refs: dict[str, str]
    head: str | None

    def choose(self, wanted: str | None) -> tuple[str, str]:
        """The name and the commit of what is wanted: a tag or a branch, or else the newest version, or else
        the default branch. Raises Failure."""
        if wanted:
            for ref in (f"refs/tags/{wanted}", f"refs/heads/{wanted}", wanted):
                if ref in self.refs:
                    return wanted, self.refs[ref]
            newest = self.newest()
            hint = f" The newest version is {newest.removeprefix('refs/tags/')}." if newest else ""
            raise Failure(
                f"The template at {self.url} has no tag or branch {wanted}", f"Look at the spelling.{hint}"
            )
        if newest := self.newest():
            return newest.removeprefix("refs/tags/"), self.refs[newest]
        if self.head is None:
            raise Failure(f"The template at {self.url} is empty", "Give another one with --from.")
        return "newest state", self.head

    def newest(self) -> str | None:
        """The tag of the newest version, vX.Y.Z."""
        versions = {ref: VERSION.fullmatch(ref) for ref in self.refs}
        numbered = {ref: tuple(map(int, found.groups())) for ref, found in versions.items() if found}
        return max(numbered, key=lambda ref: numbered[ref], default=None)


def look_at(git: Git, url: str) -> Template:
    """Ask for the template's branches and tags. Raises Failure if it cannot be reached."""
    try:
        listed = git.run("ls-remote", "--", url, patience=FETCHING)
    except Failure as error:
        raise unreachable(url, error) from error
    refs: dict[str, str] = {}
    for line in listed.splitlines():
        sha, ref = line.split("\t", 1)
        refs[ref.removesuffix("^{}")] = sha  # what a tag stands for comes after the tag itself
    return Template(url, refs, refs.pop("HEAD", None))


def fetch(git: Git, url: str, commits: Sequence[str]) -> None:
    """Bring commits and their history here, under no name. Raises Failure if that cannot be done."""
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-gc")
    try:
        git.run("fetch", *options, "--", url, *commits, patience=FETCHING)
    except Failure as error:
        raise unreachable(url, error) from error


def unreachable(url: str, error: Failure) -> Failure:
    return Failure(
        f"The template at {url} cannot be read",
        "Look at the address and the network, then run this again: nothing has been changed. "
        "Another address can be given with --from.",
        error.detail or error.message,
    )
