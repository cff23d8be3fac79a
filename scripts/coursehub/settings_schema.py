"""course.schema.json at work: the defaults, and what the schema says about a document as Problems.

Besides JSON Schema's own keywords the file has four: `x-what` (what a value must be, a noun),
`x-fix` (what to do when it is not), `x-default` (the default in words, where it is no constant) and `x-date`
(a date is welcome, which YAML takes for something other than text).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from coursehub.nearest import nearest
from coursehub.problems import Problem
from coursehub.roster.people import group_from
from coursehub.settings_yaml import Document, KeyPath, Misread, dotted

SCHEMA_FILE = Path(__file__).with_name("course.schema.json")

WORDS_FOR_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a group of keys, indented below it",
}

# How a right value is commonly written wrong, by what it must be (`x-what`): a rewrite that the schema
# accepts is offered as the fix.
REWRITES: dict[str, tuple[Callable[[str], str], ...]] = {
    "an account name": (
        lambda text: text.strip().lower(),
        lambda text: text.strip().lower().partition("@")[0],
        lambda text: re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._"),
    ),
    "a host name": (
        lambda text: re.sub(r"^[a-z]+://", "", text.strip().lower()).partition("/")[0].partition(":")[0],
        lambda text: text.rstrip(".").lower(),
    ),
    "an e-mail address": (lambda text: text.strip().removeprefix("mailto:"),),
    "a group's name": (group_from,),
    "a role": (lambda text: text.strip().lower(),),
    "an amount of memory": (lambda text: re.sub(r"I?B$", "", text.replace(" ", "").upper()),),
    "a size": (lambda text: re.sub(r"I?B$", "", text.replace(" ", "").upper()),),
    "a way to set up swap": (
        lambda text: text.strip().lower(),
        lambda text: re.sub(r"I?B$", "", text.replace(" ", "").upper()),
    ),
    "a name for a directory": (lambda text: re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._"),),
    "a path below content/": (lambda text: text.replace("\\", "/").strip("/").removeprefix("./"),),
    "a pattern of paths below content/": (
        lambda text: text.replace("\\", "/").strip("/").removeprefix("./"),
    ),
    "a path below shared/": (lambda text: text.replace("\\", "/").strip("/").removeprefix("shared/"),),
    "a SHA-256 checksum": (lambda text: text.strip().removeprefix("sha256:").partition(" ")[0],),
    "a release of The Littlest JupyterHub": (lambda text: text.strip().lower().removeprefix("v"),),
    "a web address": (lambda text: "https://" + text.strip(),),
}


@cache
def schema() -> dict[str, Any]:
    """The annotated schema of course.yml."""
    return json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def defaults(part: dict[str, Any] | None = None) -> dict[str, Any]:
    """The default of every key that has one, nested as in course.yml; fresh with each call."""
    result: dict[str, Any] = {}
    for key, rule in (part or schema())["properties"].items():
        if "properties" in rule:
            result[key] = defaults(rule)
        elif "default" in rule:
            result[key] = json.loads(json.dumps(rule["default"]))
    return result


def with_dates(document: Document) -> Document:
    """The document with dates as they are written, where the schema wants them."""
    return replace(document, data=_dated(document.data, schema()))


def _dated(value: Any, rule: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        rules = rule.get("properties", {})
        return {key: _dated(item, rules.get(key, {})) for key, item in value.items()}
    if isinstance(value, list):
        return [_dated(item, rule.get("items", {})) for item in value]
    return value.text if isinstance(value, Misread) and value.text and rule.get("x-date") else value


def mistakes(document: Document) -> list[tuple[KeyPath, Problem]]:
    """Everything the schema has against a document, at most one problem for each value."""
    from jsonschema import Draft202012Validator  # 66 ms, of which --help has no use

    validator = Draft202012Validator(schema())
    found: dict[KeyPath, Problem] = {}
    for error in validator.iter_errors(document.data):
        path = tuple(error.absolute_path)
        accepts = Draft202012Validator(error.schema).is_valid
        for here, problem in _explained(document, error, path, accepts):
            if here not in found or error.validator == "type":
                found[here] = problem
    return list(found.items())


def _explained(document: Document, error, path: KeyPath, accepts) -> Iterator[tuple[KeyPath, Problem]]:
    rule, value = error.schema, error.instance
    if error.validator == "additionalProperties":
        for key in value:
            if key not in rule["properties"]:
                here = (*path, key)
                yield here, _problem(document, here, *_unknown_key(path, key, rule["properties"]), show=False)
    elif error.validator == "dependentRequired":
        for key in (key for keys in error.validator_value.values() for key in keys if key not in value):
            given = ", ".join(value)
            message = f"{path[-1]}.{key} is missing: {given} is given, and {path[-1]} needs both or neither"
            yield (*path, key), _problem(document, path, message, f"Add {key}: below {path[-1]}:.")
    elif error.validator == "uniqueItems":
        for index, item in enumerate(value):
            if (first := value.index(item)) < index:
                line = document.place((*path, first)).line
                here = (*path, index)
                message = f"is in the list twice; first on line {line}"
                yield here, _problem(document, here, message, "Delete one of the two.")
    elif error.validator == "required":
        missing = next(key for key in error.validator_value if key not in value)
        fix = f"Add {missing}: {rule['properties'][missing]['x-fix']}"
        yield path, _problem(document, path, f"has no {missing}", fix)
    elif error.validator == "type":
        yield path, _problem(document, path, *_wrong_type(document, path, value, rule, accepts))
    elif "propertyNames" in error.absolute_schema_path:
        outer, here = schema_at(path), (*path, value)
        yield here, _problem(document, here, f"is not {outer['x-what']}", outer["x-fix"], show=False)
    else:
        yield path, _problem(document, path, _wrong_value(error), _fix(value, rule, accepts))


def schema_at(path: KeyPath) -> dict[str, Any]:
    """The part of the schema that describes the value at this path."""
    part = schema()
    for step in path:
        if isinstance(step, int):
            part = part["items"]
        else:
            part = part.get("properties", {}).get(step) or part["additionalProperties"]
    return part


def _problem(document: Document, path: KeyPath, message: str, fix: str, show: bool = True) -> Problem:
    """A Problem at the place of `path`, with what stands there (passwords covered) if `show`."""
    place = document.place(path)
    found = re.sub(r"://[^/]*@", "://***@", (place.text or "").strip())[:60] if show else ""
    return Problem(place.file, message, fix, line=place.line, key=dotted(path), found=found or None)


def _unknown_key(path: KeyPath, key: str, known: dict[str, Any]) -> tuple[str, str]:
    message = "is not a key that course.yml knows"
    if not key:
        return message, "Write the name of a key before the colon."
    if guess := nearest(key, known):
        return message, f"Did you mean {guess}? Otherwise delete the line."
    for home in _homes_of(key):
        if home != path:
            place = f"below {dotted(home)}:" if home else "at the left margin"
            return message, f"Move it: {key} belongs {place}, indented accordingly."
    return message, f"Delete it, or use one of: {', '.join(known)}."


def _homes_of(key: str) -> Iterator[KeyPath]:
    properties = schema()["properties"]
    if key in properties:
        yield ()
    yield from ((name,) for name, rule in properties.items() if key in rule.get("properties", {}))


def _wrong_type(document: Document, path: KeyPath, value: Any, rule: dict, accepts) -> tuple[str, str]:
    wanted = rule["type"] if isinstance(rule["type"], str) else rule["type"][0]
    written = document.place(path).text
    expected = f"must be {rule.get('x-what') or WORDS_FOR_TYPES[wanted]}"
    if value is None:
        return "an empty item in the list", "Write something behind the dash, or delete the dash."
    if wanted == "string" and written is not None:
        message = f"{expected}, but YAML reads this as {_kind(value)}"
        return message, f'Put it in quotes: "{written}".' if accepts(written) else rule["x-fix"]
    if wanted == "array" and written is not None:
        return f"must be a list, even of one: this is {_kind(value)}", f"Write [{written}]. {rule['x-fix']}"
    if wanted == "object":
        keys = ", ".join(rule.get("properties", ())) or "a channel and its address"
        return f"must be {WORDS_FOR_TYPES[wanted]}", f"Write the keys on the lines below, indented: {keys}."
    return f"{expected}: this is {_kind(value)}", rule["x-fix"]


def _kind(value: Any) -> str:
    if isinstance(value, Misread):
        return value.kind
    if isinstance(value, bool):
        return str(value).lower()
    names = {int: "a number", float: "a number", str: "text", list: "a list", dict: "a group of keys"}
    return names.get(type(value), "nothing")


def _wrong_value(error) -> str:
    rule = error.schema
    if error.validator == "minItems":
        return "must not be an empty list"
    if error.validator == "minimum":
        return f"must be at least {error.validator_value}"
    if error.validator == "maximum":
        return f"must be at most {error.validator_value}"
    if error.instance == "":
        return f"is empty, but must be {rule['x-what']}"
    return f"is not {rule['x-what']}"


def _fix(value: Any, rule: dict, accepts) -> str:
    if not isinstance(value, str) or not value:
        return rule["x-fix"]
    rewritten = (rewrite(value) for rewrite in REWRITES.get(rule["x-what"], ()))
    guess = next((text for text in rewritten if accepts(text)), None)
    guess = guess or nearest(value, _known_values(rule), cutoff=0.7)
    return f"Did you mean {guess}? {rule['x-fix']}" if guess else rule["x-fix"]


def _known_values(rule: dict) -> list[str]:
    choices = [rule, *rule.get("anyOf", [])]
    return [value for choice in choices for value in choice.get("enum", [])]
