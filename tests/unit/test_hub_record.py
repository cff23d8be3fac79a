"""Where the hub is, on a branch of one commit."""

import json
from datetime import UTC, datetime

import pytest

from branch_on_github import branch_on_github
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
NAME = "school/course"
RUN = {"GITHUB_RUN_ID": "9", "GITHUB_REPOSITORY": NAME}


@pytest.fixture
def github(tmp_path):
    with branch_on_github(tmp_path) as server:
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
    assert github.api.requests == []


def test_it_can_be_read_back(github):
    assert record.recorded(github.environ) is None
    tell(github)
    found = record.recorded(github.environ)
    assert (found["url"], found["address"]) == ("https://hub.school.edu", "198.51.100.7")


def test_the_branch_has_one_commit_without_parents_and_keeps_other_files(github):
    tell(github)
    github.put("history.json", "[]")
    tell(github, url="https://other.school.edu")
    assert github.parents == []
    assert json.loads(github.files["hub.json"])["url"] == "https://other.school.edu"
    assert github.files["history.json"] == "[]"


def test_nothing_is_written_when_only_the_time_is_another(github):
    tell(github)
    before = github.head
    tell(github)
    assert github.head == before
    tell(github, commit="3c4d")
    assert github.head != before


def test_the_links_are_kept_beside_and_written_when_they_are_others(github):
    def tell_links(text):
        record.act({**github.environ, **RUN, "RESULT": json.dumps(RESULT), "LINKS": text})

    tell_links("# Links\n")
    assert github.files["Links.md"] == "# Links\n" and "hub.json" in github.files
    before = github.head
    tell_links("# Links\n")
    assert github.head == before
    tell_links("# Other links\n")
    tell_links("")
    assert github.files["Links.md"] == "# Other links\n"


def test_a_damaged_file_is_told_and_written_anew(github):
    tell(github)
    github.put("hub.json", "{")
    with pytest.raises(Failure, match="cannot be read") as told:
        record.recorded(github.environ)
    assert "deploys" in told.value.fix
    tell(github)
    assert record.recorded(github.environ)["url"] == RESULT["url"]


def test_deploys_are_kept_in_their_order(github):
    tell(github, commit="1")
    tell(github, commit="2")
    tell(github, commit="2")
    deploys = json.loads(github.files["history/deploys.json"])
    assert [one["commit"] for one in deploys] == ["1", "2"] and deploys[0]["run"].endswith("/runs/9")


def test_the_environment_is_of_the_commit_that_changed_it_last(github):
    tell(github, commit="1", steps=[{"part": "environment"}])
    tell(github, commit="2", steps=[{"part": "content"}])
    assert record.recorded(github.environ)["environment"] == "1"
    tell(github, commit="3", steps=[{"part": "environment"}])
    assert record.recorded(github.environ)["environment"] == "3"


def test_a_branch_that_never_rests(github, monkeypatch):
    """Somebody else is always faster."""
    asked = []

    def change(there):
        asked.append(there("theirs"))
        github.put("theirs", str(len(asked)))
        return {"ours": "text"}

    monkeypatch.setattr(branch, "PAUSE", 0.0)
    with pytest.raises(Failure, match="again and again"):
        branch.write(github.client, change, "Ours")
    assert len(asked) == branch.ATTEMPTS and asked[1] == "1" and "ours" not in github.files
