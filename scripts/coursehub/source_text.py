"""Reads the coordinator's text files; what is not text is a Problem, not a traceback."""

from __future__ import annotations

from pathlib import Path

from coursehub.problems import InvalidInput, Problem


def read_source(path: Path, file: str) -> str:
    """The text of a UTF-8 file (a byte order mark is dropped); `file` is its name in problems.

    Raises InvalidInput when the file cannot be read or is not UTF-8.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        problem = Problem(
            file, f"cannot be read: {error.strerror}", "Check that it is a plain file that may be read."
        )
        raise InvalidInput([problem]) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(
            file,
            "is not UTF-8 text",
            "Save the file again with the encoding UTF-8 (without anything else, such as UTF-16 or Latin-1).",
            line=data.count(b"\n", 0, error.start) + 1,
        )
        raise InvalidInput([problem]) from None
