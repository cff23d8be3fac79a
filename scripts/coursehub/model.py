"""The values that flow through the pipeline. Nothing here acts, and nothing here imports the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

Json = Any
"""What survives `json.dumps`: None, bool, int, float, str, and lists and dicts of these."""


@dataclass(frozen=True)
class Step:
    """One change to the droplet: what a person reads, and what the droplet's program is asked to do.

    `operation` names a function of `coursehub.droplet.program.OPERATIONS`; `parameters` are its arguments.
    `payload` is sent after them, in order: files are streamed, never held whole in memory.
    `secrets` are arguments as well, but never shown. `timeout` is in seconds. `needed` is false for tidying
    up: that it could not all be done, for somebody uses what is old, does not make a deploy fail.
    `needs` is the word, `downtime` or `rebuild`, that a person must have said before it is done.
    `monthly` is what it adds to the bill, in dollars a month; None for what costs nothing by itself.
    """

    part: str
    title: str
    operation: str
    parameters: Mapping[str, Json]
    details: tuple[str, ...] = ()
    payload: tuple[bytes | Path, ...] = field(default=(), repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: float = 120
    needed: bool = True
    needs: str = ""
    monthly: float | None = None


@dataclass(frozen=True)
class LockHolder:
    """Who works on the droplet: shown to whoever has to wait. `since` is UTC, ISO 8601."""

    who: str
    since: str
    run: str = ""

    def __str__(self) -> str:
        return f"{self.who} since {self.since}" + (f" ({self.run})" if self.run else "")


@dataclass(frozen=True)
class Observed:
    """What one look at the droplet saw, a mapping for each part, and `machine` for what all need.

    `busy` is the present holder when the lock was asked for and somebody else has it.
    """

    machine: Mapping[str, Json]
    parts: Mapping[str, Json]
    busy: LockHolder | None = None


@dataclass(frozen=True)
class StepResult:
    """How one step went. `seconds` is wall time."""

    step: Step
    seconds: float
    error: str | None = None


@dataclass(frozen=True)
class Check:
    """One finding about the hub: `good` or not, what was seen, and what to do about it."""

    name: str
    good: bool
    seen: str
    fix: str = ""


class Reporter(Protocol):
    """Whoever tells a person what happens while it happens."""

    def stage(self, text: str) -> None: ...
    def note(self, text: str) -> None: ...
    def planned(self, steps: list[Step], held: list[Step]) -> None: ...
    def started(self, step: Step) -> None: ...
    def progress(self, text: str) -> None: ...
    def finished(self, result: StepResult) -> None: ...


class Silent:
    """A Reporter for what nobody needs to read."""

    def stage(self, text: str) -> None:
        pass

    note = progress = stage

    def planned(self, steps: list[Step], held: list[Step]) -> None:
        pass

    def started(self, step: Step) -> None:
        pass

    def finished(self, result: StepResult) -> None:
        pass


class Part(Protocol):
    """One thing a hub is made of. A module of `coursehub.parts` is such an object.

    `want` reads the settings (and, for content, the course's files) and touches nothing else. A part may
    take further keyword arguments there: what a person decided for one run, on the command line.
    `question` is what the droplet is asked about; the answer comes to `plan` as `seen`.
    `prepare` does what can only be done once the droplet was seen and before a plan can be shown
    (the environment is solved for the droplet's C library). Most parts return `want` as it came.
    `plan` is pure, and returns no steps when all is as it should be.
    """

    NAME: str

    def want(self, settings: Any, secrets: Any) -> Any: ...
    def question(self, want: Any) -> Json: ...
    def prepare(self, want: Any, seen: Mapping, machine: Mapping, report: Reporter) -> Any: ...
    def plan(self, want: Any, seen: Mapping, machine: Mapping) -> list[Step]: ...


class Target(Protocol):
    """Where a hub lives. `address` is None as long as there is nothing to connect to.

    `exists` looks whether there is one. `prepare` brings about what the hub stands on (a droplet, its volume,
    its address): it looks, and returns the steps, none when all is as it should be; `ground` does these
    steps. `open` connects, with patience for a machine that has just been started. `secure` does, once
    connected and with the lock held, what takes both the machine and the account. `choices` are arguments for
    parts (see `Part.want`) that follow from what was done. `whereabouts` is what others need to find it
    again, nothing of it secret: `address`, `port` and `host_key` of its SSH, and where an account has it,
    the account's `api` and the `tag` that it bears there.
    """

    @property
    def address(self) -> str | None: ...
    @property
    def url(self) -> str: ...
    @property
    def ground(self) -> Ground: ...
    @property
    def choices(self) -> Mapping[str, Mapping[str, Any]]: ...
    @property
    def whereabouts(self) -> Mapping[str, Any]: ...
    def exists(self) -> bool: ...
    def prepare(self, report: Reporter) -> list[Step]: ...
    def open(self) -> Any: ...
    def secure(self, session: Session, report: Reporter) -> None: ...


class Ground(Protocol):
    """Whoever does steps: a droplet, or the account that it is in. Raises Failure."""

    def call(
        self,
        operation: str,
        parameters: Mapping[str, Json],
        *,
        payload: tuple[bytes | Path, ...] = (),
        timeout: float = 120,
        progress: Any = None,
    ) -> Json: ...


class Session(Ground, Protocol):
    """An open conversation with one droplet: the only way anything is asked of it.

    `address` is where the droplet was reached: an IP address, or the name that the coordinator gave.
    """

    address: str
    round_trips: int

    def close(self) -> None: ...
