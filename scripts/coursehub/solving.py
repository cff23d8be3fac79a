"""From what a course asks for to exactly what is installed: conda packages by py-rattler, the rest by uv.

The work is done by `python -m coursehub.solving` in a process of its own, because py-rattler can crash
its interpreter at exit after the work is done, and because what it holds in memory is given back.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .problems import Failure, InvalidInput, Problem

FILE = "environment.yml"
TIMEOUT = 900.0
UNPACKED = 6
"""A conda package takes about this many times its download's size on disk, the cache included."""
PUBLIC_VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?$")


@dataclass(frozen=True)
class Request:
    """`channels` are URLs in order of priority; `conda` and `pip` are (requirement, line of the file);
    `hub` are further conda requirements; `index` is the package index of the pip part, None for PyPI."""

    channels: tuple[str, ...]
    conda: tuple[tuple[str, int], ...]
    pip: tuple[tuple[str, int], ...]
    hub: tuple[str, ...]
    index: str | None = None


@dataclass(frozen=True)
class Solution:
    """`lock` is a rattler lock file's text, `pip_requirements` hashed requirements ("" for none),
    `packages` name to version, `size` the bytes of disk it needs, `generation` a name for all of it."""

    generation: str
    lock: str
    pip_requirements: str
    packages: Mapping[str, str]
    size: int


def solve(request: Request, glibc: str, kernel: str) -> Solution:
    """Solve for a droplet with that C library and kernel.

    Raises InvalidInput, naming the lines of environment.yml, when the requirements cannot be met, and
    Failure when a channel or the index cannot be reached.
    """
    order = json.dumps({"request": asdict(request), "glibc": glibc, "kernel": kernel})
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder, "answer.json")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "coursehub.solving", answer],
                input=order,
                capture_output=True,
                text=True,
                timeout=TIMEOUT,
                env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            )
        except subprocess.TimeoutExpired as error:
            raise Failure(
                f"the environment was not solved within {TIMEOUT:.0f} s", "pin more versions"
            ) from error
        if not answer.exists():
            raise Failure("the solver ended without an answer", "run it again", done.stderr[-2000:])
        found = json.loads(answer.read_text())
    if "unsolvable" in found:
        raise InvalidInput(problems(request, found["unsolvable"]))
    if "unreachable" in found:
        raise Failure(
            "the packages' channel or index could not be read: " + found["unreachable"],
            "run the deploy again later; with mirrors in course.yml, check their addresses",
        )
    return Solution(**found["solution"])


def problems(request: Request, words: str) -> list[Problem]:
    """One problem for each requirement that the solver names, else one for the whole file."""
    involved = [
        (text, line)
        for text, line in (*request.conda, *request.pip)
        if re.search(rf"(?<![\w-]){re.escape(name_of(text))}(?![\w-])", words, re.IGNORECASE)
    ]
    fix = "ask for another version, or remove the requirement that others contradict"
    message = "the environment cannot be solved:\n" + words.strip() + "\n"
    if not involved:
        return [Problem(FILE, message, fix)]
    (first, line), *others = involved
    more = [
        Problem(FILE, "takes part in the same conflict", fix, line, "dependencies", text)
        for text, line in others
    ]
    return [Problem(FILE, message, fix, line, "dependencies", first), *more]


def name_of(requirement: str) -> str:
    """The package's name in a conda or pip requirement."""
    return re.split(r"[\s=<>!~\[;@]", requirement.rpartition("::")[2].strip(), maxsplit=1)[0].lower()


