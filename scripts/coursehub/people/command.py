"""`scripts/people.py`: the people of the hub, over the droplet's one SSH connection."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from .. import interruption, settings
from ..command import CONVERGED, course_parser, refused
from ..handing_out import hand_out
from ..lifecycle.told import Told, as_json, markdown, tell
from ..problems import CoursehubError
from ..report import Terminal
from ..roster.joining import joined
from ..run_identity import holder
from ..secrets import Secrets
from ..targets import choose
from . import files, standing
from .doing import do
from .listing import Person, people_from, told
from .privacy import may_show_names, name_given
from .resetting import found, password_for, require_passwords, reset
from .situation import Situation

VERBS = {
    "add": (standing.add, "let somebody in now, without a deploy; write the name into the list as well"),
    "remove": (standing.remove, "delete the hub's account of who is off the list; the files stay"),
    "block": (standing.block, "shut somebody out at once, whatever the list says; the files stay"),
    "unblock": (standing.unblock, "take a block back"),
    "make-admin": (standing.make_admin, "make somebody an admin now; write the role into the list as well"),
    "revoke-admin": (standing.revoke_admin, "take an admin's rights back, sudo as well"),
    "archive-files": (files.archive_files, "pack the files of who left into one archive on the server"),
    "remove-files": (files.remove_files, "remove the files of who left; the name is typed again"),
}
"""What changes something for one person: the decision, and what a person reads of it."""
ALSO_UNKNOWN = ("add", "archive-files", "remove-files")
"""The verbs for names that the hub may not know."""
THE_NAME = "the account (default: the input `name` of the run on GitHub)"


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
    reset_verb.add_argument("name", nargs="?", metavar="NAME", help=THE_NAME)
    for verb, (_, words) in VERBS.items():
        one = verbs.add_parser(verb, help=words, description=words)
        one.add_argument("name", nargs="?", metavar="NAME", help=THE_NAME)
        if verb == "remove-files":
            again = "the same name again (default: the input `confirm`)"
            one.add_argument("--confirm", metavar="NAME", help=again)
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
        seen = session.call("people.look", {"method": course.sign_in})
        people = people_from(course, seen)
        if arguments.verb == "list":
            return told(people, datetime.now(UTC), names=names)
        if arguments.verb in VERBS:
            at = situation(arguments, course, secrets, people, seen, names=names)
            return do(session, terminal, at, VERBS[arguments.verb][0](at))
        person = found(people, name_given(arguments.name, os.environ), names=names)
        password = password_for(person, course, secrets, names=names)
        return reset(session, terminal, person, course.sign_in, password, names=names)


def situation(
    arguments: argparse.Namespace,
    course: Any,
    secrets: Secrets,
    people: list[Person],
    seen: Mapping[str, Any],
    *,
    names: bool,
) -> Situation:
    """Whom it is about, and what is known of them. Raises InvalidInput for nobody, and for a name that should
    be known and is not."""
    name = name_given(arguments.name, os.environ)
    person = next((one for one in people if one.name == name), None)
    if person is None and (not name or arguments.verb not in ALSO_UNKNOWN):
        person = found(people, name, names=names)
    identity = holder()
    return Situation(
        name=name,
        person=person,
        people=people,
        course=course,
        seen=seen,
        entry={"since": identity.since, "by": identity.who},
        names=names,
        admin_password=secrets.hub_admin_password,
        confirmed=name_given(getattr(arguments, "confirm", None), os.environ, "confirm"),
    )
