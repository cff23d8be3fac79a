"""The lines of the journal that matter: errors with their tracebacks, each said once, and not too many."""

from __future__ import annotations

import json
import re
import time

from coursehub.droplet.system import OperationFailed, run

SINCE = "-24h"
READ, TOLD = 4000, 40
"""Entries that are read of each unit, the latest; and lines that are told of it."""
LONGEST = 400
WORTH = re.compile(
    r"^\[[EC] |^\[W .*(?:fail|error|timeout|unreachable|dead)|\b(?:error|fatal|panic|exception|critical)\b"
    r"|Error\b|Exception\b|failed|Failed|Traceback|level=(?:error|fatal)|Out of memory|oom-kill"
    r"|killed process|No space left|Read-only file system|I/O error|Start request repeated|segfault"
)
NOISE = re.compile(r"\b(?:0 errors|no error|error_log|without error)|^\[I ", re.I)
NUMBERS = re.compile(r"0x[0-9a-f]+|\d+(?:[.:,-]\d+)*")


def look(units):
    """{group: lines}, the latest of what matters, of `units` ({group: options of journalctl})."""
    found = {}
    for group, options in units.items():
        try:
            found[group] = matter(entries(options))
        except OperationFailed as error:
            found[group] = [f"cannot be read: {error}"]
    return found


def entries(options):
    """[(seconds since the epoch, text)] of the journal's latest, in their order."""
    shown = run(
        [
            "journalctl",
            "--no-pager",
            "--quiet",
            "--output=json",
            "--all",
            f"--since={SINCE}",
            f"--lines={READ}",
            "--output-fields=MESSAGE",
            *options,
        ],
        timeout=25,
        check=False,
    ).stdout
    found = []
    for line in shown.splitlines():
        try:
            entry = json.loads(line)
            at = int(entry["__REALTIME_TIMESTAMP"]) / 1e6
        except (ValueError, KeyError, TypeError):
            continue
        text = entry.get("MESSAGE")
        if isinstance(text, list):  # bytes that are no UTF-8
            text = bytes(text).decode(errors="replace")
        if isinstance(text, str):
            found += [(at, one) for one in text.splitlines()]
    return found


def matter(lines):
    """Of [(seconds, text)] what is worth reading: each thing once, at its last time, with how often it was.
    A traceback is one thing, and counts by its last line."""
    said = {}
    for at, text in gathered(lines):
        key = NUMBERS.sub("#", text.rstrip().splitlines()[-1])
        count = said.pop(key, (0, 0, ""))[0]
        said[key] = count + 1, at, text
    told = []
    for count, at, text in list(said.values())[-TOLD:]:
        times = f" ({count} times)" if count > 1 else ""
        told.append(f"{time.strftime('%m-%d %H:%M:%S', time.gmtime(at))}{times} {text}")
    return told


def gathered(lines):
    """(seconds, text) of what matters, the lines of a traceback joined: its last places, its error."""
    trace, began, margin = None, 0.0, 0
    for at, text in lines:
        text = text[:LONGEST]
        if trace is not None:
            # All of it may be indented, as JupyterHub does; what ends it stands below its first line.
            if not text.strip() or len(text) - len(text.lstrip()) > margin:
                trace.append(text)
                continue
            yield began, "\n".join([*[one for one in trace if one.strip()][-6:], text.strip()])
            trace = None
            continue
        if "Traceback (most recent call last)" in text:
            trace, began, margin = [], at, len(text) - len(text.lstrip())
        elif WORTH.search(text) and not NOISE.search(text):
            yield at, text
    if trace:
        yield began, "\n".join(trace[-6:])
