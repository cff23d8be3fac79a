"""What tests on real machines share. Locally they are skipped where machines cannot run; in CI they fail."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coursehub.problems import Failure
from coursehub.ssh import Login
from deployments import Course, make_key, new_course
from sandbox import host, image, sources, state
from sandbox.commands import wait_until
from sandbox.machine import Machine, all_machines, create, find
from student import Kernel, in_the_middle
from traces import traces

TELLING = ["jupyterhub", "traefik", "jupyter-*", "coursehub-*"]


LONGEST = ("test_on_github.py", "test_droplet.py", "test_environments.py", "test_https.py")
"""Begun first, so that not all wait for one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call) -> Iterator:
    """What the machines' journals say belongs to a failure: where it happened cannot be looked at later."""
    report = yield
    if report.failed and "sandbox" in getattr(item, "fixturenames", ()):
        for machine in all_machines():
            with contextlib.suppress(Failure):
                report.sections.append((f"journal of {machine.name}", journal(machine)))
    return report


def journal(machine: Machine) -> str:
    """The last lines about what makes a hub."""
    units = [f"--unit={name}" for name in TELLING]
    said = machine.run(["journalctl", "--no-pager", "--lines=80", "--output=short-precise", *units])
    return said.stdout.decode(errors="replace")


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Path]:
    """A sandbox of the tests' own, empty, with a prepared image; its directory. Removed afterwards.

    It shares the images with the demo's, and one test run waits for another. Where tests run in several
    processes, each has a sandbox.
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
    name = f"tests{os.environ.get('PYTEST_XDIST_WORKER', '')}"
    directory = common / name
    waiting = state.lock(common / f".{name}.lock", timeout=900, what="running the sandbox's tests")
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
    for machine in reversed(made):
        machine.destroy()


@pytest.fixture(scope="session")
def deployed_machine(
    software: sources.Sources, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    """A machine that is off, with the sample course deployed to it: made once, for others to begin with."""
    folder = tmp_path_factory.mktemp("deployed")
    private, public = make_key(folder)
    made = create(
        "deployed", memory="4G", cpus=2.0, disk="8G", authorized_keys=[public], binds=sources.binds()
    )
    try:
        new_course(folder, made, private, software.mirrors).deploy()
        made.power_off()
        yield made
    finally:
        made.destroy()


def begin_deployed(
    deployed: Machine, software: sources.Sources, folder: Path, name: str, **options
) -> tuple[Course, Machine]:
    """The sample course, and a machine of its own that begins like `deployed`, once its hub answers."""
    private, public = make_key(folder)
    # A disk of its own is gone in a moment afterwards; removing all of a hub's files takes long.
    wanted = {"memory": "4G", "cpus": 2.0, "disk": "8G", "binds": sources.binds()} | options
    box = create(name, authorized_keys=[public], like=deployed, **wanted)
    address = f"http://{box.address}/hub/api/"
    wait_until(lambda: sources.answers(address), 120, f"an answer of the hub at {address}", interval=0.2)
    return new_course(folder, box, private, software.mirrors), box


@pytest.fixture(scope="module")
def make_deployed(
    deployed_machine: Machine, software: sources.Sources, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., tuple[Course, Machine]]]:
    """Called with a machine's name (and options of `create`), it makes a hub that is deployed and answers, in
    seconds: the sample course and the machine. For tests that begin where a deploy has ended."""
    names: list[str] = []

    def make(name: str, **options) -> tuple[Course, Machine]:
        names.append(name)
        return begin_deployed(deployed_machine, software, tmp_path_factory.mktemp(name), name, **options)

    yield make
    for name in names:
        if box := find(name):
            box.destroy()


@pytest.fixture(scope="module")
def kernel(box: Machine) -> Iterator[Kernel]:
    """Ada, in the middle of something on the module's `box`, through all that happens."""
    with in_the_middle(f"http://{box.address}") as kernel:
        yield kernel


@pytest.fixture
def other_sandbox(sandbox: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A sandbox beside the tests' one, with the same images; left without a trace."""
    directory = sandbox / "other"
    directory.mkdir()
    (directory / "images").symlink_to((sandbox / "images").resolve())
    monkeypatch.setenv(state.VARIABLE, str(directory))
    yield directory
    host.remove_all(keep_images=False)
    assert traces() == {}
    assert not directory.exists()


@pytest.fixture(scope="session")
def bare(tmp_path_factory, sandbox) -> Iterator[tuple[Machine, Login]]:
    """A machine without a hub, and how to log in there as a deploy does."""
    private, public = make_key(tmp_path_factory.mktemp("bare"))
    box = create("bare", memory="1G", authorized_keys=[public])
    yield box, Login(box.address, 22, (box.host_key,), private, "")
    box.destroy()


@pytest.fixture(scope="session")
def classroom(deployed_machine, software, tmp_path_factory) -> Iterator[tuple[Course, Machine]]:
    """A course and the server that it is deployed to, on its own disk, with the sample's class of two."""
    try:
        yield begin_deployed(deployed_machine, software, tmp_path_factory.mktemp("classroom"), "classroom")
    finally:
        if box := find("classroom"):
            box.destroy()
