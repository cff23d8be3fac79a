"""The same verdict for a person at a terminal, for the log and the summary of a run, and for programs."""

from __future__ import annotations

import html
import json
from dataclasses import asdict

from .model import DEGRADED, DOWN, GOOD, NONE, UNKNOWN, UNSEEN, UP, WARNING, Finding, Verdict

MARKS = {GOOD: "✓", WARNING: "!", UNSEEN: "?"}
KINDS = {DOWN: ("error", "The hub is down"), DEGRADED: ("warning", "The hub is degraded")}
KINDS |= {UNKNOWN: ("warning", "Whether the hub is up is unknown"), NONE: ("notice", "No hub yet")}


def lines(verdict: Verdict) -> list[str]:
    """For a person: the state first, then what to do, then each thing that was looked at."""
    said = [verdict.title]
    if verdict.fix:
        said.append(f"  What to do: {verdict.fix}")
    if verdict.url:
        said.append(f"  Hub: {verdict.url}")
    said += [f"  {mark(one)} {one.name}: {one.seen}" for one in verdict.findings]
    return said


def mark(finding: Finding) -> str:
    return MARKS.get(finding.level, "✗")


def as_json(verdict: Verdict) -> str:
    """One line for programs."""
    return json.dumps(
        {
            "state": verdict.state,
            "url": verdict.url,
            "title": verdict.title,
            "fix": verdict.fix,
            "seconds": None if verdict.seconds is None else round(verdict.seconds, 3),
            "findings": [asdict(one) for one in verdict.findings],
            **verdict.facts,
        }
    )


def summary(verdict: Verdict) -> str:
    """The job summary as Markdown; its first line says the state and what to do."""
    advice = f" **What to do:** {cell(verdict.fix)}." if verdict.fix else ""
    said = [f"**{cell(verdict.title)}.**{advice}", ""]
    if verdict.url:
        said += [f"Hub: {cell(verdict.url)}", ""]
    if verdict.findings:
        said += ["|  | looked at | seen |", "|---|---|---|"]
        said += [f"| {mark(one)} | {cell(one.name)} | {cell(one.seen)} |" for one in verdict.findings]
    return "\n".join(said) + "\n\n"


def cell(text: str) -> str:
    """Text in Markdown that stays text, whatever a server said."""
    text = html.escape(text.rstrip("."), quote=False)
    return "".join("\\" + letter if letter in "\\`*_[]|!#" else letter for letter in text)


def annotation(verdict: Verdict) -> tuple[str, str, str] | None:
    """(kind, title, message) of the annotation of a run; None for a hub that is up."""
    if verdict.state == UP:
        return None
    kind, title = KINDS[verdict.state]
    message = verdict.title.removeprefix(f"{title}: ")
    return kind, title, f"{message}. What to do: {verdict.fix}" if verdict.fix else message
