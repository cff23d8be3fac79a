"""GitHub Actions' own language: annotations in the log, outputs of a step, the summary of a job.

See https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands. Standard library
only, for the scripts that run on a runner without any package.
"""

from __future__ import annotations

import re
import sys
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

SUMMARY_LIMIT = 1_000_000
"""Bytes; of a summary above 1 MiB, GitHub shows nothing at all."""
FOR_CLOSING = 100
"""Characters, for what a cut has to close."""
CUT = "\n\n*The rest is left out: GitHub shows no more. The log of this run has all of it.*\n"


def is_actions(environ: Mapping[str, str]) -> bool:
    """Whether this runs in a job of GitHub Actions."""
    return environ.get("GITHUB_ACTIONS") == "true"


def error(message: str, *, file: str | None = None, line: int | None = None, title: str | None = None) -> str:
    """The line that makes an error's annotation, at a file of the repository if one is named."""
    return _annotation("error", message, file=file, line=line, title=title)


def warning(
    message: str, *, file: str | None = None, line: int | None = None, title: str | None = None
) -> str:
    """The same for a warning."""
    return _annotation("warning", message, file=file, line=line, title=title)


def notice(
    message: str, *, file: str | None = None, line: int | None = None, title: str | None = None
) -> str:
    """The same for what is good to know."""
    return _annotation("notice", message, file=file, line=line, title=title)


def _annotation(command: str, message: str, **properties: str | int | None) -> str:
    given = [f"{name}={_property(str(value))}" for name, value in properties.items() if value is not None]
    return f"::{command}{' ' if given else ''}{','.join(given)}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def say(lines: Iterable[str], environ: Mapping[str, str]) -> None:
    """Write annotations into the log, on standard error; outside of Actions nobody would understand them."""
    if is_actions(environ):
        for line in lines:
            print(printable(line), file=sys.stderr, flush=True)


def harmless(text: str, environ: Mapping[str, str]) -> str:
    """`text` for the log: what a server or a student's file says must not be taken for commands there."""
    if not is_actions(environ):
        return text
    return re.sub(r"(?m)^(\s*):(?=:)", r"\1: ", text).replace("##[", "# #[")


def set_outputs(outputs: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """Hand values to later steps, where there is a file for them (GITHUB_OUTPUT). No value can pretend to be
    another output, for what ends it is a word that nobody can know before."""
    if path := environ.get("GITHUB_OUTPUT"):
        _append(path, "".join(_output(name, value) for name, value in outputs.items()))


def _output(name: str, value: str) -> str:
    end = f"end-{uuid.uuid4()}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def add_summary(markdown: str, environ: Mapping[str, str]) -> None:
    """Write the job summary where Actions wants it (GITHUB_STEP_SUMMARY); it is cut when it is too long."""
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        _append(path, cut(markdown, SUMMARY_LIMIT, SUMMARY_LIMIT, CUT))


def cut(text: str, characters: int, size: int, ending: str) -> str:
    """`text` when it has at most so many characters and, in UTF-8, `size` bytes; else its first lines that
    fit, and `ending`, together within both limits."""
    text = printable(text)
    if len(text) <= characters and len(text.encode()) <= size:
        return text
    room = characters - len(ending) - FOR_CLOSING, size - len(ending.encode()) - FOR_CLOSING
    kept = text[: room[0]].encode()[: room[1]].decode(errors="ignore")
    lines, newline, _ = kept.rpartition("\n")
    lines = lines if newline else kept
    return lines + _closing(lines) + ending


def _closing(markdown: str) -> str:
    """What closes that which the Markdown leaves open, and which would swallow what comes after it."""
    fence = ""
    for line in markdown.splitlines():
        ticks = re.match(r"\s*(`{3,})(.*)", line)
        if ticks and not fence:
            fence = ticks[1]
        elif ticks and ticks[1].startswith(fence) and not ticks[2].strip():
            fence = ""
    folded = markdown.count("<details>") - markdown.count("</details>")
    return (f"\n{fence}" if fence else "") + ("\n\n</details>" if folded > 0 else "")


def printable(text: str) -> str:
    """`text` without what UTF-8 cannot hold: file names may have it."""
    return text.encode("utf-8", "backslashreplace").decode()


def _append(path: str, text: str) -> None:
    with Path(path).open("a", encoding="utf-8", newline="\n") as file:
        file.write(printable(text))
