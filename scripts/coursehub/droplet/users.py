"""Administrators' first passwords: so that nobody else can be the first to choose one."""

from __future__ import annotations

import dbm
import json
import secrets
import sqlite3
from pathlib import Path

from coursehub.droplet.system import OperationFailed, run

STATE = Path("/opt/tljh/state")
HUB_PYTHON = "/opt/tljh/hub/bin/python3"
# bcrypt hashes of nobody's password are made with this cheap, old-style prefix, by which they are known
# again; JupyterHub's authenticators write $2b$12$.
LOCKED = b"$2a$04$"

FIRST_USE = """
import bcrypt, dbm, json, sys
order = json.load(sys.stdin)
locked = order["locked"]
salt = lambda: bcrypt.gensalt(4, b"2a") if locked else bcrypt.gensalt()
with dbm.open(order["database"], "c", 0o600) as database:
    for name in order["names"]:
        database[name] = bcrypt.hashpw(order["password"].encode(), salt())
"""

SIGN_UP = """
import bcrypt, json, sys
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from nativeauthenticator.orm import UserInfo
order = json.load(sys.stdin)
locked = order["locked"]
salt = lambda: bcrypt.gensalt(4, b"2a") if locked else bcrypt.gensalt()
engine = create_engine("sqlite:///" + order["database"], connect_args={"timeout": 30})
UserInfo.__table__.create(engine, checkfirst=True)
with Session(engine) as session:
    for name in order["names"]:
        row = session.query(UserInfo).filter_by(username=name).first() or UserInfo(username=name)
        row.password = bcrypt.hashpw(order["password"].encode(), salt())
        row.is_authorized = True
        session.add(row)
    session.commit()
"""

PROGRAMS = {"first-use": (FIRST_USE, "passwords.dbm"), "sign-up": (SIGN_UP, "jupyterhub.sqlite")}


def look(method, admins):
    """For each administrator, whether a password is there: "absent", "locked" or "set"."""
    stored = {"first-use": first_use_hashes, "sign-up": sign_up_hashes}[method](admins)
    return {
        "admins": {
            name: "absent"
            if stored.get(name) is None
            else ("locked" if stored[name].startswith(LOCKED) else "set")
            for name in admins
        }
    }


def first_use_hashes(names):
    """What FirstUseAuthenticator's file holds, {name: bcrypt hash}."""
    path = str(STATE / "passwords.dbm")
    kind = dbm.whichdb(path)
    if kind is None:
        return {}
    try:
        with dbm.open(path, "r") as database:
            return {name: database.get(name.encode()) for name in names}
    except dbm.error as error:
        raise OperationFailed(f"could not read {path}: {error}", "run the deploy again") from error


def sign_up_hashes(names):
    """What NativeAuthenticator's table holds, {name: bcrypt hash}."""
    path = STATE / "jupyterhub.sqlite"
    if not path.exists():
        return {}
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        rows = connection.execute("SELECT username, password FROM users_info").fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise OperationFailed(f"could not read {path}: {error}", "run the deploy again") from error
        rows = []
    finally:
        connection.close()
    return {name: bytes(stored) for name, stored in rows if name in names}


def set_passwords(method, names, password=None):
    """Give each of `names` the password, or, without one, lock the account with a password that nobody
    knows. The password goes to the hub's own Python (which has bcrypt) on standard input.

    A password that is there stays: it came back with the volume, after this was planned.
    """
    settled = ("set", "locked") if password is None else ("set",)
    present = look(method, names)["admins"]
    names = [name for name in names if present[name] not in settled]
    if not names:
        return
    program, database = PROGRAMS[method]
    order = {
        "names": names,
        "password": password or secrets.token_urlsafe(32),
        "locked": password is None,
        "database": str(STATE / database),
    }
    run([HUB_PYTHON, "-c", program], timeout=60, input=json.dumps(order))
