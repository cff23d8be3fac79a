"""What a check came to is put on record and shown: history, incidents, badges, page; all in one write to the
branch `coursehub`, so that nothing of it is ever half there."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..github import branch, record
from ..github.rest import Repository
from ..github.results import result_of
from ..github.standalone import Said
from ..github.workflow_commands import say, warning
from . import history, keeping, maintenance, words
from .badges import badges
from .check import check_from
from .incidents import bring
from .keeping import MEASURES, Record
from .model import DEGRADED, DOWN, MAINTENANCE, NONE, UNKNOWN, Check, View
from .page import page
from .readme import readme
from .series import series

MESSAGE = "How the hub is"
NO_JEKYLL = ".nojekyll"
"""Tells GitHub Pages to serve the files as they are."""


def act(environ: Mapping[str, str]) -> Said:
    """Publish RESULT, the JSON of scripts/check_health.py. Raises Failure when nothing could be written."""
    repository = Repository.from_environment(environ)
    troubles: list[str] = []
    hub = known(repository, troubles)
    result, now = result_of(environ), time.time()
    check = check_from(result, now)
    if check.state == NONE and hub is None:
        return not_yet(repository, check)
    # Only what is decided by: the rest is read where it is written.
    decided_by = (keeping.STATE, keeping.INCIDENTS)
    before = keeping.read(lambda path: branch.read(repository, path) if path in decided_by else None)
    last, since = seen_last(before)
    if check.state == last == NONE:
        # An archived course may rest for months.
        return Said("There is no hub, as at the last check: there is nothing new to show")
    health = (hub or {}).get("health") or {}
    # What the watchdog did before the last check has been told.
    check = check_from(result, now, since=last_time(before))
    check = in_maintenance(check, maintained(repository, check, health, troubles))
    outcome = bring(repository, before.incidents, check, health, environ, now, last=last, since=since)
    troubles += outcome.troubles
    shown: list[View] = []

    def change(there: keeping.There) -> dict[str, str]:
        present = keeping.with_check(keeping.read(there), check, outcome.incidents)
        shown[:] = [view(present, check, hub or {}, repository.page)]
        return keeping.files(present) | pictures(shown[0])

    branch.write(repository, change, MESSAGE)
    say([warning(trouble, title="Not all could be told") for trouble in troubles], environ)
    return Said(headline(shown[0]), summary(repository, troubles))


def not_yet(repository: Repository, check: Check) -> Said:
    """Before anything is deployed there is nothing to record; but what the README shows is there and says so.
    It is written once, so that a copy that nobody uses yet stays as it is."""

    def change(there: keeping.There) -> dict[str, str]:
        if there("README.md") is not None:
            return {}
        return pictures(view(keeping.with_check(Record(), check, ()), check, {}, repository.page))

    branch.write(repository, change, MESSAGE)
    return Said("Nothing was deployed yet, so there is nothing to record")


def known(repository: Repository, troubles: list[str]) -> Mapping[str, Any] | None:
    """What the last deploy left about the hub."""
    try:
        return record.parsed(branch.read(repository, record.FILE))
    except record.Damaged as damaged:
        troubles.append(f"{damaged.message}. {damaged.fix}")
        return {}


def maintained(repository: Repository, check: Check, health: Mapping[str, Any], troubles: list[str]) -> str:
    """Why the hub may be as it is; asked only of one that is not as it should be."""
    if check.state not in (DOWN, DEGRADED):
        return ""
    return maintenance.reason(repository, health, check.at, troubles)


def in_maintenance(check: Check, reason: str) -> Check:
    if not reason:
        return check
    return replace(check, state=MAINTENANCE, title=f"Maintenance: {reason}", cause=check.cause or check.title)


def last_time(before: Record) -> float:
    """When the last check was; 0 when none was yet."""
    checks = history.checks_of(before.state)
    return checks[-1][0] if checks else 0.0


def seen_last(before: Record) -> tuple[str, float | None]:
    """The state of the last check that saw something, and when that state began."""
    seen = [one for one in history.checks_of(before.state) if one[1] != UNKNOWN]
    if not seen:
        return "", None
    state, began = seen[-1][1], seen[-1][0]
    for at, other in reversed(seen):
        if other != state:
            break
        began = at
    return state, began


def view(present: Record, check: Check, hub: Mapping[str, Any], repository: str) -> View:
    """All that is shown; `repository` is the address of its page."""
    now = check.at
    uptime, part = history.uptime(present.state, now)
    shown = {name: series(present.measures[name], now) for name in MEASURES}
    health = hub.get("health") or {}
    return View(
        name=str(health.get("name") or repository.rpartition("/")[2]),
        now=now,
        check=check,
        since=history.since(present.state, check),
        uptime=uptime,
        known=part,
        days=history.days(present.state, now),
        incidents=present.incidents,
        deploys=present.deploys,
        commit=str(hub.get("commit") or ""),
        environment=str(hub.get("environment") or hub.get("commit") or ""),
        repository=repository,
        details={"canary": present.canary} if present.canary else {},
        **shown,
    )


def pictures(shown: View) -> dict[str, str]:
    """The files that people look at."""
    return {**badges(shown), "index.html": page(shown), "README.md": readme(shown), NO_JEKYLL: "\n"}


def headline(shown: View) -> str:
    """The summary's first line."""
    parts = [f"Recorded: {shown.check.state} since {words.moment(shown.since, shown.now)}"]
    if shown.uptime is not None:
        parts.append(f"up {shown.uptime:.2%} of the last 30 days, as far as known ({shown.known:.0%})")
    return "; ".join(parts)


def summary(repository: Repository, troubles: list[str]) -> str:
    lines = [f"[Badges, incidents and the status page]({repository.page}/tree/{branch.NAME})", ""]
    return "\n".join(lines + [f"- Not all could be told: {words.plain(one, 300)}" for one in troubles])
