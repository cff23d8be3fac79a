"""Workflows and jobs: names, triggers, permissions, limits, runners."""

from __future__ import annotations

from sandbox.github.rules import Said
from sandbox.github.rules.subject import Repository
from sandbox.github.rules.tree import Document

RUNNER = "ubuntu-24.04"
LONGEST = 90
"""Minutes. GitHub's own limit is 360, which a step that hangs would use up, and pay for."""
FORBIDDEN = {"pull_request_target", "workflow_run", "issue_comment"}
"""Events that give strangers' files or words a token that may write."""


def is_named(document: Document, _: Repository) -> Said:
    if document.is_workflow and not document.root["name"].text:
        yield 1, "the workflow has no name"


def has_safe_triggers(document: Document, _: Repository) -> Said:
    events = document.root["on"]
    lines = {event.text: event.line for event in (events.items or (events,))}
    lines |= {name: event.line for name, event in events.fields.items()}
    for name in FORBIDDEN & lines.keys():
        yield (
            lines[name],
            f"{name} runs with rights that the one who causes it may not have; use another event",
        )


def has_permissions(document: Document, _: Repository) -> Said:
    if not document.is_workflow:
        return
    top = document.root["permissions"]
    if top.kind != "map" or top.fields:
        yield top.line, "permissions: {} must stand at the top, and each job name what it needs"
    for job in document.jobs:
        permissions = job.node["permissions"]
        if permissions.kind != "map":
            yield permissions.line, f"the job {job.name} must name its permissions, one by one"


def has_limits(document: Document, _: Repository) -> Said:
    for job in document.jobs:
        minutes = job.node["timeout-minutes"]
        if job.node["uses"]:
            continue  # the jobs of the workflow that is called have theirs
        if minutes.kind != "int" or not 0 < int(minutes.text) <= LONGEST:
            yield minutes.line, f"the job {job.name} needs timeout-minutes, a number up to {LONGEST}"


def runs_on_the_known_runner(document: Document, _: Repository) -> Said:
    for job in document.jobs:
        runner = job.node["runs-on"]
        if not job.node["uses"] and runner.text != RUNNER:
            yield runner.line, f"the job {job.name} must run on {RUNNER}"


RULES = (is_named, has_safe_triggers, has_permissions, has_limits, runs_on_the_known_runner)
