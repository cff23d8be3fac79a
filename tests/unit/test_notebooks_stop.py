"""Before a deploy: whether a notebook that fails is red, and what a person is told about it."""

from __future__ import annotations

import pytest

from course_folder import make_course
from coursehub.job_summary import summary
from coursehub.notebooks import command
from coursehub.notebooks.results import NotebookFailure, NotebookResult, Results
from coursehub.outcome import Outcome

FAILED = Results((NotebookResult("a.ipynb", 1.0, NotebookFailure("content/a.ipynb", 3, 1, "Error", "no")),))
PASSED = Results((NotebookResult("a.ipynb", 1.0),))
FREE = "notebooks: {stop_deploy: false}\n"

# course.yml, what came of the notebooks, further arguments, exit code, in the log, in the summary
CASES = {
    "it stops": ("", FAILED, ["--before-deploy"], 1, "::error file=", "Nothing was deployed"),
    "it does not": (FREE, FAILED, ["--before-deploy"], 0, "::warning file=", "The deploy goes on"),
    "on a pull request": (FREE, FAILED, [], 1, "::error file=", "1 of 1 notebook failed"),
    "all is well": ("", PASSED, ["--before-deploy"], 0, "", "without an error"),
}


@pytest.mark.parametrize(("text", "came", "words", "code", "line", "told"), CASES.values(), ids=CASES)
def test_a_failure(tmp_path, monkeypatch, capsys, text, came, words, code, line, told):
    root = make_course(tmp_path / "course", text)
    (tmp_path / "summary.md").touch()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setattr(command, "test", lambda *_: came)
    monkeypatch.setattr(command.interruption, "expect", lambda: None)
    monkeypatch.setattr("sys.argv", ["test_notebooks.py", "--course", str(root), *words])
    assert command.run("") == code
    said = capsys.readouterr()
    assert line in said.out + said.err and told in (tmp_path / "summary.md").read_text()


def test_what_is_to_come_is_in_the_summary():
    outcome = Outcome("planned", None, None, None, "", 1.0, 1, notes=("week-2: waits until tomorrow",))
    assert "**To come**\n\n- week-2: waits until tomorrow\n" in summary(outcome)
