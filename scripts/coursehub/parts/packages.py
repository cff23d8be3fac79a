"""Debian packages: what `apt.txt` asks for, and what the other parts stand on.

Packages that leave `apt.txt` stay installed: removing one can take others with it that a student uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import Json, Reporter, Step

NAME = "packages"
NEEDED = ("ca-certificates", "git", "python3-venv", "rsync", "sudo")


@dataclass(frozen=True)
class Want:
    """Names of Debian packages, sorted."""

    names: tuple[str, ...]


def want(settings, secrets) -> Want:
    return Want(tuple(sorted({*NEEDED, *(requirement.text for requirement in settings.apt)})))


def question(want: Want) -> Json:
    return {"names": list(want.names)}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    return want


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step for all that is missing: apt reads its lists once."""
    missing = seen["missing"]
    if not missing:
        return []
    title = "Install " + (missing[0] if len(missing) == 1 else f"{len(missing)} Debian packages")
    details = tuple(f"+ {name}" for name in missing)
    return [Step(NAME, title, "packages.install", {"names": missing}, details, timeout=2600)]
