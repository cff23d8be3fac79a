"""What these scripts share: arguments, settings, the account, one call, one exit code."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from .. import interruption, settings
from ..cloud.belongings import Belongings, belongings
from ..cloud.bill import Bill, bill
from ..cloud.errors import understood
from ..cloud.model import Seen, Wanted
from ..cloud.observe import observe
from ..cloud.wanted import wanted_from
from ..command import CONVERGED, FAILED, course_parser, refused, with_the_class
from ..handing_out import annotated, hand_out, publish
from ..model import Step
from ..outcome import Outcome
from ..pipeline import LOCK_PATIENCE
from ..problems import CoursehubError, Failure, InvalidInput, Problem
from ..report import Terminal
from ..rollback import take_lock
from ..roster.discretion import discreet, discreet_outcome
from ..secrets import Secrets
from ..targets.droplet import CloudDroplet
from . import told

Arguments = argparse.Namespace


@dataclass
class Work:
    """What a script works with. `now` is one moment, for all of a run."""

    settings: Any
    secrets: Secrets
    arguments: Arguments
    terminal: Terminal
    target: CloudDroplet
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def wanted(self) -> Wanted:
        return wanted_from(self.settings, self.secrets, self.now)

    def look(self) -> Seen:
        """What there is; the target then knows its droplet. Raises Failure."""
        with understood():
            seen = observe(self.target.account, self.wanted)
        self.target.droplet, self.target.present_address = seen.droplet, seen.address
        return seen

    def bill(self, seen: Seen) -> Bill:
        """What this costs."""
        return bill(seen, self.settings.droplet.size, self.settings.timetable, self.now)

    def look_at_everything(self) -> Belongings:
        """The same with tags and key."""
        with understood():
            found = belongings(self.target.account, self.wanted)
        self.target.droplet, self.target.present_address = found.seen.droplet, found.seen.address
        return found


def run(
    description: str,
    act: Callable[[Work], told.Told | Outcome],
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
    unneeded: Callable[[Any], told.Told | None] = lambda course: None,
) -> int:
    """Do one script's work and tell what came of it; the exit code is a deploy's. Where `unneeded` says, from
    the settings alone, why there is nothing to do, no secret is needed either."""
    parser = course_parser(description)
    add_arguments(parser)
    arguments = parser.parse_args()
    interruption.expect()
    terminal = Terminal()
    hidden: frozenset[str] = frozenset()
    try:
        course = settings.load(arguments.course, arguments.override)
        result = unneeded(course)
        if result is None:
            secrets = Secrets.from_environment(os.environ)
            course, hidden = with_the_class(course, secrets)
            result = act(Work(course, secrets, arguments, terminal, account_of(course, secrets)))
    except CoursehubError as error:
        return refused(discreet(error, hidden), terminal, arguments)
    if isinstance(result, Outcome):
        result = discreet_outcome(result, hidden)
        terminal.outcome(result)
        publish(result, arguments.json, arguments.course)
    else:
        told.tell(result, terminal)
        lines = annotated(result.error, arguments.course) if result.error else []
        hand_out(told.markdown(result), told.as_json(result), arguments.json, lines)
    return FAILED if result.error else CONVERGED


def account_of(course: Any, secrets: Secrets) -> CloudDroplet:
    """The course's things at DigitalOcean. Raises InvalidInput where the secrets name no account."""
    if secrets.host or not secrets.digitalocean_token:
        why = "names a server of your own" if secrets.host else "and so the course's account, is not set"
        fix = "Set DIGITALOCEAN_TOKEN, and leave DROPLET_HOST out: a server of your own is not changed here."
        name = "DROPLET_HOST" if secrets.host else "DIGITALOCEAN_TOKEN"
        raise InvalidInput([Problem(f"secret {name}", why, fix)])
    return CloudDroplet(course, secrets)


@contextmanager
def undisturbed(work: Work) -> Iterator[None]:
    """Keep deploys away from the droplet, once the one that is under way has ended. A droplet that is off, or
    cannot be asked, is worked on all the same. Raises Failure when a deploy takes too long."""
    session = opened(work, "whether a deploy is under way")
    if session is None:
        yield
        return
    with session:
        take_lock(session, work.terminal, LOCK_PATIENCE)
        yield


def carry_out(
    work: Work,
    planned: Callable[[Work], tuple[Seen, list[Step]]],
    do: Callable[[Work, list[Step]], None],
    unfinished: str,
) -> tuple[Seen, tuple[str, ...]]:
    """Do what was confirmed while no deploy is under way, and look whether it is done: what there is then,
    and the titles of what was done. Raises Failure, with the words of `unfinished` if something is left."""
    with undisturbed(work):
        # A deploy that was waited for may have changed something.
        _, steps = planned(work)
        do(work, steps)
    seen, left = planned(work)
    if left:
        titles = "; ".join(step.title for step in left)
        raise Failure(f"{unfinished}: {titles}", "run this script again")
    return seen, tuple(step.title for step in steps)


def opened(work: Work, question: str) -> Any | None:
    """A conversation with the droplet; None, with a note, where it cannot be asked the question."""
    if work.target.droplet is None or work.target.droplet.status != "active":
        return None
    try:
        return work.target.open()
    except Failure as failure:
        work.terminal.note(f"The droplet cannot be asked {question} ({failure.message}); going on")
        return None


def confirm(work: Work, what: str) -> None:
    """Have the course's name typed, or given as --confirm. Raises InvalidInput for any other."""
    name, given = work.settings.name, work.arguments.confirm
    if given is None and sys.stdin.isatty():
        work.terminal.stage(f"To {what}, type the course's name ({name}):")
        given = sys.stdin.readline()
    if given is None or given.strip() != name:
        found = None if given is None else given.strip()
        message = "is not the course's name: nothing was done" if found else "the course's name is needed"
        fix = f"To {what}, give --confirm '{name}'."
        raise InvalidInput([Problem("--confirm", message, fix, found=found)])


def add_confirmation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--confirm", metavar="NAME", help="the course's name, as course.yml has it")
