#!/usr/bin/env python3
"""How an environment gets onto a droplet: coursehub's generations beside installing in place.

    python bench/environment.py [--json] [--runs N]         needs root; ten minutes

On one sandbox machine (2 GB, 2 CPUs), from a channel and a folder of wheels on this computer with the very
same packages in the very same versions: the sample course's and those of a student's server, about 110.

first install         nothing is there, no cache, but the installers themselves
nothing to do         asked for what is there already
one package changed   another version of one package (tabulate)

coursehub installs beside what the class uses, compiles, tries the result (imports, a kernel that runs a
cell, the server, JupyterLab's extensions) and switches; pip and uv change the one environment that there is,
compile, and try nothing. Memory is what the installing processes hold together at most, looked at ten times
a second (0: it was over sooner), disk what is taken more than before. All are told exact versions; nobody
solves. conda's own solver is not among them: it cannot be had from PyPI, from which all else comes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from rich.console import Console
from rich.table import Table

from coursehub import solving
from coursehub.parts import environment
from coursehub.problems import CoursehubError
from coursehub.ssh import SshSession
from coursehub.ssh_login import Login
from sandbox import channel, host, image, machine, network, sources, state
from sandbox.memory import Watch
from sandbox.mirror import Mirror

NAME = "bench-environment"
REQUIREMENTS = (*channel.REQUIREMENTS, "tabulate==0.10.0")
CHANGED = "tabulate"
VERSIONS = ("0.9.0", "0.10.0")
COURSE = ("numpy", "pandas", "matplotlib-base", "pip")
PACKAGES = "/opt/packages"
PLACE = "/opt/in-place"
PYTHON = "/opt/python"
FIRST, NOTHING, CHANGE = CASES = ("first install", "nothing to do", "one package changed")
TARGETS = {NOTHING: 0.2, CHANGE: 10.0}
"""Seconds that coursehub may take. And one changed package may take a tenth of the environment's disk."""
TIMEOUT = 900


@dataclass(frozen=True)
class Measured:
    """One run. `seconds` is wall time; `memory` and `disk` are in bytes."""

    contender: str
    case: str
    seconds: float
    memory: int
    disk: int


class Bench:
    """The machine, and what was measured on it."""

    def __init__(self, box: machine.Machine):
        self.box = box
        self.results: list[Measured] = []

    def disk(self) -> int:
        """Bytes in use below /opt."""
        self.box.run(["sync"])
        return int(self.box.run(["du", "-s", "-x", "-B1", "/opt"]).stdout.split()[0])

    @contextmanager
    def measuring(self, contender: str, case: str):
        """Measure what happens inside."""
        before = self.disk()
        with Watch(self.box) as watch:
            began = time.monotonic()
            yield
            seconds = time.monotonic() - began
        self.results.append(Measured(contender, case, seconds, watch.peak, self.disk() - before))
        print(f"{contender}, {case}: {seconds:.3f} s", file=sys.stderr)


class Coursehub:
    """Generations, through the operations that a deploy asks the droplet for."""

    name = "coursehub"

    def __init__(self, bench: Bench, session: SshSession, address: str):
        self.bench, self.session = bench, session
        seen = session.call("look", {"questions": {}, "holder": {"who": "bench", "since": "", "run": ""}})
        self.machine = seen["machine"]
        self.solutions = [self.solve(address, version) for version in VERSIONS]
        pins = environment.pinned(environment.PINS.read_text(), environment.TOOLS)
        self.tools = {"digest": "bench", "requirements": pins, "index": None}
        session.call("packages.install", {"names": ["python3-venv"]}, timeout=TIMEOUT)
        session.call("environment.install_tools", self.tools, timeout=TIMEOUT)

    def solve(self, address: str, version: str) -> solving.Solution:
        wanted = (*COURSE, f"{CHANGED} =={version}")
        request = solving.Request(
            channels=(("conda-forge", address),),
            conda=tuple((text, line) for line, text in enumerate(wanted, 1)),
            pip=(),
            hub=environment.hub_needs("2.0.0"),
        )
        return solving.solve(request, self.machine["glibc"], self.machine["kernel"])

    def clear(self) -> None:
        self.bench.box.run(["rm", "-rf", "/opt/course/envs", "/opt/course/cache"])

    def install(self, number: int) -> None:
        """What a deploy does for solution `number`: look, install unless that is there, switch."""
        solution, name = self.solutions[number], f"generation-{number}"
        question = {"environment": {"tools": "bench", "inputs": name}}
        seen = self.session.call("look", {"questions": question})["parts"]["environment"]
        if seen["inputs"] == name:
            return
        about = {"inputs": name, "packages": dict(solution.packages), "commit": "", "who": "bench"}
        parameters = {
            "generation": name,
            "tools": "bench",
            "lock": solution.lock,
            "pip_requirements": "",
            "index": None,
            "about": about,
            "size": 0,
            "requested": [*COURSE, CHANGED],
        }
        self.session.call("environment.install", parameters, timeout=TIMEOUT)
        self.session.call("environment.switch", {"generation": name, "about": about})


class InPlace:
    """One environment that is changed in place, from a folder of wheels, by a command that is told the
    folder and a file of exact versions."""

    def __init__(self, bench: Bench, name: str, command: tuple[str, ...]):
        self.bench, self.name, self.command = bench, name, command

    def clear(self) -> None:
        # The first is what the command installs into; it must be there.
        self.bench.box.run(["rm", "-rf", PLACE, "/root/.cache"])
        self.bench.box.run([f"{PYTHON}/bin/python", "-m", "venv", PLACE])

    def install(self, number: int) -> None:
        source = ("--no-index", "--find-links", PACKAGES, "-r", f"{PACKAGES}/{number}.txt")
        # Marked as an installation, so that its memory is counted.
        self.bench.box.run(["choom", "-n", "1000", "--", *self.command, *source], timeout=TIMEOUT)


