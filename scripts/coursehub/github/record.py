"""Where the hub is, for workflows that look after it: `hub.json` on the branch `coursehub`; and for teachers
the links of the course, `Links.md` there.

Not a state that deploys rely on: they look at the account and the droplet, each time.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ..problems import Failure
from . import branch
from .rest import Repository
from .results import result_of
from .standalone import Said

FILE, LINKS, DEPLOYS = "hub.json", "Links.md", "history/deploys.json"
MOST_DEPLOYS = 200
OF_EVERY_RUN = ("deployed", "run")
"""What differs each time; alone, it is not worth a commit."""
GONE = ("archived", "destroyed")
"""What a course can have come to that has no hub; looking for one would raise a false alarm."""


def act(environ: Mapping[str, str]) -> Said:
    """Write down what RESULT, a script's JSON, says: where a hub is that is as it should be, or that there is
    none any more; and LINKS, the text of a page. Raises Failure."""
    result = result_of(environ)
    found = entry(result, environ, datetime.now(UTC))
    if found is None:
        return Said("")
    repository = Repository.from_environment(environ)

    def change(there: Callable[[str], str | None]) -> dict[str, str | None]:
        try:
            before = parsed(there(FILE))
        except Damaged:
            before = None
        wanted: dict[str, str | None] = {}
        now = found | {"environment": environment_of(before, found, result)}
        if changed(before, now):
            wanted[FILE] = json.dumps(now, indent=2) + "\n"
            wanted[DEPLOYS] = with_deploy(there(DEPLOYS), found)
        if links := environ.get("LINKS"):
            wanted[LINKS] = links
        return wanted

    branch.write(repository, change, "Where the hub is")
    return Said("")


def entry(
    result: Mapping[str, Any] | None, environ: Mapping[str, str], now: datetime
) -> dict[str, Any] | None:
    """What is written down; None when the run says neither where the hub is nor that there is none."""
    verdict = (result or {}).get("verdict")
    is_there = verdict == "converged" and result.get("url")
    if not is_there and verdict not in GONE:
        return None
    run = ""
    if environ.get("GITHUB_RUN_ID"):
        server = environ.get("GITHUB_SERVER_URL", "https://github.com")
        run = f"{server}/{environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{environ['GITHUB_RUN_ID']}"
    return {
        "url": result.get("url"),
        "address": result.get("address"),
        "link": result.get("link"),
        "commit": result.get("commit"),
        "server": result.get("server") or {},
        "health": result.get("health") or {},
        "deployed": now.isoformat(timespec="seconds"),
        "run": run,
        "verdict": verdict,
    }


def environment_of(
    before: Mapping[str, Any] | None, now: Mapping[str, Any], result: Mapping[str, Any] | None
) -> Any:
    """The commit that the present environment is of: this one if it was changed just now."""
    known = (before or {}).get("environment")
    steps = (result or {}).get("steps") or []
    is_new = any(step.get("part") == "environment" for step in steps)
    return now["commit"] if is_new or known is None else known


def with_deploy(text: str | None, now: Mapping[str, Any]) -> str:
    """The list of deploys, oldest first, with this one; a line each."""
    try:
        deploys = json.loads(text or "[]")
    except ValueError:
        deploys = []
    at = datetime.fromisoformat(now["deployed"]).timestamp()
    entry = {"at": at, "commit": now["commit"], "run": now["run"], "verdict": now["verdict"]}
    kept = [*(deploys if isinstance(deploys, list) else []), entry][-MOST_DEPLOYS:]
    return "[\n" + ",\n".join(json.dumps(one) for one in kept) + "\n]\n"


def changed(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    """Whether something that matters is different from what is written down."""
    return before is None or any(
        before.get(name) != value for name, value in now.items() if name not in OF_EVERY_RUN
    )


def recorded(environ: Mapping[str, str]) -> dict[str, Any] | None:
    """What the last deploy wrote down; None when none did yet. Raises Failure."""
    return parsed(branch.read(Repository.from_environment(environ), FILE))


class Damaged(Failure):
    """What is written down cannot be read."""


def parsed(text: str | None) -> dict[str, Any] | None:
    """The JSON object in the file's text; None for no file. Raises Damaged."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        fix = "run the workflow that deploys: it writes the file anew"
        raise Damaged(f"{FILE} of the branch {branch.NAME} cannot be read", fix)
    return value
