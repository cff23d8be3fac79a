"""`scripts/archive.py`: the end of term. The students' files become a snapshot, the droplet goes, and what
remains costs little; `--restore` brings all back."""

from __future__ import annotations

import argparse

from .. import pipeline
from ..cloud import ending
from ..cloud.ending import Kept
from ..cloud.making import untag, visible
from ..cloud.model import Seen
from ..cloud.running import switch_on
from ..model import Step
from ..outcome import Outcome, Progress
from ..problems import Failure
from .command import Work, add_confirmation, carry_out, confirm
from .command import run as run_command
from .told import Told, bill_table, item_value, rounded, show

BACK = "To come back: scripts/archive.py --restore, which makes all anew from this and deploys (some minutes)"
STAYS = "Deploy key, firewall and tags stay; they are free"


def run(description: str) -> int:
    return run_command(description, act, add_arguments)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--restore", action="store_true", help="bring an archived course back, and deploy")
    parser.add_argument("--keep-volume", action="store_true", help="keep the volume, with no snapshot")
    parser.add_argument(
        "--keep-address", action="store_true", help="keep the reserved address, at $5 a month"
    )
    add_confirmation(parser)


def act(work: Work) -> Told | Outcome:
    return restore(work) if work.arguments.restore else archive(work)


def archive(work: Work) -> Told:
    """Show, have it confirmed, do it, and look whether it is done. Raises InvalidInput and Failure."""
    terminal = work.terminal
    terminal.stage("Looking at the DigitalOcean account")
    seen, steps = planned(work)
    if not steps:
        return record(work, seen, (), "The course is archived already")
    Progress(terminal, frozenset()).plan(steps)
    foreseen = work.bill(ending.after_archive(seen, work.wanted, kept(work), "of today"))
    show(bill_table("What will remain, and cost at most", foreseen, foreseen=True), terminal)
    for note in (STAYS, *way_back(work, seen)):
        terminal.note(note)
    confirm(work, "archive the course")
    seen, done = carry_out(work, planned, put_away, "the course is still not archived")
    return record(work, seen, done, "The course is archived")


def kept(work: Work) -> Kept:
    return Kept(work.arguments.keep_volume, work.arguments.keep_address)


def planned(work: Work) -> tuple[Seen, list[Step]]:
    found = work.look_at_everything()
    return found.seen, ending.archive(work.wanted, found, kept(work), work.now.date())


def put_away(work: Work, steps: list[Step]) -> None:
    """Do it. As long as there is the droplet, a failure brings the hub back."""
    try:
        Progress(work.terminal, frozenset()).apply(work.target.ground, steps)
    except Failure as failure:
        raise Failure(failure.message, f"{failure.fix}. {taken_back(work)}", failure.detail) from failure


def taken_back(work: Work) -> str:
    """Switch the droplet on again and remove the mark; how that went, for a person."""
    account, names = work.target.account, work.target.names
    try:
        droplet = visible(account, names.tag)
        if droplet is None:
            return "Run scripts/archive.py again: it goes on from what it finds"
        work.terminal.note("The course is not archived: switching its droplet on again")
        switch_on(account, droplet, work.terminal.progress)
        untag(account, names.archived)
    except Failure as failure:
        return f"The hub may be off ({failure.message}): scripts/archive.py --restore brings it back"
    return "The hub is on again, its files as before; scripts/deploy.py puts the rest back, such as its name"


def way_back(work: Work, seen: Seen) -> tuple[str, ...]:
    if work.settings.storage.gigabytes and seen.volume is None and seen.droplet:
        return (
            BACK,
            "Before, write storage: {size: none} into course.yml: the files are on the droplet's disk",
        )
    return (BACK,)


def record(work: Work, seen: Seen, done: tuple[str, ...], title: str) -> Told:
    """What was done, what remains and what it costs."""
    remains = work.bill(seen)
    values = {
        "done": list(done),
        "remains": [item_value(item) for item in remains.items],
        "monthly": rounded(remains.monthly),
        "back": BACK,
    }
    tables = (bill_table("What remains, and costs", remains),) if remains.items else ()
    notes = (*(f"Done: {step}" for step in done), STAYS, BACK)
    return Told("archived", title, notes, tables, values)


def restore(work: Work) -> Outcome:
    """Remove the mark and deploy: the plan makes what is missing, the volume from its newest snapshot."""
    work.terminal.stage("Bringing the course back")
    untag(work.target.account, work.target.names.archived)
    return pipeline.deploy(work.settings, work.secrets, work.terminal)
