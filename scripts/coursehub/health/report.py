"""The same verdict for a person at a terminal, for the log and the summary of a run, and for programs."""

from __future__ import annotations

import html
import json
import time
from dataclasses import asdict

from .model import DEGRADED, DOWN, GOOD, NONE, UNKNOWN, UNSEEN, UP, WARNING, Finding, Verdict

MARKS = {GOOD: "✓", WARNING: "!", UNSEEN: "?"}
KINDS = {DOWN: ("error", "The hub is down"), DEGRADED: ("warning", "The hub is degraded")}
KINDS |= {UNKNOWN: ("warning", "Whether the hub is up is unknown"), NONE: ("notice", "No hub yet")}


def lines(verdict: Verdict) -> list[str]:
    """For a person: the state first, then what to do, then each thing that was looked at."""
    said = [verdict.title]
    if verdict.cause:
        said.append(f"  Cause: {verdict.cause}")
    said += [f"  Done: {words}" for words in verdict.healed]
    if verdict.fix:
        said.append(f"  What to do: {verdict.fix}")
    if verdict.url:
        said.append(f"  Hub: {verdict.url}")
    said += [f"  {mark(one)} {one.name}: {with_cause(one, verdict)}" for one in verdict.findings]
    return said


def with_cause(finding: Finding, verdict: Verdict) -> str:
    """What was seen, with its cause unless that is the verdict's, which stands above."""
    return finding.seen + (f" ({finding.why})" if finding.why and finding.why != verdict.cause else "")


def mark(finding: Finding) -> str:
    return MARKS.get(finding.level, "✗")


def as_json(verdict: Verdict) -> str:
    """One line for programs."""
    days = verdict.certificate_days
    return json.dumps(
        {
            "at": time.time(),
            "state": verdict.state,
            "was": verdict.was or None,
            "url": verdict.url,
            "title": verdict.title,
            "fix": verdict.fix,
            "cause": verdict.cause,
            "healed": list(verdict.healed),
            "seconds": None if verdict.seconds is None else round(verdict.seconds, 3),
            "certificate_days": None if days is None else round(days, 2),
            "inside": verdict.inside,
            "findings": [asdict(one) for one in verdict.findings],
            **verdict.facts,
        }
    )


def summary(verdict: Verdict) -> str:
    """The job summary as Markdown; its first line says the state, the cause, what was done, what to do."""
    advice = f" **What to do:** {cell(verdict.fix)}." if verdict.fix else ""
    said = [f"**{cell(verdict.title)}.**{advice}", ""]
    if verdict.url:
        said += [f"Hub: {cell(verdict.url)}", ""]
    if verdict.findings:
        said += ["|  | looked at | seen |", "|---|---|---|"]
        rows = [(mark(one), cell(one.name), cell(with_cause(one, verdict))) for one in verdict.findings]
        said += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(said) + "\n\n"


def cell(text: str) -> str:
    """Text in Markdown that stays text, whatever a server said."""
    text = html.escape(text.rstrip("."), quote=False)
    return "".join("\\" + letter if letter in "\\`*_[]|!#" else letter for letter in text)


def annotation(verdict: Verdict) -> tuple[str, str, str] | None:
    """(kind, title, message) of the annotation of a run; None for a hub that is up, and was so."""
    if verdict.state == UP:
        return ("warning", "The hub was down", verdict.title) if verdict.was else None
    kind, title = KINDS[verdict.state]
    message = verdict.title.removeprefix(f"{title}: ")
    return kind, title, f"{message}. What to do: {verdict.fix}" if verdict.fix else message
