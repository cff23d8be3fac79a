"""The volume as a block device: what is on it, formatting it when that is provably nothing, growing it."""

from __future__ import annotations

import os

from coursehub.droplet import mount_home
from coursehub.droplet.system import OperationFailed, run

LABEL = "coursehub-home"
HALF_MADE = "coursehub-new"
"""The label until formatting has succeeded: such a file system was never mounted, so nothing is on it."""
BEGINNING = 4 << 20
"""Bytes at both ends that must be zero for a volume to be empty: whatever blkid does not know is there."""
# What root alone may use keeps the hub's database, on the same volume, alive when students fill it.
FOR_ROOT = "2"


def examine(device):
    """What the volume is: {"state", "found", "uuid", "bytes", "file_system_bytes"}.

    `state` is "absent", "empty", "half made", "ours", or "foreign"; `found` names what is there in words.
    """
    if not device.exists():
        return {"state": "absent", "found": "no such device", "uuid": None}
    # 8 means several signatures that contradict each other, which is not nothing.
    done = run(["blkid", "-p", "-o", "export", device], timeout=60, check=False)
    tags = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    state, found = judge(done.returncode, tags, lambda: is_blank(device))
    about = {"state": state, "found": found, "uuid": tags.get("UUID") if state == "ours" else None}
    if state == "ours":
        about["bytes"] = mount_home.device_bytes(device)
        about["file_system_bytes"] = mount_home.file_system_bytes(device)
    return about


def judge(code, tags, blank):
    """(state, what was found) for blkid's exit code and tags; `blank()` says whether both ends are zeros."""
    label = tags.get("LABEL")
    if code == 0 and tags.get("TYPE") == "ext4" and label in (LABEL, HALF_MADE):
        return ("ours" if label == LABEL else "half made"), f"ext4 with the label {label}"
    if code == 2:
        return ("empty", "nothing") if blank() else ("foreign", "data of an unknown kind")
    if code == 0 and tags.get("TYPE"):
        return "foreign", f"{tags['TYPE']} with " + (f"the label {label}" if label else "no label")
    if code == 0 and tags.get("PTTYPE"):
        return "foreign", f"a partition table ({tags['PTTYPE']})"
    return "foreign", f"something that blkid cannot tell (exit code {code})"


def is_blank(device):
    """Whether both ends of the device are zeros."""
    with device.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        for start in (0, max(0, size - BEGINNING)):
            file.seek(start)
            if file.read(BEGINNING).strip(b"\0"):
                return False
    return True


def refusal(about, device):
    """[message, fix] for a volume that is neither empty nor ours, which is never formatted; else None."""
    if about["state"] != "foreign":
        return None
    return [
        f"the volume is neither empty nor one of coursehub's, and was left alone: it holds {about['found']}",
        "attach an empty volume; if it holds the homes of students, in ext4, say so on the droplet: "
        f"e2label {device} {LABEL}",
    ]


def make(device):
    """Format the volume, which must be empty or half made at this very moment."""
    about = examine(device)
    if about["state"] not in ("empty", "half made"):
        raise OperationFailed(f"the volume is not empty and was left alone: it holds {about['found']}")
    run(["mkfs.ext4", "-q", "-m", FOR_ROOT, "-L", HALF_MADE, device], timeout=900)
    run(["e2label", device, LABEL], timeout=60)


def grow(device):
    """Let the mounted file system use all of the volume."""
    try:
        run(["resize2fs", device], timeout=900)
    except OperationFailed as error:
        raise OperationFailed(
            "the file system could not grow while it is in use",
            "restart the droplet: it grows at the next boot",
            error.detail,
        ) from error
