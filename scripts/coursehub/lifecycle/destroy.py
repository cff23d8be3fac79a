"""`scripts/destroy.py`: take away what the course has in its account. The students' volume and the snapshots
stay, and are billed, unless told."""

from __future__ import annotations

import argparse
from dataclasses import replace

from ..cloud import ending
from ..cloud.model import Seen
from ..model import Step
from ..outcome import Progress
from ..problems import Failure
from .command import Work, add_confirmation, carry_out, confirm
from .command import run as run_command
from .told import Told, bill_table, item_value, rounded, show

AGAIN = (
    "The next deploy makes all anew, and it is billed: to prevent that, delete the secret DIGITALOCEAN_TOKEN "
    "of the repository"
)


def run(description: str) -> int:
    return run_command(description, act, add_arguments)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--volume", action="store_true", help="the volume as well: ALL FILES ARE LOST")
    parser.add_argument("--snapshots", action="store_true", help="all snapshots of the course, too")
    add_confirmation(parser)


def act(work: Work) -> Told:
    """Show, have it confirmed, do it, and look whether it is done. Raises InvalidInput and Failure."""
    terminal = work.terminal
    terminal.stage("Looking at the DigitalOcean account")
    seen, steps = planned(work)
    if not steps:
        return record(work, seen, (), "There is nothing to destroy")
    Progress(terminal, frozenset()).plan(steps)
    stays = work.bill(after(work, seen))
    if stays.items:
        show(bill_table("What will stay, and be billed", stays, foreseen=True), terminal)
    else:
        terminal.note("Nothing of the course will stay, or be billed")
    confirm(work, "destroy this")
    seen, done = carry_out(work, planned, destroyed, "not all is destroyed")
    return record(work, seen, done, "It is destroyed")


def planned(work: Work) -> tuple[Seen, list[Step]]:
    found = work.look_at_everything()
    options = {"volume": work.arguments.volume, "snapshots": work.arguments.snapshots}
    return found.seen, ending.destroy(work.wanted, found, **options)


def destroyed(work: Work, steps: list[Step]) -> None:
    try:
        Progress(work.terminal, frozenset()).apply(work.target.ground, steps)
    except Failure as failure:
        fix = f"{failure.fix}; run scripts/destroy.py again: it goes on from what it finds"
        raise Failure(failure.message, fix, failure.detail) from failure


def after(work: Work, seen: Seen) -> Seen:
    """What will be there afterwards."""
    left = ending.without_droplet(seen, keep_address=False)
    volumes = () if work.arguments.volume else left.volumes
    return replace(left, volumes=volumes, snapshots=() if work.arguments.snapshots else left.snapshots)


def record(work: Work, seen: Seen, done: tuple[str, ...], title: str) -> Told:
    """What was destroyed, what stays and what it costs."""
    stays = work.bill(seen)
    values = {
        "done": list(done),
        "remains": [item_value(item) for item in stays.items],
        "monthly": rounded(stays.monthly),
    }
    tables = (bill_table("What stays, and is billed", stays),) if stays.items else ()
    notes = (*(f"Done: {step}" for step in done), AGAIN)
    return Told("destroyed", title, notes, tables, values)
