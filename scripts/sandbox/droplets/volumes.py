"""Volumes of the sandbox's cloud, and the snapshots of volumes and of droplets: files on this computer.

cloud/volumes/ID.img              a volume
cloud/volume-snapshots/ID.img     its copy
cloud/snapshots/ID/               a droplet's: disk.img, and `image`, over which that is laid
"""

from __future__ import annotations

import os
from pathlib import Path

from coursehub.problems import Failure
from sandbox import blocks, machine, mounts, state, storage

GIGABYTE = 2**30


def file_of(volume_id: str) -> Path:
    """The file that is the volume. Raises Failure if there is none."""
    return _present(_volume(volume_id), f"volume {volume_id}")


def create(volume_id: str, gigabytes: int, snapshot_id: str | None) -> None:
    """Make a volume, empty or from a volume's snapshot, whose file system stays as large as it was."""
    target = _volume(volume_id)
    target.parent.mkdir(parents=True, exist_ok=True)
    if snapshot_id is None:
        target.touch(0o600)
    else:
        storage.copy_sparsely(_present(_snapshot(snapshot_id), f"volume snapshot {snapshot_id}"), target)
    resize(volume_id, gigabytes)


def resize(volume_id: str, gigabytes: int) -> None:
    """Make a volume larger, also while it is in use. Raises Failure if it would become smaller."""
    file = file_of(volume_id)
    if file.stat().st_size > gigabytes * GIGABYTE:
        raise Failure(f"the volume {volume_id} is larger than {gigabytes} GB", fix="volumes only grow")
    os.truncate(file, gigabytes * GIGABYTE)
    blocks.refresh_size(str(file))


def delete(volume_id: str) -> None:
    """Remove a volume that is not attached; does nothing if there is none. Raises Failure."""
    if user := user_of(volume_id):
        raise Failure(f"the volume {volume_id} is attached to {user}", fix="detach it first")
    blocks.release(str(_volume(volume_id)))
    _volume(volume_id).unlink(missing_ok=True)


def snapshot(volume_id: str, snapshot_id: str) -> int:
    """Copy a volume, with all that was written to it until now; returns the bytes of the copy."""
    file = file_of(volume_id)
    _snapshot(snapshot_id).parent.mkdir(parents=True, exist_ok=True)
    blocks.flush(str(file))
    return storage.copy_sparsely(file, _snapshot(snapshot_id))


def delete_snapshot(snapshot_id: str) -> None:
    """Remove a volume's snapshot; does nothing if there is none."""
    _snapshot(snapshot_id).unlink(missing_ok=True)


def user_of(volume_id: str) -> str | None:
    """The name of the machine to which the volume is attached."""
    file = str(_volume(volume_id))
    for box in machine.all_machines():
        if any(block.file == file for block in blocks.of(box.directory)):
            return box.name
    return None


def droplet_snapshot(snapshot_id: str) -> Path:
    """Where a droplet's snapshot is kept; it is whole if its `image` is there."""
    return state.cloud() / "snapshots" / snapshot_id


def delete_droplet_snapshot(snapshot_id: str) -> None:
    """Remove a droplet's snapshot; does nothing if there is none."""
    mounts.remove_tree(droplet_snapshot(snapshot_id))


def _volume(volume_id: str) -> Path:
    return state.cloud() / "volumes" / f"{volume_id}.img"


def _snapshot(snapshot_id: str) -> Path:
    return state.cloud() / "volume-snapshots" / f"{snapshot_id}.img"


def _present(file: Path, what: str) -> Path:
    if not file.exists():
        raise Failure(f"there is no {what}")
    return file
