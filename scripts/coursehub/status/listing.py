"""Incidents, deploys and findings as lists of the page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from . import words
from .model import DEGRADED, DOWN, MAINTENANCE, UNKNOWN, UP, Finding, Incident, View

INCIDENTS, INCIDENT_BYTES, ACTS = 20, 32_000, 8
DEPLOYS = 10
FINDING_BYTES = 16_000
MARKS = {"good": UP, "warning": DEGRADED, "failure": DOWN, "unseen": UNKNOWN}
"""A finding's level as the state whose sign and colour it has."""
LEVELS = {"good": "good", "warning": "warning", "failure": "wrong", "unseen": "not seen"}
WORDS = {DOWN: "down", DEGRADED: "degraded", MAINTENANCE: "maintenance", UNKNOWN: "unknown", UP: "up"}


def time(at: float, now: float) -> str:
    """A moment that the page's script shows in the reader's own time."""
    return f'<time datetime="{words.machine_time(at)}">{words.moment(at, now)}</time>'


def sign(state: str, spoken: str = "") -> str:
    """The sign of a state; `spoken` for those who do not see it, where no word beside it says the same."""
    name = f'role="img" aria-label="{escape(spoken)}"' if spoken else 'aria-hidden="true"'
    return f'<svg class="sign {state}" viewBox="0 0 24 24" {name}><use href="#sign-{state}"/></svg>'


def link(address: str, text: str) -> str:
    address = words.web_address(address)
    return f'<a href="{escape(address)}" rel="noopener noreferrer">{text}</a>' if address else text


def canary(view: View) -> str:
    """What a student's way in came to when it was last tried: with this check, or with the one that
    `details` remembers; "" when it was not."""
    tried = view.check.canary or view.details.get("canary")
    if not isinstance(tried, Mapping) or not isinstance(tried.get("ok"), bool):
        return ""
    at, seconds, steps = tried.get("at"), tried.get("seconds"), tried.get("steps")
    named = [one for one in steps if isinstance(one, Mapping)] if isinstance(steps, list | tuple) else []
    took = [
        f"{words.plain(one.get('name', ''), 40)} {words.answer_time(one['seconds'])}"
        for one in named[:12]
        if words.is_number(one.get("seconds"))
    ]
    more = f" in {words.answer_time(seconds)}" if words.is_number(seconds) else ""
    when = f", {time(at, view.now)}" if words.is_number(at) else ""
    said = escape(words.plain(tried.get("words") or ("it works" if tried["ok"] else "it failed")))
    below = f'<p class="quiet" dir="auto">{escape(", ".join(took))}</p>' if took else ""
    mark = sign(UP, "good") if tried["ok"] else sign(DOWN, "wrong")
    return (
        f'<ul class="findings"><li>{mark}<div><p dir="auto"><b>a student\'s way to a running cell</b>: '
        f"{said}{more}{when}</p>{below}</div></li></ul>"
    )


def incidents(view: View) -> str:
    """The newest, with what was found and done; older ones are in the repository's issues."""
    if not view.incidents:
        return '<p class="quiet">None was recorded.</p>'
    items = limited((incident(one, view) for one in view.incidents[:INCIDENTS]), INCIDENT_BYTES)
    left = len(view.incidents) - len(items)
    issues = words.home(view.repository)
    more = f"{left} older {'one is' if left == 1 else 'ones are'} not shown"
    more = link(f"{issues}/issues?q=is%3Aissue", more) if issues else more
    return "".join(items) + (f'<p class="quiet">{more}.</p>' if left else "")


def incident(one: Incident, view: View) -> str:
    state = one.state if one.state in WORDS else UNKNOWN
    said = [
        f'<article class="incident"><h3>{sign(state)}<span dir="auto">{escape(words.plain(one.title, 160))}'
        f'</span></h3><p class="quiet">{lasting(one, view.now)}</p>'
    ]
    rows = []
    if one.cause:
        rows.append(("Cause", f'<p dir="auto">{escape(words.sentence(one.cause))}</p>'))
    if one.done:
        acts = "".join(f'<li dir="auto">{escape(words.sentence(act, 200))}</li>' for act in one.done[:ACTS])
        left = len(one.done) - ACTS
        acts += f"<li>and {left} more.</li>" if left > 0 else ""
        rows.append(("Done", f"<ol>{acts}</ol>"))
    if rows:
        said.append(f"<dl>{''.join(f'<dt>{name}</dt><dd>{value}</dd>' for name, value in rows)}</dl>")
    if one.issue and (home := words.home(view.repository)):
        said.append(
            f'<p class="more">{link(f"{home}/issues/{int(one.issue)}", f"Issue {int(one.issue)}")}</p>'
        )
    return "".join(said) + "</article>"


def lasting(one: Incident, now: float) -> str:
    """In which state it was, from when to when, and for how long."""
    state = WORDS.get(one.state, UNKNOWN)
    if one.ended is None:
        return f"<b>Not over</b>: {state} since {time(one.began, now)}, for {words.length(now - one.began)}"
    lasted = words.length(one.ended - one.began)
    return f"{state} for <b>{lasted}</b>, from {time(one.began, now)} to {time(one.ended, now)}"


def deploys(view: View) -> str:
    known = sorted(
        (one for one in view.deploys if words.is_number(one.get("at"))),
        key=lambda one: one["at"],
        reverse=True,
    )
    if not known:
        return '<p class="quiet">None was recorded.</p>'
    return f'<ul class="deploys">{"".join(deploy(one, view) for one in known[:DEPLOYS])}</ul>'


def deploy(one: Mapping[str, Any], view: View) -> str:
    said = [time(one["at"], view.now)]
    home, commit = words.home(view.repository), words.short(one.get("commit"))
    if commit:
        code = f"<code>{commit}</code>"
        said.append(link(f"{home}/commit/{one['commit']}", code) if home else code)
    run = str(one.get("run") or "")
    if run.isdigit() and home:
        run = f"{home}/actions/runs/{run}"
    if words.web_address(run):
        said.append(link(run, "the run"))
    return f"<li>{' '.join(f'<span>{part}</span>' for part in said)}</li>"


def findings(found: Iterable[Finding]) -> str:
    """A list of what was looked at; "" for nothing."""
    found = list(found)
    items = limited((finding(one) for one in found), FINDING_BYTES)
    left = len(found) - len(items)
    if left:
        items.append(f"<li>and {left} more, which the summary of the run has.</li>")
    return f'<ul class="findings">{"".join(items)}</ul>' if items else ""


def limited(items: Iterable[str], most: int) -> list[str]:
    """The first of them, that together are at most so many bytes."""
    taken: list[str] = []
    for one in items:
        most -= len(one.encode())
        if most < 0:
            break
        taken.append(one)
    return taken


def finding(one: Finding) -> str:
    level = one.level if one.level in MARKS else "failure"
    more = [words.sentence(one.why), f"What to do: {words.plain(one.fix)}" if one.fix else ""]
    below = "".join(
        f'<p class="quiet" dir="auto">{escape(words.sentence(line, 400))}</p>' for line in more if line
    )
    return (
        f'<li>{sign(MARKS[level], LEVELS[level])}<div><p dir="auto">'
        f"<b>{escape(words.plain(one.name, 60))}</b>: {escape(words.plain(one.seen))}</p>{below}</div></li>"
    )
