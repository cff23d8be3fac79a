"""Conditions: what is a text is compared with a text, for the text 'false' counts as true."""

from __future__ import annotations

import re

from sandbox.github.rules import Said, expressions
from sandbox.github.rules.subject import Repository
from sandbox.github.rules.tree import Document

TEXTS = (
    r"(?<![\w.-])(?:needs\.[\w-]+\.(?:result|outputs\.[\w-]+)"
    r"|steps\.[\w-]+\.(?:outcome|conclusion|outputs\.[\w-]+)"
    r"|(?:env|vars|github\.event\.inputs{inputs})\.[\w-]+)"
)
IN_WORKFLOWS = re.compile(TEXTS.replace("{inputs}", ""))
IN_ACTIONS = re.compile(TEXTS.replace("{inputs}", "|inputs"))
"""The inputs of an action are texts; those of a workflow have the types that they are given."""
COMPARED = (r"(?:[=!]=|[<>]=?|,)\s*$", r"\s*(?:[=!]=|[<>]|,)")
ARGUMENT = re.compile(r"\w\s*\(\s*$")
WITH_BOOLEAN = (r"\b(?:true|false)\s*[=!]=\s*$", r"\s*[=!]=\s*(?:true|false)\b")


def compares_texts(document: Document, _: Repository) -> Said:
    texts = IN_WORKFLOWS if document.is_workflow else IN_ACTIONS
    for owner in (*(job.node for job in document.jobs), *document.steps):
        condition = expressions.in_condition(owner["if"].text)
        for found in texts.finditer(condition):
            around = condition[: found.start()], condition[found.end() :]
            if _meets(WITH_BOOLEAN, around):
                yield owner["if"].line, f"{found[0]} is a text and equals no true or false; write 'true'"
            elif not (_meets(COMPARED, around) or ARGUMENT.search(around[0])):
                yield owner["if"].line, f"{found[0]} holds even if it says 'false'; compare it: == 'true'"


def _meets(patterns: tuple[str, str], around: tuple[str, str]) -> bool:
    return bool(re.search(patterns[0], around[0]) or re.match(patterns[1], around[1]))


RULES = (compares_texts,)
