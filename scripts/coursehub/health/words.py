"""Words of others, made harmless."""

from __future__ import annotations

LONGEST = 160


def plain_text(text: str) -> str:
    """Words of a server's, which may be anything, as one short line that no log takes for a command."""
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    line = line.replace("##[", "## [").replace("::", ": :")
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
