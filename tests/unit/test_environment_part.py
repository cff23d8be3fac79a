"""The part that plans environments: from the course's files to steps; the droplet is a value."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from coursehub import lockfile, solving
from coursehub.environment_file import EnvironmentFile
from coursehub.parts import environment
from coursehub.problems import Failure, InvalidInput
from coursehub.requirement import Requirement
from coursehub.solving import Solution

MACHINE = {"release": "ubuntu-24.04", "glibc": "2.39", "kernel": "6.8.0"}
SOLUTION = Solution(
    "lock\n", "", {"numpy": "2.1", "new": "1", "pandas": "3"}, {"numpy": 10**7, "new": 1000, "pandas": 10**6}
)
EVERYTHING = ("environment.pardon", "environment.install_tools", "environment.install", "environment.switch")


class Report:
    """Keeps what would be said."""

    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def settings(tmp_path):
    file = EnvironmentFile(None, ("conda-forge",), (Requirement("numpy", 4), Requirement("pandas >=2", 5)))
    return SimpleNamespace(
        environment=file,
        hub=SimpleNamespace(tljh_version="2.0.0"),
        mirrors=SimpleNamespace(conda={}, pypi=None),
        root=tmp_path,
    )


@pytest.fixture
def solver(monkeypatch):
    """Stands where the solver is; remembers for what it was asked to solve."""
    asked = []

    def solve(request, glibc, kernel):
        asked.append((request, glibc, kernel))
        return SOLUTION

    monkeypatch.setattr(solving, "solve", solve)
    return asked


def seen(**changes):
    there = {
        "current": "old",
        "inputs": "others",
        "rejected": {},
        "collectable": [],
        "packages": {"numpy": "2.0", "pandas": "3", "gone": "1"},
        "generations": ["old"],
        "tools": True,
        "disk_free": 21 * 10**9,
    }
    return there | changes


def solved(settings, **choices):
    """What is wanted, as if it had been solved."""
    return replace(environment.want(settings, None, **choices), solution=SOLUTION)


def operations(steps):
    return [step.operation for step in steps]


def test_an_environment_is_solved_only_when_its_request_changed(settings, solver):
    want = environment.want(settings, None)
    present = {"inputs": want.inputs, "rejected": {}, "collectable": [], "current": "x"}
    assert environment.prepare(want, present, MACHINE, Report()) is want
    assert environment.plan(want, present, MACHINE) == []
    assert solver == []
    prepared = environment.prepare(want, seen(), MACHINE, Report())
    assert solver == [(want.request, "2.39", "6.8.0")]
    assert prepared.solution is SOLUTION


def test_an_environment_is_installed_beside_and_then_switched_to(settings):
    want = solved(settings)
    install, switch = environment.plan(want, seen(), MACHINE)
    assert install.details == (
        "2 packages to download, 10 MB; needs about 151 MB of disk, 21 GB free",
        "~ numpy 2.0 → 2.1",
        "- gone 1",
        "+ new 1",
    )
    assert install.parameters["requested"] == ["numpy", "pandas"]
    assert install.parameters["about"]["packages"] == SOLUTION.packages
    assert switch.parameters == {"generation": want.generation, "about": environment.about(want)}
    interrupted = seen(generations=["old", want.generation])
    assert operations(environment.plan(want, interrupted, MACHINE)) == ["environment.switch"]
    first = environment.plan(want, seen(packages={}, generations=[], current=None, tools=False), MACHINE)
    assert operations(first) == list(EVERYTHING[1:])
    assert first[1].details == ("3 packages to download, 11 MB; needs about 156 MB of disk, 21 GB free",)


def test_everything_that_decides_the_result_changes_the_inputs(settings):
    def inputs():
        return environment.want(settings, None).inputs

    names = [inputs()]
    (settings.root / "postBuild").write_text("#!/bin/sh\ntrue\n")
    names.append(inputs())
    (settings.root / "postBuild").write_text("#!/bin/sh\nfalse\n")
    names.append(inputs())
    digest = environment.request_of(settings).digest
    for lock in ("one\n", "two\n"):
        text = lockfile.write(replace(SOLUTION, lock=lock), digest, "ubuntu-24-04-x64", "2.39")
        (settings.root / lockfile.FILE).write_text(text)
        names.append(inputs())
    settings.hub.tljh_version = "1.0.0"
    names.append(inputs())
    assert len(set(names)) == len(names)


def test_another_post_build_is_another_generation(settings):
    before = solved(settings).generation
    (settings.root / "postBuild").write_text("#!/bin/sh\ntrue\n")
    want = solved(settings)
    assert want.generation != before
    assert environment.plan(want, seen(), MACHINE)[0].parameters["post_build"] == "#!/bin/sh\ntrue\n"


@pytest.mark.parametrize("content", [b"#!/bin/sh\r\ntrue\r\n", b"\xff\xfe"])
def test_a_post_build_that_cannot_run_is_a_mistake(settings, content):
    (settings.root / "postBuild").write_bytes(content)
    with pytest.raises(InvalidInput) as caught:
        environment.want(settings, None)
    assert caught.value.problems[0].file == "postBuild"


def write_lock(settings, made_from=None, glibc="2.39"):
    digest = made_from or environment.request_of(settings).digest
    (settings.root / lockfile.FILE).write_text(lockfile.write(SOLUTION, digest, "ubuntu-24-04-x64", glibc))


def test_a_lock_that_belongs_is_used_as_it_is(settings, solver):
    write_lock(settings)
    want = environment.want(settings, None, locked=True)
    prepared = environment.prepare(want, seen(), MACHINE, Report())
    assert solver == []
    assert (prepared.solution.lock, prepared.solution.packages) == (SOLUTION.lock, SOLUTION.packages)
    # What the droplet keeps of it can be committed as it stands.
    assert lockfile.read(prepared.record).made_from == want.request.digest


def test_a_lock_that_is_stale_is_told_and_not_used(settings, solver):
    write_lock(settings, made_from="an earlier one")
    report = Report()
    want = environment.want(settings, None)
    environment.prepare(want, seen(), MACHINE, report)
    assert len(solver) == 1
    assert "earlier environment.yml" in report.notes[0] and "scripts/lock.py" in report.notes[0]
    assert want.inputs == environment.want(without_lock(settings), None).inputs


def without_lock(settings):
    (settings.root / lockfile.FILE).unlink()
    return settings


def test_locked_wants_a_lock_that_belongs(settings):
    for words in ("is missing", "earlier environment.yml"):
        with pytest.raises(InvalidInput) as caught:
            environment.want(settings, None, locked=True)
        assert words in str(caught.value)
        write_lock(settings, made_from="an earlier one")


def test_a_lock_for_a_newer_system_is_refused(settings, solver):
    write_lock(settings, glibc="2.39")
    want = environment.want(settings, None)
    with pytest.raises(InvalidInput, match=r"glibc 2\.39, but the server has 2\.9"):
        environment.prepare(want, seen(), {**MACHINE, "glibc": "2.9"}, Report())
    assert environment.prepare(want, seen(), {**MACHINE, "glibc": "2.41"}, Report()).solution


def rejection(**changes):
    return {"generation": "bad", "who": "ada", "when": 1760000000.5, "reason": "pandas broke"} | changes


def test_what_was_rolled_back_is_refused_before_it_is_solved(settings, solver):
    want = environment.want(settings, None)
    with pytest.raises(Failure) as caught:
        environment.prepare(want, seen(rejected={want.inputs: rejection()}), MACHINE, Report())
    assert "rolled back by ada on 2025-10-09 08:53 UTC (pandas broke)" in caught.value.message
    assert "revert the commit" in caught.value.fix and "--allow rejected" in caught.value.fix
    assert solver == []


def test_the_same_packages_are_refused_whatever_asked_for_them(settings, solver):
    same = {"another request": rejection(generation=solved(settings).generation, reason="")}
    want = environment.want(settings, None)
    with pytest.raises(Failure, match="UTC, so it is not"):
        environment.prepare(want, seen(rejected=same), MACHINE, Report())
    others = {"another request": rejection()}
    assert environment.prepare(want, seen(rejected=others), MACHINE, Report()).solution


def test_what_was_rolled_back_can_be_allowed(settings, solver):
    want = environment.want(settings, None, allow_rejected=True)
    state = seen(rejected={want.inputs: rejection(), "another": rejection()}, tools=False)
    prepared = environment.prepare(want, state, MACHINE, Report())
    steps = environment.plan(prepared, state, MACHINE)
    assert operations(steps) == list(EVERYTHING)
    assert steps[0].parameters == {"inputs": want.inputs}


def test_old_environments_are_removed(settings):
    want = environment.want(settings, None)
    idle = {"inputs": want.inputs, "rejected": {}, "current": "d", "collectable": ["a", "b"]}
    (step,) = environment.plan(want, idle, MACHINE)
    assert (step.title, step.parameters) == ("Remove 2 old environments", {"names": ["a", "b"]})
    assert not step.needed


@pytest.mark.parametrize(
    ("generations", "collectable", "removed"),
    [
        (["a", "current"], [], None),
        (["a", "b", "current"], [], ["a", "b"]),
        (["a", "current"], ["half"], ["half"]),
    ],
)
def test_what_a_switch_makes_old_is_removed_in_the_same_deploy(settings, generations, collectable, removed):
    state = seen(generations=generations, collectable=collectable, current="current")
    steps = environment.plan(solved(settings), state, MACHINE)
    assert [step.parameters["names"] for step in steps if step.operation == "environment.collect"] == (
        [removed] if removed else []
    )


def test_the_generation_to_switch_to_is_never_removed(settings):
    want = solved(settings)
    state = seen(generations=[want.generation, "a", "b", "old"], collectable=[want.generation, "a"])
    assert environment.plan(want, state, MACHINE)[-1].parameters == {"names": ["a", "b"]}


def test_the_tools_are_pinned_by_the_same_file_that_pins_ours():
    pins = environment.pinned(environment.PINS.read_text(), environment.TOOLS)
    lines = pins.splitlines()
    assert [line.split("==")[0] for line in lines if "==" in line] == ["py-rattler", "uv"]
    assert sum("--hash=sha256:" in line for line in lines) >= 2
    assert "#" not in pins
