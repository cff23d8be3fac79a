"""What tests against DigitalOcean's API share: a server with no machines behind it, and the real client."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from specification import Specification, Validator, specification_file
from specification import specification as read_specification
from wanted import TOKEN

from sandbox.cloud import PaperBackend, Server


@pytest.fixture
def specification() -> Specification:
    """The official specification; the test is skipped when it is not at hand."""
    file = specification_file()
    if file is None:
        pytest.skip("DigitalOcean's specification is not at hand")
    return read_specification(file)


@pytest.fixture
def validator() -> Iterator[Validator | None]:
    """Holds every exchange against the official specification, when it is at hand; a violation fails the
    test in the end."""
    file = specification_file()
    if file is None:
        yield None
        return
    made = Validator(file)
    yield made
    assert not made.violations, "\n".join(made.violations)


@pytest.fixture
def make_account(tmp_path: Path, validator: Validator | None) -> Iterator[Callable[..., Server]]:
    """`Server`, started, with books in place of machines, whose actions are done at once; `directory` and
    every other option can be given. Stopped after the test."""
    started: list[Server] = []

    def make(**options) -> Server:
        defaults = {
            "backend": PaperBackend(),
            "directory": tmp_path / "cloud",
            "token": TOKEN,
            "observer": validator,
            "background": False,
        }
        server = Server(**{**defaults, **options})
        started.append(server.__enter__())
        return server

    yield make
    for server in started:
        server.__exit__(None, None, None)
    mistakes = [mistake for server in started for mistake in server.cloud.mistakes]
    assert not mistakes, "\n".join(mistakes)


@pytest.fixture
def account(make_account: Callable[..., Server]) -> Server:
    """An account with nothing in it."""
    return make_account()


@pytest.fixture
def connect() -> Callable[..., object]:
    """A pydo client of a server, which trusts it alone, gives up soon and repeats nothing."""
    import pydo

    def client(server: Server, token: str = TOKEN, **options):
        defaults = {"connection_timeout": 5, "read_timeout": 5, "retry_total": 0}
        return pydo.Client(
            token, endpoint=server.url, connection_verify=str(server.ca), **{**defaults, **options}
        )

    return client


@pytest.fixture
def client(account: Server, connect: Callable[..., object]):
    """A pydo client of `account`."""
    return connect(account)
