"""`scripts/timetable.py`: the size that the timetable has for now. Meant to be run every quarter of an hour,
by a schedule that may come an hour late: it looks at the clock, not at what it did before."""

from __future__ import annotations

import argparse
from datetime import datetime

from ..cloud.model import Droplet
from ..droplet_sizes import droplet_memory
from ..problems import Failure
from ..timetable import minutes_left, minutes_since, size_at
from .command import Work, opened
from .command import run as run_command
from .resize import resize, the_droplet
from .told import Told

WORTH_IT = 10.0
"""Minutes of the hours that must be left for a larger size to be worth the interruption."""
PATIENCE = 60
"""Minutes after the end of the hours in which a class that still works is left alone."""
AT_WORK = 10 * 60
"""Seconds: somebody who did something since then is at work. The hub itself knows it to some five minutes."""


def run(description: str) -> int:
    return run_command(description, act, add_arguments)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    text = f"how long after the hours' end a class at work is left alone (default: {PATIENCE})"
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="MINUTES", help=text)


def act(work: Work) -> Told:
    timetable = work.settings.timetable
    if not timetable.hours:
        return Told("unchanged", "course.yml has no timetable")
    droplet = the_droplet(work)
    if droplet is None:
        return Told("unchanged", "There is no droplet: a deploy makes one, with the size for its time")
    size = size_at(timetable, work.settings.droplet.size, work.now)
    if droplet.size == size and droplet.status == "active":
        return Told("unchanged", f"The droplet has the size for now: {size}")
    if droplet.status == "active" and (reason := reason_to_wait(work, droplet, size)):
        return Told("put off", f"The droplet keeps {droplet.size}: {reason}", values={"to": size})
    if too_late(timetable, work.now):
        # One that an interrupted run left switched off is switched on all the same.
        size = droplet.size
    return resize(work, size, key="timetable.hours" if size != work.settings.droplet.size else "droplet.size")


def too_late(timetable, now: datetime) -> bool:
    """Whether the present hours are as good as over."""
    left = minutes_left(timetable, now)
    return left is not None and left < WORTH_IT


def reason_to_wait(work: Work, droplet: Droplet, size: str) -> str:
    """Why the running droplet had better keep its size until the next run; "" if it need not."""
    timetable = work.settings.timetable
    if too_late(timetable, work.now):
        return f"fewer than {WORTH_IT:.0f} minutes of the hours are left"
    ended = minutes_since(timetable, work.now)
    smaller = droplet_memory(size) < droplet_memory(droplet.size)
    if not smaller or ended is None or ended >= work.arguments.patience:
        return ""
    work.target.find()
    if not somebody_is_at_work(work):
        return ""
    left = work.arguments.patience - ended
    return f"somebody is at work {ended:.0f} minutes after the hours' end; for {left:.0f} more at most"


def somebody_is_at_work(work: Work) -> bool:
    """Whether a server on the hub was used in the last minutes; false, with a note, where nobody can tell."""
    question = "whether students are at work"
    session = opened(work, question)
    if session is None:
        return False
    with session:
        try:
            seen = session.call("activity.look", {})
        except Failure as failure:
            work.terminal.note(f"The droplet cannot be asked {question} ({failure.message}); going on")
            return False
    return seen["quiet"] is not None and seen["quiet"] < AT_WORK
