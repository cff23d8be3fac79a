"""A workflow, or the metadata of an action, as a tree in which everything knows its line.

Scalars stay as they are written: for the YAML that loads, `on` would be a yes, and a comment nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import yaml

TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True)
class Node:
    """A value. `kind` is "map", "list", "absent", or a scalar's type in YAML: "str", "bool", "int", "null"…

    `line`, from 1, is where its key stands, or in a list the value; `first_line` where its text begins.
    """

    line: int
    kind: str = "absent"
    text: str = ""
    first_line: int = 0
    fields: Mapping[str, Node] = field(default_factory=dict)
    items: tuple[Node, ...] = ()

    def __bool__(self) -> bool:
        return self.kind != "absent"

    def __getitem__(self, name: str) -> Node:
        """The value of a key; an absent one, at this one's line, where there is none."""
        return self.fields.get(name, Node(self.line))

    def scalars(self, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
        """Every scalar below, with the keys and indices that lead to it."""
        if self.kind == "map":
            for name, child in self.fields.items():
                yield from child.scalars((*path, name))
        elif self.kind == "list":
            for index, child in enumerate(self.items):
                yield from child.scalars((*path, str(index)))
        elif path and self:
            yield path, self


@dataclass(frozen=True)
class Job:
    """A job of a workflow."""

    name: str
    node: Node

    @property
    def steps(self) -> tuple[Node, ...]:
        return self.node["steps"].items

    @property
    def needs(self) -> tuple[str, ...]:
        """The jobs that it waits for."""
        needs = self.node["needs"]
        return tuple(item.text for item in (needs.items or (needs,)) if item)


@dataclass(frozen=True)
class Document:
    """A file. `file` is its path in the repository; `lines` keep what YAML drops: the comments."""

    file: str
    lines: tuple[str, ...]
    root: Node

    @property
    def is_workflow(self) -> bool:
        """Whether it is a workflow; else it is the metadata of an action."""
        return PurePosixPath(self.file).parent.name == "workflows"

    @property
    def jobs(self) -> tuple[Job, ...]:
        return tuple(Job(name, node) for name, node in self.root["jobs"].fields.items())

    @property
    def steps(self) -> tuple[Node, ...]:
        """Those of all jobs, or of a composite action."""
        return (*(step for job in self.jobs for step in job.steps), *self.root["runs"]["steps"].items)


def read(file: str, text: str) -> Document:
    """Raises yaml.MarkedYAMLError for what is not YAML."""
    composed = yaml.compose(text, yaml.SafeLoader)
    root = _node(composed, 1) if composed else Node(1)
    return Document(file, tuple(text.splitlines()), root)


def _node(composed: yaml.Node, line: int) -> Node:
    if isinstance(composed, yaml.MappingNode):
        pairs = ((str(key.value), _node(value, key.start_mark.line + 1)) for key, value in composed.value)
        return Node(line, "map", fields=dict(pairs))
    if isinstance(composed, yaml.SequenceNode):
        return Node(
            line, "list", items=tuple(_node(item, item.start_mark.line + 1) for item in composed.value)
        )
    is_block = composed.style in ("|", ">")
    first_line = composed.start_mark.line + 1 + is_block
    return Node(line, composed.tag.removeprefix(TAG), composed.value, first_line)
