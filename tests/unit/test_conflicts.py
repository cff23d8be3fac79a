"""From a solver's words to lines."""

import pytest

from coursehub.conflicts import conda_problems, name_of, pip_problems


@pytest.mark.parametrize(
    ("requirement", "name"),
    [
        ("numpy>=2", "numpy"),
        ("conda-forge::Pandas =2.1", "pandas"),
        ("https://mirror.example/cf::x[build='a*']", "x"),
        ("foo[bar]~=1", "foo"),
        ("foo (>=1)", "foo"),
        ("python", "python"),
    ],
)
def test_the_name_in_a_requirement(requirement, name):
    assert name_of(requirement) == name


def test_a_conflict_names_only_those_in_it():
    asked = (("numpy <2", 4), ("numpy-stl", 5), ("pandas 99", 6), ("typing_extensions", 7))
    found = conda_problems(asked, (), "Cannot solve: numpy <2 conflicts with pandas 99")
    assert [(problem.line, problem.found) for problem in found] == [(4, "numpy <2"), (6, "pandas 99")]
    assert conda_problems(asked, (), "nothing that is known")[0].line is None
    (problem,) = pip_problems((("a", 8), ("b", 9)), asked, "you require typing-extensions==4")
    assert problem.line == 7


def test_the_only_pip_requirement_is_to_blame_when_nobody_is_named():
    assert pip_problems((("seaborn", 9),), (("numpy", 4),), "no")[0].line == 9
