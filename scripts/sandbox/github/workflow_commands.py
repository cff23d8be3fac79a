"""The commands that a step writes among its output: `::name key=value::message`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.github.logs import Annotation, Log, Masks

FORM = re.compile(r"\s*::(?P<name>[A-Za-z][\w-]*)(?: (?P<properties>.*?))?::(?P<message>.*)", re.DOTALL)
LEVELS = ("error", "warning", "notice")
SILENT = ("group", "endgroup", "debug", "echo")
SHOWN = 10
"""So many annotations of each level are shown for one step."""


@dataclass(frozen=True)
class Command:
    """A command, unescaped; its name in small letters."""

    name: str
    properties: Mapping[str, str]
    message: str


def parsed(line: str) -> Command | None:
    """The command on a line, if there is one."""
    match = FORM.fullmatch(line)
    if not match:
        return None
    pairs = (pair.partition("=") for pair in (match["properties"] or "").split(",") if "=" in pair)
    properties = {
        key.strip(): _unescaped(value, {"%3A": ":", "%2C": ","}) for key, _, value in pairs if value
    }
    return Command(match["name"].lower(), properties, _unescaped(match["message"], {}))


def _unescaped(text: str, more: Mapping[str, str]) -> str:
    table = {"%0D": "\r", "%0A": "\n", "%25": "%", **more}
    return re.sub("|".join(table), lambda match: table[match[0]], text)


class Listener:
    """Reads a step's lines: logs each, obeys the commands in them, keeps annotations and complaints."""

    def __init__(self, log: Log, masks: Masks):
        self.annotations: list[Annotation] = []
        self.complaints: list[str] = []
        """Commands that the runner here does not know; the step fails for them."""
        self._log, self._masks = log, masks
        self._stopped: str | None = None

    def hear(self, line: str) -> None:
        """Take one line of output, without its end."""
        if self._stopped is not None:
            if line.strip() == f"::{self._stopped}::":
                self._stopped = None
            self._log.write(line)
            return
        command = parsed(line)
        if command is not None:
            self._obey(command)
        self._log.write(line)

    def annotate(self, level: str, message: str, **place) -> None:
        """Add an annotation, with its secrets hidden."""
        count = sum(annotation.level == level for annotation in self.annotations)
        hidden = {
            key: self._masks.hide(value) if isinstance(value, str) else value for key, value in place.items()
        }
        self.annotations.append(Annotation(level, self._masks.hide(message), **hidden, shown=count < SHOWN))

    def _obey(self, command: Command) -> None:
        if command.name == "add-mask":
            self._masks.add(command.message)
        elif command.name == "stop-commands":
            self._stopped = command.message
        elif command.name in LEVELS:
            self.annotate(command.name, command.message, **_place(command.properties))
        elif command.name not in SILENT:
            self.complaints.append(f"the command ::{command.name}:: is not supported by this runner")


def _place(properties: Mapping[str, str]) -> dict[str, str | int | None]:
    names = {"line": "line", "endLine": "end_line", "col": "column", "endColumn": "end_column"}
    numbers = {
        names[key]: int(value) for key, value in properties.items() if key in names and value.isdigit()
    }
    return {"title": properties.get("title"), "file": properties.get("file"), **numbers}
