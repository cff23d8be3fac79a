"""content/: what counts as content, and what cannot be given to students."""

from __future__ import annotations

import json
import os

import pytest

from course_folder import NOTEBOOK, assert_only, make_course, problems_of
from coursehub.content_files import LARGEST, content_paths

OLD = json.dumps({"nbformat": 3, "worksheets": []})
CONFLICT = '{\n "cells": [],\n<<<<<<< HEAD\n "nbformat": 4\n}\n'

# Name below content/, text, line, found, and words of the message or the fix
FILES = {
    "not json": ("a.ipynb", '{"cells": [],\n "nbformat" 4}', 2, '"nbformat" 4}', "not a notebook", "':'"),
    "cut off": ("a.ipynb", NOTEBOOK[:-3], 1, NOTEBOOK[:-3][:60], "not a notebook"),
    "empty": ("a.ipynb", "", 1, None, "not a notebook"),
    "conflict": ("a.ipynb", CONFLICT, 3, "<<<<<<< HEAD", "git conflict"),
    "another json": ("a.ipynb", "[]", None, None, "nbformat"),
    "no cells": ("a.ipynb", '{"nbformat": 4}', None, None, "cells"),
    "odd cells": ("a.ipynb", '{"nbformat": 4, "cells": [1]}', None, None, "cells"),
    "old": ("week 1/a.ipynb", OLD, None, None, "old format 3", "nbconvert"),
    "deep": ("a.ipynb", "[" * 100_000, None, None, "beyond reading"),
    "git's name": ("week/.GIT/config", "x", None, None, "git"),
    "backslash": ("a\\b.txt", "x", None, None, "git"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_cannot_be_given_to_students(tmp_path, name):
    file, text, line, found, *words = FILES[name]
    path = make_course(tmp_path) / "content" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert_only(problems_of(tmp_path), f"content/{file}", line, None, found, *words)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("/etc/passwd", "outside content/"),
        ("../course.yml", "outside content/"),
        ("nothing.csv", "to nothing"),
        ("loop", "to nothing"),
        (".", "to a folder"),
    ],
)
def test_links_that_lead_nowhere(tmp_path, target, words):
    (make_course(tmp_path) / "content" / "loop").symlink_to(target)
    assert_only(problems_of(tmp_path), "content/loop", None, None, target, words, "Replace")


def test_links_within_content_are_fine(tmp_path):
    content = make_course(tmp_path) / "content"
    (content / "data").mkdir()
    (content / "data" / "a.csv").write_text("1\n")
    (content / "data" / "back").symlink_to("../StartHere.ipynb")
    assert problems_of(tmp_path) == ()
    assert content_paths(tmp_path) == ["StartHere.ipynb", "data/a.csv", "data/back"]


def test_no_content(tmp_path):
    root = make_course(tmp_path)
    (root / "content" / "StartHere.ipynb").unlink()
    (root / "content" / ".DS_Store").write_text("")
    assert_only(problems_of(root), "content/", None, None, None, "empty")
    (root / "content" / ".DS_Store").unlink()
    (root / "content").rmdir()
    assert_only(problems_of(root), "content/", None, None, None, "no such folder")


def test_a_file_too_large_for_github(tmp_path):
    with (make_course(tmp_path) / "content" / "data.bin").open("wb") as file:
        file.truncate(LARGEST + 1)
    assert_only(problems_of(tmp_path), "content/data.bin", None, None, "100 MB", "larger")


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize("name", ["data/wave.csv", "a.ipynb"])
def test_a_pointer_to_a_file_in_lfs(tmp_path, name):
    place = make_course(tmp_path) / "content" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(POINTER)
    assert_only(problems_of(tmp_path), f"content/{name}", None, None, None, "LFS pointer", "git lfs pull")


def test_a_submodule_that_was_not_fetched(tmp_path):
    root = make_course(tmp_path)
    (root / ".gitmodules").write_text(
        '[submodule "other"]\n\tpath = other\n\turl = x\n[submodule "lab"]\n\tpath = content/lab\n\turl = x\n'
    )
    (root / "content/lab").mkdir()
    assert_only(problems_of(root), ".gitmodules", 5, None, None, "content/lab is a submodule", "links.py")
    (root / "content/lab/a.txt").write_text("fetched")
    assert problems_of(root) == ()


def test_a_pipe(tmp_path):
    os.mkfifo(make_course(tmp_path) / "content" / "pipe.ipynb")
    assert_only(problems_of(tmp_path), "content/pipe.ipynb", None, None, None, "neither a file")


def test_names_beyond_text(tmp_path):
    content = make_course(tmp_path) / "content"
    (content / "a\nb").write_text("")
    (content / os.fsdecode(b"caf\xe9")).write_text("")
    first, second = problems_of(tmp_path)
    assert first.file == "content/a\\nb" and "line break" in first.message
    assert second.file == "content/caf\\udce9" and "UTF-8" in second.message


def test_what_editors_leave_behind_is_ignored(tmp_path):
    content = make_course(tmp_path) / "content"
    for name in (
        ".ipynb_checkpoints/a.ipynb",
        "week/__pycache__/a.pyc",
        "week/.git/HEAD",
        "week/.hidden",
        "b.txt",
    ):
        (content / name).parent.mkdir(parents=True, exist_ok=True)
        (content / name).write_text("no notebook")
    assert content_paths(tmp_path) == ["StartHere.ipynb", "b.txt", "week/.hidden"]
    assert problems_of(tmp_path) == ()
