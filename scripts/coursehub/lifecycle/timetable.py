"""`scripts/timetable.py`: the size that the timetable has for now, and for soon. Meant to be run every
quarter of an hour, by a schedule that may come late: it looks at the clock, not at what it did before.

The size of hours is due some time before they begin, for growing in the first minutes of a class would end
what everybody has just begun.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import datetime
from typing import Any

from ..cloud.model import Droplet
from ..droplet_sizes import droplet_weight
from ..problems import Failure
from ..timetable import (
    AHEAD,
    Timetable,
    minutes_left,
    minutes_since,
    size_at,
    size_due,
    sizes_ahead,
)
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
    return run_command(description, act, add_arguments, unneeded)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    text = f"how long after the hours' end a class at work is left alone (default: {PATIENCE})"
    parser.add_argument("--patience", type=float, default=PATIENCE, metavar="MINUTES", help=text)


def unneeded(course: Any) -> Told | None:
    """Without hours there is nothing to look at, on whatever server."""
    return None if course.timetable.hours else Told("unchanged", "course.yml has no timetable")


def act(work: Work) -> Told:
    timetable = work.settings.timetable
    droplet = the_droplet(work)
    if droplet is None:
        return Told("unchanged", "There is no droplet: a deploy makes one, with the size for its time")
    usual = work.settings.droplet.size
    due = size_due(timetable, usual, work.now)
    if droplet.size == due and droplet.status == "active":
        return Told("unchanged", f"The droplet has the size {occasion(work, due)}: {due}")
    size = aim(timetable, usual, work.now, droplet.size)
    if droplet.status == "active" and (reason := reason_to_wait(work, droplet, size)):
        return Told("put off", f"The droplet keeps {droplet.size}: {reason}", values={"to": due})
    told = resize(work, size, key="timetable.hours" if size != usual else "droplet.size")
    return replace(told, notes=(f"This is the size {occasion(work, size)}", *told.notes))


def occasion(work: Work, size: str) -> str:
    """When this size is the one of the timetable."""
    if size == size_at(work.settings.timetable, work.settings.droplet.size, work.now):
        return "for now"
    return f"for what comes within {AHEAD.total_seconds() / 60:.0f} minutes"


def aim(timetable: Timetable, usual: str, now: datetime, present: str) -> str:
    """The size to give a droplet that has `present`: the one that is due, but in the last minutes of hours,
    when it no longer grows for these hours, only for what comes after them."""
    if not too_late(timetable, now):
        return size_due(timetable, usual, now)
    return max([present, *sizes_ahead(timetable, usual, now)], key=droplet_weight)


def too_late(timetable: Timetable, now: datetime) -> bool:
    """Whether the present hours are as good as over."""
    left = minutes_left(timetable, now)
    return left is not None and left < WORTH_IT


def reason_to_wait(work: Work, droplet: Droplet, size: str) -> str:
    """Why the running droplet had better keep its size until the next run; "" if it need not."""
    if size == droplet.size:
        return f"fewer than {WORTH_IT:.0f} minutes of the hours are left"
    if droplet_weight(size) >= droplet_weight(droplet.size):
        return ""
    reason = reason_while_at_work(work)
    if not reason:
        return ""
    work.target.find()
    return reason if somebody_is_at_work(work) else ""


def reason_while_at_work(work: Work) -> str:
    """Why a smaller size had better wait if somebody is at work; "" if it need not even then."""
    timetable, usual = work.settings.timetable, work.settings.droplet.size
    left, ended = (look(timetable, work.now) for look in (minutes_left, minutes_since))
    in_class = left is not None and (
        droplet_weight(size_at(timetable, usual, work.now)) > droplet_weight(usual)
    )
    if in_class and work.arguments.patience:
        # Of two classes in a row the second may need less, but not so little as to be interrupted for it.
        return f"somebody is at work, and the hours last {left:.0f} minutes more"
    if ended is None or ended >= work.arguments.patience:
        return ""
    more = work.arguments.patience - ended
    return f"somebody is at work {ended:.0f} minutes after the hours' end; for {more:.0f} more at most"


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
