"""The people of the hub: who there is, and a forgotten password. All of it while the hub runs."""

from __future__ import annotations

import contextlib
import dbm
import json
import os
import re
import sqlite3
import time
from pathlib import Path

from coursehub.droplet import by_hand, home_files, hub, users
from coursehub.droplet.homes import HOMES, PREFIX
from coursehub.droplet.system import OperationFailed, read_json, read_text, run

CANARY = "coursehub-canary"
"""Nobody's account: the check of the hub's health makes it, and removes it (watchdog/canary.py)."""

PATIENCE = 10.0
"""Seconds: the hub holds its files for a moment only, while somebody logs in."""
SETTLED = 0.5
"""A log-in that had begun before us has written its file by then; it lasts as long as one hash takes."""
TIMES = 10
MEASURING = 60.0
# JupyterHub's own tables (jupyterhub/orm.py): a spawner has a server while it runs. Times are in UTC.
KNOWN = """SELECT name, admin, last_activity, EXISTS (
SELECT 1 FROM spawners WHERE user_id = users.id AND server_id IS NOT NULL) FROM users"""
SIGNED_UP = "SELECT username, password, is_authorized FROM users_info"
FORGET = "DELETE FROM users_info WHERE username = ?"


def look(method):
    """Everybody whom the hub knows: {"people": {name: {"known", "admin", "last_activity", "running",
    "password", "approved"}}, "homes": {Unix account: bytes, or None where that took too long}, "by_hand": see
    there, "unfinished": homes whose removal was cut off, "deployed": {"allowed", "admin"}, the list as the
    last deploy brought it, None where there was none}.

    `password` is "absent", "locked" or "set"; `approved` is None where the hub itself approves nobody.
    `known` tells whether the hub has an account, or just a password.
    """
    found = {}
    for name, admin, used, running in rows(KNOWN):
        found[name] = nobody() | {
            "known": True, "admin": bool(admin), "last_activity": used, "running": bool(running)
        }  # fmt: skip
    for name, (stored, approved) in passwords(method).items():
        found.setdefault(name, nobody()).update(password=kind(stored), approved=approved)
    sizes = homes()
    if canary() is not None:
        found.pop(CANARY, None)
        sizes.pop(PREFIX + CANARY, None)
    return {
        "people": found,
        "homes": sizes,
        "by_hand": by_hand.look(),
        "unfinished": home_files.unfinished(HOMES),
        "deployed": deployed(),
    }


def canary_file():
    """It lies where the hub's accounts do, and so goes where they go."""
    return users.STATE / "coursehub-canary.json"


def canary():
    """What is noted of the canary's account: {"began", ...}, as long as there may be one; else None."""
    if not canary_file().exists():
        return None
    noted = read_json(canary_file())
    return noted if isinstance(noted, dict) else {}


def deployed():
    """config.yaml is JSON below its first line, as a deploy writes it."""
    text = read_text(hub.CONFIG)
    try:
        listed = json.loads(re.sub(r"\A(#.*\n)*", "", text or ""))["users"]
        return {kind: list(listed[kind]) for kind in ("allowed", "admin")}
    except (ValueError, KeyError, TypeError):
        return None


def nobody():
    return {
        "known": False,
        "admin": False,
        "last_activity": None,
        "running": False,
        "password": "absent",
        "approved": None,
    }


def kind(stored):
    """What a bcrypt hash says: nobody's password is told by its prefix (see `users`)."""
    return "locked" if stored.startswith(users.LOCKED) else "set"


def database():
    return users.STATE / "jupyterhub.sqlite"


def rows(query):
    """What the hub's database has; nothing where there is no database, or not the table."""
    if not database().exists():
        return []
    try:
        address = f"file:{database()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error as error:
        if "no such table" in str(error):
            return []
        raise OperationFailed(f"the hub's records of its people cannot be read: {error}") from error


