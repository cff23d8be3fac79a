"""An examination for a person at a terminal, for the summary of a run, and for programs. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict

from ..health.report import cell
from ..job_summary import fenced
from .model import FAILURE, GOOD, UNSEEN, WARNING, Diagnosis, Finding, Section

MARKS = {GOOD: "✓", WARNING: "!", UNSEEN: "?", FAILURE: "✗"}


def lines(found: Diagnosis, sections: Sequence[Section]) -> list[str]:
    """The diagnosis first, then what to do, then each section."""
    said = [found.title + others(found)]
    if found.fix:
        said.append(f"  What to do: {found.fix}")
    for part in sections:
        said += ["", part.title, *(f"  {mark(one)} {one.name}: {one.seen}" for one in part.findings)]
        said += [f"      {line}" for line in part.lines]
    return said


def others(found: Diagnosis) -> str:
    """How much else there is, which mostly follows from the first."""
    return f" (and {found.others} more below)" if found.others else ""


def mark(finding: Finding) -> str:
    return MARKS[finding.level]


def summary(found: Diagnosis, sections: Sequence[Section], bundle: str = "") -> str:
    """The job summary as Markdown; its first line says the diagnosis and what to do."""
    advice = f" **What to do:** {cell(found.fix)}." if found.fix else ""
    said = [f"**{cell(found.title)}**{others(found)}.{advice}", ""]
    for part in sections:
        said += [f"**{cell(part.title)}**", "", "|  | looked at | seen | what to do |", "|---|---|---|---|"]
        said += [
            f"| {mark(one)} | {cell(one.name)} | {cell(one.seen)} | {cell(one.fix)} |"
            for one in part.findings
        ]
        said.append("")
        if part.lines:
            said += ["<details><summary>More</summary>", "", *fenced(part.lines), "</details>", ""]
    if bundle:
        said += [f"All of it, to attach to a question, is the artifact of this run: {bundle}", ""]
    return "\n".join(said) + "\n"


def as_json(found: Diagnosis, sections: Sequence[Section]) -> str:
    """One line for programs."""
    parts = [
        {"key": part.key, "title": part.title, "findings": [asdict(one) for one in part.findings]}
        | {"lines": list(part.lines)}
        for part in sections
    ]
    return json.dumps({"verdict": found.state, "diagnosis": asdict(found), "sections": parts})


def files(found: Diagnosis, sections: Sequence[Section], versions: str) -> dict[str, str]:
    """{name: text} of the bundle: everything that was seen, one file for each section and each long text."""
    texts = {"diagnosis": "\n".join(lines(found, ())), "versions": versions}
    for number, part in enumerate(sections, 1):
        name = f"{number}-{part.key}"
        fixes = [f"{one.name}: {one.fix}" for one in part.findings if one.fix]
        said = [
            *lines(found, (part,))[2 + bool(found.fix) - 1 :],
            "",
            *(["What to do", *fixes] if fixes else []),
        ]
        texts[name] = "\n".join(said)
        texts |= {f"{name}-{key}": text for key, text in part.texts.items()}
    return {f"{name}.txt": text.strip() + "\n" for name, text in texts.items()}
