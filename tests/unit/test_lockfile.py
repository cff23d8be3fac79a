"""environment.lock: what is written is read again, and nothing else is."""

import pytest

from coursehub import lockfile
from coursehub.problems import InvalidInput
from coursehub.settings_schema import schema_at
from coursehub.solving import Solution

SOLUTION = Solution(
    "version: 6\npackages:\n- conda: https://x/numpy-2.4-0.conda\n",
    "tabulate==0.10 \\\n    --hash=sha256:aa\n",
    {"graphviz": "12", "graphviz (pip)": "0.20", "numpy": "2.4", "tabulate": "0.10"},
    {"graphviz": 1000, "graphviz (pip)": 2000, "numpy": 17_000_000, "tabulate": 1},
)
TEXT = lockfile.write(SOLUTION, "abc123", "ubuntu-24-04-x64", "2.39")


def test_a_lock_is_read_as_it_was_written():
    lock = lockfile.read(TEXT)
    assert (lock.made_from, lock.image, lock.glibc) == ("abc123", "ubuntu-24-04-x64", "2.39")
    assert (lock.solution.lock, lock.solution.pip_requirements) == (SOLUTION.lock, SOLUTION.pip_requirements)
    assert lock.solution.packages == SOLUTION.packages
    assert lock.solution.sizes == {**SOLUTION.sizes, "tabulate": 1000}


def test_a_lock_without_a_pip_part():
    plain = Solution(SOLUTION.lock, "", {"numpy": "2.4"}, {"numpy": 1000})
    assert lockfile.read(lockfile.write(plain, "a", "debian-12", "2.36")).solution == plain


def test_people_find_names_and_versions():
    assert "# numpy           2.4    17000\n" in TEXT


def test_line_ends_of_windows_are_no_change():
    assert lockfile.read(TEXT.replace("\n", "\r\n")) == lockfile.read(TEXT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name: course\n",
        TEXT[: len(TEXT) // 2],
        TEXT[:-3],
        TEXT.replace("numpy-2.4-0", "numpy-2.3-0"),
        TEXT.replace("sha256:aa", "sha256:ab"),
        TEXT.replace("# made from: abc123\n", ""),
        TEXT.replace(lockfile.CONDA, lockfile.CONDA + "<<<<<<< HEAD\n"),
    ],
)
def test_a_lock_that_is_damaged_or_edited_is_refused(text):
    with pytest.raises(InvalidInput) as caught:
        lockfile.read(text)
    (problem,) = caught.value.problems
    assert problem.file == "environment.lock"
    assert "scripts/lock.py" in problem.fix


def test_locks_can_be_made_for_every_image_that_course_yml_may_name():
    assert set(lockfile.SYSTEMS) == set(schema_at(("droplet", "image"))["enum"])
