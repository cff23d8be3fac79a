"""Where on the computer a machine leaves its traces, and removing them, however little is left to go by."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from sandbox import cgroup, mounts, state
from sandbox.commands import run

# systemd-nspawn tidies up there unless it is killed.
NSPAWN_STATE = Path("/run/systemd/nspawn")


def groups() -> cgroup.Group:
    """The control group of this sandbox; below it each machine has one of its name."""
    return cgroup.Group(f"coursehub-{state.identity()}")


def names() -> list[str]:
    """The names of all machines that have a directory, whole or half made."""
    return sorted(path.name for path in state.machines().glob("[!.]*") if path.is_dir())


def record(name: str) -> Path:
    """The file that says what the machine is to be."""
    return state.machines() / name / "machine.json"


def ready_mark(name: str) -> Path:
    """The file that is there once the machine's creation has succeeded."""
    return state.machines() / name / "ready"


def tag(address: str) -> str:
    """What systemd-nspawn calls the machine at `address`; it must fit into the name of an interface."""
    return f"{state.identity()}-{address.rpartition('.')[2]}"


def lock(name: str) -> contextlib.AbstractContextManager[None]:
    """Held by who creates, boots or destroys the machine."""
    return state.lock(state.machines() / f".{name}.lock", timeout=120, what=f"changing the machine {name}")


def kill(name: str) -> None:
    """End everything that runs for the machine, at once."""
    # The supervisor first, which would take the machine's end for a reboot's.
    (groups() / name / "supervisor").kill()
    (groups() / name / "machine").kill()


def unmount(name: str) -> None:
    """Unmount the file system and the disk of a machine that does not run."""
    with contextlib.suppress(FileNotFoundError):
        root = (state.machines() / name / "root").stat()
        (NSPAWN_STATE / "locks" / f"inode-{root.st_dev}:{root.st_ino}").unlink()
    mounts.unmount_below(state.machines() / name)


def remove(name: str) -> None:
    """Remove every trace of a machine, whole or half made, dead or alive; does nothing if there is none."""
    kill(name)
    (groups() / name).remove()
    with contextlib.suppress(FileNotFoundError):
        remaining = tag(json.loads(record(name).read_text())["address"])
        # The kernel removes it too, but some time after the machine's end.
        run(["ip", "link", "delete", f"vb-{remaining}"], check=False)
        _remove_nspawn_state(remaining)
    unmount(name)
    mounts.remove_tree(state.machines() / name)


def remove_all() -> None:
    """Remove all machines of this sandbox, also those whose directory or supervisor is gone.

    Its servers must have ended: see services.stop_all.
    """
    for name in sorted({*names(), *cgroup.children(groups())}):
        with lock(name):
            remove(name)
    groups().remove()
    _remove_nspawn_state(tag("*"))
    mounts.remove_tree(state.machines())


def _remove_nspawn_state(tags: str) -> None:
    for trace in NSPAWN_STATE.glob(f"*/{tags}"):
        mounts.remove_tree(trace)
