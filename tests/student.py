"""A student at a browser, without the browser: logs in, follows the link, works on a notebook."""

from __future__ import annotations

import contextlib
import json
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, quote, urlsplit

import requests
import websocket

PATIENCE = 120.0
IDLE = 20.0
"""Seconds after which a kernel is spoken to over a new connection: the server pings, and closes one on which
nobody answers."""


class Refused(AssertionError):
    """The hub did not let the student do something."""


@dataclass
class Student:
    """One person with one browser. `hub` is the hub's address without a slash at its end."""

    hub: str
    name: str
    password: str
    browser: requests.Session = field(default_factory=requests.Session)

    @property
    def server(self) -> str:
        return f"{self.hub}/user/{self.name}"

    def log_in(self) -> Student:
        """Log in as the form of the log-in page does. Raises Refused."""
        page = self.browser.get(f"{self.hub}/hub/login", timeout=30)
        form = {"username": self.name, "password": self.password, "_xsrf": token_in(page.text)}
        answer = self.browser.post(f"{self.hub}/hub/login", data=form, timeout=30, allow_redirects=False)
        if answer.status_code != 302:
            raise Refused(f"log-in of {self.name}: {answer.status_code}")
        return self

    def sign_up(self) -> None:
        """Ask for an account, as the form does."""
        page = self.browser.get(f"{self.hub}/hub/signup", timeout=30)
        form = {
            "username": self.name,
            "signup_password": self.password,
            "signup_password_confirmation": self.password,
            "_xsrf": token_in(page.text),
        }
        answer = self.browser.post(f"{self.hub}/hub/signup", data=form, timeout=30)
        assert answer.status_code == 200, answer.text

    def approve(self, name: str) -> None:
        """Let somebody in who asked for an account; takes an admin."""
        answer = self.browser.get(f"{self.hub}/hub/authorize/{name}", timeout=30)
        assert answer.ok, answer.text

    def follow(self, link: str) -> str:
        """Follow an nbgitpuller link to its end; return nbgitpuller's own words."""
        page = self.browser.get(link, timeout=60)
        if "/hub/spawn" in page.url:
            self.wait_for_server()
            page = self.browser.get(link, timeout=60)
        assert page.url.startswith(f"{self.server}/git-pull"), page.url
        wanted = {key: values[0] for key, values in parse_qs(urlsplit(link).query).items()}
        query = {
            "repo": wanted["repo"],
            "branch": wanted["branch"],
            "targetpath": wanted["targetPath"],
            "_xsrf": self.token(),
        }
        words = []
        with self.browser.get(
            f"{self.server}/git-pull/api", params=query, stream=True, timeout=PATIENCE
        ) as events:
            assert events.status_code == 200, events.text
            for line in events.iter_lines(decode_unicode=True):
                if line.startswith("data:"):
                    event = json.loads(line[5:])
                    words.append(event.get("output", event.get("message", "")))
                    if event["phase"] == "error":
                        raise Refused("nbgitpuller: " + "".join(words))
                    if event["phase"] == "finished":
                        return "".join(words)
        raise Refused("nbgitpuller ended early: " + "".join(words))

    def wait_for_server(self) -> None:
        """Wait, as the page with the progress bar does, until the student's own server is there."""
        address = f"{self.hub}/hub/api/users/{self.name}/server/progress"
        words = "nothing"
        with self.browser.get(
            address, params={"_xsrf": self.token("/hub/")}, stream=True, timeout=PATIENCE
        ) as events:
            for line in events.iter_lines(decode_unicode=True):
                if line.startswith("data:"):
                    event = json.loads(line[5:])
                    words = event.get("message", words)
                    if event.get("ready"):
                        return
                    if event.get("failed"):
                        raise Refused(f"the server of {self.name} did not start: {words}")
        raise Refused(f"the server of {self.name} was not there in time: {words}")

    def open_server(self) -> Student:
        """Start the student's own server, and open JupyterLab on it."""
        self.browser.get(f"{self.hub}/hub/spawn", timeout=60)
        self.wait_for_server()
        self.browser.get(f"{self.server}/lab", timeout=60)
        return self

    def token(self, path: str | None = None) -> str:
        """The cross-site token that goes with cookies of this path."""
        wanted = path or f"/user/{self.name}/"
        return next(c.value for c in self.browser.cookies if c.name == "_xsrf" and c.path == wanted)

    def api(self, verb: str, path: str, **more):
        """Call the Jupyter server's own API."""
        headers = {"X-XSRFToken": self.token()}
        answer = self.browser.request(verb, f"{self.server}/api/{path}", headers=headers, timeout=60, **more)
        assert answer.ok, f"{verb} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def read(self, path: str):
        """The content of a file in the student's home: text, or the notebook as a value."""
        return self.api("GET", f"contents/{quote(path)}")["content"]

    def write(self, path: str, notebook) -> None:
        """Save a notebook, as the editor does."""
        self.api("PUT", f"contents/{quote(path)}", json={"type": "notebook", "content": notebook})

    def open(self, path: str) -> Kernel:
        """Open a notebook: a kernel in its folder."""
        body = {"kernel": {"name": "python3"}, "name": path, "path": path, "type": "notebook"}
        session = self.api("POST", "sessions", json=body)
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.browser.cookies if c.path != "/hub/")
        address = f"{self.server}/api/kernels/{session['kernel']['id']}/channels".replace("http", "ws", 1)
        return Kernel(lambda: websocket.create_connection(address, cookie=cookies, timeout=PATIENCE))

    def open_terminal(self) -> Terminal:
        """Open a terminal, as the launcher does."""
        name = self.api("POST", "terminals")["name"]
        cookies = "; ".join(f"{c.name}={c.value}" for c in self.browser.cookies if c.path != "/hub/")
        address = f"{self.server}/terminals/websocket/{name}".replace("http", "ws", 1)
        return Terminal(websocket.create_connection(address, cookie=cookies, timeout=PATIENCE))

    def run_all(self, path: str) -> int:
        """Run every code cell of a notebook from top to bottom; return their number."""
        cells = [cell for cell in self.read(path)["cells"] if cell["cell_type"] == "code"]
        with self.open(path) as kernel:
            for cell in cells:
                kernel.run("".join(cell["source"]))
        return len(cells)


