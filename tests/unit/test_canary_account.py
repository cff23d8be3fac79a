"""The canary's account on the droplet: when it is made and when not, and that it is nobody's."""

from __future__ import annotations

import json
import os
import time
from types import SimpleNamespace

import pytest

from coursehub.droplet import by_hand, hub_api, people, roster, users
from coursehub.droplet.system import OperationFailed
from coursehub.watchdog import canary, command, passing

ROOMY = {"available": 2 << 30, "pressure": 0.0}


@pytest.fixture
def droplet(tmp_path, monkeypatch):
    """A droplet without systemd and accounts: what was asked of the hub, what was removed."""
    seen = SimpleNamespace(
        memory=dict(ROOMY), settled=[], deleted=[], removed=0, config={}, hub="1", busy=None
    )
    seen.tokens = []
    monkeypatch.setattr(users, "STATE", tmp_path)
    for name, path in (("ROSTER", tmp_path / "roster.json"), ("HOMES", tmp_path / "homes")):
        monkeypatch.setattr(canary, name, path)
    monkeypatch.setattr(canary.hub, "CONFIG", tmp_path / "config.yaml")
    monkeypatch.setattr(canary.hub, "journal", lambda *_: seen.journal)
    monkeypatch.setattr(canary.machine, "memory", lambda: seen.memory)
    monkeypatch.setattr(canary.lock, "holder_now", lambda: seen.busy)
    monkeypatch.setattr(canary.lock, "LOCK", tmp_path / "lock")
    monkeypatch.setattr(canary.generations, "CURRENT", tmp_path / "current")
    monkeypatch.setattr(canary, "run", lambda command, **_: SimpleNamespace(stdout=f"{seen.hub}\n"))
    monkeypatch.setattr(canary, "number", lambda: None)
    monkeypatch.setattr(people, "reset_password", lambda *words: seen.passwords.append(words))
    monkeypatch.setattr(hub_api, "settle", seen.settled.append)
    monkeypatch.setattr(hub_api, "delete_user", seen.deleted.append)
    monkeypatch.setattr(hub_api, "user", lambda name: seen.user)
    monkeypatch.setattr(hub_api, "request", lambda *words: seen.tokens.append(words) or (201, {"token": "t"}))
    seen.passwords, seen.user, seen.journal, seen.place = [], None, "", tmp_path
    way(seen, "firstuseauthenticator.FirstUseAuthenticator")
    return seen


def way(droplet, kind: str) -> None:
    text = json.dumps({"auth": {"type": kind}})
    (droplet.place / "config.yaml").write_text(f"# Written by coursehub.\n{text}")


@pytest.mark.parametrize(
    ("kind", "method"),
    [
        ("firstuseauthenticator.FirstUseAuthenticator", "first-use"),
        ("nativeauthenticator.NativeAuthenticator", "sign-up"),
    ],
)
def test_with_a_password(droplet, kind, method):
    way(droplet, kind)
    made = canary.act("begin")
    assert made["user"] == canary.NAME and len(made["password"]) >= 24 and "token" not in made
    assert droplet.passwords == [(method, canary.NAME, made["password"])]
    ((person,),) = droplet.settled
    assert person["allowed"] and not person["admin"] and not person["assistant"] and person["groups"] == []
    assert canary.act("end")["disturbed"] is False
    assert droplet.settled[-1] == [{"name": canary.NAME, "allowed": False}]
    assert droplet.deleted == [canary.NAME] and people.canary() is None


def test_with_a_token_where_a_provider_knows_people(droplet):
    way(droplet, "oauthenticator.generic.GenericOAuthenticator")
    made = canary.act("begin")
    assert made["token"] == "t" and "password" not in made and droplet.passwords == []
    ((verb, path, body),) = droplet.tokens
    assert (verb, path) == ("POST", f"users/{canary.NAME}/tokens") and body["expires_in"] <= 600
    assert all(scope.endswith("!user") for scope in body["scopes"])


def named_by_the_roster(droplet):
    text = {"admins": [], "users": [canary.NAME], "identities": {}}
    (droplet.place / "roster.json").write_text(json.dumps(text))


def identified(droplet):
    text = {"admins": [], "users": [], "identities": {"somebody@school.edu": canary.NAME}}
    (droplet.place / "roster.json").write_text(json.dumps(text))


def by_somebody(droplet):
    by_hand.change(canary.NAME, {"added": {"since": "2026-11-30", "by": "x"}})


def known(droplet):
    droplet.user = {"name": canary.NAME}


def at_home(droplet):
    (droplet.place / "homes" / canary.ACCOUNT).mkdir(parents=True)


def busy(droplet):
    droplet.busy = {"who": "somebody"}


def full(droplet):
    droplet.memory["available"] = 100 << 20


def pressed(droplet):
    droplet.memory["pressure"] = 0.5


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (named_by_the_roster, "the course names somebody"),
        (identified, "the course names somebody"),
        (by_somebody, "the course names somebody"),
        (known, "not the check's own"),
        (at_home, "not the check's own"),
        (busy, "a deploy is under way"),
        (full, "the memory is short (100 MB available)"),
        (pressed, "the memory is short"),
    ],
)
def test_when_it_is_not_the_time(droplet, what, words):
    what(droplet)
    assert words in canary.act("begin")["skipped"]
    assert people.canary() is None and not droplet.settled and not droplet.passwords
    assert canary.act("end") == {"disturbed": False, "said": ""}
    assert not droplet.deleted, "what is not ours stays"


