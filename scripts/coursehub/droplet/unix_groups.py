"""Unix groups of ours, with exactly the members that the roster gives them.

A member need not have an account yet: TLJH makes it when the person first starts a server, and whoever is
listed is in the group from then on. `gpasswd` knows no such members; so the two files are written here, under
the lock that all programs of theirs take (lckpwdf(3)).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

from coursehub.droplet.system import OperationFailed, write_atomically

FILES = Path("/etc/group"), Path("/etc/gshadow")
LOCK = Path("/etc/.pwd.lock")
PATIENCE = 60.0
FIRST_NUMBER, LAST_NUMBER = 70000, 99999
"""Numbers that nothing else gives to anybody: see Debian's policy, section 9.2.2, and
https://systemd.io/UIDS-GIDS."""


def entries(text):
    """{group: (number, sorted members)} of /etc/group's text."""
    found = {}
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) == 4 and fields[2].isdigit():
            found[fields[0]] = int(fields[2]), sorted(filter(None, fields[3].split(",")))
    return found


def look(ours):
    """{group: [number, sorted members]} of all groups for whose names `ours` is true."""
    return {name: list(entry) for name, entry in entries(FILES[0].read_text()).items() if ours(name)}


def settle(wanted, numbers):
    """Make the groups `wanted`, {group: members}, and let each have these members and no others.

    `numbers` are those that a group's files on the disk have already: it gets that one if it is free.
    """
    with locked():
        texts = [path.read_text() if path.exists() else None for path in FILES]
        for path, text, new in zip(FILES, texts, changed(texts, wanted, numbers)):  # noqa: B905 Python 3.9
            if new is not None and new != text:
                replace(path, new)


def changed(texts, wanted, numbers):
    """The texts of both files with these groups in them; None for one that is not there."""
    group, shadow = texts
    taken = {number for number, _ in entries(group).values()}
    present = entries(group)
    foreign = [name for name in wanted if name in present and not is_our_number(present[name][0])]
    if foreign:
        raise OperationFailed(
            f"the droplet has a group of its own that is called {foreign[0]}",
            "call the group of the roster something else, or rename that one: groupmod --new-name",
        )
    for name in sorted(wanted):
        number = present[name][0] if name in present else free_number(taken, numbers.get(name))
        taken.add(number)
        members = ",".join(sorted(wanted[name]))
        group = with_line(group, name, f"{name}:x:{number}:{members}")
        shadow = shadow and with_line(shadow, name, f"{name}:!::{members}")
    return group, shadow


def free_number(taken, preferred):
    """The preferred one, if it is one of ours and free; else the first that is."""
    if preferred is not None and is_our_number(preferred) and preferred not in taken:
        return preferred
    return next(number for number in range(FIRST_NUMBER, LAST_NUMBER) if number not in taken)


def is_our_number(number):
    return FIRST_NUMBER <= number <= LAST_NUMBER


def with_line(text, name, line):
    """The text with this line in place of the group's own, or at its end."""
    lines = text.splitlines()
    at = next((index for index, one in enumerate(lines) if one.startswith(f"{name}:")), len(lines))
    lines[at : at + 1] = [line]
    return "\n".join(lines) + "\n"


def replace(path, text):
    """Put the text in place of the file's, for whom it was before."""
    before = path.stat()
    write_atomically(path, text, before.st_mode & 0o7777)
    os.chown(path, before.st_uid, before.st_gid)


@contextlib.contextmanager
def locked():
    """Within it, nobody else changes the system's accounts and groups."""
    with LOCK.open("w") as file:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise OperationFailed(
                        "another program has kept the droplet's accounts locked for a minute",
                        "run the deploy again",
                    ) from None
                time.sleep(0.1)
        yield
