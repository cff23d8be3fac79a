"""What is thought of what was seen. Pure: nothing here looks at anything."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ..log_in_page import is_log_in_page
from .model import (
    DEGRADED,
    DOWN,
    FAILURE,
    GOOD,
    UNKNOWN,
    UNSEEN,
    UP,
    WARNING,
    Answer,
    Certificate,
    Finding,
    Hub,
    Limits,
    Round,
    Trouble,
    Verdict,
)
from .words import plain_text

DAY = 86400.0
LEAST_DAYS = 10.0
SHORT_DAYS, LEAST_PART = 14.0, 1 / 8
"""As a deploy judges a certificate (coursehub.tls): one for a few days is renewed shortly before its end."""
NAME, CONNECTION, CERTIFICATE, PLAIN, HUB, LOGIN, CLOCK, TIME = (
    "name", "connection", "certificate", "way from http", "hub", "log-in page", "clock", "response time"
)  # fmt: skip
ORDER = (NAME, CONNECTION, CERTIFICATE, PLAIN, HUB, LOGIN, CLOCK, TIME)
WRONG_TIME = 120.0
"""Seconds. Log-ins at a provider and certificates allow for a minute or two, not for more."""

RECORD = "look at https.domain in course.yml and at the domain's DNS record: Documentation/Https.md"
POWER = (
    "see in DigitalOcean's control panel whether the droplet is on; running the workflow that deploys "
    "switches it on and opens its firewall"
)
PROXY = (
    "run the workflow that deploys; if that does not help, `journalctl -u traefik` on the droplet says why"
)
RESTART = "run the workflow that deploys: it restarts a hub that is down, and its log says what was wrong"
RENEWAL = "run the workflow that deploys; Documentation/Https.md says what each reason means"
TIME_SERVERS = (
    "log-ins and certificates fail when it is wrong: on the server, `timedatectl` says why it is not set"
)
LOAD = (
    "if a class is at work, the droplet may be too small for it: choose a larger droplet.size, or a timetable"
)


def findings(hub: Hub, seen: Round, now: float) -> list[Finding]:
    """What one look came to; `now` in seconds since the epoch. What was not looked at is not judged."""
    found = [named(hub, seen.name), connected(hub, seen.connection), certified(hub, seen.certificate, now)]
    found += [redirected(seen.plain), hub_itself(hub, seen.api), log_in_page(hub, seen.login)]
    found += [clock(seen.api)]
    return led_astray(hub, seen, [one for one in found if one is not None])


def led_astray(hub: Hub, seen: Round, found: list[Finding]) -> list[Finding]:
    """Of a hub that is not there as it should be: whether its name leads to another server than its own.
    Where all is well, what lies between, such as a proxy of the school's, is the school's own business."""
    if hub.server is None or not isinstance(seen.name, tuple) or hub.server in seen.name:
        return found
    if not any(one.bad for one in found):
        return found
    words = f"{hub.host} leads to {', '.join(seen.name)}, and the hub's server is {hub.server}"
    return [Finding(NAME, FAILURE, plain_text(words), RECORD), *(one for one in found if one.name != NAME)]


def named(hub: Hub, seen: tuple[str, ...] | Trouble | None) -> Finding | None:
    if isinstance(seen, Trouble):
        return Finding(NAME, FAILURE, plain_text(f"{hub.host} leads nowhere: {seen.words}"), RECORD)
    return seen and Finding(NAME, GOOD, plain_text(f"{hub.host} leads to {', '.join(seen)}"))


def connected(hub: Hub, seen: bool | Trouble | None) -> Finding | None:
    if isinstance(seen, Trouble):
        level = UNSEEN if seen.own else FAILURE
        words = f"{hub.host} does not take connections at port {hub.port}: {seen.words}"
        return Finding(CONNECTION, level, plain_text(words), POWER)
    return Finding(CONNECTION, GOOD, f"port {hub.port} is open") if seen else None


def certified(hub: Hub, seen: Certificate | Trouble | None, now: float) -> Finding | None:
    if seen is None:
        return None
    if isinstance(seen, Trouble):
        return Finding(CERTIFICATE, FAILURE, plain_text(f"no encrypted connection: {seen.words}"), PROXY)
    if seen.placeholder:
        words = "the server has no certificate yet and answers with its placeholder, TRAEFIK DEFAULT CERT"
        return Finding(CERTIFICATE, FAILURE, words, RENEWAL)
    if seen.test_service:
        fix = "run the workflow that deploys, with https.staging: false in course.yml"
        words = "the certificate is from a test service, which browsers do not trust"
        return Finding(CERTIFICATE, FAILURE, words, fix)
    if seen.mistrust is not None:
        words = plain_text(f"browsers do not trust the certificate: {seen.mistrust}")
        return Finding(CERTIFICATE, FAILURE, words, RENEWAL)
    left, life = (seen.end - now) / DAY, (seen.end - seen.start) / DAY
    words = plain_text(f"by {seen.issuer}, for {left:.0f} more days")
    least = LEAST_DAYS if life > SHORT_DAYS else life * LEAST_PART
    if left < least:
        return Finding(CERTIFICATE, WARNING, f"{words}, and is not renewed", RENEWAL)
    return Finding(CERTIFICATE, GOOD, words)


def redirected(seen: Answer | Trouble | None) -> Finding | None:
    """Whether who comes without encryption is led to it. Who does not still has the address that works."""
    if seen is None:
        return None
    if isinstance(seen, Trouble):
        words = f"who comes by http gets no answer: {seen.words}"
        return Finding(PLAIN, WARNING, plain_text(words), POWER)
    if leads_to_https(seen):
        return Finding(PLAIN, GOOD, "leads to https")
    words = f"who comes by http is not led to https: status {seen.status}"
    return Finding(PLAIN, WARNING, words, PROXY)


def leads_to_https(answer: Answer) -> bool:
    return 300 <= answer.status < 400 and scheme_of(answer.location) == "https"


def scheme_of(location: str) -> str | None:
    """The scheme of an address that a server gave."""
    try:
        return urlsplit(location).scheme
    except ValueError:
        return None


def hub_itself(hub: Hub, seen: Answer | Trouble | None) -> Finding | None:
    """Whether JupyterHub answers, and not just something at its port."""
    if seen is None:
        return None
    if isinstance(seen, Trouble):
        return Finding(HUB, FAILURE, plain_text(f"{hub.url}/hub/api/: {seen.words}"), RESTART)
    version = version_in(seen.body) if seen.status == 200 else None
    if version is None:
        words = f"{hub.url}/hub/api/ does not answer as JupyterHub does (status {seen.status})"
        return Finding(HUB, FAILURE, plain_text(words), RESTART)
    return Finding(HUB, GOOD, plain_text(f"JupyterHub {version}"))


def version_in(body: str) -> str | None:
    """The version that JupyterHub's API says; None for what is not its answer."""
    try:
        value: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    version = value.get("version") if isinstance(value, dict) else None
    return version if isinstance(version, str) and version else None


