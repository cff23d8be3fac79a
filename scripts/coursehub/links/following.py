"""Following a link to its end, as a student's browser does: log in, start the server, pull, open."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

import requests

from ..problems import Failure

TIMEOUT = 60.0
PATIENCE = 300.0
"""Seconds for a server to start, or for one pull."""
AS_BUTTON = "look at it in a browser, logged in with that account: the page says more"


@dataclass
class Follower:
    """One account at one browser. `hub` is the hub's address without a slash at its end."""

    hub: str
    name: str
    password: str = field(repr=False)
    browser: requests.Session = field(default_factory=requests.Session, repr=False)

    @property
    def server(self) -> str:
        # JupyterHub's own names are in lower case.
        return f"{self.hub}/user/{quote(self.name.lower())}"

    def log_in(self) -> None:
        """As the form of the log-in page does. Raises Failure."""
        page = self.get(f"{self.hub}/hub/login")
        self.hub = page.url.split("/hub/login")[0]  # where http only leads to https
        found = re.search(r'name="_xsrf" value="([^"]*)"', page.text)
        token = unescape(found[1]) if found else ""
        form = {"username": self.name, "password": self.password, "_xsrf": token}
        answer = self.ask("POST", f"{self.hub}/hub/login", data=form, allow_redirects=False)
        if answer.status_code != requests.codes.found:
            raise Failure(
                f"the hub did not let HUB_USER log in (status {answer.status_code})",
                "give an account that has a password already, as HUB_USER and HUB_PASSWORD; it has to be "
                "one that logs in with a password",
            )

    def open(self, link: str) -> str:
        """Follow a link until what it leads to is there; what that is: "notebook", "directory" or "file".
        Raises Failure."""
        page = self.get(link)
        if urlsplit(page.url).path.startswith("/hub/spawn"):
            self.wait_for_server()
            page = self.get(link)
        if not page.url.startswith(f"{self.server}/git-pull"):
            raise Failure(f"the link led to {urlsplit(page.url).path} instead of the pull", AS_BUTTON)
        self.pull(page.text)
        return self.look_at(value_of(page.text, "path") or "")

    def pull(self, page: str) -> None:
        """What nbgitpuller's page does when it is opened."""
        query = {
            "repo": value_of(page, "repo"),
            "branch": value_of(page, "branch"),
            "targetpath": value_of(page, "targetpath"),
            "_xsrf": self.token(urlsplit(self.server).path + "/"),
        }
        for event in self.events(f"{self.server}/git-pull/api", query):
            if event.get("phase") == "error":
                raise Failure("nbgitpuller could not pull", AS_BUTTON, str(event.get("message", "")))
            if event.get("phase") == "finished":
                return
        raise Failure("nbgitpuller ended early", "try again in a minute")

    def look_at(self, opened: str) -> str:
        """What is at `opened`, the page's own address below the server's, once its interface has it."""
        self.get(f"{self.server}/{opened}")
        path = re.sub(r"^(lab/)?tree/", "", opened)
        answer = self.ask("GET", f"{self.server}/api/contents/{path}", params={"content": "0"})
        if not answer.ok:
            raise Failure(f"the server has no {unquote(path)}", "deploy, and make the links again")
        return answer.json()["type"]

    def wait_for_server(self) -> None:
        address = f"{self.hub}/hub/api/users/{quote(self.name.lower())}/server/progress"
        words = "nothing"
        for event in self.events(address, {"_xsrf": self.token("/hub/")}):
            words = event.get("message", words)
            if event.get("ready"):
                return
            if event.get("failed"):
                break
        raise Failure(f"the server of HUB_USER did not start: {words}", "look at the hub's journal")

    def events(self, address: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The events of a stream, until it ends; a stream that goes on for ever is a Failure."""
        deadline = time.monotonic() + PATIENCE
        # Git is silent while it brings a large repository.
        with self.ask("GET", address, params=query, stream=True, timeout=PATIENCE) as answer:
            if not answer.ok:
                raise Failure(f"{urlsplit(address).path} answered {answer.status_code}", AS_BUTTON)
            try:
                for line in answer.iter_lines(decode_unicode=True):
                    if line.startswith("data:"):
                        yield json.loads(line[5:])
                    if time.monotonic() > deadline:
                        break
            except requests.RequestException as error:
                raise Failure(f"{self.hub} stopped answering: {error}", "try again in a minute") from error

    def get(self, address: str) -> requests.Response:
        """A page, which has to be there. Raises Failure."""
        answer = self.ask("GET", address)
        if not answer.ok:
            raise Failure(f"{urlsplit(answer.url).path} answered {answer.status_code}", AS_BUTTON)
        return answer

    def ask(self, method: str, address: str, **more) -> requests.Response:
        """Whatever the hub answers. Raises Failure when it does not."""
        try:
            return self.browser.request(method, address, **{"timeout": TIMEOUT, **more})
        except requests.RequestException as error:
            fix = "look whether the hub is up: python scripts/check_health.py"
            raise Failure(f"{self.hub} does not answer: {error}", fix) from error

    def token(self, path: str) -> str:
        """The cross-site token that goes with cookies of this path."""
        found = [one.value for one in self.browser.cookies if one.name == "_xsrf" and one.path == path]
        if not found:
            raise Failure(f"the hub gave no cookie for {path}", AS_BUTTON)
        return found[0] or ""


def log_in_of(link: str) -> None:
    """Follow a link as somebody who is not logged in: to the hub's log-in page, which has to remember where
    it is to go on to. Raises Failure."""
    try:
        answer = requests.get(link, timeout=TIMEOUT)
    except requests.RequestException as error:
        fix = "look whether the hub is up: python scripts/check_health.py"
        raise Failure(f"the hub does not answer: {error}", fix) from error
    wanted, seen = urlsplit(link), urlsplit(answer.url)
    further = urlsplit(parse_qs(seen.query).get("next", [""])[0])
    if not answer.ok or not seen.path.endswith("/hub/login"):
        raise Failure(f"{seen.path} answered {answer.status_code} instead of the log-in page", AS_BUTTON)
    if (further.path, parse_qs(further.query)) != (wanted.path, parse_qs(wanted.query)):
        raise Failure("the log-in page forgets where the link leads to", AS_BUTTON)


def value_of(page: str, name: str) -> str | None:
    """What nbgitpuller's page tells its own script under a name."""
    found = re.search(rf'data-{name}="([^"]*)"', page)
    return unquote(unescape(found[1])) if found else None
