"""Files that deploys put into shared/, among those that teachers put there by hand.

The list of ours says what was put where, and by which it is known again: a file that differs from its entry
was changed on the hub, and is never written over. Teachers who are not root write there too, so every folder
on the way is entered by itself, and no symbolic link is followed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import time
from pathlib import PurePosixPath

from coursehub.droplet import tend_shared
from coursehub.droplet.system import OperationFailed, free_bytes, read_json, write_atomically

PLACE, SHARED = tend_shared.PLACE, tend_shared.SHARED
OURS = PLACE / "shared.json"
"""{path: {"sha256", "size", "mtime" in nanoseconds, "by": "push" or "address"}}"""
INCOMING = PLACE / "shared.incoming"
"""On the same file system, and root's: what is not whole yet."""
PIECE = 1 << 20
BY_HAND = "changed by hand"
"""In the name of what was in the way of a file of ours."""


def ours():
    """The list; empty when there is none that can be read, which only means that nothing is overwritten."""
    found = read_json(OURS)
    return found if isinstance(found, dict) else {}


def remember(entries):
    """Write the list, once what it tells of is on the disk."""
    os.sync()
    write_atomically(OURS, json.dumps(entries, indent=0, sort_keys=True), 0o600)


def states(wanted, entries, others=()):
    """{path: [state, sha256 of what is there if known]} of the `wanted`, {path: (sha256, size or None)}, and
    of the paths in `others`.

    A state is "absent", "ours" (as we put it), or "by hand". A file is read only where its size and time do
    not tell.
    """
    found = {path: state(path, entries.get(path), *wanted[path]) for path in wanted}
    return {**found, **{path: state(path, entries.get(path), None, None) for path in others}}


def state(path, entry, sha256, size):
    with folder_of(path) as (folder, name):
        about = looked_at(folder, name)
        if about is None:
            return ["absent", None]
        if is_ours(about, entry):
            return ["ours", entry["sha256"]]
        if size is None and entry and entry["sha256"] == sha256:
            size = entry["size"]
        if sha256 is None or not stat.S_ISREG(about.st_mode) or size not in (None, about.st_size):
            return ["by hand", None]
        return ["by hand", digest_in(folder, name)]


def is_ours(about, entry):
    """Whether it is as the entry says that we left it."""
    return (
        bool(entry)
        and stat.S_ISREG(about.st_mode)
        and (about.st_size, about.st_mtime_ns) == (entry["size"], entry["mtime"])
    )


def looked_at(folder, name):
    """What is there under a name, a link itself; None when nothing is."""
    if folder is None:
        return None
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def digest_in(folder, name):
    """The SHA-256 of a file in a folder; None when it is no file any more."""
    try:
        descriptor = os.open(name, tend_shared.FILE, dir_fd=folder)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return digest(file)


def digest(file):
    """The SHA-256 of what an open file has, without holding it in memory."""
    found = hashlib.sha256()
    while piece := file.read(PIECE):
        found.update(piece)
    return found.hexdigest()


@contextlib.contextmanager
def folder_of(path, make=False):
    """(a descriptor of the folder that `path`, below shared/, is in, its name there).

    The descriptor is None where there is no such folder, unless it is to be made; then what is in the way is
    set aside.
    """
    *parents, name = PurePosixPath(path).parts
    with contextlib.ExitStack() as opened:
        folder = enter(opened, SHARED, None)
        if folder is None and make:
            raise OperationFailed(f"there is no folder {SHARED}", "run the deploy again")
        for parent in parents:
            if folder is None:
                break
            inner = enter(opened, parent, folder)
            if inner is None and make:
                set_aside(folder, parent)
                os.mkdir(parent, 0o755, dir_fd=folder)
                inner = enter(opened, parent, folder)
                tend_shared.put_right(inner, rights())
            folder = inner
        yield folder, name


def enter(opened, name, folder):
    """Open a folder for as long as `opened` lasts; None where there is none, be there a link to one."""
    try:
        descriptor = os.open(name, tend_shared.DIRECTORY, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            return None
        raise
    opened.callback(os.close, descriptor)
    return descriptor


def rights():
    """Those of everything in shared/."""
    return tend_shared.Rights(tend_shared.number(tend_shared.TEACHERS), 0o5, 0)


def set_aside(folder, name):
    """Give what is there another name, which says why."""
    if looked_at(folder, name) is None:
        return
    stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
    when = time.strftime("%Y-%m-%d")
    for number in range(1, 1000):
        more = "" if number == 1 else f" {number}"
        other = f"{stem} ({BY_HAND}, {when}{more}){suffix}"
        if looked_at(folder, other) is None:
            os.rename(name, other, src_dir_fd=folder, dst_dir_fd=folder)
            return


def incoming(name):
    """The place of something that is still coming."""
    INCOMING.mkdir(mode=0o700, parents=True, exist_ok=True)
    return INCOMING / name


def put(arrived, path, executable, entries):
    """Let a whole file appear at `path`. What is there is replaced if it is ours and else set aside."""
    descriptor = os.open(arrived, os.O_RDONLY)
    try:
        os.fchmod(descriptor, 0o700 if executable else 0o600)
        tend_shared.put_right(descriptor, rights())
    finally:
        os.close(descriptor)
    with folder_of(path, make=True) as (folder, name):
        about = looked_at(folder, name)
        if about is not None and not is_ours(about, entries.get(path)):
            set_aside(folder, name)
        os.rename(arrived, name, dst_dir_fd=folder)


def entry_for(path, sha256, by):
    """What the list says from now on of the file that is at `path`; None when none is."""
    with folder_of(path) as (folder, name):
        about = looked_at(folder, name)
        if about is None:
            return None
        return {"sha256": sha256, "size": about.st_size, "mtime": about.st_mtime_ns, "by": by}


def take_away(path, entry):
    """Remove a file if it is as we left it, and folders that are empty then."""
    with folder_of(path) as (folder, name):
        about = looked_at(folder, name)
        if about is None or not is_ours(about, entry):
            return
        os.unlink(name, dir_fd=folder)
    for parent in PurePosixPath(path).parents[:-1]:
        with folder_of(parent) as (folder, name), contextlib.suppress(OSError):
            if folder is not None:
                os.rmdir(name, dir_fd=folder)


def room():
    """Bytes that are free for what comes."""
    return free_bytes(INCOMING if INCOMING.is_dir() else PLACE)
