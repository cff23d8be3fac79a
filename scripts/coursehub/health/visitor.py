"""A browser, as far as it takes to work on the hub: cookies, forms and redirections of its own choice."""

from __future__ import annotations

import http.client
import http.cookiejar
import json
import re
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from .look import unverified
from .model import Hub
from .websocket import WebSocket

MOST = 1 << 20
"""Bytes of an answer that are read."""
HOPS = 12
AGENT = "coursehub-health"
XSRF = re.compile(r'name="_xsrf"\s+value="([^"]*)"')


@dataclass(frozen=True)
class Reply:
    """What a web server said."""

    status: int
    location: str
    text: str

    @property
    def good(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> dict[str, Any]:
        """The JSON object in it; an empty one for anything else."""
        try:
            value = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return value if isinstance(value, dict) else {}


class LedAway(Exception):
    """The hub led to somewhere else, or in circles."""


class Staying(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Visitor:
    """Somebody at the hub, until `deadline` (of time.monotonic). With a `token`, they show that; otherwise
    they are who their cookies say. Not `verified` is for a hub whose certificate is known not to be trusted.
    """

    def __init__(self, hub: Hub, deadline: float, *, token: str | None = None, verified: bool = True):
        self.hub, self.deadline, self.token = hub, deadline, token
        self.context = ssl.create_default_context() if verified else unverified()
        self.cookies = http.cookiejar.CookieJar()
        self.opener = urllib.request.build_opener(
            Staying,
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=self.context),
            urllib.request.HTTPCookieProcessor(self.cookies),
        )

    def ask(self, verb: str, path: str, *, form: dict | None = None, body: Any = None, most: float = 30.0):
        """The Reply, wherever it leads. Raises OSError and http.client.HTTPException."""
        with self.opened(verb, path, form, body, most) as answer:
            text = answer.read(MOST).decode("utf-8", "replace")
            return Reply(answer.status, answer.headers.get("Location") or "", text)

    def opened(self, verb: str, path: str, form: dict | None, body: Any, most: float) -> Any:
        headers = {"User-Agent": AGENT, **self.identity(path)}
        data = None
        if form is not None:
            data = urlencode(form).encode()
        elif body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        asked = urllib.request.Request(self.hub.url + path, data, headers, method=verb)  # noqa: S310 the hub
        try:
            return self.opener.open(asked, timeout=min(most, self.left()))
        except urllib.error.HTTPError as answer:
            return answer
        except urllib.error.URLError as error:
            raise error.reason if isinstance(error.reason, OSError) else OSError(error.reason) from None

    def identity(self, path: str) -> dict[str, str]:
        """What says that a request is this visitor's own: the token, or the word in the cookie that goes with
        this path."""
        if self.token:
            return {"Authorization": f"token {self.token}"}
        word = self.word(path)
        return {"X-XSRFToken": word} if word else {}

    def word(self, path: str) -> str:
        """The cross-site word in the cookie of the longest path that `path` lies in; empty without any."""
        found = [one for one in self.cookies if one.name == "_xsrf" and path.startswith(one.path)]
        return max(found, key=lambda one: len(one.path)).value or "" if found else ""

    def follow(self, path: str) -> Reply:
        """GET a page, and what it leads to. Raises LedAway besides."""
        for _ in range(HOPS):
            reply = self.ask("GET", path)
            if not 300 <= reply.status < 400:
                return reply
            path = self.own_path(path, reply.location)
        raise LedAway("the hub leads from page to page without an end")

    def own_path(self, path: str, location: str) -> str:
        """Where a redirection leads to, which must be on the hub."""
        there = urlsplit(urljoin(self.hub.url + path, location))
        here = urlsplit(self.hub.url)
        if (there.scheme, there.netloc) != (here.scheme, here.netloc):
            raise LedAway(f"the hub leads to {there.scheme}://{there.netloc}")
        return there.path + (f"?{there.query}" if there.query else "")

    def events(self, path: str, most: float) -> Iterator[dict[str, Any]]:
        """What a page says piece by piece (server-sent events), for so many seconds."""
        end = time.monotonic() + most
        word = self.word(path)
        asked = f"{path}?{urlencode({'_xsrf': word})}" if word else path
        with self.opened("GET", asked, None, None, most) as answer:
            while time.monotonic() < end:
                line = answer.readline(MOST)
                if not line:
                    return
                if line.startswith(b"data:"):
                    try:
                        value = json.loads(line[5:])
                    except ValueError:
                        continue
                    if isinstance(value, dict):
                        yield value

    def websocket(self, path: str, until: float) -> WebSocket:
        """Open one, until then (of time.monotonic). Raises websocket.Trouble and OSError."""
        line = socket.create_connection((self.hub.host, self.hub.port), timeout=self.left())
        try:
            if self.hub.encrypted:
                line = self.context.wrap_socket(line, server_hostname=self.hub.host)
            asked = urllib.request.Request(self.hub.url + path)  # noqa: S310 only for its cookies
            self.cookies.add_cookie_header(asked)
            headers = {"User-Agent": AGENT, **self.identity(path)}
            if cookie := asked.get_header("Cookie"):
                headers["Cookie"] = cookie
            made = WebSocket(line, until)
            made.shake_hands(urlsplit(self.hub.url).netloc, path, headers)
            return made
        except BaseException:
            line.close()
            raise

    def left(self) -> float:
        """Seconds that are left. Raises TimeoutError without any."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the time was over")
        return seconds
