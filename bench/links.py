#!/usr/bin/env python3
"""A class that follows the link at once: from the droplet's own repository, and from one elsewhere.

    python bench/links.py [--json] [--students N] [--runs N]         needs no root; some ten minutes

100 students click in the same moment, three times: when they have nothing yet, when nothing is new, and
when they have each written in a notebook and the teacher has changed another cell of it. The clicks are those
of the real nbgitpuller (see clicks.py), which coursehub's servers lead past its own update. The other
repository is git's own http server on this computer, seen over a line of 30 ms: it has no limit to what it
sends at once, no encryption and no log-in, all of which a real one has; and it works on the processors that
the class has, where a real one has its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

import contenders
import course
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
LIBRARY = Path(__file__).resolve().parents[1] / "scripts" / "coursehub"
FILES, BYTES = 30, 4 * 2**20
ADDRESS = "127.87.1.1:8098"
MILLISECONDS = 30
FIRST, NOTHING, BOTH = CASES = ("first click", "nothing new", "both changed a notebook")
OURS = "the droplet's repository, coursehub"
CONTENDERS = {
    OURS: (True, True),
    "the droplet's repository, nbgitpuller alone": (True, False),
    f"http at {MILLISECONDS} ms, nbgitpuller alone": (False, False),
}
"""Each with whether it is the droplet's own repository, and whether coursehub's part is there."""


@dataclass(frozen=True)
class Measured:
    """One case of one contender: seconds until half of the class, and all of it, has its notebook."""

    contender: str
    case: str
    half: float
    all: float


class Bench:
    """A course's repository, and a class of students' homes. `url` is the repository's address over http."""

    def __init__(self, folder: Path, students: int, url: str, made: course.Course):
        self.folder, self.students, self.url, self.made = folder, students, url, made
        self.version = 0
        self.pack()

    def pack(self) -> None:
        """Store what was published in packs, as a deploy does, and whoever serves git."""
        course.git(f"--git-dir={self.made.repository}", "repack", "-a", "-d", "-q")

    @property
    def copies(self) -> list[Path]:
        return [self.folder / "homes" / str(number) / "my-course" for number in range(self.students)]

    def click(self, local: bool, ours: bool) -> list[float]:
        """What each student waited."""
        python = contenders.virtual_environment() / "bin" / "python"
        url = f"file://{self.made.repository}" if local else self.url
        command = [python, HERE / "clicks.py", url, LIBRARY if ours else "", *self.copies]
        environment = os.environ | course.GIT | {"HOME": str(self.folder)}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, timeout=1800)
        return json.loads(done.stdout)

    def measure(self, contender: str) -> Iterator[Measured]:
        """All cases, one after the other."""
        shutil.rmtree(self.folder / "homes", ignore_errors=True)
        for copy in self.copies:
            copy.parent.mkdir(parents=True)
        for case in CASES:
            if case == BOTH:
                self.change()
            waited = self.click(*CONTENDERS[contender])
            yield Measured(contender, case, statistics.median(waited), max(waited))
        self.check()

    def change(self) -> None:
        """The teacher changes the first cell of a notebook, each student another one."""
        self.version += 1
        for copy in self.copies:
            path = copy / self.made.notebook.name
            notebook = json.loads(path.read_text())
            notebook["cells"][-1]["source"] = ["written by the student"]
            path.write_text(json.dumps(notebook, indent=1))
        self.made.change_notebook(self.version)
        self.pack()

    def check(self) -> None:
        """Everybody has what the teacher wrote and what they wrote themselves."""
        for copy in self.copies:
            text = (copy / self.made.notebook.name).read_text()
            assert f"This is version {self.version} of" in text and "written by the student" in text, copy


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of the folder's repositories, over a long line."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, HERE / "git_server.py", folder], **pipes) as server:
        port = server.stdout.readline().strip()
        words = ["--rtt", str(MILLISECONDS / 1000), f"{ADDRESS}=127.0.0.1:{port}"]
        with subprocess.Popen([sys.executable, HERE / "delay.py", *words], **pipes) as line:
            try:
                assert line.stdout.readline() == "ready\n"
                yield f"http://{ADDRESS}"
            finally:
                line.kill()
                server.kill()


def run(students: int, runs: int) -> list[Measured]:
    """Measure everybody, one after the other, `runs` times."""
    contenders.install()
    results: list[Measured] = []
    with tempfile.TemporaryDirectory(prefix="coursehub-bench-") as scratch:
        folder = Path(scratch)
        made = course.make(folder, FILES, BYTES)
        with served(folder) as address:
            bench = Bench(folder, students, f"{address}/{made.repository.name}", made)
            for contender in [*CONTENDERS] * runs:
                for one in bench.measure(contender):
                    results.append(one)
                    print(f"{one.contender}: {one.case}: {one.all:.1f} s", file=sys.stderr, flush=True)
    return results


def table(results: list[Measured], students: int) -> Table:
    """Medians of all runs, and how many times coursehub's they are."""
    title = f"{students} clicks at once: seconds until half of the class, and all of it, goes on"
    shown = Table("", title=title)
    for case in CASES:
        shown.add_column(case, justify="right")
        shown.add_column("×", justify="right", style="dim")

    def median(contender: str, case: str, what: str) -> float:
        found = [one for one in results if (one.contender, one.case) == (contender, case)]
        return statistics.median(getattr(one, what) for one in found)

    for contender in CONTENDERS:
        cells = [contender]
        for case in CASES:
            half, last = median(contender, case, "half"), median(contender, case, "all")
            cells += [f"{half:.1f}, {last:.1f}", f"{last / median(OURS, case, 'all'):.1f}"]
        shown.add_row(*cells, style="bold" if contender == OURS else "")
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--json", action="store_true", help="all runs as JSON; the table goes to standard error"
    )
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    results = run(arguments.students, arguments.runs)
    Console(stderr=arguments.json, width=140).print(table(results, arguments.students))
    if arguments.json:
        print(json.dumps([asdict(one) for one in results], indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
