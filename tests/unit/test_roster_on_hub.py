"""The roster of course.yml and of the secret together, and what the hub is told of it."""

from __future__ import annotations

import json
import sqlite3
from types import SimpleNamespace

import pytest
from traitlets.config import Config

from course_folder import assert_only, make_course, problems_of
from coursehub.command import WORDS
from coursehub.droplet import by_hand, hub_api, people
from coursehub.droplet import configuration as droplet_configuration
from coursehub.droplet import roster as on_droplet
from coursehub.droplet.system import OperationFailed
from coursehub.model import Step, StepResult
from coursehub.outcome import Outcome
from coursehub.parts import configuration, users
from coursehub.problems import Failure, InvalidInput
from coursehub.roster.changes import changes, many_leave
from coursehub.roster.discretion import discreet, discreet_outcome
from coursehub.roster.hub import ROSTER_FILE, people_snippet, roster_file
from coursehub.roster.joining import joined
from coursehub.roster.people import Person, Roster, in_words
from coursehub.roster.reading import people_from
from coursehub.secrets import Secrets
from coursehub.settings import load

COURSE = """\
admins: [teacher]
users:
  - ada
  - {name: grace, role: assistant, group: monday}
  - {name: alan, role: admin}
  - {name: tim, group: monday}
"""
ASSISTED = Roster((Person("teacher", "admin"), Person("grace", "assistant", ("monday",)), Person("ada")))


def everybody(root, text="", *, names=False, course=COURSE):
    return joined(load(make_course(root, course)), people_from(text) if text else (), names=names)


def test_names_and_entries_in_course_yml(tmp_path):
    settings = load(make_course(tmp_path, COURSE))
    assert settings.admins == ("teacher", "alan") and settings.users == ("ada", "grace", "tim")
    assert settings.roster.of_role("assistant") == ("grace",)
    assert settings.roster.groups == {"monday": ["grace", "tim"]}
    assert [str(person.place) for person in settings.roster.people][:3] == [
        "course.yml, line 1",
        "course.yml, line 3",
        "course.yml, line 4",
    ]


# course.yml, line, key, found, words
MISTAKES = {
    "role": ("users:\n  - {name: ada, role: boss}\n", 2, "users.role", "boss", "student, assistant or admin"),
    "capital role": ("users: [{name: ada, role: Admin}]\n", 1, "users.role", "Admin", "mean admin?"),
    "group": ("users: [{name: ada, group: Lab 2}]\n", 1, "users.group", "Lab 2", "Did you mean lab-2?"),
    "everybody": ("users: [{name: ada, group: students}]\n", 1, "users.group", "students", "all students"),
    "name": ("users: [{name: Ada}]\n", 1, "users.name", "Ada", "Did you mean ada?"),
    "number": ("users: [{name: 123}]\n", 1, "users.name", "123", '"123"'),
    "no name": ("users:\n  - {role: student}\n", 2, "users", None, "has no name"),
    "other key": ("users: [{name: ada, roll: x}]\n", 1, "users.roll", None, "Did you mean role?"),
    "twice": ("users:\n  - ada\n  - {name: ada, group: lab}\n", 3, "users", "ada", "twice", "line 2"),
}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_mistakes_in_entries(tmp_path, mistake):
    text, *expected = mistake
    assert_only(problems_of(make_course(tmp_path, text)), "course.yml", *expected)


def test_whoever_is_in_both_is_one_person(tmp_path):
    settings = everybody(tmp_path, "username,role,group\nada,,tuesday\ngrace,student,lab\nnew,admin,\n")
    assert settings.admins == ("teacher", "alan", "new") and settings.users == ("ada", "grace", "tim")
    assert settings.roster.groups == {"monday": ["grace", "tim"], "tuesday": ["ada"]}
    assert settings.roster.of_role("assistant") == ("grace",)
    assert settings.roster.hidden == {"new"}


def test_two_places_that_share_an_account_are_both_told(tmp_path, monkeypatch):
    monkeypatch.setattr("coursehub.roster.joining.unix_account", lambda name: name[:3])
    with pytest.raises(InvalidInput) as caught:
        everybody(tmp_path, "username\nzoe\nadam\n")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("secret HUB_USERS", 3)
    assert "course.yml, line 3" in problem.message and "ada" not in str(problem).replace("HUB_", "")


