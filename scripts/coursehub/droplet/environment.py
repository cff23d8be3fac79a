"""Environments as generations: each installed whole beside the others, tried, and only then switched to.

/opt/course/tools/<digest>        py-rattler and uv, pinned by hash
/opt/course/envs/<generation>     an environment; `.complete`, written last, says that it is whole
/opt/course/envs/current          a link to the one that new servers start from
/opt/course/cache                 packages, hardlinked into the generations
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time

from coursehub.droplet import sources
from coursehub.droplet.system import (
    COURSE,
    OperationFailed,
    free_bytes,
    last_lines,
    read_json,
    run,
    write_atomically,
)

ENVIRONMENTS = COURSE / "envs"
TOOLS = COURSE / "tools"
CACHE = COURSE / "cache"
CURRENT = ENVIRONMENTS / "current"
MARKER = ".complete"
INSTALL_TIMEOUT = 2400.0


def look(tools, inputs):
    """The current generation and its inputs; unless those are `inputs`, all that planning a change needs:
    its packages, the complete generations, and whether the tools of digest `tools` are there."""
    current = CURRENT.resolve().name if CURRENT.is_symlink() else None
    about = read_json(ENVIRONMENTS / current / MARKER) if current else None
    seen = {"current": current if about else None, "inputs": (about or {}).get("inputs")}
    if seen["inputs"] != inputs:
        markers = ENVIRONMENTS.glob(f"*/{MARKER}")
        seen["packages"] = (about or {}).get("packages", {})
        seen["generations"] = sorted(marker.parent.name for marker in markers if marker.parent != CURRENT)
        seen["tools"] = (TOOLS / tools / MARKER).exists()
    return seen


def install_tools(digest, requirements, index, progress):
    """Make a virtual environment with the tools, from pinned and hashed `requirements`."""
    place = TOOLS / digest
    shutil.rmtree(place, ignore_errors=True)
    run(["python3", "-m", "venv", place], timeout=120)
    wanted = place / "requirements.txt"
    write_atomically(wanted, requirements)
    progress("installing py-rattler and uv")
    options = ["--index-url", index] if index else []
    run(
        [
            *(place / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", *options, "--requirement", wanted),
        ],
        timeout=600,
    )
    write_atomically(place / MARKER, "")
    for other in TOOLS.iterdir():
        if other != place:
            shutil.rmtree(other, ignore_errors=True)


def install(generation, tools, lock, pip_requirements, index, about, size, progress):
    """Install a generation from its lock, compile it, try it, and mark it complete.

    `lock` is the text of a rattler lock file, `pip_requirements` the hashed requirements of the pip part
    ("" for none), `size` a guess of the bytes needed, `about` what the marker records. Whatever goes
    wrong, the incomplete generation is removed and the disk is given back.
    """
    remove_incomplete()
    prefix = ENVIRONMENTS / generation
    if (prefix / MARKER).exists():
        return
    free = free_bytes(COURSE)
    if free < size:
        raise OperationFailed(
            f"the disk is too full for the environment: {size >> 20} MiB needed, {free >> 20} MiB free",
            "choose a larger droplet.size in course.yml, or ask for fewer packages in environment.yml",
        )
    try:
        prefix.mkdir(parents=True)
        write_atomically(ENVIRONMENTS / f"{generation}.lock", lock)
        install_conda_part(prefix, tools, ENVIRONMENTS / f"{generation}.lock", progress)
        if pip_requirements:
            install_pip_part(prefix, tools, pip_requirements, index, progress)
        progress("compiling")
        compile_bytecode(prefix)
        progress("trying the environment")
        smoke_test(prefix)
        write_atomically(prefix / MARKER, json.dumps({**about, "installed": time.time()}))
    except BaseException:
        shutil.rmtree(prefix, ignore_errors=True)
        (ENVIRONMENTS / f"{generation}.lock").unlink(missing_ok=True)
        raise


def remove_incomplete():
    """Remove what an interrupted run left: generations without their marker."""
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    for place in ENVIRONMENTS.iterdir():
        if place.is_dir() and not place.is_symlink() and not (place / MARKER).exists():
            shutil.rmtree(place)


def install_conda_part(prefix, tools, lock, progress):
    """Let py-rattler install, in a process of its own: its exit may crash after the work is done."""
    order = {"lock": str(lock), "prefix": str(prefix), "cache": str(CACHE / "conda")}
    process = subprocess.Popen(
        [
            TOOLS / tools / "bin/python",
            "-c",
            sources.text("coursehub.droplet.rattler_install"),
            json.dumps(order),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines, done = [], False
    for line in process.stdout:
        if line.startswith("progress "):
            progress(line[len("progress ") :].strip())
        elif line.strip() == "installed":
            done = True
        else:
            lines.append(line)
    process.wait()
    if not done:
        raise OperationFailed(*explain("".join(lines)), detail=last_lines("".join(lines)))


def install_pip_part(prefix, tools, requirements, index, progress):
    """Add the pip part with uv: exact versions, hashes checked, nothing resolved here."""
    progress("installing the pip part")
    wanted = prefix / "pip-requirements.txt"
    write_atomically(wanted, requirements)
    options = ["--index-url", index] if index else []
    done = run(
        [
            *(TOOLS / tools / "bin/uv", "pip", "install", "--python", prefix / "bin/python", "--no-deps"),
            *(
                "--break-system-packages",
                "--require-hashes",
                "--only-binary",
                ":all:",
                *options,
                "-r",
                wanted,
            ),
        ],
        timeout=900,
        check=False,
        environment={"UV_CACHE_DIR": str(CACHE / "uv"), "UV_NO_CONFIG": "1"},
    )
    if done.returncode:
        raise OperationFailed(*explain(done.stdout), detail=last_lines(done.stdout))


def explain(output):
    """(message, fix) for an installation that failed."""
    low = output.lower()
    if "no space left" in low:
        return ("the droplet's disk filled up", "choose a larger droplet.size, or ask for fewer packages")
    if "hash" in low and "mismatch" in low:
        return (
            "a package arrived with a wrong checksum and was refused",
            "run the deploy again; if it stays, the channel or index it comes from is damaged",
        )
    return (
        "the environment could not be installed",
        "run the deploy again; the installer's last words are below",
    )


def compile_bytecode(prefix):
    """Compile what came without bytecode: students cannot write here, so each start would compile anew."""
    run(
        ["nice", prefix / "bin/python", "-m", "compileall", "-q", "-j", "0", *prefix.glob("lib/python3*")],
        timeout=1200,
        check=False,  # Some packages ship files for other Pythons, which do not compile.
    )


def smoke_test(prefix):
    """Try what every student needs; the message says what was missing."""
    path = f"{prefix}/bin:{os.environ.get('PATH', '/usr/bin:/bin')}"
    trials = (
        [prefix / "bin/jupyterhub-singleuser", "--version"],
        [prefix / "bin/python", "-c", "import ipykernel, nbgitpuller, jupyterlab"],
    )
    for trial in trials:
        try:
            run(trial, timeout=120, environment={"PATH": path, "HOME": "/nonexistent"}, cwd="/")
        except OperationFailed as error:
            raise OperationFailed(
                f"the new environment does not work ({error.message}); the class keeps the one it has",
                "see the last lines below, and correct environment.yml",
                error.detail,
            ) from None


def switch(generation, about):
    """Let new servers start from `generation`, which must be complete: one atomic rename.

    `about` is added to what its marker records: another request can mean the very same packages.
    """
    marker = ENVIRONMENTS / generation / MARKER
    recorded = read_json(marker)
    if recorded is None:
        raise OperationFailed(f"the environment {generation} is not complete", "run the deploy again")
    write_atomically(marker, json.dumps({**recorded, **about}))
    beside = ENVIRONMENTS / ".current"
    beside.unlink(missing_ok=True)
    beside.symlink_to(generation)
    beside.replace(CURRENT)