def in_place(bench: Bench) -> tuple[InPlace, ...]:
    """pip as it comes with the machine's Python, and uv as coursehub's own tools have it."""
    pip = (f"{PLACE}/bin/pip", "install", "--quiet", "--disable-pip-version-check")
    uv = ("/opt/course/tools/bench/bin/uv", "pip", "install", "--quiet", "--compile-bytecode")
    return (
        InPlace(bench, "pip install", pip),
        InPlace(bench, "uv pip install", (*uv, "--python", f"{PLACE}/bin/python")),
    )


def wheels_like(box: machine.Machine, prefix: str) -> None:
    """Put the wheels of all that is installed in an environment into the machine, and lists for both
    versions of the package that changes."""
    frozen = box.run([f"{prefix}/bin/python", "-m", "pip", "list", "--format=json"]).stdout
    exact = {it["name"]: it["version"] for it in json.loads(frozen)}
    folder = state.directory() / "cache" / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for number, version in enumerate(VERSIONS):
            lines = [f"{name}=={it}" for name, it in (exact | {CHANGED: version}).items()]
            wanted = Path(scratch, f"{number}.txt")
            wanted.write_text("\n".join(lines) + "\n")
            download = ["download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            command = [
                sys.executable,
                "-m",
                "pip",
                *download,
                "--find-links",
                folder,
                "-d",
                folder,
                "-r",
                wanted,
            ]
            subprocess.run(command, check=True, timeout=TIMEOUT)
            shutil.copy(wanted, folder)
    shutil.copytree(folder, box.directory / "root" / PACKAGES.lstrip("/"))


def run(runs: int) -> list[Measured]:
    """Measure everybody, one after the other, `runs` times."""
    image.ensure()
    directory = state.directory() / "channels" / NAME
    channel.build(directory, REQUIREMENTS, extra_versions=(f"{CHANGED}=={VERSIONS[0]}",))
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", scratch / "key"], check=True)
        public = (scratch / "key.pub").read_text().strip()
        box = machine.create(NAME, memory="2G", cpus=2.0, authorized_keys=[public], binds=sources.binds())
        stack.callback(clean_up, box)
        gateway = str(network.ensure().gateway)
        mirror = stack.enter_context(Mirror(gateway, conda={"conda-forge": directory}))
        login = Login(box.address, 22, (box.host_key,), (scratch / "key").read_text(), "run it again")
        session = stack.enter_context(SshSession(login))
        bench = Bench(box)
        coursehub = Coursehub(bench, session, mirror.conda_url("conda-forge"))
        coursehub.install(0)
        # The same Python for everybody: the one from the channel.
        box.run(["cp", "-a", "/opt/course/envs/generation-0", PYTHON], timeout=TIMEOUT)
        wheels_like(box, PYTHON)
        for contender in (coursehub, *in_place(bench)) * runs:
            contender.clear()
            for case, number in zip(CASES, (0, 0, 1), strict=True):
                with bench.measuring(contender.name, case):
                    contender.install(number)
            contender.clear()
        return bench.results


def clean_up(box: machine.Machine) -> None:
    """Remove the machine, and the bridge unless others (a demo's) are on it."""
    box.destroy()
    if not machine.all_machines():
        host.remove_all()


def table(results: list[Measured]) -> Table:
    """Medians of all runs."""
    shown = Table("", *CASES, title="Wall time, peak memory, extra disk (medians)")
    for name in dict.fromkeys(one.contender for one in results):
        cells = []
        for case in CASES:
            found = [one for one in results if (one.contender, one.case) == (name, case)]
            seconds, memory, disk = (
                statistics.median(getattr(one, field) for one in found)
                for field in ("seconds", "memory", "disk")
            )
            cells.append(f"{seconds:.3g} s, {memory / 2**20:.0f} MiB, {disk / 2**20:+.1f} MiB")
        shown.add_row(name, *cells)
    return shown


def missed(results: list[Measured]) -> list[str]:
    """The targets that coursehub misses, in words."""

    def median(case: str, field: str) -> float:
        ours = [one for one in results if (one.contender, one.case) == (Coursehub.name, case)]
        return statistics.median(getattr(one, field) for one in ours)

    found = [
        f"{case}: {median(case, 'seconds'):.2f} s, not {limit} s"
        for case, limit in TARGETS.items()
        if median(case, "seconds") > limit
    ]
    share = median(CHANGE, "disk") / median(FIRST, "disk")
    return found + ([f"{CHANGE}: {share:.0%} of the environment's disk"] if share > 0.1 else [])


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--json", action="store_true", help="all runs as JSON; the table goes to standard error"
    )
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    try:
        results = run(arguments.runs)
    except CoursehubError as error:
        print(f"{error}\n{getattr(error, 'detail', '')}".rstrip(), file=sys.stderr)
        return 1
    Console(stderr=arguments.json, width=140).print(table(results))
    if arguments.json:
        print(json.dumps([asdict(one) for one in results], indent=1))
    for words in missed(results):
        print(f"Target missed. {words}", file=sys.stderr)
    return 1 if missed(results) else 0


if __name__ == "__main__":
    sys.exit(main())
