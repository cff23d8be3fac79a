"""GitHub's packages: installed as pinned, asked with patience, and what they answer."""

import pytest

from coursehub.problems import Failure
from sandbox import commands
from sandbox.github import packages
from sandbox.github.expressions import MARK, Status, evaluate
from sandbox.github.service import Refusal, Service


def program(folder, name: str, text: str) -> None:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder that is all of PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setattr(commands, "PATH", str(folder))
    return folder


@pytest.fixture
def folder(tmp_path):
    """A folder with a lock file that names one package."""
    folder = tmp_path / "node"
    folder.mkdir()
    (folder / "package-lock.json").write_text('{"packages": {"": {}, "node_modules/a": {"version": "1"}}}')
    return folder


INSTALL = 'echo "$@" >> calls; mkdir -p node_modules; cp package-lock.json node_modules/.package-lock.json'


def test_packages_are_installed_when_missing_or_other_than_the_lock_file_says(programs, folder, monkeypatch):
    monkeypatch.setattr(commands, "PATH", f"{programs}:/usr/bin:/bin")
    program(programs, "node", "echo v20.1.0")
    program(programs, "npm", INSTALL)
    assert packages.ensure(folder) == packages.ensure(folder) == folder
    assert (folder / "calls").read_text().splitlines() == ["ci --omit=dev --no-audit --no-fund"]
    (folder / "package-lock.json").write_text('{"packages": {"": {}, "node_modules/a": {"version": "2"}}}')
    packages.ensure(folder)
    assert len((folder / "calls").read_text().splitlines()) == 2


def test_a_node_that_is_too_old_is_named(programs, folder):
    program(programs, "node", "echo v18.19.0")
    with pytest.raises(Failure, match=r"node is v18\.19\.0.*install Node.js 20"):
        packages.ensure(folder)


def test_missing_programs_are_named(programs, folder):
    with pytest.raises(Failure, match=r"node is not installed.*install Node.js 20"):
        packages.ensure(folder)
    program(programs, "node", "echo v22.0.0")
    with pytest.raises(Failure, match="npm is not installed"):
        packages.ensure(folder)


def test_an_answer_that_does_not_come_is_a_failure_then_and_later():
    service = Service(patience=0)
    with pytest.raises(Failure, match="did not answer within 0 s"):
        service.ask("evaluate", value=1, contexts={})
    with pytest.raises(Failure, match="has ended"):
        service.ask("evaluate", value=1, contexts={})
    service.close()


CONTEXTS = {"github": {"ref": "refs/heads/main", "n": 3, "list": ["a", "b"]}, "secrets": {"KEY": "k"}}


@pytest.mark.parametrize(
    ("expression", "value", "truthy"),
    [
        ("'false'", "false", True),
        ("github.missing.deeper", None, False),
        ("github.n == '3'", True, True),
        ("'Main' == 'main'", True, True),
        ("contains(github.list, 'b') && 'yes' || 'no'", "yes", True),
        ("github['ref']", "refs/heads/main", True),
        ("join(github.*, ',')", "refs/heads/main,3,Array", True),
        ("format('it''s {0}, isn''t it?', github.n)", "it's 3, isn't it?", True),
        ("toJSON(github.list)", '[\n  "a",\n  "b"\n]', True),
        ("success() || failure()", False, False),
        ("cancelled() && always()", True, True),
    ],
)
def test_expressions_mean_what_they_mean_on_github(service, expression, value, truthy):
    status = Status(success=False, failure=False, cancelled=True)
    found = evaluate(service, {MARK: expression}, CONTEXTS, status)
    assert (found.value, found.truthy) == (value, truthy)


def test_only_what_is_read_counts_as_read(service):
    def read(expression: str) -> frozenset[str]:
        return evaluate(service, {MARK: expression}, CONTEXTS).secrets

    assert read("secrets.KEY") == read("secrets['key']") == read("join(secrets.*)") == {"KEY"}
    assert read("false && secrets.KEY") == read("secrets.OTHER") == frozenset()


def test_an_expression_that_is_wrong_is_refused_with_its_text(service):
    with pytest.raises(Refusal, match=r"nonsense\.x"):
        evaluate(service, [1, {"a": {MARK: "nonsense.x"}}], CONTEXTS)