def test_names_are_listed_only_where_nobody_else_reads_them(tmp_path):
    assert everybody(tmp_path / "a", names=True).roster.names
    assert not everybody(tmp_path / "b").roster.names
    assert not everybody(tmp_path / "c", "zoe\n", names=True).roster.names
    before, after = {"ada", "bob"}, {"ada", "grace", "tim"}
    assert changes(before, after, names=True) == ("+ grace, tim", "- bob")
    assert changes(before, after, names=False) == ("+ 2 people, - 1 person",)
    assert changes(set(), {str(number) for number in range(11)}, names=True) == ("+ 11 people",)
    assert changes(before, before, names=True) == changes(None, after, names=True) == ()
    assert in_words(["teacher", "new", "other"], {"new", "other"}) == "teacher and 2 more"
    assert in_words(["new"], {"new"}) == "1 person" and in_words(["teacher"], ()) == "teacher"


def test_a_plan_tells_how_many_come_and_leave(tmp_path):
    before = configuration.want(everybody(tmp_path / "a", "zoe\n"), Secrets())
    seen = {path: file["text"] for path, file in before.files.items()}
    after = configuration.want(everybody(tmp_path / "b", "tom\nann\n"), Secrets())
    state = {"files": seen, "applied": before.digest, "problem": None, "refusal": None, "served": None}
    (step,) = configuration.plan(after, state | {"resolved": [], "addresses": []}, {"address": "203.0.113.7"})
    assert step.details == ("~ roster.json", "~ config.yaml", "+ 2 people, - 1 person")
    assert "zoe" not in step.title + str(step.details)


def test_a_list_that_was_forgotten_shuts_nobody_out_without_a_word(tmp_path):
    many = "\n".join(f"student-{number}" for number in range(20))
    before = configuration.want(everybody(tmp_path / "a", many), Secrets())
    seen = {path: file["text"] for path, file in before.files.items()}
    state = {"files": seen, "applied": before.digest, "problem": None, "refusal": None, "served": None}
    after = configuration.want(everybody(tmp_path / "b"), Secrets())
    (step,) = configuration.plan(after, state | {"resolved": [], "addresses": []}, {"address": "203.0.113.7"})
    assert step.needs in WORDS and "shut out" in step.title and step.details[-1] == "- 20 people"
    half = configuration.want(everybody(tmp_path / "c", "\n".join(many.split()[:12])), Secrets())
    (step,) = configuration.plan(half, state | {"resolved": [], "addresses": []}, {"address": "203.0.113.7"})
    assert step.needs == ""
    assert not many_leave({"a", "b", "c"}, ()) and not many_leave(None, ())


def test_what_goes_wrong_names_nobody_in_public():
    detail = (
        "[W 2026-01-02 10:00:00.000 JupyterHub app:2275] Removing blocked user left from roles: user\n"
        "[E 2026-01-02 10:00:00.000 JupyterHub app:3000] Failed to stop ada\n"
        "ImportError: no module adaptation"
    )
    error = Failure("/home/jupyter-left belongs to user 1001", "ask ada", detail)
    shown = discreet(error, {"ada"})
    assert shown.message == "/home/(somebody) belongs to user 1001" and shown.fix == "ask (somebody)"
    assert shown.detail.splitlines() == [
        "[E 2026-01-02 10:00:00.000 JupyterHub app:3000] Failed to stop (somebody)",
        "ImportError: no module adaptation",
    ]
    assert discreet(error, ()) is error and discreet(None, {"ada"}) is None
    step = Step("hub", "Restart", "x", {})
    outcome = Outcome(
        "failed", None, None, None, None, 1.0, 1, (StepResult(step, 1.0, "ada is there"),), (), (), (), error
    )
    assert discreet_outcome(outcome, {"ada"}).steps[0].error == "(somebody) is there"
    assert discreet_outcome(outcome, ()) is outcome


def test_an_admin_of_the_secret_is_locked_like_the_others_and_not_named(tmp_path):
    want = users.want(everybody(tmp_path, "username,role\nsecretive,admin\n"), Secrets())
    (step,) = users.plan(want, {"admins": dict.fromkeys(want.admins, "absent")}, {})
    assert step.parameters["names"] == ["teacher", "alan", "secretive"]
    assert step.title == "Lock the account of teacher, alan and 1 more"
    assert "secretive" not in step.title + str(step.details)


# What the hub makes of it


