"""`scripts/lock.py`: write environment.lock, or say whether it belongs to environment.yml."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import interruption, lockfile, settings, solving
from .command import CONVERGED, FAILED, course_parser, refused
from .environment_changes import differences, spoken
from .fresh_environment import system_of
from .github.workflow_commands import error
from .handing_out import hand_out
from .job_summary import detail_lines
from .parts.environment import read_lock, request_of
from .problems import CoursehubError, InvalidInput
from .report import Terminal, shortened

ADVICE = f"run {lockfile.MAKE} and commit the file"


def run(description: str) -> int:
    """Write the lock and say what changed; with --check write nothing, and exit with 1 when it is stale."""
    parser = course_parser(description)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when it is stale")
    arguments = parser.parse_args()
    interruption.expect()
    terminal = Terminal()
    try:
        course = settings.load(arguments.course, arguments.override)
        result = check(course, terminal) if arguments.check else write(course, terminal)
    except CoursehubError as refusal:
        return refused(refusal, terminal, arguments)
    lines = [annotation(result)] if result["verdict"] == "stale" else []
    hand_out(markdown(result), json.dumps(result), arguments.json, lines)
    return FAILED if result["verdict"] == "stale" else CONVERGED


def markdown(result: Mapping[str, Any]) -> str:
    """The job summary."""
    if result["verdict"] == "stale":
        return f"### {lockfile.FILE} {result['problem']}: {ADVICE}\n"
    if result["verdict"] == "current":
        return f"### {lockfile.FILE} belongs to environment.yml: nothing to do\n"
    lines = [f"### {lockfile.FILE} is written: commit it together with environment.yml", ""]
    lines += [f"- {len(result['packages'])} packages", *detail_lines(tuple(result["changes"]))]
    return "\n".join([*lines, ""])


def annotation(stale: Mapping[str, Any]) -> str:
    """Shown at environment.yml, which is there, and whose change made the lock stale."""
    message = f"{lockfile.FILE} {stale['problem']}. Fix: {ADVICE}"
    return error(message, file=solving.FILE, line=1, title=lockfile.FILE)


def check(course: Any, terminal: Terminal) -> dict[str, Any]:
    """Whether the lock is there and belongs to the course's request; solves nothing."""
    lock = read_lock(course.root)
    if lock and lock.made_from == request_of(course).digest:
        terminal.stage(f"{lockfile.FILE} belongs to environment.yml")
        return {"verdict": "current", "packages": dict(lock.solution.packages)}
    fault = "belongs to an earlier environment.yml" if lock else "is missing"
    terminal.stage(f"{lockfile.FILE} {fault}")
    terminal.note(f"Fix: {ADVICE}")
    return {"verdict": "stale", "problem": fault}


def write(course: Any, terminal: Terminal) -> dict[str, Any]:
    """Solve for the image that course.yml names and write the lock. A damaged lock is replaced."""
    glibc, kernel = system_of(course)
    try:
        before = read_lock(course.root)
    except InvalidInput:
        before = None
    request = request_of(course)
    terminal.stage(f"Solving the environment for {course.droplet.image} (glibc {glibc})")
    solution = solving.solve(request, glibc, kernel)
    text = lockfile.write(solution, request.digest, course.droplet.image, glibc)
    (course.root / lockfile.FILE).write_text(text, encoding="utf-8")
    changes = differences(solution.packages, before.solution.packages if before else {})
    for line in shortened(tuple(changes)):
        terminal.note(line)
    size = spoken(sum(solution.sizes.values()))
    terminal.stage(f"{lockfile.FILE} is written: {len(solution.packages)} packages, {size} to download")
    terminal.note("Commit it together with environment.yml")
    return {"verdict": "written", "packages": dict(solution.packages), "changes": changes}
