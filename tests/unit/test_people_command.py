"""scripts/people.py: who is listed where, whose password is reset how, and whose name is never shown."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import yaml

from coursehub.lifecycle.told import aligned, as_json, markdown
from coursehub.model import Session
from coursehub.people import command, listing, privacy, resetting
from coursehub.problems import InvalidInput
from coursehub.roster.people import Person, Roster
from deployments import REPOSITORY

NOW = datetime(2025, 10, 5, 12, 0, tzinfo=UTC)
COURSE = SimpleNamespace(
    admins=("teacher",), users=("ada", "grace", "a" * 30), sign_in="first-use", roster=Roster()
)
SECRETS = SimpleNamespace(hub_admin_password="the first password", hub_users=())
LONG = "jupyter-" + "a" * 18 + "-c1a94"


def known(**changes):
    made = {
        "known": True,
        "admin": False,
        "last_activity": None,
        "running": False,
        "password": "set",
        "approved": None,
    }
    return made | changes


SEEN = {
    "people": {
        "teacher": known(admin=True, last_activity="2025-10-05 11:58:00.000000"),
        "ada": known(last_activity="2025-10-03 09:00:00.123456", running=True),
        "mallory": known(admin=True, approved=True),
        "old": known(approved=False, password="absent"),
    },
    "homes": {"jupyter-ada": 3 << 30, "jupyter-teacher": 5 << 20, "jupyter-old": None},
}


class Droplet(Session):
    """Answers from a table; what was asked is kept."""

    def __init__(self, **answers):
        self.answers = {"people.look": SEEN, "lock": None, "audit.record": None, **answers}
        self.asked = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def call(self, operation, parameters, **_):
        self.asked.append((operation, parameters))
        return self.answers[operation]


class Terminal:
    def stage(self, text):
        pass

    note = stage


@pytest.fixture
def people():
    return listing.people_from(COURSE, SEEN)


def one(people, name):
    return next(person for person in people if person.name == name)


# The list


def test_everybody_is_listed_admins_first(people):
    assert [(person.name, person.role) for person in people] == [
        ("mallory", "admin"),
        ("teacher", "admin"),
        ("a" * 30, "student"),
        ("ada", "student"),
        ("grace", "student"),
        ("old", "student"),
    ]


def test_rows(people):
    rows = {person.name: listing.row(person, NOW)[1:] for person in people}
    assert rows["teacher"] == ("admin", "yes", "now", "-", "5.0 MB", "yes")
    assert rows["ada"] == ("student", "yes", "2 days ago", "running", "3.0 GB", "yes")
    assert rows["grace"] == ("student", "yes", "never", "-", "?", "no")
    assert rows["mallory"] == ("admin", "no, approved on the hub", "never", "-", "?", "yes")
    assert rows["old"] == ("student", "no, waits for approval", "never", "-", "?", "no")


def test_a_long_name_has_its_home():
    from coursehub.accounts import unix_account

    seen = {"people": {}, "homes": {unix_account("a" * 30): 2048}}
    assert one(listing.people_from(COURSE, seen), "a" * 30).disk == 2048


AGES = {
    timedelta(minutes=9): "now",
    timedelta(minutes=-3): "now",
    timedelta(minutes=59): "59 minutes ago",
    timedelta(hours=1): "1 hour ago",
    timedelta(hours=47): "1 day ago",
    timedelta(days=400): "400 days ago",
}


@pytest.mark.parametrize(("age", "words"), AGES.items())
def test_when_somebody_was_seen(age, words):
    assert listing.ago(NOW - age, NOW) == words


def test_an_assistant_is_listed_as_one():
    roster = Roster((Person("teacher", "admin"), Person("grace", "assistant"), Person("ada")))
    course = SimpleNamespace(admins=("teacher",), users=("grace", "ada"), roster=roster)
    people = listing.people_from(course, {"people": {}, "homes": {}})
    assert [(one.name, one.role) for one in people] == [
        ("teacher", "admin"),
        ("grace", "assistant"),
        ("ada", "student"),
    ]
    assert listing.told(people, NOW, names=False).title.startswith(
        "3 accounts: 1 admin, 1 assistant and 1 student;"
    )


def test_the_list_for_people_and_programs(people):
    told = listing.told(people, NOW, names=True)
    assert told.title == (
        "6 accounts: 2 admins and 4 students; 2 were here, 3 have a password, 1 have a server running"
    )
    lines = aligned(told.tables[0])
    assert lines[0].split()[:2] == ["name", "role"] and len(lines) == 7
    value = json.loads(as_json(told))
    assert value["counts"]["not_in_course_yml"] == 2
    ada = next(person for person in value["people"] if person["name"] == "ada")
    assert (ada["last_seen"], ada["disk"]) == ("2025-10-03T09:00:00+00:00", 3 << 30)
    assert "| ada | student |" in markdown(told)


def test_a_name_that_somebody_thought_up_is_harmless():
    seen = {"people": {"::error::<b>|x": known()}, "homes": {}}
    told = listing.told(listing.people_from(COURSE, seen), NOW, names=True)
    assert "??error???b??x" in markdown(told) and "::" not in markdown(told)


# Privacy


def written(folder, value) -> dict[str, str]:
    file = folder / "event.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(file)}


PUBLIC = {
    "public": {"repository": {"private": False}},
    "not said": {"repository": {}},
    "a word": {"repository": {"private": "true"}},
    "no repository": {},
    "no mapping": [],
    "no JSON": "{",
}


@pytest.mark.parametrize("event", PUBLIC.values(), ids=PUBLIC)
def test_what_is_not_known_to_be_private_is_public(event, tmp_path):
    assert not privacy.may_show_names(written(tmp_path, event))


def test_who_may_see_names(tmp_path):
    assert privacy.may_show_names({})
    assert privacy.may_show_names(written(tmp_path, {"repository": {"private": True}}))
    assert not privacy.may_show_names({"GITHUB_ACTIONS": "true"})
    assert not privacy.may_show_names({"GITHUB_ACTIONS": "true", "GITHUB_EVENT_PATH": str(tmp_path / "none")})


def test_the_name_can_come_from_the_run(tmp_path):
    environ = written(tmp_path, {"inputs": {"name": " Ada "}})
    assert privacy.name_given(None, environ) == "ada"
    assert privacy.name_given("Grace", environ) == "grace"
    for inputs in (None, {}, {"name": 3}, {"name": None}):
        assert privacy.name_given(None, written(tmp_path, {"inputs": inputs})) == ""


# A password


def test_whom_it_is_about(people):
    assert resetting.found(people, "ada", names=True).name == "ada"
    with pytest.raises(InvalidInput, match="Did you mean grace"):
        resetting.found(people, "gracie", names=True)
    with pytest.raises(InvalidInput, match=r"people\.py list"):
        resetting.found(people, "zzzzzz", names=True)
    with pytest.raises(InvalidInput, match="nobody is named"):
        resetting.found(people, "", names=True)


def test_no_names_for_who_mistypes_one_in_public(people):
    with pytest.raises(InvalidInput) as caught:
        resetting.found(people, "gracie", names=False)
    assert "grac" not in str(caught.value) and "6 accounts" in str(caught.value)


def test_an_admin_gets_the_first_password(people):
    assert resetting.password_for(one(people, "ada"), COURSE, SECRETS, names=True) is None
    admin = one(people, "teacher")
    assert resetting.password_for(admin, COURSE, SECRETS, names=True) == SECRETS.hub_admin_password
    with pytest.raises(InvalidInput, match="HUB_ADMIN_PASSWORD: is not set, and teacher is an admin"):
        resetting.password_for(admin, COURSE, SimpleNamespace(hub_admin_password=None), names=True)


def test_an_admin_whom_course_yml_does_not_name(people):
    with pytest.raises(InvalidInput, match="mallory is an admin on the hub"):
        resetting.password_for(one(people, "mallory"), COURSE, SECRETS, names=True)
    with pytest.raises(InvalidInput) as caught:
        resetting.password_for(one(people, "mallory"), COURSE, SECRETS, names=False)
    assert "mallory" not in str(caught.value)


def reset(people, name, password=None, method="first-use", names=True, before="set"):
    droplet = Droplet(**{resetting.OPERATION: before})
    told = resetting.reset(droplet, Terminal(), one(people, name), method, password, names=names)
    return droplet, told


def test_a_reset_takes_the_lock_and_leaves_a_line(people):
    droplet, told = reset(people, "ada")
    assert [name for name, _ in droplet.asked] == ["lock", "people.reset_password", "audit.record"]
    assert droplet.asked[1][1] == {"method": "first-use", "name": "ada"}
    entry = droplet.asked[2][1]["entry"]
    assert (entry["person"], entry["verdict"], entry["before"]) == ("ada", "password reset", "set")
    assert told.title == "The password of ada is forgotten" and resetting.AT_ONCE in told.notes


def test_an_admins_password_is_nowhere_but_on_its_way(people):
    droplet, told = reset(people, "teacher", "the first password")
    assert droplet.asked[1][1]["password"] == "the first password"
    assert "HUB_ADMIN_PASSWORD again" in told.title
    for text in (str(droplet.asked[2]), markdown(told), as_json(told)):
        assert "the first password" not in text


def test_in_public_the_name_is_nowhere(people):
    _, told = reset(people, "ada", names=False)
    assert "ada" not in markdown(told) + as_json(told)
    assert told.title == "The password of the account is forgotten" and privacy.WHY in told.notes


def test_nothing_to_forget(people):
    droplet, told = reset(people, "grace")
    assert droplet.asked == [] and told.verdict == "unchanged"


def test_how_they_come_to_a_new_one(people):
    assert "at /hub/signup" in reset(people, "ada", method="sign-up")[1].notes[0]
    assert "next log-in" in reset(people, "ada")[1].notes[0]
    assert reset(people, "old")[1].notes[0] == resetting.NOT_NAMED


# The whole


@pytest.fixture
def act(monkeypatch):
    droplet = Droplet(**{resetting.OPERATION: "set"})
    monkeypatch.setattr(command, "choose", lambda *_: SimpleNamespace(open=lambda: droplet))
    monkeypatch.setattr(command.settings, "load", lambda *_: COURSE)
    monkeypatch.setattr(command, "joined", lambda course, given, *, names: course)
    monkeypatch.setattr(command.Secrets, "from_environment", lambda environ: SECRETS)

    def act(*words, **environ):
        monkeypatch.setattr(command.os, "environ", environ)
        arguments: argparse.Namespace = command.parser("x").parse_args(words)
        return command.act(arguments, Terminal()), droplet

    return act


def test_the_list_in_a_public_repository_counts_only(act, tmp_path):
    told, droplet = act("list", **written(tmp_path, {"repository": {"private": False}}))
    shown = markdown(told) + as_json(told)
    assert told.verdict == "listed" and privacy.WHY in told.notes and "6 accounts" in shown
    assert not any(name in shown for name in SEEN["people"]) and "grace" not in shown
    assert droplet.asked == [("people.look", {"method": "first-use"})]


def test_the_list_in_a_private_repository(act, tmp_path):
    told, _ = act("list", **written(tmp_path, {"repository": {"private": True}}))
    assert "| ada |" in markdown(told)


def test_a_reset_from_the_input_of_a_public_run(act, tmp_path):
    event = {"repository": {"private": False}, "inputs": {"name": "ada"}}
    told, droplet = act("reset-password", **written(tmp_path, event))
    assert told.verdict == "reset" and "ada" not in markdown(told) + as_json(told)
    assert droplet.asked[-2][1]["name"] == "ada"


def test_a_removal_is_confirmed_by_the_runs_other_input(act, tmp_path):
    event = {"repository": {"private": False}, "inputs": {"name": "ada", "confirm": " Ada"}}
    with pytest.raises(InvalidInput) as caught:
        act("remove-files", **written(tmp_path, event))
    assert "ada" not in str(caught.value) and "is on the course's list" in str(caught.value)


def test_what_the_workflow_offers_is_what_there_is():
    text = (REPOSITORY / ".github" / "workflows" / "people.yml").read_text()
    choice = yaml.safe_load(text)[True]["workflow_dispatch"]["inputs"]["action"]
    assert choice["default"] == "list"
    assert choice["options"] == ["list", "reset-password", *command.VERBS]
    for verb in choice["options"]:
        assert command.parser("x").parse_args([verb]).verb == verb
    assert "inputs.name" not in text and "inputs.confirm" not in text, "the log would show it"


def test_a_verb_is_needed(act):
    with pytest.raises(SystemExit):
        act()
