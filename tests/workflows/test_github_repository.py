"""What a person does to a repository: commits, pushes of a folder, and how webhooks show it."""

import subprocess

import pytest

from sandbox.github.repository import Repository


def listed(repository, ref="main"):
    return repository.objects.text("ls-tree", "-r", "--format=%(objectmode) %(path)", ref).splitlines()


def test_a_commit_changes_only_what_it_says(repository, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "run").write_text("#!/bin/sh\n")
    (folder / "run").chmod(0o755)
    (folder / "old").write_text("old")
    repository.push_tree(folder, "A program")
    sha = repository.commit({"run": "#!/bin/sh\ntrue\n", "old": None, "a/b": b"\0"}, "Change", author="grace")
    assert sha == repository.head() and listed(repository) == ["100644 a/b", "100755 run"]
    assert repository.objects.read("blob", "main:run") == b"#!/bin/sh\ntrue\n"
    assert repository.objects.text("log", "-1", "--format=%an|%B") == "grace|Change"
    assert repository.objects.text("rev-list", "--count", "main") == "3"
    with pytest.raises(ValueError, match="there is no gone"):
        repository.commit({"gone": None}, "Delete")


def test_a_new_branch_starts_from_the_default_one(repository):
    repository.commit({"x": "1"}, "X", branch="x")
    assert repository.objects.text("rev-parse", "x^") == repository.head()
    assert repository.head("none") is None


def test_a_folder_is_pushed_without_what_git_ignores(repository, tmp_path):
    folder = tmp_path / "folder"
    (folder / "deep" / ".venv").mkdir(parents=True)
    (folder / "deep" / ".venv" / "x").touch()
    (folder / "deep" / "kept").touch()
    (folder / ".gitignore").write_text(".venv/\n")
    (folder / "link").symlink_to("deep/kept")
    subprocess.run(["git", "init", "--quiet", folder], check=True)
    (folder / "private").touch()
    (folder / ".git" / "info" / "exclude").write_text("private\n")
    repository.push_tree(folder, "Push", branch="pushed")
    assert listed(repository, "pushed") == ["100644 .gitignore", "100644 deep/kept", "120000 link"]
    # A work tree of a clone has a file for .git.
    subprocess.run(["git", "-C", folder, "add", "."], check=True)
    who = ["-c", "user.name=ada", "-c", "user.email=ada@school.example"]
    subprocess.run(["git", "-C", folder, *who, "commit", "-qm", "x"], check=True)
    subprocess.run(["git", "-C", folder, "worktree", "add", "-q", tmp_path / "beside"], check=True)
    (tmp_path / "beside" / "private").touch()
    repository.push_tree(tmp_path / "beside", "Push", branch="beside")
    assert listed(repository, "beside") == listed(repository, "pushed")


def test_the_payload_of_webhooks(tmp_path):
    made = Repository.create(
        tmp_path / "x.git", full_name="ada/x", default_branch="trunk", private=True, owner_kind="User"
    )
    payload = made.payload()
    expected = {"name": "x", "full_name": "ada/x", "private": True, "visibility": "private", "fork": False}
    assert payload | expected == payload
    assert payload["default_branch"] == "trunk" and payload["is_template"] is False
    assert payload["owner"]["login"] == "ada" and payload["owner"]["type"] == "User"
    made.commit({"a": "b"}, "First")
    assert made.objects.text("symbolic-ref", "HEAD") == "refs/heads/trunk"
    assert made.head() == made.head("trunk") is not None
