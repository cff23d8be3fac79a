"""Whether the canary flies in a check, and what it comes to then."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..problems import Failure
from .bounded import within
from .canary import Order, run
from .canary_judgement import is_due, is_to_be_verified, judged
from .look import certificate
from .model import DEGRADED, UP, Certificate, Hub, Limits, Verdict, hub_from

AUTO, ALWAYS, NEVER, ONLY = "auto", "always", "never", "only"
"""When it is due; in each check; in none; and alone, without a look, as after a deploy."""
MODES = (AUTO, ALWAYS, NEVER, ONLY)
FILE = "history/canary.json"
"""On the branch `coursehub`: the last one that was tried, {"at", "ok", "seconds", "words"}. Who publishes a
check writes it."""
PATIENCE = 20.0
Last = Callable[[Mapping[str, str]], Mapping[str, Any] | None]


def last_flight(environ: Mapping[str, str]) -> Mapping[str, Any] | None:
    """The last one that was tried; None when none was. Raises Failure and OSError."""
    from ..github import branch  # only where there is a repository
    from ..github.rest import Repository

    text = within(PATIENCE, lambda: branch.read(Repository.from_environment(environ), FILE))
    try:
        value = json.loads(text or "null")
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def with_canary(
    verdict: Verdict,
    mode: str,
    order: Order | str,
    environ: Mapping[str, str],
    deployed: Mapping[str, Any],
    last_one: Last = last_flight,
) -> Verdict:
    """The verdict with what the canary came to, if it is to fly: only where people can log in, and by itself
    only where it is known when the last one was. `order` runs a command on the server, or says why none can
    be run; `deployed` is what the last deploy recorded."""
    if mode == NEVER or verdict.state not in (UP, DEGRADED) or verdict.url is None:
        return verdict
    last = None
    if environ.get("GITHUB_TOKEN"):
        try:
            last = last_one(environ)
        except (Failure, OSError):
            if mode == AUTO:
                return verdict
    elif mode == AUTO:
        return verdict
    if mode == AUTO and not (callable(order) and is_due(last, deployed.get("deployed"), time.time())):
        return verdict
    hub = hub_from(verdict.url, "the hub's own address")
    return judged(verdict, flown(hub, order, verified=is_to_be_verified(verdict)), last)


def alone(hub: Hub, order: Order | str) -> Verdict:
    """What the canary comes to without a look at the hub before."""
    verified = not hub.encrypted or is_trusted(hub)
    verdict = Verdict(UP, hub.url, "A student can work on the hub")
    done = judged(verdict, flown(hub, order, verified=verified), None)
    if done.state == UP and not done.facts["canary"]:
        return Verdict(
            UP, hub.url, f"Whether a student can work was {done.findings[-1].seen}", facts=done.facts
        )
    return done


def is_trusted(hub: Hub) -> bool:
    """Whether the hub's certificate is one that browsers trust. What cannot be seen is taken for one: the
    canary then tells what is wrong."""
    limits = Limits()
    try:
        shown = within(2 * limits.connect, lambda: certificate(hub, limits.connect))
    except (OSError, ValueError):
        return True
    return not isinstance(shown, Certificate) or shown.mistrust is None


def flown(hub: Hub, order: Order | str, *, verified: bool) -> dict[str, Any]:
    """What coursehub.health.canary.run says."""
    if callable(order):
        return run(hub, order, verified=verified)
    about = {"at": time.time(), "ok": None, "seconds": 0.0, "words": order}
    return {**about, "steps": [], "stops": False}


def failed(verdict: Verdict) -> bool:
    """Whether a canary has flown, and did not get through."""
    told = verdict.facts.get("canary")
    return isinstance(told, Mapping) and told.get("ok") is False
