"""What a notebook is called: its first heading."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path, PurePosixPath

LONGEST = 120
"""Characters; a heading is sometimes a paragraph by mistake."""


def title_of(path: Path) -> str:
    """The first heading of a notebook, as plain text on one line; without one, the file's name."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError, TypeError):
        cells = []
    for cell in cells:
        if cell.get("cell_type") == "markdown" and (found := first_heading(text_of(cell))):
            return found
    return PurePosixPath(path).stem


def text_of(cell: dict) -> str:
    """A cell's source, which a notebook has as one text or as lines."""
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else source


def first_heading(markdown: str) -> str:
    """The text of the first heading that has any, without its markup; "" for none."""
    from markdown_it import MarkdownIt

    tokens = MarkdownIt().parse(markdown)
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and (words := plain(inline.children or [])):
            return words if len(words) <= LONGEST else words[: LONGEST - 1].rstrip() + "…"
    return ""


def plain(tokens) -> str:
    """What a reader sees of a line of Markdown, with single blanks."""
    said = []
    for token in tokens:
        if token.type in ("text", "code_inline", "text_special"):
            said.append(token.content)
        elif token.type in ("softbreak", "hardbreak"):
            said.append(" ")
    return " ".join("".join(said).split())
