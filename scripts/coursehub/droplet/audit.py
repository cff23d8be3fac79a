"""Who deployed what, when, from which commit and run: one line of JSON a deploy."""

from __future__ import annotations

import json
import os

from coursehub.droplet.system import COURSE

LOG = COURSE / "audit.log"


def record(entry):
    """Append one entry. O_APPEND and a single write keep two writers' lines whole."""
    descriptor = os.open(LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, json.dumps(entry, sort_keys=True).encode() + b"\n")
    finally:
        os.close(descriptor)
