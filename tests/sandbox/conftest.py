"""What tests on real machines share. Locally they are skipped where machines cannot run; in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coursehub.problems import Failure
from sandbox import host, image, sources, state
from sandbox.machine import Machine, create


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Path]:
    """A sandbox of the tests' own, empty, with a prepared image; its directory. Removed afterwards.

    It shares the images with the demo's, and one test run waits for another.
    """
    try:
        host.check()
        if missing := host.missing_packages():
            raise Failure(f"not installed: {', '.join(missing)}", fix="`make test` installs them")
    except Failure as failure:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(failure))
    common = state.directory()
    directory = common / "tests"
    waiting = state.lock(common / ".tests.lock", timeout=900, what="running the sandbox's tests")
    with waiting, pytest.MonkeyPatch.context() as patch:
        patch.setenv(state.VARIABLE, str(directory))
        host.remove_all()  # what an interrupted run left
        share(common, directory)
        image.ensure()
        try:
            yield directory
        finally:
            host.remove_all(keep_images=False)


def share(common: Path, directory: Path) -> None:
    """Give the sandbox in `directory` what the one in `common` has prepared and downloaded, by links."""
    directory.mkdir(exist_ok=True)
    for name in ("images", "cache", "channels"):
        (common / name).mkdir(parents=True, exist_ok=True)
        (directory / name).unlink(missing_ok=True)
        (directory / name).symlink_to((common / name).resolve())


@pytest.fixture(scope="session")
def software(sandbox: Path) -> Iterator[sources.Sources]:
    """Where the tests' machines get their software, as for the demo."""
    yield sources.start()
    sources.stop()


@pytest.fixture
def make_machine(sandbox: Path) -> Iterator[Callable[..., Machine]]:
    """`create`, with the machines destroyed after the test."""
    made: list[Machine] = []

    def make(name: str, **options) -> Machine:
        made.append(create(name, **options))
        return made[-1]

    yield make
    for machine in made:
        machine.destroy()
