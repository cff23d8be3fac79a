"""A machine's file system: an overlay over the image, on a disk of limited size if one is asked for.

disk.img    the disk: a sparse ext4 file, mounted on `writable`; only with a limit
writable/   upper/ holds what the machine wrote, work/ is the overlay's own
root/       the overlay: what the machine sees as /
"""

from __future__ import annotations

import os
from pathlib import Path

from coursehub.problems import Failure
from sandbox import mounts
from sandbox.commands import run, text

# For a directory that cannot carry an overlay's upper layer: an overlay itself, as in a container.
SPARE_DISK = 20 * 2**30
OVERLAY_ON_OVERLAY = ("overlay", "aufs")


def size_of_disk(directory: Path, asked: int | None) -> int | None:
    """The size in bytes of the disk to make below `directory`; None for none."""
    kind = text(["stat", "--file-system", "--format=%T", str(directory)])
    return SPARE_DISK if asked is None and kind.startswith(OVERLAY_ON_OVERLAY) else asked


def create(directory: Path, disk: int | None) -> None:
    """Make the disk of `disk` bytes, if any, in the machine's new `directory`."""
    (directory / "writable").mkdir()
    (directory / "root").mkdir()
    if disk is None:
        return
    image = directory / "disk.img"
    with image.open("wb") as file:
        file.truncate(disk)
    # Without a journal: the host's page cache outlives the machine, so there is nothing to replay.
    run(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "nodiscard", str(image)])


def mount(directory: Path, image: Path) -> None:
    """Mount what is not mounted yet."""
    writable, root = directory / "writable", directory / "root"
    if (directory / "disk.img").exists() and not mounts.is_mounted(writable):
        try:
            run(["mount", "-o", "loop", str(directory / "disk.img"), str(writable)])
        except Failure as failure:
            raise Failure(
                f"the disk of the machine {directory.name} could not be mounted",
                fix="loop devices must be available: /dev/loop-control",
                detail=failure.detail,
            ) from None
    if mounts.is_mounted(root):
        return
    (writable / "upper").mkdir(exist_ok=True)
    (writable / "work").mkdir(exist_ok=True)
    # Relative paths, for colons and commas in the repository's path would mean something here.
    layers = f"lowerdir={os.path.relpath(image, directory)},upperdir=writable/upper,workdir=writable/work"
    try:
        run(["mount", "-t", "overlay", "-o", layers, "overlay", "root"], directory=directory)
    except Failure as failure:
        raise Failure(
            f"the file system of the machine {directory.name} could not be mounted",
            fix="keep the sandbox on another file system: set COURSEHUB_SANDBOX to a directory there",
            detail=failure.detail,
        ) from None
