"""The files of somebody who left: packed away, or removed. Whatever is cut off, the same again ends it.

Nothing is removed where it is. The home is first renamed out of everybody's way, in one step, and an empty
one with the same owner takes its place: the account keeps its number, so that nobody else gets what is left
of its files elsewhere, and whoever returns finds a home.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import stat
import time
from pathlib import Path

from coursehub.droplet.homes import FIRST_NUMBER, HOMES, PREFIX
from coursehub.droplet.system import OperationFailed, free_bytes, run

ARCHIVES, REMOVING = "coursehub-archives", ".coursehub-removing"
"""Folders beside the homes, on the same disk; only root looks into them."""
HOURS = 4 * 3600.0
SPARE = 64 << 20
"""Bytes of the disk that stay free for everybody else."""
STOP_FIRST = "have the server stopped (people.py block, or the hub's admin page), then run this again"
PROC = Path("/proc")


def unfinished(homes=HOMES):
    """The accounts whose old files are still being removed."""
    place = Path(homes) / REMOVING
    names = [entry.name for entry in place.iterdir()] if place.is_dir() else []
    return sorted(name for name in names if name.startswith(PREFIX))


def archive(account, homes=HOMES):
    """Pack the home into one file that only root reads, see that all is in it, and only then remove it.

    Returns {"archive": path, "bytes"}, without a path where there was nothing to pack. Raises OperationFailed
    with everything still there. No message names the person.
    """
    homes = Path(homes)
    finish(account, homes)
    home = checked(account, homes)
    folder = private(homes / ARCHIVES)
    for left in folder.glob("*.part"):
        left.unlink()  # of one that was cut off: the deploy's lock is ours
    if not any(home.iterdir()):
        return {"archive": None, "bytes": 0}
    require_space(home)
    target = folder / f"{account}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.tar.gz"
    part = target.with_suffix(".part")
    try:
        pack(home, part)
        require_the_same(home, part)
        part.replace(target)
        settle_on_disk(target, folder)
    finally:
        part.unlink(missing_ok=True)
    remove(account, homes)
    return {"archive": str(target), "bytes": target.stat().st_size}


def remove(account, homes=HOMES):
    """Remove the files for good; an empty home stays. Raises OperationFailed."""
    homes = Path(homes)
    finish(account, homes)
    home = checked(account, homes)
    about = home.stat()
    home.rename(private(homes / REMOVING) / account)
    make_empty(home, about)
    finish(account, homes)


def finish(account, homes):
    """Remove what a removal that was cut off has put aside, and give the account its empty home."""
    aside = homes / REMOVING / account
    if not aside.is_dir() or aside.is_symlink():
        return
    if not os.path.lexists(homes / account):
        make_empty(homes / account, aside.stat())
    # It follows no link, and the names in it are looked up in the folder that is open, whoever renames it.
    shutil.rmtree(aside)


def make_empty(home, about):
    """An empty home beside the others that appears with its owner, or not at all."""
    beside = home.parent / REMOVING / f".new-{home.name}"
    beside.mkdir(mode=0o700, exist_ok=True)
    os.chown(beside, about.st_uid, about.st_gid)
    beside.rename(home)


def checked(account, homes):
    """The home, when it is this account's own folder and nobody is at work in it. Raises OperationFailed."""
    home = homes / account
    if not re.fullmatch(re.escape(PREFIX) + r"[^/\0]+", account):
        raise OperationFailed("this is not a student's home")
    try:
        about = home.lstat()
    except FileNotFoundError:
        raise OperationFailed("there is no such home", "see which there are with: people.py list") from None
    owner = number_of(account)
    if not stat.S_ISDIR(about.st_mode) or about.st_uid < FIRST_NUMBER or owner not in (None, about.st_uid):
        raise OperationFailed(
            "the home is not a folder of this account's own, so nothing was touched",
            "look at it on the server, as root: a link, or somebody else's folder, is in its place",
        )
    if mounted := [place for place in mounts() if place == str(home) or place.startswith(f"{home}/")]:
        message = f"something else is mounted in the home ({len(mounted)} times), so nothing was touched"
        raise OperationFailed(message, "unmount it on the server first")
    if at_work(about.st_uid):
        raise OperationFailed("a program of this person still runs, so nothing was touched", STOP_FIRST)
    return home


def number_of(account):
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError:
        return None


def mounts():
    """Where something is mounted (proc(5): the fifth word, with blanks and the like in octal)."""
    places = [line.split()[4] for line in (PROC / "self" / "mountinfo").read_text().splitlines()]
    return [re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), place) for place in places]


def at_work(number):
    """Whether any process is of this user."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == number:
                    return True
            except OSError:
                continue  # it has just ended
    return False


def require_space(home):
    said = run(
        ["du", "--summarize", "--one-file-system", "--block-size=1", "--", home], timeout=HOURS, check=False
    )
    sizes = re.findall(r"^(\d+)\t", said.stdout, re.MULTILINE)
    if not sizes:
        raise OperationFailed("how much the home takes cannot be measured", "run this again")
    needed, free = int(sizes[-1]) + SPARE, free_bytes(home)
    if free < needed:
        raise OperationFailed(
            f"the archive may take {needed >> 20} MB, and {free >> 20} MB are free, so nothing was touched",
            "enlarge the volume (storage.size in course.yml), or remove the files without an archive",
        )


def pack(home, part):
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    options = ["--create", "--gzip", "--sparse", "--one-file-system", "--numeric-owner"]
    tar(options, home, part, [home.name], "the archive could not be written, so nothing was removed")


def require_the_same(home, part):
    """Whether every file is in the archive as it is on the disk."""
    tar(
        ["--compare", "--gzip"], home, part, [], "the archive is not what is on the disk: nothing was removed"
    )


def tar(options, home, part, names, problem):
    # What it says names files, and so the person.
    command = ["nice", "-n", "19", "tar", *options, "--file", part, "--directory", home.parent, *names]
    if run(command, timeout=HOURS, check=False).returncode:
        raise OperationFailed(problem, "run this again; the disk may be full, or failing")


def private(folder):
    """A folder of root's alone."""
    folder.mkdir(mode=0o700, exist_ok=True)
    about = folder.lstat()
    if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.geteuid():
        raise OperationFailed(f"{folder} is not a folder of root's", "look at it on the server, as root")
    folder.chmod(0o700)
    return folder


def settle_on_disk(*paths):
    """Whatever happens to the power, these are on the disk."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
