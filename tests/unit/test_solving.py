"""Solving against real channels and a real index, small ones: what is asked for, and what cannot be had."""

import pytest
from package_sources import PYTHON, conda_channel, package_index

from coursehub.conda_channels import channels
from coursehub.pip_part import part, platform, provided
from coursehub.problems import Failure, InvalidInput
from coursehub.solving import Request, solve
from sandbox.mirror import Mirror

FIRST = (
    ("python", "3.11.7"),
    ("python_abi", "3.11"),
    ("numpy", "1.26=py311_0", PYTHON),
    ("numpy", "2.4=py311_0", PYTHON),
    ("numpy", "2.4=py311_1", PYTHON),
    ("pandas", "2.0", PYTHON, "numpy <2"),
    ("pandas", "3.0", PYTHON, "numpy >=2"),
    ("matplotlib-base", "3.9", PYTHON, "numpy"),
    ("graphviz", "12.0"),
    ("server", "5.1", PYTHON, "numpy >=2"),
    ("modern", "1.0", "__glibc >=2.38"),
    ("typing_extensions", "4.12", PYTHON),
)
SECOND = (("numpy", "3.0"), ("samtools", "1.20"), ("needs-new", "1", "numpy >=3"))
INDEX = (
    ("numpy", "1.26"),
    ("numpy", "2.4"),
    ("matplotlib", "3.9"),
    ("matplotlib", "3.10"),
    ("graphviz", "0.20"),
    ("tabulate", "0.9"),
    ("tabulate", "0.10", "typing-extensions"),
    ("typing-extensions", "4.12"),
    ("plots", "1.0", "matplotlib>=3.9", "graphviz"),
    ("plots-old", "1.0", "numpy<2"),
)


@pytest.fixture(scope="module")
def mirrors(tmp_path_factory):
    folder = tmp_path_factory.mktemp("channels")
    conda = {
        "conda-forge": conda_channel(folder / "first", *FIRST),
        "bio": conda_channel(folder / "second", *SECOND),
    }
    with Mirror(conda=conda) as mirror:
        yield {name: mirror.conda_url(name) for name in conda}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    with package_index(tmp_path_factory.mktemp("index"), *INDEX) as address:
        yield address


@pytest.fixture
def solved(mirrors, index):
    """Solve conda requirements (on lines 5, 6, …) and pip requirements (on lines 50, 51, …)."""

    def solved(*conda, pip=(), hub=(), names=("conda-forge", "bio"), glibc="2.36"):
        request = Request(
            channels(names, conda, mirrors),
            tuple((text, number) for number, text in enumerate(conda, 5)),
            tuple((text, number) for number, text in enumerate(pip, 50)),
            hub,
            index,
        )
        return solve(request, glibc, "6.1.0-13-amd64")

    return solved


def refused(function, *arguments, **more):
    """The problems that solving raises."""
    with pytest.raises(InvalidInput) as caught:
        function(*arguments, **more)
    assert all(problem.fix for problem in caught.value.problems)
    return caught.value.problems


def test_the_first_channel_that_has_a_package_gives_it(solved):
    assert solved("numpy").packages["numpy"] == "2.4"
    assert solved("numpy", names=("bio", "conda-forge")).packages["numpy"] == "3.0"
    assert solved("samtools").packages["samtools"] == "1.20"


def test_another_channels_package_can_be_asked_for(solved, mirrors):
    found = solved("bio::numpy", names=("conda-forge",))
    assert found.packages["numpy"] == "3.0"
    assert f"{mirrors['bio']}/noarch/numpy-3.0" in found.lock
    assert solved("conda-forge::numpy <2", "bio::samtools").packages["numpy"] == "1.26"


def test_strict_priority_is_explained(solved):
    (problem,) = refused(solved, "needs-new")
    assert problem.line == 5
    assert "CHANNEL::package" in problem.fix
    assert "http" not in problem.message


def test_pins_and_builds_are_kept(solved):
    assert solved("numpy=1.26", "pandas").packages["pandas"] == "2.0"
    assert "numpy-2.4-py311_0.conda" in solved("numpy=2.4=py311_0").lock
    assert "numpy-2.4-py311_1.conda" in solved("numpy=2.4=*_1").lock


def test_the_droplets_c_library_decides(solved):
    assert solved("modern", glibc="2.39").packages["modern"] == "1.0"
    (problem,) = refused(solved, "modern", glibc="2.36")
    assert "__glibc" in problem.message


def test_the_hubs_needs_are_added_and_replace_nothing(solved):
    assert "server" in solved("pandas", hub=("server >=5",)).packages
    (problem,) = refused(solved, "numpy=1.26", hub=("server >=5",))
    assert (problem.line, problem.found) == (5, "numpy=1.26")
    assert "server >=5" in problem.fix


def test_a_conflict_names_the_lines_of_those_in_it(solved):
    found = refused(solved, "samtools", "numpy <2", "pandas >=3")
    assert [(problem.line, problem.found) for problem in found] == [(6, "numpy <2"), (7, "pandas >=3")]


