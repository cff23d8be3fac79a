"""Files for shared/ that the droplet fetches by itself: whole and with the right checksum, or not at all.

What has come stays in shared.incoming until it is whole, so that a rerun goes on from there. A file appears
in shared/ by being renamed.
"""

from __future__ import annotations

import errno
import http.client
import time

from coursehub.droplet import placing, tend_shared
from coursehub.droplet.system import OperationFailed

ADDRESS = "address"
PATIENCE = 60.0
"""Seconds for a server to say anything."""
LIMIT = 45 * 60
"""Seconds for one file in one deploy."""
TRIES = 5
"""Without a single further byte, in a row."""
RESERVE = 512 << 20
"""Bytes that stay free for the students' own work, and for the hub."""
PIECE = 1 << 20
EVERY = 5.0
MIB, GIB = 1 << 20, 1 << 30
BUSY = (408, 425, 429, 500, 502, 503, 504)
"""What a server answers that may do better in a moment."""


class Interrupted(Exception):
    """The transfer broke off, and another try may go on."""


class NoRoom(Exception):
    """The rest would fill the disk."""


def look(wanted, elsewhere):
    """The state of each file of `wanted`, [path, sha256], see `placing.states`; what the list has of them;
    the paths of files that came from an address before and are neither wanted nor in `elsewhere`; and which
    half files are of none that is wanted."""
    entries = placing.ours()
    paths = {path: (sha256, None) for path, sha256 in wanted}
    here = tend_shared.SHARED.is_dir()
    left = [path for path in entries if entries[path]["by"] == ADDRESS and path not in paths]
    return {
        "files": placing.states(paths, entries) if here else {path: ["absent", None] for path in paths},
        "put": {path: [entries[path]["sha256"], entries[path]["by"]] for path in paths if path in entries},
        "left": [path for path in left if path not in elsewhere],
        "halves": [part.name for part in halves({sha256 for _, sha256 in wanted})],
    }


def halves(wanted):
    """What was begun and belongs to none of these checksums."""
    return sorted(part for part in placing.INCOMING.glob("*.part") if part.stem not in wanted)


def tidy(names):
    """Remove half files that nobody wants any more."""
    for part in halves(()):
        if part.name in names:
            part.unlink()


def forget(paths):
    """Leave files to the teachers, as if they had put them there themselves."""
    entries = placing.ours()
    placing.remember({path: entry for path, entry in entries.items() if path not in paths})


def record(path, sha256):
    """Take a file that is there already into the list."""
    entries = placing.ours()
    entry = placing.entry_for(path, sha256, ADDRESS)
    if entry:
        placing.remember({**entries, path: entry})


def fetch(url, sha256, path, progress):
    """Fetch one file and put it in its place. Raises OperationFailed."""
    part = placing.incoming(f"{sha256}.part")
    began_whole = not part.exists()
    transfer(url, part, path, progress)
    found = digest_of(part)
    if found != sha256 and not began_whole:
        progress(f"{path}: what had come before does not fit; once more, from the beginning")
        part.unlink()
        transfer(url, part, path, progress)
        found = digest_of(part)
    if found != sha256:
        part.unlink()
        raise OperationFailed(
            f"{url} is not the file that course.yml means: its SHA-256 is {found}, and the sha256 of {path} "
            f"there says {sha256}",
            "if the file was changed and is what you want, write the first of the two; else ask whoever "
            "publishes it",
        )
    entries = placing.ours()
    placing.put(part, path, False, entries)
    placing.remember({**entries, path: placing.entry_for(path, sha256, ADDRESS)})


def digest_of(part):
    with part.open("rb") as file:
        return placing.digest(file)


