"""What an incident's issue says. Pure.

What servers said stays text: no markup, no mention, no reference. The last thing that was told is kept, for
programs, in a comment of HTML at the end of the issue and of each of our comments.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ..github.workflow_commands import cut
from ..health.report import cell
from .deciding import gist
from .model import DEGRADED, DOWN, Check, Finding, Incident
from .words import length

LONGEST_TITLE, LONGEST_TEXT, MOST_ROWS, MOST_CAUSES = 200, 500, 40, 20
LONGEST_BODY = 50_000
"""Characters, without what is for programs; GitHub takes 65,536."""
MARKS = {"good": "✓", "warning": "!", "unseen": "?"}
STATES = {
    DOWN: "The hub is **down**: no student can log in.",
    DEGRADED: "The hub is **degraded**: students can work, but something needs attention.",
}
MARKER = re.compile(r"<!-- coursehub:incident (\{.*?\}) -->")
CLOSES = (
    "This issue closes itself when the hub is up again. Close it by hand, and you hear no more of it, unless "
    "it gets worse."
)
CUT = "\n\n*The rest is left out: the run has all of it.*\n"
TWICE = "This incident is kept in #{number} already."


@dataclass(frozen=True)
class Told:
    """What an issue tells already. `causes` are gists, `acts` what stands for each act that is told, as often
    as it is; `ended` is whether it says that it is over."""

    began: float
    state: str
    causes: tuple[str, ...] = ()
    acts: tuple[str, ...] = ()
    ended: bool = False
    title: str = ""


def text(words: str) -> str:
    """Words of others in Markdown, in one line, that do nothing there: neither `@name` nor `#1` leads to
    anybody or anything, and no address is made a link."""
    words = " ".join(words.split())
    words = words if len(words) <= LONGEST_TEXT else words[: LONGEST_TEXT - 1] + "…"
    # After the escapes, GitHub looks for mentions in what is left: a space of no width keeps it from them.
    quiet = re.sub(r"@(?=\w)|#(?=\d)|\bGH-(?=\d)|:(?=//)|\bwww(?=\.)", lambda m: m[0] + "\u200b", words)
    return cell(quiet).replace("~", "\\~")


def title(incident: Incident) -> str:
    """The issue's title, which is no Markdown."""
    words = " ".join(incident.title.split()).rstrip(".")
    if incident.cause and gist(incident.cause) not in gist(words):
        words = f"{words} ({incident.cause.rstrip('.')})"
    return words if len(words) <= LONGEST_TITLE else words[: LONGEST_TITLE - 1] + "…"


def body(incident: Incident, check: Check, run: str, timezone: str) -> str:
    """The issue as it is opened."""
    said = [STATES[check.state], "", f"**Since:** {clock(incident.began, timezone)}"]
    said += [f"**Found:** {text(check.title)}"] if check.title else []
    said += [f"**Cause:** {text(incident.cause)}"] if incident.cause else []
    said += [f"**What to do:** {text(check.fix)}"] if check.fix else []
    lines = ["  \n".join(said[2:])]
    lines += table(check.findings) + done(incident.done) + where(run)
    told = told_of(incident, check.state)
    return whole([said[0], *lines, CLOSES], told)


def table(findings: Iterable[Finding]) -> list[str]:
    """What was looked at; what is not good first."""
    shown = sorted(findings, key=lambda one: one.level == "good")[:MOST_ROWS]
    if not shown:
        return []
    rows = ["|  | looked at | seen | why | what to do |", "|---|---|---|---|---|"]
    rows += [f"| {MARKS.get(one.level, '✗')} | {' | '.join(map(text, words(one)))} |" for one in shown]
    return ["\n".join(rows)]


def words(finding: Finding) -> tuple[str, ...]:
    return finding.name, finding.seen, finding.why, finding.fix


def done(acts: Iterable[str]) -> list[str]:
    shown = "\n".join(f"- {text(act)}" for act in acts)
    return [f"**What was done**\n\n{shown}"] if shown else []


def where(run: str) -> list[str]:
    return [f"[The run that saw this]({run})"] if run else []


def change(incident: Incident, check: Check, told: Told, run: str) -> str | None:
    """The comment on what has changed since; None when nothing has."""
    said = []
    if check.state in STATES and check.state != told.state:
        said.append(STATES[check.state] + (f" {text(check.title)}." if check.title else ""))
    if incident.cause and gist(incident.cause) not in told.causes:
        said.append(f"**Cause:** {text(incident.cause)}")
    said += done(not_told(incident.done, told.acts))
    if not said:
        return None
    now = told_of(incident, check.state if check.state in STATES else told.state, told)
    return whole([*said, *where(run)], now)


def ending(incident: Incident, told: Told, run: str) -> str:
    """The last comment."""
    said = [f"It is over, after {length((incident.ended or incident.began) - incident.began)}."]
    said += [f"**Cause:** {text(incident.cause)}"] if incident.cause else []
    said += done(incident.done) + where(run)
    return whole(said, told_of(incident, told.state, told, ended=True))


def whole(parts: Iterable[str], told: Told) -> str:
    return cut("\n\n".join(parts), LONGEST_BODY, 4 * LONGEST_BODY, CUT) + "\n\n" + marker(told)


def told_of(incident: Incident, state: str, before: Told | None = None, *, ended: bool = False) -> Told:
    """What is told when all of an incident is."""
    causes = dict.fromkeys(
        (*(before.causes if before else ()), *([gist(incident.cause)] if incident.cause else []))
    )
    kept = tuple(causes)[-MOST_CAUSES:]
    acts = Counter(map(sign, incident.done)) | Counter(before.acts if before else ())
    told = tuple(acts.elements())
    return Told(incident.began, state, kept, told, ended, incident.title[:LONGEST_TITLE])


def not_told(acts: Iterable[str], told: Iterable[str]) -> list[str]:
    """The acts that are not told yet; the same one may be done twice, and is told twice then."""
    left, new = Counter(told), []
    for act in acts:
        if left[sign(act)] > 0:
            left[sign(act)] -= 1
        else:
            new.append(act)
    return new


def sign(act: str) -> str:
    """What stands for an act, without being long."""
    return hashlib.sha256(act.encode("utf-8", "replace")).hexdigest()[:8]


def marker(told: Told) -> str:
    """Not seen by readers. No letter of it can end the comment."""
    value = json.dumps(vars(told)).replace("<", "\\u003c").replace(">", "\\u003e").replace("--", "-\\u002d")
    return f"<!-- coursehub:incident {value} -->"


def read(written: str | None) -> Told | None:
    """What a text of ours tells; None for one without a word for programs."""
    found = MARKER.findall(written or "")
    try:
        value: Any = json.loads(found[-1]) if found else None
        causes = tuple(str(cause) for cause in value["causes"])
        began, acts = float(value["began"]), tuple(str(act) for act in value["acts"])
        ended, known_as = bool(value["ended"]), str(value["title"])
        return Told(began, str(value["state"]), causes, acts, ended, known_as)
    except (ValueError, KeyError, TypeError):
        return None


def clock(at: float, timezone: str) -> str:
    """A time on the clock of the course."""
    moment = datetime.fromtimestamp(at, UTC)
    try:
        return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M} ({timezone})"
    except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
        return f"{moment:%Y-%m-%d %H:%M} (UTC)"


def timezone_of(health: Mapping[str, Any]) -> str:
    found = health.get("timezone")
    return found if isinstance(found, str) and found else "UTC"