async def solve_conda(request: Mapping, glibc: str, kernel: str, folder: Path) -> tuple[str, list]:
    """(lock file's text, records) of the conda part."""
    from rattler import (
        BuildString,
        Channel,
        Gateway,
        GenericVirtualPackage,
        MatchSpec,
        PackageName,
        Version,
        solve,
    )
    from rattler.lock import LockChannel, LockFile, LockPlatform

    virtual = [("__glibc", glibc), ("__linux", kernel.split("-")[0]), ("__unix", "0"), ("__archspec", "1")]
    builds = {"__archspec": "x86_64"}
    specs = [text for text, _ in request["conda"]] + list(request["hub"])
    records = await solve(
        [Channel(url) for url in request["channels"]],
        [MatchSpec(spec) for spec in specs],
        gateway=Gateway(),
        platforms=["linux-64", "noarch"],
        virtual_packages=[
            GenericVirtualPackage(PackageName(name), Version(version), BuildString(builds.get(name, "0")))
            for name, version in virtual
        ],
    )
    platform = LockPlatform("linux-64")
    lock = LockFile([platform])
    lock.set_channels("default", [LockChannel(url) for url in request["channels"]])
    for record in sorted(records, key=lambda record: record.name.normalized):
        lock.add_conda_package("default", platform, record)
    lock.to_path(folder / "conda.lock")
    return (folder / "conda.lock").read_text(), records


def solve_pip(request: Mapping, conda: Mapping[str, str], glibc: str, folder: Path) -> str:
    """Hashed requirements of the pip part, without what the conda part provides already.

    Raises ValueError with uv's words when it cannot be solved.
    """
    import uv

    (folder / "wanted.txt").write_text("\n".join(text for text, _ in request["pip"]) + "\n")
    constraints = [f"{name}=={version}" for name, version in conda.items() if PUBLIC_VERSION.match(version)]
    (folder / "constraints.txt").write_text("\n".join(constraints) + "\n")
    python = ".".join(conda["python"].split(".")[:2])
    done = subprocess.run(
        [uv.find_uv_bin(), "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"]
        + ["--only-binary", ":all:", "--python", sys.executable, "--python-version", python]
        + ["--python-platform", "x86_64-manylinux_" + glibc.replace(".", "_")]
        + (["--index-url", request["index"]] if request["index"] else [])
        + ["--constraint", folder / "constraints.txt", folder / "wanted.txt"],
        capture_output=True,
        text=True,
        timeout=TIMEOUT / 2,
    )
    if done.returncode:
        raise ValueError(done.stderr.strip())
    blocks = re.split(r"\n(?=[A-Za-z0-9])", done.stdout.strip())
    return "".join(block.rstrip() + "\n" for block in blocks if block and block.split("==")[0] not in conda)


def answer(order: Mapping, folder: Path) -> Mapping:
    """Do the whole work; the value is what `solve` reads."""
    request = order["request"]
    try:
        lock, records = asyncio.run(solve_conda(request, order["glibc"], order["kernel"], folder))
    except Exception as error:
        # py-rattler's exceptions have no common base below Exception; their names tell what happened.
        kind = type(error).__name__
        words = str(error)
        return {"unsolvable" if kind in ("SolverError", "InvalidMatchSpecError") else "unreachable": words}
    packages = {record.name.normalized: str(record.version) for record in records}
    pip_names = packages | {name.removesuffix("-base"): version for name, version in packages.items()}
    pip = ""
    if request["pip"]:
        try:
            pip = solve_pip(request, pip_names, order["glibc"], folder)
        except ValueError as error:
            words = str(error)
            unreachable = "Failed to fetch" in words or "error sending request" in words
            return {"unreachable" if unreachable else "unsolvable": words}
    packages |= {
        block.split("==")[0]: block.split("==")[1].split()[0] for block in re.findall(r"(?m)^\S+==\S+", pip)
    }
    size = sum(record.size or 0 for record in records) * UNPACKED + (256 << 20)
    name = hashlib.sha256((lock + pip).encode()).hexdigest()[:12]
    solution = Solution(name, lock, pip, dict(sorted(packages.items())), size)
    return {"solution": asdict(solution)}


def main() -> None:
    """Read an order on standard input, write the answer to the file named by the first argument."""
    with tempfile.TemporaryDirectory() as folder:
        found = answer(json.load(sys.stdin), Path(folder))
    beside = Path(sys.argv[1] + ".part")
    beside.write_text(json.dumps(found))
    beside.rename(sys.argv[1])
    os._exit(0)


if __name__ == "__main__":
    main()
