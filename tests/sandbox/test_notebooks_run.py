"""scripts/test_notebooks.py in an environment of the channel's real packages; no machine is needed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coursehub.notebooks.results import NotebookResult
from coursehub.notebooks.running import Bench, run_notebooks
from deployments import REPOSITORY, Run
from sandbox.commands import wait_until
from sandbox.mirror import Mirror, real_conda_reachable
from sandbox.sources import CHANNEL, REAL_CHANNEL, stand_in_channel

SECRETS = {"GITHUB_TOKEN": "ghs-odd 'token\" %", "ACTIONS_RUNTIME_TOKEN": "run-odd", "COURSE_SECRET": "odd ü"}
ENVIRONMENT = "dependencies:\n  - pip:\n      - tabulate\n"
POST_BUILD = 'env > "$NB_PYTHON_PREFIX/post-build.txt"\n'
STUCK = "import os, pathlib, time\npathlib.Path({marker!r}).write_text(str(os.getpid()))\ntime.sleep(1000)"


def notebook(*cells: str, tags: tuple[str, ...] = (), **metadata: object) -> str:
    """A notebook's text with these code cells, of which the first has the tags."""
    made = [
        {
            "cell_type": "code",
            "execution_count": None,
            "id": f"cell-{number}",
            "metadata": {"tags": list(tags)} if tags and not number else {},
            "outputs": [],
            "source": source.splitlines(keepends=True),
        }
        for number, source in enumerate(cells)
    ]
    return (
        json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1) + "\n"
    )


@pytest.fixture(scope="module")
def mirrors() -> Iterator[dict]:
    """`mirrors` of course.yml: the stand-in for conda-forge where that cannot be reached."""
    if real_conda_reachable(REAL_CHANNEL):
        yield {}
        return
    with Mirror(conda={CHANNEL: stand_in_channel()}) as mirror:
        yield {"conda": {CHANNEL: mirror.conda_url(CHANNEL)}}


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """Where the tests' environment is installed: once, by the first of them that runs."""
    return tmp_path_factory.mktemp("notebooks") / "environment"


