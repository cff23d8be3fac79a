"""scripts/lock.py as people run it, against a channel and an index of the test's own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from package_sources import OF_A_COURSE, PYTHON, conda_channel, package_index

from course_folder import make_course
from sandbox.mirror import Mirror

SCRIPT = Path(__file__).parents[2] / "scripts/lock.py"
CHANNEL = (*OF_A_COURSE, ("numpy", "2.4", PYTHON, "__glibc >=2.38"))
ENVIRONMENT = "dependencies:\n  - numpy\n  - pip:\n      - tabulate\n"


@pytest.fixture
def course(tmp_path):
    """The folder of a course, and a function that runs the script there: (exit code, JSON, what was said)."""
    channel = conda_channel(tmp_path / "channel", *CHANNEL)
    root = make_course(tmp_path / "course", environment_yml=ENVIRONMENT)
    with (
        Mirror(conda={"conda-forge": channel}) as mirror,
        package_index(tmp_path / "index", ("tabulate", "0.9"), ("tabulate", "0.10")) as index,
    ):
        mirrors = {"conda": {"conda-forge": mirror.conda_url("conda-forge")}, "pypi": index}

        def run(*options, image="ubuntu-24-04-x64"):
            override = tmp_path / "override.yml"
            override.write_text(json.dumps({"mirrors": mirrors, "droplet": {"image": image}}))
            command = [sys.executable, SCRIPT, "--course", root, "--override", override, "--json", *options]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120)
            return done.returncode, json.loads(done.stdout), done.stderr

        yield root, run


def test_a_lock_is_written_checked_and_goes_stale(course):
    root, run = course
    assert run("--check")[:2] == (1, {"verdict": "stale", "problem": "is missing"})
    code, result, said = run()
    assert (code, result["verdict"]) == (0, "written")
    assert (result["packages"]["numpy"], result["packages"]["tabulate"]) == ("2.4", "0.10")
    assert "9 packages" in said
    assert run("--check")[0] == 0
    (root / "environment.yml").write_text("# a comment decides nothing\n" + ENVIRONMENT)
    assert run("--check")[0] == 0
    (root / "environment.yml").write_text(ENVIRONMENT.replace("tabulate", "tabulate<0.10"))
    code, result, said = run("--check")
    assert (code, result["problem"]) == (1, "belongs to an earlier environment.yml")
    assert "scripts/lock.py" in said
    assert run()[1]["changes"] == ["~ tabulate 0.10 → 0.9"]
    assert run("--check")[0] == 0


def test_a_lock_is_made_for_the_image_in_course_yml(course):
    _, run = course
    assert run(image="ubuntu-22-04-x64")[1]["packages"]["numpy"] == "1.26"


def test_the_same_request_gives_the_same_lock(course):
    root, run = course
    run()
    first = (root / "environment.lock").read_bytes()
    run()
    assert (root / "environment.lock").read_bytes() == first


def test_a_damaged_lock_is_a_mistake_that_making_it_anew_mends(course):
    root, run = course
    run()
    lock = root / "environment.lock"
    lock.write_text(lock.read_text().replace("tabulate==0.10", "tabulate==0.9"))
    code, result, _ = run("--check")
    assert (code, result["problems"][0]["file"]) == (2, "environment.lock")
    assert run()[0] == 0
    assert run("--check")[0] == 0


def test_what_cannot_be_solved_leaves_the_lock_alone(course):
    root, run = course
    run()
    before = (root / "environment.lock").read_bytes()
    (root / "environment.yml").write_text("dependencies:\n  - numpy\n  - jupyterlab <3\n")
    code, result, _ = run()
    assert (code, result["problems"][0]["line"]) == (2, 3)
    assert (root / "environment.lock").read_bytes() == before