def test_one_that_was_cut_off(droplet):
    canary.act("begin")
    assert canary.act("begin") == {"skipped": "another try is under way"}
    age(200)
    droplet.user = {"name": canary.NAME}
    assert "password" in canary.act("begin")
    assert droplet.deleted == [canary.NAME], "the remains went before"


def age(seconds: float) -> None:
    noted = people.canary()
    people.canary_file().write_text(json.dumps({**noted, "began": noted["began"] - seconds}))


def test_the_watchdog_removes_an_old_one(droplet):
    assert passing.without_remains() is None
    canary.act("begin")
    age(1000)
    assert passing.without_remains() is None and not droplet.deleted
    age(1000)
    assert "cut off" in passing.without_remains()
    assert droplet.deleted == [canary.NAME] and people.canary() is None


def test_a_hub_that_is_away_is_told_and_tried_again(droplet, monkeypatch):
    canary.act("begin")
    age(2000)

    def refuse(order):
        raise OperationFailed("the hub does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(hub_api, "settle", refuse)
        assert "the hub does not answer" in passing.without_remains()
        assert canary.act("end") == {"trouble": "the hub does not answer"}
    assert people.canary() is not None
    assert passing.without_remains() and people.canary() is None


def test_a_damaged_note_is_one_of_long_ago(droplet):
    people.canary_file().write_text('{"began": 1')
    assert people.canary() == {}
    assert "cut off" in passing.without_remains() and droplet.deleted


def test_whether_it_was_disturbed(droplet):
    canary.act("begin")
    droplet.hub = "2"
    assert canary.act("end")["disturbed"] is True, "the hub was restarted"
    canary.act("begin")
    (droplet.place / "lock").write_text("")
    assert canary.act("end")["disturbed"] is True, "somebody has deployed"
    canary.act("begin")
    droplet.busy = {"who": "somebody"}
    assert canary.act("end")["disturbed"] is True, "somebody deploys"


def test_what_its_server_said(droplet):
    canary.act("begin")
    droplet.journal = (
        "Started jupyter-coursehub-canary.service.\n"
        "/opt/course/bin/start-server: 12: exec: /opt/x/bin/jupyterhub-singleuser: not found\n"
        "Main process exited, code=exited, status=127/n/a\n"
    )
    assert canary.act("end")["said"].endswith("jupyterhub-singleuser: not found")
    assert canary.complaint("ModuleNotFoundError: No module named 'traitlets'\nx").startswith("ModuleNot")
    assert canary.complaint("Started.\nSucceeded.") == ""
    lines = "[W 1 App] x: not found", "python3: No module named ipykernel_launcher", "KeyError: 'ws'"
    assert canary.complaint("\n".join(lines)) == lines[1], "what came first is the cause"
    unit = "jupyter-coursehub-canary.service"
    ended = f"{unit}: Failed to open /run/systemd/transient/{unit}: No such file or directory"
    assert canary.complaint(f"{ended}\n/bin/bash: jupyterhub-singleuser: not found").startswith("/bin/bash")


def test_it_is_in_no_list(droplet, monkeypatch):
    monkeypatch.setattr(people, "HOMES", droplet.place / "homes")
    monkeypatch.setattr(people, "rows", lambda query: [("ada", 0, None, 0), (canary.NAME, 0, None, 1)])
    monkeypatch.setattr(people, "passwords", lambda method: {canary.NAME: (b"$2b$12$x", None)})
    at_home(droplet)
    assert canary.NAME in people.look("first-use")["people"], "it may be somebody"
    people.canary_file().write_text(json.dumps({"began": time.time()}))
    seen = people.look("first-use")
    assert set(seen["people"]) == {"ada"} and seen["homes"] == {}


def test_another_roster_does_not_shut_it_out(droplet, monkeypatch):
    monkeypatch.setattr(people, "rows", lambda query: [("ada", 0), (canary.NAME, 1), ("left", 0)])
    text = json.dumps({"admins": [], "users": ["ada"], "assistants": [], "groups": {}})
    people.canary_file().write_text(json.dumps({"began": time.time()}))
    assert roster.settle(None, text, others=False) is None
    assert {one["name"]: one["allowed"] for one in droplet.settled[-1]} == {"ada": True, "left": False}


def test_a_home_is_removed_without_a_trace(droplet, monkeypatch):
    home = droplet.place / "homes" / canary.ACCOUNT
    (home / "folder").mkdir(parents=True)
    monkeypatch.setattr(canary.home_files, "FIRST_NUMBER", 0)
    monkeypatch.setattr(canary.home_files, "at_work", lambda number: False)
    monkeypatch.setattr(canary.home_files, "number_of", lambda account: os.getuid())
    canary.remove_home()
    assert not home.exists()
    assert list((droplet.place / "homes" / canary.home_files.REMOVING).iterdir()) == []
    canary.remove_home()


def test_what_the_program_is_called_with(droplet, monkeypatch, capsys):
    monkeypatch.setattr(passing, "main", lambda: 7)
    monkeypatch.setattr(command.sys, "argv", ["watchdog"])
    assert command.main() == 7
    monkeypatch.setattr(command.sys, "argv", ["watchdog", "canary", "begin"])
    assert command.main() == 0 and json.loads(capsys.readouterr().out)["user"] == canary.NAME
    for words in (["canary"], ["canary", "act"], ["help"]):
        monkeypatch.setattr(command.sys, "argv", ["watchdog", *words])
        assert command.main() == 2
