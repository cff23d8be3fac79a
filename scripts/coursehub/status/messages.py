"""What is said when an incident begins, gets worse, goes on for another day, or ends. Pure.

A message has one form for each kind of receiver:

- Slack, an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks and
  https://docs.slack.dev/messaging/formatting-message-text for what has to be escaped.
- Discord: https://docs.discord.com/developers/resources/webhook#execute-webhook.
- Teams, a workflow "When a Teams webhook request is received", or a connector: an Adaptive Card, see
  https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using.
- Matrix: https://spec.matrix.org/latest/client-server-api/#put_matrixclientv3roomsroomidsendeventtypetxnid.
- mail, and plain JSON, whose fields Documentation/HealthChecks.md explains.

What a server said can do nothing in any of them: it is no markup, and calls nobody.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any

from .deciding import ENDED, OPENED, WORSE
from .incident_text import clock, timezone_of
from .model import DOWN, Check, Incident
from .notify_targets import DISCORD, JSON, MATRIX, SLACK, TEAMS, Target
from .words import length

LASTS = "lasts"
COLOURS = {True: 0x1A7F37, False: 0xCF222E}
LONGEST, LONGEST_TITLE = 1500, 150
"""Characters. Slack takes 3,000 in a section, Discord 4,096 and 256 in a title."""


@dataclass(frozen=True)
class Message:
    """`event` is opened, worse, lasts or ended; `lines` are (label, text); `links` (label, address)."""

    event: str
    title: str
    lines: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    course: str
    at: float
    incident: Incident
    fix: str
    hub: str

    @property
    def good(self) -> bool:
        return self.event == ENDED

    @property
    def number(self) -> str:
        """Always the same for the same message, so that a receiver that counts takes it once."""
        day = int((self.at - self.incident.began) // 86400) if self.event == LASTS else 0
        told = f"{self.course} {self.incident.began} {self.event} {day}"
        return hashlib.sha256(told.encode()).hexdigest()[:32]


def message(
    event: str,
    incident: Incident,
    check: Check,
    health: Mapping[str, Any],
    page: str,
    run: str,
) -> Message:
    """`page` is the repository's page."""
    timezone = timezone_of(health)
    name = one_line(str(health.get("name") or "The course"))
    kind = "down" if incident.state == DOWN else "degraded"
    lasted = length((incident.ended or check.at) - incident.began)
    headlines = {
        OPENED: f"{name}: the hub is {kind}",
        WORSE: f"{name}: the hub is down now",
        LASTS: f"{name}: the hub is {kind}, for {lasted} now",
        ENDED: f"{name}: it is over, after {lasted}",
    }
    lines = [] if event == ENDED else [("Found", one_line(incident.title))]
    lines += [("Since", clock(incident.began, timezone))]
    lines += [("Cause", one_line(incident.cause))] if incident.cause else []
    lines += [("What to do", one_line(check.fix))] if check.fix and event != ENDED else []
    lines += [("Done", one_line("; ".join(incident.done)))] if incident.done else []
    links = [("Issue", f"{page}/issues/{incident.issue}")] if incident.issue else []
    links += [("Run", run)] if run else []
    fix = "" if event == ENDED else one_line(check.fix)
    return Message(
        *(event, headlines[event], tuple(lines), tuple(links), name, check.at, incident, fix, check.url or "")
    )


def one_line(words: str) -> str:
    words = " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def slack(said: Message) -> dict[str, Any]:
    """`verbatim` keeps Slack from finding channels, people and addresses in a text."""
    rows = "\n".join(f"*{label}:* {slack_text(words)}" for label, words in said.lines)
    links = " · ".join(f"<{slack_text(address)}|{label}>" for label, address in said.links)
    blocks: list[dict[str, Any]] = []
    for part in (f"*{slack_text(said.title)}*", rows, links):
        if part:
            words = {"type": "mrkdwn", "text": part[:3000], "verbatim": True}
            blocks.append({"type": "section", "text": words})
    return {"text": slack_text(said.title), "blocks": blocks}


def slack_text(words: str) -> str:
    """`<!channel>` calls everybody; without its brackets it does not."""
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"[*_~`]", lambda found: f"\u200b{found[0]}\u200b", words)[:LONGEST]


def discord(said: Message) -> dict[str, Any]:
    rows = [f"**{label}:** {markdown_text(words)}" for label, words in said.lines]
    rows += [" · ".join(f"[{label}]({address})" for label, address in said.links)] if said.links else []
    embed = {
        "title": markdown_text(said.title)[:256],
        "description": "\n".join(rows)[:4096],
        "color": COLOURS[said.good],
        "timestamp": iso(said.at),
    }
    return {"embeds": [embed], "allowed_mentions": {"parse": []}}


def markdown_text(words: str) -> str:
    return re.sub(r"([\\*_~`|>\[\]()#<@])", r"\\\1", words)[:LONGEST]


def teams(said: Message) -> dict[str, Any]:
    """Text runs, for a plain TextBlock would take markup from what a server said."""
    title = {"type": "TextRun", "text": said.title, "weight": "bolder", "size": "large"}
    title["color"] = "good" if said.good else "attention"
    body = [{"type": "RichTextBlock", "inlines": [title]}]
    for label, words in said.lines:
        runs = [{"type": "TextRun", "text": f"{label}: ", "weight": "bolder"}]
        body.append({"type": "RichTextBlock", "inlines": [*runs, {"type": "TextRun", "text": words}]})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.2",
        "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": label, "url": url} for label, url in said.links],
    }
    kind = "application/vnd.microsoft.card.adaptive"
    return {
        "type": "message",
        "attachments": [{"contentType": kind, "contentUrl": None, "content": card}],
    }


def matrix(said: Message) -> dict[str, Any]:
    """An empty `m.mentions` says that nobody is mentioned, whatever the text has."""
    return {"msgtype": "m.text", "body": plain(said), "m.mentions": {}}


def as_json(said: Message) -> dict[str, Any]:
    incident, links = said.incident, dict(said.links)
    return {
        "event": said.event,
        "course": said.course,
        "title": said.title,
        "found": one_line(incident.title),
        "state": "up" if said.good else incident.state,
        "cause": one_line(incident.cause),
        "fix": said.fix,
        "done": [one_line(act) for act in incident.done],
        "began": iso(incident.began),
        "ended": None if incident.ended is None else iso(incident.ended),
        "seconds": round((incident.ended or said.at) - incident.began),
        "hub": said.hub,
        "issue": links.get("Issue", ""),
        "run": links.get("Run", ""),
    }


def plain(said: Message) -> str:
    rows = [said.title, "", *(f"{label}: {words}" for label, words in said.lines)]
    return "\n".join([*rows, *(f"{label}: {address}" for label, address in said.links)])


def mail(said: Message, target: Target) -> EmailMessage:
    made = EmailMessage()
    made["Subject"] = said.title[:LONGEST_TITLE]
    made["From"], made["To"] = target.sender, ", ".join(target.receivers)
    made["Date"] = format_datetime(datetime.fromtimestamp(said.at, UTC))
    made["Message-ID"] = f"<{said.number}@{target.sender.rpartition('@')[2]}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(plain(said) + "\n")
    return made


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


BODIES: dict[str, Callable[[Message], dict[str, Any]]] = {
    SLACK: slack,
    DISCORD: discord,
    TEAMS: teams,
    MATRIX: matrix,
    JSON: as_json,
}