@contextlib.contextmanager
def in_the_middle(hub: str) -> Iterator[Kernel]:
    """Ada, at work: in her kernel, `kept` is 7."""
    ada = Student(hub, "ada", "a first password").log_in().open_server()
    ada.write("mine.ipynb", {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})
    with ada.open("mine.ipynb") as kernel:
        kernel.run("kept = 7")
        yield kernel


@dataclass
class Kernel:
    """A running kernel, spoken to over a websocket that `connect` opens."""

    connect: Callable[[], websocket.WebSocket]

    def __post_init__(self) -> None:
        self.line, self.used = self.connect(), time.monotonic()

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def reconnect(self) -> None:
        """Speak over a new connection, as a browser does when the old one was cut."""
        self.line.close()
        self.line = self.connect()

    def run(self, code: str) -> str:
        """Run one cell; return the text it printed or its result. Raises Refused with its error."""
        if time.monotonic() - self.used > IDLE:
            self.reconnect()
        number = uuid.uuid4().hex
        header = {
            "msg_id": number,
            "msg_type": "execute_request",
            "session": "test",
            "username": "",
            "version": "5.3",
        }
        content = {
            "code": code,
            "silent": False,
            "store_history": False,
            "allow_stdin": False,
            "stop_on_error": False,
        }
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self.line.send(json.dumps(message))
        said, error = "", None
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = json.loads(self.line.recv())
            if answer["parent_header"].get("msg_id") != number:
                continue
            content = answer["content"]
            kind = answer["msg_type"]
            if kind == "error":
                error = Refused(f"{content['ename']}: {content['evalue']}\nin:\n{code}")
            if kind == "stream":
                said += content["text"]
            elif kind == "execute_result":
                said += content["data"].get("text/plain", "")
            elif kind == "status" and content["execution_state"] == "idle":
                self.used = time.monotonic()
                if error:
                    raise error
                return said
        raise Refused(f"this cell did not end:\n{code}")


@dataclass
class Terminal:
    """A shell on the student's server, spoken to over its websocket."""

    line: websocket.WebSocket

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.line.close()

    def run(self, command: str) -> tuple[int, str]:
        """Type one line; return its exit code and what it printed. Raises Refused when it does not end."""
        begin, end = uuid.uuid4().hex, uuid.uuid4().hex
        # The quotes keep the words apart in the line as it is echoed, so that only the shell's own answer
        # has them whole.
        typed = f"echo {begin[:9]}''{begin[9:]}; {command}; echo {end[:9]}''{end[9:]}:$?\r"
        self.line.send(json.dumps(["stdin", typed]))
        said, deadline = "", time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            # Pings are shown too: the server's would keep a plain recv() waiting for ever.
            opcode, frame = self.line.recv_data_frame(control_frame=True)
            if opcode != websocket.ABNF.OPCODE_TEXT:
                continue
            kind, *rest = json.loads(frame.data)
            said += rest[0] if kind == "stdout" else ""
            if found := re.search(f"{begin}\r?\n(.*?){end}:([0-9]+)", said, re.DOTALL):
                return int(found[2]), found[1].replace("\r", "").strip()
        raise Refused(f"this command did not end: {command}\n{said}")


def token_in(page: str) -> str:
    """The cross-site token in a page's form."""
    return re.search(r'name="_xsrf" value="([^"]*)"', page)[1]
