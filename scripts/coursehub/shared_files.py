"""What lies in shared-data/: its paths, and whether it can be put on the server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from coursehub.content_files import LARGEST
from coursehub.problems import Problem
from coursehub.settings_shared import DATA, LONGEST_NAME
from coursehub.sizes import MIB

LEFT_OUT = frozenset({"__pycache__"})
POINTER = b"version https://git-lfs.github.com/spec/"
"""How a file begins that Git LFS left in place of the real one:
https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md"""
BY_ADDRESS = "name its address and checksum under shared.files in course.yml: Documentation/SharedFiles.md."


def shared_paths(root: Path) -> list[str]:
    """Every file and symbolic link below ROOT/shared-data, relative to it, with slashes, sorted. Names that
    begin with a dot are left out. An absent directory has no files; one that cannot be read is an OSError."""
    folder = root / DATA
    return sorted(path.relative_to(folder).as_posix() for path in _walk(folder)) if folder.is_dir() else []


def check_shared_data(root: Path) -> tuple[list[str], list[Problem]]:
    """The paths of shared-data/, and every reason why it cannot be put on the server as it is."""
    try:
        paths = shared_paths(root)
    except OSError as error:
        where = Path(error.filename or root / DATA).relative_to(root).as_posix()
        return [], [
            Problem(where, f"cannot be read: {error.strerror}", "Give the folder normal permissions.")
        ]
    problems = [problem for path in paths if (problem := _check(root / DATA / path, path))]
    return paths, problems


def _walk(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name.startswith(".") or path.name in LEFT_OUT:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _check(path: Path, name: str) -> Problem | None:
    file = f"{DATA}/" + name.encode("utf-8", "backslashreplace").decode()
    if any(0xD800 <= ord(character) <= 0xDFFF for character in name):
        return Problem(file, "the name is not UTF-8 text", "Rename the file with plain letters and digits.")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in name) or "\\" in name:
        shown = file.encode("unicode_escape").decode()
        return Problem(shown, "the name has a control character or a backslash", "Rename the file.")
    if any(len(part.encode()) > LONGEST_NAME for part in name.split("/")):
        return Problem(file, "has a name that is too long for the server", "Rename the file.")
    if path.is_symlink():
        return Problem(file, "is a symbolic link", "Replace it by what it leads to.")
    if not path.is_file():
        return Problem(file, "is neither a file nor a folder", "Delete it.")
    return _check_bytes(path, file)


def _check_bytes(path: Path, file: str) -> Problem | None:
    size = path.stat().st_size
    if size > LARGEST:
        message = f"is larger than the {LARGEST // MIB} MB that GitHub takes"
        return Problem(file, message, f"Take it out and {BY_ADDRESS}", found=f"{size / MIB:.0f} MB")
    with path.open("rb") as opened:
        is_pointer = opened.read(len(POINTER)) == POINTER
    if is_pointer:
        message = "is a pointer of Git LFS, not the file itself, which a deploy does not have"
        fix = f"Put the file itself there (git lfs untrack), or {BY_ADDRESS}"
        return Problem(file, message, fix)
    if not os.access(path, os.R_OK):
        return Problem(file, "cannot be read", "Give the file normal permissions.")
    return None
