"""Swap space, so that a small machine slows down where it would otherwise kill a student's kernel."""

from __future__ import annotations

import os
from pathlib import Path

from coursehub.droplet.system import OperationFailed, free_bytes, read_text, run, write_atomically

FSTAB = Path("/etc/fstab")


def look(file):
    """Bytes of swap in use by the kernel, whether `file` is among it, and whether swap can be had."""
    lines = (read_text("/proc/swaps") or "").splitlines()[1:]
    container = run(["systemd-detect-virt", "--container"], timeout=10, check=False).stdout.strip()
    return {
        "bytes": sum(int(line.split()[2]) * 1024 for line in lines),
        "active": any(line.split()[0] == file for line in lines),
        "possible": container in ("", "none"),
        "permanent": any(line.split()[:1] == [file] for line in (read_text(FSTAB) or "").splitlines()),
    }


def add(file, size):
    """Make `file` a swap file of `size` bytes, use it now and after every reboot."""
    path = Path(file)
    in_use = any(line.startswith(f"{file} ") for line in (read_text("/proc/swaps") or "").splitlines())
    if not in_use:
        path.unlink(missing_ok=True)
        if free_bytes(path.parent) < size + (1 << 30):
            raise OperationFailed(
                f"no room for a swap file of {size >> 20} MiB",
                "free some disk, choose a larger droplet, or set `swap: none` in course.yml",
            )
        try:
            # Made under another name, so that a crash leaves no half swap file that looks whole.
            beside = path.with_suffix(".new")
            beside.touch(0o600)
            with beside.open("r+b") as swap:
                os.posix_fallocate(swap.fileno(), 0, size)
            run(["mkswap", beside], timeout=60)
            beside.replace(path)
            run(["swapon", path], timeout=60)
        except BaseException:
            beside.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            raise
    lines = [line for line in (read_text(FSTAB) or "").splitlines() if line.split()[:1] != [file]]
    write_atomically(FSTAB, "\n".join([*lines, f"{file} none swap sw 0 0"]) + "\n")
