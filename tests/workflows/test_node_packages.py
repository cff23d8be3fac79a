"""npm's packages are installed when they differ from the lock file, and nobody else's are touched."""

import json
import os
from pathlib import Path

import pytest

from sandbox.github import packages

LOCK = {
    "packages": {"": {"name": "tools"}, "node_modules/x": {"version": "1.0.0", "integrity": "sha512-abc"}}
}


@pytest.fixture
def installed(monkeypatch) -> list[Path]:
    """Where npm was asked to install something."""
    folders = []
    monkeypatch.setattr(packages, "run", lambda argv, directory, timeout: folders.append(directory))
    return folders


def folder_with(path: Path, record: dict | None) -> Path:
    (path / "node_modules").mkdir(parents=True)
    (path / "package-lock.json").write_text(json.dumps(LOCK))
    if record is not None:
        (path / "node_modules" / ".package-lock.json").write_text(json.dumps(record))
    return path


RECORD = {"packages": {"node_modules/x": LOCK["packages"]["node_modules/x"]}}


def test_what_is_there_is_not_installed_again(tmp_path, installed):
    folder = folder_with(tmp_path, RECORD)
    os.utime(folder / "node_modules", (0, 0))  # as old as can be, which says nothing
    assert packages.ensure(folder) == folder
    assert installed == []


@pytest.mark.parametrize("record", [None, {}, {"packages": {"node_modules/x": {"version": "0.9.0"}}}])
def test_anything_else_is_replaced(tmp_path, installed, record):
    folder = folder_with(tmp_path, record)
    packages.ensure(folder)
    assert installed == [folder]


def test_a_link_is_replaced_and_not_followed(tmp_path, installed):
    other = folder_with(tmp_path / "other", None)
    (other / "node_modules" / "theirs").touch()
    folder = folder_with(tmp_path / "own", None)
    (folder / "node_modules").rmdir()
    (folder / "node_modules").symlink_to(other / "node_modules")
    packages.ensure(folder)
    assert installed == [folder]
    assert not (folder / "node_modules").exists()
    assert (other / "node_modules" / "theirs").exists()
