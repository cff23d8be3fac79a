"""The job summary, as Markdown: its first line says what happened and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .model import Check, Step
from .outcome import Outcome
from .problems import CoursehubError, Failure, InvalidInput
from .report import SHOWN, dollars, titled, total, waits_for


def summary(result: Outcome | CoursehubError) -> str:
    """What a deploy, or a plan, came to; or the error that any script ended with."""
    if isinstance(result, InvalidInput):
        return "\n".join([mistakes_headline(result), "", *map(mistake, result.problems)]) + "\n"
    if isinstance(result, Failure):
        return "\n".join(failure_lines(result)) + "\n"
    lines = [*headline(result), *links(result), *prices(result), *plan(result)]
    lines += [*checks(result.checks), *noted(result.notes), *warnings(result.warnings)]
    return "\n".join(lines) + "\n"


def plan_comment(result: Outcome | CoursehubError) -> str:
    """What a pull request is told: the same."""
    return summary(result).replace("### ", "### Plan: ", 1)


def mistakes_headline(error: InvalidInput) -> str:
    number = len(error.problems)
    them = "1 mistake to correct" if number == 1 else f"{number} mistakes to correct"
    return f"### {them}, nothing was changed: see below, correct, and run again"


def mistake(problem: object) -> str:
    """A list's item; the solver's words have many lines, and stay together."""
    first, *words = str(problem).splitlines()
    last = [words.pop().strip(" .")] if words else []
    return "\n".join([f"- {first}", *(f"  {line}" for line in [*fenced(words), *last])])


def failure_lines(error: Failure) -> list[str]:
    """Headline, what to do, and the last words of what failed."""
    message, *rest = error.message.splitlines() or [""]
    fix = f". What to do: {error.fix}" if error.fix else ""
    return [f"### Failed: {message}{fix}", "", *fenced([*rest, *error.detail.splitlines()])]


def fenced(lines: Iterable[str]) -> list[str]:
    """Text as it stands, whatever marks it has; nothing for no text."""
    lines = list(lines)
    if not lines:
        return []
    longest = max((len(ticks) for line in lines for ticks in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [fence, *lines, fence, ""]


def headline(outcome: Outcome) -> list[str]:
    """What happened, and what to do about it."""
    held = f"; held back until you say so, see below: {len(outcome.held)}" if outcome.held else ""
    if outcome.error:
        return failure_lines(outcome.error)
    if outcome.verdict == "planned":
        number = len(outcome.planned)
        steps = f"{number} step{'' if number == 1 else 's'} planned: the next deploy does this"
        return [f"### {steps if number else 'Nothing to do: all is as it should be'}{held}", ""]
    return [f"### {f'The hub is ready: {outcome.url}' if outcome.url else 'There is no hub yet'}{held}", ""]


def links(outcome: Outcome) -> list[str]:
    """Where everything is, once there is a hub."""
    if outcome.error or not outcome.url:
        return []
    return [
        f"- Hub: {outcome.url}"
        + (f" (the server's address is {outcome.address})" if outcome.address else ""),
        f"- Students open [this link]({outcome.link}).",
        f"- Administrators look after servers and accounts in [the hub's panel]({outcome.url}/hub/admin).",
        "",
    ]


def prices(outcome: Outcome) -> list[str]:
    """What the plan changes of the bill."""
    priced = [step for step in outcome.planned if step.monthly]
    if not priced:
        return []
    each = [f"- {step.title}: {dollars(step.monthly)} a month" for step in priced]
    return ["**Price**", "", *(each if len(each) > 1 else []), f"- In all {total(priced)}.", ""]


def plan(outcome: Outcome) -> list[str]:
    """Every step, with the time that it took; and those that wait."""
    seconds = {id(done.step): f"{done.seconds:.1f} s" for done in outcome.steps}
    failed = {id(done.step) for done in outcome.steps if done.error}
    lines = ["**Plan**", ""] if outcome.planned else []
    for step in outcome.planned:
        mark = ", failed" if id(step) in failed else ""
        lines.append(f"- {titled(step)} {seconds.get(id(step), '')}{mark}".rstrip())
        lines += detail_lines(step.details)
    for step in outcome.held:
        lines += ["", *held_back(step)]
    return [*lines, ""] if lines else []


def held_back(step: Step) -> list[str]:
    return [f"**Held back:** {titled(step)}; {waits_for(step)}.", *detail_lines(step.details)]


def detail_lines(details: tuple[str, ...]) -> list[str]:
    """A step's details as items of a Markdown list; many are folded away, so that the steps stay in sight."""
    items = [f"  - `{line}`" if line[:2] in ("+ ", "- ", "~ ") else f"  - {line}" for line in details]
    if len(items) <= SHOWN:
        return items
    more = f"  - <details><summary>{len(items) - SHOWN} more</summary>"
    return [*items[:SHOWN], more, "", *("  " + item for item in items[SHOWN:]), "", "    </details>"]


def checks(made: Iterable[Check]) -> list[str]:
    """What a look from outside found."""
    lines = [f"- {'✓' if check.good else '✗'} {check.name}: {check.seen}" for check in made]
    return ["**Checks from outside**", "", *lines, ""] if lines else []


def noted(texts: Iterable[str]) -> list[str]:
    lines = [f"- {text}" for text in texts]
    return ["**To come**", "", *lines, ""] if lines else []


def warnings(texts: Iterable[str]) -> list[str]:
    return [line for text in texts for line in (f"> **Warning:** {text}", "")]
