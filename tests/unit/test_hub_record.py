"""Where the hub is, on a branch of one commit."""

import json
from datetime import UTC, datetime

import pytest
from small_github import NAME, small_github

from coursehub.github import branch, record
from coursehub.problems import Failure

RESULT = {
    "verdict": "converged",
    "url": "https://hub.school.edu",
    "address": "198.51.100.7",
    "link": "https://hub.school.edu/link",
    "commit": "1a2b",
    "server": {"address": "198.51.100.7", "port": 22, "host_key": "ssh-ed25519 AAAA"},
    "health": {"assignees": ["octocat"]},
    "plan": [],
}
RUN = {"GITHUB_RUN_ID": "9", "GITHUB_REPOSITORY": NAME}


@pytest.fixture
def github():
    with small_github() as server:
        yield server


def tell(github, **changes):
    record.act({**github.environ, **RUN, "RESULT": json.dumps(RESULT | changes)})


def test_what_is_written_down():
    entry = record.entry(RESULT, RUN, datetime(2025, 10, 5, 9, 0, tzinfo=UTC))
    assert entry == {
        "url": "https://hub.school.edu",
        "address": "198.51.100.7",
        "link": "https://hub.school.edu/link",
        "commit": "1a2b",
        "server": RESULT["server"],
        "health": RESULT["health"],
        "deployed": "2025-10-05T09:00:00+00:00",
        "run": f"https://github.com/{NAME}/actions/runs/9",
        "verdict": "converged",
    }


@pytest.mark.parametrize(
    "result", ["", "null", "[]", "no JSON", '{"verdict": "failed"}', '{"verdict": "planned"}']
)
def test_without_a_hub_that_is_ready_nothing_is_written(github, result):
    assert record.act({**github.environ, "RESULT": result}).headline == ""
    assert github.asked == []


def test_it_can_be_read_back(github):
    assert record.recorded(github.environ) is None
    tell(github)
    found = record.recorded(github.environ)
    assert (found["url"], found["address"]) == ("https://hub.school.edu", "198.51.100.7")


def test_the_branch_has_one_commit_without_parents_and_keeps_other_files(github):
    tell(github)
    github.files["history.json"] = "[]"
    tell(github, url="https://other.school.edu")
    assert github.objects[github.head]["parents"] == []
    assert json.loads(github.files["hub.json"])["url"] == "https://other.school.edu"
    assert github.files["history.json"] == "[]"


def test_nothing_is_written_when_only_the_time_is_another(github):
    tell(github)
    before = len(github.written())
    tell(github)
    assert len(github.written()) == before
    tell(github, commit="3c4d")
    assert len(github.written()) > before


def test_the_links_are_kept_beside_and_written_when_they_are_others(github):
    def tell_links(text):
        record.act({**github.environ, **RUN, "RESULT": json.dumps(RESULT), "LINKS": text})

    tell_links("# Links\n")
    assert github.files["Links.md"] == "# Links\n" and "hub.json" in github.files
    before = len(github.written())
    tell_links("# Links\n")
    assert len(github.written()) == before
    tell_links("# Other links\n")
    tell_links("")
    assert github.files["Links.md"] == "# Other links\n"


def test_a_damaged_file_is_told_and_written_anew(github):
    tell(github)
    github.files["hub.json"] = "{"
    with pytest.raises(Failure, match="cannot be read") as told:
        record.recorded(github.environ)
    assert "deploys" in told.value.fix
    tell(github)
    assert record.recorded(github.environ)["url"] == RESULT["url"]


def test_somebody_else_who_makes_the_branch_at_the_same_moment_loses_nothing(github):
    """The other's branch appears after ours was planned: it is read, and built upon."""
    usual = github.answer_git

    def first_of_another(method, path, value):
        if (method, path) == ("POST", "git/refs") and github.head is None:
            github.objects |= {"tree": {"history.json": "[]"}, "other": {"tree": "tree", "parents": []}}
            github.head, github.files = "other", github.objects["tree"]
        return usual(method, path, value)

    github.answer_git = first_of_another
    tell(github)
    assert set(github.files) == {"history.json", "hub.json"}


def test_a_branch_that_moves_meanwhile_is_read_again(github):
    tell(github)
    usual = github.answer_git

    def another(method, path, value):
        if (method, path) == ("POST", "git/commits") and "history.json" not in github.files:
            github.objects |= {"tree": {**github.files, "history.json": "[]"}, "other": {"tree": "tree"}}
            github.head, github.files = "other", github.objects["tree"]
        return usual(method, path, value)

    github.answer_git = another
    tell(github, url="https://other.school.edu")
    assert set(github.files) == {"history.json", "hub.json"}
    assert "other" in github.files["hub.json"]


def test_a_branch_that_never_rests(github, monkeypatch):
    heads = iter(range(100))
    monkeypatch.setattr(branch, "head", lambda repository: str(next(heads)))
    monkeypatch.setattr(branch, "commit", lambda *_: "made")
    with pytest.raises(Failure, match="again and again"):
        tell(github)
    assert next(heads) == 2 * branch.ATTEMPTS