def test_a_package_that_no_channel_has(solved):
    (problem,) = refused(solved, "numpy", "numpi")
    assert (problem.line, problem.found) == (6, "numpi")


def test_a_requirement_that_cannot_be_read(solved):
    (problem,) = refused(solved, "numpy", "pandas>=")
    assert (problem.line, problem.found) == (6, "pandas>=")


def test_the_pip_part_adds_only_what_conda_does_not_give(solved):
    found = solved("numpy", "typing_extensions", pip=("tabulate", "numpy"))
    assert found.pip_requirements.startswith("tabulate==0.10 \\\n    --hash=sha256:")
    assert found.pip_requirements.count("==") == 1
    assert found.packages["tabulate"] == "0.10"


def test_the_pip_part_is_solved_against_the_conda_part(solved):
    found = solved("matplotlib-base", "graphviz", pip=("plots",))
    assert "matplotlib" not in found.pip_requirements
    # conda's graphviz is a program, PyPI's the modules that use it.
    assert "graphviz==0.20" in found.pip_requirements
    assert (found.packages["graphviz"], found.packages["graphviz (pip)"]) == ("12.0", "0.20")


@pytest.mark.parametrize(
    ("pip", "lines", "words"),
    [
        (("tabulate", "numpy<2"), [51, 5], "numpy==2.4 (of the conda part)"),
        (("tabulate", "plots-old"), [51, 5], "plots-old"),
        (("tabulate==0.9", "no-such-thing"), [51], "no-such-thing"),
        (("tabulate>=7",), [50], "tabulate"),
    ],
)
def test_what_is_wrong_in_the_pip_part_names_its_line(solved, pip, lines, words):
    found = refused(solved, "numpy", "python", pip=pip)
    assert [problem.line for problem in found] == lines
    assert words in found[0].message


def test_what_cannot_be_reached_is_no_mistake_of_the_course(mirrors):
    lost = Request((("conda-forge", "http://127.0.0.1:9/conda-forge"),), (("numpy", 5),), (), ())
    with pytest.raises(Failure, match="could not be read"):
        solve(lost, "2.36", "6.1")
    pairs = tuple(mirrors.items())
    lost = Request(pairs, (("python", 5),), (("tabulate", 9),), (), "http://127.0.0.1:9/simple")
    with pytest.raises(Failure, match="could not be read"):
        solve(lost, "2.36", "6.1")


def test_a_request_has_a_name_for_all_that_decides_the_result():
    base = {"channels": (("a", "A"), ("b", "B")), "conda": (("x", 1),), "pip": (("y", 2),), "hub": ("z",)}
    others = [
        {"channels": (("b", "B"), ("a", "A"))},
        {"channels": (("a", "elsewhere"), ("b", "B"))},
        {"conda": (("x >1", 1),)},
        {"conda": (("x", 1), ("y", 2)), "pip": ()},
        {"pip": (("y==2", 2),)},
        {"hub": ("z", "w")},
        {"index": "elsewhere"},
    ]
    names = [Request(**base | other).digest for other in [{}, *others]]
    assert len(set(names)) == len(names)
    assert Request(**base | {"conda": (("x", 7),)}).digest == names[0], "a line's number decides nothing"


@pytest.mark.parametrize(
    ("glibc", "name"), [("2.17", "2_17"), ("2.29", "2_28"), ("2.36", "2_36"), ("2.41", "2_40")]
)
def test_uv_is_asked_for_a_c_library_that_it_knows(solved, glibc, name):
    assert platform(glibc) == f"x86_64-manylinux_{name}"
    assert "tabulate==0.10" in solved("numpy", pip=("tabulate",), glibc=glibc).pip_requirements


def test_names_on_pypi():
    records = [
        {"name": "matplotlib-base", "version": "3.9", "depends": ["python >=3.11"]},
        {"name": "typing_extensions", "version": "4.12", "noarch": "python"},
        {"name": "pytables", "version": "3.10", "depends": ["python_abi 3.11.*"]},
        {"name": "odd", "version": "1", "depends": [], "purls": ["pkg:pypi/Even.Odder@1", "pkg:github/x/y"]},
        {"name": "graphviz", "version": "12", "depends": ["libstdcxx"]},
    ]
    assert provided(records) == {
        "matplotlib-base": "3.9",
        "matplotlib": "3.9",
        "typing-extensions": "4.12",
        "tables": "3.10",
        "even-odder": "1",
    }


def test_every_fitting_wheel_counts_by_its_hash_and_the_largest_by_its_size():
    wheels = [
        {"url": "a", "size": 10, "hashes": {"sha256": "bb"}},
        {"url": "b", "size": 30, "hashes": {"sha256": "aa"}},
    ]
    found = part([{"name": "Foo_Bar", "version": "1.0", "wheels": wheels}])
    assert found.requirements == "foo-bar==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    assert (found.packages, found.sizes) == ({"foo-bar": "1.0"}, {"foo-bar": 30})