def log_in_page(hub: Hub, seen: Answer | Trouble | None) -> Finding | None:
    if seen is None:
        return None
    if isinstance(seen, Trouble):
        return Finding(LOGIN, FAILURE, plain_text(f"{hub.url}/hub/login: {seen.words}"), RESTART)
    if seen.status == 200 and is_log_in_page(seen.body):
        return Finding(LOGIN, GOOD, "it has its form")
    what = "no form" if seen.status == 200 else f"status {seen.status}"
    return Finding(LOGIN, FAILURE, plain_text(f"{hub.url}/hub/login answers with {what}"), RESTART)


def clock(seen: Answer | Trouble | None) -> Finding | None:
    """Whether the server's clock is right, where that can be told and it is not."""
    if not isinstance(seen, Answer) or seen.ahead is None or abs(seen.ahead) < WRONG_TIME:
        return None
    words = f"the server's clock is {span(abs(seen.ahead))} {'ahead' if seen.ahead > 0 else 'behind'}"
    return Finding(CLOCK, WARNING, words, TIME_SERVERS)


def span(seconds: float) -> str:
    """A length of time in its largest unit."""
    for unit, length in (("day", DAY), ("hour", 3600.0), ("minute", 60.0)):
        if seconds >= length:
            number = round(seconds / length)
            return f"{number} {unit}" + ("" if number == 1 else "s")
    return f"{seconds:.0f} seconds"


