"""Several who write to the branch at the same time, and what can go wrong on the way there."""

import json
import threading
from dataclasses import replace

import pytest

from branch_on_github import branch_on_github
from coursehub.github import branch, git_branch
from coursehub.github.rest import Repository
from coursehub.problems import Failure


@pytest.fixture
def github(tmp_path):
    with branch_on_github(tmp_path) as server:
        yield server


def one_more(name):
    """A change that adds to a list which all share."""

    def change(there):
        names = json.loads(there("names.json") or "[]")
        return {"names.json": json.dumps(sorted({*names, name})), f"{name}.txt": name}

    return change


def test_eight_at_once_lose_nothing(github):
    failures = []

    def work(number):
        try:
            for turn in range(2):
                branch.write(github.client, one_more(f"{number}-{turn}"), "One more")
        except Failure as failure:
            failures.append(failure)

    writers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert failures == []
    assert len(json.loads(github.files["names.json"])) == 16 == len(github.files) - 1
    assert github.parents == []


def test_a_push_that_comes_second_is_refused_and_done_anew(github):
    """Another writes between our look and our push."""
    branch.write(github.client, one_more("first"), "First")
    asked = []

    def change(there):
        asked.append(1)
        if len(asked) == 1:
            branch.write(github.client, one_more("other"), "Other")
        return one_more("ours")(there)

    assert branch.write(github.client, change, "Ours")
    assert json.loads(github.files["names.json"]) == ["first", "other", "ours"] and len(asked) == 2


def test_another_who_makes_the_branch_first_loses_nothing(github):
    asked = []

    def change(there):
        asked.append(1)
        if len(asked) == 1:
            branch.write(github.client, one_more("other"), "Other")
        return one_more("ours")(there)

    assert branch.write(github.client, change, "Ours")
    assert json.loads(github.files["names.json"]) == ["other", "ours"]


def test_what_is_there_already_is_not_written(github):
    assert branch.write(github.client, one_more("a"), "A")
    before = github.head
    assert not branch.write(github.client, one_more("a"), "A")
    assert not branch.write(github.client, lambda there: {}, "Nothing")
    assert github.head == before


def test_a_file_goes_when_it_is_not_wanted(github):
    branch.write(github.client, lambda there: {"a/b.txt": "b", "c.txt": "c"}, "Both")
    assert branch.write(github.client, lambda there: {"a/b.txt": None}, "One")
    assert set(github.files) == {"c.txt"}
    assert not branch.write(github.client, lambda there: {"a/b.txt": None}, "Again")


def test_texts_stay_what_they_are(github):
    text = "ü \r\n \u2028 \t end"
    branch.write(github.client, lambda there: {"odd name.txt": text}, "Odd")
    seen = []
    branch.write(github.client, lambda there: seen.append(there("odd name.txt")) or {}, "Look")
    assert seen == [text]


def test_without_the_right_to_write_it_says_so(github):
    client = Repository.from_environment(github.environ_with(contents="read"))
    with pytest.raises(Failure, match="could not write to the branch") as told:
        branch.write(client, one_more("a"), "A")
    assert "contents: write" in told.value.fix and github.head is None


@pytest.mark.parametrize("kind", [500, 503, 429, "close", "lost", "garbage"])
@pytest.mark.parametrize("asked", ["GET info/refs", "POST git-upload-pack", "POST git-receive-pack"])
def test_a_fault_that_passes_is_outlasted(github, kind, asked):
    """Also one after which GitHub did the work, and nobody heard of it."""
    client = replace(github.client, sleep=lambda _: None)
    branch.write(client, one_more("first"), "First")
    method, path = asked.split()
    github.api.fail(method, f"*/{path}", kind)
    branch.write(client, one_more("ours"), "Ours")
    assert json.loads(github.files["names.json"]) == ["first", "ours"] and github.parents == []


def test_a_fault_that_lasts_is_told_and_nothing_is_written(github):
    client = replace(github.client, sleep=lambda _: None)
    branch.write(client, one_more("first"), "First")
    before = github.head
    github.api.fail("*", "*/git-receive-pack", 502, times=99)
    with pytest.raises(Failure, match="502") as told:
        branch.write(client, one_more("ours"), "Ours")
    assert "githubstatus" in told.value.fix and github.head == before


def test_a_branch_that_is_protected_is_told_at_once(github):
    hook = github.repository.git / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'GH006: Protected branch update failed' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Failure, match="Protected branch") as told:
        branch.write(github.client, one_more("ours"), "Ours")
    assert "Rules" in told.value.fix
    pushes = [one for one in github.api.requests if one.method == "POST" and "receive" in one.path]
    assert len(pushes) == 1


def test_a_server_that_is_away_is_told(github):
    here, nothing = "http://127.0.0.1:9", lambda _: None
    away = Repository("school/course", "ghs_secret", here, here, sleep=nothing)
    with pytest.raises(Failure, match="could not read the branch") as told:
        branch.write(away, one_more("a"), "A")
    assert "ghs_secret" not in str(told.value)


def test_the_token_is_for_this_server_and_for_no_argument():
    client = Repository("school/course", "ghs_0123", "https://api.github.com", "https://github.com")
    environ = git_branch.environment(client, {"PATH": "/bin", "GITHUB_TOKEN": "x", "GIT_DIR": "y"})
    assert environ["GIT_CONFIG_KEY_0"] == "http.https://github.com/.extraHeader"
    assert "GITHUB_TOKEN" not in environ and "GIT_DIR" not in environ
    assert "ghs_0123" not in str(environ)
