"""What lets a deploy begin, and that the scripts beside it need no installed package."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_github import NAME, small_github
from test_workflow_commands import read_annotation, read_outputs

from branch_on_github import branch_on_github
from coursehub.github import checklist_body, gate
from coursehub.secrets import COMPANIONS, VARIABLES

SCRIPTS = Path(__file__).parents[2] / "scripts"


def having(*names):
    return {f"HAVE_{name}": "true" if name in names else "false" for name in gate.SECRETS}


@pytest.mark.parametrize(
    ("names", "ready"),
    [
        ([], "false"),
        (["DIGITALOCEAN_TOKEN"], "true"),
        (["DROPLET_HOST"], "true"),
        (["DIGITALOCEAN_TOKEN", "COURSE_SECRET", "HUB_ADMIN_PASSWORD"], "true"),
        (["COURSE_SECRET", "SSH_PRIVATE_KEY", "DROPLET_HOST_KEY"], "false"),
    ],
)
def test_what_names_a_place_to_deploy_to_is_enough(names, ready):
    said = gate.decide(having(*names))
    assert said.outputs["ready"] == ready
    assert sorted(json.loads(said.outputs["given"])) == sorted(names)
    assert bool(said.headline) == said.noticed == (ready == "false")


def test_without_secrets_a_person_is_told_where_to_go():
    environ = {"GITHUB_REPOSITORY": NAME, "GITHUB_SERVER_URL": "https://git.school.edu"}
    said = gate.decide(having("COURSE_SECRET") | environ)
    assert said.headline.startswith("Nothing was deployed: this repository has no secrets yet. Add DIGITAL")
    for words in (
        "Settings → Secrets and variables → Actions",
        f"https://git.school.edu/{NAME}/settings/secrets/actions",
        "Documentation/Github.md",
        "COURSE_SECRET alone will not do",
    ):
        assert words in said.headline


def test_the_names_are_those_that_a_deploy_reads():
    """The gate and the checklist cannot import what a deploy does: they run without its packages."""
    names = {variable for variable, _ in VARIABLES.values()}
    assert set(gate.SECRETS) <= names
    for first, rows in COMPANIONS.items():
        wanted = {frozenset(VARIABLES[name][0] for name in row) for row in rows}
        listed = {frozenset(row) for row in checklist_body.NEEDED[VARIABLES[first][0]]}
        assert listed == wanted | {frozenset({"HUB_ADMIN_PASSWORD"})}
    assert set(checklist_body.NEEDED) == set(gate.STARTS)


@pytest.fixture
def bare(tmp_path):
    """Runs a script on a Python that has no package but its own: (exit code, what was said, the summary, the
    outputs)."""

    def run(name, environ):
        files = {"GITHUB_STEP_SUMMARY": tmp_path / "summary", "GITHUB_OUTPUT": tmp_path / "output"}
        given = {key: str(path) for key, path in files.items()} | {"GITHUB_ACTIONS": "true"} | environ
        start = f"import runpy, sys; sys.path.insert(0, {str(SCRIPTS)!r}); sys.argv = [{name!r}]; "
        code = f"{start}runpy.run_path({str(SCRIPTS / name)!r}, run_name='__main__')"
        command = [sys.executable, "-I", "-S", "-c", code]
        done = subprocess.run(command, env=given, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert "Traceback" not in done.stderr, done.stderr
        texts = [path.read_text() if path.exists() else "" for path in files.values()]
        return done.returncode, done.stderr, texts[0], read_outputs(texts[1])

    return run


def test_this_python_has_no_packages_so_the_other_tests_prove_something(tmp_path):
    command = [sys.executable, "-I", "-S", "-c", "import rich"]
    assert subprocess.run(command, capture_output=True).returncode == 1


def test_the_gate_runs_alone(bare):
    code, said, summary, outputs = bare("gate.py", having() | {"GITHUB_REPOSITORY": NAME})
    assert (code, outputs["ready"], outputs["given"]) == (0, "false", "[]")
    assert summary.startswith("### Nothing was deployed: this repository has no secrets yet")
    (annotation,) = [line for line in said.splitlines() if line.startswith("::")]
    assert read_annotation(annotation)[0] == "notice" and "/settings/secrets/actions" in annotation


@pytest.mark.parametrize("name", ["gate.py", "checklist.py", "comment.py", "record.py", "publish_health.py"])
def test_each_script_tells_what_it_is_for(name):
    done = subprocess.run([sys.executable, SCRIPTS / name, "--help"], capture_output=True, text=True)
    assert done.returncode == 0 and "usage:" in done.stdout


def test_the_others_run_alone(bare, tmp_path):
    result = {"verdict": "converged", "url": "https://hub.school.edu", "students": 0}
    with small_github() as github:
        environ = {**github.environ, "RESULT": json.dumps(result), "GIVEN": "[]"}
        assert bare("checklist.py", environ)[0] == 0
        assert bare("comment.py", {**environ, "COMMENT": "### Plan", "PULL_REQUEST": "3"})[0] == 0
        assert github.issues[0]["title"] == "Setup checklist"
        assert "### Plan" in github.comments["3"][0]["body"]
    with branch_on_github(tmp_path) as github:
        assert bare("record.py", {**github.environ, "RESULT": json.dumps(result)})[0] == 0
        assert json.loads(github.files["hub.json"])["url"] == result["url"]
        seen = {"state": "up", "title": "The hub is up"}
        assert bare("publish_health.py", {**github.environ, "RESULT": json.dumps(seen)})[0] == 0
        assert ">up since" in github.files["badges/status.svg"]


@pytest.mark.parametrize("name", ["checklist.py", "comment.py", "publish_health.py"])
def test_a_permission_that_the_job_lacks(bare, name):
    result = {"verdict": "converged", "url": "https://hub.school.edu"}
    with small_github() as github:
        github.answers = [(403, {"message": "Resource not accessible by integration"}, {})]
        more = {"RESULT": json.dumps(result), "COMMENT": "### Plan", "PULL_REQUEST": "3"}
        code, said, summary, _ = bare(name, github.environ | more)
    assert code == 1 and summary.startswith("### Failed: could not ")
    assert "give the workflow's job the permission `" in summary and "::error title=" in said


def test_a_record_without_the_permission_to_write(bare, tmp_path):
    result = {"verdict": "converged", "url": "https://hub.school.edu"}
    with branch_on_github(tmp_path) as github:
        given = github.environ_with(contents="read")
        code, said, summary, _ = bare("record.py", {**given, "RESULT": json.dumps(result)})
    assert code == 1 and summary.startswith("### Failed: could not write to the branch coursehub")
    assert "give the workflow's job the permission `contents: write`" in summary and "::error title=" in said


def test_issues_that_are_switched_off_are_no_failure(bare):
    with small_github() as github:
        github.answers = [(410, {"message": "Issues has been disabled in this repository."}, {})]
        code, said, summary, _ = bare("checklist.py", github.environ)
    assert code == 0 and "::notice" in said
    assert summary.startswith("### There is no setup checklist, for issues are switched off")


def test_a_host_that_is_a_secret_is_told_apart_from_one_that_is_a_variable():
    shown = gate.decide(having("DROPLET_HOST") | {"IS_HOST_HIDDEN": "false"})
    hidden = gate.decide(having("DROPLET_HOST") | {"IS_HOST_HIDDEN": "true"})
    assert shown.outputs == hidden.outputs and not shown.noticed
    assert hidden.noticed and "Variables" in hidden.markdown and hidden.headline == ""
