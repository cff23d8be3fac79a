"""A machine's file system: an overlay over the image, on a disk of limited size if one is asked for.

Between the image and what it writes itself, there may be what another machine wrote.

disk.img    the disk: a sparse ext4 file, mounted on `writable`; only with a limit
writable/   upper/ holds what the machine wrote, work/ is the overlay's own
root/       the overlay: what the machine sees as /
"""

from __future__ import annotations

import os
from pathlib import Path

from coursehub.problems import Failure
from sandbox import mounts
from sandbox.commands import run, tail, text

COPY_SECONDS = 600
# For a directory that cannot carry an overlay's upper layer: an overlay itself, as in a container.
SPARE_DISK = 20 * 2**30
OVERLAY_ON_OVERLAY = ("overlay", "aufs")


def size_of_disk(directory: Path, asked: int | None) -> int | None:
    """The size in bytes of the disk to make below `directory`; None for none."""
    kind = text(["stat", "--file-system", "--format=%T", str(directory)])
    return SPARE_DISK if asked is None and kind.startswith(OVERLAY_ON_OVERLAY) else asked


def create(directory: Path, disk: int | None, source: Path | None = None) -> None:
    """Make the disk of `disk` bytes, if any, in the machine's new `directory`; see new_disk."""
    (directory / "writable").mkdir()
    (directory / "root").mkdir()
    if disk is not None:
        new_disk(directory, disk, source)


def new_disk(directory: Path, disk: int, source: Path | None = None) -> None:
    """Put a disk of `disk` bytes into `directory`, in place of the present one, which must not be mounted.

    It is empty, or has what `source`, a disk that is no larger, holds. Raises Failure.
    """
    new = directory / "disk.new"
    if source:
        copy_sparsely(source, new)
        grow(new, disk)
    else:
        new.unlink(missing_ok=True)
        new.touch(0o600)
        os.truncate(new, disk)
        # Without a journal: the host's page cache outlives the machine, so there is nothing to replay.
        run(["mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", "-E", "nodiscard", str(new)])
    new.rename(directory / "disk.img")


def sync(directory: Path) -> None:
    """Have all that was written so far on the machine's disk, if that is mounted."""
    if mounts.is_mounted(directory / "writable"):
        run(["sync", "--file-system", str(directory / "writable")], timeout=COPY_SECONDS)


def grow(disk: Path, size: int) -> None:
    """Make a disk that is not mounted, and the file system on it, `size` bytes large. Raises Failure."""
    present = disk.stat().st_size
    if size < present:
        raise Failure(
            f"a disk of {present} bytes does not fit into one of {size} bytes", fix="choose a larger size"
        )
    if size > present:
        os.truncate(disk, size)
        check(disk)
        run(["resize2fs", str(disk)], timeout=COPY_SECONDS)


def check(disk: Path) -> None:
    """Mend the file system of a disk that was copied in use, or whose power was cut. Raises Failure."""
    checked = run(["e2fsck", "-f", "-y", str(disk)], check=False, timeout=COPY_SECONDS)
    if checked.returncode > 1:  # 1 says that it has mended something: see e2fsck(8)
        raise Failure(f"the file system of {disk} is damaged", detail=tail(checked.stdout))


def copy_sparsely(source: Path, target: Path) -> int:
    """Copy a file to one that is whole as soon as it is there; returns how many bytes it takes up."""
    copy = target.with_name(f"{target.name}.copy")
    run(["cp", "--sparse=always", "--reflink=auto", str(source), str(copy)], timeout=COPY_SECONDS)
    copy.rename(target)
    return target.stat().st_blocks * 512


def mount(directory: Path, *layers: Path) -> None:
    """Mount what is not mounted yet. Of the `layers` below, each hides what is in the next."""
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
    lower = ":".join(os.path.relpath(layer, directory) for layer in layers)
    options = f"lowerdir={lower},upperdir=writable/upper,workdir=writable/work"
    try:
        run(["mount", "-t", "overlay", "-o", options, "overlay", "root"], directory=directory)
    except Failure as failure:
        raise Failure(
            f"the file system of the machine {directory.name} could not be mounted",
            fix="keep the sandbox on another file system: set COURSEHUB_SANDBOX to a directory there",
            detail=failure.detail,
        ) from None


def written(directory: Path) -> Path:
    """Where the machine writes; what one that is off wrote can be a layer below another machine."""
    return directory / "writable" / "upper"


def let_go(directory: Path) -> None:
    """Unmount the file system of a machine that is off, so that it can only be a layer from then on."""
    mounts.unmount_below(directory / "root")
