"""Students' homes: private, and with the accounts that their owners' numbers ask for.

The homes are the record of who has which number: after a rebuild they are all that is left.
"""

from __future__ import annotations

import grp
import os
import pwd
import re
import stat
from pathlib import Path

from coursehub.droplet.system import OperationFailed, read_text, run, write_atomically

HOMES = Path("/home")
PREFIX = "jupyter-"
"""TLJH's name for the account and the home of a student."""
FIRST_NUMBER = 1000
"""Directories of lower owners are the system's, not a student's home."""
SHELL = "/bin/bash"
LOGIN_DEFS = Path("/etc/login.defs")
FOR_NEW_HOMES = "HOME_MODE\t0700"
# systemd-sysusers takes only these; useradd, which makes an account at a time, takes more.
PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,30}")


def look(place=HOMES):
    """The homes in `place`; those that others can enter, those without an account ([name, uid, gid]), what
    stands against making these (sentences); and whether new homes will be private."""
    homes = find(place)
    missing, conflicts = compare(homes, accounts(), groups())
    return {
        "names": [name for name, *_ in homes],
        "open": [name for name, mode, _, _ in homes if mode & 0o077],
        "missing": missing,
        "conflicts": conflicts,
        "private_by_default": private_by_default(read_text(LOGIN_DEFS) or ""),
    }


def find(place):
    """[(name, mode, uid, gid)] of each student's home in `place`."""
    found = []
    for entry in os.scandir(place):
        if entry.name.startswith(PREFIX) and entry.is_dir(follow_symlinks=False):
            about = entry.stat(follow_symlinks=False)
            if about.st_uid >= FIRST_NUMBER:
                found.append((entry.name, stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid))
    return sorted(found)


def accounts():
    """{account: uid}"""
    return {entry.pw_name: entry.pw_uid for entry in pwd.getpwall()}


def groups():
    """{group: gid}"""
    return {entry.gr_name: entry.gr_gid for entry in grp.getgrall()}


def compare(homes, accounts, groups):
    """([name, uid, gid] of each account to be made, what stands against it in sentences)."""
    users = {uid: name for name, uid in accounts.items()}
    owners = {gid: name for name, gid in groups.items()}
    missing, conflicts = [], []
    for name, _, uid, gid in homes:
        if name in accounts:
            if accounts[name] != uid:
                conflicts.append(f"/home/{name} belongs to user {uid}, but {name} is user {accounts[name]}")
            continue
        if users.setdefault(uid, name) != name:
            conflicts.append(f"/home/{name} belongs to user {uid}, which is {users[uid]}")
        elif owners.setdefault(gid, name) != name:
            conflicts.append(f"/home/{name} belongs to group {gid}, which is {owners[gid]}")
        elif groups.get(name, gid) != gid:
            conflicts.append(f"/home/{name} belongs to group {gid}, but the group {name} is {groups[name]}")
        else:
            missing.append([name, uid, gid])
    return missing, conflicts


def settle(place=HOMES):
    """Make the accounts that are missing, close the homes in `place` to others, and those to come.

    Raises OperationFailed when a number belongs to somebody else.
    """
    seen = look(place)
    if refused := refusal(seen["conflicts"]):
        raise OperationFailed(*refused)
    make_accounts(seen["missing"])
    for name in seen["open"]:
        close(place / name)
    if not seen["private_by_default"]:
        write_atomically(LOGIN_DEFS, with_private_homes(read_text(LOGIN_DEFS) or ""))


def refusal(conflicts):
    """[message, fix] when there are conflicts; else None."""
    if not conflicts:
        return None
    return [
        "students' homes and accounts contradict each other: " + "; ".join(conflicts),
        "on the droplet, give the account its home's number (usermod --uid), or the home to its account",
    ]


def make_accounts(missing):
    """Make all accounts in one pass; 500 take a tenth of a second, where useradd takes a quarter of a
    minute."""
    at_once = [entry for entry in missing if PLAIN.fullmatch(entry[0])]
    if at_once:
        run(["systemd-sysusers", "-"], timeout=120, input=sysusers(at_once))
    for name, uid, gid in missing:
        if PLAIN.fullmatch(name):
            continue
        if name not in groups():
            run(["groupadd", "--gid", gid, name], timeout=60)
        home = HOMES / name
        new = ["--no-create-home", "--home-dir", home, "--shell", SHELL]
        run(["useradd", "--uid", uid, "--gid", gid, *new, name], timeout=60)


def sysusers(missing):
    """The accounts in systemd's words: see sysusers.d(5)."""
    return "".join(
        f"g {name} {gid}\nu {name} {uid}:{gid} - {HOMES / name} {SHELL}\n" for name, uid, gid in missing
    )


def close(home):
    """Take from a directory, and nothing else in it, what others may do."""
    descriptor = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~0o077)
    finally:
        os.close(descriptor)


def private_by_default(text):
    """Whether useradd, by this login.defs, makes homes that others cannot enter."""
    modes = re.findall(r"^\s*HOME_MODE\s+(\S+)", text, re.MULTILINE)
    return modes[-1:] == ["0700"]


def with_private_homes(text):
    """login.defs with HOME_MODE in place of whatever it says about it."""
    kept = [line for line in text.splitlines() if not re.match(r"\s*HOME_MODE\b", line)]
    return "\n".join([*kept, FOR_NEW_HOMES]) + "\n"
