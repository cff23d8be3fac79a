"""The check from outside, as the workflow has it, for the drill (`faults.py`): with the key that leads into
the server, and with an account that says whether the machine is on. It looks; it does not heal, so that what
is measured is what heals without it."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from coursehub.health.account import ACTIVE, OFF, Account
from coursehub.health.checking import Means, by_the_account, looked, means_of
from coursehub.health.inside_model import INSIDE, Inside
from coursehub.health.merging import reached
from coursehub.health.model import DOWN, UP, Finding, Hub, Limits, Verdict
from sandbox.machine import Machine

ONE_LOOK = Limits(whole=20, connect=3, answer=5, spacing=0, tries=1)


def always_there() -> tuple[str, int]:
    """A server that takes every connection: by it, the check knows that its own network works."""
    listener = socket.create_server(("127.0.0.1", 0))

    def take() -> None:
        while True:
            listener.accept()[0].close()

    threading.Thread(target=take, daemon=True).start()
    return listener.getsockname()


CONTROL = always_there()


def account_with(box: Machine) -> Account:
    """Answers as DigitalOcean's API does to the one who asks whether this machine is on."""

    class Api(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state = ACTIVE if box.is_running else OFF
            body = {"actions": []} if "actions" in self.path else {"droplets": [{"id": 1, "status": state}]}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Nothing: it is asked all the time."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return Account(f"http://127.0.0.1:{server.server_port}", "the-drill", "x" * 20)


def means_for(box: Machine, private: str) -> Means:
    """What the workflow has after a deploy: the key, and what was recorded of the server."""
    server = {"address": box.address, "port": 22, "host_key": box.host_key}
    means = means_of({"SSH_PRIVATE_KEY": private}, {"server": server, "health": {"power_on": False}})
    return replace(means, account=account_with(box))


def from_outside(hub: Hub, means: Means, limits: Limits = ONE_LOOK) -> Verdict:
    """`coursehub.health.checking.check`, without its healing."""
    verdict, inside = looked(hub, limits, [CONTROL], means)
    if verdict.state == DOWN and not isinstance(inside, Inside) and means.account and not reached(verdict):
        return by_the_account(verdict, means.account, hub, limits, [CONTROL], means)
    return verdict


def told_inside(verdict: Verdict) -> list[Finding]:
    """What the watchdog's report had that is not good."""
    return [one for one in verdict.findings if one.name.startswith(INSIDE)]


class Outside:
    """The check over and over: when it first told of something, with which words and causes, and when the hub
    was well again."""

    def __init__(self, hub: Hub, means: Means, began: float):
        self.hub, self.means, self.began = hub, means, began
        self.told: float | None = None
        self.over: float | None = None
        self.words = ""
        self.causes: list[str] = []
        self.end = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self) -> None:
        while not self.end.is_set():
            verdict = from_outside(self.hub, self.means)
            self.note(verdict, time.monotonic() - self.began)
            self.end.wait(0.5)

    def note(self, verdict: Verdict, passed: float) -> None:
        told = told_inside(verdict)
        if self.told is None and (verdict.state != UP or told):
            self.told = passed
            self.words = verdict.title if verdict.state != UP else f"{told[0].name}: {told[0].seen}"
        cause = verdict.cause or (told[0].why if told else "")
        if self.told is not None and cause and cause not in self.causes:
            self.causes.append(cause)
        if verdict.state != UP:
            self.over = None
        elif self.told is not None and self.over is None:
            self.over = passed

    def stop(self) -> None:
        self.end.set()
        self.thread.join(60)
