"""Block devices of machines: a sparse file on this computer, which a machine sees as a disk, /dev/sda.

The disk is real: mkfs, mount, resize2fs and wipefs work on it, inside. Where it differs from a droplet's:

- It is a loop device of this computer's kernel; what speaks of the kernel's names (lsblk, /sys) says loop3.
- No udev runs in a container, so there are no links in /dev/disk/by-uuid: `mount UUID=…` finds the file
  system by looking into the devices, and the units that systemd would make from /etc/fstab come from a
  generator of the image (see image.py).
- A file system on it grows while it is mounted only where this computer's root has CAP_SYS_RESOURCE.
- Taken away while it is mounted, it is unmounted lazily: what has a file open keeps it until it ends, where
  a droplet would see input and output errors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from string import ascii_lowercase

from coursehub.problems import Failure
from sandbox import state
from sandbox.commands import run, text, wait_until

# What has it open may be a killed machine's file system, which the kernel takes a moment to leave.
PATIENCE = 10
# Runs inside, with device, major, minor and link of each disk as arguments.
SHOWING = """
while [ $# -gt 0 ]; do
    [ -b "/dev/$1" ] || mknod --mode=660 "/dev/$1" b "$2" "$3"
    chgrp disk "/dev/$1"
    mkdir -p /dev/disk/by-id
    ln -sfn "../../$1" "/dev/disk/by-id/$4"
    shift 4
done
"""
HIDING = """
while findmnt --source "/dev/$1" >/dev/null; do umount --lazy --all-targets "/dev/$1" || exit; done
rm -f "/dev/$1" "/dev/disk/by-id/$2"
"""


@dataclass(frozen=True)
class Block:
    """A disk of a machine: the file on this computer, its name inside, such as sda, and that of its link in
    /dev/disk/by-id."""

    file: str
    device: str
    link: str


def of(directory: Path) -> list[Block]:
    """The disks of the machine in `directory`, as they were recorded last."""
    record = directory / "blocks.json"
    return [Block(**entry) for entry in json.loads(record.read_text())] if record.exists() else []


def record(directory: Path, blocks: Sequence[Block]) -> None:
    """Write down which disks the machine has, from its next start on."""
    whole = directory / "blocks.new"
    whole.write_text(json.dumps([asdict(block) for block in blocks]))
    whole.rename(directory / "blocks.json")


def free_device(blocks: Sequence[Block]) -> str:
    """The first name that none of `blocks` has: sda, sdb, …"""
    taken = {block.device for block in blocks}
    return next(device for letter in ascii_lowercase if (device := f"sd{letter}") not in taken)


def arguments(blocks: Sequence[Block]) -> list[str]:
    """The arguments of SHOWING; makes the loop devices that are missing. Raises Failure."""
    return [word for block in blocks for word in (block.device, *_numbers(loop(block.file)), block.link)]


def loop(file: str) -> str:
    """The loop device of `file`, made unless there is one: no file has two. Raises Failure."""
    with state.lock(state.machines() / ".loops.lock", timeout=60, what="making a loop device"):
        wait_until(lambda: not _is_leaving(file), PATIENCE, f"the end of the last use of {Path(file).name}")
        present = _loops(file)
        try:
            return present[0] if present else text(["losetup", "--find", "--show", file])
        except Failure as failure:
            raise Failure(
                f"the disk {Path(file).name} got no loop device",
                fix="loop devices must be available: /dev/loop-control",
                detail=failure.detail,
            ) from None


def release(file: str) -> None:
    """Give the loop device of `file` back: at once, or as soon as nobody uses it any longer."""
    for device in _loops(file):
        run(["losetup", "--detach", device], check=False)  # it may be gone meanwhile


def flush(file: str) -> None:
    """Have all that was written to the disk, by its file system too, in `file`."""
    for device in _loops(file):
        run(["blockdev", "--flushbufs", device], timeout=300)


def refresh_size(file: str) -> None:
    """Let a disk in use be as large as `file` has become."""
    for device in _loops(file):
        run(["losetup", "--set-capacity", device])


def release_below(directory: Path) -> None:
    """Give back every loop device of a file below `directory`, also of one that was removed."""
    listed = ["losetup", "--list", "--noheadings", "--raw", "--output", "NAME,BACK-FILE"]
    for line in text(listed).splitlines():
        device, _, file = line.partition(" ")
        if Path(file.removesuffix(" (deleted)")).is_relative_to(directory):
            run(["losetup", "--detach", device], check=False)


def _loops(file: str) -> list[str]:
    return text(["losetup", "--noheadings", "--output", "NAME", "--associated", file]).split()


def _is_leaving(file: str) -> bool:
    found = text(["losetup", "--noheadings", "--output", "AUTOCLEAR", "--associated", file])
    return "1" in found.split()


def _numbers(device: str) -> tuple[str, str]:
    number = Path(device).stat().st_rdev
    return str(os.major(number)), str(os.minor(number))