def configured(roster, database, everybody_may=False, own="", by_hand=None):
    """JupyterHub's configuration after the file was read, as traitlets reads it: each by itself. `by_hand` is
    what scripts/people.py noted, or the text of that file."""
    c = Config()
    c.Authenticator.allow_all = everybody_may
    file, noted = database.with_name("roster.json"), database.with_name("by-hand.json")
    file.write_text(roster_file(roster, {}, everybody_may))
    if by_hand is not None:
        noted.write_text(by_hand if isinstance(by_hand, str) else json.dumps(by_hand))
    text = own + people_snippet(everybody_may)
    for place, here in (
        (ROSTER_FILE, file),
        ("/opt/tljh/state/jupyterhub.sqlite", database),
        ("/opt/tljh/state/coursehub-by-hand.json", noted),
    ):
        text = text.replace(place, str(here))
    exec(compile(text, "x", "exec"), {"c": c})
    return c


def merged(c, name, base=()):
    """A list of names as JupyterHub gets it, where config.yaml says `base`."""
    value = c.Authenticator.get(name, set())
    return value.get_value(set(base)) if hasattr(value, "get_value") else set(base) | value


@pytest.fixture
def database(tmp_path):
    """The hub's, with somebody who left and two groups: one of the roster's, one of an admin's."""
    path = tmp_path / "jupyterhub.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(
            """CREATE TABLE users (id INTEGER, name TEXT, admin BOOLEAN);
            CREATE TABLE roles (id INTEGER, name TEXT);
            CREATE TABLE user_role_map (user_id INTEGER, role_id INTEGER);
            INSERT INTO roles VALUES (1, 'admin'), (2, 'user');
            CREATE TABLE groups (id INTEGER, name TEXT, properties TEXT);
            CREATE TABLE user_group_map (user_id INTEGER, group_id INTEGER);
            INSERT INTO users VALUES (1, 'ada', 0), (2, 'left', 0), (3, 'grace', 1), (4, 'teacher', 1);
            INSERT INTO user_role_map VALUES (1, 2), (3, 1), (3, 2), (4, 1);
            INSERT INTO groups VALUES (1, 'monday', '{"coursehub": true}'), (2, 'chess', '{}');
            INSERT INTO user_group_map VALUES (1, 1), (1, 2), (3, 1);"""
        )
    return path


def test_who_left_is_blocked_and_whoever_is_named_is_not(database):
    c = configured(ASSISTED, database)
    assert c.Authenticator.blocked_users == {"left"}
    assert c.Authenticator.allow_existing_users is False
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT * FROM user_group_map").fetchall() == [(1, 2), (3, 1)]
    groups = c.JupyterHub.load_groups.get_value({})
    assert groups["monday"]["users"] == [], "grace is there already"
    assert groups["students"]["users"] == ["ada"]


def test_whom_the_courses_own_additions_let_in_stays(database):
    for own in (
        "c.Authenticator.allowed_users = {'left'}\n",
        "c.Authenticator.allowed_users.update({'left'})\n",
    ):
        assert configured(ASSISTED, database, own=own).Authenticator.blocked_users == set()


def test_whoever_is_named_otherwise_is_no_admin_any_more(database):
    configured(ASSISTED, database)
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT name FROM users WHERE admin").fetchall() == [("teacher",)]
        assert connection.execute("SELECT * FROM user_role_map").fetchall() == [(1, 2), (3, 2), (4, 1)]


def test_whom_an_admin_let_in_with_sign_up_stays(database):
    c = configured(ASSISTED, database, everybody_may=True)
    assert "blocked_users" not in c.Authenticator and "allow_existing_users" not in c.Authenticator
    (role,) = c.JupyterHub.load_roles.get_value([])
    assert "servers" in role["scopes"] and "students" not in c.JupyterHub.load_groups.get_value({})


def test_what_was_done_by_hand_holds_when_the_hub_starts_anew(database):
    by_hand = {"added": {"left": {}, "zoe": {}}, "blocked": {"ada": {}}, "admins": {"grace": {}, "old": {}}}
    c = configured(ASSISTED, database, by_hand=by_hand)
    assert c.Authenticator.blocked_users == {"ada"}, "a block holds whatever the list says"
    assert merged(c, "allowed_users", {"teacher"}) == {"teacher", "left", "zoe", "grace"}
    assert merged(c, "admin_users", {"teacher"}) == {"teacher", "grace"}, "who is on no list is no admin"
    assert set(c.JupyterHub.load_groups.get_value({})["students"]["users"]) == {"ada", "left", "zoe"}
    with sqlite3.connect(database) as connection:
        names = connection.execute("SELECT name FROM users WHERE admin").fetchall()
    assert names == [("grace",), ("teacher",)], "nor is an admin by hand made none"


