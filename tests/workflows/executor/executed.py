"""A small repository for the tests of the runner, and the runner on it."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent

WORKFLOWS = ".github/workflows"
WHO = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


class Repository:
    """What the runner needs of a repository, and a way to commit to it."""

    full_name = "school/course"
    default_branch = "main"
    private = is_template = fork = False
    api_url = "https://api.example.org"

    def __init__(self, folder: Path):
        self.git, self._work = folder / "course.git", folder / "course"
        self.secrets: dict[str, str] = {}
        self.tokens: list[dict[str, str]] = []
        _git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.git))
        _git(folder, "clone", "--quiet", str(self.git), str(self._work))

    def payload(self) -> dict:
        return {"full_name": self.full_name, "name": "course", "default_branch": "main", "fork": False}

    def token(self, permissions: Mapping[str, str]) -> str:
        self.tokens.append(dict(permissions))
        return f"token-{len(self.tokens)}-of-a-job"

    def commit(self, files: Mapping[str, str], branch: str = "main", message: str = "A change") -> str:
        """Commit files (path -> text) on a branch, made from what is checked out, and push it; the hash."""
        _git(self._work, "switch", "--quiet", "--force-create", branch)
        for path, text in files.items():
            file = self._work / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(dedent(text))
        _git(self._work, "add", "--all")
        _git(self._work, *WHO, "commit", "--quiet", "--allow-empty", "--message", message)
        _git(self._work, "push", "--quiet", "origin", branch)
        return _git(self._work, "rev-parse", "HEAD")

    def switch(self, branch: str) -> None:
        """Check a branch out: the next one is made from it."""
        _git(self._work, "switch", "--quiet", branch)


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def job(steps: str, head: str = "", name: str = "work") -> str:
    """The text of a job, without its indentation in the file."""
    above, below = indent(dedent(head), "  "), indent(dedent(steps), "    ")
    return f"{name}:\n  runs-on: ubuntu-24.04\n{above}\n  steps:\n{below}\n"


def workflow(*jobs: str, head: str = "", on: str = "push") -> dict[str, str]:
    """The files of a repository with one workflow, test.yml."""
    text = f"name: Test\non: {on}\n{dedent(head)}\njobs:\n" + "".join(indent(text, "  ") for text in jobs)
    return {f"{WORKFLOWS}/test.yml": text}
