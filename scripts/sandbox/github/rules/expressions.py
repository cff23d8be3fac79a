"""What expressions refer to. Not an evaluator: enough to see names, with what is quoted out of the way."""

from __future__ import annotations

import re
from dataclasses import dataclass

EXPRESSION = re.compile(r"\$\{\{((?:'(?:[^']|'')*'|[^'])*?)\}\}", re.DOTALL)
STRING = re.compile(r"'(?:[^']|'')+'(?!')")
SECRET = re.compile(r"(?<![\w.-])secrets\b(?:\s*\.\s*([\w-]+))?(\s*[!=]=\s*'')?", re.IGNORECASE)
TOKEN = re.compile(r"(?<![\w.-])github\s*\.\s*token\b", re.IGNORECASE)
WHOLE = re.compile(r"(?<![\w.-])github\b(?!\s*\.)", re.IGNORECASE)
"""The context github as a whole, or by index: the token is in it."""


@dataclass(frozen=True)
class Use:
    """A secret in an expression; no `name` if it cannot be told; `shown`, or only asked whether it is set."""

    name: str
    shown: bool


def in_text(text: str) -> list[str]:
    """The expressions in a text, without what is quoted in them."""
    return [_unquoted(found) for found in EXPRESSION.findall(text)]


def in_condition(text: str) -> str:
    """An `if` as one expression, for there the braces may be left out; without what is quoted in it."""
    return _unquoted(EXPRESSION.sub(r"(\1)", text)).strip()


def _unquoted(expression: str) -> str:
    return STRING.sub(lambda found: "''" if found[0] == "''" else "'…'", expression)


def secrets(expression: str) -> list[Use]:
    """The secrets that an expression refers to; GITHUB_TOKEN under whichever name."""
    uses = [Use(found[1] or "", shown=not found[2]) for found in SECRET.finditer(expression)]
    uses += [Use("GITHUB_TOKEN", shown=True) for _ in TOKEN.finditer(expression)]
    return uses + [Use("", shown=True) for _ in WHOLE.finditer(expression)]


def conjuncts(condition: str) -> list[str]:
    """What must hold, all of it, for a condition (see `in_condition`) to hold."""
    parts, depth, begun = [], 0, 0
    for index, character in enumerate(condition):
        depth += {"(": 1, ")": -1}.get(character, 0)
        operator = condition[index : index + 2]
        if depth == 0 and operator == "||":
            return [condition]
        if depth == 0 and operator == "&&":
            parts.append(condition[begun:index])
            begun = index + 2
    parts = [part.strip() for part in (*parts, condition[begun:])]
    if len(parts) == 1:
        inner = re.fullmatch(r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)", parts[0])
        return conjuncts(inner[1].strip()) if inner else parts
    return [each for part in parts for each in conjuncts(part)]
