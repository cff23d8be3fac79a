"""The two installers of an environment: py-rattler for the conda part, uv for the pip part.

/opt/course/tools/<digest>   both of them, pinned by hash
/opt/course/cache            packages, hardlinked into the generations
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from coursehub.droplet import sources
from coursehub.droplet.gently import run_gently
from coursehub.droplet.retention import CONDA_CACHE, UV_CACHE
from coursehub.droplet.system import COURSE, OperationFailed, run, write_atomically

TOOLS = COURSE / "tools"
READY = ".complete"
CONDA_TIMEOUT = 2400.0
PIP_TIMEOUT = 900.0
# Words of py-rattler, uv and pip for the same few troubles, each with what to tell a teacher about it.
TROUBLES = (
    (
        ("no space left", "os error 28"),
        "the droplet's disk filled up",
        "choose a larger droplet.size in course.yml, or ask for fewer packages in environment.yml",
    ),
    (
        ("hash mismatch", "hash does not match", "mismatched hash", "checksum"),
        "a package arrived with a wrong checksum and was refused",
        "run the deploy again; if it stays, the channel or index it comes from is damaged",
    ),
    (
        ("stalled", "error sending request", "connection", "fetch", "timed out", "end of file", "decoding"),
        "a package could not be downloaded: the network or the channel failed",
        "run the deploy again",
    ),
)


def install_tools(digest, requirements, index, progress):
    """Make a virtual environment with the tools, from pinned and hashed `requirements`."""
    place = TOOLS / digest
    shutil.rmtree(place, ignore_errors=True)
    run(["python3", "-m", "venv", place], timeout=120)
    wanted = place / "requirements.txt"
    write_atomically(wanted, requirements)
    progress("installing py-rattler and uv")
    run(
        [
            *(place / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", *from_index(index), "--requirement", wanted),
        ],
        timeout=600,
    )
    write_atomically(place / READY, "")
    for other in TOOLS.iterdir():
        if other != place:
            shutil.rmtree(other, ignore_errors=True)


def tools_ready(digest):
    """Whether the tools of this digest are installed."""
    return (TOOLS / digest / READY).exists()


def from_index(index):
    """The option that names the package index, None for the tool's own default."""
    return ("--index-url", index) if index else ()


def install_conda_part(prefix, tools, lock, progress, cache=CONDA_CACHE):
    """Let py-rattler install the lock file's text, in a process of its own: its exit may crash after the
    work is done, so that its last word decides and not its exit code.

    `tools` is the digest of tools, or the absolute path of another installation of Python that has them.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "conda.lock")
        place.write_text(lock)
        order = {"lock": str(place), "prefix": str(prefix), "cache": str(cache)}
        script = sources.text("coursehub.droplet.rattler_install")
        lines = []

        def heard(line):
            lines.append(line)
            if line.startswith("progress "):
                progress(line[len("progress ") :])

        try:
            run_gently(
                [TOOLS / tools / "bin/python", "-c", script, json.dumps(order)],
                prefix=prefix,
                timeout=CONDA_TIMEOUT,
                progress=heard,
            )
        except OperationFailed as error:
            if "installed" not in lines:
                raise explained(error) from None


def install_pip_part(prefix, tools, requirements, index, progress, cache=UV_CACHE):
    """Add the pip part with uv: exact versions, hashes checked, nothing resolved here. `tools` as above."""
    progress("installing the pip part")
    with tempfile.TemporaryDirectory() as folder:
        wanted = Path(folder, "requirements.txt")
        wanted.write_text(requirements)
        try:
            run_gently(
                [
                    *(TOOLS / tools / "bin/uv", "pip", "install", "--python", prefix / "bin/python"),
                    *("--no-deps", "--break-system-packages", "--require-hashes", "--only-binary", ":all:"),
                    *(*from_index(index), "-r", wanted),
                ],
                prefix=prefix,
                timeout=PIP_TIMEOUT,
                environment={
                    "UV_CACHE_DIR": str(cache),
                    "UV_NO_CONFIG": "1",
                    "UV_LINK_MODE": "hardlink",
                    "UV_NO_PROGRESS": "1",
                },
            )
        except OperationFailed as error:
            raise explained(error) from None


def check_pip_part(prefix, tools, home):
    """uv's words about requirements that are not met in the environment, [] when all are. `home` is a
    directory that nobody may write to."""
    command = [TOOLS / tools / "bin/uv", "pip", "check", "--no-cache", "--python", prefix / "bin/python"]
    try:
        environment = {"HOME": str(home), "UV_NO_CONFIG": "1"}
        run_gently(command, prefix=prefix, timeout=120, nobody=True, environment=environment)
    except OperationFailed as error:
        return [line for line in error.detail.splitlines() if line.startswith("The package")]
    return []


def explained(error):
    """The OperationFailed to raise for an installer that failed."""
    low = f"{error.message}\n{error.detail}".lower()
    for words, message, fix in TROUBLES:
        if any(word in low for word in words):
            return OperationFailed(message, fix, error.detail)
    fix = "run the deploy again; the installer's last words are below"
    return OperationFailed(f"the environment could not be installed ({error.message})", fix, error.detail)