def transfer(url, part, path, progress):
    """Bring all of the address into `part`, going on from what is there, with patience for the server."""
    deadline = time.monotonic() + LIMIT
    failures = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            return go_on(url, part, path, progress, deadline)
        except Interrupted as broken:
            came = part.exists() and part.stat().st_size > before
            failures = 0 if came else failures + 1
            if failures == TRIES or time.monotonic() > deadline:
                raise OperationFailed(
                    f"{url} could not be fetched to the end: {broken}",
                    "run the deploy again: it goes on from what has come",
                ) from None
            progress(f"{path}: {broken}; once more")
            time.sleep(min(2**failures, 10))


def go_on(url, part, path, progress, deadline):
    """One try. Raises Interrupted when another one may help, and OperationFailed when none would."""
    from urllib.error import HTTPError  # 30 ms or more, which every look would pay for

    total = None
    try:
        with opened(url, part) as answer:
            have = part.stat().st_size if answer.status == 206 else 0
            length = answer.headers.get("Content-Length") or ""
            total = have + int(length) if length.isdigit() else None
            require_room((total or have) - have)
            receive(answer, part, have, total, Said(path, progress, total), deadline)
    except HTTPError as refusal:
        if refusal.code == 416:  # All of it had come, or it is another file now.
            return
        if refusal.code in BUSY:
            raise Interrupted(f"the server says {refusal.code} {refusal.reason}") from None
        raise OperationFailed(
            f"{url} cannot be fetched: the server says {refusal.code} {refusal.reason}",
            f"correct the url of {path} in course.yml: it must work in a browser without a log-in",
        ) from None
    except NoRoom:
        part.unlink(missing_ok=True)
        raise too_large(url, path, total) from None
    except ValueError as error:
        raise OperationFailed(
            f"{url} is no address: {error}", f"correct the url of {path} in course.yml"
        ) from None
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            part.unlink(missing_ok=True)
            raise too_large(url, path, total) from None
        raise Interrupted(str(getattr(error, "reason", None) or error) or type(error).__name__) from None


def opened(url, part):
    """The server's answer, from the byte on that is still missing, if the server can do that."""
    from urllib.request import Request, urlopen

    headers = {"User-Agent": "coursehub", "Accept-Encoding": "identity"}
    if part.exists() and part.stat().st_size:
        headers["Range"] = f"bytes={part.stat().st_size}-"
    return urlopen(Request(url, headers=headers), timeout=PATIENCE)  # noqa: S310 the schema wants http


class Said:
    """Tells now and then how much has come."""

    def __init__(self, path, progress, total):
        self.path, self.progress, self.total, self.last = path, progress, total, time.monotonic()

    def __call__(self, have):
        if time.monotonic() - self.last > EVERY:
            self.last = time.monotonic()
            of = f" of {self.total / MIB:.0f}" if self.total else ""
            self.progress(f"{self.path}: {have / MIB:.0f}{of} MB")


def receive(answer, part, have, total, said, deadline):
    """Write what comes behind the first `have` bytes."""
    with part.open("r+b" if have else "wb") as file:
        file.seek(have)
        while piece := answer.read(PIECE):
            file.write(piece)
            have += len(piece)
            said(have)
            if time.monotonic() > deadline:
                raise Interrupted(f"it has taken longer than {LIMIT // 60} minutes")
            require_room(0)
    if total is not None and have < total:
        raise Interrupted(f"the connection ended after {have / MIB:.0f} of {total / MIB:.0f} MB")


def require_room(needed):
    """Raises NoRoom when so many bytes more would fill the disk."""
    if needed > placing.room() - RESERVE:
        raise NoRoom


def too_large(url, path, total):
    """The OperationFailed of a file for which there is no room; its size may be unknown."""
    size = "" if total is None else f", which has {total / GIB:.1f} GB"
    room = max(placing.room() - RESERVE, 0)
    return OperationFailed(
        f"the disk with the students' files has no room for {url}{size}: it has {room / GIB:.1f} GB for it, "
        f"and {RESERVE / GIB:.1f} GB that are kept free for their work",
        f"choose a larger storage.size in course.yml, remove what nobody needs, or take {path} out",
    )
