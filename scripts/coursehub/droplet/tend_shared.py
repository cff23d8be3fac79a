#!/usr/bin/python3
"""Keep the rights in the shared places as they should be, whatever was moved there: coursehub-shared.timer.

What is made there is right from the beginning, by the folders' own group and default access list (acl(5)).
What was moved there, copied with its rights or changed by its owner is put right by this program. It stands
on its own: the deploy puts it at /opt/course/bin/tend-shared. Students write in these places, so it follows
no symbolic link, and lets alone what has another name elsewhere, which may be anybody's.
"""

from __future__ import annotations

import errno
import grp
import os
import stat
import struct
import sys
import time
from pathlib import Path

PLACE = Path("/srv/course")
SHARED, GROUPS = PLACE / "shared", PLACE / "groups"
TEACHERS, PREFIX = "coursehub-teachers", "course-"
"""The Unix group of those who fill shared/, and how the groups' own begin."""
DEFAULT_LIST = "system.posix_acl_default"
DEEPEST = 64
"""Folders in each other; nobody needs more, and everybody could make them."""
SHARE_OF_TIME = 20
"""After a pass it rests that many times as long as the pass took, so that no number of files is a burden."""
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK


class Rights:
    """What is to be so in one place: the group's number, what others may (0o5 to read), and who is the owner
    of all, None for whoever it is."""

    def __init__(self, group, others, owner):
        self.group, self.others, self.owner = group, others, owner

    @property
    def folder(self):
        return 0o2770 | self.others

    @property
    def default_list(self):
        """As Linux stores it (linux/posix_acl_xattr.h): version 2; owner, group, others; no further ids."""
        bits = ((0x01, 7), (0x04, 7), (0x20, self.others))
        return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, may, 0xFFFFFFFF) for tag, may in bits)

    def file(self, mode):
        """A file's rights: those of all alike, and to run it whoever may read it, if its owner may."""
        read = 0o660 | (self.others & 0o4)
        return read | ((read & 0o444) >> 2 if mode & 0o100 else 0)

    def mode(self, about):
        return self.folder if stat.S_ISDIR(about.st_mode) else self.file(about.st_mode)

    def are_wrong(self, about):
        """Whether a file or folder is not as it should be."""
        return (
            stat.S_IMODE(about.st_mode) != self.mode(about)
            or about.st_gid != self.group
            or (self.owner is not None and about.st_uid != self.owner)
        )


def places():
    """[(path, its Rights)] of all there are."""
    found = []
    if (group := number(TEACHERS)) is not None and SHARED.is_dir():
        found.append((SHARED, Rights(group, 0o5, 0)))
    for path in sorted(GROUPS.iterdir()) if GROUPS.is_dir() else ():
        group = number(PREFIX + path.name)
        if group is not None and path.is_dir() and not path.is_symlink():
            found.append((path, Rights(group, 0, None)))
    return found


def number(group):
    """A Unix group's number, or None."""
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def tend(path, rights):
    """Put right whatever is wrong below a place; the place itself is the deploy's."""
    place = os.open(path, DIRECTORY)
    try:
        inside(place, rights, DEEPEST)
    finally:
        os.close(place)


def inside(folder, rights, left):
    """Put right what is in a folder (a descriptor), `left` levels down."""
    with os.scandir(folder) as found:
        names = [entry.name for entry in found]
    for name in names:
        try:
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(about.st_mode):
                enter(folder, name, rights, left)
            elif stat.S_ISREG(about.st_mode) and about.st_nlink == 1 and rights.are_wrong(about):
                mend(folder, name, FILE, rights)
        except OSError as error:
            # It is gone, or something else has its name now: the next pass sees.
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
                raise


def enter(folder, name, rights, left):
    """Put right a folder in a folder, and what is in it."""
    descriptor = os.open(name, DIRECTORY, dir_fd=folder)
    try:
        put_right(descriptor, rights)
        if left:
            inside(descriptor, rights, left - 1)
    finally:
        os.close(descriptor)


def mend(folder, name, how, rights):
    descriptor = os.open(name, how, dir_fd=folder)
    try:
        put_right(descriptor, rights)
    finally:
        os.close(descriptor)


def put_right(descriptor, rights):
    """Give an open file or folder its rights; a file only if it has no second name."""
    about = os.fstat(descriptor)
    is_folder = stat.S_ISDIR(about.st_mode)
    if not is_folder and not (stat.S_ISREG(about.st_mode) and about.st_nlink == 1):
        return
    if is_folder:
        set_default_list(descriptor, rights)
    if rights.are_wrong(about):
        os.fchown(descriptor, -1 if rights.owner is None else rights.owner, rights.group)
        os.fchmod(descriptor, rights.mode(about))


def set_default_list(descriptor, rights):
    """What is made in this folder gets its rights whatever its maker's umask is, where the file system knows
    such lists; else it is put right later."""
    try:
        if os.getxattr(descriptor, DEFAULT_LIST) == rights.default_list:
            return
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return
        if error.errno != errno.ENODATA:
            raise
    os.setxattr(descriptor, DEFAULT_LIST, rights.default_list)


def main():
    """One pass over all places; trouble in one does not keep it from the others."""
    began = time.monotonic()
    trouble = 0
    for path, rights in places():
        try:
            tend(path, rights)
        except OSError as error:
            print(f"{path}: {error}", file=sys.stderr)
            trouble = 1
    if "--rest" in sys.argv:
        time.sleep((time.monotonic() - began) * SHARE_OF_TIME)
    return trouble


if __name__ == "__main__":
    sys.exit(main())
