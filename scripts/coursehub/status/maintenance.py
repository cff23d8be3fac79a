"""Whether the hub may be down just now: by course.yml, by an issue with a label, or while it is worked on.

Only who may triage can put a label on an issue, so in a public repository, too, nobody else can silence the
alarm: https://docs.github.com/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ..github.rest import GONE, Repository
from ..problems import Failure
from .windows import window_at

LABEL = "coursehub-maintenance"
WORKFLOWS = ("deploy.yml", "resize.yml", "rollback.yml", "archive.yml", "destroy.yml")
"""Those that change the server; one that waits in the queue does not yet."""
TIMETABLE, TIMETABLE_STEP = "timetable.yml", "Look at the timetable"
LONG = 20.0
"""Seconds: a look at the timetable that has nothing to do takes a few."""
WANT, RIGHT = "see whether a workflow changes the server just now", "actions: read"
AFTERWARDS = 120.0
"""Seconds in which a hub comes up that was restarted."""


def reason(
    repository: Repository, health: Mapping[str, Any], now: float, troubles: list[str] | None = None
) -> str:
    """Why no alarm is raised, in words; "" when there is no reason. What GitHub does not tell is none, and
    is added to `troubles`."""
    lines = health.get("maintenance")
    line = window_at(lines if isinstance(lines, list | tuple) else (), str(health.get("timezone") or ""), now)
    if line:
        return f"maintenance by course.yml: {line}"
    return asked(lambda: of_issue(repository), troubles) or asked(lambda: of_run(repository, now), troubles)


def asked(question: Callable[[], str], troubles: list[str] | None) -> str:
    try:
        return question()
    except Failure as failure:
        # Issues that are switched off announce nothing.
        if troubles is not None and getattr(failure, "status", None) != GONE:
            troubles.append(f"whether there is maintenance is unknown: {failure.message}. {failure.fix}")
    except (KeyError, TypeError, ValueError, AttributeError):
        if troubles is not None:
            troubles.append("whether there is maintenance is unknown: GitHub's answer has another form")
    return ""


def of_issue(repository: Repository) -> str:
    """An open issue that announces maintenance. Raises Failure."""
    want = "look for an issue that announces maintenance"
    issues = repository.pages("issues", want, "issues: read", labels=LABEL, state="open")
    number = next((issue["number"] for issue in issues if "pull_request" not in issue), None)
    return f"maintenance, announced in #{number}" if number else ""


def of_run(repository: Repository, now: float) -> str:
    """A run that changes the server, or did a moment ago. Raises Failure.

    See https://docs.github.com/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow; it takes the
    name of a file in place of a workflow's number. A workflow that the course has deleted is 404.
    """
    for file in (*WORKFLOWS, TIMETABLE):
        found = repository.read(f"actions/workflows/{file}/runs", WANT, RIGHT, per_page=20)
        for run in (found or {}).get("workflow_runs", ()):
            words = how_it_stands(run, run["updated_at"], now)
            if words and (file != TIMETABLE or (words := of_timetable(repository, run, now))):
                return f"{run['name']} {words}"
    return ""


def of_timetable(repository: Repository, run: Mapping[str, Any], now: float) -> str:
    """The same for a run of the timetable, which comes every quarter of an hour and most often only looks.
    Were each of them maintenance, no alarm would ever be raised: so it counts when it takes long, as another
    size does. See https://docs.github.com/rest/actions/workflow-jobs."""
    found = repository.read(f"actions/runs/{run['id']}/jobs", WANT, RIGHT)
    for job in (found or {}).get("jobs", ()):
        for step in job.get("steps") or ():
            if step["name"] == TIMETABLE_STEP and step.get("started_at"):
                ended = seconds(step["completed_at"]) if step.get("completed_at") else now
                if ended - seconds(step["started_at"]) >= LONG:
                    return how_it_stands(step, step.get("completed_at"), now)
    return ""


def how_it_stands(what: Mapping[str, Any], ended: str | None, now: float) -> str:
    """Whether a run or a step is under way, or was a moment ago, in words; "" if neither."""
    if what["status"] == "in_progress":
        return "is running"
    over = what["status"] == "completed" and what["conclusion"] != "skipped"
    return "ended a moment ago" if over and ended and now - seconds(ended) <= AFTERWARDS else ""


def seconds(moment: str) -> float:
    """Since 1970."""
    return datetime.fromisoformat(moment).timestamp()
