"""A student's copy, whatever was done to it: real git, and every case of pull_cases.py.

tests/sandbox/test_links_open.py plays the same cases on a hub, through the nbgitpuller that is there.
"""

import contextlib
import errno
import json
import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest

import pull_cases
from coursehub.pulling import asked, hook, notebook, worktree
from coursehub.pulling.decide import MAKE_WAY, MERGE, NOTHING, OTHER, REMOVE, TAKE, best_match, decide
from coursehub.pulling.names import beside
from coursehub.pulling.text import has_marks, without_marks
from pull_cases import CASES, FIRST, PRECIOUS, Scene

BY_RIGHTS = {name for name in CASES if "cannot be" in name or "can be written" in name}
"""Not for root, who may write everywhere: a student plays them in tests/sandbox/test_links_open.py."""


def click(folder, url, branch):
    """What a click does where nbgitpuller only clones."""

    def clone():
        assert not os.path.lexists(folder), "left to nbgitpuller"
        subprocess.run(
            ["git", "clone", "-q", "--depth", "1", "--branch", branch, "--", url, folder], check=True
        )
        yield "cloned\n"

    return "".join(hook.pulled(folder, url, branch, clone))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No settings of whoever runs the tests, but for a submodule that is a folder here."""
    (tmp_path / "gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    monkeypatch.setenv("HOME", str(tmp_path / "scene/home"))


@pytest.mark.parametrize("name", [name for name in CASES if os.geteuid() or name not in BY_RIGHTS])
def test_whatever_was_done_to_a_copy_the_next_click_brings_the_newest(name, tmp_path):
    pull_cases.run(name, tmp_path / "scene", click)


def follow(scene, opened):
    """A click on the link to something in the copy."""
    return "".join(hook.pulled(str(scene.copy), scene.url, "main", lambda: iter(()), opened))


def test_what_was_deleted_comes_again_with_the_link_to_it(tmp_path):
    """So one starts anew: delete it, and click."""
    scene = Scene(tmp_path / "scene", click)
    for path in ("lab1.ipynb", "old.ipynb", "data/a.csv"):
        (scene.copy / path).unlink()
    follow(scene, "notes.txt")
    assert not (scene.copy / "lab1.ipynb").exists()
    follow(scene, "lab1.ipynb")
    assert scene.read("lab1.ipynb") == FIRST["lab1.ipynb"] and not (scene.copy / "old.ipynb").exists()
    follow(scene, "data")
    assert not (scene.copy / "data/a.csv").exists(), (
        "the folder is there, and what was deleted in it is meant"
    )
    (scene.copy / "data/b.csv").unlink()
    (scene.copy / "data").rmdir()
    follow(scene, "data")
    assert scene.read("data/a.csv") == "1,2\n" and scene.read("data/b.csv") == "3,4\n"
    scene.publish({"old.ipynb": FIRST["lab1.ipynb"]})
    follow(scene, "lab1.ipynb")
    assert scene.read("old.ipynb") == FIRST["lab1.ipynb"], "the course has changed it"


def test_a_copy_of_which_files_never_came_gets_them(tmp_path):
    """Cut off at its first checkout, before git wrote that it was done."""
    scene = Scene(tmp_path / "scene", click)
    (scene.copy / ".git/index").unlink()
    (scene.copy / "old.ipynb").unlink()
    scene.pull()
    assert scene.cells("old.ipynb") == ["old"]


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("lab/tree/course/week 1/a.ipynb?reset", "week 1/a.ipynb"),
        ("tree/course/a%20b.ipynb", "a b.ipynb"),
        ("notebooks/course/a.ipynb", "a.ipynb"),
        ("lab/tree/course", None),
        ("lab/tree/course/", None),
        ("lab/tree/elsewhere/a.ipynb", None),
        ("lab/tree/course/../../etc/passwd", None),
        ("lab", None),
        ("", None),
    ],
)
def test_what_a_link_opens(address, path):
    asked.remember("/home/ada", "/home/ada/course/", address)
    assert asked.opened_by("/home/ada/course") == path
    assert asked.opened_by("/home/ada/course") is None, "it counts for one click"


def test_killed_at_any_moment_the_next_click_goes_on(tmp_path):
    """The later runs are killed later, by parts of the time that the first one took, which was let end; what
    was changed by then, and what not, must not matter."""
    killed, whole = 0, 0.0
    for number in range(9):
        scene = Scene(tmp_path / str(number), click)
        scene.write("notes.txt", f"first line\nsecond {PRECIOUS}\nthird line\n")
        scene.write("lab2.ipynb", PRECIOUS)
        more = {f"data/{index}.csv": f"{index}\n" * 2000 for index in range(40)}
        new = {"notes.txt": "first line\nsecond, new\nthird line\n", "lab2.ipynb": "{}", "old.ipynb": None}
        scene.publish(more | new)
        program = (
            "import sys; from coursehub.pulling.hook import ours\n"
            "print('begins', flush=True)\n"
            "list(ours(*sys.argv[1:]))"
        )
        environment = {**os.environ, "PYTHONPATH": str(os.pathsep.join(sys.path))}
        arguments = [sys.executable, "-c", program, scene.copy, scene.url, "main"]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, env=environment, process_group=0)
        process.stdout.readline()
        began = time.monotonic()
        if number:
            time.sleep(whole * (number - 1) / 8)
        else:
            process.wait()
            whole = time.monotonic() - began
        killed += process.poll() is None
        with contextlib.suppress(ProcessLookupError):  # quick as it was, there is nobody left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        scene.pull()
        assert scene.read("news.txt") == "version 2\n" and scene.read("lab2.ipynb") == "{}"
        assert PRECIOUS in scene.read("notes.txt") and not (scene.copy / "old.ipynb").exists()
        assert [path.read_text() for path in scene.beside("your version")] == [PRECIOUS]
        assert all(scene.read(name) == text for name, text in more.items())
        assert not list(scene.copy.glob(".git*damaged*"))
    assert killed, "not one was struck"


def test_a_full_disk_changes_nothing_and_lets_the_student_in(tmp_path, monkeypatch):
    scene = Scene(tmp_path / "scene", click)
    scene.write("notes.txt", f"{PRECIOUS}\nfirst line\nsecond line\nthird line\n")
    scene.publish({"notes.txt": "first line\nsecond line\nthird LINE\n", "data/a.csv": "new\n"})
    before = scene.everything()

    def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(worktree, "open", no_room, raising=False)
        said = scene.pull()
    # `open` is also what reads.
    assert "the disk is full" in said and scene.everything() == before
    scene.pull()
    assert scene.read("data/a.csv") == "new\n" and PRECIOUS in scene.read("notes.txt")


def test_a_git_that_is_at_work_is_left_alone(tmp_path, monkeypatch):
    scene = Scene(tmp_path / "scene", click)
    scene.publish({"data/a.csv": "new\n"})
    lock = scene.copy / ".git/index.lock"
    lock.write_text("")
    monkeypatch.setattr(hook.Update.run.__globals__["broken"], "PATIENCE", 0.3)
    ask = ["git", "cat-file", "--batch"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    at_work = subprocess.Popen(ask, cwd=scene.copy, bufsize=0, **pipes)
    at_work.stdin.write(b"nothing\n")
    assert at_work.stdout.readline(), "it has begun"
    said = scene.pull()
    at_work.communicate()
    assert "another git is at work" in said and lock.exists() and scene.read("data/a.csv") == "1,2\n"
    scene.pull()
    assert scene.read("data/a.csv") == "new\n"


def test_what_is_not_foreseen_is_left_to_nbgitpuller(tmp_path, monkeypatch):
    def odd(*_):
        raise RuntimeError("not foreseen")

    (tmp_path / "copy").mkdir()
    monkeypatch.setattr(hook, "ours", odd)
    said = list(hook.pulled(str(tmp_path / "copy"), "url", "main", lambda: iter(["theirs\n"])))
    assert said[-1] == "theirs\n" and "not foreseen" in said[0]


def test_a_repository_that_is_gone_is_told_by_nbgitpuller(tmp_path):
    scene = Scene(tmp_path / "scene", click)
    scene.bare.rename(tmp_path / "elsewhere")
    before = scene.everything()
    with pytest.raises(AssertionError, match="left to nbgitpuller"):
        scene.pull()
    assert scene.everything() == before and scene.git("log", "-1", "--format=%s") == "version 1"


def test_a_copy_that_was_set_aside_comes_back_when_no_other_can_be_made(tmp_path, monkeypatch):
    scene = Scene(tmp_path / "scene", click)
    scene.write("notes.txt", PRECIOUS)
    before = scene.everything()

    def cannot(*_):
        raise OSError("not in any way")

    def clone():
        raise RuntimeError("no clone either")
        yield

    monkeypatch.setattr(hook, "healed", cannot)
    with pytest.raises(RuntimeError):
        list(hook.pulled(str(scene.copy), scene.url, "main", clone))
    assert scene.everything() == before


def test_the_home_itself_is_never_a_copy(tmp_path):
    (tmp_path / "scene/home").mkdir(parents=True)
    for folder in ("scene/home", "scene", "scene/home/."):
        said = list(hook.pulled(str(tmp_path / folder), "url", "main", lambda: iter(["theirs\n"])))
        assert said == ["theirs\n"]


def test_it_takes_the_place_of_nbgitpullers_own_once(monkeypatch):
    class GitPuller:
        git_url, repo_dir, branch_name = "url", "/nowhere/at/all", "main"

        def pull(self):
            yield "theirs\n"

    package, module = types.ModuleType("nbgitpuller"), types.ModuleType("nbgitpuller.pull")
    module.GitPuller = GitPuller
    monkeypatch.setitem(sys.modules, "nbgitpuller", package)
    monkeypatch.setitem(sys.modules, "nbgitpuller.pull", module)
    hook.install()
    once = GitPuller.pull
    hook.install()
    assert GitPuller.pull is once and list(GitPuller().pull()) == ["theirs\n"]


@pytest.mark.parametrize(
    ("given", "wanted", "mine", "what"),
    [
        ("1", "2", "1", TAKE),
        ("1", "2", "2", NOTHING),
        ("1", "2", None, TAKE),
        ("1", "2", "3", MERGE),
        ("1", "2", OTHER, MAKE_WAY),
        ("1", None, "1", REMOVE),
        ("1", None, "3", NOTHING),
        ("1", None, OTHER, NOTHING),
        (None, "2", None, TAKE),
        (None, "2", "3", MAKE_WAY),
        (None, "2", "2", NOTHING),
    ],
)
def test_what_becomes_of_a_file(given, wanted, mine, what):
    assert decide(given, wanted, mine) == what


def test_the_version_that_most_files_come_from():
    commits = [("new", {"a": ("", "2"), "b": ("", "2")}), ("old", {"a": ("", "1"), "b": ("", "1")})]
    assert best_match(commits, {"a": "1", "b": "mine"}) == "old"
    assert best_match(commits, {"a": "mine"}) is None
    added = [("new", {"a": ("", "1"), "b": ("", "2"), "c": ("", "1")}), ("old", {"a": ("", "1")})]
    assert best_match(added, {"a": "1", "b": "mine"}) == "old"
    assert best_match(added, {"a": "1", "b": "mine", "c": "1"}) == "new"
    edited = [("new", {"a": ("", "1"), "b": ("", "2")}), ("old", {"a": ("", "1"), "b": ("", "1")})]
    assert best_match(edited, {"a": "1", "b": "mine"}) == "old"


def test_names_are_never_taken_twice(tmp_path):
    path = str(tmp_path / ("ü" * 120 + ".ipynb"))
    for _ in range(3):
        found = beside(path, "your version", "29 Nov 14.05")
        assert not os.path.lexists(found)
        Path(found).touch()
    assert len(list(tmp_path.glob("ü*"))) == 3


MARKED = b"a\n<<<<<<< HEAD\nmine\n||||||| base\nold\n=======\ntheirs\n>>>>>>> main\nz\n"


def test_conflict_marks():
    assert has_marks(MARKED) and not has_marks(b"=======\n") and not has_marks(b"<<<<<<< x\n")
    assert without_marks(MARKED) == b"a\nmine\nz\n"
    assert without_marks(MARKED, second=True) == b"a\ntheirs\nz\n"


A, B, C = "import numpy", "# Answer\n", "plot()"


def merged(given, mine, wanted, **more):
    made = notebook.merge(*(one.encode() for one in (given, mine, wanted)), **more)
    cells = json.loads(made[0])["cells"]
    assert len({cell["id"] for cell in cells}) == len(cells)
    return ["".join(cell["source"]) for cell in cells], made[1]


def with_ids(text, first):
    """The same notebook with other ids, as a program makes them that writes notebooks anew."""
    found = json.loads(text)
    for number, cell in enumerate(found["cells"]):
        cell["id"] = f"{first}{number}"
    return json.dumps(found)


@pytest.mark.parametrize(
    ("mine", "wanted", "result"),
    [
        ([A, "42", C], [A, B, C, "new"], [A, "42", C, "new"]),
        ([A, B, C, "mine"], [A, B, C, "new"], [A, B, C, "new", "mine"]),
        ([A, B, "mine", C], ["new", A, B, C], ["new", A, B, "mine", C]),
        ([A, C], [A, B, "plot(2)"], [A, "plot(2)"]),
        ([A, "# Answer\n42", C], [A, C], [A, "# Answer\n42", C]),
        ([A, C], [A, "# Answer: two\n", C], [A, "# Answer: two\n", C]),
        ([C, A, B], [A, B, "plot(2)"], [C, A, B, "plot(2)"]),
        (["x", "y", "z"], [A, B, C], ["x", "y", "z"]),
        ([A, B, C, "same"], [A, B, C, "same"], [A, B, C, "same"]),
    ],
)
def test_notebooks_are_merged_by_cells(mine, wanted, result):
    given, mine, wanted = (pull_cases.notebook(*cells) for cells in ([A, B, C], mine, wanted))
    assert merged(given, mine, wanted) == (result, False)


def test_ids_that_are_made_anew_each_time_are_no_changes():
    given = pull_cases.notebook(A, B, C)
    mine = pull_cases.notebook(A, "# Answer\n42", C)
    wanted = with_ids(pull_cases.notebook("import numpy as np", B, C), "z")
    assert merged(given, mine, wanted) == (["import numpy as np", "# Answer\n42", C], False)


def test_a_notebook_of_an_older_format_has_no_ids():
    given = pull_cases.notebook(A, B, nbformat_minor=4)
    made, _ = notebook.merge(given.encode(), given.encode(), given.replace(A, "new").encode())
    assert all("id" not in cell for cell in json.loads(made)["cells"])


def test_what_is_no_notebook_is_not_merged():
    whole = FIRST["lab1.ipynb"].encode()
    for odd in (b"", b"[]", b"{}", whole[:-9], b'{"nbformat": 3, "cells": []}', b"\xff", b"[" * 100_000):
        assert notebook.merge(whole, odd, whole) is None
        assert notebook.merge(whole, whole, odd) is None
