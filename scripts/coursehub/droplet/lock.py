"""One deploy at a time: a lock that dies with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os

from coursehub.droplet.system import COURSE, read_json

LOCK = COURSE / "lock"
UNKNOWN = {"who": "another deploy", "since": "a moment ago", "run": ""}
_held = []  # The open file descriptor: closing it, as the kernel does at the end, frees the lock.


def take_lock(holder):
    """Take the lock; return None, or the holder (as recorded by it) when somebody else has it.

    `holder` is `{"who", "since", "run"}`, written into the lock file for others to read.
    """
    if _held:
        return None
    COURSE.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return read_json(LOCK) or UNKNOWN
    # On a full disk the lock holds all the same; only its holder's name is unknown to others.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
    _held.append(descriptor)
    return None


def holder_now():
    """Who holds the lock at this moment, as `take_lock` tells; None when nobody does. It is left as it is."""
    try:
        descriptor = os.open(LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_json(LOCK) or UNKNOWN
    finally:
        os.close(descriptor)
    return None
