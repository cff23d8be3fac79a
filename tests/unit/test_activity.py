"""Whether somebody is at work, from the hub's own records."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from coursehub.droplet import activity
from coursehub.droplet.system import OperationFailed

# The columns of JupyterHub 5's tables (jupyterhub/orm.py) that matter here.
USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(255))"
NAMES = {1: "ada", 2: "coursehub-canary"}
TABLE = """CREATE TABLE spawners (id INTEGER PRIMARY KEY, user_id INTEGER, server_id INTEGER, state TEXT,
name VARCHAR(255), started DATETIME, last_activity DATETIME, user_options TEXT)"""


@pytest.fixture
def spawner(tmp_path, monkeypatch):
    """Adds one: whether it runs, and how many minutes ago it was started and last used."""
    file = tmp_path / "jupyterhub.sqlite"
    monkeypatch.setattr(activity, "DATABASE", file)
    database = sqlite3.connect(file)
    database.execute(TABLE)
    database.execute(USERS)
    database.executemany("INSERT INTO users VALUES (?, ?)", NAMES.items())
    database.commit()

    def add(runs: bool, started: float, used: float | None, user: int = 1) -> None:
        moments = [None if ago is None else when(ago) for ago in (started, used)]
        row = (user, 1 if runs else None, *moments)
        columns = "user_id, server_id, started, last_activity"
        database.execute(f"INSERT INTO spawners ({columns}) VALUES (?, ?, ?, ?)", row)
        database.commit()

    yield add
    database.close()


def when(minutes: float) -> str:
    """As SQLAlchemy writes a time without a zone."""
    moment = datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=minutes)
    return moment.isoformat(sep=" ", timespec="microseconds")


def test_nobody(spawner):
    spawner(False, 90, 1)
    assert activity.look() == {"running": 0, "quiet": None}


def test_the_latest_of_all_counts(spawner):
    spawner(True, 90, 30)
    spawner(True, 90, 3)
    spawner(True, 2000, 1000)
    found = activity.look()
    assert found["running"] == 3 and found["quiet"] == pytest.approx(180, abs=5)


def test_one_that_has_just_been_started(spawner):
    spawner(True, 1, None)
    assert activity.look()["quiet"] == pytest.approx(60, abs=5)


def test_the_canary_is_nobody(spawner):
    spawner(True, 1, 1, user=2)
    assert activity.look() == {"running": 0, "quiet": None}


def test_a_hub_that_was_never_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(activity, "DATABASE", tmp_path / "none")
    assert activity.look() == {"running": 0, "quiet": None}


def test_records_that_cannot_be_read(tmp_path, monkeypatch):
    file = tmp_path / "broken"
    file.write_text("this is no database")
    monkeypatch.setattr(activity, "DATABASE", file)
    with pytest.raises(OperationFailed, match="cannot be read"):
        activity.look()
