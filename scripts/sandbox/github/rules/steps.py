"""Steps: which actions they use, pinned to what, and with which inputs."""

from __future__ import annotations

import re

from sandbox.github.rules import Said
from sandbox.github.rules.subject import PINS, Repository
from sandbox.github.rules.tree import Document, Node

PINNED = re.compile(r"(?P<name>[\w.-]+/[\w.-]+)(/[\w./-]+)?@(?P<commit>[0-9a-f]{40})")
VERSION = re.compile(r"\s#\s*(\S+)\s*$")


def is_named(document: Document, _: Repository) -> Said:
    for step in document.steps:
        if step["run"] and not step["name"].text:
            yield step["run"].line, "the step has no name"


def is_pinned(document: Document, repository: Repository) -> Said:
    used = [step["uses"] for step in document.steps] + [job.node["uses"] for job in document.jobs]
    for uses in filter(None, used):
        if uses.text.startswith("./"):
            continue
        pinned = PINNED.fullmatch(uses.text)
        if not pinned:
            yield uses.line, f"{uses.text} must be pinned to a commit, by all its 40 digits"
        elif pinned["name"] not in repository.pins:
            yield uses.line, f"{pinned['name']} is not in {PINS}"
        else:
            pin = repository.pins[pinned["name"]]
            comment = VERSION.search(document.lines[uses.line - 1])
            if pinned["commit"] != pin.commit:
                yield uses.line, f"{pinned['name']} is pinned to {pin.commit} in {PINS}"
            if not comment or comment[1] != pin.version:
                yield uses.line, f"the comment behind this commit of {pinned['name']} must be # {pin.version}"


def local_actions_fit(document: Document, repository: Repository) -> Said:
    """The parser looks at the inputs of all actions but the local ones."""
    for step in document.steps:
        uses = step["uses"]
        if not uses.text.startswith("./"):
            continue
        folder = uses.text[2:].rstrip("/")
        found = (repository.documents.get(f"{folder}/action.{ending}") for ending in ("yml", "yaml"))
        action = next(filter(None, found), None)
        if not action:
            yield uses.line, f"there is no action in {folder}"
            continue
        inputs = action.root["inputs"].fields
        for name, value in step["with"].fields.items():
            if name not in inputs:
                yield value.line, f"{folder} has no input {name}"
        for name in inputs.keys() - step["with"].fields.keys():
            if inputs[name]["required"].text == "true" and not inputs[name]["default"]:
                yield uses.line, f"{folder} needs the input {name}"


def checkout_keeps_no_token(document: Document, _: Repository) -> Said:
    for step in document.steps:
        if re.match(r"actions/checkout@", step["uses"].text) and not _is_false(step["with"]):
            yield (
                step["uses"].line,
                "a checkout needs persist-credentials: false, or later steps find its token",
            )


def _is_false(inputs: Node) -> bool:
    return inputs["persist-credentials"].text == "false"


RULES = (is_named, is_pinned, local_actions_fit, checkout_keeps_no_token)
