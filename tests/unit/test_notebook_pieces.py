"""The notebooks' test, but for running them: places in files, patterns, kernels, variables, reports."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coursehub.model import Silent
from coursehub.notebooks import choice, failures, installation, kernels, lines, running, surroundings
from coursehub.notebooks.results import (
    NotebookFailure,
    NotebookResult,
    Results,
    annotations,
    as_value,
    summary,
)
from coursehub.problems import Failure

SCRIPTS = Path(__file__).parents[2] / "scripts"
SOURCE = 'import os\n\nprint("[{,:}] \\" \\u2028")\nlast'


def notebook(*sources, **about):
    """A notebook as a JSON value, whose outputs and metadata have keys that a cell has as well."""
    trap = {"cells": [{"source": ["x\n", "y"]}], "source": "z", "none": None, "true": [True, 1.5e3, {}, []]}
    cells = [
        {
            "cell_type": "code",
            "metadata": trap,
            "outputs": [{"data": {"text/plain": ['"source": [', "{"]}, "output_type": "display_data"}],
            "source": source,
            "execution_count": 3,
        }
        for source in sources
    ]
    return {"metadata": trap, "cells": cells, "nbformat": 4, "nbformat_minor": 5, **about}


@pytest.mark.parametrize("indent", [1, 2, "\t"])
def test_the_line_of_a_cells_line(indent):
    pieces = [f"{line}\n" for line in SOURCE.split("\n")]
    pieces[-1] = pieces[-1].removesuffix("\n")
    text = json.dumps(notebook("a = 1", pieces, pieces), indent=indent)
    file_lines = text.split("\n")
    for cell in (1, 2):
        found = [lines.line_in_file(text, cell, line) for line in (1, 2, 3, 4)]
        assert [json.loads(file_lines[number - 1].strip().removesuffix(",")) for number in found] == pieces
    assert lines.line_in_file(text, 1, 4) < lines.line_in_file(text, 2, 1)
    assert file_lines[lines.line_in_file(text, 0, 1) - 1].strip().startswith('"source": "a = 1"')


def test_a_line_that_is_not_there_is_the_cells_first():
    text = json.dumps(notebook(["one\n", "two"], []), indent=1)
    first = text.split("\n").index('    "one\\n",') + 1
    assert [lines.line_in_file(text, 0, line) for line in (None, 0, 3, 99)] == [first] * 4
    assert text.split("\n")[lines.line_in_file(text, 1, 1) - 1] == "  {"
    assert lines.line_in_file(text, 7, 1) == 1


def test_notebooks_that_other_programs_wrote():
    one_line = json.dumps(notebook("a\nb", ["c\n", "d"]))
    assert lines.line_in_file(one_line, 1, 2) == 1
    whole = json.dumps(notebook("a\nb\nc", "d"), indent=1)
    assert lines.line_in_file(whole, 0, 3) == lines.line_in_file(whole, 0, 1)
    uneven = json.dumps(notebook(["a", "b\n", "c\nd\n", "e"]), indent=1)
    start = lines.line_in_file(uneven, 0, 1)
    assert [lines.line_in_file(uneven, 0, line) - start for line in (1, 2, 3, 4)] == [0, 2, 2, 3]
    windows = json.dumps(notebook(["a\n", "b"]), indent=1).replace("\n", "\r\n")
    assert lines.line_in_file(windows, 0, 2) == lines.line_in_file(windows, 0, 1) + 1


COLOURED = [
    "\x1b[31m-----\x1b[39m",
    "\x1b[31mZeroDivisionError\x1b[39m   Traceback (most recent call last)",
    "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[4]\x1b[39m\x1b[32m, line 7\x1b[39m\n\x1b[32m 5\x1b[39m",
    "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[4]\x1b[39m\x1b[32m, line 5\x1b[39m, in g()\n",
    "\x1b[36mCell\x1b[39m\x1b[36m \x1b[39m\x1b[32mIn[1]\x1b[39m\x1b[32m, line 2\x1b[39m, in f()\n",
    "File /opt/x.py:31, in inner()",
]


@pytest.mark.parametrize(
    ("traceback", "count", "line"),
    [
        (COLOURED, 4, 5),
        (COLOURED, 1, 2),
        (COLOURED, 2, None),
        (["  \x1b[36mCell\x1b[39m\x1b[36m \x1b[39mIn[2], line 3\n    b = = 2\n"], 2, 3),
        (["Input In [3], in <cell line: 2>()\n"], 3, 2),
        (["Cell In [3], line 2\n"], 3, 2),
        ([], 1, None),
        (["Error in f(): stop"], None, None),
    ],
)
def test_the_failing_line_in_a_traceback(traceback, count, line):
    assert failures.failing_line(traceback, count) == line


def test_what_a_failure_says():
    text = json.dumps(notebook("1", ["x = 1\n", "  print(y)  # <b>"]), indent=1)
    place = failures.Place("content/week 1/Lesson.ipynb", text)
    reply = {"traceback": ["Cell In[2], line 2\n"], "execution_count": 2}
    failure = place.raised(1, reply, "NameError", "\x1b[31mname 'y' is not defined\x1b[0m\x07\x00")
    assert failure == NotebookFailure(
        "content/week 1/Lesson.ipynb",
        text.split("\n").index('    "  print(y)  # <b>"') + 1,
        2,
        "cell 2 of Lesson.ipynb: NameError",
        "NameError: name 'y' is not defined\nline 2: print(y)  # <b>",
    )
    assert place.raised(0, {}, "SystemExit", "").message == "SystemExit"
    syntax = place.raised(0, {}, "SyntaxError", "invalid syntax (1735.py, line 1)")
    assert syntax.message == "SyntaxError: invalid syntax"
    assert "10 min;" in place.too_slow(1, 600.0).message
    died = place.died(1, "Kernel died", "[IPKernelApp] WARNING | TCP\nterminate called\n")
    assert "memory" in died.message and died.message.endswith("\nterminate called")
    unborn = place.died(None, "Kernel died before replying", "No module named ipykernel_launcher")
    assert (unborn.cell, unborn.line) == (0, 1)
    assert "ipykernel_launcher" in unborn.message


@pytest.mark.parametrize(
    ("pattern", "matched"),
    [
        ("Start.ipynb", {"Start.ipynb"}),
        ("*.ipynb", {"Start.ipynb"}),
        ("*", {"Start.ipynb", "week-1/Start.ipynb", "week-1/deep/Slow.ipynb", "week-10/a[1].ipynb"}),
        ("week-1", {"week-1/Start.ipynb", "week-1/deep/Slow.ipynb"}),
        ("week-?", {"week-1/Start.ipynb", "week-1/deep/Slow.ipynb"}),
        ("**/Start.ipynb", {"Start.ipynb", "week-1/Start.ipynb"}),
        ("week-1/*.ipynb", {"week-1/Start.ipynb"}),
        ("week-1/**", {"week-1/Start.ipynb", "week-1/deep/Slow.ipynb"}),
        ("**/Slow*", {"week-1/deep/Slow.ipynb"}),
        ("week-10/a[1].ipynb", {"week-10/a[1].ipynb"}),
        ("start.ipynb", set()),
        ("tart.ipynb", set()),
    ],
)
def test_patterns(pattern, matched):
    paths = ["Start.ipynb", "data.csv", "week-1/Start.ipynb", "week-1/deep/Slow.ipynb", "week-10/a[1].ipynb"]
    run, left_out = choice.chosen(paths, [pattern])
    assert set(left_out) == matched
    assert set(run) == {path for path in paths if path.endswith(".ipynb")} - matched
    assert choice.idle_patterns(paths, [pattern]) == ([] if matched else [pattern])


@pytest.mark.parametrize(
    ("metadata", "kernel"),
    [
        ({"kernelspec": {"name": "ir", "language": "R"}}, "ir"),
        ({"kernelspec": {"name": "my-laptop", "language": "python"}}, "python3"),
        ({"language_info": {"name": "R"}}, "ir"),
        ({}, "python3"),
        ({"kernelspec": {"name": "julia-1.9", "language": "julia"}}, None),
    ],
)
def test_the_kernel_of_a_notebook(metadata, kernel):
    here = {"ir": "R", "other": "python", "python3": "python"}
    assert kernels.kernel_for(metadata, here) == kernel
    assert kernels.kernel_for(metadata, {}) is None


def test_why_there_is_no_kernel():
    wanted = {"kernelspec": {"name": "julia-1.9", "language": "julia"}}
    assert "ipykernel is missing" in kernels.without_kernel(wanted, {})
    words = kernels.without_kernel(wanted, {"python3": "python"})
    assert "julia-1.9" in words and "python3" in words


def test_only_the_environments_own_kernels_count(tmp_path):
    folder = tmp_path / "share/jupyter/kernels/python3"
    folder.mkdir(parents=True)
    argv = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    about = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(about))
    found = kernels.EnvironmentKernels(tmp_path)
    assert found.languages() == {"python3": "python"}
    assert found.get_kernel_spec("python3").argv == [f"{tmp_path}/bin/python", *argv[1:]]
    assert kernels.EnvironmentKernels(tmp_path / "other").languages() == {}


ODD = {
    "GITHUB_TOKEN": "a",
    "ACTIONS_RUNTIME_TOKEN": "b",
    "COURSE_SECRET": "c",
    "PYTHONPATH": "d",
    "GITHUB_ENV": "e",
    "UV_INDEX_URL": "f",
    "HOME": "/root",
}


def test_no_secret_is_among_a_kernels_variables(tmp_path):
    environ = {**ODD, "PATH": "/bin", "https_proxy": "http://p:1", "LANG": "de_DE.UTF-8"}
    variables = surroundings.of_kernel(environ, tmp_path / "e", tmp_path / "home", tmp_path / "tmp")
    assert variables == {
        "PATH": f"{tmp_path}/e/bin:/bin",
        "https_proxy": "http://p:1",
        "LANG": "de_DE.UTF-8",
        "CONDA_PREFIX": f"{tmp_path}/e",
        "PYTHONNOUSERSITE": "1",
        "HOME": f"{tmp_path}/home",
        "TMPDIR": f"{tmp_path}/tmp",
    }


def test_variables_come_back_after_an_installation(tmp_path, monkeypatch):
    for name, value in ODD.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    with pytest.raises(KeyError), surroundings.only_harmless(tmp_path):
        assert not (ODD.keys() - {"HOME"}) & os.environ.keys()
        assert os.environ["HOME"] == str(tmp_path)
        raise KeyError
    assert dict(os.environ) == before


def test_what_is_no_environment_is_never_removed(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    for folder in ("mine", "mine/thesis.txt"):
        with pytest.raises(Failure, match="--environment"):
            installation.clear(tmp_path / folder)
    assert (tmp_path / "mine/thesis.txt").read_text() == "years of work"
    installation.clear(tmp_path / "new/folder")
    (tmp_path / "new/folder/bin").mkdir()
    installation.clear(tmp_path / "new/folder")
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == [installation.MARKER]


class Wanted:
    """As much of a wish as `ensure` reads."""

    generation = "abc"


def test_an_environment_counts_only_whole_and_in_its_place(tmp_path, monkeypatch):
    installed = []
    monkeypatch.setattr(installation, "install", lambda want, folder, report: installed.append(folder.name))
    Wanted.solution = type("Solution", (), {"packages": {}})
    here = tmp_path / "here"
    assert installation.ensure(Wanted, here, Silent())
    assert not installation.ensure(Wanted, here, Silent())
    here.rename(tmp_path / "there")
    assert installation.ensure(Wanted, tmp_path / "there", Silent())
    installation.clear(here)  # as an interrupted installation leaves it
    assert installation.ensure(Wanted, here, Silent())
    monkeypatch.setattr(Wanted, "generation", "def")
    assert installation.ensure(Wanted, here, Silent())
    assert installed == ["here", "there", "here", "here"]


FAILURE = NotebookFailure("content/a.ipynb", 12, 2, "cell 2 of a.ipynb: E", "E: <b> | `x`\nline 1: a | b")


def test_the_summary():
    ran = (NotebookResult("a.ipynb", 1.26, FAILURE), NotebookResult("b.ipynb", 61.0))
    results = Results(ran, ("c.ipynb",), "abc", notes=("a note",))
    assert summary(results).splitlines() == [
        "### 1 of 2 notebooks failed: correct the cell; if it is meant to fail, give it the tag "
        "raises-exception",
        "",
        "> a note",
        "",
        "| notebook | seconds | result |",
        "|---|---|---|",
        "| a.ipynb | 1.3 | **cell 2 of a.ipynb: E** (line 12): E: &lt;b> \\| 'x'<br>line 1: a \\| b |",
        "| b.ipynb | 61.0 | good |",
        "| c.ipynb |  | left out (notebooks.exclude) |",
    ]
    value = json.loads(json.dumps(as_value(results)))
    assert value["verdict"] == "failed" and value["notebooks"][0]["failure"]["line"] == 12
    assert value["notebooks"][1] == {"path": "b.ipynb", "seconds": 61.0, "failure": None}


def test_the_verdicts():
    good = Results((NotebookResult("a.ipynb", 1.0),))
    assert as_value(good)["verdict"] == "passed"
    assert summary(good).startswith("### 1 notebook ran from top to bottom without an error\n")
    assert as_value(Results(why_none="there is none in content/"))["verdict"] == "skipped"


def test_annotations_name_the_file_in_the_repository(tmp_path):
    course = tmp_path / "courses/waves"
    (line,) = annotations([FAILURE], course, tmp_path)
    assert line.startswith(
        "::error file=courses/waves/content/a.ipynb,line=12,title=cell 2 of a.ipynb%3A E::"
    )
    assert line.endswith("::E: <b> | `x`%0Aline 1: a | b")
    assert "file=content/a.ipynb," in annotations([FAILURE], course, course)[0]
    assert "file=content/a.ipynb," in annotations([FAILURE], course, tmp_path / "elsewhere")[0]


def test_a_script_that_tests_no_notebook_does_not_load_what_runs_them():
    code = "import sys, coursehub.notebooks.command; print('nbclient' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=SCRIPTS, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


def test_a_notebook_has_the_shared_data_where_students_have_it(tmp_path, monkeypatch):
    for path in ("content/a.ipynb", "shared-data/data/waves.csv"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("1")
    found = []

    async def look(bench, path, copy, scratch):
        found.append((copy.parent / "../shared/data/waves.csv").read_text())

    monkeypatch.setattr(running, "failure_of", look)
    bench = running.Bench(tmp_path, tmp_path, "my-course", 1.0)
    assert asyncio.run(running.run_notebook(bench, "a.ipynb")).failure is None and found == ["1"]
