"""Merging notebooks cell by cell, so that what comes out is always a notebook.

What a student ran counts for nothing, what they wrote for everything: a cell that only has other outputs
follows the course, one that they changed stays. Where both changed a cell, its lines are merged.
"""

from __future__ import annotations

import json
import uuid
from difflib import SequenceMatcher

from .text import merge_lines

ALIKE = 0.5
"""From this share on, a changed cell is taken for the same cell."""


def read(data: bytes) -> dict | None:
    """A notebook of format 4; None for anything else."""
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    cells = found.get("cells") if isinstance(found, dict) else None
    if not isinstance(cells, list) or found.get("nbformat") != 4:
        return None
    return found if all(isinstance(cell, dict) and "cell_type" in cell for cell in cells) else None


def merge(given: bytes, mine: bytes, wanted: bytes) -> tuple[bytes, bool] | None:
    """The merged notebook, and whether both had changed the same lines of a cell. None when `mine` or
    `wanted` is no notebook."""
    a, b, c = read(given), read(mine), read(wanted)
    if b is None or c is None:
        return None
    a = a or {"cells": []}
    collisions: list[bool] = []
    cells = merge_cells(a["cells"], b["cells"], c["cells"], collisions)
    whole = {key: b[key] for key in b if key != "cells"}
    for key in set(a) | set(b) | set(c):
        if key not in ("cells", "metadata"):
            keep(whole, key, three(a.get(key), b.get(key), c.get(key)))
    whole["metadata"] = merge_keys(a.get("metadata") or {}, b.get("metadata") or {}, c.get("metadata") or {})
    whole["nbformat_minor"] = max(b.get("nbformat_minor", 0), c.get("nbformat_minor", 0))
    whole["cells"] = with_ids(cells, whole["nbformat_minor"])
    text = json.dumps(whole, indent=1, ensure_ascii=False, sort_keys=True)
    return (text + "\n").encode("utf-8", "surrogatepass"), any(collisions)


def source(cell: dict) -> str:
    """A cell's text, which a notebook has as one text or as lines."""
    found = cell.get("source", "")
    return "".join(found) if isinstance(found, list) else found


def signature(cell: dict) -> tuple[str, str]:
    return cell["cell_type"], source(cell)


def three(given, mine, wanted):
    """The one of two that was changed; where both were, the student's."""
    return wanted if mine == given else mine


def keep(where: dict, key: str, value) -> None:
    """Set a key, or remove it for None."""
    if value is None:
        where.pop(key, None)
    else:
        where[key] = value


def merge_keys(given: dict, mine: dict, wanted: dict) -> dict:
    made: dict = {}
    for key in [*mine, *(key for key in wanted if key not in mine)]:
        keep(made, key, three(given.get(key), mine.get(key), wanted.get(key)))
    return made


def aligned(old: list[dict], new: list[dict]) -> dict[int, int]:
    """Which cell of `old` is which of `new`: the same text in the same order, and between those the same id,
    or text that is much alike."""
    pairs: dict[int, int] = {}
    matcher = SequenceMatcher(None, [signature(c) for c in old], [signature(c) for c in new], autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            pairs.update(zip(range(i1, i2), range(j1, j2)))
        elif kind == "replace":
            first = j1
            for i in range(i1, i2):
                found = next((j for j in range(first, j2) if same(old[i], new[j])), None)
                if found is not None:
                    pairs[i], first = found, found + 1
    return pairs


def same(old: dict, new: dict) -> bool:
    """Whether one cell became the other."""
    if old["cell_type"] != new["cell_type"]:
        return False
    if old.get("id") and old.get("id") == new.get("id"):
        return True
    a, b = source(old), source(new)
    return not a.strip() or SequenceMatcher(None, a[:4000], b[:4000]).ratio() >= ALIKE


def merge_cells(given: list, mine: list, wanted: list, collisions: list[bool]) -> list[dict]:
    """The cells of all three in one order: each of the given ones with what came before it on either side."""
    in_mine, in_wanted = aligned(given, mine), aligned(given, wanted)
    merged: list[dict] = []
    at_mine = at_wanted = 0
    for number in range(len(given) + 1):
        end = number == len(given)
        to_mine = len(mine) if end else in_mine.get(number, at_mine)
        to_wanted = len(wanted) if end else in_wanted.get(number, at_wanted)
        merged += inserted(mine[at_mine:to_mine], wanted[at_wanted:to_wanted])
        at_mine, at_wanted = to_mine, to_wanted
        if end:
            break
        here = mine[at_mine] if number in in_mine else None
        there = wanted[at_wanted] if number in in_wanted else None
        at_mine, at_wanted = at_mine + (here is not None), at_wanted + (there is not None)
        merged += merge_cell(given[number], here, there, collisions)
    return merged


def inserted(mine: list[dict], wanted: list[dict]) -> list[dict]:
    """New cells of both at one place, the course's first; what is the same in both is there once."""
    own = {signature(cell) for cell in mine}
    return [cell for cell in wanted if signature(cell) not in own] + mine


def merge_cell(given: dict, mine: dict | None, wanted: dict | None, collisions: list[bool]) -> list[dict]:
    """What becomes of a cell: one, or none when it was removed."""
    if mine is None:
        return [] if wanted is None or signature(wanted) == signature(given) else [wanted]
    if wanted is None:
        return [] if signature(mine) == signature(given) else [mine]
    if signature(wanted) == signature(given) or signature(mine) == signature(wanted):
        chosen = dict(mine)
    elif signature(mine) == signature(given):
        return [wanted]
    else:
        text, collided = merge_text(source(given), source(mine), source(wanted))
        collisions.append(collided)
        chosen = {**mine, "source": text.splitlines(keepends=True)}
    for key in ("metadata", "attachments"):
        keep(chosen, key, three(given.get(key), mine.get(key), wanted.get(key)))
    return [chosen]


def merge_text(given: str, mine: str, wanted: str) -> tuple[str, bool]:
    """Lines of a cell: the last has no end, which would look changed as soon as one follows it."""
    pieces = (
        (text if text.endswith("\n") else text + "\n").encode("utf-8", "surrogatepass")
        for text in (given, mine, wanted)
    )
    merged, collided = merge_lines(*pieces)
    text = merged.decode("utf-8", "surrogatepass")
    return (text if mine.endswith("\n") else text.rstrip("\n")), collided


def with_ids(cells: list[dict], minor: int) -> list[dict]:
    """From format 4.5 on each cell has an id of its own; before, none may have one."""
    seen: set[str] = set()
    made = []
    for cell in cells:
        if minor < 5:
            cell = {key: value for key, value in cell.items() if key != "id"}
        elif not isinstance(cell.get("id"), str) or cell["id"] in seen:
            cell = {**cell, "id": uuid.uuid4().hex[:8]}
        seen.add(cell.get("id", ""))
        made.append(cell)
    return made
