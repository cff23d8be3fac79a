"""Observe, plan, apply, verify: the whole of a deploy on one screen."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from .links import link
from .model import Check, LockHolder, Observed, Reporter, Session, Step, StepResult
from .parts import PARTS
from .probe import probe
from .problems import Failure
from .run_identity import commit, who
from .targets import choose

LOCK_PATIENCE = 1800.0
"""Seconds to wait for another deploy: as long as the longest one has been seen to take, and some."""
PROBE_PATIENCE = 60.0


@dataclass(frozen=True)
class Outcome:
    """What a run came to. `verdict` is "converged", "planned" or "failed"."""

    verdict: str
    address: str
    url: str
    link: str
    commit: str
    seconds: float
    round_trips: int
    steps: tuple[StepResult, ...] = ()
    planned: tuple[Step, ...] = ()
    checks: tuple[Check, ...] = ()
    error: Failure | None = None


def deploy(
    settings: Any,
    secrets: Any,
    report: Reporter,
    *,
    apply: bool = True,
    choices: Mapping[str, Mapping[str, Any]] | None = None,
) -> Outcome:
    """Bring the hub to what the settings say; with `apply` false, stop after the plan.

    `choices` are a part's further arguments for `want`, by the part's name.
    Raises InvalidInput for mistakes in what was given and Failure when the droplet could not be looked
    at; what goes wrong afterwards is the outcome's `error`, beside the steps that were done.
    """
    started = time.monotonic()
    target = choose(settings, secrets)
    chosen = choices or {}
    wants = {part.NAME: part.want(settings, secrets, **chosen.get(part.NAME, {})) for part in PARTS}
    results: list[StepResult] = []
    steps: list[Step] = []
    checks: list[Check] = []
    error: Failure | None = None
    with ThreadPoolExecutor(max_workers=1) as beside:
        outside = beside.submit(probe, target.url)
        report.stage(f"Looking at {target.address}")
        with target.open() as session:
            seen = observe(session, wants, report, lock=apply)
            wants = prepare(wants, seen, report)
            steps = plan(wants, seen)
            report.planned(steps)
            if apply:
                checks = outside.result()
                try:
                    results = apply_steps(session, steps, report)
                    if steps or not all(check.good for check in checks):
                        report.stage("Checking")
                        verify(session, wants, report)
                        checks = probe(target.url, PROBE_PATIENCE)
                    require(checks)
                except StepFailed as failed:
                    results, error = failed.results, failed.failure
                except Failure as failure:
                    error = failure
                if steps:
                    error = record(session, audit_entry(settings, results, error)) or error
            trips = session.round_trips
    verdict = "failed" if error else ("converged" if apply else "planned")
    return Outcome(
        verdict=verdict,
        address=target.address,
        url=target.url,
        link=link(settings, target.url),
        commit=commit(settings.root),
        seconds=time.monotonic() - started,
        round_trips=trips,
        steps=tuple(results),
        planned=tuple(steps),
        checks=tuple(checks),
        error=error,
    )


def observe(session: Session, wants: Mapping[str, Any], report: Reporter, *, lock: bool) -> Observed:
    """One look, one round trip. With `lock`, wait until no other deploy works on the droplet."""
    questions = {part.NAME: part.question(wants[part.NAME]) for part in PARTS}
    parameters = {"questions": questions, "holder": asdict(holder()) if lock else None}
    deadline = time.monotonic() + LOCK_PATIENCE
    shown = None
    while True:
        answer = session.call("look", parameters)
        if answer["busy"] is None:
            return Observed(answer["machine"], answer["parts"])
        busy = LockHolder(**answer["busy"])
        if time.monotonic() > deadline:
            raise Failure(
                f"another deploy has held the droplet for too long: {busy}", "cancel it and run again"
            )
        if str(busy) != shown:
            shown = str(busy)
            report.note(f"Waiting for {busy}")
        time.sleep(2)


def prepare(wants: Mapping[str, Any], seen: Observed, report: Reporter) -> dict[str, Any]:
    """Let each part finish its wishes, now that the droplet is known."""
    return {
        part.NAME: part.prepare(wants[part.NAME], seen.parts[part.NAME], seen.machine, report)
        for part in PARTS
    }


def plan(wants: Mapping[str, Any], seen: Observed) -> list[Step]:
    """All steps, in order: empty when everything is as it should be."""
    return [
        step for part in PARTS for step in part.plan(wants[part.NAME], seen.parts[part.NAME], seen.machine)
    ]


class StepFailed(Exception):
    """A step failed: the results so far, the failed one included, and why."""

    def __init__(self, results: list[StepResult], failure: Failure):
        self.results, self.failure = results, failure


def apply_steps(session: Session, steps: list[Step], report: Reporter) -> list[StepResult]:
    """Do the steps in order; the first that fails stops, for later ones build on it."""
    results: list[StepResult] = []
    for step in steps:
        report.started(step)
        began = time.monotonic()
        failure = None
        try:
            session.call(
                step.operation,
                {**step.parameters, **step.secrets},
                payload=step.payload,
                timeout=step.timeout,
                progress=report.progress,
            )
        except Failure as caught:
            failure = caught
        results.append(StepResult(step, time.monotonic() - began, failure.message if failure else None))
        report.finished(results[-1])
        if failure:
            raise StepFailed(
                results, Failure(f"{step.title}: {failure.message}", failure.fix, failure.detail)
            )
    return results


def verify(session: Session, wants: Mapping[str, Any], report: Reporter) -> None:
    """Look again: whatever is still different says what did not work."""
    left = [step for step in plan(wants, observe(session, wants, report, lock=False)) if step.needed]
    if left:
        titles = "; ".join(step.title for step in left)
        raise Failure(f"the droplet is still not as it should be: {titles}", "run the deploy again")


def require(checks: list[Check]) -> None:
    """Raises Failure naming the checks that are not good."""
    bad = [f"{check.name}: {check.seen}" for check in checks if not check.good]
    if bad:
        raise Failure(
            "the hub is set up but cannot be used from outside: " + "; ".join(bad),
            "check that the server's firewall admits ports 80 and 443",
        )


def record(session: Session, entry: Mapping[str, Any]) -> Failure | None:
    """Leave the line in the audit log. Not being able to is an error only if all else went well: a
    connection that is lost cannot take it."""
    try:
        session.call("audit.record", {"entry": entry})
    except Failure as failure:
        return None if entry["error"] else failure
    return None


def holder() -> LockHolder:
    """Who we are, for whoever has to wait for us."""
    environment = os.environ
    run = ""
    if "GITHUB_RUN_ID" in environment:
        run = "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}".format_map(environment)
    return LockHolder(who(), datetime.now(UTC).isoformat(timespec="seconds"), run)


def audit_entry(settings: Any, results: list[StepResult], error: Failure | None) -> dict[str, Any]:
    """One line for the droplet's audit log: who, when, from what, which steps, how it ended."""
    return {
        **asdict(holder()),
        "course": settings.name,
        "commit": commit(settings.root),
        "steps": [{"title": result.step.title, "seconds": round(result.seconds, 2)} for result in results],
        "verdict": "failed" if error else "converged",
        "error": error.message if error else None,
    }
