"""`scripts/resize.py`: another size of droplet, now: processors and memory, and the disk only when told."""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

from ..cloud import prices
from ..cloud.checks import FILE, refuse_size
from ..cloud.errors import understood
from ..cloud.making import visible
from ..cloud.model import Droplet, Seen
from ..cloud.plan import LONG, PART, SIZED_AS_BEFORE
from ..cloud.running import settled
from ..cloud.waiting import present
from ..model import Step
from ..outcome import Progress
from ..probe import probe, settled_url
from ..problems import COMMAND_LINE, Failure, InvalidInput
from ..report import dollars
from ..settings_yaml import read_document
from ..timetable import size_due
from .command import Work, undisturbed
from .command import run as run_command
from .told import Told

BACK = 180.0
"""Seconds for the hub to answer, once its droplet does."""
FOR_GOOD = "the disk grows as well, FOR GOOD: the droplet can never have a size with a smaller disk again"


def run(description: str) -> int:
    return run_command(description, act, add_arguments)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("size", nargs="?", metavar="SIZE", help="such as s-4vcpu-8gb (default: course.yml's)")
    parser.add_argument("--disk", action="store_true", help="let the disk grow as well, which is for good")


def act(work: Work) -> Told:
    given = work.arguments.size
    if given:
        return resize(work, given, disk=work.arguments.disk, file=COMMAND_LINE, key="SIZE")
    return resize(work, work.wanted.size, disk=work.arguments.disk)


def resize(work: Work, size: str, *, disk: bool = False, file: str = FILE, key: str = "droplet.size") -> Told:
    """Give the droplet this size, and wait until the hub is back; `file` and `key` say where it was written.

    Raises InvalidInput for a size that cannot be had, and Failure.
    """
    the_droplet(work)
    seen = work.look()
    region = seen.droplet.region if seen.droplet else work.wanted.region
    refuse_size(replace(work.wanted, size=size, region=region), seen, file=file, key=key)
    if seen.droplet is None:
        raise Failure("the course has no droplet", "deploy first: scripts/deploy.py makes one")
    before = seen.droplet
    notes = (*disk_notes(seen, size, disk), *later(work, size))
    values = {"from": before.size, "to": size, "monthly": round(monthly(seen, size), 2), "away": None}
    if before.size == size and before.status == "active":
        return Told("unchanged", f"The droplet has the size {size} already", notes, values=values)
    began = time.monotonic()
    with undisturbed(work):
        began = time.monotonic()
        Progress(work.terminal, frozenset()).apply(work.target.ground, [step(work, seen, size, disk)])
    wait_for_hub(work)
    away = time.monotonic() - began
    title = f"The droplet has the size {size}; the hub was away for {away:.0f} s"
    if before.status == "off":
        title = f"The droplet is on again, with the size {size}; it was off before"
    notes = (f"It costs {dollars(monthly(seen, size))} a month, {cost_before(seen)} before", *notes)
    return Told("resized", title, notes, values={**values, "away": round(away, 1)})


def the_droplet(work: Work) -> Droplet | None:
    """The droplet when nothing is done with it any more: what an interrupted run began ends first."""
    account = work.target.account
    with understood():
        droplet = visible(account, work.target.names.tag)
        if droplet is None:
            return None
        settled(account, droplet.id, work.terminal.progress)
        return present(account, droplet.id)


def step(work: Work, seen: Seen, size: str, disk: bool) -> Step:
    """What is to be done, as a deploy's plan would say it."""
    before = seen.droplet.size
    title = f"Resize the droplet from {before} to {size}"
    if before == size:
        title = f"Switch the droplet on, which has the size {size}"
    details = FOR_GOOD if disk else SIZED_AS_BEFORE
    parameters = {"names": work.target.names.tag, "size": size, "disk": disk}
    return Step(PART, title, "droplet.resize", parameters, details=(details,), timeout=LONG)


def monthly(seen: Seen, size: str) -> float:
    """Dollars a month for the droplet of this size, with the backups that it has; 0 where not known."""
    known = seen.sizes.get(size)
    return prices.droplet(known, seen.backups) if known else 0.0


def cost_before(seen: Seen) -> str:
    return dollars(monthly(seen, seen.droplet.size)) if seen.droplet.size in seen.sizes else "an unknown sum"


def disk_notes(seen: Seen, size: str, disk: bool) -> tuple[str, ...]:
    """What a person should know about the disk."""
    droplet = seen.droplet
    if not disk:
        return ()
    if droplet.size == size:
        return (f"The disk has {droplet.disk} GB and stays so: it grows only on the way to another size",)
    return (f"The disk has {seen.sizes[size].disk} GB, {droplet.disk} GB before: it stays so for good",)


def later(work: Work, size: str) -> tuple[str, ...]:
    """Who would change it back, and which line to edit against that."""
    settings = work.settings
    expected = size_due(settings.timetable, settings.droplet.size, work.now)
    if size == expected:
        return ()
    who = "the next deploy will propose"
    if settings.timetable.hours:
        who = "the next run of the timetable will go back, and the next deploy propose to go,"
    return (f"course.yml has {expected} for now: {who} to {expected}. To keep {size}, {edit(work, size)}",)


def edit(work: Work, size: str) -> str:
    """Such as "write size: s-4vcpu-8gb in course.yml:40"."""
    try:
        document = read_document(work.settings.root / FILE, FILE)
        line = document.place(("droplet", "size")).line
    except (InvalidInput, KeyError):
        return f"add droplet: {{size: {size}}} to {FILE}"
    return f"write size: {size} under droplet: ({FILE}:{line})"


def wait_for_hub(work: Work) -> None:
    """Until the droplet lets us in and the hub answers. Raises Failure naming what was seen last."""
    work.terminal.stage("Waiting for the hub")
    target = work.target
    target.find()
    target.is_fresh = True
    target.open().close()
    url = settled_url(target.url, BACK)
    checks = probe(url, test_service=work.settings.https.staging, patience=BACK)
    bad = [check for check in checks if not check.good]
    if bad:
        seen = "; ".join(f"{check.name}: {check.seen}" for check in bad)
        raise Failure(f"the droplet is on, but the hub does not answer: {seen}", "run scripts/deploy.py")
