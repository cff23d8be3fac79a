"""Whether somebody is at work on the hub. Changes nothing."""

from __future__ import annotations

import contextlib
import sqlite3
from datetime import datetime, timezone
from pathlib import Path

from coursehub.droplet.system import OperationFailed

DATABASE = Path("/opt/tljh/state/jupyterhub.sqlite")
PATIENCE = 10.0
# JupyterHub's own tables (jupyterhub/orm.py): a spawner has a server while it runs. The hub writes the times
# in UTC, every five minutes at least, and counts busy kernels as activity.
# The canary (people.CANARY) is nobody.
RUNNING = """SELECT spawners.last_activity, spawners.started FROM spawners
JOIN users ON users.id = spawners.user_id
WHERE spawners.server_id IS NOT NULL AND users.name != 'coursehub-canary'"""


def look():
    """{"running": how many servers run, "quiet": seconds since the last use of any, None without one}."""
    if not DATABASE.exists():
        return {"running": 0, "quiet": None}
    try:
        address = f"file:{DATABASE}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=PATIENCE)) as database:
            rows = database.execute(RUNNING).fetchall()
    except sqlite3.Error as error:
        raise OperationFailed(f"the hub's records of its servers cannot be read: {error}") from error
    used = [moment(text) for row in rows for text in row if text]
    quiet = None
    if used:
        quiet = max(0.0, (datetime.now(timezone.utc) - max(used)).total_seconds())
    return {"running": len(rows), "quiet": quiet}


def moment(text):
    """A time of the hub's database."""
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)
