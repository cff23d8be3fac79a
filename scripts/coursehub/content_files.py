"""What lies in content/: its paths, and whether it can be given to students."""

from __future__ import annotations

import json
import re
from pathlib import Path, PurePosixPath

from coursehub.problems import InvalidInput, Problem
from coursehub.source_text import read_source

IGNORED = frozenset({".git", ".ipynb_checkpoints", "__pycache__", ".DS_Store"})
POINTER = b"version https://git-lfs.github.com/spec/"
SUBMODULE = re.compile(r"\s*path\s*=\s*(content/.*?)/?\s*")
LARGEST = 100 * 2**20
"""Bytes; GitHub refuses larger files, see https://docs.github.com/repositories/working-with-files."""


def content_paths(root: Path) -> list[str]:
    """Every file and symbolic link below ROOT/content, relative to content/, with slashes, sorted.

    Links are listed, never followed; check_content lets only those to files of content/ pass.
    Leaves out what editors and Python leave behind (IGNORED). An absent directory has no files.
    Raises OSError when a directory cannot be read.
    """
    folder = root / "content"
    return sorted(path.relative_to(folder).as_posix() for path in _walk(folder)) if folder.is_dir() else []


def check_content(root: Path) -> tuple[list[str], list[Problem]]:
    """The paths of content/, and every reason why it cannot be deployed as it is."""
    folder = root / "content"
    try:
        paths = content_paths(root)
    except OSError as error:
        where = Path(error.filename or folder).relative_to(root).as_posix()
        return [], [
            Problem(where, f"cannot be read: {error.strerror}", "Give the folder normal permissions.")
        ]
    if not folder.is_dir():
        return [], [Problem("content/", "there is no such folder", "Make it and put a notebook there.")]
    if not paths:
        return [], [Problem("content/", "the folder is empty", "Put at least one notebook there.")]
    problems = [problem for path in paths for problem in _check(folder, path)]
    return paths, [*problems, *_check_submodules(root)]


def _walk(folder: Path):
    for path in folder.iterdir():
        if path.name in IGNORED:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _walk(path)
        else:
            yield path


def _check(folder: Path, name: str) -> list[Problem]:
    path = folder / name
    file = "content/" + name.encode("utf-8", "backslashreplace").decode()
    if problem := _check_name(name, file) or _check_kind(folder, path, file):
        return [problem]
    if problem := _check_pointer(path, file):
        return [problem]
    if path.suffix == ".ipynb" and not path.is_symlink():
        return _check_notebook(path, file)
    return []


def _check_name(name: str, file: str) -> Problem | None:
    if any(0xD800 <= ord(character) <= 0xDFFF for character in name):
        return Problem(file, "the name is not UTF-8 text", "Rename the file with plain letters and digits.")
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in name):
        shown = file.encode("unicode_escape").decode()
        return Problem(shown, "the name has a line break or control character", "Rename the file.")
    # Git refuses these in any folder, for on Windows and macOS they mean .git itself.
    reserved = {part for part in PurePosixPath(name).parts if part.lower().rstrip(". ") in (".git", "git~1")}
    if reserved or "\\" in name:
        return Problem(
            file, "the name is one that git does not take everywhere", "Rename the file or folder."
        )
    return None


def _check_kind(folder: Path, path: Path, file: str) -> Problem | None:
    if path.is_symlink():
        return _check_link(folder, path, file)
    if not path.is_file():
        return Problem(file, "is neither a file nor a folder", "Delete it.")
    if (size := path.stat().st_size) > LARGEST:
        fix = "Make it smaller, or have the notebook download it from where it is published."
        found = f"{size / 2**20:.0f} MB"
        return Problem(file, "is larger than the 100 MB that GitHub takes", fix, found=found)
    return None


def _check_link(folder: Path, path: Path, file: str) -> Problem | None:
    target = path.readlink()
    fix = "Replace the link by a copy of the file."
    try:
        inside = not target.is_absolute() and path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # the latter for a link to itself, up to Python 3.12
        return Problem(file, "is a symbolic link to nothing", fix, found=str(target))
    if not inside:
        message = "is a symbolic link to a place outside content/, which the server does not have"
        return Problem(file, message, fix, found=str(target))
    if path.is_dir():
        return Problem(file, "is a symbolic link to a folder", "Replace it by the folder.", found=str(target))
    return None


def _check_pointer(path: Path, file: str) -> Problem | None:
    """What git has of a file in Git LFS, until that is asked for the file itself."""
    with path.open("rb") as opened:
        begins = opened.read(len(POINTER))
    if begins != POINTER:
        return None
    fix = (
        "On your computer: git lfs pull. For deploys on GitHub, which do not fetch from LFS, take it out of "
        "LFS: see Documentation/Content.md, Large files."
    )
    return Problem(file, "is only a Git LFS pointer, not the file itself", fix)


def _check_submodules(root: Path) -> list[Problem]:
    """Submodules below content/ of which there is nothing here: they would be missing without a word."""
    try:
        lines = (root / ".gitmodules").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    found = [(number, SUBMODULE.fullmatch(line)) for number, line in enumerate(lines, 1)]
    fix = "Copy its files into content/, or give students a link: scripts/links.py --repository."
    return [
        Problem(".gitmodules", f"{match[1]} is a submodule, and was not fetched", fix, line=number)
        for number, match in found
        if match and not ((root / match[1]).is_dir() and any((root / match[1]).iterdir()))
    ]


def _check_notebook(path: Path, file: str) -> list[Problem]:
    try:
        text = read_source(path, file)
    except InvalidInput as error:
        return list(error.problems)
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        lines = text.splitlines()
        found = lines[error.lineno - 1].strip()[:60] if error.lineno <= len(lines) else None
        if found and found.startswith(("<<<<<<<", "=======", ">>>>>>>")):
            message, fix = "an unresolved git conflict", "Take one version: git checkout --ours or --theirs."
        else:
            message, fix = f"is not a notebook: {error.msg}", "Open it in Jupyter and save it, or restore it."
        return [Problem(file, message, fix, line=error.lineno, found=found or None)]
    except (RecursionError, ValueError):
        return [Problem(file, "is not a notebook: its JSON is beyond reading", "Restore an earlier version.")]
    return [Problem(file, *reason) for reason in [_why_no_notebook(notebook)] if reason]


def _why_no_notebook(notebook: object) -> tuple[str, str] | None:
    restore = "Open it in Jupyter and save it, or restore it."
    if not isinstance(notebook, dict) or not isinstance(notebook.get("nbformat"), int):
        return "is JSON, but not a notebook: it has no nbformat", restore
    if notebook["nbformat"] < 4:
        fix = "Convert it: jupyter nbconvert --to notebook --inplace and its path."
        return f"is a notebook of the old format {notebook['nbformat']}", fix
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(
        isinstance(cell, dict) and "cell_type" in cell for cell in cells
    ):
        return "is JSON, but not a notebook: it has no cells", restore
    return None
