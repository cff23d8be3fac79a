"""Nothing for students to find: the droplet's metadata is closed to them, and so is what deploys keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import Json, Reporter, Step

NAME = "isolation"


@dataclass(frozen=True)
class Want:
    """Nothing of it is a matter of taste."""


def want(settings, secrets) -> Want:
    return Want()


def question(want: Want) -> Json:
    return {}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    return want


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step for whatever is open, or would be after a reboot."""
    details = [] if seen["closed"] and seen["lasting"] else ["~ the droplet's metadata: for root alone"]
    details += ["~ DigitalOcean's monitoring agent: let through"] if seen["agent"] is False else []
    details += [f"~ {path}: for root alone" for path in seen["open"]]
    if not details:
        return []
    return [Step(NAME, "Close to students what is not theirs", "isolation.settle", {}, tuple(details))]
