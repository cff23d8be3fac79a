"""The examination: looks everywhere, each look bounded, none of them the end of the others."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from .. import pipeline
from ..cloud.errors import understood
from ..cloud.observe import observe
from ..cloud.plan import plan
from ..cloud.wanted import wanted_from
from ..health.bounded import within
from ..health.command import controls
from ..health.looking import Looking
from ..health.model import Limits, hub_from
from ..model import Json, Silent
from ..parts import watchdog
from ..problems import CoursehubError, Failure
from ..targets.droplet import CloudDroplet
from ..targets.server import hub_url
from . import account, inside, intent
from .given import Given
from .model import FAILURE, GOOD, UNSEEN, Finding, Section

ACCOUNT, NAME, INSIDE, PLAN = 60.0, 10.0, 180.0, 240.0
"""Seconds for each look."""
AGAIN = "run this again; if it stays so, report it with the bundle"


def examine(given: Given, say: Callable[[str], None]) -> tuple[list[Section], Json | None]:
    """(sections, what the server said of itself); `say` is told what is looked at."""
    say("Looking at what the course's server stands on")
    ground, address = grounds(given)
    say("Looking from outside")
    outside = from_outside(given, address)
    say("Looking from inside")
    within_it, seen = from_inside(given, address)
    say("Looking at what a deploy would do")
    would = intent.section(seen, *planned(given, seen))
    return [given.section, ground, outside, within_it, would], seen


def bounded(seconds: float, do: Callable[[], Any]) -> Any:
    """What `do` returns, or the Failure of whatever went wrong."""
    try:
        return within(seconds, do)
    except Failure as failure:
        return failure
    except CoursehubError as error:
        return Failure(str(error))
    except TimeoutError as error:
        return Failure(str(error), "run this again later")
    except Exception as error:
        return Failure(f"{type(error).__name__}: {error}", AGAIN)


def grounds(given: Given) -> tuple[Section, str | None]:
    """What the server stands on, and its address where that is known."""
    title, target, course = "The account", given.target, given.course
    if target is None:
        words = "not looked at: it is not known which server it is"
        return Section("account", title, (Finding("server", UNSEEN, words),)), None
    if not isinstance(target, CloudDroplet):
        found = [Finding("server", GOOD, "one that exists already, without an account to look at")]
        return Section("account", title, (*found, *named(given, target.address))), target.address
    if course is None:
        there = bounded(ACCOUNT, target.find)
        if isinstance(there, Failure):
            return Section("account", title, (refused(there),)), None
        found = Finding("droplet", GOOD, "it is on")
        return Section("account", title, (found,)), target.address
    seen = bounded(ACCOUNT, lambda: looked(given))
    if isinstance(seen, Failure):
        return Section("account", title, (refused(seen),)), None
    wanted, account_seen, steps = seen
    found = account.findings(wanted, account_seen, steps)
    is_on = account_seen.droplet is not None and account_seen.droplet.status == "active"
    if is_on:
        target.droplet, target.present_address = account_seen.droplet, account_seen.address
        found += named(given, account_seen.address)
    return Section("account", title, tuple(found)), account_seen.address


def looked(given: Given) -> tuple[Any, Any, Any]:
    """What is wanted of the account, what there is, and what a deploy would do about it."""
    wanted = wanted_from(given.course, given.secrets, datetime.now(UTC))
    with understood():
        seen = observe(given.target.account, wanted)
    try:
        return wanted, seen, plan(wanted, seen)
    except CoursehubError:  # what cannot be planned says so where the plan is told
        return wanted, seen, []


def refused(failure: Failure) -> Finding:
    """A look at the account that failed; a droplet that is missing or off is told shortly."""
    if failure.message.startswith(("the course has no droplet", "the droplet is ")):
        return Finding("droplet", FAILURE, failure.message.removeprefix("the droplet is "), account.ON)
    return Finding("API", FAILURE, failure.message, failure.fix)


def named(given: Given, address: str | None) -> list[Finding]:
    """Whether the hub's name leads to its server."""
    domain = given.course.https.domain if given.course else None
    if not domain or not address:
        return []
    found, wanted = (bounded(NAME, lambda it=it: addresses(it)) for it in (domain, address))
    if isinstance(found, Failure) or isinstance(wanted, Failure):
        fix = "look at https.domain in course.yml and at the domain's DNS record: Documentation/Https.md"
        return [Finding("name", FAILURE, f"{domain} leads nowhere: {getattr(found, 'message', '')}", fix)]
    return [account.leading(domain, found, next(iter(sorted(found & wanted)), min(wanted)))]


def addresses(name: str) -> set[str]:
    return {str(one[4][0]) for one in socket.getaddrinfo(name, 443, type=socket.SOCK_STREAM)}


def from_outside(given: Given, address: str | None) -> Section:
    """The check of the hub's health, where it is known where to look."""
    title, url = "From outside", os.environ.get("HUB_URL", "").strip()
    if not url and address:
        url = hub_url(given.course, address) if given.course else f"http://{address}"
    if not url and given.course is not None and given.course.https.domain:
        url = f"https://{given.course.https.domain}"
    if not url:
        words = "not looked at: it is not known where the hub is"
        return Section("outside", title, (Finding("address", UNSEEN, words),))
    verdict = bounded(
        90.0, lambda: Looking(hub_from(url, "the hub's address"), Limits(), controls(os.environ)).run()
    )
    if isinstance(verdict, Failure):
        return Section("outside", title, (Finding("address", UNSEEN, verdict.message, verdict.fix),))
    found = tuple(Finding(one.name, one.level, one.seen, one.fix) for one in verdict.findings)
    return Section("outside", f"{title}, at {verdict.url or url}", found, (verdict.title,))


def from_inside(given: Given, address: str | None) -> tuple[Section, Json | None]:
    """What the server says of itself over SSH."""
    if given.target is None or address is None or given.target.address is None:
        return inside.not_looked("not looked at: there is no server to connect to"), None
    seen = bounded(INSIDE, lambda: asked(given.target))
    if isinstance(seen, Failure):
        return inside.unreached(seen.message, seen.fix), None
    section = inside.section(seen)
    findings = (inside.reached(), *section.findings)
    return Section(section.key, section.title, findings, section.lines, section.texts), seen


def asked(target: Any) -> Json:
    with target.open() as session:
        return session.call("doctor.look", {"files": watchdog.program()}, timeout=150)


def planned(given: Given, seen: Json | None) -> tuple[Any, str]:
    """(outcome or Failure or None, why there is none)."""
    if given.target is None or given.course is None:
        return None, "not planned: the mistakes above come first"
    if seen is None and not isinstance(given.target, CloudDroplet):
        return None, "not planned: the server cannot be looked at"
    if seen is None and given.target.address is not None:
        return None, "not planned: the droplet cannot be looked at"
    report = Silent()
    return bounded(PLAN, lambda: pipeline.deploy(given.course, given.secrets, report, apply=False)), ""
