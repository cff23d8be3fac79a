"""The course that everybody deploys: the sample course with a class in it and more material."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from coursehub.content_files import IGNORED

SAMPLE = Path(__file__).resolve().parents[1]
STUDENTS = 40
FOLDERS = 10
BYTES = 40 * 2**20
"""What content/ comes to, the sample course's own files included."""
PACKAGES = ("unzip", "zip")
"""Small ones, in addition to those of the sample course's apt.txt."""
GIT = {
    "GIT_AUTHOR_NAME": "bench",
    "GIT_AUTHOR_EMAIL": "bench@localhost",
    "GIT_COMMITTER_NAME": "bench",
    "GIT_COMMITTER_EMAIL": "bench@localhost",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


@dataclass(frozen=True)
class Course:
    """A course's folder. `repository` is a git repository of its content/, for those who push."""

    root: Path
    repository: Path

    @property
    def content(self) -> Path:
        return self.root / "content"

    @property
    def notebook(self) -> Path:
        return self.content / "StartHere.ipynb"

    def change_notebook(self, number: int) -> None:
        """Change one cell, as a teacher does between two deploys; another `number`, another change."""
        notebook = json.loads(self.notebook.read_text())
        notebook["cells"][0]["source"] = [f"This is version {number} of the first cell.\n"]
        self.notebook.write_text(json.dumps(notebook, indent=1))
        self.commit()

    def commit(self) -> None:
        """Record the content in `repository`, where anything of it has changed."""
        where = (f"--git-dir={self.repository}", f"--work-tree={self.content}")
        git(*where, "add", "--all")
        git(*where, "commit", "--quiet", "--allow-empty", "--message=The course's content")


def make(folder: Path, files: int, size: int = BYTES) -> Course:
    """Make the course, with so many files and bytes in content/, below `folder`: the same each time."""
    course = Course(folder / "course", folder / "content.git")
    course.root.mkdir(parents=True)
    shutil.copytree(SAMPLE / "content", course.content, ignore=shutil.ignore_patterns(*IGNORED))
    for name in ("course.yml", "environment.yml", "apt.txt"):
        shutil.copy(SAMPLE / name, course.root)
    with (course.root / "apt.txt").open("a") as file:
        file.writelines(f"\n{name}" for name in PACKAGES)
    add_material(course.content, files, size)
    git("init", "--quiet", "--bare", "--initial-branch=main", str(course.repository))
    course.commit()
    return course


def add_material(content: Path, files: int, total: int) -> None:
    """Fill the folder up to so many files and bytes."""
    present = [path.stat().st_size for path in content.rglob("*") if path.is_file()]
    number = files - len(present)
    size = (total - sum(present)) // number
    chance = random.Random(2)
    for index in range(number):
        folder = content / "material" / f"week-{index % FOLDERS + 1:02}"
        folder.mkdir(parents=True, exist_ok=True)
        # Incompressible, as pictures and compressed data are.
        (folder / f"data-{index:03}.bin").write_bytes(chance.randbytes(size))


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True, env=os.environ | GIT)
