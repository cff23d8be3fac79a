"""What the policy is about: the repository's workflows and files, the pinned actions, the secrets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from coursehub.secrets import VARIABLES
from sandbox.github.rules.tree import Document

PINS = ".github/pins.txt"
DEPLOYING = frozenset(variable for variable, _ in VARIABLES.values())
"""The secrets of a deployment, by the names that the program reads."""
PATTERNS = ("workflows/*.yml", "workflows/*.yaml", "actions/**/action.yml", "actions/**/action.yaml")
SHOWN = {".github", ".ci"}
"""Of the folders that begin with a dot, those which belong to the repository."""


@dataclass(frozen=True)
class Pin:
    """The version of an action, and the commit that it is."""

    version: str
    commit: str


@dataclass(frozen=True)
class Finding:
    """Something that is against the policy; `line` counts from 1."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Repository:
    """`documents` by path, `paths` of all files, relative to the root; `pins` by the action's name."""

    documents: Mapping[str, Document]
    pins: Mapping[str, Pin]
    paths: frozenset[str]


def workflow_files(root: Path) -> dict[str, str]:
    """The text of each workflow and of each local action's metadata, by path relative to `root`."""
    found = sorted(path for pattern in PATTERNS for path in (root / ".github").glob(pattern))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in found}


def read_pins(root: Path) -> dict[str, Pin]:
    """The table in .github/pins.txt: an action's name, version, commit on each line; # begins a comment."""
    lines = (line.partition("#")[0].split() for line in (root / PINS).read_text("utf-8").splitlines())
    return {name: Pin(version, commit) for name, version, commit in filter(None, lines)}


def paths(root: Path) -> frozenset[str]:
    """Every file of the repository, relative to `root`, without what tools put there."""
    return frozenset(_walk(root))


def _walk(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = [
            name
            for name in folders
            if name in SHOWN or not (name.startswith(".") or name in ("__pycache__", "node_modules"))
        ]
        yield from (Path(folder, file).relative_to(root).as_posix() for file in files)
