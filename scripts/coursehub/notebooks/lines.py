"""Where a line of a cell stands in its notebook's file, which is JSON: annotations want the file's line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MARK = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]:,]')


@dataclass
class CellPlace:
    """`begin` is the file's line at which the cell begins; `pieces` are the strings that its source is made
    of, each with the file's line that it stands on."""

    begin: int
    pieces: list[tuple[int, str]] = field(default_factory=list)


def line_in_file(text: str, cell: int, line: int | None) -> int:
    """The line in a notebook's `text` on which line `line` of cell number `cell` (from 0) stands.

    Lines count from 1. That of the cell's first line when `line` is None or the cell has no such line, and 1
    when there is no such cell.
    """
    place = next((place for number, place in cells(text) if number == cell), None)
    if place is None:
        return 1
    first = place.pieces[0][0] if place.pieces else place.begin
    before = 0
    for file_line, piece in place.pieces:
        if line is not None and before < line <= before + piece.count("\n") + (not piece.endswith("\n")):
            return file_line
        before += piece.count("\n")
    return first


def cells(text: str) -> Iterator[tuple[int, CellPlace]]:
    """The cells of a notebook, numbered from 0. The text must be valid JSON."""
    place = None
    for path, mark, offset in marks(text):
        if path[:1] != ("cells",) or len(path) < 2:
            continue
        if len(path) == 2 and mark == "{":
            place = CellPlace(line_at(text, offset))
        elif len(path) == 2 and mark == "}":
            yield path[1], place
        elif path[2] == "source" and len(path) < 5 and mark[0] == '"':
            place.pieces.append((line_at(text, offset), json.loads(mark)))


def marks(text: str) -> Iterator[tuple[tuple[str | int, ...], str, int]]:
    """Brackets and string values of a JSON text: the path of keys and numbers that leads to each, the mark
    itself and its offset."""
    path: list[str | int | None] = []
    for match in MARK.finditer(text):
        mark = match[0]
        if mark in "{[":
            yield tuple(path), mark, match.start()
            path.append(None if mark == "{" else 0)
        elif mark in "}]":
            path.pop()
            yield tuple(path), mark, match.start()
        elif mark == ",":
            path[-1] = None if isinstance(path[-1], str) else path[-1] + 1
        elif mark == ":":
            continue
        elif path and path[-1] is None:
            path[-1] = json.loads(mark)
        else:
            yield tuple(path), mark, match.start()


def line_at(text: str, offset: int) -> int:
    """The line, from 1, of an offset."""
    return text.count("\n", 0, offset) + 1
