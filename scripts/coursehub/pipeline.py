"""Observe, plan, apply, verify: the whole of a deploy on one screen."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

from .audit import audit_entry, record
from .links.address import link
from .model import Check, LockHolder, Observed, Part, Reporter, Session, Silent, Step, Target
from .outcome import Outcome, Progress
from .parts import PARTS, by_hand, configuration, content, downloads, encryption, shared, sign_in, storage
from .probe import probe
from .problems import Failure
from .run_identity import commit, holder
from .targets import choose

LOCK_PATIENCE = 1800.0
"""Seconds to wait for another deploy: as long as the longest one has been seen to take, and some."""
PROBE_PATIENCE = 60.0
FIREWALL = "check that the server's firewall admits ports 80 and 443"


def deploy(
    settings: Any,
    secrets: Any,
    report: Reporter,
    *,
    apply: bool = True,
    words: frozenset[str] = frozenset(),
    choices: Mapping[str, Mapping[str, Any]] | None = None,
) -> Outcome:
    """Bring the hub to what the settings say; with `apply` false, stop after the plan.

    `words` are what a person allowed for this run ("downtime", "rebuild"); `choices` are a part's further
    arguments for `want`, by the part's name.
    Raises InvalidInput for mistakes in what was given and Failure when the account or the droplet could not
    be looked at; what goes wrong afterwards is the outcome's `error`, beside the steps that were done.
    """
    started = time.monotonic()
    sign_in.require_client(settings, secrets)
    target = choose(settings, secrets, words)
    # Before anything is done: a mistake in any part must be seen first.
    wants = wishes(settings, secrets, PARTS, choices or {})
    progress = Progress(report, words)
    try:
        found(target, progress, apply=apply)
    except Failure as failure:
        progress.error = failure
    if target.address is None:
        report.note("The rest is planned once there is a server: the hub, the environment, the content")
    elif progress.error is None:
        told = [part for part in PARTS if part.NAME in target.choices]
        wants |= wishes(settings, secrets, told, target.choices)
        furnish(target, settings, wants, progress, apply=apply)
    return Outcome(
        verdict="failed" if progress.error else ("converged" if apply else "planned"),
        address=target.address,
        url=progress.url,
        link=link(settings, progress.url) if progress.url else None,
        commit=commit(settings.root),
        seconds=time.monotonic() - started,
        round_trips=progress.round_trips,
        steps=tuple(progress.results),
        planned=tuple(progress.planned),
        held=tuple(progress.held),
        checks=tuple(progress.checks),
        error=progress.error,
        warnings=tuple(progress.warnings),
        students=progress.students,
        notes=tuple(progress.notes),
        server=target.whereabouts,
        health=for_the_check(settings),
    )


def for_the_check(settings: Any) -> dict[str, Any]:
    """What the check of the hub's health, which cannot read course.yml, goes by."""
    health, timezone = settings.health, settings.timetable.timezone
    return {
        "name": settings.name,
        "power_on": health.power_on,
        "assignees": list(health.assignees),
        "maintenance": list(health.maintenance),
        "timezone": timezone,
    }


