"""What a person sees: live in a terminal, plain lines in CI; and one JSON value for programs."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

from rich import markup
from rich.console import Console

from .github.workflow_commands import harmless
from .model import Step, StepResult
from .outcome import Outcome
from .problems import Failure, InvalidInput

FULL_LENGTH = 110
SHOWN = 20
"""So many details of a step are shown in a terminal; the job summary has all, folded away if more."""


def escape(text: str) -> str:
    """`text` as it is, with no meaning for the terminal, or for Actions where this runs there."""
    return markup.escape(harmless(text, os.environ))


class Terminal:
    """Tells on standard error; in a terminal, the present step's progress moves on one line."""

    def __init__(self) -> None:
        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        self.status = self.console.status("") if self.console.is_terminal else None

    def stage(self, text: str) -> None:
        self.console.print(f"[bold]{escape(text)}[/]")

    def note(self, text: str) -> None:
        self.console.print(f"  {escape(text)}")

    def planned(self, steps: list[Step], held: list[Step]) -> None:
        """The plan, as a list of what is different; and what waits for a word."""
        if not steps:
            self.stage("Nothing to do: all is as it should be" if not held else "Nothing else to do")
        else:
            self.stage(f"Plan: {len(steps)} step" + ("" if len(steps) == 1 else "s"))
        for number, step in enumerate(steps, 1):
            self.listed(f"{number}.", step)
        if any(step.monthly for step in steps):
            self.note(f"In all {total(steps)}")
        for step in held:
            self.listed("[yellow]held back:[/]", step)
            self.console.print(f"       {escape(waits_for(step))}")

    def listed(self, mark: str, step: Step) -> None:
        self.console.print(f"  {mark} {escape(titled(step))}")
        for line in shortened(step.details):
            self.console.print(f"       [dim]{escape(line)}[/]")

    def started(self, step: Step) -> None:
        if self.status:
            self.status.update(escape(step.title))
            self.status.start()
        else:
            self.console.print(f"  … {escape(step.title)}")

    def progress(self, text: str) -> None:
        if self.status:
            self.status.update("[dim]" + escape(text[:FULL_LENGTH]) + "[/]")

    def finished(self, result: StepResult) -> None:
        if self.status:
            self.status.stop()
        mark = "[red]✗[/]" if result.error else "[green]✓[/]"
        self.console.print(f"  {mark} {escape(result.step.title)} [dim]{result.seconds:.1f} s[/]")

    def outcome(self, outcome: Outcome) -> None:
        """How it ended: the first line says what to do next."""
        for warning in outcome.warnings:
            self.console.print(f"[bold yellow]Warning:[/] {escape(warning)}")
        if outcome.error:
            self.problem(outcome.error)
        elif outcome.verdict == "converged":
            self.console.print(f"[bold green]The hub is ready[/] in {outcome.seconds:.1f} s")
        for label, value in (("Hub", outcome.url), ("Students open", outcome.link)):
            if value and not outcome.error:
                self.console.print(f"  {label}: {escape(value)}")

    def problem(self, error: Exception) -> None:
        """One readable message for whatever a user may meet."""
        if isinstance(error, InvalidInput):
            number = len(error.problems)
            self.console.print(f"[bold red]{number} mistake{'s' if number > 1 else ''} to correct[/]")
            for problem in error.problems:
                self.console.print(f"  {escape(str(problem))}")
        elif isinstance(error, Failure):
            self.console.print(f"[bold red]Failed:[/] {escape(error.message)}")
            if error.fix:
                self.console.print(f"  [bold]What to do:[/] {escape(error.fix)}")
            if error.detail:
                self.console.print(escape(error.detail), style="dim")


def titled(step: Step) -> str:
    """A step with what it costs."""
    return step.title if step.monthly is None else f"{step.title}: {dollars(step.monthly)} a month"


def total(steps: list[Step]) -> str:
    """What these steps add to the bill."""
    return f"{dollars(sum(step.monthly or 0 for step in steps))} a month more"


def dollars(amount: float) -> str:
    """Such as "$24.00", or "-$6.00"."""
    return f"{'-' if amount < 0 else ''}${abs(amount):.2f}"


def waits_for(step: Step) -> str:
    """What a person has to say so that a step is done."""
    return (
        f"to do it, run the deploy with --allow {step.needs}; "
        f"on GitHub: Actions → Deploy → Run workflow, “{step.needs}”"
    )


def shortened(details: tuple[str, ...]) -> list[str]:
    """The first details of a step, and how many more there are."""
    if len(details) <= SHOWN:
        return list(details)
    return [*details[:SHOWN], f"… and {len(details) - SHOWN} more"]


def as_json(result: Outcome | Exception) -> str:
    """The machine-readable result: one line, no secret in it."""
    if isinstance(result, InvalidInput):
        return json.dumps(
            {"verdict": "invalid", "problems": [asdict(problem) for problem in result.problems]}
        )
    if isinstance(result, Failure):
        return json.dumps({"verdict": "failed", "error": error_value(result)})
    return json.dumps(
        {
            "verdict": result.verdict,
            "address": result.address,
            "url": result.url,
            "link": result.link,
            "admin": result.url and f"{result.url}/hub/admin",
            "students": result.students,
            "commit": result.commit,
            "seconds": round(result.seconds, 3),
            "round_trips": result.round_trips,
            "plan": [planned_value(step) for step in result.planned],
            "held": [planned_value(step) for step in result.held],
            "steps": [
                {
                    "part": done.step.part,
                    "title": done.step.title,
                    "seconds": round(done.seconds, 3),
                    "error": done.error,
                }
                for done in result.steps
            ],
            "checks": [asdict(check) for check in result.checks],
            "warnings": list(result.warnings),
            "server": result.server,
            "health": result.health,
            "error": error_value(result.error),
        }
    )


def planned_value(step: Step) -> dict:
    """A planned step as a JSON value; `monthly` in dollars."""
    return {
        "part": step.part,
        "title": step.title,
        "details": list(step.details),
        "monthly": step.monthly,
        "needs": step.needs,
    }


def error_value(error: Failure | None):
    """A failure as a JSON value."""
    return error and {"message": error.message, "fix": error.fix, "detail": error.detail}
