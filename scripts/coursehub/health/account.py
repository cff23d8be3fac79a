"""The droplet as its account sees it, for a server that cannot be reached: is it there, is it on? And if the
course allows it, switching it on; nothing else is ever changed. Standard library only, bounded in time.

https://docs.digitalocean.com/reference/api/
"""

from __future__ import annotations

import http.client
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .bounded import within
from .words import plain_text

ANSWER, PATIENCE = 10.0, 25.0
MOST = 1 << 20
TOKEN = re.compile(r"[A-Za-z0-9_.-]{20,}")
OFF_ON_PURPOSE = 600.0
"""Seconds. Who switched it off so short a while ago may be at work on it, as a workflow that resizes is."""
STARTING, POLL = 90.0, 3.0
ACTIVE, OFF, NEW, GONE, BUSY, JUST_OFF = "active", "off", "new", "gone", "busy", "just off"


class Unknown(Exception):
    """DigitalOcean does not say; its text, which is for others to see, is the reason."""


@dataclass(frozen=True)
class Account:
    """`api` is an address without a slash at the end, `tag` the tag that the course's droplet has."""

    api: str
    tag: str
    token: str = field(repr=False)


@dataclass(frozen=True)
class Droplet:
    """What the account says: one of the words above, and the droplet's number where there is one."""

    state: str
    number: int | None = None


def account_of(environ: Mapping[str, str], server: Mapping[str, Any]) -> Account | None:
    """The account that the course's server is in; None where there is none, or no token."""
    token, api, tag = environ.get("DIGITALOCEAN_TOKEN", "").strip(), server.get("api"), server.get("tag")
    if not (TOKEN.fullmatch(token) and isinstance(api, str) and isinstance(tag, str) and tag):
        return None
    try:
        right = urlsplit(api).scheme == "https" and bool(urlsplit(api).hostname)
    except ValueError:
        right = False
    return Account(api.rstrip("/"), tag, token) if right else None


def find(account: Account) -> Droplet:
    """The course's droplet. Raises Unknown."""
    return bounded(lambda: look(account, time.time()))


def look(account: Account, now: float) -> Droplet:
    listed = asked(account, "GET", f"droplets?per_page=20&tag_name={quote(account.tag, safe='')}")
    droplets = listed.get("droplets")
    if not isinstance(droplets, list):
        raise Unknown("the answer is not as expected")
    if not droplets:
        return Droplet(GONE)
    one = next((each for each in droplets if each.get("status") == ACTIVE), droplets[0])
    number, status = int(one["id"]), str(one.get("status"))
    if status != OFF:
        return Droplet(status, number)
    if one.get("locked"):
        return Droplet(BUSY, number)
    actions = asked(account, "GET", f"droplets/{number}/actions?per_page=1").get("actions") or []
    return Droplet(off_since(actions[0] if actions else {}, now), number)


def off_since(last: Mapping[str, Any], now: float) -> str:
    """BUSY, JUST_OFF or OFF, by the last action of a droplet that is off."""
    if last.get("status") == "in-progress":
        return BUSY
    try:
        ended = datetime.fromisoformat(str(last["completed_at"]).replace("Z", "+00:00"))
    except (KeyError, ValueError):
        return OFF
    ended = ended if ended.tzinfo else ended.replace(tzinfo=UTC)
    return JUST_OFF if now - ended.timestamp() < OFF_ON_PURPOSE else OFF


def switch_on(account: Account, number: int, answers: Callable[[], bool]) -> bool:
    """Switch a droplet on, and wait; whether it answered in the end. Raises Unknown."""
    bounded(lambda: asked(account, "POST", f"droplets/{number}/actions", {"type": "power_on"}))
    deadline = time.monotonic() + STARTING
    while time.monotonic() < deadline:
        if answers():
            return True
        time.sleep(POLL)
    return False


def bounded(job: Callable[[], Any]) -> Any:
    """What the job returns. Raises Unknown for whatever goes wrong, which never holds the token."""
    try:
        return within(PATIENCE, job)
    except TimeoutError:
        raise Unknown("DigitalOcean does not answer") from None
    except (KeyError, TypeError, AttributeError, ValueError):
        raise Unknown("DigitalOcean's answer is not as expected") from None


class _NoRedirect(HTTPRedirectHandler):
    """The API has no redirections; whoever sends one gets no token."""

    def redirect_request(self, *_: Any) -> None:
        return None


def asked(account: Account, method: str, path: str, body: Any = None) -> dict[str, Any]:
    """One answer, a JSON object. Raises Unknown."""
    headers = {"Authorization": f"Bearer {account.token}", "User-Agent": "coursehub-health"}
    data = None if body is None else json.dumps(body).encode()
    if data:
        headers["Content-Type"] = "application/json"
    request = Request(f"{account.api}/v2/{path}", data, headers, method=method)  # noqa: S310
    try:
        with build_opener(_NoRedirect).open(request, timeout=ANSWER) as answer:
            text = answer.read(MOST)
    except HTTPError as error:
        with error:
            raise Unknown(refusal(error.code)) from None
    except (URLError, OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise Unknown(plain_text(f"DigitalOcean does not answer: {reason}")) from None
    value = json.loads(text)
    if not isinstance(value, dict):
        raise Unknown("DigitalOcean's answer is not as expected")
    return value


def refusal(status: int) -> str:
    if status == 401:
        return "DigitalOcean does not accept the token in DIGITALOCEAN_TOKEN"
    if status == 403:
        return "the token in DIGITALOCEAN_TOKEN lacks a right: Documentation/DigitalOcean.md lists them"
    return f"DigitalOcean answered {status}"
