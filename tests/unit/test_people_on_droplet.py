"""What the droplet does about people, on the files that the hub has: dbm and sqlite."""

from __future__ import annotations

import dbm
import dbm.dumb
import importlib
import sqlite3
import sys

import pytest

from coursehub.droplet import people, users
from coursehub.droplet.system import OperationFailed


def is_there(name):
    """Whether this Python has this kind of file."""
    try:
        return bool(importlib.import_module(name))
    except ImportError:
        return False


# The columns of JupyterHub's and NativeAuthenticator's tables that matter here.
TABLES = """
CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(255), admin BOOLEAN, created DATETIME,
last_activity DATETIME);
CREATE TABLE spawners (id INTEGER PRIMARY KEY, user_id INTEGER, server_id INTEGER, name VARCHAR(255));
INSERT INTO users VALUES (1, 'teacher', 1, '2025-10-01 08:00:00.000000', '2025-10-05 09:12:00.123456');
INSERT INTO users VALUES (2, 'ada', 0, '2025-10-01 08:00:00.000000', '2025-10-05 10:00:00.000000');
INSERT INTO users VALUES (3, 'grace', 0, '2025-10-01 08:00:00.000000', NULL);
INSERT INTO spawners VALUES (1, 2, 7, ''), (2, 2, NULL, 'second'), (3, 1, NULL, '');
"""
SIGN_UP = """
CREATE TABLE users_info (id INTEGER PRIMARY KEY AUTOINCREMENT, username VARCHAR(128) NOT NULL,
password BLOB NOT NULL, is_authorized BOOLEAN, email VARCHAR(128), has_2fa BOOLEAN, otp_secret VARCHAR(16));
"""
HASH, LOCKED = b"$2b$12$abcdefghijklmnopqrstuv", users.LOCKED + b"zzz"
KINDS = [name for name in ("dbm.dumb", "dbm.gnu", "dbm.ndbm", "dbm.sqlite3") if is_there(name)]
# In place of the hub's Python and its bcrypt: the password, in a form that is never twice the same.
GIVE = """
import dbm, json, sys, time
order = json.load(sys.stdin)
with dbm.open(order["database"], "c") as file:
    for name in order["names"]:
        file[name] = f"{time.time_ns()} {order['password']}"
"""


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The hub's state, with three people in its database and no passwords; and two homes."""
    monkeypatch.setattr(users, "STATE", tmp_path)
    monkeypatch.setattr(users, "HUB_PYTHON", sys.executable)
    monkeypatch.setattr(people, "HOMES", tmp_path / "home")
    monkeypatch.setattr(people, "SETTLED", 0.01)
    run_script(tmp_path, TABLES)
    for account in ("jupyter-ada", "jupyter-teacher", "ubuntu"):
        (tmp_path / "home" / account).mkdir(parents=True)
    (tmp_path / "home" / "jupyter-ada" / "data").write_bytes(b"x" * (1 << 20))
    return tmp_path


def run_script(folder, script):
    database = sqlite3.connect(folder / "jupyterhub.sqlite")
    database.executescript(script)
    database.close()


@pytest.fixture(params=KINDS)
def first_use(request, state):
    """FirstUseAuthenticator's file, of every kind that this Python has: the names in it."""
    kind = importlib.import_module(request.param)
    with kind.open(str(state / "passwords.dbm"), "c", 0o600) as file:
        file["ada"] = file["straße"] = HASH
        file["teacher"] = LOCKED

    def names():
        with dbm.open(str(state / "passwords.dbm"), "r") as file:
            return {key.decode() for key in file.keys()}  # noqa: SIM118

    return names


@pytest.fixture
def sign_up(state):
    """NativeAuthenticator's table: the names in it."""
    run_script(state, SIGN_UP)
    database = sqlite3.connect(state / "jupyterhub.sqlite")
    entries = [("ada", HASH, 1), ("newcomer", HASH, 0), ("teacher", LOCKED, 1)]
    insert = "INSERT INTO users_info (username, password, is_authorized) VALUES (?, ?, ?)"
    database.executemany(insert, entries)
    database.commit()
    yield lambda: {name for (name,) in database.execute("SELECT username FROM users_info")}
    database.close()


def test_who_there_is(first_use):
    found = people.look("first-use")["people"]
    assert found["ada"] == {
        "known": True,
        "admin": False,
        "last_activity": "2025-10-05 10:00:00.000000",
        "running": True,
        "password": "set",
        "approved": None,
    }
    assert (found["teacher"]["admin"], found["teacher"]["password"]) == (True, "locked")
    assert (found["grace"]["password"], found["grace"]["last_activity"]) == ("absent", None)
    assert not found["teacher"]["running"] and not found["straße"]["known"]


def test_who_signed_up(sign_up):
    found = people.look("sign-up")["people"]
    assert {name: one["approved"] for name, one in found.items()} == {
        "ada": True, "newcomer": False, "teacher": True, "grace": None
    }  # fmt: skip
    assert found["newcomer"]["known"] is False and found["teacher"]["password"] == "locked"


def test_the_list_as_the_last_deploy_brought_it(state, monkeypatch):
    file = state / "config.yaml"
    monkeypatch.setattr(people.hub, "CONFIG", file)
    assert people.look("first-use")["deployed"] is None
    file.write_text('# ours\n{"users": {"allowed": ["ada"], "admin": []}}\n')
    assert people.look("first-use")["deployed"] == {"allowed": ["ada"], "admin": []}
    for other in ("users:\n  allowed: [ada]\n", "{}", "# nothing\n", "[]"):
        file.write_text(other)
        assert people.look("first-use")["deployed"] is None, other


