"""A whole check: from outside and inside at the same time; if the hub is down, healing, and a look again."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import account, by_account
from .account import Account, Unknown
from .bounded import together
from .inside import HEAL, LOOK, ask
from .inside_model import Inside
from .judgement import HUB, findings
from .look import fetch, tried
from .looking import Looking, encrypted_form
from .merging import done, merged, reached
from .model import DOWN, Hub, Limits, Round, Verdict
from .way import NoWay, Way, way_in

MARGIN = 30.0
"""Seconds beyond the parts' own limits, after which something here hangs that never should."""
STILL_OFF = "switched the droplet on, but it did not answer in time"


@dataclass(frozen=True)
class Means:
    """What a check may use besides the hub's address: the way into the server, and its account; None for what
    it lacks. `power_on` is whether it may switch a droplet on."""

    way: Way | NoWay | None = None
    account: Account | None = None
    power_on: bool = False


def means_of(environ: Mapping[str, str], record: Mapping[str, Any]) -> Means:
    """By the secrets, and by what the last deploy recorded."""
    server, health = record.get("server") or {}, record.get("health") or {}
    power_on = health.get("power_on") is True
    return Means(way_in(environ, server), account.account_of(environ, server), power_on)


def check(hub: Hub, limits: Limits, controls: Sequence[tuple[str, int]], means: Means) -> Verdict:
    """Look; when nobody can log in, do what can be done from here, and look again."""
    verdict, inside = looked(hub, limits, controls, means)
    if verdict.state != DOWN:
        return verdict
    if isinstance(inside, Inside):
        return healed(verdict, inside, hub, limits, controls, means)
    if means.account and not reached(verdict):
        return by_the_account(verdict, means.account, hub, limits, controls, means)
    return verdict


def looked(
    hub: Hub, limits: Limits, controls: Sequence[tuple[str, int]], means: Means
) -> tuple[Verdict, Inside | NoWay | None]:
    """One look from both sides: the verdict, and what was seen inside."""
    jobs = {"outside": Looking(hub, limits, controls).run}
    if isinstance(means.way, Way):
        way = means.way
        jobs["inside"] = lambda: ask(way, "look", LOOK)
    answers = together(max(limits.whole, LOOK) + MARGIN, jobs)
    for answer in answers.values():
        if isinstance(answer, Exception):
            raise answer
    inside = answers.get("inside", means.way)
    return merged(answers["outside"], inside), inside


def healed(
    before: Verdict,
    inside: Inside,
    hub: Hub,
    limits: Limits,
    controls: Sequence[tuple[str, int]],
    means: Means,
) -> Verdict:
    """Have the server heal itself, unless a deploy is at work there or nothing is wrong on it."""
    if inside.busy or inside.well or not isinstance(means.way, Way):
        return before
    answer = ask(means.way, "heal", HEAL)
    if not isinstance(answer, Inside) or not (answer.did or answer.well):
        return before
    after = merged(Looking(hub, limits, controls).run(), answer)
    # Well, though nothing was done here: the watchdog, or systemd, was just at it.
    return done(before, after, list(answer.did))


def by_the_account(
    before: Verdict,
    where: Account,
    hub: Hub,
    limits: Limits,
    controls: Sequence[tuple[str, int]],
    means: Means,
) -> Verdict:
    """Ask the account about a server that cannot be reached; switch it on if it is off and that is wanted."""
    try:
        droplet = account.find(where)
        before = by_account.judged(before, droplet)
        if droplet.state != account.OFF or droplet.number is None or not means.power_on:
            return before
        answered = account.switch_on(where, droplet.number, lambda: is_hub(hub, limits))
    except Unknown as error:
        return by_account.unknown(before, str(error))
    did = ["switched the droplet on"] if answered else [STILL_OFF]
    after, _ = looked(hub, limits, controls, means)
    return done(before, after, did)


def is_hub(hub: Hub, limits: Limits) -> bool:
    """Whether the hub answers at this moment."""
    seen = Round(connection=True, api=tried(limits.connect, lambda: fetch(hub, "/hub/api/", limits.connect)))
    if encrypted := encrypted_form(hub, seen):
        return is_hub(encrypted, limits)
    return any(one.name == HUB and not one.bad for one in findings(hub, seen, time.time()))