def median_time(rounds: Sequence[Round]) -> float | None:
    """Seconds that the log-in page took, as a student has it; None when it never came."""
    times = [one.login.seconds for one in rounds if isinstance(one.login, Answer) and one.login.status == 200]
    return statistics.median(times) if times else None


def timed(seconds: float | None, slow: float) -> list[Finding]:
    if seconds is None:
        return []
    words = f"{seconds:.2f} s"
    if seconds > slow:
        return [Finding(TIME, WARNING, f"{words}: it is slow", LOAD)]
    return [Finding(TIME, GOOD, words)]


def confirmed(tries: Sequence[Sequence[Finding]]) -> list[Finding]:
    """One finding for each thing. What is bad counts as such only when no try found everything well: a hub
    that answers now and then has, at half of the tries, a warning."""
    is_down = all(any(finding.bad for finding in found) for found in tries)
    result = []
    for name in ORDER:
        found = [finding for one in tries for finding in one if finding.name == name]
        bad = [finding for finding in found if finding.bad]
        count = f"{len(bad)} of {len(tries)} tries"
        if not bad:
            result += found[-1:]
        elif is_down:
            result.append(replace(bad[-1], seen=f"{bad[-1].seen} ({count})"))
        elif 2 * len(bad) >= len(tries):
            result.append(replace(bad[-1], level=WARNING, seen=f"{bad[-1].seen} ({count})"))
        else:
            good = next(finding for finding in reversed(found) if not finding.bad)
            result.append(replace(good, seen=f"{good.seen}; but in {count}: {bad[-1].seen}"))
    return result


def state_of(found: Sequence[Finding], *, reached: bool, network: bool) -> str:
    """Up, degraded, down or unknown. `reached` is whether the hub ever took a connection, `network` whether
    anything else could be reached: what nobody can see from here is neither up nor down."""
    bad = [finding for finding in found if finding.bad]
    if bad and not reached and (not network or all(finding.level == UNSEEN for finding in bad)):
        return UNKNOWN
    if bad:
        return DOWN
    if not {HUB, LOGIN} <= {finding.name for finding in found}:
        return UNKNOWN
    return DEGRADED if any(finding.level == WARNING for finding in found) else UP


TITLES = {UP: "The hub is up", DEGRADED: "The hub is degraded", DOWN: "The hub is down"}
NO_NETWORK = "Whether the hub is up is unknown: this runner reaches nothing else either"
NO_ANSWER = "Whether the hub is up is unknown: this runner has no way to its address"
AGAIN = "Look again later, or open the hub's address in a browser."


def verdict(
    hub: Hub, rounds: Sequence[Round], unfinished: Round | None, limits: Limits, network: bool, now: float
) -> Verdict:
    """What a run came to. `unfinished` is the look that was under way when the time was over, if no other
    was finished."""
    tries = [findings(hub, seen, now) for seen in rounds]
    if not tries and unfinished is not None:
        begun = findings(hub, unfinished, now)
        late = Finding(LOGIN, FAILURE, f"nothing was known after {limits.whole:g} s", RESTART)
        tries = [[*(one for one in begun if one.name != LOGIN), late]]
        rounds = [unfinished]
    seconds = median_time(rounds)
    found = [*confirmed(tries), *timed(seconds, limits.slow)]
    state = state_of(found, reached=any(one.reached for one in rounds), network=network)
    if state == UNKNOWN:
        title = NO_ANSWER if network else NO_NETWORK
        return Verdict(state, hub.url, title, AGAIN, tuple(found), seconds, days_left(rounds, now))
    level = {UP: (), DEGRADED: (WARNING,), DOWN: (FAILURE, UNSEEN)}[state]
    first = next((one for one in found if one.level in level), None)
    title = f"{TITLES[state]}: {first.name}: {first.seen}" if first else TITLES[state]
    fix = first.fix if first else ""
    return Verdict(state, hub.url, title, fix, tuple(found), seconds, days_left(rounds, now))


def days_left(rounds: Sequence[Round], now: float) -> float | None:
    """Of the time of a certificate that is trusted; None without such a one."""
    shown = [one.certificate for one in rounds if isinstance(one.certificate, Certificate)]
    known = [one for one in shown if one.mistrust is None and one.end]
    return (known[-1].end - now) / DAY if known else None
