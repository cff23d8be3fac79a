"""GitHub's REST API, as far as this project needs it: https://docs.github.com/en/rest.

Standard library only: this runs on a runner's own Python, before, or without, any package is installed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from ..problems import Failure

TIMEOUT = 10.0
ATTEMPTS = 4
LONGEST_PAUSE = 60.0
"""Seconds; who has to wait longer is told so."""
MOST_PAGES = 100
JSON, RAW = "application/vnd.github+json", "application/vnd.github.raw+json"
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, GONE, UNPROCESSABLE, TOO_MANY = 401, 403, 404, 410, 422, 429
AGAIN = "run the workflow again; https://www.githubstatus.com tells whether GitHub has a problem"


class Refused(Failure):
    """GitHub did not do it. `status` is the HTTP status, 0 when there was no answer."""

    def __init__(self, message: str, fix: str, status: int):
        super().__init__(message, fix)
        self.status = status


class _SameHost(HTTPRedirectHandler):
    """Redirections are followed (repositories are renamed), but the token goes to no other host."""

    def redirect_request(self, request, response, code, message, headers, address):
        if urlsplit(address)[:2] != urlsplit(request.full_url)[:2]:
            return None
        return super().redirect_request(request, response, code, message, headers, address)


@dataclass(frozen=True)
class Repository:
    """One repository. `api` and `server` are addresses without a slash at the end, `name` is "owner/name"."""

    name: str
    token: str = field(repr=False)
    api: str = "https://api.github.com"
    server: str = "https://github.com"
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Repository:
        """The repository that a workflow runs in. Raises Failure naming what the environment lacks."""
        missing = [name for name in ("GITHUB_TOKEN", "GITHUB_REPOSITORY") if not environ.get(name)]
        if missing:
            fix = "in the workflow, give the step env: GITHUB_TOKEN: ${{ github.token }}"
            raise Failure(f"there is no {' and no '.join(missing)} in the environment", fix)
        addresses = {
            key: environ[variable].rstrip("/")
            for key, variable in (("api", "GITHUB_API_URL"), ("server", "GITHUB_SERVER_URL"))
            if environ.get(variable)
        }
        if urlsplit(addresses.get("api", cls.api)).scheme not in ("http", "https"):
            raise Failure("GITHUB_API_URL is no web address", "leave it as GitHub sets it")
        return cls(environ["GITHUB_REPOSITORY"], environ["GITHUB_TOKEN"], **addresses)

    @property
    def page(self) -> str:
        """The repository's page."""
        return f"{self.server}/{self.name}"

    def read(self, path: str, want: str, permission: str = "", **query: str | int) -> Any | None:
        """The JSON value at a path below the repository; None when there is nothing (404).

        `want` and `permission`, such as "read the issues" and "issues: read", are for the message of Refused.
        """
        body = self._found(self._address(path, query), want, permission, JSON)
        return None if body is None else value_of(body, want)

    def text(self, path: str, want: str, permission: str = "", **query: str | int) -> str | None:
        """The same for a file's text."""
        body = self._found(self._address(path, query), want, permission, RAW)
        return None if body is None else body.decode("utf-8", "replace")

    def pages(self, path: str, want: str, permission: str = "", **query: str | int) -> Iterator[Any]:
        """The items of a list, page after page."""
        address = self._address(path, {"per_page": 100, **query})
        for _ in range(MOST_PAGES):
            body, headers = self._ask("GET", address, want, permission)
            yield from value_of(body, want)
            following = next_page(headers.get("Link", ""))
            if not following or not following.startswith(self.api + "/"):
                return
            address = following

    def write(self, method: str, path: str, value: Any, want: str, permission: str = "") -> Any:
        """Send a JSON value; the answer's. It is sent once, for GitHub may have done it though nobody heard
        so; only what GitHub says it did not do, since there were too many requests, is sent again."""
        body, _ = self._ask(method, self._address(path, {}), want, permission, value=value)
        return value_of(body, want) if body.strip() else None

    def _found(self, address: str, want: str, permission: str, accept: str) -> bytes | None:
        try:
            return self._ask("GET", address, want, permission, accept=accept)[0]
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise

    def _address(self, path: str, query: Mapping[str, str | int]) -> str:
        return f"{self.api}/repos/{quote(self.name)}/{quote(path)}" + (
            f"?{urlencode(query)}" if query else ""
        )

    def _ask(
        self, method: str, address: str, want: str, permission: str, *, accept: str = JSON, value: Any = None
    ) -> tuple[bytes, Message]:
        """One answer, after as many attempts as are right. Raises Refused."""
        for attempt in range(1, ATTEMPTS + 1):
            status, body, headers = self._once(method, address, accept, value)
            if 200 <= status < 300:
                return body, headers
            pause = pause_before_next(method, status, headers, attempt, time.time())
            if attempt == ATTEMPTS or pause is None or pause > LONGEST_PAUSE:
                break
            self.sleep(pause)
        raise explained(want, status, said(body), permission, too_many(status, headers))

    def _once(self, method: str, address: str, accept: str, value: Any) -> tuple[int, bytes, Message]:
        """(status, body, headers); without an answer, status 0 and the reason as body."""
        headers = {
            "Accept": accept,
            "Authorization": f"Bearer {self.token}",
            "User-Agent": "coursehub",
            "X-GitHub-Api-Version": "2022-11-28",
        }
        data = None if value is None else json.dumps(value).encode()
        if data is not None:
            headers["Content-Type"] = "application/json"
        try:
            return _opened(Request(address, data, headers, method=method))  # noqa: S310
        except URLError as error:
            return 0, str(error.reason).encode(), Message()
        except (OSError, HTTPException) as error:
            return 0, (str(error) or type(error).__name__).encode(), Message()


