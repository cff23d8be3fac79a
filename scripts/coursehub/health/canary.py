"""The canary: an account that is made for one try goes a student's way from outside, and is removed again.

On the server, watchdog/canary.py makes the account and removes it, asked over SSH.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..problems import Failure
from .bounded import within
from .judgement import plain_text
from .model import Hub
from .student_way import Stuck, Way
from .visitor import Visitor

WHOLE, BEGINNING, ENDING = 120.0, 40.0, 90.0
"""Seconds for the way itself, for making the account, and for removing it."""
BEGIN, END = (f"/usr/bin/python3 -I /opt/course/bin/watchdog canary {word}" for word in ("begin", "end"))
"""What is run on the server, as root; the answer is a line of JSON."""
REMAINS = "its account could not be removed yet: the watchdog removes it within the hour"
IN_BETWEEN = "a deploy, or a restart of the hub, came in between"
NO_ANSWER = "the server did not say anything: its watchdog is switched off, or of an older deploy"
Order = Callable[[str], str]
"""Runs a command on the server; its standard output. Raises Failure and OSError."""


def run(hub: Hub, order: Order, *, verified: bool = True, whole: float = WHOLE) -> dict[str, Any]:
    """{"at", "ok", "seconds", "words", "steps": [{"name", "seconds"}], "stops"}: `ok` is None for a way that
    was not gone, and `words` say why; `stops` is whether nobody can start a server. It never takes much
    longer than WHOLE, BEGINNING and ENDING together."""
    at, began = time.time(), time.monotonic()
    made = answered(order, BEGIN, BEGINNING)
    steps: list[dict[str, Any]] = []
    if "user" not in made:
        if made.get("begun"):
            answered(order, END, ENDING)
        return {"at": at, "ok": None, "seconds": 0.0, "words": made["skipped"], "steps": [], "stops": False}
    words, stops = "", False
    try:
        visitor = Visitor(hub, time.monotonic() + whole, token=made.get("token"), verified=verified)
        way = Way(visitor, made["user"], made.get("password"), made["prefix"])
        steps = way.steps
        try:
            within(whole, way.go)
        except Stuck as stuck:
            words, stops = f"{way.present}: {stuck.words}", stuck.stops
        except TimeoutError:
            words = f"{way.present}: it was not over within {whole:.0f} s"
        seconds = time.monotonic() - began
    finally:
        ended = answered(order, END, ENDING)
    ok: bool | None = not words
    if words and ended.get("disturbed"):
        ok, words, stops = None, IN_BETWEEN, False
    elif words and ended.get("said"):
        words = f"{words} ({plain_text(str(ended['said']))})"
    if "disturbed" not in ended:
        words = f"{words}; {REMAINS}" if words else REMAINS
    about = {"at": at, "ok": ok, "seconds": round(seconds, 1), "words": words}
    return {**about, "steps": list(steps), "stops": stops}


def answered(order: Order, command: str, seconds: float) -> Mapping[str, Any]:
    """What the server answers; {"skipped": why} when it does not."""
    try:
        text = within(seconds, lambda: order(command))
    except Failure as failure:
        return {"skipped": plain_text(failure.message), "begun": True}
    except OSError as error:
        return {"skipped": plain_text(str(error.strerror or error)), "begun": True}
    with contextlib.suppress(ValueError, IndexError):
        value = json.loads(text.strip().splitlines()[-1])
        if isinstance(value, dict):
            if "trouble" in value:
                return {"skipped": plain_text(str(value["trouble"])), "begun": True}
            return value
    return {"skipped": NO_ANSWER}
