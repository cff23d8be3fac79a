"""Waiting that ends, whatever is waited for: a resolver that hangs, a server that sends a byte a second."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any


def together(seconds: float, jobs: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Do all jobs at the same time; what each returned, or its exception. One that has not ended after
    `seconds` gives a TimeoutError, and is left to itself: its thread does not outlive the program."""
    answers: queue.SimpleQueue = queue.SimpleQueue()

    def work(name: str, job: Callable[[], Any]) -> None:
        try:
            answers.put((name, job()))
        except Exception as error:
            answers.put((name, error))

    for name, job in jobs.items():
        threading.Thread(target=work, args=(name, job), daemon=True).start()
    deadline = time.monotonic() + seconds
    done: dict[str, Any] = {}
    while len(done) < len(jobs):
        try:
            name, value = answers.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        done[name] = value
    return {name: done.get(name, TimeoutError(f"no answer within {seconds:g} s")) for name in jobs}


def within(seconds: float, job: Callable[[], Any]) -> Any:
    """What the job returns. Raises what it raises, and TimeoutError when it takes longer."""
    result = together(seconds, {"": job})[""]
    if isinstance(result, Exception):
        raise result
    return result