def _opened(request: Request) -> tuple[int, bytes, Message]:
    """The answer, whatever its status. Raises OSError and HTTPException when there is none."""
    try:
        with build_opener(_SameHost).open(request, timeout=TIMEOUT) as answer:
            return answer.status, answer.read(), answer.headers
    except HTTPError as error:
        with error:
            return error.code, error.read(), error.headers


def too_many(status: int, headers: Mapping[str, str]) -> bool:
    """Whether GitHub refused since there were too many requests: it did nothing, and will later."""
    exhausted = "Retry-After" in headers or headers.get("X-RateLimit-Remaining") == "0"
    return status == TOO_MANY or (status == FORBIDDEN and exhausted)


def pause_before_next(
    method: str, status: int, headers: Mapping[str, str], attempt: int, now: float
) -> float | None:
    """Seconds after which to ask again; None for never. `now` is in seconds since 1970."""
    if not too_many(status, headers) and (method != "GET" or 0 < status < 500):
        return None
    if re.fullmatch(r"[0-9]{1,6}", headers.get("Retry-After", "")):
        return float(headers["Retry-After"])
    reset = headers.get("X-RateLimit-Reset", "")
    if headers.get("X-RateLimit-Remaining") == "0" and re.fullmatch(r"[0-9]{1,12}", reset):
        return max(0.0, float(reset) - now)
    return 2.0 ** (attempt - 1)


def value_of(body: bytes, want: str) -> Any:
    """The JSON value in an answer. Raises Refused for anything else, such as a proxy's page."""
    try:
        return json.loads(body)
    except ValueError:
        raise Refused(f"could not {want}: the answer is not JSON: {said(body)}", AGAIN, 0) from None


def next_page(link: str) -> str:
    """The address of the next page in a Link header; "" after the last."""
    found = re.search(r'<([^>]+)>\s*;[^,]*rel="next"', link)
    return found[1] if found else ""


def said(body: bytes) -> str:
    """GitHub's own message in an answer, or how the answer begins."""
    text = body.decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    message = value.get("message") if isinstance(value, dict) else None
    return str(message or text)[:300]


def explained(want: str, status: int, message: str, permission: str, busy: bool) -> Refused:
    """The failure, with what to do about it."""
    answer = f"GitHub answered {status}: {message}" if status else f"GitHub did not answer: {message}"
    return Refused(f"could not {want}: {answer}", _fix(status, message, permission, busy), status)


def _fix(status: int, message: str, permission: str, busy: bool) -> str:
    needed = f"give the workflow's job the permission `{permission}`" if permission else ""
    if busy:
        return "run the workflow again in an hour: GitHub takes so many requests in an hour, and no more"
    if status == UNAUTHORIZED:
        return "in the workflow, give the step env: GITHUB_TOKEN: ${{ github.token }}"
    if status == FORBIDDEN and "not accessible" in message and needed:
        return f"{needed} (a pull request from a fork never has it)"
    if status == GONE:
        return "switch issues on: Settings → General → Features → Issues"
    if status in (FORBIDDEN, NOT_FOUND) and needed:
        return f"{needed}, and look whether GITHUB_REPOSITORY names the repository"
    return AGAIN
