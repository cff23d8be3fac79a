"""The environment on this computer, in a folder: installed with the very code that the droplet uses."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from pathlib import Path

from ..droplet.installers import install_conda_part, install_pip_part
from ..droplet.post_build import run_post_build
from ..droplet.system import OperationFailed, read_json
from ..model import Reporter
from ..parts.environment import Want
from ..problems import Failure
from . import surroundings

MARKER = ".coursehub-environment"
"""Says whose folder it is and, once the environment is whole, which generation."""


def ensure(want: Want, folder: Path, report: Reporter) -> bool:
    """Bring the solved environment into `folder`, unless it holds exactly this one; whether it did.

    Raises Failure when it cannot be installed, and when the folder holds something else.
    """
    this = (sys.platform, platform.machine())
    if this != ("linux", "x86_64"):
        raise Failure(
            f"the environment is made for the droplet (Linux, x86_64) and does not run on {' '.join(this)}",
            "test the notebooks in a pull request on GitHub",
        )
    # Its own path is written into many of an environment's files.
    folder = folder.resolve()
    found = read_json(folder / MARKER)
    if found and found == described(want, folder):
        report.note(f"{folder.name} holds the environment {want.generation} already")
        return False
    clear(folder)
    report.stage(f"Installing the environment {want.generation} ({len(want.solution.packages)} packages)")
    try:
        with surroundings.only_harmless(home=folder):
            install(want, folder, report)
    except OperationFailed as failed:
        raise Failure(*here(failed)) from failed
    (folder / MARKER).write_text(json.dumps(described(want, folder)))
    return True


def described(want: Want, folder: Path) -> dict[str, str]:
    """What the marker of a whole environment says."""
    return {"generation": want.generation, "prefix": str(folder)}


def clear(folder: Path) -> None:
    """Make an empty folder of ours. Raises Failure rather than remove what is not."""
    if folder.exists() and not folder.is_dir():
        raise Failure(f"{folder} is not a folder", "name another one with --environment")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise Failure(
            f"{folder} holds something else than an environment of this script's, and is left as it is",
            "name a folder that is empty or not there yet with --environment",
        )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARKER).write_text(json.dumps({}))


def install(want: Want, folder: Path, report: Reporter) -> None:
    """Install both parts, with the tools of this very Python, and run postBuild. Raises OperationFailed."""
    tools, solution, cache = sys.prefix, want.solution, folder / ".cache"
    install_conda_part(folder, tools, solution.lock, report.progress, cache / "conda")
    if solution.pip_requirements:
        index = want.request.index
        install_pip_part(folder, tools, solution.pip_requirements, index, report.progress, cache / "uv")
    # Its files have further names in the environment, and are of no use without it.
    shutil.rmtree(cache, ignore_errors=True)
    if want.post_build:
        report.note("Running postBuild")
        run_post_build(folder, want.post_build, report.progress, nobody=False)


def here(failed: OperationFailed) -> tuple[str, str, str]:
    """Message, fix and detail of a Failure: the same trouble, but on this computer and not on a droplet."""
    message = failed.message.replace("the droplet's", "this computer's")
    message = message.replace("; the class keeps the environment it has", "")
    fix = failed.fix.replace("run the deploy again", "run this again")
    if "disk" in message:
        fix = "free some disk, or ask for fewer packages in environment.yml"
    return message, fix, failed.detail
