#!/usr/bin/python3
"""Mount the course's volume at /home and, out of it, the hub's state and the content's repository:
coursehub-home.service at each boot.

Stands on its own: the deploy puts it at /opt/course/bin/mount-home. It exits with 1 for what may pass, such
as a volume that is not attached yet (the service tries again), and with 2 for what takes a person. It never
formats anything.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

RECORD = Path("/opt/course/state/volume.json")
HOME, STATE = Path("/home"), Path("/opt/tljh/state")
PRIVATE = ".coursehub"
"""Root's own directory on the volume."""
BOUND = {"state": (STATE, 0o700), "course": (Path("/srv/course"), 0o755)}
"""Directories in it, where each is shown, and its mode: the hub's state, and the repository of the content,
whose history students' copies go on from."""
MOVING = ".coursehub-moving"
"""On a volume whose files are still being copied from the droplet's disk: not to be used yet."""
OPTIONS = "nodev,nosuid,noatime"
PATIENCE = 60.0
MENDING = 1500.0
"""Seconds for a check of the file system; with its journal it takes less than one, as a rule."""
LEAST_GROWTH = 1 << 29
"""Bytes. Volumes grow by whole GiB."""
AGAIN, PERSON = 1, 2
TOO_DAMAGED = 4
"""From here on, fsck's exit code says that it could not mend everything: see e2fsck(8)."""


class Trouble(Exception):
    """Why the homes cannot be mounted; `code` is the exit code."""

    def __init__(self, message, code=PERSON):
        super().__init__(message)
        self.code = code


def main():
    """Mount what is not mounted yet."""
    if not RECORD.exists():
        raise Trouble(
            "the deploy that brings the students' homes to the volume was interrupted: deploy again"
        )
    record = json.loads(RECORD.read_text())
    device, uuid = Path(record["device"]), record["uuid"]
    wait_for_device(device)
    require_uuid(tags(device), device, uuid)
    if not is_mounted(device):
        if os.path.ismount(HOME):
            raise Trouble(f"another file system is mounted at {HOME}")
        if not is_in_use(device):
            mend(device)
            if has_grown(device):
                grow_unmounted(device)
        command(["mount", "-t", "ext4", "-o", OPTIONS, device, HOME])
    if (HOME / MOVING).exists():
        command(["umount", HOME])
        raise Trouble("the students' files were not moved to the volume to the end: deploy again")
    bind()


def wait_for_device(device):
    """The volume may be attached a moment after the machine has booted."""
    deadline = time.monotonic() + PATIENCE
    if not device.exists():
        say(f"waiting for the course's volume: there is no {device}")
    while not device.exists():
        if time.monotonic() > deadline:
            raise Trouble(f"the course's volume is not attached: there is no {device}", AGAIN)
        time.sleep(0.5)


def tags(device):
    """What blkid reads from the device itself, {} when it finds nothing it knows: see blkid(8)."""
    done = command(["blkid", "-p", "-o", "export", device], accept=(0, 2))
    return dict(line.split("=", 1) for line in done.splitlines() if "=" in line)


def require_uuid(found, device, uuid):
    """Raises Trouble unless this is the file system that the droplet was given."""
    if found.get("UUID") != uuid:
        raise Trouble(
            f"{device} is another volume than this droplet's: its file system has the UUID "
            f"{found.get('UUID')}, and {RECORD} says {uuid}"
        )


def is_mounted(device):
    """Whether the device's file system is what /home shows."""
    return os.path.ismount(HOME) and HOME.stat().st_dev == device.stat().st_rdev


def is_in_use(device):
    """Whether the device is mounted anywhere, be it where only a student's server sees it: see open(2)."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return True
    return False


def mend(device):
    """What a power cut left is set right, without a question; Trouble when that is not safe."""
    done = subprocess.run(["fsck.ext4", "-p", device], capture_output=True, text=True, timeout=MENDING)
    if done.returncode >= TOO_DAMAGED:
        raise Trouble(f"the file system on {device} is damaged; run: e2fsck {device}\n{done.stdout}")


def has_grown(device):
    """Whether the volume has room that its file system does not use yet."""
    return device_bytes(device) - file_system_bytes(device) >= LEAST_GROWTH


def grow_unmounted(device):
    """Let the file system follow; resize2fs asks for a full check first."""
    command(["e2fsck", "-f", "-p", device], accept=(0, 1))
    command(["resize2fs", device])


def device_bytes(device):
    """The size of a block device in bytes."""
    with device.open("rb") as file:
        return file.seek(0, os.SEEK_END)


def file_system_bytes(device):
    """The size in bytes that an ext4 file system was made for, from its superblock:
    https://docs.kernel.org/filesystems/ext4/super.html"""
    with device.open("rb") as file:
        file.seek(1024)
        block = file.read(1024)
    low, high, size = (int.from_bytes(block[at : at + 4], "little") for at in (0x4, 0x150, 0x18))
    has_high_half = int.from_bytes(block[0x60:0x64], "little") & 0x80
    return (low + (high << 32 if has_high_half else 0)) << (10 + size)


def bind():
    """Show what is kept on the volume where it is looked for."""
    for name, (shown, mode) in BOUND.items():
        kept = HOME / PRIVATE / name
        if not kept.is_dir():
            raise Trouble(f"the volume is not whole: there is no {kept}")
        shown.mkdir(mode=mode, parents=True, exist_ok=True)
        if not is_same(kept, shown):
            command(["mount", "--bind", kept, shown])


def is_bound():
    """Whether all of it is the volume's."""
    return all(is_same(HOME / PRIVATE / name, shown) for name, (shown, _) in BOUND.items())


def is_same(kept, shown):
    return kept.is_dir() and shown.is_dir() and kept.samefile(shown)


def command(words, accept=(0,)):
    """Run a command, returning what it printed; Trouble with its own words when it fails."""
    words = [str(word) for word in words]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=MENDING)
    if done.returncode not in accept:
        raise Trouble(f"{words[0]} failed with exit code {done.returncode}: {done.stdout.strip()}", AGAIN)
    return done.stdout


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        say(f"{trouble}\nThe hub is not started without the students' homes.")
        sys.exit(trouble.code)
