"""Where the hub is that links lead to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..github import record
from ..health.model import hub_from
from ..problems import InvalidInput, Problem

HOST = re.compile(r"[\w.:-]+")


def hub_address(given: str | None, settings, environ: Mapping[str, str]) -> str:
    """The hub's address without a slash at its end: the one that is given, HUB_URL, what the last deploy
    recorded on GitHub, or the domain of course.yml. Raises InvalidInput, and Failure when the record cannot
    be read."""
    if given:
        return checked(given, "--hub")
    if url := environ.get("HUB_URL", "").strip():
        return checked(url, "HUB_URL")
    if environ.get("GITHUB_ACTIONS") == "true" and (url := (record.recorded(environ) or {}).get("url")):
        return checked(url, "the record of the last deploy")
    if settings.https.domain:
        return f"https://{settings.https.domain}"
    fix = (
        "Give --hub https://hub.school.edu, set HUB_URL, or deploy first: the last lines of a deploy say it."
    )
    raise InvalidInput([Problem("--hub", "nobody knows yet where the hub is", fix)])


def checked(url: str, whence: str) -> str:
    """The address in its plain form. Raises InvalidInput."""
    hub = hub_from(url, whence)
    if not HOST.fullmatch(hub.host):
        fix = "Give it like https://hub.school.edu or http://203.0.113.7."
        raise InvalidInput([Problem(whence, "is not the web address of a hub", fix, found=repr(url))])
    return hub.url
