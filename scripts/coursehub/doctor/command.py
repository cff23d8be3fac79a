"""`scripts/doctor.py`: looks at everything, says what is probably wrong and what to do, and changes nothing.

Exit code 0: nothing is wrong, or there is no server yet; 1: something is wrong; 2: the arguments cannot be
right; 3: it could not be seen.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

from ..command import course_parser
from ..github import workflow_commands
from ..health.command import ON_GITHUB
from ..run_identity import commit
from . import bundle, report
from .examination import examine
from .given import given, names, to_hide
from .model import NONE, UNKNOWN, WELL, WRONG, Diagnosis, Section
from .ranking import diagnosis
from .redaction import Redaction

CODES = {WELL: 0, NONE: 0, WRONG: 1, UNKNOWN: 3}
BAD_INPUT = 2


def run(description: str) -> int:
    """Examine, tell, and return the exit code."""
    arguments = parser(description).parse_args()
    environ, now = os.environ, time.time()
    on_github = bool(ON_GITHUB & environ.keys())
    if not arguments.course.is_dir():
        print(f"--course: there is no folder {arguments.course}", file=sys.stderr)
        return BAD_INPUT
    # Where others can read along, nothing is shown before it is known what must not be.
    known = given(arguments, environ)
    sections, seen = examine(known, lambda text: print(f"{text} …", file=sys.stderr, flush=True))
    people = names(known, environ) | set(server_people(seen))
    redact = Redaction(to_hide(environ, places=on_github), people)
    told = [seen_by_others(one, redact) for one in sections]
    # Names and secrets are taken out of what is told, so that all of it can be passed on.
    found = cleaned(diagnosis(sections), redact)
    path = where(arguments, on_github, now)
    kept = keep(path, found, sections, known, people, now) if path else ""
    tell(found, told, arguments.json, kept)
    if on_github:
        workflow_commands.add_summary(report.summary(found, told, kept), environ)
        workflow_commands.set_outputs({"verdict": found.state, "bundle": str(path or "")}, environ)
        if found.state != WELL:
            kinds = {WRONG: workflow_commands.error, UNKNOWN: workflow_commands.warning}
            note = kinds.get(found.state, workflow_commands.notice)
            message = f"{found.title}. What to do: {found.fix}" if found.fix else found.title
            workflow_commands.say([note(message, title="What is wrong")], environ)
    return ended(CODES[found.state])


def parser(description: str) -> argparse.ArgumentParser:
    made = course_parser(description)
    made.add_argument("--bundle", type=Path, metavar="FILE.tar.gz", help="where the bundle goes")
    made.add_argument("--no-bundle", action="store_true", help="make no bundle")
    return made


def server_people(seen) -> list[str]:
    """Who is on the hub, and who deployed: also a coordinator is a person."""
    seen = seen or {}
    found = [*seen["people"]] if isinstance(seen.get("people"), list) else []
    entries = [*seen["deploys"]] if isinstance(seen.get("deploys"), list) else []
    entries += [seen["lock"]] if isinstance(seen.get("lock"), dict) else []
    # The watchdog, which may hold the lock, says who it is in words.
    return found + [name for one in entries if (name := str(one.get("who", ""))) and " " not in name]


def seen_by_others(section: Section, redact: Redaction) -> Section:
    """The section without names and secrets."""
    findings = tuple(
        replace(one, name=redact(one.name), seen=redact(one.seen), fix=redact(one.fix))
        for one in section.findings
    )
    return Section(section.key, redact(section.title), findings, tuple(map(redact, section.lines)))


def cleaned(found: Diagnosis, redact: Redaction) -> Diagnosis:
    return replace(found, title=redact(found.title), fix=redact(found.fix))


def where(arguments: argparse.Namespace, on_github: bool, now: float) -> Path | None:
    """Where the bundle goes; on GitHub there always is one."""
    if arguments.no_bundle and not on_github:
        return None
    return arguments.bundle or Path(f"doctor-{time.strftime('%Y-%m-%d-%H%M', time.gmtime(now))}.tar.gz")


def keep(path: Path, found: Diagnosis, sections: list[Section], known, people: set[str], now: float) -> str:
    """Write the bundle; its name, or "" and a word to the person where it cannot be written."""
    # It goes to strangers: where the server is does not concern them, if it is kept secret.
    redact = Redaction(to_hide(os.environ, places=True), people)
    root = known.course.root if known.course is not None else Path()
    files = report.files(found, sections, bundle.versions(commit(root)))
    try:
        bundle.write(path, files, redact, now)
    except OSError as error:
        print(f"The bundle cannot be written to {path}: {error}", file=sys.stderr)
        return ""
    return path.name


def tell(found: Diagnosis, sections: list[Section], as_json_too: bool, kept: str) -> None:
    """Say it to a person and, when asked, to programs."""
    said = report.lines(found, sections)
    if kept:
        said += ["", f"The bundle, without secrets and names, to attach to a question: {kept}"]
    for line in said:
        text = workflow_commands.harmless(line, os.environ)
        print(text, file=sys.stderr if as_json_too else sys.stdout, flush=True)
    if as_json_too:
        print(report.as_json(found, sections), flush=True)


def ended(code: int) -> int:
    """The exit code. A look that was given up may hang for ever, and must not keep the program."""
    if any(thread is not threading.main_thread() for thread in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code
