"""`scripts/people.py`: the people of the hub, over the droplet's one SSH connection."""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime

from .. import interruption, settings
from ..command import CONVERGED, course_parser, refused
from ..handing_out import hand_out
from ..lifecycle.told import Told, as_json, markdown, tell
from ..problems import CoursehubError
from ..report import Terminal
from ..roster.joining import joined
from ..secrets import Secrets
from ..targets import choose
from .listing import people_from, told
from .privacy import may_show_names, name_given
from .resetting import found, password_for, require_passwords, reset


def run(description: str) -> int:
    """Do what is asked for; the exit code is a deploy's."""
    arguments = parser(description).parse_args()
    interruption.expect()
    terminal = Terminal()
    try:
        result = act(arguments, terminal)
    except CoursehubError as error:
        return refused(error, terminal, arguments)
    tell(result, terminal)
    hand_out(markdown(result), as_json(result), arguments.json)
    return CONVERGED


def parser(description: str) -> argparse.ArgumentParser:
    made = course_parser(description)
    verbs = made.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("list", help="who is on the hub, when they were last seen, what they use")
    reset_verb = verbs.add_parser(
        "reset-password", help="let a person choose a new password; an admin gets HUB_ADMIN_PASSWORD again"
    )
    reset_verb.add_argument(
        "name", nargs="?", metavar="NAME", help="the account (default: the input `name` of the run on GitHub)"
    )
    return made


def act(arguments: argparse.Namespace, terminal: Terminal) -> Told:
    """Raises InvalidInput and Failure."""
    course = settings.load(arguments.course, arguments.override)
    secrets = Secrets.from_environment(os.environ)
    names = may_show_names(os.environ)
    if arguments.verb == "reset-password":
        require_passwords(course)
    course = joined(course, secrets.hub_users, names=names)
    with choose(course, secrets).open() as session:
        terminal.stage("Looking at the people of the hub")
        people = people_from(course, session.call("people.look", {"method": course.sign_in}))
        if arguments.verb == "list":
            return told(people, datetime.now(UTC), names=names)
        person = found(people, name_given(arguments.name, os.environ), names=names)
        password = password_for(person, course, secrets, names=names)
        return reset(session, terminal, person, course.sign_in, password, names=names)
