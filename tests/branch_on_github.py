"""The branch `coursehub` of a repository at GitHub, as a job with a token has it, and as one who looks."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from coursehub.github.rest import Repository as Client
from sandbox.github.api import Api
from sandbox.github.repository import Repository

REF = "refs/heads/coursehub"


@dataclass
class OnGithub:
    """A repository and its API."""

    repository: Repository
    api: Api

    @property
    def environ(self) -> dict[str, str]:
        """What a job that may write finds in its environment."""
        return self.environ_with(contents="write", issues="write", actions="read")

    def environ_with(self, **permissions: str) -> dict[str, str]:
        return {
            "GITHUB_TOKEN": self.repository.token(permissions),
            "GITHUB_REPOSITORY": self.repository.full_name,
            "GITHUB_API_URL": self.api.url,
            "GITHUB_SERVER_URL": self.api.url,
        }

    @property
    def client(self) -> Client:
        return Client.from_environment(self.environ)

    @property
    def head(self) -> str | None:
        return self.repository.head(REF)

    @property
    def files(self) -> dict[str, str]:
        """What the branch holds."""
        listed = self.git("ls-tree", "-r", "--name-only", REF) if self.head else ""
        return {path: self.git("show", f"{REF}:{path}") for path in listed.splitlines()}

    @property
    def parents(self) -> list[str]:
        return self.git("rev-list", "--parents", "-1", REF).split()[1:]

    def put(self, path: str, text: str) -> None:
        """Write a file as somebody else would."""
        self.repository.commit({path: text}, "Somebody else's", branch=REF)

    def git(self, *words: str) -> str:
        command = ["git", "-C", str(self.repository.git), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def branch_on_github(folder: Path, **options) -> Iterator[OnGithub]:
    """A private repository with one commit."""
    repository = Repository.create(folder / "course.git", private=True, **options)
    repository.commit({"course.yml": "name: Poetry\n"}, "Initial commit")
    with Api(repository) as api:
        yield OnGithub(repository, api)
        assert api.unexpected == []
