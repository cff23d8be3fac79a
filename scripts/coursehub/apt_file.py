"""apt.txt: the Debian or Ubuntu packages that the course needs, one a line, as on mybinder.org."""

from __future__ import annotations

import re
from pathlib import Path

from coursehub.problems import InvalidInput, Problem
from coursehub.requirement import Requirement
from coursehub.source_text import read_source

FILE = "apt.txt"
# Debian Policy, 5.6.1: at least two characters, lower case.
PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")


def read_apt_file(root: Path) -> tuple[tuple[Requirement, ...], list[Problem]]:
    """The packages of ROOT/apt.txt, each once, and its mistakes; no file means no packages."""
    path = root / FILE
    if not path.exists():
        return (), []
    try:
        lines = read_source(path, FILE).splitlines()
    except InvalidInput as error:
        return (), list(error.problems)
    packages: dict[str, Requirement] = {}
    problems = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        if PACKAGE.fullmatch(text):
            packages.setdefault(text, Requirement(text, number))
        else:
            problems.append(Problem(FILE, *_why_no_package(text), line=number, found=text[:60]))
    return tuple(packages.values()), problems


def _why_no_package(text: str) -> tuple[str, str]:
    words = text.split()
    if words[0] in ("apt", "apt-get", "sudo", "install") or words[0].startswith("-"):
        return "is a command, where only names of packages belong", "Write the names alone, one on each line."
    if len(words) > 1:
        return "is more than one package", "Write each package on a line of its own."
    name = re.split(r"[=:/<>]", text)[0]
    if name != text and PACKAGE.fullmatch(name):
        fix = f"Write {name}: the server's system has one version of each package."
        return "asks for a version or architecture", fix
    if PACKAGE.fullmatch(text.lower()):
        return "is not the name of a package: those are lower case", f"Write {text.lower()}."
    return "is not the name of a package", "Look the name up on https://packages.ubuntu.com."
