"""GitHub's published packages, installed beside the files that use them, as package-lock.json pins them."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
from pathlib import Path

from coursehub.problems import Failure
from sandbox.commands import PATH, run, text

FOLDER = Path(__file__).parent / "node"
OLDEST_NODE = 20
FIX = f"install Node.js {OLDEST_NODE} or newer, with npm: https://nodejs.org"
TIMEOUT = 300


def ensure(folder: Path = FOLDER) -> Path:
    """The folder, in which node_modules is there and is what the lock file asks for.

    Raises Failure if node or npm is missing, Node is too old, or the installation fails.
    """
    _check_node()
    # Two processes may start at the same time. The lock is on a file that is there anyway.
    with (folder / "package-lock.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current(folder):
            _install(folder)
    return folder


def _check_node() -> None:
    for program in ("node", "npm"):
        if not shutil.which(program, path=PATH):
            raise Failure(f"{program} is not installed", fix=FIX)
    version = text(["node", "--version"])
    major = re.match(r"v(\d+)\.", version)
    if not major or int(major[1]) < OLDEST_NODE:
        raise Failure(f"node is {version}", fix=FIX)


def _is_current(folder: Path) -> bool:
    """Whether npm's own record, which it writes last, has what the lock file has.

    Times would not tell: a checkout sets the lock file's anew.
    """
    try:
        there = json.loads((folder / "node_modules" / ".package-lock.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    wanted = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    return there.get("packages") == {name: package for name, package in wanted.items() if name}


def _install(folder: Path) -> None:
    modules = folder / "node_modules"
    if modules.is_symlink():
        modules.unlink()  # npm would empty the folder that the link leads to, which is somebody else's
    run(["npm", "ci", "--omit=dev", "--no-audit", "--no-fund"], directory=folder, timeout=TIMEOUT)
