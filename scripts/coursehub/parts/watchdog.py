"""The watchdog, which looks at the hub twice a minute from inside and heals what it knows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..model import Json, Reporter, Step

NAME = "watchdog"
PROGRAM = Path(__file__).parents[1]
NEEDED = (
    *("system", "lock", "audit", "hub", "certificate", "provider", "configuration"),
    *("generations", "retention", "mount_home"),
    *("roster", "by_hand", "hub_api", "people", "home_files", "homes", "users"),
)
"""What it uses of the deploy's own program (coursehub.droplet)."""


@dataclass(frozen=True)
class Want:
    """The files of its program: paths below its directory, mapped to their texts; none without a watchdog."""

    files: Mapping[str, str]

    @property
    def digest(self) -> str:
        """The program's name; empty without a watchdog."""
        if not self.files:
            return ""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()[:16]


def want(settings, secrets) -> Want:
    return Want(program() if settings.health.watchdog else {})


def program() -> dict[str, str]:
    """The watchdog, with what it needs of its neighbours."""
    modules = [PROGRAM / "droplet" / f"{name}.py" for name in ("__init__", *NEEDED)]
    modules += [PROGRAM / "__init__.py", *(PROGRAM / "watchdog").glob("*.py")]
    return {
        str(path.relative_to(PROGRAM.parent)): path.read_text(encoding="utf-8") for path in sorted(modules)
    }


def question(want: Want) -> Json:
    return {"digest": want.digest}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    for line in notes(seen.get("report")):
        report.note(line)
    return want


def notes(last: Mapping | None) -> list[str]:
    """What the watchdog saw in its last look, for whoever deploys; nothing when all was well."""
    if last is None:
        return []
    lines = []
    for one in last["findings"]:
        why = f" ({one['why']})" if one["why"] else ""
        lines.append(f"The watchdog on the server found: {one['name']}: {one['seen']}{why}")
    if last["person"]:
        lines.append(
            "It could not heal that: Documentation/HealthChecks.md says what it tried, and how to look"
        )
    return lines


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step where the watchdog is absent, another one, or not wanted any more."""
    if not want.files:
        return [Step(NAME, "Switch the watchdog off", "watchdog.remove", {})] if seen["present"] else []
    if seen["settled"]:
        return []
    title = "Renew the watchdog" if seen["present"] else "Set up the watchdog, which heals the hub"
    parameters = {"digest": want.digest, "files": dict(want.files)}
    return [Step(NAME, title, "watchdog.install", parameters)]
