"""Values with expressions in them, evaluated as GitHub does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.github.service import Service

MARK = "$expression"
"""The parser gives every expression as {MARK: "its text"}."""


@dataclass(frozen=True)
class Status:
    """What success(), failure() and cancelled() answer at one place; always() is always true."""

    success: bool = True
    failure: bool = False
    cancelled: bool = False


@dataclass(frozen=True)
class Evaluation:
    """A value without expressions, GitHub's truth about the last one, and the secrets that were read."""

    value: Any
    truthy: bool
    secrets: frozenset[str]


def evaluate(
    service: Service,
    value: Any,
    contexts: Mapping[str, Any],
    status: Status | None = None,
    workspace: Path | None = None,
) -> Evaluation:
    """Evaluate every expression in `value`; `workspace` is where hashFiles() looks.

    Raises Refusal, whose message has the expression, if one cannot be evaluated.
    """
    if not has_expression(value):
        return Evaluation(value, False, frozenset())
    answer = service.ask(
        "evaluate",
        value=value,
        contexts=contexts,
        status=vars(status) if status else {},
        directory=str(workspace) if workspace else None,
    )
    return Evaluation(answer["value"], answer["truthy"], frozenset(answer["secrets"]))


def has_expression(value: Any) -> bool:
    """Is there anything to evaluate?"""
    if isinstance(value, Mapping):
        return MARK in value or any(has_expression(item) for item in value.values())
    return isinstance(value, list) and any(has_expression(item) for item in value)


def string(value: Any) -> str:
    """A value as GitHub writes it where it wants a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"{value:.15g}"
    if isinstance(value, (list, dict)):
        return "Array" if isinstance(value, list) else "Object"
    return value


def strings(mapping: Mapping[str, Any] | None) -> dict[str, str]:
    """Each value of a mapping as a text."""
    return {key: string(value) for key, value in (mapping or {}).items()}
