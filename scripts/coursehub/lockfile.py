"""environment.lock: the exact packages of a course's environment, for people to read and to commit.

A header that says what it was made from, a table of all packages, then the two parts as the installers
read them: a rattler lock file and hashed requirements. The table and the parts are covered by a checksum,
so that a merge that went wrong, or an edit by hand, is seen before anything is installed from it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from .problems import InvalidInput, Problem
from .solving import Solution

FILE = "environment.lock"
MAKE = "python scripts/lock.py"
TABLE = "# ---- packages: name, version, kB to download ----\n"
CONDA = "# ---- conda packages, as py-rattler installs them ----\n"
PIP = "# ---- pip packages, as uv installs them ----\n"
INTRODUCTION = f"""\
# The exact environment of this course. Made by {MAKE} from environment.yml: commit it, and every
# deploy installs these packages and no others, until environment.yml changes. Do not edit it: run that again.
"""
# The C library and the kernel of each image that course.yml may name, as of its release.
SYSTEMS = {
    "ubuntu-22-04-x64": ("2.35", "5.15"),
    "ubuntu-24-04-x64": ("2.39", "6.8"),
    "debian-12-x64": ("2.36", "6.1"),
    "debian-13-x64": ("2.41", "6.12"),
}


@dataclass(frozen=True)
class Lock:
    """`made_from` is the digest of a request, `image` and `glibc` what it was made for; `checksum` names
    the content."""

    made_from: str
    image: str
    glibc: str
    solution: Solution
    checksum: str


def write(solution: Solution, made_from: str, image: str, glibc: str) -> str:
    """The text of environment.lock."""
    body = body_of(solution)
    header = {
        "made from": made_from,
        "made for": f"{image}, glibc {glibc}",
        "checksum": checksum(body),
    }
    return INTRODUCTION + "".join(f"# {key}: {value}\n" for key, value in header.items()) + body


def body_of(solution: Solution) -> str:
    """The table and the two parts."""
    first, second = (
        max(map(len, column), default=0) for column in (solution.packages, solution.packages.values())
    )
    rows = [
        f"# {name:<{first}}  {version:<{second}}  {-(-solution.sizes.get(name, 0) // 1000):>6}\n"
        for name, version in solution.packages.items()
    ]
    return TABLE + "".join(rows) + CONDA + solution.lock + PIP + solution.pip_requirements


def read(text: str) -> Lock:
    """The lock in a file's text. Raises InvalidInput when it is not one, or not as it was written."""
    text = text.replace("\r\n", "\n")
    head, table, body = text.partition(TABLE)
    header = dict(re.findall(r"(?m)^# ([a-z ]+): (.+)$", head))
    made_for = re.fullmatch(r"([\w.-]+), glibc ([\d.]+)", header.get("made for", ""))
    rows, conda, parts = body.partition(CONDA)
    lock, pip, requirements = parts.partition(PIP)
    if not (table and conda and pip and made_for and "made from" in header):
        raise damaged("is not a lock of this program's, or is cut off")
    if header.get("checksum") != checksum(table + body):
        raise damaged("was changed after it was made, by hand or by a merge")
    found = re.findall(r"(?m)^# (\S.*?) +(\S+) +(\d+)$", rows)
    solution = Solution(
        lock,
        requirements,
        {name: version for name, version, _ in found},
        {name: int(size) * 1000 for name, _, size in found},
    )
    return Lock(header["made from"], made_for[1], made_for[2], solution, header["checksum"])


def checksum(body: str) -> str:
    """A name for a lock's content."""
    return hashlib.sha256(body.encode()).hexdigest()[:16]


def damaged(message: str) -> InvalidInput:
    """What to raise about a lock that cannot be trusted."""
    return InvalidInput([Problem(FILE, message, f"make it anew: {MAKE}")])
