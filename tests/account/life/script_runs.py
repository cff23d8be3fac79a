"""Runs what the scripts of a course's life run, in this process or in one that may be killed; the droplet
itself, which the paper backend has not got, is a stand-in where the program opens a conversation with it."""

from __future__ import annotations

import argparse
import multiprocessing
import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from provisioned import SECRET, Course, new_course, struck
from wanted import INBOUND, OUTBOUND, new_public_key

from coursehub.lifecycle.command import Work
from coursehub.lifecycle.told import Told
from coursehub.names import names_from
from coursehub.problems import Failure
from coursehub.report import Terminal
from sandbox.cloud import Server

NAME = "My course"
PAGE = Path(__file__).parents[3] / "Documentation" / "DigitalOcean.md"
BUSY = {"who": "ada", "since": "2026-03-02T09:00:00+00:00", "run": ""}


class Conversation:
    """A droplet's answers, by operation: a value, one after the other of a list, or a Failure."""

    def __init__(self, answers: Mapping[str, Any]):
        self.answers = {"lock": None, **answers}
        self.asked: list[str] = []

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def call(self, operation: str, parameters: Mapping[str, Any], **_: Any) -> Any:
        self.asked.append(operation)
        answer = self.answers[operation]
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Failure):
            raise answer
        return answer

    def close(self) -> None:
        self.asked.append("close")


_made: dict[str, tuple[Any, ...]] = {}


def deployed(folder: Path, server: Server, text: str) -> Course:
    """A course that is deployed. What that makes in an account is made once for each course.yml, and then
    copied: a test of its end need not wait for its beginning."""
    course = new_course(folder, server, text)
    if text not in _made:
        course.deploy()
        _made[text] = copied(server.cloud.store.state, server.cloud.backend)
    with server.lock:
        server.cloud.store.state, books_ = copied(*_made[text])
        vars(server.cloud.backend).update(books_)
    return course


def copied(state: Any, backend: Any) -> tuple[Any, dict[str, Any]]:
    """The records, and the books of the machines behind them."""
    books_ = backend if isinstance(backend, dict) else vars(backend)
    return deepcopy(state), deepcopy({name: value for name, value in books_.items() if name != "_lock"})


def work(course: Course, module: Any, *words: str, now: datetime | None = None) -> Work:
    """The work of a script (a module of coursehub.lifecycle) with these arguments, at this time."""
    parser = argparse.ArgumentParser()
    getattr(module, "add_arguments", lambda _: None)(parser)
    arguments = parser.parse_args(words)
    moment = now or datetime.now(UTC)
    return Work(course.settings, course.secrets, arguments, Terminal(), course.target(), moment)


def act(course: Course, module: Any, *words: str, now: datetime | None = None) -> Told:
    return module.act(work(course, module, *words, now=now))


def act_apart(course: Course, module: Any, *words: str) -> BaseProcess:
    """The same in a process of its own."""
    process = multiprocessing.get_context("fork").Process(
        target=act, args=(course, module, *words), daemon=True
    )
    process.start()
    return process


def add_what_is_not_the_courses(server: Server, client: Any) -> None:
    """One of each kind, named as like the course's as can be."""
    server.behaviour.polls = server.behaviour.lag = 0
    other = "coursehub-00000000"
    client.tags.create(body={"name": other})
    client.tags.create(body={"name": other + ":archived"})
    client.ssh_keys.create(body={"name": other, "public_key": new_public_key()})
    volume = client.volumes.create(
        body={"name": other + "-home", "region": "fra1", "size_gigabytes": 10, "tags": [other]}
    )["volume"]
    droplet = client.droplets.create(
        body={
            "name": "other",
            "size": "s-1vcpu-1gb",
            "region": "fra1",
            "image": "debian-12-x64",
            "tags": [other],
            "volumes": [volume["id"]],
        }
    )["droplet"]
    client.volume_snapshots.create(
        volume["id"], body={"name": other + "-archive-2026-01-01", "tags": [other]}
    )
    client.droplet_actions.post(droplet["id"], body={"type": "snapshot", "name": other + "-archive"})
    client.firewalls.create(
        body={"name": other, "tags": [other], "inbound_rules": INBOUND, "outbound_rules": OUTBOUND}
    )
    client.reserved_ips.create(body={"region": "fra1"})
    client.domains.create(body={"name": "other.org"})
    client.domains.create_record("other.org", body={"type": "A", "name": "hub", "data": "203.0.113.77"})


def books(server: Server) -> dict[str, Any]:
    """All that the account holds, but for what is counted or dated: actions, and who is in which project."""
    state = server.state
    kinds = ("keys", "tags", "droplets", "volumes", "snapshots", "firewalls", "reserved_ips", "domains")
    with server.lock:
        return {kind: {key: dict(value) for key, value in getattr(state, kind).items()} for kind in kinds}


def archives(client: Any) -> list[dict[str, Any]]:
    """The course's snapshots."""
    tag = names_from(SECRET).tag
    return [one for one in client.snapshots.list()["snapshots"] if one["name"].startswith(tag)]


def scopes_of(row: str) -> list[str]:
    """The scopes that the documentation has a token be given, by the beginning of the table's row."""
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| {row}")]
    return re.findall(r"`([a-z_]+:[a-z_]+)`", line)


def until_it_ends(
    server: Server,
    fault: Callable[[Callable[[], None]], Any],
    start: Callable[[], BaseProcess],
    check: Callable[[], None] = lambda: None,
) -> int:
    """Start it again and again, each time with this fault, until it comes to its end; how often it died.
    `check` looks at the account after each death."""
    deaths = 0
    while code := struck(server, fault, start):
        assert code == -9, "it died of something else"
        deaths += 1
        check()
    return deaths
