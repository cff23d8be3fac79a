"""Secrets: only in the steps that need them, under their own names, and only in jobs that may deploy."""

from __future__ import annotations

import re

from sandbox.github.rules import Said, expressions
from sandbox.github.rules.subject import DEPLOYING, Repository
from sandbox.github.rules.tree import Document, Job, Node

TOKEN = "GITHUB_TOKEN"  # noqa: S105
MESSAGES = "NOTIFY"
"""Where messages about incidents go; it opens no server, and is no deploy's business."""
NAMES = DEPLOYING | {TOKEN, MESSAGES}
GROUP = "coursehub-droplet"
READERS = {".github/workflows/plan.yml", ".github/workflows/doctor.yml"}
"""Workflows that look at the droplet and change nothing: they need not wait for one another."""
STATUS = re.compile(r"\b(?:always|failure|cancelled)\s*\(")
EXCLUDED = {"is_template": "the template itself", "fork": "forks"}


def stay_in_steps(document: Document, _: Repository) -> Said:
    for path, node in document.root.scalars():
        is_condition = path[-1] == "if"
        found = [expressions.in_condition(node.text)] if is_condition else expressions.in_text(node.text)
        for use in (use for expression in found for use in expressions.secrets(expression)):
            yield from ((node.line, said) for said in _misuse(use, path))
    for job in document.jobs:
        if job.node["secrets"]:
            yield (
                job.node["secrets"].line,
                "secrets are not handed to other workflows; use them in a step here",
            )


def _misuse(use: expressions.Use, path: tuple[str, ...]) -> list[str]:
    if len(path) < 4 or (path[-4], path[-2]) != ("steps", "env"):
        return [
            f"a secret in {'.'.join(path)} is seen by more than needs it; put it into the env of one step"
        ]
    if not use.name:
        return ["secrets must be named one by one"]
    if use.name not in NAMES:
        return [f"the program knows no secret {use.name}"]
    if use.shown and use.name in DEPLOYING and path[-1] != use.name:
        return [f"the program reads {use.name} under that name, not as {path[-1]}"]
    return []


def seen_by(step: Node) -> set[str]:
    """The secrets whose values a step gets."""
    return {
        use.name
        for value in step["env"].fields.values()
        for expression in expressions.in_text(value.text)
        for use in expressions.secrets(expression)
        if use.shown
    }


def failures_show(document: Document, _: Repository) -> Said:
    for job in document.jobs:
        for step in filter(seen_by, job.steps):
            for forgiving in (step["continue-on-error"], job.node["continue-on-error"]):
                if forgiving and forgiving.text != "false":
                    yield forgiving.line, "a step with a secret must not fail unseen: no continue-on-error"


def _deploying(job: Job) -> bool:
    return any(seen_by(step) & DEPLOYING for step in job.steps)


def deploys_queue(document: Document, _: Repository) -> Said:
    if document.file in READERS:
        return
    for job in filter(_deploying, document.jobs):
        concurrency = job.node["concurrency"] or document.root["concurrency"]
        settings = {name: value.text for name, value in concurrency.fields.items()}
        if settings != {"group": GROUP, "cancel-in-progress": "false", "queue": "max"}:
            wanted = f"group: {GROUP}, cancel-in-progress: false, queue: max"
            yield (concurrency or job.node).line, f"the job {job.name} must queue: concurrency: {{{wanted}}}"


def only_courses_deploy(document: Document, _: Repository) -> Said:
    jobs = {job.name: job for job in document.jobs}
    for job in filter(_deploying, document.jobs):
        for fact, whom in EXCLUDED.items():
            if not _excludes(job, fact, jobs, set()):
                where = job.node["if"].line
                yield (
                    where,
                    f"the if of the job {job.name} must exclude {whom}: !github.event.repository.{fact}",
                )


def _excludes(job: Job, fact: str, jobs: dict[str, Job], seen: set[str]) -> bool:
    """Whether the job, or one without which it is skipped, runs only where `fact` is false."""
    condition = expressions.in_condition(job.node["if"].text)
    name = rf"github\.event\.repository\.{fact}"
    holds = re.compile(rf"!\s*{name}|{name}\s*(?:==\s*false|!=\s*true)")
    if any(holds.fullmatch(part) for part in expressions.conjuncts(condition)):
        return True
    if STATUS.search(condition):
        return False
    needed = [jobs[need] for need in job.needs if need in jobs and need not in seen]
    return any(_excludes(other, fact, jobs, seen | {job.name}) for other in needed)


RULES = (stay_in_steps, failures_show, deploys_queue, only_courses_deploy)