def passwords(method):
    """{name: (hash, approved)} of everybody who has a password; nobody where a provider knows people."""
    if method not in users.PROGRAMS:
        return {}
    if method == "sign-up":
        return {name: (bytes(stored), bool(approved)) for name, stored, approved in rows(SIGNED_UP)}
    with opened("r") as file:
        # Not every kind of these files can be iterated over.
        return {name.decode(): (file[name], None) for name in ([] if file is None else file.keys())}


@contextlib.contextmanager
def opened(flag):
    """FirstUseAuthenticator's file, or None where there is none. While a log-in has it, some kinds of it
    refuse to be opened: that is waited for."""
    path = str(users.STATE / "passwords.dbm")
    if dbm.whichdb(path) is None:
        yield None
        return
    with contextlib.closing(patiently(lambda: dbm.open(path, flag))) as file:
        yield file


def patiently(open_file):
    """What `open_file` returns, as soon as it can. Raises OperationFailed."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return open_file()
        except dbm.error as error:
            if time.monotonic() > deadline:
                raise OperationFailed(f"the file with the passwords cannot be opened: {error}") from error
            time.sleep(0.05)


def homes():
    """{Unix account: bytes on the disk} of every home; None for those that a minute was too short for."""
    deadline = time.monotonic() + MEASURING
    found = {}
    for entry in sorted(os.scandir(HOMES), key=lambda one: one.name) if Path(HOMES).exists() else []:
        if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
            found[entry.name] = measured(entry.path, deadline - time.monotonic())
    return found


def measured(path, seconds):
    """Bytes that a folder takes on the disk, counted without getting in anybody's way; None for too many."""
    if seconds <= 0:
        return None
    try:
        command = ["nice", "-n", "19", "du", "--summarize", "--one-file-system", "--block-size=1", "--", path]
        said = run(command, timeout=seconds, check=False).stdout
    except OperationFailed:
        return None
    # It complains of files that vanish meanwhile, which people's own programs remove.
    sizes = re.findall(r"^(\d+)\t", said, re.MULTILINE)
    return int(sizes[-1]) if sizes else None


def reset_password(method, name, password=None):
    """Forget a person's password, so that they choose another; with `password`, give them that one.

    Returns what there was before: "absent", "locked" or "set". Raises OperationFailed when it is still there.
    No message names the person, for it may be read by anybody.
    """
    before = passwords(method).get(name)
    if password is not None:
        give(method, name, password)
    elif before is not None:
        FORGETTING[method](name)
    after = passwords(method).get(name)
    wrong = after is None if password is not None else after is not None
    if wrong or (password is not None and before is not None and after[0] == before[0]):
        raise OperationFailed("the password is still the old one", "run this again")
    return "absent" if before is None else kind(before[0])


def give(method, name, password):
    """As an administrator's first password is set, whatever is there: by the hub's own Python, which has
    bcrypt. Somebody's log-in may have the file just then."""
    program, file = users.PROGRAMS[method]
    order = {"names": [name], "password": password, "locked": False, "database": str(users.STATE / file)}
    command = [users.HUB_PYTHON, "-c", program]
    for _ in range(TIMES):
        if not run(command, timeout=60, input=json.dumps(order), check=False).returncode:
            return
        time.sleep(SETTLED)
    run(command, timeout=60, input=json.dumps(order))


def forget_first_use(name):
    """Take the entry out of the file, and look again when a log-in that had begun before has ended: of the
    simplest kind of file, it writes back all that it read."""
    for _ in range(TIMES):
        with opened("w") as file:
            if file is not None and name.encode() in file.keys():  # noqa: SIM118 not every kind has `in`
                del file[name.encode()]
        time.sleep(SETTLED)
        if name not in passwords("first-use"):
            return


def forget_sign_up(name):
    """Take the row out of the table: the person asks for an account anew. The hub holds nothing of it."""
    try:
        with contextlib.closing(sqlite3.connect(str(database()), timeout=PATIENCE)) as connection, connection:
            connection.execute(FORGET, (name,))
    except sqlite3.Error as error:
        raise OperationFailed(f"the hub's records cannot be changed: {error}", "run this again") from error


FORGETTING = {"first-use": forget_first_use, "sign-up": forget_sign_up}
