"""Names for what is set aside: clear to a student, and never one that is taken."""

from __future__ import annotations

import os
import time

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
YOURS, COURSES, MARKS = "your version", "course version", "with conflict marks"


def stamp(seconds: float | None = None) -> str:
    """Day and time as in "29 Nov 14.05", in any locale; a colon is not allowed in names everywhere."""
    now = time.localtime(seconds)
    return f"{now.tm_mday} {MONTHS[now.tm_mon - 1]} {now.tm_hour:02}.{now.tm_min:02}"


def beside(path: str, what: str, when: str) -> str:
    """A free name next to `path`: "lab1 (your version, 29 Nov 14.05).ipynb"."""
    folder, name = os.path.split(path)
    stem, ending = (name, "") if os.path.isdir(path) else os.path.splitext(name)
    # A name may have 255 bytes.
    while len(os.fsencode(stem)) > 180:
        stem = stem[:-1]
    number = 1
    while True:
        more = "" if number == 1 else f", {number}"
        found = os.path.join(folder, f"{stem} ({what}, {when}{more}){ending}")
        if not os.path.lexists(found):
            return found
        number += 1


def set_aside(path: str, what: str, when: str) -> str:
    """Rename what lies at `path`, and return its new path. Raises OSError."""
    new = beside(path, what, when)
    os.rename(path, new)
    return new
