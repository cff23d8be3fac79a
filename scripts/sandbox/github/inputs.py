"""The inputs of a workflow that is started by hand, as GitHub accepts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from coursehub.problems import Failure
from sandbox.github.parser import Unsupported

TRUTH = {"true": True, "false": False}


class RefusedInputs(Failure):
    """GitHub answers 422 to these inputs, and starts nothing."""


def validated(
    definitions: Mapping[str, Mapping[str, Any]] | None, given: Mapping[str, Any]
) -> dict[str, Any]:
    """Every input with its value: given or default, booleans and numbers as such. Raises RefusedInputs."""
    definitions = definitions or {}
    unknown = sorted(set(given) - set(definitions))
    if unknown:
        raise RefusedInputs(f"unexpected inputs: {', '.join(unknown)}")
    return {name: _value(name, definition or {}, given) for name, definition in definitions.items()}


def _value(name: str, definition: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    kind = definition.get("type", "string")
    value = given.get(name, definition.get("default"))
    if definition.get("required") and value in (None, ""):
        raise RefusedInputs(f"the required input {name} was not given")
    if kind == "boolean":
        return _boolean(name, value)
    if kind == "number":
        return _number(name, value)
    if kind == "choice":
        return _choice(name, value, definition["options"])
    if kind != "string":
        raise Unsupported(f"the input {name}: the type {kind} is not supported by this runner")
    return "" if value is None else str(value)


def _boolean(name: str, value: Any) -> bool:
    if value is None or isinstance(value, bool):
        return bool(value)
    if value not in TRUTH:
        raise RefusedInputs(f"the input {name} is true or false, not {value!r}")
    return TRUTH[value]


def _number(name: str, value: Any) -> float | int | str:
    if value in (None, ""):
        return ""
    try:
        number = float(value)
    except ValueError:
        raise RefusedInputs(f"the input {name} is a number, not {value!r}") from None
    return int(number) if number.is_integer() else number


def _choice(name: str, value: Any, options: list[str]) -> str:
    # The form shows the first option when the file names no default.
    value = options[0] if value is None else value
    if value not in options:
        raise RefusedInputs(f"the input {name} is one of {', '.join(options)}, not {value!r}")
    return value
