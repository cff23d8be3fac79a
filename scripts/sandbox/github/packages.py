"""GitHub's published packages, installed beside the files that use them, as package-lock.json pins them."""

from __future__ import annotations

import fcntl
import json
import re
from pathlib import Path

from coursehub.problems import Failure
from sandbox.commands import text

FOLDER = Path(__file__).parent / "node"
OLDEST_NODE = 20
FIX = f"install Node.js {OLDEST_NODE} or newer, with npm"


def ensure(folder: Path = FOLDER) -> Path:
    """The folder, in which node_modules has what the lock file names.

    Raises Failure if node or npm is missing, Node is too old, or the installation fails.
    """
    _check_node()
    with (folder / "package-lock.json").open() as lock:
        # Two test processes may start at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current(folder):
            _program(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund"], directory=folder, timeout=300)
    return folder


def _is_current(folder: Path) -> bool:
    # What npm writes of an installation. Times would not do: a checkout makes every file new.
    installed = folder / "node_modules" / ".package-lock.json"
    return installed.is_file() and _packages(installed) == _packages(folder / "package-lock.json")


def _packages(lock: Path) -> dict:
    packages = json.loads(lock.read_text())["packages"]
    return {place: package for place, package in packages.items() if place}


def _check_node() -> None:
    version = _program(["node", "--version"])
    major = re.match(r"v(\d+)\.", version)
    if not major or int(major[1]) < OLDEST_NODE:
        raise Failure(f"node is {version}", fix=FIX)


def _program(argv: list[str], **options) -> str:
    try:
        return text(argv, **options)
    except Failure as failure:
        if "is not installed" in failure.message:
            raise Failure(failure.message, fix=FIX) from None
        raise
