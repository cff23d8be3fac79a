"""Where a sandbox keeps what it makes, and the locks that keep two processes apart.

Each state directory is a sandbox of its own, with its own bridge, control groups and machines:
two checkouts on one computer, or the tests beside a demo, do not meet.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from coursehub.problems import Failure

SCRIPTS = Path(__file__).resolve().parent.parent
VARIABLE = "COURSEHUB_SANDBOX"
# For what all sandboxes of a computer share: the choice of a subnet, IP forwarding. The kernel's own file
# will do, and leaves nothing behind.
HOST_LOCK = Path("/proc/sys/net/ipv4/ip_forward")


def directory() -> Path:
    """The sandbox's directory: $COURSEHUB_SANDBOX, or .sandbox in the repository."""
    return Path(os.environ.get(VARIABLE) or SCRIPTS.parent / ".sandbox").resolve()


def machines() -> Path:
    return directory() / "machines"


def cloud() -> Path:
    """What the sandbox's cloud keeps beside its machines: volumes, snapshots, reserved addresses, names."""
    return directory() / "cloud"


def images() -> Path:
    return directory() / "images"


def identity() -> str:
    """A name for this sandbox, short: interfaces' names have 15 characters (vb-IDENTITY-123)."""
    return "ch" + hashlib.sha256(str(directory()).encode()).hexdigest()[:6]


@contextmanager
def lock(path: Path, *, timeout: float, what: str) -> Iterator[None]:
    """Hold the lock file `path`; the kernel lets go of it when this process ends, however it ends.

    Raises Failure when another process still holds it after `timeout` seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Failure(
                        f"another process has been {what} for {timeout:g} s",
                        fix="wait for it, or end it; see `fuser -v " + str(path) + "`",
                    ) from None
                time.sleep(0.05)
        yield
