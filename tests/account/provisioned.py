"""A course in an account of the sandbox's: planned and brought about by the code that a deploy runs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from course_folder import make_course
from coursehub.model import Silent, Step
from coursehub.secrets import Secrets
from coursehub.settings import Settings, load
from coursehub.targets.droplet import CloudDroplet
from sandbox.cloud import Server
from sandbox.cloud.faults import Fault

FORKS, PATIENCE = 3, 30.0
SECRET = "lantern gravel mustard orbit seven"


@dataclass(frozen=True)
class Course:
    """`token` is whose account it is."""

    settings: Settings
    secrets: Secrets

    def target(self, *words: str) -> CloudDroplet:
        return CloudDroplet(self.settings, self.secrets, frozenset(words))

    def plan(self, *words: str) -> list[Step]:
        """What is to be done, those steps left out that wait for another word than `words`."""
        steps = self.target().prepare(Silent())
        return [step for step in steps if not step.needs or step.needs in words]

    def titles(self, *words: str) -> list[str]:
        return [step.title for step in self.plan(*words)]

    def deploy(self, *words: str) -> list[Step]:
        """Do all that is to be done; return it. Afterwards nothing is left."""
        target = self.target()
        steps = [step for step in target.prepare(Silent()) if not step.needs or step.needs in words]
        for step in steps:
            target.ground.call(step.operation, {**step.parameters, **step.secrets})
        assert self.titles(*words) == []
        return steps

    def start_apart(self) -> BaseProcess:
        """Start a deploy in a process of its own, which may be killed."""
        process = multiprocessing.get_context("fork").Process(target=self.deploy, daemon=True)
        process.start()
        return process


def struck(
    server: Server, fault: Callable[[Callable[[], None]], Fault], start: Callable[[], BaseProcess]
) -> int:
    """Start a process whose requests meet the fault (made with what kills it), and wait for its end; its exit
    code. One that was forked off threads may stand still for ever, on a lock that one of them held
    (https://docs.python.org/3/library/multiprocessing.html): it is ended, and started again."""
    for _ in range(FORKS):
        running: list[BaseProcess] = []
        server.faults[:] = [fault(lambda running=running: running[0].kill())]
        with server.lock:  # until the process is known
            running.append(start())
        running[0].join(PATIENCE)
        server.faults.clear()
        if running[0].exitcode is not None:
            return running[0].exitcode
        running[0].kill()
        running[0].join()
    raise AssertionError(f"{FORKS} processes in a row hang")


def new_course(folder: Path, server: Server, text: str = "", token: str = "") -> Course:
    """A course whose account is on `server`; `text` is added to its course.yml."""
    root = make_course(folder, f"mirrors: {{digitalocean: '{server.url}'}}\n{text}")
    return Course(load(root), Secrets(digitalocean_token=token or server.token, course_secret=SECRET))


def changed(course: Course, group: str, **values: Any) -> Course:
    """The same course after an edit of course.yml."""
    part = replace(getattr(course.settings, group), **values)
    return replace(course, settings=replace(course.settings, **{group: part}))
