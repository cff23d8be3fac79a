"""`scripts/rollback.py`: give the class back the environment that worked, in a second or two.

Nothing is solved, installed or checked: the environment is on the droplet, complete and tried. The deploy
lock is taken all the same, for a deploy that is just switching would undo it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import interruption, lockfile, settings
from .command import CONVERGED, course_parser, refused
from .environment_changes import differences
from .handing_out import hand_out
from .job_summary import detail_lines
from .model import LockHolder, Session
from .parts.environment import POST_BUILD
from .problems import CoursehubError, Failure, InvalidInput
from .report import Terminal, shortened
from .run_identity import changed_last, holder, who
from .secrets import Secrets
from .targets import choose

PATIENCE = 900.0
"""Seconds to wait for a deploy that is under way."""
NONE = "There is no environment on the droplet yet"
RUNNING = "Students get it when they next start their server: running kernels keep what they have"
FILES = ("environment.yml", lockfile.FILE, POST_BUILD)


def run(description: str) -> int:
    """List the environments, or roll back; return the exit code."""
    parser = course_parser(description)
    parser.add_argument("--list", action="store_true", help="show the environments on the droplet")
    parser.add_argument("--to", metavar="NAME", help="the environment to go to (default: the one before)")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why: shown to whoever deploys it again")
    arguments = parser.parse_args()
    interruption.expect()
    terminal = Terminal()
    try:
        course = readable_settings(arguments.course, arguments.override, terminal)
        with choose(course, Secrets.from_environment(os.environ)).open() as session:
            if arguments.list:
                result = listed(session, terminal)
            else:
                result = rolled_back(session, terminal, arguments.course, arguments.to, arguments.reason)
    except CoursehubError as error:
        return refused(error, terminal, arguments)
    hand_out(markdown(result), json.dumps(result), arguments.json)
    return CONVERGED


def markdown(result: Mapping[str, Any]) -> str:
    """The job summary."""
    if result["verdict"] == "rolled back":
        lines = [f"### {switched(result)}. {result['fix']}", "", RUNNING + "."]
        return "\n".join([*lines, *([f"Reason: {result['reason']}"] if result["reason"] else []), ""])
    lines = [f"### {len(result['environments'])} environments: to go back to one, roll back to its name", ""]
    for entry in result["environments"]:
        lines += [f"- {headline(entry)}", *detail_lines(tuple(entry["changes"]))]
    return "\n".join([*(lines if result["environments"] else [f"### {NONE}: deploy first"]), ""])


def readable_settings(root: Path, override: Path | None, terminal: Terminal) -> Any:
    """The course's settings; None when they have mistakes, which must not stand between a class and its
    environment: the secrets say where the droplet is."""
    try:
        return settings.load(root, override)
    except InvalidInput as error:
        terminal.note(f"The course's files have mistakes ({error.problems[0]}), which do not matter here")
        return None


def listed(session: Session, terminal: Terminal) -> dict[str, Any]:
    """Show every environment, newest first: whence it came, and what is different from the one before it."""
    found = session.call("environment.list", {})
    for number, entry in enumerate(found):
        entry["changes"] = changes(found, number)
        terminal.stage(headline(entry))
        for line in shortened(tuple(entry["changes"])):
            terminal.note(line)
    if not found:
        terminal.stage(NONE)
    return {"verdict": "listed", "environments": found}


def headline(entry: Mapping[str, Any]) -> str:
    """Such as "3f2a… (current), 2025-10-05 09:12 UTC, commit 1a2b3c4 by ada"."""
    marks = ["current"] if entry["current"] else []
    marks += ["rolled back"] if entry["rejected"] else []
    marked = f" ({', '.join(marks)})" if marks else ""
    installed = datetime.fromtimestamp(entry["installed"], UTC).strftime("%Y-%m-%d %H:%M UTC")
    commit = f"commit {entry['commit'][:7]}" if entry["commit"] else "no commit"
    return f"{entry['generation']}{marked}, {installed}, {commit} by {entry['who'] or 'somebody'}"


def changes(found: Sequence[Mapping[str, Any]], number: int) -> list[str]:
    """The differences between an environment and the one installed before it."""
    before = found[number + 1 : number + 2]
    return differences(found[number]["packages"], before[0]["packages"]) if before else []


def rolled_back(
    session: Session, terminal: Terminal, root: Path, name: str | None, reason: str
) -> dict[str, Any]:
    """Switch, leave a line in the audit log, and say how to make it last."""
    started = time.monotonic()
    take_lock(session, terminal)
    parameters = {"generation": name, "who": who(), "reason": reason}
    done = session.call("environment.rollback", parameters)
    seconds = time.monotonic() - started
    entry = asdict(holder()) | {"rollback": done, "reason": reason, "verdict": "rolled back", "error": None}
    session.call("audit.record", {"entry": entry})
    terminal.stage(f"{switched(done)} ({seconds:.1f} s)")
    terminal.note(RUNNING)
    advice = lasting(root, done["commit_from"])
    terminal.note(advice)
    return {"verdict": "rolled back", **done, "reason": reason, "seconds": round(seconds, 3), "fix": advice}


def switched(done: Mapping[str, Any]) -> str:
    return f"New servers start from {done['to']} again, not {done['from']}"


def take_lock(session: Session, terminal: Terminal, patience: float = PATIENCE) -> None:
    """Wait until no deploy works on the droplet. Raises Failure naming who does after `patience` s."""
    deadline = time.monotonic() + patience
    shown = None
    while busy := session.call("lock", {"holder": asdict(holder())}):
        present = LockHolder(**busy)
        if time.monotonic() > deadline:
            raise Failure(f"a deploy holds the droplet: {present}", "cancel it and run this again")
        if present != shown:
            shown = present
            terminal.note(f"Waiting for {present}")
        time.sleep(1)


def lasting(root: Path, deployed: str | None) -> str:
    """How to make a rollback last: the commit to revert, as exactly as the history at hand allows."""
    guilty = changed_last(root, FILES, (deployed or "").removesuffix("-dirty"))
    number = guilty.partition(" ")[0]
    start = "To make it last: "
    refused = "; until then, deploys of that environment are refused"
    if (deployed or "").endswith("-dirty"):
        return f"{start}take back the change of {FILES[0]} that was deployed before it was committed{refused}"
    if guilty:
        return f"{start}git revert {number} (“{guilty.partition(' ')[2]}”), and push{refused}"
    commit = f" (deployed from {deployed[:12]})" if deployed else ""
    return f"{start}revert the commit that changed {FILES[0]}{commit}, and push{refused}"