def test_how_much_the_homes_take(state):
    homes = people.look("first-use")["homes"]
    assert set(homes) == {"jupyter-ada", "jupyter-teacher"}
    assert homes["jupyter-ada"] >= 1 << 20 > homes["jupyter-teacher"]


def test_homes_that_take_too_long_to_measure(state, monkeypatch):
    monkeypatch.setattr(people, "MEASURING", 0)
    assert people.look("first-use")["homes"] == {"jupyter-ada": None, "jupyter-teacher": None}


def test_a_hub_in_which_nobody_was_yet(state):
    (state / "jupyterhub.sqlite").unlink()
    for method in ("first-use", "sign-up"):
        assert people.look(method)["people"] == {}
        assert people.reset_password(method, "ada") == "absent"


def test_a_hub_without_anybody_who_signed_up(state):
    assert people.look("sign-up")["people"]["ada"]["password"] == "absent"


def test_records_that_cannot_be_read(state):
    (state / "jupyterhub.sqlite").write_text("this is no database, though it is long enough for one" * 9)
    with pytest.raises(OperationFailed, match="cannot be read"):
        people.look("sign-up")


def test_a_first_use_password_is_forgotten(first_use):
    assert people.reset_password("first-use", "ada") == "set"
    assert first_use() == {"teacher", "straße"}
    assert people.reset_password("first-use", "straße") == "set"
    assert people.reset_password("first-use", "ada") == "absent"
    assert first_use() == {"teacher"}


def test_a_log_in_that_writes_back_what_it_read(state, monkeypatch):
    """The simplest kind of file: a log-in under way has all of its index, and writes it whole at its end."""
    file = str(state / "passwords.dbm")
    with dbm.dumb.open(file, "c") as begun:
        begun["ada"] = begun["bob"] = HASH
    slow = dbm.dumb.open(file, "c")  # noqa: SIM115 closed in the middle of what is tested
    pauses = []

    def pause(seconds):
        if not pauses:
            slow["newcomer"] = HASH
            slow.close()
        pauses.append(seconds)

    monkeypatch.setattr(people.time, "sleep", pause)
    assert people.reset_password("first-use", "ada") == "set"
    assert set(people.passwords("first-use")) == {"bob", "newcomer"} and len(pauses) == 2


def test_one_that_comes_back_each_time(state, monkeypatch):
    monkeypatch.setitem(people.FORGETTING, "first-use", lambda name: None)
    with dbm.dumb.open(str(state / "passwords.dbm"), "c") as file:
        file["ada"] = HASH
    with pytest.raises(OperationFailed, match="still the old one") as caught:
        people.reset_password("first-use", "ada")
    assert "ada" not in str(caught.value)


def test_a_file_that_a_log_in_has(state, monkeypatch):
    with dbm.dumb.open(str(state / "passwords.dbm"), "c") as file:
        file["ada"] = HASH
    real, refusals = dbm.open, [OSError(11, "Resource temporarily unavailable")] * 2

    def reluctant(*arguments):
        if refusals:
            raise refusals.pop()
        return real(*arguments)

    monkeypatch.setattr(people.dbm, "open", reluctant)
    assert set(people.passwords("first-use")) == {"ada"}
    refusals += [OSError(11, "Resource temporarily unavailable")] * 50
    monkeypatch.setattr(people, "PATIENCE", 0.1)
    with pytest.raises(OperationFailed, match="cannot be opened"):
        people.passwords("first-use")


def test_a_sign_up_is_forgotten(sign_up):
    assert people.reset_password("sign-up", "ada") == "set"
    assert sign_up() == {"newcomer", "teacher"}
    assert people.reset_password("sign-up", "ada") == "absent"


def test_a_hub_that_is_writing(state, sign_up, monkeypatch):
    monkeypatch.setattr(people, "PATIENCE", 0.1)
    busy = sqlite3.connect(state / "jupyterhub.sqlite", isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    with pytest.raises(OperationFailed, match="cannot be changed"):
        people.reset_password("sign-up", "ada")
    busy.execute("ROLLBACK")
    busy.close()
    assert people.reset_password("sign-up", "ada") == "set"


def test_an_admin_is_given_a_password(state, monkeypatch):
    monkeypatch.setitem(users.PROGRAMS, "first-use", (GIVE, "passwords.dbm"))
    secret = "correct horse 'battery\" staple % ü"
    assert people.reset_password("first-use", "teacher", secret) == "absent"
    assert people.passwords("first-use")["teacher"][0].decode().endswith(secret)
    assert people.reset_password("first-use", "teacher", secret) == "set"


def test_an_admin_whose_password_could_not_be_given(state, monkeypatch):
    monkeypatch.setitem(users.PROGRAMS, "first-use", ("raise SystemExit('no bcrypt')", "passwords.dbm"))
    monkeypatch.setattr(people, "TIMES", 2)
    with pytest.raises(OperationFailed) as caught:
        people.reset_password("first-use", "teacher", "a secret")
    assert "no bcrypt" in caught.value.detail and "a secret" not in caught.value.detail
