"""What would be done: the watchdog's next act, and a deploy's plan, each in one line. Pure."""

from __future__ import annotations

from typing import Any

from ..model import Json
from ..problems import Failure
from .model import FAILURE, GOOD, UNSEEN, Finding, Section

ACTS = {
    "mount_homes": "mount the volume with the homes",
    "free_caches": "empty the caches",
    "restart_proxy": "restart the proxy",
    "restart_hub": "restart the hub",
    "take_back": "put the configuration back that the hub was last seen healthy with",
    "end_server": "end the server that has too many processes",
    "restart_clock": "set the clock by the network again",
}


def section(seen: Json | None, outcome: Any, why: str) -> Section:
    found, texts = [watchdogs(seen)], {}
    if outcome is None:
        found.append(Finding("a deploy", UNSEEN, why))
    elif isinstance(outcome, Failure):
        found.append(Finding("a deploy", FAILURE, f"it cannot be planned: {outcome.message}", outcome.fix))
    elif outcome.error:
        found.append(
            Finding("a deploy", FAILURE, f"it would fail: {outcome.error.message}", outcome.error.fix)
        )
    else:
        titles = [step.title for step in outcome.planned]
        words = f"would do: {'; '.join(titles)}" if titles else "would change nothing"
        held = f"; held back: {'; '.join(step.title for step in outcome.held)}" if outcome.held else ""
        found.append(Finding("a deploy", GOOD, words + held))
        texts["plan"] = "\n".join(
            line for step in outcome.planned for line in (step.title, *(f"  {one}" for one in step.details))
        )
    return Section("intent", "What would be done", tuple(found), (), texts)


def watchdogs(seen: Json | None) -> Finding:
    """What the watchdog would do, if it looked now; whether it runs is the server's own matter."""
    about = (seen or {}).get("watchdog") or {"unseen": "the server cannot be looked at"}
    if "unseen" in about:
        return Finding("the watchdog", UNSEEN, f"not known: {about['unseen']}")
    if about["busy"]:
        who = about["busy"].get("who", "a deploy")
        return Finding("the watchdog", GOOD, f"is quiet as long as {who} works on the server")
    act = about["act"]
    if act is None:
        return Finding("the watchdog", GOOD, "would do nothing")
    words = ACTS.get(act["name"], act["name"])
    return Finding("the watchdog", GOOD, f"would {words} (for: {act['finding']}), if it is switched on")