def test_what_was_done_by_hand_with_sign_up(database):
    by_hand = {"added": {}, "blocked": {"ada": {}}, "admins": {"newcomer": {}}}
    c = configured(ASSISTED, database, everybody_may=True, by_hand=by_hand)
    assert merged(c, "blocked_users") == {"ada"} and merged(c, "admin_users") == {"newcomer"}


def test_a_note_that_cannot_be_read_does_not_keep_the_hub_from_starting(database, capsys):
    c = configured(ASSISTED, database, by_hand="{")
    assert c.Authenticator.blocked_users == {"left"} and "cannot be read" in capsys.readouterr().out


def test_a_hub_that_was_never_started_has_nobody_to_block(tmp_path):
    c = configured(ASSISTED, tmp_path / "none")
    assert c.Authenticator.blocked_users == set()
    (tmp_path / "empty").touch()
    c = configured(Roster(), tmp_path / "empty")
    assert c.Authenticator.blocked_users == set()
    assert c.JupyterHub.load_groups.get_value({}) == {}
    assert c.JupyterHub.load_roles.get_value([])[0]["users"] == []


def test_an_assistant_is_limited_to_the_students(tmp_path):
    c = configured(ASSISTED, tmp_path / "none")
    (role,) = c.JupyterHub.load_roles.get_value([])
    assert role["users"] == ["grace"]
    assert all(scope == "admin-ui" or scope.endswith("!group=students") for scope in role["scopes"])
    assert not any(scope.startswith(("access:", "admin:")) for scope in role["scopes"])
    groups = c.JupyterHub.load_groups.get_value({})
    assert groups["students"]["users"] == ["ada"] and groups["monday"]["users"] == ["grace"]


def test_the_courses_own_roles_are_added_to(tmp_path):
    own = "c.JupyterHub.load_roles = [{'name': 'mine'}]\nc.JupyterHub.load_groups = {'mine': {'users': []}}\n"
    c = configured(ASSISTED, tmp_path / "none", own=own)
    assert [role["name"] for role in c.JupyterHub.load_roles] == ["mine", "assistant"]
    assert {"mine", "monday", "students"} == set(c.JupyterHub.load_groups)


# The hub that runs


def a_change(tmp_path, before, after, more=lambda folder: None):
    """The step from one roster to another, on a hub that was seen healthy with the first."""
    old, new = (make_course(tmp_path / name, text) for name, text in (("a", before), ("b", after)))
    for folder in (old, new):
        more(folder)
    was = configuration.want(joined(load(old), (), names=True), Secrets())
    seen = {path: file.get("text") for path, file in was.files.items()}
    state = {"files": seen, "applied": was.digest, "problem": None, "refusal": None, "served": None}
    wanted = configuration.want(joined(load(new), (), names=True), Secrets())
    about = state | {"resolved": [], "addresses": []}
    return configuration.plan(wanted, about, {"address": "203.0.113.7"}), wanted, about


def test_another_roster_alone_restarts_nothing(tmp_path):
    (step,), *_ = a_change(tmp_path, COURSE, COURSE.replace("  - ada\n", "  - zoe\n"))
    assert (step.title, step.parameters["reload"]) == ("Apply the roster", "roster")
    assert step.details[-2:] == ("+ zoe", "- ada")
    assert step.parameters["people"] == {"file": ROSTER_FILE, "others": False}


def test_another_role_is_told_too(tmp_path):
    (step,), *_ = a_change(tmp_path, COURSE, COURSE.replace("role: assistant", "role: student"))
    assert (step.parameters["reload"], step.details) == ("roster", ("~ roster.json",))


def test_with_anything_else_the_hub_starts_anew(tmp_path):
    other = COURSE.replace("  - ada\n", "  - zoe\n") + "idle: {stop_after_minutes: 90}\n"
    (step,), *_ = a_change(tmp_path, COURSE, other)
    assert (step.title, step.parameters["reload"]) == ("Apply the hub's configuration", "hub")


def test_where_the_courses_own_additions_are_about_people_the_hub_starts_anew(tmp_path):
    def own(folder):
        (folder / "jupyterhub_config.py").write_text("c.Authenticator.allowed_users.add('guest')\n")

    (step,), *_ = a_change(tmp_path, COURSE, COURSE.replace("  - ada\n", "  - zoe\n"), own)
    assert step.parameters["reload"] == "hub"


