"""Merging lines: both changes where they do not touch each other, and where they do, the student's."""

from __future__ import annotations

import os
import subprocess
import tempfile

OPEN, BASE, MIDDLE, CLOSE = b"<<<<<<< ", b"||||||| ", b"=======", b">>>>>>> "


def is_text(*pieces: bytes) -> bool:
    """By git's own rule: no zero byte early on."""
    return not any(b"\0" in piece[:8000] for piece in pieces)


def merge_lines(given: bytes, mine: bytes, wanted: bytes) -> tuple[bytes, bool]:
    """The merged text, and whether both had changed the same lines. Raises OSError."""
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, name) for name in ("mine", "given", "wanted")]
        for name, data in zip(names, (mine, given, wanted)):
            with open(name, "wb") as file:
                file.write(data)
        command = ["git", "merge-file", "--stdout", "--quiet"]
        done = subprocess.run([*command, *names], capture_output=True, check=False, timeout=60)
        if not done.returncode:
            return done.stdout, False
        done = subprocess.run([*command, "--ours", *names], capture_output=True, check=False, timeout=60)
        return (mine if done.returncode else done.stdout), True


def has_marks(data: bytes) -> bool:
    """Whether git left a conflict in it."""
    lines = data.splitlines()
    return any(line.startswith(OPEN) for line in lines) and any(line.startswith(CLOSE) for line in lines)


def without_marks(data: bytes, second: bool = False) -> bytes:
    """The student's side of each conflict: the first, or in a rebase the `second`."""
    kept, side = [], "both"
    for line in data.splitlines(keepends=True):
        if side == "both" and line.startswith(OPEN):
            side = "first"
        elif side == "first" and line.startswith(BASE):
            side = "given"
        elif side in ("first", "given") and line.rstrip() == MIDDLE:
            side = "second"
        elif side == "second" and line.startswith(CLOSE):
            side = "both"
        elif side in ("both", "second" if second else "first"):
            kept.append(line)
    return b"".join(kept)
