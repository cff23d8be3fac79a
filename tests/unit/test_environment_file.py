"""environment.yml is read as mybinder.org reads it, and its mistakes are found before any solver runs."""

from __future__ import annotations

import pytest

from course_folder import assert_only
from coursehub.environment_file import EnvironmentFile, read_environment_file
from coursehub.requirement import Requirement


def read(root, text: str):
    (root / "environment.yml").write_text(text)
    return read_environment_file(root)


def conda(*items: str) -> str:
    return "dependencies:\n" + "".join(f"  - {item}\n" for item in items)


def pip(*items: str) -> str:
    return "dependencies:\n  - pip:\n" + "".join(f"    - {item}\n" for item in items)


# environment.yml, line, key, found, and words of the message or the fix
MISTAKES = {
    "not yaml": ("dependencies: [numpy\n", 1, None, "dependencies: [numpy", "]"),
    "a list": ("- numpy\n", 1, None, None, "keys and values"),
    "unknown key": ("dependancies:\n  - numpy\n", 1, "dependancies", None, "Did you mean dependencies?"),
    "unlike any key": ("quux: 1\n", 1, "quux", "1", "channels"),
    "prefix": ("name: x\nprefix: /home/ada/env\n", 2, "prefix", "/home/ada/env", "Delete the line"),
    "variables": ("variables: {A: b}\n", 1, "variables", None, "os.environ"),
    "key twice": ("name: a\nname: b\n", 2, "name", None, "given twice", "line 1"),
    "name": ("name: 2026\n", 1, "name", "2026", "quotes"),
    "channels": ("channels: conda-forge\n", 1, "channels", "conda-forge", "a list", "- conda-forge"),
    "channel": ("channels: [conda forge]\n", 1, "channels", "conda forge", "channel"),
    "no list": ("dependencies: numpy\n", 1, "dependencies", "numpy", "a list", "- numpy"),
    "a number": (conda("numpy", "3.11"), 3, "dependencies", "3.11", "package's name"),
    "empty item": (conda("numpy", ""), 3, "dependencies", None, "empty item"),
    "colon": (conda("numpy: 2.1"), 2, "dependencies", None, "Write - numpy=2.1."),
    "group": ("dependencies:\n  - pipp:\n    - x\n", 2, "dependencies", None, "Did you mean pip:?"),
    "two on a line": (conda("numpy scipy"), 2, "dependencies", "numpy scipy", "more than one"),
    "extras": (conda("dask[array]"), 2, "dependencies", "dask[array]", "below pip:"),
    "address": (conda("git+https://x.edu/y"), 2, "dependencies", "git+https://x.edu/y", "below pip:"),
    "odd name": (conda("numpy?"), 2, "dependencies", "numpy?", "name=1.2"),
    "twice": (conda("numpy", "pandas", "numpy>=2"), 4, "dependencies", "numpy>=2", "again", "line 2"),
    "two pip parts": (
        "dependencies:\n  - pip: [a]\n  - pip: [b]\n",
        *(3, "dependencies", None, "second pip:", "line 2"),
    ),
    "pip is text": ("dependencies:\n  - pip: seaborn\n", 2, "dependencies.pip", "seaborn", "a list"),
    "one equals sign": (pip("tqdm=4.1"), 3, "dependencies.pip", "tqdm=4.1", "Write tqdm==4.1."),
    "requirements file": (pip("-r requirements.txt"), 3, "dependencies.pip", "-r requirements.txt", "Copy"),
    "editable": (pip("-e ."), 3, "dependencies.pip", "-e .", "content/"),
    "folder": (pip("./tools"), 3, "dependencies.pip", "./tools", "content/"),
    "option": (pip("--pre"), 3, "dependencies.pip", "--pre", "mirrors"),
    "git": (pip("git+https://x.edu/y"), 3, "dependencies.pip", "git+https://x.edu/y", "locked"),
    "direct": (pip("y @ https://x.edu/y.whl"), 3, "dependencies.pip", "y @ https://x.edu/y.whl", "locked"),
    "pip twice": (pip("scikit_learn", "Scikit-Learn>=1"), 4, "dependencies.pip", "Scikit-Learn>=1", "line 3"),
    "two for pip": (pip("tqdm rich"), 3, "dependencies.pip", "tqdm rich", "more than one"),
    "odd for pip": (pip("tqdm>>4"), 3, "dependencies.pip", "tqdm>>4", "name==1.2"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_reported_once_with_its_place_and_fix(tmp_path, name):
    text, line, key, found, *words = MISTAKES[name]
    _, problems = read(tmp_path, text)
    assert_only(problems, "environment.yml", line, key, found, *words)


def test_mistakes_come_in_the_order_of_the_file(tmp_path):
    _, problems = read(tmp_path, "dependencies:\n  - 3.11\n  - a b\nchannels: x\nprefix: /x\n")
    assert [problem.line for problem in problems] == [2, 3, 4, 5]


def test_no_file_means_the_default_environment(tmp_path):
    assert read_environment_file(tmp_path) == (EnvironmentFile(), [])


@pytest.mark.parametrize("text", ["", "# nothing yet\n", "dependencies:\n", "dependencies:\n  - pip:\n"])
def test_nothing_asked_for(tmp_path, text):
    assert read(tmp_path, text) == (EnvironmentFile(), [])


def test_environment_yaml_is_not_overlooked(tmp_path):
    (tmp_path / "environment.yaml").write_text(conda("numpy"))
    _, problems = read_environment_file(tmp_path)
    assert_only(problems, "environment.yaml", None, None, None, "Rename it")


def test_what_was_read(tmp_path):
    text = """name: waves
channels: [nodefaults, conda-forge, https://conda.x.edu/ours]
dependencies:
  - python=3.12
  - numpy >=2,<3   # arrays
  - pip
  - pip:
      - "tabulate[widechars]>=0.9; python_version > '3.8'"
"""
    environment, problems = read(tmp_path, text)
    assert not problems
    assert environment == EnvironmentFile(
        "waves",
        ("conda-forge", "https://conda.x.edu/ours"),
        (Requirement("python=3.12", 4), Requirement("numpy >=2,<3", 5), Requirement("pip", 6)),
        (Requirement("tabulate[widechars]>=0.9; python_version > '3.8'", 8),),
    )


@pytest.mark.parametrize(
    "spec",
    [
        "numpy",
        "numpy=2",
        "numpy==2.1.0",
        "numpy=2.1=py312h_0",
        "numpy>=2,<3",
        "numpy >= 2",
        "numpy 2.1",
        "numpy~=2.1",
        "numpy!=2.0",
        "numpy=1.2|1.3",
        "numpy 2.1.* *_cpython",
        "conda-forge::numpy",
        "_libgcc_mutex",
        "r-base",
        "'numpy[version=\">=2\"]'",
        "python=3.12.*",
        "conda-forge/linux-64::numpy",
        "'numpy <3'",
    ],
)
def test_conda_specs_of_every_form(tmp_path, spec):
    environment, problems = read(tmp_path, conda(spec))
    assert not problems and len(environment.conda) == 1


@pytest.mark.parametrize(
    "spec",
    [
        "tqdm",
        "tqdm==4.1",
        "tqdm >= 4, < 5",
        "tqdm~=4.1",
        "tqdm==4.*",
        "tqdm===4.1+local",
        "tqdm (>=4)",
        "zope.interface",
        "dask[array,dataframe]>=2",
        "tqdm; sys_platform == 'linux'",
        "tqdm!=4.0.1",
    ],
)
def test_pip_requirements_of_every_form(tmp_path, spec):
    environment, problems = read(tmp_path, pip(f'"{spec}"'))
    assert not problems and [item.text for item in environment.pip] == [spec]
