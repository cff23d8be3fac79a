"""From what a course asks for to exactly what is installed: conda packages by py-rattler, the rest by uv.

The work is done by `python -m coursehub.solving` in a process of its own, because py-rattler can crash
its interpreter at exit after the work is done, and because what it holds in memory is given back.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from .conda_channels import Channels, with_address, with_names
from .conflicts import FILE, KEY, conda_problems, pip_problems
from .pip_part import PipPart, Unreachable, Unsolvable, provided, solve_pip
from .problems import Failure, InvalidInput, Problem

TIMEOUT = 900.0
RULES = 1
"""To be raised when the same request is to mean another result: environments are then solved anew."""


@dataclass(frozen=True)
class Request:
    """`conda` and `pip` are (requirement, line of the file); `hub` are further conda requirements;
    `index` is the package index of the pip part, None for PyPI."""

    channels: Channels
    conda: tuple[tuple[str, int], ...]
    pip: tuple[tuple[str, int], ...]
    hub: tuple[str, ...]
    index: str | None = None

    @property
    def digest(self) -> str:
        """A name for all that decides the result, but not for the lines on which it stands."""
        conda, pip = ([text for text, _ in lines] for lines in (self.conda, self.pip))
        return digest([RULES, self.channels, conda, pip, self.hub, self.index])


@dataclass(frozen=True)
class Solution:
    """`lock` is a rattler lock file's text, `pip_requirements` hashed requirements ("" for none);
    `packages` maps names to versions, `sizes` names to the bytes of their download."""

    lock: str
    pip_requirements: str
    packages: Mapping[str, str]
    sizes: Mapping[str, int]


def digest(value: object) -> str:
    """A short name for a JSON value."""
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:12]


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
    return understood(request, found)


def understood(request: Request, found: Mapping) -> Solution:
    """The solution in an answer of `answer`; what else an answer can be is raised in a teacher's words."""
    words = with_names(found.get("words", ""), request.channels)
    if found["verdict"] == "unreadable":
        text, line = request.conda[found["number"]]
        fix = "write name, name=1.2, name>=1.2,<2 or channel::name"
        raise InvalidInput([Problem(FILE, f"is not a conda requirement: {words}", fix, line, KEY, text)])
    if found["verdict"] == "unsolvable":
        raise InvalidInput(conda_problems(request.conda, request.hub, words))
    if found["verdict"] == "unsolvable pip":
        raise InvalidInput(pip_problems(request.pip, request.conda, words))
    if found["verdict"] == "unreachable":
        raise Failure(
            f"the packages' channel or index could not be read: {words}",
            "run the deploy again later; with mirrors in course.yml, check their addresses",
        )
    return Solution(**found["solution"])


class UnreadableRequirement(Exception):
    """py-rattler cannot read a requirement: its number, and why."""

    def __init__(self, number: int, words: str):
        super().__init__(words)
        self.number = number


async def solve_conda(request: Mapping, glibc: str, kernel: str) -> list:
    """The records of the conda part. Each package comes from the first channel that has it."""
    from rattler import (
        BuildString,
        Channel,
        ChannelPriority,
        Gateway,
        GenericVirtualPackage,
        MatchSpec,
        PackageName,
        Version,
        solve,
    )

    virtual = [("__glibc", glibc), ("__linux", kernel.split("-")[0]), ("__unix", "0"), ("__archspec", "1")]
    builds = {"__archspec": "x86_64"}
    specs = [MatchSpec(need) for need in request["hub"]]
    for number, (text, _) in enumerate(request["conda"]):
        try:
            specs.append(MatchSpec(with_address(text, request["channels"])))
        except Exception as error:  # py-rattler's exceptions have no common base below Exception.
            raise UnreadableRequirement(number, str(error)) from error
    return await solve(
        [Channel(address) for _, address in request["channels"]],
        specs,
        gateway=Gateway(),
        platforms=["linux-64", "noarch"],
        channel_priority=ChannelPriority.Strict,
        virtual_packages=[
            GenericVirtualPackage(PackageName(name), Version(version), BuildString(builds.get(name, "0")))
            for name, version in virtual
        ],
    )


def lock_text(request: Mapping, records: list, folder: Path) -> str:
    """The records as a rattler lock file."""
    from rattler.lock import LockChannel, LockFile, LockPlatform

    platform = LockPlatform("linux-64")
    lock = LockFile([platform])
    lock.set_channels("default", [LockChannel(address) for _, address in request["channels"]])
    for record in sorted(records, key=lambda record: record.name.normalized):
        lock.add_conda_package("default", platform, record)
    lock.to_path(folder / "conda.lock")
    return (folder / "conda.lock").read_text().rstrip("\n") + "\n"


def answer(order: Mapping, folder: Path) -> Mapping:
    """Do the whole work; the value is what `understood` reads."""
    request = order["request"]
    try:
        records = asyncio.run(solve_conda(request, order["glibc"], order["kernel"]))
    except UnreadableRequirement as error:
        return {"verdict": "unreadable", "number": error.number, "words": str(error)}
    except Exception as error:
        # Names tell what happened, for want of a common base.
        solver = type(error).__name__ == "SolverError"
        return {"verdict": "unsolvable" if solver else "unreachable", "words": str(error)}
    packages = {record.name.normalized: str(record.version) for record in records}
    sizes = {record.name.normalized: record.size or 0 for record in records}
    extra = PipPart("", {}, {})
    if request["pip"]:
        have = provided(json.loads(record.to_json()) for record in records)
        wanted = [text for text, _ in request["pip"]]
        try:
            extra = solve_pip(wanted, have, packages["python"], order["glibc"], request["index"], folder)
        except Unsolvable as error:
            return {"verdict": "unsolvable pip", "words": str(error)}
        except Unreachable as error:
            return {"verdict": "unreachable", "words": str(error)}
    for name, version in extra.packages.items():
        shown = f"{name} (pip)" if name in packages else name  # conda's graphviz is not PyPI's.
        packages[shown], sizes[shown] = version, extra.sizes[name]
    lock = lock_text(request, records, folder)
    solution = Solution(lock, extra.requirements, dict(sorted(packages.items())), dict(sorted(sizes.items())))
    return {"verdict": "solved", "solution": asdict(solution)}


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
