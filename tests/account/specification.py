"""Holds exchanges against DigitalOcean's official specification (OpenAPI 3.0), when it is at hand.

The file is $COURSEHUB_SPECIFICATION, or ../shared/data/digitalocean-openapi.json beside the repository. It is
no part of it: without it, nothing is checked.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator, oas30_format_checker
from referencing import Registry
from referencing.jsonschema import DRAFT4

from sandbox.cloud.core import Answer, Request

VARIABLE = "COURSEHUB_SPECIFICATION"
BESIDE = Path(__file__).parents[3] / "shared/data/digitalocean-openapi.json"
NAME = "urn:specification"
COMBINATIONS = ("allOf", "anyOf", "oneOf")
MOST_TOLD = 300  # characters of one violation
# Where the specification contradicts itself: it has a schema for this type of action, and leaves the type out
# of its list; and its examples name the volume, which its schema forgets.
GAPS = (
    re.compile(r"request: type: 'change_backup_policy' is not one of"),
    re.compile(r"request: unknown property volume_name"),
)


def specification_file() -> Path | None:
    """Where the specification is; None if it is not at hand. Raises FileNotFoundError for a place that was
    given and is empty."""
    given = os.environ.get(VARIABLE)
    if given and not Path(given).is_file():
        raise FileNotFoundError(f"${VARIABLE}: there is no {given}")
    file = Path(given) if given else BESIDE
    return file if file.is_file() else None


class Specification:
    """The document, with a validator for each schema that was needed so far."""

    def __init__(self, file: Path):
        self.document = json.loads(file.read_text())
        self._registry = Registry().with_resource(NAME, DRAFT4.create_resource(self.document))
        self._validators: dict[tuple[str, type], Any] = {}
        # Paths without variable parts first: /droplets/actions is not the droplet named actions.
        paths = sorted(self.document["paths"], key=lambda path: (path.count("{"), path))
        self._paths = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in paths]

    def operation(self, method: str, path: str) -> tuple[str, Mapping[str, Any]] | None:
        """Where an operation is in the document, and what stands there."""
        for pattern, known in self._paths:
            if pattern.fullmatch(path) and method.lower() in self.document["paths"][known]:
                pointer = f"/paths/{known.replace('/', '~1')}/{method.lower()}"
                return self.resolve(pointer, self.document["paths"][known][method.lower()])
        return None

    def resolve(self, pointer: str, value: Any) -> tuple[str, Any]:
        """Follow references; the place and what stands there."""
        while "$ref" in value:
            pointer = value["$ref"].removeprefix("#")
            value = self.document
            for part in pointer.strip("/").split("/"):
                value = value[part.replace("~1", "/")]
        return pointer, value

    def mistakes(self, pointer: str, instance: Any, kind: type) -> Iterator[str]:
        """What is wrong with an instance of the schema at a place."""
        key = (pointer, kind)
        if key not in self._validators:
            schema = {"$ref": f"{NAME}#{pointer}"}
            self._validators[key] = kind(schema, registry=self._registry, format_checker=oas30_format_checker)
        for error in self._validators[key].iter_errors(instance):
            place = "/".join(map(str, error.absolute_path))
            yield f"{place or 'body'}: {error.message[:MOST_TOLD]}"

    def properties(self, schema: Any) -> set[str]:
        """The names that an object of this schema can have at its top."""
        _, schema = self.resolve("", schema)
        names = set(schema.get("properties", ()))
        return names.union(*(self.properties(part) for key in COMBINATIONS for part in schema.get(key, ())))


@cache
def specification(file: Path) -> Specification:
    """A file's specification, read once."""
    return Specification(file)


@dataclass
class Validator:
    """An observer of `Server`, which gathers what does not agree with the specification.

    A request is held against it when the server accepted it: to be refused is what wrong ones are for.
    """

    file: Path
    violations: list[str] = field(default_factory=list)
    checked: int = 0

    def __call__(self, request: Request, answer: Answer) -> None:
        """Check one exchange."""
        self.checked += 1
        told = f"{request.method} {request.path} ({answer.status})"
        self.violations += [
            f"{told}: {mistake}"
            for mistake in self._mistakes(request, answer)
            if not any(gap.match(mistake) for gap in GAPS)
        ]

    def _mistakes(self, request: Request, answer: Answer) -> Iterator[str]:
        known = specification(self.file)
        operation = known.operation(request.method, request.path)
        if operation is None:
            if answer.status < 400:
                yield "the specification has no such operation"
            return
        pointer, described = operation
        if answer.status < 400:
            yield from self._in_request(known, pointer, described, request)
        yield from self._in_answer(known, pointer, described, answer)

    def _in_request(
        self, known: Specification, pointer: str, described: Mapping[str, Any], request: Request
    ) -> Iterator[str]:
        if "requestBody" not in described:
            return
        pointer, body = known.resolve(f"{pointer}/requestBody", described["requestBody"])
        schema = body["content"]["application/json"]["schema"]
        pointer = f"{pointer}/content/application~1json/schema"
        yield from (f"request: {text}" for text in known.mistakes(pointer, request.body, OAS30WriteValidator))
        unknown = set(request.body or {}) - known.properties(schema)
        yield from (f"request: unknown property {name}" for name in sorted(unknown))

    def _in_answer(
        self, known: Specification, pointer: str, described: Mapping[str, Any], answer: Answer
    ) -> Iterator[str]:
        status = str(answer.status)
        responses = described["responses"]
        if status not in responses and answer.status < 400:
            yield f"answer: expected one of {', '.join(responses)}"
            return
        name = status if status in responses else "default"
        pointer, response = known.resolve(f"{pointer}/responses/{name}", responses[name])
        content = response.get("content", {})
        if not content:
            if answer.body is not None:
                yield "answer: there should be no body"
            return
        pointer = f"{pointer}/content/application~1json/schema"
        yield from (f"answer: {text}" for text in known.mistakes(pointer, answer.body, OAS30ReadValidator))
