"""scripts/rollback.py, spoken to a droplet that answers from a table."""

import subprocess

import pytest

from coursehub import rollback
from coursehub.model import Session
from coursehub.problems import Failure

PACKAGES = {"numpy": "2.0", "pandas": "3"}
BUSY = {"who": "grace", "since": "2025-10-05T09:00:00+00:00", "run": ""}


class Droplet(Session):
    """Answers each operation with the next of its answers; what was asked is kept."""

    def __init__(self, **answers):
        self.answers = {name.replace("_", ".", 1): list(values) for name, values in answers.items()}
        self.asked = []

    def call(self, operation, parameters, **more):
        self.asked.append((operation, parameters))
        return self.answers[operation].pop(0)


class Terminal:
    """Keeps what would be shown."""

    def __init__(self):
        self.lines = []

    def stage(self, text):
        self.lines.append(text)

    note = stage


def entry(name, **changes):
    made = {
        "generation": name,
        "current": False,
        "commit": "1a2b3c4d5e",
        "who": "ada",
        "installed": 1760000000.5,
        "worked": None,
        "rejected": None,
        "packages": PACKAGES,
    }
    return made | changes


def test_the_list_shows_whence_each_came_and_what_it_changed():
    newer = entry("new", packages=PACKAGES | {"numpy": "2.1"}, rejected={"who": "ada"}, commit="")
    terminal = Terminal()
    result = rollback.listed(Droplet(environment_list=[[newer, entry("old", current=True)]]), terminal)
    assert terminal.lines == [
        "new (rolled back), 2025-10-09 08:53 UTC, no commit by ada",
        "~ numpy 2.0 → 2.1",
        "old (current), 2025-10-09 08:53 UTC, commit 1a2b3c4 by ada",
    ]
    assert [one["changes"] for one in result["environments"]] == [["~ numpy 2.0 → 2.1"], []]


DONE = {"from": "new", "to": "old", "rejected_inputs": "i", "commit_from": ""}


def test_a_rollback_takes_the_lock_and_leaves_a_line(tmp_path):
    droplet = Droplet(lock=[None], environment_rollback=[DONE], audit_record=[None])
    result = rollback.rolled_back(droplet, Terminal(), tmp_path, None, "pandas broke")
    assert [name for name, _ in droplet.asked] == ["lock", "environment.rollback", "audit.record"]
    assert droplet.asked[1][1]["reason"] == "pandas broke"
    line = droplet.asked[2][1]["entry"]
    assert (line["rollback"], line["reason"], line["verdict"]) == (DONE, "pandas broke", "rolled back")
    assert result["to"] == "old"
    assert "revert the commit that changed environment.yml" in result["fix"]


def test_a_rollback_waits_for_the_deploy_that_is_under_way(monkeypatch):
    monkeypatch.setattr(rollback.time, "sleep", lambda seconds: None)
    terminal = Terminal()
    rollback.take_lock(Droplet(lock=[BUSY, BUSY, None]), terminal)
    assert terminal.lines == ["Waiting for grace since 2025-10-05T09:00:00+00:00"]
    with pytest.raises(Failure, match="grace"):
        rollback.take_lock(Droplet(lock=[BUSY, BUSY]), terminal, patience=-1)


@pytest.fixture
def history(tmp_path):
    """A course's repository with three commits, the second of which changed environment.yml; their names."""

    def git(*words):
        done = subprocess.run(["git", "-C", tmp_path, *words], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet")
    git("config", "user.name", "ada")
    git("config", "user.email", "ada@example.org")
    names = []
    for file, text in (("environment.yml", "a"), ("environment.yml", "b"), ("course.yml", "c")):
        (tmp_path / file).write_text(text)
        git("add", ".")
        git("commit", "--quiet", "--message", f"Change {file} to {text}")
        names.append(git("rev-parse", "HEAD"))
    return names


def test_the_commit_to_revert_is_the_one_that_changed_the_environment(tmp_path, history):
    first, second, third = history
    assert f"git revert {second[:7]} (“Change environment.yml to b”)" in rollback.lasting(tmp_path, third)
    assert f"git revert {first[:7]}" in rollback.lasting(tmp_path, first)
    assert f"git revert {second[:7]}" in rollback.lasting(tmp_path, "")


def test_what_was_never_committed_cannot_be_reverted(tmp_path, history):
    assert "before it was committed" in rollback.lasting(tmp_path, history[2] + "-dirty")


def test_without_a_history_the_deployed_commit_is_named(tmp_path):
    assert "deployed from 1a2b3c4d5e6f" in rollback.lasting(tmp_path, "1a2b3c4d5e6f7a8b")
