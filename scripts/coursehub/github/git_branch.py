"""Writing to a branch as git does it: the push says which commit it builds on, and GitHub refuses it when
that is not the branch's any more. The REST API has no such condition for a branch of one commit.

The token travels in the environment of git, never among its arguments (git-config(1), GIT_CONFIG_COUNT).
"""

from __future__ import annotations

import base64
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..problems import Failure
from .rest import AGAIN, Repository

PATIENCE = 60.0
TRIES = 4
AUTHOR = "github-actions[bot]"
MAIL = "41898282+github-actions[bot]@users.noreply.github.com"
"""As whom GitHub shows what workflows do."""
Change = Callable[[Callable[[str], str | None]], Mapping[str, str | None]]
"""Gets a function that reads a file of the branch (None for none), and returns what to write: {path: text};
None deletes."""


FOR_NOW = re.compile(
    r"returned error: (?:429|5\d\d)|HTTP (?:429|5\d\d)|unable to access|hung up|unexpected disconnect"
    r"|early EOF|Empty reply|protocol error|bad line length|expected .* after|no answer within"
)
"""How git says that GitHub, or the way to it, has a problem, which may be over in a moment."""
LASTING = re.compile(r"returned error: 4(?!29)\d\d|HTTP 4(?!29)\d\d")
PROTECTED = re.compile(r"GH006|GH013|protected branch|rule violations", re.IGNORECASE)


class GitFailed(Failure):
    """Git did not do it. `passing`: it may go better in a moment."""

    def __init__(self, want: str, said: str):
        self.passing = bool(FOR_NOW.search(said)) and not LASTING.search(said)
        fix = "give the workflow's job the permission `contents: write`; if it has it, run the workflow again"
        if self.passing:
            fix = AGAIN
        elif PROTECTED.search(said):
            fix = "let Settings → Rules and Settings → Branches leave out the branch coursehub"
        super().__init__(f"could not {want}: {said.strip()[-300:]}", fix)


@dataclass(frozen=True)
class Git:
    """A repository of our own, in `folder`, that knows where `repository` is."""

    folder: Path
    repository: Repository

    @property
    def address(self) -> str:
        return f"{self.repository.page}.git"

    def run(self, *words: str, want: str, text: str | None = None, check: bool = True, **more: str) -> str:
        """What a git command prints. Raises GitFailed."""
        try:
            done = subprocess.run(
                ["git", *words],
                cwd=self.folder,
                env=environment(self.repository, os.environ) | more,
                input=(text or "").encode(),
                capture_output=True,
                timeout=PATIENCE,
                check=False,
            )
        except FileNotFoundError:
            raise Failure(f"could not {want}: there is no git here", "install git") from None
        except subprocess.TimeoutExpired:
            raise GitFailed(want, f"no answer within {PATIENCE:.0f} s") from None
        if check and done.returncode:
            raise GitFailed(want, (done.stderr or done.stdout).decode(errors="replace"))
        return done.stdout.decode(errors="replace")

    def far(self, *words: str, want: str) -> str:
        """The same for a command that asks GitHub, some times if GitHub has a problem. Raises GitFailed."""
        for attempt in range(1, TRIES):
            try:
                return self.run(*words, want=want)
            except GitFailed as failed:
                if not failed.passing:
                    raise
            self.repository.sleep(2.0 ** (attempt - 1))
        return self.run(*words, want=want)

    def head(self, branch: str) -> str:
        """The branch's commit; "" when there is no such branch."""
        lines = self.far("ls-remote", self.address, f"refs/heads/{branch}", want=f"read the branch {branch}")
        return lines.split()[0] if lines.strip() else ""

    def fetch(self, branch: str) -> str:
        """Get the branch's commit, which may be another one by now, as refs/base; its name."""
        where, want = f"+refs/heads/{branch}:refs/base", f"read the branch {branch}"
        self.far("fetch", "--quiet", "--depth=1", self.address, where, want=want)
        return self.run("rev-parse", "refs/base", want=want).strip()

    def files(self, commit: str) -> set[str]:
        listed = self.run("ls-tree", "-r", "-z", "--name-only", commit, want="list the branch's files")
        return {name for name in listed.split("\0") if name}

    def show(self, commit: str, path: str) -> str:
        return self.run("cat-file", "blob", f"{commit}:{path}", want=f"read {path}")

    def tree(self, base: str, changes: Mapping[str, str | None]) -> str:
        """A tree like that of `base` ("" for none), with these changes; its name."""
        want = "write to the branch"
        index = {"GIT_INDEX_FILE": str(self.folder / "index")}
        self.run("read-tree", base or "--empty", want=want, **index)
        lines = []
        for path, text in changes.items():
            if text is None:
                lines.append(f"0 {'0' * 40}\t{path}\0")
            else:
                made = self.run("hash-object", "-w", "--stdin", want=want, text=text).strip()
                lines.append(f"100644 {made}\t{path}\0")
        self.run("update-index", "-z", "--index-info", want=want, text="".join(lines), **index)
        return self.run("write-tree", want=want, **index).strip()

    def commit(self, tree: str, message: str) -> str:
        """A commit without parents."""
        return self.run("commit-tree", tree, "-m", message, want="write to the branch").strip()

    def push(self, branch: str, before: str, made: str) -> bool:
        """Let the branch be `made` if it is `before` ("": if there is none). Whether it was."""
        words = ("push", "--porcelain", "--quiet", f"--force-with-lease=refs/heads/{branch}:{before}")
        where = f"{made}:refs/heads/{branch}"
        try:
            self.far(*words, self.address, where, want=f"write to the branch {branch}")
        except GitFailed:
            now = self.head(branch)
            if now == before:
                raise
            # Another's push came first; or ours arrived, and its answer was lost.
            return now == made
        return True


def environment(repository: Repository, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of git, with the token for this server alone and nobody's own configuration."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_")}
    kept = {name: value for name, value in kept.items() if "TOKEN" not in name and "SECRET" not in name}
    basic = base64.b64encode(f"x-access-token:{repository.token}".encode()).decode()
    return kept | {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{repository.server}/.extraHeader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": AUTHOR,
        "GIT_AUTHOR_EMAIL": MAIL,
        "GIT_COMMITTER_NAME": AUTHOR,
        "GIT_COMMITTER_EMAIL": MAIL,
        "LC_ALL": "C",
    }


@contextmanager
def repository_for(repository: Repository) -> Iterator[Git]:
    """A repository that is there for a while."""
    with tempfile.TemporaryDirectory(prefix="coursehub-branch-") as folder:
        git = Git(Path(folder), repository)
        git.run("init", "--quiet", "--bare", ".", want="make a repository")
        yield git
