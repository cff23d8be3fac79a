"""How a command is run on the server for the canary: over the same way in by which the check looks there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ..problems import Failure
from .canary import BEGINNING, ENDING, Order
from .inside import NO_END, NO_SSH, NOT_OURS, SIGNS, bounded, command_for
from .way import NoWay, Way

NO_KEY = "no server is known, or there is no key for it: the secrets COURSE_SECRET or SSH_PRIVATE_KEY"


def order_by(way: Way | NoWay | None) -> Order | str:
    """What runs a command there, as root, or why nothing can."""
    if isinstance(way, Way):
        return lambda command: output_of(way, command)
    return way.words if isinstance(way, NoWay) else NO_KEY


def output_of(way: Way, command: str) -> str:
    """What a command prints. Raises Failure when there is no way in, or no end of it."""
    with tempfile.TemporaryDirectory(prefix="coursehub-") as folder:
        code, said, error = bounded(command_for(way, Path(folder), command), b"", max(BEGINNING, ENDING))
    if code is None:
        raise Failure((NO_SSH if error else NO_END).words)
    if code == 255:  # ssh's own
        found = next((means for signs, means in SIGNS if any(sign in error for sign in signs)), NOT_OURS)
        raise Failure(found.words)
    return said
