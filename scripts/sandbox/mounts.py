"""The host's mounts: what is mounted below a directory, unmounting it, removing trees safely."""

from __future__ import annotations

import os
import re
from pathlib import Path

from sandbox.commands import run

# mountinfo writes blanks, tabs, line ends and backslashes in octal: see proc(5).
OCTAL = re.compile(r"\\([0-7]{3})")


def below(directory: Path) -> list[Path]:
    """The mount points at or below `directory`, the last mounted first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [Path(OCTAL.sub(lambda match: chr(int(match[1], 8)), line.split(" ")[4])) for line in lines]
    return [point for point in reversed(points) if point.is_relative_to(directory)]


def is_mounted(point: Path) -> bool:
    return os.path.ismount(point)


def unmount_below(directory: Path) -> None:
    """Unmount everything at or below `directory`; what is busy goes as soon as its last user ends."""
    for point in below(directory):
        if run(["umount", str(point)], check=False).returncode != 0:
            # Gone meanwhile, by another process that cleans up, is as good as unmounted.
            run(["umount", "--lazy", str(point)], check=is_mounted(point))


def remove_tree(directory: Path) -> None:
    """Remove `directory` and what is in it, but nothing of what is mounted there (a bound /proc, say)."""
    if directory.is_symlink():
        directory.unlink()
        return
    unmount_below(directory)
    run(["rm", "-rf", "--one-file-system", "--", str(directory)], timeout=300)