def wishes(
    settings: Any, secrets: Any, parts: Collection[Part], choices: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What each of these parts wants. Raises InvalidInput."""
    return {part.NAME: part.want(settings, secrets, **choices.get(part.NAME, {})) for part in parts}


def found(target: Target, progress: Progress, *, apply: bool) -> None:
    """Look at what the hub stands on, plan, and with `apply` bring it about and look again."""
    steps = target.prepare(progress.report)
    if steps or target.address is None:
        steps = progress.plan(steps)
    if not (apply and steps):
        return
    progress.apply(target.ground, steps)
    left = [step for step in target.prepare(Silent()) if step.needed and not progress.is_held(step)]
    if left:
        titles = "; ".join(step.title for step in left)
        raise Failure(f"the account is still not as it should be: {titles}", "run the deploy again")


def furnish(target: Target, settings: Any, wants: dict[str, Any], progress: Progress, *, apply: bool) -> None:
    """Connect to the server, plan, and with `apply` bring about all that a hub is made of."""
    report, staging = progress.report, settings.https.staging
    with ThreadPoolExecutor(max_workers=1) as beside:
        outside = beside.submit(probe, target.url, test_service=staging)
        report.stage(f"Looking at {target.address}")
        with target.open() as session:
            seen = observe(session, wants, report, lock=apply)
            wants = prepare(wants, seen, report)
            steps = progress.plan(plan(wants, seen))
            progress.notes = content.notes(wants[content.NAME])
            for part in (shared, by_hand, downloads):
                progress.notes += part.notes(wants[part.NAME], seen.parts[part.NAME])
            progress.url, progress.warnings = reached(wants, seen)
            progress.students = storage.students(seen.parts[storage.NAME], settings.users)
            if apply:
                try:
                    target.secure(session, report)
                    progress.apply(session, steps)
                    same = progress.url == target.url
                    progress.checks = outside.result() if same else probe(progress.url, test_service=staging)
                    if steps or not all(check.good for check in progress.checks):
                        report.stage("Checking")
                        seen = verify(session, wants, progress)
                        progress.url, progress.warnings = reached(wants, seen)
                        progress.students = storage.students(seen.parts[storage.NAME], settings.users)
                        progress.checks = probe(progress.url, test_service=staging, patience=PROBE_PATIENCE)
                    require(progress.checks)
                except Failure as failure:
                    progress.error = failure
                if progress.results:
                    entry = audit_entry(settings, progress.results, progress.error)
                    progress.error = record(session, entry) or progress.error
            progress.round_trips += session.round_trips


def reached(wants: Mapping[str, Any], seen: Observed) -> tuple[str, list[str]]:
    """Where people reach the hub, which only the droplet can tell, and what to warn of."""
    want = wants[configuration.NAME].encryption
    about = want, seen.parts[configuration.NAME], seen.machine["address"]
    found = [*encryption.warnings(*about), *content.warnings(wants[content.NAME])]
    return encryption.url(*about), found


def chosen(wants: Mapping[str, Any]) -> list[Part]:
    """The parts that something is wanted of, in their order."""
    return [part for part in PARTS if part.NAME in wants]


def observe(session: Session, wants: Mapping[str, Any], report: Reporter, *, lock: bool) -> Observed:
    """One look, one round trip. With `lock`, wait until no other deploy works on the droplet."""
    questions = {part.NAME: part.question(wants[part.NAME]) for part in chosen(wants)}
    parameters = {"questions": questions, "holder": asdict(holder()) if lock else None}
    deadline = time.monotonic() + LOCK_PATIENCE
    shown = None
    while True:
        answer = session.call("look", parameters)
        if answer["busy"] is None:
            return Observed({**answer["machine"], "address": session.address}, answer["parts"])
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
        for part in chosen(wants)
    }


def plan(wants: Mapping[str, Any], seen: Observed) -> list[Step]:
    """All steps, in order: empty when everything is as it should be."""
    return [
        step
        for part in chosen(wants)
        for step in part.plan(wants[part.NAME], seen.parts[part.NAME], seen.machine)
    ]


def verify(session: Session, wants: Mapping[str, Any], progress: Progress) -> Observed:
    """Look again: whatever is still different says what did not work."""
    seen = observe(session, wants, progress.report, lock=False)
    left = [step for step in plan(wants, seen) if step.needed and not progress.is_held(step)]
    if left:
        titles = "; ".join(step.title for step in left)
        raise Failure(f"the droplet is still not as it should be: {titles}", "run the deploy again")
    return seen


def require(checks: list[Check]) -> None:
    """Raises Failure naming the checks that are not good."""
    bad = [check for check in checks if not check.good]
    if bad:
        raise Failure(
            "the hub is set up but cannot be used from outside: "
            + "; ".join(f"{check.name}: {check.seen}" for check in bad),
            next((check.fix for check in bad if check.fix), FIREWALL),
        )
