"""What stands in for actions/checkout and actions/setup-python."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
import uuid
from pathlib import Path

from sandbox.commands import run
from sandbox.github import artifacts, caches  # noqa: F401 (enter their own stand-ins)
from sandbox.github.actions import ActionFailed, Call, stand_in
from sandbox.github.history import git

HASH = re.compile(r"[0-9a-f]{40}")
NO_CREDENTIALS = "no-credentials://kept"
"""Where a checkout that kept no credentials, or has none that may write, pushes to: nowhere."""


@stand_in(
    "actions/checkout", "repository", "ref", "token", "path", "fetch-depth", "persist-credentials", "clean",
    "fetch-tags", "show-progress",
)  # fmt: skip
def checkout(call: Call) -> None:
    """Fetch one commit, or with fetch-depth 0 everything, as the real action does."""
    machine = call.machine
    repository = machine.shared.repository
    wanted = call.inputs.get("repository") or repository.full_name
    if wanted != repository.full_name:
        raise ActionFailed(f"not found: the repository {wanted}")
    call.record.secrets.add("GITHUB_TOKEN")
    folder = call.place(call.inputs.get("path") or ".").resolve()
    if not folder.is_relative_to(machine.workspace.resolve()):
        raise ActionFailed(f"the path {folder} is not below the workspace")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=unused")
        git(folder, "remote", "add", "origin", f"file://{repository.git.resolve()}")
    ref, commit = _wanted(call)
    _fetch(folder, call, commit)
    if call.flag("clean", True):
        git(folder, "clean", "-ffdx", "--quiet")
    if ref.startswith("refs/heads/"):
        git(folder, "checkout", "--quiet", "--force", "-B", ref.removeprefix("refs/heads/"), commit)
    else:
        git(folder, "checkout", "--quiet", "--force", "--detach", commit)
    keeps = call.flag("persist-credentials", True)
    if keeps:
        # From now on the token lies on the disk, where every step of the job can read it.
        machine.env_secrets |= {"GITHUB_TOKEN"}
    if not keeps or machine.permissions.get("contents") != "write":
        git(folder, "remote", "set-url", "--push", "origin", NO_CREDENTIALS)
    # The real action trusts the folder for the steps after it, whoever owns it.
    home = machine.home / ".gitconfig"
    if str(folder) not in (home.read_text() if home.exists() else ""):
        with home.open("a") as file:
            file.write(f'[safe]\n\tdirectory = "{folder}"\n\tdirectory = "{repository.git.resolve()}"\n')
    call.say(f"HEAD is now at {commit}")
    call.outputs |= {"ref": ref, "commit": commit}


def _wanted(call: Call) -> tuple[str, str]:
    """The ref and the commit to check out."""
    event, bare = call.machine.event, call.machine.shared.repository.git
    given = call.inputs.get("ref") or ""
    if not given:
        return event.ref, event.sha
    candidates = [given] if given.startswith("refs/") or HASH.fullmatch(given) else []
    for ref in candidates or [f"refs/heads/{given}", f"refs/tags/{given}"]:
        found = git(bare, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}", check=False)
        if found:
            return ref, found
    raise ActionFailed(f"a branch or tag with the name {given} could not be found")


def _fetch(folder: Path, call: Call, commit: str) -> None:
    depth = int(call.inputs.get("fetch-depth") or 1)
    tags = "--tags" if not depth or call.flag("fetch-tags", False) else "--no-tags"
    limits = ["--depth", str(depth)] if depth else []
    everything = [] if depth else ["+refs/heads/*:refs/remotes/origin/*"]
    # The hosted service gives any commit by its hash.
    giving = "git -c safe.directory=* -c uploadpack.allowAnySHA1InWant=true upload-pack"
    git(
        folder, "fetch", "--quiet", "--prune", tags, *limits, "--upload-pack", giving,
        "origin", *everything, commit, timeout=300,
    )  # fmt: skip


def make_python(folder: Path, interpreter: Path) -> None:
    """The folder of a Python in the tool cache, whole from the beginning: other jobs may want it as well."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    being_made = folder.with_name(f".{uuid.uuid4()}")
    (being_made / "bin").mkdir(parents=True)
    for name in ("python", "python3"):
        (being_made / "bin" / name).symlink_to(interpreter)
    pip = being_made / "bin" / "pip"
    pip.write_text(f'#!/bin/sh\nexec {shlex.quote(str(folder / "bin" / "python"))} -m pip "$@"\n')
    pip.chmod(0o755)
    try:
        being_made.rename(folder)
    except OSError:  # another job was faster
        shutil.rmtree(being_made)


@stand_in(
    "actions/setup-python", "python-version", "check-latest", "architecture",
    "cache", "cache-dependency-path", "update-environment", "allow-prereleases", "token",
)  # fmt: skip
def setup_python(call: Call) -> None:
    """Put the Python that runs the runner on PATH, without the packages of its virtual environment."""
    interpreter = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    program = "import platform; print(platform.python_version())"
    version = run([str(interpreter), "-c", program]).stdout.decode().strip()
    wanted = call.inputs.get("python-version") or version
    if not f"{version}.".startswith(f"{wanted}.") and re.fullmatch(r"[\d.]+", wanted):
        call.say(f"This computer has Python {version}, which stands in for {wanted}")
    if call.inputs.get("cache"):
        call.say("The cache of downloaded packages is left out here: every package is looked for anew")
    folder = call.machine.tools / "Python" / version
    if not folder.exists():
        make_python(folder, interpreter)
    call.machine.paths.insert(0, str(folder / "bin"))
    call.machine.env["pythonLocation"] = str(folder)
    call.outputs |= {
        "python-version": version,
        "python-path": str(folder / "bin" / "python"),
        "cache-hit": "false",
    }
