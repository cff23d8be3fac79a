"""Stand-ins for published actions, by name, with their effect on files, outputs and environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.github.machine import Machine
from sandbox.github.parser import Unsupported
from sandbox.github.results import StepRun
from sandbox.github.workflow_commands import Listener

FORM = re.compile(r"(?P<name>[\w.-]+/[\w.-]+(?:/[\w./-]+)?)@(?P<version>[^@\s]+)")


class ActionFailed(Exception):
    """The action fails, and with it the step."""


@dataclass
class Call:
    """One use of an action."""

    machine: Machine
    inputs: Mapping[str, str]
    record: StepRun
    listener: Listener = field(repr=False)
    outputs: dict[str, str] = field(default_factory=dict)

    def say(self, line: str) -> None:
        """Write to the step's log."""
        self.record.log.write(line)

    def flag(self, name: str, default: bool) -> bool:
        """An input that is true or false. Raises ActionFailed if it is neither."""
        text = self.inputs.get(name) or str(default).lower()
        if text.lower() not in ("true", "false"):
            raise ActionFailed(f"the input {name} is true or false, not {text!r}")
        return text.lower() == "true"

    def place(self, text: str) -> Path:
        """A path as the actions understand it: from the workspace, or from ~."""
        if text.startswith("~"):
            return self.machine.home / text[1:].lstrip("/")
        return self.machine.workspace / text


@dataclass(frozen=True)
class StandIn:
    """What stands in for an action, and the inputs that it understands."""

    act: Callable[[Call], None]
    inputs: frozenset[str]


ACTIONS: dict[str, StandIn] = {}
"""By the action's name without its version; filled by stand_ins.py, and by who needs more."""


def stand_in(name: str, *inputs: str) -> Callable[[Callable[[Call], None]], Callable[[Call], None]]:
    """Enter a function in ACTIONS as the stand-in for the action `name`."""

    def enter(act: Callable[[Call], None]) -> Callable[[Call], None]:
        ACTIONS[name] = StandIn(act, frozenset(inputs))
        return act

    return enter


def use(uses: str, call: Call) -> None:
    """Do what an action does. Raises Unsupported for what has no stand-in, ActionFailed if it fails."""
    action = ACTIONS[check_known(uses, "")]
    for name in call.inputs:
        if name.lower() not in action.inputs:
            raise Unsupported(f"{uses}: the input {name} is not supported by this runner")
    action.act(call)


def check_steps(steps: Iterable[Mapping[str, Any]], place: str) -> None:
    """Raise Unsupported if one of the steps uses an action that has no stand-in."""
    for step in steps:
        if "uses" in step:
            check_known(step["uses"], place)


def check_known(uses: str, place: str) -> str:
    """The action's name without its version. Raises Unsupported if the runner cannot use it."""
    if uses.startswith("./"):
        return uses
    form = FORM.fullmatch(uses)
    name = form["name"] if form else uses
    if name not in ACTIONS:
        raise Unsupported(f"{place + ': ' if place else ''}the action {uses} is not supported by this runner")
    return name
