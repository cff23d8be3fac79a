"""Somebody else's repository, as a teacher names it: what is understood, and what is refused and why."""

from __future__ import annotations

import pytest

from coursehub.links.source import Source, source_from
from coursehub.problems import InvalidInput

GITHUB, GITLAB = "https://github.com/owner/name", "https://gitlab.com/group/sub/name.git"
RAW, SCHOOL = "https://raw.githubusercontent.com/owner/name", "https://git.school.edu:8443/x/name"


def source(repository, branch=None, path=""):
    return Source(repository, branch, path, "name")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (GITHUB, source(GITHUB)),
        (f" {GITHUB}.git/ ", source(GITHUB)),
        ("https://www.GitHub.com/owner/name#readme", source(GITHUB)),
        (f"{GITHUB}/tree/main", source(GITHUB, "main")),
        (f"{GITHUB}/tree/main/week-1/", source(GITHUB, "main", "week-1")),
        (f"{GITHUB}/blob/main/a%20b/100%25%20%231.ipynb?x#L3", source(GITHUB, "main", "a b/100% #1.ipynb")),
        (f"{GITHUB}/blob/main/été.ipynb", source(GITHUB, "main", "été.ipynb")),
        (f"{GITHUB}/raw/refs/heads/main/a.ipynb", source(GITHUB, "main", "a.ipynb")),
        (f"{RAW}/dev/a.ipynb", source(GITHUB, "dev", "a.ipynb")),
        ("https://gitlab.com/group/sub/name", source(GITLAB[:-4])),
        (f"{GITLAB[:-4]}/-/blob/main/a/b.ipynb?ref_type=heads", source(GITLAB, "main", "a/b.ipynb")),
        (f"{SCHOOL}/-/tree/main", source(f"{SCHOOL}.git", "main")),
        (f"{SCHOOL}.git", source(f"{SCHOOL}.git")),
    ],
)  # fmt: skip
def test_addresses_that_are_understood(address, expected):
    assert source_from(address) == expected


def test_what_is_given_besides():
    assert source_from(GITHUB, "dev", "a/b.ipynb", "mine/two") == Source(
        GITHUB, "dev", "a/b.ipynb", "mine/two"
    )


def test_a_branch_with_a_slash_is_told_apart_from_the_path():
    address = f"{GITHUB}/blob/term/spring/a.ipynb"
    assert source_from(address, "term/spring") == Source(GITHUB, "term/spring", "a.ipynb", "name")
    assert source_from(address, "term") == source(GITHUB, "term", "spring/a.ipynb")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("git@github.com:owner/name.git", ["SSH", "https://github.com/owner/name.git"]),
        ("ssh://git@gitlab.com:2222/group/name.git", ["SSH", "https://gitlab.com/group/name.git"]),
        ("http://github.com/owner/name", ["https://"]),
        ("file:///srv/course/content.git", ["https://"]),
        ("owner/name", ["https://"]),
        ("", ["https://"]),
        ("https://", ["https://"]),
        ("https://[::1", ["web address"]),
        ("https://github.com/owner", ["names no repository"]),
        ("https://git.school.edu/", ["names no repository"]),
        ("https://gitlab.com/-/blob/main/a.ipynb", ["names no repository"]),
        (f"{GITHUB}/issues", ["page", GITHUB]),
        (f"{GITHUB}/blob", ["page"]),
        ("https://gitlab.com/group/name/-/merge_requests/4", ["page", "https://gitlab.com/group/name"]),
    ],
)
def test_addresses_that_are_not(address, words):
    with pytest.raises(InvalidInput) as caught:
        source_from(address)
    (problem,) = caught.value.problems
    assert problem.file == "--repository" and problem.fix
    assert all(word in str(problem) for word in words)


def test_a_password_is_refused_and_not_repeated():
    with pytest.raises(InvalidInput) as caught:
        source_from("https://someone:hunter2@github.com/owner/name")
    assert "hunter2" not in str(caught.value) and "someone" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "given"),
    [
        ("--path", {"path": "../other"}),
        ("--path", {"path": "/etc/passwd"}),
        ("--path", {"path": "week-1\\a.ipynb"}),
        ("--folder", {"folder": ""}),
        ("--folder", {"folder": "~/x"}),
        ("--folder", {"folder": "a/../../b"}),
        ("--branch", {"branch": "--upload-pack=x"}),
        ("--branch", {"branch": "a b"}),
    ],
)
def test_options_that_lead_astray(option, given):
    with pytest.raises(InvalidInput) as caught:
        source_from(GITHUB, **given)
    assert [problem.file for problem in caught.value.problems] == [option]


@pytest.mark.parametrize(
    ("option", "given"), [("--path", {"path": "b.ipynb"}), ("--branch", {"branch": "dev"})]
)
def test_an_option_that_contradicts_the_page(option, given):
    with pytest.raises(InvalidInput) as caught:
        source_from(f"{GITHUB}/blob/main/a.ipynb", **given)
    (problem,) = caught.value.problems
    assert problem.file == option and "contradicts" in problem.message
