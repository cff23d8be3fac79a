"""What a run has come to so far, and in the end: for a terminal, the job summary, and readers of JSON."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from .model import Check, Ground, Json, Reporter, Step, StepResult
from .problems import Failure


@dataclass(frozen=True)
class Outcome:
    """What a run came to. `verdict` is "converged", "planned" or "failed"; `held` are the steps that wait for
    a word. `address` and `url` are None as long as there is no server. `students` is how many of the course's
    users, administrators excepted, have worked on the hub; None where that was not seen. `notes` are what is
    good to know, such as what is still to come. `server` and `health` are what the check of the hub's health
    needs to know: where the server is, and what was set for the check."""

    verdict: str
    address: str | None
    url: str | None
    link: str | None
    commit: str
    seconds: float
    round_trips: int
    steps: tuple[StepResult, ...] = ()
    planned: tuple[Step, ...] = ()
    held: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    error: Failure | None = None
    warnings: tuple[str, ...] = ()
    students: int | None = None
    notes: tuple[str, ...] = ()
    server: Mapping[str, Json] = field(default_factory=dict)
    health: Mapping[str, Json] = field(default_factory=dict)


@dataclass
class Progress:
    """What has been planned, done and seen so far in one run. `words` are those that a person has said: steps
    that need another one are held back."""

    report: Reporter
    words: frozenset[str]
    planned: list[Step] = field(default_factory=list)
    held: list[Step] = field(default_factory=list)
    results: list[StepResult] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    url: str | None = None
    students: int | None = None
    error: Failure | None = None
    round_trips: int = 0

    def plan(self, steps: list[Step]) -> list[Step]:
        """Show the steps that will be done, and return them."""
        held = [step for step in steps if self.is_held(step)]
        steps = [step for step in steps if not self.is_held(step)]
        self.report.planned(steps, held)
        self.planned += steps
        self.held += held
        return steps

    def is_held(self, step: Step) -> bool:
        return bool(step.needs) and step.needs not in self.words

    def apply(self, ground: Ground, steps: list[Step]) -> None:
        """Do the steps in order. Raises Failure at the first that fails, for later ones build on it."""
        for step in steps:
            self.report.started(step)
            result, failure = applied(ground, step, self.report)
            self.results.append(result)
            self.report.finished(result)
            if failure:
                raise Failure(f"{step.title}: {failure.message}", failure.fix, failure.detail) from failure


def applied(ground: Ground, step: Step, report: Reporter) -> tuple[StepResult, Failure | None]:
    """Do one step: how it went, and why it failed if it did."""
    began = time.monotonic()
    failure = None
    try:
        ground.call(
            step.operation,
            {**step.parameters, **step.secrets},
            payload=step.payload,
            timeout=step.timeout,
            progress=report.progress,
        )
    except Failure as caught:
        failure = caught
    return StepResult(step, time.monotonic() - began, failure.message if failure else None), failure
