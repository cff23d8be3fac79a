"""The canary's account: made for one try of the hub from outside (coursehub/health/canary.py), then removed.

`begin` and `end` are called over SSH; nothing of the account stays. What a try that was cut off has left is
removed by the next one, and by the watchdog's pass. A note in the hub's state says that the account is ours,
from before there is one until all of it is gone: an account of that name without it is somebody's.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import secrets
import shutil
import time
from pathlib import Path

from coursehub.droplet import by_hand, generations, home_files, hub, hub_api, lock, people
from coursehub.droplet.homes import HOMES, PREFIX
from coursehub.droplet.system import OperationFailed, read_json, read_text, run, wait_for, write_atomically
from coursehub.watchdog import machine

NAME = people.CANARY
ACCOUNT = PREFIX + NAME
ROSTER = Path("/opt/tljh/config/roster.json")
UNDER_WAY, OLD = 180.0, 1800.0
"""Seconds. A try of which the beginning is no older may be under way; one that is older than the second was
cut off."""
VALID = 600
"""Seconds for which the token is good."""
SCOPES = ("access:servers!user", "servers!user", "read:users!user")
"""What the token may, of its own account's."""
LEAST = 300 << 20
"""Bytes: what a server with a kernel takes, twice."""
PRESSURE = 0.1
METHODS = {"firstuse": "first-use", "native": "sign-up"}
HARMLESS = re.compile(r"^\[[DIW] |: Failed to open /run/systemd/transient/")
"""What is no complaint: the server's own lines below an error, and that systemd looked for the file of a unit
which had just ended, as every user's server does."""
DEPLOYS = "a deploy is under way"
COMPLAINT = re.compile(r"[a-z]Error\b|Error: |: not found|No module named|No such file|Permission denied")


def act(word):
    """What `begin` or `end` answers, to be printed; what went wrong is {"trouble": WORDS}."""
    try:
        return {"begin": begin, "end": end}[word]()
    except OperationFailed as failure:
        return {"trouble": failure.message}
    except OSError as error:
        return {"trouble": f"{type(error).__name__}: {error.strerror or 'the server could not do it'}"}


def begin():
    """Let the account in: {"user", "prefix" of the environment, and "password", or "token" where a provider
    knows people}; {"skipped": why} where it is not the time for it."""
    if why := in_the_way():
        return {"skipped": why}
    made = people.canary()
    if made is None and is_somebodys():
        words = f"there is an account {NAME} that is not the check's own; give that person another name"
        return {"skipped": words}
    if made and 0 <= time.time() - made.get("began", 0) < UNDER_WAY:
        return {"skipped": "another try is under way"}
    write_atomically(people.canary_file(), json.dumps({"began": time.time(), **surroundings()}), 0o600)
    if made:
        remove()
    person = {"name": NAME, "allowed": True, "named": True, "admin": False, "assistant": False, "groups": []}
    answer = {"user": NAME, "prefix": str(generations.CURRENT.resolve())}
    if method := way_to_sign_in():
        password = secrets.token_urlsafe(24)
        # Before they may come in: with `first-use`, whoever comes first chooses it.
        people.reset_password(method, NAME, password)
        hub_api.settle([person])
        return {**answer, "password": password}
    hub_api.settle([person])
    wanted = {"expires_in": VALID, "note": "the canary", "scopes": list(SCOPES)}
    return {**answer, "token": hub_api.request("POST", f"users/{NAME}/tokens", wanted)[1]["token"]}


def end():
    """Remove the account and all that is its own: {"disturbed": whether the hub was restarted, or deployed
    to, since it began; "said": what its server said of an error}. Doing it twice changes nothing."""
    made = people.canary()
    if made is None:
        return {"disturbed": False, "said": ""}
    now = surroundings()
    disturbed = lock.holder_now() is not None or any(made.get(key) != value for key, value in now.items())
    said = complaint(hub.journal(f"{ACCOUNT}.service", made.get("began", 0), 100))
    remove()
    people.canary_file().unlink(missing_ok=True)
    return {"disturbed": disturbed, "said": said}


def complaint(journal):
    """The first line of a log that says what was wrong, which most often caused the others; empty for one
    that does not."""
    lines = (line.strip() for line in journal.splitlines())
    found = (line for line in lines if COMPLAINT.search(line) and not HARMLESS.search(line))
    return next(found, "")


def end_old():
    """Remove what a try has left that was cut off; for the watchdog's pass. What was done, or None."""
    made = people.canary()
    if made is None or 0 <= time.time() - made.get("began", 0) < OLD:
        return None
    end()
    return "removed the account of a canary that was cut off"


def in_the_way():
    """Why now is not the time, or None."""
    if lock.holder_now() is not None:
        return DEPLOYS
    if is_named():
        return f"the course names somebody {NAME}, which is the check's own name"
    memory = machine.memory()
    if memory["available"] < LEAST or (memory["pressure"] or 0) > PRESSURE:
        return f"the memory is short ({memory['available'] >> 20} MB available), and people come first"
    return None


def is_named():
    """Whether the course, or somebody by hand, lets a person of this name in."""
    roster = read_json(ROSTER) or {}
    named = {*roster.get("admins", ()), *roster.get("users", ()), *(roster.get("identities") or {}).values()}
    return NAME in named.union(*by_hand.look().values())


def is_somebodys():
    """Whether there is anything of an account of this name."""
    known = hub_api.user(NAME) is not None or any(NAME in people.passwords(one) for one in people.FORGETTING)
    return known or os.path.lexists(HOMES / ACCOUNT) or number() is not None


def surroundings():
    """What is another afterwards when the hub was restarted, or somebody deployed."""
    shown = run(
        ["systemctl", "show", "jupyterhub.service", "--property=InvocationID", "--value"], timeout=15
    ).stdout.strip()
    return {"hub": shown, "lock": lock.LOCK.stat().st_mtime if lock.LOCK.exists() else 0}


def way_to_sign_in():
    """The way to log in with a password, as `users` calls it; None for a provider."""
    text = read_text(hub.CONFIG) or ""
    try:
        kind = json.loads(re.sub(r"\A(#.*\n)*", "", text))["auth"]["type"]
    except (ValueError, KeyError, TypeError):
        return None
    return METHODS.get(str(kind).partition("authenticator.")[0])


def remove():
    """Everything of the account. Raises OperationFailed."""
    hub_api.settle([{"name": NAME, "allowed": False}])
    hub_api.delete_user(NAME)
    for method, forget in people.FORGETTING.items():
        if NAME in people.passwords(method):
            forget(NAME)
    run(["systemctl", "stop", f"{ACCOUNT}.service"], timeout=60, check=False)
    remove_home()
    if number() is not None:
        run(["userdel", ACCOUNT], timeout=60)


def remove_home():
    """As somebody's files are removed (home_files), but that no empty home stays."""
    home = HOMES / ACCOUNT
    if os.path.lexists(home):
        if (owner := number()) is not None:
            wait_for(lambda: "its programs end" if home_files.at_work(owner) else None, seconds=10)
        home_files.checked(ACCOUNT, HOMES).rename(home_files.private(HOMES / home_files.REMOVING) / ACCOUNT)
    aside = HOMES / home_files.REMOVING / ACCOUNT
    if os.path.lexists(aside):
        shutil.rmtree(aside)


def number():
    """The number of the Unix account; None without one."""
    try:
        return pwd.getpwnam(ACCOUNT).pw_uid
    except KeyError:
        return None
