"""What was seen from outside, and what the server knows of itself, as one verdict. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .inside_model import INSIDE, Inside
from .judgement import CERTIFICATE, CONNECTION, NAME, TITLES, span
from .model import DEGRADED, DOWN, FAILURE, UNKNOWN, UNSEEN, UP, WARNING, Finding, Verdict
from .way import CLOSED, OWN, SILENT, UNREACHABLE, NoWay

OLD = 300.0
"""Seconds without a look of the watchdog, which looks each minute, after which it looks no more."""
JUST_NOW = 300.0
"""Seconds after a start of the server, or a deploy, in which there may be no report yet."""
FIRST = ("volume", "disk", "proxy", "hub", "way to the hub", "certificate", "environment", "memory")
"""In the order in which they cause each other."""
STATES = {
    "inactive": "is switched off",
    "failed": "ended and was not started again",
    "activating": "is starting",
    "deactivating": "is being stopped",
    "active": "runs and does not answer",
}
DEPLOY = "run the workflow that deploys: it sets the watchdog up anew"
WAIT = "wait for the end of that deploy: its own log says how it goes"
SSH, WATCHDOG = "ssh", "watchdog"


def merged(verdict: Verdict, seen: Inside | NoWay | None) -> Verdict:
    """The verdict from outside, with what was seen inside; None when that was not looked at."""
    verdict = resolved(verdict, seen)
    if seen is None or verdict.state not in (UP, DEGRADED, DOWN):
        return replace(verdict, inside=shown(seen))
    found = found_inside(seen)
    cause = cause_of_down(verdict, seen) if verdict.state == DOWN else ""
    outside = [replace(one, why=one.why or cause) if one.bad else one for one in verdict.findings]
    together = replace(verdict, findings=(*outside, *found), inside=shown(seen))
    if verdict.state == DOWN:
        title = f"{TITLES[DOWN]}: {cause}; {rest_of(verdict)}" if cause else verdict.title
        fix = WAIT if isinstance(seen, Inside) and seen.busy else verdict.fix
        return replace(together, cause=cause, title=title, fix=fix)
    worth = [one for one in found if one.level in (WARNING, FAILURE)]
    if verdict.state == UP and worth:
        first = next((one for one in worth if one.level == FAILURE), worth[0])
        title = f"{TITLES[DEGRADED]}: {first.name}: {first.seen}"
        return replace(together, state=DEGRADED, title=title, fix=first.fix, cause=first.why)
    return together


def resolved(verdict: Verdict, seen: Inside | NoWay | None) -> Verdict:
    """A hub that took no connection, from where nothing else could be reached either, is down when the server
    could be entered from there: the network is no excuse."""
    refused = next((one for one in verdict.findings if one.name == CONNECTION and one.level == FAILURE), None)
    if verdict.state != UNKNOWN or refused is None or not isinstance(seen, Inside):
        return verdict
    title = f"{TITLES[DOWN]}: {refused.name}: {refused.seen}"
    return replace(verdict, state=DOWN, title=title, fix=refused.fix)


def rest_of(verdict: Verdict) -> str:
    """The title without the state."""
    return verdict.title.removeprefix(f"{TITLES.get(verdict.state, '')}: ")


def found_inside(seen: Inside | NoWay) -> list[Finding]:
    """The findings of the inside that are not good."""
    if isinstance(seen, NoWay):
        level = UNSEEN if seen.kind == OWN else WARNING
        return [Finding(SSH, level, f"it cannot be seen from inside: {seen.words}", seen.fix, seen.why)]
    asleep = sleeping(seen)
    return [*asleep, *(() if is_old(seen) else seen.findings)]


def is_old(seen: Inside) -> bool:
    """Whether the watchdog's report says nothing about now."""
    return not seen.watchdog or seen.age is None or seen.age > OLD


def sleeping(seen: Inside) -> list[Finding]:
    """The finding of a watchdog that does not look any more. During a deploy it is quiet, and after one, or
    after a start of the server, its first look is still to come."""
    if not seen.watchdog or seen.deploying:
        return []
    if not seen.timer:
        words, why = "the watchdog does not look any more", "its timer is switched off"
        return [Finding(WATCHDOG, WARNING, words, DEPLOY, why)]
    if seen.uptime < JUST_NOW or seen.now - seen.deployed < JUST_NOW or not is_old(seen):
        return []
    since = "there is no report of it" if seen.age is None else f"its last look was {span(seen.age)} ago"
    words = f"the watchdog does not look any more: {since}"
    return [Finding(WATCHDOG, WARNING, words, DEPLOY, "it fails, or hangs")]


def cause_of_down(verdict: Verdict, seen: Inside | NoWay) -> str:
    """Why nobody can log in, in one line; "" when that is not known."""
    if isinstance(seen, NoWay):
        return seen.why if seen.kind in (SILENT, UNREACHABLE, CLOSED) and not reached(verdict) else ""
    if seen.busy:
        since = seen.deploying["since"] if seen.deploying else ""
        return f"a deploy is at work on the server, since {since}" if since else "a deploy is at work"
    bad = {one.name for one in verdict.findings if one.bad}
    failing = {one.name: one for one in seen.findings if one.level == FAILURE and not is_old(seen)}
    for name in FIRST:
        # An old certificate is a cause only where the certificate is what stops people.
        if (one := failing.get(f"{INSIDE}{name}")) and (name != CERTIFICATE or CERTIFICATE in bad):
            return one.why or one.seen
    if not seen.well:
        for name, state in seen.states.items():
            if state and (state != "active" or name == "hub"):
                return f"the {name} {STATES.get(state, f'is {state}')}"
        return "the hub does not answer on the server itself"
    if bad & {NAME, CONNECTION}:
        return "the hub answers on the server itself: the way there is cut, as by a firewall or a DNS record"
    return ""


def reached(verdict: Verdict) -> bool:
    """Whether the server took a connection from outside."""
    return any(one.name == CONNECTION and not one.bad for one in verdict.findings)


def shown(seen: Inside | NoWay | None) -> dict[str, Any] | None:
    """The inside for programs: the watchdog's report, as long as it says something about now."""
    if not isinstance(seen, Inside) or seen.report is None or (is_old(seen) and not seen.deploying):
        return None
    return {**seen.report, "deploying": seen.deploying}


def done(before: Verdict, after: Verdict, healed: list[str]) -> Verdict:
    """The verdict `after` something was done about `before`."""
    if not healed:
        return after
    what = "; ".join(healed)
    if after.state in (UP, DEGRADED):
        why = f" ({before.cause})" if before.cause else ""
        title = f"The hub is up again: it was down{why}, and the check has healed it: {what}"
        if after.state == DEGRADED:
            title = f"{after.title}. It was down{why}, and the check has healed that: {what}"
    else:
        title = f"{after.title}. In vain was done: {what}"
    cause = after.cause if after.state in (DOWN, UNKNOWN) and after.cause else before.cause
    return replace(after, title=title, cause=cause, healed=tuple(healed), was=before.state)
