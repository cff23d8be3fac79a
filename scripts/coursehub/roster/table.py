"""From a file's text to rows of cells with their line numbers, however the file was saved. Pure."""

from __future__ import annotations

import base64
import binascii
import codecs
import csv
import io
import re
from dataclasses import dataclass

SEPARATORS = (",", ";", "\t")
COMMENT = "#"
LEAST_BASE64 = 24
"""Characters: a shorter text may be a name as well."""
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Row:
    """One row: the line that it begins on, from 1, and its cells without blanks around them."""

    line: int
    cells: tuple[str, ...]

    def cell(self, index: int | None) -> str:
        """The cell in a column, from 0; empty where there is none."""
        return self.cells[index] if index is not None and index < len(self.cells) else ""


class Unreadable(ValueError):
    """A table that breaks off: the line, the message and the fix, without what stands there."""

    def __init__(self, line: int, message: str, fix: str):
        self.line, self.message, self.fix = line, message, fix
        super().__init__(message)


def text_of(data: bytes) -> str:
    """What is written in a file: UTF-8, UTF-16 with its mark, or else what older spreadsheets save."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def opened(text: str) -> str:
    """The text itself, or that of the file which was turned into plain letters with `base64`."""
    text = text.removeprefix(BYTE_ORDER_MARK)
    packed = re.sub(r"\s+", "", text)
    if len(packed) < LEAST_BASE64 or not re.fullmatch(r"[A-Za-z0-9+/]+={0,2}", packed):
        return text
    try:
        data = base64.b64decode(packed, validate=True)
    except (binascii.Error, ValueError):
        return text
    inner = text_of(data)
    marked = any(data.startswith(mark) for mark, _ in MARKS)
    is_text = "\n" in inner and not re.search(r"[\x00-\x08\x0e-\x1f\ufffd]", inner)
    return inner if marked or is_text else text


def rows(text: str) -> list[Row]:
    """The rows of a table that are not blank and no comment. Raises Unreadable."""
    text = re.sub(r"\r\n?", "\n", opened(text))
    lines = text.split("\n")
    separator, start = separator_of(lines)
    # The lines before it are kept, empty, so that every line has its own number.
    body = "\n".join("" if skipped(line) or at < start else line for at, line in enumerate(lines))
    reader = csv.reader(
        io.StringIO(body, newline=""), delimiter=separator, strict=True, skipinitialspace=True
    )
    found: list[Row] = []
    before = 0
    try:
        for cells in reader:
            stripped = tuple(cell.strip() for cell in cells)
            if any(stripped):
                found.append(Row(before + 1, stripped))
            before = reader.line_num
    except csv.Error as error:
        if "end of data" in str(error):
            message = "has a quotation mark that is never closed"
            raise Unreadable(before + 1, message, 'Close it, or delete the " there.') from None
        message = "has a quotation mark in the middle of something"
        raise Unreadable(
            reader.line_num, message, "Put quotation marks around the whole of a cell, or nowhere."
        ) from None
    return found


def skipped(line: str) -> bool:
    return line.lstrip().startswith(COMMENT)


def separator_of(lines: list[str]) -> tuple[str, int]:
    """What separates the cells, and the first line, from 0, that is part of the table. Spreadsheets may say
    so on a line of its own ("sep=;"); else the first line tells: it has the most cells with the right one."""
    for at, line in enumerate(lines):
        if not line.strip() or skipped(line):
            continue
        if told := re.fullmatch(r"sep=(.)", line.strip("\n "), re.IGNORECASE):
            return told[1], at + 1
        return max(SEPARATORS, key=lambda one: len(next(csv.reader([line], delimiter=one), []))), at
    return SEPARATORS[0], 0
