"""environment.yml: what the course's notebooks import, with the meaning it has on mybinder.org.

Only the shape is checked here, fast and without the network; whether the packages exist is the solver's word.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursehub.nearest import nearest
from coursehub.problems import InvalidInput, Problem
from coursehub.requirement import Requirement
from coursehub.settings_yaml import Document, KeyPath, Misread, dotted, read_document, without_empty_keys

FILE = "environment.yml"
DEFAULT_CHANNELS = ("conda-forge",)
KEYS = ("name", "channels", "dependencies")

CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*|https?://[^\s@]+")
NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?"
# name, "name 1.2", "name=1.2=build", "name>=1,<2|3", "channel::name", 'name[version=">=1"]'
CONDA = re.compile(
    rf"(?:[A-Za-z0-9][A-Za-z0-9._/:-]*::)?({NAME})"
    r"(?:\s*[=<>!~][=<>!~*0-9A-Za-z.+_,|\s-]*|\s+[0-9*][*0-9A-Za-z.+_,|=<>!~\s-]*)?"
    r"(?:\s*\[\s*[a-z_]+\s*=[^\]]*\])?"
)
# PEP 508 without addresses: name, extras, version specifiers, marker.
VERSION = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]+"
PIP = re.compile(
    rf"({NAME})\s*(?:\[[A-Za-z0-9._,\s-]*\])?"
    rf"\s*(?:\(?\s*{VERSION}(?:\s*,\s*{VERSION})*\s*,?\s*\)?)?"
    r"\s*(?:;.+)?"
)


@dataclass(frozen=True)
class EnvironmentFile:
    """What environment.yml asks for; without the file, an environment with nothing of the course's own.

    `channels` leaves out `nodefaults`, which is the rule here anyway, and is never empty.
    """

    name: str | None = None
    channels: tuple[str, ...] = DEFAULT_CHANNELS
    conda: tuple[Requirement, ...] = ()
    pip: tuple[Requirement, ...] = ()


def read_environment_file(root: Path) -> tuple[EnvironmentFile, list[Problem]]:
    """ROOT/environment.yml and its mistakes; no file means the default environment."""
    path = root / FILE
    if not path.exists():
        other = root / "environment.yaml"
        if other.exists():
            return EnvironmentFile(), [Problem(other.name, "is not read", f"Rename it to {FILE}.")]
        return EnvironmentFile(), []
    try:
        document = read_document(path, FILE)
    except InvalidInput as error:
        return EnvironmentFile(), list(error.problems)
    reading = _Reading(without_empty_keys(document))
    environment = reading.environment()
    problems = sorted([*document.problems, *reading.problems], key=lambda problem: problem.line or 0)
    return environment, problems


class _Reading:
    """One look through the document; the mistakes gather in `problems`."""

    def __init__(self, document: Document):
        self.document = document
        self.problems: list[Problem] = []

    def problem(self, path: KeyPath, message: str, fix: str) -> None:
        place = self.document.place(path)
        found = (place.text or "").strip()[:60] or None
        self.problems.append(Problem(FILE, message, fix, line=place.line, key=dotted(path), found=found))

    def environment(self) -> EnvironmentFile:
        data = self.document.data
        for key in data:
            if key not in KEYS:
                self.problem((key,), *_unknown_key(key))
        name = data.get("name")
        if name is not None and not isinstance(name, str):
            self.problem(("name",), "must be text", "Put the name in quotes.")
            name = None
        return EnvironmentFile(name, self.channels(), *self.dependencies())

    def items(self, path: KeyPath, value: Any, example: str) -> list[tuple[KeyPath, Any]]:
        """The items of a list with their paths; none, and a problem, when it is not a list."""
        if value is None or isinstance(value, list):
            return [((*path, index), item) for index, item in enumerate(value or [])]
        self.problem(path, "must be a list", f"Write each item on a line of its own, with a dash: {example}.")
        return []

    def channels(self) -> tuple[str, ...]:
        channels: dict[str, None] = {}
        for path, item in self.items(("channels",), self.document.data.get("channels"), "- conda-forge"):
            if not isinstance(item, str) or not CHANNEL.fullmatch(item):
                fix = "Write the name of a channel, such as conda-forge, or its https:// address."
                self.problem(path, "is not a conda channel", fix)
            elif item != "nodefaults":
                channels[item] = None
        return tuple(channels) or DEFAULT_CHANNELS

    def dependencies(self) -> tuple[tuple[Requirement, ...], tuple[Requirement, ...]]:
        conda: list[tuple[KeyPath, Any]] = []
        pip: list[tuple[KeyPath, Any]] = []
        pip_line = None
        items = self.items(("dependencies",), self.document.data.get("dependencies"), "- numpy")
        for path, item in items:
            if not isinstance(item, dict):
                conda.append((path, item))
            elif set(item) != {"pip"}:
                self.problem(path, *_group_that_is_not_pip(item))
            elif pip_line is not None:
                fix = "Move its lines to the first one."
                self.problem(path, f"is a second pip: part; the first is on line {pip_line}", fix)
            else:
                pip_line = self.document.place(path).line
                pip = self.items((*path, "pip"), item["pip"], "- seaborn")
        return self.requirements(conda, CONDA, _why_not_conda), self.requirements(pip, PIP, _why_not_pip)

    def requirements(
        self, items: list[tuple[KeyPath, Any]], shape: re.Pattern, why_not: Callable[[str], tuple[str, str]]
    ) -> tuple[Requirement, ...]:
        """Each item as a Requirement; those of another shape, and packages named twice, become problems."""
        first: dict[str, int] = {}
        requirements = []
        for path, item in items:
            line = self.document.place(path).line
            if not isinstance(item, str):
                self.problem(path, *_not_text(item))
            elif not (match := shape.fullmatch(item.strip())):
                self.problem(path, *why_not(item.strip()))
            else:
                name = re.sub(r"[-_.]+", "-", match[1]).lower()
                if name in first:
                    message = f"asks for {name} again; first on line {first[name]}"
                    self.problem(path, message, "Keep one of the two, with all its conditions.")
                first.setdefault(name, line)
                requirements.append(Requirement(item.strip(), line))
        return tuple(requirements)


def _unknown_key(key: str) -> tuple[str, str]:
    if key == "prefix":
        return "names a folder of the computer it was exported on", "Delete the line."
    if key == "variables":
        return "sets variables, which notebooks on a hub do not see", "Set them in the notebook: os.environ."
    guess = nearest(key, KEYS)
    fix = f"Did you mean {guess}?" if guess else f"Delete it; the keys are {', '.join(KEYS)}."
    return "is not a key that environment.yml has", fix


def _group_that_is_not_pip(item: dict) -> tuple[str, str]:
    key, value = next(iter(item.items()), ("", None))
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return "has a colon where conda wants an equals sign", f"Write - {key}={value}."
    guess = "Did you mean pip:? " if nearest(key, ["pip"]) else ""
    return "only pip: may have a list of its own here", f"{guess}Write each package on a line, with a dash."


def _not_text(item: Any) -> tuple[str, str]:
    if item is None:
        return "an empty item in the list", "Write a package behind the dash, or delete the dash."
    if isinstance(item, Misread | list):
        return "is not the name of a package", "Write one package on each line, such as - numpy>=2."
    return (
        "is not the name of a package: YAML reads a number, yes or no",
        "Write the package's name before it.",
    )


def _why_not_conda(text: str) -> tuple[str, str]:
    if "://" in text or text.startswith(("-", ".", "/")):
        return "is not a package of a conda channel", "Name a package, or move the line below pip:."
    if re.fullmatch(rf"{NAME}\[[A-Za-z0-9._,\s-]*\].*", text):
        return "has extras in brackets, which only pip knows", "Move the line below pip:."
    words = text.split()
    if len(words) > 1 and all(re.fullmatch(NAME, word) for word in words):
        return "is more than one package", "Write each package on a line of its own, with a dash."
    return "is not a package as conda writes it", "Write name, name=1.2 or name>=1.2,<2."


def _why_not_pip(text: str) -> tuple[str, str]:
    if re.match(r"-r\b|--requirement\b|-c\b|--constraint\b", text):
        return "refers to another file", "Copy that file's lines to here."
    if re.match(r"-e\b|--editable\b|[./]", text):
        return "is a folder, which only exists here", "Put the modules into content/, next to the notebooks."
    if text.startswith("-"):
        return "is an option of pip", "Delete it; an index of your own is mirrors: pypi: in course.yml."
    if "://" in text or text.startswith("git+"):
        fix = "Name a published release, such as name==1.2, or put the modules into content/."
        return "is an address, whose contents may change and so cannot be locked", fix
    if match := re.fullmatch(rf"({NAME})\s*=\s*([0-9][A-Za-z0-9.*]*)", text):
        return "has one equals sign, where pip wants two", f"Write {match[1]}=={match[2]}."
    words = text.split()
    if len(words) > 1 and all(re.fullmatch(NAME, word) for word in words):
        return "is more than one package", "Write each package on a line of its own, with a dash."
    return "is not a package as pip writes it", "Write name, name==1.2 or name>=1.2,<2."
