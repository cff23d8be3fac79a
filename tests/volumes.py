"""Volumes for machines: a sparse file on this computer that a machine sees as a block device of that name."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from sandbox.machine import Machine

SHOW = 'rm -f "$1"; mkdir -p "${1%/*}" && mknod -m 600 "$2" b "$3" "$4" && ln -s "$2" "$1"'
HIDE = 'rm -f "$1" "$(readlink "$1")"'


def make(file: Path, size: int) -> Path:
    """An empty volume of `size` bytes."""
    file.touch()
    os.truncate(file, size)
    return file


def grow(file: Path, size: int) -> None:
    """Make a volume larger, to `size` bytes, as DigitalOcean does while it is in use."""
    os.truncate(file, size)
    for loop in loops(file):
        subprocess.run(["losetup", "--set-capacity", loop], check=True)


def attach(box: Machine, file: Path, device: str) -> None:
    """Show the volume in the machine, at the path `device`. A reboot of the machine takes it away."""
    if not loops(file):
        subprocess.run(["losetup", "--find", file], check=True)
    (loop,) = loops(file)
    number = Path(loop).stat().st_rdev
    node = f"/dev/volume{os.minor(number)}"
    box.run(
        ["sh", "-ec", f'rm -f "$2"; {SHOW}', "-", device, node, str(os.major(number)), str(os.minor(number))]
    )


def detach(box: Machine, file: Path, device: str) -> None:
    """Take the volume away from a running machine, which has unmounted it."""
    box.run(["sh", "-c", HIDE, "-", device])
    release(file)


def release(file: Path) -> None:
    """Give the file's loop device back."""
    for loop in loops(file):
        subprocess.run(["losetup", "--detach", loop], check=True)


def loops(file: Path) -> list[str]:
    """The loop devices of a file."""
    command = ["losetup", "--noheadings", "--output", "NAME", "--associated", file]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
