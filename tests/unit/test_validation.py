"""scripts/validate.py as a pull request runs it: without a secret, every mistake of every file at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from package_sources import OF_A_COURSE, conda_channel, package_index

from course_folder import NOTEBOOK, make_course
from sandbox.mirror import Mirror

SCRIPTS = Path(__file__).parents[2] / "scripts"
ENVIRONMENT = "dependencies:\n  - numpy\n  - pip:\n      - tabulate\n"
HTTPS = "https: {email: you@school.edu, domain: hub.school.edu}\n"
SECRETS = ("DIGITALOCEAN_", "DROPLET_", "COURSE_SECRET", "SSH_", "HUB_", "HTTPS_", "GITHUB_")


@pytest.fixture(scope="module")
def mirrors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    channel = conda_channel(folder / "channel", *OF_A_COURSE)
    with (
        Mirror(conda={"conda-forge": channel}) as mirror,
        package_index(folder / "index", ("tabulate", "0.9")) as index,
    ):
        yield {"conda": {"conda-forge": mirror.conda_url("conda-forge")}, "pypi": index}


@pytest.fixture
def run(tmp_path, mirrors):
    """Runs a script for a course: (exit code, JSON, the job summary, what was said)."""

    def run(root, script="validate.py", mirrors=mirrors, options=()):
        override, summary = tmp_path / "override.yml", tmp_path / "summary.md"
        override.write_text(json.dumps({"mirrors": mirrors}))
        summary.unlink(missing_ok=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(SECRETS)}
        done = subprocess.run(
            [sys.executable, SCRIPTS / script, "--course", root, "--override", override, "--json", *options],
            env={**kept, "GITHUB_STEP_SUMMARY": str(summary)},
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Traceback" not in done.stderr
        return done.returncode, json.loads(done.stdout), read(summary), done.stderr

    return run


def read(file):
    """A file's text, "" without one: not every script writes a job summary."""
    return file.read_text() if file.exists() else ""


def test_a_good_course_and_what_would_be_deployed(tmp_path, run):
    root = make_course(tmp_path / "course", HTTPS, environment_yml=ENVIRONMENT)
    (root / "content/Two.ipynb").write_text(NOTEBOOK)
    (root / "content/table.csv").write_text("a,b\n")
    code, result, summary, said = run(root)
    assert (code, result["verdict"]) == (0, "valid"), said
    assert result["packages"]["tabulate"] == "0.9" and len(result["packages"]) == 9
    assert result["download"] >= 8000 and result["files"] == 3
    assert result["notebooks"] == ["StartHere.ipynb", "Two.ipynb"]
    assert summary.splitlines()[0] == "### No mistakes: 2 notebooks and 9 packages could be deployed"
    assert "  - Two.ipynb" in summary
    assert "9 packages, " in said


def test_the_same_environment_as_a_lock_has(tmp_path, run):
    root = make_course(tmp_path / "course", environment_yml=ENVIRONMENT)
    solved = run(root)[1]
    assert run(root, script="lock.py")[0] == 0
    locked = run(root)[1]
    rounded = {"download": locked["download"]}  # a lock's table has kilobytes
    assert locked == {**solved, **rounded}
    (root / "environment.yml").write_text("dependencies: [numpy]\n")
    code, result, summary, _ = run(root)
    assert code == 0 and "tabulate" not in result["packages"]
    assert "scripts/lock.py" in result["warnings"][0]
    assert "> **Warning:** environment.lock belongs to an earlier environment.yml" in summary


def test_every_mistake_of_every_file_at_once(tmp_path, run):
    root = make_course(
        tmp_path / "course",
        "interface: labb\n",
        environment_yml="dependencies:\n  - numpy\n  - pip install x\n",
        apt_txt="gcc\nsudo apt install x\n",
        environment_lock="no lock\n",
        postBuild="#!/bin/bash\r\necho\r\n",
    )
    (root / "content/Broken.ipynb").write_text("{")
    (root / "jupyterhub_config.py").write_text("c = get_config()\nc.x = = 1\n")
    code, result, summary, _ = run(root)
    assert (code, result["verdict"]) == (2, "invalid")
    places = {(problem["file"], problem["line"]) for problem in result["problems"]}
    assert places == {
        ("course.yml", 1),
        ("environment.yml", 3),
        ("apt.txt", 2),
        ("content/Broken.ipynb", 1),
        ("environment.lock", None),
        ("postBuild", 1),
        ("jupyterhub_config.py", 2),
    }
    assert len(result["problems"]) == 7
    assert "7 mistakes" in summary.splitlines()[0]


def test_mistakes_of_the_parts_do_not_hide_those_of_the_solver(tmp_path, run):
    root = make_course(tmp_path / "course", environment_yml="dependencies:\n  - numpy\n  - jupyterlab <3\n")
    (root / "jupyterhub_config.py").write_text("c.x = = 1\n")
    code, result, _, _ = run(root)
    places = {(problem["file"], problem["line"]) for problem in result["problems"]}
    assert (code, places) == (2, {("environment.yml", 3), ("jupyterhub_config.py", 1)})


def test_a_channel_out_of_reach_is_a_failure_and_no_mistake(tmp_path, run):
    root = make_course(tmp_path / "course", environment_yml=ENVIRONMENT)
    nowhere = {"conda": {"conda-forge": "http://127.0.0.1:9/conda-forge"}}
    code, result, summary, _ = run(root, mirrors=nowhere)
    assert (code, result["verdict"]) == (1, "failed")
    assert summary.startswith("### Failed: the packages' channel or index could not be read")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("notebooks: {test: false}", "notebooks.test in course.yml is false"),
        ("notebooks: {exclude: ['*']}", "notebooks.exclude in course.yml leaves all out"),
    ],
)
def test_no_environment_is_installed_when_no_notebook_is_to_be_run(tmp_path, run, settings, message):
    root = make_course(tmp_path / "course", settings)
    folder = tmp_path / "environment"
    options = ("--environment", folder)
    code, result, summary, _ = run(root, script="test_notebooks.py", options=options)
    assert (code, result["verdict"]) == (0, "skipped")
    assert summary.splitlines()[0] == f"### No notebook was run: {message}"
    assert not folder.exists()


def test_bad_input_is_told_apart_from_notebooks_that_fail(tmp_path, run):
    root = make_course(tmp_path / "course", environment_yml="dependencies:\n  - jupyterlab <3\n")
    code, result, _, _ = run(root, script="test_notebooks.py")
    assert (code, result["problems"][0]["line"]) == (2, 2)
    assert not (root / ".environment").exists()
