"""Reads YAML with the line of every key and item, and explains in plain words what YAML misunderstands.

The only module that imports PyYAML. What it reads is plain data, but for `Misread` values: scalars that
YAML 1.1 silently turns into something else than was written (dates, `1:30`, `010`), which no rule accepts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from coursehub.problems import InvalidInput, Problem
from coursehub.source_text import read_source

KeyPath = tuple[str | int, ...]

MOST_VALUES = 20_000
"""More keys and items than any course has: stops aliases that multiply."""

TAG = "tag:yaml.org,2002:"
TAGS = frozenset(TAG + kind for kind in (["str", "int", "float", "bool", "null", "timestamp", "seq", "map"]))

# What PyYAML says -> what it means to a person -> what to do. The first that occurs in the message serves.
IN_PLAIN_WORDS = (
    ("character '\\t'", "the line is indented with a tab", "Indent with spaces: YAML forbids tabs there."),
    (
        "mapping values are not allowed",
        "a second colon on the line, or a line that is indented too far",
        "Put a text that contains a colon in quotes, and indent the keys of one group alike.",
    ),
    (
        "could not find expected ':'",
        "a key without a colon",
        "Write key: value, with a colon and a space, and put a text of several lines in quotes.",
    ),
    (
        "while scanning a quoted scalar",
        "a quotation mark that is not closed",
        "Close the quotation mark on the same line.",
    ),
    ("while parsing a flow sequence", "a bracket [ that is not closed", "Close the list with ]."),
    ("while parsing a flow mapping", "a brace { that is not closed", "Close the brace with }."),
    (
        "expected <block end>",
        "the indentation does not fit the lines around it",
        "Indent the keys (or dashes) of one group by the same number of spaces.",
    ),
    (
        "undefined alias",
        "an alias (*name) without its anchor (&name)",
        "Put a text that starts with * in quotes.",
    ),
    (
        "unknown escape character",
        "a backslash in double quotes",
        "Use single quotes, or write the backslash twice.",
    ),
    ("cannot start any token", "a character that needs quotes", "Put the whole text in quotes."),
)
# For these the beginning of the construct is what the reader must see, not where the parser gave up.
UNCLOSED = ("while scanning a quoted scalar", "while parsing a flow")


@dataclass(frozen=True)
class Place:
    """Where a key or item stands: file, line from 1, and the scalar as written (None: a list or mapping)."""

    file: str
    line: int
    text: str | None


@dataclass(frozen=True)
class Misread:
    """A scalar that YAML reads as something else than its writer meant; `kind` says as what, `text` is what
    was written."""

    kind: str
    text: str = ""


@dataclass(frozen=True)
class Document:
    """What a file holds, where each part of it stands, and the mistakes that did not stop the reading."""

    data: dict[str, Any]
    places: Mapping[KeyPath, Place]
    problems: tuple[Problem, ...] = ()

    def place(self, path: KeyPath) -> Place:
        """The place of a key or item, or of the nearest thing around it that the file has.

        Raises KeyError when not even the first key is there.
        """
        while path[1:] and path not in self.places:
            path = path[:-1]
        return self.places[path]


def dotted(path: KeyPath) -> str | None:
    """The key as messages show it: `droplet.size`; an item of a list goes by its list."""
    return ".".join(part for part in path if isinstance(part, str)) or None


def read_document(path: Path, file: str) -> Document:
    """Reads a YAML file of keys and values; an empty one is fine. `file` is its name in problems.

    Raises InvalidInput when it does not parse; keys given twice and foreign tags are in `problems`.
    """
    text = read_source(path, file)
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_node() if loader.check_node() else None
        second = loader.get_node() if root is not None and loader.check_node() else None
        reading = _Reading(file, loader)
        if second is not None:
            reading.problem(second, (), "a second document starts here", "Delete the line --- above it.")
        if root is None or root.tag == TAG + "null":
            return Document({}, {}, tuple(reading.problems))
        if not isinstance(root, yaml.MappingNode):
            message = f"holds {_kind_of_node(root)} where keys and values belong"
            reading.problem(root, (), message, "Write one key: value on each line.")
            raise InvalidInput(reading.problems)
        data = reading.value(root, ())
    except yaml.YAMLError as error:
        raise InvalidInput([_in_plain_words(error, text, file)]) from None
    except RecursionError:
        problem = Problem(file, "the lists or keys are nested too deeply", "Use a few levels only.")
        raise InvalidInput([problem]) from None
    return Document(data, reading.places, tuple(reading.problems))


def merged(base: Document, over: Document) -> Document:
    """`base` with the keys of `over` laid over it: mappings key by key, all else whole."""
    data, places = _merged(base.data, over.data, dict(base.places), ())
    return Document(data, places | dict(over.places), base.problems + over.problems)


def without_empty_keys(document: Document) -> Document:
    """The document without keys that have no value: `users:` with nothing behind it means the default."""
    return replace(document, data=_without_nulls(document.data))


def _merged(base: dict, over: dict, places: dict[KeyPath, Place], path: KeyPath) -> tuple[dict, dict]:
    result = dict(base)
    for key, value in over.items():
        here = (*path, key)
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            result[key], places = _merged(base[key], value, places, here)
        else:
            result[key] = value
            places = {known: place for known, place in places.items() if known[: len(here)] != here}
    return result, places


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value


class _Reading:
    """One walk over the nodes of a file: values, places, and the problems met on the way."""

    def __init__(self, file: str, loader: yaml.SafeLoader):
        self.file, self.loader = file, loader
        self.places: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []
        self.ancestors: list[yaml.Node] = []

    def problem(
        self, node: yaml.Node, path: KeyPath, message: str, fix: str, found: str | None = None
    ) -> None:
        line = node.start_mark.line + 1
        self.problems.append(Problem(self.file, message, fix, line=line, key=dotted(path), found=found))

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        if any(node is ancestor for ancestor in self.ancestors):
            self.problem(
                node, path, "an alias refers to what it is itself part of", "Remove the alias (*name)."
            )
            raise InvalidInput(self.problems)
        if node.tag not in TAGS:
            tag = node.tag.replace(TAG, "!!")
            self.problem(
                node, path, f"the tag {tag} has no meaning here", "Delete the tag, or use quotes.", tag
            )
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        self.ancestors.append(node)
        if isinstance(node, yaml.SequenceNode):
            result = [self._placed(item, item, (*path, index)) for index, item in enumerate(node.value)]
        else:
            result = self._mapping(node, path)
        self.ancestors.pop()
        return result

    def _placed(self, node: yaml.Node, mark: yaml.Node, path: KeyPath) -> Any:
        """The value of `node`, whose place is the line of `mark`: its key, or itself for an item."""
        written = node.value if isinstance(node, yaml.ScalarNode) else None
        self.places[path] = Place(self.file, mark.start_mark.line + 1, written)
        if len(self.places) > MOST_VALUES:
            self.problem(
                node, path, "the file has too many values", "Remove the aliases (*name) that repeat."
            )
            raise InvalidInput(self.problems)
        return self.value(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        seen: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            key, line = key_node.value, key_node.start_mark.line + 1
            if key in seen and key_node.tag != TAG + "merge":
                fix = "Keep one of the two and delete the other."
                self.problem(key_node, (*path, key), f"is given twice; first on line {seen[key]}", fix)
            seen.setdefault(key, line)
        self.loader.flatten_mapping(node)
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if isinstance(key_node, yaml.ScalarNode):
                result[key_node.value] = self._placed(value_node, key_node, (*path, key_node.value))
            else:
                message = f"{_kind_of_node(key_node)} stands where a key belongs"
                self.problem(key_node, path, message, "Write key: value, or put the text in quotes.")
        return result

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        try:
            value = self.loader.construct_object(node) if node.tag in TAGS else node.value
        except (ValueError, ArithmeticError, LookupError, AttributeError):
            # A number or date that is none: PyYAML looks no closer than a pattern or an explicit tag.
            return Misread(_KINDS.get(node.tag.removeprefix(TAG), "something else"), node.value)
        if isinstance(value, str):
            return Misread("text of several lines") if re.search(r"[\x00-\x1f\x7f]", value) else value
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, int):
            plain = re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,17})", node.value)
            return value if plain else Misread(f"the number {_shown(value)}")
        if isinstance(value, float):
            return value if math.isfinite(value) and ":" not in node.value else Misread(f"the number {value}")
        return Misread(_KINDS["timestamp"], node.value)


_KINDS = {"int": "a number", "float": "a number", "timestamp": "a date", "bool": "true or false"}


def _shown(number: int) -> str:
    return str(number) if abs(number) < 10**18 else "too large"


def _kind_of_node(node: yaml.Node) -> str:
    if isinstance(node, yaml.MappingNode):
        return "a group of keys"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a single text"


def _in_plain_words(error: yaml.YAMLError, text: str, file: str) -> Problem:
    """One Problem for a file that does not parse: the parser's line, and what it most likely means."""
    said = str(error)
    mark = getattr(error, "problem_mark", None)
    if getattr(error, "context_mark", None) and any(sign in said for sign in UNCLOSED):
        mark = error.context_mark
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        fix = "Delete the invisible character: type the line anew."
        return Problem(file, "holds a character that no text has", fix, line=line)
    line = mark.line + 1 if mark else None
    lines = text.splitlines()
    found = lines[line - 1].strip()[:60] if line and line <= len(lines) else None
    for sign, message, fix in IN_PLAIN_WORDS:
        if sign in said:
            return Problem(file, f"is not YAML: {message}", fix, line=line, found=found or None)
    message = getattr(error, "problem", None) or "it cannot be read"
    return Problem(
        file, f"is not YAML: {message}", "Compare the line with the example.", line=line, found=found
    )
