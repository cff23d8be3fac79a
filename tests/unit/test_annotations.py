"""What a result becomes on GitHub: annotations, the job summary, a step's outputs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_workflow_commands import read_annotation, read_outputs

from course_folder import make_course
from coursehub import handing_out
from coursehub.github.annotations import annotations
from coursehub.job_summary import plan_comment, summary
from coursehub.lock_command import markdown as lock_markdown
from coursehub.model import Check, Step, StepResult
from coursehub.outcome import Outcome
from coursehub.problems import COMMAND_LINE, Failure, InvalidInput, Problem
from coursehub.report import as_json
from coursehub.rollback import markdown as rollback_markdown

SCRIPTS = Path(__file__).parents[2] / "scripts"
RESIZE = Step("account", "Resize the droplet", "droplet.resize", {}, needs="downtime", monthly=12.0)
MAKE = Step("account", "Make the droplet", "droplet.create", {}, ("in nyc3",), monthly=24.0)
INSTALL = Step("environment", "Install the environment abc", "environment.install", {}, ("~ numpy 2 → 3",))


def outcome(**changes):
    given = {
        "verdict": "converged",
        "address": "198.51.100.7",
        "url": "https://hub.school.edu",
        "link": "https://hub.school.edu/link",
        "commit": "1a2b",
        "seconds": 9.0,
        "round_trips": 3,
    }
    return Outcome(**given | changes)


def annotated(result, root=Path("/nowhere"), workspace=None):
    return [read_annotation(line) for line in annotations(result, root, workspace or root)]


def test_a_mistake_is_shown_where_it_is():
    problem = Problem("course.yml", "is too large", "Write 50%.", 7, "limits.cpu", "100%")
    assert annotated(InvalidInput([problem])) == [
        (
            "error",
            {"file": "course.yml", "line": "7", "title": "course.yml: limits.cpu"},
            "limits.cpu: is too large (found 100%). Fix: Write 50%.",
        )
    ]


def test_every_mistake_has_its_own_annotation_and_those_without_a_line_are_at_the_first():
    problems = [Problem("apt.txt", "no", "x", 2), Problem("content/", "is empty", "put something there")]
    assert [about["line"] for _, about, _ in annotated(InvalidInput(problems))] == ["2", "1"]


@pytest.mark.parametrize("file", ["secret COURSE_SECRET", "secret A or B", COMMAND_LINE, "--confirm"])
def test_what_is_in_no_file_names_none(file):
    ((_, about, message),) = annotated(InvalidInput([Problem(file, "is missing", "set it")]))
    assert about == {"title": file} and message == "is missing. Fix: set it"


def test_a_course_in_a_folder_of_its_repository(tmp_path):
    error = InvalidInput([Problem("course.yml", "no", "yes", 1)])
    assert annotated(error, tmp_path / "autumn", tmp_path)[0][1]["file"] == "autumn/course.yml"
    assert annotated(error, tmp_path, tmp_path / "elsewhere")[0][1]["file"] == "course.yml"


@pytest.mark.parametrize(
    ("message", "fix", "place"),
    [
        ("numpy cannot be imported", "correct or remove numpy in environment.yml", ("environment.yml", "4")),
        ("the kernel runs another Python", "correct environment.yml", ("environment.yml", "3")),
        ("tabulate and numpy-base do not fit", "correct environment.yml", ("environment.yml", "6")),
        ("something else", "correct environment.yml; see below", ("environment.yml", "1")),
        ("has no package named graphvizz", "correct the name in apt.txt (or not)", ("apt.txt", "2")),
        ("the disk is small", "write size: s-2vcpu-4gb under droplet: (course.yml:3)", ("course.yml", "3")),
        ("postBuild ended with 1", "correct postBuild", None),
        ("numpy: the network is down", "run the deploy again", None),
    ],
)
def test_a_failure_is_shown_at_the_file_that_its_fix_is_to_edit(tmp_path, message, fix, place):
    lines = (
        "channels: [conda-forge]\ndependencies:\n  - python=3.12\n  - numpy >=2\n  - pip:\n    - tabulate\n"
    )
    (tmp_path / "environment.yml").write_text(lines)
    (tmp_path / "apt.txt").write_text("graphviz\ngraphvizz # for plots\n")
    (tmp_path / "course.yml").write_text("name: A\n")
    ((kind, about, words),) = annotated(outcome(verdict="failed", error=Failure(message, fix)), tmp_path)
    assert kind == "error" and words == f"{message} What to do: {fix}"
    assert (about.get("file"), about.get("line")) == (place or (None, None))


def test_warnings_and_what_is_held_back_are_told():
    told = annotated(outcome(warnings=("it is a test certificate",), held=(RESIZE,)))
    assert [(kind, text) for kind, _, text in told] == [
        ("warning", "it is a test certificate"),
        (
            "notice",
            "Resize the droplet: $12.00 a month; to do it, run the deploy with --allow downtime; "
            "on GitHub: Actions → Deploy → Run workflow, “downtime”",
        ),
    ]


def test_the_summary_of_a_deploy_in_its_order():
    text = summary(
        outcome(
            steps=(StepResult(MAKE, 31.04), StepResult(INSTALL, 2.0)),
            planned=(MAKE, INSTALL),
            held=(RESIZE,),
            checks=(Check("hub", True, "JupyterHub 5.3.0"), Check("http", False, "leads nowhere")),
            warnings=("the disk is nearly full",),
        )
    )
    assert text.startswith("### The hub is ready: https://hub.school.edu; held back until you say so")
    order = (
        "198.51.100.7",
        "[this link](https://hub.school.edu/link)",
        "In all $24.00 a month more",
        "- Make the droplet: $24.00 a month 31.0 s\n  - in nyc3\n- Install the environment abc 2.0 s\n",
        "**Held back:** Resize the droplet",
        "✓ hub: JupyterHub 5.3.0\n- ✗ http: leads nowhere",
        "> **Warning:** the disk is nearly full",
    )
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def test_the_first_line_says_what_to_do():
    failure = Failure("Install it: no\nmore words", "try again", "```\nlast words")
    failed = outcome(
        verdict="failed", error=failure, planned=(INSTALL,), steps=(StepResult(INSTALL, 1, "no"),)
    )
    text = summary(failed)
    assert text.startswith(
        "### Failed: Install it: no. What to do: try again\n\n````\nmore words\n```\nlast words"
    )
    assert "- Install the environment abc 1.0 s, failed" in text and "this link" not in text
    assert summary(failure).startswith("### Failed: Install it: no. What to do: try again\n")
    problems = [Problem("a", "one", "x"), Problem("b", "two:\n  words\n", "y")]
    assert summary(InvalidInput(problems[:1])).startswith("### 1 mistake to correct, nothing was changed")
    text = summary(InvalidInput(problems))
    assert text.startswith("### 2 mistakes to correct") and "- b: two:\n  ```\n    words\n  ```" in text
    assert text.rstrip().endswith("Fix: y")
    assert summary(outcome(verdict="planned")).startswith("### Nothing to do")
    assert plan_comment(outcome(verdict="planned", planned=(MAKE,))).startswith("### Plan: 1 step planned")


def test_the_summaries_of_rollback_and_lock():
    done = {"from": "new", "to": "old", "verdict": "rolled back", "reason": "b", "fix": "To make it last: c"}
    text = rollback_markdown(done)
    assert text.startswith("### New servers start from old again, not new. To make it last: c\n")
    assert "Reason: b" in text
    entry = {"generation": "g", "current": True, "rejected": None, "commit": "", "who": "ada", "installed": 0}
    text = rollback_markdown({"verdict": "listed", "environments": [{**entry, "changes": ["+ numpy 2"]}]})
    assert text.startswith("### 1 environment") and "- g (current)" in text and "  - `+ numpy 2`" in text
    assert "deploy first" in rollback_markdown({"verdict": "listed", "environments": []})
    assert lock_markdown({"verdict": "stale", "problem": "is missing"}).startswith(
        "### environment.lock is missing: run"
    )
    written = lock_markdown({"verdict": "written", "packages": {"a": "1"}, "changes": ["+ a 1"]})
    assert written.startswith("### environment.lock is written: commit it") and "`+ a 1`" in written


def test_a_later_step_can_be_given_any_result_and_comment(tmp_path, monkeypatch):
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    details = tuple(f"+ package-ä-{number} 1.0" for number in range(9000))
    step = Step("environment", "Install", "environment.install", {}, details)
    handing_out.publish(outcome(verdict="planned", planned=(step,)), False, comment=True)
    outputs = read_outputs((tmp_path / "output").read_text())
    result = json.loads(outputs["result"])
    assert (outputs["verdict"], result["verdict"], result["url"]) == ("planned", "planned", outcome().url)
    assert result["plan"][0]["details"] == list(details[: handing_out.SHOWN])
    assert len(outputs["comment"]) <= 60_000 and "was cut" in outputs["comment"]
    environment = {"RESULT": outputs["result"], "COMMENT": outputs["comment"]}
    subprocess.run([sys.executable, "-c", ""], env=environment, check=True)


def test_a_result_tells_how_many_students_have_come_and_where_admins_go():
    value = json.loads(as_json(outcome(students=3)))
    assert (value["students"], value["admin"]) == (3, "https://hub.school.edu/hub/admin")
    value = json.loads(as_json(outcome(url=None)))
    assert (value["students"], value["admin"]) == (None, None)


@pytest.mark.parametrize(
    "script", ["deploy", "plan", "lock", "resize", "timetable", "archive", "destroy", "costs"]
)
@pytest.mark.parametrize("in_actions", [True, False])
def test_each_script_tells_a_mistake_everywhere(tmp_path, script, in_actions):
    root = make_course(tmp_path / "course")
    (root / "course.yml").write_text("name: A\nno_such_key: 1\nadmins: [teacher]\n")
    environ = {
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_WORKSPACE": str(tmp_path),
        "COURSE_SECRET": "odd % and\n::error::words of a secret",
    }
    environ |= {"GITHUB_ACTIONS": "true"} if in_actions else {}
    command = [sys.executable, SCRIPTS / f"{script}.py", "--course", root, "--json"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert json.loads(done.stdout)["problems"][0]["line"] == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert [read_annotation(line)[1] for line in lines] == (
        [{"file": "course/course.yml", "line": "2", "title": "course.yml: no_such_key"}] if in_actions else []
    )
    assert (tmp_path / "summary").read_text().startswith("### 1 mistake to correct")
    outputs = read_outputs((tmp_path / "output").read_text())
    assert outputs["verdict"] == "invalid" and json.loads(outputs["result"]) == json.loads(done.stdout)
    assert ("comment" in outputs) == (script == "plan")
    assert "words of a secret" not in done.stderr + (tmp_path / "summary").read_text() + outputs["result"]


def test_a_rollback_that_cannot_be_done_has_a_summary_too(tmp_path):
    root = make_course(tmp_path / "course")
    environ = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "DROPLET_HOST": "192.0.2.1"}
    command = [sys.executable, SCRIPTS / "rollback.py", "--course", root]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "DROPLET_HOST_KEY" in (tmp_path / "summary").read_text()
