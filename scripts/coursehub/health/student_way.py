"""The way that a student goes: sign in, start a server, run a cell in the course's environment, stop. Each
step is timed, and what stops it is told in words."""

from __future__ import annotations

import http.client
import json
import re
import time
import uuid
from collections.abc import Callable
from typing import Any

from .judgement import plain_text
from .visitor import XSRF, LedAway, Visitor
from .websocket import Closed, Trouble, WebSocket

TWICE = 2
STARTING, ANSWERING, STOPPING = 45.0, 45.0, 20.0
"""Seconds for a server to start (each of two tries), for a cell, and for a server to stop."""
OPENING = 20.0
"""Seconds after which one asks whether the kernel is still alive; Jupyter itself gives it up within that."""
DEAD = ("dead", "restarting", "autorestarting", "terminating")
PIECE = re.compile(r"<[^>]*>")
DIED = "the kernel died before it answered: ipykernel, or what it needs, is broken in the environment"
CELL = """\
import importlib, importlib.util, json, sys
for name in ("numpy", "pandas", "matplotlib"):
    if importlib.util.find_spec(name):
        importlib.import_module(name)
        break
print(json.dumps([sys.prefix, 6 * 7]))
"""


class Stuck(Exception):
    """The way ends here; `stops` when no server can be started at all."""

    def __init__(self, words: str, *, stops: bool = False):
        super().__init__(words)
        self.words, self.stops = words, stops


