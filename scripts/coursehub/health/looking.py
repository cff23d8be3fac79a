"""A whole run: some looks, spaced, until the time is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..problems import InvalidInput
from .judgement import findings, leads_to_https, verdict
from .look import look, network_works
from .model import Answer, Hub, Limits, Round, Verdict, hub_from


class Looking:
    """The looks so far, done in a thread of their own, which may hang as long as it likes."""

    def __init__(
        self,
        hub: Hub,
        limits: Limits,
        controls: Sequence[tuple[str, int]],
        sleep: Callable[[float], None] = time.sleep,
    ):
        self.hub, self.limits, self.controls, self.sleep = hub, limits, controls, sleep
        self.rounds: list[Round] = []
        self.present = Round()
        self.network = False
        self.error: Exception | None = None
        self.ended = threading.Event()

    def run(self) -> Verdict:
        """Look, and judge what there is when all is done or the time is over."""
        threading.Thread(target=self.work, daemon=True).start()
        self.ended.wait(self.limits.whole)
        if self.error:
            raise self.error
        rounds = list(self.rounds)
        return verdict(self.hub, rounds, self.present, self.limits, self.network, time.time())

    def work(self) -> None:
        try:
            self.look_repeatedly()
        except Exception as error:
            self.error = error
        finally:
            self.ended.set()

    def look_repeatedly(self) -> None:
        """Several looks, each at everything: they confirm what is bad, and time what is good."""
        for number in range(self.limits.tries):
            if number:
                self.sleep(self.limits.spacing)
            self.present = Round()
            look(self.hub, self.limits, self.present)
            if not number and (encrypted := encrypted_form(self.hub, self.present)):
                self.hub = encrypted
                self.present = Round()
                look(self.hub, self.limits, self.present)
            bad = any(finding.bad for finding in findings(self.hub, self.present, time.time()))
            if bad and not self.present.reached and not self.network:
                self.network = network_works(self.controls, self.limits.connect)
            self.rounds.append(self.present)


def encrypted_form(hub: Hub, seen: Round) -> Hub | None:
    """The same hub by https, when http only leads there: its address was recorded, or given, before it had a
    certificate."""
    if hub.encrypted or not isinstance(seen.api, Answer) or not leads_to_https(seen.api):
        return None
    try:
        there = hub_from(seen.api.location, "the hub's own redirection")
    except InvalidInput:
        return None
    return replace(there, server=hub.server) if there.host == hub.host else None
