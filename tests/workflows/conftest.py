"""What tests of the workflows share: a repository at GitHub, its API, and clients with certain rights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from github_client import Client

from sandbox.github.api import Api
from sandbox.github.repository import Repository


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A public repository with one commit."""
    made = Repository.create(tmp_path / "course.git")
    made.commit({"README.md": "# A course\n"}, "Start")
    return made


@pytest.fixture
def api(repository: Repository) -> Iterator[Api]:
    """The API of `repository`. The test fails if it was asked for what it does not know."""
    with Api(repository) as started:
        yield started
    assert not started.unexpected


@pytest.fixture
def client(api: Api, repository: Repository) -> Callable[..., Client]:
    """Makes a client whose token may do just what is said: client(issues="write")."""

    def make(**permissions: str) -> Client:
        return Client(repository.url, repository.token(permissions))

    return make