class ProposedCourse:
    """A course whose notebooks are tested. `settings` lie over course.yml."""

    def __init__(self, root: Path, mirrors: dict):
        self.root, self.settings = root, {"mirrors": mirrors}
        (root / "content").mkdir(parents=True)
        (root / "course.yml").write_text("")
        (root / "environment.yml").write_text(ENVIRONMENT)
        (root / "postBuild").write_text(POST_BUILD)
        self.add("StartHere.ipynb", notebook("import tabulate\ntabulate.tabulate([[1]])"))

    def add(self, name: str, text: str) -> Path:
        place = self.root / "content" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(text)
        return place

    def start(self, environment: Path) -> subprocess.Popen:
        """Start the script, as a step of a workflow that holds secrets would."""
        override = self.root.parent / "override.yml"
        override.write_text(json.dumps(self.settings))
        script = REPOSITORY / "scripts/test_notebooks.py"
        command = [sys.executable, script, "--course", self.root, "--override", override, "--json"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
        return subprocess.Popen(
            [*command, "--environment", environment],
            env={**kept, **SECRETS},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, environment: Path) -> Run:
        """Run the script to its end."""
        process = self.start(environment)
        output, said = process.communicate(timeout=600)
        assert "Traceback" not in said, said
        return Run(process.returncode, json.loads(output), said)


@pytest.fixture
def course(tmp_path, mirrors) -> ProposedCourse:
    return ProposedCourse(tmp_path / "course", mirrors)


def failures(run: Run) -> dict[str, dict]:
    """What failed, by notebook."""
    return {one["path"]: one["failure"] for one in run.result["notebooks"] if one["failure"]}


def line_of(file: Path, words: str) -> int:
    """The line of a file that has these words."""
    return next(number for number, line in enumerate(file.read_text().split("\n"), 1) if words in line)


def snapshot(folder: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_the_sample_course_runs_in_its_own_environment(course, environment):
    shutil.rmtree(course.root / "content")
    for name in ("content", "environment.yml", "course.yml"):
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, course.root / name)
    done = course.run(environment)
    assert (done.code, done.result["verdict"]) == (0, "passed"), done.said
    assert {one["path"] for one in done.result["notebooks"]} == {
        path.name for path in (REPOSITORY / "content").glob("*.ipynb")
    }


def test_all_pass_and_the_environment_is_installed_once(course, environment):
    course.add(
        "week 1/Data.ipynb",
        notebook(
            "1/0",
            "from pathlib import Path\nPath('new.txt').write_text('new')\nPath('data.csv').write_text('x')",
            "assert Path('../StartHere.ipynb').exists() and Path.home().joinpath('my-course').is_dir()",
            "import sys\nassert sys.prefix == " + repr(str(environment)),
            tags=("raises-exception",),
        ),
    )
    course.add("week 1/data.csv", "a,b\n")
    before = snapshot(course.root)
    done = course.run(environment)
    assert (done.code, done.result["verdict"]) == (0, "passed"), done.said
    assert snapshot(course.root) == before
    inode = (environment / "bin/python").lstat().st_ino
    again = course.run(environment)
    assert again.code == 0 and "Installing" not in again.said
    assert (environment / "bin/python").lstat().st_ino == inode
    assert again.result["generation"] == done.result["generation"]


def test_every_failing_notebook_is_told_with_its_line(course, environment):
    course.add("Good.ipynb", notebook("print('\\x1b[31mred')"))
    name = course.add("Name.ipynb", notebook("x = 1", "def f():\n    return no_such_name\n\nf()\nlast = 1"))
    syntax = course.add("Syntax.ipynb", notebook("a = 1\nb = = 2"))
    dead = course.add(
        "Dead.ipynb", notebook("import os", "os.write(2, b'last words')\nos._exit(3)", "never = 1")
    )
    course.add("Other.ipynb", notebook("1", kernelspec={"name": "ir", "language": "R", "display_name": "R"}))
    course.add("Old.ipynb", notebook("1/0"))
    course.add("drafts/Draft.ipynb", notebook("1/0"))
    course.settings["notebooks"] = {"exclude": ["Old.ipynb", "drafts", "gone/*"]}
    done = course.run(environment)
    assert (done.code, done.result["verdict"]) == (1, "failed"), done.said
    assert done.result["excluded"] == ["Old.ipynb", "drafts/Draft.ipynb"]
    assert "gone/* matches no notebook" in done.result["notes"][0]
    found = failures(done)
    assert set(found) == {"Name.ipynb", "Syntax.ipynb", "Dead.ipynb", "Other.ipynb"}
    assert found["Name.ipynb"] == {
        "file": "content/Name.ipynb",
        "line": line_of(name, "return no_such_name"),
        "cell": 2,
        "title": "cell 2 of Name.ipynb: NameError",
        "message": "NameError: name 'no_such_name' is not defined\nline 2: return no_such_name",
    }
    assert found["Syntax.ipynb"]["line"] == line_of(syntax, "= = 2")
    assert (found["Dead.ipynb"]["line"], found["Dead.ipynb"]["cell"]) == (line_of(dead, "os.write"), 2)
    assert "memory" in found["Dead.ipynb"]["message"]
    assert "the kernel ir" in found["Other.ipynb"]["message"]
    assert "content/Name.ipynb:" in done.said


def test_a_notebook_that_takes_too_long_names_its_cell(course, environment):
    endless = course.add("Endless.ipynb", notebook("import time", "while True:\n    time.sleep(1)"))
    course.settings["notebooks"] = {"exclude": ["Endless.ipynb"]}
    assert course.run(environment).code == 0
    bench = Bench(course.root, environment, "my-course", limit=3.0)
    told: list[NotebookResult] = []
    result = run_notebooks(bench, ["Endless.ipynb"], told.append)[0]
    assert told == [result]
    assert (result.failure.cell, result.failure.line) == (2, line_of(endless, "while True"))
    assert "time_limit_minutes" in result.failure.message


def test_no_secret_is_handed_to_what_a_pull_request_brings(course, environment):
    look = "import subprocess\nseen = subprocess.run(['env'], capture_output=True, text=True).stdout"
    values = f"assert not [value for value in {list(SECRETS.values())} if value in seen], 'a value is seen'"
    names = "raise ValueError(*sorted(line.partition('=')[0] for line in seen.splitlines()))"
    course.add("Curious.ipynb", notebook(look, values, names))
    done = course.run(environment)
    seen = failures(done)["Curious.ipynb"]["message"]
    built = (environment / "post-build.txt").read_text()
    assert "CONDA_PREFIX" in seen and "CONDA_PREFIX" in built
    for name, value in SECRETS.items():
        for text in (seen, built, done.said):
            assert name not in text and value not in text


def test_an_interrupted_test_leaves_no_kernel(course, environment, tmp_path):
    marker = tmp_path / "kernel.pid"
    course.add("Stuck.ipynb", notebook(STUCK.format(marker=str(marker))))
    process = course.start(environment)
    wait_until(lambda: marker.exists() and marker.read_text(), 300, "a kernel at work")
    kernel = Path("/proc", marker.read_text())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode
    wait_until(lambda: not kernel.exists(), 30, "the end of the kernel")


def test_a_kernel_that_cannot_start_is_told(course, environment, tmp_path, make_broken):
    broken = make_broken(environment)
    done = course.run(broken)
    failure = failures(done)["StartHere.ipynb"]
    assert done.code == 1
    assert failure["title"] == "StartHere.ipynb: the kernel does not start"
    assert "ipykernel_launcher" in failure["message"]


@pytest.fixture
def make_broken(course) -> Iterator[Callable[[Path], Path]]:
    """Takes ipykernel's module out of an environment that is whole, for one test."""
    moved: list[tuple[Path, Path]] = []

    def make(environment: Path) -> Path:
        assert course.run(environment).code == 0
        for module in environment.glob("lib/python3*/site-packages/ipykernel_launcher.py"):
            moved.append((module, module.rename(module.with_suffix(".away"))))
        return environment

    yield make
    for module, away in moved:
        away.rename(module)
