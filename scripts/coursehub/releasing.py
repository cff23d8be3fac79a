"""`scripts/release.py`: what comes and goes by its date, and nothing else. Meant to be run every hour or so.

It remembers nothing: a date of the last LOOK_BACK is reason enough to look at the droplet, and what is there
already is left alone. A deploy brings the same about at any time, so what a schedule misses is not lost.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from . import interruption, pipeline, settings
from .audit import audit_entry, record
from .command import CONVERGED, FAILED, course_parser, refused
from .handing_out import annotated, hand_out
from .lifecycle.told import Told, as_json, markdown, tell
from .outcome import Progress
from .parts import content
from .problems import CoursehubError, Failure
from .release_dates import Releases, moments, releases_of, shown
from .report import Terminal
from .secrets import Secrets
from .targets import choose

LOOK_BACK = timedelta(hours=26)
"""A schedule on GitHub comes late, and now and then not at all, but hardly ever not for a day."""


def run(description: str) -> int:
    """Release what is due; the exit code is a deploy's."""
    arguments = course_parser(description).parse_args()
    interruption.expect()
    terminal = Terminal()
    try:
        course = settings.load(arguments.course, arguments.override)
        told = release(course, datetime.now(UTC), terminal)
    except CoursehubError as error:
        return refused(error, terminal, arguments)
    tell(told, terminal)
    lines = annotated(told.error, arguments.course) if told.error else []
    hand_out(markdown(told), as_json(told), arguments.json, lines)
    return FAILED if told.error else CONVERGED


def release(course: Any, now: datetime, terminal: Terminal) -> Told:
    """Connect only if a date has come lately. Raises InvalidInput and Failure."""
    releases = releases_of(course)
    if not is_due(releases, now):
        return Told("unchanged", no_reason(releases, now))
    secrets = Secrets.from_environment(os.environ)
    target = choose(course, secrets)
    if not target.exists():
        return Told("unchanged", "There is no droplet: a deploy makes one, with what is released by then")
    choices = {content.NAME: {"now": now, "only_dated": True}}
    wants = pipeline.wishes(course, secrets, [content], choices)
    with target.open() as session:
        return brought_about(session, wants, course, terminal)


def is_due(releases: Releases, now: datetime) -> bool:
    """Whether something has begun or ended so lately that it may not have been done yet."""
    return any(now - LOOK_BACK < when <= now for when in moments(releases))


def no_reason(releases: Releases, now: datetime) -> str:
    """Why there is nothing to do, and when there will be."""
    if not releases.rules:
        return "course.yml has no release dates"
    ahead = [when for when in moments(releases) if when > now]
    following = f"the next comes {shown(ahead[0], releases)}" if ahead else "none is to come"
    hours = LOOK_BACK.total_seconds() / 3600
    return f"No release date has come in the last {hours:.0f} hours; {following}"


def brought_about(session: Any, wants: Mapping[str, Any], course: Any, terminal: Terminal) -> Told:
    """Look, plan, publish, and look again; no deploy works on the droplet meanwhile."""
    progress = Progress(terminal, frozenset())
    terminal.stage("Looking at the content on the droplet")
    seen = pipeline.observe(session, wants, terminal, lock=True)
    there = seen.parts[content.NAME]
    if there["damage"]:
        raise Failure(f"the droplet's copy of the content is damaged ({there['damage']})", "run the deploy")
    if there["tree"] is None:
        return Told("unchanged", "There is no content on the droplet yet: a deploy publishes it")
    wants = pipeline.prepare(wants, seen, terminal)
    steps = progress.plan(pipeline.plan(wants, seen))
    try:
        progress.apply(session, steps)
        if steps:
            pipeline.verify(session, wants, progress)
    except Failure as failure:
        progress.error = failure
    if progress.results:
        entry = audit_entry(course, progress.results, progress.error)
        progress.error = record(session, entry) or progress.error
    return told_of(progress, content.notes(wants[content.NAME]))


def told_of(progress: Progress, coming: list[str]) -> Told:
    """What came and went, file by file; and what is to come."""
    details = tuple(line for step in progress.planned for line in step.details)
    title = progress.planned[0].title if progress.planned else "All is there that is released, and no more"
    verdict = "released" if progress.planned else "unchanged"
    return Told(verdict, title, (*details, *coming), values={"changes": list(details)}, error=progress.error)