def test_after_an_interruption_the_hub_starts_anew(tmp_path):
    _, wanted, seen = a_change(tmp_path, COURSE, COURSE.replace("  - ada\n", "  - zoe\n"))
    text = wanted.files[ROSTER_FILE]["text"]
    half = {**seen, "files": {**seen["files"], ROSTER_FILE: text}}
    (step,) = configuration.plan(wanted, half, {"address": "203.0.113.7"})
    assert step.parameters["reload"] == "hub"
    (step,) = configuration.plan(wanted, {**seen, "applied": None}, {"address": "203.0.113.7"})
    assert step.parameters["reload"] == "hub"


def told(roster, before, known, others, **noted):
    noted = {"added": {}, "blocked": {}, "admins": {}} | noted
    order = on_droplet.ordered(before, json.loads(roster_file(roster, {}, others)), known, others, noted)
    return {one.pop("name"): one for one in order}


def test_the_running_hub_is_told_of_everybody_and_of_those_who_are_to_go():
    told_of = told(ASSISTED, {"admins": [], "users": ["left"]}, {"stranger", "ada"}, False)
    nothing = {"allowed": False, "named": False, "admin": False, "assistant": False, "groups": []}
    assert told_of["stranger"] == nothing and "left" not in told_of, "who left holds nothing"
    student = {"allowed": True, "named": True, "admin": False, "assistant": False}
    assert told_of["ada"] == student | {"groups": ["students"]}
    assert told_of["grace"] == student | {"assistant": True, "groups": ["monday"]}
    assert told_of["teacher"] == student | {"admin": True, "groups": []}


def test_where_others_come_in_nobody_is_shut_out():
    before = {"admins": ["gone"], "users": ["ada"]}
    told_of = told(ASSISTED, before, {"gone", "stranger", "ada"}, True)
    assert set(told_of) == {"teacher", "grace", "ada", "gone"}
    gone = told_of["gone"]
    assert gone["allowed"] and not (gone["named"] or gone["admin"])


def test_what_was_done_by_hand_holds_when_the_roster_changes():
    noted = {"added": {"zoe": {}}, "blocked": {"ada": {}}, "admins": {"grace": {}, "old": {}}}
    told_of = told(ASSISTED, {}, {"ada", "old", "zoe"}, False, **noted)
    assert not told_of["ada"]["allowed"] and not told_of["old"]["allowed"]
    assert told_of["zoe"]["allowed"] and told_of["zoe"]["groups"] == ["students"]
    assert told_of["grace"]["admin"] and told_of["grace"]["groups"] == ["monday"]


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """The droplet's side of a deploy, where the hub notes what it is told; its `fails` are errors."""
    hub = SimpleNamespace(told=None, stopped=[], restarted=[], fails=None, said=[], folder=tmp_path)

    def settle(order):
        if hub.fails:
            raise OperationFailed(hub.fails)
        hub.told = {one["name"]: one["allowed"] for one in order}

    monkeypatch.setattr(hub_api, "settle", settle)
    monkeypatch.setattr(hub_api, "stop_server", lambda name, seconds: hub.stopped.append(name))
    monkeypatch.setattr(by_hand.users, "STATE", tmp_path)
    monkeypatch.setattr(people, "rows", lambda query: [("ada", 1), ("left", 1)])
    monkeypatch.setattr(droplet_configuration, "restart", lambda what: hub.restarted.append(what))
    monkeypatch.setattr(droplet_configuration, "problem_for_students", lambda: None)
    monkeypatch.setattr(droplet_configuration, "GOOD", tmp_path / "good.json")
    monkeypatch.setattr(droplet_configuration, "APPLIED", tmp_path / "applied.json")
    return hub


def apply_roster(hub):
    file = hub.folder / "roster.json"
    files = {str(file): {"text": roster_file(ASSISTED, {}, False), "mode": 0o600}}
    about = {"file": str(file), "others": False}
    droplet_configuration.apply(files, "roster", hub.said.append, people=about)
    assert json.loads(file.read_text())["users"] == ["ada", "grace"]
    applied = json.loads((hub.folder / "applied.json").read_text())
    assert applied["digest"] == droplet_configuration.digest(files)


def test_the_running_hub_is_told_and_not_restarted(hub):
    apply_roster(hub)
    assert hub.told == {"ada": True, "grace": True, "left": False, "teacher": True}
    assert hub.stopped == ["left"] and hub.restarted == []


def test_a_hub_that_does_not_take_the_roster_is_restarted(hub):
    hub.fails = "the hub answered 404 to POST"
    apply_roster(hub)
    assert hub.restarted == ["hub"] and "404" in hub.said[0]
