"""What is thought, and done, about a droplet whose server cannot be reached. Judging is pure."""

from __future__ import annotations

from dataclasses import replace

from .account import ACTIVE, BUSY, GONE, JUST_OFF, NEW, OFF, Droplet
from .judgement import TITLES
from .merging import rest_of
from .model import DOWN, FAILURE, UNSEEN, Finding, Verdict

DROPLET = "droplet"
ON = "run the workflow that deploys: it switches the droplet on; health.power_on lets this check do it"
CYCLE = (
    "in DigitalOcean's control panel, look at the droplet's console and firewall; if it is frozen, "
    "Power, Power cycle: what was not saved is lost, which is why this check never does it"
)
KNOWN = {
    GONE: ("the droplet does not exist any more", "run the workflow that deploys: it makes a new one"),
    OFF: ("the droplet is switched off", ON),
    JUST_OFF: (
        "the droplet was switched off within the last minutes",
        "if no workflow is at work on it, run the workflow that deploys, which switches it on",
    ),
    BUSY: ("DigitalOcean is at work on the droplet", "wait for the end, and look again"),
    NEW: ("the droplet is being made", "wait for the end of the deploy that makes it"),
    ACTIVE: ("the droplet is on, but it is frozen or its network is cut", CYCLE),
}


def judged(verdict: Verdict, droplet: Droplet) -> Verdict:
    """The verdict of a hub that is down and not reached, with what its account says: that is the cause."""
    known = (f"the droplet is {droplet.state}", "see DigitalOcean's control panel")
    cause, fix = KNOWN.get(droplet.state, known)
    found = Finding(DROPLET, FAILURE, f"DigitalOcean says: {cause}", fix)
    findings = tuple(replace(one, why=cause) if one.bad else one for one in verdict.findings)
    title = f"{TITLES[DOWN]}: {cause}; {without(verdict.cause, rest_of(verdict))}"
    return replace(verdict, title=title, fix=fix, cause=cause, findings=(*findings, found))


def without(cause: str, rest: str) -> str:
    """The rest of a title without a cause that was guessed before."""
    return rest.removeprefix(f"{cause}; ") if cause else rest


def unknown(verdict: Verdict, reason: str) -> Verdict:
    """The verdict with the finding that the account did not say."""
    words = f"whether the droplet is on is not known: {reason}"
    return replace(verdict, findings=(*verdict.findings, Finding(DROPLET, UNSEEN, words)))