class Way:
    """One try by `visitor`, who is called `name`, with `password` or (None) a token; `prefix` is where the
    environment lies. `steps` are those that were done, `present` is the one under way."""

    def __init__(self, visitor: Visitor, name: str, password: str | None, prefix: str):
        self.visitor, self.name, self.password, self.prefix = visitor, name, password, prefix
        self.steps: list[dict[str, Any]] = []
        self.present = ""
        self.server, self.api = f"/user/{name}", f"/hub/api/users/{name}"

    def go(self) -> None:
        """All of it. Raises Stuck, and TimeoutError when the time is over."""
        self.step("sign in", self.sign_in)
        self.step("start", self.start)
        self.step("open", self.open)
        self.step("cell", self.cell)
        self.step("stop", self.stop)

    def step(self, name: str, do: Callable[[], None]) -> None:
        """Do it, once more when a connection was dropped."""
        self.present = name
        began = time.monotonic()
        for number in range(TWICE):
            try:
                do()
                break
            except LedAway as error:
                raise Stuck(str(error)) from None
            except (ConnectionError, http.client.HTTPException) as error:
                if number + 1 == TWICE:
                    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
                    raise Stuck(f"the connection was dropped twice: {words}") from None
            except TimeoutError:
                raise Stuck("no answer came in time") from None
            except OSError as error:
                raise Stuck(str(error.strerror or error)) from None
        self.steps.append({"name": name, "seconds": round(time.monotonic() - began, 2)})

    def sign_in(self) -> None:
        """As the log-in page's form does, or by the token."""
        if self.password is None:
            reply = self.visitor.ask("GET", self.api)
            if not reply.good:
                raise Stuck(f"the hub does not know its own token (status {reply.status})")
            return
        page = self.visitor.ask("GET", "/hub/login")
        word = XSRF.search(page.text)
        if page.status != 200 or not word:
            raise Stuck(f"the log-in page has no form (status {page.status})")
        form = {"username": self.name, "password": self.password, "_xsrf": word[1]}
        reply = self.visitor.ask("POST", "/hub/login", form=form)
        if reply.status != 302:
            raise Stuck(f"the log-in form refuses a right password (status {reply.status})")
        # The word that the hub wants to see from now on comes with a page.
        self.visitor.ask("GET", "/hub/home")

    def start(self) -> None:
        """Raises Stuck when it does not start at the second try either. One that is late is waited for as
        long again: the hub does not give it up before."""
        for number in range(TWICE):
            words = self.start_once()
            if not words:
                return
            if number + 1 == TWICE:
                raise Stuck(f"no server starts: {words}", stops=True)

    def start_once(self) -> str:
        """What was wrong, empty for a server that has started."""
        reply = self.visitor.ask("POST", f"{self.api}/server", body={}, most=STARTING)
        # 400 is for one that runs, or starts, already: the answer to a first request was lost.
        if not reply.good and reply.status != 400:
            return self.refusal(reply)
        words = "the hub does not say why"
        try:
            for event in self.visitor.events(f"{self.api}/server/progress", STARTING):
                words = str(event.get("message") or words)
                if event.get("ready"):
                    return ""
                if event.get("failed"):
                    return plain_text(words)
        except TimeoutError:
            self.visitor.left()
        return f"none was there within {TWICE * STARTING:.0f} s"

    def refusal(self, reply: Any) -> str:
        """What a hub or a server said when it would not do something."""
        said = reply.json()
        words = said.get("message") or said.get("reason") or " ".join(PIECE.sub(" ", reply.text).split())
        return plain_text(f"status {reply.status}: {words}" if words else f"status {reply.status}")

    def open(self) -> None:
        """JupyterLab's page, which signs in at the server on the way."""
        reply = self.visitor.follow(f"{self.server}/lab")
        if reply.status != 200:
            raise Stuck(f"JupyterLab does not open: {self.refusal(reply)}")

    def cell(self) -> None:
        """A kernel, and a cell in it."""
        reply = self.visitor.ask("POST", f"{self.server}/api/kernels", body={"name": "python3"})
        if not reply.good or not reply.json().get("id"):
            raise Stuck(f"no kernel starts: {self.refusal(reply)}")
        self.judge(self.answer(f"{self.server}/api/kernels/{reply.json()['id']}"))

    def answer(self, kernel: str) -> str:
        """What a cell in this kernel prints. Jupyter opens no way to a kernel before that answers: one that
        is dead is asked about now and then."""
        end = time.monotonic() + ANSWERING
        while True:
            try:
                until = min(self.visitor.deadline, time.monotonic() + OPENING, end)
                with self.visitor.websocket(f"{kernel}/channels", until) as line:
                    line.deadline = min(self.visitor.deadline, end)
                    return answer_of(line, CELL)
            except TimeoutError:
                self.require_alive(kernel, late=time.monotonic() >= end)
            except Closed as error:
                self.require_alive(kernel)
                raise ConnectionResetError(str(error)) from None
            except Trouble as error:
                self.require_alive(kernel)
                words = f"the server takes no websocket, which notebooks need: {error}"
                raise Stuck(words) from None

    def require_alive(self, kernel: str, *, late: bool = False) -> None:
        """Raises Stuck for a kernel that has died, and with `late` for one that does not answer either."""
        reply = self.visitor.ask("GET", kernel)
        state = reply.json().get("execution_state")
        if reply.status == 404 or state in DEAD or (late and state == "starting"):
            raise Stuck(DIED)
        if late:
            raise Stuck(f"a cell has no answer within {ANSWERING:.0f} s")

    def judge(self, said: str) -> None:
        """Whether the answer is right, and the course's environment gave it."""
        try:
            prefix, product = json.loads(said)
        except (ValueError, TypeError):
            raise Stuck(plain_text(f"a cell answers with something else: {said}")) from None
        if product != 42:
            raise Stuck(plain_text(f"6 times 7 is {product}"))
        if prefix != self.prefix:
            words = f"the kernel is of {prefix}, not of the course's environment {self.prefix}"
            raise Stuck(plain_text(words))

    def stop(self) -> None:
        """As the button on the hub's page does."""
        end = time.monotonic() + STOPPING
        while time.monotonic() < end:
            reply = self.visitor.ask("DELETE", f"{self.api}/server", most=STOPPING)
            if reply.status in (204, 404):
                return
            if reply.status not in (202, 400):
                raise Stuck(f"the server does not stop: {self.refusal(reply)}")
            about = self.visitor.ask("GET", self.api).json()
            if not about.get("server") and not about.get("pending"):
                return
            time.sleep(0.2)
        raise Stuck(f"the server does not stop within {STOPPING:.0f} s")


def answer_of(line: WebSocket, code: str) -> str:
    """What a cell prints. Raises Stuck for an error in it, and for a kernel that dies; OSError."""
    number = uuid.uuid4().hex
    header = {"msg_id": number, "msg_type": "execute_request", "session": number, "username": ""}
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    message = {"header": header | {"version": "5.3"}, "parent_header": {}, "metadata": {}}
    line.send(json.dumps(message | {"content": content | {"stop_on_error": False}, "channel": "shell"}))
    said = ""
    while True:
        kind, parent, about = read(line.receive())
        if kind == "status" and about.get("execution_state") in DEAD:
            raise Stuck(DIED)
        if parent != number:
            continue
        if kind == "error":
            words = f"{about.get('ename')}: {about.get('evalue')}"
            raise Stuck(plain_text(f"a cell with an import of the environment fails: {words}"))
        if kind == "stream" and about.get("name") == "stdout":
            said += str(about.get("text", ""))
        if kind == "status" and about.get("execution_state") == "idle":
            return said


def read(text: str) -> tuple[str, Any, dict[str, Any]]:
    """(kind, number of the question, content) of a message of Jupyter's; empty for what is none."""
    try:
        value = json.loads(text)
        kind = value.get("msg_type") or value["header"]["msg_type"]
        return kind, value["parent_header"].get("msg_id"), dict(value["content"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "", None, {}
