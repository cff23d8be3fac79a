"""The process that answers with GitHub's own parser and evaluator: see node/service.mjs."""

from __future__ import annotations

import contextlib
import json
import select
import subprocess
import threading
import time

from coursehub.problems import Failure
from sandbox.github import packages


class Refusal(Failure):
    """The packages refused the question: an expression or a file that is wrong."""


class Service:
    """One Node process for many questions, one at a time; every answer comes within `patience` seconds."""

    def __init__(self, patience: float = 30):
        self._patience = patience
        self._lock = threading.Lock()
        self._count = 0
        self._process = subprocess.Popen(
            ["node", "--import", "./json_modules.mjs", "service.mjs"],
            cwd=packages.ensure(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._unread = b""

    def ask(self, operation: str, **question) -> dict:
        """The answer to one question. Raises Refusal if it was refused, Failure if the process is gone."""
        with self._lock:
            self._count += 1
            sent = {"id": self._count, "operation": operation, **question}
            try:
                self._process.stdin.write(json.dumps(sent).encode() + b"\n")
                self._process.stdin.flush()
                answer = json.loads(self._line())
            except (OSError, ValueError) as error:
                raise Failure(f"the service for GitHub's packages has ended ({error})") from None
        if "error" in answer:
            raise Refusal(answer["error"])
        return answer["answer"]

    def _line(self) -> bytes:
        deadline = time.monotonic() + self._patience
        while b"\n" not in self._unread:
            ready, _, _ = select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                self._process.kill()  # an answer that comes later would be taken for another question's
                self._process.wait()
                raise Failure(f"GitHub's packages did not answer within {self._patience:g} s")
            piece = self._process.stdout.read1()
            if not piece:
                raise ValueError("no answer")
            self._unread += piece
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
