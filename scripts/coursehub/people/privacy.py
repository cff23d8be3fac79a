"""Where names of students may be shown: never where anybody can read them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

WHY = (
    "Names are not shown: this repository is public, and so are its logs. Run scripts/people.py on your own "
    "computer to see them, or look at the hub's admin page"
)
UNUSUAL = re.compile(r"[^\w.@+-]")
LONGEST = 64


def may_show_names(environ: Mapping[str, str]) -> bool:
    """Whether only the course's own people read what is said: outside of Actions, and in private
    repositories. What cannot be known counts as public."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return True
    repository = event(environ).get("repository")
    return isinstance(repository, dict) and repository.get("private") is True


def event(environ: Mapping[str, str]) -> Mapping[str, Any]:
    """What GitHub says about the run; empty where it says nothing."""
    try:
        value = json.loads(Path(environ.get("GITHUB_EVENT_PATH", "")).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def name_given(argument: str | None, environ: Mapping[str, str], key: str = "name") -> str:
    """The name that was typed: the argument or, in a run that was started by hand, its input `name` (or
    `confirm`), which unlike an argument or a variable stays out of the log. As the hub writes names; "" for
    none."""
    inputs = event(environ).get("inputs")
    typed = argument or (inputs.get(key) if isinstance(inputs, dict) else None)
    return typed.strip().lower() if isinstance(typed, str) else ""


def shown(name: str) -> str:
    """A name that cannot be anything but a name, in a log or in Markdown: with sign-up, anybody may choose
    one."""
    return UNUSUAL.sub("?", name)[:LONGEST]
