"""What the hub needs to let people in that TLJH does not bring: the authenticator of `sign_in: lti`.

It is installed beside the hub's environment, which stays as TLJH made it, and whose own packages count for
more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..model import Json, Reporter, Step
from . import lti
from .sign_in import LTI

NAME = "authenticator"


@dataclass(frozen=True)
class Want:
    """Pinned and hashed `requirements` and their `digest`, from the package index (None for PyPI); without a
    digest, nothing is wanted."""

    digest: str | None = None
    requirements: str = field(default="", repr=False)
    index: str | None = None


def want(settings, secrets) -> Want:
    if settings.sign_in != LTI:
        return Want()
    return Want(lti.requirements_digest(), lti.requirements(), settings.mirrors.pypi)


def question(want: Want) -> Json:
    return {"digest": want.digest}


def prepare(want: Want, seen: Mapping, machine: Mapping, report: Reporter) -> Want:
    return want


def plan(want: Want, seen: Mapping, machine: Mapping) -> list[Step]:
    """One step where they are not there, or of other versions."""
    if want.digest is None or seen["ready"]:
        return []
    details = tuple(
        f"+ {line.split()[0].replace('==', ' ')}" for line in want.requirements.splitlines() if "==" in line
    )
    parameters = {"digest": want.digest, "requirements": want.requirements, "index": want.index}
    title = "Install the authenticator for LTI"
    return [Step(NAME, title, "authenticator.install", parameters, details, timeout=600)]
