"""One repository and one runner a test; cancelled steps end soon."""

from __future__ import annotations

import pytest
from executed import Repository, workflow

from sandbox.github.processes import Timings
from sandbox.github.runner import Runner
from sandbox.github.service import Service

TIMINGS = Timings(interrupt=0.3, terminate=0.3, force=5, drain=0.5, minute=0.4)


@pytest.fixture
def repository(tmp_path) -> Repository:
    return Repository(tmp_path)


@pytest.fixture(scope="session")
def service():
    """Starting it takes longer than most tests."""
    service = Service()
    yield service
    service.close()


@pytest.fixture
def runner(repository, tmp_path, service):
    with Runner(repository, tmp_path / "runner", timings=TIMINGS, keep=True, service=service) as runner:
        yield runner


@pytest.fixture
def execute(repository, runner):
    """Commit a workflow of these jobs, push, and return its one run when it is over."""

    def execute(*jobs: str, head: str = "", files=None):
        repository.commit({**workflow(*jobs, head=head), **(files or {})})
        (run,) = runner.push()
        return run.wait(20)

    return execute
